//! Venues imitated on the loopback interface, with the faults of real ones: bars equal those of a plain
//! computation, counts are exact, and each kind of fault is reported once.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use betaflow_connectors::live::{Account, Edge, EdgeCounts, EdgeEvent, SymbolsHeard, VenueSettings};
use betaflow_engine::frame::Field;
use tokio_tungstenite::tungstenite;

/// Timeout that only a hang exceeds.
const LONG: Duration = Duration::from_secs(60);
const SECOND: i64 = 1_000_000_000;
/// Time of a midnight, ms since 1970 UTC.
const MIDNIGHT: i64 = 1_767_571_200_000;

/// Trade as a venue sends it: symbol, id, ms after midnight, price and quantity.
type Tick = (usize, u64, i64, f64, f64);

/// Venues with two subscribed symbols and a third one.
const VENUES: [(&str, [&str; 3]); 6] = [
    ("binance", ["BTCUSDT", "ETHUSDT", "SOLUSDT"]),
    ("binance_usdm", ["BTCUSDT", "ETHUSDT", "SOLUSDT"]),
    ("coinbase_exchange", ["BTC-USD", "ETH-USD", "SOL-USD"]),
    ("coinbase_advanced", ["BTC-USD", "ETH-USD", "SOL-USD"]),
    ("kraken_v2", ["BTC/USD", "ETH/USD", "SOL/USD"]),
    ("alpaca", ["AAPL", "MSFT", "SPY"]),
];

/// Returns whether the venue's trade numbers are consecutive.
fn is_numbered(venue: &str) -> bool {
    venue != "alpaca"
}

fn iso(ms: i64) -> String {
    let (day, ms) = (5 + ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    format!(
        "2026-01-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        ms / 3_600_000,
        ms / 60_000 % 60,
        ms / 1000 % 60,
        ms % 1000
    )
}

/// Returns the message of a trade.
fn message(venue: &str, symbol: &str, (_, id, ms, price, quantity): Tick) -> String {
    let (at, time) = (MIDNIGHT + ms, iso(ms));
    match venue {
        "binance" | "binance_usdm" => format!(
            r#"{{"stream":"{}@aggTrade","data":{{"e":"aggTrade","E":{at},"s":"{symbol}","a":{id},"p":"{price}","q":"{quantity}","T":{at}}}}}"#,
            symbol.to_lowercase()
        ),
        "coinbase_exchange" => format!(
            r#"{{"type":"match","trade_id":{id},"product_id":"{symbol}","price":"{price}","size":"{quantity}","time":"{time}"}}"#
        ),
        "coinbase_advanced" => format!(
            r#"{{"channel":"market_trades","timestamp":"{time}","events":[{{"type":"update","trades":[{{"product_id":"{symbol}","trade_id":"{id}","price":"{price}","size":"{quantity}","time":"{time}"}}]}}]}}"#
        ),
        "kraken_v2" => format!(
            r#"{{"channel":"trade","type":"update","data":[{{"symbol":"{symbol}","price":{price},"qty":{quantity},"trade_id":{id},"timestamp":"{time}"}}]}}"#
        ),
        "alpaca" => format!(
            r#"[{{"T":"t","S":"{symbol}","i":{id},"x":"V","p":{price},"s":{quantity},"c":["@"],"z":"C","t":"{time}"}}]"#
        ),
        other => panic!("{other}"),
    }
}

/// Starts a venue that sends texts to its first client and stays connected; `pause MS` is a pause, not a
/// text.
fn serve(texts: Vec<String>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut socket = tungstenite::accept(stream).unwrap();
        for text in texts {
            match text.strip_prefix("pause ") {
                Some(ms) => std::thread::sleep(Duration::from_millis(ms.parse().unwrap())),
                None => {
                    if socket.send(text.into()).is_err() {
                        return;
                    }
                }
            }
        }
        while socket.read().is_ok() {}
    });
    address
}

