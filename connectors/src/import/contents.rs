//! Bytes of a text file, decompressed.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::path::PathBuf;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;

use super::error::ImportError;
use super::{io_error, zip};
use crate::{DataError, files};

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZIP: &[u8] = b"PK\x03\x04";
const BOM: &[u8] = &[0xef, 0xbb, 0xbf];
const UTF_16_BOMS: [[u8; 2]; 2] = [[0xff, 0xfe], [0xfe, 0xff]];

/// Location of a text file.
#[derive(Clone, Debug)]
pub(crate) enum Contents {
    File(PathBuf),
    Bytes { name: String, bytes: Bytes },
}

/// Open text file, behind its byte order mark.
pub(super) struct OpenText {
    pub(super) reader: Box<dyn Read>,
    /// Form of compression.
    pub(super) packing: Option<&'static str>,
    pub(super) has_bom: bool,
}

/// Returns whether a file that begins with `start` is a text table, or a compressed file that may be one.
///
/// # Errors
/// The file is text in UTF-16, or a text table with a control character.
pub(crate) fn is_text_table(file: &str, start: &[u8]) -> Result<bool, ImportError> {
    if start.starts_with(GZIP) || start.starts_with(ZIP) {
        return Ok(true);
    }
    if UTF_16_BOMS.iter().any(|mark| start.starts_with(mark)) {
        return Err(ImportError::Utf16 { file: file.to_owned() });
    }
    let text = start.strip_prefix(BOM).unwrap_or(start);
    let begins_markup = text.trim_ascii_start().first().is_some_and(|byte| b"{[<".contains(byte));
    let has_fields = text.iter().any(|byte| b",;\t|".contains(byte)) && text.contains(&b'\n');
    if begins_markup || !has_fields {
        return Ok(false);
    }
    let Some(at) = text.iter().position(|byte| *byte < 9 || (14..32).contains(byte)) else { return Ok(true) };
    // Binary formats have zeros or bytes that are no text.
    let is_text =
        !text.contains(&0) && std::str::from_utf8(text).map_or_else(|e| e.error_len().is_none(), |_| true);
    if !is_text {
        return Ok(false);
    }
    let line = 1 + text[..at].iter().filter(|byte| **byte == b'\n').count() as u64;
    Err(ImportError::ControlCharacter { file: file.to_owned(), line, found: text[at] })
}

trait Archive: Read + Seek {}
impl<T: Read + Seek> Archive for T {}

impl Contents {
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Bytes { name, .. } => name.clone(),
        }
    }

    fn raw(&self) -> io::Result<Box<dyn Archive>> {
        Ok(match self {
            Self::File(path) => {
                Box::new(BufReader::with_capacity(1 << 18, files::open(path)?)) as Box<dyn Archive>
            }
            Self::Bytes { bytes, .. } => Box::new(Cursor::new(bytes.clone())),
        })
    }

    /// Returns the first bytes of the file as stored, at most `length`.
    pub(crate) fn start(&self, length: u64) -> io::Result<Vec<u8>> {
        let mut start = Vec::new();
        match self {
            Self::File(path) => File::take(files::open(path)?, length).read_to_end(&mut start)?,
            Self::Bytes { bytes, .. } => bytes.as_ref().take(length).read_to_end(&mut start)?,
        };
        Ok(start)
    }

    /// Opens the text.
    ///
    /// # Errors
    /// The file cannot be read, or it is an archive of several files.
    pub(super) fn open(&self) -> Result<OpenText, DataError> {
        let failed = |error| io_error(&self.name(), error);
        let start = self.start(4).map_err(failed)?;
        let mut raw = self.raw().map_err(failed)?;
        let (mut reader, packing): (Box<dyn Read>, _) = if start.starts_with(GZIP) {
            (Box::new(MultiGzDecoder::new(raw)), Some("gzip"))
        } else if start.starts_with(ZIP) {
            let members = zip::members(&mut raw).map_err(|error| self.damaged(&error))?;
            let [member] = members.as_slice() else {
                let names: Vec<&str> = members.iter().take(8).map(|member| member.name.as_str()).collect();
                let found = format!("an archive of {} files ({})", members.len(), names.join(", "));
                return Err(ImportError::Archive { file: self.name(), found }.into());
            };
            (zip::open(raw, member).map_err(|error| self.damaged(&error))?, Some("ZIP"))
        } else {
            (raw, None)
        };
        let mut first = Vec::new();
        let read = reader.by_ref().take(3).read_to_end(&mut first);
        read.map_err(|error| self.read_error(packing, error))?;
        let has_bom = first == BOM;
        if has_bom {
            first.clear();
        }
        Ok(OpenText { reader: Box::new(Cursor::new(first).chain(reader)), packing, has_bom })
    }

    fn damaged(&self, error: &io::Error) -> DataError {
        ImportError::Compressed { file: self.name(), cause: error.to_string() }.into()
    }

    /// Returns the error of a failed read; a decoder reports damage as an error of the system.
    pub(super) fn read_error(&self, packing: Option<&str>, error: io::Error) -> DataError {
        match packing {
            Some(_) => self.damaged(&error),
            None => io_error(&self.name(), error),
        }
    }
}
