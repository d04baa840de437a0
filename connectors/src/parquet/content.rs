//! Digest that identifies the content of data files.

use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::files::list;
use super::input::{Location, io_error};
use super::settings::Input;
use crate::DataError;
use crate::files;

/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

/// Returns the SHA-256 of the bytes of all files, in the order of the inputs; files of a folder are sorted by
/// name. Equals `cat FILES | sha256sum`. A table in memory adds the SHA-256 of its columns, which depends neither
/// on its name nor on its division into batches.
///
/// # Errors
/// A file is missing or unreadable.
pub fn content_digest<'a>(inputs: impl IntoIterator<Item = &'a Input>) -> Result<[u8; 32], DataError> {
    let mut digest = Sha256::new();
    for input in inputs {
        for file in list(input)? {
            match &file.location {
                Location::Bytes { bytes, .. } => digest.update(bytes),
                Location::Memory(rows) => digest.update(rows.table().digest()),
                Location::Prepared(_) => {}
                Location::File(path) => add(path, &mut digest).map_err(|error| io_error(path, error, 0))?,
            }
        }
    }
    Ok(digest.finalize().into())
}

fn add(path: &Path, digest: &mut Sha256) -> io::Result<()> {
    let (mut file, mut chunk) = (files::open(path)?, vec![0; CHUNK]);
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(()),
            length => digest.update(&chunk[..length]),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn content_digest_hashes_the_concatenated_files() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [("b.parquet", "two"), ("a.parquet", "one"), ("note.jsonl", "not data")] {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        let (folder, factors) = (Input::from(folder.path()), Input::from(folder.path().join("b.parquet")));
        let expected: [u8; 32] = Sha256::digest("onetwotwo").into();
        assert_eq!(content_digest([&folder, &factors]).unwrap(), expected);
        let absent = content_digest([&Input::from("no-such-file.parquet")]);
        assert!(matches!(absent, Err(DataError::NotFound { .. })));
    }
}
