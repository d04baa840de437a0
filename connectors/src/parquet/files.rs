//! Files of an input, and their time ranges.

use std::path::{Path, PathBuf};

use betaflow_engine::assembly::Assembler;
use betaflow_engine::frame::Field;
use betaflow_engine::time::TimestampNs;

use super::batches::{BATCH_ROWS, RowGroup, Rows, unseal};
use super::columns::times;
use super::data_size::DataSize;
use super::input::{Location, io_error};
use super::levels::layout;
use super::memory::MemoryRows;
use super::open_table::OpenTable;
use super::prepare::{prepared_text, section_of};
use super::schema::{Columns, Key, Layout};
use super::settings::{BadRow, Input, Settings};
use super::time_order::sorted_by_time;
use crate::DataError;
use crate::import::{Content, ImportOptions, Interpretation};

/// Closed price file.
#[derive(Debug)]
pub(super) struct PriceFile {
    pub(super) location: Location,
    /// Keys and values of the folders' names, as in `symbol=AAPL`.
    pub(super) partitions: Vec<(String, String)>,
    /// Position among the files of the input; those of a folder are in the order of their names.
    pub(super) order: usize,
    /// First and last time of the rows that may be wanted.
    pub(super) first: i64,
    pub(super) last: i64,
    /// Number of rows in row groups skipped as a whole.
    pub(super) passed_over: u64,
    /// Size of the wanted rows, if the footer has the times.
    pub(super) size: Option<DataSize>,
    /// Fields read from the file besides the close.
    pub(super) fields: Vec<Field>,
    /// Section of a file with stacked sections.
    pub(super) section: Option<String>,
}

/// Open price file, with its recognised columns and selected row groups.
pub(super) struct Opened {
    pub(super) table: OpenTable,
    pub(super) layout: Layout,
    pub(super) groups: Vec<RowGroup>,
    pub(super) rows: u64,
}

/// Returns the bounds of the wanted times, both included.
pub(super) fn range(settings: &Settings) -> (i64, i64) {
    let to = settings.to.map_or(i64::MAX, |to| to.0);
    let open = settings.sealed_from.map_or(i64::MAX, |seal| seal.0.saturating_sub(1));
    (settings.from.map_or(i64::MIN, |from| from.0), to.min(open))
}

/// Lists all files of an input, sorted by name.
pub(super) fn list(input: &Input) -> Result<Vec<PriceFile>, DataError> {
    let file = |location, partitions| PriceFile {
        location,
        partitions,
        order: 0,
        first: i64::MIN,
        last: i64::MAX,
        passed_over: 0,
        size: None,
        fields: Vec::new(),
        section: None,
    };
    let root = match input {
        Input::Bytes { name, bytes } => {
            let location = Location::Bytes { name: name.clone(), bytes: bytes.clone() };
            return Ok(vec![file(location, Vec::new())]);
        }
        Input::Memory(table) => {
            return Ok(vec![file(Location::Memory(MemoryRows::new(table)), Vec::new())]);
        }
        Input::Prepared(prepared) => return Ok(vec![file(Location::Prepared(prepared.clone()), Vec::new())]),
        Input::Several(inputs) => {
            let files = inputs.iter().map(list).collect::<Result<Vec<_>, _>>()?;
            let files = files.into_iter().flatten().enumerate();
            return Ok(files.map(|(order, file)| PriceFile { order, ..file }).collect());
        }
        Input::Path(path) => path,
    };
    let (root, section) = section_of(root);
    let root = root.as_path();
    if !std::fs::metadata(root).map_err(|error| io_error(root, error, 0))?.is_dir() {
        return Ok(vec![PriceFile { section, ..file(Location::File(root.to_owned()), Vec::new()) }]);
    }
    let paths = data_files(root)?;
    if paths.is_empty() {
        return Err(DataError::NoFiles { folder: root.display().to_string() });
    }
    let files = paths.into_iter().enumerate().map(|(order, path)| {
        let partitions = partitions(path.strip_prefix(root).unwrap_or(&path));
        PriceFile { order, ..file(Location::File(path), partitions) }
    });
    Ok(files.collect())
}

/// Extensions of Parquet files and of text tables.
pub(super) const PARQUET: [&str; 2] = ["parquet", "parq"];
pub(super) const TEXTS: [&str; 4] = ["csv", "tsv", "csv.gz", "tsv.gz"];

/// Returns whether the name of a file ends with one of the extensions, in any case.
pub(super) fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    extensions.iter().any(|extension| name.strip_suffix(extension).is_some_and(|stem| stem.ends_with('.')))
}

