//! Interest on cash and the costs of holding positions, by calendar days.

use super::book::Account;
use super::borrow::Borrowing;
use super::costs::{BPS, CostItem};
use super::portfolio::Portfolio;
use super::settings::{CashInterest, ExecutionSettings};
use super::stress::CostMultipliers;
use crate::frame::Frame;

/// Days in the year to which carrying rates refer.
pub(super) const DAYS_OF_RATES: f64 = 365.0;

/// Return on cash over `days` calendar days; `rf` is the risk-free return over the same days.
pub(super) fn rate_on_cash(settings: &ExecutionSettings, rf: f64, days: f64) -> f64 {
    match settings.cash_interest {
        CashInterest::RiskFree => rf,
        CashInterest::PerYear(rate) => rate * days / DAYS_OF_RATES,
    }
}

/// Books interest on cash, the borrow fee and financing since the last frame, on the positions of its close. The fees
/// of `borrowing` are those in force at that close.
pub(super) fn carry(
    settings: &ExecutionSettings,
    portfolio: &mut Portfolio,
    frame: &Frame,
    times: CostMultipliers,
    borrowing: Option<&mut Borrowing>,
    account: &mut Account,
) {
    let days = (frame.date() - portfolio.date()) as f64;
    account.interest = portfolio.cash * rate_on_cash(settings, frame.rf, days);
    let years = days / DAYS_OF_RATES;
    if let Some(borrowing) = borrowing {
        account.costs[CostItem::Borrow] = borrowing.charge(settings, portfolio, days, times.borrow);
    } else if settings.borrow_bps_per_year > 0.0 {
        let shorts = portfolio.quantity.iter().zip(&portfolio.price).map(|(q, p)| (-q * p).max(0.0));
        account.costs[CostItem::Borrow] =
            shorts.sum::<f64>() * settings.borrow_bps_per_year * BPS * years * times.borrow;
    }
    let financing = (-portfolio.cash).max(0.0) * settings.financing_bps_per_year * BPS * years;
    account.costs[CostItem::Financing] = financing * times.financing;
    portfolio.cash += CostItem::ALL.iter().fold(account.interest, |left, item| left - account.costs[*item]);
}
