//! Figures of factor returns against pandas, and the chance of luck against its distribution.

use betaflow_engine::metrics::{Correlations, FactorReturns};
use betaflow_engine::portfolio::{FactorMoments, SizingSettings};
use betaflow_engine::settings::Calendar;
use betaflow_engine::time::{DAY_NS, Iso, TimestampNs};
use betaflow_engine::validation::FactorLuck;

use crate::support::Random;

const FACTORS: usize = 3;
/// 2019-01-01, a Tuesday, and 2023-03-31.
const DAYS: std::ops::RangeInclusive<i64> = 17_897..=19_447;

/// Return of a factor on the date at a position, as in `make_factors.py`.
fn return_of(at: usize, factor: usize) -> f64 {
    let (at, factor) = (at as f64, factor as f64);
    0.01 * libm::sin(0.37 * at + factor)
        + 0.003 * libm::cos(1.7 * at * (factor + 1.0))
        + 0.0004 * (factor - 1.0)
}

fn history(days: impl Iterator<Item = i64>) -> FactorReturns {
    let mut returns = FactorReturns::new(FACTORS);
    for (at, day) in days.enumerate() {
        let row: Vec<f64> = (0..FACTORS).map(|factor| return_of(at, factor)).collect();
        returns.push(TimestampNs(day * DAY_NS), &row);
    }
    returns
}

fn weekdays() -> FactorReturns {
    history(DAYS.filter(|day| (day + 3).rem_euclid(7) < 5))
}

/// Month ends from 2015-01-31 to 2021-02-28.
fn month_ends() -> FactorReturns {
    let month = |day: i64| Iso(TimestampNs(day * DAY_NS)).civil().1;
    history((16_466..=18_686).filter(|day| month(*day) != month(day + 1)))
}

fn near(found: f64, expected: f64, what: &str) {
    let same = found.is_nan() && expected.is_nan();
    assert!(
        same || (found - expected).abs() <= 1e-10 * expected.abs().max(1e-3),
        "{what}: {found}, pandas {expected}"
    );
}

#[test]
fn figures_equal_pandas() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/factors.csv"));
    let (daily, monthly) = (weekdays(), month_ends());
    let mut lines = 0;
    for line in text.unwrap().lines() {
        let parts: Vec<&str> = line.split(',').collect();
        let (returns, per_year) = if parts[0] == "daily" { (&daily, 252.0) } else { (&monthly, 12.0) };
        let words: Vec<&str> = parts[2].split(' ').collect();
        let (factor, expected): (usize, f64) = (words[0].parse().unwrap(), parts[3].parse().unwrap());
        let window = || {
            let months = words[1].parse().ok();
            returns.windows(factor, per_year).into_iter().find(|window| window.months == months).unwrap()
        };
        let found = match parts[1] {
            "dates" => window().count as f64,
            "total_return" => window().total_return,
            "annual_volatility" => window().annual_volatility,
            "t" => window().t,
            "last_month" => returns.last_month(factor).unwrap().total_return,
            "percentile" => returns.last_month(factor).unwrap().percentile,
            "current_drawdown" => returns.drawdown(factor).current,
            "max_drawdown" => returns.drawdown(factor).deepest,
            _ => Correlations::of(&returns.on_complete_dates()).between(factor, words[1].parse().unwrap()),
        };
        near(found, expected, line);
        lines += 1;
    }
    assert!(lines > 170, "{lines}");
}

/// Frames inside a date are compounded: the figures do not depend on the number of frames per date.
#[test]
fn returns_inside_a_date_are_compounded() {
    let (mut whole, mut halves) = (FactorReturns::new(1), FactorReturns::new(1));
    for day in 0..1_300 {
        let [morning, evening] = [return_of(day, 0), return_of(day, 2)];
        let time = |hour: i64| TimestampNs(day as i64 * DAY_NS + hour * DAY_NS / 24);
        whole.push(time(0), &[(1.0 + morning) * (1.0 + evening) - 1.0]);
        halves.push(time(10), &[morning]);
        halves.push(time(12), &[f64::NAN]);
        halves.push(time(16), &[evening]);
    }
    assert_eq!(whole.windows(0, 252.0), halves.windows(0, 252.0));
    assert_eq!((halves.dates(), halves.incomplete()), (1_300, 0));
}

