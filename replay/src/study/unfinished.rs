//! Results of an unfinished study: a folder beside the run folder, with one part per completed pass. It
//! survives any end of the program.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, bail};
use betaflow_connectors::record::{
    ScenarioReturns, ScenarioReturnsTable, ScenarioRow, ScenariosTable, read_scenario_returns, read_scenarios,
};
use betaflow_engine::source::DataFacts;
use serde::{Deserialize, Serialize};

use super::Outcome;
use super::shard_number::ShardNumber;

const STUDY: &str = "study.json";
const DATA: &str = "data.json";
const PART: &str = "part-";

/// Key of a study; a study is resumed only if all fields are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) version: String,
    pub(crate) scenarios: usize,
    /// Digest of the settings of all scenarios.
    pub(crate) settings: String,
    /// Digest of the bytes of the data.
    pub(crate) data: String,
    /// Shard that runs; `None` for all scenarios.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shard: Option<ShardNumber>,
}

impl Key {
    /// Key of the whole study.
    pub(super) fn of_all(&self) -> Self {
        Self { shard: None, ..self.clone() }
    }

    /// Returns the first difference as a sentence.
    pub(crate) fn differs(&self, other: &Self) -> Option<String> {
        match () {
            () if self.version != other.version => {
                Some(format!("it is of betaflow {}, and this is {}", other.version, self.version))
            }
            () if self.scenarios != other.scenarios => {
                Some(format!("it has {} scenarios, and this study {}", other.scenarios, self.scenarios))
            }
            () if self.settings != other.settings => Some("its settings or its grid differ".to_owned()),
            () if self.data != other.data => Some("its data differs".to_owned()),
            () if self.shard != other.shard => {
                let name = |shard: Option<ShardNumber>| {
                    shard.map_or("all scenarios".to_owned(), |shard| format!("shard {shard}"))
                };
                Some(format!("it has {}, and this {}", name(other.shard), name(self.shard)))
            }
            () => None,
        }
    }
}

/// Path of the unfinished study of a run folder.
pub(crate) fn place(out: &Path) -> PathBuf {
    let name = out.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    out.with_file_name(format!(".{name}.unfinished"))
}

/// Folder of an unfinished study, locked by this process.
pub(crate) struct UnfinishedStudy {
    path: PathBuf,
    parts: AtomicUsize,
    /// Lock held while the study runs.
    _lock: File,
}

/// Results of the completed passes.
#[derive(Default)]
pub(crate) struct UnfinishedResults {
    /// Outcomes in arbitrary order.
    pub(crate) outcomes: Vec<Outcome>,
    /// Facts of the pass with the first scenario: they depend neither on the order nor on the number of passes.
    pub(crate) data: DataFacts,
}

impl UnfinishedStudy {
    /// Creates the folder, or resumes the existing one. `resume`: resuming was requested; `force`: an
    /// existing folder may be removed.
    ///
    /// # Errors
    /// The folder exists without `resume` or `force`, belongs to another study, is locked by another process,
    /// or the file system refuses a write.
    pub(crate) fn open(out: &Path, key: &Key, resume: bool, force: bool) -> Result<Self> {
        let out = std::path::absolute(out)?;
        let path = place(&out);
        let study = path.join(STUDY);
        let cannot = |doing: &'static str| format!("{}: cannot {doing}", path.display());
        if !resume && !force && study.exists() {
            bail!(
                "{}: found an unfinished study of this folder; expected --resume to continue it, or --force to delete \
                 it",
                path.display()
            );
        }
        fs::create_dir_all(&path).with_context(|| cannot("create the folder of the unfinished study"))?;
        let lock = File::create(path.join("lock")).with_context(|| cannot("create a file in it"))?;
        if lock.try_lock().is_err() {
            bail!("{}: locked by another process; wait for it, or choose another --out", path.display());
        }
        if resume && let Ok(text) = fs::read_to_string(&study) {
            let begun: Key = serde_json::from_str(&text).with_context(|| {
                format!("{}: not a file that betaflow wrote; start over with --force", study.display())
            })?;
            if let Some(difference) = key.differs(&begun) {
                bail!(
                    "{}: found an unfinished study that differs from this one: {difference}; use the same grid, settings and \
                     data, or start over with --force instead of --resume",
                    path.display()
                );
            }
        } else {
            remove_parts(&path).with_context(|| cannot("remove parts of an earlier run"))?;
            write_synced(&study, serde_json::to_string(key)?.as_bytes())
                .with_context(|| cannot("write a file in it"))?;
        }
        // Continue the numbers after all existing parts, complete or not.
        let last = parts(&path)?.iter().filter_map(|part| number_of(part)).max().unwrap_or(0);
        Ok(Self { path, parts: AtomicUsize::new(last + 1), _lock: lock })
    }

