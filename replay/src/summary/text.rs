//! Terminal page of a run.

use std::path::Path;

use betaflow_engine::ledger::{RunFacts, hex};
use betaflow_engine::metrics::{ExcessFigures, Figures};
use betaflow_engine::source::SymbolChange;

use super::{
    BenchmarkSummary, Code, MembershipSummary, Summary, Trading, benchmark_sentence, metrics_table, time_text,
};
use crate::terminal::{NONE, Page, counted, decimals, grouped, percent};

/// Symbol changes that the page names.
const CHANGES: usize = 3;

/// Files of a run folder that the page names, each with its content.
const FILES: [(&str, &str); 15] = [
    ("report.html", "charts and tables on one page; opens without a network"),
    ("equity.parquet", "value, cash, exposure, turnover and costs of each bar"),
    ("fills.parquet", "each fill with its price and costs"),
    ("weights.parquet", "target weight, held weight and expected return of each instrument"),
    ("groups.parquet", "weight, exposure and gain of each group"),
    ("borrow.parquet", "fees of short positions"),
    ("membership.parquet", "instruments that joined or left the universe"),
    ("premia.parquet", "premium of each factor as sizing used it"),
    ("risk.parquet", "predicted variance of the book by factor"),
    ("betas.parquet", "alpha, betas and forecast of each instrument"),
    ("smoothed.parquet", "betas of each bar given all bars"),
    ("parameters.parquet", "variances and prior of each instrument, fitted by EM"),
    ("rolling.parquet", "betas and forecasts of rolling least squares"),
    ("summary.json", "all figures"),
    ("run.toml", "all settings; `--config` runs them again"),
];