#[test]
fn windows_before_the_data_and_missing_returns_are_not_defined() {
    let mut returns = FactorReturns::new(2);
    assert!(returns.range().is_none() && returns.last_month(0).is_none());
    for day in 0..40 {
        let second = if day < 39 { f64::NAN } else { 0.01 };
        returns.push(TimestampNs(day * DAY_NS), &[0.002 * (day % 3) as f64, second]);
    }
    let windows = returns.windows(0, 252.0);
    let counts: Vec<usize> = windows.iter().map(|window| window.count).collect();
    // 1970-02-09 less a month is 1970-01-09.
    assert_eq!(counts, [31, 0, 0, 0, 0, 40]);
    assert!(windows[1].total_return.is_nan() && windows[1].t.is_nan() && windows[1].first.is_none());
    let second = returns.windows(1, 252.0)[0];
    assert_eq!((second.count, second.total_return), (1, 1.01 - 1.0));
    assert!(second.t.is_nan() && second.annual_volatility.is_nan());
    assert_eq!((returns.incomplete(), returns.complete_in(1), returns.complete_in(3)), (39, Some(1), None));
}

#[test]
fn premia_deviations_are_the_roots_of_the_diagonal() {
    let calendar = Calendar::default();
    let mut moments = FactorMoments::new(&SizingSettings::default(), &calendar, FACTORS);
    assert_eq!(moments.premium_deviations().collect::<Vec<f64>>(), [0.0; FACTORS]);
    (0..50).for_each(|at| moments.observe(&[0, 1, 2].map(|factor| return_of(at, factor))));
    let mut covariance = nalgebra::DMatrix::zeros(0, 0);
    moments.covariance(&mut covariance);
    for (at, deviation) in moments.premium_deviations().collect::<Vec<f64>>().into_iter().enumerate() {
        assert_eq!(deviation, (covariance[(at, at)] * moments.premium_variance_ratio(at)).sqrt());
    }
}

/// Independent normal factors: a resampled t has nearly a t distribution, and the highest of k its k-th power.
#[test]
fn chances_follow_the_distribution_of_the_highest_t() {
    let (dates, window, k) = (5_000, 250, 4);
    let mut random = Random(77);
    let mut returns: Vec<Vec<f64>> =
        (0..k).map(|_| (0..dates).map(|_| 0.01 * random.shock()).collect()).collect();
    // Means far from 0 over the whole history do not matter: they are removed before resampling.
    returns[1].iter_mut().take(dates - window).for_each(|r| *r += 0.05);
    let luck = FactorLuck::of(&returns[..1], window, 20_000, 3).unwrap();
    assert_eq!(luck.alone, luck.best_of_all);
    let luck = FactorLuck::of(&[&returns[..1], &returns[2..]].concat(), window, 20_000, 3).unwrap();
    // P(Z < z) by Abramowitz & Stegun 26.2.17, error below 1e-7.
    let below = |z: f64| {
        let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
        let series = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
        let sum = series.iter().rev().fold(0.0, |sum, c| (sum + c) * t);
        let upper = sum * libm::exp(-0.5 * z * z) / (2.0 * std::f64::consts::PI).sqrt();
        if z > 0.0 { 1.0 - upper } else { upper }
    };
    for (at, t) in luck.t.iter().enumerate() {
        let single = 1.0 - below(*t);
        assert!((luck.alone[at] - single).abs() < 0.03, "{t}: {} {single}", luck.alone[at]);
        let of_all = 1.0 - below(*t) * below(*t) * below(*t);
        assert!((luck.best_of_all[at] - of_all).abs() < 0.04, "{t}: {} {of_all}", luck.best_of_all[at]);
        assert!(luck.best_of_all[at] >= luck.alone[at]);
    }
    let best = luck.best().unwrap();
    assert!(luck.t.iter().all(|t| *t <= luck.t[best]));
    assert!(luck.best_of_all.iter().all(|chance| *chance >= luck.best_of_all[best]));
}

#[test]
fn bootstrap_is_a_function_of_its_seed_and_refuses_short_histories() {
    let returns: Vec<Vec<f64>> =
        (0..2).map(|factor| (0..400).map(|at| return_of(at, factor)).collect()).collect();
    let luck = |seed| FactorLuck::of(&returns, 250, 500, seed).unwrap();
    assert_eq!(luck(1), luck(1));
    assert_ne!(luck(1).alone, luck(2).alone);
    assert_eq!((luck(1).mean_block, luck(1).dates, luck(1).resamples), (21.0, 250, 500));
    for (window, resamples) in [(2, 500), (401, 500), (250, 0)] {
        assert!(FactorLuck::of(&returns, window, resamples, 1).is_err());
    }
    assert!(FactorLuck::of(&[], 0, 500, 1).is_err());
    let flat = vec![vec![0.0; 400], returns[0].clone()];
    let luck = FactorLuck::of(&flat, 250, 500, 1).unwrap();
    assert!(luck.t[0].is_nan() && luck.best_of_all[0].is_nan() && luck.best() == Some(1));
}
