//! Several files of factors, joined by time into one table.
//!
//! A row of the joined table has a time that all files have. Rows before the latest first row and after the
//! earliest last row are left out and counted. A time inside this range that a file lacks is an error, or with
//! `factor_gap = "carry"` a frame without factors.

use betaflow_engine::assembly::FactorGap;
use betaflow_engine::time::TimestampNs;

use super::batches::{TABLE_BATCH_BYTES, batch_rows, before, unseal};
use super::columns::{numbers, times};
use super::input::Location;
use super::prepare::prepare;
use super::prepared::{JoinedPart, PreparedFile};
use super::schema::{Columns, FactorColumns};
use super::settings::{Input, Settings};
use crate::DataError;
use crate::import::{Column, ColumnKind, ColumnRole, Content, ImportError, Interpretation, NULL, Sorter};

/// Returns one table of factors that the reader of factors takes.
pub(super) fn prepared_factors(input: &Input, settings: &Settings) -> Result<Input, DataError> {
    let options = settings.import_options(Content::Factors);
    match input {
        Input::Several(files) if files.len() != 1 => {
            let read = files
                .iter()
                .map(|file| FactorTable::read(&prepare(file, &options)?.single("factors")?, settings));
            join(read.collect::<Result<Vec<_>, _>>()?, settings).map(Input::Prepared)
        }
        Input::Several(files) => prepare(&files[0], &options),
        one => prepare(one, &options),
    }
}

/// File of factors in memory, before the hold-out.
struct FactorTable {
    location: Location,
    time_name: String,
    names: Vec<String>,
    times: Vec<i64>,
    /// Numbers by column; NaN if missing.
    columns: Vec<Vec<f64>>,
}

impl FactorTable {
    fn read(location: &Location, settings: &Settings) -> Result<Self, DataError> {
        let file = location.name();
        let table = location.open(0)?;
        let columns = Columns { file: &file, schema: table.schema() };
        let time = columns.time(None)?;
        let FactorColumns { factors, rf } = columns.factors(time)?;
        let mut wanted: Vec<(usize, String)> = factors.into_iter().chain(rf).collect();
        wanted.sort_unstable();
        let mut projection: Vec<usize> = wanted.iter().map(|(column, _)| *column).chain([time]).collect();
        projection.sort_unstable();
        let at = |column: usize| projection.binary_search(&column).unwrap_or(0);
        let rows = batch_rows(projection.len(), TABLE_BATCH_BYTES);
        let mut groups = table.row_groups(Some(time), 0);
        let seal = settings.sealed_from.map(|seal| seal.0);
        unseal(&mut groups, seal);
        let mut batches = table.batches(&projection, Some(time), groups, rows)?;
        let mut table = Self {
            location: location.clone(),
            time_name: table.schema().field(time).name().clone(),
            names: wanted.iter().map(|(_, name)| name.clone()).collect(),
            times: Vec::new(),
            columns: vec![Vec::new(); wanted.len()],
        };
        let (mut read, mut values, mut latest) = (Vec::new(), Vec::new(), None::<i64>);
        while let Some(part) = batches.next()? {
            let array = part.batch.column(if part.is_whole { at(time) } else { 0 });
            let place = |row: usize| location.place(part.first_row + row as u64, table.time_name.clone());
            times(array, 0, &mut read).map_err(|fault| fault.error(array, place))?;
            batches.check_bounds(&part, &read)?;
            for (row, time) in read.iter().enumerate() {
                if let Some(previous) = latest.filter(|latest| latest >= time) {
                    let (found, previous) = (TimestampNs(*time), TimestampNs(previous));
                    return Err(DataError::FactorOrder { place: place(row), found, previous });
                }
                latest = Some(*time);
            }
            if !part.is_whole {
                batches.check_left_out(&part, &read, before(seal), i64::MIN)?;
                continue;
            }
            let rows = read.iter().take_while(|time| seal.is_none_or(|seal| **time < seal)).count();
            if rows < read.len() {
                // From the seal on, only the times are read.
                batches.times_only()?;
            }
            table.times.extend_from_slice(&read[..rows]);
            for ((column, _), out) in wanted.iter().zip(&mut table.columns) {
                numbers(part.batch.column(at(*column)), &mut values);
                out.extend_from_slice(&values[..rows]);
            }
        }
        Ok(table)
    }

    /// First and last time.
    fn range(&self, settings: &Settings) -> Result<(i64, i64), DataError> {
        let file = || self.location.name();
        match (self.times.first(), self.times.last(), settings.sealed_from) {
            (Some(first), Some(last), _) => Ok((*first, *last)),
            (.., Some(seal)) => Err(DataError::NothingBeforeSeal { file: file(), seal }),
            _ => Err(DataError::NoRows { file: file() }),
        }
    }
}

