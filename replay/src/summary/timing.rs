//! Timing of a run.

use betaflow_engine::pipeline::StageTiming;

use super::run::{StageSummary, TimingSummary};
use super::{Number, Summary};
use crate::terminal::Table;

impl Summary<'_> {
    pub(super) fn timing_summary(&self) -> TimingSummary {
        let stage = |stage: &StageTiming| StageSummary {
            stage: stage.stage.to_string(),
            messages: stage.messages,
            handling_seconds: stage.handling_ns as f64 * 1e-9,
            blocked_seconds: stage.blocked_ns as f64 * 1e-9,
            queue_mean: stage.depth_mean().into(),
            queue_max: stage.depth_max as u64,
        };
        TimingSummary {
            seconds: self.seconds,
            rows_per_second: Number(self.facts.data.rows as f64 / self.seconds),
            peak_memory_bytes: peak_memory_bytes(),
            stages: self.timing.iter().map(stage).collect(),
        }
    }

    /// Returns the timing of each stage as a table.
    pub(super) fn timing_table(&self) -> Table {
        let mut table =
            Table::new(["Stage", "Messages", "Handling, s", "Waiting, s", "Queue, mean", "Queue, max"]);
        for stage in self.timing {
            table.row([
                stage.stage.to_owned(),
                stage.messages.to_string(),
                format!("{:.3}", stage.handling_ns as f64 * 1e-9),
                format!("{:.3}", stage.blocked_ns as f64 * 1e-9),
                format!("{:.1}", stage.depth_mean()),
                stage.depth_max.to_string(),
            ]);
        }
        table
    }
}

/// Peak resident memory of the process, where the system reports it.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
