//! A run that resumes from a checkpoint is bit-identical to an uninterrupted one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use betaflow_engine::assembly::{Assembler, FrameColumn, Rules, Values};
use betaflow_engine::dated::{DatedValues, FROM_BEGINNING};
use betaflow_engine::execution::{
    BenchmarkRule, BorrowTerms, FillAt, ReturnRows, SpreadModel, Unfilled, WeightRows,
};
use betaflow_engine::frame::Bar;
use betaflow_engine::frame::Field;
use betaflow_engine::frame::Frame;
use betaflow_engine::ledger::{Frames, LedgerFrame, RecordError, Recorder, RunFacts};
use betaflow_engine::membership::{Membership, Spell};
use betaflow_engine::model::{Estimates, EstimatorKind};
use betaflow_engine::pipeline::{
    Graph, PipelineError, Placement, RunOptions, RunSettings, resuming, trading,
};
use betaflow_engine::portfolio::{CapMethod, WeightBounds};
use betaflow_engine::settings::Calendar;
use betaflow_engine::source::MemorySource;
use betaflow_engine::state::{
    Checkpoint, Part, StateError, VERSION, restore, restore_under, save, save_under,
};
use betaflow_engine::strategy::{Context, Observed, Strategy, StrategyError, TargetKind, Targets};
use betaflow_engine::time::{DAY_NS, TimestampNs};

use crate::support::{Busy, Market, Random, settings};

/// Strategy with state: it trades on the last returns.
#[derive(Default)]
struct Trend {
    sums: Vec<f64>,
}

impl Strategy for Trend {
    fn name(&self) -> &'static str {
        "trend"
    }

    fn observes(&self) -> Observed {
        Observed { returns: true, ..Observed::default() }
    }

    fn observe_returns(&mut self, returns: &[f64], _: &Calendar) -> Result<(), StrategyError> {
        self.sums.resize(returns.len(), 0.0);
        for (sum, r) in self.sums.iter_mut().zip(returns).filter(|(_, r)| !r.is_nan()) {
            *sum = 0.9 * *sum + r;
        }
        Ok(())
    }

    fn save(&self) -> Result<Vec<u8>, StateError> {
        save("trend", &self.sums)
    }

    fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        self.sums = restore("trend", state)?;
        Ok(())
    }

    fn decide(&mut self, _: Context<'_>, targets: &mut Targets) -> Result<(), StrategyError> {
        targets.kind = TargetKind::Expected;
        for (value, sum) in targets.values.iter_mut().zip(&self.sums) {
            *value = 1e-2 * sum;
        }
        Ok(())
    }
}

/// [`Busy`] with an implementation of `save` that keeps no state.
struct Saved(Busy);

impl Strategy for Saved {
    fn name(&self) -> &'static str {
        "busy"
    }

    fn save(&self) -> Result<Vec<u8>, StateError> {
        save_under("busy", "no settings", &())
    }

    fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        restore_under("busy", "no settings", state)
    }

    fn decide(&mut self, context: Context<'_>, targets: &mut Targets) -> Result<(), StrategyError> {
        self.0.decide(context, targets)
    }
}

fn busy() -> Box<dyn Strategy> {
    Box::new(Saved(Busy))
}

/// Calls that a recorder received.
#[derive(Default)]
struct Calls {
    ledger: Vec<LedgerFrame>,
    checkpoints: BTreeMap<u64, Checkpoint>,
    complete: Vec<u64>,
}

struct Watch(Arc<Mutex<Calls>>);

impl Recorder for Watch {
    fn ledger(&mut self, frame: &LedgerFrame) -> Result<(), RecordError> {
        self.0.lock().unwrap().ledger.push(frame.clone());
        Ok(())
    }

    fn estimates(&mut self, _: &Estimates) -> Result<(), RecordError> {
        Ok(())
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), RecordError> {
        let mut calls = self.0.lock().unwrap();
        assert!(!calls.complete.contains(&checkpoint.seq), "the checkpoint precedes the end of its frame");
        calls.checkpoints.insert(checkpoint.seq, checkpoint.clone());
        Ok(())
    }

