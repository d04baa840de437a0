//! Time of the estimators in nanoseconds an instrument-bar, compared with a plain copy of their output and
//! with the same filters in Python (`benches/peers`).
//!
//! `cargo bench -p betaflow-benches --bench estimators` prints the table. All jobs take turns on the same
//! data and the same processor, so that a drift in the speed of the machine affects all alike. The column "limit" has
//! the same arithmetic with nothing around it (`benches/src/limit.rs`). `-- --instructions x86-64-v3` limits the
//! instruction set, as on an older processor. `$PYTHON`
//! names an interpreter with the packages of `benches/peers/requirements.txt` (default `python3`); peers
//! without their package are skipped.
//!
//! With `--serve FOLDER`, it writes the data and the last state into the folder and runs the job of each line
//! on the input: `benches/peers/run` measures so. `--bars N` changes the length.

#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use betaflow_benches::Observations;
use betaflow_benches::limit::{Limit, Loop};
use betaflow_engine::model::{
    Dlm, Estimates, Estimator, EstimatorSettings, Fixed, FixedParameters, LANES, Mixture, PerInstrument,
};
use betaflow_engine::processor::InstructionSet;
use betaflow_engine::settings::Calendar;
use serde_json::Value;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const INSTRUMENTS: usize = 500;
const FACTORS: usize = 6;
const BARS: usize = 2_000;
const TURNS: usize = 7;

// Names of the jobs; equal to those of `estimators.py` for the jobs that it has.
const FULL: &str = "full covariance, state only";
const FULL_WRITTEN: &str = "full covariance, means written";
const SHARED: &str = "shared covariance, state only";
const SHARED_WRITTEN: &str = "shared covariance, means written";
const LEARNED: &str = "shared covariance, variance learned";
const LEARNED_WRITTEN: &str = "shared covariance, variance learned, means written";
const OWN_LEARNED: &str = "own covariance each, variance learned";
const MIXTURE: &str = "mixture of 8 models";

/// Rows of the table.
const JOBS: [&str; 8] =
    [FULL, FULL_WRITTEN, OWN_LEARNED, SHARED, SHARED_WRITTEN, LEARNED, LEARNED_WRITTEN, MIXTURE];

/// Implementations, in the order of the table's columns.
const COLUMNS: [&str; 7] = ["betaflow", "limit", "plain copy", "numpy", "numba", "jax", "pykalman"];

/// Processor time if the system provides it: other processes then affect the result less.
#[cfg(target_os = "linux")]
mod processor {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    use rustix::time::{ClockId, clock_gettime};

    /// Nanoseconds of processor time that this process has used.
    pub(crate) fn time_ns() -> f64 {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
    }

