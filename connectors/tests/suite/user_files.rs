//! Files of the user as inputs of a feed: their rows act on frames as in a replay, and from the next frame on if
//! they come late.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use betaflow_connectors::live::{
    Control, Feed as _, FeedSource, Input, InputLog, ParquetFeed, ServerMessage, UserFile, UserFolder,
    feed_factor_names, inputs_before,
};
use betaflow_connectors::parquet::{DateRule, GivenKind, GivenRows, Input as FileInput, ParquetSource};
use betaflow_connectors::store::{Input as Recorded, InputKind};
use betaflow_connectors::{Sections, WithUserData};
use betaflow_engine::frame::Frame;
use betaflow_engine::source::{Source, SourceError};
use betaflow_engine::state::Checkpoint;
use betaflow_engine::time::{DAY_NS, TimestampNs, Zone};

use crate::support::live::{Panel, Random, carry, feed, panel};
use crate::support::{Folder, Table, days, floats, nullable, stamps, texts};

const DAILY: DateRule = DateRule { frames_per_day: 1, open_bar_ns: 0, zone: Zone::UTC };
const FRAMES: i32 = 60;

/// Times of the panel's rows.
fn dates() -> Vec<i32> {
    (0..FRAMES).map(|frame| 4 + frame + 2 * (frame / 5)).collect()
}

/// Forecasts of three instruments for some days; the data lacks one of them.
fn forecasts(days_of: &[i32], seed: u64) -> Table {
    let mut random = Random(seed);
    let rows: Vec<(i32, &str)> =
        days_of.iter().flat_map(|day| ["A", "LATE", "NONE"].map(|symbol| (*day, symbol))).collect();
    vec![
        ("date", days(&rows.iter().map(|row| row.0).collect::<Vec<_>>())),
        ("symbol", texts(&rows.iter().map(|row| row.1).collect::<Vec<_>>())),
        ("forecast", floats(&rows.iter().map(|_| random.share()).collect::<Vec<_>>())),
    ]
}

/// Forecasts with times in the day, and rows that become known later.
fn timed(seed: u64) -> Table {
    let mut random = Random(seed);
    let rows: Vec<(i64, &str)> = dates()
        .iter()
        .flat_map(|day| ["A", "B", "Z"].map(|symbol| (i64::from(*day) * DAY_NS - 5, symbol)))
        .collect();
    let known: Vec<i64> = rows.iter().map(|row| row.0 + (random.share() * 3e14) as i64).collect();
    vec![
        ("timestamp", stamps(&rows.iter().map(|row| row.0).collect::<Vec<_>>())),
        ("symbol", texts(&rows.iter().map(|row| row.1).collect::<Vec<_>>())),
        ("score", floats(&rows.iter().map(|_| random.share()).collect::<Vec<_>>())),
        ("known_at", stamps(&known)),
    ]
}

fn betas(factors: &[String], seed: u64) -> Table {
    let mut random = Random(seed);
    let rows: Vec<(i32, &str)> =
        dates().into_iter().step_by(7).flat_map(|day| ["A", "B", "Z"].map(|symbol| (day, symbol))).collect();
    let mut column = || floats(&rows.iter().map(|_| 0.1 + random.share()).collect::<Vec<_>>());
    let mut table = vec![
        ("date", days(&rows.iter().map(|row| row.0).collect::<Vec<_>>())),
        ("symbol", texts(&rows.iter().map(|row| row.1).collect::<Vec<_>>())),
        ("residual_sd", column()),
    ];
    table.extend(factors.iter().map(|name| (&*name.clone().leak(), column())));
    table
}