/// Bars, events and counts of a venue.
struct Followed {
    /// End of the bar in seconds after midnight, symbol, and open, high, low, close and volume.
    bars: Vec<(i64, String, [f64; 5])>,
    /// Number of controls by kind.
    kinds: BTreeMap<String, u64>,
    /// Controls, as JSON.
    controls: Vec<serde_json::Value>,
    counts: EdgeCounts,
    symbols: SymbolsHeard,
}

/// Returns settings with one-second bars and a lateness of 2 s, for a venue that sends these texts.
fn settings(venue: &str, symbols: &[&str], texts: Vec<String>) -> VenueSettings {
    let account = Account { key: "K".to_owned(), secret: "S".to_owned() };
    VenueSettings {
        url: Some(format!("ws://{}", serve(texts))),
        bar_ns: SECOND,
        lateness: Duration::from_secs(2),
        account: Some(account),
        stale_after: Some(LONG),
        capacity: 4_096,
        ..VenueSettings::new(venue, symbols)
    }
}

/// Follows a venue until `texts` messages have arrived and `enough` accepts the result.
fn follow(settings: VenueSettings, texts: u64, enough: impl Fn(&Followed) -> bool) -> Followed {
    let edge = Edge::follow(settings).unwrap();
    let (events, until) = (edge.events(), Instant::now() + LONG);
    let (counts, symbols) = (edge.counts(), SymbolsHeard::default());
    let mut followed =
        Followed { bars: Vec::new(), kinds: BTreeMap::new(), controls: Vec::new(), counts, symbols };
    loop {
        assert!(
            Instant::now() < until,
            "{:?} of {} bars, {:?}",
            followed.kinds,
            followed.bars.len(),
            edge.counts()
        );
        match events.recv_timeout(Duration::from_millis(100)) {
            Ok(EdgeEvent::Bars { bars, .. }) => {
                for (i, symbol) in bars.symbols.iter().enumerate() {
                    let column = |field| bars.columns.iter().find(|(known, _)| *known == field).unwrap().1[i];
                    let numbers =
                        [Field::Open, Field::High, Field::Low, Field::Close, Field::Volume].map(column);
                    followed.bars.push((
                        (bars.timestamp / 1_000_000 - MIDNIGHT) / 1000,
                        symbol.clone(),
                        numbers,
                    ));
                }
            }
            Ok(event) => {
                let control = event.control().unwrap();
                *followed.kinds.entry(control.kind.to_owned()).or_default() += 1;
                followed.controls.push(serde_json::from_str(&control.body).unwrap());
            }
            Err(_) => {
                followed.counts = edge.counts();
                followed.symbols = edge.venue_counts().unwrap().symbols;
                if followed.counts.messages >= texts && enough(&followed) {
                    return followed;
                }
            }
        }
    }
}

/// Computes the bars of the counted trades with a plain loop.
fn plain(symbols: &[&str], ticks: &[Tick]) -> Vec<(i64, String, [f64; 5])> {
    let mut bars: BTreeMap<(i64, &str), Vec<Tick>> = BTreeMap::new();
    for tick in ticks {
        bars.entry((tick.2.div_euclid(1000) + 1, symbols[tick.0])).or_default().push(*tick);
    }
    let of = |((end, symbol), mut ticks): ((i64, &str), Vec<Tick>)| {
        ticks.sort_by_key(|tick| (tick.2, tick.1));
        let prices: Vec<f64> = ticks.iter().map(|tick| tick.3).collect();
        let numbers = [
            prices[0],
            prices.iter().copied().fold(f64::MIN, f64::max),
            prices.iter().copied().fold(f64::MAX, f64::min),
            prices[prices.len() - 1],
            ticks.iter().map(|tick| tick.4).sum(),
        ];
        (end, symbol.to_owned(), numbers)
    };
    bars.into_iter().map(of).collect()
}

