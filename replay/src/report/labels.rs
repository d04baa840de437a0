//! Settings, values and figures with their units.

use super::format::{money, percent, plain};

/// Settings that are shares: their values are shown in percent.
const SHARES: [&str; 7] = [
    "sizing.turnover_cap",
    "sizing.weight_min",
    "sizing.weight_max",
    "sizing.gross_max",
    "sizing.net_target",
    "execution.participation_cap",
    "execution.delisting_haircut",
];

/// Unit of a figure.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Percent,
    Plain(usize),
    Money,
}

/// Returns a figure as text; a dash where it is undefined.
pub(super) fn shown(value: impl Into<f64>, unit: Unit) -> String {
    match unit {
        Unit::Percent => percent(value),
        Unit::Plain(decimals) => plain(value, decimals),
        Unit::Money => money(value),
    }
}

/// Returns the title of a setting, with its unit: `half spread, bps` for `execution.half_spread_bps`.
pub(super) fn title(name: &str) -> String {
    let last = name.rsplit('.').next().unwrap_or(name);
    // Kelly is a proper name.
    let words = |text: &str| text.replace('_', " ").replace("kelly", "Kelly");
    match last.strip_suffix("_bps") {
        Some(quantity) => format!("{}, bps", words(quantity)),
        None => words(last),
    }
}

/// Returns a value for an axis or a table, whose title has the unit.
pub(super) fn level(name: &str, value: f64) -> String {
    match SHARES.contains(&name) {
        true => format!("{} %", digits(100.0 * value)),
        false => digits(value),
    }
}

/// Returns a setting with its value: `half spread 4 bps`.
pub(super) fn spoken(title: &str, level: &str) -> String {
    match title.strip_suffix(", bps") {
        Some(quantity) => format!("{quantity} {level} bps"),
        None => format!("{title} {level}"),
    }
}

/// Returns a value with its unit: `4 bps`.
pub(super) fn spoken_value(title: &str, level: &str) -> String {
    if title.ends_with(", bps") { format!("{level} bps") } else { level.to_owned() }
}

/// Returns a number with the digits that it was typed with, nine decimals at most.
fn digits(value: f64) -> String {
    let rounded = format!("{value:.9}");
    let text = rounded.trim_end_matches('0').trim_end_matches('.');
    // Nine decimals round a smaller number to 0.
    if matches!(text, "0" | "-0") && value != 0.0 {
        format!("{value:e}")
    } else {
        text.replacen('-', "−", 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_values_have_their_units() {
        assert_eq!(title("execution.half_spread_bps"), "half spread, bps");
        assert_eq!(title("sizing.kelly_fraction"), "Kelly fraction");
        assert_eq!(level("sizing.turnover_cap", 0.07), "7 %");
        assert_eq!(level("sizing.kelly_fraction", 0.25), "0.25");
        assert_eq!(level("estimator.transition_variance", 1e-12), "1e-12");
        assert_eq!(level("factors.x", -2.0), "−2");
        assert_eq!(spoken("half spread, bps", "4"), "half spread 4 bps");
        assert_eq!(shown(f64::NAN, Unit::Money), "–");
    }
}
