#!/usr/bin/env python3
"""Writes the corpora of the fuzz targets from real files, cut to a few kB each.

Usage: connectors/fuzz/make_corpus.py DATA CASES, with the folders of market data and of small cases. Needs pyarrow. Inputs that
a run of a target found are added to the corpora by hand; this script leaves them alone. The files of state folders come from
`replay/fuzz/make_state.sh`.
"""

import gzip
import hashlib
import io
import json
import sys
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

DATA, CASES = Path(sys.argv[1]), Path(sys.argv[2])
HERE = Path(__file__).parent
CORPUS = HERE / "corpus"


def put(target: str, name: str, content: bytes | str) -> None:
    path = CORPUS / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def parquet(table: pa.Table, **options) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def csv(table: pa.Table) -> str:
    rows = [",".join(table.column_names)]
    for row in table.to_pylist():
        rows.append(",".join("" if value is None else str(value) for value in row.values()))
    return "\n".join(rows) + "\n"


def prices_of(file: str, symbols: list[str], first: str, last: str) -> pa.Table:
    table = pq.read_table(DATA / file)
    day = pc.cast(table["date"], pa.string())
    chosen = pc.and_(pc.is_in(table["symbol"], pa.array(symbols)), pc.and_(pc.greater_equal(day, first), pc.less_equal(day, last)))
    return table.filter(chosen)


def make_parquet() -> None:
    tidy = prices_of("us_stocks_5yr_adj.parquet", ["AAPL", "IBM", "VRTX"], "2013-04-10", "2013-05-10")
    put("parquet_prices", "tidy.parquet", parquet(tidy, compression="zstd"))
    put("parquet_prices", "groups_delta.parquet", parquet(
        tidy, row_group_size=25, compression="none", use_dictionary=False, data_page_version="2.0", write_page_checksum=True,
        column_encoding={"date": "DELTA_BINARY_PACKED", "symbol": "DELTA_BYTE_ARRAY", "close": "BYTE_STREAM_SPLIT"}))
    put("parquet_prices", "pages_snappy.parquet", parquet(tidy, compression="snappy", data_page_size=64, write_batch_size=8))
    wide = {"date": sorted(set(tidy["date"].to_pylist()))}
    for symbol in ["AAPL", "IBM", "VRTX"]:
        wide[symbol] = tidy.filter(pc.equal(tidy["symbol"], symbol))["close"].to_pylist()
    put("parquet_prices", "wide.parquet", parquet(pa.table(wide), compression="gzip"))
    levels = {"Date": wide["date"]} | {f"('{field}', '{symbol}')": tidy.filter(pc.equal(tidy["symbol"], symbol))[field.lower()]
                                      for field in ["Close", "Open", "Volume"] for symbol in ["AAPL", "IBM"]}
    put("parquet_prices", "levels.parquet", parquet(pa.table(levels), compression="brotli"))
    minutes = pq.read_table(DATA / "us_equity_1m_2013-10.parquet").slice(600, 60)
    put("parquet_prices", "minutes_lz4.parquet", parquet(minutes, compression="lz4", coerce_timestamps="us"))
    large = tidy.set_column(tidy.column_names.index("symbol"), "symbol", pc.cast(tidy["symbol"], pa.large_string()))
    put("parquet_prices", "large_strings.parquet", parquet(large.append_column("list", pa.array([[1, 2]] * len(large))),
                                                         compression="zstd"))
    for name in ["price_1e308", "G_prices"]:
        put("parquet_prices", f"{name}.parquet", (CASES / f"{name}.parquet").read_bytes())
    codecs = HERE / "../tests/reference/codecs"
    for name in ["encrypted_plain_footer", "polars_lz4", "pyarrow_brotli_2"]:
        put("parquet_prices", f"{name}.parquet", (codecs / f"{name}.parquet").read_bytes())
    factors = pq.read_table(DATA / "ff5_mom_daily.parquet")
    day = pc.cast(factors["date"], pa.string())
    factors = factors.filter(pc.and_(pc.greater_equal(day, "2013-04-01"), pc.less_equal(day, "2013-05-20")))
    put("parquet_factors", "factors.parquet", parquet(factors, compression="zstd"))
    put("parquet_factors", "plain.parquet", parquet(factors.select(["date", "mkt_rf", "rf"]), compression="none",
                                                   use_dictionary=False, row_group_size=10))
    put("parquet_factors", "prices.parquet", parquet(tidy.select(["date", "symbol", "close"]), compression="snappy"))
    put("parquet_factors", "G_factors.parquet", (CASES / "G_factors.parquet").read_bytes())