/// Returns trades of two symbols, one per 100 ms each, for `seconds`.
fn steady(seconds: i64) -> Vec<Tick> {
    let of = |i: i64| {
        (0..2).map(move |symbol| {
            let price = 10.0 * (symbol + 1) as f64 + ((i * 7_919) % 100) as f64 / 100.0;
            (symbol, i.unsigned_abs() + 1, i * 100, price, 1.5)
        })
    };
    (0..seconds * 10).flat_map(of).collect()
}

/// Checks all venues concurrently, because most of the time is spent waiting.
fn each_venue(check: fn(&str, [&str; 3])) {
    std::thread::scope(|scope| {
        for (venue, symbols) in VENUES {
            scope.spawn(move || check(venue, symbols));
        }
    });
}

/// Trades as sent, and the trades that enter bars.
struct Case {
    sent: Vec<Tick>,
    counted: Vec<Tick>,
    /// Kinds of faults, each reported once.
    kinds: &'static [&'static str],
    /// Counts of late, duplicate, non-trade, missing, filled and unsubscribed trades, for a venue with
    /// consecutive numbers.
    counts: [u64; 6],
}

/// Returns cases of faults in steady trades; the trades of the last seconds close the bars before them.
fn cases() -> Vec<(&'static str, Case)> {
    let ticks = steady(20);
    let is = |tick: &Tick, every: u64, at: u64| tick.0 == 1 && tick.1 % every == at;
    let mut all = Vec::new();
    let clean = Case { sent: ticks.clone(), counted: ticks.clone(), kinds: &[], counts: [0; 6] };
    all.push(("clean", clean));
    let (mut sent, mut counted) = (ticks.clone(), ticks.clone());
    sent.iter_mut().filter(|tick| is(tick, 10, 5)).for_each(|tick| tick.4 = 0.0);
    counted.retain(|tick| !is(tick, 10, 5));
    all.push(("zero", Case { sent, counted, kinds: &["no_trade"], counts: [0, 0, 20, 0, 0, 0] }));
    // Every second trade of the second symbol arrives 1.5 s after its time, within the lateness.
    let mut sent = ticks.clone();
    sent.sort_by_key(|tick| tick.2 + if is(tick, 2, 0) { 1_550 } else { 0 });
    // 99 of the 100 delayed trades fill a gap; no later number precedes the last one.
    all.push(("reorder", Case { sent, counted: ticks.clone(), kinds: &[], counts: [0, 0, 0, 0, 99, 0] }));
    // Some trades arrive 4.5 s late, after their bar was closed.
    let (mut sent, mut counted) = (ticks.clone(), ticks.clone());
    sent.sort_by_key(|tick| tick.2 + if is(tick, 20, 10) && tick.1 < 150 { 4_550 } else { 0 });
    counted.retain(|tick| !(is(tick, 20, 10) && tick.1 < 150));
    all.push(("late", Case { sent, counted, kinds: &["late"], counts: [7, 0, 0, 0, 7, 0] }));
    // Seven consecutive trades are sent twice, and the first ten again at the end.
    let mut sent = ticks.clone();
    sent.splice(40..40, ticks[33..40].to_vec());
    sent.extend(ticks[..10].to_vec());
    all.push((
        "twice",
        Case { sent, counted: ticks.clone(), kinds: &["duplicates"], counts: [0, 17, 0, 0, 0, 0] },
    ));
    // Three trades never arrive.
    let mut sent = ticks.clone();
    sent.retain(|tick| !(tick.0 == 1 && (30..33).contains(&tick.1)));
    let counted = sent.clone();
    all.push(("missing", Case { sent, counted, kinds: &["missing"], counts: [0, 0, 0, 3, 0, 0] }));
    // The venue sends trades of a symbol outside the subscription.
    let mut sent = ticks.clone();
    sent.splice(100..100, (1..=5).map(|id| (2, id, 5_000, 7.0, 1.0)));
    let kinds = &["symbols_not_asked"];
    all.push(("not_asked", Case { sent, counted: ticks, kinds, counts: [0, 0, 0, 0, 0, 5] }));
    all
}

#[test]
fn faults_of_every_venue_are_counted_exactly_and_reported_once() {
    each_venue(faults_are_counted);
}

