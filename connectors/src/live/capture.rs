//! Captures of venue messages: the format of `raw_log`, one message per line.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::LiveError;
use crate::files;

/// Maximum size of a line, in bytes; a message has at most 16 MiB.
const LINE_MAX: u64 = 64 << 20;

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
    file: BufReader<File>,
    number: u64,
}

impl Capture {
    /// Opens a file of JSON lines.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open(path: &Path) -> Result<Self, LiveError> {
        let refused = |source| LiveError::Capture { path: path.display().to_string(), source };
        let file = BufReader::new(files::open(path).map_err(refused)?);
        Ok(Self { path: path.to_owned(), file, number: 0 })
    }

    /// Returns the next message; `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read, or a line is not a message.
    pub fn read(&mut self) -> Result<Option<Captured>, LiveError> {
        let mut line = String::new();
        loop {
            line.clear();
            self.number += 1;
            let path = || self.path.display().to_string();
            let refused = |source| LiveError::Capture { path: path(), source };
            if self.file.by_ref().take(LINE_MAX + 1).read_line(&mut line).map_err(refused)? == 0 {
                return Ok(None);
            }
            if line.len() as u64 > LINE_MAX {
                return Err(refused(io::Error::other(format!("line {} has more than 64 MiB", self.number))));
            }
            if !line.trim().is_empty() {
                return serde_json::from_str(&line).map(Some).map_err(|error| LiveError::CaptureLine {
                    path: path(),
                    line: self.number,
                    found: error.to_string(),
                });
            }
        }
    }
}
