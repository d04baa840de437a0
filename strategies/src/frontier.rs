//! Strategies `max_sharpe` and `min_variance`: points of the frontier of long, fully invested portfolios.

use betaflow_engine::portfolio::{Covariance, Point, SampleCovariance, frontier_point};
use betaflow_engine::settings::{Calendar, Invalid, Setting, SettingsTable};
use betaflow_engine::strategy::{Context, Observed, Strategy, StrategyError, TargetKind, Targets};
use betaflow_engine::{choices, settings};
use serde::{Deserialize, Serialize};

use crate::Shipped;
use crate::forecast::{AlphaRule, AlphaShrink, add_premia};
use crate::registry::shipped_state;
use crate::window::Window;

choices! {
    /// Source of forecasts and risk.
    pub enum FrontierInputs, default Forecasts {
        /// Estimates of the filter: alpha, betas and premia, and the factor risk.
        Forecasts = "forecasts",
        /// Mean and population covariance of past returns, for instruments with at least nine in ten of them.
        Returns = "returns",
    }
}

settings! {
    /// Settings of both strategies.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Settings in "strategy" {
        /// Source of forecasts and risk.
        from: FrontierInputs = FrontierInputs::Forecasts;
        /// Window of returns, with `from` returns.
        window: u32 = 252, in 2 to 100_000, unit "days";
        /// Share of the estimated alpha in the forecast: a number, or "posterior".
        alpha_shrink: AlphaShrink = AlphaShrink::Rule(AlphaRule::Posterior), in 0 to 1;
    }
}

impl Settings {
    /// Length of the window in frames.
    fn frames(&self, calendar: &Calendar) -> usize {
        usize::try_from(calendar.frames(self.window)).unwrap_or(usize::MAX)
    }

    fn decide(&self, point: Point, window: &Window, context: Context<'_>, targets: &mut Targets) {
        let n = context.held.len();
        // In a long, fully invested portfolio no weight is above 1.
        let weight_max = context.weight_max.min(1.0);
        let mut forecast = vec![0.0; n];
        let (chosen, count, found) = match self.from {
            FrontierInputs::Returns => {
                let (chosen, returns) = window.whole(self.frames(context.calendar), context.tradable);
                let covariance = SampleCovariance::new(&returns, chosen.len());
                let upper = vec![weight_max; chosen.len()];
                let found = frontier_point(covariance.mean(), &covariance, &upper, point);
                let count = chosen.len();
                (chosen, count, found)
            }
            FrontierInputs::Forecasts => {
                self.alpha_shrink.write(context.estimates, context.calendar, &mut forecast);
                add_premia(&context, context.premia, &mut forecast);
                let known = |i: usize| context.risk.idiosyncratic()[i].is_finite() && !forecast[i].is_nan();
                let upper: Vec<f64> = (0..context.risk.instruments())
                    .map(|i| if context.tradable[i] && known(i) { weight_max } else { 0.0 })
                    .collect();
                forecast.iter_mut().for_each(|m| *m = if m.is_nan() { 0.0 } else { *m });
                let found = frontier_point(&forecast[..upper.len()], context.risk, &upper, point);
                let count = upper.iter().filter(|upper| **upper > 0.0).count();
                ((0..n).collect(), count, found)
            }
        };
        let Some((weights, _)) = found else {
            // No instrument has a forecast and a risk, or the window is not full.
            targets.kind = TargetKind::NoForecast;
            return;
        };
        targets.kind = TargetKind::Weights;
        targets.fully_invested_over = Some(count);
        for (i, weight) in chosen.into_iter().zip(weights) {
            targets.values[i] = weight;
        }
    }
}

/// Portfolio with the largest ratio of forecast to risk: 0 ≤ w ≤ `sizing.weight_max`, Σw = 1.
///
/// If no such portfolio has a positive forecast, the ratio has no meaning and the portfolio is that of
/// `min_variance`. The engine then trades towards it within its own limits.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MaxSharpe {
    #[serde(flatten)]
    settings: Settings,
    #[serde(skip)]
    window: Window,
}

impl Shipped for MaxSharpe {
    const KIND: &'static str = "max_sharpe";
    const ABOUT: &'static str =
        "the largest Sharpe ratio, long and fully invested, at most sizing.weight_max per instrument";
    const TARGETS: TargetKind = TargetKind::Weights;
}

/// Portfolio with the least variance: 0 ≤ w ≤ `sizing.weight_max`, Σw = 1. The engine trades towards it
/// within its own limits.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MinVariance {
    #[serde(flatten)]
    settings: Settings,
    #[serde(skip)]
    window: Window,
}

impl Shipped for MinVariance {
    const KIND: &'static str = "min_variance";
    const ABOUT: &'static str =
        "the least risk, long and fully invested, at most sizing.weight_max per instrument";
    const TARGETS: TargetKind = TargetKind::Weights;
}

macro_rules! on_the_frontier {
    ($strategy:ident, $point:expr) => {
        impl SettingsTable for $strategy {
            const TABLE: &'static str = Settings::TABLE;
            const DOC: &'static [&'static str] = Settings::DOC;
            const SETTINGS: &'static [Setting] = Settings::SETTINGS;

            fn check_ranges(&self) -> Result<(), Invalid> {
                self.settings.check_ranges()
            }
        }

        impl Strategy for $strategy {
            shipped_state!(window; under settings);

            fn observes(&self) -> Observed {
                let returns = self.settings.from == FrontierInputs::Returns;
                Observed { returns, ..Observed::default() }
            }

            fn observe_returns(&mut self, returns: &[f64], calendar: &Calendar) -> Result<(), StrategyError> {
                self.window.push(returns, self.settings.frames(calendar));
                Ok(())
            }

            fn decide(&mut self, context: Context<'_>, targets: &mut Targets) -> Result<(), StrategyError> {
                self.settings.decide($point, &self.window, context, targets);
                Ok(())
            }
        }
    };
}

on_the_frontier!(MaxSharpe, Point::MaxSharpe);
on_the_frontier!(MinVariance, Point::MinVariance);

#[cfg(test)]
mod tests {
    use betaflow_engine::strategy::Strategy;

    use super::*;

    #[test]
    fn window_is_in_days() {
        let settings = Settings { from: FrontierInputs::Returns, window: 4, ..Settings::default() };
        let mut strategy = MinVariance { settings, ..MinVariance::default() };
        let calendar = Calendar { frames_per_day: 3, ..Calendar::default() };
        for _ in 0..30 {
            strategy.observe_returns(&[0.01], &calendar).unwrap();
        }
        assert_eq!(strategy.window.len(), 12);
    }
}
