//! Feeds over real sockets with injected faults give the same frames as a replay.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use betaflow_connectors::live::{
    Bars, Edge, EdgeCounts, EdgeEvent, EdgeInputs, EdgeSettings, Faults, Feed, FeedReader, FeedSource,
    FeedValues, Hello, NoLog, PROTOCOL, Server, ServerProtocol, ServerSettings, ServerTls, Speed, Trust,
};
use betaflow_connectors::{DataError, parquet::Settings};
use betaflow_engine::frame::Field;
use support::live::{Panel, all, carry, cases, feed, panel, replayed};

/// Timeout that only a hang exceeds.
const LONG: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_millis(50);
/// 2024-01-01T12:00Z.
const NOON: i64 = 1_704_110_400_000_000_000;
const HOUR_NS: i64 = 3_600_000_000_000;

fn loopback() -> ServerSettings {
    ServerSettings::new("127.0.0.1:0".parse().unwrap())
}

fn start(feed: impl Feed + 'static, settings: ServerSettings) -> Server {
    Server::start(Arc::new(feed), settings, |error| panic!("{error}")).unwrap()
}

/// Settings of a client with short timeouts.
fn client(server: &Server) -> EdgeSettings {
    EdgeSettings {
        late: Duration::from_millis(20),
        retry_after: Duration::from_millis(2),
        retry_max: SOON,
        ..EdgeSettings::new(&format!("ws://{}", server.address()))
    }
}

/// Follows a feed to its end and returns the frames of the source.
fn followed(
    panel: &Panel,
    factors: bool,
    settings: &Settings,
    edge: EdgeSettings,
) -> (Vec<String>, EdgeCounts) {
    let edge = Edge::start(edge).unwrap();
    let hello = feed(panel, factors, settings).hello().clone();
    let inputs = Box::new(EdgeInputs::new(&hello.name, edge.events()));
    let mut source = FeedSource::open(&hello, inputs, Box::new(NoLog), settings.clone()).unwrap();
    let frames = all(&mut source).unwrap();
    (frames, edge.stop())
}

/// Returns the next event accepted by `wanted`; times out only on a hang.
fn next<T>(edge: &Edge, wanted: impl Fn(&EdgeEvent) -> Option<T>) -> T {
    let (events, until) = (edge.events(), Instant::now() + LONG);
    loop {
        let event = events.recv_deadline(until).expect("an event");
        if let Some(found) = wanted(&event) {
            return found;
        }
    }
}

fn seq(event: &EdgeEvent) -> Option<u64> {
    if let EdgeEvent::Bars { bars, .. } = event { Some(bars.seq) } else { None }
}

#[test]
fn served_feed_gives_the_frames_of_a_replay() {
    let panel = panel(5, 120);
    for (case, factors, settings) in cases() {
        let server = start(feed(&panel, factors, &settings), loopback());
        let (frames, counts) = followed(&panel, factors, &settings, client(&server));
        assert_eq!(frames, replayed(&panel, factors, &settings), "{case}");
        let clean = (counts.repeats, counts.early, counts.gaps, counts.requests, counts.refused);
        assert_eq!((counts.connections, clean), (1, (0, 0, 0, 0, 0)), "{case}");
        server.stop();
    }
}

/// Each fault alone, then all faults together.
fn faults() -> Vec<(&'static str, Faults)> {
    let of = |seed| Faults { seed, ..Faults::default() };
    let ms = Duration::from_millis;
    let all = |seed| Faults {
        drop: 0.03,
        duplicate: 0.05,
        reorder: 0.05,
        disconnect_every: Some(ms(60)),
        stall: Some(ms(10)),
        ..of(seed)
    };
    vec![
        ("drops", Faults { drop: 0.1, ..of(1) }),
        ("repeats", Faults { duplicate: 0.2, ..of(2) }),
        ("reordering", Faults { reorder: 0.2, ..of(3) }),
        ("cuts", Faults { disconnect_every: Some(ms(40)), ..of(4) }),
        ("silences", Faults { stall: Some(ms(20)), ..of(5) }),
        ("all", all(6)),
        ("all", all(7)),
    ]
}

#[test]
fn faults_do_not_change_frames() {
    let panel = panel(6, 400);
    let settings = carry();
    let expected = replayed(&panel, true, &settings);
    // Some 500 bars over half a second, long enough for the timed faults.
    let days = 500.0 * 86_400.0 * 7.0 / 5.0;
    for (name, faults) in faults() {
        let speed = Speed::Times(days / 0.5);
        let server = start(feed(&panel, true, &settings), ServerSettings { faults, speed, ..loopback() });
        let (frames, counts) = followed(&panel, true, &settings, client(&server));
        assert_eq!(frames, expected, "{name}: {counts:?}");
        let served = server.counts();
        assert_eq!((counts.gaps, counts.refused), (0, 0), "{name}: {counts:?}");
        match name {
            "drops" => assert!(counts.filled > 0 && counts.requests > 0, "{counts:?}"),
            "repeats" => assert!(counts.repeats > 10, "{counts:?}"),
            "reordering" => assert!(counts.early > 10, "{counts:?}"),
            "cuts" => assert!(counts.reconnects > 2 && served.cut > 2, "{counts:?} {served:?}"),
            "silences" => assert!(served.stalls > 0, "{served:?}"),
            _ => assert!(counts.repeats > 0 && counts.early > 0 && counts.reconnects > 0, "{counts:?}"),
        }
    }
}