/// Lists the files that an input of this path would have, sorted by name; none in an empty folder.
fn data_files(root: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut paths = all_files(root)?;
    // Text files beside Parquet files are notes or exports, not data.
    if paths.iter().any(|path| has_extension(path, &PARQUET)) {
        paths.retain(|path| has_extension(path, &PARQUET));
    }
    Ok(paths)
}

/// Lists the Parquet files and text tables of a path, sorted by name; none in an empty folder.
pub(crate) fn all_files(root: &Path) -> Result<Vec<PathBuf>, DataError> {
    if !std::fs::metadata(root).map_err(|error| io_error(root, error, 0))?.is_dir() {
        return Ok(vec![root.to_owned()]);
    }
    let mut paths = Vec::new();
    collect(root, &mut paths)?;
    paths.sort();
    Ok(paths)
}

/// Collects the Parquet files and text tables below a folder. Skips names that start with `.` or `_`: metadata of the program
/// that wrote the data.
fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), DataError> {
    for entry in std::fs::read_dir(folder).map_err(|error| io_error(folder, error, 0))? {
        let path = entry.map_err(|error| io_error(folder, error, 0))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with(['.', '_']) {
            continue;
        }
        if path.is_dir() {
            collect(&path, paths)?;
        } else if has_extension(&path, &PARQUET) || has_extension(&path, &TEXTS) {
            paths.push(path);
        }
    }
    Ok(())
}

/// Returns the keys and values of hive partitions in the folders of a path.
fn partitions(path: &Path) -> Vec<(String, String)> {
    let folders = path.parent().into_iter().flat_map(Path::iter);
    let named = folders.filter_map(|folder| {
        let (key, value) = folder.to_str()?.split_once('=')?;
        Some((key.to_owned(), percent_decoded(value)))
    });
    named.collect()
}

