//! Information coefficients by year, and exposures to the factors.

use maud::{Markup, html};

use crate::report::format::{counted, percent_of, plain};
use crate::report::page::Page;
use crate::summary::{ExposureSummary, SignalKeys, YearSummary};

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
        "Over {}. A cross-section belongs to the year of its bar, UTC.",
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