#[test]
fn faults_at_full_speed_do_not_change_frames_with_any_buffer_size() {
    let panel = panel(7, 2_000);
    let settings = carry();
    let expected = replayed(&panel, true, &settings);
    let faults = Faults { drop: 0.01, duplicate: 0.01, reorder: 0.01, seed: 9, ..Faults::default() };
    let server = start(feed(&panel, true, &settings), ServerSettings { faults, ..loopback() });
    for held_max in [4_096, 24, 2] {
        let edge = EdgeSettings { held_max, ..client(&server) };
        let (frames, counts) = followed(&panel, true, &settings, edge);
        assert!(frames == expected, "{held_max}: {counts:?}");
        assert_eq!(counts.gaps, 0, "{held_max}: {counts:?}");
        assert_eq!(counts.overflowed > 0, held_max < 4_096, "{held_max}: {counts:?}");
    }
}

#[test]
fn request_that_overtakes_a_new_subscription_is_answered_although_the_stream_drops_messages() {
    let faults = Faults { drop: 0.3, seed: 4, ..Faults::default() };
    let panel = panel(7, 400);
    let server = start(feed(&panel, false, &carry()), ServerSettings { faults, ..loopback() });
    let last = |text: &str| text.contains("\"type\":\"end\"");
    let subscribe = "{\"type\":\"subscribe\",\"from\":0}".to_owned();
    let mut client = Plain::connect(&server);
    client.say(&subscribe);
    let heard = client.hear(last);
    let has = |heard: &str, seq: u64| heard.contains(&format!("\"seq\":{seq},"));
    let dropped: Vec<u64> = (200..400).filter(|seq| !has(&heard, *seq)).collect();
    assert!(dropped.len() > 30, "{dropped:?}");
    // Both in one packet, so the request is read while the stream is at its start.
    client.say_together(&[subscribe, "{\"type\":\"backfill\",\"from\":200,\"to\":299}".to_owned()]);
    let heard = client.hear(last);
    assert!((200..300).all(|seq| has(&heard, seq)), "every requested message arrives");
    assert!(dropped.iter().all(|seq| has(&heard, *seq) == (*seq < 300)), "others are dropped again");
}

#[test]
fn full_buffer_subscribes_again_for_each_missing_message() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Handmade(listener.local_addr().unwrap());
    let texts = |seqs: &[u64]| seqs.iter().map(|seq| text(*seq)).collect::<Vec<_>>();
    let said = std::thread::spawn(move || {
        let mut socket = tokio_tungstenite::tungstenite::accept(listener.accept().unwrap().0).unwrap();
        let mut until = |texts: Vec<String>, expected: &str| {
            texts.into_iter().for_each(|text| socket.send(text.into()).unwrap());
            while !socket.read().unwrap().to_text().unwrap().contains(expected) {}
        };
        until(vec![hello()], "subscribe");
        // The buffer is full at 7, and the stream continues after message 1 has been repeated.
        until(texts(&[0, 2, 3, 5, 6, 7]), "\"subscribe\",\"from\":1");
        until(texts(&[1, 8, 9, 10]), "\"subscribe\",\"from\":4");
        for text in [texts(&[4, 7, 8, 9, 10]), vec!["{\"type\":\"end\",\"frames\":11}".to_owned()]].concat() {
            socket.send(text.into()).unwrap();
        }
        while socket.read().is_ok() {}
    });
    let edge = Edge::start(EdgeSettings { held_max: 4, ..server.client() }).unwrap();
    assert_eq!([(); 11].map(|()| next(&edge, seq)), std::array::from_fn(|seq| seq as u64));
    next(&edge, |event| matches!(event, EdgeEvent::End { .. }).then_some(()));
    assert_eq!(edge.counts().gaps, 0);
    said.join().unwrap();
}

#[test]
fn silent_server_is_given_more_time_to_answer() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Handmade(listener.local_addr().unwrap());
    let said = std::thread::spawn(move || {
        let mut socket = tokio_tungstenite::tungstenite::accept(listener.accept().unwrap().0).unwrap();
        for text in [hello(), text(0), text(2)] {
            socket.send(text.into()).unwrap();
        }
        while !socket.read().unwrap().to_text().unwrap().contains("backfill") {}
        std::thread::sleep(Duration::from_secs(5));
        // What was sent before the silence arrives first.
        for text in [text(3), text(1), "{\"type\":\"end\",\"frames\":4}".to_owned()] {
            socket.send(text.into()).unwrap();
        }
        while socket.read().is_ok() {}
    });
    let gap_after = Duration::from_millis(3_500);
    let edge = Edge::start(EdgeSettings { gap_after, ..server.client() }).unwrap();
    assert_eq!([(); 4].map(|()| next(&edge, seq)), [0, 1, 2, 3]);
    next(&edge, |event| matches!(event, EdgeEvent::End { .. }).then_some(()));
    assert_eq!(edge.counts().gaps, 0);
    said.join().unwrap();
}

