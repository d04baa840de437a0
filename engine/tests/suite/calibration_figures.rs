//! Figures of models from short series: calibration of forecasts by its definition, mean reversion, residual returns.

use betaflow_engine::groups::{GroupColumn, NO_GROUP};
use betaflow_engine::model::{
    Alarm, CalibrationFacts, Estimates, Estimator, EstimatorKind, EstimatorSettings, FirstFrame,
    FixedEstimator, FixedParameters, INTERVALS, PerInstrument, Reversion, StateSpace, estimator,
    residual_returns,
};
use betaflow_engine::portfolio::{NO_FACTOR, OwnLoadings};
use betaflow_engine::settings::Calendar;

use crate::support::Random;

fn near(found: f64, expected: f64, tolerance: f64, name: &str) {
    assert!((found - expected).abs() <= tolerance, "{name}: {found}, expected {expected}");
}

/// Log density of a t with these degrees of freedom and this squared scale.
fn log_density(error: f64, dof: f64, scale: f64) -> f64 {
    let constant = libm::lgamma(0.5 * (dof + 1.0))
        - libm::lgamma(0.5 * dof)
        - 0.5 * libm::log(dof * std::f64::consts::PI * scale);
    constant - 0.5 * (dof + 1.0) * libm::log1p(error * error / (dof * scale))
}

/// Probability that a t is at most `width` from its centre, by Simpson's rule.
fn within(width: f64, dof: f64) -> f64 {
    let steps = 400;
    let step = width / f64::from(steps);
    let weight = |at: i32| match at {
        0 => 1.0,
        at if at == steps => 1.0,
        at if at % 2 == 1 => 4.0,
        _ => 2.0,
    };
    2.0 * (0..=steps)
        .map(|at| weight(at) * libm::exp(log_density(step * f64::from(at), dof, 1.0)))
        .sum::<f64>()
        * step
        / 3.0
}

/// Sums of the forecasts of one instrument.
#[derive(Clone, Default)]
struct Scored {
    count: f64,
    squares: [f64; 2],
    standardised: f64,
    products: f64,
    inside: [f64; 3],
    densities: [f64; 2],
    alarms: f64,
    last: f64,
    baseline: (f64, f64),
    recent: [f64; 3],
}

impl Scored {
    fn add(&mut self, y: f64, mean: f64, sd: f64, dof: f64, discount: f64) {
        let width = (y - mean).abs() / (sd * (1.0 - 2.0 / dof).sqrt());
        self.add_within(if y.is_nan() { 1.0 } else { within(width, dof) }, y, mean, sd, dof, discount);
    }

    /// Adds a forecast, given the probability that its error is at most as large as it was.
    fn add_within(&mut self, probability: f64, y: f64, mean: f64, sd: f64, dof: f64, discount: f64) {
        if y.is_nan() {
            return;
        }
        let (error, scale) = (y - mean, sd * sd * (dof - 2.0) / dof);
        let inside = INTERVALS.map(|share| f64::from(u8::from(probability <= share)));
        let deviation = error / sd;
        let product = deviation * self.last;
        let (weight, variance) = self.baseline;
        let of_baseline = if variance > 0.0 { variance * (dof - 2.0) / dof } else { scale };
        self.count += 1.0;
        self.squares[0] += error * error;
        self.squares[1] += y * y;
        self.standardised += deviation * deviation;
        self.products += product;
        self.densities[0] += log_density(error, dof, scale);
        self.densities[1] += log_density(y, dof, of_baseline);
        self.inside.iter_mut().zip(inside).for_each(|(sum, inside)| *sum += inside);
        let sign = if product == 0.0 { 0.0 } else { product.signum() };
        let values = [inside[0] - INTERVALS[0], inside[2] - INTERVALS[2], sign];
        self.recent.iter_mut().zip(values).for_each(|(mean, value)| *mean += (value - *mean) / 250.0);
        let deviations = [0.5, (0.95_f64 * 0.05).sqrt(), 1.0];
        let off =
            self.recent.iter().zip(deviations).any(|(mean, of)| mean.abs() > 5.0 * of / 499.0_f64.sqrt());
        self.alarms += f64::from(u8::from(off));
        self.last = deviation;
        let total = discount * weight + 1.0;
        self.baseline = (total, (discount * weight * variance + y * y) / total);
    }

