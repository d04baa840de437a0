//! Growth against drawdown.

/// The scenarios that no other beats: none grows more without falling deeper, and none falls less without growing
/// less. Drawdowns are at most 0. They are in the order of growth, from the lowest; of equals it is the first.
/// A scenario without growth or drawdown is not.
#[must_use]
pub fn efficient(growth: &[f64], drawdown: &[f64]) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..growth.len().min(drawdown.len()))
        .filter(|row| !(growth[*row] + drawdown[*row]).is_nan())
        .collect();
    rows.sort_by(|a, b| growth[*b].total_cmp(&growth[*a]).then(drawdown[*b].total_cmp(&drawdown[*a])));
    let mut kept: Vec<usize> = Vec::new();
    for row in rows {
        // All that grow at least as much are known: the last kept fell least of them.
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
    fn the_efficient_scenarios_are_those_that_none_beats() {
        let growth = [0.10, 0.08, 0.12, 0.05, 0.10, f64::NAN, 0.04];
        let drawdown = [-0.20, -0.25, -0.30, -0.10, -0.20, -0.01, -0.10];
        let mut found = efficient(&growth, &drawdown);
        assert_eq!((found[0], found[2]), (3, 2), "from the lowest growth");
        found.sort_unstable();
        assert_eq!(found, [0, 2, 3], "the first of equals, and what grows less at the same drawdown goes");
        assert!(efficient(&[f64::NAN], &[-0.1]).is_empty());
    }
}
