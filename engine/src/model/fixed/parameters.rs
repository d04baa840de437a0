//! Parameters of the fixed filter: transition, covariances and prior, common or per instrument.

use serde::{Deserialize, Serialize};

use super::state_space::{
    StateSpace, check_covariance, check_mean, check_observation_variance, check_transition,
};
use crate::settings::{Invalid, require};
use nalgebra::{DMatrix, DVector};

/// One value for all instruments, or one for each in engine order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PerInstrument<T> {
    /// Same value for all instruments.
    Common(T),
    /// Entry i belongs to instrument i; a filter takes no more instruments than entries.
    Each(Vec<T>),
}

impl<T> PerInstrument<T> {
    /// Value of an instrument.
    ///
    /// # Panics
    /// A value for this instrument is missing.
    #[must_use]
    pub fn of(&self, instrument: usize) -> &T {
        match self {
            Self::Common(value) => value,
            Self::Each(values) => &values[instrument],
        }
    }

    /// All values: one, or one per instrument.
    #[must_use]
    pub fn values(&self) -> &[T] {
        match self {
            Self::Common(value) => std::slice::from_ref(value),
            Self::Each(values) => values,
        }
    }

    /// Returns true if one value applies to all instruments.
    #[must_use]
    pub fn is_common(&self) -> bool {
        matches!(self, Self::Common(_))
    }

    /// Number of instruments with values; `None` for any number.
    fn instruments(&self) -> Option<usize> {
        match self {
            Self::Common(_) => None,
            Self::Each(values) => Some(values.len()),
        }
    }
}

/// Parameters of [`Fixed`](super::Fixed), for k coefficients: alpha and k − 1 betas. Matrices are row-major,
/// k × k. Units are decimal returns of one frame and their squares; per-day rates are not converted here.
///
/// The model is r_t = x_t'θ_t + ε_t, ε ~ N(0, R); θ_t = F θ_{t−1} + ω_t, ω ~ N(0, Q); θ_0 ~ N(m_0, P_0).
///
/// | here | Durbin & Koopman | West & Harrison | pykalman |
/// |---|---|---|---|
/// | `transition` F | T | G | `transition_matrices` |
/// | `transition_covariance` Q | R Q R' | W | `transition_covariance` |
/// | `observation_variance` R | H | V | `observation_covariance` |
/// | `initial_mean`, `initial_covariance` | a_1, P_1 | a_1, R_1 | `initial_state_mean`, `initial_state_covariance` |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FixedParameters {
    /// Transition F of the coefficients from one frame to the next.
    pub transition: PerInstrument<Vec<f64>>,
    /// Covariance Q of the transition noise; symmetric, positive semidefinite.
    pub transition_covariance: PerInstrument<Vec<f64>>,
    /// Variance R of a return around x'θ, above 0.
    pub observation_variance: PerInstrument<f64>,
    /// Mean of the coefficients at an instrument's first frame, before its return; length k.
    pub initial_mean: PerInstrument<Vec<f64>>,
    /// Covariance of the coefficients then; symmetric, positive semidefinite.
    pub initial_covariance: PerInstrument<Vec<f64>>,
}

impl FixedParameters {
    /// Defaults of pykalman: F = Q = P_0 = I, R = 1, m_0 = 0.
    #[must_use]
    pub fn standard(k: usize) -> Self {
        StateSpace::standard(k).into()
    }

    /// Number of instruments with parameters; `None` for any number.
    #[must_use]
    pub fn instruments(&self) -> Option<usize> {
        let counts = [
            self.transition.instruments(),
            self.transition_covariance.instruments(),
            self.observation_variance.instruments(),
            self.initial_mean.instruments(),
            self.initial_covariance.instruments(),
        ];
        counts.into_iter().flatten().min()
    }

    /// Checks every shape and range, for k coefficients.
    ///
    /// # Errors
    /// Returns the first parameter that has a wrong size or is not finite, not symmetric or not positive.
    pub fn check(&self, k: usize) -> Result<(), Invalid> {
        require(k >= 1, "coefficients", k, "at least 1: alpha")?;
        self.transition.values().iter().try_for_each(|f| check_transition(f, k))?;
        let covariances = |key, each: &PerInstrument<Vec<f64>>| {
            each.values().iter().try_for_each(|p| check_covariance(key, p, k))
        };
        covariances("transition_covariance", &self.transition_covariance)?;
        self.observation_variance.values().iter().try_for_each(|r| check_observation_variance(*r))?;
        self.initial_mean.values().iter().try_for_each(|m| check_mean(m, k))?;
        covariances("initial_covariance", &self.initial_covariance)
    }

    /// Parameters of one instrument.
    ///
    /// # Panics
    /// Parameters for this instrument are missing.
    #[must_use]
    pub fn of(&self, instrument: usize) -> StateSpace {
        let mean = self.initial_mean.of(instrument);
        let square =
            |of: &PerInstrument<Vec<f64>>| DMatrix::from_row_slice(mean.len(), mean.len(), of.of(instrument));
        StateSpace {
            transition: square(&self.transition),
            transition_covariance: square(&self.transition_covariance),
            observation_variance: *self.observation_variance.of(instrument),
            initial_mean: DVector::from_column_slice(mean),
            initial_covariance: square(&self.initial_covariance),
        }
    }

    /// Returns true if instruments with the same observed frames have the same covariance. It does not depend
    /// on the mean.
    pub(super) fn share_covariance(&self) -> bool {
        self.transition.is_common()
            && self.transition_covariance.is_common()
            && self.observation_variance.is_common()
            && self.initial_covariance.is_common()
    }
}

impl From<StateSpace> for FixedParameters {
    /// Uses the same parameters for all instruments.
    fn from(one: StateSpace) -> Self {
        let rows = |matrix: &DMatrix<f64>| PerInstrument::Common(matrix.transpose().as_slice().to_vec());
        Self {
            transition: rows(&one.transition),
            transition_covariance: rows(&one.transition_covariance),
            observation_variance: PerInstrument::Common(one.observation_variance),
            initial_mean: PerInstrument::Common(one.initial_mean.as_slice().to_vec()),
            initial_covariance: rows(&one.initial_covariance),
        }
    }
}
