//! Scenarios: a sweep compared with the sizing and execution of as many replays, and re-pricing compared with
//! a plain loop that prices the same trades.
//!
//! `cargo bench -p betaflow-benches --bench stress -- 1000` sweeps over 10 turnover caps × 10 half-spreads ×
//! 10 Kelly fractions; without a number over every tenth of them. All data is generated in memory.

#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use betaflow_benches::Shock;
use betaflow_engine::execution::repricing::{Bookings, Charges, Repricing};
use betaflow_engine::execution::{BPS, ExecutionSettings};
use betaflow_engine::frame::Frame;
use betaflow_engine::ledger::{Frames, LedgerFrame, RecordError, RecordSettings, Recorder, RunFacts};
use betaflow_engine::model::{Estimates, EstimatorSettings};
use betaflow_engine::pipeline::stages::Reprice;
use betaflow_engine::pipeline::{
    Message, Outbox, Placement, RunOptions, RunReport, RunSettings, Stage, sweeping, trading,
};
use betaflow_engine::portfolio::{LossLimits, SizingSettings};
use betaflow_engine::random::SplitMix;
use betaflow_engine::settings::Calendar;
use betaflow_engine::source::MemorySource;
use betaflow_engine::strategy::Strategy;
use betaflow_engine::time::{DAY_NS, TimestampNs};
use betaflow_engine::world::{self, WorldSettings};
use betaflow_strategies::QuarterKelly;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const FACTORS: usize = 6;
/// Levels of each of the grid's three settings.
const LEVELS: usize = 10;
/// Number of replays whose mean time a scenario is compared with.
const REPLAYS: usize = 5;

/// Daily bars with volume.
fn panel(instruments: usize, days: usize) -> Vec<Frame> {
    let mut random = SplitMix::new(5);
    let betas: Vec<f64> = (0..instruments * FACTORS)
        .map(|at| f64::from(u8::from(at % FACTORS == 0)) + 0.3 * random.shock())
        .collect();
    let mut close = vec![100.0; instruments];
    let frame = |day: usize| {
        let f: Vec<f64> =
            (0..FACTORS).map(|j| 2e-4 + random.shock() * if j == 0 { 1e-2 } else { 4e-3 }).collect();
        for (price, betas) in close.iter_mut().zip(betas.chunks_exact(FACTORS)) {
            let systematic: f64 = betas.iter().zip(&f).map(|(b, f)| b * f).sum();
            *price *= 1.0 + systematic + 0.015 * random.shock();
        }
        let listed = (0..if day == 0 { instruments } else { 0 }).map(|i| Arc::from(format!("S{i:03}")));
        Frame {
            seq: day as u64,
            timestamp: TimestampNs((15_000 + day as i64) * DAY_NS),
            listed: listed.collect(),
            close: close.clone(),
            volume: (0..instruments).map(|_| 1e4 + 1e5 * random.uniform()).collect(),
            factors: f,
            rf: 1e-4,
            ..Frame::default()
        }
    };
    (0..days).map(frame).collect()
}

fn settings() -> RunSettings {
    RunSettings {
        calendar: Calendar::default(),
        sessions: None,
        excess: true,
        estimator: EstimatorSettings::default(),
        groups: Vec::new(),
        sizing: SizingSettings::default(),
        execution: ExecutionSettings::default(),
        membership: None,
        benchmark: betaflow_engine::execution::BenchmarkRule::default(),
        world: WorldSettings::default(),
        record: RecordSettings { betas: Frames::None, weights: Frames::None, expected_returns: None },
        trade_from: None,
        on_out_of_range: betaflow_engine::range::OnOutOfRange::Stop,
        limits: LossLimits::default(),
        shown_dates: None,
        frames_per_message: None,
    }
}

/// Settings of one scenario of the whole grid.
fn scenario(number: usize) -> RunSettings {
    let level = |stride: usize| (number / stride % LEVELS) as f64;
    let mut own = settings();
    own.sizing.turnover_cap = 0.03 * (1.0 + level(1));
    own.execution.half_spread_bps = 3.0 * level(LEVELS);
    own.sizing.kelly_fraction = 0.1 * (1.0 + level(LEVELS * LEVELS));
    own
}

