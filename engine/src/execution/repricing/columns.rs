//! Costs, cash and NAV of many scenarios as columns, advanced frame by frame.

use super::super::book::{Account, ExecutionFacts};
use super::super::carrying::DAYS_OF_RATES;
use super::super::costs::{CostItem, Costs};
use super::super::fills::Fill;
use super::super::orders::OrderRecord;
use super::Charges;
use super::rates::Rates;
use super::trades::Trades;

/// Bookings of the run on a frame.
#[derive(Clone, Copy, Debug)]
pub struct Bookings<'a> {
    /// Local date of the frame, in days since 1970-01-01.
    pub date: i64,
    /// Risk-free return of the frame.
    pub rf: f64,
    /// Net asset value at the close.
    pub nav: f64,
    /// Cash at the close.
    pub cash: f64,
    /// Costs, interest and the value of shorts at the close.
    pub account: &'a Account,
    /// Fills of the frame.
    pub fills: &'a [Fill],
    /// Orders that ended on the frame.
    pub ended: &'a [OrderRecord],
}

/// State of the run at a close: base of the carrying costs until the next close.
#[derive(Clone, Copy, Debug)]
struct CarryBase {
    date: i64,
    cash: f64,
    /// Value of the shorts without a fee of their own.
    shorts: f64,
    /// Fees of the others in currency per year, before multipliers.
    own_fees: f64,
}

/// Scenarios as columns, one element per scenario.
///
/// The first frame must be the first rebalance of the run, before interest accrues, and no later frame may be
/// left out. Splits need no treatment of open orders: their notional and commission do not change.
#[derive(Clone, Debug)]
pub struct Repricing {
    rates: Rates,
    trades: Trades,
    held: Option<CarryBase>,
    /// D: cash, and therefore NAV, of a scenario minus that of the run.
    difference: Vec<f64>,
    nav: Vec<f64>,
    interest: Vec<f64>,
    /// Costs of the frame, one column per item.
    costs: [Vec<f64>; CostItem::ALL.len()],
    /// Fills without impact, over all frames.
    unknown: u64,
}

impl Repricing {
    /// Returns the columns of scenarios in this order.
    #[must_use]
    pub fn new(scenarios: &[Charges]) -> Self {
        let rates = Rates::of(scenarios);
        let column = vec![0.0; scenarios.len()];
        Self {
            trades: Trades::new(rates.exponents.clone(), !rates.least.is_empty()),
            rates,
            held: None,
            difference: column.clone(),
            nav: column.clone(),
            interest: column.clone(),
            costs: CostItem::ALL.map(|_| column.clone()),
            unknown: 0,
        }
    }

    /// Advances to the next frame of the run.
    pub fn advance(&mut self, bookings: Bookings<'_>) {
        self.trades.take(bookings.fills, bookings.ended);
        self.unknown += self.trades.sums.unknown;
        self.charge_trades();
        if let Some(held) = self.held {
            self.carry(held, bookings.date, bookings.rf);
        }
        self.settle(&bookings);
        let Account { shorts, own_fee_shorts, own_fees, .. } = *bookings.account;
        let shorts = shorts - own_fee_shorts;
        let (date, cash) = (bookings.date, bookings.cash);
        self.held = Some(CarryBase { date, cash, shorts, own_fees });
    }

    fn charge_trades(&mut self) {
        let (sums, rates) = (self.trades.sums, &self.rates);
        linear(
            &mut self.costs[CostItem::Commission as usize],
            (&rates.commission, sums.notional),
            (&rates.per_unit, sums.units),
        );
        for &(scenario, least) in &rates.least {
            let (c, u) = (rates.commission[scenario], rates.per_unit[scenario]);
            let fills = self.trades.orders.iter();
            self.costs[CostItem::Commission as usize][scenario] =
                fills.map(|fill| fill.commission(c, u, least)).sum();
        }
        linear(
            &mut self.costs[CostItem::Spread as usize],
            (&rates.half_spread, sums.notional),
            (&rates.spread, sums.half_spread),
        );
        let terms = rates.temporary.iter().zip(&rates.exponent).zip(&rates.permanent);
        let impacts = &mut self.costs[CostItem::Impact as usize];
        for (impact, ((temporary, exponent), permanent)) in impacts.iter_mut().zip(terms) {
            *impact = temporary * self.trades.temporary[*exponent] + permanent * sums.permanent;
        }
    }