    fn complete(&mut self, seq: u64, timestamp: TimestampNs) -> Result<(), RecordError> {
        let mut calls = self.0.lock().unwrap();
        assert!(calls.ledger.last().is_none_or(|frame| frame.timestamp <= timestamp));
        calls.complete.push(seq);
        Ok(())
    }

    fn finish(&mut self, _: &RunFacts) -> Result<(), RecordError> {
        Ok(())
    }
}

/// Results of a run that are compared.
struct Run {
    calls: Calls,
    facts: RunFacts,
}

/// Runs the graph built by `graph` with a recorder.
fn run(
    placement: Placement,
    graph: impl FnOnce(Vec<Box<dyn Recorder>>) -> Graph,
) -> Result<Run, PipelineError> {
    let calls = Arc::new(Mutex::new(Calls::default()));
    let graph = graph(vec![Box::new(Watch(Arc::clone(&calls)))]);
    let report = graph.run(&RunOptions { placement, ..RunOptions::default() })?;
    let calls = std::mem::take(&mut *calls.lock().unwrap());
    Ok(Run { calls, facts: report.facts })
}

/// Frames with every field that execution can use, occasional splits and dividends, and `per_day` frames per
/// date.
fn dress(market: &Market, per_day: i64) -> Vec<Frame> {
    let mut random = Random(market.seed ^ 0xd1ce);
    let mut frames = market.frames();
    let mut units = vec![1.0; market.instruments];
    for frame in &mut frames {
        let seq = frame.seq as i64;
        frame.timestamp = TimestampNs(seq / per_day * DAY_NS + seq % per_day * 3_600_000_000_000);
        let n = frame.close.len();
        (frame.split, frame.dividend) = (vec![f64::NAN; n], vec![f64::NAN; n]);
        for i in 0..n {
            if random.uniform() < 0.01 && !frame.close[i].is_nan() {
                frame.split[i] = 2.0;
                units[i] *= 2.0;
            } else if random.uniform() < 0.02 {
                frame.dividend[i] = 0.3;
            }
            frame.close[i] /= units[i];
            frame.open[i] /= units[i];
        }
        let of = |factor: f64| frame.close.iter().map(|close| close * factor).collect::<Vec<f64>>();
        (frame.high, frame.low) = (of(1.004), of(0.997));
        (frame.bid, frame.ask) = (of(0.9996), of(1.0005));
        // Some bars have no volume; the first instrument has no volume data before its 80th frame.
        let volume =
            |(i, draw): (usize, f64)| if draw < 0.1 || i == 0 && seq < 80 { 0.0 } else { 4e3 * draw };
        let draws: Vec<f64> = frame.close.iter().map(|_| random.uniform()).collect();
        frame.volume = draws.into_iter().enumerate().map(volume).collect();
    }
    frames
}

/// Source of the frames from `from` on, with a checkpoint requested after some of them.
fn source(market: &Market, frames: &[Frame], from: usize, marks: &[u64]) -> Box<MemorySource> {
    let mut frames = frames[from..].to_vec();
    for frame in frames.iter_mut().filter(|frame| marks.contains(&frame.seq)) {
        frame.checkpoint = Some(Part::from(format!("as of {}", frame.seq).into_bytes()));
    }
    Box::new(MemorySource::new(market.factor_names(), frames))
}

/// Text of a frame of the ledger without its message, which other frames share. Numbers have all digits.
fn text_of(frame: &LedgerFrame) -> String {
    let estimates = frame.estimates.as_ref().map(|estimates| {
        let mut estimates = estimates.get().clone();
        estimates.checkpoint = None;
        format!("{estimates:?}")
    });
    let frame = LedgerFrame { estimates: None, checkpoint: None, ..frame.clone() };
    format!("{frame:?} {estimates:?}")
}

/// Text of the facts at the end, except for the counts of the source.
fn facts_of(facts: &RunFacts) -> String {
    let facts = RunFacts { data: Default::default(), ..facts.clone() };
    format!("{facts:?}")
}

