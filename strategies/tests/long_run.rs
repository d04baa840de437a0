//! Long runs whose instruments enter, leave and change their symbols: memory and time per frame stay flat, estimates and
//! ledger stay sound, and a restart in the middle gives the same digest.
//!
//! `LONG_RUN_FRAMES` is the number of frames of each case; `.ci/long frames` runs ten million.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

#[path = "../../engine/tests/support/mod.rs"]
mod support;

use std::sync::{Arc, Mutex};

use betaflow_engine::frame::{Frame, Renamed};
use betaflow_engine::ledger::{LedgerFrame, RecordError, Recorder, RunFacts};
use betaflow_engine::membership::{Membership, Spell};
use betaflow_engine::model::{Estimates, EstimatorKind, EstimatorSettings};
use betaflow_engine::pipeline::{Graph, Placement, RunOptions, RunSettings, resuming, trading};
use betaflow_engine::settings::Calendar;
use betaflow_engine::source::{DataFacts, Source, SourceError};
use betaflow_engine::state::{Checkpoint, Part};
use betaflow_engine::strategy::Strategy;
use betaflow_engine::time::{DAY_NS, TimestampNs};
use betaflow_strategies::find;
use support::{Random, settings};

const INSTRUMENTS: usize = 16;
/// Minutes of a trading day.
const PER_DAY: u64 = 390;
const BLOCKS: u64 = 10;
/// Bytes that a run may keep for each frame: a tenth of each series of returns, for the quantiles of the metrics.
const KEPT_PER_FRAME: f64 = 6.4;

#[derive(Clone)]
struct Instrument {
    price: f64,
    /// Position in the engine order, from the first price on.
    slot: Option<u32>,
    present: bool,
    /// Frame on which it leaves or returns.
    until: u64,
    other_symbol: bool,
}

/// Endless market of minute bars. Instruments leave for days and return, every second time under another symbol.
#[derive(Clone)]
struct Rolling {
    names: Vec<String>,
    random: Random,
    instruments: Vec<Instrument>,
    /// Instruments in engine order.
    order: Vec<usize>,
    at: u64,
    end: u64,
    /// Frame with a checkpoint, and the market after it.
    mark: u64,
    saved: Arc<Mutex<Option<Self>>>,
}

impl Rolling {
    fn new(end: u64) -> Self {
        let mut random = Random(5);
        let instruments = (0..INSTRUMENTS).map(|i| {
            let present = i % 3 != 2;
            let until = (random.uniform() * end as f64 / 8.0) as u64;
            Instrument { price: 50.0, slot: None, present, until, other_symbol: false }
        });
        let instruments = instruments.collect();
        let names = vec!["mkt".to_owned(), "mom".to_owned()];
        let (order, saved) = (Vec::new(), Arc::default());
        Self { names, random, instruments, order, at: 0, end, mark: end / 2, saved }
    }

    /// Lets an instrument leave or return. The first two stay.
    fn turn(&mut self, i: usize, frame: &mut Frame) {
        let instrument = &mut self.instruments[i];
        if i < 2 || self.at < instrument.until {
            return;
        }
        instrument.present = !instrument.present;
        let longest = if instrument.present { 60_000.0 } else { 12_000.0 };
        instrument.until = self.at + 300 + (self.random.uniform() * longest) as u64;
        if let (true, Some(slot)) = (instrument.present, instrument.slot)
            && self.random.uniform() < 0.5
        {
            instrument.other_symbol = !instrument.other_symbol;
            frame.renamed.push(Renamed { instrument: slot, name: symbol(i, instrument.other_symbol) });
        }
    }
}

fn symbol(i: usize, other: bool) -> Arc<str> {
    format!("{}{i:02}", if other { 'T' } else { 'S' }).into()
}

/// True betas of an instrument.
fn betas(i: usize) -> [f64; 2] {
    [0.5 + 0.07 * i as f64, 0.1 * (i % 7) as f64 - 0.3]
}

