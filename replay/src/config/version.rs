//! Versions of betaflow that wrote what is read here.

use anyhow::{Result, ensure};

/// The version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// First line of a `run.toml`, up to its version.
const HEADER: &str = "# All settings of a run of betaflow ";

/// The line of a `run.toml` that names its version.
pub(crate) fn header() -> String {
    format!("{HEADER}{VERSION}.")
}

/// Refuses the `run.toml` of another version; settings that a user wrote name none. `name`: the file in errors.
///
/// # Errors
/// The version is another one.
pub(crate) fn check_settings(name: &str, text: &str) -> Result<()> {
    let version = text.lines().find_map(|line| line.strip_prefix(HEADER)?.trim_end().strip_suffix('.'));
    let version = version.unwrap_or(VERSION);
    ensure!(
        is_this(version),
        "{name}: found the settings of a run of betaflow {version}, expected {VERSION}: results differ between the two; run \
         them with betaflow {version}, or delete the line that names it to take them over as they are"
    );
    Ok(())
}

/// Whether a version writes what this one does: versions that differ by the last number alone do.
fn is_this(version: &str) -> bool {
    let release = |version: &str| version.rsplit_once('.').map(|(release, _)| release.to_owned());
    release(version) == release(VERSION)
}
