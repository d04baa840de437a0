//! The filter agrees with West & Harrison's recursions, written out for one instrument at a time.

use betaflow_engine::model::{
    Dlm, Estimates, Estimator, EstimatorSettings, Evolution, LaneBlock, Returns, ScaledCovariance, WindUp,
};
use betaflow_engine::settings::Calendar;
use nalgebra::{DMatrix, DVector};

use crate::support::{Market, Random};

/// Prior variance of coefficient j, in units of the observation variance.
fn scaled_prior(settings: &EstimatorSettings) -> impl Fn(usize) -> f64 {
    let s = settings.observation_variance.unwrap();
    let prior = [settings.initial_alpha_variance.unwrap() / s, settings.initial_variance / s];
    move |j| prior[usize::from(j > 0)]
}

/// Settings with an explicit prior.
fn stated() -> EstimatorSettings {
    EstimatorSettings {
        observation_variance: Some(2e-4),
        initial_alpha_variance: Some(2e-7),
        ..EstimatorSettings::default()
    }
}

/// W&H 4.5 with component discounting (6.3) and variance discounting (10.8), full covariance, unscaled.
struct Reference {
    settings: EstimatorSettings,
    m: DVector<f64>,
    c: DMatrix<f64>,
    s: f64,
    n: f64,
    started: bool,
}

impl Reference {
    fn new(settings: &EstimatorSettings, k: usize) -> Self {
        let s = settings.observation_variance.unwrap();
        let prior = scaled_prior(settings);
        let mut m = DVector::zeros(k);
        m[1] = settings.initial_market_beta;
        let c = DMatrix::from_fn(k, k, |i, j| if i == j { prior(i) * s } else { 0.0 });
        Self { settings: settings.clone(), m, c, s, n: settings.observation_dof, started: false }
    }

    fn evolve(&mut self) {
        let Self { settings, c, n, s, .. } = self;
        let k = c.nrows();
        let block = |j: usize| usize::from(j > 0);
        let delta = [settings.alpha_discount_factor, settings.discount_factor];
        for i in 0..k {
            for j in 0..k {
                if block(i) == block(j) {
                    c[(i, j)] /= delta[block(i)];
                }
            }
        }
        if settings.wind_up == WindUp::Bounded {
            // R⁻¹ + blockdiag((1 − δ) K0), by inversion.
            let mut precision = c.clone().try_inverse().unwrap();
            let prior = scaled_prior(settings);
            for j in 0..k {
                precision[(j, j)] += (1.0 - delta[block(j)]) / (prior(j) * *s);
            }
            *c = precision.try_inverse().unwrap();
        }
        let floor = if settings.wind_up == WindUp::Bounded { 10.0 } else { 0.0 };
        *n = (settings.variance_discount * *n).max(n.min(floor));
    }

    fn step(&mut self, x: &DVector<f64>, y: f64) {
        if y.is_nan() {
            if self.started && self.settings.discount_missing {
                self.evolve();
            }
            return;
        }
        if self.started {
            self.evolve();
        }
        self.started = true;
        let f = x.dot(&self.m);
        let q = x.dot(&(&self.c * x)) + self.s;
        let e = y - f;
        let a = &self.c * x / q;
        let n = self.n + 1.0;
        let s = self.s * (self.n + e * e / q) / n;
        self.m += &a * e;
        let c = (&self.c - &a * a.transpose() * q) * (s / self.s);
        self.c = (&c + c.transpose()) * 0.5;
        self.s = s;
        self.n = n;
    }
}

/// Runs both over a market and returns the largest distance of a state from the reference, relative to its
/// norm.
fn worst_distance(market: &Market, settings: &EstimatorSettings) -> (f64, usize) {
    let k = market.factors + 1;
    let mut filter = Dlm::new(settings, &Calendar::default(), market.factors);
    let mut reference: Vec<Reference> = Vec::new();
    let mut returns = Returns::new(true);
    let mut estimates = Estimates::default();
    let mut worst = 0.0_f64;
    for frame in market.frames() {
        let y = returns.of(&frame).to_vec();
        filter.step(&frame.factors, &y, true);
        reference.resize_with(y.len(), || Reference::new(settings, k));
        let x = DVector::from_iterator(k, std::iter::once(1.0).chain(frame.factors.iter().copied()));
        estimates.factors.clone_from(&frame.factors);
        filter.write(&mut estimates);
        for (i, (reference, y)) in reference.iter_mut().zip(&y).enumerate() {
            reference.step(&x, *y);
            if !reference.started {
                assert!(!estimates.started(i));
                continue;
            }
            let mut state = vec![estimates.alpha[i]];
            state.extend((0..market.factors).map(|j| estimates.betas_on(j)[i]));
            let distance = (DVector::from_vec(state) - &reference.m).norm() / reference.m.norm();
            let variance = (estimates.observation_var[i] / reference.s - 1.0).abs();
            worst = worst.max(distance).max(variance);
        }
    }
    (worst, filter.groups())
}

