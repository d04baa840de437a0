//! Every path gives the bits of the same formula for one instrument.

use super::*;
use crate::processor::on_each_set;
use libm::fma;

kernel!(fn any_kernel(common: Common<'_>, each: OneGain<'_>) -> bool = any);

/// Generator of numbers in (−1, 1) from a seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

const INSTRUMENTS: usize = 21;
const BLOCKS: usize = INSTRUMENTS.div_ceil(LANES);

/// Columns by instrument; means also by coefficient.
#[derive(Debug, PartialEq)]
struct After {
    mean: Vec<u64>,
    forecast: Vec<u64>,
    observation_var: Vec<u64>,
    written: Vec<u64>,
    missing: bool,
}

fn bits(values: impl IntoIterator<Item = f64>) -> Vec<u64> {
    values.into_iter().map(f64::to_bits).collect()
}

#[test]
fn every_path_gives_the_bits_of_the_formula() {
    for k in 1..=14 {
        let mut random = Random(k as u64);
        let mut numbers =
            |first: f64| -> Vec<f64> { (0..k).map(|j| if j == 0 { first } else { random.next() }).collect() };
        let (x, gain) = (numbers(1.0), numbers(0.3));
        let start: Vec<f64> = (0..INSTRUMENTS * k).map(|_| random.next()).collect();
        let mut returns: Vec<f64> = (0..INSTRUMENTS).map(|_| 0.1 * random.next()).collect();
        for (missing, learning) in [(false, false), (false, true), (true, false), (true, true)] {
            if missing {
                (returns[3], returns[INSTRUMENTS - 1]) = (f64::NAN, f64::NAN);
            }
            let learning = learning.then_some(Learning::new(1.3, 17.5, 1e-4));
            let common = Common { x: &x, gain: &gain, learning };
            let run = |kernel: fn(Common<'_>, OneGain<'_>) -> bool| {
                let mut mean = vec![LaneBlock::ZERO; BLOCKS * k];
                for (at, value) in start.iter().enumerate() {
                    let (i, j) = (at / k, at % k);
                    mean[i / LANES * k + j].0[i % LANES] = *value;
                }
                let (mut observed, mut forecast) =
                    (vec![LaneBlock::ZERO; BLOCKS], vec![LaneBlock::ZERO; BLOCKS]);
                let (mut s, mut scale) =
                    (vec![LaneBlock::splat(2e-4); BLOCKS], vec![LaneBlock::ZERO; BLOCKS]);
                let mut written = vec![0.0; INSTRUMENTS * k];
                let each = OneGain {
                    returns: &returns,
                    mean: &mut mean,
                    observed: &mut observed,
                    forecast: &mut forecast,
                    observation_var: &mut s,
                    forecast_scale: &mut scale,
                    means: Some(Columns { values: &mut written, len: INSTRUMENTS, streamed: true }),
                };
                let missing = kernel(common, each);
                let column =
                    |values: &[LaneBlock]| bits((0..INSTRUMENTS).map(|i| values[i / LANES].0[i % LANES]));
                assert_eq!(column(&observed), bits(returns.iter().copied()));
                assert!(learning.is_none() || scale == [LaneBlock::splat(2e-4); BLOCKS]);
                let coefficient = |at: usize| {
                    let (i, j) = (at / k, at % k);
                    mean[i / LANES * k + j].0[i % LANES]
                };
                After {
                    mean: bits((0..INSTRUMENTS * k).map(coefficient)),
                    forecast: column(&forecast),
                    observation_var: column(&s),
                    written: bits(written[..INSTRUMENTS * k].iter().copied()),
                    missing,
                }
            };
            let found = run(update);
            on_each_set(|set| {
                for other in [update, any_kernel] {
                    assert_eq!(run(other), found, "{set:?}, k = {k}");
                }
            });
            assert_eq!(found.missing, missing);
            for (i, y) in returns.iter().enumerate() {
                let m = |j: usize| start[i * k + j];
                // Every second term, and the others.
                let even = (2..k).step_by(2).fold(m(0), |sum, j| fma(x[j], m(j), sum));
                let odd = (3..k)
                    .step_by(2)
                    .fold(if k > 1 { x[1] * m(1) } else { 0.0 }, |sum, j| fma(x[j], m(j), sum));
                let f = if k > 1 { even + odd } else { even };
                let e = if y.is_nan() { 0.0 } else { y - f };
                assert_eq!(found.forecast[i], f.to_bits());
                for j in 0..k {
                    let expected = fma(gain[j], e, m(j)).to_bits();
                    assert_eq!(found.mean[i * k + j], expected, "k = {k}, instrument {i}");
                    assert_eq!(found.written[j * INSTRUMENTS + i], expected, "k = {k}, instrument {i}");
                }
                let s = fma(1.0 / (1.3 * 18.5), e * e, 17.5 / 18.5 * 2e-4);
                let s = if learning.is_none() || y.is_nan() { 2e-4 } else { s.max(1e-4) };
                assert_eq!(found.observation_var[i], s.to_bits(), "k = {k}, instrument {i}");
            }
        }
    }
}
