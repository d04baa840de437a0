//! Warnings about the data, given at the end of a source.

use betaflow_engine::assembly::Assembler;
use betaflow_engine::time::TimestampNs;
use betaflow_engine::warning::{UniverseRule, Warning};

use crate::did_you_mean::nearest;

/// Counts of rows and timestamps that did not become a frame.
pub(crate) struct LeftOut {
    /// Timestamps without any price of the universe.
    pub(crate) empty: u64,
    /// Bad rows.
    pub(crate) skipped: u64,
    /// Frames without factors.
    pub(crate) without_factors: u64,
    /// Whether frames after the last factor row are dropped too, not only those before the first.
    pub(crate) after_last: bool,
}

/// Returns the warnings about the universe, the symbol changes, the factor instruments and dropped data. `first`: time
/// of the first frame.
pub(crate) fn data_warnings(
    assembler: &Assembler,
    first: Option<TimestampNs>,
    left_out: &LeftOut,
) -> Vec<Warning> {
    let unseen = assembler.unseen().into_iter().map(|unseen| Warning::InstrumentNotInData {
        nearest: nearest(&unseen.symbol, assembler.symbols()),
        rule: unseen.rule,
        symbol: unseen.symbol,
    });
    let renamed = assembler.unseen_renames(first).into_iter().map(|symbol| Warning::InstrumentNotInData {
        nearest: nearest(&symbol, assembler.symbols().filter(|other| **other != symbol)),
        rule: UniverseRule::Renames,
        symbol,
    });
    let withheld = assembler
        .withheld()
        .map(|(from, instrument)| Warning::FactorInstrumentEnded { instrument: instrument.to_owned(), from });
    let LeftOut { empty, skipped, without_factors, after_last } = *left_out;
    let counts = [
        (empty, Warning::EmptyTimestamps { count: empty }),
        (skipped, Warning::RowsSkipped { count: skipped }),
        (without_factors, Warning::FramesWithoutFactors { count: without_factors, after_last }),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0).map(|(_, warning)| warning);
    unseen.chain(renamed).chain(withheld).chain(counts).collect()
}
