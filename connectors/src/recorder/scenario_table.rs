//! `scenarios.parquet`: a row a scenario.

use std::path::Path;

use betaflow_engine::ledger::hex;
use betaflow_engine::pipeline::ScenarioOutcome;

use super::table::{Kind, Table, TableError};

/// Column that says how a scenario ended, and its values.
pub(super) const OUTCOME: &str = "outcome";
pub(super) const RUINED: &str = "ruined";
const COMPLETED: &str = "completed";

/// A setting's value in one scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingValue {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// What a scenario came to, as its row has it.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioRow {
    /// Which one.
    pub number: usize,
    /// The digest of the replay that it is; none where it is not one.
    pub digest: Option<String>,
    /// Whether its account was ruined.
    pub ruined: bool,
    /// Figures in the order of [`ScenarioRow::names`]; NaN where one is not defined.
    pub figures: Vec<f64>,
}

impl ScenarioRow {
    /// The row of an outcome.
    #[must_use]
    pub fn of(outcome: &ScenarioOutcome) -> Self {
        let figures = figures(outcome).into_iter().map(|(_, value)| value).collect();
        let ruined = outcome.performance.ruined.is_some();
        Self { number: outcome.number, digest: outcome.digest.as_ref().map(hex), ruined, figures }
    }

    /// Names of the figures, which are those of their columns.
    #[must_use]
    pub fn names() -> Vec<String> {
        figures(&ScenarioOutcome::nothing()).into_iter().map(|(name, _)| name).collect()
    }
}

/// `scenarios.parquet` under construction.
pub struct ScenariosTable {
    table: Table,
    numbers: Vec<bool>,
}

impl ScenariosTable {
    /// `settings`: the dotted name of each setting that varies, and whether all its values are numbers. `note`: what
    /// whoever reads the table must know.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(
        folder: &Path,
        settings: &[(String, bool)],
        note: Option<&str>,
    ) -> Result<Self, TableError> {
        let names = ScenarioRow::names();
        let mut columns = vec![("scenario", Kind::Integer)];
        let kind = |number: bool| if number { Kind::Number } else { Kind::OptionalText };
        columns.extend(settings.iter().map(|(name, number)| (name.as_str(), kind(*number))));
        columns.push(("digest", Kind::OptionalText));
        columns.push((OUTCOME, Kind::Text));
        columns.extend(names.iter().map(|name| (name.as_str(), Kind::Number)));
        let table = Table::create(folder, "scenarios.parquet", &columns, note)?;
        Ok(Self { table, numbers: settings.iter().map(|(_, number)| *number).collect() })
    }

    /// The next scenario; a value for each setting, none where the scenario leaves it as it is.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn push(&mut self, settings: &[Option<SettingValue>], row: &ScenarioRow) -> Result<(), TableError> {
        let table = &mut self.table;
        table.integer(Some(row.number as u64));
        for (value, number) in settings.iter().zip(&self.numbers) {
            table.setting(value.as_ref(), *number);
        }
        table.optional_text(row.digest.as_deref());
        table.text(if row.ruined { RUINED } else { COMPLETED });
        row.figures.iter().for_each(|value| table.number(*value));
        table.end_row()
    }

    /// Writes what is left and the footer.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn close(self) -> Result<(), TableError> {
        self.table.close()
    }
}

/// Every figure under the name of its column.
fn figures(outcome: &ScenarioOutcome) -> Vec<(String, f64)> {
    let mut all = Vec::new();
    for (kind, figures) in [("net", &outcome.net), ("gross", &outcome.gross)] {
        all.extend(figures.all().map(|(name, value)| (format!("{kind}_{name}"), value)));
    }
    let performance = &outcome.performance;
    let excess = &performance.in_excess;
    for (kind, ratios) in [("net", excess.net), ("gross", excess.gross)] {
        all.extend(ratios.items().map(|(name, value)| (format!("{kind}_{name}"), value)));
    }
    let turnover = &performance.turnover;
    all.push(("turnover".to_owned(), turnover.mean));
    all.push(("turnover_max".to_owned(), turnover.max));
    all.push(("nav_last".to_owned(), performance.nav.map_or(f64::NAN, |(_, last)| last)));
    all.extend(performance.costs.items().map(|(name, value)| (format!("cost_{name}"), value)));
    all.push(("cost_total".to_owned(), performance.costs.total()));
    all.push(("break_even_bps".to_owned(), outcome.break_even_bps));
    all.push(("capacity_of_same_trades".to_owned(), outcome.capacity));
    all
}
