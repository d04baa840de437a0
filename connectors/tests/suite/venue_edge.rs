//! Venues over real sockets: captures as sent, and imitated venues with lost connections, silence and wrong
//! times.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use betaflow_connectors::DataError;
use betaflow_connectors::live::{
    Account, Bars, BarsFrom, Capture, Direction, Edge, EdgeEvent, EdgeSettings, Faults, Feed, FeedReader,
    FeedValues, Hello, Overflow, PROTOCOL, Playback, RawLogSettings, Server, ServerProtocol, ServerSettings,
    Speed, VenueSettings,
};
use betaflow_connectors::ticks::{self, Event, venue};
use betaflow_engine::frame::Field;
use tokio_tungstenite::tungstenite;

use crate::support::live::{carry, feed, panel};

/// Timeout that only a hang exceeds.
const LONG: Duration = Duration::from_secs(60);
const SECOND: i64 = 1_000_000_000;

/// Returns settings with one-second bars and short timeouts.
fn settings(venue: &str, symbols: &[&str], address: SocketAddr) -> VenueSettings {
    VenueSettings {
        url: Some(format!("ws://{address}")),
        bar_ns: SECOND,
        lateness: Duration::ZERO,
        retry_after: Duration::from_millis(2),
        retry_max: Duration::from_millis(20),
        ..VenueSettings::new(venue, symbols)
    }
}

fn next<T>(edge: &Edge, wanted: impl Fn(&EdgeEvent) -> Option<T>) -> T {
    let (events, until) = (edge.events(), Instant::now() + LONG);
    loop {
        let event = events.recv_deadline(until).expect("an event");
        if let Some(found) = wanted(&event) {
            return found;
        }
    }
}

/// Formats bars as a line: number, end, and each symbol with its columns.
fn line(event: &EdgeEvent) -> Option<String> {
    let EdgeEvent::Bars { bars, text, .. } = event else { return None };
    assert_eq!(*text, bars.to_text());
    let mut line = format!("{} {}", bars.seq, bars.timestamp);
    for (i, symbol) in bars.symbols.iter().enumerate() {
        let column = |field| bars.columns.iter().find(|(known, _)| *known == field).unwrap().1[i];
        let numbers = [Field::Open, Field::High, Field::Low, Field::Close, Field::Volume].map(column);
        line += &format!(", {symbol} {numbers:?}");
    }
    Some(line)
}

/// Returns the control of an event, as JSON.
fn control(event: &EdgeEvent) -> Option<serde_json::Value> {
    event.control().map(|control| serde_json::from_str(&control.body).unwrap())
}

/// Returns the next control of a kind.
fn said(edge: &Edge, kind: &str) -> serde_json::Value {
    next(edge, |event| control(event).filter(|body| body["kind"] == kind))
}

