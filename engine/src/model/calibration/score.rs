//! Scores of a frame's forecasts, in lanes of instruments.
//!
//! The log density of a t is −½ ln(scale / constant²) − ½ (ν + 1) ln(1 + e²/(ν scale)). Products over the frames
//! hold the arguments of both logarithms, which are taken when the degrees of freedom change or a product leaves
//! its range.

use serde::{Deserialize, Serialize};

use super::{Calibration, Forecasts, INTERVALS, MEMORY, RECENT, Recent, SUMS, Sum, Tail, tolerances};
use crate::model::lanes::Lane;
use crate::model::lanes::lane_block::LANES;
use crate::model::lanes::ln::{ln, ln_fused};
use crate::processor::{MulAdd, kernel};

/// Range of a product between frames, 2⁻⁴⁰⁰ to 2⁴⁰⁰, and upper bound 2⁵⁰⁰ of the squared error of a frame in units
/// of its squared scale: a product stays a normal number.
const LEAST: f64 = f64::from_bits((1023 - 400) << 52);
const MOST: f64 = f64::from_bits((1023 + 400) << 52);
const SQUARE_MAX: f64 = f64::from_bits((1023 + 500) << 52);

/// Products of the densities since the last logarithm.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Products {
    /// Degrees of freedom ν of the factors.
    dof: Lane,
    /// Squared scales in units of the squared constant, and 1 + e²/(ν scale), of the forecast and of the baseline.
    scale: [Lane; 2],
    error: [Lane; 2],
}

impl Products {
    pub(super) const ONE: Self =
        Self { dof: Lane::ZERO, scale: [Lane::splat(1.0); 2], error: [Lane::splat(1.0); 2] };

    /// Sums of the log densities of the forecast and of the baseline.
    pub(super) fn log_densities(&self, lane: usize) -> [f64; 2] {
        let power = self.dof[lane] + 1.0;
        [0, 1].map(|which| -0.5 * (ln(self.scale[which][lane]) + power * ln(self.error[which][lane])))
    }
}

/// [`Tail`] of each instrument of a block.
struct TailLanes {
    dof: Lane,
    inverse_dof: Lane,
    inverse_variance: Lane,
    inverse_constant: Lane,
    half_widths: [Lane; 3],
}

impl TailLanes {
    #[inline(always)]
    fn from_fn(tail: impl Fn(usize) -> Tail) -> Self {
        Self {
            dof: Lane::from_fn(|lane| tail(lane).tabulated),
            inverse_dof: Lane::from_fn(|lane| 1.0 / tail(lane).tabulated),
            inverse_variance: Lane::from_fn(|lane| 1.0 / tail(lane).variance),
            inverse_constant: Lane::from_fn(|lane| tail(lane).inverse_constant),
            half_widths: [0, 1, 2].map(|at| Lane::from_fn(|lane| tail(lane).half_widths[at])),
        }
    }
}

/// Scores the forecasts of a frame and updates the baseline.
pub(super) fn score(calibration: &mut Calibration, forecasts: &Forecasts<'_>) {
    score_kernel(calibration, forecasts);
}