#[test]
fn unfilled_messages_are_gaps_and_earlier_frames_are_equal() {
    let panel = panel(8, 300);
    let settings = carry();
    let expected = replayed(&panel, false, &settings);
    let faults = Faults { drop: 0.05, reorder: 0.05, no_backfill: true, seed: 3, ..Faults::default() };
    let server = start(feed(&panel, false, &settings), ServerSettings { faults, ..loopback() });
    for held_max in [4_096, 4] {
        let edge = Edge::start(EdgeSettings { held_max, ..client(&server) }).unwrap();
        let (mut seqs, mut gaps) = (Vec::new(), Vec::new());
        let end = loop {
            match edge.events().recv_timeout(LONG).unwrap() {
                EdgeEvent::Bars { bars, .. } => seqs.push(bars.seq),
                EdgeEvent::Gap { from, to, at } => {
                    assert_eq!(
                        seqs.last().map_or(0, |last| last + 1),
                        from,
                        "a gap follows the preceding message"
                    );
                    assert!(at.0 > 0);
                    gaps.extend(from..=to);
                    // A gap stands for its messages in the sequence.
                    seqs.extend(from..=to);
                }
                EdgeEvent::End { frames, .. } => break frames,
                _ => {}
            }
        };
        assert_eq!(seqs, (0..end).collect::<Vec<_>>(), "every message is delivered or reported as missing");
        assert!(gaps.len() > 2 && gaps[0] > 0, "{gaps:?}");
        let counts = edge.stop();
        assert_eq!(counts.missing, gaps.len() as u64, "{counts:?}");
        let (frames, _) = followed(&panel, false, &settings, client(&server));
        let before = usize::try_from(gaps[0]).unwrap() - 1;
        assert_eq!(frames[..before], expected[..before]);
        assert_ne!(frames, expected);
    }
}

#[test]
fn unanswered_gap_is_given_up_in_time() {
    // A server with the messages 0 and 2 that ignores requests.
    let server =
        Handmade::start(vec![vec![hello(), text(0), text(2), "{\"type\":\"end\",\"frames\":3}".into()]]);
    let gap_after = Duration::from_millis(150);
    let edge = Edge::start(EdgeSettings { gap_after, ..server.client() }).unwrap();
    let begun = Instant::now();
    let gap =
        next(
            &edge,
            |event| if let EdgeEvent::Gap { from, to, .. } = event { Some((*from, *to)) } else { None },
        );
    assert_eq!((gap, next(&edge, seq)), ((1, 1), 2));
    assert!(begun.elapsed() >= gap_after);
    assert_eq!(
        next(&edge, |event| if let EdgeEvent::End { frames, .. } = event { Some(*frames) } else { None }),
        3
    );
}

#[test]
fn silence_is_reported_and_the_client_reconnects() {
    let server = Handmade::start(vec![vec![hello(), text(0)], vec![hello(), text(1)]]);
    let edge = Edge::start(EdgeSettings { stale_after: SOON, ..server.client() }).unwrap();
    assert_eq!(next(&edge, seq), 0);
    let silent =
        next(&edge, |event| if let EdgeEvent::Stale { silent, .. } = event { Some(*silent) } else { None });
    assert!(silent >= SOON);
    assert_eq!(next(&edge, seq), 1);
    assert_eq!((edge.counts().reconnects, edge.counts().stale > 0), (1, true));
}

#[test]
fn invalid_or_oversized_messages_are_reported_and_recovered() {
    let large = format!("{{\"type\":\"error\",\"text\":\"{}\"}}", "x".repeat(5_000));
    let answers = vec![
        vec![hello(), text(0), "nonsense".into(), "{\"type\":\"weather\"}".into(), text(1), large.clone()],
        vec![hello(), large.clone()],
        vec![hello(), large.clone()],
        vec![hello(), large],
        vec![hello(), text(3), "{\"type\":\"end\",\"frames\":4}".into()],
    ];
    let server = Handmade::start(answers);
    let edge = Edge::start(EdgeSettings { message_max: 4_096, ..server.client() }).unwrap();
    let refused = |event: &EdgeEvent| {
        if let EdgeEvent::Refused { text, .. } = event { Some(text.clone()) } else { None }
    };
    assert_eq!(next(&edge, seq), 0);
    let text = next(&edge, refused);
    assert!(text.contains("message 2: found \"nonsense\"") && text.contains("protocol"), "{text}");
    assert_eq!(next(&edge, seq), 1);
    let text = next(&edge, refused);
    assert!(text.contains("message 5: found") && text.contains("at most 4096 bytes"), "{text}");
    let gap =
        next(
            &edge,
            |event| if let EdgeEvent::Gap { from, to, .. } = event { Some((*from, *to)) } else { None },
        );
    assert_eq!((gap, next(&edge, seq)), ((2, 2), 3));
    let counts = edge.counts();
    assert_eq!((counts.refused, counts.unknown, counts.reconnects), (5, 1, 4), "{counts:?}");
}

