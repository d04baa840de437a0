//! Merge of files into one stream in time order.

use std::collections::{BTreeSet, VecDeque};

use betaflow_engine::assembly::Assembler;
use betaflow_engine::frame::Field;
use betaflow_engine::frame::Frame;

use super::cursor::{Cursor, ReadContext};
use super::data_size::DataSize;
use super::files::{PriceFile, list};
use super::settings::{Input, Settings};
use crate::import::Interpretation;
use crate::{DataError, Progress};

/// Maximum total of decoded bytes of all open files.
const OPEN_BYTES: usize = 32 << 20;

/// Open files at the current time, and files that start later.
pub(super) struct Merge {
    waiting: VecDeque<PriceFile>,
    /// Files without a row in the range; only their times are checked.
    outside: Vec<PriceFile>,
    open: Vec<Cursor>,
    /// Time of the next row of each open file; one vector, because each frame searches it.
    heads: Vec<i64>,
    bytes_each: usize,
    /// First and last time of all files, from the statistics that exist.
    pub(super) all_times: Option<(i64, i64)>,
    /// Size of the wanted rows, if the footers of all files have the times.
    pub(super) size: Option<DataSize>,
    /// Fields that any file has besides the close, in the order of `Field`.
    pub(super) fields: Vec<Field>,
    /// How each file that is not a Parquet file in time order was understood.
    pub(super) interpretations: Vec<Interpretation>,
}

impl Merge {
    /// Finds the files and reads their footers.
    pub(super) fn new(
        input: &Input,
        settings: &Settings,
        assembler: &Assembler,
        progress: &Progress,
    ) -> Result<Self, DataError> {
        let mut files = list(input)?;
        let (mut rows, mut all_times) = (0, None::<(i64, i64)>);
        let mut fields = BTreeSet::new();
        for file in &mut files {
            file.prepare(settings)?;
            let (count, times) = file.survey(settings, assembler)?;
            rows += count;
            fields.extend(file.fields.iter().copied());
            progress.add_total(count);
            progress.add_passed_over(file.passed_over);
            all_times = match (all_times, times) {
                (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
                (a, b) => a.or(b),
            };
        }
        if let Some(seal) =
            settings.sealed_from.filter(|_| rows == 0 && files.iter().any(PriceFile::is_prepared))
        {
            return Err(DataError::NothingBeforeSeal { file: name_of(input), seal });
        }
        if rows == 0 {
            return Err(DataError::NoRows { file: name_of(input) });
        }
        let interpretations = files.iter().filter_map(PriceFile::interpretation).cloned().collect();
        let (mut files, outside): (Vec<_>, Vec<_>) = files.into_iter().partition(PriceFile::is_wanted);
        files.sort_by_key(|file| (file.first, file.order));
        let fields = fields.into_iter().collect();
        let sizes: Option<Vec<DataSize>> = files.iter().map(|file| file.size).collect();
        let size = sizes.and_then(|sizes| sizes.into_iter().reduce(DataSize::and));
        let bytes_each = OPEN_BYTES / overlap(&files).max(1);
        let waiting = files.into();
        Ok(Self {
            waiting,
            outside,
            open: Vec::new(),
            heads: Vec::new(),
            bytes_each,
            all_times,
            size,
            fields,
            interpretations,
        })
    }

    /// Checks the times of the files without a wanted row, once.
    pub(super) fn check_outside(&mut self, settings: &Settings) -> Result<(), DataError> {
        self.outside.drain(..).try_for_each(|file| file.check_times(settings))
    }

    /// Returns the time of the next rows, after opening the files that start at or before it.
    pub(super) fn next_time(&mut self, context: &mut ReadContext<'_>) -> Result<Option<i64>, DataError> {
        loop {
            let next = self.heads.iter().copied().min();
            let is_due = |file: &PriceFile| next.is_none_or(|next| file.first <= next);
            if !self.waiting.front().is_some_and(is_due) {
                return Ok(next);
            }
            let Some(file) = self.waiting.pop_front() else { return Ok(next) };
            let cursor = Cursor::open(&file, context, self.open.len(), self.bytes_each)?;
            if let Some(head) = cursor.head() {
                // In the order of the input, so that the first of several duplicates does not depend on the times.
                let order = |other: &Cursor| other.order;
                let (Ok(position) | Err(position)) = self.open.binary_search_by_key(&cursor.order, order);
                self.open.insert(position, cursor);
                self.heads.insert(position, head);
            }
        }
    }

    /// Passes all rows at time `t` to the assembler and closes the files that have ended.
    pub(super) fn drain(
        &mut self,
        t: i64,
        context: &mut ReadContext<'_>,
        frame: &mut Frame,
    ) -> Result<(), DataError> {
        let mut ended = false;
        for (cursor, head) in self.open.iter_mut().zip(&mut self.heads) {
            if *head != t {
                continue;
            }
            cursor.drain(t, context, frame)?;
            *head = cursor.head().unwrap_or(i64::MAX);
            ended |= cursor.head().is_none();
        }
        if ended {
            self.open.retain(|cursor| cursor.head().is_some());
            self.heads = self.open.iter().filter_map(Cursor::head).collect();
        }
        Ok(())
    }
}

/// Returns the name of an input for messages.
pub(super) fn name_of(input: &Input) -> String {
    match input {
        Input::Path(path) => path.display().to_string(),
        Input::Bytes { name, .. } => name.clone(),
        Input::Several(files) => files.iter().map(name_of).collect::<Vec<_>>().join(" + "),
        Input::Prepared(file) => file.name().to_owned(),
        Input::Memory(table) => table.name().to_owned(),
    }
}

/// Returns the maximum number of files open at once; `files` is sorted by first time.
fn overlap(files: &[PriceFile]) -> usize {
    let mut ends: Vec<i64> = files.iter().map(|file| file.last).collect();
    ends.sort_unstable();
    let open_at =
        |(begun, file): (usize, &PriceFile)| begun + 1 - ends.partition_point(|end| *end < file.first);
    files.iter().enumerate().map(open_at).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Input, PriceFile, list, overlap};

    fn file((first, last): (i64, i64)) -> PriceFile {
        let input = Input::Bytes { name: "prices".to_owned(), bytes: Bytes::new() };
        let mut files = list(&input).unwrap_or_default();
        PriceFile { first, last, ..files.remove(0) }
    }

    #[test]
    fn files_overlap_as_often_as_one_time_is_in_them() {
        let cases: [(&[(i64, i64)], usize); 8] = [
            (&[], 0),
            (&[(1, 1)], 1),
            (&[(1, 2), (3, 4), (5, 9)], 1),
            (&[(1, 3), (3, 4), (5, 9)], 2),
            (&[(1, 9), (2, 3), (4, 5), (6, 7)], 2),
            (&[(1, 9), (2, 4), (4, 5), (5, 7)], 3),
            (&[(-5, 5), (-5, 5), (-5, 5)], 3),
            (&[(1, i64::MAX), (1, i64::MAX), (7, 8), (8, 9)], 4),
        ];
        for (times, expected) in cases {
            let files: Vec<PriceFile> = times.iter().copied().map(file).collect();
            assert_eq!(overlap(&files), expected, "{times:?}");
            let at =
                |time: i64| times.iter().filter(|(first, last)| (*first..=*last).contains(&time)).count();
            assert_eq!((-9..12).map(at).max(), Some(expected), "{times:?}");
        }
    }
}
