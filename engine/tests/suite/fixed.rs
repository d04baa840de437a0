//! The filter with given parameters agrees with plain matrices, one instrument at a time.

use betaflow_engine::model::{
    Em, EstimatorSettings, Fixed, FixedParameters, Moments, PerInstrument, RollingRegression, StateSpace,
};
use betaflow_engine::settings::Calendar;
use nalgebra::{DMatrix, DVector};

use crate::support::Random;

/// Textbook recursions on nalgebra's matrices.
struct Reference {
    f: DMatrix<f64>,
    q: DMatrix<f64>,
    r: f64,
    m: DVector<f64>,
    p: DMatrix<f64>,
    started: bool,
    log_likelihood: f64,
    forecast: (f64, f64),
}

impl Reference {
    fn new(model: &StateSpace) -> Self {
        Self {
            f: model.transition.clone(),
            q: model.transition_covariance.clone(),
            r: model.observation_variance,
            m: model.initial_mean.clone(),
            p: model.initial_covariance.clone(),
            started: false,
            log_likelihood: 0.0,
            forecast: (0.0, 0.0),
        }
    }

    fn step(&mut self, x: &DVector<f64>, y: f64) {
        if self.started {
            self.m = &self.f * &self.m;
            self.p = &self.f * &self.p * self.f.transpose() + &self.q;
        }
        self.started = true;
        let px = &self.p * x;
        let (f, q) = (x.dot(&self.m), x.dot(&px) + self.r);
        self.forecast = (f, q);
        if !y.is_nan() {
            let e = y - f;
            self.m += &px * (e / q);
            self.p -= &px * px.transpose() / q;
            self.log_likelihood -= 0.5 * (libm::log(2.0 * std::f64::consts::PI * q) + e * e / q);
        }
    }
}

/// Construction of the parameters of a market.
#[derive(Clone, Copy, Debug)]
struct Model {
    transition: bool,
    diagonal: bool,
    each: bool,
}

fn state_space(random: &mut Random, k: usize, model: Model) -> StateSpace {
    let mut square = |scale: f64, diagonal: f64| {
        let off = if model.diagonal { 0.0 } else { scale };
        let half = DMatrix::from_fn(k, k, |_, _| off * (random.uniform() - 0.5));
        &half * half.transpose() + DMatrix::identity(k, k) * (diagonal * (1.0 + random.uniform()))
    };
    let (q, p0) = (square(3e-3, 1e-5), square(0.5, 0.3));
    let mut f = StateSpace::standard(k).transition;
    if model.transition {
        f.iter_mut().for_each(|value| *value = 0.97 * *value + 0.02 * (random.uniform() - 0.5));
    }
    StateSpace {
        transition: f,
        transition_covariance: q,
        observation_variance: 1e-4 * (1.0 + random.uniform()),
        initial_mean: DVector::from_fn(k, |_, _| random.uniform() - 0.3),
        initial_covariance: p0,
    }
}

fn parameters(random: &mut Random, k: usize, n: usize, model: Model) -> FixedParameters {
    if !model.each {
        return state_space(random, k, model).into();
    }
    let all: Vec<StateSpace> = (0..n).map(|_| state_space(random, k, model)).collect();
    let rows = |of: fn(&StateSpace) -> &DMatrix<f64>| {
        PerInstrument::Each(all.iter().map(|one| of(one).transpose().as_slice().to_vec()).collect())
    };
    FixedParameters {
        transition: rows(|one| &one.transition),
        transition_covariance: rows(|one| &one.transition_covariance),
        observation_variance: PerInstrument::Each(all.iter().map(|one| one.observation_variance).collect()),
        initial_mean: PerInstrument::Each(
            all.iter().map(|one| one.initial_mean.as_slice().to_vec()).collect(),
        ),
        initial_covariance: rows(|one| &one.initial_covariance),
    }
}

/// Factors and returns: with gaps if `missing`, with later listings if `late`.
struct Bars {
    factors: Vec<Vec<f64>>,
    returns: Vec<Vec<f64>>,
}