impl Summary<'_> {
    /// Returns the page of the run. `out`: its folder, which is complete.
    pub(crate) fn page(&self, out: &Path) -> Page {
        let mut page = Page::default();
        for alert in self.alerts() {
            page.alert(alert);
        }
        if let Some(score) = &self.score {
            page.append(score.page.clone());
        }
        self.add_data(&mut page);
        self.add_given(&mut page);
        if let (Some(trading), Some(_)) = (&self.trading, self.facts.performance.nav) {
            if self.score.is_none() {
                self.add_performance(&mut page, trading);
            }
            self.add_costs(&mut page, trading);
            self.add_sizing(&mut page, trading);
        }
        page.append(self.findings.page.clone());
        if !self.timing.is_empty() {
            page.section("Timing by stage").table(self.timing_table());
        }
        let digest = self.facts.performance.nav.filter(|_| self.trading.is_some());
        add_files(&mut page, out, &FILES, digest.map(|_| hex(&self.facts.digest)));
        let (alerts, warnings) = (self.alerts(), self.warnings());
        let listed = warnings.iter().filter(|warning| !alerts.contains(&warning.text));
        page.notices("Warnings", listed.map(|warning| (warning.code, warning.text.as_str())));
        page
    }

    /// Sentences that come before all figures: ruin, look-ahead and a stressed environment.
    fn alerts(&self) -> Vec<String> {
        let traded = self.trading.is_some() && self.facts.performance.nav.is_some();
        let look_ahead = self.config.look_ahead().filter(|_| traded).map(str::to_owned);
        let world = self.config.world_note(self.trading.is_some()).filter(|_| traded);
        self.ruin().into_iter().chain(look_ahead).chain(world).collect()
    }

    fn add_data(&self, page: &mut Page) {
        let RunFacts { data, estimator, .. } = self.facts;
        let [first, last] =
            [data.first, data.last].map(|time| time_text(time).unwrap_or_else(|| NONE.to_owned()));
        page.section("Data");
        page.field(
            "Prices",
            format!(
                "{} instruments, {} frames, {} rows in {:.2} s",
                grouped(data.instruments as f64),
                grouped(data.frames as f64),
                grouped(data.rows as f64),
                self.seconds
            ),
        );
        page.field("Period", format!("{first} to {last}"));
        if let Some(sessions) = &data.sessions {
            let outside = counted(sessions.outside, "frame");
            page.field(
                "Sessions",
                format!(
                    "{}, {} without frames; {outside} outside, {} on dates without a session; {} frames a year",
                    grouped(sessions.sessions as f64),
                    grouped(sessions.without_frames as f64),
                    grouped(sessions.without_session.count as f64),
                    grouped(sessions.per_year.1),
                ),
            );
        }
        if let Some(changes) = symbol_changes(&data.symbol_changes) {
            page.field("Symbol changes", changes);
        }
        let traded = self.trading.as_ref().and_then(|trading| time_text(trading.comparison.first));
        if let Some(first) = traded {
            let warmup = match self.config.estimator.warmup {
                0 => String::new(),
                days => {
                    format!(", after {} of warm-up; returns count from here", counted(days.into(), "day"))
                }
            };
            page.field("First rebalance", format!("{first}{warmup}"));
        }
        if let (Some(from), None) = (&self.config.holdout.from, &self.score) {
            page.field("Hold-out", kept_holdout(from));
        }
        page.field(
            "Hedged R²",
            format!(
                "{} out of sample; {}",
                decimals(estimator.total.hedged_r2.unwrap_or(f64::NAN), 4),
                counted(estimator.groups, "covariance group")
            ),
        );
        for column in self.group_factors() {
            page.field("Group factors", column.text());
        }
    }

    fn add_performance(&self, page: &mut Page, trading: &Trading) {
        let (kind, against) = (self.config.strategy_kind(), BenchmarkSummary::from(&self.config.benchmark));
        page.section(format!("Performance of {kind} against {}", against.name));
        let comparison = &trading.comparison;
        let series = [&comparison.net, &comparison.gross, &comparison.benchmark];
        let ExcessFigures { net, gross, benchmark } = self.facts.performance.in_excess;
        let excess = [net, gross, benchmark].map(|ratios| ratios.sharpe);
        let more = [("Sharpe, excess of rf", excess)];
        let has_rf = self.facts.performance.interest != 0.0;
        page.table(metrics_table(series, &against, if has_rf { &more } else { &[] }));
        let active = &comparison.active;
        if active.tracking_error.is_finite() {
            page.field("Tracking error", format!("{} a year", percent(active.tracking_error)));
            page.field("Information ratio", decimals(active.information_ratio, 2));
            let relative = &comparison.net.relative;
            page.field("Beta", decimals(relative.beta, 2));
            page.field("Alpha", format!("{} a year", percent(relative.alpha)));
        }
        if let (None, Some(sentence)) =
            (comparison.ruined, benchmark_sentence(&comparison.net, &comparison.benchmark, &against))
        {
            page.text(sentence);
        }
    }

    fn add_costs(&self, page: &mut Page, trading: &Trading) {
        let RunFacts { performance, execution, .. } = self.facts;
        let (first, last) = performance.nav.unwrap_or_default();
        let whole = if self.score.is_some() { ", whole run" } else { "" };
        page.section(format!("Costs and turnover{whole}"));
        page.field("Net asset value", format!("{} → {}", grouped(first), grouped(last)));
        let items = performance.costs.items().into_iter().filter(|(_, sum)| *sum > 0.0);
        let items: Vec<_> =
            items.map(|(name, sum)| format!("{} {}", name.replace('_', " "), grouped(sum))).collect();
        page.field(
            "Costs",
            match items.as_slice() {
                [] => "none".to_owned(),
                [one] => one.clone(),
                many => format!("{}: {}", grouped(performance.costs.total()), many.join(", ")),
            },
        );
        let booked = [
            ("Interest on cash", performance.interest),
            ("Dividends", performance.dividends),
            ("Cash in lieu of fractions", execution.cash_in_lieu),
        ];
        for (label, sum) in booked.into_iter().filter(|(_, sum)| *sum != 0.0) {
            page.field(label, grouped(sum));
        }
        let break_even = trading.cost_analysis.break_even_bps;
        if break_even < 0.0 {
            page.field("Break-even cost", "none: a loss before costs");
        } else if break_even.is_finite() {
            page.field("Break-even cost", format!("{} bps of what is traded", decimals(break_even, 0)));
        }
        let turnover = &performance.turnover;
        page.field(
            "Turnover a day",
            format!(
                "{} ordered, {} filled; largest {}, cap {}",
                percent(turnover.mean),
                percent(turnover.filled),
                percent(turnover.max),
                percent(self.config.sizing.turnover_cap)
            ),
        );
        let [parts @ .., (_, total)] = performance.shortfall.in_bps();
        if total.is_finite() {
            let parts = parts.map(|(name, bps)| format!("{name} {}", decimals(bps, 1)));
            page.field(
                "Implementation shortfall",
                format!("{} bps: {}", decimals(total, 1), parts.join(", ")),
            );
        }
        if trading.capacity.is_finite() {
            page.field(
                "Capacity",
                format!(
                    "NAV {}, at which impact halves the Sharpe ratio of the same trades (impact only, ignores the \
                     participation cap)",
                    grouped(trading.capacity)
                ),
            );
        }
    }

    fn add_sizing(&self, page: &mut Page, trading: &Trading) {
        let sizing = &self.facts.sizing;
        let halted = match sizing.halted {
            0 => String::new(),
            count => format!("; trading halted by [limits] in {}", grouped(count as f64)),
        };
        let whole = if self.score.is_some() { ", whole run" } else { "" };
        page.section(format!("Sizing{whole}"));
        page.field(
            "Rebalances",
            format!(
                "{}: turnover cap bound in {}, gross limit in {}{halted}",
                grouped(sizing.decisions as f64),
                counted(sizing.capped, "rebalance"),
                counted(sizing.at_gross, "rebalance")
            ),
        );
        if !self.config.sizing.group_bounds.is_empty() {
            let (exceeded, unreachable) = (sizing.group_inherited, sizing.group_out_of_reach);
            page.field(
                "Bounds by group",
                format!(
                    "out of reach in {}; exceeded after {}, by drift, halts, changes of group or limits that come first",
                    counted(unreachable, "rebalance"),
                    counted(exceeded, "rebalance")
                ),
            );
        }
        for (label, value) in MembershipSummary::of(self.facts).iter().flat_map(MembershipSummary::fields) {
            page.field(label, value);
        }
        if let Some(build_up) = self.build_up_text(trading) {
            page.field("Build-up", build_up);
        }
        page.field(
            "Annual volatility",
            format!(
                "{} realised, {} mean forecast",
                percent(trading.comparison.net.annual_volatility),
                percent(trading.predicted_volatility)
            ),
        );
        if trading.risk.total.frames > 0 {
            page.field("Bias statistic", trading.bias_text());
            page.field("Predicted variance", trading.risk_text());
        }
    }

    /// Returns the length of the build-up, and the net figures without it.
    fn build_up_text(&self, trading: &Trading) -> Option<String> {
        let build_up = Some(self.facts.performance.build_up).filter(|build_up| build_up.frames > 0)?;
        let frames = format!("{} under the turnover cap", counted(build_up.frames, "frame"));
        Some(match (time_text(build_up.until), &trading.after_build_up) {
            (Some(until), Some(after)) if after.annual_volatility.is_finite() => format!(
                "{frames}, until {until}; without the build-up: Sharpe {}, annual return {}, volatility {}",
                decimals(after.sharpe, 2),
                percent(after.annual_return),
                percent(after.annual_volatility)
            ),
            (Some(until), _) => format!("{frames}, until {until}"),
            (None, _) => format!("{frames}, which bound until the end"),
        })
    }

    /// Returns a note about a profit that is mostly interest on cash.
    pub(super) fn interest_note(&self) -> Option<super::Rendered> {
        let trading = self.trading.as_ref()?;
        let performance = &self.facts.performance;
        let (first, last) = performance.nav?;
        let (profit, interest) = (last - first, performance.interest);
        if !(profit > 0.0 && interest > 0.5 * profit) {
            return None;
        }
        let text = format!(
            "Interest on cash is {} % of the profit ({} of {}) and dominates the net Sharpe ratio of {}. Judge the strategy by \
             the Sharpe ratio in excess of the risk-free return: {}.",
            decimals(100.0 * interest / profit, 0),
            grouped(interest),
            grouped(profit),
            decimals(trading.comparison.net.sharpe, 2),
            decimals(performance.in_excess.net.sharpe, 2)
        );
        Some(super::Rendered::new(Code::CashInterest, text))
    }
}

