//! Fuzz targets as tests: each replays its committed corpus, then runs mutations of it.
//!
//! | environment variable | effect |
//! |---|---|
//! | `BETAFLOW_FUZZ_SECONDS` | time of the mutations of each target; without it, 200 inputs |
//! | `BETAFLOW_FUZZ_SEED` | seed of the mutations |
//! | `BETAFLOW_FUZZ_INPUT` | file that is run alone, such as one that a failure wrote |
//! | `BETAFLOW_FUZZ_ALL` | set: an input that fails does not end its target; the first of each place of a panic is named |
//!
//! A target fails if an input panics on any thread, allocates more than its limit, or takes more than [`HANG`]. Every input
//! is written to `target/tmp/fuzz/TARGET.last` before it runs, so it is known after an abort, such as a stack overflow.
//!
//! `.ci/long fuzz` compiles the same targets with coverage counters and runs them under libFuzzer (`guided.rs`). libFuzzer
//! is linked directly, because only the crates of the workspace are then compiled with counters.
// Each program of targets uses a part of this module.
#![allow(dead_code)]

#[cfg(betaflow_guided)]
mod guided;
mod memory;
mod mutation;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{Seek as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::abort;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use mutation::Mutator;

/// Maximum time of an input; a busy machine delays a test by several seconds.
const HANG: Duration = Duration::from_secs(30);
/// Inputs of a target without a time.
const INPUTS: u64 = 200;
/// Maximum length of a mutated input.
const LENGTH_MAX: usize = 1 << 20;
/// Parts of texts that nest without end, or make a long list, in formats that are read by recursion or by lines.
const NESTED: [&str; 10] = ["[", "{\"a\":", "a=[", "{a=", "a.", "\"a\".", "[[", "(", ",", "\n"];
/// Number of repetitions of a part: a recursion of that depth overflows the stack.
const DEPTH: usize = 100_000;

/// Panics of threads of the product, of whichever target.
static PANICS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Panics of the thread of a target.
    static OWN_PANICS: Cell<u64> = const { Cell::new(0) };
}

/// Place of the last panic.
static PLACE: Mutex<String> = Mutex::new(String::new());

/// Fuzz target.
pub(crate) struct Target {
    name: &'static str,
    corpus: PathBuf,
    /// Maximum memory that an input may allocate at a time, in MiB.
    memory_mib: usize,
    /// Words of the format, for mutations.
    words: &'static [&'static str],
}

impl Target {
    /// Creates a target with the corpus `fuzz/corpus/NAME` of the crate.
    pub(crate) fn new(name: &'static str) -> Self {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        Self { name, corpus, memory_mib: 64, words: &[] }
    }

    /// Sets the memory that an input may allocate at a time.
    pub(crate) fn memory_mib(self, memory_mib: usize) -> Self {
        Self { memory_mib, ..self }
    }

    /// Sets words of the format.
    pub(crate) fn words(self, words: &'static [&'static str]) -> Self {
        Self { words, ..self }
    }

    /// Runs the target.
    pub(crate) fn run(self, body: impl Fn(&[u8]) + Send + Sync + 'static) {
        static HOOK: Once = Once::new();
        HOOK.call_once(count_panics);
        #[cfg(betaflow_guided)]
        return guided::run(&self, body);
        #[cfg(not(betaflow_guided))]
        self.run_unguided(&body);
    }

    fn run_unguided(&self, body: &dyn Fn(&[u8])) {
        let runner = Runner::new(self);
        if let Some(path) = std::env::var_os("BETAFLOW_FUZZ_INPUT") {
            return runner.run(&fs::read(path).expect("the input is readable"), body);
        }
        let corpus = self.corpus();
        corpus.iter().for_each(|input| runner.run(input, body));
        nested(&corpus).for_each(|input| runner.run(&input, body));
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let time = number("BETAFLOW_FUZZ_SECONDS").map(Duration::from_secs);
        let mut mutator = Mutator::new(number("BETAFLOW_FUZZ_SEED").unwrap_or(23), &corpus, self.words);
        let (started, mut count) = (Instant::now(), 0);
        while time.map_or(count < INPUTS, |time| started.elapsed() < time) {
            runner.run(&mutator.next_input(LENGTH_MAX), body);
            count += 1;
        }
        let seconds = started.elapsed().as_secs_f64();
        eprintln!("{}: {} seeds, {count} mutations in {seconds:.1} s", self.name, corpus.len());
    }

    /// Returns the committed inputs, in the order of their names.
    fn corpus(&self) -> Vec<Vec<u8>> {
        let entries =
            fs::read_dir(&self.corpus).unwrap_or_else(|why| panic!("{}: {why}", self.corpus.display()));
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        assert!(!paths.is_empty(), "{}: found no input, expected a corpus", self.corpus.display());
        paths.iter().map(|path| fs::read(path).expect("an input")).collect()
    }
}