fn bars(seed: u64, k: usize, n: usize, frames: usize, missing: f64, late: f64) -> Bars {
    let mut random = Random(seed);
    let betas: Vec<f64> = (0..n * k).map(|_| random.shock()).collect();
    let start = (n as f64 * (1.0 - late)).ceil() as usize;
    let (mut factors, mut returns) = (Vec::new(), Vec::new());
    for t in 0..frames {
        let f: Vec<f64> = (1..k).map(|_| 0.01 * random.shock()).collect();
        // Instruments are listed over the first half, one or two at a time.
        let listed = n.min(start + 2 * t * (n - start + 1) / frames.max(1));
        let y = (0..listed).map(|i| {
            let along: f64 = f.iter().zip(&betas[i * k + 1..]).map(|(f, b)| f * b).sum();
            let y = along + 0.01 * random.shock();
            if random.uniform() < missing { f64::NAN } else { y }
        });
        returns.push(y.collect());
        factors.push(f);
    }
    Bars { factors, returns }
}

fn design(f: &[f64]) -> DVector<f64> {
    DVector::from_iterator(f.len() + 1, std::iter::once(1.0).chain(f.iter().copied()))
}

/// Largest difference as a share of the largest element.
fn distance(found: &[f64], expected: &[f64]) -> f64 {
    let largest = expected.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let worst = found.iter().zip(expected).fold(0.0_f64, |worst, (a, b)| worst.max((a - b).abs()));
    if largest == 0.0 { worst } else { worst / largest }
}

fn check(k: usize, n: usize, missing: f64, late: f64, model: Model) {
    let bars = bars(k as u64 * 31 + n as u64, k, n, 120, missing, late);
    let parameters = parameters(&mut Random(5), k, n, model);
    let mut filter = Fixed::new(parameters.clone(), k - 1).unwrap();
    let mut twin = filter.clone();
    let mut references: Vec<Reference> = Vec::new();
    let what = format!("k = {k}, n = {n}, missing {missing}, late {late}, {model:?}");
    for (f, y) in bars.factors.iter().zip(&bars.returns) {
        filter.step_scored(f, y);
        for i in references.len()..y.len() {
            references.push(Reference::new(&parameters.of(i)));
        }
        let mut columns = vec![f64::NAN; filter.instruments() * filter.coefficients()];
        filter.write_means(&mut columns);
        let mut written = vec![f64::NAN; columns.len()];
        twin.step_into(f, y, &mut written);
        assert_eq!(columns, written, "{what}");
        for (i, (reference, &y)) in references.iter_mut().zip(y).enumerate() {
            reference.step(&design(f), y);
            let m: Vec<f64> = (0..k).map(|j| filter.mean(i, j)).collect();
            assert!(distance(&m, reference.m.as_slice()) < 1e-10, "{what}, mean of {i}");
            assert!((0..k).all(|j| columns[j * filter.instruments() + i] == m[j]));
            let p = filter.covariance(i);
            assert!(distance(&p, reference.p.as_slice()) < 1e-10, "{what}, covariance of {i}");
            let (mean, variance) = reference.forecast;
            assert!((filter.forecast_mean(i) - mean).abs() < 1e-10 * mean.abs().max(0.01), "{what}");
            assert!((filter.forecast_variance(i) / variance - 1.0).abs() < 1e-10, "{what}");
            assert_eq!(filter.forecast_error(i).is_nan(), y.is_nan());
        }
    }
    let mut total = 0.0;
    for (i, reference) in references.iter().enumerate() {
        let bound = 1e-10 * reference.log_likelihood.abs().max(1.0);
        assert!((filter.log_likelihood(i) - reference.log_likelihood).abs() < bound, "{what}");
        total += filter.log_likelihood(i);
    }
    assert_eq!(filter.total_log_likelihood(), total);
}

#[test]
fn equals_plain_matrices_instrument_by_instrument() {
    for k in 1..=10 {
        for each in [false, true] {
            for (transition, diagonal) in [(false, true), (false, false), (true, false)] {
                let model = Model { transition, diagonal, each };
                check(k, 11, 0.0, 0.0, model);
                check(k, 19, 0.2, 0.5, model);
            }
        }
    }
}

