//! Strategy `stat_arb`: mean reversion of cumulated residuals (Avellaneda & Lee 2010).

use betaflow_engine::model::Reversion;
use betaflow_engine::settings;
use betaflow_engine::settings::Calendar;
use betaflow_engine::strategy::{Context, Observed, Strategy, StrategyError, TargetKind, Targets};
use serde::{Deserialize, Serialize};

use crate::Shipped;
use crate::registry::shipped_state;
use crate::window::{Window, frames};

settings! {
    /// Positions of equal size on the mean reversion of cumulated residual returns, by the rules and with the numbers of
    /// Avellaneda & Lee 2010.
    ///
    /// X cumulates the residuals of `window` (returns less beta'f with the betas from before each frame) less their mean,
    /// the paper's drift, so X ends at 0. X_t+1 = a + b X_t + noise gives the mean m = a/(1 - b), less the average m of
    /// the instruments, and the deviation in equilibrium; the s-score is -m over that deviation. An instrument whose
    /// reversion takes `reversion_max` or longer has no s-score and no position.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub struct StatArb in "strategy" {
        /// Window of the cumulated residuals.
        window: f64 = 60.0, in 0.001 to 1e4, unit "days";
        /// Largest time of mean reversion, one over its rate: half a window.
        reversion_max: f64 = 30.0, in 1e-6 to 1e6, unit "days";
        /// A position opens at an s-score beyond this: long below minus it, short above it.
        open: f64 = 1.25, in 0 to 100;
        /// A long position closes at an s-score above minus this.
        close_long: f64 = 0.5, in -100 to 100;
        /// A short position closes at an s-score below this.
        close_short: f64 = 0.75, in -100 to 100;
        /// Weight of a position: the paper's 2/100, a leverage of 2 over 100 positions.
        size: f64 = 0.02, in 1e-6 to 10, unit "share of NAV";
    }
    and { residuals: Window, positions: Vec<i8>, cumulated: Vec<f64>, scores: Vec<Option<Reversion>> }
}

/// Fewest frames of a window: two pairs determine a line, a third its deviation.
const LEAST_FRAMES: usize = 4;

impl Shipped for StatArb {
    const KIND: &'static str = "stat_arb";
    const ABOUT: &'static str = "equal positions against cumulated residual returns far from their mean";
    const TARGETS: TargetKind = TargetKind::Weights;
}

impl StatArb {
    /// Estimates the mean reversion of each instrument, and returns the average mean.
    fn estimate(&mut self, calendar: &Calendar) -> Option<f64> {
        let window = frames(self.window, calendar, LEAST_FRAMES);
        let slowest = self.reversion_max * f64::from(calendar.frames_per_day);
        let (mut sum, mut count) = (0.0, 0_u32);
        for (i, score) in self.scores.iter_mut().enumerate() {
            *score = None;
            if !self.residuals.write_known(i, window, &mut self.cumulated) {
                continue;
            }
            cumulate(&mut self.cumulated);
            *score = Reversion::fit(&self.cumulated).filter(|fit| 1.0 / fit.rate < slowest);
            if let Some(fit) = score {
                sum += fit.mean;
                count += 1;
            }
        }
        (count > 0).then(|| sum / f64::from(count))
    }

    /// Position after an s-score.
    fn position(&self, held: i8, score: f64) -> i8 {
        let closed = match held {
            1 => score > -self.close_long,
            -1 => score < self.close_short,
            _ => true,
        };
        match () {
            () if !closed => held,
            () if score < -self.open => 1,
            () if score > self.open => -1,
            () => 0,
        }
    }
}

/// Turns residuals into their running sums less the drift, which end at 0.
fn cumulate(residuals: &mut [f64]) {
    let drift = residuals.iter().sum::<f64>() / residuals.len() as f64;
    let mut total = 0.0;
    for residual in residuals.iter_mut() {
        total += *residual - drift;
        *residual = total;
    }
}

impl Strategy for StatArb {
    shipped_state!(residuals, positions);

    fn observes(&self) -> Observed {
        Observed { residuals: true, ..Observed::default() }
    }

    fn observe_residuals(&mut self, residuals: &[f64], calendar: &Calendar) -> Result<(), StrategyError> {
        self.residuals.push(residuals, frames(self.window, calendar, LEAST_FRAMES));
        Ok(())
    }

    fn decide(&mut self, context: Context<'_>, targets: &mut Targets) -> Result<(), StrategyError> {
        let n = targets.values.len();
        self.positions.resize(n, 0);
        self.scores.resize(n, None);
        let average = self.estimate(context.calendar);
        let held = self.positions.iter().any(|position| *position != 0);
        if average.is_none() && !held {
            targets.kind = TargetKind::NoForecast;
            return Ok(());
        }
        targets.kind = TargetKind::Weights;
        let average = average.unwrap_or(0.0);
        for i in 0..n {
            // The cumulated residuals end at 0, so the s-score is that of X = 0 about the centred mean.
            let score = self.scores[i].map(|fit| fit.score(average));
            self.positions[i] = score.map_or(0, |score| self.position(self.positions[i], score));
            targets.values[i] = f64::from(self.positions[i]) * self.size;
        }
        Ok(())
    }
}