    /// Pins the process, and the processes it starts, to the last processor that it may use.
    pub(crate) fn stay_on_one() -> bool {
        let Ok(allowed) = sched_getaffinity(None) else { return false };
        let last = (0..CpuSet::MAX_CPU).rev().find(|&cpu| allowed.is_set(cpu));
        let mut one = CpuSet::new();
        last.is_some_and(|cpu| {
            one.set(cpu);
            sched_setaffinity(None, &one).is_ok()
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod processor {
    use std::sync::LazyLock;
    use std::time::Instant;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);

    pub(crate) fn time_ns() -> f64 {
        START.elapsed().as_secs_f64() * 1e9
    }

    pub(crate) fn stay_on_one() -> bool {
        false
    }
}

/// One pass over all bars. It prepares its state again each time, and returns the nanoseconds of the bars
/// alone.
struct Job<'a> {
    name: &'static str,
    who: &'static str,
    pass: Box<dyn FnMut() -> f64 + 'a>,
}

/// Steps through all bars without reading the state.
fn step_all(data: &Observations, mut filter: impl Estimator) -> f64 {
    let start = processor::time_ns();
    for (factors, returns) in data.iter() {
        filter.step(factors, returns, false);
    }
    let elapsed = processor::time_ns() - start;
    black_box(filter.facts());
    elapsed
}

/// Steps through all bars and copies every mean from the estimates of each.
fn step_and_write_all(data: &Observations, mut filter: impl Estimator, out: &mut [f64]) -> f64 {
    let mut estimates = Estimates { factors: vec![0.0; data.factors], ..Estimates::default() };
    let n = data.instruments;
    let start = processor::time_ns();
    for ((factors, returns), out) in data.iter().zip(out.chunks_exact_mut(n * (data.factors + 1))) {
        filter.step(factors, returns, false);
        filter.write(&mut estimates);
        out[..n].copy_from_slice(&estimates.alpha);
        out[n..].copy_from_slice(&estimates.betas);
    }
    let elapsed = processor::time_ns() - start;
    black_box(out);
    elapsed
}

/// Copies as many bytes as all means take: a lower bound for writing them.
fn copy_all(data: &Observations, out: &mut [f64]) -> f64 {
    let state = vec![1.0; data.instruments * (data.factors + 1)];
    let start = processor::time_ns();
    for out in out.chunks_exact_mut(state.len()) {
        out.copy_from_slice(black_box(&state));
    }
    let elapsed = processor::time_ns() - start;
    black_box(out);
    elapsed
}

/// Runs a limit's loop; scaled from whole blocks to all instruments.
fn run_limit(data: &Observations, which: Loop, out: Option<&mut Vec<f64>>) -> f64 {
    let mut limit = Limit::new(which, data.instruments);
    let start = processor::time_ns();
    limit.run(bits(), &data.design, &data.returns, data.instruments, out.map(Vec::as_mut_slice));
    let elapsed = processor::time_ns() - start;
    elapsed * data.instruments as f64 / (data.instruments / LANES * LANES) as f64
}

/// Bits of a register of the instruction set in use.
fn bits() -> usize {
    match InstructionSet::in_use() {
        InstructionSet::Baseline => 0,
        InstructionSet::X86V3 => 256,
        InstructionSet::X86V4 => 512,
    }
}

/// Model of the peers: Q = q I with their q, R = 1, P_0 = I.
fn fixed(data: &Observations, share: bool) -> Result<Fixed> {
    let mut parameters = FixedParameters::standard(data.factors + 1);
    if let PerInstrument::Common(q) = &mut parameters.transition_covariance {
        q.iter_mut().for_each(|q| *q *= 1e-4);
    }
    if !share {
        // Equal values, but one per instrument: no covariance can be shared.
        parameters.observation_variance = PerInstrument::Each(vec![1.0; data.instruments]);
    }
    Ok(Fixed::new(parameters, data.factors)?)
}

fn step_all_fixed(data: &Observations, mut filter: Fixed) -> f64 {
    let start = processor::time_ns();
    for (factors, returns) in data.iter() {
        filter.step(factors, returns);
    }
    let elapsed = processor::time_ns() - start;
    black_box(filter.mean(0, 0));
    elapsed
}

fn step_and_write_all_fixed(data: &Observations, mut filter: Fixed, out: &mut [f64]) -> f64 {
    let start = processor::time_ns();
    for ((factors, returns), out) in
        data.iter().zip(out.chunks_exact_mut(data.instruments * (data.factors + 1)))
    {
        filter.step_into(factors, returns, out);
    }
    let elapsed = processor::time_ns() - start;
    black_box(out);
    elapsed
}

/// Means after the last bar, instruments × k, against which the peers check theirs.
fn last_means(data: &Observations) -> Result<Vec<f64>> {
    let mut filter = fixed(data, false)?;
    for (factors, returns) in data.iter() {
        filter.step(factors, returns);
    }
    let k = data.factors + 1;
    Ok((0..data.instruments * k).map(|at| filter.mean(at / k, at % k)).collect())
}

fn settings() -> EstimatorSettings {
    // The data has deviations of 1; the defaults expect daily returns.
    EstimatorSettings {
        initial_variance: 1.0,
        initial_alpha_variance: Some(1.0),
        observation_variance: Some(1.0),
        ..EstimatorSettings::default()
    }
}

fn dlm(data: &Observations) -> Dlm {
    Dlm::new(&settings(), &Calendar::default(), data.factors)
}

/// Writes the means and observation variances after the last bar, coefficient by coefficient.
fn write_last(data: &Observations, mut filter: impl Estimator, folder: &Path, name: &str) -> Result<()> {
    for (factors, returns) in data.iter() {
        filter.step(factors, returns, false);
    }
    let mut last = Estimates { factors: vec![0.0; data.factors], ..Estimates::default() };
    filter.write(&mut last);
    let means = [last.alpha, last.betas].concat();
    betaflow_benches::write_doubles(&folder.join(format!("{name}_means.f64")), &means)?;
    betaflow_benches::write_doubles(&folder.join(format!("{name}_variances.f64")), &last.observation_var)?;
    Ok(())
}

/// Writes the data and the last state of each filter into a folder; then runs the job that a line on the input
/// names, and prints seconds of wall and processor time as JSON.
fn serve(data: &Observations, folder: &Path) -> Result<()> {
    data.write(folder)?;
    betaflow_benches::write_doubles(&folder.join("means.f64"), &last_means(data)?)?;
    write_last(data, dlm(data), folder, "dlm")?;
    write_last(data, Mixture::new(&settings(), &Calendar::default(), data.factors), folder, "mixture")?;

    let mut jobs = jobs(data)?;
    let names: Vec<_> = jobs.iter().filter(|job| job.who == "betaflow").map(|job| job.name).collect();
    println!("{}", serde_json::json!({ "ready": names }));
    for line in std::io::stdin().lines() {
        let name = line?;
        let job = jobs.iter_mut().find(|job| job.name == name && job.who == "betaflow");
        let job = job.ok_or_else(|| format!("found job {name:?}, expected one of {names:?}"))?;
        let start = Instant::now();
        let processor = (job.pass)() * 1e-9;
        let wall = start.elapsed().as_secs_f64();
        println!("{}", serde_json::json!({ "wall": wall, "processor": processor }));
    }
    Ok(())
}

/// Filter in which no two instruments have the same history, so that no covariance is shared.
fn dlm_without_sharing(data: &Observations) -> Dlm {
    let mut filter = dlm(data);
    for absent in 0..data.instruments {
        let mut returns = data.returns[..data.instruments].to_vec();
        returns[absent] = f64::NAN;
        filter.step(&data.design[1..=data.factors], &returns, false);
    }
    assert_eq!(filter.groups(), data.instruments);
    filter
}

/// Jobs of betaflow, each with its output buffer if it writes means.
fn jobs(data: &Observations) -> Result<Vec<Job<'_>>> {
    let output = || vec![1.0; data.bars() * data.instruments * (data.factors + 1)];
    let mut jobs = Vec::new();
    let mut job = |name, who, pass| jobs.push(Job { name, who, pass });
    let (own, shared) = (fixed(data, false)?, fixed(data, true)?);
    for (filter, state_only, written) in [(own, FULL, FULL_WRITTEN), (shared, SHARED, SHARED_WRITTEN)] {
        let (fresh, mut out) = (filter.clone(), output());
        job(state_only, "betaflow", Box::new(move || step_all_fixed(data, filter.clone())));
        let pass = move || step_and_write_all_fixed(data, fresh.clone(), &mut out);
        job(written, "betaflow", Box::new(pass));
    }
    job(LEARNED, "betaflow", Box::new(|| step_all(data, dlm(data))));
    let mut out = output();
    job(LEARNED_WRITTEN, "betaflow", Box::new(move || step_and_write_all(data, dlm(data), &mut out)));
    job(OWN_LEARNED, "betaflow", Box::new(|| step_all(data, dlm_without_sharing(data))));
    let mixture = || Mixture::new(&settings(), &Calendar::default(), data.factors);
    job(MIXTURE, "betaflow", Box::new(move || step_all(data, mixture())));
    for (name, which, written) in [
        (FULL, Loop::Full, false),
        (FULL_WRITTEN, Loop::Full, true),
        (SHARED, Loop::Shared, false),
        (SHARED_WRITTEN, Loop::Shared, true),
        (LEARNED, Loop::Learned, false),
        (LEARNED_WRITTEN, Loop::Learned, true),
    ] {
        let mut out = if written { output() } else { Vec::new() };
        if Limit::new(which, 0).run(bits(), &[], &[], data.instruments, None) {
            job(name, "limit", Box::new(move || run_limit(data, which, written.then_some(&mut out))));
        }
    }
    for name in [FULL_WRITTEN, SHARED_WRITTEN, LEARNED_WRITTEN] {
        let mut out = output();
        job(name, "plain copy", Box::new(move || copy_all(data, &mut out)));
    }
    Ok(jobs)
}

/// Process of `estimators.py`, which waits for turns.
struct Peers {
    process: Child,
    turns: ChildStdin,
    lines: BufReader<ChildStdout>,
}

impl Peers {
    /// Starts the peers; `None` without Python or numpy.
    fn start(data: &Observations) -> Result<Option<Self>> {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("observations");
        data.write(&folder)?;
        betaflow_benches::write_doubles(&folder.join("means.f64"), &last_means(data)?)?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join("estimators.py");
        let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
        let mut command = Command::new(&python);
        command.arg(script).arg("--turns").arg("--panel").arg(folder);
        let mut process = match command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() {
            Ok(process) => process,
            Err(error) => {
                println!("skipped the Python peers: {}: {error}", python.display());
                return Ok(None);
            }
        };
        let turns = process.stdin.take().ok_or("no pipe to the peers")?;
        let lines = BufReader::new(process.stdout.take().ok_or("no pipe from the peers")?);
        let mut peers = Self { process, turns, lines };
        while let Some(line) = peers.line()? {
            if let (Some(peer), Some(why)) = (line["peer"].as_str(), line["skipped"].as_str()) {
                println!("skipped {peer}: {why}");
            }
            if line["ready"].is_u64() {
                return Ok(Some(peers));
            }
        }
        let status = peers.process.wait()?;
        // The script printed the reason to standard error.
        println!("skipped the Python peers: {} ended with {status}", python.display());
        Ok(None)
    }

