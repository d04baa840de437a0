//! Numbers from files of the user that become known on a frame: forecasts, weights, a vendor's risk model.

use serde::{Deserialize, Serialize};

use crate::time::{TimestampNs, UtcOffset};

/// One date's numbers of all instruments, as columns in engine order.
///
/// A section replaces the earlier one as a whole. It may appear on several frames with the same `of`: rows of
/// a date that become known later are added to those known before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CrossSection {
    /// Time of the rows; `None` if no section becomes known on the frame.
    pub of: Option<TimestampNs>,
    /// Number of columns.
    pub columns: usize,
    /// Column j of instrument i at `j * n + i`; NaN if absent.
    pub values: Vec<f64>,
}

impl CrossSection {
    /// Local date of the rows, in days since 1970-01-01, with the offset of the frame that knows them: rows of a date are
    /// stamped with its midnight UTC. `None` without rows.
    #[must_use]
    pub fn date(&self, offset: UtcOffset) -> Option<i64> {
        self.of.map(|of| if of.is_midnight() { of } else { of.local(offset) }.date())
    }

    /// Number of instruments.
    #[must_use]
    pub fn instruments(&self) -> usize {
        self.values.len().checked_div(self.columns).unwrap_or(0)
    }

    /// Column j, length n; empty without such a column.
    #[must_use]
    pub fn column(&self, column: usize) -> &[f64] {
        let n = self.instruments();
        if column < self.columns { &self.values[column * n..(column + 1) * n] } else { &[] }
    }

    /// Empties the section and keeps its memory.
    pub fn clear(&mut self) {
        self.of = None;
        self.columns = 0;
        self.values.clear();
    }

    /// Copies another section if one is known there.
    pub(crate) fn replace_by(&mut self, later: &Self) {
        if later.of.is_some() {
            self.clone_from(later);
        }
    }

    /// Extends or reorders the instruments. `places`: index in this section of each instrument of the new
    /// order; instruments outside it get NaN.
    pub(crate) fn rearrange(&mut self, places: impl ExactSizeIterator<Item = usize> + Clone) {
        if self.of.is_none() {
            return;
        }
        let n = self.instruments();
        let mut values = Vec::with_capacity(self.columns * places.len());
        for column in self.values.chunks(n.max(1)).take(self.columns) {
            values.extend(places.clone().map(|place| column.get(place).copied().unwrap_or(f64::NAN)));
        }
        self.values = values;
    }
}

/// Sections that become known on a frame; empty on most frames.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UserData {
    /// Forecasts (columns forecast and its standard deviation) or target weights (one column).
    pub signal: CrossSection,
    /// A vendor's betas: columns alpha, the k betas and the standard deviation of the residual return.
    pub betas: CrossSection,
    /// A vendor's factor covariance per frame, k columns of length k.
    pub factor_cov: CrossSection,
}

impl UserData {
    /// Returns true if no section becomes known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kinds() == [false; 3]
    }

    /// Kinds of sections that become known: signal, betas, factor covariance.
    pub(crate) fn kinds(&self) -> [bool; 3] {
        [&self.signal, &self.betas, &self.factor_cov].map(|section| section.of.is_some())
    }

    /// Empties the sections and keeps their memory.
    pub fn clear(&mut self) {
        self.signal.clear();
        self.betas.clear();
        self.factor_cov.clear();
    }

    /// Replaces sections by those that are known in `later`.
    pub(crate) fn replace_by(&mut self, later: &Self) {
        self.signal.replace_by(&later.signal);
        self.betas.replace_by(&later.betas);
        self.factor_cov.replace_by(&later.factor_cov);
    }

    /// Sections with a row per instrument.
    pub(crate) fn by_instrument(&mut self) -> [&mut CrossSection; 2] {
        [&mut self.signal, &mut self.betas]
    }
}
