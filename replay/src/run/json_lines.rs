//! Append-only file of JSON lines that several programs may write at the same time.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::Config;

/// File in which each line is a `T`.
pub(crate) struct JsonLines<T> {
    path: PathBuf,
    line: PhantomData<T>,
}

/// Content of the file.
pub(crate) struct Lines<T> {
    /// Lines that could be parsed.
    pub(crate) entries: Vec<T>,
    /// Number of lines that could not be parsed.
    pub(crate) unreadable: usize,
}

impl<T: Serialize + DeserializeOwned> JsonLines<T> {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, line: PhantomData }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads all lines under a lock, and appends the line that `next` returns, if any.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub(crate) fn add<R>(&self, next: impl FnOnce(Lines<T>) -> (Option<T>, R)) -> Result<R> {
        let is_new = !self.path.exists();
        let (mut file, text) = self.locked()?;
        if is_new {
            // Before the line: a caller that gets an error here has written none.
            self.sync_folder()?;
        }
        let (line, found) = next(read(&text));
        if let Some(line) = line {
            write(&mut file, &text, &line)?;
        }
        Ok(found)
    }

    /// Reads all lines; none if the file does not exist.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn lines(&self) -> Result<Lines<T>> {
        match std::fs::read(&self.path) {
            Ok(text) => Ok(read(&text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(read(&[])),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens and locks the file, and reads it; the lock lasts until the file is closed.
    fn locked(&self) -> Result<(File, Vec<u8>)> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&self.path)?;
        // Without locks in the file system, each line is still appended in one write.
        if let Err(error) = file.lock()
            && error.kind() != ErrorKind::Unsupported
        {
            return Err(anyhow!(error));
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Ok((file, text))
    }

    /// Syncs the folder, without which a new file may be lost in a crash.
    fn sync_folder(&self) -> io::Result<()> {
        // The parent of a name without a folder is an empty path, which cannot be opened.
        match std::path::absolute(&self.path)?.parent() {
            Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
            _ => Ok(()),
        }
    }
}

/// Path of a log that belongs to the data: the path of the prices with `.{ending}` added; in the current
/// folder for the embedded data and for tables in memory.
///
/// # Errors
/// The prices have no file name, for example `/`.
pub(crate) fn beside(config: &Config, ending: &str) -> Result<PathBuf> {
    let Some(prices) = &config.data.prices else {
        return Ok(std::path::absolute(format!("tutorial.{ending}"))?);
    };
    if let Some(name) = config.host().table_name(prices) {
        return Ok(std::path::absolute(format!("{name}.{ending}"))?);
    }
    let mut path = PathBuf::from(prices);
    if path.file_name().is_none() {
        path = path.canonicalize().with_context(|| format!("{prices}: cannot find it"))?;
    }
    let name = path
        .file_name()
        .with_context(|| format!("{prices}: found no file name, expected one to name a log after"))?;
    let name = format!("{}.{ending}", name.to_string_lossy());
    Ok(path.with_file_name(name))
}

/// Appends a line in one write; first ends a partial line that a crash has left.
fn write<T: Serialize>(file: &mut File, before: &[u8], line: &T) -> io::Result<()> {
    let torn = before.last().is_some_and(|byte| *byte != b'\n');
    let line = format!("{}{}\n", if torn { "\n" } else { "" }, serde_json::to_string(line)?);
    file.write_all(line.as_bytes())?;
    file.flush()?;
    file.sync_all()
}

fn read<T: DeserializeOwned>(text: &[u8]) -> Lines<T> {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let mut found = Lines { entries: Vec::new(), unreadable: 0 };
    for line in lines {
        match serde_json::from_slice(line) {
            Ok(entry) => found.entries.push(entry),
            Err(_) => found.unreadable += 1,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn lines_are_appended_even_after_partial_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = JsonLines::<u64>::new(folder.path().join("a.jsonl"));
        assert!(file.lines().unwrap().entries.is_empty());
        let add =
            || file.add(|lines| (Some(lines.entries.iter().sum::<u64>() + 1), lines.unreadable)).unwrap();
        assert_eq!((add(), add()), (0, 0));
        let mut torn = OpenOptions::new().append(true).open(file.path()).unwrap();
        torn.write_all(b"{\"event\": \"sco").unwrap();
        assert_eq!((add(), add()), (1, 1));
        assert_eq!(file.add(|lines| (None, lines.entries.len())).unwrap(), 4);
        assert_eq!(file.lines().unwrap().entries, [1, 2, 4, 8]);
        assert!(std::fs::read_to_string(file.path()).unwrap().ends_with("\n4\n8\n"));
    }
}