fn source(frames: &[Frame]) -> Box<MemorySource> {
    Box::new(MemorySource::new((0..FACTORS).map(|j| format!("f{j}")).collect(), frames.to_vec()))
}

/// Nanoseconds since the first call.
fn clock() -> u64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Seconds spent in the stages of these names.
fn seconds_in(report: &RunReport, stages: &[&str]) -> f64 {
    let timing = report.timing.iter().filter(|timing| stages.contains(&timing.stage));
    timing.map(|timing| timing.handling_ns as f64 * 1e-9).sum()
}

/// Peak memory of this process in bytes, if the system provides it.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? * 1024.0)
}

fn sweep(frames: &[Frame], numbers: &[usize]) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let inline = RunOptions { placement: Placement::Inline, clock, ..RunOptions::default() };
    let replay = |number: usize| -> Result<f64> {
        let strategy = Box::new(QuarterKelly::default());
        let report = trading(source(frames), strategy, &scenario(number), Vec::new())?.run(&inline)?;
        Ok(seconds_in(&report, &["size", "execute"]))
    };
    // Half of the replays run before the sweep and half after it, so that a drift in speed affects both alike.
    let drawn = |at: usize| numbers[(2 * at + 1) * numbers.len() / (2 * REPLAYS)];
    let mut alone = Vec::new();
    for at in (0..REPLAYS).step_by(2) {
        alone.push(replay(drawn(at))?);
    }

    let scenarios: Vec<(RunSettings, Box<dyn Strategy>)> =
        numbers.iter().map(|number| (scenario(*number), Box::<QuarterKelly>::default() as _)).collect();
    let workers = cores.min(numbers.len());
    let sizes = [vec![2], vec![1; workers], vec![1]].concat();
    let options =
        RunOptions { placement: Placement::Groups(sizes), capacity: 4, clock, ..RunOptions::default() };
    let graph = sweeping(
        source(frames),
        &settings(),
        scenarios,
        workers,
        Box::new(|outcomes| {
            black_box(outcomes);
        }),
    )?;
    let started = Instant::now();
    let report = graph.run(&options)?;
    let whole = started.elapsed().as_secs_f64();
    for at in (1..REPLAYS).step_by(2) {
        alone.push(replay(drawn(at))?);
    }

    let mean = alone.iter().sum::<f64>() / alone.len() as f64;
    let expected = mean * numbers.len() as f64 / cores as f64;
    println!(
        "{} scenarios, {} instruments, {} days, {cores} cores",
        numbers.len(),
        frames[0].instruments(),
        frames.len()
    );
    println!("  the sweep                                          {whole:8.2} s");
    println!(
        "  sizing and execution of an inline replay × scenarios / cores {expected:8.2} s (one: {:.1} ms, mean of {})",
        1e3 * mean,
        alone.len()
    );
    println!("  the sweep as a multiple of these replays           {:8.2}", whole / expected);
    println!(
        "  of it source and estimate, once                    {:8.2} s",
        seconds_in(&report, &["source", "estimate"])
    );
    if let Some(bytes) = peak_memory() {
        println!("  peak memory of this process                        {:8.0} MB", bytes * 1e-6);
    }
    Ok(())
}

/// Recorder that keeps the ledger.
struct Keep(Arc<Mutex<Vec<Arc<LedgerFrame>>>>);

impl Recorder for Keep {
    fn ledger(&mut self, frame: &LedgerFrame) -> std::result::Result<(), RecordError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(frame.clone()));
        Ok(())
    }

    fn estimates(&mut self, _: &Estimates) -> std::result::Result<(), RecordError> {
        Ok(())
    }

    fn finish(&mut self, _: &RunFacts) -> std::result::Result<(), RecordError> {
        Ok(())
    }
}

