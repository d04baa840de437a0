//! Predicted risk: factor covariance, risk of the book, bias statistic and QLIKE, and the comparison of risk models.

use betaflow_engine::ledger::BookRiskFacts;
use betaflow_engine::metrics::{EquityPoint, RiskAccuracyBuilder, RiskFigures};
use betaflow_engine::model::Estimates;
use betaflow_engine::portfolio::{
    BookRisk, FactorMoments, FactorRisk, RiskPart, SizingSettings, is_covariance,
};
use betaflow_engine::risk::{PortfolioKind, RiskComparison, RiskModel, ledoit_wolf};
use betaflow_engine::settings::Calendar;
use betaflow_engine::time::{DAY_NS, TimestampNs};
use libm::{cos, sin};
use nalgebra::DMatrix;
use proptest::prelude::*;

use crate::support::Random;

fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * expected.abs(), "found {found}, expected {expected}");
}

fn moments(k: usize) -> FactorMoments {
    FactorMoments::new(&SizingSettings::default(), &Calendar::default(), k)
}

fn covariance(moments: &FactorMoments) -> DMatrix<f64> {
    let mut out = DMatrix::zeros(0, 0);
    moments.covariance(&mut out);
    out
}

/// Figures of numpy: `std(r / s, ddof=1)`, `mean(log(s**2) + (r / s)**2)`, `sqrt(252 * mean(s**2))`,
/// `std(r, ddof=1) * sqrt(252)`.
#[test]
fn bias_statistic_and_qlike_equal_numpy() {
    let (mut builder, mut nav) = (RiskAccuracyBuilder::default(), 1e6);
    // From 2019-12-20 on.
    for t in 0..30 {
        let at = f64::from(t);
        nav *= if t == 0 { 1.0 } else { 1.0 + 0.01 * sin(0.37 * at) + 0.006 * cos(1.7 * at) };
        let timestamp = TimestampNs((18_250 + i64::from(t)) * DAY_NS);
        let predicted_volatility = 0.12 + 0.05 * sin(0.61 * at);
        builder.push(EquityPoint { timestamp, nav, predicted_volatility, ..EquityPoint::default() }, 252.0);
    }
    let accuracy = builder.accuracy(252.0);
    let equal = |figures: RiskFigures, frames: u64, expected: [f64; 4]| {
        let RiskFigures { bias, qlike, predicted_volatility, realised_volatility, .. } = figures;
        assert_eq!(figures.frames, frames);
        let found = [bias, qlike, predicted_volatility, realised_volatility];
        found.into_iter().zip(expected).for_each(|(found, expected)| near(found, expected, 1e-10));
    };
    let total = [1.2106277752349788, -8.394886498665267, 0.12735974684151805, 0.13215502003645815];
    equal(accuracy.total, 29, total);
    let terciles = [
        (10, [1.7080436589826014, -7.910428248016267, 0.08181682214145364, 0.13760633933792438]),
        (10, [0.9043937371154211, -8.930924291216067, 0.12764936442504193, 0.11654566947575964]),
        (9, [0.934503213770036, -8.33757589655216, 0.16347311097822692, 0.15389483209409802]),
    ];
    for (figures, (frames, expected)) in accuracy.terciles.into_iter().zip(terciles) {
        equal(figures, frames, expected);
    }
    let years = [
        (2019, 11, [1.0585053106964724, -8.741931689811596, 0.12449451307451434, 0.11352938860559315]),
        (2020, 18, [1.3056950302084724, -8.182803326298068, 0.1290794171362617, 0.13929377959965955]),
    ];
    assert_eq!(accuracy.years.len(), years.len());
    for ((found, figures), (year, frames, expected)) in accuracy.years.into_iter().zip(years) {
        assert_eq!(found, year);
        equal(figures, frames, expected);
    }
}

#[test]
fn frames_without_prediction_are_not_scored() {
    let mut builder = RiskAccuracyBuilder::default();
    for (nav, predicted_volatility) in [(1.0, f64::NAN), (1.1, 0.0), (1.2, 0.2), (1.3, 0.2), (0.0, 0.1)] {
        builder.push(EquityPoint { nav, predicted_volatility, ..EquityPoint::default() }, 252.0);
    }
    let accuracy = builder.accuracy(252.0);
    assert_eq!(accuracy.total.frames, 1);
    assert!(accuracy.total.bias.is_nan() && accuracy.total.qlike.is_finite());
    let nothing = RiskAccuracyBuilder::default().accuracy(252.0);
    assert!(nothing.total.frames == 0 && nothing.total.qlike.is_nan() && nothing.years.is_empty());
}