/// The parameters written out for every instrument, so that no covariance is shared (`PerInstrument::Each`).
fn written_out(one: &StateSpace, n: usize) -> FixedParameters {
    FixedParameters {
        observation_variance: PerInstrument::Each(vec![one.observation_variance; n]),
        ..one.clone().into()
    }
}

fn bits(filter: &Fixed, instrument: usize) -> Vec<u64> {
    let means = (0..filter.coefficients()).map(|j| filter.mean(instrument, j));
    let forecasts = [filter.forecast_mean(instrument), filter.forecast_variance(instrument)];
    means.chain(filter.covariance(instrument)).chain(forecasts).map(f64::to_bits).collect()
}

#[test]
fn shared_and_own_covariance_give_the_same_bits() {
    for (k, transition) in [(2, false), (7, false), (7, true), (9, true)] {
        let model = Model { transition, diagonal: false, each: false };
        let one = state_space(&mut Random(3), k, model);
        let n = 21;
        for (missing, late) in [(0.0, 0.0), (0.02, 0.0), (0.3, 0.4)] {
            let bars = bars(8, k, n, 100, missing, late);
            let mut shared = Fixed::new(one.clone().into(), k - 1).unwrap();
            let mut own = Fixed::new(written_out(&one, n), k - 1).unwrap();
            for (t, (f, y)) in bars.factors.iter().zip(&bars.returns).enumerate() {
                shared.step(f, y);
                own.step(f, y);
                for i in 0..y.len() {
                    assert_eq!(bits(&shared, i), bits(&own, i), "k = {k}, frame {t}, instrument {i}");
                }
            }
            assert_eq!(own.sharing(), 0);
            if missing == 0.0 && late == 0.0 {
                assert_eq!(shared.sharing(), n);
            }
        }
    }
}

#[test]
fn missing_return_changes_no_bit_of_another_instrument() {
    for each in [false, true] {
        let (k, n) = (4, 20);
        let parameters = parameters(&mut Random(9), k, n, Model { transition: true, diagonal: false, each });
        let bars = bars(4, k, n, 60, 0.0, 0.0);
        let mut whole = Fixed::new(parameters.clone(), k - 1).unwrap();
        let mut holes = Fixed::new(parameters, k - 1).unwrap();
        for (t, (f, y)) in bars.factors.iter().zip(&bars.returns).enumerate() {
            let mut ragged = y.clone();
            for i in (0..n).filter(|i| i % 3 == 0 && (t + i) % 4 == 0) {
                ragged[i] = f64::NAN;
            }
            whole.step(f, y);
            holes.step(f, &ragged);
            for i in (0..n).filter(|i| i % 3 != 0) {
                assert_eq!(bits(&whole, i), bits(&holes, i), "frame {t}, instrument {i}");
            }
        }
        assert_eq!(holes.sharing(), if each { 0 } else { 13 });
    }
}

/// Instruments with a covariance of their own are lanes 0, 1, 2 of a block whose other lanes share a
/// covariance.
#[test]
fn means_are_written_with_shared_and_own_covariances() {
    let (k, n) = (3, 11);
    let model = Model { transition: false, diagonal: true, each: false };
    let mut filter = Fixed::new(state_space(&mut Random(5), k, model).into(), k - 1).unwrap();
    let mut written = vec![f64::NAN; n * k];
    let bars = bars(6, k, n, 20, 0.0, 0.0);
    for (t, (f, y)) in bars.factors.iter().zip(&bars.returns).enumerate() {
        let mut y = y.clone();
        y[..3].iter_mut().for_each(|y| {
            if t == 7 {
                *y = f64::NAN
            }
        });
        filter.step_into(f, &y, &mut written);
        let means: Vec<f64> = (0..n * k).map(|at| filter.mean(at % n, at / n)).collect();
        assert_eq!(written, means, "frame {t}");
        let mut again = vec![f64::NAN; n * k];
        filter.write_means(&mut again);
        assert_eq!(again, means, "frame {t}");
    }
    assert_eq!(filter.sharing(), n - 3);
}