fn percent_decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&byte, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = code.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        (bytes, rest) = match code.filter(|_| byte == b'%') {
            Some(code) => ([bytes, vec![code]].concat(), &tail[2..]),
            None => ([bytes, vec![byte]].concat(), tail),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl PriceFile {
    /// Opens the file, reads its footer and recognises its columns.
    pub(super) fn open(
        &self,
        settings: &Settings,
        assembler: &Assembler,
        open: usize,
    ) -> Result<Opened, DataError> {
        let table = self.location.open(open)?;
        self.recognise(table, settings, assembler)
    }

    fn recognise(
        &self,
        table: OpenTable,
        settings: &Settings,
        assembler: &Assembler,
    ) -> Result<Opened, DataError> {
        let name = self.location.name();
        let columns = Columns { file: &name, schema: table.schema() };
        let layout = layout(&columns, &self.partitions, settings, assembler)?;
        let mut groups = groups_of(&table, layout.time(), settings.shift_ns());
        let rows = groups.iter().map(RowGroup::rows).sum();
        unseal(&mut groups, settings.sealed_from.map(|seal| seal.0));
        let (from, to) = range(settings);
        groups.iter_mut().for_each(|group| group.is_wanted = group.overlaps(from, to));
        Ok(Opened { table, layout, groups, rows })
    }

    /// Replaces a text table, or a Parquet file or table in the order of its symbols, by a table in time order.
    pub(super) fn prepare(&mut self, settings: &Settings) -> Result<(), DataError> {
        if self.is_prepared() {
            return Ok(());
        }
        let names = settings.symbol.as_deref().map_or_else(|| vec!["symbol", "ticker"], |name| vec![name]);
        let has_symbol = |key: &String| names.iter().any(|name| key.eq_ignore_ascii_case(name));
        let options = ImportOptions {
            section: self.section.clone(),
            symbol_in_path: self.partitions.iter().any(|(key, _)| has_symbol(key)),
            ..settings.import_options(Content::Prices)
        };
        let prepared = match prepared_text(&self.location, &options)? {
            Some(prepared) => Some(Location::Prepared(prepared)),
            None => sorted_by_time(&self.location, &options)?,
        };
        if let Some(prepared) = prepared {
            self.location = prepared;
        }
        Ok(())
    }

    /// Returns whether the file was replaced by a table in time order.
    pub(super) fn is_prepared(&self) -> bool {
        self.interpretation().is_some()
    }

    /// Returns how a file that was replaced was understood.
    pub(super) fn interpretation(&self) -> Option<&Interpretation> {
        self.location.interpretation()
    }

    /// Determines range and fields of the file; returns its number of rows and the range of all its times.
    pub(super) fn survey(
        &mut self,
        settings: &Settings,
        assembler: &Assembler,
    ) -> Result<(u64, Option<(i64, i64)>), DataError> {
        let table = self.location.open(0)?;
        if let Some(rows) = self.sealed_rows(&table, settings) {
            (self.first, self.last, self.passed_over) = (i64::MAX, i64::MIN, rows);
            return Ok((rows, None));
        }
        let opened = self.recognise(table, settings, assembler)?;
        let known = opened.groups.iter().filter_map(|group| group.times);
        let all = known.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let (from, to) = range(settings);
        let wanted = || opened.groups.iter().filter(|group| group.is_wanted);
        self.passed_over = opened.rows - wanted().map(RowGroup::rows).sum::<u64>();
        self.last =
            wanted().map(|group| group.times.map_or(i64::MAX, |times| times.1)).max().unwrap_or(i64::MIN);
        self.first = match wanted().next() {
            None => i64::MAX,
            Some(RowGroup { times: Some((first, _)), .. }) => *first,
            Some(group) => self.first_row(settings, &opened, *group)?,
        };
        self.first = self.first.max(from);
        if settings.sealed_from.is_some() {
            // Neither times after the seal nor the fields of a sealed file may be used.
            self.last = self.last.min(to);
        }
        self.size = DataSize::of(&opened, settings);
        if settings.sealed_from.is_none() || self.is_wanted() {
            self.fields = opened.layout.fields();
        }
        Ok((opened.rows, all))
    }

    /// Returns the number of rows if no row precedes the seal; the columns of such a file are not checked.
    fn sealed_rows(&self, table: &OpenTable, settings: &Settings) -> Option<u64> {
        let seal = settings.sealed_from?;
        let name = self.location.name();
        let columns = Columns { file: &name, schema: table.schema() };
        // `open` reports errors of the time column.
        let time = columns.time_or_partition(&self.partitions, settings.time.as_deref()).ok()?;
        let mut groups = groups_of(table, &time, settings.shift_ns());
        let rows: u64 = groups.iter().map(RowGroup::rows).sum();
        unseal(&mut groups, Some(seal.0));
        (rows > 0 && groups.iter().all(|group| !group.is_wanted)).then_some(rows)
    }

    /// Returns the time of the first row, for a file without statistics.
    fn first_row(&self, settings: &Settings, opened: &Opened, group: RowGroup) -> Result<i64, DataError> {
        let Key::Column(time) = opened.layout.time() else { return Ok(i64::MIN) };
        let mut batches = opened.table.batches(&[*time], None, vec![group], 1)?;
        let mut first = Vec::new();
        if let Some(Rows { batch, .. }) = batches.next()?
            && times(batch.column(0), settings.shift_ns(), &mut first).is_ok()
        {
            return Ok(first.first().copied().unwrap_or(i64::MIN));
        }
        // The cursor finds this fault again and reports it.
        Ok(i64::MIN)
    }

    /// Checks the order of the times of a file without a wanted row, and its statistics.
    pub(super) fn check_times(&self, settings: &Settings) -> Result<(), DataError> {
        let table = self.location.open(0)?;
        let name = self.location.name();
        let columns = Columns { file: &name, schema: table.schema() };
        let Key::Column(time) = columns.time_or_partition(&self.partitions, settings.time.as_deref())? else {
            return Ok(());
        };
        let groups = table.row_groups(Some(time), settings.shift_ns());
        let mut batches = table.batches(&[time], None, groups, BATCH_ROWS)?;
        let place = |row| self.location.place(row, table.schema().field(time).name().clone());
        let (mut read, mut previous) = (Vec::new(), i64::MIN);
        while let Some(rows) = batches.next()? {
            let located = |row: usize| place(rows.first_row + row as u64);
            times(rows.batch.column(0), settings.shift_ns(), &mut read)
                .map_err(|fault| fault.error(rows.batch.column(0), located))?;
            batches.check_bounds(&rows, &read)?;
            for (row, found) in read.iter().enumerate() {
                if *found < previous && settings.on_bad_row == BadRow::Error {
                    let (found, previous) = (TimestampNs(*found), TimestampNs(previous));
                    return Err(DataError::Unsorted { place: located(row), found, previous });
                }
                previous = previous.max(*found);
            }
        }
        Ok(())
    }

    /// Returns whether a row may be inside the wanted range.
    pub(super) fn is_wanted(&self) -> bool {
        self.first <= self.last
    }
}

/// Returns the row groups of a file with their known times.
fn groups_of(table: &OpenTable, time: &Key<i64>, shift: i64) -> Vec<RowGroup> {
    match time {
        Key::Column(column) => table.row_groups(Some(*column), shift),
        Key::Constant(time) => {
            let time = time.saturating_add(shift);
            let mut groups = table.row_groups(None, shift);
            groups.iter_mut().for_each(|group| group.times = Some((time, time)));
            groups
        }
    }
}
