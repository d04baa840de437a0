//! Covariances of the coefficients of all instruments, without a k × k matrix for each where they share one.

use super::estimates::scatter;
use super::lanes::{packed, packed_len};

/// Group of an instrument before its first return.
const NONE: u32 = u32::MAX;

/// Covariance V of the (alpha, betas) of each instrument, k × k and symmetric.
///
/// Either a column for each pair of coefficients, or a matrix R for each group of instruments and a scale s for each
/// instrument, with V = s R.
#[derive(Clone, Debug, Default)]
pub struct CoefficientCovariance {
    n: usize,
    k: usize,
    /// Pair (a, b), a ≤ b, in the upper triangle by rows, of instrument i at `pair * n + i`; empty with groups.
    columns: Vec<f64>,
    /// Scale and group of each instrument; empty with columns.
    scale: Vec<f64>,
    group: Vec<u32>,
    /// Upper triangles by rows, one group after another.
    scaled: Vec<f64>,
}

impl CoefficientCovariance {
    /// Removes all covariances.
    pub fn clear(&mut self) {
        (self.n, self.k) = (0, 0);
        self.columns.clear();
        self.scale.clear();
        self.group.clear();
        self.scaled.clear();
    }

    /// Returns true without covariances.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Prepares columns of n instruments and k coefficients. The caller sets every value, NaN before the first return.
    pub(super) fn begin_columns(&mut self, n: usize, k: usize) -> &mut [f64] {
        self.scale.clear();
        self.group.clear();
        self.scaled.clear();
        (self.n, self.k) = (n, k);
        self.columns.resize(n * packed_len(k), f64::NAN);
        &mut self.columns
    }

    /// Prepares groups of n instruments and k coefficients, none with an instrument.
    pub(super) fn begin_groups(&mut self, n: usize, k: usize) {
        self.columns.clear();
        self.scaled.clear();
        (self.n, self.k) = (n, k);
        self.group.clear();
        self.group.resize(n, NONE);
        self.scale.resize(n, f64::NAN);
    }

    /// Adds a group with the upper triangle of R by rows, and the scale of each member.
    pub(super) fn push_group(
        &mut self,
        scaled: impl Iterator<Item = f64>,
        members: impl Iterator<Item = (usize, f64)>,
    ) {
        let number = (self.scaled.len() / packed_len(self.k)) as u32;
        self.scaled.extend(scaled);
        for (member, scale) in members {
            self.group[member] = number;
            self.scale[member] = scale;
        }
    }

    /// Sets the covariance of an instrument in columns: its upper triangle by rows.
    pub(super) fn set(&mut self, instrument: usize, upper: impl Iterator<Item = f64>) {
        for (column, value) in self.columns.chunks_exact_mut(self.n.max(1)).zip(upper) {
            column[instrument] = value;
        }
    }

    /// Sets all covariances of an instrument in columns to one value.
    pub(super) fn fill(&mut self, instrument: usize, value: f64) {
        self.set(instrument, std::iter::repeat(value));
    }

    /// Copies the columns of the instruments of a part. `members`: instrument of each slot.
    pub(super) fn scatter(&mut self, part: &Self, members: &[u32]) {
        if self.is_empty() || part.is_empty() {
            return;
        }
        let columns = self.columns.chunks_exact_mut(self.n).zip(part.columns.chunks_exact(part.n));
        for (to, from) in columns {
            scatter(to, from, members);
        }
    }

    /// Multiplies coefficient j of all instruments in columns.
    pub(super) fn scale(&mut self, j: usize, by: f64) {
        if self.columns.is_empty() {
            return;
        }
        for a in 0..self.k {
            let by = if a == j { by * by } else { by };
            let at = packed(self.k, a.min(j), a.max(j)) * self.n;
            self.columns[at..at + self.n].iter_mut().for_each(|value| *value *= by);
        }
    }

    /// Sets the covariances of coefficient j of an instrument in columns to 0; groups have them from the start.
    pub(super) fn remove(&mut self, instrument: usize, j: usize) {
        if self.columns.is_empty() {
            return;
        }
        for a in 0..self.k {
            self.columns[packed(self.k, a.min(j), a.max(j)) * self.n + instrument] = 0.0;
        }
    }

