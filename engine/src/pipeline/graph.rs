//! Stages and the bounded channels between them.

use super::error::PipelineError;
use super::node::{Inlet, Node, Outlet};
use super::placement::Placement;
use super::runner;
use super::stage::Stage;
use super::timing::{Clock, StageTiming, Timer, Watcher, no_clock};
use crate::ledger::RunFacts;

/// Options of a run. The result is bit-identical under all of them.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Placement of stages on threads.
    pub placement: Placement,
    /// Messages that a channel holds, at least 1; a full channel blocks its sender.
    pub capacity: usize,
    /// Number of processors for `Placement::Auto`.
    pub processors: usize,
    /// Clock of the timings.
    pub clock: Clock,
    /// Observer of each handled message.
    pub watch: Option<Watcher>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self { placement: Placement::Auto, capacity: 64, processors: 2, clock: no_clock, watch: None }
    }
}

/// Report of a completed run.
#[derive(Debug)]
pub struct RunReport {
    /// Facts of the run from its stages.
    pub facts: RunFacts,
    /// Timing of each stage, in order.
    pub timing: Vec<StageTiming>,
}

struct Edge {
    from: usize,
    to: usize,
    /// True if it runs downstream, and therefore carries the end of the stream.
    forward: bool,
}

/// A pipeline under construction: stages in downstream order, and edges between them.
#[derive(Default)]
pub struct Graph {
    stages: Vec<Box<dyn Stage>>,
    edges: Vec<Edge>,
}

impl Graph {
    /// Adds a stage after the existing ones, and returns its number.
    pub fn add(&mut self, stage: impl Stage + 'static) -> usize {
        self.stages.push(Box::new(stage));
        self.stages.len() - 1
    }

    /// Connects two stages. Outlets of `from` and inlets of `to` are numbered in the order of these calls. An
    /// edge to an earlier stage is feedback and carries no end of stream.
    pub fn connect(&mut self, from: usize, to: usize) {
        self.edges.push(Edge { from, to, forward: from < to });
    }

    /// Runs the pipeline to the end of the stream.
    ///
    /// # Errors
    /// Returns the error of the first stage that failed or panicked, with its name, or a placement that does
    /// not fit the stages.
    pub fn run(self, options: &RunOptions) -> Result<RunReport, PipelineError> {
        let sizes = options.placement.groups(self.stages.len(), options.processors);
        if sizes.iter().sum::<usize>() != self.stages.len() || sizes.contains(&0) {
            return Err(PipelineError::Graph(format!(
                "placement: found groups of {sizes:?} stages, expected a sum of {}",
                self.stages.len()
            )));
        }
        let mut inlets: Vec<Vec<Inlet>> = self.stages.iter().map(|_| Vec::new()).collect();
        let mut outlets: Vec<Vec<Outlet>> = self.stages.iter().map(|_| Vec::new()).collect();
        for Edge { from, to, forward } in self.edges {
            let (sender, receiver) = crossbeam_channel::bounded(options.capacity.max(1));
            outlets[from].push(Outlet { to: sender, ends: forward });
            inlets[to].push(Inlet { from: receiver, ends: forward, ended: false });
        }
        let ends = inlets.into_iter().zip(outlets);
        let mut nodes = self.stages.into_iter().zip(ends).map(|(stage, (i, o))| Node::new(stage, i, o));
        let groups = sizes.iter().map(|size| nodes.by_ref().take(*size).collect()).collect();
        let timer = Timer { clock: options.clock, watch: options.watch.clone() };
        runner::run(groups, &timer)
    }
}
