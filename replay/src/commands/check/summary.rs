//! JSON output of a check of price data.

use std::collections::BTreeMap;

use betaflow_engine::quality::{SpreadErrors, Verdict};
use betaflow_engine::time::Iso;
use serde::Serialize;

use super::report::{BPS, Checked};
use crate::summary::{DataSummary, Number, problem_meaning, problem_remedy};

/// Result of a check.
#[derive(Debug, Serialize)]
pub(super) struct CheckSummary {
    version: &'static str,
    data: DataSummary,
    /// First date of a hold-out, which was not read.
    holdout: Option<String>,
    /// True if the data may be used without a further look.
    fit: bool,
    /// Verdict in snake case.
    verdict: &'static str,
    /// Number of all findings.
    total: u64,
    /// Findings by kind.
    findings: BTreeMap<String, ProblemSummary>,
    /// Factor with the highest correlation with the panel.
    alignment: Option<Alignment>,
    /// Estimates by symbol, bps.
    spreads: BTreeMap<String, Spreads>,
    /// Mean relative errors of the estimates against the median quoted spreads.
    spread_errors: Option<SpreadErrorSummary>,
    seconds: f64,
}

/// Findings of a kind.
#[derive(Debug, Serialize)]
struct ProblemSummary {
    count: u64,
    meaning: &'static str,
    remedy: Option<String>,
    /// The most severe findings.
    worst: Vec<FindingSummary>,
}

/// One finding.
#[derive(Debug, Serialize)]
struct FindingSummary {
    timestamp: String,
    symbol: String,
    detail: String,
}

/// Correlations of a factor with the mean return of the panel.
#[derive(Debug, Serialize)]
struct Alignment {
    factor: String,
    row_before: Number,
    same_row: Number,
    row_after: Number,
}

/// Bid-ask spread of an instrument, bps.
#[derive(Debug, Serialize)]
struct Spreads {
    corwin_schultz: Number,
    abdi_ranaldo: Number,
    edge: Number,
    quoted: Number,
}

/// Mean relative error of each estimator of the spread.
#[derive(Debug, Serialize)]
struct SpreadErrorSummary {
    corwin_schultz: Number,
    abdi_ranaldo: Number,
    edge: Number,
}

impl Checked<'_> {
    /// Returns the JSON output.
    pub(super) fn summary(&self) -> CheckSummary {
        let verdict = self.tally.verdict(self.facts.rows);
        let in_bps = |spread: Option<f64>| Number::from(spread.map(|spread| spread / BPS));
        let estimates = self.spreads.estimates();
        let errors = SpreadErrors::of(&estimates);
        let spreads = estimates.into_iter().map(|one| {
            let spreads = Spreads {
                corwin_schultz: in_bps(one.corwin_schultz),
                abdi_ranaldo: in_bps(one.abdi_ranaldo),
                edge: in_bps(one.edge),
                quoted: in_bps(one.quoted),
            };
            (one.symbol.to_string(), spreads)
        });
        let findings = self.tally.found().map(|(problem, count)| {
            let symbols: Vec<&str> = count.worst.iter().map(|finding| &*finding.symbol).collect();
            let worst = count.worst.iter().map(|finding| FindingSummary {
                timestamp: Iso(finding.timestamp).to_string(),
                symbol: finding.symbol.to_string(),
                detail: finding.detail.clone(),
            });
            let summary = ProblemSummary {
                count: count.findings,
                meaning: problem_meaning(problem, count.findings),
                remedy: problem_remedy(problem, &symbols, count.findings),
                worst: worst.collect(),
            };
            (problem.to_string(), summary)
        });
        CheckSummary {
            version: env!("CARGO_PKG_VERSION"),
            data: self.facts.into(),
            holdout: self.config.holdout.from.clone(),
            fit: matches!(verdict, Verdict::Fit),
            verdict: verdict_name(&verdict),
            total: self.tally.total(),
            findings: findings.collect(),
            alignment: self.alignment.as_ref().map(|(factor, [before, same, after])| Alignment {
                factor: factor.clone(),
                row_before: (*before).into(),
                same_row: (*same).into(),
                row_after: (*after).into(),
            }),
            spreads: spreads.collect(),
            spread_errors: errors.corwin_schultz.map(|_| SpreadErrorSummary {
                corwin_schultz: errors.corwin_schultz.into(),
                abdi_ranaldo: errors.abdi_ranaldo.into(),
                edge: errors.edge.into(),
            }),
            seconds: self.seconds,
        }
    }
}

const fn verdict_name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::MixedTimeUnits => "mixed_time_units",
        Verdict::WrongTimeUnit => "wrong_time_unit",
        Verdict::CopiedBars { .. } => "copied_bars",
        Verdict::FactorsMisaligned => "factors_misaligned",
        Verdict::FactorsUnidentified { .. } => "factors_unidentified",
        Verdict::FitOnceChecked { .. } => "fit_once_checked",
        Verdict::Fit => "fit",
    }
}
