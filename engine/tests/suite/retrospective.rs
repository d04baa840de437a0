//! The DLM's retrospective agrees with West & Harrison 4.8 and 10.8, written out; and the start of EM.

use betaflow_engine::model::{
    Dlm, Em, Estimates, Estimator, EstimatorSettings, PairedForecasts, Retrospective, Returns, StateSpace,
    WindUp,
};
use betaflow_engine::settings::Calendar;
use nalgebra::{DMatrix, DVector};

use crate::support::{Market, Random};

/// Input of the filter: factors one frame after another, and returns by frame, NaN where missing.
struct Panel {
    factors: Vec<f64>,
    returns: Vec<Vec<f64>>,
    k: usize,
}

impl Panel {
    fn of(market: &Market) -> Self {
        let mut returns = Returns::new(true);
        let frames = market.frames();
        Self {
            returns: frames.iter().map(|frame| returns.of(frame).to_vec()).collect(),
            factors: frames.iter().flat_map(|frame| frame.factors.clone()).collect(),
            k: market.factors + 1,
        }
    }

    fn factors_of(&self, t: usize) -> &[f64] {
        &self.factors[t * (self.k - 1)..(t + 1) * (self.k - 1)]
    }

    fn run(&self, filter: &mut dyn Estimator) -> Estimates {
        for (t, y) in self.returns.iter().enumerate() {
            filter.step(self.factors_of(t), y, false);
        }
        let mut estimates = Estimates { factors: self.factors_of(0).to_vec(), ..Estimates::default() };
        filter.write(&mut estimates);
        estimates
    }

    /// Returns of an instrument from a frame on.
    fn from(&self, frame: usize, instrument: usize) -> Vec<f64> {
        let of = |row: &Vec<f64>| row.get(instrument).copied().unwrap_or(f64::NAN);
        self.returns[frame..].iter().map(of).collect()
    }
}

/// State of the filter on one frame: m and C, a and R, S, n and the n of the frame's forecast.
#[derive(Clone)]
struct Step {
    m: DVector<f64>,
    c: DMatrix<f64>,
    r: DMatrix<f64>,
    s: f64,
    n: f64,
    prior_n: f64,
}

/// Filter and retrospective in W&H's notation: covariances unscaled, with S carried along.
fn reference(
    settings: &EstimatorSettings,
    s0: f64,
    panel: &Panel,
    start: usize,
    returns: &[f64],
) -> Vec<(DVector<f64>, DMatrix<f64>, f64, f64)> {
    let k = panel.k;
    let prior =
        |j: usize| if j > 0 { settings.initial_variance } else { settings.initial_alpha_variance.unwrap() };
    let delta = |j: usize| if j > 0 { settings.discount_factor } else { settings.alpha_discount_factor };
    let mut steps: Vec<Step> = Vec::new();
    for (t, &y) in returns.iter().enumerate() {
        let x = DVector::from_iterator(
            k,
            std::iter::once(1.0).chain(panel.factors_of(start + t).iter().copied()),
        );
        let (m, mut r, s, n) = match steps.last() {
            Some(last) => (last.m.clone(), last.c.clone(), last.s, last.n),
            None => {
                let mut m = DVector::zeros(k);
                m[1] = settings.initial_market_beta;
                let r = DMatrix::from_fn(k, k, |i, j| if i == j { prior(i) } else { 0.0 });
                (m, r, s0, settings.observation_dof)
            }
        };
        let mut prior_n = n;
        if t > 0 && (!y.is_nan() || settings.discount_missing) {
            for i in 0..k {
                for j in 0..k {
                    r[(i, j)] /= if (i > 0) == (j > 0) { delta(i) } else { 1.0 };
                }
            }
            prior_n *= settings.variance_discount;
            if settings.wind_up == WindUp::Bounded {
                let mut precision = r.clone().try_inverse().unwrap();
                for j in 0..k {
                    precision[(j, j)] += (1.0 - delta(j)) / (prior(j) * s / s0);
                }
                r = precision.try_inverse().unwrap();
                prior_n = prior_n.max(n.min(10.0));
            }
        }
        let mut step = Step { m, c: r.clone(), r, s, n: prior_n, prior_n };
        if !y.is_nan() {
            let q = x.dot(&(&step.r * &x)) + s;
            let (e, a) = (y - x.dot(&step.m), &step.r * &x / q);
            step.n = prior_n + 1.0;
            step.s = s * (prior_n + e * e / q) / step.n;
            step.m += &a * e;
            let c = (&step.r - &a * a.transpose() * q) * (step.s / s);
            step.c = (&c + c.transpose()) * 0.5;
        }
        steps.push(step);
    }
    // W&H 4.8, theorem 4.4: a_t(−k) and R_t(−k), with S_t(−k) and n_t(−k) of 10.8.
    let last = steps.last().unwrap();
    let (mut a, mut r, mut s, mut n) = (last.m.clone(), last.c.clone(), last.s, last.n);
    // R_t(−k) is scaled by the S of each filter step; the retrospective S replaces it at the end.
    let mut seen = vec![(a.clone(), r.clone(), s, n)];
    for t in (0..steps.len() - 1).rev() {
        let (now, next) = (&steps[t], &steps[t + 1]);
        let b = &now.c * next.r.clone().try_inverse().unwrap();
        a = &now.m + &b * (&a - &now.m);
        // Rescale from S_{t+1} to S_t, the scale of R_{t+1}.
        r = &now.c + &b * (&r * (now.s / next.s) - &next.r) * b.transpose();
        let beta = next.prior_n / now.n;
        s = 1.0 / ((1.0 - beta) / now.s + beta / s);
        n = (1.0 - beta) * now.n + beta * n;
        seen.push((a.clone(), &r * (s / now.s), s, n));
    }
    seen.reverse();
    seen
}

