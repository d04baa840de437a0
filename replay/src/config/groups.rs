//! Groups of instruments: `universe.groups`, and the factors that are made of them.

use std::sync::Arc;

use anyhow::{Result, bail};
use betaflow_connectors::parquet::read_groups;
use betaflow_engine::groups::GroupFactor;
use betaflow_engine::ledger::hex;
use betaflow_engine::model::EstimatorKind;
use betaflow_engine::portfolio::column_and_group;
use sha2::{Digest as _, Sha256};

use super::{Config, Settings};
use crate::host::Host;

/// Beginning of a factor that is made of groups.
const GROUP: &str = "group:";

/// Column of the groups that a factor is made of, such as `sector` of `group:sector`; `None` for an expression of
/// instruments.
pub(super) fn group_column(expression: &str) -> Option<&str> {
    expression.trim().strip_prefix(GROUP).map(str::trim)
}

impl Settings {
    /// Factors that are made of groups, in order: name and column.
    pub(super) fn group_factors(&self) -> impl Iterator<Item = (&str, &str)> {
        let texts = self.factors.iter().filter_map(|(name, text)| Some((name.as_str(), text.as_str()?)));
        texts.filter_map(|(name, text)| Some((name, group_column(text)?)))
    }

    /// Columns that bounds by group name and no factor does, each once.
    fn bounded_columns(&self) -> Vec<&str> {
        let mut columns: Vec<&str> =
            self.sizing.group_bounds.keys().map(|name| column_and_group(name).0).collect();
        columns.dedup();
        columns.retain(|column| self.group_factors().all(|(name, _)| name != *column));
        columns
    }

    /// Reads the groups that the settings name.
    ///
    /// # Errors
    /// The file cannot be read or lacks a column, or a factor is made of groups and there is no file, or the filter
    /// cannot use groups.
    pub(super) fn groups(&self, host: &Host) -> Result<Vec<GroupFactor>> {
        let factors: Vec<(&str, &str)> = self.group_factors().collect();
        let bounded = self.bounded_columns();
        let (name, column) = match (factors.first(), bounded.first()) {
            (Some(factor), _) => *factor,
            (None, Some(column)) if self.universe.groups.is_none() => bail!(
                "`sizing.group_bounds`: found {column} without a file of groups, expected one with the columns `symbol` and \
                 `{column}`; name it with universe.groups"
            ),
            (None, Some(column)) => ("", *column),
            (None, None) => {
                // A file without an effect must exist and have symbols all the same.
                if let Some(path) = &self.universe.groups {
                    read_groups(&host.input(path), &[], |symbol| self.feed.symbol(symbol))?;
                }
                return Ok(Vec::new());
            }
        };
        let Some(path) = &self.universe.groups else {
            bail!(
                "`factors.{name}`: found \"{GROUP}{column}\" without a file of groups, expected one with the columns `symbol` \
                 and `{column}`; name it with universe.groups"
            )
        };
        if let Some((name, _)) = factors.iter().find(|(_, column)| column.is_empty()) {
            bail!(
                "`factors.{name}`: found \"{GROUP}\", expected the name of a column, such as \"{GROUP}sector\""
            )
        }
        if !factors.is_empty() && !matches!(self.estimator.kind, EstimatorKind::Mixture | EstimatorKind::Dlm)
        {
            bail!(
                "`factors.{name}`: found \"{GROUP}{column}\" with the filter {:?}, expected estimator.kind = \"mixture\" or \
                 \"dlm\": other filters have no factors of groups",
                self.estimator.kind.name()
            )
        }
        let columns = factors.iter().map(|(_, column)| *column).chain(bounded.iter().copied());
        let columns: Vec<&str> = columns.collect();
        let tables = read_groups(&host.input(path), &columns, |symbol| self.feed.symbol(symbol))?;
        let bounds = bounded.iter().map(|column| (*column, *column, false));
        let named = factors.iter().map(|(name, column)| (*name, *column, true)).chain(bounds);
        let made = named.zip(tables).map(|((name, column, has_factors), table)| GroupFactor {
            factor: name.to_owned(),
            column: column.to_owned(),
            has_factors,
            table,
        });
        Ok(made.collect())
    }
}

impl Config {
    /// Names of the factors in tables: those of the data, then those of groups.
    pub(crate) fn factor_columns(&self, of_data: &[String]) -> Vec<String> {
        let of_groups = self.run.groups.iter().filter(|column| column.has_factors);
        of_data.iter().cloned().chain(of_groups.map(|column| column.factor.clone())).collect()
    }

    /// Digest of the groups that the settings name, as text; `None` without any.
    pub(super) fn groups_digest(&self) -> Option<String> {
        let groups = &self.run.groups;
        if groups.is_empty() {
            return None;
        }
        let mut digest = Sha256::new();
        groups.iter().for_each(|column| digest.update(Arc::as_ref(&column.table).digest()));
        Some(hex(&digest.finalize().into()))
    }
}
