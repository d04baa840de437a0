//! Settings of a run.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::execution::{BenchmarkRule, ExecutionSettings};
use crate::groups::GroupFactor;
use crate::ledger::RecordSettings;
use crate::membership::Membership;
use crate::model::EstimatorSettings;
use crate::pipeline::placement::Placement;
use crate::portfolio::{LossLimits, SizingSettings};
use crate::range::OnOutOfRange;
use crate::settings::{Calendar, Choice, Kind, SettingType, SettingValue};
use crate::time::{Sessions, TimestampNs};
use crate::world::WorldSettings;

/// Settings of a run, without its source, strategy and recorders.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// Frames a day and days a year.
    pub calendar: Calendar,
    /// Sessions of the exchange; `None` without a file of them.
    pub sessions: Option<Arc<Sessions>>,
    /// True if the estimator uses returns in excess of the risk-free return.
    pub excess: bool,
    /// The estimate stage.
    pub estimator: EstimatorSettings,
    /// No frame before it rebalances.
    pub trade_from: Option<TimestampNs>,
    /// Losses at which trading stops.
    pub limits: LossLimits,
    /// Effect on the run of a value that no later one may be computed from.
    pub on_out_of_range: OnOutOfRange,
    /// Groups of the instruments, such as sectors.
    pub groups: Vec<GroupFactor>,
    /// The size stage.
    pub sizing: SizingSettings,
    /// The execute stage.
    pub execution: ExecutionSettings,
    /// Spells of membership of the universe: an instrument is held only while it is a member; `None` for all.
    pub membership: Option<Arc<Membership>>,
    /// Benchmark of the run.
    pub benchmark: BenchmarkRule,
    /// Stress on costs. Stress on the data is part of the source: see [`world::apply`](crate::world::apply).
    pub world: WorldSettings,
    /// Recorded tables.
    pub record: RecordSettings,
    /// Dates, in days since 1970, whose rebalances are kept with their inputs.
    pub shown_dates: Option<RangeInclusive<i64>>,
    /// Frames a message carries; `None` to choose by the number of instruments.
    pub frames_per_message: Option<usize>,
}

impl SettingValue for Placement {}

impl SettingType for Placement {
    const KIND: Kind = Kind::WordOrWholes(&[
        Choice { name: "auto", doc: &["Chosen by the number of processors."] },
        Choice { name: "inline", doc: &["All stages on one thread."] },
        Choice { name: "threaded", doc: &["One thread for each stage."] },
    ]);
}