fn panel(periods: usize, series: usize) -> Vec<Vec<f64>> {
    let value = |t: usize, i: usize| {
        let (t, i) = (t as f64, i as f64);
        0.01 * sin(0.37 * t + i) + 0.004 * cos(1.7 * t * (i + 1.0)) + 0.002 * sin(0.9 * t * t / (i + 2.0))
    };
    (0..periods).map(|t| (0..series).map(|i| value(t, i)).collect()).collect()
}

/// `sklearn.covariance.ledoit_wolf` of scikit-learn 1.9.1: shrinkage, and two entries of the covariance.
#[test]
fn shrinkage_equals_sklearn() {
    let cases = [
        (60, 8, 0.04321133355149296, [5.174722029217265e-05, 2.5542311180765363e-05]),
        (25, 40, 0.08277768711869316, [4.925608837189757e-05, 2.6031058058803688e-05]),
    ];
    for (periods, series, share, entries) in cases {
        let rows = panel(periods, series);
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let gram: Vec<f64> =
            rows.iter().flat_map(|a| rows.iter().map(|b| product(a, b)).collect::<Vec<_>>()).collect();
        let found = ledoit_wolf(&gram, periods, series);
        near(found.share, share, 1e-10);
        let count = periods as f64;
        let mean = |i: usize| rows.iter().map(|row| row[i]).sum::<f64>() / count;
        let sample = |i: usize, j: usize| {
            rows.iter().map(|row| (row[i] - mean(i)) * (row[j] - mean(j))).sum::<f64>() / count
        };
        near((1.0 - found.share) * sample(0, 0) + found.share * found.variance, entries[0], 1e-10);
        near((1.0 - found.share) * sample(0, 1), entries[1], 1e-10);
    }
}

/// Forecasts of a constant volatility vary, and are right on average within the error of what they learn; the correlation
/// is the true one, shrunk.
#[test]
fn forecasts_of_constant_volatility_are_right_on_average() {
    let mut random = Random(11);
    let mut moments = moments(2);
    let (mut sums, frames) = ([0.0; 3], 4_000);
    for t in 0..8_000 {
        let (a, b) = (random.shock(), random.shock());
        let returns = [0.01 * a, 0.004 * (0.6 * a + 0.8 * b)];
        if t >= 8_000 - frames {
            let found = covariance(&moments);
            let variances = [found[(0, 0)], found[(1, 1)]];
            sums[0] += returns[0] * returns[0] / variances[0];
            sums[1] += returns[1] * returns[1] / variances[1];
            sums[2] += found[(0, 1)] / (variances[0] * variances[1]).sqrt();
        }
        moments.observe(&returns);
    }
    let [first, second, correlation] = sums.map(|sum| sum / f64::from(frames));
    near(first, 1.0, 0.15);
    near(second, 1.0, 0.15);
    near(correlation, 0.9 * 0.6, 0.08);
}

#[test]
fn factor_that_appears_later_has_the_moments_of_its_own_history() {
    let (mut late, mut alone) = (moments(1), moments(1));
    let mut random = Random(5);
    for t in 0..400 {
        let (a, b) = (0.01 * random.shock(), 0.02 * random.shock());
        if t == 150 {
            late.extend(2);
        }
        if t < 150 {
            late.observe(&[a]);
        } else if t % 3 == 0 {
            late.observe(&[a, f64::NAN]);
        } else {
            late.observe(&[a, b]);
            alone.observe(&[b]);
        }
    }
    assert_eq!(covariance(&late)[(1, 1)], covariance(&alone)[(0, 0)]);
    assert_eq!(late.premia()[1], alone.premia()[0]);
    assert_eq!(late.premium_variance_ratio(1), alone.premium_variance_ratio(0));
}

/// The scale approaches the ratio of the variances of the residual returns.
#[test]
fn residual_scale_is_learned_from_the_book() {
    let settings = SizingSettings::default();
    let mut random = Random(3);
    let mut book = BookRisk::new(&settings, &Calendar::default());
    let mut risk = FactorRisk::of_parts(vec![1.0, 0.5], vec![1e-4], vec![1e-4, 1e-4]);
    let moments = moments(1);
    let (weights, mut nav, mut mean) = ([0.5, 0.5], 1.0, 0.0);
    for t in 0..4_000 {
        book.predict((nav, &weights), &mut risk, (&moments, &[1e-4]), true);
        let (f, e) = (0.01 * random.shock(), (2.5 * 0.5e-4_f64).sqrt() * random.shock());
        nav *= 1.0 + 0.75 * f + e;
        book.learn(nav, &[f]);
        mean += if t >= 1_000 { book.scale() / 3_000.0 } else { 0.0 };
    }
    near(mean, 2.5, 0.05);
    // A prediction that was removed teaches nothing.
    let before = book.scale();
    book.clear();
    book.learn(10.0 * nav, &[0.0]);
    assert_eq!(book.scale(), before);
}

