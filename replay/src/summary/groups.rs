//! Exposure, gain and risk of the book by group.

use std::path::Path;

use anyhow::Result;
use betaflow_connectors::record::{GroupRow, TableRows, file_name};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Number, RiskSummary};

/// Exposure, gain and risk of one group, over the recorded frames.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct GroupSummary {
    /// Factor that the groups make; the column of the groups without one.
    pub(crate) factor: String,
    pub(crate) group: String,
    pub(crate) mean: GroupExposureSummary,
    /// On the last recorded frame.
    pub(crate) last: GroupExposureSummary,
    /// Smallest and largest net weight of the recorded frames.
    pub(crate) net_range: [Number; 2],
    /// Sum of the returns of the group's factor; null without a factor.
    pub(crate) factor_return: Number,
    /// Price gain of the positions in members, before costs and interest, in currency.
    pub(crate) gain: Number,
    /// Part of it from the group's factor; null without a factor.
    pub(crate) factor_gain: Number,
    /// Mean contribution of the group's factor to the predicted variance, as a share; null without a factor.
    pub(crate) risk_share: Number,
}

/// Weights of a group in the book.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct GroupExposureSummary {
    pub(crate) net_weight: Number,
    pub(crate) gross_weight: Number,
    /// Net weight less that of the benchmark; null unless sizing reads the weights of the benchmark.
    pub(crate) active_weight: Number,
    /// Exposure to the group's factor; null without one.
    pub(crate) exposure: Number,
}

/// Sums of a group over the recorded frames.
struct Sums {
    first: GroupRow,
    last: GroupRow,
    frames: f64,
    net: f64,
    gross: f64,
    active: f64,
    exposure: f64,
    range: [f64; 2],
    factor_return: f64,
    gain: f64,
    factor_gain: f64,
}

/// Reads the groups of a run folder; none if it has no table of them.
///
/// # Errors
/// The table cannot be read.
pub(crate) fn read_group_summaries(folder: &Path, risk: &RiskSummary) -> Result<Vec<GroupSummary>> {
    if !folder.join(file_name::<GroupRow>()).exists() {
        return Ok(Vec::new());
    }
    let mut groups: Vec<Sums> = Vec::new();
    let mut rows = TableRows::<GroupRow>::open(folder)?;
    while let Some(row) = rows.next_row()? {
        let same = |sums: &Sums| sums.first.factor == row.factor && sums.first.group == row.group;
        let at = groups.iter().position(same).unwrap_or_else(|| {
            groups.push(Sums {
                first: row.clone(),
                last: row.clone(),
                frames: 0.0,
                net: 0.0,
                gross: 0.0,
                active: 0.0,
                exposure: 0.0,
                range: [f64::INFINITY, f64::NEG_INFINITY],
                factor_return: 0.0,
                gain: 0.0,
                factor_gain: 0.0,
            });
            groups.len() - 1
        });
        let sums = &mut groups[at];
        sums.frames += 1.0;
        sums.net += row.net_weight;
        sums.gross += row.gross_weight;
        sums.active += row.active_weight;
        sums.exposure += row.exposure;
        sums.range = [sums.range[0].min(row.net_weight), sums.range[1].max(row.net_weight)];
        sums.factor_return += row.factor_return;
        sums.gain += row.gain;
        sums.factor_gain += row.factor_gain;
        sums.last = row;
    }
    let summary = |sums: Sums| {
        let mean = |sum: f64| Number(sum / sums.frames);
        let name = format!("{}:{}", sums.first.factor, sums.first.group);
        let part = risk.attribution.iter().find(|part| part.factor == name);
        GroupSummary {
            factor: sums.first.factor.to_string(),
            group: sums.first.group.to_string(),
            mean: GroupExposureSummary {
                net_weight: mean(sums.net),
                gross_weight: mean(sums.gross),
                active_weight: mean(sums.active),
                exposure: mean(sums.exposure),
            },
            last: GroupExposureSummary {
                net_weight: sums.last.net_weight.into(),
                gross_weight: sums.last.gross_weight.into(),
                active_weight: sums.last.active_weight.into(),
                exposure: sums.last.exposure.into(),
            },
            net_range: sums.range.map(Into::into),
            factor_return: sums.factor_return.into(),
            gain: sums.gain.into(),
            factor_gain: sums.factor_gain.into(),
            risk_share: part.map_or(f64::NAN.into(), |part| part.mean.share),
        }
    };
    Ok(groups.into_iter().map(summary).collect())
}