#[test]
#[ignore = "reads data outside the repository: ../shared/data"]
fn captures_give_the_same_bars_with_and_without_a_socket() {
    // Far longer than the delays of a busy machine, so that elapsed time closes no bar.
    let lateness = Duration::from_secs(10);
    let mut all = 0;
    for (feed, name) in crate::feeds::FEEDS {
        let (messages, path) = (crate::feeds::messages(feed), crate::feeds::path(feed));
        let mut adapter = venue(name).unwrap();
        let mut symbols = BTreeSet::new();
        let mut first = None;
        for message in &messages {
            let mut out = Vec::new();
            adapter.parse(message, &mut out);
            let times = out.iter().filter_map(Event::time_ns).filter(|_| !out.contains(&Event::Past));
            first = first.or(times.max());
            symbols.extend(out.iter().filter_map(|event| match event {
                Event::Trade(trade) => Some(trade.symbol.to_string()),
                _ => None,
            }));
        }
        let names: Vec<&str> = symbols.iter().map(String::as_str).collect();
        let bar_settings = ticks::BarSettings {
            length_ns: SECOND,
            lateness_ns: 10 * SECOND,
            late: ticks::LatePolicy::DropAndCount,
            from_ns: i64::MIN,
        };
        let mut bars = ticks::Bars::new(bar_settings, 1, names.iter().copied()).unwrap();
        let (mut adapter, mut closed) = (venue(name).unwrap(), Vec::new());
        for message in &messages {
            let mut out = Vec::new();
            adapter.parse(message, &mut out);
            bars.observe_message(0, &out, &mut closed);
        }
        // The interval in which the connection began is incomplete.
        closed.retain(|interval| interval.start_ns >= first.unwrap());
        let expected: Vec<String> = closed
            .iter()
            .enumerate()
            .map(|(seq, interval)| {
                let bars = interval.bars.iter().map(|(symbol, bar)| {
                    format!(", {symbol} {:?}", [bar.open, bar.high, bar.low, bar.close, bar.volume])
                });
                format!("{seq} {}{}", interval.end_ns, bars.collect::<String>())
            })
            .collect();
        let played =
            Playback::start(&path, "127.0.0.1:0".parse().unwrap(), Speed::Max, |error| panic!("{error}"));
        let played = played.unwrap();
        let edge =
            Edge::follow(VenueSettings { lateness, ..settings(name, &names, played.address()) }).unwrap();
        let found: Vec<String> = expected.iter().map(|_| next(&edge, line)).collect();
        assert_eq!(found, expected, "{feed}");
        while edge.counts().messages < messages.len() as u64 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let counts = edge.venue_counts().unwrap();
        assert_eq!((counts.messages.unknown(), counts.messages.refused()), (0, 0), "{feed}");
        let counts = edge.stop();
        assert_eq!((counts.gaps, counts.refused, counts.late), (adapter.sequences().gaps(), 0, 0), "{feed}");
        all += expected.len();
    }
    assert!(all > 40, "{all}");
}

/// Action after the last message.
#[derive(Clone, Copy)]
enum Then {
    /// Cut the connection without a message.
    Cut,
    /// Stay connected and answer pings.
    Stay,
}

/// Imitated venue: for each connection, the texts to send after the client's first message, and the action
/// after them.
struct Handmade {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Handmade {
    fn start(connections: Vec<(Vec<String>, Then)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let to = Arc::clone(&heard);
        std::thread::spawn(move || {
            for (texts, then) in connections {
                let Ok((stream, _)) = listener.accept() else { return };
                let mut socket = tungstenite::accept(stream).unwrap();
                to.lock().unwrap().push(socket.read().unwrap().to_text().unwrap().to_owned());
                for text in texts {
                    // `pause` is not a message.
                    match text.strip_prefix("pause ") {
                        Some(ms) => std::thread::sleep(Duration::from_millis(ms.parse().unwrap())),
                        None => _ = socket.send(text.into()),
                    }
                }
                match then {
                    Then::Cut => drop(socket),
                    Then::Stay => _ = std::thread::spawn(move || while socket.read().is_ok() {}),
                }
            }
            std::thread::sleep(LONG);
        });
        Self { address, heard }
    }

