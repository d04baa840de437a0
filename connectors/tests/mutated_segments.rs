//! A mutated, missing, renamed or repeated segment is refused, or gives exactly the recorded inputs.
//!
//! `BETAFLOW_MUTATED_CASES` and `BETAFLOW_MUTATED_SEED` set the number of cases and the first seed.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

#[path = "mutated/random.rs"]
mod random;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use betaflow_connectors::store::{Input, InputKind, StateFolder, StateView, Sync, Writer, read_inputs};
use random::Random;
use tempfile::TempDir;

const INPUTS: u64 = 9_000;

/// Input number `seq`, a function of the number.
fn input(seq: u64) -> Input {
    let kind = if seq % 10 == 7 { InputKind::Control } else { InputKind::Bars };
    let body = format!(r#"{{"seq":{seq},"close":{}}}"#, seq * 7919 % 1000);
    Input { seq, kind, timestamp: 1_000 * i64::try_from(seq).unwrap(), body }
}

/// Writes a state folder with two segments and a table.
fn create(folder: &Path) {
    let state = StateFolder::open(folder, Sync::Normal).unwrap();
    let writer = Writer::start(&state, 1, Box::new(|_| {})).unwrap();
    let handle = writer.handle();
    for first in (0..INPUTS).step_by(500) {
        handle.log((first..first + 500).map(input).collect()).unwrap();
    }
    handle.checkpoint(100, INPUTS - 200, vec![1]).unwrap();
    handle.flush().unwrap();
    let (view, started) = (StateView::open(folder).unwrap(), Instant::now());
    let left = || view.connection().query_row("SELECT count(*) FROM inputs", [], |row| row.get::<_, u64>(0));
    while left().unwrap() > INPUTS - 8_192 {
        assert!(started.elapsed() < Duration::from_secs(60));
        handle.flush().unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    drop(handle);
}

/// Changes a segment, its name or its place; returns what was done.
fn mutate(session: &Path, random: &mut Random) -> String {
    let names = ["inputs-000000000000.parquet", "inputs-000000004096.parquet"];
    let name = *random.choose(&names);
    let (file, other) = (session.join(name), session.join(names[usize::from(name == names[0])]));
    let mut bytes = fs::read(&file).unwrap();
    let end = bytes.len();
    match random.below(10) {
        0 => fs::remove_file(&file).unwrap(),
        1 => fs::copy(&other, &file).map(drop).unwrap(),
        2 => {
            let first = *random.choose(&[1, 100, 4_095, 4_097, 8_192, 8_193, u64::MAX]);
            fs::rename(&file, session.join(format!("inputs-{first:012}.parquet"))).unwrap();
            return format!("rename {name} to {first}");
        }
        3 => {
            let first = *random.choose(&[1, 100, 4_095, 4_097, 8_192, 8_193, u64::MAX]);
            fs::copy(&file, session.join(format!("inputs-{first:012}.parquet"))).unwrap();
            return format!("copy {name} to {first}");
        }
        4 => fs::write(&file, &bytes[..random.below(end)]).unwrap(),
        5 => {
            // The digest of the rows in the footer.
            let at = bytes.windows(15).rposition(|text| text == b"betaflow.digest").unwrap();
            let at = at + 15 + random.below(20);
            bytes[at] ^= 1 << random.below(8);
            fs::write(&file, bytes).unwrap();
        }
        _ => {
            let from = if random.one_in(2) { end - 900 } else { 4 };
            for _ in 0..=random.below(3) {
                let at = from + random.below(end - from);
                bytes[at] ^= 1 << random.below(8);
            }
            fs::write(&file, bytes).unwrap();
        }
    }
    format!("change {name}")
}

#[test]
fn mutated_segment_is_refused_or_gives_the_recorded_inputs() {
    let variable =
        |name: &str, default: u64| std::env::var(name).map_or(default, |value| value.parse().unwrap());
    let (first, count) = (variable("BETAFLOW_MUTATED_SEED", 1), variable("BETAFLOW_MUTATED_CASES", 60));
    let root = TempDir::new().unwrap();
    create(root.path());
    let session = root.path().join("session");
    let whole: Vec<_> = fs::read_dir(&session)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    let (mut errors, mut alike, mut failures) = (0, 0, Vec::new());
    for seed in first..first + count {
        let mut random = Random::new(seed);
        let done = mutate(&session, &mut random);
        let mut next = 0;
        let read = catch_unwind(AssertUnwindSafe(|| {
            let mut differs = None;
            let read = read_inputs(root.path(), 0, &mut |found| {
                differs = differs.or((found != input(next)).then_some(next));
                next += 1;
                true
            });
            // The number of inputs of a folder is read before its inputs.
            let counts = StateView::open(root.path()).unwrap().input_counts();
            (read, differs, counts.is_ok())
        }));
        match read {
            Err(_) => failures.push(format!("seed {seed}: {done}: panic")),
            Ok((Err(error), ..)) if error.to_string().contains(&*root.path().to_string_lossy()) => {
                errors += 1
            }
            Ok((Err(error), ..)) => {
                failures.push(format!("seed {seed}: {done}: an error without the path: {error}"))
            }
            Ok((Ok(()), None, _)) if next == INPUTS => alike += 1,
            Ok((Ok(()), differs, _)) => {
                failures.push(format!("seed {seed}: {done}: {next} inputs, the first other one {differs:?}"));
            }
        }
        fs::remove_dir_all(&session).unwrap();
        fs::create_dir(&session).unwrap();
        whole.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    }
    println!("{errors} errors, {alike} alike");
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
    assert!(errors > count / 3 && (alike > 0 || count < 20), "{errors} errors, {alike} alike");
}
