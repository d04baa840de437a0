//! Mutated Parquet files of many writers end in a located error, or in the frames that an independent reader finds in the
//! same bytes, within bounds on memory and time.
//!
//! `BETAFLOW_MUTATED_CASES` and `BETAFLOW_MUTATED_SEED` set the number of cases and the first seed;
//! `BETAFLOW_MUTATED_KEEP` names a folder for the accepted files, which `reference/check_mutated.py` reads with pyarrow.
#![allow(clippy::unwrap_used, missing_docs, clippy::print_stdout, unsafe_code)]

mod support;

#[path = "mutated/allocation.rs"]
mod allocation;
#[path = "mutated/bombs.rs"]
mod bombs;
#[path = "mutated/mutation.rs"]
mod mutation;
#[path = "mutated/oracle.rs"]
mod oracle;
#[path = "mutated/pages.rs"]
mod pages;
#[path = "mutated/random.rs"]
mod random;
#[path = "mutated/thrift.rs"]
mod thrift;

use std::collections::BTreeMap;
use std::path::PathBuf;

use mutation::{Mutation, applied, draw};
use oracle::{Verdict, judged};
use pages::FileParts;
use random::Random;

#[global_allocator]
static ALLOCATOR: allocation::Counting = allocation::Counting;

/// Files of several writers; `reference/make_mutated.py` wrote them.
fn seeds() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference/mutated");
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let name = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    names.iter().map(|path| (name(path), std::fs::read(path).unwrap())).collect()
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// Removes mutations as long as the case still fails.
fn reduced(mut mutations: Vec<Mutation>, fails: impl Fn(&[Mutation]) -> bool) -> Vec<Mutation> {
    let mut at = 0;
    while at < mutations.len() && mutations.len() > 1 {
        let mut fewer = mutations.clone();
        fewer.remove(at);
        match fails(&fewer) {
            true => mutations = fewer,
            false => at += 1,
        }
    }
    mutations
}

#[test]
fn file_taken_apart_is_put_together_to_the_same_frames() {
    for (name, bytes) in seeds() {
        let whole = FileParts::of(&bytes).unwrap_or_else(|| panic!("{name}: not taken apart"));
        let again = applied(&whole, &[]);
        let known = oracle::frames(&bytes, None).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(oracle::frames(&again, None).unwrap(), known, "{name}");
        let verdict = judged(&again, None);
        assert!(matches!(verdict, Verdict::Alike | Verdict::Unchecked), "{name}: {}", verdict.text());
    }
}

#[test]
fn mutated_file_is_refused_or_read_alike() {
    let (first, count) = (variable("BETAFLOW_MUTATED_SEED", 1), variable("BETAFLOW_MUTATED_CASES", 2_000));
    let keep = std::env::var("BETAFLOW_MUTATED_KEEP").ok().map(PathBuf::from);
    let files = seeds();
    let parts: Vec<FileParts> = files.iter().map(|(_, bytes)| FileParts::of(bytes).unwrap()).collect();
    let (mut tally, mut failures) = (BTreeMap::<String, u64>::new(), Vec::new());
    for seed in first..first + count {
        let mut random = Random::new(seed);
        let file = random.below(files.len());
        let range = oracle::range(&mut random);
        let mutations = draw(&mut random);
        let bytes = applied(&parts[file], &mutations);
        let verdict = judged(&bytes, range);
        if let (Some(folder), Verdict::Alike | Verdict::Unchecked, None) = (&keep, &verdict, range) {
            std::fs::write(folder.join(format!("{seed}.parquet")), &bytes).unwrap();
        }
        *tally.entry(verdict.class()).or_default() += 1;
        if let Verdict::Wrong(_) = verdict {
            let fewer = reduced(mutations, |some| {
                matches!(judged(&applied(&parts[file], some), range), Verdict::Wrong(_))
            });
            if let Some(folder) = &keep {
                std::fs::write(folder.join(format!("{seed}.wrong")), applied(&parts[file], &fewer)).unwrap();
            }
            let kinds: Vec<_> = fewer.iter().map(|mutation| mutation.kind).collect();
            let found = judged(&applied(&parts[file], &fewer), range).text();
            failures.push(format!(
                "seed {seed}, file {}, mutations {kinds:?}, range {range:?}: {found}\n  repeat: BETAFLOW_MUTATED_SEED={seed} \
                 BETAFLOW_MUTATED_CASES=1 cargo test --workspace --test mutated -- --nocapture read_alike",
                files[file].0
            ));
        }
    }
    println!("{tally:#?}");
    let shown: Vec<&String> = failures.iter().take(20).collect();
    assert!(failures.is_empty(), "{} of {count} cases:\n{shown:#?}", failures.len());
    let share = |class: &str| tally.get(class).copied().unwrap_or(0) as f64 / count as f64;
    if count >= 1_000 {
        assert!(
            share("error") > 0.3 && share("alike") > 0.1,
            "the mutations are too coarse or too fine: {tally:?}"
        );
    }
}

/// Files of `BETAFLOW_MUTATED_KEEP` that pyarrow has read, and those that it refuses, by the refusal.
#[test]
#[ignore = "needs the files of reference/check_mutated.py"]
fn accepted_file_is_read_as_pyarrow_reads_it() {
    let folder = PathBuf::from(std::env::var("BETAFLOW_MUTATED_KEEP").unwrap());
    let (mut alike, mut refused, mut failures) = (0, BTreeMap::<String, Vec<String>>::new(), Vec::new());
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".plain.parquet") || !name.ends_with(".parquet") {
            continue;
        }
        let ours = oracle::frames(&std::fs::read(&path).unwrap(), None);
        if let Ok(why) = std::fs::read_to_string(path.with_extension("refused")) {
            let why: String = why.chars().filter(|c| !c.is_ascii_digit()).take(80).collect();
            refused.entry(why).or_default().push(name);
            continue;
        }
        let plain = oracle::frames(&std::fs::read(path.with_extension("plain.parquet")).unwrap(), None);
        match (ours, plain) {
            (Ok(ours), Ok(plain)) if ours == plain => alike += 1,
            (ours, plain) => {
                failures.push(format!("{name}: found {:?}, pyarrow {:?}", ours.is_ok(), plain.is_ok()))
            }
        }
    }
    println!("{alike} alike; pyarrow refuses {refused:#?}");
    assert!(failures.is_empty(), "{failures:#?}");
}
