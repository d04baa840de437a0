//! Overflow policies, and merging of bars while the channel is full.

use betaflow_engine::frame::Field;
use serde::{Deserialize, Serialize};

use crate::live::protocol::{Bars, FeedValues, Hello, shown};

/// Policy of an edge for a full channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// Stop reading until the channel has room: the server waits and no message is lost. For a feed that can
    /// be slowed down.
    #[default]
    Block,
    /// Merge later bars into one pending message, and report it. For an exchange, which cannot be slowed
    /// down.
    ConflateLatest,
    /// End with an error, for strategies that must trade on every bar.
    Fail,
}

/// Bars of several messages merged into one longer interval.
pub(crate) struct Merged {
    bars: Bars,
    frames: u64,
    from_ns: i64,
    /// Factor rows of all merged messages, the risk-free return last if present.
    rows: Vec<Vec<f64>>,
    has_rf: bool,
}

impl Merged {
    pub(crate) fn new(bars: Bars) -> Self {
        let (from_ns, rows, has_rf) = (bars.timestamp, rows(&bars), bars.rf.is_some());
        Self { bars, frames: 1, from_ns, rows, has_rf }
    }

    /// Returns the number of merged messages.
    pub(crate) fn frames(&self) -> u64 {
        self.frames
    }

    /// Returns the closes of the first and the last merged message, ns since 1970 UTC.
    pub(crate) fn span(&self) -> (i64, i64) {
        (self.from_ns, self.bars.timestamp)
    }

    /// Adds the following message: first open, highest high, lowest low, sum of volumes, and the last known
    /// value of every other field. Symbols keep their first position.
    pub(crate) fn add(&mut self, later: &Bars) {
        self.rows.extend(rows(later));
        self.has_rf |= later.rf.is_some();
        let merged = &mut self.bars;
        for (field, _) in &later.columns {
            if merged.columns.iter().all(|(known, _)| known != field) {
                merged.columns.push((*field, vec![f64::NAN; merged.symbols.len()]));
            }
        }
        for (i, symbol) in later.symbols.iter().enumerate() {
            // Consecutive messages usually list the same symbols in the same positions.
            let same = merged.symbols.get(i).is_some_and(|known| known == symbol).then_some(i);
            let place = same.or_else(|| merged.symbols.iter().position(|known| known == symbol));
            let place = place.unwrap_or_else(|| {
                merged.symbols.push(symbol.clone());
                merged.columns.iter_mut().for_each(|(_, numbers)| numbers.push(f64::NAN));
                merged.symbols.len() - 1
            });
            for (field, numbers) in &later.columns {
                if let Some((_, column)) = merged.columns.iter_mut().find(|(known, _)| known == field) {
                    column[place] = merge(*field, column[place], numbers[i]);
                }
            }
        }
        (merged.seq, merged.timestamp) = (later.seq, later.timestamp);
        self.frames += 1;
    }

    /// Returns the merged message. Its factors are compounded; `factor_rows` lists the rows for clients that
    /// compound over other intervals.
    pub(crate) fn finish(self) -> Bars {
        let (mut bars, rows) = (self.bars, self.rows);
        if self.frames > 1
            && let Some(first) = rows.first()
        {
            let mut compounded = first.clone();
            for row in &rows[1..] {
                for (sum, value) in compounded.iter_mut().zip(row) {
                    *sum = (1.0 + *sum) * (1.0 + value) - 1.0;
                }
            }
            bars.rf = if self.has_rf { compounded.pop() } else { None };
            bars.factors = Some(compounded);
            bars.factor_rows = if rows.len() > 1 { rows } else { Vec::new() };
        }
        bars
    }
}

/// Returns the reason why messages of a feed cannot be merged; `None` if they can be merged.
pub(crate) fn refuses(hello: &Hello) -> Option<String> {
    let found = match hello.values {
        FeedValues::Returns => "returns".to_owned(),
        FeedValues::Prices => {
            let due = [Field::Dividend, Field::Split].map(|field| field.names()[0]);
            let due = hello.columns.iter().find(|name| due.contains(&name.as_str()))?;
            format!("the column `{due}`")
        }
    };
    Some(format!(
        "{}: found {found}, expected prices without dividends and splits, because others cannot be merged over \
         bars; set feed.overflow = \"block\" or \"fail\"",
        shown(&hello.name)
    ))
}

/// Merges the values of two consecutive bars; NaN is null.
fn merge(field: Field, before: f64, later: f64) -> f64 {
    match field {
        _ if later.is_nan() => before,
        _ if before.is_nan() => later,
        Field::Open => before,
        Field::High => before.max(later),
        Field::Low => before.min(later),
        Field::Volume => before + later,
        _ => later,
    }
}

/// Returns the factor rows of a message, `rf` last.
fn rows(bars: &Bars) -> Vec<Vec<f64>> {
    if !bars.factor_rows.is_empty() {
        return bars.factor_rows.clone();
    }
    let factors = bars.factors.as_ref().filter(|factors| factors.iter().any(|factor| !factor.is_nan()));
    let alone = bars.factors.as_ref().is_some_and(Vec::is_empty) && bars.rf.is_some();
    match factors {
        None if !alone => Vec::new(),
        factors => vec![factors.into_iter().flatten().copied().chain(bars.rf).collect()],
    }
}