fn covariances(factors: &[String], corner: f64) -> Table {
    let k = factors.len();
    let dates: Vec<i32> = dates().into_iter().step_by(9).collect();
    let rows: Vec<(i32, usize)> = dates.iter().flat_map(|day| (0..k).map(|row| (*day, row))).collect();
    let mut table = vec![
        ("date", days(&rows.iter().map(|row| row.0).collect::<Vec<_>>())),
        ("factor", texts(&rows.iter().map(|row| factors[row.1].as_str()).collect::<Vec<_>>())),
    ];
    for (column, name) in factors.iter().enumerate() {
        let cell = |row: usize| if row == column { 1e-4 } else { corner };
        let values: Vec<f64> = rows.iter().map(|row| cell(row.1)).collect();
        table.push((&*name.clone().leak(), floats(&values)));
    }
    table
}

fn bars(feed: &ParquetFeed) -> Vec<Input> {
    let mut reader = feed.open().unwrap();
    let mut inputs = Vec::new();
    while let Some(bars) = reader.read().unwrap() {
        let text = bars.to_text();
        let Ok(ServerMessage::Bars(bars)) = ServerMessage::parse(&text, 0) else { panic!("bars: {text}") };
        inputs.push(Input::Bars { bars, text, received: None });
    }
    inputs
}

fn files(path: &FileInput, kind: &GivenKind, name: &str, seal: Option<TimestampNs>) -> Vec<Input> {
    let FileInput::Path(path) = path else { panic!("a path") };
    let parts = UserFile::read(kind, name, fs::read(path).unwrap().into(), seal).unwrap();
    parts.into_iter().map(Input::File).collect()
}

/// Log that keeps all inputs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Recorded>>>);

impl InputLog for Log {
    fn log(&mut self, seq: u64, kind: &str, timestamp: i64, body: &str) -> Result<(), SourceError> {
        let kind = if kind == "bars" { InputKind::Bars } else { InputKind::Control };
        self.0.lock().unwrap().push(Recorded { seq, kind, timestamp, body: body.to_owned() });
        Ok(())
    }
}

impl Log {
    fn texts(&self) -> Vec<String> {
        let log = self.0.lock().unwrap();
        let controls = log.iter().filter(|input| input.kind == InputKind::Control);
        let text = |input: &Recorded| {
            let body: serde_json::Value = serde_json::from_str(&input.body).unwrap();
            body["text"].as_str().unwrap().to_owned()
        };
        controls.map(text).collect()
    }
}

fn live(panel: &Panel, inputs: Vec<Input>, kinds: &[GivenKind], rule: DateRule, log: Log) -> FeedSource {
    let settings = carry();
    let feed = feed(panel, true, &settings);
    let source =
        FeedSource::open(feed.hello(), Box::new(inputs.into_iter()), Box::new(log), settings).unwrap();
    source.with_files(kinds.iter().map(|kind| Sections::new(kind.clone(), rule.clone())).collect())
}

/// Time and sections of each frame as text.
fn sections(source: &mut dyn Source) -> Vec<String> {
    let (mut lines, mut frame) = (Vec::new(), Frame::default());
    while source.next_frame(&mut frame).unwrap() {
        lines.push(format!("{} {:?}", frame.timestamp.date(), frame.given));
    }
    lines
}

fn factors(panel: &Panel) -> Vec<String> {
    let feed = feed(panel, true, &carry());
    feed_factor_names(feed.hello(), &carry()).unwrap()
}

