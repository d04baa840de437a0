//! Segments: inputs that no restart needs, in Parquet files of the state folder.
//!
//! `session/inputs-<number of the first input, 12 digits>.parquet` has `seq, kind, timestamp, body` of
//! consecutive inputs. It is written to a temporary file, synced and renamed, so that a segment with its
//! final name is complete. The footer holds a digest of the rows, so that readers detect later changes.

mod reader;
mod writer;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use betaflow_engine::ledger::hex;
use sha2::{Digest as _, Sha256};

use super::error::StoreError;
use super::input::Input;

pub(super) use reader::SegmentReader;
pub(super) use writer::SegmentWriter;

/// Folder of the segments inside a state folder.
pub(super) const FOLDER: &str = "session";
const PREFIX: &str = "inputs-";
const SUFFIX: &str = ".parquet";
/// Key of the digest in the footer.
const DIGEST: &str = "betaflow.digest";

/// Segment file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentFile {
    /// Number of its first input.
    pub(super) first: u64,
    pub(super) path: PathBuf,
}

/// Lists the segments beside a database, in order.
pub(super) fn segments(database: &Path) -> Result<Vec<SegmentFile>, StoreError> {
    let folder = folder(database);
    let failed = |source| StoreError::Io { path: folder.clone(), doing: "list the folder", source };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let first = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok());
        found.extend(first.map(|first| SegmentFile { first, path }));
    }
    found.sort();
    Ok(found)
}

fn folder(database: &Path) -> PathBuf {
    database.with_file_name(FOLDER)
}

fn schema() -> SchemaRef {
    let utc = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("seq", DataType::Int64, false),
        Field::new("kind", DataType::Utf8, false),
        Field::new("timestamp", utc, false),
        Field::new("body", DataType::Utf8, false),
    ]))
}

/// Digest over the rows of a segment.
#[derive(Default)]
struct RowsDigest(Sha256);

impl RowsDigest {
    fn add(&mut self, input: &Input) {
        input.add_to(&mut self.0);
    }

    fn hex(self) -> String {
        hex(&self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segment_name_holds_the_first_input_and_other_files_are_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("state.db");
        assert_eq!(segments(&database).unwrap(), []);
        fs::create_dir(folder.path().join("session")).unwrap();
        for name in [
            "inputs-000000004096.parquet",
            "inputs-000000000000.parquet",
            ".inputs-000000008192.parquet.partial",
            "a.txt",
        ] {
            fs::write(folder.path().join("session").join(name), "").unwrap();
        }
        let found: Vec<u64> = segments(&database).unwrap().iter().map(|segment| segment.first).collect();
        assert_eq!(found, [0, 4_096]);
    }
}
