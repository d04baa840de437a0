//! Properties of every estimator: results do not depend on the scale or the order of the data, and degenerate
//! data gives finite estimates.

use betaflow_engine::frame::CrossSection;
use betaflow_engine::model::{Alarm, Estimates, Estimator, EstimatorKind, EstimatorSettings, Returns};
use betaflow_engine::settings::Calendar;
use betaflow_engine::time::TimestampNs;
use proptest::prelude::*;

use crate::support::{Market, Random};

const KINDS: [EstimatorKind; 2] = [EstimatorKind::Dlm, EstimatorKind::Mixture];

/// Factor and instrument returns of each frame, NaN where missing.
#[derive(Clone)]
struct Panel {
    frames: Vec<(Vec<f64>, Vec<f64>)>,
}

impl Panel {
    fn of(market: &Market) -> Self {
        let mut returns = Returns::new(true);
        let frames = market.frames().into_iter().map(|frame| {
            let mut y = returns.of(&frame).to_vec();
            y.resize(market.instruments, f64::NAN);
            (frame.factors, y)
        });
        Self { frames: frames.skip(1).collect() }
    }

    /// Builds a panel from a rule of frame number and random numbers.
    fn made(count: usize, mut rule: impl FnMut(usize, &mut Random) -> (Vec<f64>, Vec<f64>)) -> Self {
        let mut random = Random(7);
        Self { frames: (0..count).map(|at| rule(at, &mut random)).collect() }
    }

    fn scaled(&self, by: f64) -> Self {
        let times = |values: &[f64]| values.iter().map(|value| value * by).collect();
        Self { frames: self.frames.iter().map(|(f, y)| (times(f), times(y))).collect() }
    }

    /// Returns the panel with factors and instruments in another order.
    fn permuted(&self, factors: &[usize], instruments: &[usize]) -> Self {
        let pick = |values: &[f64], order: &[usize]| order.iter().map(|at| values[*at]).collect();
        Self { frames: self.frames.iter().map(|(f, y)| (pick(f, factors), pick(y, instruments))).collect() }
    }

    /// Returns the estimates after every `every` frames, and after the last.
    fn run(&self, filter: &mut dyn Estimator, every: usize) -> Vec<Estimates> {
        let mut seen = Vec::new();
        for (at, (factors, returns)) in self.frames.iter().enumerate() {
            filter.step(factors, returns, true);
            if at % every == every - 1 || at + 1 == self.frames.len() {
                let mut estimates =
                    Estimates { factors: factors.clone(), decides: true, ..Estimates::default() };
                filter.write(&mut estimates);
                seen.push(estimates);
            }
        }
        seen
    }
}

fn estimator(kind: EstimatorKind, settings: &EstimatorSettings, factors: usize) -> Box<dyn Estimator> {
    let settings = EstimatorSettings { kind, ..settings.clone() };
    betaflow_engine::model::estimator(&settings, &Calendar::default(), factors).unwrap()
}

fn estimates(kind: EstimatorKind, settings: &EstimatorSettings, panel: &Panel) -> Vec<Estimates> {
    let factors = panel.frames[0].0.len();
    panel.run(estimator(kind, settings, factors).as_mut(), 37)
}

