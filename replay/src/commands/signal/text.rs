//! Terminal page of the analysis of a signal.

use std::path::Path;

use crate::summary::{
    HorizonSummary, MeanCoefficient, Number, SignalKeys, SignalSummary, Summary, add_files, sharpe_text,
};
use crate::terminal::{NONE, Page, Table, counted, decimals, grouped, percent};

/// Files of the run folder.
const FILES: [(&str, &str); 6] = [
    ("report.html", "cumulative IC, decay, quantiles and turnover on one page"),
    ("signal.parquet", "a row for each cross-section and horizon"),
    ("equity.parquet", "value, costs and turnover of each bar of the replay"),
    ("fills.parquet", "each fill of the replay"),
    ("summary.json", "all figures at each horizon"),
    ("run.toml", "all settings; `--config` runs them again"),
];

/// Beta of the replay from which its Sharpe ratio is not comparable with the law.
const MARKET_BETA: f64 = 0.1;

/// Returns the page. `out`: the run folder.
pub(super) fn page(summary: &SignalSummary, run: &Summary<'_>, out: &Path) -> Page {
    let mut page = Page::default();
    let keys = &summary.signal;
    add_signal(&mut page, keys);
    run.add_given(&mut page);
    add_coefficients(&mut page, keys);
    if let Some(found) = keys.at_horizon() {
        add_quantiles(&mut page, keys, found);
    }
    add_spreads(&mut page, keys);
    if let Some(found) = keys.at_horizon() {
        add_years(&mut page, found);
    }
    add_exposures(&mut page, keys);
    if let Some(found) = keys.at_horizon() {
        add_law(&mut page, summary, found);
    }
    add_files(&mut page, out, &FILES, None);
    let warnings = run.warnings();
    page.notices("Warnings", warnings.iter().map(|warning| (warning.code, warning.text.as_str())));
    page
}

fn add_signal(page: &mut Page, keys: &SignalKeys) {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| NONE.to_owned());
    page.section(format!("Signal: {}", text(&keys.forecasts)));
    page.field(
        "Cross-sections",
        format!(
            "{} from {} to {}, {} a year",
            grouped(keys.cross_sections as f64),
            text(&keys.first),
            text(&keys.last),
            number(keys.cross_sections_per_year, 1)
        ),
    );
    page.field(
        "Coverage",
        format!(
            "{} of the instruments with a price, {} names on average",
            percent(keys.coverage.into()),
            number(keys.names, 1)
        ),
    );
    if keys.without_price > 0 {
        page.field("Without a price", format!("{}, in no figure", counted(keys.without_price, "forecast")));
    }
    if keys.extended > 0 {
        page.field(
            "Known later",
            format!("values of {} became known later, in no figure", counted(keys.extended, "cross-section")),
        );
    }
    if let Some(found) = keys.at_horizon().filter(|found| found.without_quantiles > 0) {
        page.field(
            "Without quantiles",
            format!(
                "{}, in which too many forecasts are equal",
                counted(found.without_quantiles, "cross-section")
            ),
        );
    }
}

fn add_coefficients(page: &mut Page, keys: &SignalKeys) {
    page.section("Information coefficient by horizon");
    let has_residuals = keys.horizons.iter().any(|found| found.residual_rank_ic.count > 0);
    let mut header = vec!["Bars", "Rank IC", "s.e.", "t", "ICIR, annual", "> 0", "IC", "t"];
    if has_residuals {
        header.extend(["Residual rank IC", "t"]);
    }
    let mut table = Table::new(header).numbers().optional([5, 7, 6]);
    for found in &keys.horizons {
        let MeanCoefficient { mean, standard_error, t_statistic, annual_icir, positive, .. } = found.rank_ic;
        let mut row = vec![
            found.bars.to_string(),
            number(mean, 4),
            number(standard_error, 4),
            number(t_statistic, 2),
            number(annual_icir, 2),
            decimals(100.0 * f64::from(positive), 0) + " %",
            number(found.ic.mean, 4),
            number(found.ic.t_statistic, 2),
        ];
        if has_residuals {
            let residual = found.residual_rank_ic;
            row.extend([number(residual.mean, 4), number(residual.t_statistic, 2)]);
        }
        table.row(row);
    }
    page.table(table);
    page.text("Standard errors by Newey and West. The horizon overlaps with those of later cross-sections.");
}

