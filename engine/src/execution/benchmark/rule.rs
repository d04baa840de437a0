//! Rule of a benchmark, and the rows of a benchmark that comes from a file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::time::TimestampNs;

/// Rule that a benchmark follows.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum BenchmarkRule {
    /// Equal weights of all tradable instruments, rebalanced every 21 days, through the execution and the costs of
    /// the strategy.
    #[default]
    EqualWeight,
    /// Buy and hold of this instrument, without costs, from the first rebalance on. Its return is
    /// [`Frame::benchmark`](crate::frame::Frame::benchmark).
    Instrument(String),
    /// Compounded return of this factor, without costs. Where the data has a risk-free return and factors are in
    /// excess of it, the return is factor + rf: that of a funded position.
    Factor(String),
    /// Returns by time, without costs.
    Returns(Arc<ReturnRows>),
    /// Weights by time, rebalanced on the first frame at or after each time, through the execution and the costs of
    /// the strategy; between rebalances they drift.
    Weights(Arc<WeightRows>),
}

impl BenchmarkRule {
    /// Values that identify the rule and its rows, compared before a state is restored.
    pub(crate) fn identity(&self) -> impl Serialize + use<> {
        let (kind, name, rows) = match self {
            Self::EqualWeight => ("equal_weight", "", [0; 32]),
            Self::Instrument(symbol) => ("instrument", &**symbol, [0; 32]),
            Self::Factor(name) => ("factor", &**name, [0; 32]),
            Self::Returns(rows) => ("returns", "", rows.digest),
            Self::Weights(rows) => ("weights", "", rows.digest),
        };
        (kind, name.to_owned(), rows)
    }

    /// SHA-256 of the rows of a file; `None` for the other kinds.
    #[must_use]
    pub fn rows_digest(&self) -> Option<[u8; 32]> {
        match self {
            Self::Returns(rows) => Some(rows.digest),
            Self::Weights(rows) => Some(rows.digest),
            _ => None,
        }
    }
}

/// Simple returns of a benchmark, in time order.
#[derive(Debug, Default, PartialEq)]
pub struct ReturnRows {
    rows: Vec<(TimestampNs, f64)>,
    digest: [u8; 32],
}

impl ReturnRows {
    /// Rows in increasing time order, with finite returns above −1.
    #[must_use]
    pub fn new(rows: Vec<(TimestampNs, f64)>) -> Self {
        let mut digest = Sha256::new();
        for (time, value) in &rows {
            digest.update(time.0.to_le_bytes());
            digest.update(value.to_le_bytes());
        }
        Self { digest: digest.finalize().into(), rows }
    }

    pub(super) fn rows(&self) -> &[(TimestampNs, f64)] {
        &self.rows
    }
}

/// Weights of a benchmark by time and symbol.
#[derive(Debug, Default, PartialEq)]
pub struct WeightRows {
    symbols: Vec<Arc<str>>,
    positions: BTreeMap<Arc<str>, usize>,
    /// Time of each cross-section, and its range in `weights`.
    times: Vec<(TimestampNs, Range<usize>)>,
    /// Position of the symbol, and its weight.
    weights: Vec<(usize, f64)>,
    digest: [u8; 32],
}

impl WeightRows {
    /// Rows in time order, with finite weights and no symbol twice at one time. A symbol without a row has weight 0.
    #[must_use]
    pub fn new<'a>(rows: impl IntoIterator<Item = (TimestampNs, &'a str, f64)>) -> Self {
        let (mut all, mut digest) = (Self::default(), Sha256::new());
        for (time, symbol, weight) in rows {
            digest.update(time.0.to_le_bytes());
            digest.update(weight.to_le_bytes());
            digest.update((symbol.len() as u64).to_le_bytes());
            digest.update(symbol.as_bytes());
            let position = all.intern(symbol);
            all.weights.push((position, weight));
            let end = all.weights.len();
            match all.times.last_mut().filter(|(last, _)| *last == time) {
                Some((_, range)) => range.end = end,
                None => all.times.push((time, end - 1..end)),
            }
        }
        all.digest = digest.finalize().into();
        all
    }

    fn intern(&mut self, symbol: &str) -> usize {
        if let Some(position) = self.positions.get(symbol) {
            return *position;
        }
        let (position, symbol) = (self.symbols.len(), Arc::<str>::from(symbol));
        self.symbols.push(Arc::clone(&symbol));
        self.positions.insert(symbol, position);
        position
    }

    /// Symbols in the order of their first rows.
    pub(super) fn symbols(&self) -> &[Arc<str>] {
        &self.symbols
    }

    pub(super) fn position(&self, symbol: &str) -> Option<usize> {
        self.positions.get(symbol).copied()
    }

    /// Number of cross-sections at or before `t`, counted from cross-section `from` on.
    pub(super) fn until(&self, from: usize, t: TimestampNs) -> usize {
        let later = self.times.get(from..).unwrap_or_default();
        from + later.iter().take_while(|(time, _)| *time <= t).count()
    }

    /// Position of the symbol and weight of each row of a cross-section.
    pub(super) fn at(&self, cross_section: usize) -> &[(usize, f64)] {
        self.times.get(cross_section).map_or(&[], |(_, range)| &self.weights[range.clone()])
    }
}
