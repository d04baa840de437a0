//! What a scenario charges for trades that are not its own.

use super::super::settings::{ExecutionSettings, SpreadModel};
use crate::settings::{Invalid, require};

/// Names of the execution settings that may differ from the run whose trades are priced.
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

/// By how much each item of the costs is multiplied, at least 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CostMultipliers {
    /// Commission, the least one of an order included.
    pub commission: f64,
    /// Half-spread.
    pub spread: f64,
    /// Temporary and permanent impact.
    pub impact: f64,
    /// Fee on shorts.
    pub borrow: f64,
    /// Financing of negative cash.
    pub financing: f64,
    /// Loss on delisting.
    pub haircut: f64,
}

impl CostMultipliers {
    /// The same of every item.
    #[must_use]
    pub fn all(multiplier: f64) -> Self {
        let (commission, spread, impact) = (multiplier, multiplier, multiplier);
        Self { commission, spread, impact, borrow: multiplier, financing: multiplier, haircut: multiplier }
    }

    /// Each item under the name of its cost.
    #[must_use]
    pub fn items(&self) -> [(&'static str, f64); 6] {
        [
            ("commission", self.commission),
            ("spread", self.spread),
            ("impact", self.impact),
            ("borrow", self.borrow),
            ("financing", self.financing),
            ("haircut", self.haircut),
        ]
    }
}

impl Default for CostMultipliers {
    fn default() -> Self {
        Self::all(1.0)
    }
}

/// The costs of a scenario, checked against the run whose trades they price.
#[derive(Clone, Debug, PartialEq)]
pub struct Charges {
    pub(super) settings: ExecutionSettings,
    pub(super) multipliers: CostMultipliers,
    /// Whether the half-spread is one for all instruments; else it is the run's of each fill.
    pub(super) own_half_spread: bool,
}

impl Charges {
    /// Costs by `settings` times `multipliers`, of the trades of a run with the settings `run`.
    ///
    /// # Errors
    /// A setting differs that decides which trades there are, or the half-spread where it is the instruments' own; or
    /// a number is out of its range.
    pub fn new(
        run: &ExecutionSettings,
        settings: ExecutionSettings,
        multipliers: CostMultipliers,
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
        for (item, multiplier) in multipliers.items() {
            let found = format!("{multiplier} for {item}");
            let valid = multiplier >= 0.0 && multiplier.is_finite();
            require(valid, "cost multipliers", found, "finite numbers of at least 0")?;
        }
        Ok(Self { settings, multipliers, own_half_spread })
    }

    /// The execution settings.
    #[must_use]
    pub fn settings(&self) -> &ExecutionSettings {
        &self.settings
    }
}

/// Whether every setting that is no cost is that of the run.
fn same_trades(run: &ExecutionSettings, own: &ExecutionSettings) -> Result<(), Invalid> {
    let found = |value: &dyn std::fmt::Debug| format!("{value:?}");
    let settings = [
        ("nav", own.nav == run.nav, found(&own.nav)),
        ("delay_bars", own.delay_bars == run.delay_bars, found(&own.delay_bars)),
        ("fill_at", own.fill_at == run.fill_at, found(&own.fill_at)),
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
    let expected = "that of the run whose trades are re-priced: it decides which trades there are";
    settings.into_iter().try_for_each(|(key, same, found)| require(same, key, found, expected))
}