/// Returns a message of one instrument at an hour.
fn bar(seq: u64, hour: i64, symbol: &str, close: f64) -> String {
    let timestamp = NOON + hour * HOUR_NS;
    let symbols = vec![symbol.to_owned()];
    let columns = vec![(Field::Close, vec![close])];
    Bars { seq, timestamp, symbols, columns, factors: None, rf: None, factor_rows: Vec::new() }.to_text()
}

#[test]
fn invalid_bars_are_refused_and_correct_bars_of_their_number_count() {
    let twice = bar(2, 2, "A", 1.0).replace(r#"["A"]"#, r#"["A","A"]"#).replace("[1.0]", "[1.0,1.0]");
    let cases = [
        ("price 0", bar(2, 2, "A", 0.0), "found 0 in `close` of `A`"),
        ("negative price", bar(2, 2, "A", -3.0), "found -3 in `close` of `A`"),
        ("earlier", bar(2, 1, "A", 1.0), "expected a later time"),
        ("far future", bar(2, 2_000_000, "A", 1.0), "the local clock"),
        ("days ahead", bar(2, 11 * 24, "A", 1.0), "the time of the next bars"),
        ("symbol twice", twice, "duplicate symbol"),
        ("no symbol", bar(2, 2, "", 1.0), "symbols of 1 to 255 bytes"),
        ("long symbol", bar(2, 2, &"S".repeat(256), 1.0), "symbols of 1 to 255 bytes"),
    ];
    for (case, bad, part) in cases {
        let good = |seq: i32| bar(seq.unsigned_abs().into(), seq.into(), "A", 1.0);
        let end = "{\"type\":\"end\",\"frames\":5}".to_owned();
        let server =
            Handmade::start(vec![vec![hello(), good(0), good(1), bad, good(2), good(3), good(4), end]]);
        let data = Some(Box::new(Settings::default()));
        let edge = Edge::start(EdgeSettings { data, ..server.client() }).unwrap();
        let (mut seqs, mut refusals) = (Vec::new(), Vec::new());
        loop {
            match edge.events().recv_timeout(LONG).unwrap() {
                EdgeEvent::Bars { bars, .. } => seqs.push(bars.seq),
                EdgeEvent::Refused { text, .. } => refusals.push(text),
                EdgeEvent::End { frames, .. } => break assert_eq!(frames, 5, "{case}"),
                EdgeEvent::Connected { .. } => {}
                event => panic!("{case}: {event:?}"),
            }
        }
        assert_eq!(seqs, [0, 1, 2, 3, 4], "{case}");
        assert!(refusals.len() == 1 && refusals[0].contains(part), "{case}: {refusals:?}");
        assert_eq!((edge.counts().refused, edge.counts().missing), (1, 0), "{case}");
    }
}

#[test]
fn long_time_step_is_accepted_once_the_next_message_confirms_it() {
    let end = "{\"type\":\"end\",\"frames\":4}".to_owned();
    let hours = [(0, 0), (1, 1), (2, 264), (1, 1), (2, 264), (3, 265)];
    let bars = hours.map(|(seq, hour)| bar(seq, hour, "A", 1.0));
    let server = Handmade::start(vec![[&[hello()], &bars[..], &[end]].concat()]);
    let data = Some(Box::new(Settings::default()));
    let edge = Edge::start(EdgeSettings { data, ..server.client() }).unwrap();
    let seqs = [(); 4].map(|()| next(&edge, seq));
    next(&edge, |event| matches!(event, EdgeEvent::End { .. }).then_some(()));
    let counts = edge.counts();
    assert_eq!((seqs, counts.refused, counts.repeats), ([0, 1, 2, 3], 0, 2), "{counts:?}");
}

#[test]
fn early_bars_refused_at_their_turn_are_replaced_by_correct_ones_or_reported_as_a_gap() {
    let end = || "{\"type\":\"end\",\"frames\":3}".to_owned();
    let wrong = [(0, 0), (2, 1), (1, 1)].map(|(seq, hour)| bar(seq, hour, "A", 1.0));
    let follow = |rest: Vec<String>| {
        let server = Handmade::start(vec![[&[hello()], &wrong[..], &rest].concat()]);
        let data = Some(Box::new(Settings::default()));
        let edge = Edge::start(EdgeSettings { data, gap_after: SOON, ..server.client() }).unwrap();
        assert_eq!([(); 2].map(|()| next(&edge, seq)), [0, 1]);
        next(&edge, |event| match event {
            EdgeEvent::Bars { bars, .. } => Some(format!("bars {}", bars.seq)),
            EdgeEvent::Gap { from, to, .. } => Some(format!("gap {from} to {to}")),
            EdgeEvent::End { .. } => Some("end".to_owned()),
            _ => None,
        })
    };
    assert_eq!(follow(vec![bar(2, 2, "A", 1.0), end()]), "bars 2");
    assert_eq!(follow(vec![bar(2, 1, "A", 1.0), end()]), "gap 2 to 2");
    assert_eq!(follow(vec![end()]), "gap 2 to 2");
}

#[test]
fn bars_refused_twice_are_given_up_at_once() {
    let end = "{\"type\":\"end\",\"frames\":3}".to_owned();
    let bad = || bar(1, 1, "A", -1.0);
    let server =
        Handmade::start(vec![vec![hello(), bar(0, 0, "A", 1.0), bad(), bad(), bar(2, 2, "A", 1.0), end]]);
    let data = Some(Box::new(Settings::default()));
    let edge = Edge::start(EdgeSettings { data, gap_after: LONG, ..server.client() }).unwrap();
    let gap =
        next(
            &edge,
            |event| if let EdgeEvent::Gap { from, to, .. } = event { Some((*from, *to)) } else { None },
        );
    assert_eq!((gap, next(&edge, seq)), ((1, 1), 2));
}

#[test]
fn number_far_ahead_does_not_open_a_gap() {
    let first = vec![hello(), text(0), text(1 << 40), text(1)];
    let server =
        Handmade::start(vec![first, vec![hello(), text(2), "{\"type\":\"end\",\"frames\":3}".into()]]);
    let settings = EdgeSettings { gap_after: SOON, stale_after: 10 * SOON, ..server.client() };
    let edge = Edge::start(settings).unwrap();
    let refused = |event: &EdgeEvent| {
        if let EdgeEvent::Refused { text, .. } = event { Some(text.clone()) } else { None }
    };
    assert_eq!((next(&edge, seq), next(&edge, seq)), (0, 1));
    let text = next(&edge, refused);
    assert!(text.contains("found bars 1099511627776, expected a number near the next one, 2"), "{text}");
    assert_eq!(next(&edge, seq), 2);
    assert_eq!(edge.counts().missing, 0);
}

#[test]
fn number_far_ahead_opens_no_gap_when_others_are_unavailable_or_the_buffer_is_full() {
    let (far, end) = (1 << 40, "{\"type\":\"end\",\"frames\":3}".to_owned());
    let unavailable = format!("{{\"type\":\"unavailable\",\"from\":2,\"to\":{}}}", far - 1);
    for (back_fill, messages) in [
        (true, vec![hello(), text(0), text(far), text(1), unavailable, text(2), end.clone()]),
        (false, vec![hello(), text(0), text(far), text(2), text(1), end]),
    ] {
        let server = Handmade::start(vec![messages]);
        let settings =
            EdgeSettings { back_fill, held_max: 1, gap_after: LONG, late: LONG, ..server.client() };
        let edge = Edge::start(settings).unwrap();
        assert_eq!([0, 1, 2].map(|_| next(&edge, seq)), [0, 1, 2], "back_fill {back_fill}");
        assert_eq!(edge.counts().missing, 0, "back_fill {back_fill}");
    }
}

#[test]
fn invalid_hellos_are_reported() {
    let changed = |from: &str, to: &str| hello().replace(from, to);
    let long = format!("\"{}\"", "x".repeat(256));
    let cases = [
        (
            changed("\"made by hand\"", &long),
            "names of a feed, its columns and its factors of 1 to 255 bytes",
        ),
        (changed("\"made by hand\"", "\"\""), "names of a feed"),
        (changed("[\"close\"]", "[]"), "the column `close`"),
        (changed("[\"close\"]", "[\"close\",\"close\"]"), "each column and each factor once"),
    ];
    for (greeting, part) in cases {
        let edge = Edge::start(Handmade::start(vec![vec![greeting]]).client()).unwrap();
        let refused = |event: &EdgeEvent| {
            if let EdgeEvent::Refused { text, .. } = event { Some(text.clone()) } else { None }
        };
        let text = next(&edge, refused);
        assert!(text.contains(part), "{text}");
    }
    // A hello of another version may have another form.
    let other = "{\"type\":\"hello\",\"protocol\":7,\"feed\":{}}".to_owned();
    let edge = Edge::start(Handmade::start(vec![vec![other]]).client()).unwrap();
    let failed =
        next(
            &edge,
            |event| if let EdgeEvent::Failed { text, .. } = event { Some(text.clone()) } else { None },
        );
    assert!(failed.contains("version 7") && failed.contains("version 1"), "{failed}");
}

#[test]
fn changed_or_unreadable_feed_ends_with_an_error() {
    let other = hello().replace("made by hand", "another");
    let error = "{\"type\":\"error\",\"text\":\"row 3: found a sheep\"}".to_owned();
    let broken = vec![hello(), error];
    for (answers, part) in
        [(vec![vec![hello(), text(0)], vec![other]], "the feed has changed"), (vec![broken; 4], "a sheep")]
    {
        let server = Handmade::start(answers);
        let edge = Edge::start(EdgeSettings { stale_after: SOON, ..server.client() }).unwrap();
        let failed =
            next(
                &edge,
                |event| if let EdgeEvent::Failed { text, .. } = event { Some(text.clone()) } else { None },
            );
        assert!(failed.contains(part), "{failed}");
        assert!(edge.events().recv_timeout(LONG).is_err(), "no event follows");
    }
}

#[test]
fn invalid_addresses_are_refused_at_once() {
    for (url, part) in [
        ("127.0.0.1:9000", "expected an address"),
        ("http://127.0.0.1:9000", "found the scheme `http`"),
        ("ws://127.0.0.1:99999", "found the port `99999`"),
        ("ws://[::1]:70000/feed", "found the port `70000`"),
        ("ws://", "ws://"),
        ("", "expected an address"),
    ] {
        let text = Edge::start(EdgeSettings::new(url)).err().unwrap().to_string();
        assert!(text.contains(part), "{url}: {text}");
    }
}

/// Writes a certificate for `localhost` and its key. `authority`: marks it as an authority, as `openssl req
/// -x509` does.
fn certificate(folder: &Path, authority: bool) -> ServerTls {
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    if authority {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    }
    let signing_key = rcgen::KeyPair::generate().unwrap();
    let made = params.self_signed(&signing_key).unwrap();
    let tls = ServerTls { certificates: folder.join("cert.pem"), key: folder.join("key.pem") };
    std::fs::write(&tls.certificates, made.pem()).unwrap();
    std::fs::write(&tls.key, signing_key.serialize_pem()).unwrap();
    tls
}

#[test]
fn tls_gives_the_same_frames_and_unknown_certificates_are_refused() {
    let (panel, settings) = (panel(9, 100), carry());
    let folder = panel.folder.0.path();
    for authority in [true, false] {
        let tls = certificate(folder, authority);
        let server =
            start(feed(&panel, true, &settings), ServerSettings { tls: Some(tls.clone()), ..loopback() });
        let url = |host: &str| format!("wss://{host}:{}", server.address().port());
        let trust = Trust::File(tls.certificates.clone());
        let edge = EdgeSettings { url: url("localhost"), trust: trust.clone(), ..client(&server) };
        assert_eq!(followed(&panel, true, &settings, edge).0, replayed(&panel, true, &settings));
        // An untrusted certificate, and a host name that the certificate does not contain.
        for (host, trust) in [("localhost", Trust::Public), ("127.0.0.1", trust)] {
            let edge = Edge::start(EdgeSettings { url: url(host), trust, ..client(&server) }).unwrap();
            let why = next(&edge, |event| match event {
                EdgeEvent::Disconnected { why, .. } => Some(why.clone()),
                _ => None,
            });
            assert!(why.contains("TLS") && why.contains("certificate"), "{why}");
        }
    }
    let tls = certificate(folder, false);
    // Files without certificates.
    for (certificates, key, part) in [
        (folder.join("absent.pem"), tls.key.clone(), "absent.pem"),
        (tls.key.clone(), tls.key.clone(), "found none"),
        (tls.certificates.clone(), tls.certificates, "a private key"),
    ] {
        let tls = Some(ServerTls { certificates, key });
        let refused = Server::start(Arc::new(Endless), ServerSettings { tls, ..loopback() }, |_| {});
        let text = refused.err().unwrap().to_string();
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn clients_have_independent_positions() {
    let (panel, settings) = (panel(10, 300), carry());
    let frames = replayed(&panel, false, &settings).len() as u64;
    let server = start(feed(&panel, false, &settings), loopback());
    let follow = |from: u64| {
        let edge = Edge::start(EdgeSettings { from, ..client(&server) }).unwrap();
        let mut seqs = Vec::new();
        for event in edge.events().iter() {
            match event {
                EdgeEvent::Bars { bars, .. } => seqs.push(bars.seq),
                EdgeEvent::End { .. } => break,
                _ => {}
            }
        }
        seqs
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..24).map(|i| scope.spawn(move || (i * 13, follow(i * 13)))).collect();
        for client in clients {
            let (from, seqs) = client.join().unwrap();
            assert_eq!(seqs, (from..frames).collect::<Vec<_>>());
        }
    });
    assert_eq!(server.counts().connections, 24);
}

/// Feed of endless large messages.
struct Endless;

struct Counting(u64);

impl Feed for Endless {
    fn hello(&self) -> &Hello {
        static HELLO: std::sync::OnceLock<Hello> = std::sync::OnceLock::new();
        HELLO.get_or_init(|| serde_json::from_str(&hello()).unwrap())
    }

    fn open(&self) -> Result<Box<dyn FeedReader>, DataError> {
        Ok(Box::new(Counting(0)))
    }
}

impl FeedReader for Counting {
    fn read(&mut self) -> Result<Option<Bars>, DataError> {
        self.0 += 1;
        let bars = Bars {
            seq: self.0 - 1,
            timestamp: self.0 as i64,
            symbols: (0..500).map(|i| format!("S{i}")).collect(),
            columns: vec![(Field::Close, (0..500).map(|i| 100.0 / (3.0 + f64::from(i))).collect())],
            factors: None,
            rf: None,
            factor_rows: Vec::new(),
        };
        Ok(Some(bars))
    }
}

/// Returns the resident memory of the process, in bytes.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse::<usize>().ok().map(|kb| kb * 1_024)
}

