//! An index as benchmark: returns that are compounded without costs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::BenchmarkFacts;
use super::rule::{BenchmarkRule, ReturnRows};
use crate::frame::Frame;
use crate::settings::{Invalid, require};

/// Compounds the returns of an index from the close of its first frame on. An index is not traded: it has no costs
/// and no delay.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct IndexBenchmark {
    #[serde(skip)]
    returns: Origin,
    nav: f64,
    started: bool,
    /// Number of rows of a file up to the current frame.
    next_row: usize,
    /// Instruments listed so far, and the engine index of the one that is the index.
    listed: usize,
    column: Option<usize>,
    frames: u64,
    without_return: u64,
}

/// Origin of the returns.
#[derive(Clone, Debug)]
enum Origin {
    Instrument(String),
    Factor { position: usize, add_rf: bool },
    Rows(Arc<ReturnRows>),
}

impl Default for Origin {
    fn default() -> Self {
        Self::Rows(Arc::default())
    }
}

impl IndexBenchmark {
    pub(super) fn new(
        rule: &BenchmarkRule,
        factors: &[String],
        excess: bool,
        nav: f64,
    ) -> Result<Self, Invalid> {
        let returns = match rule {
            BenchmarkRule::Instrument(symbol) => Origin::Instrument(symbol.clone()),
            BenchmarkRule::Returns(rows) => Origin::Rows(Arc::clone(rows)),
            BenchmarkRule::Factor(name) => {
                let position = factors.iter().position(|factor| factor == name);
                let found = format!("{name:?} (factors: {factors:?})");
                require(position.is_some(), "benchmark.symbol", found, "the name of a factor of the data")?;
                Origin::Factor { position: position.unwrap_or(0), add_rf: excess }
            }
            BenchmarkRule::EqualWeight | BenchmarkRule::Weights(_) => Origin::default(),
        };
        Ok(Self {
            returns,
            nav,
            started: false,
            next_row: 0,
            listed: 0,
            column: None,
            frames: 0,
            without_return: 0,
        })
    }

    pub(super) fn under(self, own: &Self) -> Self {
        Self { returns: own.returns.clone(), ..self }
    }

    pub(super) fn advance(&mut self, frame: &Frame) {
        let found = self.return_of(frame);
        if !self.started {
            return;
        }
        self.frames += 1;
        self.without_return += u64::from(found.is_nan());
        if self.nav > 0.0 && !found.is_nan() {
            self.nav *= 1.0 + found;
        }
    }

    /// Return of the frame; NaN without one.
    fn return_of(&mut self, frame: &Frame) -> f64 {
        match &self.returns {
            Origin::Instrument(symbol) => {
                if let Some(at) = frame.listed.iter().position(|name| **name == **symbol) {
                    self.column = Some(self.listed + at);
                }
                self.listed += frame.listed.len();
                frame.benchmark
            }
            Origin::Factor { position, add_rf } => {
                let rf = if *add_rf { frame.rf } else { 0.0 };
                frame.factors.get(*position).map_or(f64::NAN, |factor| factor + rf)
            }
            Origin::Rows(rows) => {
                let later = rows.rows().get(self.next_row..).unwrap_or_default();
                let until = later.iter().take_while(|(time, _)| *time <= frame.timestamp).count();
                self.next_row += until;
                match &later[..until] {
                    [] => f64::NAN,
                    [(_, one)] => *one,
                    several => several.iter().fold(1.0, |product, (_, r)| product * (1.0 + r)) - 1.0,
                }
            }
        }
    }

    /// Starts the index at the close of the current frame.
    pub(super) fn start(&mut self) {
        self.started = true;
    }

    /// Engine index of the instrument that is the index; `None` if it is not a column of the frames.
    pub(super) fn column(&self) -> Option<usize> {
        self.column
    }

    pub(super) fn start_with(&mut self, nav: f64) {
        self.nav = nav;
    }

    pub(super) fn nav(&self) -> f64 {
        self.nav
    }

    pub(super) fn facts(&self) -> BenchmarkFacts {
        BenchmarkFacts {
            frames: self.frames,
            without_return: self.without_return,
            ..BenchmarkFacts::default()
        }
    }
}
