//! What stops trading, and not the program: losses, and a feed that cannot be trusted.

use serde::{Deserialize, Serialize};

use crate::frame::{Supervision, TimestampNs};
use crate::settings::{Invalid, require};

/// Losses at which trading stops; without them it never does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LossLimits {
    /// Largest loss of a UTC date, as a share of the NAV at the end of the date before. From the frame on that goes
    /// beyond it, nothing more is decided on that date.
    pub daily_loss_max: Option<f64>,
    /// Largest loss since the highest NAV, as a share of it. From the frame on that goes beyond it, nothing more is
    /// decided until trading is resumed from outside, which begins anew with the NAV then.
    pub drawdown_max: Option<f64>,
}

impl LossLimits {
    /// Checks the range of every number.
    ///
    /// # Errors
    /// The first that is not as it should be.
    pub fn check(&self) -> Result<(), Invalid> {
        for (key, share) in [("daily_loss_max", self.daily_loss_max), ("drawdown_max", self.drawdown_max)] {
            if let Some(share) = share {
                require(share > 0.0 && share < 1.0, key, share, "a share above 0 and below 1, such as 0.05")?;
            }
        }
        Ok(())
    }
}

/// Why a frame that should decide does not trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Halt {
    /// The source says that its data is not to be traded on.
    Feed,
    /// The date has lost more than it may.
    DailyLoss,
    /// The run has lost more than it may.
    Drawdown,
}

impl Halt {
    /// As people read it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Feed => "the feed cannot be trusted now (limits.stale_after, limits.conflations_max)",
            Self::DailyLoss => "the date has lost more than limits.daily_loss_max",
            Self::Drawdown => "the run has lost more than limits.drawdown_max",
        }
    }
}

/// Follows the NAV from frame to frame.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LossWatch {
    /// The date of the last frame, in days since 1970, and the NAV at the end of the date before.
    day: Option<(i64, f64)>,
    last: f64,
    peak: f64,
    daily: bool,
    drawdown: bool,
}

impl LossWatch {
    /// Sees a frame, and says whether it may trade.
    pub fn observe(
        &mut self,
        limits: &LossLimits,
        timestamp: TimestampNs,
        nav: f64,
        supervision: Supervision,
    ) -> Option<Halt> {
        if self.day.is_none_or(|(date, _)| date != timestamp.date()) {
            let before = if self.day.is_some() { self.last } else { nav };
            self.day = Some((timestamp.date(), before));
            self.daily = false;
        }
        if supervision == Supervision::Resumed {
            (self.peak, self.drawdown) = (nav, false);
        }
        self.last = nav;
        self.peak = self.peak.max(nav);
        let beyond = |limit: Option<f64>, from: f64| limit.is_some_and(|share| nav < from * (1.0 - share));
        self.daily |= self.day.is_some_and(|(_, from)| beyond(limits.daily_loss_max, from));
        self.drawdown |= beyond(limits.drawdown_max, self.peak);
        match (self.drawdown, self.daily, supervision) {
            (true, ..) => Some(Halt::Drawdown),
            (_, true, _) => Some(Halt::DailyLoss),
            (.., Supervision::Halted) => Some(Halt::Feed),
            _ => None,
        }
    }
}
