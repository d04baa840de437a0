//! Online estimation of alpha and factor betas (West & Harrison).
//!
//! No file here uses a thread, a channel or a clock. The letters are those of West & Harrison, translated in
//! the table of [`Dlm`].
//!
//! | type | definition |
//! |---|---|
//! | [`Mixture`] | default: discount-factor models weighted by their predictive density, with common volatility and heavy tails |
//! | [`Dlm`] | one discount-factor model with unknown observation variance (West & Harrison) |
//! | [`Fixed`], [`FixedEstimator`] | Kalman filter with given variances (`pykalman`); [`FixedEstimator`] makes it an [`Estimator`] |
//! | [`RollingRegression`] | least squares over a window, for comparison |
//! | [`StateSpace`], [`Em`], [`Smoothed`] | models of a whole history, for analysis only |
//! | [`Panel`], [`Hindsight`], [`RollingComparison`] | a whole history in memory: smoothing, fitting, comparison |
//!
//! # Relation to `pykalman`
//!
//! The call `pykalman.KalmanFilter(transition_matrices=np.eye(k), observation_matrices=factor_returns,
//! initial_state_mean=np.zeros(k)).filter(asset_returns)[0]` equals [`Fixed`]
//! with [`FixedParameters::standard`]: Q = I, R = 1, P₀ = I. At a daily scale this assumes that a return is
//! uncertain by 100 % and a beta moves by 1 per day: each beta ends with a standard deviation of about 10, a
//! hundred times the attainable one. The [`Mixture`] needs none of these numbers.
//!
//! ```
//! use betaflow_engine::model::{Estimates, Estimator, EstimatorSettings, Fixed, FixedParameters, Mixture};
//! use betaflow_engine::settings::Calendar;
//!
//! # let mut state = 1_u64;
//! # let mut chance = move || {
//! #     state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
//! #     (state >> 33) as f64 / (1_u64 << 31) as f64 - 0.5
//! # };
//! # let factor_returns: Vec<[f64; 1]> = (0..1_000).map(|_| [0.03 * chance()]).collect();
//! # let asset_returns: Vec<[f64; 1]> =
//! #     factor_returns.iter().map(|f| [1.2 * f[0] + 0.03 * chance()]).collect();
//! // A thousand days of one factor and one asset, whose beta is 1.2.
//! let mut pykalman = Fixed::new(FixedParameters::standard(2), 1)?;
//! let mut mixture = Mixture::new(&EstimatorSettings::default(), &Calendar::default(), 1);
//! let mut estimates = Estimates { factors: vec![0.0], ..Estimates::default() };
//! for (factors, returns) in factor_returns.iter().zip(&asset_returns) {
//!     pykalman.step(factors, returns);
//!     mixture.step(factors, returns, true);
//! }
//! mixture.write(&mut estimates);
//! assert!(pykalman.covariance(0)[3].sqrt() > 5.0, "the standard deviation of its beta");
//! assert!((estimates.betas_on(0)[0] - 1.2).abs() < 0.1 && estimates.sd_of(1)[0] < 0.1);
//! # Ok::<(), betaflow_engine::settings::Invalid>(())
//! ```
//!
//! The method [`Estimator::facts`] returns the quality of the forecasts: [`CalibrationFacts`].
//!
//! # Conventions
//!
//! State of an instrument: θ = (alpha, betas). Design: x = (1, f).
//!
//! Prior: alpha 0, the first factor's beta `initial_market_beta`, all other betas 0. The first return of an
//! instrument updates this prior without a transition.
//!
//! A missing return updates no estimate. Time is still discounted, as in West & Harrison; with
//! `discount_missing = false` it is not, as in `pybats`.
//!
//! A frame without factors changes no estimate and discounts nothing.
//!
//! No setting has a unit by default. Returns and factors in other units give the same betas.
//!
//! The column `forecast_sd` is the standard deviation of the forecast's t distribution, not its scale. It is
//! infinite for two degrees of freedom or fewer.
//!
//! The columns `<coefficient>_sd` are the standard deviations of the posterior. For a mixture they include
//! the variance between the models.

mod calibration;
mod coefficient_covariance;
mod dlm;
mod estimates;
mod estimator;
mod fixed;
mod kinds;
mod lanes;
mod mixture;
mod offline;
mod parts;
mod returns;
mod reversion;
mod rolling;
mod settings;
mod smoother;
mod vendor;

pub use calibration::{Alarm, CalibrationFacts, INTERVALS};
pub use coefficient_covariance::CoefficientCovariance;
pub use dlm::{Dlm, Evolution, Retrospective, ScaledCovariance, Start};
pub use estimates::Estimates;
pub use estimator::{Estimator, EstimatorFacts};
pub use fixed::{Em, EmFit, FirstFrame, Fixed, FixedEstimator, FixedParameters, PerInstrument, StateSpace};
pub use kinds::{estimator, estimator_with_groups};
pub use lanes::{LANES, LaneBlock};
pub(crate) use mixture::CommonVolatility;
pub use mixture::Mixture;
pub use offline::{
    Hindsight, HindsightSettings, InstrumentHindsight, PairedForecasts, Panel, PanelError, PanelShape,
    RollingComparison, SmoothedHistory,
};
pub use returns::{Returns, residual_returns};
pub use reversion::Reversion;
pub use rolling::RollingRegression;
pub use settings::{EstimatorKind, EstimatorSettings, WindUp};
pub use smoother::{Moments, Smoothed};
pub use vendor::VendorModel;
