//! Cost rates of many scenarios as columns, multipliers included.

use super::super::costs::BPS;
use super::super::settings::CashInterest;
use super::Charges;

/// Columns of the coefficients of the cost sums, one element per scenario.
#[derive(Clone, Debug, Default)]
pub(super) struct Rates {
    /// Commission as a share of notional.
    pub(super) commission: Vec<f64>,
    /// Commission in currency per unit.
    pub(super) per_unit: Vec<f64>,
    /// Scenarios with a commission minimum per order, in currency.
    pub(super) least: Vec<(usize, f64)>,
    /// Half-spread as a share of notional if the scenario has its own; else 0.
    pub(super) half_spread: Vec<f64>,
    /// Multiple of the run's half-spreads if the scenario has none of its own; else 0.
    pub(super) spread: Vec<f64>,
    /// Coefficient η of temporary impact.
    pub(super) temporary: Vec<f64>,
    /// Index into `exponents` of the exponent of temporary impact.
    pub(super) exponent: Vec<usize>,
    /// Half the coefficient of permanent impact, ½ γ.
    pub(super) permanent: Vec<f64>,
    /// Delisting haircut minus that of the run, as a share of the last price.
    pub(super) haircut: Vec<f64>,
    /// Annual borrow fee, as a share of the value of shorts.
    pub(super) borrow: Vec<f64>,
    /// Multiplier of the fees that instruments have of their own.
    pub(super) own_borrow: Vec<f64>,
    /// Annual financing rate, as a share of negative cash.
    pub(super) financing: Vec<f64>,
    /// 1 if cash earns the risk-free return; else 0.
    pub(super) risk_free: Vec<f64>,
    /// Annual interest rate on cash if it is fixed; else 0.
    pub(super) a_year: Vec<f64>,
    /// Distinct exponents of temporary impact.
    pub(super) exponents: Vec<f64>,
}

impl Rates {
    pub(super) fn of(scenarios: &[Charges]) -> Self {
        let mut rates = Self::default();
        for (scenario, charges) in scenarios.iter().enumerate() {
            rates.push(scenario, charges);
        }
        rates
    }

    fn push(&mut self, scenario: usize, charges: &Charges) {
        let Charges { settings, multipliers, own_half_spread, spread_of_run, haircut_over_run } = charges;
        self.commission.push(settings.commission_bps * BPS * multipliers.commission);
        self.per_unit.push(settings.commission_per_share * multipliers.commission);
        let least = settings.commission_min * multipliers.commission;
        if least > 0.0 {
            self.least.push((scenario, least));
        }
        let half_spread = settings.half_spread_bps * BPS * multipliers.spread;
        self.half_spread.push(if *own_half_spread { half_spread } else { 0.0 });
        self.spread.push(if *own_half_spread { 0.0 } else { multipliers.spread / spread_of_run });
        self.temporary.push(settings.impact_coefficient * multipliers.impact);
        self.permanent.push(0.5 * settings.permanent_impact_coefficient * multipliers.impact);
        let exponent = settings.impact_exponent;
        let known = self.exponents.iter().position(|known| *known == exponent);
        self.exponent.push(known.unwrap_or(self.exponents.len()));
        if known.is_none() {
            self.exponents.push(exponent);
        }
        self.haircut.push(*haircut_over_run);
        self.borrow.push(settings.borrow_bps_per_year * BPS * multipliers.borrow);
        self.own_borrow.push(multipliers.borrow);
        self.financing.push(settings.financing_bps_per_year * BPS * multipliers.financing);
        let (risk_free, a_year) = match settings.cash_interest {
            CashInterest::RiskFree => (1.0, 0.0),
            CashInterest::PerYear(rate) => (0.0, rate),
        };
        self.risk_free.push(risk_free);
        self.a_year.push(a_year);
    }
}