#[test]
fn slow_client_delays_only_itself_and_memory_is_bounded() {
    let server = start(Endless, loopback());
    // Eight clients that receive one message and then stop reading.
    let slow: Vec<Edge> =
        (0..8).map(|_| Edge::start(EdgeSettings { capacity: 1, ..client(&server) }).unwrap()).collect();
    slow.iter().for_each(|edge| assert_eq!(next(edge, seq), 0));
    let fast = Edge::start(client(&server)).unwrap();
    let take = |count: u64| (0..count).for_each(|_| _ = next(&fast, seq));
    take(500);
    let before = resident();
    take(3_000);
    if let (Some(before), Some(after)) = (before, resident()) {
        assert!(after < before + (32 << 20), "{before} bytes became {after}");
    }
    let counts: Vec<u64> = slow.iter().map(|edge| edge.counts().messages).collect();
    std::thread::sleep(SOON);
    let later: Vec<u64> = slow.iter().map(|edge| edge.counts().messages).collect();
    assert_eq!(counts, later, "a client with a full channel must not read");
    // Each client continues at its position, without loss.
    for edge in &slow {
        let seqs: Vec<u64> = (0..50).map(|_| next(edge, seq)).collect();
        assert_eq!(seqs, (1..51).collect::<Vec<_>>());
        assert!(edge.counts().blocked > 0);
    }
    let begun = Instant::now();
    drop(slow);
    drop(fast);
    server.stop();
    assert!(begun.elapsed() < Duration::from_secs(10), "the server must stop although no client reads");
}

