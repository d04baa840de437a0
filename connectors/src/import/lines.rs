//! Lines of the user's file from which the rows of a prepared table come.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use super::temporary::temporary_file;

/// Lines held in memory, before they are written to a temporary file.
const HELD_MAX: usize = 1 << 20;

/// Line, or row, in the user's file of each row of a prepared table.
#[derive(Clone, Debug)]
pub(crate) enum Lines {
    /// Consecutive lines.
    From(u64),
    /// Lines in memory.
    Held(Arc<Vec<u64>>),
    /// Lines in a temporary file, 8 bytes each.
    Stored(Arc<Mutex<File>>),
}

impl Lines {
    /// Returns the line of a row of the table.
    pub(crate) fn line(&self, row: u64) -> Option<u64> {
        match self {
            Self::From(first) => Some(first + row),
            Self::Held(lines) => lines.get(usize::try_from(row).ok()?).copied(),
            Self::Stored(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let mut bytes = [0; 8];
                file.seek(SeekFrom::Start(row.checked_mul(8)?)).ok()?;
                file.read_exact(&mut bytes).ok()?;
                Some(u64::from_le_bytes(bytes))
            }
        }
    }
}

/// Builder of [`Lines`], row by row.
#[derive(Debug, Default)]
pub(super) struct LinesBuilder {
    first: Option<u64>,
    count: u64,
    is_broken: bool,
    held: Vec<u64>,
    file: Option<File>,
}

impl LinesBuilder {
    /// Adds the line of the next row.
    ///
    /// # Errors
    /// A temporary file cannot be written.
    pub(super) fn push(&mut self, line: u64) -> io::Result<()> {
        let first = *self.first.get_or_insert(line);
        if !self.is_broken && line != first + self.count {
            // Up to here the lines were consecutive and were not kept.
            self.is_broken = true;
            for earlier in first..first + self.count {
                self.keep(earlier)?;
            }
        }
        self.count += 1;
        if self.is_broken { self.keep(line) } else { Ok(()) }
    }

    fn keep(&mut self, line: u64) -> io::Result<()> {
        self.held.push(line);
        if self.held.len() == HELD_MAX { self.store() } else { Ok(()) }
    }

    fn store(&mut self) -> io::Result<()> {
        let bytes: Vec<u8> = self.held.iter().flat_map(|line| line.to_le_bytes()).collect();
        self.held.clear();
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(temporary_file()?),
        };
        file.write_all(&bytes)
    }

    /// Returns the lines of all rows.
    ///
    /// # Errors
    /// A temporary file cannot be written.
    pub(super) fn finish(mut self) -> io::Result<Lines> {
        if !self.is_broken {
            return Ok(Lines::From(self.first.unwrap_or(0)));
        }
        if self.file.is_some() {
            self.store()?;
        }
        Ok(match self.file {
            Some(file) => Lines::Stored(Arc::new(Mutex::new(file))),
            None => Lines::Held(Arc::new(self.held)),
        })
    }
}