/// True if equal to 1e-9, or both infinite.
fn equal(a: f64, b: f64) -> bool {
    a == b || (a / b - 1.0).abs() < 1e-9
}

fn stated() -> EstimatorSettings {
    EstimatorSettings {
        observation_variance: Some(2e-4),
        initial_alpha_variance: Some(2e-7),
        ..EstimatorSettings::default()
    }
}

#[test]
fn equals_west_and_harrison_4_8_with_the_variance_of_10_8() {
    let full = Market { instruments: 4, frames: 500, ..Market::default() };
    let holes = Market { missing: 0.3, late: 0.5, gone_at: Some(350), ..full };
    let plain = EstimatorSettings { wind_up: WindUp::Plain, discount_factor: 0.98, ..stated() };
    let learned = EstimatorSettings { variance_discount: 1.0, ..plain.clone() };
    let held = EstimatorSettings { discount_missing: false, ..plain.clone() };
    let both = EstimatorSettings { alpha_discount_factor: 0.999, ..plain.clone() };
    let bounded = EstimatorSettings { wind_up: WindUp::Bounded, ..both.clone() };
    for (name, market, settings) in [
        ("nothing missing", full, &plain),
        ("variance not discounted", full, &learned),
        ("30 % missing, late, one that ends", holes, &plain),
        ("missing returns not discounted", holes, &held),
        ("both blocks discounted", holes, &both),
        ("bounded", holes, &bounded),
    ] {
        let panel = Panel::of(&market);
        let calendar = Calendar::default();
        let mut filter = Dlm::new(settings, &calendar, panel.k - 1);
        panel.run(&mut filter);
        for i in 0..market.instruments {
            let start = filter.start(i).unwrap();
            let returns = panel.from(start.frame, i);
            let factors = &panel.factors[start.frame * (panel.k - 1)..];
            let found = Retrospective::of(settings, &calendar, start.observation_variance, factors, &returns);
            let expected = reference(settings, 2e-4, &panel, start.frame, &returns);
            assert_eq!(found.frames(), expected.len());
            for (t, (a, r, s, n)) in expected.iter().enumerate() {
                let dof = *n;
                assert!(equal(found.dof(t), dof), "{name}: n of frame {t}");
                assert!(equal(found.observation_variance(t), *s), "{name}: S of frame {t}");
                for j in 0..panel.k {
                    let scale = r[(j, j)].sqrt();
                    let apart = (found.mean(t)[j] - a[j]).abs() / scale;
                    assert!(apart < 1e-9, "{name}: coefficient {j} of frame {t} is {apart:e} sd off");
                    // For two degrees of freedom or fewer a t has no variance.
                    let of_t = if dof > 2.0 { dof / (dof - 2.0) } else { f64::INFINITY };
                    assert!(equal(found.sd(t, j), scale * of_t.sqrt()), "{name}: sd {j} of frame {t}");
                }
            }
        }
    }
}

