//! Out-of-sample result in one sentence, its figures side by side, and multiple testing.

use maud::{Markup, html};

use super::Tuning;
use crate::report::format::{count, counted, percent, percent_of, plain, text};
use crate::report::labels::{Unit, shown};
use crate::report::luck;
use crate::report::page::Page;
use crate::summary::Metrics;

/// Row of the table: title, unit, value.
type Figure = (&'static str, Unit, fn(&Metrics) -> f64);
const FIGURES: [Figure; 10] = [
    ("Sharpe ratio", Unit::Plain(2), |of| of.figures.sharpe),
    ("± standard error", Unit::Plain(2), |of| of.figures.uncertainty.standard_error),
    ("P(SR>0)", Unit::Percent, |of| of.figures.uncertainty.probabilistic_sharpe),
    ("Sortino ratio", Unit::Plain(2), |of| of.figures.sortino),
    ("Calmar ratio", Unit::Plain(2), |of| of.figures.calmar),
    ("Annual return", Unit::Percent, |of| of.figures.annual_return),
    ("Annual volatility", Unit::Percent, |of| of.figures.annual_volatility),
    ("Maximum drawdown", Unit::Percent, |of| of.figures.max_drawdown),
    ("Conditional value at risk, 5 %", Unit::Percent, |of| of.figures.conditional_value_at_risk),
    ("Total return", Unit::Percent, |of| of.figures.total_return),
];

/// Adds method and result.
pub(super) fn add(page: &mut Page, tuning: &Tuning) {
    let summary = &tuning.summary;
    let method = match summary.method.as_str() {
        "walk_forward" => "each block with the setting that was best before it (walk-forward)",
        "k_fold" => "each block with the setting that was best on the other blocks (purged k-fold)",
        _ => "each block with the settings that were best on the others (combinatorial purged folds)",
    };
    let out = &summary.out_of_sample;
    let first = text(out.blocks.first().and_then(|block| block.first.as_ref()));
    let last = text(out.blocks.last().and_then(|block| block.last.as_ref()));
    let sharpe = |of: &Metrics| html! { b { (plain(of.figures.sharpe, 2)) } };
    let figures = &out.metrics.figures;
    let is_worse = figures.sharpe < out.base.figures.sharpe;
    page.add(html! {
        p.lead {
            b { (count(summary.study.scenarios)) } " settings, chosen by " (tuning.objective()) ": " b { (summary.folds) }
            " blocks from " b { (first) } " to " b { (last) } ", judged " (method) ", with an embargo of "
            b { (counted(summary.embargo, "day")) } "."
        }
        p class=(if is_worse { "verdict worse" } else { "verdict" }) {
            @if is_worse { b { "Tuning did worse than the configuration as it is." } " " }
            "Out of sample: net Sharpe ratio " (sharpe(&out.metrics)) " ± "
            (plain(figures.uncertainty.standard_error, 2)) " (s.e.), net annual return " (percent(figures.annual_return))
            ". On the same bars: configuration as it is " (sharpe(&out.base)) ", best setting in hindsight "
            (sharpe(&out.hindsight)) " (in-sample)."
        }
    });
}

/// Adds the figures side by side, and the distribution over the paths where there are many.
pub(super) fn add_figures(page: &mut Page, tuning: &Tuning) {
    let out = &tuning.summary.out_of_sample;
    page.section("Out of sample");
    let columns = [&out.metrics, &out.base, &out.hindsight];
    let row = |(title, unit, value): Figure| -> Markup {
        html! { tr { th scope="row" { (title) } @for column in columns { td { (shown(value(column), unit)) } } } }
    };
    let rows: Vec<Markup> = FIGURES.into_iter().map(row).collect();
    page.table(&["figure", "tuned", "the configuration as it is", "best in hindsight"], "plain", &rows);
    page.small(html! {
        "Net of costs, on the same " @if let Some(frames) = out.frames { (count(frames)) " " } "bars."
    });
    if out.paths > 1 {
        let scores = &out.scores;
        page.add(html! {
            p {
                "The blocks join into " b { (out.paths) } " paths through the data. Their " (tuning.objective())
                ": lowest " b { (plain(scores.lowest, 2)) } ", median " b { (plain(scores.median, 2)) } ", highest "
                b { (plain(scores.highest, 2)) } ", mean " (plain(scores.mean, 2)) ", standard deviation "
                (plain(scores.deviation, 2)) "; below 0 in " (percent_of(scores.below_zero, 0))
                " of them. The paths share their data, so they differ less than other data would. The median path is shown."
            }
        });
    }
}

/// Adds the deflated Sharpe ratio of the best setting.
pub(super) fn add_luck(page: &mut Page, tuning: &Tuning) {
    const HEADING: &str = "Multiple testing";
    let found = tuning.summary.study.luck.as_ref();
    let Some((luck, sentence)) = found.and_then(|luck| Some((luck, luck::sentence(luck)?))) else {
        return page.missing(HEADING, "No setting has a Sharpe ratio, or summary.json has no `luck`.");
    };
    page.section(HEADING);
    page.add(html! { p { "Highest net Sharpe ratio among the settings. " (sentence) } });
    if let Some(counting) = luck::counting(luck) {
        page.small(counting);
    }
}