/// Trades and positions of a run, one cell per bar and instrument, bar after bar.
struct Cells {
    instruments: usize,
    notional: Vec<f64>,
    units: Vec<f64>,
    /// Notional · σ √(Q/V).
    moved: Vec<f64>,
    value: Vec<f64>,
    /// Price gain of the position since the preceding bar.
    gain: Vec<f64>,
    /// Risk-free return of each bar, and years since the preceding one.
    rf: Vec<f64>,
    years: Vec<f64>,
}

impl Cells {
    fn of(ledger: &[Arc<LedgerFrame>], instruments: usize) -> Self {
        let cells = vec![0.0; ledger.len() * instruments];
        let mut all = Self {
            instruments,
            notional: cells.clone(),
            units: cells.clone(),
            moved: cells.clone(),
            value: cells.clone(),
            gain: cells,
            rf: ledger.iter().map(|frame| frame.rf).collect(),
            years: vec![1.0 / 365.0; ledger.len()],
        };
        for (bar, frame) in ledger.iter().enumerate() {
            let from = bar * instruments;
            for (i, weight) in frame.held.iter().enumerate() {
                all.value[from + i] = weight * frame.nav;
                let before = if bar > 0 { all.value[from + i - instruments] } else { 0.0 };
                all.gain[from + i] = all.value[from + i] - before;
            }
            for fill in &frame.fills {
                let at = from + fill.instrument as usize;
                let (signed, units) = (fill.quantity * fill.price, fill.quantity.abs());
                all.gain[at] -= signed;
                all.notional[at] += signed.abs();
                all.units[at] += units;
                let participation = units / fill.conditions.daily_volume;
                all.moved[at] += signed.abs() * fill.conditions.volatility * participation.sqrt();
            }
        }
        all
    }

    /// Computes the last NAV under the costs of a scenario, instrument by instrument.
    fn plain(&self, start: f64, own: &ExecutionSettings) -> f64 {
        let linear = (own.commission_bps + own.half_spread_bps) * BPS;
        let (per_unit, eta) = (own.commission_per_share, own.impact_coefficient);
        let (borrow, financing) = (own.borrow_bps_per_year * BPS, own.financing_bps_per_year * BPS);
        let (mut nav, mut held, mut shorts) = (start, 0.0, 0.0);
        let n = self.instruments;
        for bar in 0..self.rf.len() {
            let cells = bar * n..(bar + 1) * n;
            let columns = self.notional[cells.clone()].iter().zip(&self.units[cells.clone()]);
            let columns = columns.zip(&self.moved[cells.clone()]).zip(&self.value[cells.clone()]);
            let (mut cost, mut gain, mut value, mut short) = (0.0, 0.0, 0.0, 0.0);
            for ((((notional, units), moved), position), earned) in columns.zip(&self.gain[cells]) {
                cost += notional * linear + units * per_unit + moved * eta;
                gain += earned;
                value += position;
                short -= position.min(0.0);
            }
            if bar > 0 {
                let cash = nav - held;
                let carried = shorts * borrow + (-cash).max(0.0) * financing;
                nav += cash * self.rf[bar] - carried * self.years[bar];
            }
            nav += gain - cost;
            (held, shorts) = (value, short);
        }
        nav
    }
}

/// Costs of a scenario: η, half-spreads and borrow fees.
fn charges(run: &ExecutionSettings, number: usize) -> Result<Charges> {
    let level = |stride: usize| (number / stride % LEVELS) as f64;
    let own = ExecutionSettings {
        half_spread_bps: 2.0 * level(1),
        impact_coefficient: 0.2 * level(LEVELS),
        borrow_bps_per_year: 50.0 * level(LEVELS * LEVELS),
        ..run.clone()
    };
    let world = WorldSettings::default();
    Ok(world::charges((run, &world), (own, &world))?)
}

fn bookings(frame: &LedgerFrame) -> Bookings<'_> {
    Bookings {
        date: frame.date(),
        rf: frame.rf,
        nav: frame.nav,
        cash: frame.cash,
        account: &frame.account,
        fills: &frame.fills,
        ended: &frame.ended,
    }
}

