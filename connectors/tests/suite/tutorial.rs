//! Filter on the embedded tutorial data, at discount factors for which careless arithmetic fails.

use betaflow_connectors::parquet::{ParquetSource, Settings};
use betaflow_connectors::tutorial;
use betaflow_engine::frame::Frame;
use betaflow_engine::model::{
    Dlm, Estimates, Estimator, EstimatorSettings, Evolution, LaneBlock, Mixture, Returns, ScaledCovariance,
    WindUp,
};
use betaflow_engine::settings::Calendar;
use betaflow_engine::source::Source;
use nalgebra::{DMatrix, DVector};

/// Prior scaled variances of alpha and of a beta.
const PRIOR: [f64; 2] = [1e-3, 5e3];
/// Number of returns before the comparison starts: two years.
const SCORED_FROM: usize = 505;

fn frames() -> Vec<Frame> {
    let factors = tutorial::FACTORS.iter().map(|(name, text)| ((*name).to_owned(), text.parse().unwrap()));
    let settings = Settings { factors: factors.collect(), ..Settings::default() };
    let mut source = ParquetSource::open(&tutorial::prices(), None, settings).unwrap();
    let mut frames = Vec::new();
    loop {
        let mut frame = Frame::default();
        if !source.next_frame(&mut frame).unwrap() {
            return frames;
        }
        frames.push(frame);
    }
}

fn design(frame: &Frame) -> Vec<f64> {
    std::iter::once(1.0).chain(frame.factors.iter().copied()).collect()
}

/// Returns 1 − Σ error² / Σ return² after the first 505 returns.
fn hedged_r2(frames: &[Frame], filter: &mut dyn Estimator) -> f64 {
    let (mut returns, mut estimates) = (Returns::new(true), Estimates::default());
    let (mut errors, mut squares) = (0.0, 0.0);
    let prices = returns.of(&frames[0]).len();
    for (at, frame) in frames[1..].iter().enumerate() {
        let y = returns.of(frame).to_vec();
        filter.step(&frame.factors, &y, true);
        estimates.factors.clone_from(&frame.factors);
        filter.write(&mut estimates);
        if at >= SCORED_FROM {
            errors += estimates.forecast_error.iter().map(|e| e * e).sum::<f64>();
            squares += y.iter().map(|y| y * y).sum::<f64>();
        }
    }
    assert_eq!((filter.facts().groups, prices), (1, 20), "all 20 names must share one covariance");
    1.0 - errors / squares
}

#[test]
fn forecasts_hold_at_discount_factors_that_break_careless_arithmetic() {
    let frames = frames();
    for (discount_factor, wind_up, least) in [
        (0.98, WindUp::Bounded, 0.38),
        (0.90, WindUp::Bounded, 0.15),
        (0.98, WindUp::Plain, 0.38),
        (0.90, WindUp::Plain, 0.15),
        (0.995, WindUp::Bounded, 0.41),
    ] {
        let settings = EstimatorSettings { discount_factor, wind_up, ..EstimatorSettings::default() };
        let mut filter = Dlm::new(&settings, &Calendar::default(), tutorial::FACTORS.len());
        let found = hedged_r2(&frames, &mut filter);
        assert!(found > least, "δ = {discount_factor}, {wind_up:?}: hedged R² {found}");
    }
}

/// Reference values with hindsight: best rolling regression of 63, 126, 252 or 504 bars 0.405, best single
/// discount factor 0.416.
#[test]
fn mixture_forecasts_better_than_any_single_model_chosen_with_hindsight() {
    let settings = EstimatorSettings::default();
    let mut filter = Mixture::new(&settings, &Calendar::default(), tutorial::FACTORS.len());
    let found = hedged_r2(&frames(), &mut filter);
    assert!(found > 0.4250, "hedged R² {found}");
}

/// Returns the frame at which C = R − A (R x)', without symmetrising, stops being positive definite.
fn first_indefinite_frame(frames: &[Frame], settings: &EstimatorSettings) -> Option<usize> {
    let k = tutorial::FACTORS.len() + 1;
    let prior = |j| PRIOR[usize::from(j > 0)];
    let mut c = DMatrix::from_fn(k, k, |i, j| if i == j { prior(i) } else { 0.0 });
    frames[1..].iter().position(|frame| {
        c.view_mut((1, 1), (k - 1, k - 1)).unscale_mut(settings.discount_factor);
        let indefinite = ((&c + c.transpose()) * 0.5).cholesky().is_none();
        let x = DVector::from_vec(design(frame));
        let rx = &c * &x;
        let q = 1.0 + x.dot(&rx);
        c -= (&rx / q) * rx.transpose();
        indefinite
    })
}

#[test]
fn prior_covariance_is_positive_definite_at_every_frame() {
    let frames = frames();
    let k = tutorial::FACTORS.len() + 1;
    for discount_factor in [0.98, 0.90] {
        for wind_up in [WindUp::Bounded, WindUp::Plain] {
            let settings = EstimatorSettings { discount_factor, wind_up, ..EstimatorSettings::default() };
            let evolution = Evolution::new(&settings, &Calendar::default(), &[discount_factor]);
            let mut covariance = ScaledCovariance::prior(&evolution, k, PRIOR.map(LaneBlock::splat));
            for (at, frame) in frames[1..].iter().enumerate() {
                covariance.evolve(&evolution);
                let prior = DMatrix::from_fn(k, k, |i, j| covariance.entry(i, j)[0]);
                assert!(prior.cholesky().is_some(), "δ = {discount_factor}, {wind_up:?}, frame {at}");
                let q = covariance.forecast(&design(frame));
                covariance.update(&q);
            }
            if wind_up == WindUp::Plain {
                let trap = first_indefinite_frame(&frames, &settings);
                assert!(trap.is_some(), "the careless form holds at δ = {discount_factor}: no trap to test");
            }
        }
    }
}
