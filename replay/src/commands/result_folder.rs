//! Folder with the result of a command that does not run the pipeline.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use betaflow_connectors::record::RunFolder;

use crate::report;

/// Completed folder.
pub(super) struct Written(pub(super) PathBuf);

impl Written {
    /// Writes `summary.json` and the report, and completes the folder.
    pub(super) fn complete(folder: RunFolder, out: &Path, json: &str) -> Result<Self> {
        folder.write("summary.json", json)?;
        folder.write(report::FILE, &report::html_of(folder.path(), &[])?)?;
        folder.complete()?;
        Ok(Self(out.to_owned()))
    }

    /// Path of the folder.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

/// Refuses an output folder in which a table would replace the file that is read.
pub(super) fn refuse_overwritten(file: &Path, out: Option<&Path>, tables: &[&str]) -> Result<()> {
    let Some(out) = out else { return Ok(()) };
    let same = |table: &&&str| {
        let (read, written) = (file.canonicalize(), out.join(table).canonicalize());
        matches!((read, written), (Ok(read), Ok(written)) if read == written)
    };
    match tables.iter().find(same) {
        Some(table) => bail!(
            "--out: found {}, whose {table} is the file to read, expected another folder, because the command writes a table \
             of that name",
            out.display()
        ),
        None => Ok(()),
    }
}