    /// Writes the results of a pass atomically.
    ///
    /// # Errors
    /// The file system refuses a write.
    pub(crate) fn keep(
        &self,
        rows: &[ScenarioRow],
        returns: &[ScenarioReturns],
        data: &DataFacts,
    ) -> Result<()> {
        let number = self.parts.fetch_add(1, Ordering::Relaxed);
        let part = self.path.join(format!("{PART}{number:06}"));
        let aside = part.with_extension("partial");
        fs::create_dir_all(&aside)
            .with_context(|| format!("{}: cannot create the folder", aside.display()))?;
        let mut table = ScenariosTable::create(&aside, &[], None)?;
        rows.iter().try_for_each(|row| table.push(&[], row))?;
        table.close()?;
        let mut table = ScenarioReturnsTable::create(&aside)?;
        returns.iter().try_for_each(|scenario| table.push(scenario))?;
        table.close()?;
        let failed = || format!("{}: cannot write the results of a pass", part.display());
        write_synced(&aside.join(DATA), serde_json::to_string(data)?.as_bytes()).with_context(failed)?;
        fs::rename(&aside, &part).with_context(failed)?;
        sync_folder(&self.path).with_context(failed)
    }

    /// Returns the results of all parts.
    ///
    /// # Errors
    /// A part cannot be read.
    pub(crate) fn read(&self) -> Result<UnfinishedResults> {
        let mut kept = UnfinishedResults::default();
        let mut first = usize::MAX;
        for part in parts(&self.path)? {
            if part.extension().is_some() {
                continue;
            }
            let mut returns = read_scenario_returns(&part)?.unwrap_or_default().into_iter().peekable();
            let rows = read_scenarios(&part)?.rows()?;
            let lowest = rows.iter().map(|row| row.number).min().unwrap_or(usize::MAX);
            for row in rows {
                let own = returns.next_if(|returns| returns.number == row.number);
                kept.outcomes.push(Outcome { row, returns: own });
            }
            if lowest >= first {
                continue;
            }
            first = lowest;
            let data = part.join(DATA);
            let text = fs::read_to_string(&data)
                .with_context(|| format!("{}: cannot read the file", data.display()))?;
            kept.data = serde_json::from_str(&text)
                .with_context(|| format!("{}: not a file that betaflow wrote", data.display()))?;
        }
        Ok(kept)
    }

    /// Removes the folder of a completed study.
    pub(crate) fn remove(self) {
        // If the folder remains, the next study of this name reports it.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn parts(path: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(path).with_context(|| format!("{}: cannot read the folder", path.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("{}: cannot read the folder", path.display()))?;
        if entry.file_name().to_string_lossy().starts_with(PART) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn number_of(part: &Path) -> Option<usize> {
    part.file_stem()?.to_str()?.strip_prefix(PART)?.parse().ok()
}

fn remove_parts(path: &Path) -> Result<()> {
    for part in parts(path)? {
        fs::remove_dir_all(part)?;
    }
    Ok(())
}

fn write_synced(path: &Path, content: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut file = File::create(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Syncs the parent folder, without which a rename may be lost in a crash.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}