/// Largest distance of two columns, relative to the largest absolute value; NaN must be in the same places.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let size = a.iter().filter(|v| !v.is_nan()).fold(0.0_f64, |size, v| size.max(v.abs()));
    let worst = a.iter().zip(b).fold(0.0_f64, |worst, (a, b)| {
        assert_eq!(a.is_nan(), b.is_nan());
        worst.max(if a == b || a.is_nan() { 0.0 } else { (a - b).abs() })
    });
    if worst == 0.0 { 0.0 } else { worst / size }
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// With returns and factors in other units, a power of two changes no bit of a beta, another factor only
    /// rounding.
    #[test]
    fn betas_have_no_scale(
        seed in 0..1_000_u64,
        instruments in 1..12_usize,
        factors in 1..5_usize,
        power in -60..40_i32,
        other in prop::sample::select(vec![1e-6, 1e6]),
    ) {
        let market =
            Market { seed, instruments, factors, frames: 300, missing: 0.03, late: 0.2, gone_at: Some(200) };
        let panel = Panel::of(&market);
        let settings = EstimatorSettings::default();
        for kind in KINDS {
            let plain = estimates(kind, &settings, &panel);
            let by = libm::exp2(f64::from(power));
            for (a, b) in plain.iter().zip(estimates(kind, &settings, &panel.scaled(by))) {
                prop_assert_eq!(bits(&a.betas), bits(&b.betas), "{:?} by 2^{}", kind, power);
                let scaled: Vec<f64> = a.alpha.iter().map(|alpha| alpha * by).collect();
                prop_assert_eq!(bits(&scaled), bits(&b.alpha), "{:?} by 2^{}", kind, power);
                let scaled: Vec<f64> = a.forecast_sd.iter().map(|sd| sd * by).collect();
                prop_assert_eq!(bits(&scaled), bits(&b.forecast_sd), "{:?} by 2^{}", kind, power);
            }
            for (a, b) in plain.iter().zip(estimates(kind, &settings, &panel.scaled(other))) {
                let worst = distance(&a.betas, &b.betas);
                prop_assert!(worst < 1e-10, "{:?} by {}: {}", kind, other, worst);
            }
        }
    }

    /// Instruments and factors in another order give the same estimates in that order. All factors have the
    /// same prior here; by default the prior of the first is that of the market.
    #[test]
    fn estimates_have_no_order(seed in 0..1_000_u64, turn in 1..8_usize, swap in 1..4_usize) {
        let (n, k) = (9, 4);
        let market =
            Market { seed, instruments: n, factors: k, frames: 250, missing: 0.02, late: 0.3, gone_at: None };
        let panel = Panel::of(&market);
        let instruments: Vec<usize> = (0..n).map(|i| (i * 2 + turn) % n).collect();
        let mut factors: Vec<usize> = (0..k).collect();
        factors.rotate_left(swap);
        factors.swap(0, 1);
        let settings = EstimatorSettings { initial_market_beta: 0.0, ..EstimatorSettings::default() };
        for kind in KINDS {
            let plain = estimates(kind, &settings, &panel);
            let other = estimates(kind, &settings, &panel.permuted(&factors, &instruments));
            for (a, b) in plain.iter().zip(&other) {
                let moved: Vec<f64> = instruments.iter().map(|i| a.alpha[*i]).collect();
                prop_assert!(distance(&moved, &b.alpha) < 1e-10, "{:?}: alpha", kind);
                for (at, factor) in factors.iter().enumerate() {
                    let moved: Vec<f64> = instruments.iter().map(|i| a.betas_on(*factor)[*i]).collect();
                    prop_assert!(distance(&moved, b.betas_on(at)) < 1e-10, "{:?}: factor {}", kind, factor);
                }
            }
        }
    }
}

/// Checks that all estimates of an instrument with a return are finite, and deviations positive.
fn assert_sound(name: &str, kind: EstimatorKind, estimates: &Estimates) {
    for i in (0..estimates.instruments()).filter(|i| estimates.started(*i)) {
        let mut values = vec![estimates.alpha[i], estimates.observation_var[i], estimates.forecast_mean[i]];
        values.extend((0..estimates.factors.len()).map(|j| estimates.betas_on(j)[i]));
        let mut positive = vec![estimates.forecast_sd[i], estimates.observation_var[i]];
        positive.extend((0..=estimates.factors.len()).map(|j| estimates.sd_of(j)[i]));
        assert!(values.iter().all(|v| v.is_finite()), "{name}, {kind:?}, instrument {i}: {values:?}");
        assert!(positive.iter().all(|v| *v > 0.0), "{name}, {kind:?}, instrument {i}: {positive:?}");
        let subnormal = values.iter().chain(&positive).find(|v| v.is_subnormal());
        assert_eq!(subnormal, None, "{name}, {kind:?}, instrument {i}");
    }
}

