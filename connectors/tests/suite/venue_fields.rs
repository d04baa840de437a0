//! Fields of the events of single messages, and types of messages with several parts.

use betaflow_connectors::ticks::{Event, Parsed, venue};

/// Type of a message, `unknown NAME` or `refused`, and its events with their times in ns.
fn outcome(name: &str, message: &str) -> String {
    let mut out = Vec::new();
    let parsed = match venue(name).unwrap().parse(message, &mut out) {
        Parsed::Known(kind) => kind.to_owned(),
        Parsed::Unknown(name) => format!("unknown {name}"),
        Parsed::Refused(refusal) => format!("refused: {}", refusal.expected),
    };
    let shown = out.iter().map(|event| match event {
        Event::Trade(trade) => format!("trade {} {}", trade.time_ns, trade.id.unwrap_or(0)),
        Event::NoTrade(report) => format!("no trade {} {}", report.time_ns, report.id.unwrap_or(0)),
        Event::Quote(quote) => format!("quote {}", quote.symbol),
        Event::Bar(bar) => {
            let (start, end, time) = (bar.start_ns, bar.end_ns, bar.time_ns);
            format!("bar {start} {end} {time} {:?} {:?}", bar.trades, bar.closed)
        }
        event => format!("{event:?}"),
    });
    shown.fold(parsed, |parsed, event| format!("{parsed}; {event}"))
}

#[test]
fn events_have_the_fields_of_their_messages() {
    let kline = |interval: &str, closed: bool| {
        format!(
            r#"{{"stream":"btcusdt@kline_1m","data":{{"e":"kline","E":1700000040005,"s":"BTCUSDT","k":{{"t":1699999980000,
            "T":1700000039999,"s":"BTCUSDT","i":"{interval}","o":"5","c":"6","h":"7","l":"4","v":"2.25","n":4,"x":{closed}}}}}}}"#
        )
    };
    let futures =
        |execution: &str| format!(r#"{{"e":"trade","s":"A","t":7,"p":"1","q":"1","T":5,"X":"{execution}"}}"#);
    let candles = |kind: &str| {
        format!(
            r#"{{"channel":"candles","timestamp":"2023-11-14T22:15:00.000000001Z","sequence_num":3,"events":[{{"type":"{kind}",
            "candles":[{{"start":"1700000100","high":"7","low":"4","open":"5","close":"6","volume":"0.75","product_id":"B"}}]}}]}}"#
        )
    };
    let ohlc = r#"{"channel":"ohlc","type":"update","timestamp":"2023-11-14T22:16:30Z","data":[{"symbol":"M/USD","open":5,
        "high":7,"low":4,"close":6,"trades":12,"volume":3,"vwap":5,"interval_begin":"2023-11-14T22:15:00Z","interval":5,
        "timestamp":"2023-11-14T22:20:00Z"}]}"#;
    let ticker = r#"{"stream":"!bookTicker","data":{"u":1,"s":"A","b":"4","B":"1","a":"5","A":"1"}}"#;
    let candle = "bar 1700000100000000000 1700000400000000000 1700000100000000001 None None";
    let cases = [
        (
            "binance",
            kline("1m", true),
            "kline_1m; bar 1699999980000000000 1700000040000000000 1700000040005000000 Some(4) Some(true)"
                .to_owned(),
        ),
        (
            "binance",
            kline("1M", false),
            "kline; bar 1699999980000000000 1700000040000000000 1700000040005000000 Some(4) Some(false)"
                .to_owned(),
        ),
        ("binance_usdm", futures("MARKET"), "trade; trade 5000000 7".to_owned()),
        ("binance_usdm", futures("INSURANCE_FUND"), "trade; no trade 5000000 7".to_owned()),
        ("binance", ticker.to_owned(), "bookTicker; quote A".to_owned()),
        ("coinbase_advanced", candles("update"), format!("candles; {candle}")),
        ("coinbase_advanced", candles("snapshot"), format!("candles; Past; {candle}")),
        (
            "kraken_v2",
            ohlc.to_owned(),
            "ohlc; bar 1700000100000000000 1700000400000000000 1700000190000000000 Some(12) None".to_owned(),
        ),
    ];
    for (name, message, expected) in cases {
        assert_eq!(outcome(name, &message), expected, "{name}: {message}");
    }
}

#[test]
fn messages_of_several_parts_have_one_type() {
    let trade = r#"{"T":"t","i":1,"S":"A","x":"D","p":5,"s":1,"t":"2021-02-22T15:51:44Z","c":["@"],"z":"C"}"#;
    let quote = r#"{"T":"q","S":"A","bp":4,"bs":1,"ap":5,"as":4,"t":"2021-02-22T15:51:45Z"}"#;
    let (unknown, other) = (r#"{"T":"zz"}"#, r#"{"T":"yy"}"#);
    let cases = [
        (vec![], "empty"),
        (vec![trade], "t"),
        (vec![trade, trade], "t"),
        (vec![trade, quote], "mixed"),
        (vec![trade, quote, trade], "mixed"),
        (vec![trade, unknown], "unknown zz"),
        (vec![unknown, trade], "unknown zz"),
        (vec![unknown, other], "unknown zz"),
        (vec![trade, quote, other], "unknown yy"),
    ];
    for (parts, expected) in cases {
        let found = outcome("alpaca", &format!("[{}]", parts.join(",")));
        assert_eq!(found.split(';').next(), Some(expected), "{parts:?}");
    }
    // Kraken's first interface sends changes of both sides of a book as two parts.
    let side = r#"{"a":[["5541.3","2.5","1534614248.456738"]]}"#;
    let books = [
        (format!(r#"[1,{side},"book-10","XBT/USD"]"#), "book-10; Book"),
        (format!(r#"[1,{side},{side},"book-10","XBT/USD"]"#), "book-10; Book"),
        (r#"[1,"book-10","XBT/USD"]"#.to_owned(), "refused: an array of at least 4 elements"),
    ];
    for (message, expected) in books {
        assert_eq!(outcome("kraken_v1", &message), expected, "{message}");
    }
}

#[test]
fn numbers_of_a_connection_start_again_with_the_next_one() {
    let message = |number: u64| {
        format!(
            r#"{{"channel":"heartbeats","timestamp":"2023-11-14T22:15:02Z","sequence_num":{number},
            "events":[{{"current_time":"2023-11-14 22:15:02 +0000 UTC","heartbeat_counter":5}}]}}"#
        )
    };
    let mut venue = venue("coinbase_advanced").unwrap();
    for number in [5, 6, 6, 9] {
        venue.parse(&message(number), &mut Vec::new());
    }
    venue.reconnected();
    for number in [6, 7, 9] {
        venue.parse(&message(number), &mut Vec::new());
    }
    let sequences = venue.sequences();
    assert_eq!((sequences.repeats(), sequences.gaps(), sequences.filled()), (1, 2, 0));
}