#[test]
fn parts_of_a_later_factor_come_before_the_residual_part() {
    let part = |exposure: f64, variance: f64| RiskPart { exposure, variance };
    let mut facts = BookRiskFacts::default();
    facts.push(&[part(1.0, 2.0), part(0.0, 3.0)]);
    facts.push(&[part(2.0, 1.0), part(-1.0, 0.5), part(0.0, 4.0)]);
    assert_eq!(facts.sums, [part(3.0, 3.0), part(-1.0, 0.5), part(0.0, 7.0)]);
    assert_eq!((facts.frames, facts.last.len()), (2, 3));
}

fn lists(length: usize, range: std::ops::Range<f64>) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(range, length)
}

proptest! {
    /// F is positive semidefinite with missing returns, zeros, equal factors and factors that appear later.
    #[test]
    fn factor_covariance_is_positive_semidefinite(
        seed in 1_u64..1_000_000,
        k in 1_usize..7,
        missing in 0.0..0.9,
        frames in 1_usize..120,
    ) {
        let mut random = Random(seed);
        let mut moments = moments(k);
        for t in 0..frames {
            let k = k + t / 40;
            moments.extend(k);
            let common = 0.01 * random.shock();
            let row: Vec<f64> = (0..k).map(|j| match j % 4 {
                _ if random.shock().abs() < missing => f64::NAN,
                3 => 0.0,
                2 => common,
                _ => common * 0.5 + 0.02 * random.shock() * random.shock(),
            }).collect();
            moments.observe(&row);
            let mut found = covariance(&moments);
            prop_assert!(found.iter().all(|value| value.is_finite()));
            prop_assert!(found == found.transpose());
            prop_assert!(is_covariance(found.as_slice(), k));
            moments.add_premia_variance(21.0, &mut found);
            prop_assert!(is_covariance(found.as_slice(), k));
        }
    }

    /// The parts of risk add up to the variance, and are those of the matrix.
    #[test]
    fn parts_of_risk_add_up_to_the_variance(
        exposures in lists(12, -2.0..2.0),
        root in lists(9, -0.02..0.02),
        residual in lists(4, 1e-8..1e-3),
        weights in lists(4, -1.0..1.0),
    ) {
        let root = DMatrix::from_vec(3, 3, root);
        let factor_cov = &root * root.transpose();
        let given = factor_cov.as_slice().to_vec();
        let mut risk = FactorRisk::of_parts(exposures, given.clone(), residual);
        let mut book = BookRisk::new(&SizingSettings::default(), &Calendar::default());
        book.predict((1.0, &weights), &mut risk, (&moments(3), &given), true);
        let sum: f64 = book.parts().iter().map(|part| part.variance).sum();
        let expected = risk.variance(&weights);
        prop_assert!((sum - book.variance()).abs() <= 1e-12 * book.variance());
        prop_assert!((book.variance() - expected).abs() <= 1e-12 * expected.max(1e-6));
        prop_assert_eq!(book.parts().len(), 4);
    }
}

/// Estimates of a market with known betas, variances and volatility regimes.
fn compare(seed: u64, frames: usize) -> RiskComparison {
    let (n, mut random) = (40, Random(9));
    let mut comparison = RiskComparison::new(&SizingSettings::default(), &Calendar::default(), 1, seed);
    let betas: Vec<f64> = (0..n).map(|i| 0.5 + i as f64 / 40.0).collect();
    let variance: f64 = 1e-4;
    for t in 0..frames {
        let volatility = if t / 80 % 2 == 0 { 0.006 } else { 0.02 };
        let f = volatility * random.shock();
        let forecast_error: Vec<f64> = (0..n).map(|_| variance.sqrt() * random.shock()).collect();
        comparison.step(&Estimates {
            factors: vec![f],
            complete: true,
            alpha: vec![0.0; n],
            betas: betas.clone(),
            observation_var: vec![variance; n],
            dof: vec![f64::INFINITY; n],
            forecast_mean: betas.iter().map(|beta| beta * f).collect(),
            forecast_error,
            ..Estimates::default()
        });
    }
    comparison
}

