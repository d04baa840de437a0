//! Adapters parse messages as sent and as documented by the venues.

use betaflow_connectors::ticks::{
    Channel, Counts, Credentials, Event, Level, Parsed, Subscription, VENUES, Venue, venue,
};

use crate::feeds::{ALPACA, FEEDS, KRAKEN_V2, MADE, messages};

fn adapter(name: &str) -> Box<dyn Venue> {
    venue(name).unwrap()
}

/// Formats the counts by type as `type count`, in the order of the types.
fn by_type(counts: &Counts) -> String {
    counts.by_type().iter().map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>().join(", ")
}

/// Formats an event like the reference parser.
fn line(event: &Event<'_>) -> Option<String> {
    let level = |level: Option<Level>| level.map_or([None, None], |l| [Some(l.price), l.quantity]);
    Some(match event {
        Event::Trade(trade) => {
            let numbers = [trade.price, trade.quantity].map(Some);
            crate::plain_reading::line("trade", &trade.symbol, Some(trade.time_ns), &numbers)
        }
        Event::Quote(quote) => {
            let numbers = [level(quote.bid), level(quote.ask)].concat();
            crate::plain_reading::line("quote", &quote.symbol, quote.time_ns, &numbers)
        }
        Event::Bar(bar) => {
            let numbers = [bar.open, bar.high, bar.low, bar.close, bar.volume].map(Some);
            crate::plain_reading::line("bar", &bar.symbol, Some(bar.start_ns), &numbers)
        }
        _ => return None,
    })
}

/// Parses messages and compares every trade, quote and bar with the reference parser.
fn read(name: &str, messages: &[impl AsRef<str>]) -> (Counts, Box<dyn Venue>) {
    let (mut venue, mut counts) = (adapter(name), Counts::default());
    for message in messages {
        let message = message.as_ref();
        let mut out = Vec::new();
        counts.record(venue.parse(message, &mut out));
        let mut found: Vec<_> = out.iter().filter_map(line).collect();
        let mut expected = crate::plain_reading::lines(name, message);
        // Sorted, because a message may list its latest trade first.
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{name}: {message}");
    }
    (counts, venue)
}

#[test]
#[ignore = "reads data outside the repository: ../shared/data"]
fn captures_are_read_to_the_last_message() {
    // Messages by type; gaps, missing and repeated numbers.
    let expected = [
        ("bookTicker 4346, depth 530, depth snapshot 1, trade 1123", (0, 0, 0)),
        ("aggTrade 2, bookTicker 84, depth 177, kline_1m 2", (0, 0, 0)),
        ("aggTrade 91, bookTicker 613, depth 764, kline_1m 67", (0, 0, 0)),
        // The recorder lost two messages that were too long.
        ("candles 6, heartbeats 25, l2_data 773, market_trades 59, subscriptions 5, ticker 160", (2, 2, 0)),
        ("l2update 5892, last_match 10, match 36, snapshot 10, subscriptions 3, ticker 46", (0, 0, 0)),
        (
            "book-1000 4277, heartbeat 92, subscriptionStatus 30, systemStatus 3, ticker 18, trade 8",
            (0, 0, 0),
        ),
    ];
    for ((feed, name), (types, numbers)) in FEEDS.into_iter().zip(expected) {
        let messages = messages(feed);
        let (counts, venue) = read(name, &messages);
        assert_eq!(
            (by_type(&counts), counts.unknown(), counts.refused()),
            (types.to_owned(), 0, 0),
            "{feed}"
        );
        assert_eq!(counts.total(), messages.len() as u64, "{feed}");
        let sequences = venue.sequences();
        assert_eq!((sequences.gaps(), sequences.missing(), sequences.repeats()), numbers, "{feed}");
    }
}