#[test]
fn clients_with_invalid_messages_get_an_error_and_are_disconnected() {
    let server = start(Endless, loopback());
    let long = format!("{{\"type\":\"subscribe\",\"from\":{}0}}", "0".repeat(70_000));
    for (said, part) in [
        ("nonsense", "message 0: found \\\"nonsense\\\""),
        ("{\"type\":\"subscribe\",\"from\":-1}", "invalid value"),
        ("{\"type\":\"backfill\",\"from\":5,\"to\":4}", "a backfill from 5 to 4"),
        (long.as_str(), "at most 65536 bytes"),
    ] {
        let mut client = Plain::connect(&server);
        client.say(said);
        let heard = client.hear_to_the_end();
        assert!(heard.contains("\"type\":\"hello\"") && heard.contains(part), "{heard}");
    }
    // A TCP connection without the WebSocket handshake.
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(b"\x16\x03\x01 hello\r\n\r\n").unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
    assert_eq!(server.counts().invalid, 4);
    let edge = Edge::start(client(&server)).unwrap();
    assert_eq!(next(&edge, seq), 0, "other clients are not affected");
}

#[test]
fn clients_beyond_the_maximum_are_refused() {
    let server = start(Endless, ServerSettings { clients_max: 2, ..loopback() });
    let edges: Vec<Edge> = (0..2).map(|_| Edge::start(client(&server)).unwrap()).collect();
    edges.iter().for_each(|edge| assert_eq!(next(edge, seq), 0));
    let third = Edge::start(client(&server)).unwrap();
    next(&third, |event| matches!(event, EdgeEvent::Disconnected { .. }).then_some(()));
    drop(edges);
    assert_eq!(next(&third, seq), 0, "the client must connect once another has left");
    assert!(server.counts().refused > 0);
}

