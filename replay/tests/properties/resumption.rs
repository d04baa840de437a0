//! A run that is split at a checkpoint, which passes as bytes, has the ledger of the whole run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use betaflow_connectors::parquet::{Input, ParquetSource, Settings as SourceSettings};
use betaflow_engine::assembly::FrameColumn;
use betaflow_engine::dated::{DatedValues, FROM_BEGINNING};
use betaflow_engine::execution::{BenchmarkRule, BorrowTerms};
use betaflow_engine::frame::{Field, Frame};
use betaflow_engine::ledger::{Frames, LedgerFrame, RecordError, RecordSettings, Recorder, RunFacts};
use betaflow_engine::model::Estimates;
use betaflow_engine::pipeline::{Graph, Placement, RunOptions, RunSettings, resuming, trading};
use betaflow_engine::portfolio::LossLimits;
use betaflow_engine::range::OnOutOfRange;
use betaflow_engine::settings::Calendar;
use betaflow_engine::source::{MemorySource, Source as _};
use betaflow_engine::state::{Checkpoint, Part};
use betaflow_engine::strategy::Strategy;

use crate::driver::{Case, Checked, check};
use crate::market::{Feature, Market};
use crate::settings::Draw as _;

/// Ledger and checkpoints of a run.
#[derive(Default)]
struct Recorded {
    frames: Vec<LedgerFrame>,
    checkpoints: BTreeMap<u64, Vec<u8>>,
}

struct Keep(Arc<Mutex<Recorded>>);

impl Recorder for Keep {
    fn ledger(&mut self, frame: &LedgerFrame) -> Result<(), RecordError> {
        self.0.lock().unwrap().frames.push(frame.clone());
        Ok(())
    }

    fn estimates(&mut self, _: &Estimates) -> Result<(), RecordError> {
        Ok(())
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), RecordError> {
        let bytes = checkpoint.to_bytes().unwrap();
        self.0.lock().unwrap().checkpoints.insert(checkpoint.seq, bytes);
        Ok(())
    }

    fn finish(&mut self, _: &RunFacts) -> Result<(), RecordError> {
        Ok(())
    }
}

/// Text of a frame of the ledger without its message, which other frames share.
fn text(frame: &LedgerFrame) -> String {
    format!("{:?}", LedgerFrame { estimates: None, checkpoint: None, ..frame.clone() })
}

/// A run's ledger, its checkpoints as bytes, and its facts.
fn run(
    graph: impl FnOnce(Vec<Box<dyn Recorder>>) -> Result<Graph, String>,
) -> Result<(Recorded, String), String> {
    let kept = Arc::new(Mutex::new(Recorded::default()));
    let graph = graph(vec![Box::new(Keep(Arc::clone(&kept)))])?;
    let options = RunOptions { placement: Placement::Inline, ..RunOptions::default() };
    let report = graph.run(&options).map_err(|error| error.to_string())?;
    let facts = RunFacts { data: Default::default(), ..report.facts };
    let kept = std::mem::take(&mut *kept.lock().unwrap());
    Ok((kept, format!("{facts:?}")))
}

/// Settings of the stages; `None` if they are refused.
fn stages(case: &Case, market: &Market) -> Option<RunSettings> {
    fn table<T: serde::de::DeserializeOwned>(case: &Case, name: &str) -> T {
        case.settings.table(name).try_into().unwrap()
    }
    let calendar = Calendar { frames_per_day: case.shape.per_day() as u32, ..Calendar::default() };
    let mut settings = RunSettings {
        calendar,
        sessions: None,
        excess: true,
        estimator: table(case, "estimator"),
        groups: Vec::new(),
        sizing: table(case, "sizing"),
        execution: table(case, "execution"),
        membership: None,
        benchmark: BenchmarkRule::default(),
        world: table(case, "world"),
        record: RecordSettings { betas: Frames::None, weights: Frames::All, expected_returns: None },
        trade_from: None,
        on_out_of_range: OnOutOfRange::Stop,
        limits: LossLimits { daily_loss_max: Some(0.02), drawdown_max: Some(0.3) },
        shown_dates: None,
        frames_per_message: None,
    };
    if case.shape.has(Feature::Borrow) {
        let terms = |(at, symbol): (usize, String)| {
            let available = (at % 5 == 3).then_some(30.0 * at as f64);
            (symbol, FROM_BEGINNING, BorrowTerms { bps_per_year: Some(25.0 * (at % 7) as f64), available })
        };
        let all = market.symbols().into_iter().enumerate().map(terms);
        settings.execution.borrow = Some(Arc::new(DatedValues::new(all).ok()?));
    }
    let valid = settings.estimator.check().is_ok()
        && settings.sizing.check().is_ok()
        && settings.execution.check().is_ok()
        && settings.world.check().is_ok();
    valid.then_some(settings)
}

