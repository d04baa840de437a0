//! Costs that a scenario charges on the trades of another run.

use super::super::settings::{ExecutionSettings, SpreadModel};
use super::super::stress::CostMultipliers;
use crate::settings::{Invalid, require};

/// Execution settings that may differ from those of the run whose trades are re-priced.
pub const COST_SETTINGS: [&str; 11] = [
    "commission_bps",
    "commission_per_share",
    "commission_min",
    "half_spread_bps",
    "impact_coefficient",
    "impact_exponent",
    "permanent_impact_coefficient",
    "borrow_bps_per_year",
    "financing_bps_per_year",
    "cash_interest",
    "delisting_haircut",
];

/// Costs of a scenario, checked against the run whose trades they price.
#[derive(Clone, Debug, PartialEq)]
pub struct Charges {
    pub(super) settings: ExecutionSettings,
    pub(super) multipliers: CostMultipliers,
    /// True if all instruments have one half-spread; false if each fill has the half-spread of the run.
    pub(super) own_half_spread: bool,
    /// Multiplier already in the run's half-spreads.
    pub(super) spread_of_run: f64,
    /// Haircut of a delisting minus that of the run.
    pub(super) haircut_over_run: f64,
}

impl Charges {
    /// Returns the costs of a scenario with the settings `own`, for the trades of a run with the settings
    /// `run`. The multipliers of both must be the same on every date.
    ///
    /// # Errors
    /// Fails if a setting differs that determines the trades, if the half-spread differs although instruments
    /// have their own, or if a number is out of its range.
    pub fn new(
        (run, of_run): (&ExecutionSettings, CostMultipliers),
        (settings, multipliers): (ExecutionSettings, CostMultipliers),
    ) -> Result<Self, Invalid> {
        settings.check()?;
        same_trades(run, &settings)?;
        let own_half_spread = run.spread_model == SpreadModel::Constant
            && run.half_spreads.is_empty()
            && run.spread_file.is_none();
        require(
            own_half_spread || settings.half_spread_bps == run.half_spread_bps,
            "half_spread_bps",
            settings.half_spread_bps,
            "that of the run whose trades are re-priced, because there half-spreads are the instruments' own \
             (spread_model, half_spreads, spread_file): multiply them instead",
        )?;
        require(
            own_half_spread || of_run.spread > 0.0,
            "spread_multiplier",
            of_run.spread,
            "a number above 0 in the run whose trades are re-priced: its half-spreads are unknown otherwise",
        )?;
        let haircut_over_run = settings.haircut(multipliers) - run.haircut(of_run);
        Ok(Self { settings, multipliers, own_half_spread, spread_of_run: of_run.spread, haircut_over_run })
    }

    /// Execution settings of the scenario.
    #[must_use]
    pub fn settings(&self) -> &ExecutionSettings {
        &self.settings
    }
}

/// Checks that every setting other than a cost equals that of the run.
fn same_trades(run: &ExecutionSettings, own: &ExecutionSettings) -> Result<(), Invalid> {
    let found = |value: &dyn std::fmt::Debug| as_typed(&format!("{value:?}"));
    let settings = [
        ("nav", own.nav == run.nav, found(&own.nav)),
        ("holdings", own.opening == run.opening, found(&own.holdings)),
        ("delay_bars", own.delay_bars == run.delay_bars, found(&own.delay_bars)),
        ("fill_at", own.fill_at == run.fill_at, found(&own.fill_at)),
        ("borrow_file", own.borrow == run.borrow, found(&own.borrow_file)),
        ("lot", own.lot == run.lot, found(&own.lot)),
        ("participation_cap", own.participation_cap == run.participation_cap, found(&own.participation_cap)),
        ("unfilled", own.unfilled == run.unfilled, found(&own.unfilled)),
        ("spread_model", own.spread_model == run.spread_model, found(&own.spread_model)),
        ("half_spreads", own.half_spreads == run.half_spreads, found(&own.half_spreads)),
        ("spread_file", own.spread_file == run.spread_file, found(&own.spread_file)),
        ("spread_window", own.spread_window == run.spread_window, found(&own.spread_window)),
        ("spread_floor_bps", own.spread_floor_bps == run.spread_floor_bps, found(&own.spread_floor_bps)),
        ("impact_window", own.impact_window == run.impact_window, found(&own.impact_window)),
        ("delist_after", own.delist_after == run.delist_after, found(&own.delist_after)),
    ];
    let expected = "that of the run whose trades are re-priced: it determines the trades";
    settings.into_iter().try_for_each(|(key, same, found)| require(same, key, found, expected))
}

/// Formats a setting as in TOML: without `Some`, and a variant by its name in snake case.
fn as_typed(debug: &str) -> String {
    let inner = debug.strip_prefix("Some(").and_then(|text| text.strip_suffix(')')).unwrap_or(debug);
    let is_variant = inner.starts_with(char::is_uppercase) && inner.chars().all(char::is_alphabetic);
    if !is_variant {
        return inner.to_owned();
    }
    let mut name = String::new();
    for (at, letter) in inner.char_indices() {
        if letter.is_uppercase() && at > 0 {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::as_typed;

    #[test]
    fn settings_are_formatted_as_in_toml() {
        for (debug, typed) in [
            ("Some(0.1)", "0.1"),
            ("None", "none"),
            ("SameClose", "same_close"),
            ("1000000.0", "1000000.0"),
            ("{}", "{}"),
            ("PerYear(0.5)", "PerYear(0.5)"),
            ("false", "false"),
        ] {
            assert_eq!(as_typed(debug), typed);
        }
    }
}
