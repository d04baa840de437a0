//! Exact sum, independent of the order of its terms.

/// Exact sum of finite numbers as non-overlapping parts, the smallest first (Shewchuk 1997, *Adaptive
/// precision floating-point arithmetic*, grow-expansion), rounded once at the end as by Python's `math.fsum`.
///
/// Trades may arrive in any order, and the volume of their bar must be the same bit for bit.
#[derive(Clone, Debug, Default)]
pub(super) struct ExactSum {
    parts: Vec<f64>,
    overflown: bool,
}

impl ExactSum {
    /// Adds a finite number.
    pub(super) fn add(&mut self, value: f64) {
        let mut high = value;
        let mut kept = 0;
        for i in 0..self.parts.len() {
            let (sum, error) = two_sum(high, self.parts[i]);
            if error != 0.0 {
                self.parts[kept] = error;
                kept += 1;
            }
            high = sum;
        }
        self.parts.truncate(kept);
        match high.is_finite() {
            true => self.parts.push(high),
            false => self.overflown = true,
        }
    }

    /// Returns the correctly rounded sum, capped at the largest finite number.
    pub(super) fn value(&self) -> f64 {
        if self.overflown {
            return f64::MAX;
        }
        let mut parts = self.parts.iter().rev();
        let mut high = parts.next().copied().unwrap_or(0.0);
        let mut low = 0.0;
        for part in parts.by_ref() {
            (high, low) = two_sum(high, *part);
            if low != 0.0 {
                break;
            }
        }
        // Half an ulp is rounded by the sign of the parts below it.
        if let Some(below) = parts.next().filter(|below| (low < 0.0) == (**below < 0.0) && low != 0.0) {
            let twice = low * 2.0;
            let rounded = high + twice;
            if *below != 0.0 && rounded - high == twice {
                return rounded;
            }
        }
        high
    }
}

/// Returns the rounded sum and its rounding error (Knuth).
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}

#[cfg(test)]
mod tests {
    use super::ExactSum;

    fn sum(values: &[f64]) -> f64 {
        let mut sum = ExactSum::default();
        values.iter().for_each(|value| sum.add(*value));
        sum.value()
    }

    #[test]
    fn sums_equal_fsum_in_any_order() {
        let ulp = f64::EPSILON;
        let cases: [(&[f64], f64); 13] = [
            (&[], 0.0),
            (&[0.1; 10], 1.0),
            (&[1e16, 1.0, 1.0], 1e16 + 2.0),
            (&[1.0, ulp / 2.0], 1.0),
            // Just above half an ulp: rounds up.
            (&[1.0, ulp / 2.0, ulp * ulp], 1.0 + ulp),
            // Half an ulp with a part below it that no two of the parts hold together: rounds by the sign of that part.
            (&[1.0, ulp / 2.0, ulp * ulp * ulp], 1.0 + ulp),
            (&[1.0, ulp / 2.0, -ulp * ulp * ulp], 1.0),
            (&[1.0 + ulp, ulp / 2.0, -ulp * ulp * ulp], 1.0 + ulp),
            (&[-1.0, -ulp / 2.0, -ulp * ulp * ulp], -1.0 - ulp),
            // A quarter of an ulp rounds down, whatever is below it.
            (&[1.0, ulp / 4.0, ulp * ulp * ulp], 1.0),
            (&[1.0 + ulp, ulp / 4.0, ulp * ulp * ulp], 1.0 + ulp),
            (&[1e300, 1e-300, 3.0], 1e300),
            (&[f64::MAX, f64::MAX], f64::MAX),
        ];
        for (values, expected) in cases {
            let mut turned = values.to_vec();
            for _ in 0..values.len().max(1) {
                assert_eq!(sum(&turned).to_bits(), expected.to_bits(), "{turned:?}");
                turned.rotate_left(values.len().min(1));
            }
            turned.reverse();
            assert_eq!(sum(&turned).to_bits(), expected.to_bits(), "{turned:?}");
        }
    }
}
