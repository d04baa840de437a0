//! A comparison in words, and as JSON.

use std::fmt::Write as _;

use betaflow_engine::time::TimestampNs;
use serde_json::{Value, json};

use super::Found;
use crate::summary::time_text;

/// Parts of a gap below this share of the value are rounding.
const ROUNDING: f64 = 1e-9;

/// Lines for a terminal.
pub(crate) fn of(found: &Found) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = write(found, &mut text);
    text
}

fn write(found: &Found, out: &mut String) -> std::fmt::Result {
    let Some(first) = &found.first else {
        let digest = found.digests.iter().flatten().next();
        let digest = digest.map_or_else(String::new, |digest| format!(", digest {digest}"));
        writeln!(out, "no difference: {} frames{digest}", found.common)?;
        return reasons(found, out);
    };
    writeln!(out, "A  {}\nB  {}", found.names[0], found.names[1])?;
    let time = time_text(first.time.map(TimestampNs)).map_or_else(String::new, |time| format!(" at {time}"));
    writeln!(out, "the first difference is on frame {}{time}: {}", first.seq, first.kind.name())?;
    writeln!(out, "  {}\n  A  {}\n  B  {}", first.what, first.a, first.b)?;
    write!(out, "{} frames on record are common", found.common)?;
    for (name, only) in ["A", "B"].into_iter().zip(found.only).filter(|(_, only)| *only > 0) {
        write!(out, ", {only} are only in {name}")?;
    }
    writeln!(out)?;
    let Some(gap) = &found.gap else { return reasons(found, out) };
    let [a, b] = gap.nav;
    let time = time_text(Some(TimestampNs(gap.time))).unwrap_or_default();
    writeln!(out, "value on frame {} at {time}: A {a:.2}, B {b:.2}, B less A {:+.2}", gap.seq, b - a)?;
    for (name, part) in gap.parts.items() {
        let is_rounding = part.abs() <= ROUNDING * a.abs();
        if name == "not explained" && is_rounding && part != 0.0 {
            writeln!(out, "  {name:<14}{part:>+16.2e}  (rounding)")?;
        } else if part != 0.0 || !matches!(name, "start" | "interest" | "not explained") {
            writeln!(out, "  {name:<14}{part:>+16.2}")?;
        }
    }
    reasons(found, out)
}

fn reasons(found: &Found, out: &mut String) -> std::fmt::Result {
    found.reasons.iter().try_for_each(|reason| writeln!(out, "note: {reason}"))
}

/// The same for programs.
pub(crate) fn json(found: &Found) -> Value {
    let time = |time: Option<i64>| time_text(time.map(TimestampNs));
    let first = found.first.as_ref().map(|first| {
        json!({
            "seq": first.seq, "time": time(first.time), "kind": first.kind, "what": first.what, "a": first.a,
            "b": first.b,
        })
    });
    let gap = found.gap.as_ref().map(|gap| {
        json!({
            "seq": gap.seq, "time": time(Some(gap.time)), "nav_a": gap.nav[0], "nav_b": gap.nav[1],
            "gap": gap.nav[1] - gap.nav[0], "parts": gap.parts, "sum_of_parts": gap.parts.total(),
        })
    });
    json!({
        "a": found.names[0], "b": found.names[1], "differs": found.first.is_some(), "first": first,
        "common_frames": found.common, "only_in_a": found.only[0], "only_in_b": found.only[1],
        "digest_a": found.digests[0], "digest_b": found.digests[1], "gap": gap, "notes": found.reasons,
    })
}