#[test]
fn every_venue_reads_messages_in_its_format() {
    for (name, messages) in MADE {
        let (counts, venue) = read(name, messages);
        assert_eq!((counts.unknown(), counts.refused()), (0, 0), "{name}");
        assert!(name == "kraken_v2" || venue.sequences().missing() == 0, "{name}");
        assert_eq!(venue.cancels(), name == "alpaca", "{name}");
    }
}

#[test]
fn documented_formats_are_read() {
    let (counts, venue) = read("kraken_v2", &KRAKEN_V2);
    let types = "book 1, error 1, heartbeat 1, ohlc 2, pong 1, status 1, subscribe 1, ticker 1, trade 2";
    assert_eq!((by_type(&counts), counts.unknown(), counts.refused()), (types.to_owned(), 0, 0));
    // Number 4665906 follows 4665847.
    assert_eq!((venue.sequences().gaps(), venue.sequences().missing()), (1, 58));
    let (counts, _) = read("alpaca", &ALPACA);
    let types = "d 1, empty 1, error 1, mixed 1, q 1, s 1, subscription 1, success 2, t 2";
    assert_eq!((by_type(&counts), counts.unknown(), counts.refused()), (types.to_owned(), 0, 0));
}

#[test]
fn other_channels_of_the_same_venues_are_read() {
    let cases = [
        (
            "kraken_v1",
            r#"[42,["1542057314.748456","1542057360.000000","3586.70000","3586.70000","3586.60000","3586.60000","3586.68894","0.03373000",2],"ohlc-5","XBT/USD"]"#,
            "ohlc-5",
        ),
        (
            "kraken_v1",
            r#"[0,["5698.40000","5700.00000","1542057299.545897","1.01234567","0.98765432"],"spread","XBT/USD"]"#,
            "spread",
        ),
        ("kraken_v1", r#"{"event":"pong","reqid":42}"#, "pong"),
        (
            "coinbase_exchange",
            r#"{"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"BTC-USD","time":"2014-11-07T08:19:28.464459Z"}"#,
            "heartbeat",
        ),
        (
            "coinbase_exchange",
            r#"{"type":"ticker","sequence":37475248783,"product_id":"ETH-USD","price":"1285.22","open_24h":"1310.79","volume_24h":"245532.79269678","low_24h":"1280.52","high_24h":"1313.8","volume_30d":"9788783.60117027","best_bid":"1285.04","best_bid_size":"0.46688654","best_ask":"1285.27","best_ask_size":"1.56637040","side":"buy","time":"2022-10-19T23:28:22.061769Z","trade_id":370843401,"last_size":"11.4396987"}"#,
            "ticker",
        ),
        (
            "coinbase_exchange",
            r#"{"type":"received","time":"2014-11-07T08:19:27.028459Z","product_id":"BTC-USD","sequence":10,"order_id":"d50ec984-77a8-460a-b958-66f114b0de9b","size":"1.34","price":"502.1","side":"buy","order_type":"limit"}"#,
            "received",
        ),
        (
            "coinbase_exchange",
            r#"{"type":"error","message":"Failed to subscribe","reason":"X is not a valid product"}"#,
            "error",
        ),
        (
            "coinbase_advanced",
            r#"{"channel":"ticker_batch","client_id":"","timestamp":"2023-02-09T20:30:37.167359596Z","sequence_num":0,"events":[{"type":"snapshot","tickers":[{"type":"ticker","product_id":"BTC-USD","price":"21932.98","best_bid":"21931.98","best_bid_quantity":"8000.21","best_ask":"21933.98","best_ask_quantity":"8038.07770938"}]}]}"#,
            "ticker_batch",
        ),
        (
            "binance",
            r#"{"stream":"bnbbtc@trade","data":{"e":"trade","E":123456789,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","b":88,"a":50,"T":123456785,"m":true,"M":true}}"#,
            "trade",
        ),
        ("binance", r#"{"result":null,"id":1}"#, "result"),
        ("binance", r#"{"code":2,"msg":"Invalid request: unknown variant"}"#, "error"),
        (
            "binance",
            r#"{"stream":"btcusdt@depth5","data":{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[]}}"#,
            "depth",
        ),
        (
            "binance_usdm",
            r#"{"stream":"btcusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":1562305380000,"s":"BTCUSDT","p":"11794.15000000","i":"11784.62659091","P":"11784.25641265","r":"0.00038167","T":1562306400000}}"#,
            "markPrice",
        ),
        (
            "binance_usdm",
            r#"{"stream":"!markPrice@arr","data":[{"e":"markPriceUpdate","E":1562305380000,"s":"BTCUSDT","p":"11185.87786614"}]}"#,
            "markPrice",
        ),
        (
            "binance_usdm",
            r#"{"stream":"!forceOrder@arr","data":{"e":"forceOrder","E":1568014460893,"o":{"s":"BTCUSDT","p":"9910"}}}"#,
            "forceOrder",
        ),
    ];
    for (name, message, kind) in cases {
        let (counts, _) = read(name, &[message]);
        assert_eq!(by_type(&counts), format!("{kind} 1"), "{message}");
    }
}

/// Returns the outcome of a single message: its type, `unknown NAME` or `refused: REASON`, and its events.
fn outcome(name: &str, message: &str) -> String {
    let mut out = Vec::new();
    let parsed = match adapter(name).parse(message, &mut out) {
        Parsed::Known(kind) => kind.to_owned(),
        Parsed::Unknown(name) => format!("unknown {name}"),
        Parsed::Refused(refusal) => format!("refused: {refusal}"),
    };
    let shown = out.iter().filter_map(|event| match event {
        Event::NoTrade(report) => Some(format!("no trade {} {}", report.symbol, report.id.unwrap_or(0))),
        Event::Cancel(cancel) => Some(format!("cancel {} {}", cancel.symbol, cancel.id)),
        Event::Correction(right) => {
            let (id, new_id, price, quantity) = (right.id, right.new_id, right.price, right.quantity);
            Some(format!("correct {} {id} {new_id} {price} {quantity} {:?}", right.symbol, right.sets))
        }
        event => line(event),
    });
    shown.fold(parsed, |parsed, event| format!("{parsed}; {event}"))
}

#[test]
fn invalid_numbers_are_refused_with_a_reason() {
    const PRICE: &str = "a positive finite decimal number";
    const QUANTITY: &str = "a finite decimal number, at least 0";
    let trade = |price: &str, quantity: &str| {
        format!(r#"{{"e":"aggTrade","s":"A","a":1,"p":{price},"q":{quantity},"T":5}}"#)
    };
    let quote = |b: &str, bq: &str, a: &str, aq: &str| {
        format!(r#"{{"u":1,"s":"A","b":"{b}","B":"{bq}","a":"{a}","A":"{aq}"}}"#)
    };
    let refused = |field: &str, found: &str, expected: &str| {
        format!("refused: `{field}`: found {found}, expected {expected}")
    };
    let cases = [
        (trade("\"1.5\"", "\"2\""), "aggTrade; trade A 5000000 1.5 2.0".to_owned()),
        // Exact parsing of decimal text, quoted or not.
        (
            trade("0.1234567890123456789", "\"1e2\""),
            "aggTrade; trade A 5000000 0.12345678901234568 100.0".into(),
        ),
        (trade("\"-1\"", "\"2\""), refused("p", "\"-1\"", PRICE)),
        (trade("\"0\"", "\"2\""), refused("p", "\"0\"", PRICE)),
        (trade("\"1e999\"", "\"2\""), refused("p", "\"1e999\"", PRICE)),
        (trade("1e999", "\"2\""), refused("p", "1e999", PRICE)),
        (trade("\"1e-999\"", "\"2\""), refused("p", "\"1e-999\"", PRICE)),
        (trade("\"NaN\"", "\"2\""), refused("p", "\"NaN\"", PRICE)),
        (trade("\"inf\"", "\"2\""), refused("p", "\"inf\"", PRICE)),
        (trade("null", "\"2\""), refused("p", "null", PRICE)),
        (trade("{\"p\":1}", "\"2\""), refused("p", "{\"p\":1}", PRICE)),
        // A quantity of 0 is not a trade.
        (trade("\"1\"", "\"0\""), "aggTrade; no trade A 1".into()),
        (trade("\"0\"", "\"0.000\""), "aggTrade; no trade A 1".into()),
        (trade("\"1\"", "\"-0.5\""), refused("q", "\"-0.5\"", PRICE)),
        // An empty side of the book has neither price nor quantity.
        (quote("0.00", "0", "2", "3"), "bookTicker; quote A - - - 2.0 3.0".into()),
        (quote("1", "0", "2", "3"), "bookTicker; quote A - 1.0 0.0 2.0 3.0".into()),
        (quote("", "1", "2", "3"), "bookTicker; quote A - - - 2.0 3.0".into()),
        (quote("0", "1", "2", "3"), refused("b", "\"0\"", PRICE)),
        (quote("1", "-1", "2", "3"), refused("b", "\"-1\"", QUANTITY)),
        (quote("1", "1", "2", "-0"), refused("a", "\"-0\"", QUANTITY)),
        (
            r#"{"e":"aggTrade","s":"","a":1,"p":"1","q":"1","T":5}"#.into(),
            refused("symbol", "\"\"", "a name of 1 to 64 bytes"),
        ),
        (
            r#"{"e":"aggTrade","s":"A","a":1,"p":"1","q":"1","T":9223372036854775807}"#.into(),
            refused("T", "9223372036854775807", "milliseconds since 1970, before the year 2262"),
        ),
        // A report that is not a market trade and has no price.
        (
            r#"{"e":"trade","s":"A","t":1,"p":"0","q":"0","T":5,"X":"NA"}"#.into(),
            "trade; no trade A 1".into(),
        ),
        (r#"{"stream":"a@newChannel","data":{"p":"1"}}"#.into(), "unknown a@newChannel".into()),
        (r#"{"e":"newEvent","p":"1"}"#.into(), "unknown newEvent".into()),
        (
            r#"{"stream":"a@aggTrade","data":["A",null,1,"1","1",5,null]}"#.into(),
            refused(
                "message",
                r#"["A",null,1,"1","1",5,null]"#,
                "a JSON object with the fields that the venue documents",
            ),
        ),
    ];
    for (message, expected) in cases {
        assert_eq!(outcome("binance", &message), expected, "{message}");
    }
    let interval = outcome("kraken_v2", &KRAKEN_V2[6].replace(r#""interval":5"#, r#""interval":0"#));
    assert!(interval.starts_with("refused: `interval`: found 0 ns from "), "{interval}");
    let missing = outcome("binance", r#"{"e":"aggTrade","a":1}"#);
    assert!(missing.starts_with("refused: `message`: found missing field `s`"), "{missing}");
    for message in ["", "{", "[", "nonsense", "{\"e\":\"aggTrade\"}x", "[[[[["] {
        for name in VENUES {
            assert!(outcome(name, message).starts_with("refused: `message`: found "), "{name}: {message}");
        }
    }
}

#[test]
fn message_is_accepted_as_a_whole_or_refused() {
    let message = |price: &str| {
        format!(
            r#"{{"channel":"market_trades","sequence_num":7,"events":[{{"type":"update","trades":[
            {{"product_id":"A","trade_id":"2","price":"{price}","size":"1","time":"2026-08-09T21:05:48Z"}},
            {{"product_id":"A","trade_id":"1","price":"5","size":"1","time":"2026-08-09T21:05:48Z"}}]}}]}}"#
        )
    };
    let mut venue = adapter("coinbase_advanced");
    let (good, bad) = (message("6"), message("-6"));
    let mut out = vec![Event::Book];
    assert!(matches!(venue.parse(&bad, &mut out), Parsed::Refused(_)));
    assert_eq!(out, [Event::Book]);
    // Numbers of the refused message do not count as repeated in the corrected message.
    assert_eq!(venue.parse(&good, &mut out), Parsed::Known("market_trades"));
    assert_eq!((out.len(), venue.sequences().repeats()), (3, 0));
    let ids: Vec<_> = out.iter().filter_map(|e| if let Event::Trade(t) = e { t.id } else { None }).collect();
    assert_eq!(ids, [1, 2], "expected the earliest first");
}

#[test]
fn gaps_in_numbers_are_events() {
    let trade = |id: u64| format!(r#"{{"e":"trade","s":"A","t":{id},"p":"1","q":"1","T":5}}"#);
    let mut venue = adapter("binance");
    let announced: Vec<_> = [4, 5, 9, 9, 7]
        .map(|id| {
            let (message, mut out) = (trade(id), Vec::new());
            venue.parse(&message, &mut out);
            out.iter().find_map(|event| if let Event::Gap(gap) = event { Some(gap.missed) } else { None })
        })
        .into();
    assert_eq!(announced, [None, None, Some(3), None, None]);
    let sequences = venue.sequences();
    assert_eq!((sequences.gaps(), sequences.missing(), sequences.repeats()), (1, 2, 1));
    venue.reconnected();
    let (message, mut out) = (trade(12), Vec::new());
    venue.parse(&message, &mut out);
    assert!(out.iter().any(|event| matches!(event, Event::Gap(gap) if gap.missed == 2)), "{out:?}");
}

/// Returns a trade of a venue with trade numbers, for an id, a price and a quantity.
fn numbered(name: &str, id: u64, price: &str, quantity: &str) -> String {
    let time = "2026-08-09T21:05:48Z";
    match name {
        "binance" | "binance_usdm" => {
            format!(r#"{{"e":"aggTrade","s":"A","a":{id},"p":"{price}","q":"{quantity}","T":5}}"#)
        }
        "coinbase_exchange" => format!(
            r#"{{"type":"match","trade_id":{id},"product_id":"A","price":"{price}","size":"{quantity}","time":"{time}"}}"#
        ),
        "coinbase_advanced" => format!(
            r#"{{"channel":"market_trades","sequence_num":{id},"events":[{{"type":"update","trades":[
            {{"product_id":"A","trade_id":"{id}","price":"{price}","size":"{quantity}","time":"{time}"}}]}}]}}"#
        ),
        "kraken_v2" => format!(
            r#"{{"channel":"trade","type":"update","data":[{{"symbol":"A","price":{price},"qty":{quantity},"trade_id":{id},
            "timestamp":"{time}"}}]}}"#
        ),
        other => panic!("{other}"),
    }
}

