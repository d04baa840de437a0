//! Range checks of the data, of estimates, of the account and of a rebalance.

use crate::execution::{Account, Fill, Portfolio};
use crate::frame::Frame;
use crate::model::Estimates;
use crate::names::InstrumentNames;
use crate::range::{NUMBER_MAX, OutOfRange, PRICE_MIN, all_in};
use crate::time::TimestampNs;

const PRICE: &str = "a price from 1e-30 to 1e30";
const AMOUNT: &str = "at most 1e30";
const RETURN: &str = "a return from -1e30 to 1e30";
const FINITE: &str = "a finite number";

/// Frame of the checked values.
#[derive(Clone, Copy)]
struct Place<'a> {
    timestamp: TimestampNs,
    seq: u64,
    names: &'a [std::sync::Arc<str>],
}

impl Place<'_> {
    #[cold]
    fn found(&self, name: Option<&str>, value: &str, found: f64, expected: &str) -> OutOfRange {
        OutOfRange {
            timestamp: self.timestamp,
            seq: self.seq,
            name: name.map(str::to_owned),
            value: value.to_owned(),
            // Prints 1e308 instead of 309 digits.
            found: format!("{found:?}"),
            expected: expected.to_owned(),
        }
    }

    #[cold]
    fn of_instrument(&self, i: usize, value: &str, found: f64, expected: &str) -> OutOfRange {
        let number = || format!("instrument {i}");
        let name = self.names.get(i).map_or_else(number, ToString::to_string);
        self.found(Some(&name), value, found, expected)
    }
}

fn is_price(price: f64) -> bool {
    (PRICE_MIN..=NUMBER_MAX).contains(&price)
}

/// Checks the numbers of the data; `names` includes the instruments listed on the frame.
///
/// # Errors
/// Returns the first value out of range.
pub(super) fn check_frame(
    frame: &Frame,
    names: &InstrumentNames,
    factors: &[String],
) -> Result<(), OutOfRange> {
    let place = Place { timestamp: frame.timestamp, seq: frame.seq, names };
    for (value, column) in [("price", &frame.close), ("price for returns", &frame.return_price)] {
        // Data of returns of any size has no prices.
        if !frame.returns.is_empty() || all_in(column, PRICE_MIN, NUMBER_MAX) {
            continue;
        }
        if let Some(i) = column.iter().position(|price| !(price.is_nan() || is_price(*price))) {
            return Err(place.of_instrument(i, value, column[i], PRICE));
        }
    }
    let large = |number: &f64| number.abs() > NUMBER_MAX;
    for (value, column, expected) in [
        ("dividend", &frame.dividend, AMOUNT),
        ("split ratio", &frame.split, AMOUNT),
        ("return", &frame.returns, RETURN),
    ] {
        if all_in(column, -NUMBER_MAX, NUMBER_MAX) {
            continue;
        }
        if let Some(i) = column.iter().position(large) {
            return Err(place.of_instrument(i, value, column[i], expected));
        }
    }
    match frame.factors.iter().position(large) {
        Some(j) => Err(place.found(factors.get(j).map(String::as_str), "return", frame.factors[j], RETURN)),
        None if frame.rf.is_finite() && !large(&frame.rf) => Ok(()),
        None => Err(place.found(Some("rf"), "return", frame.rf, RETURN)),
    }
}

/// Checks that complete estimates are finite.
///
/// # Errors
/// Returns the first value out of range.
pub fn check_estimates(estimates: &Estimates) -> Result<(), OutOfRange> {
    let place = Place { timestamp: estimates.timestamp, seq: estimates.seq, names: &estimates.names };
    let n = estimates.instruments();
    // An instrument without a return so far has NaN in every column.
    let started = |i: usize| !estimates.dof[i].is_nan();
    // The test of a whole column has no branch. The search for the instrument is rarely needed.
    let any = |column: &[f64], is_wrong: fn(f64) -> bool| {
        let pairs = column.iter().zip(&estimates.dof);
        pairs.fold(false, |any, (value, dof)| any | (is_wrong(*value) & !dof.is_nan()))
    };
    let find = |column: &[f64], is_wrong: fn(f64) -> bool| {
        any(column, is_wrong).then(|| (0..n).find(|&i| started(i) && is_wrong(column[i])))?
    };
    let wrong = |column: &[f64]| find(column, |value| !value.is_finite());
    let single =
        [("filter's alpha", &estimates.alpha[..]), ("forecast variance", &estimates.observation_var[..])];
    let given = estimates.factors.len();
    let betas = (0..given).map(|j| ("filter's beta", estimates.betas_on(j)));
    for (value, column) in single.into_iter().chain(betas) {
        if let Some(i) = wrong(column) {
            return Err(place.of_instrument(i, value, column[i], FINITE));
        }
    }
    // An instrument may have no loading on a group.
    for column in (given..estimates.loadings()).map(|j| estimates.betas_on(j)) {
        if let Some(i) = find(column, f64::is_infinite) {
            return Err(place.of_instrument(i, "filter's loading on a group", column[i], FINITE));
        }
    }
    // The columns are empty if the frame has no factors, and infinite for two degrees of freedom or fewer.
    let nan = |column: &[f64]| find(column, f64::is_nan);
    for j in 0..=given {
        let column = estimates.sd_of(j);
        if let Some(i) = nan(column).filter(|i| estimates.dof[*i] > 2.0) {
            return Err(place.of_instrument(i, "standard deviation of a coefficient", column[i], FINITE));
        }
    }
    Ok(())
}