#[test]
fn degenerate_data_gives_finite_estimates_and_alarms() {
    const N: f64 = f64::NAN;
    type Rule = fn(usize, &mut Random) -> (Vec<f64>, Vec<f64>);
    let cases: [(&str, Rule, &[Option<Alarm>]); 9] = [
        (
            "a constant factor",
            |_, r| {
                let f = 0.01 * r.shock();
                (vec![f, 0.002], vec![f + 0.01 * r.shock(), 0.5 * f + 0.01 * r.shock()])
            },
            &[None, None],
        ),
        (
            "two equal factors",
            |_, r| {
                let f = 0.01 * r.shock();
                (vec![f, f], vec![f + 0.01 * r.shock(), 0.5 * f + 0.01 * r.shock()])
            },
            &[None, None],
        ),
        (
            "a factor of zeros",
            |_, r| {
                let f = 0.01 * r.shock();
                (vec![f, 0.0], vec![f + 0.01 * r.shock(), 0.5 * f + 0.01 * r.shock()])
            },
            &[None, None],
        ),
        (
            "one that never trades and one that trades once",
            |at, r| {
                let f = 0.01 * r.shock();
                let once = if at == 100 { 0.02 } else { N };
                (vec![f], vec![f + 0.01 * r.shock(), N, once])
            },
            &[None, Some(Alarm::NoVariance), None],
        ),
        ("returns that are all equal", |_, r| (vec![0.01 * r.shock()], vec![0.001]), &[None]),
        ("nothing but zeros", |_, _| (vec![0.0], vec![0.0, 0.0]), &[Some(Alarm::NoVariance); 2]),
        ("returns that are all zero", |_, r| (vec![0.01 * r.shock()], vec![0.0]), &[Some(Alarm::NoVariance)]),
        (
            "returns that the factor explains to the last digit",
            |_, r| {
                let f = 0.01 * r.shock();
                (vec![f], vec![1.5 * f, f + 0.01 * r.shock()])
            },
            &[Some(Alarm::NoVariance), None],
        ),
        ("no factor at all", |_, r| (vec![], vec![0.01 * r.shock()]), &[None]),
    ];
    for (name, rule, alarms) in cases {
        for kind in KINDS {
            let panel = Panel::made(6_000, rule);
            let factors = panel.frames[0].0.len();
            let mut filter = estimator(kind, &EstimatorSettings::default(), factors);
            for estimates in panel.run(filter.as_mut(), 500) {
                assert_sound(name, kind, &estimates);
            }
            let facts = filter.facts();
            for (i, (found, expected)) in facts.instruments.iter().zip(alarms).enumerate() {
                // A mixture shrinks an instrument towards the others, which leaves an error that can raise
                // another alarm.
                let pulled = kind == EstimatorKind::Mixture && facts.instruments.len() > 1;
                match expected {
                    Some(_) if pulled => assert!(found.alarm.is_some(), "{name}, instrument {i}"),
                    Some(_) => assert_eq!(found.alarm, *expected, "{name}, {kind:?}, instrument {i}"),
                    None => {}
                }
            }
        }
    }
}

/// Years of a factor of zeros, of two equal factors and without a trade, with ordinary years in between.
fn ten_million_frames(kind: EstimatorKind) {
    const YEAR: usize = 250_000;
    let frames = 10_000_000;
    let mut filter = estimator(kind, &EstimatorSettings::default(), 2);
    let mut random = Random(11);
    for at in 0..frames {
        let (market, other) = (0.01 * random.shock(), 0.005 * random.shock());
        let (factors, traded) = match at / YEAR % 4 {
            0 => ([market, other], true),
            1 => ([market, 0.0], true),
            2 => ([market, market], true),
            _ => ([market, other], at % 1_000 == 0),
        };
        let explained = factors[0] + 0.5 * factors[1];
        let returns = [
            explained + 0.01 * random.shock(),
            if traded { 0.7 * explained + 0.02 * random.shock() } else { f64::NAN },
        ];
        filter.step(&factors, &returns, false);
        if at % (YEAR / 2) == 0 {
            let mut estimates =
                Estimates { factors: factors.to_vec(), decides: true, ..Estimates::default() };
            filter.write(&mut estimates);
            assert_sound("ten million frames", kind, &estimates);
            let covariance = nalgebra::DMatrix::from_fn(3, 3, |a, b| estimates.coefficient_cov_of(0, a, b));
            assert!(covariance.cholesky().is_some(), "{kind:?}, frame {at}: indefinite");
        }
    }
}

#[test]
#[ignore = "takes long; `.ci/run` runs it"]
fn ten_million_frames_leave_the_dlm_sound() {
    ten_million_frames(EstimatorKind::Dlm);
}

#[test]
#[ignore = "takes long; `.ci/run` runs it"]
fn ten_million_frames_leave_the_mixture_sound() {
    ten_million_frames(EstimatorKind::Mixture);
}

/// Rows of a vendor: alpha, betas on two factors and residual deviation of each instrument.
fn rows_of_vendor(rows: &[[f64; 4]]) -> CrossSection {
    let values = (0..4).flat_map(|column| rows.iter().map(move |row| row[column])).collect();
    CrossSection { of: Some(TimestampNs(0)), columns: 4, values }
}