def make_texts() -> None:
    tidy = prices_of("us_stocks_5yr_adj.parquet", ["AAPL", "IBM", "VRTX"], "2013-04-15", "2013-04-26")
    text = csv(tidy)
    put("csv", "tidy.csv", text)
    put("csv", "crlf_bom.csv", "\ufeff" + text.replace("\n", "\r\n"))
    put("csv", "semicolons.csv", text.replace(",", ";"))
    put("csv", "tabs_day_first.csv", "\n".join(
        "\t".join([f"{line[8:10]}/{line[5:7]}/{line[:4]}", *line.split(",")[1:]]) if line[0] == "2" else line.replace(",", "\t")
        for line in text.splitlines()))
    put("csv", "quoted.csv", "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()))
    put("csv", "gzip.csv.gz", gzip.compress(text.encode(), mtime=0))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr(zipfile.ZipInfo("prices.csv", (2020, 1, 1, 0, 0, 0)), text)
    put("csv", "zip.zip", archive.getvalue())
    put("csv", "one_instrument.csv", csv(tidy.filter(pc.equal(tidy["symbol"], "IBM")).drop_columns(["symbol"])))
    minutes = pq.read_table(DATA / "us_equity_1m_2013-10.parquet").slice(600, 30)
    put("csv", "minutes.csv", csv(minutes))
    put("csv", "centuries.csv", "date,symbol,close\n1700-01-03,A,10\n1700-01-04,A,10.1\n2200-01-03,A,10.2\n2200-01-04,A,10.3\n")
    put("csv", "ends.csv", "timestamp,symbol,close\n1677-09-21T00:12:44Z,A,10\n2262-04-11T23:47:16Z,A,10.2\n")
    put("csv", "lookahead_rows.csv", "\n".join((DATA / "us_stocks_5yr_lookahead_rows.csv").read_text().splitlines()[:25]))
    for file, lines in [("F-F_Research_Data_5_Factors_2x3_daily.csv", 40), ("F-F_Momentum_Factor_daily.csv", 40)]:
        whole = (DATA / "ken_french_raw" / file).read_bytes().split(b"\r\n")
        put("ken_french", file.lower(), b"\r\n".join(whole[:lines] + whole[-4:]))
    sections, count = [], 0
    for line in (DATA / "ken_french_raw/10_Industry_Portfolios.CSV").read_bytes().splitlines(keepends=True):
        count = count + 1 if line[:4].isdigit() or line[:1] == b" " and line.strip()[:4].isdigit() else 0
        if count <= 3:
            sections.append(line)
    put("ken_french", "10_industry_portfolios.csv", b"".join(sections))


def make_small() -> None:
    membership = csv(pq.read_table(DATA / "sp500_membership.parquet").slice(0, 30))
    put("small_tables", "membership", "membership\n" + membership)
    put("small_tables", "membership_parquet", b"membership\n" + parquet(pq.read_table(DATA / "sp500_membership.parquet").slice(0, 30)))
    sectors = pq.read_table(DATA / "us_sectors.parquet").slice(0, 20)
    put("small_tables", "groups", "groups\n" + csv(sectors))
    put("small_tables", "groups_dated", "groups\nsymbol,from,sector,country\nA,2015-01-31,tech,US\nA,2016-01-31,health,\nB,,tech,DE\n")
    put("small_tables", "borrow", "borrow\nsymbol,from,fee_bps_per_year,available\nA,2015-01-31,35.5,100000\nA,2016-02-01,,0\nB,,1200,\n")
    put("small_tables", "sessions", "sessions\ndate,open,close\n2015-01-02,09:30,16:00\n2015-01-05,09:30,13:00\n"
        "2015-01-06,17:00,16:00\n2015-01-07,2015-01-07T14:30:00Z,2015-01-07T21:00:00Z\n")
    put("small_tables", "sessions_local", "sessions New York\ndate,open,close\n2015-03-06,09:30,16:00\n2015-03-09,09:30:00,13:00\n")
    put("small_tables", "sessions_centuries", "sessions\ndate,open,close\n1700-01-04,1700-01-04T14:30:00Z,2200-01-04T21:00:00Z\n")
    put("small_tables", "sessions_far_date", b"sessions\n" + parquet(pa.table({
        "date": pa.array([2**31 - 1], pa.date32()), "open": ["2262-04-11T20:00:00Z"], "close": ["2262-04-11T21:00:00Z"]})))
    put("small_tables", "holdings", "holdings\nsymbol,quantity\nAAPL,100\nIBM,-20.5\nCASH,1000000\n")
    put("small_tables", "half_spreads", "half_spreads\nsymbol,half_spread_bps\nAAPL,0.4\nIBM,1.25\n")
    put("small_tables", "renames", "renames\nfrom_symbol,to_symbol,date,ratio\nPCLN,BKNG,2018-02-27,\nDPS,KDP,2018-07-10,1\nA,B,2015-01-31,0.5\n")
    put("small_tables", "returns", "returns\ndate,a,b,rf\n2015-01-02,0.01,-0.02,0.0001\n2015-01-05,,0.005,0.0001\n2015-01-06,0.002,0.001,0\n")
    put("small_tables", "weight_bounds", "weight_bounds\nsymbol,from,weight_min,weight_max\nAAPL,2015-01-31,-0.05,0.1\nIBM,,0,0.02\n")
    put("small_tables", "benchmark", "benchmark\ndate,return\n2015-01-02,0.01\n2015-01-05,-0.002\n")
    put("small_tables", "benchmark_weights", "benchmark\ndate,symbol,weight\n2015-01-02,A,0.6\n2015-01-02,B,0.4\n2015-02-02,A,1\n")
    put("small_tables", "holdings_parquet", b"holdings\n" + parquet(pa.table({"symbol": ["A", "B"], "quantity": [1.5, -2.0]})))
    put("user_files", "forecasts", "forecasts\ndate,symbol,forecast,forecast_sd\n2015-01-02,A,0.01,0.02\n2015-01-02,B,-0.01,\n2015-01-05,A,0,1e-3\n")
    put("user_files", "forecasts_wide", "forecasts\ndate,A,B\n2015-01-02,0.01,0.02\n2015-01-05,,0.5\n")
    put("user_files", "forecasts_known", "forecasts\ntimestamp,symbol,score,known_at\n2015-01-02T16:00:00-05:00,A,1.5,2015-01-05T09:00:00Z\n"
        "2015-01-05T16:00:00-05:00,A,-1.5,\n")
    put("user_files", "weights", "weights\ndate,symbol,weight\n2015-01-02,A,0.25\n2015-01-02,B,-0.1\n2015-02-02,A,0.3\n")
    put("user_files", "betas", "betas\ndate,symbol,mkt,smb,residual_sd,alpha\n2015-01-02,A,1.1,-0.2,0.02,0\n2015-01-02,B,0.9,0.3,0.01,1e-4\n")
    put("user_files", "factor_cov", "factor_cov\ndate,factor,mkt,smb\n2015-01-02,mkt,1e-4,1e-5\n2015-01-02,smb,1e-5,2e-4\n")
    put("user_files", "forecasts_parquet", b"forecasts\n" + parquet(pa.table(
        {"date": pa.array([16_000, 16_000, 16_003], pa.date32()), "symbol": ["A", "B", "A"], "forecast": [0.1, None, -0.3]})))
    texts = {
        "expression": ["MTUM - SPX", "0.5*A + 0.5*'BRK-B'", "-1e-3*X*", "A*2 + \"B C\"*-3", "3M", "'3M'*.5"],
        "zone": ["America/New_York", "europe/london", "UTC", "Pacific/Apia", "Africa/Monrovia", "Asia/Kathmandu"],
        "duration": ["250ms", "1h 30m", "366d", "1.5h", "2min"],
        "rebalance": ["15:30", "close-15m", "open+30m", "close", "09:30:00"],
        "date": ["2015-01-31", "1678-01-01", "2261-12-31", "2000-02-29"],
    }
    for kind, all_texts in texts.items():
        for number, text in enumerate(all_texts):
            put("texts", f"{kind}_{number}", f"{kind}\n{text}")


def captured(file: Path, largest: int = 1_500) -> list[str]:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return [line["raw"] for line in lines if line["dir"] == "in" and len(line["raw"]) < largest]


def make_feeds() -> None:
    feeds = {
        "binance_spot_btcusdt_2024-08-08": "binance",
        "binance_spot_multi_2021-10-12": "binance",
        "binance_usdm_multi_2021-07-22": "binance_usdm",
        "coinbase_advanced_2026-08-09": "coinbase_advanced",
        "coinbase_pro_2021-04-17": "coinbase_exchange",
        "kraken_v1_2021-04-17": "kraken_v1",
    }
    for feed, venue in feeds.items():
        file = DATA / f"feeds/{feed}.jsonl"
        kinds: dict[str, list[str]] = {}
        for raw in captured(file):
            kind = "".join(c for c in raw[:400] if not c.isdigit())[:60]
            kinds.setdefault(kind, []).append(raw)
        few = [raw for all_raw in list(kinds.values())[:12] for raw in all_raw[:3]]
        put("venues", feed, "\n".join([venue, *few[:24]]))
        put("captures", f"{feed}.jsonl", "\n".join(file.read_text().splitlines()[:3])[:6_000])
    put("venues", "alpaca_cancels", "\n".join(["alpaca", *captured(CASES / "alpaca_cancel_and_conditions.jsonl")]))
    put("venues", "usdm_na", "\n".join(["binance_usdm", *captured(CASES / "usdm_na_trades.jsonl")[:12]]))
    for table, venue in [("KRAKEN_V2", "kraken_v2"), ("ALPACA", "alpaca"), ("BINANCE", "binance"), ("COINBASE_ADVANCED", "coinbase_advanced"),
                         ("COINBASE_EXCHANGE", "coinbase_exchange"), ("KRAKEN_V1", "kraken_v1")]:
        source = (HERE / "../tests/support/feeds.rs").read_text().split(f"const {table}: ")[1].split("];\n")[0]
        messages = [line.strip()[3:].rsplit('"#', 1)[0] for line in source.splitlines() if line.strip().startswith('r#"')]
        if venue == "kraken_v1":
            messages.append('[42,["1542057314.748456","1542057360.435743","3586.70000","3586.70000","3586.60000","3586.60000","3586.68894",'
                            '"0.03373000",2],"ohlc-5","XBT/USD"]')
        put("venues", f"documented_{venue}", "\n".join([venue, *messages]))
    hello = {"type": "hello", "protocol": 1, "name": "prices.parquet", "columns": ["close", "volume", "dividend", "split"],
             "factors": ["mkt", "smb"], "has_rf": True, "values": "prices", "frames": 3, "recorded": True}
    day = 86_400_000_000_000
    bars = [
        {"type": "bars", "seq": number, "timestamp": (15_800 + number) * day, "symbols": ["A", "B"][: 1 + number % 2],
         "columns": {"close": [67.85 + number, None][: 1 + number % 2], "volume": [100.0, 5.0][: 1 + number % 2]},
         "factors": [0.001, -0.002], "rf": 0.0001}
        for number in range(6)
    ]
    bars[3]["factor_rows"] = [[0.0005, -0.001, 0.0], [0.0005, -0.001, 0.0001]]
    bars[5]["columns"]["split"] = [2.0, None]
    lines = [json.dumps(message, separators=(",", ":")) for message in [hello, *bars]]
    returns = {**hello, "values": "returns", "columns": ["close"], "factors": [], "has_rf": False, "frames": None}
    plain = [{"type": "bars", "seq": number, "timestamp": (15_800 + number) * day, "symbols": ["A"], "columns": {"close": [0.01]}}
             for number in range(4)]
    controls = ['{"kind":"gap","from":2,"to":3}', '{"kind":"stale","silent_ms":15000}', '{"kind":"resume"}',
                '{"kind":"user_file","content":"forecasts","file":"f.csv","digest":"00","part":0,"parts":1,"file_rows":1,'
                f'"span":[{15_800 * day},{15_800 * day}],"symbols":["A"],"symbol":[0],"time":[{15_800 * day}],"time_is_date":true,'
                '"values":[[0.1],[null]]}']
    put("feed_session", "prices", "\n".join(lines))
    put("feed_session", "controls", "\n".join(lines[:3] + controls + lines[3:]))
    put("feed_session", "returns", "\n".join(json.dumps(message, separators=(",", ":")) for message in [returns, *plain]))
    messages = [*lines, '{"type":"heartbeat","seq":17}', '{"type":"unavailable","from":12,"to":15}', '{"type":"error","text":"no"}',
                '{"type":"end","frames":1258}', '{"type":"hello","protocol":2}', '{"type":"news","x":[1]}']
    for number, message in enumerate(messages):
        put("feed_server_messages", f"{number:02}", message)
    put("feed_client_messages", "subscribe", '{"type":"subscribe","from":0}')
    put("feed_client_messages", "backfill", '{"type":"backfill","from":12,"to":15}')
    request = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

    def frame(text: str, masked: bool, opcode: int = 1) -> bytes:
        payload, mask = text.encode(), b"\x01\x02\x03\x04"
        size = len(payload)
        head = bytes([0x80 | opcode])
        bit = 0x80 if masked else 0
        head += bytes([bit | size]) if size < 126 else bytes([bit | 126]) + size.to_bytes(2, "big")
        if not masked:
            return head + payload
        return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))

    put("feed_server_socket", "subscribe", request.encode() + frame('{"type":"subscribe","from":0}', True))
    put("feed_server_socket", "backfill", request.encode() + frame('{"type":"subscribe","from":3}', True)
        + frame('{"type":"backfill","from":0,"to":2}', True) + frame("a", True, 9) + frame("\x03\xe8", True, 8))
    put("feed_server_socket", "request", request)
    put("feed_client_socket", "session", b"".join(frame(line, False) for line in lines) + frame('{"type":"end","frames":6}', False))
    put("feed_client_socket", "controls", frame(lines[0], False) + frame("a", False, 9) + frame('{"type":"heartbeat","seq":0}', False)
        + frame('{"type":"unavailable","from":0,"to":1}', False) + frame('{"type":"error","text":"x"}', False) + frame("\x03\xe8bye", False, 8))
    last = [{**plain[0], "seq": 2**64 - left, "timestamp": (15_830 - left) * day} for left in range(20, 0, -1)]
    put("feed_client_socket", "last_numbers", frame(lines[0], False) + b"".join(frame(json.dumps(bars), False) for bars in last)
        + frame('{"type":"unavailable","from":0,"to":18446744073709551615}', False))
    put("feed_client_socket", "answer", "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")


