//! Reader of `betas.parquet`: a few instruments at a limited number of frames, for a figure.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampNanosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::Fields;
use betaflow_engine::time::TimestampNs;
use parquet::arrow::ProjectionMask;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use super::checksum::open_table;
use super::column::{Record as _, RunNames};
use super::estimates::BetaRow;
use super::table::TableError;

/// Rows decoded at a time.
const ROWS_PER_BATCH: usize = 4_096;
const NOT_BETAS: &str = "its columns are not those of betas.parquet";
const TIMESTAMP: usize = 0;
const SEQ: usize = 1;
const SYMBOL: usize = 2;

/// Alpha and betas of some instruments through time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BetaPaths {
    /// Names of the coefficients: alpha, then the factors.
    pub coefficients: Vec<String>,
    /// Times of the frames that were read, in order.
    pub times: Vec<TimestampNs>,
    /// Distance between two of these frames, in frames.
    pub frames_between: u64,
    /// Instruments, in the order of the request.
    pub instruments: Vec<InstrumentPath>,
}

/// One instrument: a column for each coefficient, with a value for each of the times; NaN if it is missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InstrumentPath {
    /// Posterior means.
    pub mean: Vec<Vec<f64>>,
    /// Posterior standard deviations.
    pub sd: Vec<Vec<f64>>,
}

/// Largest size of the data of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Largest number of frames.
    pub frames_max: usize,
    /// Largest number of values of all coefficients and instruments together.
    pub values_max: usize,
}

/// Every m-th frame of a table, counted from its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sample {
    last: u64,
    every: u64,
}

impl Sample {
    /// Samples at most `frames_max` of the frames from `first` to `last`.
    fn of(first: u64, last: u64, frames_max: usize) -> Self {
        let frames = last.saturating_sub(first) + 1;
        Self { last, every: frames.div_ceil(frames_max.max(1) as u64) }
    }

    fn takes(self, seq: u64) -> bool {
        self.last.abs_diff(seq).is_multiple_of(self.every)
    }

    /// True if the sample has a frame from `first` to `last`.
    fn meets(self, (first, last): (u64, u64)) -> bool {
        let back = self.last.abs_diff(last).next_multiple_of(self.every);
        self.last.checked_sub(back).is_some_and(|latest| latest >= first)
    }
}

/// Reads the rows of `symbols` from the `betas.parquet` of a folder that records every frame. The frames are evenly
/// spaced, include the last one, and are at most as many as `room` allows.
///
/// Row groups without such a frame are not read, so the cost does not grow with the length of a long run.
///
/// # Errors
/// The table is missing, or is not a table of betas.
pub fn read_betas(folder: &Path, symbols: &[&str], room: Room) -> Result<BetaPaths, TableError> {
    let path = folder.join("betas.parquet");
    read(&path, symbols, room).map_err(|source| TableError::Read { path, source })
}

fn read(path: &Path, symbols: &[&str], room: Room) -> Result<BetaPaths, ParquetError> {
    let file = open_table(path)?;
    let (coefficients, columns) = layout(file.schema().fields())?;
    let mut paths = BetaPaths {
        coefficients,
        instruments: vec![InstrumentPath::default(); symbols.len()],
        ..Default::default()
    };
    for path in &mut paths.instruments {
        path.mean.resize(paths.coefficients.len(), Vec::new());
        path.sd.resize(paths.coefficients.len(), Vec::new());
    }
    let spans = spans(file.metadata())?;
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else { return Ok(paths) };
    let lines = symbols.len() * paths.coefficients.len();
    let sample = Sample::of(first.0, last.1, room.frames_max.min(room.values_max / lines.max(1)));
    paths.frames_between = sample.every;
    let groups = (0..spans.len()).filter(|group| sample.meets(spans[*group])).collect();

    let mask = ProjectionMask::roots(file.metadata().file_metadata().schema_descr(), columns);
    for batch in file.batches(mask, Some(groups), ROWS_PER_BATCH)? {
        take(&mut paths, (symbols, sample), &batch?)?;
    }
    pad(&mut paths);
    Ok(paths)
}

