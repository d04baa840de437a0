//! Vectorisable natural logarithm with the same bits on every processor.
//!
//! Scalar calls of `libm::log` cost more than the filter itself. This is the same algorithm (fdlibm's
//! `e_log.c`: reduction to [√½, √2), a degree-seven odd series in s = f/(2 + f)) without its branches, so
//! that the compiler can process several values side by side.

use crate::processor::MulAdd;

const LN2_HI: f64 = 6.931_471_803_691_238e-1;
const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;
const SERIES: [f64; 7] = [
    6.666_666_666_666_735e-1,
    3.999_999_999_940_942e-1,
    2.857_142_874_366_239e-1,
    2.222_219_843_214_978_4e-1,
    1.818_357_216_161_805e-1,
    1.531_383_769_920_937_3e-1,
    1.479_819_860_511_658_6e-1,
];
/// Bits of 2^52, whose mantissa takes a small integer to convert it to a float.
const TWO_52_BITS: u64 = 0x4330_0000_0000_0000;
const TWO_52: f64 = 4_503_599_627_370_496.0;
/// Bits of √½, the lower end of the range.
const SQRT_HALF_BITS: u64 = 0x3fe6_a09e_667f_3bcd;

/// Natural logarithm of a positive normal number, to one unit in the last place.
#[inline(always)]
#[must_use]
pub(crate) fn ln(value: f64) -> f64 {
    // Shift so that the exponent field counts from √½: value = 2^e · m with m in [√½, √2).
    let shifted = value.to_bits().wrapping_add(0x3ff0_0000_0000_0000 - SQRT_HALF_BITS);
    let exponent = f64::from_bits((shifted >> 52) | TWO_52_BITS) - TWO_52 - 1023.0;
    let m = f64::from_bits((shifted & 0x000f_ffff_ffff_ffff).wrapping_add(SQRT_HALF_BITS));
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let mut r = SERIES[6];
    r = r * z + SERIES[5];
    r = r * z + SERIES[4];
    r = r * z + SERIES[3];
    r = r * z + SERIES[2];
    r = r * z + SERIES[1];
    r = r * z + SERIES[0];
    let half_square = 0.5 * f * f;
    exponent * LN2_HI - ((half_square - (s * (half_square + r * z) + exponent * LN2_LO)) - f)
}

/// [`ln`] with fused multiply-add, for kernels.
#[inline(always)]
#[must_use]
pub(crate) fn ln_fused<M: MulAdd>(value: f64) -> f64 {
    let shifted = value.to_bits().wrapping_add(0x3ff0_0000_0000_0000 - SQRT_HALF_BITS);
    let exponent = f64::from_bits((shifted >> 52) | TWO_52_BITS) - (TWO_52 + 1023.0);
    let m = f64::from_bits((shifted & 0x000f_ffff_ffff_ffff).wrapping_add(SQRT_HALF_BITS));
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let mut r = SERIES[6];
    r = M::mul_add(r, z, SERIES[5]);
    r = M::mul_add(r, z, SERIES[4]);
    r = M::mul_add(r, z, SERIES[3]);
    r = M::mul_add(r, z, SERIES[2]);
    r = M::mul_add(r, z, SERIES[1]);
    r = M::mul_add(r, z, SERIES[0]);
    let half_square = 0.5 * f * f;
    let low = M::mul_add(exponent, LN2_LO, s * M::mul_add(r, z, half_square));
    M::mul_add(exponent, LN2_HI, f - (half_square - low))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::model::lanes::ln::{ln, ln_fused};
    use crate::processor::Software;

    proptest! {
        #[test]
        fn agrees_with_libm(exponent in -300.0..300.0_f64, near_one in 0.9..1.1_f64) {
            for value in [libm::pow(10.0, exponent), near_one] {
                let expected = libm::log(value);
                for found in [ln(value), ln_fused::<Software>(value)] {
                    prop_assert!(
                        (found - expected).abs() <= 1e-15 * expected.abs().max(1e-300) * 4.0,
                        "ln({value}) = {found}, libm has {expected}"
                    );
                }
            }
        }
    }
}
