//! Headline figures at the top, and the table of all figures.

use maud::{Markup, Render, html};

use crate::report::format::{NONE, money, percent, plain, text};
use crate::report::labels::{As, shown};
use crate::report::page::Page;
use crate::summary::{Head, Metrics, MetricsBySeries, TradingSummary};

/// Figure of a series: name, unit, value, meaning.
type Figure = (&'static str, As, fn(&Metrics) -> f64, &'static str);
const FIGURES: [Figure; 25] = [
    ("Annual return", As::Percent, |of| of.figures.annual_return, "Compound annual growth rate."),
    (
        "Annual volatility",
        As::Percent,
        |of| of.figures.annual_volatility,
        "Annualised standard deviation of returns.",
    ),
    (
        "Sharpe ratio",
        As::Plain(2),
        |of| of.figures.sharpe,
        "Annualised mean over standard deviation; risk-free 0.",
    ),
    (
        "± standard error",
        As::Plain(2),
        |of| of.figures.uncertainty.standard_error,
        "Of the Sharpe ratio, with the skewness and kurtosis of the returns (Lo 2002, Mertens 2002).",
    ),
    (
        "Probabilistic Sharpe",
        As::Plain(3),
        |of| of.figures.uncertainty.probabilistic_sharpe,
        "P(SR>0): chance that the true ratio is above 0 (Bailey & López de Prado 2012).",
    ),
    (
        "Minimum track record, years",
        As::Plain(1),
        |of| of.figures.uncertainty.min_track_record_years,
        "Returns like these until that chance is 95 %.",
    ),
    (
        "Sharpe in excess of rf",
        As::Plain(2),
        |of| of.in_excess().sharpe,
        "Of returns less the risk-free return.",
    ),
    ("Sortino ratio", As::Plain(2), |of| of.figures.sortino, "Annualised mean over downside deviation."),
    (
        "Sortino in excess of rf",
        As::Plain(2),
        |of| of.in_excess().sortino,
        "Of returns less the risk-free return.",
    ),
    ("Calmar ratio", As::Plain(2), |of| of.figures.calmar, "Annual return over the maximum drawdown."),
    (
        "Maximum drawdown",
        As::Percent,
        |of| of.figures.max_drawdown,
        "Largest fall below the running maximum.",
    ),
    ("Omega ratio", As::Plain(2), |of| of.figures.omega, "Sum of gains over sum of losses."),
    (
        "Tail ratio",
        As::Plain(2),
        |of| of.figures.tail_ratio,
        "Size of the 95th percentile of returns over the size of the 5th.",
    ),
    (
        "Value at risk, 5 %",
        As::Percent,
        |of| of.figures.value_at_risk,
        "5th percentile of the returns of a bar.",
    ),
    (
        "Conditional value at risk",
        As::Percent,
        |of| of.figures.conditional_value_at_risk,
        "Mean of the returns in that tail.",
    ),
    ("Skewness", As::Plain(2), |of| of.figures.skew, "Below 0: the large returns are losses."),
    (
        "Excess kurtosis",
        As::Plain(2),
        |of| of.figures.kurtosis,
        "Above 0: more extreme returns than a normal distribution.",
    ),
    ("Best bar", As::Percent, |of| of.figures.best_return, ""),
    ("Worst bar", As::Percent, |of| of.figures.worst_return, ""),
    (
        "Stability",
        As::Plain(3),
        |of| of.figures.stability_of_timeseries,
        "R² of cumulated logarithmic returns on a straight line.",
    ),
    (
        "Alpha to benchmark",
        As::Percent,
        |of| of.figures.relative.alpha,
        "Annual return that the benchmark does not explain.",
    ),
    (
        "Beta to benchmark",
        As::Plain(3),
        |of| of.figures.relative.beta,
        "Slope of the returns on the benchmark's.",
    ),
    (
        "Up capture",
        As::Plain(2),
        |of| of.figures.relative.up_capture,
        "Annual return over the benchmark's, on bars on which it rose.",
    ),
    (
        "Down capture",
        As::Plain(2),
        |of| of.figures.relative.down_capture,
        "The same on bars on which it fell.",
    ),
    (
        "Total return",
        As::Percent,
        |of| of.figures.total_return,
        "From the first rebalance to the last frame.",
    ),
];

/// A headline figure: name, value, figures beside it.
struct Tile<'a>(&'a str, Markup, String);

impl Render for Tile<'_> {
    fn render(&self) -> Markup {
        let Self(name, value, beside) = self;
        html! { div { span { (name) } b { (value) } span.beside { (beside) } } }
    }
}

