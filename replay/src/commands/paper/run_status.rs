//! Status of a run: written by the record stage, read by the pulse.

use std::sync::{Arc, Mutex, PoisonError};

use betaflow_connectors::store::WriterHandle;
use betaflow_engine::execution::is_ruined;
use betaflow_engine::ledger::{LedgerFrame, RecordError, Recorder, RunFacts};
use betaflow_engine::model::Estimates;
use betaflow_engine::portfolio::Halt;
use betaflow_engine::time::Iso;
use betaflow_engine::time::TimestampNs;
use tracing::{error, info, warn};

use super::alerts::{Alerts, Kind};
use crate::config::halt_text;

/// Status after the last frame.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RunStatus {
    /// Frames since the start of the program.
    pub(crate) frames: u64,
    pub(crate) seq: u64,
    pub(crate) timestamp: i64,
    /// Net asset value, `None` before the first rebalance.
    pub(crate) nav: Option<f64>,
    /// Reason why trading is halted.
    pub(crate) halt: Option<Halt>,
    /// Time and NAV of the frame that ruined the account.
    pub(crate) ruined: Option<(i64, f64)>,
}

/// Run status shared by the record stage and the pulse.
#[derive(Clone, Default)]
pub(crate) struct SharedRunStatus(Arc<Mutex<RunStatus>>);

impl SharedRunStatus {
    /// Creates the status of a run whose account may already be ruined.
    pub(crate) fn of(ruined: Option<(i64, f64)>) -> Self {
        let run_status = Self::default();
        run_status.change(|now| (now.ruined, now.nav) = (ruined, ruined.map(|(_, nav)| nav)));
        run_status
    }

    pub(crate) fn now(&self) -> RunStatus {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut RunStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Message about a ruined account.
pub(crate) fn ruin((time, nav): (i64, f64)) -> String {
    let time = Iso(TimestampNs(time));
    format!(
        "RUINED at {time}: NAV fell to {nav:.0}; all positions were closed at their last known prices, and this run \
         no longer trades; start with a new state folder"
    )
}

/// Recorder that updates the status and reports when trading halts and resumes.
pub(crate) struct StatusRecorder {
    run_status: SharedRunStatus,
    writer: WriterHandle,
    alerts: Alerts,
    /// True after the first rebalance of this start; an earlier halt is not reported again.
    decided: bool,
}

impl StatusRecorder {
    pub(crate) fn new(run_status: SharedRunStatus, writer: WriterHandle, alerts: Alerts) -> Self {
        Self { run_status, writer, alerts, decided: false }
    }
}

/// Kind of alert for a change of the halt.
fn alert_of(halt: Option<Halt>) -> Kind {
    match halt {
        Some(Halt::Feed | Halt::DailyLoss | Halt::Drawdown) => Kind::LimitMet,
        Some(Halt::OutOfRange) => Kind::TradingStopped,
        None => Kind::TradingResumed,
    }
}

impl Recorder for StatusRecorder {
    fn ledger(&mut self, frame: &LedgerFrame) -> Result<(), RecordError> {
        let before = self.run_status.now();
        // A frame without a rebalance does not change the halt.
        let halt = if frame.decided { frame.halt } else { before.halt };
        let is_new = self.decided;
        self.decided |= frame.decided;
        if halt != before.halt {
            let why = |halt: Halt| match &frame.out_of_range {
                Some(wrong) if halt == Halt::OutOfRange => format!("{}: {wrong}", halt_text(halt)),
                _ => halt_text(halt).to_owned(),
            };
            let text = match halt {
                Some(halt) if is_new => format!("trading halted at frame {}: {}", frame.seq, why(halt)),
                Some(halt) => format!("trading is still halted: {}", why(halt)),
                None => format!("trading resumed at frame {}", frame.seq),
            };
            if is_new {
                self.alerts.raise(alert_of(halt), Some(frame.seq), text.clone());
            }
            let kind = if halt.is_some() { "halted" } else { "trading" };
            let (seq, nav) = (frame.seq, frame.nav);
            if halt.is_some() {
                warn!(kind, seq, nav, "{text}");
            } else {
                info!(kind, seq, nav, "{text}");
            }
            self.writer.event(frame.timestamp.0, Some(frame.seq), kind, text)?;
        }
        self.run_status.change(|now| (now.nav, now.halt) = (Some(frame.nav), halt));
        if is_ruined(frame.nav) {
            let ruined = (frame.timestamp.0, frame.nav);
            let is_new = before.ruined.is_none();
            self.run_status.change(|now| now.ruined = Some(ruined));
            error!(kind = "ruined", seq = frame.seq, nav = frame.nav, "{}", ruin(ruined));
            if is_new {
                self.alerts.raise(Kind::Ruined, Some(frame.seq), ruin(ruined));
                self.writer.event(frame.timestamp.0, Some(frame.seq), "ruined", ruin(ruined))?;
            }
        }
        Ok(())
    }

    fn estimates(&mut self, _: &Estimates) -> Result<(), RecordError> {
        Ok(())
    }

    fn complete(&mut self, seq: u64, timestamp: TimestampNs) -> Result<(), RecordError> {
        self.run_status.change(|now| {
            now.frames += 1;
            (now.seq, now.timestamp) = (seq, timestamp.0);
        });
        Ok(())
    }

    fn finish(&mut self, _: &RunFacts) -> Result<(), RecordError> {
        Ok(())
    }
}