def make_segments() -> None:
    bodies = (CORPUS / "feed_session/controls").read_text().splitlines()[1:]
    for name, count in [("short", 11), ("long", 300)]:
        digest, rows = hashlib.sha256(), []
        for seq in range(count):
            body = bodies[seq % len(bodies)]
            kind = "bars" if body.startswith('{"type"') else "control"
            time = (15_800 + seq) * 86_400_000_000_000
            digest.update(seq.to_bytes(8, "little") + bytes([kind == "control"]) + time.to_bytes(8, "little"))
            digest.update(len(body).to_bytes(8, "little") + body.encode())
            rows.append((seq, kind, time, body))
        types = {"seq": pa.int64(), "kind": pa.string(), "timestamp": pa.timestamp("ns", "UTC"), "body": pa.string()}
        fields = [pa.field(name, kind, nullable=False) for name, kind in types.items()]
        schema = pa.schema(fields, metadata={"betaflow.digest": digest.hexdigest()})
        columns = [pa.array(column, kind) for column, kind in zip(zip(*rows), types.values(), strict=True)]
        put("state_segment", f"{name}.parquet", parquet(
            pa.table(columns, schema=schema), compression="zstd", use_dictionary=["kind"], write_statistics=False,
            column_encoding={"seq": "DELTA_BINARY_PACKED", "timestamp": "DELTA_BINARY_PACKED"}))


for make in [make_parquet, make_texts, make_small, make_feeds, make_segments]:
    make()