/// Adds data, NAV and the headline figures.
pub(super) fn add(page: &mut Page, head: &Head, trading: &TradingSummary) {
    let count = |of: fn(&crate::summary::DataSummary) -> u64| {
        head.data.as_ref().map_or_else(|| NONE.to_owned(), |data| of(data).to_string())
    };
    let (first, last) = match &head.data {
        Some(data) => (text(data.first.as_ref()), text(data.last.as_ref())),
        None => (NONE, NONE),
    };
    page.add(html! {
        p.lead {
            b { (count(|data| data.instruments)) } " instruments, " b { (count(|data| data.frames)) } " frames from "
            b { (first) } " to " b { (last) } "."
            @if let Some(nav) = &trading.nav {
                " NAV " b { (money(nav.first)) } " → " b { (money(nav.last)) } "."
            }
        }
    });
    if trading.nav.is_none() {
        return page.absent("No rebalance: there is nothing to measure.");
    }
    let metrics = trading.metrics.clone().unwrap_or_default();
    let net = &metrics.net.figures;
    let beside = |value: fn(&Metrics) -> f64, unit: As| {
        let [gross, benchmark] = [&metrics.gross, &metrics.benchmark].map(|of| shown(value(of), unit));
        format!("gross {gross}, benchmark {benchmark}")
    };
    let plainly = |text: String| html! { (text) };
    let error = net.uncertainty.standard_error;
    let sharpe = html! {
        (plain(net.sharpe, 2)) @if error.is_finite() { " " small { "± " (plain(error, 2)) } }
    };
    let (turnover, costs) = (&trading.turnover, &trading.cost_analysis);
    let traded = if turnover.filled.get().is_some() { turnover.filled } else { turnover.mean };
    let tiles = [
        Tile(
            "annual return, net",
            plainly(percent(net.annual_return)),
            beside(|of| of.figures.annual_return, As::Percent),
        ),
        Tile("Sharpe ratio, net", sharpe, beside(|of| of.figures.sharpe, As::Plain(2))),
        Tile(
            "maximum drawdown, net",
            plainly(percent(net.max_drawdown)),
            beside(|of| of.figures.max_drawdown, As::Percent),
        ),
        Tile(
            "annual volatility, net",
            plainly(percent(net.annual_volatility)),
            format!("predicted {}", percent(trading.kelly.predicted_volatility)),
        ),
        Tile(
            "annual cost drag",
            plainly(percent(costs.annual_drag)),
            match costs.break_even_bps.get() {
                Some(bps) if bps < 0.0 => "loss before costs".to_owned(),
                _ => format!("break-even cost {} bps", plain(costs.break_even_bps, 0)),
            },
        ),
        Tile(
            "turnover a day, filled",
            plainly(percent(traded)),
            format!(
                "decided {}; cap {} bound in {} of rebalances",
                percent(turnover.mean),
                percent(turnover.cap),
                percent(turnover.share_at_cap)
            ),
        ),
    ];
    page.add(html! { div.tiles { @for tile in &tiles { (tile) } } });
}

/// Adds the table of all figures.
pub(super) fn add_metrics(page: &mut Page, metrics: Option<&MetricsBySeries>) {
    const HEADING: &str = "Figures";
    let Some(metrics) = metrics else {
        return page.missing(HEADING, "summary.json has no metrics.");
    };
    page.section(HEADING);
    let row = |(name, unit, value, meaning): Figure| -> Option<Markup> {
        let values = [&metrics.net, &metrics.gross, &metrics.benchmark].map(value);
        let is_defined = values.iter().any(|value| value.is_finite());
        is_defined.then(|| {
            html! {
                tr { th scope="row" { (name) } @for value in values { td { (shown(value, unit)) } } td { (meaning) } }
            }
        })
    };
    let rows: Vec<Markup> = FIGURES.into_iter().filter_map(row).collect();
    if rows.is_empty() {
        return page.absent("There are no returns to measure.");
    }
    page.table(&["", "net", "gross", "benchmark", "meaning"], "figures", &rows);
    page.small(html! {
        "Net is after all costs; gross returns add the costs of each bar back; the benchmark holds equal weights of what "
        "trades, rebalanced every 21 days, after the same costs. The definitions are those of " code { "empyrical" }
        "; a dash stands where a figure is not defined."
    });
}

/// Returns digest and version.
pub(super) fn ran(head: &Head, trading: &TradingSummary) -> Markup {
    html! {
        p {
            "betaflow " (text(head.version.as_ref())) ", digest " code.digest { (text(trading.digest.as_ref())) }
            ": the same data and settings give the same digest on every machine."
        }
    }
}