/// A covariance computed once and reused on every frame would not depend on the factors of the frame.
#[test]
fn covariance_follows_the_factors_of_each_frame() {
    let mut filter = Fixed::new(FixedParameters::standard(2), 1).unwrap();
    let mut last = filter_covariance_after(&mut filter, 0.0);
    for f in [1.0, 0.0, -3.0] {
        let next = filter_covariance_after(&mut filter, f);
        assert_ne!(next, last);
        last = next;
    }
}

fn filter_covariance_after(filter: &mut Fixed, f: f64) -> Vec<f64> {
    filter.step(&[f], &[0.1, 0.2]);
    filter.covariance(1)
}

#[test]
fn frame_without_returns_keeps_the_covariance_shared() {
    let one = state_space(&mut Random(1), 3, Model { transition: true, diagonal: false, each: false });
    let mut filter = Fixed::new(one.clone().into(), 2).unwrap();
    let mut reference = Reference::new(&one);
    for (t, y) in [f64::NAN, 0.01, f64::NAN, 0.02, f64::NAN].into_iter().enumerate() {
        let f = [0.01 * t as f64, -0.02];
        filter.step_scored(&f, &[y, y, y]);
        reference.step(&design(&f), y);
        assert_eq!(filter.sharing(), 3);
        assert_eq!(filter.forecast_error(2).is_nan(), y.is_nan());
        let m: Vec<f64> = (0..3).map(|j| filter.mean(2, j)).collect();
        assert!(distance(&m, reference.m.as_slice()) < 1e-12);
        assert!(distance(&filter.covariance(2), reference.p.as_slice()) < 1e-12);
    }
    assert!((filter.log_likelihood(0) - reference.log_likelihood).abs() < 1e-12);
}

#[test]
fn estimates_stay_finite_without_information() {
    let k = 4;
    let one = StateSpace {
        transition_covariance: DMatrix::from_diagonal_element(k, k, 1e-5),
        observation_variance: 2e-4,
        ..StateSpace::standard(k)
    };
    let mut filter = Fixed::new(one.into(), k - 1).unwrap();
    let mut random = Random(2);
    for t in 0..20_000 {
        // A constant factor, a factor of zeros, and the first factor again.
        let f = [0.01, 0.0, 0.01];
        let y = 0.01 * random.shock();
        let once = if t == 7 { y } else { f64::NAN };
        filter.step_scored(&f, &[y, f64::NAN, once, y, 0.0]);
    }
    for i in 0..5 {
        assert!(
            bits(&filter, i).into_iter().all(|value| f64::from_bits(value).is_finite()),
            "instrument {i}"
        );
        assert!(filter.log_likelihood(i).is_finite());
    }
}

#[test]
#[ignore = "takes long; `.ci/run` runs it"]
fn covariance_is_symmetric_and_positive_after_a_million_frames() {
    let k = 4;
    let model = Model { transition: false, diagonal: false, each: false };
    let one = StateSpace {
        // The transition covariance is one part in 10⁹ of the prior.
        transition_covariance: state_space(&mut Random(6), k, model).transition_covariance * 1e-5,
        ..state_space(&mut Random(6), k, model)
    };
    let mut filter = Fixed::new(one.into(), k - 1).unwrap();
    let mut random = Random(11);
    let mut own_missed = false;
    for _ in 0..1_000_000 {
        let market = 0.01 * random.shock();
        let f = [market, market * 0.999 + 1e-6 * random.shock(), 0.01 * random.shock()];
        let y = market + 0.01 * random.shock();
        let other = if own_missed { y } else { f64::NAN };
        own_missed = true;
        filter.step(&f, &[y, other]);
    }
    for i in 0..2 {
        let p = DMatrix::from_row_slice(k, k, &filter.covariance(i));
        assert_eq!(p, p.transpose());
        assert!(p.clone().cholesky().is_some(), "{p}");
    }
}