fn strategy(case: &Case) -> Option<Box<dyn Strategy>> {
    let mut own = case.settings.table("strategy");
    let kind = own.remove("kind")?;
    let entry = betaflow_strategies::find(kind.as_str()?)?;
    Some(entry.build(own).ok()?.1)
}

/// Names of the factors, and all frames.
fn frames(market: &Market) -> Result<(Vec<String>, Vec<Frame>), String> {
    let tables = market.tables();
    let fields = [
        Field::Open,
        Field::High,
        Field::Low,
        Field::Volume,
        Field::Bid,
        Field::Ask,
        Field::Dividend,
        Field::Split,
    ];
    let optional = fields.into_iter().map(|field| FrameColumn { field, checked: true }).collect();
    let settings = SourceSettings { optional, ..SourceSettings::default() };
    let prices = Input::Memory(tables[0].clone());
    let factors = (market.shape.factors > 0).then(|| Input::Memory(tables[1].clone()));
    let source = ParquetSource::open(&prices, factors.as_ref(), settings);
    let mut source = source.map_err(|error| error.to_string())?;
    let (mut all, mut frame) = (Vec::new(), Frame::default());
    while source.next_frame(&mut frame).map_err(|error| error.to_string())? {
        all.push(frame.clone());
    }
    Ok((source.factor_names().to_vec(), all))
}

fn split(case: &Case) -> Checked {
    let market = Market::new(&case.shape);
    let Some(settings) = stages(case, &market) else { return Ok(false) };
    let Ok((names, all)) = frames(&market) else { return Ok(false) };
    let mut random = case.random_numbers();
    let marks: Vec<u64> = (0..6).map(|_| random.below(all.len() - 1) as u64).collect();
    let source = |from: usize| {
        let mut frames = all[from..].to_vec();
        for frame in frames.iter_mut().filter(|frame| marks.contains(&frame.seq)) {
            frame.checkpoint = Some(Part::from(b"source".to_vec()));
        }
        Box::new(MemorySource::new(names.clone(), frames))
    };
    let whole = run(|recorders| {
        let strategy = strategy(case).ok_or("no strategy")?;
        trading(source(0), strategy, &settings, recorders).map_err(|error| error.to_string())
    });
    let Ok((whole, facts)) = whole else { return Ok(false) };
    for (seq, bytes) in &whole.checkpoints {
        let checkpoint = Checkpoint::from_bytes(bytes).map_err(|error| error.to_string())?;
        if checkpoint.to_bytes().ok().as_ref() != Some(bytes) {
            return Err(format!(
                "the checkpoint after frame {seq} has other bytes when it is read and written"
            ));
        }
        let rest = source(*seq as usize + 1);
        let (resumed, resumed_facts) = run(|recorders| {
            let strategy = strategy(case).ok_or("no strategy")?;
            resuming(rest, strategy, &settings, recorders, &checkpoint).map_err(|error| error.to_string())
        })
        .map_err(|error| format!("resumed after frame {seq}: {error}"))?;
        let later =
            whole.frames.iter().filter(|frame| frame.seq > *seq || frame.opening && frame.seq == *seq);
        let later: Vec<&LedgerFrame> = later.collect();
        let later = &later[later.len().saturating_sub(resumed.frames.len())..];
        for (a, b) in later.iter().zip(&resumed.frames) {
            if text(a) != text(b) {
                return Err(format!(
                    "resumed after frame {seq}, frame {}: {}\nand {}",
                    a.seq,
                    text(a),
                    text(b)
                ));
            }
        }
        let expected = whole.frames.iter().filter(|frame| frame.seq > *seq).count();
        if resumed.frames.len() < expected || facts != resumed_facts {
            return Err(format!("resumed after frame {seq}: {facts}\nand {resumed_facts}"));
        }
        for (later, bytes) in whole.checkpoints.range(seq + 1..) {
            if resumed.checkpoints.get(later) != Some(bytes) {
                return Err(format!("resumed after frame {seq}, another checkpoint after frame {later}"));
            }
        }
    }
    Ok(!whole.frames.is_empty())
}

#[test]
fn run_split_at_a_checkpoint_has_the_ledger_of_the_whole_run() {
    check("run_split_at_a_checkpoint_has_the_ledger_of_the_whole_run", 33, |case| {
        split(&case.clone().without(&[Feature::Renames, Feature::Membership, Feature::Groups]))
    });
}