#[test]
fn files_before_the_first_bar_act_as_in_a_replay() {
    let panel = panel(5, FRAMES);
    let (folder, names) = (Folder::new(), factors(&panel));
    let (model, cov) = (GivenKind::Betas(names.clone()), GivenKind::FactorCov(names.clone()));
    let intraday = DateRule { frames_per_day: 4, open_bar_ns: 0, zone: Zone::UTC };
    let cases = [
        ("dates", vec![(GivenKind::Forecasts, forecasts(&dates(), 1))], DAILY),
        ("dates of days with several frames", vec![(GivenKind::Forecasts, forecasts(&dates(), 1))], intraday),
        ("times", vec![(GivenKind::Forecasts, timed(2))], DAILY),
        ("risk model", vec![(model, betas(&names, 3)), (cov, covariances(&names, 1e-5))], DAILY),
    ];
    for (case, tables, rule) in cases {
        let mut rows = Vec::new();
        let (mut inputs, mut kinds) = (Vec::new(), Vec::new());
        for (at, (kind, table)) in tables.into_iter().enumerate() {
            let name = format!("{case}-{at}.parquet");
            let file = folder.write(&name, table);
            inputs.extend(files(&file, &kind, &name, None));
            rows.push(GivenRows::open(&file, kind.clone(), rule.clone(), None).unwrap());
            kinds.push(kind);
        }
        let source = ParquetSource::open(&panel.prices, Some(&panel.factors), carry()).unwrap();
        let expected = sections(&mut WithUserData::new(Box::new(source), rows));
        assert!(expected.iter().filter(|line| line.contains("of: Some")).count() > 5, "{case}");
        inputs.extend(bars(&feed(&panel, true, &carry())));
        let log = Log::default();
        let mut source = live(&panel, inputs, &kinds, rule.clone(), log.clone());
        assert_eq!(sections(&mut source), expected, "{case}");
        assert_eq!(source.facts().given.len(), kinds.len());
        // The record alone gives the same frames.
        let recorded = log.0.lock().unwrap().iter().cloned().map(Input::of_record).collect();
        assert_eq!(
            sections(&mut live(&panel, recorded, &kinds, rule.clone(), Log::default())),
            expected,
            "{case}"
        );
    }
}

#[test]
fn late_file_acts_on_the_next_frame_and_a_changed_one_replaces_its_rows() {
    let panel = panel(5, FRAMES);
    let folder = Folder::new();
    let all = bars(&feed(&panel, true, &carry()));
    let kind = GivenKind::Forecasts;
    let of = |name: &str, dates: &[i32], seed| {
        files(&folder.write(name, forecasts(dates, seed)), &kind, name, None)
    };
    let at = |frame: usize| dates()[frame];
    // Two dates in time, one date late, its revision, an older date, and again a version that was taken.
    let mut inputs = of("a.parquet", &[at(22), at(24)], 1);
    inputs.extend(all[..31].iter().cloned());
    inputs.extend(of("b.parquet", &[at(29)], 2));
    inputs.extend(all[31..35].iter().cloned());
    inputs.extend(of("b.parquet", &[at(29)], 3));
    inputs.extend(of("b.parquet", &[at(29)], 3));
    inputs.extend(of("c.parquet", &[at(28)], 4));
    inputs.extend(all[35..].iter().cloned());
    let log = Log::default();
    let mut source = live(&panel, inputs, std::slice::from_ref(&kind), DAILY, log.clone());
    let (mut changes, mut frame) = (Vec::new(), Frame::default());
    while source.next_frame(&mut frame).unwrap() {
        // An instrument that joins the frames repeats the section.
        if frame.given.signal.of.is_some() && frame.listed.is_empty() {
            changes.push((frame.timestamp.date(), frame.given.signal.of.map(|of| of.date())));
        }
    }
    let day = |frame: usize| i64::from(at(frame));
    let expected = [(22, 22), (24, 24), (31, 29), (35, 29)].map(|(frame, of)| (day(frame), Some(day(of))));
    assert_eq!(changes, expected);
    let texts = log.texts();
    let parts = [
        "6 rows, used from the first bar on",
        "3 rows, used from the next bar on",
        "3 rows, which revise an earlier version, used from the next bar on",
        "not used, because those for",
    ];
    assert_eq!(texts.len(), parts.len(), "{texts:?}");
    assert!(texts.iter().zip(parts).all(|(text, part)| text.contains(part)), "{texts:?}");
    let facts = &source.facts().given[0];
    assert_eq!((facts.rows.rows, facts.rows.late.count), (15, 1));
    assert_eq!((facts.rows.unmatched, &*facts.rows.unmatched_first), (1, &["NONE".to_owned()][..]));
}

