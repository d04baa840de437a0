//! Frames assembled from the messages of a served file equal the frames of a replay, bit for bit.

use std::sync::{Arc, Mutex};

use betaflow_connectors::live::{
    Bars, Control, Feed, FeedLimits, FeedSource, History, Input, InputLog, NoLog, ParquetFeed, ProtocolError,
    ServerMessage, WithHistory, inputs_before,
};
use betaflow_connectors::parquet::{BadRow, Input as FileInput, Settings};
use betaflow_engine::assembly::{FactorGap, Universe, Values};
use betaflow_engine::execution::{Need, SpreadModel};
use betaflow_engine::frame::Field;
use betaflow_engine::frame::{Frame, Supervision};
use betaflow_engine::source::{Source, SourceError};
use betaflow_engine::state::Checkpoint;
use betaflow_engine::time::DAY_NS;
use proptest::prelude::*;

use crate::support::live::{all, bits, carry, cases, feed, list, panel, replayed};
use crate::support::{Folder, days, nullable, run, texts, tidy};

/// Returns the messages of a feed, parsed from their text.
fn inputs(feed: &ParquetFeed) -> Vec<Input> {
    let mut reader = feed.open().unwrap();
    let mut inputs = Vec::new();
    while let Some(bars) = reader.read().unwrap() {
        let text = bars.to_text();
        let Ok(ServerMessage::Bars(bars)) = ServerMessage::parse(&text, 0) else { panic!("bars: {text}") };
        assert_eq!(
            (bars.seq, bars.to_text()),
            (inputs.len() as u64, text.clone()),
            "the text must be reproduced"
        );
        inputs.push(Input::Bars { bars, text, received: None });
    }
    inputs
}

fn source_of(feed: &ParquetFeed, inputs: Vec<Input>, settings: &Settings) -> FeedSource {
    let inputs = Box::new(inputs.into_iter());
    FeedSource::open(feed.hello(), inputs, Box::new(NoLog), settings.clone()).unwrap()
}

#[test]
fn frames_of_a_feed_equal_those_of_the_file() {
    for seed in 0..20 {
        let panel = panel(seed, 80);
        for (case, factors, settings) in cases() {
            let expected = replayed(&panel, factors, &settings);
            assert!(expected.len() > 20, "{case}: {} frames", expected.len());
            let feed = feed(&panel, factors, &settings);
            let whole = source_of(&feed, inputs(&feed), &settings);
            let (mut source, replay) =
                (whole, run(&panel.prices, factors.then_some(&panel.factors), settings));
            assert_eq!(all(&mut source).unwrap(), expected, "{case}, panel {seed}");
            let (facts, replay) = (source.facts(), replay.unwrap());
            assert_eq!(source.factor_names(), replay.factor_names, "{case}");
            assert_eq!(
                (facts.frames, facts.instruments, facts.first, facts.last),
                (replay.facts.frames, replay.facts.instruments, replay.facts.first, replay.facts.last),
                "{case}"
            );
        }
    }
}

#[test]
fn complete_feed_gives_the_frames_of_every_range() {
    let panel = panel(3, 80);
    let whole = feed(&panel, true, &Settings::default());
    for (case, factors, settings) in cases() {
        if factors {
            let mut source = source_of(&whole, inputs(&whole), &settings);
            assert_eq!(all(&mut source).unwrap(), replayed(&panel, true, &settings), "{case}");
        }
    }
}

#[test]
fn returns_are_cumulated_by_the_client() {
    let folder = Folder::new();
    let table = |name| {
        vec![
            ("date", days(&[1, 2, 2, 3, 3])),
            ("symbol", texts(&["A", "A", "B", "A", "B"])),
            (name, nullable(&[Some(0.5), None, Some(-0.5), Some(0.1 + 0.2), Some(1.0)])),
        ]
    };
    let prices = folder.write("returns.parquet", table("return"));
    for values in [Values::Returns, Values::ReturnsOfAnySize] {
        let settings = Settings { values, ..Settings::default() };
        let expected: Vec<String> =
            run(&prices, None, settings.clone()).unwrap().frames.iter().map(bits).collect();
        let feed = ParquetFeed::open(prices.clone(), None, &settings).unwrap();
        assert_eq!(all(&mut source_of(&feed, inputs(&feed), &settings)).unwrap(), expected);
        let wrong = FeedSource::open(
            feed.hello(),
            Box::new(std::iter::empty()),
            Box::new(NoLog),
            Settings::default(),
        );
        let text = wrong.err().unwrap().to_string();
        assert!(text.contains("returns.parquet") && text.contains("found a feed of returns"), "{text}");
    }
}

