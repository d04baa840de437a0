//! Result of `diff` as a terminal page and as JSON.

use betaflow_engine::time::TimestampNs;
use serde::Serialize;

use super::event::Event;
use super::{DiffResult, Gap};
use crate::summary::time_text;
use crate::terminal::{Page, Table, decimals, grouped, signed};

/// Parts of a gap below this share of the value are rounding.
const ROUNDING: f64 = 1e-9;

/// Fewest and most decimals of a value; more are shown until A and B differ.
const PLACES_MIN: usize = 2;
const PLACES_MAX: usize = 17;

/// Returns the page.
pub(crate) fn page(found: &DiffResult) -> Page {
    let mut page = Page::default();
    let DiffResult { names: [a, b], only, .. } = found;
    page.section("Runs").field("A", a).field("B", b);
    let only: Vec<String> = ["A", "B"]
        .into_iter()
        .zip(only)
        .filter(|(_, only)| **only > 0)
        .map(|(name, only)| format!(", {} only in {name}", grouped(*only as f64)))
        .collect();
    page.field(
        "Recorded frames",
        format!(
            "{} in both, counted from the first rebalance{}",
            grouped(found.common as f64),
            only.concat()
        ),
    );
    match &found.first {
        None => {
            page.field("Result", "no difference");
            if let Some(digest) = found.digests.iter().flatten().next() {
                page.field("Digest", digest);
            }
        }
        Some(first) => {
            let time = time_text(first.time.map(TimestampNs));
            let time = time.map_or_else(String::new, |time| format!(" at {time}"));
            page.section("First difference");
            page.field("Frame", format!("{}{time}", first.seq));
            page.field("Kind", first.kind.name());
            let [a, b] = values(first);
            page.field("Event", &first.what).field("A", a).field("B", b);
            if let Some(gap) = &found.gap {
                add_gap(gap, &mut page);
            }
        }
    }
    page.notices("Notes", found.reasons.iter().map(|reason| (reason.code, reason.text.as_str())));
    page
}

/// Values of the two runs, rounded where they still differ, with their unit.
fn values(first: &Event) -> [String; 2] {
    let both = [&first.a, &first.b];
    let numbers = both.map(|text| text.parse::<f64>().ok().filter(|value| value.is_finite()));
    let rounded = |places: usize| numbers.map(|number| number.map(|number| decimals(number, places)));
    let places = (PLACES_MIN..PLACES_MAX).find(|places| {
        let [a, b] = rounded(*places);
        a != b
    });
    let rounded = rounded(places.unwrap_or(PLACES_MAX));
    let unit = if first.is_order { " units" } else { "" };
    [0, 1].map(|at| rounded[at].as_ref().map_or_else(|| both[at].clone(), |text| format!("{text}{unit}")))
}

fn add_gap(gap: &Gap, page: &mut Page) {
    let [a, b] = gap.nav;
    let time = time_text(Some(TimestampNs(gap.time))).unwrap_or_default();
    page.section(format!("Gap in value on frame {} at {time}", gap.seq));
    page.field("A", decimals(a, 2)).field("B", decimals(b, 2)).field("B less A", signed(b - a, 2));
    let mut table = Table::new(["Part of the gap", "B less A"]);
    for (name, part) in gap.parts.items() {
        let label = name[..1].to_uppercase() + &name[1..];
        let is_rounding = part.abs() <= ROUNDING * a.abs();
        if name == "not explained" && is_rounding && part != 0.0 {
            table.row([label, format!("{part:+.2e} (rounding)")]);
        } else if part != 0.0 || !matches!(name, "start" | "interest" | "not explained") {
            table.row([label, signed(part, 2)]);
        }
    }
    page.table(table);
}

/// JSON output of `diff`.
#[derive(Debug, Serialize)]
pub(crate) struct DiffSummary<'a> {
    a: &'a str,
    b: &'a str,
    differs: bool,
    first: Option<FirstDifference<'a>>,
    common_frames: u64,
    only_in_a: u64,
    only_in_b: u64,
    digest_a: Option<&'a str>,
    digest_b: Option<&'a str>,
    gap: Option<GapSummary<'a>>,
    notes: Vec<&'a str>,
    /// Stable code of each note.
    note_codes: Vec<&'a str>,
}

/// First event that differs.
#[derive(Debug, Serialize)]
struct FirstDifference<'a> {
    seq: u64,
    time: Option<String>,
    kind: super::Kind,
    what: &'a str,
    a: &'a str,
    b: &'a str,
}

/// Gap between the values on the last common frame, and its parts.
#[derive(Debug, Serialize)]
struct GapSummary<'a> {
    seq: u64,
    time: Option<String>,
    nav_a: f64,
    nav_b: f64,
    gap: f64,
    parts: &'a super::Difference,
    sum_of_parts: f64,
}

/// Returns the JSON output.
pub(crate) fn summary(found: &DiffResult) -> DiffSummary<'_> {
    let time = |time: Option<i64>| time_text(time.map(TimestampNs));
    let first = found.first.as_ref().map(|first| FirstDifference {
        seq: first.seq,
        time: time(first.time),
        kind: first.kind,
        what: &first.what,
        a: &first.a,
        b: &first.b,
    });
    let gap = found.gap.as_ref().map(|gap| GapSummary {
        seq: gap.seq,
        time: time(Some(gap.time)),
        nav_a: gap.nav[0],
        nav_b: gap.nav[1],
        gap: gap.nav[1] - gap.nav[0],
        parts: &gap.parts,
        sum_of_parts: gap.parts.total(),
    });
    let [digest_a, digest_b] = [&found.digests[0], &found.digests[1]].map(|digest| digest.as_deref());
    DiffSummary {
        a: &found.names[0],
        b: &found.names[1],
        differs: found.first.is_some(),
        first,
        common_frames: found.common,
        only_in_a: found.only[0],
        only_in_b: found.only[1],
        digest_a,
        digest_b,
        gap,
        notes: found.reasons.iter().map(|reason| reason.text.as_str()).collect(),
        note_codes: found.reasons.iter().map(|reason| reason.code).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::diff::Kind;

    #[test]
    fn values_are_rounded_to_the_first_decimals_that_differ() {
        // Values of A and B, whether they are units of an order, and the text of both.
        let cases = [
            (["none", "15.57789180038362"], true, ["none", "15.58 units"]),
            (["15.57789180038362", "15.577894"], true, ["15.577892 units", "15.577894 units"]),
            (["1000000", "1000001"], false, ["1000000.00", "1000001.00"]),
            (["a frame", "no frame"], false, ["a frame", "no frame"]),
        ];
        for ([a, b], is_order, expected) in cases {
            let (a, b) = (a.to_owned(), b.to_owned());
            let event = Event { seq: 0, time: None, kind: Kind::Fill, what: String::new(), a, b, is_order };
            assert_eq!(values(&event), expected);
        }
    }
}