    fn assert_equals(&self, found: &CalibrationFacts, name: &str) {
        assert_eq!(found.forecasts as f64, self.count, "{name}");
        near(
            found.hedged_r2.unwrap(),
            1.0 - self.squares[0] / self.squares[1],
            1e-9,
            &format!("{name}, hedged R²"),
        );
        near(found.nis.unwrap(), self.standardised / self.count, 1e-9, &format!("{name}, squared error"));
        near(
            found.autocorrelation.unwrap(),
            self.products / self.standardised,
            1e-9,
            &format!("{name}, autocorrelation"),
        );
        near(
            found.log_predictive_density.unwrap(),
            self.densities[0] / self.count,
            1e-4,
            &format!("{name}, density"),
        );
        let baseline = found.baseline_log_predictive_density.unwrap();
        near(baseline, self.densities[1] / self.count, 1e-4, &format!("{name}, baseline"));
        // The intervals are those of nearly the same degrees of freedom.
        let one = 3.0 / self.count;
        for (found, inside) in found.coverage.into_iter().zip(self.inside) {
            near(found.unwrap(), inside / self.count, one, &format!("{name}, coverage"));
        }
        near(found.share_in_alarm.unwrap(), self.alarms / self.count, 0.02, &format!("{name}, alarms"));
    }
}

#[test]
fn calibration_of_forecasts_follows_its_definition() {
    let settings = EstimatorSettings { kind: EstimatorKind::Dlm, ..EstimatorSettings::default() };
    let mut filter = estimator(&settings, &Calendar::default(), 1).unwrap();
    let mut random = Random(3);
    let n = 11;
    let (mut scored, mut memory) = (vec![Scored::default(); n], 0.0);
    for at in 0..2_500 {
        let factor = 0.01 * random.shock();
        memory = 0.7 * memory + 0.01 * random.shock();
        let returns: Vec<f64> = (0..n)
            .map(|i| match i {
                // Errors that follow each other, jumps of volatility, gaps, and fat tails.
                1 => factor + memory,
                2 => factor + if at / 40 % 4 == 0 { 0.06 } else { 0.004 } * random.shock(),
                3 if at % 7 == 0 => f64::NAN,
                4 => 0.02 * random.shock() * random.shock() * random.shock(),
                _ => 0.2 * i as f64 * factor + 0.01 * random.shock(),
            })
            .collect();
        let scores = at >= 30;
        filter.step(&[factor], &returns, scores);
        let mut estimates = Estimates { factors: vec![factor], decides: true, ..Estimates::default() };
        filter.write(&mut estimates);
        for (i, scored) in scored.iter_mut().enumerate().filter(|_| scores) {
            let (mean, sd, dof) =
                (estimates.forecast_mean[i], estimates.forecast_sd[i], estimates.forecast_dof[i]);
            scored.add(returns[i], mean, sd, dof, settings.variance_discount);
        }
    }
    let facts = filter.facts();
    let mut alarms = 0.0;
    for (i, (found, scored)) in facts.instruments.iter().zip(&scored).enumerate() {
        scored.assert_equals(found, &format!("instrument {i}"));
        alarms += scored.alarms;
    }
    assert!(alarms > 500.0, "{alarms} alarms");
    let total = |of: &dyn Fn(&Scored) -> f64| scored.iter().map(of).sum::<f64>();
    near(
        facts.total.nis.unwrap(),
        total(&|scored| scored.standardised) / total(&|scored| scored.count),
        1e-9,
        "total",
    );
}

