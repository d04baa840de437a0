//! Strategy `forecasts`: expected returns from the user's own forecasts or scores.

use betaflow_engine::frame::CrossSection;
use betaflow_engine::settings::{
    Calendar, Choice, Invalid, Kind, Range, SettingType, SettingValue, SettingsTable as _, require,
};
use betaflow_engine::signal::{InformationCoefficient, standardise};
use betaflow_engine::strategy::{
    Context, LearnedCoefficient, Observed, Strategy, StrategyError, StrategyFacts, TargetKind, Targets,
};
use betaflow_engine::{choices, settings};
use serde::{Deserialize, Serialize};

use crate::Shipped;
use crate::forecast::add_premia;
use crate::registry::shipped_state;
use crate::section::{Section, Status, frames};

choices! {
    /// Unit of the column `forecast`.
    pub enum ForecastUnit, default Return {
        /// Expected excess return over the horizon, decimal.
        Return = "return",
        /// Score: standardised on each date, and turned into a return by the information coefficient.
        ///
        /// Expected return over the horizon = IC x volatility over the horizon x z (Grinold 1994).
        Zscore = "zscore",
    }
}

choices! {
    /// Return that a forecast is about.
    pub enum ForecastOf, default Residual {
        /// The return that the factors do not explain.
        Residual = "residual",
        /// The whole excess return.
        Total = "total",
    }
}

/// Information coefficient of scores.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Coefficient {
    /// A given number.
    Number(f64),
    /// A rule, by its name.
    Rule(CoefficientRule),
}

/// Rules that determine the information coefficient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoefficientRule {
    /// [`InformationCoefficient`] of the scores so far.
    Learned,
}

impl SettingValue for Coefficient {
    fn outside(&self, range: &Range) -> Option<String> {
        match self {
            Self::Number(number) => number.outside(range),
            Self::Rule(CoefficientRule::Learned) => None,
        }
    }
}

impl SettingType for Coefficient {
    const KIND: Kind = Kind::NumberOrWord(&[Choice {
        name: "learned",
        doc: &["A regression of the returns so far on the scores, shrunk towards 0."],
    }]);
}

settings! {
    /// Fractional Kelly on your own forecasts or scores.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub struct Forecasts in "strategy" {
        /// File of forecasts: time, `symbol`, `forecast`, optional `forecast_sd` and `known_at`; or a column per symbol.
        ///
        /// A time acts on the first frame at or after it. A date acts on its last frame; with several frames per day, on
        /// the first frame of the next date.
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<String> = None, form "a path";
        /// Unit of the forecasts.
        unit: ForecastUnit = ForecastUnit::Return;
        /// Days over which a forecast expects its return. It also sets `sizing.cost_horizon`, unless that is set.
        horizon: f64 = 1.0, in 0.001 to 10_000, unit "days";
        /// Half-life of a forecast after it becomes known; unset: it does not fade.
        #[serde(skip_serializing_if = "Option::is_none")]
        decay: Option<f64> = None, in 0.001 to 1e6, unit "days";
        /// Return that a forecast is about.
        of: ForecastOf = ForecastOf::Residual;
        /// Information coefficient of scores: a number, or "learned".
        information_coefficient: Coefficient = Coefficient::Rule(CoefficientRule::Learned), in -1 to 1;
        /// Days for which a forecast stays valid without a newer one; unset: `strategy.horizon`.
        #[serde(skip_serializing_if = "Option::is_none")]
        valid_for: Option<f64> = None, in 0.001 to 10_000, unit "days";
        /// True to add the premia of the factors, beta times premium, to forecasts of the residual return.
        premia: bool = false;
    }
    and { section: Section, scores: Vec<f64>, learned: InformationCoefficient }
}

impl Forecasts {
    /// Frames of the horizon.
    fn frames(&self, calendar: &Calendar) -> f64 {
        frames(self.horizon, calendar)
    }

    /// Variance of an instrument's return per frame that a score scales.
    fn variance(&self, context: &Context<'_>, instrument: usize) -> f64 {
        match self.of {
            ForecastOf::Residual => context.estimates.observation_var[instrument],
            ForecastOf::Total => context.risk.variance_of(instrument),
        }
    }

    /// Information coefficient in force.
    fn coefficient(&self) -> LearnedCoefficient {
        match self.information_coefficient {
            Coefficient::Number(mean) => LearnedCoefficient { mean, sd: 0.0, observations: 0.0 },
            Coefficient::Rule(CoefficientRule::Learned) => self.learned.posterior(),
        }
    }

