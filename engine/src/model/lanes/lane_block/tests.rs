//! Columns hold what was written, wherever they start.

use super::*;
use crate::processor::on_each_set;

kernel!(fn write_runs(columns: Columns<'_>, states: &[LaneBlock], size: usize, k: usize) = runs_body);

#[inline(always)]
fn runs_body<M: Vector>(mut columns: Columns<'_>, states: &[LaneBlock], size: usize, k: usize) {
    for run in runs(states.len() / size, true) {
        let at = run.start;
        columns.write::<M>(at, &states[at * size..run.end * size], size, k);
    }
}

#[test]
fn columns_are_written_at_every_alignment() {
    let (size, k) = (5, 3);
    on_each_set(|set| {
        for n in [1_usize, 7, 8, 21, 300, 517] {
            let number = |i: usize, j: usize| (i * size + j) as f64;
            let mut states = vec![LaneBlock::splat(-1.0); n.div_ceil(LANES) * size];
            for i in 0..n {
                for j in 0..size {
                    states[i / LANES * size + j][i % LANES] = number(i, j);
                }
            }
            for (offset, streamed) in (0..LANES).flat_map(|offset| [(offset, false), (offset, true)]) {
                let mut written = vec![-2.0; n * k + 2 * LANES];
                let values = &mut written[offset..offset + n * k];
                write_runs(Columns { values, len: n, streamed }, &states, size, k);
                let (before, rest) = written.split_at(offset);
                let (found, after) = rest.split_at(n * k);
                let expected = (0..k).flat_map(|j| (0..n).map(move |i| number(i, j)));
                assert!(found.iter().copied().eq(expected), "{set:?}, n = {n}, offset {offset}, {streamed}");
                assert!(before.iter().chain(after).all(|value| *value == -2.0));
            }
        }
    });
}
