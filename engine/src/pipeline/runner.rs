//! The loop that drives stages under every placement.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::Select;

use super::error::PipelineError;
use super::graph::RunReport;
use super::node::{Node, Step};
use super::timing::Timer;

/// Result of a group's loop.
enum Ended {
    Whole(Vec<Node>),
    /// A neighbour in another group stopped; that group reports the error.
    Abandoned,
    Broken(PipelineError),
}

/// Runs each group of nodes on a thread; a single group runs on the calling thread.
pub(super) fn run(mut groups: Vec<Vec<Node>>, timer: &Timer) -> Result<RunReport, PipelineError> {
    let ends = if groups.len() == 1 {
        groups.pop().map(|group| run_group(group, true, timer)).into_iter().collect()
    } else {
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                groups.into_iter().map(|group| scope.spawn(move || run_group(group, false, timer))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|payload| panicked("pipeline", payload.as_ref())))
                .collect::<Vec<_>>()
        })
    };
    let mut nodes = Vec::new();
    let mut abandoned = false;
    for end in ends {
        match end {
            Ended::Whole(group) => nodes.extend(group),
            Ended::Abandoned => abandoned = true,
            Ended::Broken(error) => return Err(error),
        }
    }
    if abandoned {
        return Err(PipelineError::Graph("a stage stopped without an error".into()));
    }
    let timing = nodes.iter().map(|node| node.timing.clone()).collect();
    let facts = nodes.pop().and_then(Node::into_facts).map(|facts| *facts).unwrap_or_default();
    Ok(RunReport { facts, timing })
}

fn panicked(stage: &'static str, payload: &(dyn Any + Send)) -> Ended {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    let message = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
    Ended::Broken(PipelineError::Panicked { stage, message })
}

fn run_group(mut nodes: Vec<Node>, alone: bool, timer: &Timer) -> Ended {
    let mut current = "pipeline";
    // After a panic the nodes are dropped and not used again.
    match catch_unwind(AssertUnwindSafe(|| drive(&mut nodes, alone, timer, &mut current))) {
        Ok(Ok(true)) => Ended::Whole(nodes),
        Ok(Ok(false)) => Ended::Abandoned,
        Ok(Err(error)) => Ended::Broken(error),
        Err(payload) => panicked(current, payload.as_ref()),
    }
}

/// Steps the nodes, downstream first, until all are done (returns true) or a neighbour stopped (false).
///
/// The order downstream first keeps few messages in flight and makes groups of several nodes free of
/// deadlock: a node sends only if no node behind it in the group can proceed. If none can proceed, the group
/// waits for any of the channels that its nodes wait for, sends and receives alike; it never blocks on one of
/// them while another is ready. A group that is `alone` waits for no other thread.
fn drive(
    nodes: &mut [Node],
    alone: bool,
    timer: &Timer,
    current: &mut &'static str,
) -> Result<bool, PipelineError> {
    loop {
        let mut worked = false;
        let mut done = true;
        for node in nodes.iter_mut().rev() {
            *current = node.name();
            match node.step(timer) {
                Ok(Step::Worked) => worked = true,
                Ok(Step::Waits | Step::Done) => {}
                Ok(Step::Abandoned) => return Ok(false),
                Err(source) => return Err(PipelineError::Failed { stage: node.name(), source }),
            }
            done &= node.is_done();
            if worked {
                break;
            }
        }
        if worked {
            continue;
        }
        if done {
            return Ok(true);
        }
        if alone {
            return Err(PipelineError::Graph("deadlock: every stage waits for another".into()));
        }
        if !wait(nodes, timer) {
            return Ok(false);
        }
    }
}

/// Blocks until a node may proceed; returns false if a neighbour stopped.
fn wait(nodes: &mut [Node], timer: &Timer) -> bool {
    let started = timer.now();
    let mut neighbour = true;
    if let [node] = nodes {
        neighbour = node.block();
    } else {
        let mut select = Select::new();
        for node in nodes.iter() {
            node.register(&mut select);
        }
        select.ready();
    }
    let waited = timer.now().saturating_sub(started);
    let waiting = nodes.iter().filter(|node| !node.is_done()).count().max(1) as u64;
    for node in nodes.iter_mut().filter(|node| !node.is_done()) {
        node.timing.blocked_ns += waited / waiting;
    }
    neighbour
}
