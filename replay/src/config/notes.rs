//! Notes about settings that change the meaning of results.

use anyhow::{Result, bail};
use betaflow_engine::portfolio::Halt;
use betaflow_engine::world::WorldSettings;

use super::Config;

const LOOK_AHEAD: &str = "LOOK-AHEAD: orders fill at the close of their rebalance (execution.fill_at = \"same_close\"), \
                          which no trader can do";

impl Config {
    /// Note about a stressed environment; `trades`: true if the command trades, and so pays costs.
    #[must_use]
    pub(crate) fn world_note(&self, trades: bool) -> Option<String> {
        if trades { stress_note(&self.world) } else { stress_note(&self.world.of_source()) }
    }

    /// Refuses settings of `[world]` that change the data, for a command that uses the data as it is. `reason`: what
    /// the command does with the data.
    ///
    /// # Errors
    /// A setting changes the data.
    pub(crate) fn refuse_changed_data(&self, command: &str, reason: &str) -> Result<()> {
        if let Some((key, value)) = self.world.of_source().stressed().first() {
            bail!(
                "`world.{key}`: found {value}, expected no change of the data, because `{command}` {reason}; leave it out, or \
                 set it in `betaflow replay`"
            );
        }
        Ok(())
    }

    /// Note about look-ahead in the fills.
    #[must_use]
    pub(crate) fn look_ahead(&self) -> Option<&'static str> {
        self.execution.looks_ahead().then_some(LOOK_AHEAD)
    }

    /// Notes for the tables and the configuration of a run; `trades`: true if the command trades.
    #[must_use]
    pub(crate) fn notes(&self, trades: bool) -> Vec<String> {
        let look_ahead = self.look_ahead().filter(|_| trades);
        look_ahead.map(str::to_owned).into_iter().chain(self.world_note(trades)).collect()
    }
}

fn stress_note(world: &WorldSettings) -> Option<String> {
    let stressed = world.stressed();
    let list: Vec<String> = stressed.iter().map(|(key, value)| format!("world.{key} = {value}")).collect();
    (!list.is_empty()).then(|| format!("STRESSED ENVIRONMENT, different from the data: {}", list.join(", ")))
}

/// Reason of a halt, with the setting that causes it.
#[must_use]
pub(crate) fn halt_text(halt: Halt) -> &'static str {
    match halt {
        Halt::Feed => "the feed is unreliable (limits.stale_after, limits.conflations_max)",
        Halt::DailyLoss => "the loss of the date exceeds limits.daily_loss_max",
        Halt::Drawdown => "the drawdown exceeds limits.drawdown_max",
        Halt::OutOfRange => "a price or a computed value is out of range; nothing is traded from here on",
    }
}