kernel!(fn score_kernel(calibration: &mut Calibration, forecasts: &Forecasts<'_>) = score_body);

#[inline(always)]
fn score_body<M: MulAdd>(calibration: &mut Calibration, forecasts: &Forecasts<'_>) {
    let Calibration { sums, recent, products, variance_discount } = calibration;
    let constants = Constants { tolerances: tolerances(), discount: *variance_discount };
    // Consecutive blocks with the same tail fill the lanes with it once.
    let mut common = (u32::MAX, TailLanes::from_fn(|_| Tail::new()));
    let columns = sums.iter_mut().zip(recent).zip(products);
    let seen = forecasts.observed.iter().zip(forecasts.mean).zip(forecasts.scale);
    for (block, (((sums, recent), products), ((y, f), scale))) in columns.zip(seen).enumerate() {
        let tail = forecasts.tail_of_block[block];
        match forecasts.tails.get(tail as usize) {
            Some(shared) => {
                if common.0 != tail {
                    common = (tail, TailLanes::from_fn(|_| *shared));
                }
            }
            None => {
                let mut tails = [Tail::new(); LANES];
                for (tail, of) in tails.iter_mut().zip(&forecasts.tail_of[block * LANES..]) {
                    *tail = forecasts.tails.get(*of as usize).copied().unwrap_or(*tail);
                }
                common = (u32::MAX, TailLanes::from_fn(|lane| tails[lane]));
            }
        }
        score_block::<M>(sums, recent, products, (y, f, scale), &common.1, &constants);
    }
}

/// Numbers common to all instruments.
struct Constants {
    tolerances: [f64; 3],
    /// Discount factor of the baseline's variance.
    discount: f64,
}

/// Branch-free condition, so that the lanes vectorise.
#[inline(always)]
const fn flag(condition: bool) -> f64 {
    if condition { 1.0 } else { 0.0 }
}

/// Takes the logarithms of the products of lanes with a forecast whose tail has changed or whose products have left
/// their range. Other lanes are unchanged: no instrument depends on its neighbours.
#[inline(always)]
fn fold<M: MulAdd>(sums: &mut [Lane; SUMS], products: &mut Products, scored: &Lane, tail: &TailLanes) {
    let (dof, scale, error) = (products.dof, products.scale, products.error);
    let mut due = [0_u64; LANES];
    for lane in 0..LANES {
        let inside = (scale[0].0[lane] > LEAST)
            & (scale[0].0[lane] < MOST)
            & (scale[1].0[lane] > LEAST)
            & (scale[1].0[lane] < MOST)
            & (error[0].0[lane] < MOST)
            & (error[1].0[lane] < MOST)
            & (dof.0[lane] == tail.dof.0[lane]);
        due[lane] = u64::from((scored.0[lane] > 0.0) & !inside);
    }
    if due.iter().fold(0, |any, due| any | due) == 0 {
        return;
    }
    for (which, sum) in [Sum::LogDensity, Sum::BaselineDensity].into_iter().enumerate() {
        let mut column = sums[sum as usize];
        for lane in 0..LANES {
            let power = dof.0[lane] + 1.0;
            let error = power * ln_fused::<M>(error[which].0[lane]);
            let log = -0.5 * (ln_fused::<M>(scale[which].0[lane]) + error);
            column.0[lane] += if due[lane] == 0 { 0.0 } else { log };
            let (scale, error) = (&mut products.scale[which].0[lane], &mut products.error[which].0[lane]);
            *scale = if due[lane] == 0 { *scale } else { 1.0 };
            *error = if due[lane] == 0 { *error } else { 1.0 };
        }
        sums[sum as usize] = column;
    }
    for lane in 0..LANES {
        products.dof.0[lane] = if due[lane] == 0 { dof.0[lane] } else { tail.dof.0[lane] };
    }
}

#[inline(always)]
fn score_block<M: MulAdd>(
    sums: &mut [Lane; SUMS],
    recent: &mut [Lane; RECENT],
    products: &mut Products,
    (y, f, scale): (&Lane, &Lane, &Lane),
    tail: &TailLanes,
    constants: &Constants,
) {
    let (y, f, scale) = (*y, *f, *scale);
    // Instruments without a return or without a scale are not scored.
    let one = Lane::from_fn(|lane| flag(!y.0[lane].is_nan() & (scale.0[lane] > 0.0)));
    fold::<M>(sums, products, &one, tail);
    let [before, weight, last] =
        [Recent::Variance, Recent::Weight, Recent::Error].map(|of| recent[of as usize]);
    let zero = Lane::ZERO;
    let [mut error, mut value, mut standardised, mut product, mut z] = [zero; 5];
    let (mut inside, mut errors, mut scales) = ([zero; 3], [zero; 2], [zero; 2]);
    let [mut weights, mut variances] = [zero; 2];
    for lane in 0..LANES {
        let present = !y.0[lane].is_nan();
        let scored = one.0[lane] > 0.0;
        let e = if scored { y.0[lane] - f.0[lane] } else { 0.0 };
        let r = if scored { y.0[lane] } else { 0.0 };
        let scale = if scored { scale.0[lane] } else { 1.0 };
        let of_variance = tail.inverse_variance.0[lane];
        let known = before.0[lane] * of_variance;
        let baseline = if known > 0.0 { known } else { scale };
        let inverse = 1.0 / scale;
        let squared = e * e;
        let relative = squared * inverse;
        let ratio = relative * tail.inverse_dof.0[lane];
        let bounded = if ratio < SQUARE_MAX { ratio } else { SQUARE_MAX };
        errors[0].0[lane] = if scored { 1.0 + bounded } else { 1.0 };
        let ratio = r * r / baseline * tail.inverse_dof.0[lane];
        let bounded = if ratio < SQUARE_MAX { ratio } else { SQUARE_MAX };
        errors[1].0[lane] = if scored { 1.0 + bounded } else { 1.0 };
        let constant = tail.inverse_constant.0[lane];
        scales[0].0[lane] = if scored { scale * constant } else { 1.0 };
        scales[1].0[lane] = if scored { baseline * constant } else { 1.0 };
        let deviation = e * (inverse * of_variance).sqrt();
        product.0[lane] = if scored { deviation * last.0[lane] } else { 0.0 };
        z.0[lane] = if scored { deviation } else { last.0[lane] };
        standardised.0[lane] = if scored { relative * of_variance } else { 0.0 };
        error.0[lane] = squared;
        value.0[lane] = r * r;
        for at in 0..3 {
            let within = squared <= tail.half_widths[at].0[lane] * scale;
            inside[at].0[lane] = flag(scored & within);
        }
        let discounted = constants.discount * weight.0[lane];
        let total = discounted + 1.0;
        let learned = M::mul_add(y.0[lane], y.0[lane], discounted * before.0[lane]) / total;
        weights.0[lane] = if present { total } else { weight.0[lane] };
        variances.0[lane] = if present { learned } else { before.0[lane] };
    }
    recent[Recent::Weight as usize] = weights;
    recent[Recent::Variance as usize] = variances;
    recent[Recent::Error as usize] = z;
    for which in 0..2 {
        let (error, scale) = (products.error[which], products.scale[which]);
        products.error[which] = Lane::from_fn(|lane| error.0[lane] * errors[which].0[lane]);
        products.scale[which] = Lane::from_fn(|lane| scale.0[lane] * scales[which].0[lane]);
    }
    let mut follow = |which: Recent, values: Lane| -> Lane {
        let before = recent[which as usize];
        let column = Lane::from_fn(|lane| {
            let rate = one.0[lane] * (1.0 / MEMORY);
            M::mul_add(rate, values.0[lane] - before.0[lane], before.0[lane])
        });
        recent[which as usize] = column;
        column
    };
    let excess50 = follow(Recent::Excess50, Lane::from_fn(|lane| inside[0].0[lane] - INTERVALS[0]));
    let excess95 = follow(Recent::Excess95, Lane::from_fn(|lane| inside[2].0[lane] - INTERVALS[2]));
    let sign = |lane: usize| flag(product.0[lane] > 0.0) - flag(product.0[lane] < 0.0);
    let signs = follow(Recent::Signs, Lane::from_fn(sign));
    let [within50, within95, within_signs] = constants.tolerances;
    let alarms = Lane::from_fn(|lane| {
        let is_off = (excess50.0[lane].abs() > within50)
            | (excess95.0[lane].abs() > within95)
            | (signs.0[lane].abs() > within_signs);
        flag((one.0[lane] > 0.0) & is_off)
    });
    let mut add = |which: Sum, values: Lane| {
        let before = sums[which as usize];
        sums[which as usize] = Lane::from_fn(|lane| before.0[lane] + values.0[lane]);
    };
    add(Sum::Forecasts, one);
    add(Sum::ErrorSquared, error);
    add(Sum::ReturnSquared, value);
    add(Sum::Standardised, standardised);
    add(Sum::Products, product);
    add(Sum::Inside50, inside[0]);
    add(Sum::Inside90, inside[1]);
    add(Sum::Inside95, inside[2]);
    add(Sum::Alarms, alarms);
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG_DENSITIES: [Sum; 2] = [Sum::LogDensity, Sum::BaselineDensity];

    /// Scores forecasts with mean 0 and squared scale 1 of a t.
    fn observe(calibration: &mut Calibration, dof: f64, y: [f64; LANES]) {
        let mut tail = Tail::new();
        tail.set(dof);
        calibration.observe(&Forecasts {
            observed: &[Lane::from_fn(|lane| y[lane])],
            mean: &[Lane::ZERO],
            scale: &[Lane::splat(1.0)],
            tails: &[tail],
            tail_of: &[0; LANES],
            tail_of_block: &[0],
        });
    }

    /// Logarithms that a lane has taken so far.
    fn taken(calibration: &Calibration, lane: usize) -> [f64; 2] {
        LOG_DENSITIES.map(|sum| calibration.sums[0][sum as usize][lane])
    }

    #[test]
    fn logarithms_are_taken_when_a_product_leaves_its_range() {
        // Product of lane 0, as scale and error of the forecast and of the baseline.
        type Set = fn(&mut Products, f64);
        let scale: [Set; 2] = [|of, value| of.scale[0].0[0] = value, |of, value| of.scale[1].0[0] = value];
        let error: [Set; 2] = [|of, value| of.error[0].0[0] = value, |of, value| of.error[1].0[0] = value];
        let of_scales =
            [(1.0, false), (MOST * 0.5, false), (MOST, true), (LEAST * 2.0, false), (LEAST, true)];
        let of_errors = [(1.0, false), (MOST * 0.5, false), (MOST, true)];
        let scales = scale.into_iter().flat_map(|set| of_scales.map(|case| (set, case)));
        let errors = error.into_iter().flat_map(|set| of_errors.map(|case| (set, case)));
        for (at, (set, (value, due))) in scales.chain(errors).enumerate() {
            let mut calibration = Calibration::new(0.97);
            observe(&mut calibration, 5.0, [0.5; LANES]);
            // Lane 2 has a product out of range, and is not scored on the frame.
            calibration.products[0].scale[0].0[2] = MOST * 4.0;
            set(&mut calibration.products[0], value);
            let before = [0, 1, 2].map(|lane| calibration.sums_of(lane));
            let mut y = [0.5; LANES];
            y[2] = f64::NAN;
            observe(&mut calibration, 5.0, y);
            let [of_due, ordinary, missing] = [0, 1, 2].map(|lane| taken(&calibration, lane));
            assert_eq!(of_due != [0.0; 2], due, "case {at}, {value:e}: {of_due:?}");
            assert_eq!([ordinary, missing], [[0.0; 2]; 2], "case {at}");
            let constant =
                libm::lgamma(3.0) - libm::lgamma(2.5) - 0.5 * libm::log(5.0 * std::f64::consts::PI);
            let density = constant - 3.0 * libm::log1p(0.05);
            for (lane, before) in before.iter().enumerate() {
                let after = calibration.sums_of(lane);
                let gain = after[Sum::LogDensity as usize] - before[Sum::LogDensity as usize];
                let expected = if lane == 2 { 0.0 } else { density };
                assert!((gain - expected).abs() < 1e-9, "case {at}, lane {lane}: {gain} {expected}");
            }
        }
    }

    #[test]
    fn logarithms_are_taken_when_the_degrees_of_freedom_change() {
        let mut calibration = Calibration::new(0.97);
        observe(&mut calibration, 5.0, [0.5; LANES]);
        let whole = [0, 1].map(|lane| calibration.sums_of(lane));
        let mut y = [0.5; LANES];
        y[1] = f64::NAN;
        observe(&mut calibration, 8.0, y);
        let density = |sum: Sum| whole[0][sum as usize];
        for (found, sum) in taken(&calibration, 0).into_iter().zip(LOG_DENSITIES) {
            assert!((found - density(sum)).abs() < 1e-12, "{found}");
        }
        assert_eq!(taken(&calibration, 1), [0.0; 2]);
        let after = calibration.sums_of(1);
        assert!(LOG_DENSITIES.iter().all(|sum| after[*sum as usize] == whole[1][*sum as usize]));
    }
}
