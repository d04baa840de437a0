//! Sharpe ratio by the fundamental law of active management.

use super::newey_west::Coefficients;

/// Sharpe ratio that an information coefficient would give without costs and limits.
///
/// Grinold & Kahn 2000, ch. 6: IR = IC √BR. The breadth BR counts independent bets per year: names times
/// independent cross-sections per year, the smaller of the cross-sections and of the non-overlapping horizons
/// in a year. Qian & Hua 2004: the IC itself varies, IR = mean(IC)/sd(IC) √(cross-sections per year), as if
/// the cross-section had 1/Var(IC) independent names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FundamentalLaw {
    /// Mean rank IC: of residual returns if there are any, else of returns.
    pub ic: f64,
    /// Mean number of names in a cross-section.
    pub names: f64,
    /// Independent cross-sections per year.
    pub independent_per_year: f64,
    /// Independent bets per year, BR.
    pub breadth: f64,
    /// Annual information ratio IC √BR, a Sharpe ratio if the portfolio has no factor risk.
    pub information_ratio: f64,
    /// Independent names that the variance of the IC corresponds to: 1/Var(IC).
    pub effective_names: f64,
    /// Annual information ratio with the effective names: mean(IC)/sd(IC) √(independent cross-sections).
    pub effective_information_ratio: f64,
}

impl FundamentalLaw {
    pub(super) fn of(
        coefficients: &Coefficients,
        names: f64,
        sections_per_year: f64,
        horizons_per_year: f64,
    ) -> Self {
        let independent_per_year = sections_per_year.min(horizons_per_year);
        let breadth = names * independent_per_year;
        let deviation = coefficients.standard_deviation;
        Self {
            ic: coefficients.mean,
            names,
            independent_per_year,
            breadth,
            information_ratio: coefficients.mean * breadth.sqrt(),
            effective_names: 1.0 / (deviation * deviation),
            effective_information_ratio: coefficients.icir * independent_per_year.sqrt(),
        }
    }
}
