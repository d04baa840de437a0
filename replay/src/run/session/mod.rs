//! `betaflow replay --session`: replays the inputs that a `paper` run recorded.
//!
//! The state folder is only read and may be in use: the data are the inputs committed when it was opened. The
//! settings are the recorded ones; the digest of each frame is compared with the recorded one if the settings
//! that change results are the same (`comparison.rs`).
//!
//! `data.session` replaces `data.prices`, so the `run.toml` of such a replay can be replayed.

mod comparison;
mod recorded;

use std::path::Path;

use anyhow::{Context as _, Error, Result, bail};
use betaflow_connectors::live::{FeedSource, Hello, NoLog, WithHistory};
use betaflow_connectors::parquet::Settings as SourceSettings;
use betaflow_connectors::store::StateView;
use betaflow_engine::ledger::hex;
use betaflow_engine::source::Source;
use toml::Value;

use super::REPLAY;
use crate::config::{Config, InputArgs, Request, SettingFlag};
use recorded::RecordedInputs;

pub(crate) use comparison::SessionComparison;

/// Adds the settings of a state folder below those of the command line, and its inputs as the data.
///
/// # Errors
/// The folder is not a state folder, or has no settings yet.
pub(crate) fn with_its_settings<'a>(folder: &Path, request: Request<'a>) -> Result<Request<'a>> {
    let view = StateView::open(folder)?;
    let text = view.meta("configuration")?.with_context(|| {
        let database = view.database().display();
        format!(
            "{database}: found no settings, expected those of a run; the run ended before its feed connected"
        )
    })?;
    let folder =
        std::path::absolute(folder).with_context(|| format!("{}: not a valid path", folder.display()))?;
    verify_settings(&view)?;
    let name = view.database().display().to_string();
    Ok(request.with_session().over(name, text).with_flags([session_flag(&folder)]))
}

/// Compares the settings of a state folder with the recorded digest of the run's settings.
///
/// # Errors
/// The two differ, or the settings cannot be read.
pub(crate) fn verify_settings(view: &StateView) -> Result<()> {
    let (Some(text), Some(written)) = (view.meta("configuration")?, view.meta("configuration_digest")?)
    else {
        return Ok(());
    };
    let database = view.database().display();
    let input = InputArgs::default();
    let request =
        Request::new(&input, REPLAY.record).described().with_session().over(database.to_string(), text);
    let config = request.with_flags([session_flag(view.path())]).resolve()?;
    let found = config.digest().context("recorded settings")?;
    if hex(&found) != written {
        bail!(
            "{database}: found settings with the digest {}, expected {written} as recorded by the run: the settings, or a \
             file of positions, half-spreads, sessions or a benchmark that they name, were changed afterwards; restore that \
             file, or state.db from a copy",
            hex(&found)
        );
    }
    Ok(())
}

/// Flag that replaces the price files by a session recording.
fn session_flag(folder: &Path) -> SettingFlag {
    let value = Value::String(folder.display().to_string()).to_string();
    SettingFlag { table: "data", key: "session", value, flag: "--session" }
}

/// Frames of the inputs recorded so far.
///
/// # Errors
/// The folder is not a state folder, or its feed lacks data that the settings need.
pub(crate) fn source(folder: &Path, settings: SourceSettings, config: &Config) -> Result<Box<dyn Source>> {
    let view = StateView::open(folder)?;
    let database = view.database().display();
    let hello = view.meta("feed")?.with_context(|| {
        format!("{database}: found no hello message of a feed, expected one; the run ended before its feed connected")
    })?;
    let hello: Hello =
        serde_json::from_str(&hello).with_context(|| format!("{database}: hello message of the feed"))?;
    let inputs = WithHistory::new(RecordedInputs::new(&view)?, settings.clone());
    let source =
        FeedSource::open(&hello, Box::new(inputs), Box::new(NoLog), settings.clone()).map_err(Error::new)?;
    let sections = config.sections(source.factor_names(), &settings)?;
    Ok(Box::new(source.with_files(sections).limited(config.limits.feed())))
}