    fn line(&mut self) -> Result<Option<Value>> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line)?;
        Ok(if read == 0 { None } else { Some(serde_json::from_str(&line)?) })
    }

    /// Runs all jobs of the peers once.
    fn turn(&mut self, times: &mut Times) -> Result<()> {
        writeln!(self.turns, "go")?;
        loop {
            let line = self.line()?.ok_or("the Python peers stopped")?;
            if line["turn"] == "over" {
                return Ok(());
            }
            let (peer, job) = (line["peer"].as_str(), line["job"].as_str());
            let (peer, job) = peer.zip(job).ok_or("found a line of the peers without names")?;
            let ns =
                line["ns_per_instrument_bar"].as_f64().ok_or("found a line of the peers without a time")?;
            times.add(job, peer, ns);
        }
    }

    fn end(self) -> Result<()> {
        let Self { mut process, turns, lines } = self;
        // The script ends with its input.
        drop((turns, lines));
        process.wait()?;
        Ok(())
    }
}

/// Nanoseconds an instrument-bar, one value a turn, by job and implementation.
#[derive(Default)]
struct Times(BTreeMap<String, BTreeMap<String, Vec<f64>>>);

impl Times {
    fn add(&mut self, job: &str, who: &str, ns: f64) {
        self.0.entry(job.to_owned()).or_default().entry(who.to_owned()).or_default().push(ns);
    }

