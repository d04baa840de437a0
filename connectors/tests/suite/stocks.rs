//! Five years of daily prices with the Fama-French factors, if the data is available.

use betaflow_engine::execution::{FillAt, Need};
use betaflow_engine::frame::Field;
use std::path::Path;

use betaflow_connectors::parquet::{Input, Settings};

use crate::support::run;

#[test]
#[ignore = "reads data outside the repository: ../shared/data"]
fn five_years_of_stocks_are_read_with_their_factors() {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = crate_dir.join("../../shared/data");
    let prices = folder.join("us_stocks_5yr_adj.parquet");
    let factors = folder.join("ff5_mom_daily.parquet");
    let settings = Settings {
        return_price: Some("adj_close".into()),
        required: vec![(Field::Open, Need::FillAt(FillAt::Open))],
        ..Settings::default()
    };
    let run = run(&Input::from(prices), Some(&Input::from(factors)), settings).unwrap();
    assert_eq!((run.facts.rows, run.facts.instruments, run.facts.left_out), (606_405, 488, 0));
    assert_eq!(run.factor_names, ["mkt_rf", "smb", "hml", "rmw", "cma", "mom"]);
    // One frame per trading day from 2012-12-06 to 2017-12-05.
    assert_eq!(run.frames.len(), 1259);
    assert!(run.facts.warnings.is_empty(), "{:?}", run.facts.warnings);
    assert!(run.frames.iter().all(|frame| frame.has_factors()));
    // Equal-weight returns of the panel correlate with the market, so the dates line up.
    let mean_return = |i: usize| {
        let (before, now) = (&run.frames[i - 1].return_price, &run.frames[i].return_price);
        let returns = before.iter().zip(now).map(|(a, b)| b / a - 1.0).filter(|r| r.is_finite());
        let (sum, n) = returns.fold((0.0, 0.0), |(sum, n), r| (sum + r, n + 1.0));
        sum / n
    };
    let pairs: Vec<(f64, f64)> = (1..run.frames.len())
        .map(|i| (mean_return(i), run.frames[i].factors[0] + run.frames[i].rf))
        .collect();
    let n = pairs.len() as f64;
    let mean = pairs.iter().fold((0.0, 0.0), |m, p| (m.0 + p.0 / n, m.1 + p.1 / n));
    let (xy, xx, yy) = pairs.iter().fold((0.0, 0.0, 0.0), |s, p| {
        let (x, y) = (p.0 - mean.0, p.1 - mean.1);
        (s.0 + x * y, s.1 + x * x, s.2 + y * y)
    });
    assert!(xy / (xx * yy).sqrt() > 0.98);
}
