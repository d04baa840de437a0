//! Bars whose numbers contradict each other.

use super::history::Bar;
use super::number::Number;

/// Relative slack: adjusted prices are products, and their last digits are rounded one by one.
const SLACK: f64 = 1e-9;
/// A column that is null more often than this is not complete by nature.
const NULLS_USUAL: f64 = 0.05;

/// How often each column of an instrument was null.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Nulls {
    bars: u32,
    nulls: [u32; 3],
}

const NAMES: [&str; 3] = ["open", "high", "low"];

/// Returns the fault of a bar that has a close. `there`: which of open, high and low the data has.
#[inline]
pub(super) fn fault(bar: &Bar, there: [bool; 3], nulls: &mut Nulls) -> Option<String> {
    let prices = [bar.open, bar.high, bar.low];
    let mut fault = None;
    for column in (0..3).filter(|column| there[*column]) {
        let (price, name) = (prices[column], NAMES[column]);
        let usual = nulls.nulls[column] as f64 > NULLS_USUAL * f64::from(nulls.bars);
        nulls.nulls[column] += u32::from(price.is_nan());
        // Sources write a NaN of the data as minus infinity, because NaN is null.
        let said = match price {
            price if price.is_nan() && !usual => {
                format!("`{name}` is null beside a close of {}", Number(bar.close))
            }
            f64::NEG_INFINITY => format!("`{name}` is NaN"),
            price if price <= 0.0 || price == f64::INFINITY => {
                format!("`{name}` is {}, expected a price", Number(price))
            }
            _ => continue,
        };
        fault = fault.or(Some(said));
    }
    nulls.bars += 1;
    fault.or_else(|| disorder(bar)).or_else(|| {
        let bad = bar.volume < 0.0 || bar.volume == f64::INFINITY;
        bad.then(|| match bar.volume {
            f64::NEG_INFINITY => "`volume` is NaN".to_owned(),
            volume => format!("`volume` is {}, expected 0 or more", Number(volume)),
        })
    })
}

/// The order of prices that does not hold. A null is no contradiction.
fn disorder(bar: &Bar) -> Option<String> {
    let above = |a: f64, b: f64| a > b * (1.0 + SLACK);
    let pairs = [
        ("low", bar.low, "high", bar.high),
        ("low", bar.low, "open", bar.open),
        ("low", bar.low, "close", bar.close),
        ("open", bar.open, "high", bar.high),
        ("close", bar.close, "high", bar.high),
    ];
    let wrong = pairs.into_iter().find(|(_, a, _, b)| above(*a, *b));
    wrong.map(|(lower, a, upper, b)| format!("`{lower}` {} is above `{upper}` {}", Number(a), Number(b)))
}
