//! Work that callgrind counts: one benchmark of `benches/instructions.py` each, on data that is the same on every run.
//!
//! `instructions NAME` prepares the benchmark and runs its work once inside `counted`; without a name it runs all.
//! `instructions --kernels` prints the instruction set whose kernels run. Each benchmark is on one thread.

#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;

use betaflow_benches::Shock as _;
use betaflow_connectors::record::ParquetRecorder;
use betaflow_connectors::ticks::{Parsed, venue};
use betaflow_engine::execution::{BenchmarkRule, ExecutionSettings};
use betaflow_engine::frame::{Batch, Frame};
use betaflow_engine::ledger::{
    Attribution, EstimatesOfFrame, Frames, LedgerFrame, RecordSettings, Recorder as _, RunFacts,
};
use betaflow_engine::model::{Estimates, Estimator, EstimatorKind, EstimatorSettings, Returns, estimator};
use betaflow_engine::names::InstrumentNames;
use betaflow_engine::pipeline::{Decision, RunSettings, Sizing, Trading};
use betaflow_engine::portfolio::{LossLimits, SizingSettings};
use betaflow_engine::processor::InstructionSet;
use betaflow_engine::random::SplitMix;
use betaflow_engine::range::OnOutOfRange;
use betaflow_engine::settings::Calendar;
use betaflow_engine::time::{DAY_NS, TimestampNs};
use betaflow_engine::world::WorldSettings;
use betaflow_strategies::QuarterKelly;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
type Work<'a> = &'a mut dyn FnMut() -> Result<()>;

const INSTRUMENTS: usize = 504;
const FACTORS: usize = 6;
const WARMUP: usize = 40;
const FRAMES: usize = 20;
const TRADES: usize = 200;

/// Runs one benchmark.
type Benchmark = fn() -> Result<()>;

/// Benchmarks by name.
const BENCHMARKS: [(&str, Benchmark); 6] = [
    ("mixture_step_and_write", mixture_step_and_write),
    ("dlm_step", dlm_step),
    ("solve_rebalance", solve_rebalance),
    ("execute_frame", execute_frame),
    ("parse_trade", parse_trade),
    ("record_frame", record_frame),
];

/// Runs the work of a benchmark; callgrind counts the instructions inside this function alone. The name of the function is
/// known to `instructions.py`.
#[inline(never)]
fn counted(work: Work<'_>) -> Result<()> {
    black_box(work)()
}

fn settings() -> RunSettings {
    RunSettings {
        calendar: Calendar::default(),
        sessions: None,
        excess: true,
        estimator: EstimatorSettings { warmup: WARMUP as u32, ..EstimatorSettings::default() },
        groups: Vec::new(),
        sizing: SizingSettings::default(),
        execution: ExecutionSettings::default(),
        membership: None,
        benchmark: BenchmarkRule::default(),
        world: WorldSettings::default(),
        record: RecordSettings {
            betas: Frames::Monthly,
            weights: Frames::Rebalances,
            expected_returns: Some(false),
        },
        trade_from: None,
        on_out_of_range: OnOutOfRange::Stop,
        limits: LossLimits::default(),
        shown_dates: None,
        frames_per_message: None,
    }
}

fn factor_names() -> Vec<String> {
    (0..FACTORS).map(|factor| format!("f{factor}")).collect()
}

/// Daily bars of a market with factors.
fn panel() -> Vec<Frame> {
    let mut random = SplitMix::new(3);
    let betas: Vec<f64> = (0..INSTRUMENTS * FACTORS)
        .map(|at| f64::from(u8::from(at % FACTORS == 0)) + 0.3 * random.shock())
        .collect();
    let mut close = vec![100.0; INSTRUMENTS];
    let frame = |day: usize| {
        let factors: Vec<f64> =
            (0..FACTORS).map(|j| 2e-4 + random.shock() * if j == 0 { 1e-2 } else { 4e-3 }).collect();
        for (price, betas) in close.iter_mut().zip(betas.chunks_exact(FACTORS)) {
            let systematic: f64 = betas.iter().zip(&factors).map(|(b, f)| b * f).sum();
            *price *= 1.0 + systematic + 0.015 * random.shock();
        }
        let listed = (0..if day == 0 { INSTRUMENTS } else { 0 }).map(|i| Arc::from(format!("S{i:03}")));
        Frame {
            seq: day as u64,
            timestamp: TimestampNs((15_000 + day as i64) * DAY_NS),
            listed: listed.collect(),
            close: close.clone(),
            factors,
            rf: 1e-4,
            ..Frame::default()
        }
    };
    (0..=WARMUP + FRAMES).map(frame).collect()
}