fn faults_are_counted(venue: &str, symbols: [&str; 3]) {
    for (name, case) in cases() {
        let case_name = format!("{venue} {name}");
        if !is_numbered(venue) && name == "missing" {
            continue;
        }
        let texts: Vec<String> =
            case.sent.iter().map(|tick| message(venue, symbols[tick.0], *tick)).collect();
        let sent = texts.len() as u64;
        let settings = VenueSettings {
            symbols_after: Duration::from_millis(300),
            ..settings(venue, &symbols[..2], texts)
        };
        // Elapsed time closes the last bars.
        let expected = plain(&symbols, &case.counted);
        let enough = |followed: &Followed| {
            followed.bars.len() == expected.len()
                && case.kinds.iter().all(|kind| followed.kinds.contains_key(*kind))
        };
        let followed = follow(settings, sent, enough);
        assert_eq!(followed.bars, expected, "{case_name}");
        let mut kinds: Vec<&str> = case.kinds.to_vec();
        let (counts, mut numbers) = (followed.counts, case.counts);
        if !is_numbered(venue) {
            // Without consecutive numbers no gap is filled, and a repetition for a closed bar is late.
            numbers[4] = 0;
            if name == "twice" {
                (numbers[0], numbers[1]) = (10, 7);
                kinds.push("late");
            }
        }
        let found =
            [counts.late, counts.repeats, counts.no_trade, counts.missing, counts.filled, counts.not_asked];
        assert_eq!(found, numbers, "{case_name}: {counts:?}");
        assert_eq!(
            (counts.refused, counts.unknown, counts.doubted, counts.clock_back),
            (0, 0, 0, 0),
            "{case_name}"
        );
        let mut said: Vec<&str> =
            followed.kinds.keys().map(String::as_str).filter(|kind| *kind != "connected").collect();
        said.sort_unstable();
        kinds.sort_unstable();
        assert_eq!(said, kinds, "{case_name}");
        assert!(followed.kinds.values().all(|count| *count == 1), "{case_name}: {:?}", followed.kinds);
    }
}

#[test]
fn lower_case_symbols_are_followed_and_silent_symbols_reported() {
    each_venue(symbols_are_reported);
}

fn symbols_are_reported(venue: &str, symbols: [&str; 3]) {
    let ticks: Vec<Tick> = steady(3)
        .into_iter()
        .map(|tick| (if tick.0 == 1 { 2 } else { 0 }, tick.1, tick.2, tick.3, tick.4))
        .collect();
    let texts: Vec<String> = ticks.iter().map(|tick| message(venue, symbols[tick.0], *tick)).collect();
    let asked = [symbols[0].to_lowercase(), symbols[1].to_lowercase()];
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    let (settings, sent) = (settings(venue, &asked, texts.clone()), texts.len() as u64);
    let settings = VenueSettings { symbols_after: Duration::from_millis(300), ..settings };
    let expected = plain(&symbols, &ticks.iter().filter(|tick| tick.0 == 0).copied().collect::<Vec<_>>());
    let followed = follow(settings, sent, |followed| {
        followed.bars.len() == expected.len() && followed.kinds.contains_key("symbols_not_asked")
    });
    assert_eq!(followed.bars, expected, "{venue}");
    let names = |kind: &str| {
        let said = followed.controls.iter().find(|control| control["kind"] == kind).unwrap();
        said["symbols"].clone()
    };
    assert_eq!(names("symbols_never_heard"), serde_json::json!([symbols[1]]), "{venue}");
    assert_eq!(names("symbols_not_asked"), serde_json::json!([symbols[2]]), "{venue}");
    assert_eq!(
        (followed.kinds["symbols_never_heard"], followed.kinds["symbols_not_asked"]),
        (1, 1),
        "{venue}"
    );
    let heard =
        (&followed.symbols.never_heard[..], &followed.symbols.not_asked[..], followed.symbols.quiet.len());
    assert_eq!(heard, (&[symbols[1].to_owned()][..], &[symbols[2].to_owned()][..], 0), "{venue}");
    assert_eq!(followed.counts.not_asked, 30, "{venue}");
}