impl Source for Rolling {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        if self.at == self.end {
            return Ok(false);
        }
        frame.clear();
        let minute = (self.at % PER_DAY) as i64 + 14 * 60;
        frame.seq = self.at;
        frame.timestamp = TimestampNs((self.at / PER_DAY) as i64 * DAY_NS + minute * 60_000_000_000);
        let factors = [5e-4 * self.random.shock(), 3e-4 * self.random.shock()];
        frame.factors.extend(factors);
        for i in 0..INSTRUMENTS {
            self.turn(i, frame);
            let own = 8e-4 * self.random.shock();
            let instrument = &mut self.instruments[i];
            let [market, momentum] = betas(i);
            // A slow return to 50 keeps the digits of the price.
            let pull = 1e-6 * (1.0 - instrument.price / 50.0);
            instrument.price *= 1.0 + market * factors[0] + momentum * factors[1] + own + pull;
            if instrument.present && instrument.slot.is_none() {
                instrument.slot = Some(self.order.len() as u32);
                self.order.push(i);
                frame.listed.push(symbol(i, false));
            }
        }
        for &i in &self.order {
            let instrument = &mut self.instruments[i];
            // Only a high price is split: in ten million frames, others would leave the range of prices.
            let splits = self.random.uniform() < 1e-5 && instrument.price > 50.0;
            if splits {
                instrument.price /= 2.0;
            }
            frame.split.push(if splits { 2.0 } else { f64::NAN });
            frame.close.push(if instrument.present { instrument.price } else { f64::NAN });
        }
        self.at += 1;
        if frame.seq == self.mark {
            frame.checkpoint = Some(Part::default());
            *self.saved.lock().unwrap() = Some(self.clone());
        }
        Ok(true)
    }

    fn factor_names(&self) -> &[String] {
        &self.names
    }

    fn facts(&self) -> DataFacts {
        DataFacts::default()
    }
}

/// A tenth of a run.
#[derive(Clone, Debug, Default)]
struct Block {
    /// Resident memory at its end, bytes.
    memory: f64,
    /// Processor time, s.
    seconds: f64,
    /// Sum and number of the absolute errors of the market beta.
    error: f64,
    errors: f64,
}

#[derive(Default)]
struct Measured {
    blocks: Vec<Block>,
    checkpoint: Option<Checkpoint>,
    fills: u64,
    rebalances: u64,
}

/// Recorder that checks each frame and measures each block.
struct Check {
    seen: Arc<Mutex<Measured>>,
    frames: u64,
    block: Block,
    cpu: f64,
    last: Option<(f64, f64)>,
}

/// Resident memory in bytes, and processor time in seconds, of this process; NaN where the system does not tell.
fn usage() -> (f64, f64) {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    let numbers = |text: &str| text.split_whitespace().map(|word| word.parse().unwrap_or(f64::NAN)).collect();
    let memory: Vec<f64> = numbers(&read("statm"));
    let stat = read("stat");
    let times: Vec<f64> = numbers(stat.rsplit(')').next().unwrap_or_default());
    let at = |numbers: &[f64], at: usize| numbers.get(at).copied().unwrap_or(f64::NAN);
    (at(&memory, 1) * 4_096.0, (at(&times, 11) + at(&times, 12)) / 100.0)
}

impl Check {
    fn new(seen: &Arc<Mutex<Measured>>, frames: u64) -> Self {
        let (seen, block) = (Arc::clone(seen), Block::default());
        Self { seen, frames, block, cpu: usage().1, last: None }
    }