/// Errors of standard normal forecasts, twenty at a time: as many small, usual and large ones, inside the 50 % interval,
/// between the 50 and the 90 % interval, and outside the 95 % interval; the sign is that of `signs`.
fn errors_of([small, usual, large]: [usize; 3], signs: fn(usize) -> f64, at: usize) -> f64 {
    assert_eq!(small + usual + large, 20);
    // Seven has no common factor with twenty: the sizes are spread over the twenty frames.
    let size = match at * 7 % 20 {
        place if place < small => 0.3,
        place if place < small + usual => 1.2,
        _ => 2.5,
    };
    signs(at) * size
}

#[test]
fn alarms_follow_the_errors_of_each_instrument() {
    let balanced: fn(usize) -> f64 = |at| if at / 2 % 2 == 0 { 1.0 } else { -1.0 };
    let same: fn(usize) -> f64 = |_| 1.0;
    let alternating: fn(usize) -> f64 = |at| if at % 2 == 0 { 1.0 } else { -1.0 };
    let kinds = [
        ([10, 9, 1], balanced, None),
        ([6, 13, 1], balanced, Some(Alarm::TooNarrow)),
        ([10, 7, 3], balanced, Some(Alarm::TooNarrow)),
        ([14, 5, 1], balanced, Some(Alarm::TooWide)),
        ([10, 10, 0], balanced, Some(Alarm::TooWide)),
        ([10, 9, 1], same, Some(Alarm::Autocorrelated)),
        ([10, 9, 1], alternating, Some(Alarm::Autocorrelated)),
        ([6, 14, 0], same, Some(Alarm::TooNarrow)),
        ([14, 6, 0], alternating, Some(Alarm::TooWide)),
    ];
    let (n, frames) = (2 * kinds.len() + 1, 1_600);
    // Without uncertainty of alpha, every forecast is a standard normal distribution.
    let mut parameters = FixedParameters::standard(1);
    parameters.transition_covariance = PerInstrument::Common(vec![0.0]);
    parameters.initial_covariance = PerInstrument::Common(vec![0.0]);
    let mut filter = FixedEstimator::with_parameters(parameters, FirstFrame::Listing, 0.97, 0).unwrap();
    let mut scored = vec![Scored::default(); n];
    for at in 0..frames {
        let y = |i: usize| match kinds[i % kinds.len()] {
            // Every fifth instrument has its first return late.
            _ if i % 5 == 4 && at < 40 => f64::NAN,
            (sizes, signs, _) => errors_of(sizes, signs, at),
        };
        let returns: Vec<f64> = (0..n).map(y).collect();
        filter.step(&[], &returns, true);
        for (scored, y) in scored.iter_mut().zip(returns) {
            let probability = libm::erf(y.abs() / 2.0_f64.sqrt());
            scored.add_within(probability, y, 0.0, 1.0, 1e9, 0.97);
        }
    }
    for (i, (found, scored)) in filter.facts().instruments.iter().zip(&scored).enumerate() {
        let (sizes, _, alarm) = kinds[i % kinds.len()];
        assert_eq!(found.alarm, alarm, "instrument {i}, {sizes:?}");
        scored.assert_equals(found, &format!("instrument {i}, {sizes:?}"));
        let share = scored.alarms / scored.count;
        near(found.share_in_alarm.unwrap(), share, 1e-12, &format!("instrument {i}, alarms"));
        let coverage = scored.inside.map(|inside| Some(inside / scored.count));
        assert_eq!(found.coverage, coverage, "instrument {i}");
    }
}

#[test]
fn deviation_of_a_coverage_is_in_binomial_standard_errors() {
    let facts = |coverage: [Option<f64>; 3]| CalibrationFacts {
        forecasts: 400,
        coverage,
        ..CalibrationFacts::default()
    };
    near(facts([None; 3]).coverage_deviation(), 0.0, 0.0, "none");
    near(facts([Some(0.55), Some(0.9), None]).coverage_deviation(), 0.05 / 0.025, 1e-9, "50 %");
    near(facts([Some(0.5), Some(0.84), Some(0.95)]).coverage_deviation(), 0.06 / 0.015, 1e-9, "90 %");
}