#[test]
fn settings_make_the_state_space_of_a_random_walk() {
    let stated = EstimatorSettings {
        transition_variance: Some(1e-4),
        observation_variance: Some(2e-4),
        initial_variance: 0.7,
        initial_market_beta: 1.25,
        ..EstimatorSettings::default()
    };
    let own_alpha = EstimatorSettings {
        alpha_transition_variance: Some(3e-6),
        initial_alpha_variance: Some(5e-3),
        ..stated.clone()
    };
    // Variances of the transition and of the prior, of alpha and of a beta.
    let cases = [(&stated, [1e-4, 1e-4], [0.7, 0.7]), (&own_alpha, [3e-6, 1e-4], [5e-3, 0.7])];
    for ((settings, moves, prior), frames_per_day) in
        cases.into_iter().flat_map(|case| [(case, 1), (case, 4)])
    {
        let calendar = Calendar { frames_per_day, ..Calendar::default() };
        for k in [1, 2, 4] {
            let found = settings.state_space(&calendar, k).unwrap();
            let mut mean = vec![0.0; k];
            mean.iter_mut().skip(1).take(1).for_each(|beta| *beta = 1.25);
            assert_eq!(found.initial_mean.as_slice(), mean);
            assert_eq!(found.transition, DMatrix::identity(k, k));
            assert_eq!(found.observation_variance, 2e-4);
            let diagonal = |of: [f64; 2]| {
                DMatrix::from_fn(k, k, |a, b| match a == b {
                    true => of[usize::from(a > 0)],
                    false => 0.0,
                })
            };
            let moved = moves.map(|variance| variance / f64::from(frames_per_day));
            assert_eq!(found.transition_covariance, diagonal(moved));
            assert_eq!(found.initial_covariance, diagonal(prior));
        }
    }
    for (key, settings) in [
        ("transition_variance", EstimatorSettings { transition_variance: None, ..stated.clone() }),
        ("observation_variance", EstimatorSettings { observation_variance: None, ..stated.clone() }),
    ] {
        assert_eq!(settings.state_space(&Calendar::default(), 2).unwrap_err().key, key);
    }
}

