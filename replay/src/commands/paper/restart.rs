//! Start and restart of a run: history, settings, and the checkpoint to resume from.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use betaflow_connectors::live::{Control, FeedSource, History, inputs_before};
use betaflow_connectors::store::{InputKind, InputReader, SavedCheckpoint, StateFolder, StateView};
use betaflow_engine::ledger::hex;
use betaflow_engine::state::Checkpoint;
use betaflow_engine::time::{Iso, TimestampNs};
use toml::{Table, Value};
use tracing::warn;

use super::PaperArgs;
use super::halts::LastChange;
use crate::config::{Config, DatedTable, RECORDED_TABLES, first_difference};

/// Key of the history in the state folder.
const HISTORY: &str = "history";

/// Returns the history, as recorded or, for a new run, from the arguments; and the configuration with the end
/// of the history as `data.trade_from`, unless the user set one: frames of history are warm-up frames.
pub(crate) fn history(
    folder: &StateFolder,
    args: &PaperArgs,
    config: Config,
) -> Result<(Option<History>, Config)> {
    let known = folder.value(HISTORY)?;
    let known: Option<History> = known
        .filter(|text| text != "none")
        .map(|text| serde_json::from_str(&text))
        .transpose()
        .context("history in the state folder")?;
    let is_new = folder.start()?.next_input == 0;
    let history = match (known, &args.history) {
        (None, Some(path)) if is_new => {
            let settings = config.source().clone();
            let made = History::of(path, args.history_factors.as_deref(), &settings)
                .map_err(|error| anyhow::anyhow!(error))
                .context("history")?;
            folder.settle(HISTORY, &serde_json::to_string(&made)?)?;
            Some(made)
        }
        (None, Some(path)) => bail!(
            "{}: found a run without history and --history {}, expected none: omit the argument, or start with a new \
             state folder",
            folder.path().display(),
            path.display()
        ),
        (Some(known), Some(path)) if std::path::absolute(path)? != known.prices => bail!(
            "{}: found a run with the history {}, expected --history {}: omit the argument, or start with a new \
             state folder",
            folder.path().display(),
            known.prices.display(),
            path.display()
        ),
        (known, _) => known,
    };
    let Some(known) = history.as_ref().filter(|_| config.data.trade_from.is_none()) else {
        return Ok((history, config));
    };
    let after = jiff::Timestamp::from_nanosecond(i128::from(known.last) + 1)?;
    let config = config.changed(|settings| settings.data.trade_from = Some(after.to_string()))?;
    Ok((history, config))
}