#[test]
fn quiet_symbol_is_reported_once_and_its_return_once() {
    let symbols = VENUES[0].1;
    // The second symbol trades for 5 s, is silent for 20 s while the other trades, and then trades again.
    let mut texts = Vec::new();
    for tick in steady(40) {
        if tick.0 == 0 || !(5_000..25_000).contains(&tick.2) {
            texts.push(message("binance", symbols[tick.0], tick));
        }
        if tick.2 % 5_000 == 0 && tick.0 == 1 {
            texts.push("pause 120".to_owned());
        }
    }
    let sent = texts.iter().filter(|text| !text.starts_with("pause")).count() as u64;
    let settings = VenueSettings {
        symbols_after: Duration::from_millis(50),
        quiet_after: Duration::from_secs(8),
        ..settings("binance", &symbols[..2], texts)
    };
    let followed = follow(settings, sent, |followed| followed.kinds.contains_key("symbol_back"));
    assert_eq!((followed.kinds.get("symbol_quiet"), followed.kinds.get("symbol_back")), (Some(&1), Some(&1)));
    let back = followed.controls.iter().find(|control| control["kind"] == "symbol_back").unwrap();
    assert_eq!((&back["symbol"], &back["seconds"]), (&symbols[1].into(), &20.into()));
    assert!(followed.symbols.quiet.is_empty());
}

#[test]
fn trades_days_ahead_are_counted_and_do_not_stop_bars() {
    each_venue(days_ahead_are_counted);
}

fn days_ahead_are_counted(venue: &str, symbols: [&str; 3]) {
    let ticks = steady(8);
    let ahead = (0..4_u64).map(|i| (0, 900 + i, 11 * 86_400_000 + i.cast_signed(), 5.0, 1.0));
    let mut sent = ticks.clone();
    sent.splice(80..80, ahead);
    let texts: Vec<String> = sent.iter().map(|tick| message(venue, symbols[tick.0], *tick)).collect();
    let (count, expected) = (texts.len() as u64, plain(&symbols, &ticks));
    let followed = follow(settings(venue, &symbols[..2], texts), count, |followed| {
        followed.bars.len() == expected.len()
    });
    assert_eq!(followed.bars, expected, "{venue}");
    assert_eq!(
        (followed.counts.doubted, followed.counts.late, followed.kinds.get("doubted")),
        (4, 0, Some(&1)),
        "{venue}"
    );
}

#[test]
fn clock_step_back_is_reported_once_and_counted_exactly() {
    let symbols = VENUES[0].1;
    let ticks = steady(20);
    let mut texts = Vec::new();
    for (i, tick) in ticks.iter().enumerate() {
        let back = if i >= 200 { 3_600_000 } else { 0 };
        texts.push(message("binance", symbols[tick.0], (tick.0, tick.1, tick.2 - back, tick.3, tick.4)));
        if i % 20 == 19 {
            texts.push("pause 130".to_owned());
        }
    }
    let expected = plain(&symbols, &ticks[..200]);
    let followed = follow(settings("binance", &symbols[..2], texts), 400, |followed| {
        followed.bars.len() == expected.len() && followed.kinds.contains_key("clock_back")
    });
    assert_eq!(followed.bars, expected);
    let said: Vec<_> =
        followed.kinds.iter().filter(|(kind, _)| *kind != "connected" && *kind != "late").collect();
    assert_eq!(said, [(&"clock_back".to_owned(), &1)]);
    let counts = followed.counts;
    assert_eq!((counts.clock_back, counts.late, counts.before, counts.missing), (200, 0, 0, 0), "{counts:?}");
    let back = followed.controls.iter().find(|control| control["kind"] == "clock_back").unwrap();
    assert!(back["text"].as_str().unwrap().contains("2026-01-05T00:00:10Z"), "{back}");
}

