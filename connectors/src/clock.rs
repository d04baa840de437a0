//! Wall clock of the program.
//!
//! Only this file reads it. A simulation replaces it on its own thread, where time passes as the simulation decides.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use betaflow_engine::time::TimestampNs;

/// Clock of a simulation.
type Simulated = Rc<dyn Fn() -> TimestampNs>;

thread_local! {
    static SIMULATED: RefCell<Option<Simulated>> = const { RefCell::new(None) };
}

/// Returns the time of the wall clock, or of the clock that replaces it on this thread.
#[must_use]
pub fn now() -> TimestampNs {
    let simulated = SIMULATED.with_borrow(Clone::clone);
    simulated.map_or_else(system, |clock| clock())
}

fn system() -> TimestampNs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimestampNs(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Replacement of the wall clock on this thread; its drop restores the wall clock.
#[derive(Debug)]
pub struct Replaced(());

/// Replaces the wall clock on this thread.
#[must_use]
pub fn replace(clock: impl Fn() -> TimestampNs + 'static) -> Replaced {
    SIMULATED.set(Some(Rc::new(clock)));
    Replaced(())
}

impl Drop for Replaced {
    fn drop(&mut self) {
        SIMULATED.set(None);
    }
}
