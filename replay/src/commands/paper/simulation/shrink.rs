//! Reduction of a failing scenario: fewer faults, frames and instruments, while it still fails.

use std::time::{Duration, Instant};

use super::scenario::Scenario;

/// Reduces a scenario as long as `fails` returns true and for about this time at most; returns false with it if the time has
/// ended before the reduction.
pub(super) fn shrink(
    mut scenario: Scenario,
    most: Duration,
    fails: impl Fn(&Scenario) -> bool,
) -> (Scenario, bool) {
    let started = Instant::now();
    let in_time = || started.elapsed() < most;
    loop {
        let smaller =
            candidates(&scenario).into_iter().take_while(|_| in_time()).find(|smaller| fails(smaller));
        let Some(smaller) = smaller else { return (scenario, in_time()) };
        scenario = smaller;
    }
}

/// Smaller scenarios, the boldest first.
fn candidates(scenario: &Scenario) -> Vec<Scenario> {
    let mut all = Vec::new();
    let mut push = |change: &dyn Fn(&mut Scenario)| {
        let mut smaller = scenario.clone();
        change(&mut smaller);
        if smaller != *scenario {
            all.push(smaller);
        }
    };
    push(&|smaller| smaller.feed.clear());
    push(&|smaller| smaller.processes.clear());
    push(&|smaller| smaller.frames = (smaller.frames / 2).max(4));
    push(&|smaller| smaller.instruments = (smaller.instruments / 2).max(2));
    for n in 0..scenario.processes.len() {
        push(&|smaller| drop(smaller.processes.remove(n)));
        push(&|smaller| smaller.processes[n].stop_after = None);
        for fault in 0..scenario.processes[n].disk.len() {
            push(&|smaller| _ = smaller.processes[n].disk.remove(fault));
        }
    }
    for n in 0..scenario.feed.len() {
        push(&|smaller| _ = smaller.feed.remove(n));
        push(&|smaller| smaller.feed[n].times = 1);
    }
    // One stays, because the strategy needs it.
    for n in 0..scenario.files.len() {
        push(&|smaller| _ = (smaller.files.len() > 1).then(|| smaller.files.remove(n)));
    }
    for n in 0..scenario.settings.len() {
        push(&|smaller| drop(smaller.settings.remove(n)));
    }
    push(&|smaller| smaller.frames -= usize::from(smaller.frames > 4));
    push(&|smaller| smaller.busy_ms = 0);
    push(&|smaller| smaller.conflate = 0);
    push(&|smaller| smaller.held_max = 4_096);
    push(&|smaller| smaller.batch_max = 1);
    push(&|smaller| smaller.interval_ms = 20);
    all
}