    /// Charges interest, the borrow fee and financing since the preceding close, on the positions and cash of
    /// that close.
    fn carry(&mut self, held: CarryBase, today: i64, rf: f64) {
        let rates = &self.rates;
        let years = (today - held.date) as f64 / DAYS_OF_RATES;
        scaled(&mut self.costs[CostItem::Borrow as usize], &rates.borrow, held.shorts * years);
        if held.own_fees > 0.0 {
            let fees = self.costs[CostItem::Borrow as usize].iter_mut().zip(&rates.own_borrow);
            fees.for_each(|(fee, times)| *fee += times * held.own_fees * years);
        }
        let terms = rates.risk_free.iter().zip(&rates.a_year).zip(&self.difference);
        for (interest, ((risk_free, a_year), difference)) in self.interest.iter_mut().zip(terms) {
            *interest = (held.cash + difference) * (risk_free * rf + a_year * years);
        }
        let terms = rates.financing.iter().zip(&self.difference);
        for (financing, (rate, difference)) in self.costs[CostItem::Financing as usize].iter_mut().zip(terms)
        {
            *financing = (-(held.cash + difference)).max(0.0) * rate * years;
        }
    }

    fn settle(&mut self, bookings: &Bookings<'_>) {
        let of_run = bookings.account.interest - bookings.account.costs.total();
        for scenario in 0..self.difference.len() {
            let own = self.interest[scenario] - self.costs(scenario).total();
            let lost = self.rates.haircut[scenario] * bookings.account.delisted;
            self.difference[scenario] += own - of_run - lost;
            self.nav[scenario] = bookings.nav + self.difference[scenario];
        }
    }

    /// Count of scenarios.
    #[must_use]
    pub fn scenarios(&self) -> usize {
        self.nav.len()
    }

    /// Net asset value of a scenario at the close of the frame.
    #[must_use]
    pub fn nav(&self, scenario: usize) -> f64 {
        self.nav[scenario]
    }

    /// Interest on the scenario's cash.
    #[must_use]
    pub fn interest(&self, scenario: usize) -> f64 {
        self.interest[scenario]
    }

    /// Costs of the frame.
    #[must_use]
    pub fn costs(&self, scenario: usize) -> Costs {
        Costs::of(&CostItem::ALL.map(|item| (item, self.costs[item as usize][scenario])))
    }

    /// Permanent part of the frame's impact.
    #[must_use]
    pub fn permanent_impact(&self, scenario: usize) -> f64 {
        self.rates.permanent[scenario] * self.trades.sums.permanent
    }

    /// Counts of orders and fills so far: those of the run, `of_run`, with the impact of the scenario.
    #[must_use]
    pub fn execution(&self, scenario: usize, impact: f64, of_run: ExecutionFacts) -> ExecutionFacts {
        let moves = self.rates.temporary[scenario] > 0.0 || self.rates.permanent[scenario] > 0.0;
        ExecutionFacts { impact, impact_unknown: if moves { self.unknown } else { 0 }, ..of_run }
    }
}

/// Writes a x + b y for columns a and b.
fn linear(out: &mut [f64], (a, x): (&[f64], f64), (b, y): (&[f64], f64)) {
    for (out, (a, b)) in out.iter_mut().zip(a.iter().zip(b)) {
        *out = a * x + b * y;
    }
}

/// Writes a x for a column a.
fn scaled(out: &mut [f64], a: &[f64], x: f64) {
    for (out, a) in out.iter_mut().zip(a) {
        *out = a * x;
    }
}
