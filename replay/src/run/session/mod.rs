//! `betaflow replay --session`: what a `paper` run has received, as data.
//!
//! The state folder is only read, and may be in use: the inputs that were committed when it was opened are the data. No feed
//! is connected. The settings are those in the folder, and each frame's digest is compared with the one on record.
//!
//! `data.session` takes the place of `data.prices`, so the `run.toml` of such a replay runs again. Digests are
//! compared only where the settings that change results are the same (`comparison.rs`).

mod comparison;
mod recorded;

use std::path::Path;

use anyhow::{Context as _, Error, Result, bail};
use betaflow_connectors::live::{FeedLimits, FeedSource, Hello, NoLog, WithHistory};
use betaflow_connectors::parquet::Settings as SourceSettings;
use betaflow_connectors::store::StateView;
use betaflow_engine::ledger::hex;
use betaflow_engine::source::Source;
use toml::Value;

use super::REPLAY;
use crate::config::{InputArgs, Request, SettingFlag};
use recorded::RecordedInputs;

pub(crate) use comparison::SessionComparison;

/// Puts the settings of a state folder under those that were typed, and its inputs in the place of files.
///
/// # Errors
/// It is no state folder, or has no settings yet.
pub(crate) fn with_its_settings<'a>(folder: &Path, request: Request<'a>) -> Result<Request<'a>> {
    let view = StateView::open(folder)?;
    let text = view.meta("configuration")?.with_context(|| {
        let database = view.database().display();
        format!(
            "{database}: found no settings, expected those of a run: it ended before its feed said what it is"
        )
    })?;
    let folder = std::path::absolute(folder).with_context(|| format!("{}: is no path", folder.display()))?;
    verify_settings(&view)?;
    let name = view.database().display().to_string();
    Ok(request.with_session().over(name, text).with_flags([session_flag(&folder)]))
}

/// Compares the settings in a state folder with the digest of the settings that the run had.
///
/// # Errors
/// They differ, or cannot be read.
pub(crate) fn verify_settings(view: &StateView) -> Result<()> {
    let (Some(text), Some(written)) = (view.meta("configuration")?, view.meta("configuration_digest")?)
    else {
        return Ok(());
    };
    let database = view.database().display();
    let input = InputArgs::default();
    let request = Request::new(&input, REPLAY.record).with_session().over(database.to_string(), text);
    let config = request.with_flags([session_flag(view.path())]).resolve()?;
    let found = config.digest().context("the settings on record")?;
    if hex(&found) != written {
        bail!(
            "{database}: found settings with the digest {}, expected {written}, which the run had: they were changed after \
             it; put state.db back from a copy",
            hex(&found)
        );
    }
    Ok(())
}

/// The folder of a session in the place of price files.
fn session_flag(folder: &Path) -> SettingFlag {
    let value = Value::String(folder.display().to_string()).to_string();
    SettingFlag { table: "data", key: "session", value, flag: "--session" }
}

/// Frames of the inputs that are on record now.
///
/// # Errors
/// It is no state folder, or its feed does not have what the settings need.
pub(crate) fn source(folder: &Path, settings: SourceSettings, limits: FeedLimits) -> Result<Box<dyn Source>> {
    let view = StateView::open(folder)?;
    let database = view.database().display();
    let hello = view.meta("feed")?.with_context(|| {
        format!("{database}: found no feed, expected what it said of itself: the run ended before it was connected")
    })?;
    let hello: Hello =
        serde_json::from_str(&hello).with_context(|| format!("{database}: what the feed said of itself"))?;
    let inputs = WithHistory::new(RecordedInputs::new(&view)?, settings.clone());
    let source = FeedSource::open(&hello, Box::new(inputs), Box::new(NoLog), settings).map_err(Error::new)?;
    Ok(Box::new(source.limited(limits)))
}
