//! Status of a run: written by the record stage, read by the pulse.

use std::sync::{Arc, Mutex, PoisonError};

use betaflow_connectors::store::WriterHandle;
use betaflow_engine::execution::is_ruined;
use betaflow_engine::ledger::{LedgerFrame, RecordError, Recorder, RunFacts};
use betaflow_engine::model::Estimates;
use betaflow_engine::portfolio::{Halt, LossLimits};
use betaflow_engine::time::Iso;
use betaflow_engine::time::TimestampNs;
use tracing::{error, info, warn};

use super::alerts::{Alerts, Kind};
use super::halts::{LastChange, halted, resumed};

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
    limits: LossLimits,
    /// Last change on record before this start; it and earlier ones are not reported again.
    last: Option<LastChange>,
    /// True after the first rebalance of this start.
    decided: bool,
}

impl StatusRecorder {
    /// Creates the recorder. `last`: the last change on record.
    pub(crate) fn new(
        run_status: SharedRunStatus,
        writer: WriterHandle,
        alerts: Alerts,
        limits: LossLimits,
        last: Option<LastChange>,
    ) -> Self {
        Self { run_status, writer, alerts, limits, last, decided: false }
    }

    /// Whether a rebalance changes between trading and halted, or the reason of the halt, and the change is not
    /// on record.
    fn is_change(&self, seq: u64, before: Option<Halt>, halt: Option<Halt>) -> bool {
        if self.last.as_ref().is_some_and(|last| seq <= last.seq) {
            return false;
        }
        match self.decided {
            true => halt != before,
            // The first rebalance of this start follows the last change on record.
            false => halt.is_some() != self.last.as_ref().is_some_and(|last| last.halted),
        }
    }

    /// Logs and records a change, and raises its alert.
    fn report(&self, frame: &LedgerFrame, halt: Option<Halt>) -> Result<(), RecordError> {
        let (at, seq, nav) = ((frame.timestamp, frame.seq), frame.seq, frame.nav);
        let detail = frame.out_of_range.as_ref().filter(|_| halt == Some(Halt::OutOfRange));
        let detail = detail.map(ToString::to_string);
        let (kind, text) = match halt {
            Some(halt) => ("halted", halted(at, halt, (frame.loss, &self.limits), detail)),
            None => ("trading", resumed(at)),
        };
        self.alerts.raise(alert_of(halt), Some(seq), text.clone());
        match halt {
            Some(_) => warn!(kind, seq, nav, "{text}"),
            None => info!(kind, seq, nav, "{text}"),
        }
        Ok(self.writer.event(frame.timestamp.0, Some(seq), kind, text)?)
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
        if frame.decided {
            if self.is_change(frame.seq, before.halt, halt) {
                self.report(frame, halt)?;
            }
            self.decided = true;
        }
        self.run_status.change(|now| (now.nav, now.halt) = (Some(frame.nav), halt));
        if is_ruined(frame.nav) {
            let ruined = (frame.timestamp.0, frame.nav);
            let is_new = before.ruined.is_none();
            self.run_status.change(|now| now.ruined = Some(ruined));
            if is_new {
                error!(kind = "ruined", seq = frame.seq, nav = frame.nav, "{}", ruin(ruined));
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
