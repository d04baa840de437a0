//! Disk of a simulation.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use betaflow_connectors::store::{Disk, DiskStep};

use super::scenario::{DiskFault, DiskFaultKind};

/// Disk of one process, with the faults of the scenario.
pub(super) struct SimulatedDisk(Mutex<State>);

#[derive(Default)]
struct State {
    faults: Vec<DiskFault>,
    step: u64,
    full: u32,
    crashed: bool,
    failed: bool,
    steps: Vec<DiskStep>,
}

impl SimulatedDisk {
    pub(super) fn new(faults: &[DiskFault]) -> Self {
        Self(Mutex::new(State { faults: faults.to_vec(), ..State::default() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True once the process has ended at a fault.
    pub(super) fn crashed(&self) -> bool {
        self.state().crashed
    }

    /// True after any failed step.
    pub(super) fn failed(&self) -> bool {
        self.state().failed
    }

    /// Steps so far.
    pub(super) fn steps(&self) -> Vec<DiskStep> {
        self.state().steps.clone()
    }
}

fn crash() -> io::Error {
    io::Error::new(io::ErrorKind::Interrupted, "simulated crash")
}

impl State {
    fn fault(&self, is: impl Fn(DiskFaultKind) -> bool) -> Option<DiskFaultKind> {
        self.faults
            .iter()
            .map(|fault| (fault.step, fault.kind))
            .find_map(|(step, kind)| (step == self.step && is(kind)).then_some(kind))
    }
}

impl Disk for SimulatedDisk {
    fn before(&self, step: DiskStep) -> io::Result<()> {
        let mut state = self.state();
        if state.crashed {
            return Err(crash());
        }
        state.step += 1;
        state.steps.push(step);
        match state.fault(|kind| kind != DiskFaultKind::CrashAfter) {
            Some(DiskFaultKind::CrashBefore) => {
                (state.crashed, state.failed) = (true, true);
                return Err(crash());
            }
            Some(DiskFaultKind::Failure) => {
                state.failed = true;
                return Err(io::Error::other("simulated failure of the disk"));
            }
            Some(DiskFaultKind::Full(steps)) => state.full = steps,
            Some(DiskFaultKind::CrashAfter) | None => {}
        }
        if state.full > 0 {
            state.full -= 1;
            state.failed = true;
            return Err(io::Error::new(io::ErrorKind::StorageFull, "simulated full disk"));
        }
        Ok(())
    }

    fn after(&self, _: DiskStep) -> io::Result<()> {
        let mut state = self.state();
        if state.fault(|kind| kind == DiskFaultKind::CrashAfter).is_some() {
            (state.crashed, state.failed) = (true, true);
            return Err(crash());
        }
        Ok(())
    }

    fn wait(&self, _: Duration) {}
}
