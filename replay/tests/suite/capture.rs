//! Captures of a venue: checked, converted to bars for a replay, and played.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use betaflow_connectors::live::{Edge, EdgeEvent, VenueSettings};

use crate::support::{call, folder};

/// Writes a capture with a trade every ten seconds for five minutes, a message of unknown type and a
/// malformed one.
fn write(path: &Path) {
    let mut lines = String::new();
    let mut put = |dir: &str, ms: i64, raw: &str| {
        let line = serde_json::json!({ "recv_ns": ms * 1_000_000, "conn": "1", "dir": dir, "raw": raw });
        lines += &format!("{line}\n");
    };
    let start = 1_767_571_200_000;
    put("out", start, "{\"method\":\"SUBSCRIBE\"}");
    for i in 0..30 {
        for (symbol, price) in [("AUSDT", 10 + i), ("BUSDT", 90 - i)] {
            let time = start + i * 10_000;
            let trade =
                format!(r#"{{"e":"aggTrade","s":"{symbol}","a":{i},"p":"{price}","q":"2","T":{time}}}"#);
            // Trade 7 of BUSDT is missing.
            if (symbol, i) != ("BUSDT", 7) {
                put("in", time - 1_270, &trade);
            }
        }
    }
    put("in", start + 300_000, r#"{"e":"weather"}"#);
    put("in", start + 300_000, r#"{"e":"aggTrade","s":"AUSDT","a":30,"p":"-1","q":"2","T":5}"#);
    std::fs::write(path, lines).unwrap();
}

#[test]
fn capture_is_checked_and_its_bars_are_replayed() {
    let folder = folder();
    let path = folder.path();
    write(&path.join("c.jsonl"));
    let ended = call(path, &["check", "c.jsonl", "--venue", "binance", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let report: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((report["messages"].as_u64(), report["sent"].as_u64()), (Some(61), Some(1)));
    assert_eq!(report["by_type"]["aggTrade"], 59);
    assert_eq!((&report["unknown_types"]["weather"], &report["refused"]), (&1.into(), &1.into()));
    assert!(report["last_refusals"][0].as_str().unwrap().contains("`p`: found \"-1\""), "{report}");
    assert_eq!((&report["gaps"], &report["missing"]), (&1.into(), &1.into()));
    assert_eq!(report["symbols"]["BUSDT"]["trades"], 29);
    assert_eq!(report["symbols"]["AUSDT"]["last"], "2026-01-05T00:04:50Z");
    let out = ["check", "c.jsonl", "--venue", "binance", "--bars", "1m", "--out", "bars.parquet"];
    let ended = call(path, &out);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.flat().contains("Bars 10 from 59 trades"), "{}", ended.out);
    let replay = ["replay", "--prices", "bars.parquet", "--factors", "none", "--set", "estimator.warmup=1"];
    let ended = call(path, &[&replay[..], &["--set", "strategy.kind=equal_weight", "--no-report"]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

#[test]
fn invalid_capture_is_refused_with_its_line() {
    let folder = folder();
    let path = folder.path();
    write(&path.join("c.jsonl"));
    std::fs::write(
        path.join("broken.jsonl"),
        "{\"recv_ns\":1,\"conn\":\"1\",\"dir\":\"in\",\"raw\":\"\"}\nx\n",
    )
    .unwrap();
    let cases: [(&[&str], &str); 8] = [
        (&["check", "c.jsonl"], "expected --venue with one of alpaca, binance"),
        (&["check", "c.jsonl", "--venue", "binnance"], "did you mean `binance`?"),
        (&["check", "absent.jsonl", "--venue", "binance"], "absent.jsonl: cannot read the capture"),
        (&["check", "broken.jsonl", "--venue", "binance"], "broken.jsonl: line 2: found expected value"),
        (&["check", "c.jsonl", "--venue", "binance", "--bars", "7s"], "divides a day"),
        (&["check", "c.jsonl", "--venue", "binance", "--out", "x.parquet"], "expected --bars with it"),
        (&["serve", "--capture", "absent.jsonl"], "cannot read the capture"),
        (&["serve", "--capture", "c.jsonl", "--venue", "krakn_v2"], "did you mean `kraken_v2`?"),
    ];
    for (arguments, part) in cases {
        let ended = call(path, arguments);
        assert!(ended.code == Some(1) && ended.err.contains(part), "{arguments:?}: {}", ended.err);
    }
}

#[test]
fn capture_of_another_venue_is_an_error_that_names_it() {
    let folder = folder();
    let path = folder.path();
    write(&path.join("c.jsonl"));
    let line = |raw: &str| {
        serde_json::json!({ "recv_ns": 1, "conn": "1", "dir": "in", "raw": raw }).to_string() + "\n"
    };
    std::fs::write(path.join("none.jsonl"), line("hello").repeat(20)).unwrap();
    std::fs::write(path.join("quiet.jsonl"), line(r#"{"type":"heartbeat","time":"2026-01-05T00:00:00Z"}"#))
        .unwrap();
    let cases = [
        ("c.jsonl", "kraken_v2", Some("use --venue binance")),
        ("c.jsonl", "alpaca", Some("use --venue binance")),
        ("c.jsonl", "coinbase_exchange", Some("found 61 of 61 messages")),
        ("none.jsonl", "binance", Some("no adapter reads it")),
        // Futures and spot use the same messages, and a capture may have no trades.
        ("c.jsonl", "binance_usdm", None),
        ("quiet.jsonl", "coinbase_exchange", None),
    ];
    for (file, venue, part) in cases {
        let ended = call(path, &["check", file, "--venue", venue]);
        let code = if part.is_some() { 1 } else { 0 };
        assert!(
            ended.code == Some(code) && ended.err.contains(part.unwrap_or("")),
            "{file} {venue}: {}",
            ended.err
        );
    }
    for arguments in [
        &["check", "c.jsonl", "--venue", "bybit"][..],
        &["serve", "--capture", "c.jsonl", "--venue", "bybit"],
    ] {
        let ended = call(path, arguments);
        assert!(ended.code == Some(1) && !ended.err.contains("did you mean"), "{arguments:?}: {}", ended.err);
    }
}

#[test]
#[ignore = "reads data outside the repository: ../shared/cases"]
fn cancelled_and_conditional_trades_give_the_official_bar() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/cases/alpaca_cancel_and_conditions.jsonl");
    let folder = folder();
    let file = path.display().to_string();
    let check = ["check", &file, "--venue", "alpaca", "--bars", "1m", "--out", "b.parquet", "--json"];
    let ended = call(folder.path(), &check);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let report: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    let bars = &report["bars"];
    assert_eq!(
        (&bars["cancelled"], &bars["corrected"], &bars["bars"]),
        (&1.into(), &1.into(), &2.into()),
        "{report}"
    );
    let file = std::fs::File::open(folder.path().join("b.parquet")).unwrap();
    let mut reader = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(file, 1_024).unwrap();
    let batch = reader.next().unwrap().unwrap();
    let first = |name: &str| {
        let column = batch.column_by_name(name).unwrap();
        column.as_any().downcast_ref::<arrow_array::Float64Array>().unwrap().value(0)
    };
    let found = ["open", "high", "low", "close", "volume"].map(first);
    // Without the 250,000 cancelled, and with 200 corrected to 20.
    assert_eq!(found, [18.36, 18.4, 18.2, 18.4, 6_320.0]);
}

#[test]
fn instruments_outside_feed_symbols_are_refused_at_the_start() {
    let folder = folder();
    let paper = ["paper", "--url", "ws://127.0.0.1:9", "--state", "state", "--for", "1s"];
    // Further settings, and part of the error; with `None` the run only fails to reach the venue.
    let cases: [(&[&str], Option<&str>); 7] = [
        (
            &["factors.mkt=BTCUSDT"],
            Some(
                "`factors.mkt`: found the instrument BTCUSDT, expected one of feed.symbols (ETHUSDT, SOLUSDT)",
            ),
        ),
        (&["factors.mkt=btcusdt"], Some("`factors.mkt`: found the instrument BTCUSDT")),
        (&["factors.mkt=solusdt - BTCUSDT"], Some("`factors.mkt`: found the instrument BTCUSDT")),
        (
            &["universe.include=[\"ethusdt\",\"xrpusdt\"]"],
            Some("`universe.include`: found the instrument XRPUSDT"),
        ),
        (&["universe.trade=[\"XRPUSDT\"]"], Some("`universe.trade`: found the instrument XRPUSDT")),
        (&["factors.mkt=solusdt", "universe.include=[\"ethusdt\"]"], None),
        (&["universe.exclude=[\"xrpusdt\"]"], None),
    ];
    for (sets, part) in cases {
        let mut arguments = paper.to_vec();
        for set in ["feed.venue=binance", "feed.symbols=[\"ethusdt\",\"SOLUSDT\"]"].iter().chain(sets) {
            arguments.extend(["--set", set]);
        }
        let ended = call(folder.path(), &arguments);
        match part {
            Some(part) => {
                assert!(ended.code == Some(1) && ended.err.contains(part), "{sets:?}: {}", ended.err)
            }
            None => assert!(ended.code == Some(0), "{sets:?}: {}", ended.err),
        }
    }
}

#[test]
fn invalid_feed_settings_are_refused() {
    let folder = folder();
    let cases = [
        (
            "feed.venue=binnance",
            "`feed.venue`, set by --set feed.venue=binnance: found \"binnance\" (did you mean `binance`?)",
        ),
        ("feed.venue=bybit", "found \"bybit\", expected \"betaflow\""),
        ("feed.venue=binance", "`feed.symbols`, set by a default: found none"),
        ("feed.symbls=[]", "did you mean `feed.symbols`?"),
        ("feed.bar=7s", "`feed.bar`, set by --set feed.bar=7s: found \"7s\""),
        ("feed.lateness=soon", "found \"soon\", expected a length of time"),
        ("feed.stale_after=0.5", "expected"),
        ("feed.overflow=drop", "`feed.overflow`"),
        ("feed.raw_log_max_gb=0", "from 0.2"),
    ];
    for (set, part) in cases {
        let ended = call(folder.path(), &["replay", "--no-report", "--set", set]);
        assert!(ended.code == Some(1) && ended.err.contains(part), "{set}: {}", ended.err);
    }
}

#[test]
fn default_feed_settings_are_omitted_from_run_toml() {
    let folder = folder();
    for (sets, expected) in [(&[][..], false), (&["--set", "feed.lateness=5s"], true)] {
        let out = if expected { "with" } else { "without" };
        let ended = call(folder.path(), &[&["replay", "--no-report", "--out", out][..], sets].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let text = std::fs::read_to_string(folder.path().join(out).join("run.toml")).unwrap();
        assert_eq!(text.contains("[feed]"), expected, "{text}");
    }
}

#[test]
fn paper_needs_an_address_or_a_venue() {
    let ended = call(folder().path(), &["paper", "--state", "state"]);
    assert!(ended.code == Some(2) && ended.err.contains("--url"), "{}", ended.err);
}

#[test]
fn capture_is_played_in_the_protocol_of_its_venue() {
    let folder = folder();
    write(&folder.path().join("c.jsonl"));
    let mut served = Command::new(env!("CARGO_BIN_EXE_betaflow"))
        .args(["serve", "--capture", "c.jsonl", "--venue", "binance", "--listen", "127.0.0.1:0"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(served.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim_end().split(' ').next_back().map(str::to_owned);
    let edge =
        Edge::follow(VenueSettings { url, ..VenueSettings::new("binance", &["AUSDT", "BUSDT"]) }).unwrap();
    // The first minute starts with the capture.
    let ends: Vec<i64> = std::iter::from_fn(|| edge.events().recv_timeout(Duration::from_secs(30)).ok())
        .filter_map(|event| match event {
            EdgeEvent::Bars { bars, .. } => Some(bars.timestamp / 1_000_000_000 - 1_767_571_200),
            _ => None,
        })
        .take(4)
        .collect();
    served.kill().unwrap();
    served.wait().unwrap();
    assert_eq!(ends, [60, 120, 180, 240]);
}
