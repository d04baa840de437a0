//! Captures of venue messages: the format of `raw_log`, one message per line.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Lines};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::LiveError;
use crate::files;

/// Message of a capture.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Captured {
    /// Time of receipt or sending by the recorder's clock, ns since 1970 UTC.
    pub recv_ns: i64,
    /// Number of the connection.
    pub conn: String,
    /// Direction of the message.
    pub dir: Direction,
    /// Message text, byte for byte.
    pub raw: String,
}

/// Direction of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the venue.
    In,
    /// To the venue.
    Out,
}

/// Reader of the messages of a capture, in order.
pub struct Capture {
    path: PathBuf,
    lines: Lines<BufReader<File>>,
    number: u64,
}

impl Capture {
    /// Opens a file of JSON lines.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open(path: &Path) -> Result<Self, LiveError> {
        let refused = |source| LiveError::Capture { path: path.display().to_string(), source };
        let lines = BufReader::new(files::open(path).map_err(refused)?).lines();
        Ok(Self { path: path.to_owned(), lines, number: 0 })
    }

    /// Returns the next message; `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read, or a line is not a message.
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
