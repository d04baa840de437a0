//! `scenarios.parquet`: a row a scenario.

use std::path::Path;

use betaflow_engine::ledger::hex;
use betaflow_engine::pipeline::ScenarioOutcome;

use super::table::{Kind, Table, TableError};

/// A setting's value in one scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingValue {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
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
        let outcome = figures(&ScenarioOutcome::nothing());
        let mut columns = vec![("scenario", Kind::Integer)];
        let kind = |number: bool| if number { Kind::Number } else { Kind::OptionalText };
        columns.extend(settings.iter().map(|(name, number)| (name.as_str(), kind(*number))));
        columns.push(("digest", Kind::Text));
        columns.extend(outcome.iter().map(|(name, _)| (name.as_str(), Kind::Number)));
        let table = Table::create(folder, "scenarios.parquet", &columns, note)?;
        Ok(Self { table, numbers: settings.iter().map(|(_, number)| *number).collect() })
    }

    /// The next scenario; a value for each setting, none where the scenario leaves it as it is.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn push(
        &mut self,
        settings: &[Option<SettingValue>],
        outcome: &ScenarioOutcome,
    ) -> Result<(), TableError> {
        let table = &mut self.table;
        table.integer(Some(outcome.number as u64));
        for (value, number) in settings.iter().zip(&self.numbers) {
            table.setting(value.as_ref(), *number);
        }
        table.text(&hex(&outcome.digest));
        for (_, value) in figures(outcome) {
            table.number(value);
        }
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
    let turnover = &performance.turnover;
    all.push(("turnover".to_owned(), turnover.mean));
    all.push(("turnover_max".to_owned(), turnover.max));
    all.push(("nav_last".to_owned(), performance.nav.map_or(f64::NAN, |(_, last)| last)));
    all.extend(performance.costs.items().map(|(name, value)| (format!("cost_{name}"), value)));
    all.push(("cost_total".to_owned(), performance.costs.total()));
    all.push(("break_even_bps".to_owned(), outcome.break_even_bps));
    all.push(("capacity".to_owned(), outcome.capacity));
    all
}