/// Control inputs before the first input of the feed in this start. `resumes`: the user resumes trading.
pub(crate) fn fresh(
    folder: &StateFolder,
    history: Option<&History>,
    resumes: bool,
    time: i64,
) -> Result<Vec<Control>> {
    let history = history.map(History::control);
    let history = match history {
        Some(control) if !is_recorded(folder, &control)? => Some(control),
        _ => None,
    };
    let resume =
        resumes.then(|| Control { kind: "resume", timestamp: time, body: r#"{"kind":"resume"}"#.to_owned() });
    Ok(history.into_iter().chain(resume).collect())
}

/// Returns whether the record has the control of the history. Only files of the user, and the reasons why one is not
/// used, precede it.
fn is_recorded(folder: &StateFolder, history: &Control) -> Result<bool> {
    let mut record = InputReader::open(folder.database(), 0)?;
    while let Some(input) = record.next_input()? {
        if input.kind == InputKind::Bars || input.body == history.body {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Checkpoint to resume from, and number of the first input after it.
pub(crate) struct RestartPoint {
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) input: u64,
}

impl RestartPoint {
    /// Finds the last readable checkpoint; without one, all recorded inputs are replayed.
    pub(crate) fn of(folder: &StateFolder, checkpoints: Vec<SavedCheckpoint>, foreign: &[u64]) -> Self {
        for seq in foreign {
            warn!(
                kind = "checkpoint_skipped",
                seq,
                "{}: checkpoint after frame {seq} skipped: it does not belong to the recorded frames",
                folder.path().display()
            );
        }
        for SavedCheckpoint { seq, state, .. } in checkpoints {
            let read = Checkpoint::from_bytes(&state)
                .and_then(|checkpoint| Ok((inputs_before(&checkpoint.source)?, checkpoint)));
            match read {
                Ok((input, checkpoint)) => return Self { checkpoint: Some(checkpoint), input },
                Err(error) => {
                    warn!(
                        kind = "checkpoint_skipped",
                        seq,
                        "{}: checkpoint after frame {seq} skipped: {error}",
                        folder.path().display()
                    );
                }
            }
        }
        Self { checkpoint: None, input: 0 }
    }

    /// Number of the first frame that this start computes.
    pub(crate) fn first_frame(&self) -> u64 {
        self.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.seq + 1)
    }

    /// Source, resumed from the checkpoint.
    pub(crate) fn source(&self, source: FeedSource) -> Result<FeedSource> {
        match &self.checkpoint {
            Some(checkpoint) => Ok(source.resuming(checkpoint)?),
            None => Ok(source),
        }
    }
}

/// Last recorded change between trading and halted.
pub(crate) fn last_change(folder: &StateFolder) -> Result<Option<LastChange>> {
    let view = StateView::open(folder.path())?;
    Ok(LastChange::read(view.connection())?)
}

/// Sentence about the frame after which a run resumes. `committed`: the last recorded frame; `inputs`: number of
/// recorded inputs.
pub(crate) fn sentence(
    committed: Option<u64>,
    inputs: u64,
    point: &RestartPoint,
    folder: &StateFolder,
) -> Result<String> {
    let Some(seq) = committed else {
        let again = inputs.saturating_sub(point.input);
        return Ok(format!("Resuming before the first rebalance; computing the last {again} inputs again"));
    };
    let view = StateView::open(folder.path())?;
    let time = "SELECT timestamp FROM equity WHERE seq = ?1";
    let time = Iso(TimestampNs(view.connection().query_row(time, [seq], |row| row.get(0))?));
    Ok(match (seq + 1).saturating_sub(point.first_frame()) {
        0 => format!("Resuming after frame {seq} ({time})"),
        1 => format!("Resuming after frame {seq} ({time}); computing the last frame again"),
        again => format!("Resuming after frame {seq} ({time}); computing the last {again} frames again"),
    })
}

/// Settings that differ between two TOML configurations, at most ten.
fn differences(known: &str, now: &str) -> String {
    let of = |text: &str| {
        let mut all = BTreeMap::new();
        for (table, keys) in text.parse::<Table>().unwrap_or_default() {
            match keys {
                Value::Table(keys) => {
                    all.extend(
                        keys.into_iter().map(|(key, value)| (format!("{table}.{key}"), value.to_string())),
                    );
                }
                value => drop(all.insert(table, value.to_string())),
            }
        }
        all
    };
    let (known, now) = (of(known), of(now));
    let keys: BTreeSet<&String> = known.keys().chain(now.keys()).collect();
    let show =
        |all: &BTreeMap<String, String>, key| all.get(key).cloned().unwrap_or_else(|| "not set".to_owned());
    let lines = keys.into_iter().filter(|key| known.get(*key) != now.get(*key));
    let lines = lines.map(|key| format!("  {key}: recorded {}, now {}", show(&known, key), show(&now, key)));
    lines.take(10).collect::<Vec<_>>().join("\n")
}

/// Checks that the configuration is the recorded one, and records it in a new state folder.
pub(crate) fn settle(folder: &StateFolder, config: &Config) -> Result<()> {
    let digest = hex(&config.digest()?);
    if folder.settle("configuration_digest", &digest)? != digest {
        let other = betaflow_connectors::store::StoreError::OtherSettings(folder.path().to_owned());
        let known = folder.value("configuration")?.unwrap_or_default();
        bail!("{other}\n{}", differences(&known, &config.to_toml("paper")?));
    }
    settle_tables(folder, config)?;
    folder.settle("version", env!("CARGO_PKG_VERSION"))?;
    folder.settle("configuration", &config.to_toml("paper").context("the settings as TOML")?)?;
    folder.settle("started", &jiff::Timestamp::now().to_string())?;
    Ok(())
}

/// Checks that the rows of dated tables up to the last recorded bars are the recorded ones, and records all rows.
fn settle_tables(folder: &StateFolder, config: &Config) -> Result<()> {
    let tables = config.dated_tables();
    if tables.is_empty() {
        return Ok(());
    }
    let rows = serde_json::to_string(&tables)?;
    let known = folder.settle(RECORDED_TABLES, &rows)?;
    let known: Vec<DatedTable> =
        serde_json::from_str(&known).context("tables of settings in the state folder")?;
    let Some((_, last)) = folder.last_message()? else {
        return Ok(folder.replace(RECORDED_TABLES, &rows)?);
    };
    let last = TimestampNs(last);
    if let Some(difference) = first_difference(&tables, &known, config.data.zone()?.date(last)) {
        bail!(
            "{}: {difference}, and the run has recorded bars until {}; expected the recorded rows up to that date, later \
             ones may be added: use the file of the run, or start a new state folder",
            folder.path().display(),
            Iso(last)
        );
    }
    Ok(folder.replace(RECORDED_TABLES, &rows)?)
}
