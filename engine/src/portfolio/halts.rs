//! Trading halts: loss limits, an unreliable feed, and values out of range.

use serde::{Deserialize, Serialize};

use crate::frame::Supervision;
use crate::range::OutOfRange;

/// Loss limits at which trading halts; `None` sets no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LossLimits {
    /// Largest loss of a date, as a share of the NAV at the end of the previous date. A larger loss halts
    /// trading until the end of the date.
    pub daily_loss_max: Option<f64>,
    /// Largest drawdown, as a share of the running maximum of NAV. A larger drawdown halts trading until it
    /// is resumed from outside; the running maximum then restarts at the current NAV.
    pub drawdown_max: Option<f64>,
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

/// Follows the NAV and decides whether trading is halted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LossWatch {
    /// Date of the last frame, in days since 1970, and NAV at the end of the previous date.
    day: Option<(i64, f64)>,
    last: f64,
    peak: f64,
    daily: bool,
    drawdown: bool,
    out_of_range: Option<OutOfRange>,
}

impl LossWatch {
    /// Forgets every NAV so far: losses and drawdowns count from the next frame on.
    pub fn restart(&mut self) {
        (self.day, self.last, self.peak) = (None, 0.0, 0.0);
    }

    /// Adds a frame of a date, in days since 1970-01-01; returns the reason why it must not trade, if any.
    pub fn observe(
        &mut self,
        limits: &LossLimits,
        date: i64,
        nav: f64,
        supervision: Supervision,
    ) -> Option<Halt> {
        if self.day.is_none_or(|(day, _)| day != date) {
            let before = if self.day.is_some() { self.last } else { nav };
            self.day = Some((date, before));
            self.daily = false;
        }
        if supervision == Supervision::Resumed && nav.is_finite() {
            (self.peak, self.drawdown) = (nav, false);
            self.out_of_range = None;
        }
        // A non-finite NAV exceeds every limit and does not become a reference for later frames.
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

    /// Halts trading for a value out of range; the first such value is kept. Every loss limit that is set
    /// counts as exceeded, because the loss cannot be computed from that value.
    pub fn stop(&mut self, limits: &LossLimits, wrong: OutOfRange) -> Halt {
        self.drawdown |= limits.drawdown_max.is_some();
        self.daily |= limits.daily_loss_max.is_some();
        self.out_of_range.get_or_insert(wrong);
        Halt::OutOfRange
    }

    /// Loss that a loss limit is compared with, as a share: that of the date, or the drawdown; 0 for other halts.
    #[must_use]
    pub fn loss(&self, halt: Option<Halt>) -> f64 {
        let from = match halt {
            Some(Halt::DailyLoss) => self.day.map(|(_, before)| before),
            Some(Halt::Drawdown) => Some(self.peak),
            Some(Halt::Feed | Halt::OutOfRange) | None => None,
        };
        from.map_or(0.0, |from| 1.0 - self.last / from)
    }

    /// First value out of range that halted trading.
    #[must_use]
    pub fn out_of_range(&self) -> Option<&OutOfRange> {
        self.out_of_range.as_ref()
    }
}
