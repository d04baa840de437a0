//! Quantiles of a cross-section.

/// Number of quantiles.
pub const QUANTILES: usize = 5;

/// Levels of the edges as `pandas.qcut` computes them: `numpy.linspace(0, 1, 6)`, to the last digit.
const LEVELS: [f64; QUANTILES + 1] = [0.0, 0.2, 0.4, 0.600_000_000_000_000_1, 0.8, 1.0];

/// Edges of the quantiles of ascending values by linear interpolation, in the order of operations of
/// `numpy.percentile`: a value on an edge falls into the same quantile as there. `None` without values or if
/// two edges are equal.
fn edges(sorted: impl Fn(usize) -> f64, count: usize) -> Option<[f64; QUANTILES + 1]> {
    let last = count.checked_sub(1)?;
    let edges = LEVELS.map(|level| {
        let at = last as f64 * level;
        if at >= last as f64 {
            return sorted(last);
        }
        let share = at - at.floor();
        let (low, high) = (sorted(at as usize), sorted(at as usize + 1));
        if share >= 0.5 { high - (high - low) * (1.0 - share) } else { low + (high - low) * share }
    });
    edges.windows(2).all(|pair| pair[0] < pair[1]).then_some(edges)
}

/// Writes the quantile of each value, from 0; `order` holds the indices of `values` in ascending order. Empty
/// if two edges are equal, for which `pandas.qcut` has no bins.
pub(super) fn assign(values: &[f64], order: &[u32], quantiles: &mut Vec<u8>) {
    quantiles.clear();
    let Some(edges) = edges(|rank| values[order[rank] as usize], values.len()) else { return };
    let inner = &edges[1..QUANTILES];
    quantiles.extend(values.iter().map(|value| inner.iter().filter(|edge| **edge < *value).count() as u8));
}