/// Names of the coefficients, and the columns to read.
fn layout(fields: &Fields) -> Result<(Vec<String>, Vec<usize>), ParquetError> {
    // alpha and k betas between the two fixed parts, and k+1 standard deviations at the end.
    let fixed = BetaRow::columns(&RunNames::default());
    let alpha = fixed.iter().position(|column| column.name == "alpha").unwrap_or_default();
    let after = fixed.len() - alpha - 2;
    let count = fields.len().saturating_sub(alpha + after) / 2;
    let deviations = alpha + count + after;
    let named = |at: usize, name: &str| fields.get(at).is_some_and(|field| field.name() == name);
    if count == 0
        || deviations + count != fields.len()
        || !named(alpha, "alpha")
        || !named(deviations, "alpha_sd")
    {
        return Err(ParquetError::General(NOT_BETAS.to_owned()));
    }
    let names = fields.iter().skip(alpha).take(count).map(|field| field.name().clone()).collect();
    let columns = [TIMESTAMP, SEQ, SYMBOL].into_iter().chain(alpha..alpha + count);
    Ok((names, columns.chain(deviations..deviations + count).collect()))
}

/// First and last frame of each row group.
fn spans(metadata: &ParquetMetaData) -> Result<Vec<(u64, u64)>, ParquetError> {
    let span = |group: &RowGroupMetaData| match group.column(SEQ).statistics() {
        Some(Statistics::Int64(seq)) => Some((*seq.min_opt()? as u64, *seq.max_opt()? as u64)),
        _ => None,
    };
    let missing = || ParquetError::General("its row groups have no statistics of `seq`".to_owned());
    metadata.row_groups().iter().map(|group| span(group).ok_or_else(missing)).collect()
}

/// Adds the rows of a batch that belong to the sample and to one of the symbols.
fn take(
    paths: &mut BetaPaths,
    (symbols, sample): (&[&str], Sample),
    batch: &RecordBatch,
) -> Result<(), ParquetError> {
    let wrong = || ParquetError::General(NOT_BETAS.to_owned());
    let times = batch.column(TIMESTAMP).as_primitive_opt::<TimestampNanosecondType>().ok_or_else(wrong)?;
    let frames = batch.column(SEQ).as_primitive_opt::<Int64Type>().ok_or_else(wrong)?;
    let names = batch.column(SYMBOL).as_string_opt::<i32>().ok_or_else(wrong)?;
    let numbers = batch.columns()[SYMBOL + 1..].iter();
    let numbers: Vec<_> = numbers
        .map(|column| column.as_primitive_opt::<Float64Type>().ok_or_else(wrong))
        .collect::<Result<_, _>>()?;
    let count = paths.coefficients.len();
    for row in 0..batch.num_rows() {
        let at = symbols.iter().position(|symbol| *symbol == names.value(row));
        let Some(at) = at.filter(|_| sample.takes(frames.value(row) as u64)) else { continue };
        let time = TimestampNs(times.value(row));
        if paths.times.last() != Some(&time) {
            pad(paths);
            paths.times.push(time);
        }
        let before = paths.times.len() - 1;
        let path = &mut paths.instruments[at];
        for (column, numbers) in path.mean.iter_mut().chain(&mut path.sd).zip(&numbers[..2 * count]) {
            column.resize(before, f64::NAN);
            column.push(if numbers.is_null(row) { f64::NAN } else { numbers.value(row) });
        }
    }
    Ok(())
}

/// Pads all columns to the length of the times.
fn pad(paths: &mut BetaPaths) {
    for path in &mut paths.instruments {
        for column in path.mean.iter_mut().chain(&mut path.sd) {
            column.resize(paths.times.len(), f64::NAN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sample_is_evenly_spaced_ends_with_the_last_frame_and_has_at_most_frames_max() {
        for (first, last, frames_max) in [(0, 0, 1), (0, 9, 3), (7, 5_000, 1_500), (3, 4, 1), (0, 99, 100)] {
            let sample = Sample::of(first, last, frames_max);
            let taken: Vec<u64> = (first..=last).filter(|seq| sample.takes(*seq)).collect();
            assert!(taken.len() <= frames_max && taken.len() * 2 > frames_max.min((last - first) as usize));
            assert_eq!(taken.last(), Some(&last));
            for span in [(first, first), (first, last), (last, last), (first, (first + last) / 2)] {
                let within = taken.iter().any(|seq| (span.0..=span.1).contains(seq));
                assert_eq!(sample.meets(span), within, "{first}..={last} by {frames_max}: {span:?}");
            }
        }
    }
}
