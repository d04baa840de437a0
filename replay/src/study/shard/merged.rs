//! Shards of one study, read and checked.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use betaflow_connectors::record::{ScenarioReturns, ScenarioRow, read_scenario_returns, read_scenarios};
use betaflow_engine::source::DataFacts;

use super::record::{GRID, SETTINGS, SHARD, ShardSettings, ShardSummary};
use crate::config::Config;
use crate::host::Host;
use crate::study::{Grid, Outcome, Study, StudyResults};
use crate::summary::FolderKind;

/// Tables of a shard, which follow from study and number: those of a shard that is given twice are equal.
const RESULTS: [&str; 2] = [SCENARIOS, RETURNS];
const SCENARIOS: &str = "scenarios.parquet";
const RETURNS: &str = "scenario_returns.parquet";
/// Maximum scenarios named in an error.
const NAMED: usize = 5;
/// Figure of every scenario that has a return.
const TOTAL_RETURN: &str = "net_total_return";

/// Study whose shards are complete.
pub(crate) struct MergedStudy {
    /// Command of the study.
    pub(crate) kind: FolderKind,
    pub(crate) study: Study,
    pub(crate) results: StudyResults,
    /// Scenario with the unchanged configuration, which `tune` compares with.
    pub(crate) base: Option<usize>,
    /// Number of scenarios of the grid file.
    pub(crate) settings: usize,
    /// Number of shards.
    pub(crate) shards: usize,
    /// Seconds of all shards.
    pub(crate) seconds: f64,
}

/// A shard folder.
struct Shard {
    folder: PathBuf,
    summary: ShardSummary,
}

impl MergedStudy {
    /// Reads the shards of a study from shard folders, and from folders that contain shard folders.
    ///
    /// # Errors
    /// A folder has no shard; a shard is missing, damaged, of another study or version; or two folders have different
    /// results for a shard.
    pub(crate) fn read(folders: &[PathBuf], host: &Host) -> Result<Self> {
        let shards = shards(folders)?;
        let first = &shards[0];
        let (kind, base) = (first.summary.kind, first.summary.base_scenario);
        let grid = Grid::read(&first.folder.join(GRID), &Host::default())?;
        let mut study = Study {
            base: Config::recorded(ShardSettings::read(&first.folder)?.base, host)?,
            grid,
            configs: Vec::new(),
            charges: None,
            identities: None,
        };
        let settings = study.grid.scenarios.len();
        if base == Some(settings) {
            study.grid.scenarios.push(vec![None; study.grid.names.len()]);
        }
        let (mut outcomes, mut configs) = (BTreeMap::new(), BTreeMap::new());
        let mut results = StudyResults { outcomes: Vec::new(), data: DataFacts::default(), passes: 0 };
        let mut seconds = 0.0;
        let has_returns = shards.iter().any(|shard| shard.folder.join(RETURNS).exists());
        for shard in &shards {
            let Shard { folder, summary } = shard;
            let recorded = ShardSettings::read(folder)?;
            shard.check(SETTINGS, recorded.scenario.iter().map(|of| of.number), &summary.scenarios)?;
            for scenario in recorded.scenario {
                configs.insert(scenario.number, scenario.into_config(&recorded.base, host)?);
            }
            let rows = shard.rows()?;
            let mut returns = shard.returns(&rows, has_returns)?.into_iter().peekable();
            for row in rows {
                let own = returns.next_if(|returns| returns.number == row.number);
                outcomes.insert(row.number, Outcome { row, returns: own });
            }
            if summary.scenarios.first() == Some(&0) {
                results.data = summary.data.clone();
            }
            results.passes += usize::try_from(summary.timing.passes)?;
            seconds += summary.timing.seconds;
        }
        let count = study.grid.scenarios.len();
        if !(outcomes.keys().copied().eq(0..count) && configs.keys().copied().eq(0..count)) {
            bail!(
                "{}: found results of {} scenarios in all shards, expected {count}; run the shards again",
                first.folder.display(),
                outcomes.len()
            );
        }
        results.outcomes = outcomes.into_values().collect();
        let (configs, identities) = configs.into_values().unzip();
        (study.configs, study.identities) = (configs, Some(identities));
        Ok(Self { kind, study, results, base, settings, shards: shards.len(), seconds })
    }
}

/// Returns the shards in folders, by number, each once and all of one study.
fn shards(folders: &[PathBuf]) -> Result<Vec<Shard>> {
    let mut shards: BTreeMap<usize, Shard> = BTreeMap::new();
    let mut of = 0;
    for folder in found(folders)? {
        let shard = Shard { summary: ShardSummary::read(&folder)?, folder };
        let Some(number) = shard.summary.study.shard else {
            bail!("{}: found no number of a shard; run the shard again", shard.folder.join(SHARD).display());
        };
        if let Some(known) = shards.values().next() {
            shard.check_study_of(known)?;
        }
        of = number.of;
        match shards.get(&number.number) {
            Some(known) if known.equals(&shard)? => {}
            Some(known) => bail!(
                "{}: found other results of shard {number} than in {}; the same shard has the same results on every machine: \
                 remove the wrong one",
                shard.folder.display(),
                known.folder.display()
            ),
            None => _ = shards.insert(number.number, shard),
        }
    }
    let missing: Vec<String> =
        (1..=of).filter(|number| !shards.contains_key(number)).map(|number| number.to_string()).collect();
    if let Some((last, others)) = missing.split_last() {
        let (names, verb) = match others {
            [] => (format!("shard {last}"), "is"),
            others => (format!("shards {} and {last}", others.join(", ")), "are"),
        };
        bail!(
            "{names} of {of} {verb} missing; expected the folders of all shards: run the missing ones with --shard I/{of}"
        );
    }
    Ok(shards.into_values().collect())
}