#[test]
fn numbers_of_refused_messages_and_reports_are_not_missing() {
    for name in ["binance", "binance_usdm", "coinbase_exchange", "coinbase_advanced", "kraken_v2"] {
        let mut venue = adapter(name);
        let mut kinds = Vec::new();
        for (id, price, quantity) in
            [(1, "5", "1"), (2, "-5", "1"), (3, "5", "0"), (4, "0", "0"), (5, "5", "-1"), (6, "5", "1")]
        {
            let (message, mut out) = (numbered(name, id, price, quantity), Vec::new());
            let refused = matches!(venue.parse(&message, &mut out), Parsed::Refused(_));
            let none = out.iter().any(|event| matches!(event, Event::NoTrade(_)));
            kinds.push(if refused {
                'r'
            } else if none {
                'n'
            } else {
                't'
            });
        }
        assert_eq!(kinds.into_iter().collect::<String>(), "trnnrt", "{name}");
        let sequences = venue.sequences();
        assert_eq!((sequences.gaps(), sequences.missing(), sequences.repeats()), (0, 0, 0), "{name}");
        // A hole before a refused message counts.
        venue.parse(&numbered(name, 9, "-5", "1"), &mut Vec::new());
        let streams = if name == "coinbase_advanced" { 2 } else { 1 };
        assert_eq!(venue.sequences().missing(), 2 * streams, "{name}");
        for id in [7, 8] {
            venue.parse(&numbered(name, id, "5", "1"), &mut Vec::new());
        }
        let sequences = venue.sequences();
        assert_eq!(
            (sequences.missing(), sequences.filled(), sequences.open_gaps()),
            (0, 2 * streams, 0),
            "{name}"
        );
    }
}

