//! How returns are distributed.

use super::figures::Figures;

/// Bins that six standard deviations are divided into, about.
const BINS_WITHIN: f64 = 40.0;
/// Bins to either side of zero at most.
const BINS_SIDE_MAX: f64 = 40.0;
/// Standard deviations from the mean that bins of equal width reach to.
const REACH: f64 = 6.0;

/// Counts of returns in bins, as `numpy.histogram(returns, edges)` gives them: a return that lies on an edge is in
/// the bin above it, in the last bin if there is none. The bins have the same width, a round number, and zero is
/// an edge of them; the two outermost ones reach to the lowest and the highest return.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// Ascending, one more than there are counts; empty without returns.
    pub edges: Vec<f64>,
    /// Returns in each bin.
    pub counts: Vec<u64>,
}

impl Distribution {
    /// Empty bins that fit the series that has these figures: 82 at most.
    #[must_use]
    pub fn for_series(figures: &Figures, frames_per_year: f64) -> Self {
        let (lowest, highest) = (figures.worst_return, figures.best_return);
        if !(lowest.is_finite() && highest.is_finite()) {
            return Self::default();
        }
        let deviation = figures.annual_volatility / frames_per_year.sqrt();
        let spread = if deviation > 0.0 { REACH * deviation } else { highest - lowest };
        let width = round_up(if spread > 1e-12 { spread / BINS_WITHIN } else { 1e-4 });
        let side = |value: f64| (value / width).clamp(-BINS_SIDE_MAX, BINS_SIDE_MAX);
        let first = side(lowest).floor() as i64;
        let last = (side(highest).ceil() as i64).max(first + 1);
        let mut edges: Vec<f64> = (first..=last).map(|at| at as f64 * width).collect();
        // What lies further out is in the outermost bins.
        if let Some(edge) = edges.first_mut() {
            *edge = edge.min(lowest);
        }
        if let Some(edge) = edges.last_mut() {
            *edge = edge.max(highest);
        }
        Self { counts: vec![0; edges.len() - 1], edges }
    }

    /// Counts a return.
    pub fn push(&mut self, r: f64) {
        let above = self.edges.partition_point(|edge| *edge <= r);
        let last = self.counts.len().saturating_sub(1);
        if let Some(count) = self.counts.get_mut(above.saturating_sub(1).min(last)) {
            *count += 1;
        }
    }
}

/// The next of 1, 2, 2.5, 5 and 10 times a power of ten.
fn round_up(value: f64) -> f64 {
    let power = libm::pow(10.0, libm::floor(libm::log10(value)));
    let steps = [1.0, 2.0, 2.5, 5.0];
    steps.into_iter().map(|step| step * power).find(|step| *step >= value).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(returns: &[f64]) -> Distribution {
        let mut bins = Distribution::for_series(&Figures::of(returns.iter().copied(), 252.0), 252.0);
        returns.iter().for_each(|r| bins.push(*r));
        assert_eq!(
            bins.counts.iter().sum::<u64>(),
            if bins.edges.is_empty() { 0 } else { returns.len() as u64 }
        );
        assert!(bins.edges.is_sorted() && bins.counts.len() <= 82);
        bins
    }

    #[test]
    fn zero_is_an_edge_and_nothing_lies_outside() {
        let mut returns: Vec<f64> = (-50..=50).map(|at| f64::from(at) * 3e-4).collect();
        returns.push(-0.4);
        returns.push(0.0);
        let bins = of(&returns);
        assert!(bins.edges.contains(&0.0) && bins.edges[0] == -0.4 && bins.counts[0] == 1);
        // As numpy has it: zero is in the bin above.
        let zero = bins.edges.iter().position(|edge| *edge == 0.0).unwrap();
        let above = returns.iter().filter(|r| **r >= 0.0 && **r < bins.edges[zero + 1]).count();
        assert_eq!(bins.counts[zero], above as u64);
    }

    #[test]
    fn series_without_spread_have_a_bin_and_none_has_none() {
        assert_eq!(of(&[0.0, 0.0]).counts, [2]);
        assert_eq!(of(&[0.01]).counts.iter().sum::<u64>(), 1);
        assert_eq!(of(&[]), Distribution::default());
        assert_eq!(of(&[f64::NAN]), Distribution::default());
    }
}
