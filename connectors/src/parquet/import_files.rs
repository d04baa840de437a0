//! Files of any format as one Parquet file in time order.

use std::fs::{self, File};
use std::path::Path;

use betaflow_engine::time::TimestampNs;

use super::files::list;
use super::input::Location;
use super::prepare::prepared_text;
use super::schema::Columns;
use super::settings::Input;
use super::table_rows::TableRows;
use crate::import::{Column, ColumnKind, ColumnRole, ImportOptions, Interpretation, Sorter, Target};
use crate::{DataError, links};

/// Result of an import.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportReport {
    /// How each file was understood.
    pub files: Vec<Interpretation>,
    /// Columns of the table.
    pub columns: Vec<(String, ColumnRole)>,
    /// Number of rows.
    pub rows: u64,
    /// Number of distinct symbols; `None` without a column of symbols.
    pub symbols: Option<u64>,
    /// First and last time.
    pub range: Option<(TimestampNs, TimestampNs)>,
    /// Rows with the time and the symbol of an earlier row, which no run accepts.
    pub repeated: u64,
    /// Rows without a symbol, in a table with symbols, which no run accepts.
    pub unnamed: u64,
}

/// Reads files of any format, sorts their rows by time and writes them to one Parquet file, which appears or is
/// replaced when it is complete. Without `out` it only reports how the files were understood.
///
/// # Errors
/// A file is invalid, the files do not fit together, or the output cannot be written.
pub fn import_files(
    inputs: &[Input],
    options: &ImportOptions,
    out: Option<&Path>,
) -> Result<ImportReport, DataError> {
    let (mut files, mut locations) = (Vec::new(), Vec::new());
    for file in inputs.iter().map(list).collect::<Result<Vec<_>, _>>()?.into_iter().flatten() {
        let options =
            ImportOptions { section: file.section.clone().or(options.section.clone()), ..options.clone() };
        match prepared_text(&file.location, &options)? {
            Some(prepared) => {
                files.push(prepared.interpretation().clone());
                locations.push(Location::Prepared(prepared));
            }
            None => locations.push(file.location),
        }
    }
    let name = match locations.as_slice() {
        [one] => one.name(),
        several => format!("{} files", several.len()),
    };
    let mut columns: Vec<Column> = Vec::new();
    for location in &locations {
        with_table(location, options, |table, _| merge_columns(&mut columns, table, location))?;
    }
    let symbol = columns.iter().any(|column| column.kind == ColumnKind::Text);
    let mut sorter = Sorter::new(&name, columns.clone());
    sorter.counts_refused = true;
    for location in &locations {
        with_table(location, options, |table, interpretation| {
            let own = table.columns();
            let into = own.iter().map(|(_, own)| columns.iter().position(|column| is_same(column, own)));
            let into: Vec<usize> = into.map(Option::unwrap_or_default).collect();
            let groups = table.table.row_groups(Some(table.time), 0);
            files.extend(interpretation);
            table.push_rows(groups, i64::MAX, &columns, &into, &mut sorter)
        })?;
    }
    let symbols = symbol.then(|| sorter.texts.count() as u64);
    let table = match out {
        Some(path) => {
            // Written aside in the same folder and renamed.
            let failed = |error| DataError::Io { path: path.display().to_string(), source: error };
            let path = links::follow(path).map_err(failed)?;
            let file_name =
                path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let partial = path.with_file_name(format!(".{file_name}.partial"));
            let file = File::create(&partial).map_err(failed)?;
            let written = sorter.finish(Some(Target::Kept(file)));
            let written = written.and_then(|table| {
                fs::rename(&partial, &path).map_err(failed)?;
                Ok(table)
            });
            if written.is_err() {
                let _ = fs::remove_file(&partial);
            }
            written?
        }
        None => sorter.finish(None)?,
    };
    if let [one] = files.as_mut_slice()
        && one.rows == 0
    {
        (one.rows, one.unsorted) = (table.rows, table.unsorted);
        one.range = table.times.map(|(first, last)| (TimestampNs(first), TimestampNs(last)));
    }
    let roles = columns.into_iter().map(|column| {
        let role = match column.kind {
            ColumnKind::Time => ColumnRole::Time,
            ColumnKind::Text => ColumnRole::Text,
            ColumnKind::Number => ColumnRole::Number,
        };
        (column.name, role)
    });
    Ok(ImportReport {
        files,
        columns: roles.collect(),
        rows: table.rows,
        symbols,
        range: table.times.map(|(first, last)| (TimestampNs(first), TimestampNs(last))),
        repeated: table.refused.repeated,
        unnamed: table.refused.unnamed,
    })
}

/// Opens a Parquet file, or the table of a text file. Also passes the facts of a Parquet file.
fn with_table(
    location: &Location,
    options: &ImportOptions,
    run: impl FnOnce(&TableRows<'_>, Option<Interpretation>) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let table = location.open(0)?;
    let file = location.name();
    let columns = Columns { file: &file, schema: table.schema() };
    let is_text = matches!(location, Location::Prepared(_));
    let time = columns.time(options.time.as_deref())?;
    // The table of a text file keeps the name of its symbols; a column that was made of the file's name is `symbol`.
    let has = |name: &&str| table.schema().column_with_name(name).is_some();
    let symbol = columns.symbol_if_any(options.symbol.as_deref().filter(|name| !is_text || has(name)))?;
    let field = table.schema().field(time);
    let rows = TableRows { location, table: &table, time, symbol };
    let interpretation = (!is_text).then(|| Interpretation {
        file: file.clone(),
        format: if matches!(location, Location::Memory(_)) { "table" } else { "Parquet" }.to_owned(),
        time: Some((field.name().clone(), field.data_type().to_string())),
        columns: rows.roles(),
        ..Interpretation::default()
    });
    run(&rows, interpretation)
}

fn is_same(a: &Column, b: &Column) -> bool {
    a.kind == b.kind && (a.kind != ColumnKind::Number || a.name == b.name)
}

/// Adds the columns of a file to those of the files before.
fn merge_columns(
    columns: &mut Vec<Column>,
    table: &TableRows<'_>,
    location: &Location,
) -> Result<(), DataError> {
    let own = table.columns();
    let has = |kind: ColumnKind, columns: &[Column]| columns.iter().any(|column| column.kind == kind);
    let own_columns: Vec<Column> = own.into_iter().map(|(_, column)| column).collect();
    let is_first = columns.is_empty();
    let differs = has(ColumnKind::Text, columns) != has(ColumnKind::Text, &own_columns);
    let is_wide = !has(ColumnKind::Text, &own_columns);
    let others = || own_columns.iter().any(|own| !columns.iter().any(|column| is_same(column, own)));
    if !is_first && (differs || is_wide && others()) {
        return Err(DataError::Settings(format!(
            "{}: found other columns than in the files before, and no column of symbols in each file, expected files of one \
             form; import the files one by one (several files of factors: --factors for each)",
            location.name()
        )));
    }
    for own in own_columns {
        if !columns.iter().any(|column| is_same(column, &own)) {
            columns.push(own);
        }
    }
    Ok(())
}