#[test]
fn bars_arrive_at_the_requested_speed_and_none_before_their_time() {
    let panel = panel(11, 40);
    // The playback passes two days per tenth of a second.
    let speed = Speed::Times(2.0 * 86_400.0 * 10.0);
    let server = start(feed(&panel, false, &carry()), ServerSettings { speed, ..loopback() });
    let mut plain = Plain::connect(&server);
    plain.say("{\"type\":\"backfill\",\"from\":0,\"to\":3}");
    plain.say("{\"type\":\"subscribe\",\"from\":0}");
    let begun = Instant::now();
    let heard = plain.hear(|heard| heard.contains("\"seq\":5,"));
    assert!(heard.contains("{\"type\":\"unavailable\",\"from\":0,\"to\":3}"), "{heard}");
    // Days 4, 5, 6, 7, 8 and, after a weekend, 11.
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(340) && took < Duration::from_secs(20), "{took:?}");
    plain.say("{\"type\":\"backfill\",\"from\":3,\"to\":39}");
    let heard = plain.hear(|heard| heard.contains("unavailable"));
    let known: Vec<u64> = (3..).take_while(|seq| heard.contains(&format!("\"seq\":{seq},"))).collect();
    assert!(known.len() >= 3, "{heard}");
}

#[test]
fn klines_equal_the_bars_of_the_file() {
    let panel = panel(12, 30);
    let bar_ns = 86_400_000_000_000;
    let settings = ServerSettings { protocol: ServerProtocol::Binance { bar_ns }, ..loopback() };
    let server = start(feed(&panel, false, &carry()), settings);
    let mut plain = Plain::open(&server, "/stream?streams=a@kline_1d/spx@kline_1d");
    let heard = plain.hear_to_the_end();
    let messages: Vec<serde_json::Value> =
        heard.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mut reader = feed(&panel, false, &carry()).open().unwrap();
    let mut expected = Vec::new();
    while let Some(bars) = reader.read().unwrap() {
        for (i, symbol) in
            bars.symbols.iter().enumerate().filter(|(_, symbol)| ["A", "SPX"].contains(&symbol.as_str()))
        {
            let column = |field| bars.columns.iter().find(|(known, _)| *known == field).unwrap().1[i];
            if !column(Field::Close).is_nan() {
                let [open, close] = [Field::Open, Field::Close].map(column);
                expected.push((
                    symbol.clone(),
                    bars.timestamp / 1_000_000,
                    if open.is_nan() { close } else { open },
                    close,
                ));
            }
        }
    }
    let number = |value: &serde_json::Value| value.as_str().unwrap().parse::<f64>().unwrap();
    let found: Vec<_> = messages
        .iter()
        .map(|message| {
            let kline = &message["data"]["k"];
            assert_eq!((message["data"]["e"].as_str(), kline["x"].as_bool()), (Some("kline"), Some(true)));
            assert_eq!(kline["T"].as_i64().unwrap() + 1 - kline["t"].as_i64().unwrap(), 86_400_000);
            let symbol = kline["s"].as_str().unwrap().to_owned();
            assert_eq!(message["stream"].as_str().unwrap(), format!("{}@kline_1d", symbol.to_lowercase()));
            (symbol, kline["T"].as_i64().unwrap() + 1, number(&kline["o"]), number(&kline["c"]))
        })
        .collect();
    assert_eq!(found, expected);
    let mut plain = Plain::open(&server, "/ws");
    plain.say("{\"method\":\"SUBSCRIBE\",\"params\":[\"a@kline_1d\"],\"id\":7}");
    let heard = plain.hear_to_the_end();
    assert!(heard.contains("\"id\":7") && heard.contains("a@kline_1d") && !heard.contains("spx@"), "{heard}");
}

