//! The benchmark of a run, and strategy against benchmark in one sentence.

use std::cmp::Ordering;

use betaflow_engine::metrics::Figures;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{BenchmarkKind, BenchmarkSettings};
use crate::terminal::{decimals, percent};

/// Benchmark of a run. Folders of earlier versions have none: theirs is equal weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct BenchmarkSummary {
    /// `benchmark.kind`.
    pub(crate) kind: String,
    /// Name in tables and legends: the instrument, the factor, or the file without its folder.
    pub(crate) name: String,
}

impl Default for BenchmarkSummary {
    fn default() -> Self {
        (&BenchmarkSettings::default()).into()
    }
}

impl From<&BenchmarkSettings> for BenchmarkSummary {
    fn from(settings: &BenchmarkSettings) -> Self {
        Self { kind: settings.kind.name().to_owned(), name: settings.name() }
    }
}

impl BenchmarkSummary {
    /// True for equal weights.
    pub(crate) fn is_equal_weight(&self) -> bool {
        self.kind == BenchmarkKind::EqualWeight.name()
    }

    /// The benchmark as part of a sentence.
    pub(crate) fn phrase(&self) -> String {
        match self.is_equal_weight() {
            true => "the equal-weight benchmark".to_owned(),
            false => format!("the benchmark {}", self.name),
        }
    }

    /// Label of a column or line.
    pub(crate) fn label(&self) -> String {
        match self.is_equal_weight() {
            true => "benchmark".to_owned(),
            false => format!("benchmark {}", self.name),
        }
    }
}

/// Returns a sentence that compares the strategy with the benchmark `against` by net annual return and net Sharpe
/// ratio; `None` if a return is undefined. Values are compared as displayed, after rounding.
pub(crate) fn benchmark_sentence(
    net: &Figures,
    benchmark: &Figures,
    against: &BenchmarkSummary,
) -> Option<String> {
    let returns = [net.annual_return, benchmark.annual_return];
    let by_return = compared(returns, 1e4)?;
    let [own, other] = returns.map(percent);
    let earned = match by_return {
        Ordering::Less => "less than",
        Ordering::Equal => "as much as",
        Ordering::Greater => "more than",
    };
    let mut text = format!("The strategy earned {earned} {}: {own} against {other} a year", against.phrase());
    let ratios = [net.sharpe, benchmark.sharpe];
    if let Some(by_ratio) = compared(ratios, 1e2) {
        let [own, other] = ratios.map(|ratio| decimals(ratio, 2));
        text += match (by_return, by_ratio) {
            (Ordering::Less, Ordering::Greater) => "; but its Sharpe ratio is higher:",
            (Ordering::Greater, Ordering::Less) => "; but its Sharpe ratio is lower:",
            _ => "; Sharpe ratio",
        };
        text += &format!(" {own} against {other}");
    }
    Some(text + ".")
}

/// Returns true if the net annual return or the net Sharpe ratio is below that of the benchmark, after the rounding of
/// [`benchmark_sentence`].
pub(crate) fn is_worse(net: &Figures, benchmark: &Figures) -> bool {
    let orders = [
        compared([net.annual_return, benchmark.annual_return], 1e4),
        compared([net.sharpe, benchmark.sharpe], 1e2),
    ];
    orders.contains(&Some(Ordering::Less))
}

/// Compares two values after rounding to `1/scale`.
fn compared(values: [f64; 2], scale: f64) -> Option<Ordering> {
    let [a, b] = values.map(|value| (value * scale).round());
    if values.iter().all(|value| value.is_finite()) { a.partial_cmp(&b) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures((annual_return, sharpe): (f64, f64)) -> Figures {
        Figures { annual_return, sharpe, ..Figures::undefined() }
    }

    #[test]
    fn sentence_says_whether_the_strategy_did_better_or_worse() {
        type Case = ((f64, f64), (f64, f64), &'static str);
        let cases: [Case; 6] = [
            (
                (0.1073, 0.82),
                (0.1696, 0.94),
                "earned less than the equal-weight benchmark: 10.73 % against 16.96 % a year; Sharpe ratio 0.82 against 0.94.",
            ),
            (
                (0.2, 1.5),
                (0.1, 0.5),
                "earned more than the equal-weight benchmark: 20.00 % against 10.00 % a year; Sharpe ratio 1.50 against 0.50.",
            ),
            (
                (0.05, 1.2),
                (0.1, 0.5),
                "earned less than the equal-weight benchmark: 5.00 % against 10.00 % a year; but its Sharpe ratio is higher: \
                 1.20 against 0.50.",
            ),
            (
                (0.15, 0.4),
                (0.1, 0.5),
                "earned more than the equal-weight benchmark: 15.00 % against 10.00 % a year; but its Sharpe ratio is lower: \
                 0.40 against 0.50.",
            ),
            (
                (0.1, 0.5),
                (0.100_001, 0.501),
                "earned as much as the equal-weight benchmark: 10.00 % against 10.00 % a year; Sharpe ratio 0.50 against 0.50.",
            ),
            (
                (0.0, f64::NAN),
                (-0.1, -0.5),
                "earned more than the equal-weight benchmark: 0.00 % against -10.00 % a year.",
            ),
        ];
        for (net, benchmark, expected) in cases {
            let against = BenchmarkSummary::default();
            let sentence =
                benchmark_sentence(&figures(net), &figures(benchmark), &against).unwrap_or_default();
            assert_eq!(sentence, format!("The strategy {expected}"));
        }
        let against = BenchmarkSummary { kind: "instrument".to_owned(), name: "SPX".to_owned() };
        let sentence = |own| benchmark_sentence(&figures(own), &figures((0.1, 0.5)), &against);
        assert_eq!(sentence((f64::NAN, 1.0)), None);
        assert!(
            sentence((0.2, 1.0)).is_some_and(|text| text.contains("more than the benchmark SPX: 20.00 %"))
        );
    }
}
