//! Correlation over the instruments of a cross-section.

/// Pearson correlation of two columns of equal length; NaN for fewer than two values or a constant column.
pub(super) fn pearson(x: &[f64], y: &[f64]) -> f64 {
    if x.len() < 2 || is_constant(x) || is_constant(y) {
        return f64::NAN;
    }
    let (mean_x, mean_y) = (mean(x), mean(y));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (a, b) in x.iter().zip(y) {
        let (a, b) = (a - mean_x, b - mean_y);
        xx += a * a;
        yy += b * b;
        xy += a * b;
    }
    // Rounding can exceed 1 in the last digit.
    let correlation = xy / (xx.sqrt() * yy.sqrt());
    if correlation.is_nan() { f64::NAN } else { correlation.clamp(-1.0, 1.0) }
}

/// Mean of a column; NaN without values.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn is_constant(values: &[f64]) -> bool {
    values.iter().all(|value| *value == values[0])
}

/// Ascending order of finite values.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    order: Vec<u32>,
}

impl Order {
    /// Sorts `values`; returns their indices in ascending order.
    pub(super) fn sort(&mut self, values: &[f64]) -> &[u32] {
        self.order.clear();
        self.order.extend((0..values.len()).map(|i| i as u32));
        self.order.sort_unstable_by(|a, b| values[*a as usize].total_cmp(&values[*b as usize]));
        &self.order
    }

    /// Writes the ranks of `values` from 1; equal values share the mean of their ranks
    /// (`scipy.stats.rankdata`).
    pub(super) fn ranks(&mut self, values: &[f64], ranks: &mut Vec<f64>) {
        ranks.clear();
        ranks.resize(values.len(), f64::NAN);
        let order = self.sort(values);
        let mut start = 0;
        for group in order.chunk_by(|a, b| values[*a as usize] == values[*b as usize]) {
            let rank = start as f64 + (group.len() + 1) as f64 / 2.0;
            group.iter().for_each(|i| ranks[*i as usize] = rank);
            start += group.len();
        }
    }
}