#[test]
#[ignore = "reads data outside the repository: ../shared/cases"]
fn non_market_futures_trades_leave_no_gap() {
    let text = crate::feeds::case("usdm_na_trades.jsonl");
    let mut venue = adapter("binance_usdm");
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(matches!(venue.parse(line["raw"].as_str().unwrap(), &mut Vec::new()), Parsed::Known(_)));
    }
    assert_eq!((venue.sequences().gaps(), venue.sequences().missing()), (0, 0));
}

#[test]
fn cancellations_corrections_and_sale_conditions_of_alpaca_are_read() {
    let id = |letter: u8, id: u64| u64::from(letter) << 56 | id;
    let cases = [
        (
            r#"[{"T":"x","S":"A","i":7,"x":"D","p":2.5,"s":3,"a":"C","z":"A","t":"2021-12-01T19:38:45Z"}]"#,
            format!("x; cancel A {}", id(b'D', 7)),
        ),
        (
            r#"[{"T":"c","S":"A","x":"V","oi":2,"op":1.5,"os":200,"oc":["@"],"ci":7,"cp":1.25,"cs":20,"cc":["@"],"z":"A","t":"2021-12-01T19:38:50Z"}]"#,
            format!("c; correct A {} {} 1.25 20 All", id(b'V', 2), id(b'V', 7)),
        ),
        (
            r#"[{"T":"c","S":"A","x":"V","oi":2,"op":1.5,"os":200,"ci":7,"cp":1.25,"cs":20,"cc":["@","I"],"z":"C","t":"2021-12-01T19:38:50Z"}]"#,
            format!("c; correct A {} {} 1.25 20 Nothing", id(b'V', 2), id(b'V', 7)),
        ),
        (
            r#"[{"T":"t","S":"A","i":7,"x":"Q","p":2.5,"s":3,"c":["@","M"],"z":"C","t":"2021-12-01T19:38:45Z"}]"#,
            format!("t; no trade A {}", id(b'Q', 7)),
        ),
        (
            r#"[{"T":"x","S":"A","i":"x"}]"#,
            "refused: `message`: found invalid type: string \"x\", expected u64 at line 1 column 24, expected a JSON object \
             with the fields that the venue documents"
                .to_owned(),
        ),
    ];
    for (message, expected) in cases {
        assert_eq!(outcome("alpaca", message), expected, "{message}");
    }
}