/// Adds the section about the folder that a command has written: its path, the files of the list that exist, and the digest.
pub(crate) fn add_files(page: &mut Page, out: &Path, files: &[(&str, &str)], digest: Option<String>) {
    page.section("Files").field("Folder", out.display());
    for (name, content) in files.iter().filter(|(name, _)| out.join(name).exists()) {
        page.field(*name, content);
    }
    if let Some(digest) = digest {
        page.field("Digest", digest);
    }
}

/// Returns the symbol changes that acted; `None` without any.
fn symbol_changes(changes: &[SymbolChange]) -> Option<String> {
    let shown: Vec<String> = changes
        .iter()
        .take(CHANGES)
        .map(|change| format!("{} is {} from {}", change.from, change.to, change.date))
        .collect();
    let more = match changes.len().saturating_sub(CHANGES) {
        0 => String::new(),
        count => format!("; and {count} more"),
    };
    (!shown.is_empty()).then(|| format!("{}{more}", shown.join("; ")))
}

/// Returns Sharpe ratio, standard error and P(SR > 0) on one line.
pub(crate) fn sharpe_text(figures: &Figures) -> String {
    let sure = &figures.uncertainty;
    format!(
        "{} ± {} (s.e.), P(SR > 0) {}",
        decimals(figures.sharpe, 2),
        decimals(sure.standard_error, 2),
        decimals(sure.probabilistic_sharpe, 2)
    )
}

/// Returns the value of the field about a hold-out that the command did not read.
pub(crate) fn kept_holdout(from: &str) -> String {
    format!("nothing from {from} on was read; only `betaflow score` reads it")
}