#[test]
fn run_resumed_from_a_checkpoint_has_the_same_sections() {
    let panel = panel(7, FRAMES);
    let folder = Folder::new();
    let kinds = [GivenKind::Forecasts];
    let all = bars(&feed(&panel, true, &carry()));
    let file =
        |name: &str, dates: &[i32]| files(&folder.write(name, forecasts(dates, 1)), &kinds[0], name, None);
    let mut inputs = file("a.parquet", &dates()[..40]);
    inputs.extend(all[..45].iter().cloned());
    inputs.extend(file("b.parquet", &dates()[30..]));
    inputs.extend(all[45..].iter().cloned());
    let mut whole = live(&panel, inputs.clone(), &kinds, DAILY, Log::default()).checkpoints(1);
    let (mut frame, mut lines, mut saved) = (Frame::default(), Vec::new(), Vec::new());
    while whole.next_frame(&mut frame).unwrap() {
        lines.push(format!("{} {:?}", frame.timestamp.date(), frame.given));
        saved.push(frame.checkpoint.clone().unwrap());
    }
    for (at, source) in saved.into_iter().enumerate() {
        let next = inputs_before(&source).unwrap() as usize;
        let checkpoint = Checkpoint { source, ..Checkpoint::default() };
        let resumed = live(&panel, inputs[next..].to_vec(), &kinds, DAILY, Log::default());
        let mut resumed = resumed.resuming(&checkpoint).unwrap();
        assert_eq!(sections(&mut resumed), lines[at + 1..], "after frame {at}");
    }
}

#[test]
fn large_file_becomes_several_inputs() {
    let rows = 45_000;
    let symbols: Vec<String> = (0..rows).map(|row| format!("S{}", row % 900)).collect();
    let table = vec![
        ("date", days(&(0..rows).map(|row| 10 + row / 900).collect::<Vec<_>>())),
        ("symbol", texts(&symbols.iter().map(String::as_str).collect::<Vec<_>>())),
        ("forecast", nullable(&(0..rows).map(|row| (row % 7 != 0).then_some(0.1)).collect::<Vec<_>>())),
    ];
    let folder = Folder::new();
    let file = folder.write("large.parquet", table);
    assert_eq!(files(&file, &GivenKind::Forecasts, "large.parquet", None).len(), 3);
}