    /// Prints medians, and in brackets the median over turns of the ratio to betaflow.
    fn print(&self) {
        print!("{:52}", "ns an instrument-bar (ratio to betaflow)");
        println!("{}", COLUMNS.map(|who| format!("{who:>20}")).concat());
        for job in JOBS {
            print!("{job:52}");
            let Some(by_whom) = self.0.get(job) else {
                println!();
                continue;
            };
            let ours = by_whom.get("betaflow");
            for who in COLUMNS {
                let cell = by_whom.get(who).map_or_else(String::new, |theirs| {
                    let ratio = ours.filter(|_| who != "betaflow").map_or_else(String::new, |ours| {
                        format!(" ({:.2})", median(theirs.iter().zip(ours).map(|(a, b)| a / b)))
                    });
                    format!("{:.2}{ratio}", median(theirs.iter().copied()))
                });
                print!("{cell:>20}");
            }
            println!();
        }
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Argument after the option of this name.
fn after(option: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != option).nth(1)
}

fn main() -> Result<()> {
    // `cargo test --benches` only checks that the benchmark runs.
    let trial = std::env::args().any(|argument| argument == "--test");
    if let Some(folder) = after("--serve") {
        let bars = after("--bars").map_or(Ok(BARS), |bars| bars.parse())?;
        return serve(&Observations::new(bars, INSTRUMENTS, FACTORS), Path::new(&folder));
    }
    let data = Observations::new(if trial { 20 } else { BARS }, INSTRUMENTS, FACTORS);
    let limit = std::env::args().skip_while(|argument| argument != "--instructions").nth(1);
    if let Some(name) = limit {
        let set = InstructionSet::compiled().iter().find(|set| set.name() == name);
        InstructionSet::limit(*set.ok_or("--instructions: expected baseline, x86-64-v3 or x86-64-v4")?);
    }
    let pinned = processor::stay_on_one();
    let mut jobs = jobs(&data)?;
    let mut peers = if trial { None } else { Peers::start(&data)? };
    let mut times = Times::default();
    let instrument_bars = (data.bars() * data.instruments) as f64;
    for job in &mut jobs {
        (job.pass)();
    }
    for _ in 0..if trial { 1 } else { TURNS } {
        for job in &mut jobs {
            times.add(job.name, job.who, (job.pass)() / instrument_bars);
        }
        if let Some(peers) = &mut peers {
            peers.turn(&mut times)?;
        }
    }
    if let Some(peers) = peers {
        peers.end()?;
    }
    let place = if pinned { "one processor" } else { "one thread" };
    let set = InstructionSet::in_use().name();
    println!(
        "{INSTRUMENTS} instruments, {FACTORS} factors and alpha, {} bars, {place}, {set}\n",
        data.bars()
    );
    times.print();
    Ok(())
}