#[test]
fn missing_columns_of_a_feed_are_reported_at_once() {
    let panel = panel(1, 40);
    let feed = feed(&panel, true, &Settings::default());
    let cases = [
        (
            Settings { required: vec![(Field::Bid, Need::Spread(SpreadModel::Quotes))], ..carry() },
            "`bid` too, needed for the quoted half-spread",
        ),
        (
            Settings {
                universe: Universe { include: list(&["A"]), exclude: list(&["A"]), ..Universe::default() },
                ..carry()
            },
            "found `A` in both `include` and `exclude`",
        ),
    ];
    for (settings, part) in cases {
        let refused = FeedSource::open(feed.hello(), Box::new(std::iter::empty()), Box::new(NoLog), settings);
        let text = refused.err().unwrap().to_string();
        assert!(text.contains("prices.parquet") && text.contains(part), "{text}");
    }
}

fn bars(seq: u64, day: i64, cells: &[(&str, f64)]) -> Bars {
    Bars {
        seq,
        timestamp: day * DAY_NS,
        symbols: cells.iter().map(|(symbol, _)| (*symbol).to_owned()).collect(),
        columns: vec![(Field::Close, cells.iter().map(|(_, value)| *value).collect())],
        factors: Some(vec![0.01, -0.01]),
        rf: Some(0.0),
        factor_rows: Vec::new(),
    }
}

#[test]
fn invalid_bars_are_refused_before_they_are_recorded_and_the_run_continues() {
    let panel = panel(1, 40);
    let feed = feed(&panel, true, &Settings::default());
    let good = |seq, day| bars(seq, day, &[("A", 1.0)]);
    let changed = |change: &dyn Fn(&mut Bars)| {
        let mut bars = bars(1, 2, &[("A", 1.0)]);
        change(&mut bars);
        bars
    };
    let cases: [(Bars, &[&str]); 9] = [
        (good(1, 1), &["bars 1 at 1970-01-02: found 1970-01-02 after 1970-01-02"]),
        (good(1, 0), &["found 1970-01-01 after 1970-01-02", "sorted"]),
        (good(1, 100_000), &["found 2243-10-17, while the local clock is at"]),
        (bars(1, 2, &[("A", -1.0)]), &["bars 1 at 1970-01-03: found -1 in `close` of `A`", "positive price"]),
        (bars(1, 2, &[("A", 0.0)]), &["found 0 in `close` of `A`"]),
        (bars(1, 2, &[("A", f64::INFINITY)]), &["found inf in `close` of `A`"]),
        (changed(&|bars| bars.factors = Some(vec![0.01])), &["found 2 factor values"]),
        (changed(&|bars| bars.factors = Some(vec![0.01, 12.0])), &["found 12 in the factor `smb`"]),
        (changed(&|bars| bars.rf = None), &["found NaN in the factor `rf`"]),
    ];
    let mut hello = feed.hello().clone();
    hello.recorded = false;
    let received = Some(std::time::Instant::now());
    for (bad, parts) in cases {
        let all = [good(0, 1), bad, good(2, 3)];
        let inputs = all.map(|bars| Input::Bars { text: bars.to_text(), bars, received });
        // Live input: the message is not recorded, but its refusal is recorded.
        let log = Log::default();
        let open = |log: &Log, inputs: Vec<Input>| {
            let (log, inputs) = (Box::new(log.clone()), Box::new(inputs.into_iter()));
            FeedSource::open(&hello, inputs, log, Settings::default()).unwrap()
        };
        let expected = all_of(&mut open(&log, inputs.to_vec()));
        assert_eq!(expected, [DAY_NS, 3 * DAY_NS]);
        let lines = log.lines.lock().unwrap();
        let kinds: Vec<&str> = lines.iter().map(|line| line.1.as_str()).collect();
        assert_eq!(kinds, ["bars", "control", "bars"]);
        let refusal: serde_json::Value = serde_json::from_str(&lines[1].3).unwrap();
        let text = refusal["text"].as_str().unwrap();
        assert_eq!((refusal["kind"].as_str(), refusal["seq"].as_u64()), (Some("bars_refused"), Some(1)));
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        assert_eq!(*log.refused.lock().unwrap(), 1);
        // Inputs recorded by an older version: invalid inputs are skipped and reported.
        let log = Log::default();
        let recorded = inputs.map(|input| match input {
            Input::Bars { bars, text, .. } => Input::Bars { bars, text, received: None },
            input => input,
        });
        let mut source = open(&log, recorded.to_vec()).logged(3);
        if text.contains("clock") {
            // The future bars made a frame, and later bars are too late.
            assert_eq!(all_of(&mut source), [DAY_NS, 100_000 * DAY_NS]);
            assert_eq!(*log.skipped.lock().unwrap(), [2]);
            continue;
        }
        assert_eq!(all_of(&mut source), expected);
        assert_eq!(*log.skipped.lock().unwrap(), [1]);
        assert!(source.facts().warnings.iter().any(|warning| warning.code() == "input_skipped"));
    }
    // A gap in the factors depends on several messages, so it is an error of the run.
    let inputs = [good(0, 1), changed(&|bars| bars.factors = None)].map(|bars| Input::Bars {
        text: bars.to_text(),
        bars,
        received: None,
    });
    let error = all(&mut source_of(&feed, inputs.to_vec(), &Settings::default())).unwrap_err().to_string();
    assert!(error.contains("found no factors") && error.contains("carry"), "{error}");
    let inputs = [bars(0, 1, &[("A", -1.0), ("B", 2.0)])].map(|bars| Input::Bars {
        text: String::new(),
        bars,
        received: None,
    });
    let skip = Settings { on_bad_row: BadRow::Skip, ..Settings::default() };
    let mut source = source_of(&feed, inputs.to_vec(), &skip);
    assert_eq!(all(&mut source).unwrap().len(), 1);
    assert_eq!(source.facts().skipped, 1);
}