/// Next inputs of a folder until `count` have come.
fn wait(folder: &mut UserFolder, count: usize) -> Vec<Input> {
    let (start, mut inputs) = (Instant::now(), Vec::new());
    while inputs.len() < count {
        assert!(start.elapsed() < Duration::from_secs(20), "{} inputs", inputs.len());
        match folder.next_input() {
            Some(input) => inputs.push(input),
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    inputs
}

fn name(input: &Input) -> String {
    match input {
        Input::File(file) => file.file.clone(),
        Input::Control(Control { kind, body, .. }) => format!("{kind}: {body}"),
        other => panic!("{other:?}"),
    }
}

fn move_in(folder: &Folder, from: &FileInput, to: &str) {
    let FileInput::Path(from) = from else { panic!("a path") };
    fs::rename(from, folder.path(to)).unwrap();
}

#[test]
fn new_and_changed_files_of_a_folder_are_taken_once() {
    let (folder, aside) = (Folder::new(), Folder::new());
    let watched = folder.path("in/.keep");
    let mut watched = UserFolder::new(watched.parent().unwrap(), GivenKind::Forecasts, None);
    assert!(watched.next_input().is_none());
    let put = |name: &str, seed| move_in(&folder, &aside.write("x.parquet", forecasts(&[3, 4], seed)), name);
    put("in/b.parquet", 1);
    put("in/a.parquet", 2);
    put("in/2024/c.parquet", 3);
    fs::write(folder.path("in/note.txt"), "not data").unwrap();
    let names: Vec<String> = wait(&mut watched, 3).iter().map(name).collect();
    assert_eq!(names, [Path::new("2024").join("c.parquet").to_str().unwrap(), "a.parquet", "b.parquet"]);
    std::thread::sleep(Duration::from_millis(200));
    assert!(watched.next_input().is_none());
    put("in/a.parquet", 9);
    assert_eq!(name(&wait(&mut watched, 1)[0]), "a.parquet");
}

#[test]
fn text_files_and_parquet_files_of_a_folder_are_all_taken() {
    let (folder, aside) = (Folder::new(), Folder::new());
    let root = folder.path("in/.keep");
    let root = root.parent().unwrap();
    let text = |name: &str, day: u32| {
        fs::write(root.join(name), format!("date,symbol,forecast\n1970-01-{day:02},A,0.1\n")).unwrap();
    };
    let mut watched = UserFolder::new(root, GivenKind::Forecasts, None);
    text("a.csv", 4);
    assert_eq!(name(&wait(&mut watched, 1)[0]), "a.csv");
    move_in(&folder, &aside.write("x.parquet", forecasts(&[5], 1)), "in/b.parquet");
    assert_eq!(name(&wait(&mut watched, 1)[0]), "b.parquet");
    text("c.csv", 6);
    assert_eq!(name(&wait(&mut watched, 1)[0]), "c.csv");
    // A start later finds them all.
    let mut again = UserFolder::new(root, GivenKind::Forecasts, None);
    let names: Vec<String> = wait(&mut again, 3).iter().map(name).collect();
    assert_eq!(names, ["a.csv", "b.parquet", "c.csv"]);
}

#[test]
fn incomplete_file_is_read_when_complete_and_reported_if_it_stays_so() {
    let folder = Folder::new();
    let whole = folder.write("whole.parquet", forecasts(&[3, 4, 5], 1));
    let FileInput::Path(whole) = &whole else { panic!("a path") };
    let bytes = fs::read(whole).unwrap();
    let path = folder.path("in/a.parquet");
    let mut watched = UserFolder::new(path.parent().unwrap(), GivenKind::Forecasts, None);
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(watched.next_input().is_none());
    fs::write(&path, &bytes).unwrap();
    assert_eq!(name(&wait(&mut watched, 1)[0]), "a.parquet");
    fs::write(folder.path("in/b.parquet"), &bytes[..bytes.len() / 2]).unwrap();
    let report = name(&wait(&mut watched, 1)[0]);
    assert!(report.starts_with("user_file_refused: ") && report.contains("b.parquet"), "{report}");
    std::thread::sleep(Duration::from_millis(500));
    assert!(watched.next_input().is_none(), "one report");
    fs::write(folder.path("in/b.parquet"), &bytes).unwrap();
    assert_eq!(name(&wait(&mut watched, 1)[0]), "b.parquet");
}

#[test]
fn rows_of_the_hold_out_and_invalid_covariances_are_not_recorded() {
    let folder = Folder::new();
    let file = folder.write("a.parquet", forecasts(&[3, 4, 9], 1));
    let FileInput::Path(path) = &file else { panic!("a path") };
    let sealed = UserFile::read(
        &GivenKind::Forecasts,
        "a.parquet",
        fs::read(path).unwrap().into(),
        Some(TimestampNs(4 * DAY_NS)),
    );
    let text = format!("{sealed:?}");
    assert!(!text.contains(&(4 * DAY_NS).to_string()) && text.contains(&(3 * DAY_NS).to_string()), "{text}");

    let names = ["mkt".to_owned(), "mom".to_owned()];
    let kind = GivenKind::FactorCov(names.to_vec());
    for (corner, valid) in [(5e-5, true), (2e-4, false)] {
        let FileInput::Path(path) = folder.write("cov.parquet", covariances(&names, corner)) else {
            panic!("a path")
        };
        let read = UserFile::read(&kind, "cov.parquet", fs::read(path).unwrap().into(), None);
        assert_eq!(read.is_ok(), valid, "{read:?}");
    }
}
