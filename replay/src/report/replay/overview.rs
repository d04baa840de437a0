//! Risk, costs and turnover at a glance, and the table of all figures.

use betaflow_engine::metrics::ActiveRisk;
use maud::{Markup, Render, html};

use crate::report::format::{percent, plain, text};
use crate::report::labels::{Unit, shown};
use crate::report::page::Page;
use crate::summary::{BenchmarkSummary, Head, Metrics, MetricsBySeries, TradingSummary};

/// Figure of a series of returns: name, unit, value, meaning.
type Figure = (&'static str, Unit, fn(&Metrics) -> f64, &'static str);
const FIGURES: [Figure; 25] = [
    ("Annual return", Unit::Percent, |of| of.figures.annual_return, "Compound annual growth rate."),
    (
        "Annual volatility",
        Unit::Percent,
        |of| of.figures.annual_volatility,
        "Annualised standard deviation of returns.",
    ),
    (
        "Sharpe ratio",
        Unit::Plain(2),
        |of| of.figures.sharpe,
        "Mean / standard deviation of returns, annualised; risk-free return 0.",
    ),
    (
        "± standard error",
        Unit::Plain(2),
        |of| of.figures.uncertainty.standard_error,
        "Standard error of the Sharpe ratio, with skewness and kurtosis of the returns (Lo 2002, Mertens 2002).",
    ),
    (
        "Probabilistic Sharpe",
        Unit::Plain(3),
        |of| of.figures.uncertainty.probabilistic_sharpe,
        "P(SR>0): probability that the true Sharpe ratio is above 0 (Bailey & López de Prado 2012).",
    ),
    (
        "Minimum track record, years",
        Unit::Plain(1),
        |of| of.figures.uncertainty.min_track_record_years,
        "Years of such returns until P(SR>0) reaches 95 %.",
    ),
    (
        "Sharpe in excess of rf",
        Unit::Plain(2),
        |of| of.in_excess().sharpe,
        "Same ratio, of the returns less the risk-free return.",
    ),
    (
        "Sortino ratio",
        Unit::Plain(2),
        |of| of.figures.sortino,
        "Mean / downside deviation of returns, annualised.",
    ),
    (
        "Sortino in excess of rf",
        Unit::Plain(2),
        |of| of.in_excess().sortino,
        "Same ratio, of the returns less the risk-free return.",
    ),
    ("Calmar ratio", Unit::Plain(2), |of| of.figures.calmar, "Annual return / |maximum drawdown|."),
    (
        "Maximum drawdown",
        Unit::Percent,
        |of| of.figures.max_drawdown,
        "Largest fall below the running maximum.",
    ),
    ("Omega ratio", Unit::Plain(2), |of| of.figures.omega, "Sum of gains / sum of losses."),
    (
        "Tail ratio",
        Unit::Plain(2),
        |of| of.figures.tail_ratio,
        "|95th percentile| / |5th percentile| of returns.",
    ),
    (
        "Value at risk, 5 %",
        Unit::Percent,
        |of| of.figures.value_at_risk,
        "5th percentile of the returns of one bar.",
    ),
    (
        "Conditional value at risk",
        Unit::Percent,
        |of| of.figures.conditional_value_at_risk,
        "Mean of the returns at or below the value at risk.",
    ),
    ("Skewness", Unit::Plain(2), |of| of.figures.skew, "Below 0: the large returns are losses."),
    (
        "Excess kurtosis",
        Unit::Plain(2),
        |of| of.figures.kurtosis,
        "Above 0: more extreme returns than a normal distribution.",
    ),
    ("Best bar", Unit::Percent, |of| of.figures.best_return, "Highest return of one bar."),
    ("Worst bar", Unit::Percent, |of| of.figures.worst_return, "Lowest return of one bar."),
    (
        "Stability",
        Unit::Plain(3),
        |of| of.figures.stability_of_timeseries,
        "R² of cumulated logarithmic returns on a straight line.",
    ),
    (
        "Alpha to benchmark",
        Unit::Percent,
        |of| of.figures.relative.alpha,
        "Annual return that the benchmark does not explain.",
    ),
    (
        "Beta to benchmark",
        Unit::Plain(3),
        |of| of.figures.relative.beta,
        "Slope of the returns on the benchmark's.",
    ),
    (
        "Up capture",
        Unit::Plain(2),
        |of| of.figures.relative.up_capture,
        "Annual return / the benchmark's annual return, on bars on which the benchmark rose.",
    ),
    (
        "Down capture",
        Unit::Plain(2),
        |of| of.figures.relative.down_capture,
        "Annual return / the benchmark's annual return, on bars on which the benchmark fell.",
    ),
    (
        "Total return",
        Unit::Percent,
        |of| of.figures.total_return,
        "From the first rebalance to the last frame.",
    ),
];