    /// Covariance of coefficients a and b of an instrument; NaN before its first return, and without covariances.
    #[must_use]
    pub fn of(&self, instrument: usize, a: usize, b: usize) -> f64 {
        if self.is_empty() {
            return f64::NAN;
        }
        let pair = packed(self.k, a.min(b), a.max(b));
        match self.group.get(instrument) {
            None => self.columns[pair * self.n + instrument],
            Some(&NONE) => f64::NAN,
            Some(group) => self.scale[instrument] * self.scaled[*group as usize * packed_len(self.k) + pair],
        }
    }

    /// Adds tr(V M) of each instrument to `sums`, length n; nothing before its first return. `square` has entry
    /// (a, b) of the symmetric M. `buffer` is overwritten.
    pub fn add_traces(&self, square: impl Fn(usize, usize) -> f64, buffer: &mut Vec<f64>, sums: &mut [f64]) {
        if self.is_empty() {
            return;
        }
        let pairs = (0..self.k).flat_map(|a| (a..self.k).map(move |b| (a, b)));
        buffer.clear();
        buffer.extend(pairs.map(|(a, b)| square(a, b) * if a == b { 1.0 } else { 2.0 }));
        for (column, square) in self.columns.chunks_exact(self.n).zip(&*buffer) {
            for (sum, covariance) in sums.iter_mut().zip(column) {
                *sum += if covariance.is_nan() { 0.0 } else { square * covariance };
            }
        }
        let pairs = buffer.len();
        for scaled in self.scaled.chunks_exact(pairs) {
            let trace = scaled.iter().zip(&buffer[..pairs]).map(|(scaled, square)| scaled * square).sum();
            buffer.push(trace);
        }
        for (sum, (scale, group)) in sums.iter_mut().zip(self.scale.iter().zip(&self.group)) {
            if *group != NONE {
                *sum += scale * buffer[pairs + *group as usize];
            }
        }
    }

    /// Adds tr(V M) of each instrument to `sums`, length n, where each instrument has its own M: rows and columns of a
    /// larger symmetric matrix with entries `square`. The first `common` coefficients have the rows of the same numbers;
    /// `design` gives the row of another coefficient of an instrument. One without a row, and NaN, add nothing.
    pub fn add_traces_of(
        &self,
        square: impl Fn(usize, usize) -> f64,
        common: usize,
        design: impl Fn(usize, usize) -> Option<usize>,
        sums: &mut [f64],
    ) {
        let row = |i: usize, a: usize| if a < common { Some(a) } else { design(i, a) };
        let pairs = (0..self.k).flat_map(|a| (a..self.k).map(move |b| (a, b)));
        for (pair, (a, b)) in pairs.enumerate() {
            let times = if a == b { 1.0 } else { 2.0 };
            let column = self.columns.get(pair * self.n..(pair + 1) * self.n);
            if let Some(column) = column.filter(|_| b < common) {
                let square = square(a, b) * times;
                for (sum, covariance) in sums.iter_mut().zip(column) {
                    *sum += if covariance.is_nan() { 0.0 } else { square * covariance };
                }
                continue;
            }
            for (i, sum) in sums.iter_mut().enumerate().take(self.n) {
                let (Some(row), Some(column)) = (row(i, a), row(i, b)) else { continue };
                let trace = self.of(i, a, b) * square(row, column) * times;
                *sum += if trace.is_nan() { 0.0 } else { trace };
            }
        }
    }

    /// Extends the covariances to n instruments without a return.
    pub(super) fn pad(&mut self, n: usize) {
        if self.is_empty() || n == self.n {
            return;
        }
        if self.group.is_empty() {
            let columns = self
                .columns
                .chunks(self.n)
                .flat_map(|column| column.iter().copied().chain(std::iter::repeat_n(f64::NAN, n - self.n)));
            self.columns = columns.collect();
        } else {
            self.group.resize(n, NONE);
            self.scale.resize(n, f64::NAN);
        }
        self.n = n;
    }
}