#[test]
fn reversion_is_the_regression_on_the_value_before() {
    let series = [1.0, 0.4, 0.9, 0.1, 0.5, -0.2, 0.3, 0.35];
    let found = Reversion::fit(&series);
    // The slope is below 0: no reversion of this kind.
    assert!(found.is_none());
    let series = [2.0, 1.5, 1.3, 1.25, 0.8, 0.9, 0.4, 0.6, 0.3, 0.45];
    let (from, to) = (&series[..9], &series[1..]);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (x, y) = (mean(from), mean(to));
    let square: f64 = from.iter().map(|value| (value - x) * (value - x)).sum();
    let b = from.iter().zip(to).map(|(u, v)| (u - x) * (v - y)).sum::<f64>() / square;
    let a = y - b * x;
    let noise = from.iter().zip(to).map(|(u, v)| (v - a - b * u) * (v - a - b * u)).sum::<f64>() / 9.0;
    let found = Reversion::fit(&series).unwrap();
    assert!(b > 0.3 && b < 1.0, "{b}");
    near(found.b, b, 1e-12, "slope");
    near(found.a, a, 1e-12, "intercept");
    near(found.rate, -libm::log(b), 1e-12, "rate");
    near(found.mean, a / (1.0 - b), 1e-12, "mean");
    near(found.deviation, (noise / (1.0 - b * b)).sqrt(), 1e-12, "deviation");
    near(found.score(0.7), (0.7 - found.mean) / found.deviation, 1e-12, "score");
    assert!(Reversion::fit(&series[..3]).is_none() && Reversion::fit(&series[..4]).is_some());
    // A walk away from its start, a constant, and a series without noise.
    for none in [
        &[1.0, 2.0, 4.0, 8.0, 16.5][..],
        &[1.0; 6],
        &[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0],
        &[1.0, 1.0, -1.0, -1.0, 1.0],
    ] {
        assert!(Reversion::fit(none).is_none(), "{none:?}");
    }
    // Halves to the bit: a slope of 0.5 without noise.
    for none in [&[16.0, 8.0, 4.0, 2.0, 1.0][..], &[-3.0, -1.0, 0.0, 0.5, 0.75]] {
        assert!(Reversion::fit(none).is_none(), "{none:?}");
    }
}

#[test]
fn residual_returns_are_returns_less_what_factors_explain() {
    let betas = [0.5, 2.0, -1.0, 3.0];
    let mut out = vec![9.0];
    // Two instruments had betas on two factors before the frame; the third is new.
    residual_returns(&betas, &[0.02, 0.01], &[], &[0.05, 0.04, 0.03], &mut out);
    assert_eq!(out.len(), 4);
    near(out[1], 0.05 - 0.5 * 0.02 + 1.0 * 0.01, 1e-15, "first");
    near(out[2], 0.04 - 2.0 * 0.02 - 3.0 * 0.01, 1e-15, "second");
    assert!(out[0] == 9.0 && out[3].is_nan());
}

#[test]
fn residual_returns_are_returns_less_what_groups_explain() {
    let column = |of: [u32; 4], returns: [f64; 2], has_factors: bool| GroupColumn {
        of: of.to_vec(),
        returns: returns.to_vec(),
        has_factors,
        ..GroupColumn::default()
    };
    let groups = [
        column([0, 1, NO_GROUP, 0], [0.02, f64::NAN], true),
        column([0, 0, 0, 0], [0.9, 0.9], false),
        column([1, 0, 0, 0], [0.04, -0.03], true),
    ];
    // Three instruments had loadings on the factor, on the first and on the last column of groups.
    let betas = [1.5, 0.5, -1.0, 0.7, 0.8, 0.9, 2.0, 3.0, f64::NAN];
    let mut out = Vec::new();
    residual_returns(&betas, &[0.01], &groups, &[0.05, 0.06, 0.07, 0.08], &mut out);
    near(out[0], 0.05 - 1.5 * 0.01 - 0.7 * 0.02 + 2.0 * 0.03, 1e-15, "loads on both");
    near(out[1], 0.06 - 0.5 * 0.01 - 3.0 * 0.04, 1e-15, "group without a factor");
    near(out[2], 0.07 + 1.0 * 0.01, 1e-15, "no group, and no loading");
    assert!(out.len() == 4 && out[3].is_nan());
}