type Case = (&'static str, fn(&mut RunSettings), fn() -> Box<dyn Strategy>, i64);

/// Settings with a debt of twice NAV, which doubles in a day.
/// Fees of every instrument, and recalls of two on several dates.
fn borrow_terms() -> Arc<DatedValues<BorrowTerms>> {
    let row = |name: String, from: i64, fee: f64, available: Option<f64>| {
        (name, from, BorrowTerms { bps_per_year: Some(fee), available })
    };
    let fees = (0..6).map(|i| row(format!("S{i:03}"), FROM_BEGINNING, 50.0 * f64::from(i), None));
    let recalls = (6..15).map(|i| row(format!("S{:03}", i % 2), 10 * i, 80.0, (i % 3 > 0).then_some(0.0)));
    Arc::new(DatedValues::new(fees.chain(recalls)).unwrap())
}

fn ruinous(run: &mut RunSettings) {
    run.sizing.gross_max = 4.0;
    run.sizing.net_target = Some(3.0);
    run.sizing.weight_max = 1.0;
    run.sizing.turnover_cap = 10.0;
    run.execution.financing_bps_per_year = 4e6;
}

/// Settings under which every component has state.
fn cases() -> [Case; 14] {
    let trend: fn() -> Box<dyn Strategy> = || Box::<Trend>::default();
    [
        ("defaults", |_| {}, busy, 1),
        (
            "active risk against a file of weights",
            |run| {
                (run.sizing.active, run.sizing.weight_max) = (true, 0.5);
                let rows = (30..190).step_by(20).flat_map(|day| {
                    let weights = [("S001", 0.3), ("S003", 0.1 + 1e-3 * day as f64), ("S00X", 0.1)];
                    weights.map(|(symbol, weight)| (TimestampNs(day * DAY_NS), symbol, weight))
                });
                run.benchmark = BenchmarkRule::Weights(Arc::new(WeightRows::new(rows)));
            },
            busy,
            1,
        ),
        (
            "a file of returns as benchmark",
            |run| {
                let rows = (0..190).step_by(3).map(|day| (TimestampNs(day * DAY_NS), 1e-4 * day as f64));
                run.benchmark = BenchmarkRule::Returns(Arc::new(ReturnRows::new(rows.collect())));
            },
            busy,
            1,
        ),
        (
            "an instrument that is traded as benchmark of active risk",
            |run| {
                (run.sizing.active, run.sizing.gross_max) = (true, 2.0);
                run.benchmark = BenchmarkRule::Instrument("S004".to_owned());
            },
            busy,
            1,
        ),
        (
            "dlm, carried orders under a cap on volume, delay of three",
            |run| {
                run.estimator.kind = EstimatorKind::Dlm;
                run.execution.unfilled = Unfilled::Carry;
                run.execution.participation_cap = Some(0.05);
                run.execution.delay_bars = 3;
                run.execution.commission_min = 2.0;
            },
            busy,
            1,
        ),
        (
            "dlm without discounts of what is missing, shorts, every fifth frame",
            |run| {
                run.estimator.kind = EstimatorKind::Dlm;
                run.estimator.discount_missing = false;
                run.sizing.weight_min = -0.2;
                run.sizing.net_target = Some(0.0);
                run.sizing.rebalance_every = 5;
                run.execution.borrow_bps_per_year = 200.0;
            },
            trend,
            1,
        ),
        (
            "fixed, impact, spreads of Corwin and Schultz",
            |run| {
                run.estimator.kind = EstimatorKind::Fixed;
                run.estimator.transition_variance = Some(1e-4);
                run.estimator.observation_variance = Some(2e-4);
                run.execution.impact_coefficient = 0.9;
                run.world.volatile_cost_multiplier = 3.0;
                run.world.spread_follows_volatility = 1.0;
                run.execution.permanent_impact_coefficient = 0.3;
                run.execution.spread_model = SpreadModel::CorwinSchultz;
            },
            busy,
            1,
        ),
        (
            "mixture, spreads of Abdi and Ranaldo, lots, drift",
            |run| {
                run.execution.spread_model = SpreadModel::AbdiRanaldo;
                run.execution.lot = 10.0;
                run.sizing.weight_min = -0.1;
                run.execution.borrow = Some(borrow_terms());
                run.sizing.rebalance_drift = 0.05;
                run.sizing.exposure_bounds.insert("f1".to_owned(), [-0.1, 0.1]);
            },
            trend,
            1,
        ),
        (
            "EDGE, fees and recalls by name, bounds by name",
            |run| {
                run.execution.spread_model = SpreadModel::Edge;
                run.sizing.weight_min = -0.1;
                run.execution.borrow = Some(borrow_terms());
                let bounds = WeightBounds { weight_min: Some(-0.02), weight_max: None };
                run.sizing.bounds_by_name =
                    Some(Arc::new(DatedValues::new([("S002", 60, bounds), ("S003", 90, bounds)]).unwrap()));
            },
            busy,
            1,
        ),
        (
            "four frames a day, one decision, quotes, fills at the open",
            |run| {
                run.calendar = Calendar { frames_per_day: 4, ..run.calendar };
                run.estimator.warmup = 10;
                run.sizing.rebalance_at = Some("02:00".to_owned());
                run.execution.spread_model = SpreadModel::Quotes;
                run.execution.fill_at = FillAt::Open;
                run.execution.impact_coefficient = 0.5;
            },
            busy,
            4,
        ),
        (
            "several decisions a day under one cap, premia that follow, at the same close",
            |run| {
                run.calendar = Calendar { frames_per_day: 3, ..run.calendar };
                run.estimator.warmup = 12;
                run.sizing.cap_method = CapMethod::Scale;
                run.sizing.premium_half_life = Some(30.0);
                run.execution.fill_at = FillAt::SameClose;
            },
            trend,
            3,
        ),
        (
            "spells of membership",
            |run| {
                let spell = |i: i64, from, to| Spell { symbol: format!("S{i:03}"), from, to: Some(to) };
                let spells = (0..8)
                    .flat_map(|i| [spell(i, None, 40 + 10 * i), spell(i, Some(60 + 10 * i), 90 + 12 * i)]);
                let spells: Vec<Spell> = spells.collect();
                run.membership = Some(Arc::new(Membership::new(&spells).unwrap()));
                run.sizing.turnover_cap = 0.02;
                run.execution.delay_bars = 2;
            },
            busy,
            1,
        ),
        ("ruined by financing", ruinous, busy, 1),
        (
            "ruined by financing, at the same close",
            |run| {
                ruinous(run);
                run.execution.fill_at = FillAt::SameClose;
                run.execution.participation_cap = Some(0.5);
                run.execution.unfilled = Unfilled::Carry;
            },
            busy,
            1,
        ),
    ]
}

/// Checks that the run continues from each of its checkpoints to the same ledger, facts and later states.
fn assert_resumes(
    (name, _, strategy, _): &Case,
    market: &Market,
    frames: &[Frame],
    settings: &RunSettings,
    placement: &Placement,
    whole: &Run,
) {
    let marks: Vec<u64> = whole.calls.checkpoints.keys().copied().collect();
    for (&at, checkpoint) in &whole.calls.checkpoints {
        let checkpoint = Checkpoint::from_bytes(&checkpoint.to_bytes().unwrap()).unwrap();
        assert_eq!((checkpoint.seq, &*checkpoint.source), (at, format!("as of {at}").as_bytes()));
        let rest = source(market, frames, at as usize + 1, &marks);
        let rest = run(placement.clone(), |recorders| {
            resuming(rest, strategy(), settings, recorders, &checkpoint).unwrap()
        });
        let rest = rest.unwrap();
        // The opening is recorded with the frame after its own.
        let is_after = |f: &&LedgerFrame| f.seq > at || f.opening && f.seq == at;
        let after: Vec<&LedgerFrame> = whole.calls.ledger.iter().filter(is_after).collect();
        assert_eq!(after.len(), rest.calls.ledger.len(), "{name} after {at}");
        for (expected, found) in after.iter().zip(&rest.calls.ledger) {
            assert_eq!(text_of(found), text_of(expected), "{name} after {at}: frame {}", expected.seq);
        }
        assert_eq!(rest.facts.digest, whole.facts.digest);
        assert_eq!(facts_of(&rest.facts), facts_of(&whole.facts), "{name} after {at}");
        // The saved states are equal too, even where they have not affected an output yet.
        for (later, again) in &rest.calls.checkpoints {
            assert_eq!(again, &whole.calls.checkpoints[later], "{name} after {at}: state at {later}");
        }
        assert_eq!(rest.calls.complete, (at + 1..frames.len() as u64).collect::<Vec<_>>());
    }
}

#[test]
fn resumed_run_is_bit_identical() {
    for (number, case) in cases().into_iter().enumerate() {
        let (name, set, strategy, per_day) = case;
        for seed in 0..2 {
            let mut random = Random(1 + 10 * number as u64 + seed);
            let (missing, late, gone_at) = (0.06, 0.4, Some(120));
            let market =
                Market { seed: 77 + seed, instruments: 11, factors: 2, frames: 190, missing, late, gone_at };
            let frames = dress(&market, per_day);
            let mut settings = settings();
            settings.estimator.warmup = 40;
            settings.record.betas = Frames::All;
            // A quarter of the checkpoints precede the first rebalance.
            settings.frames_per_message = (seed == 1).then_some(1);
            set(&mut settings);
            let mut marks: Vec<u64> = (0..5).map(|_| (random.uniform() * 188.0) as u64).collect();
            marks.extend([0, 20, 38, 39, 40, 41, 42, 45, 188]);
            let placement = if seed == 0 { Placement::Inline } else { Placement::Threaded };
            let whole = run(placement.clone(), |recorders| {
                trading(source(&market, &frames, 0, &marks), strategy(), &settings, recorders).unwrap()
            });
            let whole = whole.unwrap();
            assert_eq!(whole.calls.complete, (0..190).collect::<Vec<_>>(), "{name}: every frame, in order");
            assert!(whole.calls.ledger.iter().any(|frame| !frame.fills.is_empty()), "{name}: it trades");
            assert_eq!(whole.facts.performance.ruined.is_some(), name.starts_with("ruined"), "{name}");
            assert_eq!(whole.calls.ledger[0].opening, name.ends_with("at the same close"), "{name}");
            assert_resumes(&case, &market, &frames, &settings, &placement, &whole);
            assert_eq!(
                whole.calls.checkpoints.len(),
                marks.iter().collect::<std::collections::BTreeSet<_>>().len()
            );
        }
    }
}

#[test]
fn few_frames_resume_bit_identically_under_all_settings() {
    for case in cases() {
        let (name, set, strategy, per_day) = case;
        let (missing, late, gone_at) = (0.06, 0.4, Some(50));
        let market = Market { seed: 5, instruments: 7, factors: 2, frames: 72, missing, late, gone_at };
        let frames = dress(&market, per_day);
        let mut settings = settings();
        settings.estimator.warmup = 20;
        settings.record.betas = Frames::All;
        set(&mut settings);
        // Before the first rebalance and after it.
        let marks = [10, 44];
        let whole = run(Placement::Inline, |recorders| {
            trading(source(&market, &frames, 0, &marks), strategy(), &settings, recorders).unwrap()
        });
        let whole = whole.unwrap();
        assert_eq!(whole.calls.checkpoints.keys().copied().collect::<Vec<_>>(), marks, "{name}");
        assert!(whole.calls.ledger.iter().any(|frame| !frame.fills.is_empty()), "{name}: it trades");
        assert_resumes(&case, &market, &frames, &settings, &Placement::Inline, &whole);
    }
}

#[test]
fn no_checkpoint_is_made_without_a_request() {
    let market = Market { frames: 80, ..Market::default() };
    let whole = run(Placement::Inline, |recorders| {
        trading(source(&market, &market.frames(), 0, &[]), Box::new(Busy), &settings(), recorders).unwrap()
    });
    let calls = whole.unwrap().calls;
    assert!(calls.checkpoints.is_empty() && calls.ledger.iter().all(|frame| frame.checkpoint.is_none()));
}

/// A checkpoint of a run under the settings.
fn checkpoint(settings: &RunSettings) -> Checkpoint {
    let market = Market { frames: 90, ..Market::default() };
    let whole = run(Placement::Inline, |recorders| {
        trading(source(&market, &market.frames(), 0, &[80]), busy(), settings, recorders).unwrap()
    });
    whole.unwrap().calls.checkpoints[&80].clone()
}

fn resume(settings: &RunSettings, strategy: Box<dyn Strategy>, from: &Checkpoint) -> Result<(), String> {
    let market = Market { frames: 90, ..Market::default() };
    let source = source(&market, &market.frames(), 81, &[]);
    resuming(source, strategy, settings, Vec::new(), from).map(drop).map_err(|error| error.to_string())
}

#[test]
fn state_is_rejected_under_other_settings() {
    let from = checkpoint(&settings());
    assert_eq!(resume(&settings(), busy(), &from), Ok(()));
    #[allow(clippy::type_complexity)]
    let cases: [(fn(&mut RunSettings), &str); 10] = [
        (|run| run.estimator.forgetting = 0.98, "mixture"),
        (|run| run.estimator.discount_grid = vec![0.99], "mixture"),
        (|run| run.estimator.kind = EstimatorKind::Dlm, "dynamic linear model"),
        (|run| run.estimator.warmup = 61, "estimate stage"),
        (|run| run.excess = false, "estimate stage"),
        (|run| run.sizing.kelly_fraction = 0.5, "size stage"),
        (|run| run.execution.half_spread_bps = 5.0, "execute stage"),
        (|run| run.execution.spread_model = SpreadModel::Quotes, "execute stage"),
        (|run| run.calendar.days_per_year = 365.0, "size stage"),
        (|run| run.world.cost_multiplier = 2.0, "execute stage"),
    ];
    for (set, of) in cases {
        let mut other = settings();
        set(&mut other);
        let error = resume(&other, busy(), &from).unwrap_err();
        assert!(error.contains(of) && error.contains("other settings"), "{error}");
    }
    let error = resume(&settings(), Box::<Trend>::default(), &from).unwrap_err();
    assert!(error.contains("size stage") && error.contains("other settings"), "{error}");
}

#[test]
fn strategy_without_save_is_named_in_the_error() {
    let market = Market { frames: 5, ..Market::default() };
    let failed = run(Placement::Inline, |recorders| {
        trading(source(&market, &market.frames(), 0, &[2]), Box::new(Busy), &settings(), recorders).unwrap()
    });
    let error = failed.err().unwrap();
    assert!(matches!(error, PipelineError::Failed { stage: "size", .. }));
    assert!(
        error.to_string().contains("the strategy `busy` cannot be saved: it has to implement"),
        "{error}"
    );
}

#[test]
fn bytes_that_are_not_a_whole_state_are_rejected() {
    let good = checkpoint(&settings());
    let bytes = good.to_bytes().unwrap();
    assert_eq!(Checkpoint::from_bytes(&bytes), Ok(good.clone()));
    for length in (0..bytes.len()).step_by(997).chain([bytes.len() - 1]) {
        let error = Checkpoint::from_bytes(&bytes[..length]).unwrap_err();
        let expected = if length < 9 { StateError::Truncated { found: length } } else { StateError::Damaged };
        assert_eq!(error, expected, "{length} bytes");
    }
    for at in (1..bytes.len()).step_by(1_009) {
        let mut mangled = bytes.clone();
        mangled[at] ^= 0x10;
        assert_eq!(Checkpoint::from_bytes(&mangled), Err(StateError::Damaged), "byte {at}");
    }
    let mut newer = bytes;
    newer[0] = VERSION + 1;
    let error = Checkpoint::from_bytes(&newer).unwrap_err();
    assert_eq!(error, StateError::Version { found: VERSION + 1 });
    let both = format!("found a state of version {}, expected version {VERSION}", VERSION + 1);
    assert!(error.to_string().contains(&both), "{error}");
    let Checkpoint { estimate, size, execute, record, .. } = good.clone();
    // A whole state of another stage, and an empty one.
    for wrong in [Part::default(), Part::from(save("nothing", &()).unwrap()), execute, record] {
        for part in 0..3 {
            let mut from = good.clone();
            [&mut from.estimate, &mut from.size, &mut from.record][part].clone_from(&wrong);
            if from != good {
                assert!(resume(&settings(), busy(), &from).is_err(), "{wrong:?} as {part}");
            }
        }
    }
    for wrong in [estimate, size] {
        let error = resume(&settings(), busy(), &Checkpoint { execute: wrong, ..good.clone() }).unwrap_err();
        assert!(error.contains("execute stage"), "{error}");
    }
}

#[test]
fn numbers_are_restored_to_the_bit() {
    let payload = f64::from_bits(0xfff8_0000_dead_beef);
    let numbers = [f64::NAN, -f64::NAN, payload, -0.0, f64::MIN_POSITIVE / 3.0, f64::INFINITY, 0.1 + 0.2];
    let back: Vec<f64> = restore("numbers", &save("numbers", &numbers.to_vec()).unwrap()).unwrap();
    assert_eq!(back.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), numbers.map(f64::to_bits));
    let error =
        restore::<(Vec<f64>, String)>("pair", &save("numbers", &numbers.to_vec()).unwrap()).unwrap_err();
    assert!(error.to_string().starts_with("found a state that does not belong to the pair ("), "{error}");
    let error = restore::<u8>("number", &save("two", &(1_u8, 2_u8)).unwrap()).unwrap_err();
    assert!(error.to_string().contains("1 bytes too many"), "{error}");
}

