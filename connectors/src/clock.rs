//! Clocks of the program: the wall clock, and time that never goes back.
//!
//! A simulation replaces both on its own thread, where time passes as the simulation decides. Only this file reads the wall
//! clock.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use betaflow_engine::time::TimestampNs;

/// Clocks of a simulation.
#[derive(Clone)]
struct Simulated {
    wall: Rc<dyn Fn() -> TimestampNs>,
    elapsed: Rc<dyn Fn() -> Duration>,
}

thread_local! {
    static SIMULATED: RefCell<Option<Simulated>> = const { RefCell::new(None) };
}

/// Returns the time of the wall clock, or of the clock that replaces it on this thread.
#[must_use]
pub fn now() -> TimestampNs {
    let simulated = SIMULATED.with_borrow(Clone::clone);
    simulated.map_or_else(system, |clocks| (clocks.wall)())
}

/// Returns the time since the first call, which no change of the wall clock moves, or that of the clock that replaces it.
#[must_use]
pub fn elapsed() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    let simulated = SIMULATED.with_borrow(Clone::clone);
    simulated.map_or_else(|| START.get_or_init(Instant::now).elapsed(), |clocks| (clocks.elapsed)())
}

fn system() -> TimestampNs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimestampNs(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Replacement of the clocks on this thread; its drop restores them.
#[derive(Debug)]
pub struct Replaced(());

/// Replaces the clocks on this thread.
#[must_use]
pub fn replace(
    wall: impl Fn() -> TimestampNs + 'static,
    elapsed: impl Fn() -> Duration + 'static,
) -> Replaced {
    SIMULATED.set(Some(Simulated { wall: Rc::new(wall), elapsed: Rc::new(elapsed) }));
    Replaced(())
}

impl Drop for Replaced {
    fn drop(&mut self) {
        SIMULATED.set(None);
    }
}