#[test]
fn equals_west_and_harrison_instrument_by_instrument() {
    let full = Market { instruments: 21, frames: 600, ..Market::default() };
    let holes = Market { missing: 0.3, late: 0.4, ..full };
    let late = Market { late: 0.5, ..full };
    let single = Market { instruments: 1, factors: 6, missing: 0.1, ..full };
    let many = Market { instruments: 2, factors: 11, frames: 250, ..full };
    let plain = EstimatorSettings { wind_up: WindUp::Plain, ..stated() };
    let bounded = stated();
    let both = EstimatorSettings { alpha_discount_factor: 0.999, discount_factor: 0.98, ..bounded.clone() };
    let held = EstimatorSettings { discount_missing: false, ..plain.clone() };
    // The bounded reference inverts twice a step, so its own accuracy is only that of the tolerance.
    let cases = [
        ("nothing missing", full, &plain, 1e-10, 1..=1),
        ("30 % missing, late listings", holes, &plain, 1e-10, 21..=21),
        ("late listings", late, &plain, 1e-10, 2..=15),
        ("missing returns not discounted", holes, &held, 1e-10, 21..=21),
        ("one instrument", single, &plain, 1e-10, 1..=1),
        ("bounded, nothing missing", full, &bounded, 1e-8, 1..=1),
        ("bounded, 30 % missing", holes, &bounded, 1e-8, 21..=21),
        ("bounded, both blocks discounted", holes, &both, 1e-8, 21..=21),
        ("bounded, eleven factors", many, &bounded, 1e-8, 1..=1),
    ];
    for (name, market, settings, tolerance, groups) in cases {
        let (worst, found) = worst_distance(&market, settings);
        assert!(worst <= tolerance, "{name}: {worst:e} from the reference");
        assert!(groups.contains(&found), "{name}: {found} groups");
    }
}

/// Prior scaled variances of alpha and of a beta.
const PRIOR: [f64; 2] = [1e-3, 5e3];

/// Covariance of the first model.
fn matrix(covariance: &ScaledCovariance) -> DMatrix<f64> {
    DMatrix::from_fn(covariance.k(), covariance.k(), |i, j| covariance.entry(i, j)[0])
}

#[test]
#[ignore = "takes long; `.ci/run` runs it"]
fn directions_without_information_stay_within_the_prior_for_a_million_frames() {
    let k = 5;
    for discount_factor in [0.90, 0.98, 0.995] {
        let evolution =
            Evolution::new(&EstimatorSettings::default(), &Calendar::default(), &[discount_factor]);
        let mut covariance = ScaledCovariance::prior(&evolution, k, PRIOR.map(LaneBlock::splat));
        let mut random = Random(3);
        for frame in 0..1_000_000 {
            covariance.evolve(&evolution);
            if frame % 997 == 0 {
                let r = matrix(&covariance);
                assert!(r.clone().cholesky().is_some(), "δ = {discount_factor}, frame {frame}");
                // No direction exceeds the prior: K0^½ R K0^½ has no eigenvalue above 1.
                let prior = |i: usize| PRIOR[usize::from(i > 0)];
                let scaled = DMatrix::from_fn(k, k, |i, j| r[(i, j)] / (prior(i) * prior(j)).sqrt());
                let largest = scaled.symmetric_eigenvalues().max();
                assert!(largest <= 1.0 + 1e-9, "δ = {discount_factor}, frame {frame}: {largest}");
            }
            // A market, the same factor twice, a factor of zeros.
            let (market, twin) = (0.01 * random.shock(), 0.005 * random.shock());
            let q = covariance.forecast(&[1.0, market, twin, twin, 0.0]);
            covariance.update(&q);
        }
    }
}

#[test]
fn plain_discounting_winds_up_and_bounded_discounting_does_not() {
    let wind_up = |wind_up| {
        let settings = EstimatorSettings { wind_up, ..EstimatorSettings::default() };
        let evolution = Evolution::new(&settings, &Calendar::default(), &[settings.discount_factor]);
        let mut covariance = ScaledCovariance::prior(&evolution, 2, PRIOR.map(LaneBlock::splat));
        for _ in 0..150_000 {
            covariance.evolve(&evolution);
            let q = covariance.forecast(&[1.0, 0.0]);
            covariance.update(&q);
        }
        covariance.entry(1, 1)[0]
    };
    let prior = PRIOR[1];
    assert!(!wind_up(WindUp::Plain).is_finite(), "plain discounting winds up");
    assert!(
        (wind_up(WindUp::Bounded) - prior).abs() < 1e-6 * prior,
        "bounded discounting stays at the prior"
    );
}
