//! Tables of facts about instruments that hold from a date on, and their comparison on restart.
//!
//! A state folder records the rows with which its frames were computed. A later start may have more rows, because
//! membership, groups and fees go on; rows that were in force on a recorded frame must be the same.

use std::fmt;

use betaflow_engine::assembly::Renames;
use betaflow_engine::dated::DatedValues;
use betaflow_engine::time::{DAY_NS, Date, TimestampNs};
use serde::{Deserialize, Serialize};

use super::Config;

/// Key of the recorded tables in a state folder.
pub(crate) const RECORDED_TABLES: &str = "dated_tables";

/// Row of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Row {
    /// Date in days since 1970 from which the row is in force.
    date: i64,
    symbol: String,
    /// Value as JSON.
    value: String,
}

/// Rows of one table, in the order of their dates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DatedTable {
    /// Setting that names the file.
    setting: String,
    rows: Vec<Row>,
}

/// First difference of two tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableDifference {
    /// Setting that names the file.
    pub setting: String,
    /// Symbol of the row.
    pub symbol: String,
    /// Date from which the row is in force; `None` for the beginning.
    pub date: Option<Date>,
    /// Value recorded; `None` without a row.
    pub recorded: Option<String>,
    /// Value now.
    pub now: Option<String>,
}

impl fmt::Display for TableDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "no row".to_owned());
        let date = self.date.map_or("the beginning".to_owned(), |date| date.to_string());
        let (setting, symbol) = (&self.setting, &self.symbol);
        let (recorded, now) = (text(&self.recorded), text(&self.now));
        write!(
            f,
            "{setting}: found another table, first `{symbol}` from {date}: recorded {recorded}, now {now}"
        )
    }
}

impl DatedTable {
    /// Rows of values by symbol.
    pub(crate) fn of<V: Serialize>(setting: &str, values: &DatedValues<V>) -> Self {
        let rows = values.symbols().flat_map(|symbol| {
            values.rows_of(symbol).iter().map(|(date, value)| Row {
                date: *date,
                symbol: symbol.to_string(),
                value: serde_json::to_string(value).unwrap_or_default(),
            })
        });
        Self::sorted(setting, rows.collect())
    }

    /// Rows of symbol changes.
    fn of_renames(setting: &str, renames: &Renames) -> Self {
        let rows = renames.rows().iter().map(|rename| Row {
            date: rename.date.days(),
            symbol: rename.from.clone(),
            value: format!("{} times {}", rename.to, rename.ratio),
        });
        Self::sorted(setting, rows.collect())
    }

    fn sorted(setting: &str, mut rows: Vec<Row>) -> Self {
        rows.sort();
        Self { setting: setting.to_owned(), rows }
    }

    /// First row up to a date, in days since 1970, that differs from the recorded table.
    fn difference(&self, recorded: &Self, until: i64) -> Option<TableDifference> {
        let until = |table: &Self| table.rows.partition_point(|row| row.date <= until);
        let (known, now) = (&recorded.rows[..until(recorded)], &self.rows[..until(self)]);
        let at = (0..known.len().max(now.len())).find(|at| known.get(*at) != now.get(*at))?;
        let (before, after) = (known.get(at), now.get(at));
        let key = |row: &Row| (row.date, row.symbol.clone());
        let (date, symbol) = before.map(key).into_iter().chain(after.map(key)).min()?;
        let value = |row: Option<&Row>| {
            row.filter(|row| key(row) == (date, symbol.clone())).map(|row| row.value.clone())
        };
        let (recorded, now) = (value(before), value(after));
        let date = date.checked_mul(DAY_NS).map(|ns| Date::of(TimestampNs(ns)));
        Some(TableDifference { setting: self.setting.clone(), symbol, date, recorded, now })
    }
}

/// First difference of the tables of a run to those recorded for it, among the rows in force up to a date in days since
/// 1970. A table on one side alone is a difference of the settings, which are compared before.
pub(crate) fn first_difference(
    now: &[DatedTable],
    recorded: &[DatedTable],
    until: i64,
) -> Option<TableDifference> {
    let pair = |table: &DatedTable| recorded.iter().find(|other| other.setting == table.setting).cloned();
    now.iter().find_map(|table| table.difference(&pair(table)?, until))
}

impl Config {
    /// Tables that the settings name, as read.
    pub(crate) fn dated_tables(&self) -> Vec<DatedTable> {
        let run = self.run();
        let mut tables: Vec<DatedTable> = Vec::new();
        tables.extend(run.membership.iter().map(|all| DatedTable::of("universe.membership", all.table())));
        for column in &run.groups {
            tables.push(DatedTable::of(&format!("universe.groups, column {}", column.column), &column.table));
        }
        if self.data.renames.is_some() {
            tables.push(DatedTable::of_renames("data.renames", &self.source().renames));
        }
        tables.extend(run.execution.borrow.iter().map(|fees| DatedTable::of("execution.borrow_file", fees)));
        let bounds = run.sizing.bounds_by_name.iter();
        tables.extend(bounds.map(|bounds| DatedTable::of("sizing.weight_bounds", bounds)));
        tables
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn table(rows: &[(&str, i64, f64)]) -> DatedTable {
        DatedTable::of("universe.groups", &DatedValues::new(rows.iter().copied()).unwrap())
    }

    #[test]
    fn rows_after_the_date_do_not_differ() {
        let recorded = table(&[("A", 10, 1.0), ("B", 20, 2.0)]);
        let longer = table(&[("A", 10, 1.0), ("B", 20, 2.0), ("A", 30, 3.0)]);
        let other = table(&[("A", 10, 1.0), ("B", 20, 5.0)]);
        let missing = table(&[("B", 20, 2.0)]);
        assert_eq!(first_difference(&[longer], std::slice::from_ref(&recorded), 29), None);
        assert_eq!(first_difference(std::slice::from_ref(&other), std::slice::from_ref(&recorded), 19), None);
        let found = first_difference(&[other], std::slice::from_ref(&recorded), 20).unwrap();
        assert_eq!(
            (&*found.symbol, found.recorded.as_deref(), found.now.as_deref()),
            ("B", Some("2.0"), Some("5.0"))
        );
        let found = first_difference(&[missing], &[recorded], 99).unwrap();
        assert_eq!((&*found.symbol, found.recorded.as_deref(), found.now), ("A", Some("1.0"), None));
    }
}
