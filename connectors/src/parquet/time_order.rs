//! Parquet files and tables in the order of their symbols, sorted by time.
//!
//! The order is recognised from the time statistics of the row groups and the times of the first one. Only a file
//! whose symbols follow one another, each in time order, is sorted; of a table in memory only the order is kept. Any other row out of order is probably an
//! error of the data, which the cursor reports.

use std::collections::BTreeSet;

use arrow_array::types::Int32Type;
use arrow_array::{Array, cast::AsArray};
use betaflow_engine::time::TimestampNs;

use super::batches::{BATCH_ROWS, RowGroup};
use super::columns::{is_text, times};
use super::input::Location;
use super::memory::SortedRows;
use super::open_table::OpenTable;
use super::prepare::once;
use super::prepared::PreparedFile;
use super::schema::Columns;
use super::table_rows::TableRows;
use crate::DataError;
use crate::import::{Column, ImportOptions, Interpretation, Sorter};

/// Batches of the first row group whose times are read to recognise the order: a million rows.
const BATCHES_MAX: usize = (1 << 20) / BATCH_ROWS + 1;

/// Returns a table in time order of a Parquet file or table in the order of its symbols; `None` for any other.
pub(super) fn sorted_by_time(
    location: &Location,
    options: &ImportOptions,
) -> Result<Option<Location>, DataError> {
    // All faults of such a file are reported when it is opened for reading.
    let Ok(table) = location.open(0) else { return Ok(None) };
    let name = location.name();
    let columns = Columns { file: &name, schema: table.schema() };
    let Ok(time) = columns.time(options.time.as_deref()) else { return Ok(None) };
    let Ok(Some(symbol)) = columns.symbol_column(options.symbol.as_deref()) else { return Ok(None) };
    if !is_text(table.schema().field(symbol).data_type()) {
        return Ok(None);
    }
    let groups = table.row_groups(Some(time), 0);
    let rows = TableRows { location, table: &table, time, symbol: Some(symbol) };
    let steps_back = match &table {
        OpenTable::File(_) => overlaps(&groups) || rows.has_step_back(&groups)?,
        OpenTable::Memory(table) => table.may_step_back(time),
    };
    if !steps_back || !rows.is_by_symbol(&groups)? {
        return Ok(None);
    }
    match &table {
        OpenTable::File(_) => once(location, options, || rows.sorted(groups, options))
            .map(|file| Some(Location::Prepared(file))),
        OpenTable::Memory(table) => {
            let seal = options.sealed_from.map(|seal| seal.0);
            let describe = |facts: &SortedRows| rows.interpretation("table", facts);
            let sorted = table.sorted_by_time(time, symbol, seal, describe)?;
            Ok(sorted.map(Location::Memory))
        }
    }
}

/// Returns whether a row group begins before the end of the one before it.
fn overlaps(groups: &[RowGroup]) -> bool {
    let times = groups.windows(2).map(|pair| (pair[0].times, pair[1].times));
    times.into_iter().any(|pair| matches!(pair, (Some((_, last)), Some((first, _))) if first < last))
}

impl TableRows<'_> {
    /// Returns whether a time of the first row group precedes the one before it.
    fn has_step_back(&self, groups: &[RowGroup]) -> Result<bool, DataError> {
        let first = groups.iter().take(1).copied().collect();
        let Ok(mut batches) = self.batches(&[self.time], first, BATCH_ROWS) else { return Ok(false) };
        let (mut read, mut latest) = (Vec::new(), i64::MIN);
        for _ in 0..BATCHES_MAX {
            let Ok(Some(part)) = batches.next() else { break };
            if times(part.batch.column(0), 0, &mut read).is_err() {
                return Ok(false);
            }
            for time in &read {
                if *time < latest {
                    return Ok(true);
                }
                latest = *time;
            }
        }
        Ok(false)
    }

    /// Returns whether the rows up to the second symbol, at least, are those of one symbol after another, and the
    /// times of a symbol increase.
    fn is_by_symbol(&self, groups: &[RowGroup]) -> Result<bool, DataError> {
        let Some(symbol) = self.symbol else { return Ok(false) };
        let mut projection = [self.time, symbol];
        projection.sort_unstable();
        let at = usize::from(symbol < self.time);
        let mut batches = self.batches(&projection, groups.to_vec(), BATCH_ROWS)?;
        let (mut read, mut ended) = (Vec::new(), BTreeSet::new());
        let (mut symbol, mut latest, mut run) = (None::<String>, i64::MIN, 0_u64);
        while let Ok(Some(part)) = batches.next() {
            let symbols = part.batch.column(1 - at).as_dictionary::<Int32Type>();
            if times(part.batch.column(at), 0, &mut read).is_err() || symbols.null_count() > 0 {
                return Ok(false);
            }
            let names = symbols.values().as_string::<i32>();
            for (row, time) in read.iter().enumerate() {
                let name = symbols.key(row).map_or("", |key| names.value(key));
                if symbol.as_deref() == Some(name) {
                    if *time <= latest {
                        return Ok(false);
                    }
                    run += 1;
                } else {
                    if !ended.insert(name.to_owned()) {
                        return Ok(false);
                    }
                    // Symbols with several rows each, and a step back where the symbol changes.
                    if symbol.is_some() && *time < latest && run > 1 {
                        return Ok(true);
                    }
                    (symbol, run) = (Some(name.to_owned()), 1);
                }
                latest = *time;
            }
        }
        Ok(false)
    }

    fn sorted(&self, groups: Vec<RowGroup>, options: &ImportOptions) -> Result<PreparedFile, DataError> {
        let name = self.location.name();
        let columns: Vec<Column> = self.columns().into_iter().map(|(_, column)| column).collect();
        let into: Vec<usize> = (0..columns.len()).collect();
        let mut sorter = Sorter::new(&name, columns.clone());
        let seal = options.sealed_from.map_or(i64::MAX, |seal| seal.0);
        self.push_rows(groups, seal, &columns, &into, &mut sorter)?;
        let symbols = sorter.texts.count() as u64;
        let table = sorter.finish(None)?;
        let facts = SortedRows { rows: table.rows, symbols, times: table.times, unsorted: table.unsorted };
        let interpretation = self.interpretation("Parquet", &facts);
        Ok(PreparedFile::new(name, table, false, interpretation))
    }

    /// Returns the note about rows that were sorted.
    fn interpretation(&self, format: &str, facts: &SortedRows) -> Interpretation {
        let time = self.table.schema().field(self.time);
        Interpretation {
            file: self.location.name(),
            format: format!("{format} in the order of its symbols"),
            time: Some((time.name().clone(), time.data_type().to_string())),
            columns: self.roles(),
            rows: facts.rows,
            symbols: Some(facts.symbols),
            range: facts.times.map(|(first, last)| (TimestampNs(first), TimestampNs(last))),
            unsorted: facts.unsorted,
            ..Interpretation::default()
        }
    }
}