fn join(tables: Vec<FactorTable>, settings: &Settings) -> Result<PreparedFile, DataError> {
    let name = tables.iter().map(|table| table.location.name()).collect::<Vec<_>>().join(" + ");
    for (at, table) in tables.iter().enumerate() {
        for other in &tables[..at] {
            let same = |name: &&String| other.names.iter().any(|known| known.eq_ignore_ascii_case(name));
            if let Some(column) = table.names.iter().find(same).cloned() {
                let (first, second) = (other.location.name(), table.location.name());
                return Err(ImportError::SameFactor { column, first, second }.into());
            }
        }
    }
    let ranges = tables.iter().map(|table| table.range(settings)).collect::<Result<Vec<_>, _>>()?;
    let position = |times: Vec<i64>, best: fn(i64, i64) -> bool| {
        (0..times.len()).reduce(|a, b| if best(times[b], times[a]) { b } else { a }).unwrap_or(0)
    };
    let latest = position(ranges.iter().map(|range| range.0).collect(), |b, a| b > a);
    let earliest = position(ranges.iter().map(|range| range.1).collect(), |b, a| b < a);
    let (from, to) = (ranges[latest].0, ranges[earliest].1);
    if from > to {
        return Err(ImportError::FactorRanges {
            first: tables[earliest].location.name(),
            end: TimestampNs(to),
            second: tables[latest].location.name(),
            begin: TimestampNs(from),
        }
        .into());
    }
    let mut columns = vec![Column { name: tables[0].time_name.clone(), kind: ColumnKind::Time }];
    let names = tables.iter().flat_map(|table| &table.names);
    columns.extend(names.map(|name| Column { name: name.clone(), kind: ColumnKind::Number }));
    let roles = columns.iter().map(|column| {
        let is_time = column.kind == ColumnKind::Time;
        (column.name.clone(), if is_time { ColumnRole::Time } else { ColumnRole::Number })
    });
    let roles: Vec<(String, ColumnRole)> = roles.collect();
    let mut sorter = Sorter::new(&name, columns);
    let mut rows: Vec<Vec<u64>> = vec![Vec::new(); tables.len()];
    let mut at: Vec<usize> =
        tables.iter().map(|table| table.times.partition_point(|time| *time < from)).collect();
    let ends: Vec<usize> =
        tables.iter().map(|table| table.times.partition_point(|time| *time <= to)).collect();
    let mut left_out: u64 = tables
        .iter()
        .zip(at.iter().zip(&ends))
        .map(|(table, (at, end))| (table.times.len() - (end - at)) as u64)
        .sum();
    let mut row = Vec::new();
    loop {
        let heads = || {
            tables.iter().zip(&at).zip(&ends).map(|((table, at), end)| (at < end).then(|| table.times[*at]))
        };
        let Some(time) = heads().flatten().min() else { break };
        let lacking = heads().position(|head| head != Some(time));
        if let Some(lacking) = lacking {
            let having = heads().position(|head| head == Some(time)).unwrap_or(0);
            if settings.factor_gap == FactorGap::Error {
                let table = &tables[having];
                let place = table.location.place(at[having] as u64, table.time_name.clone());
                return Err(ImportError::FactorRow {
                    file: tables[lacking].location.name(),
                    other: place.file.clone(),
                    row: place.line.unwrap_or(place.row),
                    time: TimestampNs(time),
                }
                .into());
            }
        } else {
            row.clear();
            row.extend([0, time.cast_unsigned()]);
            for (table, at) in tables.iter().zip(&at) {
                let cells = table.columns.iter().map(|column| column[*at]);
                row.extend(cells.map(|value| if value.is_nan() { NULL } else { value.to_bits() }));
            }
            sorter.push(&row, TimestampNs(time).is_midnight())?;
            rows.iter_mut().zip(&at).for_each(|(rows, at)| rows.push(*at as u64));
        }
        let has_row: Vec<bool> = heads().map(|head| head == Some(time)).collect();
        for (at, has) in at.iter_mut().zip(has_row) {
            *at += usize::from(has);
            left_out += u64::from(has && lacking.is_some());
        }
    }
    let table = sorter.finish(None)?;
    let lines = tables.iter().filter_map(|table| table.location.interpretation());
    let formats: Vec<String> = lines.map(|one| one.format.clone()).collect();
    let interpretation = Interpretation {
        file: name.clone(),
        format: match formats.is_empty() {
            true => format!("{} files joined by time", tables.len()),
            false => format!("{} files joined by time ({})", tables.len(), formats.join(", ")),
        },
        is_percent: tables.iter().any(
            |table| matches!(&table.location, Location::Prepared(file) if file.interpretation().is_percent),
        ),
        columns: roles,
        rows: table.rows,
        range: table.times.map(|(first, last)| (TimestampNs(first), TimestampNs(last))),
        left_out,
        ..Interpretation::default()
    };
    let parts = tables.into_iter().zip(rows).map(|(table, rows)| JoinedPart {
        location: table.location,
        columns: table.names,
        rows,
    });
    Ok(PreparedFile::joined(name, table, interpretation, parts.collect()))
}
