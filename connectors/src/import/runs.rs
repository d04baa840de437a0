//! Sorted runs of rows in a temporary file, and their merge.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};

use super::temporary::temporary_file;

/// Bytes of a run that are read at a time.
const BUFFER_BYTES: usize = 256 << 10;

/// Sorted runs, in the order of their rows in the user's file.
pub(super) struct Runs {
    width: usize,
    file: Option<File>,
    /// First and last byte of each run.
    ranges: Vec<(u64, u64)>,
}

impl Runs {
    /// Returns no runs, of rows of `width` numbers.
    pub(super) fn new(width: usize) -> Self {
        Self { width, file: None, ranges: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Writes a run.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    pub(super) fn add<'a>(&mut self, rows: impl Iterator<Item = &'a [u64]>) -> io::Result<()> {
        let start = self.ranges.last().map_or(0, |range| range.1);
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(temporary_file()?),
        };
        let (mut writer, mut end) = (BufWriter::with_capacity(1 << 20, &*file), start);
        for row in rows {
            for cell in row {
                writer.write_all(&cell.to_le_bytes())?;
            }
            end += size_of_val(row) as u64;
        }
        writer.flush()?;
        self.ranges.push((start, end));
        Ok(())
    }

    /// Starts the merge by the number at position `time` of each row.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub(super) fn merge(&mut self, time: Option<usize>) -> io::Result<Merge<'_>> {
        let row_bytes = self.width * size_of::<u64>();
        let rows = (BUFFER_BYTES / row_bytes).max(1);
        let ranges = std::mem::take(&mut self.ranges);
        let runs = ranges.into_iter().map(|(at, end)| Run { at, end, bytes: Vec::new(), next: 0 });
        let Some(file) = &mut self.file else { return Err(io::Error::other("no run to merge")) };
        let mut merge = Merge {
            file,
            runs: runs.collect(),
            heap: BinaryHeap::new(),
            row: vec![0; self.width],
            time,
            buffer: rows * row_bytes,
            row_bytes,
            last: None,
        };
        for run in 0..merge.runs.len() {
            merge.advance(run)?;
        }
        Ok(merge)
    }
}

/// Part of the temporary file, with the bytes that were read of it.
struct Run {
    at: u64,
    end: u64,
    bytes: Vec<u8>,
    next: usize,
}

/// Merge of all runs into one sequence of rows.
pub(super) struct Merge<'a> {
    file: &'a mut File,
    runs: Vec<Run>,
    /// Time of the next row of each run; of equal times, the earlier run comes first.
    heap: BinaryHeap<Reverse<(i64, usize)>>,
    row: Vec<u64>,
    time: Option<usize>,
    buffer: usize,
    row_bytes: usize,
    /// Run of the row returned last.
    last: Option<usize>,
}

impl Merge<'_> {
    /// Returns the next row.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub(super) fn next(&mut self) -> io::Result<Option<&[u64]>> {
        if let Some(run) = self.last.take() {
            self.runs[run].next += self.row_bytes;
            self.advance(run)?;
        }
        let Some(Reverse((_, at))) = self.heap.pop() else { return Ok(None) };
        let run = &self.runs[at];
        for (cell, bytes) in self.row.iter_mut().zip(run.bytes[run.next..].chunks_exact(8)) {
            *cell = number(bytes);
        }
        self.last = Some(at);
        Ok(Some(&self.row))
    }

    /// Puts the next row of a run onto the heap.
    fn advance(&mut self, at: usize) -> io::Result<()> {
        let run = &mut self.runs[at];
        if run.next == run.bytes.len() {
            let length = (run.end - run.at).min(self.buffer as u64);
            run.bytes.resize(usize::try_from(length).unwrap_or(0), 0);
            self.file.seek(SeekFrom::Start(run.at))?;
            self.file.read_exact(&mut run.bytes)?;
            (run.at, run.next) = (run.at + length, 0);
        }
        if run.next < run.bytes.len() {
            // Without a time column the runs follow one another.
            let time =
                self.time.map_or(0, |time| number(&run.bytes[run.next + 8 * time..][..8]).cast_signed());
            self.heap.push(Reverse((time, at)));
        }
        Ok(())
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_le_bytes)
}
