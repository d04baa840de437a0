//! Report of a replay.

mod attribution;
mod contributors;
mod costs;
mod distribution;
mod drawdowns;
mod equity;
mod exposure;
mod groups;
mod headline;
mod membership;
mod months;
mod overview;
mod recent;
mod risk;
mod rolling;
mod turnover;
mod user_files;

use anyhow::{Result, bail};
use betaflow_engine::time::{Date, TimestampNs, Zone};

use super::Run;
use super::page::Page;
use super::{estimate, factors, holdout, notes};
use crate::summary::{TradingSummary, time_text};

/// Returns the report of a run that traded.
pub(super) fn html(run: &Run<'_>, trading: &TradingSummary, plot: &[String]) -> Result<String> {
    if !plot.is_empty() {
        bail!(
            "--plot: {} is the folder of a replay, whose report draws no betas of instruments; expected that of \
             `betaflow estimate`",
            run.folder.display()
        );
    }
    let summary = &run.summary;
    let is_scored = summary.holdout.as_ref().is_some_and(|holdout| holdout.opened);
    let command = if is_scored { "score" } else { "replay" };
    let mut page = Page::new(&format!("betaflow {command}: {}", trading.strategy));
    notes::add_banners(&mut page, &summary.head, trading.look_ahead.as_ref());
    let curves = equity::read(run);
    let first_rebalance = curves.as_ref().ok().and_then(|equity| time_text(Some(equity.first)));
    headline::add(&mut page, run, trading, first_rebalance.as_deref());
    page.contents();
    holdout::add(&mut page, summary.holdout.as_ref());
    notes::add_warnings(&mut page, &summary.head);
    if let Ok(equity) = &curves {
        page.set_times(equity::times(equity));
    }
    let opened =
        summary.holdout.as_ref().filter(|holdout| holdout.opened).map(|holdout| holdout.from.as_str());
    if let Some(from) = opened {
        page.mark_holdout(from);
    }
    overview::add(&mut page, trading, curves.as_ref().ok().map(|equity| equity.active));
    user_files::add(&mut page, summary.given.as_ref());
    membership::add(&mut page, trading.membership.as_ref());
    let benchmark = trading.benchmark.label();
    equity::add(&mut page, &curves, &benchmark);
    recent::add(&mut page, trading, &curves);
    rolling::add(&mut page, &curves, &benchmark);
    exposure::add(&mut page, run, &curves);
    let local = opened.map(|from| local_date(from, &run.zone));
    months::add(&mut page, trading, local.as_deref());
    drawdowns::add(&mut page, trading.drawdowns.as_deref(), opened);
    turnover::add(&mut page, run, trading, &curves);
    costs::add(&mut page, trading, &curves);
    attribution::add(&mut page, run, trading, &curves);
    risk::add(&mut page, run, trading.risk.as_ref(), &curves);
    groups::add(&mut page, run, &trading.groups, &curves);
    contributors::add(&mut page, run);
    if let Some(figures) = &summary.factors {
        let times = curves.as_ref().map_or(&[][..], equity::Equity::times);
        factors::add(&mut page, figures, run.folder, times)?;
    }
    distribution::add(&mut page, trading);
    overview::add_metrics(&mut page, trading.metrics.as_ref(), &trading.benchmark);
    estimate::add_calibration(&mut page, run);
    page.section("Version and settings");
    page.add(overview::ran(&summary.head, trading));
    page.details("run.toml: run again with --config run.toml", &run.settings);
    page.finish()
}

/// Local date of a time of the summary, which is UTC; a date stays as it is.
fn local_date(time: &str, zone: &Zone) -> String {
    let moment = time.parse::<jiff::Timestamp>().ok();
    let moment = moment.and_then(|moment| i64::try_from(moment.as_nanosecond()).ok());
    moment.map_or_else(|| time.to_owned(), |ns| Date::of(zone.local(TimestampNs(ns))).to_string())
}
