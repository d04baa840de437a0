//! Comparison of risk models out of sample: the factor model of sizing against covariances of past returns.
//!
//! Portfolios of four kinds ([`PortfolioKind`]) are drawn every 21 frames from the instruments with a return in each of
//! the last 252 frames, with weights that stay constant until the next draw. On each frame every model ([`RiskModel`])
//! predicts the variance of each portfolio's return in the next frame. The figures are the bias statistic and QLIKE
//! ([`RiskFigures`](crate::metrics::RiskFigures)). Memory holds one window of returns.

mod comparison;
mod covariances;
mod portfolios;
mod shrinkage;
mod window;

pub use comparison::{RiskComparison, RiskModel};
pub use portfolios::PortfolioKind;
pub use shrinkage::{Shrinkage, ledoit_wolf};
