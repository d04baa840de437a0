//! Terminal page of `factors`.

use crate::commands::result_folder::Written;
use crate::summary::{FactorSummary, FactorsCommandSummary, Number, add_files, kept_holdout};
use crate::terminal::{NONE, Page, Table, decimals, grouped, percent};

const FILES: [(&str, &str); 4] = [
    ("report.html", "the result on one page; opens without a network"),
    ("factors.parquet", "return, volatility and t of each factor and window"),
    ("premia.parquet", "premium of each factor after each frame"),
    ("summary.json", "all figures"),
];
/// Half-width of a band in standard deviations.
const BAND: f64 = 1.96;

/// Returns the page. `written`: the folder of the result.
pub(super) fn page(summary: &FactorsCommandSummary, written: Option<&Written>) -> Page {
    let mut page = Page::default();
    let figures = &summary.figures;
    let text = |time: &Option<String>| time.clone().unwrap_or_else(|| NONE.to_owned());
    page.section("Factors");
    if let Some(file) = &summary.file {
        page.field("File", file);
    }
    page.field(
        "Period",
        format!(
            "{} to {}, {} dates",
            text(&figures.first),
            text(&figures.last),
            grouped(figures.dates as f64)
        ),
    );
    if figures.incomplete > 0 {
        page.field(
            "Incomplete dates",
            format!("{}: a factor has no return", grouped(figures.incomplete as f64)),
        );
    }
    if let Some(from) = &summary.holdout {
        page.field("Hold-out", kept_holdout(from));
    }
    page.text(figures.answer());
    let all = &figures.factors;
    page.section("Return over the last months, compounded")
        .table(windows(all, |window| percent(window.total_return.into())));
    page.section("t of the mean return").table(windows(all, |window| decimals(window.t.into(), 2)));
    page.section("Volatility a year").table(windows(all, |window| percent(window.annual_volatility.into())));
    let month = all.iter().find_map(|factor| factor.last_month.as_ref());
    let month = month.map_or_else(|| NONE.to_owned(), |last| format!("{}-{:02}", last.year, last.month));
    page.section(format!("Last month ({month}), luck and premium a year")).table(standing(summary));
    if all.len() > 1 {
        page.section("Correlations").table(correlations(summary));
    }
    page.section("Definitions");
    for definition in figures.definitions() {
        page.text(definition);
    }
    if let Some(Written(out)) = written {
        add_files(&mut page, out, &FILES, None);
    }
    let warnings = &summary.head.warnings;
    let codes = warnings.warning_codes.iter().map(String::as_str);
    page.notices("Warnings", codes.zip(warnings.warnings.iter().map(String::as_str)));
    page
}

/// Returns a table with a row per factor and a column per window.
fn windows(
    factors: &[FactorSummary],
    value: impl Fn(&crate::summary::FactorWindowSummary) -> String,
) -> Table {
    let header =
        factors.first().map_or(&[][..], |factor| &factor.windows).iter().map(|window| match window.months {
            Some(1) => "1 month".to_owned(),
            Some(months) => format!("{months} months"),
            None => "All".to_owned(),
        });
    let mut table = Table::new(std::iter::once(String::new()).chain(header));
    for factor in factors {
        let cells = factor.windows.iter().map(&value);
        table.row(std::iter::once(factor.factor.clone()).chain(cells));
    }
    table
}

fn standing(summary: &FactorsCommandSummary) -> Table {
    let year = f64::from(summary.figures.frames_per_year);
    let header = [
        "",
        "Last month",
        "Percentile",
        "Chance as best",
        "alone",
        "Premium",
        "± 1.96 sd",
        "Drawdown",
        "Maximum",
    ];
    let mut table = Table::new(header).optional([8, 4]);
    for factor in &summary.figures.factors {
        let last = factor.last_month.as_ref();
        let number = |value: Number| f64::from(value);
        table.row([
            factor.factor.clone(),
            last.map_or_else(|| NONE.to_owned(), |last| percent(number(last.total_return))),
            last.map_or_else(|| NONE.to_owned(), |last| decimals(100.0 * number(last.percentile), 1)),
            decimals(number(factor.chance_as_best), 3),
            decimals(number(factor.chance_alone), 3),
            percent(number(factor.premium) * year),
            percent(BAND * number(factor.premium_sd) * year),
            percent(number(factor.current_drawdown)),
            percent(number(factor.max_drawdown)),
        ]);
    }
    table
}

fn correlations(summary: &FactorsCommandSummary) -> Table {
    let figures = &summary.figures;
    let names = figures.factors.iter().map(|factor| factor.factor.clone());
    let mut table = Table::new(std::iter::once(String::new()).chain(names));
    for (factor, row) in figures.factors.iter().zip(&figures.correlations) {
        let cells = row.iter().map(|correlation| decimals((*correlation).into(), 2));
        table.row(std::iter::once(factor.factor.clone()).chain(cells));
    }
    table
}
