//! The record of inputs in segments and table is complete whenever a run ends.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use betaflow_connectors::store::{
    Input, InputKind, StateFolder, StateView, StoreError, Sync, Writer, WriterHandle, WriterSettings,
    read_inputs,
};
use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;

/// Returns input number `seq`, a function of the number; every tenth is a control.
fn input(seq: u64, size: usize) -> Input {
    let kind = if seq % 10 == 7 { InputKind::Control } else { InputKind::Bars };
    let filler = "0123456789abcdef".repeat(size / 16 + 1);
    let body = format!(r#"{{"seq":{seq},"text":"{}"}}"#, &filler[..size]);
    Input { seq, kind, timestamp: 1_000 * i64::try_from(seq).unwrap(), body }
}

fn append(handle: &WriterHandle, from: u64, count: u64, size: usize) {
    for first in (from..from + count).step_by(512) {
        let last = (first + 512).min(from + count);
        handle.log((first..last).map(|seq| input(seq, size)).collect()).unwrap();
    }
    handle.flush().unwrap();
}

/// Checks that the record from a number on equals the logged inputs.
fn check(folder: &Path, from: u64, sizes: &[usize]) {
    let mut next = from;
    read_inputs(folder, from, &mut |found| {
        assert_eq!(found, input(next, sizes[usize::try_from(next).unwrap()]));
        next += 1;
        true
    })
    .unwrap();
    assert_eq!(next, sizes.len() as u64, "expected all inputs from {from}");
}

/// Commits writes until the table has at most `most` inputs.
fn settle(folder: &Path, handle: &WriterHandle, most: u64) {
    let started = Instant::now();
    let view = StateView::open(folder).unwrap();
    while view.connection().query_row("SELECT count(*) FROM inputs", [], |row| row.get::<_, u64>(0)).unwrap()
        > most
    {
        assert!(started.elapsed() < Duration::from_secs(60), "{:?}", view.input_counts());
        handle.flush().unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Running writer. The handle is dropped first, because a writer waits for its last handle.
struct Running {
    handle: WriterHandle,
    _writer: Writer,
}

fn start(folder: &Path) -> Running {
    let state = StateFolder::open(folder, Sync::Normal).unwrap();
    let settings = WriterSettings { segment_inputs: 4_096, ..WriterSettings::new(1) };
    let writer = Writer::start_with(&state, settings, Box::new(|_| {})).unwrap();
    let handle = writer.handle();
    Running { handle, _writer: writer }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("session")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn inputs_before_the_checkpoints_move_into_segments_and_are_read_back_unchanged() {
    let root = TempDir::new().unwrap();
    let running = start(root.path());
    let handle = &running.handle;
    append(handle, 0, 10_000, 40);
    let sizes = [40; 10_000];
    handle.checkpoint(100, 9_000, vec![1]).unwrap();
    settle(root.path(), handle, 10_000 - 8_192);
    assert_eq!(names(root.path()), ["inputs-000000000000.parquet", "inputs-000000004096.parquet"]);
    for from in [0, 1, 4_095, 4_096, 8_191, 8_192, 9_999, 10_000] {
        check(root.path(), from, &sizes);
    }
    // The checkpoint before the last is kept, with the inputs that it does not include.
    let start = StateFolder::open(root.path(), Sync::Normal);
    assert!(start.is_ok(), "the writer must not hold a lock of its own");
    let counts = StateView::open(root.path()).unwrap().input_counts().unwrap();
    assert_eq!((counts.segments, counts.in_segments, counts.in_table), (2, 8_192, 1_808));
    let start = start.unwrap().start().unwrap();
    assert_eq!(start.next_input, 10_000);
    assert_eq!(
        start.checkpoints.into_iter().next().map(|saved| (saved.seq, saved.next_input, saved.state)),
        Some((100, 9_000, vec![1]))
    );
}

#[test]
fn large_bodies_fill_a_segment_with_few_inputs_while_commits_continue() {
    let root = TempDir::new().unwrap();
    let running = start(root.path());
    let handle = &running.handle;
    let size = 200_000;
    append(handle, 0, 400, size);
    handle.checkpoint(5, 400, vec![]).unwrap();
    let mut longest = Duration::ZERO;
    for seq in 400..700 {
        let began = Instant::now();
        handle.log(vec![input(seq, 100)]).unwrap();
        handle.flush().unwrap();
        longest = longest.max(began.elapsed());
        std::thread::sleep(Duration::from_millis(5));
    }
    // Writing a segment takes some tenths of a second, a concurrent commit some milliseconds.
    eprintln!("longest commit {longest:?}");
    settle(root.path(), handle, 700 - 336);
    assert_eq!(names(root.path()).len(), 2);
    let sizes: Vec<usize> = (0..700).map(|seq| if seq < 400 { size } else { 100 }).collect();
    check(root.path(), 0, &sizes);
}

#[test]
fn run_ended_at_any_step_leaves_a_complete_record_and_the_next_one_resumes() {
    let root = TempDir::new().unwrap();
    let (before, after) = (root.path().join("before"), root.path().join("after"));
    let sizes = vec![64; 9_000];
    {
        let running = start(&before);
        let handle = &running.handle;
        append(handle, 0, 9_000, 64);
    }
    copy(&before, &after);
    {
        let running = start(&after);
        let handle = &running.handle;
        handle.checkpoint(10, 8_500, vec![]).unwrap();
        settle(&after, handle, 9_000 - 8_192);
    }
    let segment = |at: usize| after.join("session").join(&names(&after)[at]);
    // Change that gives the state folder of a run that ended at this step.
    type Step<'a> = (&'a str, &'a dyn Fn(&Path));
    let steps: [Step<'_>; 5] = [
        ("half a segment aside", &|folder| {
            let half = fs::read(segment(0)).unwrap();
            let aside = folder.join("session/.inputs-000000000000.parquet.partial");
            fs::write(aside, &half[..half.len() / 2]).unwrap();
        }),
        ("a segment, and all its rows", &|folder| {
            fs::copy(segment(0), folder.join("session/inputs-000000000000.parquet")).unwrap();
        }),
        ("a segment, and some of its rows", &|folder| {
            fs::copy(segment(0), folder.join("session/inputs-000000000000.parquet")).unwrap();
            let connection = Connection::open(folder.join("state.db")).unwrap();
            connection.execute("DELETE FROM inputs WHERE seq < 700", []).unwrap();
        }),
        ("a segment, and none of its rows", &|folder| {
            fs::copy(segment(0), folder.join("session/inputs-000000000000.parquet")).unwrap();
            let connection = Connection::open(folder.join("state.db")).unwrap();
            connection.execute("DELETE FROM inputs WHERE seq < 4096", []).unwrap();
        }),
        ("two segments, and the rows of the second", &|folder| {
            for at in [0, 1] {
                fs::copy(segment(at), folder.join("session").join(&names(&after)[at])).unwrap();
            }
            let connection = Connection::open(folder.join("state.db")).unwrap();
            connection.execute("DELETE FROM inputs WHERE seq < 4096", []).unwrap();
        }),
    ];
    for (name, step) in steps {
        let folder = root.path().join(name);
        copy(&before, &folder);
        fs::create_dir_all(folder.join("session")).unwrap();
        step(&folder);
        check(&folder, 0, &sizes);
        check(&folder, 3_000, &sizes);
        let running = start(&folder);
        let handle = &running.handle;
        check(&folder, 0, &sizes);
        append(handle, 9_000, 1_000, 64);
        handle.checkpoint(11, 9_990, vec![]).unwrap();
        settle(&folder, handle, 10_000 - 8_192);
        check(&folder, 0, &vec![64; 10_000]);
        drop(running);
        let whole: Vec<String> = names(&folder).into_iter().filter(|name| !name.starts_with('.')).collect();
        assert_eq!(whole, names(&after), "{name}");
        for (at, file) in whole.iter().enumerate() {
            assert_eq!(
                fs::read(folder.join("session").join(file)).unwrap(),
                fs::read(segment(at)).unwrap(),
                "{name}"
            );
        }
    }
}

#[test]
fn missing_or_damaged_segment_is_named_in_the_error() {
    let root = TempDir::new().unwrap();
    let whole = root.path().join("whole");
    {
        let running = start(&whole);
        let handle = &running.handle;
        append(handle, 0, 9_000, 64);
        handle.checkpoint(10, 9_000, vec![]).unwrap();
        settle(&whole, handle, 9_000 - 8_192);
    }
    let damage = |at: usize, change: &dyn Fn(&mut Vec<u8>)| {
        let folder = root.path().join("damaged");
        let _ = fs::remove_dir_all(&folder);
        copy(&whole, &folder);
        let path = folder.join("session").join(&names(&whole)[at]);
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        if bytes.is_empty() {
            fs::remove_file(&path).unwrap()
        } else {
            fs::write(&path, bytes).unwrap()
        }
        // What the table has is read without the segments.
        let mut last = 0;
        read_inputs(&folder, 8_500, &mut |input| {
            last = input.seq;
            true
        })
        .unwrap();
        assert_eq!(last, 8_999);
        let names_fault = StateFolder::open(&folder, Sync::Normal).unwrap().check_segments().is_err();
        (read_inputs(&folder, 0, &mut |_| true).unwrap_err(), names_fault)
    };
    for at in [0, 1] {
        let (missing, named) = damage(at, &|bytes| bytes.clear());
        assert!(named, "{missing}");
        let next = 4_096 * at as u64;
        assert!(matches!(missing, StoreError::Hole { next: found, .. } if found == next), "{missing}");
        let text = missing.to_string();
        assert!(text.contains("session") && text.contains(&format!("expected input {next}")), "{text}");
        let cut = damage(at, &|bytes| bytes.truncate(bytes.len() / 2));
        let changed = damage(at, &|bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
        });
        // The rows are not read at a start.
        for ((error, named), expected) in [(cut, true), (changed, false)] {
            assert_eq!(named, expected, "{error}");
            let text = error.to_string();
            assert!(text.contains(&names(&whole)[at]) && text.contains("expected a segment"), "{text}");
        }
    }
}

#[test]
fn events_are_bounded() {
    let root = TempDir::new().unwrap();
    let running = start(root.path());
    let handle = &running.handle;
    for n in 0..10_300 {
        handle.event(n, None, "stale", n.to_string()).unwrap();
    }
    handle.flush().unwrap();
    let view = StateView::open(root.path()).unwrap();
    let kept = "SELECT count(*), min(CAST(text AS INTEGER)), max(CAST(text AS INTEGER)) FROM events";
    let kept: (u64, u64, u64) =
        view.connection().query_row(kept, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    assert_eq!(kept, (10_000, 300, 10_299));
}

#[derive(Clone, Debug)]
enum Step {
    Append(u64, usize),
    /// Checkpoint that excludes this number of inputs.
    Checkpoint(u64),
    Commits(u64),
    Restart,
    Read(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..4_000_u64, 0..300_usize).prop_map(|(count, size)| Step::Append(count, size)),
        3 => (0..3_000_u64).prop_map(Step::Checkpoint),
        2 => (1..40_u64).prop_map(Step::Commits),
        1 => Just(Step::Restart),
        2 => (0..100_u64).prop_map(Step::Read),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn logged_inputs_are_read_back_for_any_order_of_appends_checkpoints_and_restarts(
        steps in prop::collection::vec(step(), 4..12)
    ) {
        let root = TempDir::new().unwrap();
        let mut running = start(root.path());
        let mut sizes: Vec<usize> = Vec::new();
        for (seq, step) in steps.into_iter().enumerate() {
            let written = sizes.len() as u64;
            match step {
                Step::Append(count, size) => {
                    append(&running.handle, written, count, size);
                    sizes.extend((0..count).map(|_| size));
                }
                Step::Checkpoint(without) => {
                    running.handle.checkpoint(seq as u64, written.saturating_sub(without), vec![]).unwrap();
                }
                Step::Commits(count) => (0..count).for_each(|_| running.handle.flush().unwrap()),
                Step::Restart => {
                    drop(running);
                    running = start(root.path());
                }
                Step::Read(percent) => check(root.path(), written * percent / 100, &sizes),
            }
        }
        check(root.path(), 0, &sizes);
        let view = StateView::open(root.path()).unwrap();
        prop_assert_eq!(view.input_counts().unwrap().total(), sizes.len() as u64);
    }
}
