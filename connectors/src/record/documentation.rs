//! Documentation of all tables and columns, from their declarations.

use std::fmt::Write as _;

use super::attribution::{AttributionRow, ContributionRow};
use super::checks::{BarRow, FindingRow};
use super::column::{Place, Record, RunNames};
use super::estimates::{BetaRow, InstrumentRow, ParametersRow, RollingRow, SmoothedRow};
use super::factors::FactorWindowRow;
use super::groups::GroupRow;
use super::membership::MembershipRow;
use super::premia::PremiaRow;
use super::risk::RiskRow;
use super::signal::SignalTableRow;
use super::studies::{FoldRow, OutOfSampleRow, ScenarioReturnRow, ScenarioRow, ScenarioTableRow};
use super::trading::{BorrowRow, EquityRow, FillRow, OrderRow, SavedBetas, WeightRow};
use super::trials::{CorrelationRow, TrialRow};

const HEAD: &str = "# Tables

Columns of every table of a run folder (Parquet, `NAME.parquet`) and of a state folder (SQLite, `state.db`). Columns of
one name have the same values in both. Times are UTC; in SQLite they are integers, nanoseconds since 1970. A null number is not
defined. `{factor}`, `{coefficient}` (alpha and the factors), `{pair}` and `{setting}` stand for one column each.

This page is generated: `UPDATE_DOCS=1 cargo test -p betaflow-connectors --test suite record` writes it.
";

/// Markdown with a section for each table: the file `replay/docs/tables.md`.
#[must_use]
pub fn documentation() -> String {
    let mut text = HEAD.to_owned();
    add::<EquityRow>(&mut text);
    add::<FillRow>(&mut text);
    add::<OrderRow>(&mut text);
    add::<BorrowRow>(&mut text);
    add::<WeightRow>(&mut text);
    add::<AttributionRow>(&mut text);
    add::<ContributionRow>(&mut text);
    add::<BetaRow>(&mut text);
    add::<SavedBetas>(&mut text);
    add::<InstrumentRow>(&mut text);
    add::<SmoothedRow>(&mut text);
    add::<ParametersRow>(&mut text);
    add::<RollingRow>(&mut text);
    add::<PremiaRow>(&mut text);
    add::<GroupRow>(&mut text);
    add::<RiskRow>(&mut text);
    add::<MembershipRow>(&mut text);
    add::<SignalTableRow>(&mut text);
    add::<FactorWindowRow>(&mut text);
    add::<ScenarioTableRow>(&mut text);
    add::<ScenarioReturnRow>(&mut text);
    add::<FoldRow>(&mut text);
    add::<OutOfSampleRow>(&mut text);
    add::<TrialRow>(&mut text);
    add::<CorrelationRow>(&mut text);
    add::<FindingRow>(&mut text);
    add::<BarRow>(&mut text);
    text
}

fn add<R: Record>(text: &mut String) {
    let names = RunNames {
        factors: vec!["{factor}".to_owned()],
        settings: vec![("{setting}".to_owned(), true)],
        figures: ScenarioRow::names(),
    };
    let columns = R::columns(&names);
    let in_state = columns.iter().all(|column| column.place == Place::State);
    let place = if in_state { " (state folder)" } else { "" };
    // Writing to a text cannot fail.
    let _ = write!(text, "\n## {}{place}\n\n{}\n\n", R::TABLE, R::ABOUT.trim());
    let _ = writeln!(text, "| column | type | unit | description |\n|---|---|---|---|");
    for column in &columns {
        let state = if column.place == Place::State && !in_state { " State folder only." } else { "" };
        let (kind, unit) = (column.kind.name(), column.unit);
        let _ = writeln!(text, "| `{}` | {kind} | {unit} | {}{state} |", column.name, column.doc);
    }
}
