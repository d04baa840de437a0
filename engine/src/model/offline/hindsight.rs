//! Smoothing and EM by instrument, with the moments of one instrument in memory at a time.

use super::panel::Panel;
use crate::model::dlm::{Retrospective, Start};
use crate::model::fixed::{Em, EmFit, StateSpace};
use crate::model::settings::{EstimatorKind, EstimatorSettings};
use crate::model::smoother::Smoothed;
use crate::settings::{Calendar, Invalid};

/// Settings of the offline estimation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HindsightSettings {
    /// True to smooth the coefficients of each frame given all frames.
    pub smooth: bool,
    /// EM fit of the variances and prior of each instrument, if any.
    pub em: Option<Em>,
}

/// Coefficients of one instrument given all frames; for analysis only.
#[derive(Clone, Debug, PartialEq)]
pub enum SmoothedHistory {
    /// Smoothed by the discount-factor DLM.
    Dlm(Retrospective),
    /// Smoothed by the state-space model with given or fitted parameters.
    StateSpace(Smoothed),
}

impl SmoothedHistory {
    /// Number of frames.
    #[must_use]
    pub fn frames(&self) -> usize {
        match self {
            Self::Dlm(history) => history.frames(),
            Self::StateSpace(history) => history.frames(),
        }
    }

    /// Mean of the coefficients in frame t, length k: alpha and the betas.
    #[must_use]
    pub fn mean(&self, t: usize) -> &[f64] {
        match self {
            Self::Dlm(history) => history.mean(t),
            Self::StateSpace(history) => history.mean(t),
        }
    }

    /// Standard deviation of coefficient j in frame t.
    #[must_use]
    pub fn sd(&self, t: usize, j: usize) -> f64 {
        match self {
            Self::Dlm(history) => history.sd(t, j),
            Self::StateSpace(history) => history.sd(t, j),
        }
    }
}

/// Results for one instrument.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct InstrumentHindsight {
    /// Parameters fitted by EM; `None` without EM, or if no return differs from 0.
    pub fitted: Option<EmFit>,
    /// First smoothed frame of the panel, and the smoothed coefficients from there on.
    pub smoothed: Option<(usize, SmoothedHistory)>,
}

/// Smooths the instruments of a panel and fits their parameters.
///
/// The smoothing model has the fitted parameters if EM ran. Otherwise it follows the settings: `fixed` by its
/// parameters, `dlm` by its retrospective distributions, and `mixture` as the `dlm` of the same settings.
#[derive(Clone, Debug)]
pub struct Hindsight<'a> {
    panel: &'a Panel,
    estimator: &'a EstimatorSettings,
    calendar: Calendar,
    settings: HindsightSettings,
    /// Parameters of `fixed`.
    given: Option<StateSpace>,
    /// Starts of the DLM's histories, if the DLM smooths.
    starts: Vec<Option<Start>>,
}

impl<'a> Hindsight<'a> {
    /// Prepares the models; if the DLM smooths, it runs once over the whole panel.
    ///
    /// # Errors
    /// Fails if a parameter of `fixed` is missing or out of its range, or the estimator is `given`.
    pub fn new(
        panel: &'a Panel,
        estimator: &'a EstimatorSettings,
        calendar: &Calendar,
        settings: HindsightSettings,
    ) -> Result<Self, Invalid> {
        let given = match estimator.kind {
            EstimatorKind::Fixed => Some(estimator.state_space(calendar, panel.coefficients())?),
            EstimatorKind::Given => {
                return Err(Invalid {
                    key: "kind",
                    found: "\"given\"".to_owned(),
                    expected: "a filter of the data: a risk model from a file is not smoothed or fitted"
                        .into(),
                });
            }
            EstimatorKind::Dlm | EstimatorKind::Mixture => None,
        };
        let dlm_smooths = settings.smooth && settings.em.is_none() && given.is_none();
        let starts = if dlm_smooths { panel.starts(estimator, calendar) } else { Vec::new() };
        Ok(Self { panel, estimator, calendar: *calendar, settings, given, starts })
    }

    /// Fits and smooths one instrument according to the settings.
    ///
    /// # Errors
    /// Fails if a start parameter of EM is out of its range.
    pub fn instrument(&self, instrument: usize) -> Result<InstrumentHindsight, Invalid> {
        let Some((first, returns)) = self.panel.history(instrument) else {
            return Ok(InstrumentHindsight::default());
        };
        let factors = self.panel.factors_from(first);
        let fitted = match &self.settings.em {
            Some(em) => self.fit(em, factors, &returns)?,
            None => None,
        };
        let smoothed = if self.settings.smooth {
            let parameters = match self.settings.em {
                Some(_) => fitted.as_ref().map(|fitted| &fitted.parameters),
                None => self.given.as_ref(),
            };
            match parameters {
                Some(model) => Some((first, SmoothedHistory::StateSpace(model.smooth(factors, &returns)))),
                None => self.retrospective(instrument, first, &returns),
            }
        } else {
            None
        };
        Ok(InstrumentHindsight { fitted, smoothed })
    }