#[test]
fn last_frame_equals_the_filter_and_no_frame_has_a_larger_sd_than_the_filter() {
    let market =
        Market { instruments: 21, missing: 0.05, late: 0.4, gone_at: Some(300), ..Market::default() };
    let panel = Panel::of(&market);
    let calendar = Calendar::default();
    for settings in [
        EstimatorSettings::default(),
        EstimatorSettings { discount_missing: false, ..stated() },
        EstimatorSettings { discount_factor: 0.95, wind_up: WindUp::Plain, ..EstimatorSettings::default() },
    ] {
        let mut filter = Dlm::new(&settings, &calendar, panel.k - 1);
        let estimates = panel.run(&mut filter);
        for i in 0..market.instruments {
            let start = filter.start(i).unwrap();
            let returns = panel.from(start.frame, i);
            let factors = &panel.factors[start.frame * (panel.k - 1)..];
            let s0 = start.observation_variance;
            let found = Retrospective::of(&settings, &calendar, s0, factors, &returns);
            let last = found.frames() - 1;
            // The instrument has the same bits with the other instruments as alone.
            assert_eq!(found.mean(last)[0].to_bits(), estimates.alpha[i].to_bits());
            for j in 1..panel.k {
                assert_eq!(found.mean(last)[j].to_bits(), estimates.betas_on(j - 1)[i].to_bits());
                assert!(equal(found.sd(last, j), estimates.sd_of(j)[i]));
            }
            assert_eq!(found.observation_variance(last).to_bits(), estimates.observation_var[i].to_bits());
            for t in (0..last).step_by(50) {
                let until = &returns[..=t];
                let known =
                    Retrospective::of(&settings, &calendar, s0, &factors[..(t + 1) * (panel.k - 1)], until);
                for j in 0..panel.k {
                    let at = j * panel.k + j;
                    let (then, now) = (known.scaled_covariance(t)[at], found.scaled_covariance(t)[at]);
                    assert!(now <= then * (1.0 + 1e-9), "frame {t}, coefficient {j}: {now} and then {then}");
                }
            }
        }
    }
}

#[test]
fn start_of_em_does_not_depend_on_units() {
    let mut random = Random(5);
    let factors: Vec<f64> = (0..600).map(|_| 0.01 * random.shock()).collect();
    let y = |t: usize| 1.2 * factors[2 * t] - 0.5 * factors[2 * t + 1];
    let mut returns: Vec<f64> = (0..300).map(|t| y(t) + 0.01 * random.shock()).collect();
    returns[17] = f64::NAN;
    let start = StateSpace::scale_free(&factors, &returns, 1.0, 1).unwrap();
    start.check().unwrap();
    let percent = |values: &[f64]| -> Vec<f64> { values.iter().map(|value| 128.0 * value).collect() };
    let scaled = StateSpace::scale_free(&percent(&factors), &percent(&returns), 1.0, 1).unwrap();
    let em = Em { steps: 8, tolerance: 0.0 };
    let fitted = em.fit(&start, &factors, &returns).unwrap();
    let again = em.fit(&scaled, &percent(&factors), &percent(&returns)).unwrap();
    assert!(fitted.log_likelihood.windows(2).all(|pair| pair[1] > pair[0]), "{:?}", fitted.log_likelihood);
    let (one, other) = (&fitted.parameters.initial_mean, &again.parameters.initial_mean);
    assert!((one[1] - other[1]).abs() < 1e-9 && (one[2] - other[2]).abs() < 1e-9, "{one:?} and {other:?}");
    assert!(StateSpace::scale_free(&factors[..4], &[0.0, f64::NAN], 1.0, 1).is_none(), "nothing moves");
    assert!(StateSpace::scale_free(&[], &[], 1.0, 1).is_none());
    // A factor of zeros has no scale.
    StateSpace::scale_free(&[0.0; 300], &returns, 1.0, 1).unwrap().check().unwrap();
}

#[test]
fn hedged_r2_counts_frames_with_both_forecasts() {
    let mut paired = PairedForecasts::default();
    assert_eq!((paired.forecasts(), paired.hedged_r2()), (0, None));
    paired.observe(f64::NAN, [0.1, 0.1]);
    paired.observe(0.2, [f64::NAN, 0.1]);
    paired.observe(0.2, [0.1, 0.2]);
    assert_eq!(paired.forecasts(), 1);
    assert_eq!(paired.hedged_r2(), Some([0.75, 1.0]));
}