#[test]
fn incomplete_klines_are_omitted_and_reported_once() {
    let symbols = VENUES[0].1;
    let mut texts = Vec::new();
    let mut expected = Vec::new();
    for b in 0..12_i64 {
        for (s, symbol) in symbols[..2].iter().enumerate() {
            for u in 0..4_i64 {
                let complete = u == 3;
                if complete && s == 0 && (b == 5 || b == 6) {
                    continue;
                }
                let (start, price) = (MIDNIGHT + b * 1000, 10 + u);
                let sent = start + (u + 1) * 250;
                texts.push(format!(
                    r#"{{"stream":"s@kline_1s","data":{{"e":"kline","E":{sent},"s":"{symbol}","k":{{"t":{start},"T":{},"s":"{symbol}","i":"1s","o":"10","c":"{price}","h":"{price}","l":"10","v":"{}","n":{},"x":{complete}}}}}}}"#,
                    start + 999, u + 1, u + 1
                ));
            }
            if s != 0 || (b != 5 && b != 6) {
                expected.push((b + 1, (*symbol).to_owned(), [10.0, 13.0, 10.0, 13.0, 4.0]));
            }
        }
    }
    let count = texts.len() as u64;
    let settings = VenueSettings {
        bars_from: betaflow_connectors::live::BarsFrom::Venue,
        ..settings("binance", &symbols[..2], texts)
    };
    let followed = follow(settings, count, |followed| followed.bars.len() == expected.len());
    assert_eq!(followed.bars, expected);
    assert_eq!((followed.counts.incomplete, followed.kinds.get("bars_incomplete")), (2, Some(&1)));
}

#[test]
fn trades_cancelled_by_alpaca_leave_their_bars() {
    let of = |kind: &str, rest: &str| format!(r#"[{{"T":"{kind}","S":"AAPL","x":"V","z":"C",{rest}}}]"#);
    let trade = |id: u64, ms: i64, price: f64, size: u64, conditions: &str| {
        of("t", &format!(r#""i":{id},"p":{price},"s":{size},"c":[{conditions}],"t":"{}""#, iso(ms)))
    };
    let cancel = |id: u64| of("x", &format!(r#""i":{id},"p":1,"s":1,"a":"C","t":"{}""#, iso(0)));
    let texts = vec![
        trade(1, 0, 18.0, 100, r#""@""#),
        trade(2, 100, 23.65, 250_000, r#""@""#),
        trade(3, 200, 15.0, 500, r#"" ","7","V""#),
        trade(4, 300, 17.5, 100, r#""Z""#),
        trade(5, 400, 18.5, 200, r#""@""#),
        trade(6, 450, 99.0, 7, r#""@","M""#),
        cancel(2),
        of(
            "c",
            &format!(
                r#""oi":5,"op":18.5,"os":200,"oc":["@"],"ci":9,"cp":18.25,"cs":20,"cc":["@"],"t":"{}""#,
                iso(0)
            ),
        ),
        trade(7, 5_000, 19.0, 100, r#""@""#),
        trade(8, 5_001, 19.0, 100, r#""@""#),
        // The bar of these trades is closed.
        cancel(1),
        of("c", &format!(r#""oi":4,"op":17.5,"os":100,"ci":10,"cp":1,"cs":1,"cc":["@"],"t":"{}""#, iso(0))),
    ];
    let count = texts.len() as u64;
    let followed = follow(settings("alpaca", &["aapl"], texts), count, |followed| followed.bars.len() == 2);
    let expected = [18.0, 18.25, 17.5, 18.25, 720.0];
    assert_eq!(followed.bars[0], (1, "AAPL".to_owned(), expected));
    let counts = followed.counts;
    let found =
        [counts.cancelled, counts.corrected, counts.cancelled_late, counts.corrected_late, counts.no_trade];
    assert_eq!(found, [1; 5], "{counts:?}");
    for kind in ["cancelled", "corrected", "cancelled_late", "corrected_late", "no_trade"] {
        assert_eq!(followed.kinds.get(kind), Some(&1), "{kind}");
    }
}
