//! Checkpoints: the state of all stages. An input is a list of edits, eight bytes each, of a checkpoint that the target makes.

use std::sync::{Arc, Mutex};

use betaflow_connectors::parquet::{Input, ParquetSource, Settings};
use betaflow_engine::execution::{BenchmarkRule, ExecutionSettings};
use betaflow_engine::frame::Frame;
use betaflow_engine::ledger::{Frames, LedgerFrame, RecordError, RecordSettings, Recorder, RunFacts};
use betaflow_engine::model::{Estimates, EstimatorSettings};
use betaflow_engine::pipeline::{
    Graph, PipelineError, Placement, RunOptions, RunSettings, resuming, trading,
};
use betaflow_engine::portfolio::{LossLimits, SizingSettings};
use betaflow_engine::range::OnOutOfRange;
use betaflow_engine::settings::Calendar;
use betaflow_engine::source::{MemorySource, Source as _};
use betaflow_engine::state::{Checkpoint, Part};
use betaflow_engine::strategy::Strategy;
use betaflow_engine::world::WorldSettings;

use super::harness::Target;
use super::sealed::Sealed;

/// Frame after which the checkpoint is taken.
const AT: u64 = 14;

/// Recorder that keeps the last checkpoint.
struct Keep(Arc<Mutex<Option<Checkpoint>>>);

impl Recorder for Keep {
    fn ledger(&mut self, _: &LedgerFrame) -> Result<(), RecordError> {
        Ok(())
    }

    fn estimates(&mut self, _: &Estimates) -> Result<(), RecordError> {
        Ok(())
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), RecordError> {
        *self.0.lock().unwrap() = Some(checkpoint.clone());
        Ok(())
    }

    fn finish(&mut self, _: &RunFacts) -> Result<(), RecordError> {
        Ok(())
    }
}

fn settings() -> RunSettings {
    RunSettings {
        calendar: Calendar::default(),
        sessions: None,
        excess: true,
        estimator: EstimatorSettings { warmup: 8, ..EstimatorSettings::default() },
        groups: Vec::new(),
        sizing: SizingSettings { weight_min: -0.3, weight_max: 0.6, ..SizingSettings::default() },
        execution: ExecutionSettings::default(),
        membership: None,
        benchmark: BenchmarkRule::default(),
        world: WorldSettings::default(),
        record: RecordSettings { betas: Frames::Rebalances, weights: Frames::All, expected_returns: None },
        trade_from: None,
        on_out_of_range: OnOutOfRange::Stop,
        limits: LossLimits::default(),
        shown_dates: None,
        frames_per_message: None,
    }
}

fn strategy() -> Box<dyn Strategy> {
    betaflow_strategies::find("quarter_kelly").unwrap().build(toml::Table::new()).unwrap().1
}

/// Frames of three instruments and six factors in spring 2013, and the names of the factors.
fn market() -> (Vec<String>, Vec<Frame>) {
    let file = |name: &str, bytes: &'static [u8]| Input::Bytes { name: name.to_owned(), bytes: bytes.into() };
    let prices = file("prices", include_bytes!("../../connectors/fuzz/corpus/parquet_prices/tidy.parquet"));
    let factors =
        file("factors", include_bytes!("../../connectors/fuzz/corpus/parquet_factors/factors.parquet"));
    let mut source = ParquetSource::open(&prices, Some(&factors), Settings::default()).unwrap();
    let names = source.factor_names().to_vec();
    let (mut frames, mut frame) = (Vec::new(), Frame::default());
    while source.next_frame(&mut frame).unwrap() {
        frame.checkpoint = (frame.seq == AT).then(|| Part::from(b"source".to_vec()));
        frames.push(frame.clone());
    }
    (names, frames)
}

/// Runs a graph on this thread; returns its digest.
fn run(graph: Graph) -> Result<[u8; 32], PipelineError> {
    let options = RunOptions { placement: Placement::Inline, ..RunOptions::default() };
    graph.run(&options).map(|report| report.facts.digest)
}

/// Edits one piece of a state: sets a byte, a number, or the length.
fn edit(state: &mut Sealed, edit: &[u8]) {
    let [piece, kind, low, high, value @ ..] = edit else { return };
    let mut pieces = state.contents();
    let count = pieces.len();
    if count == 0 {
        return;
    }
    let bytes = &mut *pieces[usize::from(*piece) % count];
    let at = usize::from(u16::from_le_bytes([*low, *high])) % (bytes.len() + 1);
    let floats = [f64::NAN, f64::INFINITY, -1.0, 1e308, 0.0, -1e-300, 5e-324, f64::NEG_INFINITY];
    match kind % 7 {
        0 if at < bytes.len() => bytes[at] = value[0],
        1 if at < bytes.len() => bytes[at] ^= 1 << (value[0] & 7),
        2 => {
            // A varint: lengths, counts and numbers of instruments.
            let varint = [value[0] | 128, value[1] | 128, value[2] | 128, value[3] & 127];
            let until = (at + 1 + usize::from(value[3] >> 7)).min(bytes.len());
            bytes.splice(at..until, varint);
        }
        3 => drop(bytes.drain(at..(at + 1 + usize::from(value[0] & 15)).min(bytes.len()))),
        4 => {
            let float = floats[usize::from(value[0]) % floats.len()].to_le_bytes();
            let until = (at + 8).min(bytes.len());
            bytes.splice(at..until, float);
        }
        5 => bytes.insert(at, value[0]),
        _ => bytes.truncate(at),
    }
}

#[test]
fn checkpoints() {
    let (names, frames) = market();
    let kept = Arc::default();
    let source = Box::new(MemorySource::new(names.clone(), frames.clone()));
    let recorder = Box::new(Keep(Arc::clone(&kept)));
    let whole = run(trading(source, strategy(), &settings(), vec![recorder]).unwrap()).unwrap();
    let checkpoint = kept.lock().unwrap().take().expect("a checkpoint").to_bytes().unwrap();
    let rest = frames[AT as usize + 1..].to_vec();
    Target::new("checkpoints").memory_mib(128).run(move |bytes| {
        let mut state = Sealed::of(&checkpoint).unwrap();
        bytes.chunks_exact(8).for_each(|bytes| edit(&mut state, bytes));
        let state = state.to_bytes();
        let Ok(from) = Checkpoint::from_bytes(&state) else { return };
        let source = Box::new(MemorySource::new(names.clone(), rest.clone()));
        let Ok(graph) = resuming(source, strategy(), &settings(), Vec::new(), &from) else { return };
        let digest = run(graph);
        assert!(state != checkpoint || digest.as_ref().ok() == Some(&whole), "{digest:?}");
    });
}
