//! Reader of a text table that notes line ends and quotation marks, which the `csv` crate does not report.

use std::collections::VecDeque;
use std::io::{self, Read};

/// Maximum length of a row, in bytes: wide data of 100,000 instruments is shorter.
pub(super) const ROW_BYTES_MAX: u64 = 4 << 20;

/// Reader that counts quotation marks and notes the last byte and the end.
pub(super) struct Marked {
    inner: Box<dyn Read>,
    separator: u8,
    pub(super) quotes: u64,
    quoting: Quoting,
    /// Position of the first byte behind a closing quotation mark that does not end the field.
    pub(super) misquoted: Option<u64>,
    /// Positions of quotation marks inside fields that begin without one, in rows that were not read yet.
    stray: VecDeque<u64>,
    /// Position behind the last row.
    pub(super) row_from: u64,
    pub(super) is_too_long: bool,
    pub(super) last: u8,
    pub(super) has_ended: bool,
    /// Number of bytes read, and positions of the line ends that no row has passed.
    read: u64,
    line_ends: VecDeque<u64>,
    /// Number of line ends passed, and the position of the latest.
    passed: (u64, Option<u64>),
}

impl Marked {
    pub(super) fn new(inner: Box<dyn Read>, separator: u8) -> Self {
        Self {
            inner,
            separator,
            quotes: 0,
            quoting: Quoting::FieldStart,
            misquoted: None,
            stray: VecDeque::new(),
            row_from: 0,
            is_too_long: false,
            last: b'\n',
            has_ended: false,
            read: 0,
            line_ends: VecDeque::new(),
            passed: (0, None),
        }
    }

    /// Returns whether a row that ends before position `end` has a quotation mark inside a field that begins without one.
    pub(super) fn has_stray_before(&mut self, end: u64) -> bool {
        let before = self.stray.len();
        while self.stray.front().is_some_and(|position| *position < end) {
            self.stray.pop_front();
        }
        self.stray.len() < before
    }

    /// Returns the line, counted from 1, of the last byte before position `end`, line ends excepted.
    ///
    /// The positions of the `csv` crate count a row from the end of the row before, so blank lines between them
    /// would give the wrong line.
    pub(super) fn line_before(&mut self, end: u64) -> u64 {
        while let Some(position) = self.line_ends.front().copied().filter(|position| *position < end) {
            self.line_ends.pop_front();
            self.passed = (self.passed.0 + 1, Some(position));
        }
        let (count, latest) = self.passed;
        // The reader stops behind the line end, or before it: in the middle of CR and LF, or at the end of the file.
        if latest.is_some_and(|latest| latest + 1 == end) { count } else { count + 1 }
    }
}

/// Position relative to quotation marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quoting {
    FieldStart,
    /// In a field without quotation marks around it.
    Plain,
    Quoted,
    /// Behind a quotation mark that ends the field, or is doubled.
    Closed,
    /// In the spaces behind a closing quotation mark.
    Trailing,
}

impl Quoting {
    /// Returns the state behind a byte; `None` if the byte may not follow a closing quotation mark.
    fn after(self, byte: u8, separator: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Quoted, b'"') => Self::Closed,
            (Self::Quoted, _) => Self::Quoted,
            (_, b'\n' | b'\r') => Self::FieldStart,
            (_, byte) if byte == separator => Self::FieldStart,
            (Self::FieldStart | Self::Closed, b'"') => Self::Quoted,
            (Self::Closed | Self::Trailing, b' ') => Self::Trailing,
            (Self::Closed | Self::Trailing, _) => return None,
            _ => Self::Plain,
        })
    }
}

impl Read for Marked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read - self.row_from > ROW_BYTES_MAX {
            self.is_too_long = true;
            return Err(io::ErrorKind::InvalidData.into());
        }
        let read = self.inner.read(buffer)?;
        for (position, byte) in (self.read..).zip(&buffer[..read]) {
            self.quotes += u64::from(*byte == b'"');
            if *byte == b'"' && self.quoting == Quoting::Plain {
                self.stray.push_back(position);
            }
            self.quoting = self.quoting.after(*byte, self.separator).unwrap_or_else(|| {
                self.misquoted.get_or_insert(position);
                Quoting::Plain
            });
            if *byte == b'\n' {
                self.line_ends.push_back(position);
            }
        }
        self.read += read as u64;
        self.last = buffer[..read].last().copied().unwrap_or(self.last);
        self.has_ended |= read == 0 && !buffer.is_empty();
        Ok(read)
    }
}