/// Feeds rows in a varying order, of instruments that list late and miss timestamps; returns the frame of
/// each timestamp.
fn feed(assembler: &mut Assembler, days: std::ops::Range<i64>) -> Vec<String> {
    let mut frames = Vec::new();
    let mut frame = Frame::default();
    for day in days {
        let mut random = Random(day as u64);
        assembler.begin(TimestampNs(day * DAY_NS), &mut frame);
        for name in ["SPX", "ZZ", "B", "A", "C", "D"] {
            let late = name == "C" && day < 12 || name == "D" && day < 25;
            let moved = random.uniform() - 0.5;
            if late || name != "SPX" && random.uniform() < 0.2 {
                continue;
            }
            let slot = assembler.slot(name);
            let bar = Bar::of_close(0.02 * moved).with(Field::Volume, 100.0 + moved);
            assembler.put(&mut frame, slot, &bar).unwrap();
        }
        assembler.finish(&mut frame).unwrap();
        frames.push(format!("{frame:?}"));
    }
    frames
}

#[test]
fn restored_assembler_keeps_its_order_index_and_numbers() {
    let rules = Rules {
        values: Values::Returns,
        fields: vec![FrameColumn { field: Field::Volume, checked: false }],
        factors: vec![("market".to_owned(), "SPX".parse().unwrap())],
        ..Rules::default()
    };
    let fresh = || Assembler::new(rules.clone()).unwrap();
    let whole = feed(&mut fresh(), 1..40);
    for stop in [1, 2, 11, 12, 13, 30, 40] {
        let mut first = fresh();
        feed(&mut first, 1..stop);
        let state = first.save().unwrap();
        let mut second = fresh();
        second.load(&state).unwrap();
        assert_eq!(second.save().unwrap(), state, "the restored state equals the saved one");
        assert_eq!(feed(&mut second, stop..40), whole[stop as usize - 1..], "from day {stop}");
    }
    let mut other = Assembler::new(Rules { factors: Vec::new(), ..rules.clone() }).unwrap();
    let error = other.load(&fresh().save().unwrap()).unwrap_err();
    assert_eq!(error, StateError::OtherSettings { of: "assembler" });
}
