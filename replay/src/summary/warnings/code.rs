//! Codes of the program's own warnings; those of the engine are in [`betaflow_engine::warning`].

/// Kind of a warning about settings, trading, a study or the hold-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    AlignedFrames,
    BarsWithoutVolume,
    BudgetOutOfReach,
    Delisted,
    EmbargoShorterThanMemory,
    FewResamples,
    FixedTrades,
    FreeShorts,
    HoldoutSeenByTrials,
    ImpactAsSized,
    LimitOutOfReach,
    LookAhead,
    NoFrameDecided,
    NotTradableWithoutVolume,
    NothingOrdered,
    NoVolumeData,
    Offline,
    OrdersCancelled,
    OrdersCancelledWithoutVolume,
    PercentForShare,
    RiskForecast,
    Ruined,
    RuinedScenarios,
    Survivorship,
    UnknownHalfSpreads,
    UsualSpread,
    VolatileDates,
    World,
}

impl Code {
    /// Stable code in snake case, as in `warning_codes` of summaries.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AlignedFrames => "aligned_frames",
            Self::BarsWithoutVolume => "bars_without_volume",
            Self::BudgetOutOfReach => "budget_out_of_reach",
            Self::Delisted => "delisted",
            Self::EmbargoShorterThanMemory => "embargo_shorter_than_memory",
            Self::FewResamples => "few_resamples",
            Self::FixedTrades => "fixed_trades",
            Self::FreeShorts => "free_shorts",
            Self::HoldoutSeenByTrials => "holdout_seen_by_trials",
            Self::ImpactAsSized => "impact_as_sized",
            Self::LimitOutOfReach => "limit_out_of_reach",
            Self::LookAhead => "look_ahead",
            Self::NoFrameDecided => "no_frame_decided",
            Self::NotTradableWithoutVolume => "not_tradable_without_volume",
            Self::NothingOrdered => "nothing_ordered",
            Self::NoVolumeData => "no_volume_data",
            Self::Offline => "offline",
            Self::OrdersCancelled => "orders_cancelled",
            Self::OrdersCancelledWithoutVolume => "orders_cancelled_without_volume",
            Self::PercentForShare => "percent_for_share",
            Self::RiskForecast => "risk_forecast",
            Self::Ruined => "ruined",
            Self::RuinedScenarios => "ruined_scenarios",
            Self::Survivorship => "survivorship",
            Self::UnknownHalfSpreads => "unknown_half_spreads",
            Self::UsualSpread => "usual_spread",
            Self::VolatileDates => "volatile_dates",
            Self::World => "world",
        }
    }
}
