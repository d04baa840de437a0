//! Strategy `residual_reversal`: residual returns of the last month tend to reverse in the next.

use betaflow_engine::settings;
use betaflow_engine::settings::Calendar;
use betaflow_engine::strategy::{Context, Observed, Strategy, StrategyError, TargetKind, Targets};
use serde::{Deserialize, Serialize};

use crate::Shipped;
use crate::registry::shipped_state;
use crate::window::{Window, frames};

settings! {
    /// Fractional Kelly on the reversal of the residual returns, the returns less beta'f with the betas from before each
    /// frame (Blitz, Huij, Lansdorp & Verbeek 2013; Da, Liu & Schaumburg 2014).
    ///
    /// The score z of an instrument is the sum of its residuals over `window`, divided by the residual deviation of
    /// that many frames, less the mean over the instruments. The expected residual return over `horizon` is minus
    /// information coefficient times deviation times z (Grinold 1994). The risk model hedges factors;
    /// `sizing.exposure_bounds` bounds what remains. Set `sizing.cost_horizon` to `horizon`.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub struct ResidualReversal in "strategy" {
        /// Window of the summed residuals: the month of both papers.
        window: f64 = 21.0, in 0.001 to 1e4, unit "days";
        /// Correlation of score and return to come: 0.05 is that of a good forecaster (Grinold & Kahn 2000, ch. 6).
        information_coefficient: f64 = 0.05, in 0 to 1;
        /// Time over which the forecast is earned: the month that both papers hold.
        horizon: f64 = 21.0, in 0.001 to 1e4, unit "days";
    }
    and { residuals: Window, known: Vec<f64> }
}

impl Shipped for ResidualReversal {
    const KIND: &'static str = "residual_reversal";
    const ABOUT: &'static str = "fractional Kelly on the reversal of last month's residual returns";
    const TARGETS: TargetKind = TargetKind::Expected;
}

impl Strategy for ResidualReversal {
    shipped_state!(residuals);

    fn observes(&self) -> Observed {
        Observed { residuals: true, ..Observed::default() }
    }

    fn observe_residuals(&mut self, residuals: &[f64], calendar: &Calendar) -> Result<(), StrategyError> {
        self.residuals.push(residuals, frames(self.window, calendar, 1));
        Ok(())
    }

    fn decide(&mut self, context: Context<'_>, targets: &mut Targets) -> Result<(), StrategyError> {
        let window = frames(self.window, context.calendar, 1);
        let horizon = self.horizon * f64::from(context.calendar.frames_per_day);
        let Self { residuals, known, information_coefficient, .. } = self;
        let variance = &context.estimates.observation_var;
        let (mut sum, mut count) = (0.0, 0_u32);
        for (i, value) in targets.values.iter_mut().enumerate() {
            *value = f64::NAN;
            if residuals.write_known(i, window, known) && variance[i] > 0.0 {
                let total: f64 = known.iter().sum();
                *value = total / (variance[i] * known.len() as f64).sqrt();
                sum += *value;
                count += 1;
            }
        }
        if count == 0 {
            targets.kind = TargetKind::NoForecast;
            return Ok(());
        }
        targets.kind = TargetKind::Expected;
        let mean = sum / f64::from(count);
        for (value, variance) in targets.values.iter_mut().zip(variance) {
            // Grinold 1994: alpha = IC x deviation over the horizon x score; here per frame.
            *value = -*information_coefficient * (variance / horizon).sqrt() * (*value - mean);
        }
        Ok(())
    }
}
