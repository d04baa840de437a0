//! Trading halts: loss limits, an unreliable feed, and values out of range.

use serde::{Deserialize, Serialize};

use crate::frame::Supervision;
use crate::range::OutOfRange;
use crate::require_number;
use crate::settings::Invalid;
use crate::time::TimestampNs;

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
    /// The first number out of its range.
    pub fn check(&self) -> Result<(), Invalid> {
        for (key, share) in [("daily_loss_max", self.daily_loss_max), ("drawdown_max", self.drawdown_max)] {
            if let Some(share) = share {
                require_number!(key, share, 1e-9 to 0.9999)?;
            }
        }
        Ok(())
    }
}

/// Reason why a frame that is due to rebalance does not trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Halt {
    /// The source marks its data as unreliable.
    Feed,
    /// The loss of the date exceeds its limit.
    DailyLoss,
    /// The drawdown of the run exceeds its limit.
    Drawdown,
    /// A value is out of range.
    OutOfRange,
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
    out_of_range: Option<OutOfRange>,
}

impl LossWatch {
    /// Takes a frame; returns the reason why it must not trade, if any.
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
        if supervision == Supervision::Resumed && nav.is_finite() {
            (self.peak, self.drawdown) = (nav, false);
            self.out_of_range = None;
        }
        // A NAV that is not finite exceeds every limit and is no reference for later ones.
        if nav.is_finite() {
            self.last = nav;
            self.peak = self.peak.max(nav);
        }
        let beyond = |limit: Option<f64>, from: f64| {
            limit.is_some_and(|share| !nav.is_finite() || nav < from * (1.0 - share))
        };
        self.daily |= self.day.is_some_and(|(_, from)| beyond(limits.daily_loss_max, from));
        self.drawdown |= beyond(limits.drawdown_max, self.peak);
        match (self.drawdown, self.daily, supervision) {
            (true, ..) => Some(Halt::Drawdown),
            (_, true, _) => Some(Halt::DailyLoss),
            (.., Supervision::Halted) => Some(Halt::Feed),
            _ => None,
        }
    }

    /// Stops trading for a value out of range; of several the first is kept. The limits on losses that are set count as
    /// met, because no loss can be told from such a value.
    pub fn stop(&mut self, limits: &LossLimits, wrong: OutOfRange) -> Halt {
        self.drawdown |= limits.drawdown_max.is_some();
        self.daily |= limits.daily_loss_max.is_some();
        self.out_of_range.get_or_insert(wrong);
        Halt::OutOfRange
    }

    /// The value out of range that trading was stopped for.
    #[must_use]
    pub fn out_of_range(&self) -> Option<&OutOfRange> {
        self.out_of_range.as_ref()
    }
}
