//! Check of the user's numbers for look-ahead: rank correlation with the next bar and with their own.

use serde::{Deserialize, Serialize};

use super::ranks::rank_correlation;
use crate::frame::{CrossSection, Frame};
use crate::time::TimestampNs;

/// Mean rank correlation with the next bar that no honest forecast reaches, and its least t statistic.
const IMPLAUSIBLE: (f64, f64) = (0.15, 5.0);
/// Standard errors by which the correlation with the own bar must exceed that with the next.
const ERRORS: f64 = 3.0;

/// Mean and standard error of a series of rank correlations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Moments {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        if !value.is_nan() {
            self.count += 1.0;
            self.sum += value;
            self.squares += value * value;
        }
    }

    fn mean(&self) -> f64 {
        self.sum / self.count
    }

    fn error(&self) -> f64 {
        let mean = self.mean();
        let variance = (self.squares - self.count * mean * mean).max(0.0) / (self.count - 1.0);
        (variance / self.count).sqrt()
    }
}

/// Suspicion about a column of the user's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leak {
    /// The numbers may contain the return that they forecast.
    NextBar,
    /// The numbers correlate more with the bar that ends at their stamp than with the next: usual for reversal
    /// and momentum, or rows are stamped by the bar that they forecast.
    OwnBar,
}

/// Rank correlations of a column with returns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeakFacts {
    /// Name of the column: `signal`, `alpha` or a factor's.
    pub column: String,
    /// Sections with a rank correlation.
    pub sections: u64,
    /// Mean rank correlation with the next bar's return, and its standard error.
    pub next: [f64; 2],
    /// Mean rank correlation with the return of the bar that ends at the stamp, and its standard error.
    pub own: [f64; 2],
    /// Suspicion; `None` without one.
    pub leak: Option<Leak>,
}

/// Accumulates the rank correlations of each section with the bars around its stamp.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LeakCheck {
    columns: Vec<Column>,
    signal_of: Option<TimestampNs>,
    betas_of: Option<TimestampNs>,
    /// Returns of the last frame.
    returns: Vec<f64>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Column {
    name: String,
    own: Moments,
    next: Moments,
    /// Values that wait for the next bar.
    values: Vec<f64>,
}

impl LeakCheck {
    /// Returns true before the first section.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Takes a frame with the sections that become known on it, and its returns (length n, NaN where missing).
    /// `factors`: names of the factors. `absent`: value of an instrument without a row in the signal.
    pub fn observe(&mut self, frame: &Frame, returns: &[f64], factors: &[String], absent: f64) {
        let given = &frame.given;
        for column in self.columns.iter_mut().filter(|column| !column.values.is_empty()) {
            column.next.add(rank_correlation(&column.values, returns));
            column.values.clear();
        }
        if is_new(&given.signal, &mut self.signal_of) {
            let values = given.signal.column(0).iter();
            let values = values.map(|value| if value.is_nan() { absent } else { *value }).collect();
            self.start("signal", &given.signal, frame, returns, values);
        }
        if is_new(&given.betas, &mut self.betas_of) {
            let names = std::iter::once("alpha").chain(factors.iter().map(String::as_str));
            for (j, name) in names.enumerate() {
                let values = given.betas.column(j).to_vec();
                self.start(name, &given.betas, frame, returns, values);
            }
        }
        self.returns.clear();
        self.returns.extend_from_slice(returns);
    }

    fn start(
        &mut self,
        name: &str,
        section: &CrossSection,
        frame: &Frame,
        returns: &[f64],
        values: Vec<f64>,
    ) {
        let at = self.columns.iter().position(|column| column.name == name).unwrap_or_else(|| {
            self.columns.push(Column { name: name.to_owned(), ..Column::default() });
            self.columns.len() - 1
        });
        let column = &mut self.columns[at];
        // Rows of a date before the frame's: their own bar is the last one before the frame.
        let is_earlier = section.date(frame.utc_offset).is_some_and(|date| date < frame.date());
        let own = if is_earlier { &self.returns } else { returns };
        column.own.add(rank_correlation(&values, own));
        column.values = values;
    }

    /// Correlations of each column so far.
    #[must_use]
    pub fn facts(&self) -> Vec<LeakFacts> {
        self.columns.iter().map(Column::facts).collect()
    }
}

/// Returns true for the first frame of a section.
fn is_new(section: &CrossSection, last: &mut Option<TimestampNs>) -> bool {
    let new = section.of.is_some() && section.of != *last;
    *last = section.of.or(*last);
    new
}

impl Column {
    fn facts(&self) -> LeakFacts {
        let (next, own) = (&self.next, &self.own);
        let implausible = next.mean() > IMPLAUSIBLE.0 && next.mean() > IMPLAUSIBLE.1 * next.error();
        let error = (next.error() * next.error() + own.error() * own.error()).sqrt();
        let leak = match () {
            () if implausible => Some(Leak::NextBar),
            () if own.mean().abs() - next.mean().abs() > ERRORS * error => Some(Leak::OwnBar),
            () => None,
        };
        LeakFacts {
            column: self.name.clone(),
            sections: next.count as u64,
            next: [next.mean(), next.error()],
            own: [own.mean(), own.error()],
            leak,
        }
    }
}
