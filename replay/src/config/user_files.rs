//! Files of the user beside prices and factors: forecasts, weights, a risk model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use betaflow_connectors::Sections;
use betaflow_connectors::live::UserFolder;
use betaflow_connectors::parquet::{
    DateRule, GivenKind, GivenRows, Input, Settings as SourceSettings, TimeIs, content_digest,
};
use betaflow_engine::ledger::hex;
use betaflow_engine::model::EstimatorKind;
use toml::{Table, Value};

use super::{Config, Settings};
use crate::host::Host;

/// Key of a file in `[strategy]`.
pub(super) const PATH: &str = "path";

/// Digests of the files so far, by path: a grid names the same files in every scenario.
static DIGESTS: Mutex<BTreeMap<PathBuf, [u8; 32]>> = Mutex::new(BTreeMap::new());

impl Settings {
    /// Path of the file of forecasts or weights; `None` for a strategy without one.
    pub(crate) fn signal_path(&self) -> Option<&str> {
        self.strategy.get(PATH).and_then(Value::as_str)
    }

    /// Content of [`Self::signal_path`]; `None` for a strategy that reads no file.
    fn signal_kind(&self) -> Option<GivenKind> {
        match self.strategy.get("kind").and_then(Value::as_str) {
            Some("forecasts") => Some(GivenKind::Forecasts),
            Some("weights") => Some(GivenKind::Weights),
            _ => None,
        }
    }

    /// Paths of all these files that the settings name.
    pub(super) fn given_paths(&self) -> impl Iterator<Item = &str> {
        let model = [&self.estimator.betas, &self.estimator.factor_cov];
        self.signal_path().into_iter().chain(model.into_iter().filter_map(|path| path.as_deref()))
    }

    /// Paths to make absolute.
    pub(super) fn make_given_absolute(&mut self, host: &Host) -> Result<()> {
        let mut paths: Vec<&mut String> =
            [&mut self.estimator.betas, &mut self.estimator.factor_cov].into_iter().flatten().collect();
        if let Some(Value::String(path)) = self.strategy.get_mut(PATH) {
            paths.push(path);
        }
        for path in paths.into_iter().filter(|path| !host.is_table(path)) {
            let absolute = std::path::absolute(&*path)
                .with_context(|| format!("{path}: could not make the path absolute"))?;
            *path = absolute.display().to_string();
        }
        Ok(())
    }

    /// Checks that a strategy on a file has one.
    pub(super) fn check_signal(&self) -> Result<()> {
        let Some(kind) = self.signal_kind().filter(|_| self.signal_path().is_none()) else { return Ok(()) };
        bail!(
            "`strategy.path`: found nothing, expected the path of a file of {name}, because `strategy.kind` is {name:?}; \
             name it with --{name} PATH",
            name = kind.name()
        )
    }
}

impl Config {
    /// Opens the user's files for frames with the named factors. `settings`: those of the source.
    ///
    /// # Errors
    /// A file is missing, or lacks a column.
    pub(crate) fn given(&self, factors: &[String], settings: &SourceSettings) -> Result<Vec<GivenRows>> {
        let rule = self.date_rule(settings);
        let open = |(kind, path): (GivenKind, &str)| {
            Ok(GivenRows::open(&self.host.input(path), kind, rule.clone(), settings.sealed_from)?)
        };
        self.given_kinds(factors)?.into_iter().map(open).collect()
    }

    /// Sections of the user's files whose rows come as inputs of a live run.
    ///
    /// # Errors
    /// The settings name a file that frames without factors cannot use.
    pub(crate) fn sections(&self, factors: &[String], settings: &SourceSettings) -> Result<Vec<Sections>> {
        let rule = self.date_rule(settings);
        let kinds = self.given_kinds(factors)?.into_iter();
        Ok(kinds.map(|(kind, _)| Sections::new(kind, rule.clone())).collect())
    }

    /// Folders of the user's files to watch in a live run.
    ///
    /// # Errors
    /// A folder is missing.
    pub(crate) fn folders(&self, factors: &[String]) -> Result<Vec<UserFolder>> {
        let watched = |(kind, path): (GivenKind, &str)| {
            let name = kind.name();
            std::fs::metadata(path).with_context(|| {
                format!(
                    "{path}: cannot be read, expected a folder in which files of {name} arrive, or one file"
                )
            })?;
            Ok(UserFolder::new(Path::new(path), kind, self.source().sealed_from))
        };
        self.given_kinds(factors)?.into_iter().map(watched).collect()
    }

    fn date_rule(&self, settings: &SourceSettings) -> DateRule {
        DateRule {
            frames_per_day: self.data.frames_per_day,
            open_bar_ns: match settings.time_is {
                TimeIs::Close => 0,
                TimeIs::Open { bar_ns } => bar_ns,
            },
            zone: settings.zone.clone(),
        }
    }

    /// Contents and paths of the files that the command reads.
    fn given_kinds(&self, factors: &[String]) -> Result<Vec<(GivenKind, &str)>> {
        let mut wanted = Vec::new();
        if self.trades
            && let Some((kind, path)) = self.signal_kind().zip(self.signal_path())
        {
            wanted.push((kind, path));
        }
        if self.estimator.kind == EstimatorKind::Given {
            let betas = GivenKind::Betas(factors.to_vec());
            wanted.extend(self.estimator.betas.as_deref().map(|path| (betas, path)));
            if let Some(path) = &self.estimator.factor_cov {
                if factors.is_empty() {
                    bail!(
                        "`estimator.factor_cov`: found {path:?}, expected none, because the data has no factors"
                    );
                }
                wanted.push((GivenKind::FactorCov(factors.to_vec()), path));
            }
        }
        Ok(wanted)
    }

    /// Paths of these files in the order of the settings, as text.
    pub(super) fn given_text(&self) -> String {
        self.given_paths().map(|path| format!("{path}\n")).collect()
    }
}

impl Settings {
    /// Replaces the paths of these files by digests of their content, which changes results. `among_inputs`: the
    /// content is among the recorded inputs of a live run, so that only the presence of a path counts.
    pub(super) fn digest_given(&mut self, among_inputs: bool, host: &Host) -> Result<()> {
        let digest = |path: &str| match among_inputs {
            true => Ok("inputs".to_owned()),
            false => Ok::<_, anyhow::Error>(hex(&digest_of(path, host)?)),
        };
        for path in [&mut self.estimator.betas, &mut self.estimator.factor_cov].into_iter().flatten() {
            *path = digest(path)?;
        }
        if let Some(Value::String(path)) = self.strategy.get_mut(PATH) {
            *path = digest(path)?;
        }
        Ok(())
    }
}

/// Digest of the content of a file or folder.
fn digest_of(path: &str, host: &Host) -> Result<[u8; 32]> {
    if host.is_table(path) {
        return Ok(content_digest([&host.input(path)])?);
    }
    let path = Path::new(path);
    let mut known = DIGESTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(digest) = known.get(path) {
        return Ok(*digest);
    }
    let digest = content_digest([&Input::from(path)])?;
    known.insert(path.to_owned(), digest);
    Ok(digest)
}

/// Defaults of `[sizing]` that follow from a strategy: a forecast's horizon is that of the costs.
pub(super) fn sizing_defaults(strategy: &Table) -> Table {
    let horizon =
        strategy.get("horizon").filter(|_| strategy.get("kind").and_then(Value::as_str) == Some("forecasts"));
    horizon.map(|horizon| ("cost_horizon".to_owned(), horizon.clone())).into_iter().collect()
}
