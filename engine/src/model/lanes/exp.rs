//! Vectorisable exponential with the same bits on every processor.
//!
//! The algorithm reduces by multiples of ln 2 and takes the Taylor polynomial of degree 13 of the rest r. For r from
//! −½ ln 2 to ½ ln 2 its remainder is below 2⁻⁵⁸. Without branches and divisions, compilers process several values
//! side by side.

use crate::processor::MulAdd;

const LN2_HI: f64 = 6.931_471_803_691_238e-1;
const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;
const INVERSE_LN2: f64 = std::f64::consts::LOG2_E;
/// Inverse factorials 1/n!, from n = 13 down to 2.
const SERIES: [f64; 12] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
];
/// Rounds to an integer when added and subtracted again.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// Exponential of a value from −708 to 0, to one unit in the last place.
#[inline(always)]
#[must_use]
pub(crate) fn exp_of_negative<M: MulAdd>(value: f64) -> f64 {
    let shifted = M::mul_add(value, INVERSE_LN2, ROUND);
    let whole = shifted - ROUND;
    let r = M::mul_add(-whole, LN2_LO, M::mul_add(-whole, LN2_HI, value));
    let mut y = SERIES[0];
    y = M::mul_add(y, r, SERIES[1]);
    y = M::mul_add(y, r, SERIES[2]);
    y = M::mul_add(y, r, SERIES[3]);
    y = M::mul_add(y, r, SERIES[4]);
    y = M::mul_add(y, r, SERIES[5]);
    y = M::mul_add(y, r, SERIES[6]);
    y = M::mul_add(y, r, SERIES[7]);
    y = M::mul_add(y, r, SERIES[8]);
    y = M::mul_add(y, r, SERIES[9]);
    y = M::mul_add(y, r, SERIES[10]);
    y = M::mul_add(y, r, SERIES[11]);
    let y = M::mul_add(M::mul_add(y, r, 1.0), r, 1.0);
    // The low bits of `shifted` are the integer in two's complement.
    y * f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::model::lanes::exp::exp_of_negative;
    use crate::processor::Software;

    proptest! {
        #[test]
        fn agrees_with_libm(value in -707.9..0.0_f64, near_zero in -1.0..0.0_f64) {
            for value in [value, near_zero] {
                let (found, expected) = (exp_of_negative::<Software>(value), libm::exp(value));
                prop_assert!(
                    (found - expected).abs() <= 4e-16 * expected,
                    "exp({value}) = {found}, libm has {expected}"
                );
            }
        }
    }

    #[test]
    fn exponential_of_zero_is_exact() {
        assert_eq!(exp_of_negative::<Software>(0.0), 1.0);
    }
}