/// A figure with its name, and a second one below.
struct Tile(&'static str, String, String);

impl Render for Tile {
    fn render(&self) -> Markup {
        let Self(name, value, beside) = self;
        html! { div { span { (name) } b { (value) } span.beside { (beside) } } }
    }
}

/// Adds risk, costs and turnover as tiles.
pub(super) fn add(page: &mut Page, trading: &TradingSummary, active: Option<ActiveRisk>) {
    if trading.nav.is_none() {
        return;
    }
    page.section("Risk, costs and turnover");
    let net = trading.metrics.as_ref().map_or_else(Metrics::default, |metrics| metrics.net).figures;
    let (turnover, costs) = (&trading.turnover, &trading.cost_analysis);
    let traded = if turnover.filled.get().is_some() { turnover.filled } else { turnover.mean };
    let active = active.map_or([f64::NAN; 2], |active| [active.tracking_error, active.information_ratio]);
    let tiles = [
        Tile(
            "annual volatility, net",
            percent(net.annual_volatility),
            format!("predicted {}", percent(trading.kelly.predicted_volatility)),
        ),
        Tile(
            "beta to benchmark",
            plain(net.relative.beta, 2),
            format!("alpha {} a year", percent(net.relative.alpha)),
        ),
        Tile(
            "tracking error, a year",
            percent(active[0]),
            format!("information ratio {}", plain(active[1], 2)),
        ),
        Tile(
            "annual cost drag",
            percent(costs.annual_drag),
            match costs.break_even_bps.get() {
                Some(bps) if bps < 0.0 => "loss before costs".to_owned(),
                _ => format!("break-even cost {} bps of turnover", plain(costs.break_even_bps, 0)),
            },
        ),
        Tile(
            "turnover a day, filled",
            percent(traded),
            format!(
                "decided {}; the cap of {} bound in {} of the rebalances",
                percent(turnover.mean),
                percent(turnover.cap),
                percent(turnover.share_at_cap)
            ),
        ),
    ];
    page.add(html! { div.tiles { @for tile in &tiles { (tile) } } });
}

/// Adds the table of all figures.
pub(super) fn add_metrics(page: &mut Page, metrics: Option<&MetricsBySeries>, benchmark: &BenchmarkSummary) {
    const HEADING: &str = "All figures";
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
    page.table(&["", "net", "gross", &benchmark.label(), "meaning"], "figures", &rows);
    let meaning = meaning(benchmark);
    page.small(html! {
        "Net is after all costs; gross returns add the costs of each bar back; " (meaning) ". The definitions are those of "
        code { "empyrical" } "; a dash means not defined."
    });
}

/// Returns what the benchmark is, as a clause.
fn meaning(benchmark: &BenchmarkSummary) -> String {
    let name = &benchmark.name;
    match benchmark.kind.as_str() {
        "instrument" => format!("the benchmark holds {name} from the first rebalance on, without costs"),
        "factor" => format!(
            "the benchmark compounds the factor {name}, plus the risk-free return where the data has one, without costs"
        ),
        "file" => format!(
            "the benchmark is that of {name}: returns without costs, or weights with the delay and the costs of the strategy"
        ),
        _ => "the benchmark holds equal weights of all tradable instruments, rebalanced every 21 days, after the same costs"
            .to_owned(),
    }
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
