//! Generated markets for the tests.
#![allow(clippy::unwrap_used, dead_code, missing_docs, unreachable_pub)]

pub mod choices;

use std::sync::Arc;

use betaflow_engine::execution::{BenchmarkRule, ExecutionSettings};
use betaflow_engine::frame::Frame;
use betaflow_engine::ledger::{Frames, LedgerFrame, RecordError, RecordSettings, Recorder, RunFacts};
use betaflow_engine::model::{Estimates, EstimatorSettings};
use betaflow_engine::pipeline::{PipelineError, RunOptions, RunReport, RunSettings, trading};
use betaflow_engine::portfolio::{LossLimits, SizingSettings};
use betaflow_engine::settings::Calendar;
use betaflow_engine::source::MemorySource;
use betaflow_engine::strategy::{Context, Strategy, StrategyError, TargetKind, Targets};
use betaflow_engine::time::{DAY_NS, TimestampNs};
use betaflow_engine::world::WorldSettings;

/// SplitMix64 (Steele, Lea, Flood 2014), with the same numbers on every machine.
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Random number with mean 0 and deviation 1.
    pub fn shock(&mut self) -> f64 {
        ((0..4).map(|_| self.uniform()).sum::<f64>() - 2.0) * 3.0_f64.sqrt()
    }
}

/// Parameters of a generated market.
#[derive(Clone, Copy, Debug)]
pub struct Market {
    pub seed: u64,
    pub instruments: usize,
    pub factors: usize,
    pub frames: usize,
    /// Share of prices missing at random.
    pub missing: f64,
    /// Share of instruments that list late.
    pub late: f64,
    /// Frame on which the first instrument is delisted.
    pub gone_at: Option<usize>,
}

impl Default for Market {
    fn default() -> Self {
        let (missing, late) = (0.0, 0.0);
        Self { seed: 1, instruments: 20, factors: 3, frames: 400, missing, late, gone_at: None }
    }
}

impl Market {
    pub fn factor_names(&self) -> Vec<String> {
        (0..self.factors).map(|j| format!("f{j}")).collect()
    }

    /// Frames in engine order: by first price, ties by symbol.
    pub fn frames(&self) -> Vec<Frame> {
        let mut random = Random(self.seed);
        let n = self.instruments;
        let lists_at: Vec<usize> = (0..n)
            .map(|_| {
                if random.uniform() < self.late {
                    (random.uniform() * self.frames as f64 * 0.7) as usize
                } else {
                    0
                }
            })
            .collect();
        let betas: Vec<f64> = (0..n * self.factors)
            .map(|at| f64::from(u8::from(at % self.factors == 0)) + 0.4 * random.shock())
            .collect();
        let mut price = vec![50.0; n];
        let mut order: Vec<usize> = Vec::new();
        let mut frames = Vec::new();
        for seq in 0..self.frames {
            let f: Vec<f64> =
                (0..self.factors).map(|j| 2e-4 + random.shock() * if j == 0 { 1e-2 } else { 4e-3 }).collect();
            let mut frame = Frame {
                seq: seq as u64,
                timestamp: TimestampNs(seq as i64 * DAY_NS),
                factors: f.clone(),
                rf: 1e-4,
                ..Frame::default()
            };
            let mut traded = vec![f64::NAN; n];
            for i in 0..n {
                let systematic: f64 = (0..self.factors).map(|j| betas[i * self.factors + j] * f[j]).sum();
                price[i] *= 1.0 + systematic + 0.012 * random.shock();
                let gone = i == 0 && self.gone_at.is_some_and(|at| seq >= at);
                let absent = random.uniform() < self.missing || seq < lists_at[i] || gone;
                if !absent {
                    traded[i] = price[i];
                    if !order.contains(&i) {
                        order.push(i);
                        frame.listed.push(Arc::from(format!("S{i:03}")));
                    }
                }
            }
            frame.close = order.iter().map(|&i| traded[i]).collect();
            frame.open = frame.close.iter().map(|p| p * 0.999).collect();
            frames.push(frame);
        }
        frames
    }
}

/// Strategy that trades on alpha and the first beta, long and short, so that every limit binds at times.
#[derive(Default)]
pub struct Busy;

impl Strategy for Busy {
    fn name(&self) -> &'static str {
        "busy"
    }

    fn decide(&mut self, context: Context<'_>, targets: &mut Targets) -> Result<(), StrategyError> {
        targets.kind = TargetKind::Expected;
        for (i, value) in targets.values.iter_mut().enumerate() {
            *value = context.estimates.alpha[i] + 1e-4 * context.estimates.betas_on(0)[i];
        }
        Ok(())
    }
}

/// Recorder that keeps the ledger.
#[derive(Default)]
pub struct Keep(pub Arc<std::sync::Mutex<Vec<LedgerFrame>>>);

impl Recorder for Keep {
    fn ledger(&mut self, frame: &LedgerFrame) -> Result<(), RecordError> {
        self.0.lock().unwrap().push(frame.clone());
        Ok(())
    }

    fn estimates(&mut self, _: &Estimates) -> Result<(), RecordError> {
        Ok(())
    }

    fn finish(&mut self, _: &RunFacts) -> Result<(), RecordError> {
        Ok(())
    }
}

pub fn settings() -> RunSettings {
    RunSettings {
        calendar: Calendar::default(),
        sessions: None,
        excess: true,
        estimator: EstimatorSettings { warmup: 60, ..EstimatorSettings::default() },
        groups: Vec::new(),
        sizing: SizingSettings { weight_min: -0.1, ..SizingSettings::default() },
        execution: ExecutionSettings::default(),
        membership: None,
        benchmark: BenchmarkRule::default(),
        world: WorldSettings::default(),
        record: RecordSettings { betas: Frames::Rebalances, weights: Frames::All, expected_returns: None },
        trade_from: None,
        on_out_of_range: betaflow_engine::range::OnOutOfRange::Stop,
        limits: LossLimits::default(),
        shown_dates: None,
        frames_per_message: None,
    }
}

/// Runs a market through the whole pipeline.
pub fn run(
    market: &Market,
    settings: &RunSettings,
    options: &RunOptions,
) -> Result<(Vec<LedgerFrame>, RunReport), PipelineError> {
    let keep = Keep::default();
    let ledger = Arc::clone(&keep.0);
    let source = MemorySource::new(market.factor_names(), market.frames());
    let graph = trading(Box::new(source), Box::new(Busy), settings, vec![Box::new(keep)]).unwrap();
    let report = graph.run(options)?;
    let ledger = std::mem::take(&mut *ledger.lock().unwrap());
    Ok((ledger, report))
}
