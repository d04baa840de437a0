//! How the net returns are distributed.

use serde_json::Value;

use crate::report::figure::{Bars, Figure};
use crate::report::format::percent;
use crate::report::page::Page;

const HEADING: &str = "Distribution of returns";

/// Adds the figure.
pub(super) fn add(page: &mut Page, summary: &Value) {
    let distribution = &summary["distribution"];
    let numbers = |name: &str| -> Option<Vec<f64>> {
        distribution[name].as_array()?.iter().map(Value::as_f64).collect()
    };
    let (Some(edges), Some(counts)) = (numbers("edges"), numbers("counts")) else {
        return page.missing(HEADING, "summary.json has no distribution.");
    };
    if counts.is_empty() || edges.len() != counts.len() + 1 {
        return page.missing(HEADING, "There are no returns.");
    }
    page.section(HEADING);
    let net = &summary["metrics"]["net"];
    let places =
        [("value at risk, 5 %", "value_at_risk"), ("mean of that tail", "conditional_value_at_risk")];
    let places: Vec<(&str, f64)> =
        places.into_iter().filter_map(|(name, key)| Some((name, net[key].as_f64()?))).collect();
    page.figure("Net returns of a bar: how many fell where", Figure::of_bars(bars(&edges, &counts), &places));
    page.html(&format!(
        "<p class=\"small\">The outermost bars hold all that lies beyond: the worst return was {}, the best {}.</p>\n",
        percent(&net["worst_return"]),
        percent(&net["best_return"])
    ));
}

/// The outermost bins reach far: their bars are as wide as the others.
fn bars(edges: &[f64], counts: &[f64]) -> Bars {
    let bins = counts.len();
    let width = if bins > 2 { edges[2] - edges[1] } else { edges[bins] - edges[0] };
    let mut bars = Bars { width, ..Bars::default() };
    for (at, count) in counts.iter().enumerate() {
        let (low, high) = (edges[at], edges[at + 1]);
        let middle = match at {
            _ if bins <= 2 => (low + high) / 2.0,
            0 => high - width / 2.0,
            _ => low + width / 2.0,
        };
        bars.x.push(middle);
        bars.counts.push(*count as u64);
        bars.labels.push(format!("{count} from {} to {}", percent(&low.into()), percent(&high.into())));
    }
    bars
}
