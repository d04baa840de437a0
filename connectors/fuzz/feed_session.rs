//! Recorded inputs of a feed as frames. The first line of an input is the hello of the feed, each other line a message or
//! the body of a control.

use std::sync::{Arc, Mutex};

use betaflow_connectors::Sections;
use betaflow_connectors::live::{FeedSource, Input, InputLog, NoLog, ServerMessage};
use betaflow_connectors::parquet::{DateRule, GivenKind, Settings};
use betaflow_connectors::store::{Input as Recorded, InputKind};
use betaflow_engine::assembly::{FactorGap, FrameColumn};
use betaflow_engine::frame::{Field, Frame};
use betaflow_engine::source::{Source as _, SourceError};
use betaflow_engine::state::Checkpoint;
use betaflow_engine::time::Zone;

use super::harness::Target;
use super::inputs::read_frames;

const WORDS: [&str; 22] = [
    r#"{"type":"bars","#,
    r#""seq":"#,
    r#""timestamp":"#,
    r#""symbols":["#,
    r#""columns":{"#,
    r#""close":["#,
    r#""factors":["#,
    r#""rf":"#,
    r#""factor_rows":[["#,
    r#""has_rf":true"#,
    r#""values":"returns""#,
    r#"{"kind":"gap""#,
    r#"{"kind":"stale""#,
    r#"{"kind":"file""#,
    r#""volume":["#,
    r#""split":["#,
    r#""dividend":["#,
    "null",
    "9223372036854775807",
    "-9223372036854775808",
    "1.7976931348623157e308",
    "5e-324",
];

/// Log that keeps the checkpoints of nothing, and counts what was skipped.
struct Counting(Arc<Mutex<u64>>);

impl InputLog for Counting {
    fn log(&mut self, _: u64, _: &str, _: i64, _: &str) -> Result<(), SourceError> {
        Ok(())
    }

    fn skipped(&mut self, _: u64, why: &str) {
        assert!(why.len() <= 8_192, "{} bytes: {why:.200}", why.len());
        *self.0.lock().unwrap() += 1;
    }
}

/// Inputs of the lines of a text.
fn recorded(text: &str) -> Vec<Recorded> {
    let input = |(seq, line): (usize, &str)| {
        let kind = if line.starts_with(r#"{"type":"#) { InputKind::Bars } else { InputKind::Control };
        Recorded { seq: seq as u64, kind, timestamp: 0, body: line.to_owned() }
    };
    text.lines().enumerate().map(input).collect()
}

fn settings() -> Settings {
    let wanted = |field, checked| FrameColumn { field, checked };
    let optional =
        vec![wanted(Field::Volume, false), wanted(Field::Dividend, true), wanted(Field::Split, true)];
    Settings { optional, factor_gap: FactorGap::Carry, ..Settings::default() }
}

#[test]
fn feed_session() {
    Target::new("feed_session").memory_mib(128).words(&WORDS).run(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        let (hello, lines) = text.split_once('\n').unwrap_or_default();
        let Ok(ServerMessage::Hello(hello)) = ServerMessage::parse(hello, 0) else { return };
        let inputs = recorded(lines);
        let rule = DateRule { frames_per_day: 1, open_bar_ns: 0, zone: Zone::UTC };
        let open = |from: usize, log: Box<dyn InputLog>| {
            let inputs: Vec<Input> = inputs[from..].iter().cloned().map(Input::of_record).collect();
            let files = vec![Sections::new(GivenKind::Forecasts, rule.clone())];
            let source = FeedSource::open(&hello, Box::new(inputs.into_iter()), log, settings());
            source.map(|source| source.with_files(files).checkpoints(2).logged(u64::MAX))
        };
        let skipped = Arc::default();
        let Ok(mut source) = open(0, Box::new(Counting(Arc::clone(&skipped)))) else { return };
        let whole = read_frames(&mut source);
        let _ = source.facts();
        // A source that resumes at its first checkpoint gives the remaining frames.
        let (mut source, mut frame) = (open(0, Box::new(NoLog)).unwrap(), Frame::default());
        let mut before = 0;
        while let Ok(true) = source.next_frame(&mut frame) {
            before += 1;
            let Some(state) = frame.checkpoint.take() else { continue };
            let checkpoint = Checkpoint { seq: frame.seq, source: state, ..Checkpoint::default() };
            let next = betaflow_connectors::live::inputs_before(&checkpoint.source).unwrap();
            let mut rest =
                open(usize::try_from(next).unwrap(), Box::new(NoLog)).unwrap().resuming(&checkpoint).unwrap();
            let rest = read_frames(&mut rest);
            assert_eq!((before + rest.0, rest.2), (whole.0, whole.2), "after {before} frames");
            break;
        }
    });
}
