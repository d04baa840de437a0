//! Fundamental law by horizon, information coefficients by year, and exposures to the factors.

use maud::{Markup, html};

use crate::report::format::{counted, percent, percent_of, plain};
use crate::report::page::Page;
use crate::summary::{ExposureSummary, HorizonSummary, SignalKeys, YearSummary};

/// Adds breadth and promised Sharpe ratio of each horizon, and the portfolio weighted by the forecasts.
pub(super) fn add_law(page: &mut Page, keys: &SignalKeys) {
    page.section("Sharpe ratio by the fundamental law");
    let row = |found: &HorizonSummary| -> Markup {
        let law = &found.law;
        html! {
            tr {
                th scope="row" { (found.bars) }
                td { (plain(law.names, 1)) }
                td { (plain(law.independent_per_year, 1)) }
                td { (plain(law.breadth, 0)) }
                td { (plain(law.ic, 4)) }
                td { (plain(law.information_ratio, 2)) }
                td { (plain(law.effective_names, 1)) }
                td { (plain(law.effective_information_ratio, 2)) }
            }
        }
    };
    let rows: Vec<Markup> = keys.horizons.iter().map(row).collect();
    let header = [
        "bars",
        "names",
        "independent a year",
        "breadth",
        "IC",
        "Sharpe ratio",
        "effective names",
        "Sharpe ratio",
    ];
    page.table(&header, "plain", &rows);
    page.small(
        "Names: instruments with a forecast, a price, and a price at the end of the horizon. Independent: the smaller of the \
         cross-sections and the non-overlapping horizons in a year. Breadth: names times independent cross-sections. IC: rank IC of \
         residual returns if there are factors. Sharpe ratio: IC times the root of the breadth (Grinold and Kahn). Effective \
         names: one over the variance of the IC, which replaces the names in the last column (Qian and Hua).",
    );
    let row = |found: &HorizonSummary| -> Markup {
        html! {
            tr {
                th scope="row" { (found.bars) }
                td { (plain(1e4 * f64::from(found.factor_return), 1)) }
                td { (percent(found.annual_alpha)) }
                td { (plain(found.beta, 3)) }
                td { (plain(1e4 * f64::from(found.mean_return), 1)) }
            }
        }
    };
    let rows: Vec<Markup> = keys.horizons.iter().map(row).collect();
    page.table(&["bars", "return, bps", "annual alpha", "beta", "mean of all names, bps"], "plain", &rows);
    page.small(
        "Portfolio weighted by the forecasts less their mean, before costs; alpha and beta are against the mean return of all \
         names.",
    );
}

/// Adds the coefficients of each calendar year.
pub(super) fn add_years(page: &mut Page, keys: &SignalKeys) {
    const HEADING: &str = "Information coefficient by year";
    let Some(found) = keys.at_horizon() else {
        return page.missing(HEADING, "summary.json has no figures at `signal.horizon`.");
    };
    page.section(HEADING);
    let row = |year: &YearSummary| -> Markup {
        let of = year.rank_ic;
        html! {
            tr {
                th scope="row" { (year.year) }
                td { (of.count) }
                td { (plain(of.mean, 4)) }
                td { (plain(of.standard_error, 4)) }
                td { (plain(of.t_statistic, 2)) }
                td { (plain(of.annual_icir, 2)) }
                td { (percent_of(of.positive, 0)) }
                td { (plain(year.ic.mean, 4)) }
                td { (plain(year.residual_rank_ic.mean, 4)) }
            }
        }
    };
    let rows: Vec<Markup> = found.years.iter().map(row).collect();
    let header = [
        "year",
        "cross-sections",
        "rank IC",
        "s.e.",
        "t",
        "ICIR, annual",
        "above 0",
        "IC",
        "residual rank IC",
    ];
    page.table(&header, "plain", &rows);
    page.small(format!(
        "Over {}. A cross-section belongs to the year of its bar.",
        counted(found.bars, "bar")
    ));
}

/// Adds the exposures, if there are factors.
pub(super) fn add_exposures(page: &mut Page, keys: &SignalKeys) {
    const HEADING: &str = "Exposure to the factors";
    if keys.exposures.is_empty() {
        return page.missing(HEADING, "The data has no factors.");
    }
    page.section(HEADING);
    let row = |exposure: &ExposureSummary| -> Markup {
        let of = exposure.correlation;
        html! {
            tr {
                th scope="row" { (exposure.factor) }
                td { (plain(of.mean, 3)) }
                td { (plain(of.standard_error, 3)) }
                td { (plain(of.t_statistic, 2)) }
                td { (plain(exposure.mean_absolute, 3)) }
            }
        }
    };
    let rows: Vec<Markup> = keys.exposures.iter().map(row).collect();
    page.table(&["factor", "mean correlation", "s.e.", "t", "mean size"], "plain", &rows);
    page.small(
        "Correlation over instruments of the forecasts with the betas on the factor, as estimated on the bar of the cross-section. A \
         mean far from 0 is a bet on the factor. A mean size far above the size of the mean is a bet whose sign changes.",
    );
}