    /// Checks that the estimates are finite, and that each covariance is positive definite.
    fn estimates_of(&mut self, frame: &LedgerFrame, estimates: &Estimates) {
        for i in (0..estimates.instruments()).filter(|i| estimates.started(*i)) {
            let p = |a: usize, b: usize| estimates.coefficient_cov_of(i, a, b);
            assert!((0..3).all(|a| (0..3).all(|b| p(a, b).to_bits() == p(b, a).to_bits())));
            // Leading minors.
            let two = p(0, 0) * p(1, 1) - p(0, 1) * p(0, 1);
            let three = p(2, 2) * two - p(1, 2) * (p(0, 0) * p(1, 2) - p(0, 1) * p(0, 2))
                + p(0, 2) * (p(0, 1) * p(1, 2) - p(1, 1) * p(0, 2));
            let at = (frame.seq, i);
            assert!(p(0, 0) > 0.0 && two > 0.0 && three > 0.0, "{at:?}: {} {two} {three}", p(0, 0));
            let finite = [estimates.alpha[i], estimates.observation_var[i], estimates.forecast_sd[i]];
            assert!(finite.iter().all(|value| value.is_finite()), "{at:?}: {finite:?}");
            let number: usize = frame.names[i][1..].parse().unwrap();
            self.block.error += (estimates.betas_on(0)[i] - betas(number)[0]).abs();
            self.block.errors += 1.0;
        }
    }
}

impl Recorder for Check {
    fn ledger(&mut self, frame: &LedgerFrame) -> Result<(), RecordError> {
        let costs = frame.account.costs.total();
        let bought: f64 = frame.fills.iter().map(|fill| fill.quantity * fill.price).sum();
        if let Some((cash, costs_so_far)) = self.last {
            let expected = cash + frame.account.interest + frame.account.dividends - costs - bought;
            assert!((expected - frame.cash).abs() <= 1e-9 * frame.nav, "cash of frame {}", frame.seq);
            let charged = frame.nav_gross - frame.nav - costs_so_far;
            assert!((charged - costs).abs() <= 1e-9 * frame.nav_gross, "costs of frame {}", frame.seq);
        }
        assert!(frame.nav.is_finite() && frame.nav > 0.0, "NAV of frame {}: {}", frame.seq, frame.nav);
        self.last = Some((frame.cash, frame.nav_gross - frame.nav));
        if let Some(estimates) = frame.estimates.as_ref().filter(|_| frame.seq.is_multiple_of(100)) {
            self.estimates_of(frame, estimates.get());
        }
        let mut seen = self.seen.lock().unwrap();
        seen.fills += frame.fills.len() as u64;
        seen.rebalances += u64::from(frame.decided);
        if (frame.seq + 1).is_multiple_of(self.frames / BLOCKS) {
            let (memory, cpu) = usage();
            let block = std::mem::take(&mut self.block);
            seen.blocks.push(Block { memory, seconds: cpu - self.cpu, ..block });
            self.cpu = cpu;
        }
        Ok(())
    }

    fn estimates(&mut self, _: &Estimates) -> Result<(), RecordError> {
        Ok(())
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), RecordError> {
        self.seen.lock().unwrap().checkpoint = Some(checkpoint.clone());
        Ok(())
    }

    fn finish(&mut self, _: &RunFacts) -> Result<(), RecordError> {
        Ok(())
    }
}

/// Members by date: each instrument but the first two is out of the universe for some weeks a year.
fn membership(days: u64) -> Membership {
    let mut spells = Vec::new();
    for i in 0..INSTRUMENTS {
        for other in [false, true] {
            let spell = |from, to| Spell { symbol: symbol(i, other).to_string(), from, to };
            if i < 2 {
                spells.push(spell(None, None));
                continue;
            }
            let years = 0..days as i64 / 365 + 1;
            spells.extend(years.map(|year| {
                let first = year * 365 + 20 * i as i64;
                spell(Some(first), Some(first + 280))
            }));
        }
    }
    Membership::new(&spells).unwrap()
}

