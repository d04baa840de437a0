//! Terminal page at the end of a paper run.

use std::path::Path;
use std::time::Instant;

use betaflow_connectors::live::{Edge, Latencies};
use betaflow_engine::ledger::{RunFacts, hex};

use super::{run_status, status, value_text};
use crate::summary::data_warnings;
use crate::terminal::{Page, grouped};

/// Returns the page. `ruined`: time and value of the frame that ruined the account; `state`: the state folder.
pub(super) fn page(
    facts: &RunFacts,
    edge: &Edge,
    latencies: &Latencies,
    (ruined, state): (Option<(i64, f64)>, &Path),
    started: Instant,
) -> Page {
    let number = |count: u64| grouped(count as f64);
    let mut page = Page::default();
    if let Some(ruined) = ruined {
        page.alert(run_status::ruin(ruined));
    }
    page.section("Paper run");
    page.field(
        "Frames",
        format!(
            "{} since this start, {} of them rebalances, in {:.1} s",
            number(facts.data.frames),
            number(facts.sizing.decisions),
            started.elapsed().as_secs_f64()
        ),
    );
    if let Some((first, last)) = facts.performance.nav {
        let last = if last.is_finite() { grouped(last) } else { value_text(last) };
        page.field("Net asset value", format!("{} → {last}", grouped(first)));
    }
    let counts = edge.counts();
    page.section("Feed");
    page.field("Messages", format!("{}, {} rejected", number(counts.messages), number(counts.refused)));
    page.field("Repeated", number(counts.repeats)).field("Early", number(counts.early));
    page.field("Gaps", format!("{} filled, {} missing", number(counts.filled), number(counts.missing)));
    page.field("Reconnections", number(counts.connections.saturating_sub(1)));
    if edge.venue_counts().is_some() {
        for (kind, count) in counts.faults() {
            page.field(kind.to_string(), number(count));
        }
    }
    let is_empty = facts.digest.iter().all(|byte| *byte == 0);
    let digest =
        if is_empty { "none yet, before the first rebalance".to_owned() } else { hex(&facts.digest) };
    page.section("Files").field("State folder", state.display()).field("Digest", digest);
    let latency = status::latency_table(latencies);
    if !latency.is_empty() {
        page.section("Latency by stage").table(latency);
    }
    let warnings = data_warnings(&facts.data);
    page.notices("Warnings", warnings.iter().map(|warning| (warning.code, warning.text.as_str())));
    page
}
