//! Versions of the files that a run writes and a later one reads.

use anyhow::{Result, ensure};

/// Version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Version of the tables and keys of `run.toml`. It goes up when a file of an earlier one would be read wrongly.
const SCHEMA: u32 = 2;
/// First line of a `run.toml`, up to its version.
const HEADER: &str = "# All settings of a run of betaflow ";

/// Returns the line of a `run.toml` that names its versions.
pub(crate) fn header() -> String {
    format!("{HEADER}{VERSION}, schema {SCHEMA}.")
}

/// Refuses the `run.toml` of another version. Settings that a user wrote name none. `name`: the file in errors.
///
/// # Errors
/// The version of the program or of the schema is another one.
pub(crate) fn check_settings(name: &str, text: &str) -> Result<()> {
    let Some(line) = text.lines().find_map(|line| line.strip_prefix(HEADER)?.trim_end().strip_suffix('.'))
    else {
        return Ok(());
    };
    // Before 0.3.0 the line named no schema: that was the first.
    let (version, schema) = line.split_once(", schema ").unwrap_or((line, "1"));
    ensure!(
        is_this(version) && schema == SCHEMA.to_string(),
        "{name}: found the settings of a run of betaflow {version} (schema {schema}), expected {VERSION} (schema {SCHEMA}): \
         results differ between the two; run them with betaflow {version}, or delete the line that names it to take them \
         over as they are"
    );
    Ok(())
}

/// Whether a version writes the same files as this one: versions that differ in the last number alone do.
fn is_this(version: &str) -> bool {
    let release = |version: &str| version.rsplit_once('.').map(|(release, _)| release.to_owned());
    release(version) == release(VERSION)
}