/// Filter and names of a run.
struct Filter {
    estimator: Box<dyn Estimator>,
    returns: Returns,
    names: InstrumentNames,
}

impl Filter {
    fn new(kind: EstimatorKind) -> Result<Self> {
        let own = EstimatorSettings { kind, ..settings().estimator };
        Ok(Self {
            estimator: estimator(&own, &Calendar::default(), FACTORS)?,
            returns: Returns::new(true),
            names: InstrumentNames::default(),
        })
    }

    fn step(&mut self, frame: &Frame) {
        self.names.extend(&frame.listed);
        self.estimator.step(&frame.factors, self.returns.of(frame), true);
    }

    fn write(&mut self, frame: &Frame, decides: bool, estimates: &mut Estimates) {
        estimates.factors.clone_from(&frame.factors);
        (estimates.seq, estimates.timestamp, estimates.decides) = (frame.seq, frame.timestamp, decides);
        estimates.complete = true;
        self.estimator.write(estimates);
        estimates.names = self.names.clone();
    }
}

fn filter(kind: EstimatorKind, writes: bool) -> Result<()> {
    let frames = panel();
    let (warmup, rest) = frames.split_at(WARMUP);
    let (mut filter, mut estimates) = (Filter::new(kind)?, Estimates::default());
    warmup.iter().for_each(|frame| filter.step(frame));
    filter.write(&warmup[WARMUP - 1], true, &mut estimates);
    counted(&mut || {
        for frame in rest {
            filter.step(frame);
            if writes {
                filter.write(frame, true, &mut estimates);
            }
        }
        Ok(())
    })
}

fn mixture_step_and_write() -> Result<()> {
    filter(EstimatorKind::Mixture, true)
}

fn dlm_step() -> Result<()> {
    filter(EstimatorKind::Dlm, false)
}

/// Stages of a run on one thread, past their warm-up.
struct Run {
    filter: Filter,
    sizing: Sizing,
    trading: Trading,
    rest: Vec<Frame>,
}

impl Run {
    fn new() -> Result<Self> {
        let (settings, names) = (settings(), factor_names());
        let mut frames = panel();
        let rest = frames.split_off(WARMUP);
        let trading = Trading::new(&settings.execution, &settings.calendar, settings.record);
        let mut run = Self {
            filter: Filter::new(EstimatorKind::Mixture)?,
            sizing: Sizing::new(&settings, &names, Box::new(QuarterKelly::default()))?,
            trading: trading.explained(Attribution::new(FACTORS, true)),
            rest,
        };
        for frame in &frames {
            run.frame(frame, false)?;
        }
        Ok(run)
    }

    /// Runs one frame; returns its ledger.
    fn frame(&mut self, frame: &Frame, decides: bool) -> Result<LedgerFrame> {
        let (decision, mut ledger) = (self.decide(frame, decides)?, LedgerFrame::default());
        self.trading.complete(frame, &decision, &mut ledger)?;
        Ok(ledger)
    }

    /// Advances the account to a frame and decides on it.
    fn decide(&mut self, frame: &Frame, decides: bool) -> Result<Decision> {
        let portfolio = Arc::clone(self.trading.advance(frame)?);
        let estimates = self.estimate(frame, decides);
        let mut decision = Decision::default();
        self.sizing.decide(estimates.get(), &portfolio, &mut decision)?;
        decision.estimates = Some(estimates);
        Ok(decision)
    }

    fn estimate(&mut self, frame: &Frame, decides: bool) -> EstimatesOfFrame {
        self.filter.step(frame);
        let mut batch = Batch::default();
        self.filter.write(frame, decides, batch.push());
        EstimatesOfFrame { batch: Arc::new(batch), position: 0 }
    }
}