/// Returns the shard folders among folders and in them.
fn found(folders: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in folders {
        if folder.join(SHARD).exists() {
            found.push(folder.clone());
            continue;
        }
        let entries =
            fs::read_dir(folder).with_context(|| format!("{}: cannot read the folder", folder.display()))?;
        let mut inside = Vec::new();
        for entry in entries {
            let entry = entry.with_context(|| format!("{}: cannot read the folder", folder.display()))?;
            // Names with a point are those of incomplete folders.
            if !entry.file_name().to_string_lossy().starts_with('.') && entry.path().join(SHARD).exists() {
                inside.push(entry.path());
            }
        }
        if inside.is_empty() {
            bail!(
                "{}: found no shard, expected the folder of a shard, with its {SHARD}, or a folder of such folders",
                folder.display()
            );
        }
        inside.sort();
        found.extend(inside);
    }
    Ok(found)
}

/// Numbers of scenarios as text, at most [`NAMED`].
fn names(numbers: &[usize]) -> String {
    let named: Vec<String> = numbers.iter().take(NAMED).map(ToString::to_string).collect();
    match (numbers.len(), numbers.len().saturating_sub(NAMED)) {
        (0, _) => "none".to_owned(),
        (_, 0) => named.join(", "),
        (_, more) => format!("{} and {more} more", named.join(", ")),
    }
}

impl Shard {
    /// Reads the rows of the scenarios, which must be those of the shard.
    fn rows(&self) -> Result<Vec<ScenarioRow>> {
        let scenarios = &self.summary.scenarios;
        // A table without rows has no columns to read.
        let rows = if scenarios.is_empty() { Vec::new() } else { read_scenarios(&self.folder)?.rows()? };
        self.check(SCENARIOS, rows.iter().map(|row| row.number), scenarios)?;
        Ok(rows)
    }

    /// Reads the returns, which must be those of the scenarios with a total return. `has_returns`: true if the study
    /// stores returns. The account of a ruined scenario may have none.
    fn returns(&self, rows: &[ScenarioRow], has_returns: bool) -> Result<Vec<ScenarioReturns>> {
        let returns = read_scenario_returns(&self.folder)?.unwrap_or_default();
        let total = ScenarioRow::names().iter().position(|name| name == TOTAL_RETURN);
        let is_there = |row: &ScenarioRow| returns.iter().any(|of| of.number == row.number);
        let is_expected = |row: &&ScenarioRow| match row.ruined {
            true => is_there(row),
            false => has_returns && total.is_some_and(|total| !row.figures[total].is_nan()),
        };
        let expected: Vec<usize> = rows.iter().filter(is_expected).map(|row| row.number).collect();
        self.check(RETURNS, returns.iter().map(|of| of.number), &expected)?;
        Ok(returns)
    }

    /// Refuses a file of other scenarios than those expected.
    fn check(&self, file: &str, found: impl Iterator<Item = usize>, expected: &[usize]) -> Result<()> {
        let found: Vec<usize> = found.collect();
        if found != expected {
            bail!(
                "{}: found other scenarios in {file} than in {SHARD}: {}, expected {}; run the shard again with --force",
                self.folder.display(),
                names(&found),
                names(expected)
            );
        }
        Ok(())
    }

    /// Refuses a shard of another study than `known`.
    fn check_study_of(&self, known: &Self) -> Result<()> {
        let (own, other) = (&self.summary, &known.summary);
        let shards = |shard: &ShardSummary| shard.study.shard.map_or(0, |shard| shard.of);
        let study = other.study.of_all().differs(&own.study.of_all());
        let difference = study.or_else(|| match () {
            () if shards(own) != shards(other) => {
                Some(format!("it is one of {} shards, and the other one of {}", shards(own), shards(other)))
            }
            () if own.kind != other.kind => Some("it is of another command".to_owned()),
            () => (own.configuration != other.configuration).then(|| "its configuration differs".to_owned()),
        });
        match difference {
            Some(difference) => bail!(
                "{}: found a shard of another study than {}: {difference}; expected shards with the same grid, settings and data",
                self.folder.display(),
                known.folder.display()
            ),
            None => Ok(()),
        }
    }

    /// True if another folder has the same results.
    fn equals(&self, other: &Self) -> Result<bool> {
        for name in RESULTS {
            let [own, others] = [self, other].map(|shard| {
                let path = shard.folder.join(name);
                match path.exists() {
                    true => fs::read(&path)
                        .map(Some)
                        .with_context(|| format!("{}: cannot read the file", path.display())),
                    false => Ok(None),
                }
            });
            if own? != others? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
