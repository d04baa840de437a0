//! Runs of equal values.
//!
//! The rows of a timestamp follow each other, so a time column has as many runs as timestamps.

/// Values compared at once: few enough for short runs, and enough for vector instructions.
const BLOCK: usize = 16;

/// Returns the number of leading values that equal the first.
pub(super) fn run_length<T: PartialEq>(values: &[T]) -> usize {
    let Some(first) = values.first() else { return 0 };
    let is_same = |block: &&[T]| block.iter().fold(true, |same, value| same & (value == first));
    let length = BLOCK * values.chunks_exact(BLOCK).take_while(is_same).count();
    length + values[length..].iter().take_while(|value| *value == first).count()
}

/// Splits values into their runs.
pub(super) fn runs<T: PartialEq>(values: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = values;
    std::iter::from_fn(move || {
        let (run, after) = rest.split_at(run_length(rest));
        rest = after;
        (!run.is_empty()).then_some(run)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_maximal_and_cover_all_values() {
        for length in [0, 1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5] {
            for every in 1..2 * BLOCK + 3 {
                let values: Vec<usize> = (0..length).map(|at| at / every).collect();
                let found: Vec<&[usize]> = runs(&values).collect();
                assert_eq!(found.concat(), values);
                assert_eq!(found.len(), length.div_ceil(every), "{length} values in runs of {every}");
                assert!(found.iter().all(|run| run.iter().all(|value| *value == run[0])));
            }
        }
    }
}
