//! Small tables: `[universe]`, `[record]`, `[pipeline]`.

use betaflow_engine::ledger::Frames;
use betaflow_engine::pipeline::Placement;
use betaflow_engine::require_whole;
use betaflow_engine::settings::{Invalid, require};
use serde::{Deserialize, Serialize};

/// `[universe]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UniverseSettings {
    /// Only these instruments, if there are any.
    pub include: Vec<String>,
    /// All but these.
    pub exclude: Vec<String>,
    /// Exactly these are estimated and traded, if there are any.
    pub trade: Vec<String>,
}

/// `[record]` as typed; the command has the defaults.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RecordTyped {
    pub(super) betas: Option<Frames>,
    pub(super) weights: Option<Frames>,
}

/// Stages of a pipeline that trades.
const STAGES: usize = 5;
const PLACEMENTS: &str = "\"auto\", \"inline\", \"threaded\", or how many of the five neighbouring stages each thread \
                          takes, such as [1, 4]";

/// `[pipeline]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PipelineSettings {
    /// Which stages share a thread.
    pub placement: Placement,
    /// Messages that a channel holds.
    pub capacity: usize,
    /// Frames of a message; by default chosen by the number of instruments.
    pub batch: Option<usize>,
}

impl Default for PipelineSettings {
    fn default() -> Self {
        Self { placement: Placement::Auto, capacity: 64, batch: None }
    }
}

impl PipelineSettings {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        require_whole!("capacity", self.capacity, 1 to 65_536)?;
        require_whole!("batch", self.batch.unwrap_or(1), 1 to 4_096)?;
        match &self.placement {
            Placement::Groups(sizes) => {
                let fits = |stages| sizes.iter().sum::<usize>() == stages && !sizes.contains(&0);
                require(fits(STAGES), "placement", format!("{sizes:?}"), PLACEMENTS)
            }
            _ => Ok(()),
        }
    }
}