/// Checks the account and its fills after a frame.
///
/// # Errors
/// Returns the first value out of range.
pub(super) fn check_account(
    portfolio: &Portfolio,
    account: &Account,
    fills: &[Fill],
    names: &InstrumentNames,
) -> Result<(), OutOfRange> {
    let place = Place { timestamp: portfolio.timestamp, seq: portfolio.seq, names };
    for fill in fills {
        let i = fill.instrument as usize;
        if !(is_price(fill.price) || fill.price == 0.0) {
            return Err(place.of_instrument(i, "fill price", fill.price, PRICE));
        }
        for (value, found) in [("filled quantity", fill.quantity), ("cost of a fill", fill.costs.total())] {
            if !found.is_finite() {
                return Err(place.of_instrument(i, value, found, FINITE));
            }
        }
    }
    let whole = [
        ("costs", account.costs.total()),
        ("interest", account.interest),
        ("dividends", account.dividends),
        ("cash", portfolio.cash),
        ("NAV", portfolio.nav),
    ];
    let Some((value, found)) = whole.into_iter().find(|(_, found)| !found.is_finite()) else { return Ok(()) };
    let position = |i: usize| portfolio.quantity[i] * portfolio.price[i];
    let culprit = (0..portfolio.quantity.len()).find(|&i| position(i).is_infinite());
    Err(match culprit {
        Some(i) => place.of_instrument(i, "position", position(i), FINITE),
        None => place.found(None, value, found, FINITE),
    })
}

/// Checks the prices and values of a portfolio before a rebalance.
///
/// # Errors
/// Returns the first value out of range.
pub(super) fn check_portfolio(portfolio: &Portfolio, names: &InstrumentNames) -> Result<(), OutOfRange> {
    let place = Place { timestamp: portfolio.timestamp, seq: portfolio.seq, names };
    if !all_in(&portfolio.price, PRICE_MIN, NUMBER_MAX)
        && let Some(i) = portfolio.price.iter().position(|price| !(price.is_nan() || is_price(*price)))
    {
        return Err(place.of_instrument(i, "price", portfolio.price[i], PRICE));
    }
    check_account(portfolio, &Account::default(), &[], names)
}

/// Checks that the weights are finite.
///
/// # Errors
/// Returns the first value out of range.
pub(super) fn check_weights(
    weights: &[f64],
    portfolio: &Portfolio,
    names: &InstrumentNames,
) -> Result<(), OutOfRange> {
    let place = Place { timestamp: portfolio.timestamp, seq: portfolio.seq, names };
    match weights.iter().position(|weight| !weight.is_finite()) {
        Some(i) => Err(place.of_instrument(i, "target weight", weights[i], FINITE)),
        None => Ok(()),
    }
}

/// Checks that a value of the whole account is finite.
///
/// # Errors
/// Returns the value if it is not finite.
pub(super) fn check_value(
    timestamp: TimestampNs,
    seq: u64,
    value: &str,
    found: f64,
) -> Result<(), OutOfRange> {
    let place = Place { timestamp, seq, names: &[] };
    if found.is_finite() { Ok(()) } else { Err(place.found(None, value, found, FINITE)) }
}

/// Checks that the other values of a rebalance are finite.
///
/// # Errors
/// Returns the first value out of range.
pub(super) fn check_decided(values: &[(&str, f64)], portfolio: &Portfolio) -> Result<(), OutOfRange> {
    let (timestamp, seq) = (portfolio.timestamp, portfolio.seq);
    values.iter().try_for_each(|(value, found)| check_value(timestamp, seq, value, *found))
}
