//! Mixture with default settings on real panels: out-of-sample hedged R² of its betas, and coverage of its
//! intervals in quiet and volatile times.

use std::path::Path;

use betaflow_connectors::parquet::{Input, ParquetSource, Settings};
use betaflow_connectors::tutorial;
use betaflow_engine::frame::Frame;
use betaflow_engine::model::{Estimates, Estimator, EstimatorSettings, INTERVALS, Mixture, Returns};
use betaflow_engine::settings::Calendar;
use betaflow_engine::source::Source;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Number of returns before the comparison starts: two years.
const SCORED_FROM: usize = 505;
/// Maximum distance of an interval's coverage from its nominal share.
const TOLERANCE: f64 = 0.03;

/// Forecast of an instrument: return, error, and the probability that the forecast assigned to an error of at
/// most that size.
#[derive(Clone, Copy)]
struct Forecast {
    y: f64,
    e: f64,
    inside: f64,
}

/// Returns the forecasts of each frame, NaN without a return.
fn forecasts(mut source: ParquetSource) -> Vec<Vec<Forecast>> {
    let factors = source.factor_names().len();
    let mut filter = Mixture::new(&EstimatorSettings::default(), &Calendar::default(), factors);
    let (mut returns, mut estimates, mut frame) =
        (Returns::new(true), Estimates::default(), Frame::default());
    let mut rows = Vec::new();
    while source.next_frame(&mut frame).unwrap() {
        let y = returns.of(&frame).to_vec();
        filter.step(&frame.factors, &y, false);
        estimates.factors.clone_from(&frame.factors);
        filter.write(&mut estimates);
        let row = (0..y.len()).map(|i| {
            let dof = estimates.forecast_dof[i];
            if dof.is_nan() || y[i].is_nan() {
                return Forecast { y: y[i], e: f64::NAN, inside: f64::NAN };
            }
            let scale = estimates.forecast_sd[i] * ((dof - 2.0) / dof).sqrt();
            let e = estimates.forecast_error[i];
            let t = StudentsT::new(0.0, 1.0, dof).unwrap();
            Forecast { y: y[i], e, inside: 2.0 * t.cdf((e / scale).abs()) - 1.0 }
        });
        rows.push(row.collect());
        frame.listed.clear();
    }
    rows
}

/// Assigns each frame from `from` on to a tercile by the mean dispersion of the `window` preceding frames.
fn terciles(dispersion: &[f64], window: usize, from: usize) -> Vec<usize> {
    let past: Vec<f64> = (from..dispersion.len())
        .map(|at| dispersion[at - window..at].iter().sum::<f64>() / window as f64)
        .collect();
    let mut sorted = past.clone();
    sorted.sort_by(f64::total_cmp);
    let bounds = [sorted[sorted.len() / 3], sorted[2 * sorted.len() / 3]];
    past.iter().map(|value| usize::from(*value >= bounds[0]) + usize::from(*value >= bounds[1])).collect()
}

/// Checks a panel, using instruments with full history only.
fn check(name: &str, source: ParquetSource, least_r2: f64) {
    let rows = forecasts(source);
    // The first frame has prices but no returns.
    let rows = &rows[1..];
    let full: Vec<usize> =
        (0..rows[0].len()).filter(|i| rows.iter().all(|row| !row[*i].y.is_nan())).collect();
    let scored = &rows[SCORED_FROM..];
    let all = || scored.iter().flat_map(|row| full.iter().map(|i| row[*i]));
    let (errors, returns) = all().fold((0.0, 0.0), |(e, r), f| (e + f.e * f.e, r + f.y * f.y));
    let r2 = 1.0 - errors / returns;
    assert!(r2 > least_r2, "{name}: hedged R² {r2:.4}");

    let dispersion = |of: fn(&Forecast) -> f64| -> Vec<f64> {
        let spread = |row: &Vec<Forecast>| full.iter().map(|i| of(&row[*i]).powi(2)).sum::<f64>().sqrt();
        rows.iter().map(spread).collect()
    };
    for (measure, dispersion) in [("returns", dispersion(|f| f.y)), ("errors", dispersion(|f| f.e))] {
        for window in [1, 5, 21, 63] {
            let tercile = terciles(&dispersion, window, SCORED_FROM);
            for (share, third) in INTERVALS.iter().flat_map(|share| (0..3).map(move |third| (*share, third)))
            {
                let chosen = scored.iter().zip(&tercile).filter(|(_, of)| **of == third);
                let inside = chosen.flat_map(|(row, _)| full.iter().map(|i| row[*i].inside <= share));
                let (count, held) =
                    inside.fold((0.0, 0.0), |(n, held), is| (n + 1.0, held + f64::from(u8::from(is))));
                let found: f64 = held / count;
                assert!(
                    (found - share).abs() < TOLERANCE,
                    "{name}: {found:.4} of returns inside the {share} interval, third {third} by {measure} of {window}"
                );
            }
        }
    }
}

/// Opens a panel of the data folder outside the repository.
fn panel(prices: &str) -> ParquetSource {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let [prices, factors] = [prices, "ff5_mom_daily.parquet"].map(|name| folder.join(name));
    let settings = Settings { price: "adj_close".to_owned(), ..Settings::default() };
    ParquetSource::open(&Input::from(prices), Some(&Input::from(factors)), settings).unwrap()
}

/// Reference values with hindsight: best rolling regression of 63, 126, 252 or 504 bars 0.405, best single
/// discount factor 0.416.
#[test]
fn mixture_beats_hindsight_choices_on_the_tutorial_data() {
    let factors = tutorial::FACTORS.iter().map(|(name, text)| ((*name).to_owned(), text.parse().unwrap()));
    let settings = Settings { factors: factors.collect(), ..Settings::default() };
    check("tutorial", ParquetSource::open(&tutorial::prices(), None, settings).unwrap(), 0.4265);
}

/// Reference values with hindsight: 0.3255 and 0.337.
#[test]
#[ignore = "reads data outside the repository: ../shared/data"]
fn mixture_beats_hindsight_choices_on_five_years_of_stocks() {
    check("us_stocks_5yr_adj", panel("us_stocks_5yr_adj.parquet"), 0.3475);
}

/// Reference values with hindsight: 0.418 and 0.428.
#[test]
#[ignore = "reads data outside the repository: ../shared/data"]
fn mixture_beats_hindsight_choices_on_seventeen_years_of_stocks() {
    check("us_stocks_2000_2016", panel("us_stocks_2000_2016.parquet"), 0.4375);
}
