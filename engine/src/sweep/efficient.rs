//! Efficient frontier of growth against drawdown.

/// Returns the scenarios that no other dominates: no other has at least the same growth with a smaller
/// drawdown, or more growth with at most the same drawdown. Drawdowns are at most 0. The order is by growth,
/// from the lowest; of equal scenarios only the first is returned. A scenario with undefined growth or
/// drawdown is left out.
#[must_use]
pub fn efficient(growth: &[f64], drawdown: &[f64]) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..growth.len().min(drawdown.len()))
        .filter(|row| !(growth[*row] + drawdown[*row]).is_nan())
        .collect();
    rows.sort_by(|a, b| growth[*b].total_cmp(&growth[*a]).then(drawdown[*b].total_cmp(&drawdown[*a])));
    let mut kept: Vec<usize> = Vec::new();
    for row in rows {
        // All scenarios with at least this growth are done: the last kept has the smallest drawdown of them.
        let stands = kept.last().is_none_or(|last| drawdown[row] > drawdown[*last]);
        if stands {
            kept.push(row);
        }
    }
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn efficient_scenarios_are_not_dominated() {
        let growth = [0.10, 0.08, 0.12, 0.05, 0.10, f64::NAN, 0.04];
        let drawdown = [-0.20, -0.25, -0.30, -0.10, -0.20, -0.01, -0.10];
        let mut found = efficient(&growth, &drawdown);
        assert_eq!((found[0], found[2]), (3, 2), "from the lowest growth");
        found.sort_unstable();
        assert_eq!(
            found,
            [0, 2, 3],
            "the first of equals stays, and less growth at the same drawdown is dominated"
        );
        assert!(efficient(&[f64::NAN], &[-0.1]).is_empty());
    }
}