    fn fit(&self, em: &Em, factors: &[f64], returns: &[f64]) -> Result<Option<EmFit>, Invalid> {
        let (market_beta, frames_per_day) =
            (self.estimator.initial_market_beta, self.calendar.frames_per_day);
        let scale_free = || StateSpace::scale_free(factors, returns, market_beta, frames_per_day);
        let start = self.given.clone().or_else(scale_free);
        start.map(|start| em.fit(&start, factors, returns)).transpose()
    }

    fn retrospective(
        &self,
        instrument: usize,
        first: usize,
        returns: &[f64],
    ) -> Option<(usize, SmoothedHistory)> {
        let Start { frame, observation_variance } = self.starts.get(instrument).copied().flatten()?;
        let (factors, returns) = (self.panel.factors_from(frame), &returns[frame - first..]);
        let history =
            Retrospective::of(self.estimator, &self.calendar, observation_variance, factors, returns);
        Some((frame, SmoothedHistory::Dlm(history)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::panel::tests::{FRAMES, panel};
    use super::*;
    use crate::model::dlm::Dlm;
    use crate::model::estimates::Estimates;
    use crate::model::estimator::Estimator as _;

    const DLM: EstimatorKind = EstimatorKind::Dlm;

    #[test]
    fn last_smoothed_betas_equal_the_filtered_ones() {
        let panel = panel();
        let settings = EstimatorSettings { kind: DLM, ..EstimatorSettings::default() };
        let calendar = Calendar::default();
        let smooth = HindsightSettings { smooth: true, em: None };
        let hindsight = Hindsight::new(&panel, &settings, &calendar, smooth).unwrap();
        let mut filter = Dlm::new(&settings, &calendar, 1);
        (0..panel.frames()).for_each(|t| filter.step(panel.factors(t), panel.returns(t), false));
        let mut estimates = Estimates { factors: vec![0.0], ..Estimates::default() };
        filter.write(&mut estimates);
        for (instrument, start) in [1, 40].into_iter().enumerate() {
            let InstrumentHindsight { fitted, smoothed } = hindsight.instrument(instrument).unwrap();
            let (first, history) = smoothed.unwrap();
            assert_eq!((fitted, first, history.frames()), (None, start, FRAMES - 1 - start));
            let beta = history.mean(history.frames() - 1)[1];
            assert!((beta - estimates.betas_on(0)[instrument]).abs() < 1e-12, "{beta}");
            assert!(history.sd(history.frames() / 2, 1) < history.sd(0, 1));
        }
    }

    #[test]
    fn mixture_is_smoothed_as_the_dlm_of_the_same_settings() {
        let panel = panel();
        let smooth = HindsightSettings { smooth: true, em: None };
        let smoothed = |kind| {
            let settings = EstimatorSettings { kind, ..EstimatorSettings::default() };
            let hindsight = Hindsight::new(&panel, &settings, &Calendar::default(), smooth).unwrap();
            hindsight.instrument(1).unwrap()
        };
        assert_eq!(smoothed(EstimatorKind::Mixture), smoothed(DLM));
    }

    #[test]
    fn em_raises_the_likelihood_and_feeds_the_smoother() {
        let panel = panel();
        let settings = EstimatorSettings { kind: DLM, ..EstimatorSettings::default() };
        let em = Em { steps: 20, ..Em::default() };
        let both = HindsightSettings { smooth: true, em: Some(em) };
        let hindsight = Hindsight::new(&panel, &settings, &Calendar::default(), both).unwrap();
        let InstrumentHindsight { fitted, smoothed } = hindsight.instrument(0).unwrap();
        let fitted = fitted.unwrap();
        let likelihoods = &fitted.log_likelihood;
        assert!(
            likelihoods.windows(2).all(|pair| pair[1] > pair[0] - 1e-9 * pair[0].abs()),
            "{likelihoods:?}"
        );
        assert!(likelihoods.last() > likelihoods.first());
        let (first, history) = smoothed.unwrap();
        assert!(matches!(history, SmoothedHistory::StateSpace(_)) && first == 1);
        let beta = history.mean(history.frames() / 2)[1];
        assert!((beta - 1.2).abs() < 0.1, "{beta}");
    }

    #[test]
    fn instrument_without_returns_has_no_result() {
        let panel = panel();
        let settings = EstimatorSettings::default();
        let smooth = HindsightSettings { smooth: true, em: None };
        let hindsight = Hindsight::new(&panel, &settings, &Calendar::default(), smooth).unwrap();
        assert_eq!(hindsight.instrument(2).unwrap(), InstrumentHindsight::default());
    }
}