fn hello() -> String {
    let hello = Hello {
        protocol: PROTOCOL,
        name: "made by hand".to_owned(),
        columns: vec!["close".to_owned()],
        factors: Vec::new(),
        has_rf: false,
        values: FeedValues::Prices,
        frames: None,
        recorded: false,
    };
    betaflow_connectors::live::ServerMessage::Hello(hello).to_text()
}

fn text(seq: u64) -> String {
    let timestamp = i64::try_from(seq).unwrap();
    let bars = Bars {
        seq,
        timestamp,
        symbols: vec!["A".to_owned()],
        columns: vec![(Field::Close, vec![1.0])],
        factors: None,
        rf: None,
        factor_rows: Vec::new(),
    };
    bars.to_text()
}

/// Server that sends the first list to the first client, the second list to the second client, and so on. It
/// ignores requests.
struct Handmade(std::net::SocketAddr);

impl Handmade {
    fn start(answers: Vec<Vec<String>>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for texts in answers {
                let Ok((stream, _)) = listener.accept() else { return };
                let mut socket = tokio_tungstenite::tungstenite::accept(stream).unwrap();
                for text in texts {
                    // The client may disconnect after an oversized message.
                    let _ = socket.send(text.into());
                }
                open.push(socket);
            }
            std::thread::sleep(LONG);
        });
        Self(address)
    }

    fn client(&self) -> EdgeSettings {
        EdgeSettings {
            late: Duration::from_millis(20),
            retry_after: Duration::from_millis(2),
            retry_max: SOON,
            ..EdgeSettings::new(&format!("ws://{}", self.0))
        }
    }
}

/// Client that sends arbitrary messages.
struct Plain(tokio_tungstenite::tungstenite::WebSocket<TcpStream>);

impl Plain {
    fn connect(server: &Server) -> Self {
        Self::open(server, "/")
    }

    fn open(server: &Server, path: &str) -> Self {
        let stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let url = format!("ws://{}{path}", server.address());
        Self(tokio_tungstenite::tungstenite::client(url, stream).unwrap().0)
    }

    fn say(&mut self, text: &str) {
        self.0.send(text.to_owned().into()).unwrap();
    }

    /// Sends several messages in one write.
    fn say_together(&mut self, texts: &[String]) {
        texts.iter().for_each(|text| self.0.write(text.clone().into()).unwrap());
        self.0.flush().unwrap();
    }

    /// Returns all texts up to the first that `enough` accepts, one per line.
    fn hear(&mut self, enough: impl Fn(&str) -> bool) -> String {
        let mut heard = String::new();
        while let Ok(message) = self.0.read() {
            if let tokio_tungstenite::tungstenite::Message::Text(text) = message {
                heard += &format!("{text}\n");
                if enough(&text) {
                    break;
                }
            }
        }
        heard
    }

    fn hear_to_the_end(&mut self) -> String {
        self.hear(|_| false)
    }
}