    fn learns(&self) -> bool {
        self.unit == ForecastUnit::Zscore
            && self.information_coefficient == Coefficient::Rule(CoefficientRule::Learned)
    }

    /// Writes expected returns per frame and their standard deviations.
    fn write(&self, context: &Context<'_>, targets: &mut Targets) {
        let horizon = self.frames(context.calendar);
        let age = self.section.age(context.estimates.seq);
        let kept = self.decay.map_or(1.0, |days| {
            libm::exp2(-(age as f64) / (days * f64::from(context.calendar.frames_per_day)))
        });
        let known = self.section.values.len().min(targets.values.len());
        targets.expected_sd.resize(targets.values.len(), f64::NAN);
        let coefficient = self.coefficient();
        for i in (0..known).filter(|i| context.estimates.started(*i)) {
            let (expected, sd) = match self.unit {
                ForecastUnit::Return => {
                    let scale = kept / horizon;
                    let sd = self.section.sds.get(i).copied().unwrap_or(f64::NAN);
                    (scale * self.section.values[i], scale * sd)
                }
                ForecastUnit::Zscore => {
                    // IC · σ√h · z over h frames.
                    let unit = kept * (self.variance(context, i) / horizon).sqrt() * self.scores[i];
                    (coefficient.mean * unit, coefficient.sd * unit.abs())
                }
            };
            targets.values[i] = if expected.is_finite() { expected } else { 0.0 };
            targets.expected_sd[i] = if sd.is_finite() { sd } else { f64::NAN };
        }
    }
}

impl Shipped for Forecasts {
    const KIND: &'static str = "forecasts";
    const ABOUT: &'static str = "fractional Kelly on your own forecasts or scores, from a file";
    const TARGETS: TargetKind = TargetKind::Expected;

    fn check(&self) -> Result<(), Invalid> {
        self.check_ranges()?;
        let expected = "false, because `of` is \"total\": such a forecast contains the premia";
        require(!self.premia || self.of == ForecastOf::Residual, "premia", true, expected)
    }
}

impl Strategy for Forecasts {
    shipped_state!(section, scores, learned);

    fn observes(&self) -> Observed {
        let residuals = self.of == ForecastOf::Residual;
        Observed {
            returns: self.learns() && !residuals,
            residuals: self.learns() && residuals,
            ..Observed::default()
        }
    }

    fn observe_returns(&mut self, returns: &[f64], calendar: &Calendar) -> Result<(), StrategyError> {
        self.learned.set_horizon(self.frames(calendar) as u64);
        self.learned.observe(returns);
        Ok(())
    }

    fn observe_residuals(&mut self, residuals: &[f64], calendar: &Calendar) -> Result<(), StrategyError> {
        self.learned.set_horizon(self.frames(calendar) as u64);
        self.learned.observe(residuals);
        Ok(())
    }

    fn observe_signal(&mut self, signal: &CrossSection, context: Context<'_>) -> Result<(), StrategyError> {
        let new = self.section.take(signal, context.estimates.seq);
        if self.unit == ForecastUnit::Return {
            return Ok(());
        }
        standardise(&self.section.values, &mut self.scores);
        if self.learns() && new {
            let known = context.estimates.instruments().min(self.scores.len());
            let deviations: Vec<f64> =
                (0..known)
                    .map(|i| {
                        if context.estimates.started(i) {
                            self.variance(&context, i).sqrt()
                        } else {
                            f64::NAN
                        }
                    })
                    .collect();
            self.learned.score(&self.scores[..known], deviations.into_iter());
        }
        Ok(())
    }

    fn facts(&self) -> StrategyFacts {
        let coefficient = (self.unit == ForecastUnit::Zscore).then(|| self.coefficient());
        StrategyFacts { information_coefficient: coefficient, ..self.section.facts.clone() }
    }

    fn decide(&mut self, context: Context<'_>, targets: &mut Targets) -> Result<(), StrategyError> {
        let valid_for = frames(self.valid_for.unwrap_or(self.horizon), context.calendar);
        targets.kind = match self.section.act(context.estimates.seq, valid_for) {
            Status::Unknown => TargetKind::NoForecast,
            // Without a valid forecast every expected return is 0.
            Status::Expired => TargetKind::Expected,
            Status::Valid => {
                self.write(&context, targets);
                TargetKind::Expected
            }
        };
        if targets.kind == TargetKind::Expected && self.premia {
            add_premia(&context, context.premia, &mut targets.values);
        }
        Ok(())
    }
}
