//! Every path of the kernel gives the bits of the same formula for one instrument.

use super::*;
use crate::processor::on_each_set;
use libm::fma;

kernel!(fn full_any_kernel(x: &[f64], motion: Motion<'_>, states: States<'_>) = full_any);

/// Generator of numbers in (−1, 1) from a seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    fn eights(&mut self, count: usize, scale: f64) -> Vec<LaneBlock> {
        (0..count).map(|_| LaneBlock(std::array::from_fn(|_| scale * self.next()))).collect()
    }
}

struct Case {
    k: usize,
    x: Vec<f64>,
    state: Vec<LaneBlock>,
    observed: Vec<LaneBlock>,
    transition: Option<Vec<LaneBlock>>,
    noise: Vec<LaneBlock>,
    diagonal: bool,
    observation_var: Vec<LaneBlock>,
}

const BLOCKS: usize = 3;

impl Case {
    fn new(k: usize, diagonal: bool, transition: bool) -> Self {
        let mut random = Random(7 + k as u64);
        let triangle = packed_len(k);
        let mut state = random.eights(BLOCKS * (k + triangle), 0.01);
        let mut noise = random.eights(BLOCKS * if diagonal { k } else { triangle }, 1e-5);
        for block in 0..BLOCKS {
            for i in 0..k {
                for value in &mut state[block * (k + triangle) + k + packed(k, i, i)].0 {
                    *value = 1.0 + value.abs();
                }
                let at = if diagonal { block * k + i } else { block * triangle + packed(k, i, i) };
                for value in &mut noise[at].0 {
                    *value = 1e-3 + value.abs();
                }
            }
        }
        let mut observed = random.eights(BLOCKS, 0.05);
        observed[0].0[3] = f64::NAN;
        observed[2].0 = [f64::NAN; LANES];
        let mut x: Vec<f64> = (0..k).map(|_| 0.02 * random.next()).collect();
        x[0] = 1.0;
        let transition = transition.then(|| random.eights(BLOCKS * k * k, 1.0));
        let observation_var = random.eights(BLOCKS, 1e-4).into_iter();
        let observation_var =
            observation_var.map(|r| LaneBlock(r.0.map(|value| 2e-4 + value.abs()))).collect();
        Self { k, x, state, observed, transition, noise, diagonal, observation_var }
    }

    /// State, forecasts and their variances after the kernel.
    fn run(&self, kernel: fn(&[f64], Motion<'_>, States<'_>)) -> [Vec<LaneBlock>; 3] {
        let mut state = self.state.clone();
        let (mut forecast, mut forecast_var) = (vec![LaneBlock::ZERO; BLOCKS], vec![LaneBlock::ZERO; BLOCKS]);
        let motion = Motion {
            transition: self.transition.as_deref().map(|values| Lanewise { values, each: true }),
            noise: Lanewise { values: &self.noise, each: true },
            diagonal: self.diagonal,
            observation_var: Lanewise { values: &self.observation_var, each: true },
        };
        let states = States {
            state: &mut state,
            observed: &self.observed,
            forecast: &mut forecast,
            forecast_var: &mut forecast_var,
            means: None,
        };
        kernel(&self.x, motion, states);
        [state, forecast, forecast_var]
    }

    /// Formula for one lane: (m, then P packed; f; q).
    fn plain(&self, block: usize, lane: usize) -> (Vec<f64>, f64, f64) {
        let (k, size) = (self.k, self.k + packed_len(self.k));
        let own: Vec<f64> = self.state[block * size..][..size].iter().map(|value| value.0[lane]).collect();
        let (mut m, mut p) = (own[..k].to_vec(), own[k..].to_vec());
        // Σ a b with one rounding for each term after the first.
        let sum = |terms: &mut dyn Iterator<Item = (f64, f64)>| {
            terms.fold(None, |sum, (a, b)| Some(sum.map_or(a * b, |sum| fma(a, b, sum)))).unwrap()
        };
        if let Some(transition) = &self.transition {
            let f = |i: usize, j: usize| transition[block * k * k + i * k + j].0[lane];
            m = (0..k).map(|i| sum(&mut (0..k).map(|j| (f(i, j), m[j])))).collect();
            let fp = |i: usize, j: usize| sum(&mut (0..k).map(|l| (f(i, l), p[packed(k, l, j)])));
            let moved = |i: usize, j: usize| sum(&mut (0..k).map(|l| (fp(i, l), f(j, l))));
            p = (0..k).flat_map(|i| (i..k).map(move |j| (i, j))).map(|(i, j)| moved(i, j)).collect();
        }
        for at in 0..self.noise.len() / BLOCKS {
            let to = if self.diagonal { packed(k, at, at) } else { at };
            p[to] += self.noise[block * (self.noise.len() / BLOCKS) + at].0[lane];
        }
        let x = &self.x;
        let px = |i: usize| sum(&mut (0..k).map(|j| (p[packed(k, i, j)], x[j])));
        let px: Vec<f64> = (0..k).map(px).collect();
        // `first` and every second term, and the others.
        let with_design = |first: f64, values: &[f64]| {
            let even = (2..k).step_by(2).fold(first, |sum, j| fma(x[j], values[j], sum));
            let odd = (1..k).step_by(2).map(|j| (x[j], values[j]));
            if k > 1 { even + sum(&mut odd.clone()) } else { first }
        };
        let f = with_design(m[0], &m);
        let q = with_design(px[0] + self.observation_var[block].0[lane], &px);
        let y = self.observed[block].0[lane];
        if !y.is_nan() {
            for i in 0..k {
                let a = px[i] * (1.0 / q);
                m[i] = fma(a, y - f, m[i]);
                for j in i..k {
                    let at = packed(k, i, j);
                    p[at] = fma(-a, px[j], p[at]);
                }
            }
        }
        m.extend(p);
        (m, f, q)
    }
}

fn bits(values: &[LaneBlock]) -> Vec<u64> {
    values.iter().flat_map(|value| value.0.map(f64::to_bits)).collect()
}

#[test]
fn every_path_of_the_full_kernel_gives_the_same_bits() {
    for k in 1..=11 {
        for (diagonal, transition) in [(true, false), (false, false), (true, true), (false, true)] {
            let case = Case::new(k, diagonal, transition);
            let dispatched = case.run(full);
            on_each_set(|set| {
                for other in [full, full_any_kernel] {
                    for (found, expected) in case.run(other).iter().zip(&dispatched) {
                        assert_eq!(bits(found), bits(expected), "{set:?}, k = {k}, {diagonal}, {transition}");
                    }
                }
            });
            let [state, forecast, forecast_var] = dispatched;
            for (block, lane) in (0..BLOCKS).flat_map(|block| (0..LANES).map(move |lane| (block, lane))) {
                let (own, f, q) = case.plain(block, lane);
                let found = state[block * own.len()..].iter().map(|value| value.0[lane]);
                for (found, expected) in found.zip(&own) {
                    assert_eq!(found.to_bits(), expected.to_bits(), "k = {k}, {diagonal}, {transition}");
                }
                assert_eq!(forecast[block].0[lane].to_bits(), f.to_bits());
                assert_eq!(forecast_var[block].0[lane].to_bits(), q.to_bits());
            }
        }
    }
}
