//! Bars whose values contradict each other.

use super::history::Bar;
use super::number::Number;

/// Relative tolerance: adjusted prices are products, and each is rounded separately.
const SLACK: f64 = 1e-9;
/// Share of nulls above which nulls in a column are not a fault.
const NULLS_USUAL: f64 = 0.05;

/// Number of bars of an instrument, and of nulls in each column.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Nulls {
    bars: u32,
    nulls: [u32; 3],
}

const NAMES: [&str; 3] = ["open", "high", "low"];

/// Returns the fault of a bar that has a close. `there`: true for each of open, high, low in the data.
#[inline]
pub(super) fn fault(bar: &Bar, there: [bool; 3], nulls: &mut Nulls) -> Option<String> {
    let prices = [bar.open, bar.high, bar.low];
    let mut fault = None;
    for column in (0..3).filter(|column| there[*column]) {
        let (price, name) = (prices[column], NAMES[column]);
        let usual = nulls.nulls[column] as f64 > NULLS_USUAL * f64::from(nulls.bars);
        nulls.nulls[column] += u32::from(price.is_nan());
        // Sources write a NaN of the data as minus infinity, because NaN is null.
        let text = match price {
            price if price.is_nan() && !usual => {
                format!("`{name}` is null, but the close is {}", Number(bar.close))
            }
            f64::NEG_INFINITY => format!("`{name}` is NaN"),
            price if price <= 0.0 || price == f64::INFINITY => {
                format!("`{name}` is {}, expected a price", Number(price))
            }
            _ => continue,
        };
        fault = fault.or(Some(text));
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

/// First pair of prices in the wrong order; nulls are skipped.
fn disorder(bar: &Bar) -> Option<String> {
    let above = |a: f64, b: f64| a > b * (1.0 + SLACK);
    // Almost every bar is in order: this is all that most bars need.
    let (low, high) = (bar.low, bar.high);
    let faulty = above(low, high) | above(low, bar.open) | above(low, bar.close);
    if !(faulty | above(bar.open, high) | above(bar.close, high)) {
        return None;
    }
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