#[test]
fn model_of_the_truth_is_better_than_covariances_of_past_returns() {
    let comparison = compare(1, 1_500);
    let all = |model: RiskModel| comparison.figures(model, None, 252.0);
    let model = all(RiskModel::Model);
    // The volatility is constant for 80 frames at a time, and such volatilities are predicted too large.
    near(model.bias, 0.95, 0.05);
    for rival in [RiskModel::Exponential, RiskModel::LedoitWolf, RiskModel::Factors] {
        assert!(model.qlike < all(rival).qlike - 0.02, "{model:?} {:?}", all(rival));
        assert_eq!(all(rival).frames, model.frames);
    }
    let (frames, draws) = comparison.counts();
    // Predictions start when the window is full.
    assert_eq!((frames, draws), (1_500 - 252, (1_500_u64 - 251).div_ceil(21)));
    let counts =
        PortfolioKind::ALL.map(|kind| comparison.figures(RiskModel::Model, Some(kind), 252.0).frames);
    assert_eq!(counts, [10, 4, 5, 10].map(|portfolios| portfolios * frames));
    assert_eq!(counts.iter().sum::<u64>(), model.frames);
    // Without a factor in the portfolio, constant residual variances make the factors alone right.
    let hedged = comparison.figures(RiskModel::Factors, Some(PortfolioKind::LongShort), 252.0);
    near(hedged.bias, 1.0, 0.08);
}

#[test]
fn equal_seeds_draw_equal_portfolios() {
    let figures = |seed: u64| compare(seed, 330).figures(RiskModel::LedoitWolf, None, 252.0);
    assert_eq!(figures(4), figures(4));
    assert_ne!(figures(4), figures(5));
}

/// Without prior days the premium of a factor is 0 before its first return, and then the mean.
#[test]
fn premium_of_a_factor_without_returns_is_zero() {
    for (prior, expected) in [(0.0, [0.02, 0.03]), (2.0, [0.01, 0.015])] {
        let settings = SizingSettings { premium_prior_days: prior, ..SizingSettings::default() };
        let mut moments = FactorMoments::new(&settings, &Calendar::default(), 2);
        assert_eq!(moments.premia().as_slice(), [0.0, 0.0]);
        moments.observe(&[0.03, f64::NAN]);
        moments.observe(&[0.01, f64::NAN]);
        near(moments.premia()[0], expected[0], 1e-12);
        assert_eq!(moments.premia()[1], 0.0, "{prior} days");
        assert_eq!(moments.premium_variance_ratio(1), 0.0, "{prior} days");
        assert!(moments.premium_deviations().all(f64::is_finite));
        moments.observe(&[f64::NAN, 0.03]);
        moments.observe(&[f64::NAN, 0.03]);
        near(moments.premia()[0], expected[0], 1e-12);
        near(moments.premia()[1], expected[1], 1e-12);
    }
}

/// The scale that was learned multiplies the residual part of a covariance of its own, but not of a vendor's.
#[test]
fn residual_scale_multiplies_the_residual_part() {
    let mut book = BookRisk::new(&SizingSettings::default(), &Calendar::default());
    let mut risk = FactorRisk::of_parts(vec![1.0, 0.5], vec![1e-4], vec![1e-4, 3e-4]);
    let mut moments = moments(1);
    moments.observe(&[0.02]);
    let (weights, given) = ([0.5, 0.5], [1e-4]);
    // Squared residual returns of four times their variance.
    let mut nav = 1.0;
    for _ in 0..50 {
        book.predict((nav, &weights), &mut risk, (&moments, &given), true);
        nav *= 1.0 + 2.0 * 1e-4_f64.sqrt();
        book.learn(nav, &[0.0]);
    }
    let scale = book.scale();
    assert!(scale > 2.0 && scale < 4.0, "{scale}");
    let common = 0.75 * 0.75;
    for (given, scaled, factor, scale) in [
        (&[][..], true, covariance(&moments)[(0, 0)], scale),
        (&[][..], false, covariance(&moments)[(0, 0)], 1.0),
        (&given[..], true, 1e-4, 1.0),
        (&given[..], false, 1e-4, 1.0),
    ] {
        book.predict((nav, &weights), &mut risk, (&moments, given), scaled);
        let [of_factor, residual] = book.parts() else { panic!("{:?}", book.parts()) };
        near(of_factor.exposure, 0.75, 1e-12);
        near(of_factor.variance, common * factor, 1e-12);
        near(residual.variance, scale * 1e-4, 1e-12);
        near(book.variance(), common * factor + scale * 1e-4, 1e-12);
    }
}
