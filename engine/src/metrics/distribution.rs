//! Histogram of returns.

use super::figures::Figures;

/// Approximate number of bins per six standard deviations.
const BINS_WITHIN: f64 = 40.0;
/// Largest number of bins on either side of zero.
const BINS_SIDE_MAX: f64 = 40.0;
/// Standard deviations from zero covered by bins of equal width.
const REACH: f64 = 6.0;

/// Counts of returns in bins, as `numpy.histogram(returns, edges)` computes them: a return on an edge is in
/// the bin above it, or in the last bin. The bins have equal width, a round number, and zero is an edge; the
/// two outermost bins extend to the lowest and the highest return.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// Ascending edges, one more than there are counts; empty without returns.
    pub edges: Vec<f64>,
    /// Number of returns in each bin.
    pub counts: Vec<u64>,
}

impl Distribution {
    /// Empty bins, at most 82, that fit the series with these figures.
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
        // The outermost bins extend to the extremes.
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

/// Rounds up to 1, 2, 2.5 or 5 times a power of ten.
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
    fn zero_is_an_edge_and_every_return_is_counted() {
        let mut returns: Vec<f64> = (-50..=50).map(|at| f64::from(at) * 3e-4).collect();
        returns.push(-0.4);
        returns.push(0.0);
        let bins = of(&returns);
        assert!(bins.edges.contains(&0.0) && bins.edges[0] == -0.4 && bins.counts[0] == 1);
        // Zero is in the bin above, as in numpy.
        let zero = bins.edges.iter().position(|edge| *edge == 0.0).unwrap();
        let above = returns.iter().filter(|r| **r >= 0.0 && **r < bins.edges[zero + 1]).count();
        assert_eq!(bins.counts[zero], above as u64);
    }

    #[test]
    fn constant_series_has_a_bin_and_empty_series_has_none() {
        assert_eq!(of(&[0.0, 0.0]).counts, [2]);
        assert_eq!(of(&[0.01]).counts.iter().sum::<u64>(), 1);
        assert_eq!(of(&[]), Distribution::default());
        assert_eq!(of(&[f64::NAN]), Distribution::default());
    }
}
