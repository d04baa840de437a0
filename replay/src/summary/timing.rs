//! Where the time went.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};

use super::Summary;

impl Summary<'_> {
    pub(super) fn timing_json(&self) -> Value {
        let stages: Vec<_> = self
            .timing
            .iter()
            .map(|stage| {
                json!({
                    "stage": stage.stage,
                    "messages": stage.messages,
                    "handling_seconds": stage.handling_ns as f64 * 1e-9,
                    "blocked_seconds": stage.blocked_ns as f64 * 1e-9,
                    "queue_mean": stage.depth_mean(),
                    "queue_max": stage.depth_max,
                })
            })
            .collect();
        json!({
            "seconds": self.seconds,
            "rows_per_second": self.facts.data.rows as f64 / self.seconds,
            "peak_memory_bytes": peak_memory_bytes(),
            "stages": stages,
        })
    }

    /// Where the time went, as a table.
    pub(crate) fn timing_table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(["stage", "messages", "handling s", "waiting s", "queue mean", "queue max"]);
        for stage in self.timing {
            table.add_row([
                stage.stage.to_owned(),
                stage.messages.to_string(),
                format!("{:.3}", stage.handling_ns as f64 * 1e-9),
                format!("{:.3}", stage.blocked_ns as f64 * 1e-9),
                format!("{:.1}", stage.depth_mean()),
                stage.depth_max.to_string(),
            ]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

/// Most memory that the process has had at a time, where the system says so.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