#[test]
fn parameters_out_of_range_are_rejected() {
    let check = |change: fn(&mut FixedParameters), expected: &str| {
        let mut parameters = FixedParameters::standard(2);
        change(&mut parameters);
        let error = Fixed::new(parameters, 1).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(|p| p.transition = PerInstrument::Common(vec![1.0; 3]), "`transition`: found 3 numbers");
    check(
        |p| p.observation_variance = PerInstrument::Each(vec![1.0, 0.0]),
        "`observation_variance`: found 0",
    );
    check(|p| p.initial_mean = PerInstrument::Common(vec![0.0, f64::NAN]), "one of them NaN");
    check(
        |p| p.transition_covariance = PerInstrument::Common(vec![1.0, 0.1, 0.2, 1.0]),
        "`transition_covariance`: found [1.0, 0.1, 0.2, 1.0], expected a symmetric matrix",
    );
    check(
        |p| p.initial_covariance = PerInstrument::Common(vec![1.0, 2.0, 2.0, 1.0]),
        "expected a matrix without negative eigenvalues",
    );
}

/// Reference: the joint normal of all coefficients and returns, conditioned at once.
#[test]
fn smoothing_equals_conditioning_on_all_returns() {
    let (k, frames) = (2, 6);
    let model = state_space(&mut Random(4), k, Model { transition: true, diagonal: false, each: false });
    let bars = bars(3, k, 1, frames, 0.3, 0.0);
    let factors: Vec<f64> = bars.factors.concat();
    let returns: Vec<f64> = bars.returns.concat();
    let (f, q) = (&model.transition, &model.transition_covariance);
    let mut mean = DVector::zeros(k * frames);
    let mut joint = DMatrix::zeros(k * frames, k * frames);
    let (mut m, mut p) = (model.initial_mean.clone(), model.initial_covariance.clone());
    for t in 0..frames {
        if t > 0 {
            m = f * m;
            p = f * p * f.transpose() + q;
        }
        mean.rows_mut(t * k, k).copy_from(&m);
        let mut carried = p.clone();
        for s in t..frames {
            joint.view_mut((s * k, t * k), (k, k)).copy_from(&carried);
            joint.view_mut((t * k, s * k), (k, k)).copy_from(&carried.transpose());
            carried = f * carried;
        }
    }
    let seen: Vec<usize> = (0..frames).filter(|&t| !returns[t].is_nan()).collect();
    let mut h = DMatrix::zeros(seen.len(), k * frames);
    for (row, &t) in seen.iter().enumerate() {
        h.view_mut((row, t * k), (1, k)).copy_from(&design(&bars.factors[t]).transpose());
    }
    let y = DVector::from_iterator(seen.len(), seen.iter().map(|&t| returns[t]));
    let noise = DMatrix::identity(seen.len(), seen.len()) * model.observation_variance;
    let variance = &h * &joint * h.transpose() + noise;
    let gain = &joint * h.transpose() * variance.try_inverse().unwrap();
    let expected_mean = &mean + &gain * (y - &h * &mean);
    let expected = &joint - &gain * &h * &joint;

    let smoothed = model.smooth(&factors, &returns);
    assert_eq!(smoothed.frames(), frames);
    for t in 0..frames {
        let block = expected.view((t * k, t * k), (k, k)).clone_owned();
        assert!(distance(smoothed.mean(t), expected_mean.rows(t * k, k).clone_owned().as_slice()) < 1e-9);
        assert!(distance(smoothed.covariance(t), block.as_slice()) < 1e-9);
    }
}

/// A discount model is a state space whose Q follows from the discount: both smoothers agree.
#[test]
fn smoothed_discount_model_agrees_with_its_state_space() {
    let (k, delta, frames) = (3, 0.95, 40);
    let bars = bars(12, k, 1, frames, 0.1, 0.0);
    let mut m = DVector::zeros(k);
    let mut c = DMatrix::<f64>::identity(k, k);
    let mut moments = Moments::new(k);
    let mut history = Vec::new();
    for (t, (f, y)) in bars.factors.iter().zip(&bars.returns).enumerate() {
        let (a, r) = (m.clone(), if t == 0 { c.clone() } else { &c / delta });
        let x = design(f);
        let rx = &r * &x;
        let q = x.dot(&rx) + 1e-4;
        c = r.clone();
        if !y[0].is_nan() {
            m += &rx * ((y[0] - x.dot(&a)) / q);
            c -= &rx * rx.transpose() / q;
            c = (&c + c.transpose()) * 0.5;
        }
        moments.push(m.as_slice(), c.as_slice(), a.as_slice(), r.as_slice());
        history.push((m.clone(), c.clone()));
    }
    let smoothed = moments.smooth(&StateSpace::standard(k).transition);
    // W&H 4.8: with a single discount B_t = δ, a_t(−k) = (1 − δ) m_t + δ a_{t+1}(−k + 1).
    let (mut s, mut spread) = history[frames - 1].clone();
    for t in (0..frames - 1).rev() {
        let (m, c) = &history[t];
        s = m * (1.0 - delta) + s * delta;
        spread = c * (1.0 - delta) + spread * (delta * delta);
        assert!(distance(smoothed.mean(t), s.as_slice()) < 1e-9, "frame {t}");
        assert!(distance(smoothed.covariance(t), spread.as_slice()) < 1e-9, "frame {t}");
    }
}

#[test]
fn em_never_lowers_the_likelihood_and_stops() {
    for (k, missing) in [(1, 0.0), (3, 0.2), (5, 0.5)] {
        let bars = bars(21, k, 1, 150, missing, 0.0);
        let (factors, returns) = (bars.factors.concat(), bars.returns.concat());
        let start = StateSpace { observation_variance: 1e-3, ..StateSpace::standard(k) };
        let em = Em { steps: 300, tolerance: 1e-3 };
        let fitted = em.fit(&start, &factors, &returns).unwrap();
        for pair in fitted.log_likelihood.windows(2) {
            assert!(pair[1] >= pair[0] - 1e-9 * pair[0].abs(), "k = {k}: {pair:?}");
        }
        assert!(fitted.converged, "k = {k}");
        fitted.parameters.check().unwrap();
        let found = fitted.parameters.filter(&factors, &returns).1;
        assert_eq!(fitted.log_likelihood.last(), Some(&found));
        let q = &fitted.parameters.transition_covariance;
        assert_eq!(*q, q.transpose());
        let few = Em { steps: 3, tolerance: 0.0 }.fit(&start, &factors, &returns).unwrap();
        assert_eq!((few.log_likelihood.len(), few.converged), (4, false));
    }
}

#[test]
fn em_keeps_parameters_without_data() {
    let start = StateSpace::standard(2);
    for returns in [vec![], vec![f64::NAN; 5]] {
        let factors = vec![0.01; returns.len()];
        let fitted = Em::default().fit(&start, &factors, &returns).unwrap();
        assert_eq!((fitted.parameters, fitted.converged), (start.clone(), false));
    }
    let fitted = Em { steps: 2, tolerance: 0.0 }.fit(&start, &[0.01], &[0.02]).unwrap();
    assert_eq!(fitted.parameters.transition_covariance, start.transition_covariance);
    fitted.parameters.check().unwrap();
}

#[test]
fn rolling_regression_is_least_squares_on_the_preceding_window() {
    let (k, n, window) = (4, 9, 30);
    let bars = bars(17, k, n, 100, 0.03, 0.3);
    let mut rolling = RollingRegression::new(window, k - 1).unwrap();
    for (t, (f, y)) in bars.factors.iter().zip(&bars.returns).enumerate() {
        let forecasts = rolling.step(f, y).to_vec();
        assert_eq!(forecasts.len(), y.len());
        for (i, forecast) in forecasts.iter().enumerate() {
            if t < window {
                assert!(forecast.is_nan());
                continue;
            }
            let past = t - window..t;
            let rows: Vec<usize> =
                past.filter(|&s| bars.returns[s].get(i).is_some_and(|y| !y.is_nan())).collect();
            if rows.is_empty() {
                assert!(forecast.is_nan());
                continue;
            }
            let x = DMatrix::from_fn(rows.len(), k, |row, j| design(&bars.factors[rows[row]])[j]);
            let y = DVector::from_iterator(rows.len(), rows.iter().map(|&s| bars.returns[s][i]));
            // Least norm with fewer returns than coefficients, by Cholesky on well-scaled columns.
            let scale = DMatrix::from_diagonal(&DVector::from_fn(k, |j, _| if j == 0 { 1.0 } else { 100.0 }));
            let expected = if rows.len() < k {
                x.transpose() * (&x * x.transpose()).try_inverse().unwrap() * y
            } else {
                let z = &x * &scale;
                &scale * (z.transpose() * &z).try_inverse().unwrap() * z.transpose() * y
            };
            let found = rolling.coefficients(i);
            assert!(distance(found, expected.as_slice()) < 1e-8, "frame {t}, {i}");
            assert!((forecast - expected.dot(&design(f))).abs() < 1e-9, "frame {t}, {i}");
        }
    }
}

#[test]
fn rolling_regression_takes_the_least_norm_for_a_deficient_design() {
    let mut rolling = RollingRegression::new(10, 3).unwrap();
    let mut random = Random(1);
    for t in 0..12 {
        let market = 0.01 * random.shock();
        let y = 0.001 + 2.0 * market;
        let own = if t == 3 { y } else { f64::NAN };
        let forecasts = rolling.step(&[market, market, 0.0], &[y, own, f64::NAN]).to_vec();
        if (10..12).contains(&t) {
            assert!(distance(rolling.coefficients(0), &[0.001, 1.0, 1.0, 0.0]) < 1e-9);
            assert!((forecasts[0] - y).abs() < 1e-12);
            assert!(forecasts[1].is_finite() && forecasts[2].is_nan());
        }
    }
    assert!(RollingRegression::new(0, 1).is_err());
}
