//! Factors in `summary.json`: the result of `factors`, and the section `factors` of a run that trades.

use betaflow_engine::metrics::{Correlations, FactorReturns, WindowFigures};
use betaflow_engine::portfolio::FactorMoments;
use betaflow_engine::validation::FactorLuck;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FolderKind, Head, Number, time_text};

/// Calendar months of the window whose best factor is tested.
const LUCK_MONTHS: i64 = 12;
/// Highest chance at which luck alone is an unlikely explanation.
const UNLIKELY: f64 = 0.05;
/// Default number of resamples.
pub(crate) const RESAMPLES: usize = 5_000;
/// Default seed.
pub(crate) const SEED: u64 = 1;

/// `summary.json` of `factors`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct FactorsCommandSummary {
    #[serde(flatten)]
    pub(crate) head: Head,
    pub(crate) kind: FolderKind,
    /// File of the factors; null for factors made from instruments.
    pub(crate) file: Option<String>,
    /// First date of a hold-out, which was not read.
    pub(crate) holdout: Option<String>,
    #[serde(flatten)]
    pub(crate) figures: FactorsSummary,
}

/// Figures of the factor returns by UTC date.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct FactorsSummary {
    pub(crate) first: Option<String>,
    pub(crate) last: Option<String>,
    pub(crate) dates: u64,
    /// Dates on which some factor has no return; correlations and luck leave them out.
    pub(crate) incomplete: u64,
    /// Dates a year, by which volatilities are annualised.
    pub(crate) days_per_year: Number,
    /// Frames a year, by which premia are annualised.
    pub(crate) frames_per_year: Number,
    pub(crate) factors: Vec<FactorSummary>,
    /// Pearson correlations, one row per factor.
    pub(crate) correlations: Vec<Vec<Number>>,
    pub(crate) luck: Option<FactorLuckSummary>,
    /// Reason why `luck` is null.
    pub(crate) luck_reason: Option<String>,
}

/// Figures of one factor.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct FactorSummary {
    pub(crate) factor: String,
    /// 1, 3, 6, 12 and 36 calendar months, and all dates.
    pub(crate) windows: Vec<FactorWindowSummary>,
    pub(crate) last_month: Option<LastMonthSummary>,
    /// Expected return λ per frame after the last frame.
    pub(crate) premium: Number,
    /// Standard deviation of the premium.
    pub(crate) premium_sd: Number,
    pub(crate) current_drawdown: Number,
    pub(crate) max_drawdown: Number,
    /// Share of the resamples in which the best of all factors has the t of this one or more.
    pub(crate) chance_as_best: Number,
    /// Share of the resamples in which the factor itself has this t or more.
    pub(crate) chance_alone: Number,
}

/// Figures over a window that ends with the last date.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct FactorWindowSummary {
    /// Length in calendar months; null for all dates.
    pub(crate) months: Option<i64>,
    pub(crate) first: Option<String>,
    pub(crate) last: Option<String>,
    pub(crate) dates: u64,
    /// Compounded return.
    pub(crate) total_return: Number,
    pub(crate) annual_volatility: Number,
    /// Mean / sample standard deviation · √dates.
    pub(crate) t: Number,
}

/// Last calendar month among all of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct LastMonthSummary {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) total_return: Number,
    /// Average rank over the number of months: 1 for the highest return.
    pub(crate) percentile: Number,
    pub(crate) months: u64,
}

/// Chance that the best factor looks this good without any premium.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct FactorLuckSummary {
    /// Factor with the highest t over the window.
    pub(crate) best: String,
    /// Months of the window; null for all dates of a shorter history.
    pub(crate) months: Option<i64>,
    pub(crate) t: Number,
    pub(crate) total_return: Number,
    pub(crate) chance: Number,
    /// Dates of the window.
    pub(crate) dates: u64,
    /// Mean length of a block in dates.
    pub(crate) mean_block: Number,
    pub(crate) resamples: u64,
    pub(crate) seed: u64,
}

impl From<WindowFigures> for FactorWindowSummary {
    fn from(window: WindowFigures) -> Self {
        Self {
            months: window.months,
            first: time_text(window.first),
            last: time_text(window.last),
            dates: window.count as u64,
            total_return: window.total_return.into(),
            annual_volatility: window.annual_volatility.into(),
            t: window.t.into(),
        }
    }
}

/// Frames and dates of a year, and the bootstrap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FactorOptions {
    pub(crate) days_per_year: f64,
    pub(crate) frames_per_year: f64,
    pub(crate) resamples: usize,
    pub(crate) seed: u64,
}