#[test]
fn given_risk_model_forecasts_with_its_last_rows() {
    const NONE: f64 = f64::NAN;
    let make = |factors| estimator(EstimatorKind::Given, &EstimatorSettings::default(), factors);
    let same = |found: f64, expected: f64| {
        found.is_nan() && expected.is_nan() || (found - expected).abs() <= 1e-15 * (1.0 + expected.abs())
    };
    // The third has no deviation at first; the second section names it alone. One without alpha has 0.
    let first = [[0.001, 1.0, -0.2, 0.02], [NONE, 0.5, 0.3, 0.01], [0.002, 2.0, 0.1, NONE]];
    let second = [[0.5, 0.5, 0.5, NONE], [NONE; 4], [0.004, 1.5, -0.4, 0.03]];
    let rows = |later: bool| {
        let third = if later { second[2] } else { [NONE; 4] };
        [first[0], [0.0, 0.5, 0.3, 0.01], third]
    };
    let factors = [[0.01, -0.02], [0.03, 0.01], [-0.02, 0.04], [0.01, 0.01]];
    let returns: [&[f64]; 4] =
        [&[0.01, 0.02], &[0.02, 0.03, 0.04], &[-0.01, NONE, 0.02], &[0.015, -0.01, -0.03]];
    let mut model = make(2);
    let mut scored: Vec<(usize, f64, f64, f64)> = Vec::new();
    for (at, (f, y)) in factors.iter().zip(returns).enumerate() {
        model.step(f, y, true);
        // Sections known on the first and the third frame: they act from the next frame on.
        match at {
            0 => model.give(&rows_of_vendor(&first)),
            2 => model.give(&rows_of_vendor(&second)),
            _ => model.give(&CrossSection::default()),
        }
        let mut found = Estimates { factors: f.to_vec(), decides: true, ..Estimates::default() };
        model.write(&mut found);
        assert_eq!(found.instruments(), 3);
        let (now, before) = (rows(at >= 2), if at == 0 { [[NONE; 4]; 3] } else { rows(at >= 3) });
        for i in 0..3 {
            let [alpha, on_first, on_second, deviation] = now[i];
            let zero = 0.0 * deviation;
            let forecast = before[i][0] + before[i][1] * f[0] + before[i][2] * f[1];
            let error = y.get(i).map_or(NONE, |r| r - forecast);
            for (name, found, expected) in [
                ("alpha", found.alpha[i], alpha),
                ("first beta", found.betas_on(0)[i], on_first),
                ("second beta", found.betas_on(1)[i], on_second),
                ("variance", found.observation_var[i], deviation * deviation),
                ("deviation of alpha", found.sd_of(0)[i], zero),
                ("deviation of a beta", found.sd_of(2)[i], zero),
                ("covariance", found.coefficient_cov_of(i, 1, 2), zero),
                ("forecast", found.forecast_mean[i], forecast),
                ("deviation of the forecast", found.forecast_sd[i], before[i][3]),
                ("error", found.forecast_error[i], error),
            ] {
                assert!(same(found, expected), "{name} of {i}, frame {at}: {found}, expected {expected}");
            }
            let infinite = if deviation.is_nan() { NONE } else { f64::INFINITY };
            assert!([found.dof[i], found.forecast_dof[i]].iter().all(|dof| dof.total_cmp(&infinite).is_eq()));
            if !error.is_nan() {
                scored.push((i, y[i], error, before[i][3] * before[i][3]));
            }
        }
        let facts = model.facts();
        assert_eq!((facts.groups, facts.largest_group), (1, if at < 2 { 2 } else { 3 }), "frame {at}");
        assert_eq!(facts.instruments.len(), 3);
        for (i, of) in facts.instruments.iter().enumerate() {
            assert_eq!(of.forecasts, scored.iter().filter(|scored| scored.0 == i).count() as u64);
        }
    }
    assert_eq!(scored.len(), 6);
    let count = scored.len() as f64;
    let sum =
        |of: &dyn Fn(f64, f64, f64) -> f64| scored.iter().map(|(_, r, e, v)| of(*r, *e, *v)).sum::<f64>();
    let total = model.facts().total;
    let density = |_: f64, e: f64, v: f64| -0.5 * (libm::log(2.0 * std::f64::consts::PI * v) + e * e / v);
    // The table of tails has a large number in place of infinite degrees of freedom.
    for (name, found, expected, tolerance) in [
        ("nis", total.nis, sum(&|_, e, v| e * e / v) / count, 1e-12),
        ("hedged R²", total.hedged_r2, 1.0 - sum(&|_, e, _| e * e) / sum(&|r, _, _| r * r), 1e-12),
        ("log density", total.log_predictive_density, sum(&density) / count, 1e-6),
    ] {
        let found = found.unwrap();
        assert!(
            (found - expected).abs() <= tolerance * expected.abs(),
            "{name}: {found}, expected {expected}"
        );
    }
    // A restored model continues to the same bits; one of other factors rejects the state.
    let (state, mut restored) = (model.save().unwrap(), make(2));
    restored.load(&state).unwrap();
    for one in [&mut model, &mut restored] {
        one.step(&[0.02, -0.01], &[0.01, 0.01, 0.01], true);
    }
    assert_eq!(restored.save().unwrap(), model.save().unwrap());
    assert!(make(3).load(&state).is_err());
}