/// Inputs of deep nesting, after nothing, and after each first line of the corpus that is short enough to name a kind.
fn nested(corpus: &[Vec<u8>]) -> impl Iterator<Item = Vec<u8>> {
    let first_lines = corpus.iter().filter_map(|input| {
        let end = 1 + input.iter().take(24).position(|byte| *byte == b'\n')?;
        Some(input[..end].to_vec())
    });
    let starts: BTreeSet<Vec<u8>> = first_lines.chain([Vec::new(), b"a=".to_vec()]).collect();
    starts
        .into_iter()
        .flat_map(|start| NESTED.map(|part| [&start, &*part.repeat(DEPTH).into_bytes()].concat()))
}

/// Runs inputs of one target, and checks each.
struct Runner {
    name: &'static str,
    memory_mib: usize,
    folder: PathBuf,
    last: Mutex<File>,
    /// Start of the input at work.
    started: Arc<Mutex<Option<Instant>>>,
    /// Faults so far; `None` if the first one ends the target.
    faults: Option<Mutex<BTreeSet<String>>>,
}

impl Runner {
    fn new(target: &Target) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
        fs::create_dir_all(&folder).expect("a folder for inputs");
        let path = folder.join(format!("{}.last", target.name));
        let last = Mutex::new(File::create(&path).expect("a file for the last input"));
        let started = Arc::<Mutex<Option<Instant>>>::default();
        watch(path, Arc::downgrade(&started));
        let faults = std::env::var_os("BETAFLOW_FUZZ_ALL").map(|_| Mutex::default());
        Self { name: target.name, memory_mib: target.memory_mib, folder, last, started, faults }
    }

    /// Runs an input; panics if it violates a limit or panics itself.
    fn run(&self, input: &[u8], body: &dyn Fn(&[u8])) {
        {
            let mut last = self.last.lock().expect("the file of the last input");
            let written = last
                .rewind()
                .and_then(|()| last.write_all(input))
                .and_then(|()| last.set_len(input.len() as u64));
            written.expect("the last input is written");
        }
        let before = panics();
        *self.started.lock().expect("the start") = Some(Instant::now());
        memory::begin();
        let ended = catch_unwind(AssertUnwindSafe(|| body(input)));
        let peak = memory::peak();
        *self.started.lock().expect("the start") = None;
        let fault = if ended.is_err() || panics() != before {
            format!("panicked at {}", PLACE.lock().map(|place| place.clone()).unwrap_or_default())
        } else if peak > self.memory_mib << 20 {
            format!("allocated more than {} MiB", self.memory_mib)
        } else {
            return;
        };
        if let Some(faults) = &self.faults
            && !faults.lock().expect("the faults").insert(fault.clone())
        {
            return;
        }
        let mut hash = DefaultHasher::new();
        input.hash(&mut hash);
        let path = self.folder.join(format!("{}-{:016x}", self.name, hash.finish()));
        fs::write(&path, input).expect("the input is written");
        let text = format!(
            "{}: an input of {} bytes {fault}; repeat it by BETAFLOW_FUZZ_INPUT={} cargo test --workspace --test fuzz -- \
             --exact {}",
            self.name,
            input.len(),
            path.display(),
            std::thread::current().name().unwrap_or_default(),
        );
        match &self.faults {
            Some(_) => eprintln!("{text}"),
            None => panic!("{text}"),
        }
    }
}

/// Panics that the target at work has had: of its thread, and of threads without the name of a test.
fn panics() -> u64 {
    OWN_PANICS.get() + PANICS.load(Ordering::SeqCst)
}

/// Counts all panics: the product may catch its own.
fn count_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if let (Some(place), Ok(mut last)) = (info.location(), PLACE.lock()) {
            *last = place.to_string();
        }
        if std::thread::current().name().is_some_and(|name| name.contains("::")) {
            OWN_PANICS.set(OWN_PANICS.get() + 1);
        } else {
            PANICS.fetch_add(1, Ordering::SeqCst);
        }
        before(info);
        #[cfg(betaflow_guided)]
        abort();
    }));
}

/// Ends the process when an input takes too long. The thread ends with its target.
fn watch(path: PathBuf, started: std::sync::Weak<Mutex<Option<Instant>>>) {
    let watch = move || {
        while let Some(started) = started.upgrade() {
            if started.lock().is_ok_and(|start| start.is_some_and(|start| start.elapsed() > HANG)) {
                eprintln!("{}: the input takes more than {} s", path.display(), HANG.as_secs());
                abort();
            }
            drop(started);
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    std::thread::Builder::new().name("hang".to_owned()).spawn(watch).expect("a thread");
}

/// Checks the text of an error: it names a place, and it is short and printable.
#[track_caller]
pub(crate) fn assert_error(error: &str, places: &[&str]) {
    assert!(places.iter().any(|place| error.contains(place)), "expected a place of {places:?}: {error}");
    assert!(error.len() <= 8_192, "{} bytes: {:.200}", error.len(), error);
    let unprintable = error.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
    assert!(unprintable.is_none(), "{unprintable:?} in {error:?}");
}

/// Splits an input into its first line, which names a kind, and the rest.
pub(crate) fn kind_and_rest(input: &[u8]) -> (&str, &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let kind = std::str::from_utf8(&input[..end]).unwrap_or_default();
    (kind, input.get(end + 1..).unwrap_or_default())
}
