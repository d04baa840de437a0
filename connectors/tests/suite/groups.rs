//! Factors of groups on a real panel: hedged R² of hedges without the instrument itself, with sectors and with groups
//! drawn at random, and coverage of the intervals.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use betaflow_connectors::parquet::{Input, ParquetSource, Settings, read_groups};
use betaflow_engine::dated::{DatedValues, FROM_BEGINNING};
use betaflow_engine::frame::Frame;
use betaflow_engine::groups::{GroupFactor, GroupFactors, GroupName};
use betaflow_engine::model::{
    CalibrationFacts, EstimatorSettings, INTERVALS, Returns, estimator_with_groups,
};
use betaflow_engine::names::InstrumentNames;
use betaflow_engine::settings::Calendar;
use betaflow_engine::source::Source as _;

/// Number of returns before the forecasts count: two years.
const SCORED_FROM: usize = 505;

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data")
}

fn panel(prices: &str) -> ParquetSource {
    let [prices, factors] = [prices, "ff5_mom_daily.parquet"].map(|name| Input::from(folder().join(name)));
    ParquetSource::open(&prices, Some(&factors), Settings::default()).unwrap()
}

/// Calibration of the default filter on a panel.
fn calibration(prices: &str, groups: &[GroupFactor]) -> CalibrationFacts {
    let mut source = panel(prices);
    let factors = source.factor_names().len();
    let (settings, calendar) = (EstimatorSettings::default(), Calendar::default());
    let mut filter = estimator_with_groups(&settings, &calendar, factors, groups.len()).unwrap();
    let mut groups = GroupFactors::new(groups);
    let (mut returns, mut frame) = (Returns::new(true), Frame::default());
    let (mut names, mut at) = (InstrumentNames::default(), 0);
    while source.next_frame(&mut frame).unwrap() {
        names.extend(&frame.listed);
        let y = returns.of(&frame);
        groups.observe(frame.timestamp.date(), &names, y);
        filter.set_groups(groups.columns());
        // The first frame has no returns.
        filter.step(&frame.factors, y, at > SCORED_FROM);
        at += 1;
        frame.listed.clear();
    }
    filter.facts().total
}

fn sectors() -> Vec<GroupFactor> {
    let file = Input::from(folder().join("us_sectors.parquet"));
    let table = read_groups(&file, &["sector"], str::to_owned).unwrap().remove(0);
    vec![GroupFactor { factor: "sector".into(), column: "sector".into(), has_factors: true, table }]
}

/// Groups of five, drawn at random.
fn random(prices: &str) -> Vec<GroupFactor> {
    let mut source = panel(prices);
    let (mut frame, mut symbols) = (Frame::default(), BTreeSet::new());
    while source.next_frame(&mut frame).unwrap() {
        symbols.extend(frame.listed.drain(..));
    }
    let mut state = 1_u64;
    let mut drawn: Vec<(u64, Arc<str>)> = Vec::new();
    for symbol in symbols {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        drawn.push((state >> 33, symbol));
    }
    drawn.sort();
    let rows = drawn.iter().enumerate().map(|(at, (_, symbol))| {
        (symbol, FROM_BEGINNING, GroupName(Some(Arc::from(format!("group {}", at / 5)))))
    });
    let table = Arc::new(DatedValues::new(rows).unwrap());
    vec![GroupFactor { factor: "random".into(), column: "random".into(), has_factors: true, table }]
}

/// Without groups the hedged R² is 0.345.
#[test]
#[ignore = "reads data outside the repository: ../shared/data"]
fn sectors_explain_more_than_random_groups() {
    let prices = "us_stocks_5yr_adj.parquet";
    let [none, sector, random] = [Vec::new(), sectors(), random(prices)].map(|of| calibration(prices, &of));
    let [none, with_sectors, with_random] = [none, sector, random].map(|facts| facts.hedged_r2.unwrap());
    assert!(with_sectors > 0.41, "{with_sectors}");
    assert!(with_random < none + 0.01, "{with_random} against {none}");
    for facts in [sector, random] {
        for (nominal, covered) in INTERVALS.into_iter().zip(facts.coverage) {
            assert!((covered.unwrap() - nominal).abs() < 0.02, "{nominal}: {covered:?}");
        }
    }
}
