//! Captures of what a venue said: the form of `raw_log`, a line a message.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Lines};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::LiveError;
use crate::files;

/// A message of a capture.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Captured {
    /// When it was received or sent by the recorder's clock, ns since 1970 UTC.
    pub recv_ns: i64,
    /// Number of the connection.
    pub conn: String,
    /// Which way it went.
    pub dir: Direction,
    /// The message, byte for byte.
    pub raw: String,
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the venue.
    In,
    /// To the venue.
    Out,
}

/// The messages of a capture, one after the other.
pub struct Capture {
    path: PathBuf,
    lines: Lines<BufReader<File>>,
    number: u64,
}

impl Capture {
    /// Opens a file of JSON lines.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(path: &Path) -> Result<Self, LiveError> {
        let refused = |source| LiveError::Capture { path: path.display().to_string(), source };
        let lines = BufReader::new(files::open(path).map_err(refused)?).lines();
        Ok(Self { path: path.to_owned(), lines, number: 0 })
    }

    /// The next message; `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read, or a line is no message.
    pub fn read(&mut self) -> Result<Option<Captured>, LiveError> {
        for line in self.lines.by_ref() {
            self.number += 1;
            let path = || self.path.display().to_string();
            let line = line.map_err(|source| LiveError::Capture { path: path(), source })?;
            if line.trim().is_empty() {
                continue;
            }
            return serde_json::from_str(&line).map(Some).map_err(|error| LiveError::CaptureLine {
                path: path(),
                line: self.number,
                found: error.to_string(),
            });
        }
        Ok(None)
    }
}