/// Least time of some turns in seconds, and the result of the last.
fn timed<T>(turns: usize, mut work: impl FnMut() -> Result<T>) -> Result<(f64, T)> {
    let mut best: Option<(f64, T)> = None;
    for _ in 0..turns {
        let started = Instant::now();
        let given = black_box(work()?);
        let seconds = started.elapsed().as_secs_f64();
        best = Some((best.map_or(seconds, |(least, _)| least.min(seconds)), given));
    }
    best.ok_or_else(|| "no turn".into())
}

fn reprice(frames: &[Frame], scenarios: usize) -> Result<()> {
    let mut run = settings();
    run.sizing.weight_min = -0.1;
    run.execution.impact_coefficient = 0.2;
    run.execution.commission_per_share = 0.002;
    run.execution.financing_bps_per_year = 100.0;
    run.record.weights = Frames::All;
    let kept = Arc::new(Mutex::new(Vec::new()));
    let recorders: Vec<Box<dyn Recorder>> = vec![Box::new(Keep(Arc::clone(&kept)))];
    trading(source(frames), Box::new(QuarterKelly::default()), &run, recorders)?
        .run(&RunOptions::default())?;
    let ledger = std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner));
    let all = (0..scenarios).map(|number| charges(&run.execution, number)).collect::<Result<Vec<_>>>()?;
    let instruments = frames[0].instruments();
    let cells = Cells::of(&ledger, instruments);

    let (plain, expected) = timed(3, || {
        Ok(all.iter().map(|own| cells.plain(run.execution.nav, own.settings())).collect::<Vec<f64>>())
    })?;
    let (priced, repricing) = timed(3, || {
        let mut repricing = Repricing::new(&all);
        ledger.iter().for_each(|frame| repricing.advance(bookings(frame)));
        Ok(repricing)
    })?;
    let (summed, ()) = timed(3, || {
        let mut stage = Reprice::new(&run.calendar, all.iter().cloned().enumerate().collect());
        let mut out = Outbox::default();
        for frame in &ledger {
            stage.handle(Message::Ledger(Arc::clone(frame)), &mut out)?;
        }
        stage.end(&mut RunFacts::default(), &mut out)
    })?;
    for (scenario, expected) in expected.iter().enumerate() {
        let off = repricing.nav(scenario) / expected - 1.0;
        if off.abs() > 1e-9 {
            return Err(
                format!("scenario {scenario}: NAV differs by {off:e} from that of the plain loop").into()
            );
        }
    }
    let of = |seconds: f64| 1e9 * seconds / (scenarios * ledger.len() * instruments) as f64;
    println!(
        "\n{scenarios} scenarios of the costs of one run's trades, {instruments} instruments, {} bars, one thread: ns an instrument-bar-scenario",
        ledger.len()
    );
    println!("  a plain loop over scenarios, bars and instruments  {:8.4}, the last NAV alone", of(plain));
    println!(
        "  re-priced                                          {:8.4}, NAV and costs by item of every bar",
        of(priced)
    );
    println!(
        "  re-priced, with all figures                        {:8.4}, net, gross, capacity, shortfall",
        of(summed)
    );
    println!(
        "  the plain loop is {:.0} times the pricing, {:.1} times it with all figures",
        plain / priced,
        plain / summed
    );
    Ok(())
}

fn main() -> Result<()> {
    let trial = std::env::args().any(|argument| argument == "--test");
    let count = std::env::args().find_map(|argument| argument.parse::<usize>().ok());
    let whole = LEVELS * LEVELS * LEVELS;
    let (instruments, days) = if trial { (20, 300) } else { (465, 1_258) };
    let count = count.unwrap_or(if trial { 10 } else { whole / 10 }).clamp(1, whole);
    let frames = panel(instruments, days);
    reprice(&frames, if trial { 20 } else { whole })?;
    // A step coprime to the size of the grid visits all levels of each setting.
    let numbers: Vec<usize> = (0..count).map(|at| at * 387 % whole).collect();
    sweep(&frames, &numbers)
}