#[test]
fn subscriptions_use_the_format_of_each_venue() {
    let channels = [Channel::Trades, Channel::Quotes];
    let (symbols, credentials) = (["BTC-USD"], Some(Credentials { key: "K", secret: "S" }));
    let wanted = Subscription { symbols: &symbols, channels: &channels, credentials };
    let cases = [
        (
            "alpaca",
            "/v2/iex",
            vec![
                r#"{"action":"auth","key":"K","secret":"S"}"#,
                r#"{"action":"subscribe","quotes":["BTC-USD"],"trades":["BTC-USD"]}"#,
            ],
        ),
        (
            "coinbase_advanced",
            "/",
            vec![
                r#"{"channel":"heartbeats","type":"subscribe"}"#,
                r#"{"channel":"market_trades","product_ids":["BTC-USD"],"type":"subscribe"}"#,
                r#"{"channel":"ticker","product_ids":["BTC-USD"],"type":"subscribe"}"#,
            ],
        ),
        (
            "coinbase_exchange",
            "/",
            vec![
                r#"{"channels":["heartbeat","matches","ticker"],"product_ids":["BTC-USD"],"type":"subscribe"}"#,
            ],
        ),
        (
            "kraken_v1",
            "/",
            vec![
                r#"{"event":"subscribe","pair":["BTC-USD"],"subscription":{"name":"trade"}}"#,
                r#"{"event":"subscribe","pair":["BTC-USD"],"subscription":{"name":"spread"}}"#,
            ],
        ),
        (
            "kraken_v2",
            "/v2",
            vec![
                r#"{"method":"subscribe","params":{"channel":"trade","snapshot":true,"symbol":["BTC-USD"]}}"#,
                r#"{"method":"subscribe","params":{"channel":"ticker","event_trigger":"bbo","symbol":["BTC-USD"]}}"#,
            ],
        ),
    ];
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    for (name, path, messages) in cases {
        let connection = adapter(name).connection(&wanted).unwrap();
        assert_eq!(connection.path, path, "{name}");
        let found: Vec<_> = connection.messages.iter().map(|message| parsed(message)).collect();
        assert_eq!(found, messages.into_iter().map(parsed).collect::<Vec<_>>(), "{name}");
    }
    let many: Vec<String> = (0..250).map(|i| format!("S{i}USDT")).collect();
    let symbols: Vec<&str> = many.iter().map(String::as_str).collect();
    let bars = [Channel::Bars { length_ms: 60_000 }];
    let wanted = Subscription { symbols: &symbols, channels: &bars, credentials: None };
    let connection = adapter("binance").connection(&wanted).unwrap();
    assert!(connection.path.starts_with("/stream?streams=s0usdt@kline_1m/s1usdt@kline_1m/"));
    assert_eq!(connection.path.matches('@').count(), 200);
    assert_eq!(parsed(&connection.messages[0])["params"].as_array().unwrap().len(), 50);
    for name in VENUES {
        assert_eq!(adapter(name).name(), name);
        assert!(adapter(name).address().starts_with("wss://"), "{name}");
    }
    assert!(venue("nyse").is_none());
}