fn add_quantiles(page: &mut Page, keys: &SignalKeys, found: &HorizonSummary) {
    page.section(format!(
        "Quantiles over {}, cost {} bps of notional",
        counted(found.bars, "bar"),
        number(keys.cost_bps, 1)
    ));
    let header = ["", "Return, bps", "After costs, bps", "Less the mean, bps", "s.e.", "Turnover"];
    let mut table = Table::new(header).optional([4]);
    let last = found.quantiles.len();
    for (at, quantile) in found.quantiles.iter().enumerate() {
        let name = match at + 1 {
            1 => "1, lowest".to_owned(),
            number if number == last => format!("{number}, highest"),
            number => number.to_string(),
        };
        table.row([
            name,
            bps(quantile.mean_return),
            bps(quantile.mean_return_after_costs),
            bps(quantile.mean),
            bps(quantile.standard_error),
            percent(quantile.turnover.into()),
        ]);
    }
    page.table(table);
}

fn add_spreads(page: &mut Page, keys: &SignalKeys) {
    page.section("Highest less lowest quantile, and turnover, by horizon");
    let header = [
        "Bars",
        "Spread, bps",
        "s.e.",
        "t",
        "After costs, bps",
        "Turnover highest",
        "Turnover lowest",
        "Rank autocorrelation",
    ];
    let mut table = Table::new(header).numbers().optional([2]);
    for found in &keys.horizons {
        let turnover =
            |at: Option<&crate::summary::QuantileSummary>| at.map_or(f64::NAN, |of| of.turnover.into());
        table.row([
            found.bars.to_string(),
            bps(found.spread.mean),
            bps(found.spread.standard_error),
            number(found.spread.t_statistic, 2),
            bps(found.spread.mean_after_costs),
            percent(turnover(found.quantiles.last())),
            percent(turnover(found.quantiles.first())),
            number(found.rank_autocorrelation, 3),
        ]);
    }
    page.table(table);
}

fn add_years(page: &mut Page, found: &HorizonSummary) {
    page.section(format!("By year over {}", counted(found.bars, "bar")));
    let mut table =
        Table::new(["Year", "Cross-sections", "Rank IC", "s.e.", "t", "ICIR, annual", "Residual rank IC"])
            .numbers()
            .optional([1]);
    for year in &found.years {
        let of = year.rank_ic;
        table.row([
            year.year.to_string(),
            of.count.to_string(),
            number(of.mean, 4),
            number(of.standard_error, 4),
            number(of.t_statistic, 2),
            number(of.annual_icir, 2),
            number(year.residual_rank_ic.mean, 4),
        ]);
    }
    page.table(table);
}

fn add_exposures(page: &mut Page, keys: &SignalKeys) {
    if keys.exposures.is_empty() {
        return;
    }
    page.section("Exposure: correlation with the betas");
    let mut table = Table::new(["Factor", "Mean", "s.e.", "Mean size"]);
    for exposure in &keys.exposures {
        table.row([
            exposure.factor.clone(),
            number(exposure.correlation.mean, 3),
            number(exposure.correlation.standard_error, 3),
            number(exposure.mean_absolute, 3),
        ]);
    }
    page.table(table);
}

fn add_law(page: &mut Page, summary: &SignalSummary, found: &HorizonSummary) {
    let law = &found.law;
    page.section(format!("Sharpe ratio over {}: promised and delivered", counted(found.bars, "bar")));
    page.field(
        "Breadth",
        format!(
            "{} bets a year: {} names × {} independent cross-sections",
            number(law.breadth, 0),
            number(law.names, 1),
            number(law.independent_per_year, 1)
        ),
    );
    page.field(
        "Fundamental law",
        format!("{}: IC {} × √breadth", number(law.information_ratio, 2), number(law.ic, 4)),
    );
    page.field(
        "With the variance of the IC",
        format!(
            "{}, as of {} names",
            number(law.effective_information_ratio, 2),
            number(law.effective_names, 1)
        ),
    );
    match summary.run.trading.as_ref().and_then(|trading| trading.metrics.as_ref()) {
        Some(metrics) => {
            page.field("Replay before costs", decimals(metrics.gross.figures.sharpe, 2));
            page.field("Replay after costs", sharpe_text(&metrics.net.figures));
            let beta = metrics.net.figures.relative.beta;
            page.field(
                "Benchmark",
                format!(
                    "{}; beta of the replay to it {}",
                    decimals(metrics.benchmark.figures.sharpe, 2),
                    decimals(beta, 2)
                ),
            );
            if beta.abs() > MARKET_BETA {
                page.text(
                    "Note: the replay also earns the market, and the law is about the residual return. For a comparison trade long and \
                     short: sizing.weight_min below 0 and sizing.net_target = 0.",
                );
            }
        }
        None => _ = page.field("Replay", "skipped (--no-replay)"),
    }
}

fn number(value: Number, places: usize) -> String {
    let value = f64::from(value);
    if places == 0 { grouped(value) } else { decimals(value, places) }
}

fn bps(value: Number) -> String {
    decimals(1e4 * f64::from(value), 1)
}
