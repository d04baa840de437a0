//! Choices of k among n.

/// All choices of `k` of 0..`n`, each ascending, in lexicographic order.
#[derive(Clone, Debug)]
pub(super) struct Combinations {
    n: usize,
    next: Option<Vec<usize>>,
}

impl Combinations {
    pub(super) fn new(n: usize, k: usize) -> Self {
        Self { n, next: (k <= n).then(|| (0..k).collect()) }
    }

    /// How many there are; `None` above 2⁶⁴.
    pub(super) fn count(n: usize, k: usize) -> Option<u64> {
        // Each step's product is divisible: it is a binomial coefficient times the divisor.
        (0..k.min(n.checked_sub(k)?))
            .try_fold(1_u64, |count, i| Some(count.checked_mul((n - i) as u64)? / (i as u64 + 1)))
    }
}

impl Iterator for Combinations {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        let current = self.next.take()?;
        let k = current.len();
        // The last place that can still move up; those after it follow it closely.
        if let Some(place) = (0..k).rfind(|&i| current[i] < self.n - k + i) {
            let mut following = current.clone();
            (place..k).for_each(|i| following[i] = current[place] + 1 + i - place);
            self.next = Some(following);
        }
        Some(current)
    }
}

#[cfg(test)]
mod tests {
    use super::Combinations;

    #[test]
    fn combinations_come_in_order_and_are_all_there() {
        let all: Vec<Vec<usize>> = Combinations::new(4, 2).collect();
        assert_eq!(all, [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]);
        for (n, k, count) in [(16, 8, 12_870), (5, 5, 1), (5, 0, 1), (10, 3, 120)] {
            assert_eq!(Combinations::count(n, k), Some(count));
            assert_eq!(Combinations::new(n, k).count() as u64, count);
        }
        assert_eq!(Combinations::count(200, 100), None);
        assert_eq!(Combinations::count(3, 4), None);
    }
}