/// Logged inputs: number, kind, time and text.
type Lines = Arc<Mutex<Vec<(u64, String, i64, String)>>>;

#[derive(Clone, Default)]
struct Log {
    lines: Lines,
    refused: Arc<Mutex<u64>>,
    /// Numbers of recorded inputs that were skipped.
    skipped: Arc<Mutex<Vec<u64>>>,
}

/// Returns the times of all frames.
fn all_of(source: &mut FeedSource) -> Vec<i64> {
    let (mut frame, mut times) = (Frame::default(), Vec::new());
    while source.next_frame(&mut frame).unwrap() {
        times.push(frame.timestamp.0);
    }
    times
}

impl InputLog for Log {
    fn log(&mut self, seq: u64, kind: &str, timestamp: i64, body: &str) -> Result<(), SourceError> {
        if body.contains("full") {
            return Err("the disk is full".into());
        }
        self.lines.lock().unwrap().push((seq, kind.to_owned(), timestamp, body.to_owned()));
        Ok(())
    }

    fn refused(&mut self) {
        *self.refused.lock().unwrap() += 1;
    }

    fn skipped(&mut self, seq: u64, _: &str) {
        self.skipped.lock().unwrap().push(seq);
    }
}

#[test]
fn inputs_are_logged_once_and_before_their_frame() {
    let panel = panel(1, 40);
    let feed = feed(&panel, false, &Settings::default());
    let mut inputs = inputs(&feed);
    let control = |body: &str| Input::Control(Control { kind: "stale", timestamp: 7, body: body.to_owned() });
    inputs.insert(2, control("{}"));
    let log = Log::default();
    let lines = Arc::clone(&log.lines);
    let (hello, stored) = (feed.hello(), 3);
    let source =
        FeedSource::open(hello, Box::new(inputs.clone().into_iter()), Box::new(log), Settings::default());
    let (mut source, mut frame) = (source.unwrap().logged(stored), Frame::default());
    let mut frames = 0;
    while source.next_frame(&mut frame).unwrap() {
        frames += 1;
        let lines = lines.lock().unwrap();
        assert_eq!(lines.last().map_or(-1, |line| line.2), if frames < 3 { -1 } else { frame.timestamp.0 });
    }
    let lines = lines.lock().unwrap();
    assert_eq!(lines.len() as u64, inputs.len() as u64 - stored);
    for ((seq, kind, timestamp, body), (number, input)) in lines.iter().zip(inputs.iter().enumerate().skip(3))
    {
        let Input::Bars { bars, text, .. } = input else { panic!("the control is among the first") };
        assert_eq!((*seq, kind.as_str(), *timestamp, body), (number as u64, "bars", bars.timestamp, text));
    }
    // An input that cannot be logged has no effect.
    let inputs = vec![inputs[0].clone(), control("full"), inputs[1].clone()];
    let log = Box::new(Log::default());
    let mut source = FeedSource::open(hello, Box::new(inputs.into_iter()), log, Settings::default()).unwrap();
    assert!(source.next_frame(&mut frame).unwrap());
    assert_eq!(source.next_frame(&mut frame).unwrap_err().to_string(), "the disk is full");
}

