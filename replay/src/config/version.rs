//! Versions of the files that a run writes and a later one reads.

use anyhow::{Result, ensure};

/// Version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Version of the tables and keys of `run.toml`, raised when a file of an earlier version would be read wrongly.
const SCHEMA: u32 = 4;
/// Start of the line of a `run.toml` with its versions.
const HEADER: &str = "# All settings of a run of betaflow ";

/// Returns the line of a `run.toml` with its versions.
pub(crate) fn header() -> String {
    format!("{HEADER}{VERSION}, schema {SCHEMA}.")
}

/// Refuses the `run.toml` of another version; `name`: its name in error messages. Settings that a user wrote have no
/// version.
///
/// # Errors
/// The version of the program or of the schema differs.
pub(crate) fn check_settings(name: &str, text: &str) -> Result<()> {
    let Some(line) = text.lines().find_map(|line| line.strip_prefix(HEADER)?.trim_end().strip_suffix('.'))
    else {
        return Ok(());
    };
    // Before 0.3.0 the line had no schema: it was schema 1.
    let (version, schema) = line.split_once(", schema ").unwrap_or((line, "1"));
    ensure!(
        is_this(version) && schema == SCHEMA.to_string(),
        "{name}: found the settings of a run of betaflow {version} (schema {schema}), expected {VERSION} (schema {SCHEMA}), \
         because results differ between the two; run them with betaflow {version}, or delete the line with the version to \
         use them unchanged"
    );
    Ok(())
}

/// True if a version writes the same files as this one: only the last number may differ.
fn is_this(version: &str) -> bool {
    let release = |version: &str| version.rsplit_once('.').map(|(release, _)| release.to_owned());
    release(version) == release(VERSION)
}