impl FactorsSummary {
    /// Figures of the factors `names`; `moments` after the last frame.
    pub(crate) fn new(
        names: &[String],
        returns: &FactorReturns,
        moments: &FactorMoments,
        options: &FactorOptions,
    ) -> Self {
        let complete = returns.on_complete_dates();
        let correlations = Correlations::of(&complete);
        let every = 0..names.len();
        let row = |left: usize| every.clone().map(|right| correlations.between(left, right).into()).collect();
        let (months, dates) = match returns.complete_in(LUCK_MONTHS) {
            Some(dates) => (Some(LUCK_MONTHS), dates),
            None => (None, complete.first().map_or(0, Vec::len)),
        };
        let luck = FactorLuck::of(&complete, dates, options.resamples, options.seed);
        let deviations = moments.premium_deviations().collect::<Vec<f64>>();
        let range = returns.range();
        let mut factors: Vec<FactorSummary> = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let drawdown = returns.drawdown(at);
            let windows = returns.windows(at, options.days_per_year).into_iter().map(Into::into);
            let chance =
                |of: fn(&FactorLuck) -> &[f64]| Number::from(luck.as_ref().ok().map(|luck| of(luck)[at]));
            factors.push(FactorSummary {
                factor: name.clone(),
                windows: windows.collect(),
                last_month: returns.last_month(at).map(|last| LastMonthSummary {
                    year: last.year,
                    month: last.month,
                    total_return: last.total_return.into(),
                    percentile: last.percentile.into(),
                    months: last.months as u64,
                }),
                premium: moments.premia()[at].into(),
                premium_sd: deviations[at].into(),
                current_drawdown: drawdown.current.into(),
                max_drawdown: drawdown.deepest.into(),
                chance_as_best: chance(|luck| &luck.best_of_all),
                chance_alone: chance(|luck| &luck.alone),
            });
        }
        let best = luck.as_ref().ok().and_then(|luck| Some((luck, luck.best()?)));
        let tested = best.map(|(luck, at)| FactorLuckSummary {
            best: names[at].clone(),
            months,
            t: luck.t[at].into(),
            total_return: factors[at]
                .windows
                .iter()
                .find(|window| window.months == months)
                .map_or(f64::NAN, |window| window.total_return.into())
                .into(),
            chance: luck.best_of_all[at].into(),
            dates: luck.dates as u64,
            mean_block: luck.mean_block.into(),
            resamples: luck.resamples as u64,
            seed: options.seed,
        });
        let reason = match (&luck, best) {
            (Err(invalid), _) => Some(invalid.to_string()),
            (Ok(_), None) => Some("no factor has a return that varies".to_owned()),
            (Ok(_), Some(_)) => None,
        };
        Self {
            first: time_text(range.map(|range| range.0)),
            last: time_text(range.map(|range| range.1)),
            dates: returns.dates() as u64,
            incomplete: returns.incomplete() as u64,
            days_per_year: options.days_per_year.into(),
            frames_per_year: options.frames_per_year.into(),
            correlations: every.clone().map(row).collect(),
            factors,
            luck: tested,
            luck_reason: reason,
        }
    }

    /// Answers whether the best factor did well by more than luck, in two sentences.
    pub(crate) fn answer(&self) -> String {
        let Some(luck) = &self.luck else {
            let reason = self.luck_reason.as_deref().unwrap_or("the summary has no bootstrap");
            return format!("The chance of luck is not defined: {reason}.");
        };
        let span = match luck.months {
            Some(months) => format!("the last {months} months"),
            None => format!("all {} dates", luck.dates),
        };
        let (t, gain, chance) =
            (f64::from(luck.t), 100.0 * f64::from(luck.total_return), f64::from(luck.chance));
        if t <= 0.0 {
            return format!(
                "No factor gained over {span}: the best one is {} with {gain:+.2} % and t {t:.2}.",
                luck.best
            );
        }
        let verdict = if chance <= UNLIKELY {
            "luck alone is an unlikely explanation"
        } else {
            "luck alone can explain it"
        };
        let of = match self.factors.len() {
            1 => "If it had no premium, it".to_owned(),
            count => format!("If no factor had a premium, the best of {count}"),
        };
        format!(
            "{} did best over {span}: {gain:+.2} %, t {t:.2}. {of} would look at least this good with probability \
             {chance:.2}: {verdict}.",
            luck.best
        )
    }

    /// Definitions of the figures, one sentence each.
    pub(crate) fn definitions(&self) -> Vec<String> {
        let days = f64::from(self.days_per_year);
        let mut all = vec![
            "Window of n months: the dates after the same day n calendar months before the last date.".to_owned(),
            format!(
                "Return: compounded over the window. Volatility: sample standard deviation · √{days}. t: mean / sample \
                 standard deviation · √dates."
            ),
            "Percentile: average rank of the last calendar month among all calendar months / their number.".to_owned(),
            "Premium λ: running mean of the factor returns, shrunk to 0, as sizing uses it; band ±1.96 standard deviations."
                .to_owned(),
        ];
        if let Some(luck) = &self.luck {
            all.push(format!(
                "Chance: share of {} resamples of {} dates (blocks of {} on average, the same dates for all factors, the \
                 mean of each factor over the whole history removed) in which the highest t of all factors is at least that \
                 of the factor; alone: in which its own t is.",
                luck.resamples,
                luck.dates,
                f64::from(luck.mean_block)
            ));
        }
        all
    }
}