fn settings_of(kind: EstimatorKind, frames: u64) -> RunSettings {
    let mut of_run = settings();
    of_run.calendar = Calendar { frames_per_day: PER_DAY as u32, ..Calendar::default() };
    of_run.estimator = EstimatorSettings {
        kind,
        warmup: 2,
        transition_variance: Some(1e-9),
        observation_variance: (kind == EstimatorKind::Fixed).then_some(6e-7),
        ..of_run.estimator
    };
    of_run.sizing.rebalance_every = 10;
    of_run.sizing.turnover_cap = 0.02;
    of_run.execution.commission_bps = 0.0;
    of_run.execution.half_spread_bps = 0.01;
    of_run.membership = Some(Arc::new(membership(frames / PER_DAY + 1)));
    of_run
}

fn finished(
    seen: &Arc<Mutex<Measured>>,
    frames: u64,
    graph: impl FnOnce(Vec<Box<dyn Recorder>>) -> Graph,
) -> [u8; 32] {
    let options = RunOptions { placement: Placement::Inline, ..RunOptions::default() };
    graph(vec![Box::new(Check::new(seen, frames))]).run(&options).unwrap().facts.digest
}

/// Checks that no later block needs more memory or time than an early one, and that betas are as good at the end.
fn assert_flat(name: &str, blocks: &[Block], frames: u64) {
    let error = |block: &Block| block.error / block.errors;
    for (at, block) in blocks.iter().enumerate() {
        let micros = 1e6 * block.seconds / (frames / BLOCKS) as f64;
        let megabytes = block.memory / 1_048_576.0;
        println!(
            "{name}, block {at}: {megabytes:.2} MB, {micros:.2} µs a frame, error of betas {:.5}",
            error(block)
        );
    }
    // The first blocks list instruments and fill buffers.
    let (early, last) = (&blocks[2], &blocks[blocks.len() - 1]);
    assert!(error(last) <= 1.25 * error(early), "{name}: the error of the betas rose");
    let kept = KEPT_PER_FRAME * frames as f64;
    // In short runs the first buffers are most of the memory.
    if early.memory.is_finite() && frames >= 1_000_000 {
        assert!(
            last.memory <= 1.02 * early.memory + kept,
            "{name}: memory rose from {} to {}",
            early.memory,
            last.memory
        );
        // Short runs are too coarse for the clock of the system.
        let slow = blocks[7..].iter().map(|block| block.seconds).fold(f64::INFINITY, f64::min);
        let quick = blocks[2..5].iter().map(|block| block.seconds).fold(f64::INFINITY, f64::min);
        assert!(quick < 1.0 || slow <= 1.5 * quick, "{name}: a block took {quick} s, a later one {slow} s");
    }
}

#[test]
fn million_frames_with_entering_and_leaving_instruments_degrade_nothing() {
    let frames = std::env::var("LONG_RUN_FRAMES").map_or(60_000, |text| text.parse().unwrap());
    let cases = [
        (EstimatorKind::Mixture, "quarter_kelly"),
        (EstimatorKind::Dlm, "residual_reversal"),
        (EstimatorKind::Fixed, "min_variance"),
    ];
    for (kind, strategy) in cases {
        let name = format!("{kind:?} {strategy}");
        let build = || -> Box<dyn Strategy> { find(strategy).unwrap().build(Default::default()).unwrap().1 };
        let of_run = settings_of(kind, frames);
        let market = Rolling::new(frames);
        let saved = Arc::clone(&market.saved);
        let seen = Arc::default();
        let digest = finished(&seen, frames, |recorders| {
            trading(Box::new(market), build(), &of_run, recorders).unwrap()
        });
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        assert!(seen.rebalances > frames / 12 && seen.fills > seen.rebalances / 100, "{name}: few fills");
        assert_flat(&name, &seen.blocks, frames);
        let (rest, from) = (saved.lock().unwrap().take().unwrap(), seen.checkpoint.unwrap());
        let again = finished(&Arc::default(), frames, |recorders| {
            resuming(Box::new(rest), build(), &of_run, recorders, &from).unwrap()
        });
        assert_eq!(again, digest, "{name}: a restart in the middle changes the digest");
    }
}