#[test]
fn restored_source_continues_without_a_difference() {
    for (case, factors, settings) in cases() {
        let panel = panel(5, 60);
        let feed = feed(&panel, factors, &settings);
        let mut inputs = inputs(&feed);
        let control = |body: &str| Control { kind: "conflated", timestamp: 0, body: body.to_owned() };
        inputs.insert(9, Input::Control(control(r#"{"kind":"conflated","frames":3}"#)));
        let limits = FeedLimits { conflations_max: Some(2), ..FeedLimits::default() };
        let open = |inputs: &[Input]| source_of(&feed, inputs.to_vec(), &settings).limited(limits);
        let expected = all(&mut open(&inputs)).unwrap();
        for every in [1, 7] {
            let (mut source, mut frame) = (open(&inputs).checkpoints(every), Frame::default());
            let mut frames = 0;
            while source.next_frame(&mut frame).unwrap() {
                frames += 1;
                let Some(part) = frame.checkpoint.take() else { continue };
                assert_eq!(frames % every, 0);
                let behind = inputs_before(&part).unwrap() as usize;
                let checkpoint = Checkpoint { source: part, ..Checkpoint::default() };
                let mut rest = open(&inputs[behind..]).resuming(&checkpoint).unwrap();
                let after = all(&mut rest).unwrap();
                assert!(after == expected[frames as usize..], "{case}: after frame {frames}");
            }
            assert_eq!(frames as usize, expected.len(), "{case}");
        }
    }
}

#[test]
fn controls_determine_which_frames_are_traded() {
    use Supervision::{Halted, None, Resumed};
    let folder = Folder::new();
    let rows: Vec<_> = (1..=6).map(|day| (day, "A", Some(1.0))).collect();
    let prices = folder.write("prices.parquet", tidy(&rows));
    let feed = ParquetFeed::open(prices, Option::None, &Settings::default()).unwrap();
    let silence = FeedLimits { silence_ns_max: Some(30_000_000_000), conflations_max: Option::None };
    let conflated = FeedLimits { silence_ns_max: Option::None, conflations_max: Some(4) };
    let (stale, short) = (r#"{"kind":"stale","seconds":30.5}"#, r#"{"kind":"stale","seconds":3}"#);
    let (five, four) = (r#"{"kind":"conflated","frames":5}"#, r#"{"kind":"conflated","frames":4}"#);
    let resume = r#"{"kind":"resume"}"#;
    type Case<'a> = (&'a str, FeedLimits, &'a [(usize, &'a str)], [Supervision; 6]);
    let cases: [Case<'_>; 6] = [
        ("without limits", FeedLimits::default(), &[(1, stale), (2, five)], [None; 6]),
        ("one frame after silence", silence, &[(2, stale)], [None, None, Halted, None, None, None]),
        ("permitted silence", silence, &[(2, short)], [None; 6]),
        ("date with too many conflations", conflated, &[(3, five)], [None, None, None, Halted, None, None]),
        ("date with many conflations", conflated, &[(3, four), (4, four)], [None; 6]),
        (
            "a request to resume waits",
            silence,
            &[(1, resume), (3, resume), (3, stale)],
            [None, Resumed, None, Halted, Resumed, None],
        ),
    ];
    for (case, limits, controls, expected) in cases {
        let mut all = inputs(&feed);
        for (at, body) in controls.iter().rev() {
            let control = Control { kind: "control", timestamp: 0, body: (*body).to_owned() };
            all.insert(*at, Input::Control(control));
        }
        let (mut source, mut frame) =
            (source_of(&feed, all, &Settings::default()).limited(limits), Frame::default());
        let mut found = Vec::new();
        while source.next_frame(&mut frame).unwrap() {
            found.push(frame.supervision);
        }
        assert_eq!(found, expected, "{case}");
    }
}

#[test]
fn history_and_feed_form_one_sequence_of_frames() {
    let panel = panel(7, 80);
    let settings = Settings { factor_gap: FactorGap::Carry, ..Settings::default() };
    let whole = feed(&panel, true, &settings);
    let expected = replayed(&panel, true, &settings);
    let path = |input: &FileInput| match input {
        FileInput::Path(path) => path.clone(),
        _ => panic!("a panel is one file on disk"),
    };
    let (prices, factors) = (path(&panel.prices), path(&panel.factors));
    let history = History::of(&prices, Some(&factors), &settings).unwrap();
    assert_eq!(history.frames, inputs(&whole).len() as u64);
    // History contains the whole feed; no frame occurs twice.
    let mut again = vec![Input::Control(history.control())];
    again.extend(inputs(&whole));
    let inputs = WithHistory::new(again.into_iter(), settings.clone());
    let source = FeedSource::open(whole.hello(), Box::new(inputs), Box::new(NoLog), settings.clone());
    let mut source = source.unwrap();
    assert_eq!(all(&mut source).unwrap(), expected);
    let warnings = source.facts().warnings;
    assert!(warnings.iter().any(|warning| warning.code() == "messages_before_history_end"), "{warnings:?}");
    // A history file with changed content is refused.
    std::fs::copy(&factors, &prices).unwrap();
    let changed = vec![Input::Control(history.control())];
    let inputs = WithHistory::new(changed.into_iter(), settings.clone());
    let source = FeedSource::open(whole.hello(), Box::new(inputs), Box::new(NoLog), settings.clone());
    let error = all(&mut source.unwrap()).unwrap_err().to_string();
    assert!(error.contains("found SHA-256"), "{error}");
}

#[test]
fn history_is_compared_with_the_first_bars_of_the_feed() {
    let folder = Folder::new();
    let price = |day: i64| 100.0 + (day * 7 % 11) as f64;
    let rows: Vec<_> = (1..=20).map(|day| (day, "A", Some(price(day.into())))).collect();
    let FileInput::Path(prices) = folder.write("prices.parquet", tidy(&rows)) else { panic!("a file") };
    let settings = Settings::default();
    let history = History::of(&prices, None, &settings).unwrap();
    let hello = ParquetFeed::open(prices.into(), None, &settings).unwrap().hello().clone();
    type Case<'a> = (&'a str, i64, &'a dyn Fn(i64) -> f64);
    let cases: [Case<'_>; 5] = [
        ("history_joined", 18, &price),
        ("history_joined", 22, &price),
        ("history_differs", 18, &|day| if day == 19 { 1.0 } else { price(day) }),
        ("history_stamped_by_open", 18, &|day| price(day - 1)),
        ("history_stamped_by_open", 21, &|day| price(day - 1)),
    ];
    for (kind, from, of_feed) in cases {
        let live = (from..24).map(|day| {
            let bars =
                Bars { factors: None, rf: None, ..bars(day.unsigned_abs(), day, &[("A", of_feed(day))]) };
            Input::Bars { text: bars.to_text(), bars, received: Some(std::time::Instant::now()) }
        });
        let all: Vec<Input> = std::iter::once(Input::Control(history.control())).chain(live).collect();
        let (inputs, log) = (WithHistory::new(all.into_iter(), settings.clone()), Log::default());
        let source = FeedSource::open(&hello, Box::new(inputs), Box::new(log.clone()), settings.clone());
        let mut source = source.unwrap();
        let last = all_of(&mut source).last().copied();
        assert_eq!(last, Some(23 * DAY_NS), "{kind}");
        let lines = log.lines.lock().unwrap();
        let found: Vec<serde_json::Value> = lines
            .iter()
            .skip(1)
            .filter(|line| line.1 == "control")
            .map(|line| serde_json::from_str(&line.3).unwrap())
            .collect();
        assert!(found.len() == 1 && found[0]["kind"] == kind, "{kind} from {from}: {found:?}");
        let warned = source.facts().warnings.iter().any(|warning| warning.code() == kind);
        assert_eq!(warned, kind != "history_joined", "{kind}");
    }
}

#[test]
fn messages_outside_the_protocol_are_reported() {
    let cases: [(&str, &[&str]); 10] = [
        ("", &["message 17: found \"\"", "expected a message of betaflow's protocol"]),
        ("nonsense", &["message 17: found \"nonsense\""]),
        ("[1,2]", &["found \"[1,2]\""]),
        (r#"{"seq":1}"#, &["missing field `type`"]),
        (r#"{"type":"bars","seq":1}"#, &["missing field `timestamp`"]),
        (r#"{"type":"bars","seq":-1,"timestamp":0,"symbols":[],"columns":{}}"#, &["invalid value"]),
        (
            r#"{"type":"bars","seq":1,"timestamp":0,"symbols":["A"],"columns":{"close":[1,2]}}"#,
            &["bars 1 with 2 numbers in column `close` for 1 symbols", "a number or null for each symbol"],
        ),
        (
            r#"{"type":"bars","seq":1,"timestamp":0,"symbols":["A"],"columns":{"close":["1"]}}"#,
            &["invalid type: string"],
        ),
        (
            r#"{"type":"bars","seq":1,"timestamp":0,"symbols":["A"],"columns":{"close":[1e999]}}"#,
            &["out of range"],
        ),
        (
            r#"{"type":"hello","protocol":1,"name":"","columns":["close"],"factors":[],"has_rf":false,"values":"prices"}"#,
            &["the name \"\" of 0 bytes", "1 to 255 bytes"],
        ),
    ];
    for (text, parts) in cases {
        let error: ProtocolError = ServerMessage::parse(text, 17).unwrap_err();
        let error = error.to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
    let other = ServerMessage::parse(r#"{"type":"hello","protocol":2,"columns":7}"#, 0);
    assert!(matches!(other, Ok(ServerMessage::OtherProtocol(2))), "{other:?}");
    assert!(
        matches!(ServerMessage::parse(r#"{"type":"weather"}"#, 0), Ok(ServerMessage::Unknown(kind)) if kind.contains("weather"))
    );
}

proptest! {
    #[test]
    fn numbers_and_names_round_trip_bit_for_bit(
        values in prop::collection::vec(any::<f64>(), 1..20),
        names in prop::collection::hash_set("\\PC{1,8}", 20),
        factors in prop::option::of(prop::collection::vec(any::<f64>(), 0..4)),
    ) {
        let finite = |value: &f64| if value.is_finite() { *value } else { f64::NAN };
        let values: Vec<f64> = values.iter().map(finite).collect();
        let bars = Bars {
            seq: 3,
            timestamp: -5,
            symbols: names.into_iter().take(values.len()).collect(),
            columns: vec![(Field::Close, values.clone()), (Field::Split, values.iter().rev().copied().collect())],
            factors: factors.map(|factors| factors.iter().map(finite).collect()),
            rf: Some(values[0]).filter(|value| value.is_finite()),
            factor_rows: vec![values.clone(); 2],
        };
        let Ok(ServerMessage::Bars(read)) = ServerMessage::parse(&bars.to_text(), 0) else { panic!() };
        let bits = |values: &[f64]| values.iter().map(|value| if value.is_nan() { 1 } else { value.to_bits() }).collect::<Vec<_>>();
        prop_assert_eq!(&read.symbols, &bars.symbols);
        for ((field, read), (expected, column)) in read.columns.iter().zip(&bars.columns) {
            prop_assert_eq!((field, bits(read)), (expected, bits(column)));
        }
        prop_assert_eq!(read.factors.as_deref().map(bits), bars.factors.as_deref().map(bits));
        prop_assert_eq!(read.rf.map(f64::to_bits), bars.rf.map(f64::to_bits));
        prop_assert_eq!(bits(&read.factor_rows.concat()), bits(&bars.factor_rows.concat()));
    }
}
