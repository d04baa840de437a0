//! Normal and t distributions.

/// Upper ends of the central normal intervals that hold 50, 90 and 95 % of the values.
pub(crate) const NORMAL_QUANTILES: [f64; 3] = [0.674_489_750_196_081_7, Z95, 1.959_963_984_540_054];

/// 95th percentile of the standard normal.
pub(crate) const Z95: f64 = 1.644_853_626_951_472_2;

/// Probability of a standard normal value of `z` or less.
#[must_use]
pub(crate) fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)
}

/// Quantile of the standard normal at probability `p`, relative error 1e-15 (Wichura 1988, AS 241, PPND16);
/// infinite at 0 and 1, NaN outside.
#[must_use]
pub(crate) fn normal_quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * polynomial(&CENTRE, r) / polynomial(&CENTRE_DIVISOR, r);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = (-libm::log(tail)).sqrt();
    let size = if tail == 0.0 {
        f64::INFINITY
    } else if r <= 5.0 {
        polynomial(&NEAR, r - 1.6) / polynomial(&NEAR_DIVISOR, r - 1.6)
    } else {
        polynomial(&FAR, r - 5.0) / polynomial(&FAR_DIVISOR, r - 5.0)
    };
    if q < 0.0 { -size } else { size }
}

/// Upper quantile of a t distribution with a probability of `tail` in both tails together; z is the
/// corresponding normal quantile. Hill 1970, CACM algorithm 396: five digits in a few dozen operations, since
/// the degrees of freedom change from frame to frame. Below one degree of freedom it returns the quantile at
/// one.
pub(crate) fn t_quantile(tail: f64, z: f64, dof: f64) -> f64 {
    let n = dof.max(1.0);
    if n == 1.0 {
        let half_turn = tail * std::f64::consts::FRAC_PI_2;
        return libm::cos(half_turn) / libm::sin(half_turn);
    }
    let a = 1.0 / (n - 0.5);
    let b = 48.0 / (a * a);
    let mut c = ((20_700.0 * a / b - 98.0) * a - 16.0) * a + 96.36;
    let d = ((94.5 / (b + c) - 3.0) / b + 1.0) * (a * std::f64::consts::FRAC_PI_2).sqrt() * n;
    let mut y = libm::pow(d * tail, 2.0 / n);
    if y > 0.05 + a {
        let x = -z;
        y = x * x;
        if n < 5.0 {
            c += 0.3 * (n - 4.5) * (x + 0.6);
        }
        c += (((0.05 * d * x - 5.0) * x - 7.0) * x - 2.0) * x + b;
        y = (((((0.4 * y + 6.3) * y + 36.0) * y + 94.5) / c - y - 3.0) / b + 1.0) * x;
        y = libm::expm1(a * y * y);
    } else {
        let first = 1.0 / (((n + 6.0) / (n * y) - 0.089 * d - 0.822) * (n + 2.0) * 3.0);
        y = ((first + 0.5 / (n + 4.0)) * y - 1.0) * (n + 1.0) / (n + 2.0) + 1.0 / y;
    }
    (n * y).sqrt()
}

/// Variance of a standard t; infinite for two degrees of freedom or fewer.
pub(crate) fn variance_of_t(dof: f64) -> f64 {
    if dof > 2.0 { dof / (dof - 2.0) } else { f64::INFINITY }
}