#[test]
fn unavailable_subscriptions_are_errors() {
    let trades: &[Channel] = &[Channel::Trades];
    let cases: [(&str, &[&str], &[Channel], &str); 5] = [
        ("binance", &[], trades, "binance: found no symbols to subscribe to, expected at least one"),
        ("binance", &["A"], &[], "binance: found no channels to subscribe to, expected at least one"),
        (
            "binance",
            &["A/../B"],
            trades,
            "symbol `A/../B`: expected letters, digits and `_`, such as BTCUSDT",
        ),
        (
            "coinbase_advanced",
            &["A"],
            &[Channel::Bars { length_ms: 60_000 }],
            "coinbase_advanced: found bars of 60000 ms, expected a length of 300 s",
        ),
        ("alpaca", &["A"], trades, "alpaca: found no key and secret, expected both"),
    ];
    for (name, symbols, channels, expected) in cases {
        let wanted = Subscription { symbols, channels, credentials: None };
        let error = adapter(name).connection(&wanted).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn counts_have_bounded_memory() {
    let mut counts = Counts::default();
    for i in 0..1000 {
        counts.record(Parsed::Unknown(format!("type {i}")));
        let message = format!(r#"{{"e":"aggTrade","s":"A","a":1,"p":"{}","q":"1","T":5}}"#, "x".repeat(1000));
        counts.record(adapter("binance").parse(&message, &mut Vec::new()));
    }
    assert_eq!((counts.unknown(), counts.refused(), counts.total()), (1000, 1000, 2000));
    assert_eq!((counts.unknown_names().len(), counts.last_refusals().count()), (16, 8));
    assert!(counts.last_refusals().all(|refusal| refusal.found.len() <= 80));
}