    fn client(&self) -> VenueSettings {
        settings("coinbase_exchange", &["A-B"], self.address)
    }
}

/// Formats milliseconds after a midnight as Coinbase does.
fn iso(ms: i64) -> String {
    format!("2026-01-05T00:{:02}:{:02}.{:03}Z", ms / 60_000, ms / 1000 % 60, ms % 1000)
}

fn trade(id: u64, ms: i64, price: f64) -> String {
    let time = iso(ms);
    format!(
        r#"{{"type":"match","trade_id":{id},"product_id":"A-B","price":"{price}","size":"2","time":"{time}"}}"#
    )
}

fn heartbeat(ms: i64) -> String {
    format!(r#"{{"type":"heartbeat","sequence":90,"product_id":"A-B","time":"{}"}}"#, iso(ms))
}

/// Time of the midnight in `iso`, ns since 1970 UTC.
const MIDNIGHT: i64 = 1_767_571_200 * SECOND;

fn bar(seq: u64, second: i64, prices: &str, volume: f64) -> String {
    format!("{seq} {}, A-B [{prices}, {volume:?}]", MIDNIGHT + second * SECOND)
}

#[test]
fn cut_connection_is_reported_resubscribed_and_continued() {
    let last =
        format!("{}{}", r#"{"type":"last_match","#, &trade(1, 100, 5.0)[r#"{"type":"match","#.len()..]);
    let first = vec![
        last,
        heartbeat(300),
        trade(2, 400, 6.0),
        // First complete second.
        trade(3, 1_200, 7.0),
        trade(4, 1_800, 8.0),
        trade(5, 2_500, 9.0),
    ];
    let second = vec![
        heartbeat(4_200),
        trade(8, 4_300, 3.0),
        heartbeat(5_400),
        trade(9, 5_500, 4.0),
        heartbeat(6_000),
    ];
    let venue = Handmade::start(vec![(first, Then::Cut), (second, Then::Stay)]);
    let edge = Edge::follow(VenueSettings { first_seq: 40, ..venue.client() }).unwrap();
    let hello = next(&edge, |event| match event {
        EdgeEvent::Connected { hello, .. } => Some(hello.clone()),
        _ => None,
    });
    assert_eq!(hello, venue.client().hello());
    assert_eq!(hello.name, "coinbase_exchange 1s");
    assert_eq!(next(&edge, line), bar(40, 2, "7.0, 8.0, 7.0, 8.0", 4.0));
    assert!(said(&edge, "disconnected")["why"].as_str().is_some());
    said(&edge, "connected");
    let outage = said(&edge, "outage");
    let at = |name: &str| (outage[name].as_i64().unwrap() - MIDNIGHT) / SECOND;
    assert_eq!((at("from_ns"), at("to_ns")), (2, 5));
    // The received part of the affected seconds is delivered.
    assert_eq!(next(&edge, line), bar(41, 3, "9.0, 9.0, 9.0, 9.0", 2.0));
    let missing = said(&edge, "missing");
    assert_eq!((missing["stream"].as_str(), missing["missed"].as_u64()), (Some("match"), Some(2)));
    assert_eq!(next(&edge, line), bar(42, 5, "3.0, 3.0, 3.0, 3.0", 2.0));
    assert_eq!(next(&edge, line), bar(43, 6, "4.0, 4.0, 4.0, 4.0", 2.0));
    let heard = venue.heard.lock().unwrap().clone();
    assert!(heard.len() == 2 && heard[0] == heard[1] && heard[0].contains("\"subscribe\""), "{heard:?}");
    let counts = edge.stop();
    let found =
        (counts.reconnects, counts.outages, counts.gaps, counts.missing, counts.before, counts.delivered);
    assert_eq!(found, (1, 1, 1, 2, 2, 4), "{counts:?}");
}

#[test]
fn missed_interval_is_reported_after_a_restart() {
    let venue = Handmade::start(vec![(
        vec![heartbeat(4_200), trade(1, 4_300, 5.0), trade(2, 5_100, 6.0), heartbeat(6_000)],
        Then::Stay,
    )]);
    let from_ns = Some(MIDNIGHT + 2 * SECOND);
    let edge = Edge::follow(VenueSettings { from_ns, first_seq: 7, ..venue.client() }).unwrap();
    let outage = said(&edge, "outage");
    assert_eq!(
        (outage["from_ns"].as_i64(), outage["to_ns"].as_i64()),
        (from_ns, Some(MIDNIGHT + 5 * SECOND))
    );
    assert_eq!(next(&edge, line), bar(7, 6, "6.0, 6.0, 6.0, 6.0", 2.0));
}

#[test]
fn silence_is_reported_as_stale_and_the_clock_closes_open_bars() {
    let texts = vec![heartbeat(0), heartbeat(100), trade(1, 200, 5.0)];
    let venue = Handmade::start(vec![(texts.clone(), Then::Stay), (texts, Then::Stay)]);
    let stale_after = Some(Duration::from_millis(1_500));
    let edge = Edge::follow(VenueSettings { stale_after, ..venue.client() }).unwrap();
    let begun = Instant::now();
    let (found, received) = next(&edge, |event| match event {
        EdgeEvent::Bars { received, .. } => Some((line(event)?, *received)),
        _ => None,
    });
    assert_eq!(found, bar(0, 1, "5.0, 5.0, 5.0, 5.0", 2.0));
    assert!(
        begun.elapsed() >= Duration::from_millis(700),
        "expected the bar 800 ms after the trade by the venue's clock"
    );
    assert!(received >= begun && received <= Instant::now());
    assert!(said(&edge, "stale")["seconds"].as_f64().unwrap() >= 1.5);
    said(&edge, "connected");
    assert!(edge.counts().stale > 0 && edge.counts().reconnects == 1);
}

#[test]
fn refusals_are_reported_and_a_wrong_time_closes_no_bar() {
    let mad = trade(2, 1_400, 5.0).replace("2026-", "2126-");
    let error = r#"{"type":"error","message":"Failed to subscribe","reason":"A-B is not a valid product"}"#;
    let texts = vec![
        error.to_owned(),
        "nonsense".to_owned(),
        "more nonsense".to_owned(),
        r#"{"type":"weather"}"#.to_owned(),
        heartbeat(900),
        heartbeat(950),
        trade(1, 1_300, 5.0),
        mad,
        trade(3, 1_500, 6.0),
        heartbeat(2_000),
    ];
    let venue = Handmade::start(vec![(texts, Then::Stay)]);
    let edge = Edge::follow(venue.client()).unwrap();
    let words = said(&edge, "venue_error")["words"].as_str().unwrap().to_owned();
    assert_eq!(words, "Failed to subscribe: A-B is not a valid product");
    let text = said(&edge, "refused")["text"].as_str().unwrap().to_owned();
    assert!(text.contains("`message`: found nonsense, expected a JSON object"), "{text}");
    assert_eq!(next(&edge, line), bar(0, 2, "5.0, 6.0, 5.0, 6.0", 4.0));
    let types = edge.venue_counts().unwrap().messages;
    assert_eq!((types.refused(), types.unknown(), types.by_type()["heartbeat"]), (2, 1, 3));
    let counts = edge.stop();
    assert_eq!((counts.refused, counts.unknown, counts.doubted, counts.late), (2, 1, 1, 0), "{counts:?}");
}

/// Returns a venue with one trade per second.
fn steady(seconds: i64) -> Handmade {
    let mut texts = vec![heartbeat(0), heartbeat(1)];
    texts.extend((0..seconds).map(|s| trade(s.unsigned_abs(), s * 1000 + 500, 10.0 + s as f64)));
    Handmade::start(vec![(texts, Then::Stay)])
}

#[test]
fn bars_without_room_are_merged_and_reported() {
    let venue = steady(40);
    let edge = Edge::follow(VenueSettings { capacity: 4, ..venue.client() }).unwrap();
    while edge.counts().delivered < 39 {
        std::thread::sleep(Duration::from_millis(5));
    }
    // The connection event and three bars fill the channel; the other 36 are merged.
    said(&edge, "connected");
    for seq in 0..3_u32 {
        let price = 10.0 + f64::from(seq);
        let expected =
            bar(seq.into(), i64::from(seq) + 1, &format!("{price:?}, {price:?}, {price:?}, {price:?}"), 2.0);
        assert_eq!(next(&edge, line), expected);
    }
    let event = edge.events().recv_timeout(LONG).unwrap();
    let said = control(&event).unwrap();
    assert_eq!((said["kind"].as_str(), said["frames"].as_u64()), (Some("conflated"), Some(36)));
    assert_eq!(said["from_ns"].as_i64(), Some(MIDNIGHT + 4 * SECOND));
    assert_eq!(said["to_ns"].as_i64(), Some(MIDNIGHT + 39 * SECOND));
    let event = edge.events().recv_timeout(LONG).unwrap();
    assert_eq!(line(&event).unwrap(), bar(38, 39, "13.0, 48.0, 13.0, 48.0", 72.0));
    let counts = edge.stop();
    assert_eq!((counts.conflated, counts.delivered), (35, 39), "{counts:?}");
}

#[test]
fn fail_policy_ends_with_an_error_and_block_policy_loses_no_bar() {
    let venue = steady(40);
    let edge =
        Edge::follow(VenueSettings { capacity: 4, overflow: Overflow::Fail, ..venue.client() }).unwrap();
    let until = Instant::now() + LONG;
    while edge.counts().blocked == 0 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    let text = next(&edge, |event| match event {
        EdgeEvent::Failed { text, .. } => Some(text.clone()),
        _ => None,
    });
    assert!(text.contains("4 messages behind") && text.contains("recorded inputs are complete"), "{text}");
    assert!(edge.events().recv_timeout(LONG).is_err(), "no event follows");
    let venue = steady(40);
    let edge =
        Edge::follow(VenueSettings { capacity: 1, overflow: Overflow::Block, ..venue.client() }).unwrap();
    let seqs: Vec<String> = (0..39).map(|_| next(&edge, line)).collect();
    assert_eq!(seqs[38], bar(38, 39, "48.0, 48.0, 48.0, 48.0", 2.0));
    assert_eq!(edge.counts().conflated, 0);
}

/// Feed of a few instruments with gaps, a factor and rf, and sometimes several factor rows.
struct Small(Hello, Vec<Bars>);

impl Small {
    fn new() -> Self {
        let (columns, factors) =
            (vec!["high".to_owned(), "close".to_owned(), "volume".to_owned()], vec!["mkt".to_owned()]);
        let (protocol, name, values) = (PROTOCOL, "small".to_owned(), FeedValues::Prices);
        let hello =
            Hello { protocol, name, columns, factors, has_rf: true, values, frames: None, recorded: false };
        let bars = |seq: u32| {
            let symbols = if seq.is_multiple_of(3) { vec!["B", "A"] } else { vec!["A", "C"] };
            let price = f64::from(seq * 7 % 11 + 1);
            let gap = if seq.is_multiple_of(5) { f64::NAN } else { price };
            let factor = f64::from(seq) * 1e-4;
            Bars {
                seq: seq.into(),
                timestamp: i64::from(seq) + 1,
                symbols: symbols.into_iter().map(str::to_owned).collect(),
                columns: vec![
                    (Field::High, vec![price + 1.0, gap]),
                    (Field::Close, vec![price, gap]),
                    (Field::Volume, vec![2.0, gap]),
                ],
                factors: (seq % 4 != 1).then(|| vec![factor]),
                rf: (seq % 4 != 1).then_some(1e-5),
                factor_rows: if seq % 4 == 2 {
                    vec![vec![0.01, 0.0], vec![factor, 1e-5]]
                } else {
                    Vec::new()
                },
            }
        };
        Self(hello, (0..60).map(bars).collect())
    }
}

impl Feed for Small {
    fn hello(&self) -> &Hello {
        &self.0
    }

    fn open(&self) -> Result<Box<dyn FeedReader>, DataError> {
        Ok(Box::new(SmallReader(self.1.clone().into_iter())))
    }
}

struct SmallReader(std::vec::IntoIter<Bars>);

impl FeedReader for SmallReader {
    fn read(&mut self) -> Result<Option<Bars>, DataError> {
        Ok(self.0.next())
    }
}

fn serve(feed: impl Feed + 'static) -> (Server, EdgeSettings) {
    let settings = ServerSettings::new("127.0.0.1:0".parse().unwrap());
    let server = Server::start(Arc::new(feed), settings, |error| panic!("{error}")).unwrap();
    let settings = EdgeSettings {
        capacity: 4,
        overflow: Overflow::ConflateLatest,
        ..EdgeSettings::new(&format!("ws://{}", server.address()))
    };
    (server, settings)
}

fn rows(bars: &Bars) -> Vec<Vec<f64>> {
    match (&bars.factors, bars.factor_rows.is_empty()) {
        (_, false) => bars.factor_rows.clone(),
        (Some(factors), true) => vec![vec![factors[0], bars.rf.unwrap()]],
        (None, true) => Vec::new(),
    }
}

#[test]
fn own_feed_is_merged_into_one_longer_interval() {
    let small = Small::new();
    let originals = small.1.clone();
    let (_server, settings) = serve(small);
    let edge = Edge::start(settings).unwrap();
    // The whole feed arrives before the first receive: connection event, three messages, and one merged from
    // all others.
    while edge.counts().delivered < 60 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let frames = next(&edge, |event| match event {
        EdgeEvent::Conflated { frames, .. } => Some(*frames),
        _ => None,
    });
    let merged = next(&edge, |event| match event {
        EdgeEvent::Bars { bars, .. } => Some(bars.clone()),
        _ => None,
    });
    let parts = &originals[3..];
    assert_eq!((frames, merged.seq, merged.timestamp), (57, 59, 60));
    assert_eq!(merged.symbols, ["B", "A", "C"]);
    let number = |bars: &Bars, field, symbol: &str| {
        let place = bars.symbols.iter().position(|known| known == symbol)?;
        let column = &bars.columns.iter().find(|(known, _)| *known == field)?.1;
        Some(column[place]).filter(|number| !number.is_nan())
    };
    for symbol in ["A", "B", "C"] {
        let of = |field| parts.iter().filter_map(move |bars| number(bars, field, symbol));
        assert_eq!(number(&merged, Field::High, symbol), of(Field::High).reduce(f64::max), "{symbol}");
        assert_eq!(number(&merged, Field::Close, symbol), of(Field::Close).next_back(), "{symbol}");
        assert_eq!(number(&merged, Field::Volume, symbol), Some(of(Field::Volume).sum()), "{symbol}");
    }
    let expected: Vec<Vec<f64>> = parts.iter().flat_map(rows).collect();
    assert_eq!(merged.factor_rows, expected);
    let compound = |column: usize| expected.iter().fold(1.0, |sum, row| sum * (1.0 + row[column])) - 1.0;
    assert!((merged.factors.unwrap()[0] - compound(0)).abs() < 1e-12);
    assert!((merged.rf.unwrap() - compound(1)).abs() < 1e-12);
    next(&edge, |event| matches!(event, EdgeEvent::End { frames: 60, .. }).then_some(()));
}

#[test]
fn splits_and_returns_are_refused_for_merging_at_once() {
    let mut returns = Small::new();
    returns.0.values = FeedValues::Returns;
    let split = feed(&panel(21, 60), true, &carry());
    let cases = [(serve(split), "found the column `dividend`"), (serve(returns), "found returns")];
    for ((_server, settings), part) in cases {
        let edge = Edge::start(settings).unwrap();
        let text = next(&edge, |event| match event {
            EdgeEvent::Failed { text, .. } => Some(text.clone()),
            _ => None,
        });
        assert!(text.contains(part) && text.contains("feed.overflow"), "{text}");
    }
}

#[test]
fn no_message_is_requested_without_back_fill() {
    let small = Small::new();
    let faults = Faults { drop: 0.2, seed: 4, ..Faults::default() };
    let settings = ServerSettings { faults, ..ServerSettings::new("127.0.0.1:0".parse().unwrap()) };
    let server = Server::start(Arc::new(small), settings, |error| panic!("{error}")).unwrap();
    for held_max in [4_096, 0] {
        let url = format!("ws://{}", server.address());
        let late = Duration::from_millis(20);
        let edge = EdgeSettings { back_fill: false, late, held_max, ..EdgeSettings::new(&url) };
        let edge = Edge::start(edge).unwrap();
        let mut seqs = Vec::new();
        loop {
            match edge.events().recv_timeout(LONG).unwrap() {
                EdgeEvent::Bars { bars, .. } => seqs.push(bars.seq),
                EdgeEvent::Gap { from, to, .. } => seqs.extend(from..=to),
                EdgeEvent::End { .. } => break,
                _ => {}
            }
        }
        assert_eq!(
            seqs,
            (0..60).collect::<Vec<_>>(),
            "{held_max}: each message is delivered or reported as missing"
        );
        let counts = edge.stop();
        assert!(counts.requests == 0 && counts.filled == 0 && counts.missing > 3, "{held_max}: {counts:?}");
    }
}

#[test]
fn venue_messages_are_recorded_byte_for_byte_in_rotating_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut texts = vec![heartbeat(0)];
    texts.extend((0..3_000).map(|i| trade(i, 10 + i as i64, 1.0)));
    let venue = Handmade::start(vec![(texts.clone(), Then::Stay)]);
    let account = Some(Account { key: "A-B".to_owned(), secret: "very secret".to_owned() });
    let mut raw_log = RawLogSettings::new(&folder.path().join("raw"));
    let follow = |raw_log: &RawLogSettings, client: VenueSettings| {
        let edge = Edge::follow(VenueSettings {
            raw_log: Some(raw_log.clone()),
            account: account.clone(),
            ..client
        });
        let edge = edge.unwrap();
        while edge.counts().messages < texts.len() as u64 {
            std::thread::sleep(Duration::from_millis(5));
        }
        edge.stop();
        let mut files: Vec<_> =
            std::fs::read_dir(&raw_log.folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let (mut said, mut asked, mut bytes) = (Vec::new(), Vec::new(), 0);
        for file in &files {
            bytes += file.metadata().unwrap().len();
            let mut capture = Capture::open(file).unwrap();
            while let Some(message) = capture.read().unwrap() {
                assert_eq!((message.conn.as_str(), message.recv_ns > 0), ("1", true));
                match message.dir {
                    Direction::In => said.push(message.raw),
                    Direction::Out => asked.push(message.raw),
                }
            }
        }
        (said, asked, files.len(), bytes)
    };
    let (said, asked, files, _) = follow(&raw_log, venue.client());
    assert_eq!((said == texts, files), (true, 1));
    let sent = venue.heard.lock().unwrap()[0].clone();
    assert_eq!(asked, [sent.replace("A-B", "***")], "secrets must be replaced");
    // Small files with a small total size.
    raw_log =
        RawLogSettings { folder: folder.path().join("small"), file_max: 64 << 10, total_max: 256 << 10 };
    let venue = Handmade::start(vec![(texts.clone(), Then::Stay)]);
    let (said, _, files, bytes) = follow(&raw_log, venue.client());
    assert!(said.len() < texts.len() && texts.ends_with(&said), "the oldest files must be removed");
    assert!(files > 1 && bytes <= (256 + 128) << 10, "{files} files, {bytes} bytes");
    // A folder path that is a file.
    std::fs::write(folder.path().join("file"), "").unwrap();
    raw_log.folder = folder.path().join("file");
    let refused = Edge::follow(VenueSettings { raw_log: Some(raw_log), ..venue.client() });
    assert!(refused.err().unwrap().to_string().contains("cannot write the raw log"));
}

#[test]
fn failing_disk_is_reported_once_and_bars_continue() {
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("raw");
    let mut texts = vec![heartbeat(0), heartbeat(1)];
    for i in 0..80_u64 {
        texts.extend([trade(i, 500 + i.cast_signed() * 100, 1.0), "pause 100".to_owned()]);
    }
    let venue = Handmade::start(vec![(texts, Then::Stay)]);
    // Each block starts a new file.
    let raw_log = RawLogSettings { file_max: 1, ..RawLogSettings::new(&raw) };
    let edge = Edge::follow(VenueSettings { raw_log: Some(raw_log), ..venue.client() }).unwrap();
    let counts = || edge.venue_counts().unwrap().raw_log;
    while counts().messages == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::fs::remove_dir_all(&raw).unwrap();
    let text = said(&edge, "note")["text"].as_str().unwrap().to_owned();
    assert!(text.contains("cannot record the messages") && text.contains("trading continues"), "{text}");
    assert!(next(&edge, line).contains("A-B"), "bars continue");
    std::fs::create_dir(&raw).unwrap();
    let text = said(&edge, "note")["text"].as_str().unwrap().to_owned();
    assert!(text.contains("recorded again; ") && counts().lost > 0, "{text} {:?}", counts());
}

#[test]
fn klines_of_a_served_file_can_be_followed_as_a_venue() {
    let (panel, plain) = (panel(12, 60), carry());
    let bar_ns = 86_400 * SECOND;
    let settings_of = ServerSettings {
        protocol: ServerProtocol::Binance { bar_ns },
        ..ServerSettings::new("127.0.0.1:0".parse().unwrap())
    };
    let server =
        Server::start(Arc::new(feed(&panel, false, &plain)), settings_of, |error| panic!("{error}")).unwrap();
    let mut expected = Vec::new();
    let mut reader = feed(&panel, false, &plain).open().unwrap();
    while let Some(bars) = reader.read().unwrap() {
        let closes = &bars.columns.iter().find(|(field, _)| *field == Field::Close).unwrap().1;
        let closes: Vec<(String, f64)> = bars
            .symbols
            .iter()
            .zip(closes)
            .filter(|(symbol, close)| ["A", "SPX"].contains(&symbol.as_str()) && !close.is_nan())
            .map(|(symbol, close)| (symbol.clone(), *close))
            .collect();
        if !closes.is_empty() {
            expected.push((bars.timestamp, closes));
        }
    }
    let edge = Edge::follow(VenueSettings {
        bar_ns,
        bars_from: BarsFrom::Venue,
        overflow: Overflow::Block,
        // Bars of the same second arrive at different times.
        lateness: Duration::from_secs(1),
        ..settings("binance", &["SPX", "A"], server.address())
    });
    let edge = edge.unwrap();
    // The last bars stay open, because no later bar arrives.
    for expected in &expected[..expected.len() - 6] {
        let found = next(&edge, |event| match event {
            EdgeEvent::Bars { bars, .. } => {
                let closes = &bars.columns.iter().find(|(field, _)| *field == Field::Close).unwrap().1;
                let mut closes: Vec<_> = bars.symbols.iter().cloned().zip(closes.iter().copied()).collect();
                closes.sort_by(|a, b| a.0.cmp(&b.0));
                Some((bars.timestamp, closes))
            }
            _ => None,
        });
        let mut expected = expected.clone();
        expected.1.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(found, expected);
    }
}

#[test]
fn invalid_settings_are_refused_before_connecting() {
    let address = "127.0.0.1:9".parse().unwrap();
    let of = |venue: &str| settings(venue, &["BTCUSDT"], address);
    let cases = [
        (of("binnance"), "did you mean `binance`?"),
        (of("alpaca"), "found no key and secret"),
        (VenueSettings { symbols: Vec::new(), ..of("binance") }, "found no symbols to subscribe to"),
        (VenueSettings { bar_ns: 7 * SECOND, ..of("binance") }, "divides a day"),
        (
            VenueSettings { bar_ns: 7 * SECOND, bars_from: BarsFrom::Venue, ..of("binance") },
            "found bars of 7000 ms",
        ),
        (VenueSettings { url: Some("http://x".to_owned()), ..of("binance") }, "found the scheme `http`"),
    ];
    for (settings, part) in cases {
        let text = Edge::follow(settings).err().unwrap().to_string();
        assert!(text.contains(part), "{text}");
    }
}