fn solve_rebalance() -> Result<()> {
    let mut run = Run::new()?;
    // Every frame is counted alone, because the next one needs its fills.
    for frame in std::mem::take(&mut run.rest) {
        let portfolio = Arc::clone(run.trading.advance(&frame)?);
        let estimates = run.estimate(&frame, true);
        let mut decision = Decision::default();
        counted(&mut || Ok(run.sizing.decide(estimates.get(), &portfolio, &mut decision)?))?;
        decision.estimates = Some(estimates);
        run.trading.complete(&frame, &decision, &mut LedgerFrame::default())?;
    }
    Ok(())
}

fn execute_frame() -> Result<()> {
    let mut run = Run::new()?;
    let mut ledger = LedgerFrame::default();
    for frame in std::mem::take(&mut run.rest) {
        let mut portfolio = None;
        counted(&mut || {
            portfolio = Some(Arc::clone(run.trading.advance(&frame)?));
            Ok(())
        })?;
        let portfolio = portfolio.ok_or("the account did not advance")?;
        let estimates = run.estimate(&frame, true);
        let mut decision = Decision::default();
        run.sizing.decide(estimates.get(), &portfolio, &mut decision)?;
        decision.estimates = Some(estimates);
        counted(&mut || {
            run.trading.complete(&frame, &decision, &mut ledger)?;
            Ok(())
        })?;
    }
    Ok(())
}

fn parse_trade() -> Result<()> {
    let messages: Vec<String> = (0..TRADES)
        .map(|trade| {
            let (price, quantity) = (60_000.0 + 0.1 * trade as f64, 0.001 * (1 + trade % 97) as f64);
            format!(
                r#"{{"channel":"trade","type":"update","data":[{{"symbol":"BTC/USD","side":"buy","price":{price:.1},"qty":{quantity:.8},"ord_type":"limit","trade_id":{trade},"timestamp":"2026-01-05T14:{:02}:{:02}.123456Z"}}]}}"#,
                trade / 60,
                trade % 60
            )
        })
        .collect();
    let mut adapter = venue("kraken_v2").ok_or("no venue kraken_v2")?;
    let mut events = Vec::new();
    let mut refused = 0;
    counted(&mut || {
        for message in &messages {
            events.clear();
            refused += usize::from(matches!(adapter.parse(message, &mut events), Parsed::Refused(_)));
            black_box(&events);
        }
        Ok(())
    })?;
    if refused > 0 || events.len() != 1 {
        return Err(format!("{refused} of {TRADES} messages were refused").into());
    }
    Ok(())
}

fn record_frame() -> Result<()> {
    let mut run = Run::new()?;
    let mut ledger = Vec::new();
    for frame in std::mem::take(&mut run.rest) {
        ledger.push(run.frame(&frame, true)?);
    }
    let folder = Folder::new()?;
    let record = settings().record;
    let mut recorder = ParquetRecorder::create(&folder.0, &factor_names(), record, true, None)?;
    // One month of rebalances ends with betas.
    let (last, others) = ledger.split_last_mut().ok_or("no frame")?;
    last.ends_month = true;
    let mut month_end = last.estimates.as_ref().ok_or("no estimates")?.get().clone();
    month_end.ends_month = true;
    let mut facts =
        RunFacts { names: run.filter.names.clone(), factor_names: factor_names(), ..RunFacts::default() };
    run.trading.end(&mut facts);
    counted(&mut || {
        for frame in others.iter().chain([&*last]) {
            recorder.ledger(frame)?;
        }
        recorder.estimates(&month_end)?;
        recorder.finish(&facts)
    })
}

/// Folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join("betaflow-instructions");
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that remains is in the way of no other run.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn main() -> Result<()> {
    let mut arguments =
        std::env::args().skip(1).filter(|argument| argument != "--bench" && argument != "--test");
    match arguments.next().as_deref() {
        Some("--kernels") => println!("{}", InstructionSet::in_use().name()),
        Some(name) => {
            let found = BENCHMARKS.iter().find(|(known, _)| *known == name);
            let (_, run) = found.ok_or_else(|| format!("no benchmark {name}"))?;
            run()?;
        }
        None => {
            for (name, run) in BENCHMARKS {
                run()?;
                println!("{name}");
            }
        }
    }
    Ok(())
}
