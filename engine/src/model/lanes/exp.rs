//! Vectorisable exponential with the same bits on every processor.
//!
//! The algorithm is fdlibm's `e_exp.c` (reduction by multiples of ln 2, a rational approximation of the
//! remainder) without its branches, so that the compiler can process several values side by side.

const LN2_HI: f64 = 6.931_471_803_691_238e-1;
const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;
const INVERSE_LN2: f64 = std::f64::consts::LOG2_E;
const SERIES: [f64; 5] = [
    1.666_666_666_666_660_2e-1,
    -2.777_777_777_701_559_4e-3,
    6.613_756_321_437_934e-5,
    -1.653_390_220_546_525_2e-6,
    4.138_136_797_057_238_5e-8,
];
/// Rounds to an integer when added and subtracted again.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// Argument below which the result would be subnormal.
const LEAST: f64 = -708.0;

/// Exponential of a value of at most 0, to one unit in the last place; 0 below −708.
#[inline(always)]
#[must_use]
pub(crate) fn exp_of_negative(value: f64) -> f64 {
    let x = if value > LEAST { value } else { LEAST };
    let shifted = x * INVERSE_LN2 + ROUND;
    let whole = shifted - ROUND;
    let (hi, lo) = (x - whole * LN2_HI, whole * LN2_LO);
    let r = hi - lo;
    let t = r * r;
    let mut c = SERIES[4];
    c = c * t + SERIES[3];
    c = c * t + SERIES[2];
    c = c * t + SERIES[1];
    c = c * t + SERIES[0];
    c = r - t * c;
    let y = 1.0 - ((lo - (r * c) / (2.0 - c)) - hi);
    // The low bits of `shifted` are the integer in two's complement.
    let power = shifted.to_bits().wrapping_add(1023) << 52;
    if value > LEAST { y * f64::from_bits(power) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_libm(value in -707.9..0.0_f64, near_zero in -1.0..0.0_f64) {
            for value in [value, near_zero] {
                let (found, expected) = (crate::model::lanes::exp::exp_of_negative(value), libm::exp(value));
                prop_assert!(
                    (found - expected).abs() <= 4e-16 * expected,
                    "exp({value}) = {found}, libm has {expected}"
                );
            }
        }
    }

    #[test]
    fn ends_of_the_range_are_exact() {
        assert_eq!(crate::model::lanes::exp::exp_of_negative(0.0), 1.0);
        assert_eq!(crate::model::lanes::exp::exp_of_negative(-1e9), 0.0);
        assert_eq!(crate::model::lanes::exp::exp_of_negative(f64::NEG_INFINITY), 0.0);
    }
}