/// Evaluates a polynomial; coefficients from the constant up.
fn polynomial(coefficients: &[f64; 8], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

const CENTRE: [f64; 8] = [
    3.387_132_872_796_366_5,
    133.141_667_891_784_38,
    1_971.590_950_306_551_3,
    13_731.693_765_509_46,
    45_921.953_931_549_87,
    67_265.770_927_008_7,
    33_430.575_583_588_13,
    2_509.080_928_730_122_7,
];
const CENTRE_DIVISOR: [f64; 8] = [
    1.0,
    42.313_330_701_600_91,
    687.187_007_492_057_9,
    5_394.196_021_424_751,
    21_213.794_301_586_597,
    39_307.895_800_092_71,
    28_729.085_735_721_943,
    5_226.495_278_852_854,
];
const NEAR: [f64; 8] = [
    1.423_437_110_749_683_5,
    4.630_337_846_156_546,
    5.769_497_221_460_691,
    3.647_848_324_763_204_5,
    1.270_458_252_452_368_4,
    0.241_780_725_177_450_6,
    0.022_723_844_989_269_184,
    7.745_450_142_783_414e-4,
];
const NEAR_DIVISOR: [f64; 8] = [
    1.0,
    2.053_191_626_637_759,
    1.676_384_830_183_803_8,
    0.689_767_334_985_1,
    0.148_103_976_427_480_08,
    0.015_198_666_563_616_457,
    5.475_938_084_995_345e-4,
    1.050_750_071_644_416_9e-9,
];
const FAR: [f64; 8] = [
    6.657_904_643_501_103,
    5.463_784_911_164_114,
    1.784_826_539_917_291_3,
    0.296_560_571_828_504_87,
    0.026_532_189_526_576_124,
    0.001_242_660_947_388_078_4,
    2.711_555_568_743_487_6e-5,
    2.010_334_399_292_288_1e-7,
];
const FAR_DIVISOR: [f64; 8] = [
    1.0,
    0.599_832_206_555_888,
    0.136_929_880_922_735_8,
    0.014_875_361_290_850_615,
    7.868_691_311_456_133e-4,
    1.846_318_317_510_054_8e-5,
    1.421_511_758_316_446e-7,
    2.044_263_103_389_939_8e-15,
];

#[cfg(test)]
mod tests {
    use super::{NORMAL_QUANTILES, normal_cdf, normal_quantile, t_quantile};

    #[test]
    fn normal_quantiles_agree_with_scipy() {
        let expected = [
            (1e-300, -37.047_096_299_361_2),
            (1e-12, -7.034_483_825_301_131),
            (0.001, -3.090_232_306_167_813),
            (0.2, -0.841_621_233_572_914_2),
            (0.5, 0.0),
            (0.95, 1.644_853_626_951_472_2),
            (0.995, 2.575_829_303_548_900_4),
        ];
        for (p, z) in expected {
            assert!(
                (normal_quantile(p) - z).abs() <= 1e-14 * z.abs(),
                "{p}: {}, scipy {z}",
                normal_quantile(p)
            );
            assert!((normal_cdf(normal_quantile(p)) - p).abs() <= 1e-11 * p);
        }
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
        assert!(normal_quantile(1.5).is_nan() && normal_quantile(f64::NAN).is_nan());
    }

    #[test]
    fn constants_are_normal_quantiles() {
        for (share, z) in [0.5, 0.9, 0.95].into_iter().zip(NORMAL_QUANTILES) {
            assert!((normal_quantile(0.5 + 0.5 * share) - z).abs() < 1e-15 * z, "{share}");
        }
    }

    #[test]
    fn t_quantiles_agree_with_scipy() {
        // Values of `scipy.stats.t.ppf`.
        for (dof, expected) in [
            (1.0, [1.0, 6.313_751_514_675_041, 12.706_204_736_174_698]),
            (5.0, [0.726_686_843_800_422_6, 2.015_048_373_333_023_3, 2.570_581_835_636_314_6]),
            (33.3, [0.681_928_696_934_599_2, 1.691_920_181_677_949_4, 2.033_819_224_134_053]),
            (1e9, NORMAL_QUANTILES),
        ] {
            for ((share, z), expected) in [0.5, 0.9, 0.95].into_iter().zip(NORMAL_QUANTILES).zip(expected) {
                let found = t_quantile(1.0 - share, z, dof);
                assert!((found - expected).abs() < 1e-4 * expected, "{dof}, {share}: {found}");
            }
        }
    }
}