#[test]
fn saved_estimators_go_on_where_they_were() {
    for kind in [EstimatorKind::Dlm, EstimatorKind::Mixture, EstimatorKind::Given] {
        let settings = EstimatorSettings { kind, ..EstimatorSettings::default() };
        let made = || estimator(&settings, &Calendar::default(), 2).unwrap();
        let (mut whole, mut random) = (made(), Random(5));
        let mut step = |filter: &mut dyn Estimator| {
            let factors = [0.01 * random.shock(), 0.01 * random.shock()];
            filter.step(&factors, &[factors[0] + 0.01 * random.shock(), 0.02 * random.shock()], true);
        };
        (0..50).for_each(|_| step(whole.as_mut()));
        let mut resumed = made();
        resumed.load(&whole.save().unwrap()).unwrap();
        assert_eq!(resumed.facts(), whole.facts(), "{kind:?}");
        assert_eq!(resumed.save().unwrap(), whole.save().unwrap(), "{kind:?}");
    }
}

#[test]
fn loadings_of_groups_add_their_products() {
    let own = OwnLoadings { factor: vec![2, NO_FACTOR, 1], loading: vec![0.5, 0.0, 3.0] };
    let mut out = [1.0, 2.0, 3.0];
    own.add_products(&[10.0, 20.0, 40.0], &mut out);
    assert_eq!(out, [21.0, 2.0, 63.0]);
    assert_eq!([0, 1, 2].map(|i| own.of(i)), [Some((2, 0.5)), None, Some((1, 3.0))]);
}

#[test]
fn state_space_without_a_scale_starts_at_the_beta_of_the_market() {
    let (factors, returns) = ([0.01, -0.02, 0.015, 0.005], [0.012, -0.018, 0.02, 0.004]);
    for (factors, columns) in [(&factors[..0], 0), (&factors[..], 1), (&[factors, factors].concat()[..], 2)] {
        let found = StateSpace::scale_free(factors, &returns, 1.25, 1).unwrap();
        let mut expected = vec![0.0; columns + 1];
        expected.iter_mut().skip(1).take(1).for_each(|mean| *mean = 1.25);
        assert_eq!(found.initial_mean.as_slice(), expected);
    }
}

#[test]
fn state_space_starts_at_the_scale_of_the_data() {
    let returns = [0.012, -0.018, f64::NAN, 0.02, 0.004];
    let factors = [0.01, 3.0, -0.02, 1.0, 0.015, 0.0, 0.005, -2.0, 0.03, 1.0];
    let mean_square = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64;
    let r = mean_square(&[0.012, -0.018, 0.02, 0.004]);
    let of = |j: usize| factors.iter().skip(j).step_by(2).copied().collect::<Vec<_>>();
    let wide = [1e-3 * r, r / mean_square(&of(0)), r / mean_square(&of(1))];
    for frames_per_day in [1, 4, 390] {
        let found = StateSpace::scale_free(&factors, &returns, 0.8, frames_per_day).unwrap();
        near(found.observation_variance, r, 1e-14, "R");
        assert_eq!(found.initial_mean.as_slice(), [0.0, 0.8, 0.0]);
        for (a, b) in (0..9).map(|at| (at / 3, at % 3)) {
            let of_diagonal = |value: f64| if a == b { value } else { 0.0 };
            let (p, q) = (found.initial_covariance[(a, b)], found.transition_covariance[(a, b)]);
            near(found.transition[(a, b)], of_diagonal(1.0), 0.0, "F");
            near(p, of_diagonal(wide[a]), 1e-12 * wide[a], "P");
            let a_frame = wide[a] / (1e4 * f64::from(frames_per_day));
            near(q, of_diagonal(a_frame), 1e-12 * a_frame, "Q");
        }
    }
}
