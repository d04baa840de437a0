//! The analysis of a signal agrees with `alphalens-reloaded`, `scipy` and `statsmodels`.
//!
//! The script `reference/make_alphalens.py` computes the reference numbers.

use std::collections::BTreeMap;

use betaflow_engine::frame::Frame;
use betaflow_engine::signal::analysis::{
    AnalysisSettings, Coefficients, HorizonFigures, Horizons, MissingPrice, Observation, QUANTILES,
    SignalAnalysis, SignalFigures, SignalRow, TotalReturnPrices,
};
use betaflow_engine::time::{DAY_NS, Date, TimestampNs};
use proptest::prelude::*;

const TOLERANCE: f64 = 1e-9;
const HORIZONS: [usize; 4] = [1, 2, 5, 21];

/// Columns of one date, length n.
#[derive(Clone, Debug, Default)]
struct Day {
    timestamp: TimestampNs,
    prices: Vec<f64>,
    signal: Vec<f64>,
    residuals: Vec<f64>,
    betas: Vec<f64>,
}

fn panel() -> Vec<Day> {
    let mut days: BTreeMap<&str, Day> = BTreeMap::new();
    for line in include_str!("../reference/signal_panel.csv").lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |cell: usize| cells[cell].parse().unwrap_or(f64::NAN);
        let day = days.entry(cells[0]).or_default();
        day.timestamp = TimestampNs(cells[0].parse::<Date>().unwrap().days() * DAY_NS);
        day.prices.push(number(2));
        day.signal.push(number(3));
        day.residuals.push(number(4));
        day.betas.push(number(5));
    }
    days.into_values().collect()
}

fn reference() -> BTreeMap<&'static str, f64> {
    let cells = |line: &'static str| line.split_once(',').unwrap();
    include_str!("../reference/alphalens.csv")
        .lines()
        .skip(1)
        .map(|line| (cells(line).0, cells(line).1.parse().unwrap()))
        .collect()
}

fn settings(missing_price: MissingPrice) -> AnalysisSettings {
    let horizons = Horizons::new(HORIZONS.to_vec()).unwrap();
    AnalysisSettings { horizons, missing_price, ..AnalysisSettings::default() }
}

fn analyse(days: &[Day], settings: AnalysisSettings) -> (SignalFigures, Vec<SignalRow>) {
    let mut rows = Vec::new();
    let mut analysis = SignalAnalysis::new(settings);
    for (seq, day) in days.iter().enumerate() {
        let observation = Observation {
            timestamp: day.timestamp,
            seq: seq as u64,
            prices: &day.prices,
            signal: if day.signal.is_empty() { None } else { Some(&day.signal) },
            residuals: &day.residuals,
            betas: &day.betas,
        };
        analysis.push(&observation, |row| rows.push(*row));
    }
    (analysis.finish(|row| rows.push(*row)), rows)
}

/// Compares figures with reference numbers, and counts them.
struct Comparison {
    reference: BTreeMap<&'static str, f64>,
    compared: usize,
}

impl Comparison {
    fn same(&mut self, name: &str, found: f64) {
        let expected = *self.reference.get(name).unwrap_or_else(|| panic!("no reference for {name}"));
        let is_same = (found - expected).abs() <= TOLERANCE * expected.abs().max(1.0);
        assert!(is_same, "{name} is {found}, reference {expected}");
        self.compared += 1;
    }

    fn coefficients(&mut self, name: &str, found: &Coefficients) {
        self.same(&format!("{name} mean"), found.mean);
        self.same(&format!("{name} se"), found.standard_error);
        self.same(&format!("{name} sd"), found.standard_deviation);
        self.same(&format!("{name} lag"), found.lag as f64);
        self.same(&format!("{name} count"), found.count as f64);
    }

    fn horizon(&mut self, variant: &str, found: &HorizonFigures) {
        let name = format!("{variant}{}", found.bars);
        self.coefficients(&format!("{name} rank_ic"), &found.rank_ic);
        for (at, quantile) in found.quantiles.iter().enumerate() {
            let name = format!("{name} q{}", at + 1);
            self.same(&format!("{name} mean"), quantile.mean);
            self.same(&format!("{name} raw"), quantile.mean_return);
            self.same(&format!("{name} error"), quantile.standard_error);
            self.same(&format!("{name} turnover"), quantile.turnover);
        }
        self.same(&format!("{name} spread mean"), found.spread.mean);
        self.same(&format!("{name} spread se"), found.spread.standard_error);
        self.same(&format!("{name} autocorrelation"), found.rank_autocorrelation);
        self.same(&format!("{name} factor_return"), found.factor_return);
        self.same(&format!("{name} alpha"), found.annual_alpha);
        self.same(&format!("{name} beta"), found.beta);
    }
}

#[test]
fn figures_agree_with_alphalens() {
    let mut comparison = Comparison { reference: reference(), compared: 0 };
    let (figures, _) = analyse(&panel(), settings(MissingPrice::LeaveOut));
    for found in &figures.horizons {
        comparison.horizon("", found);
        comparison.coefficients(&format!("{} ic", found.bars), &found.ic);
        comparison.coefficients(&format!("{} residual_rank_ic", found.bars), &found.residual_rank_ic);
        assert_eq!(found.years.iter().map(|year| year.year).collect::<Vec<_>>(), [2019, 2020]);
        for year in &found.years {
            comparison.coefficients(&format!("{} rank_ic {}", found.bars, year.year), &year.rank_ic);
        }
        assert_eq!(found.without_quantiles, 1, "the date of equal signals");
    }
    comparison.coefficients("exposure", &figures.exposures[0].correlation);
    comparison.same("coverage", figures.coverage);
    assert_eq!(comparison.compared, 4 * 51 + 6);
}

#[test]
fn carried_prices_agree_with_alphalens() {
    let mut comparison = Comparison { reference: reference(), compared: 0 };
    let (figures, _) = analyse(&panel(), settings(MissingPrice::Carry));
    figures.horizons.iter().for_each(|found| comparison.horizon("carry ", found));
    assert_eq!(comparison.compared, 4 * 31);
}

#[test]
fn figures_are_means_of_the_rows() {
    let (figures, rows) = analyse(&panel(), settings(MissingPrice::LeaveOut));
    assert!(rows.is_sorted_by_key(|row| (row.timestamp, row.horizon)));
    assert_eq!(rows.len(), figures.cross_sections * HORIZONS.len());
    for found in &figures.horizons {
        let own: Vec<&SignalRow> = rows.iter().filter(|row| row.horizon == found.bars).collect();
        let mean = |of: &dyn Fn(&SignalRow) -> f64| {
            let values: Vec<f64> = own.iter().map(|row| of(row)).filter(|value| !value.is_nan()).collect();
            values.iter().sum::<f64>() / values.len() as f64
        };
        let top = QUANTILES - 1;
        for (expected, value) in [
            (found.rank_ic.mean, mean(&|row| row.rank_ic)),
            (found.ic.mean, mean(&|row| row.ic)),
            (found.residual_rank_ic.mean, mean(&|row| row.residual_rank_ic)),
            (found.spread.mean, mean(&|row| row.spread)),
            (found.quantiles[top].mean_return, mean(&|row| row.quantile_returns[top])),
            (found.quantiles[top].mean, mean(&|row| row.quantile_returns[top] - row.mean_return)),
            (found.quantiles[0].turnover, mean(&|row| row.turnover[0])),
            (found.factor_return, mean(&|row| row.factor_return)),
            (figures.coverage, mean(&|row| row.coverage())),
        ] {
            assert!((expected - value).abs() < 1e-12, "{}: {expected}, {value}", found.bars);
        }
        // A horizon that ends after the data has no figures.
        assert!(own[own.len() - found.bars..].iter().all(|row| row.rank_ic.is_nan() && row.names == 0));
    }
}

/// Two names in each quantile; the lowest and the highest name swap places each time.
#[test]
fn costs_are_twice_turnover_times_rate() {
    let ranks = |swap: bool| -> Vec<f64> {
        let mut values: Vec<f64> = (0..10).map(f64::from).collect();
        if swap {
            values.swap(0, 9);
        }
        values
    };
    let day = |t: usize| Day {
        timestamp: TimestampNs(t as i64 * DAY_NS),
        prices: (0..10).map(|i| 100.0 + (i * t) as f64).collect(),
        signal: ranks(t % 2 == 1),
        ..Day::default()
    };
    let settings = AnalysisSettings {
        horizons: Horizons::new(vec![1]).unwrap(),
        cost_rate: 5e-4,
        ..AnalysisSettings::default()
    };
    let (figures, rows) = analyse(&(0..20).map(day).collect::<Vec<_>>(), settings);
    let found = &figures.horizons[0];
    assert_eq!(found.quantiles.map(|quantile| quantile.turnover), [0.5, 0.0, 0.0, 0.0, 0.5]);
    let top = found.quantiles[4];
    assert!((top.mean_return - top.mean_return_after_costs - 5e-4).abs() < 1e-15);
    assert!((found.spread.mean - found.spread.mean_after_costs - 1e-3).abs() < 1e-15);
    assert!(rows[0].spread_after_costs.is_nan() && !rows[1].spread_after_costs.is_nan());
    // 10 names, 252 independent cross-sections a year.
    assert!((found.law.information_ratio - found.rank_ic.mean * 2520.0_f64.sqrt()).abs() < 1e-12);
}

#[test]
fn prices_include_dividends_and_splits() {
    // A dividend of 2 at 98, a split of 1 into 4 with a dividend of 0.5 on a day without a trade.
    let frames = [(100.0, 0.0, 0.0), (98.0, 2.0, 0.0), (f64::NAN, 0.5, 4.0), (26.0, 0.0, 0.0)];
    let mut total = TotalReturnPrices::default();
    let mut found = Vec::new();
    for (close, dividend, split) in frames {
        let frame =
            Frame { close: vec![close], dividend: vec![dividend], split: vec![split], ..Frame::default() };
        found.push(total.of(&frame)[0]);
    }
    assert!((found[1] / found[0] - 1.0).abs() < 1e-15);
    assert!(found[2].is_nan());
    assert!((found[3] / found[1] - 26.5 * 4.0 / 98.0).abs() < 1e-15);
}

#[test]
fn weekly_cross_sections_are_compared_with_the_preceding_one() {
    let mut days = panel();
    for (t, day) in days.iter_mut().enumerate() {
        if t % 5 != 0 {
            day.signal.clear();
        }
    }
    let (figures, _) = analyse(&days, settings(MissingPrice::LeaveOut));
    assert_eq!(figures.cross_sections, 30);
    assert!((figures.cross_sections_per_year - 50.4).abs() < 1e-12);
    let by_horizon: BTreeMap<usize, &HorizonFigures> =
        figures.horizons.iter().map(|found| (found.bars, found)).collect();
    // Both compare with the week before, on samples that differ by few names.
    assert!((by_horizon[&1].rank_autocorrelation - by_horizon[&5].rank_autocorrelation).abs() < 0.02);
    // 21 bars span five cross-sections: each overlaps with four others.
    assert_eq!(by_horizon[&21].rank_ic.lag, 4);
    assert_eq!(by_horizon[&5].law.independent_per_year, 50.4);
}

#[test]
fn invalid_horizons_are_refused() {
    for bars in [vec![], vec![0], vec![5, 1], vec![1, 1], vec![10_001]] {
        assert!(Horizons::new(bars).is_err());
    }
    assert_eq!(Horizons::default().longest(), 63);
}

proptest! {
    /// Rank figures depend on the order of the signals alone, and the sign of a signal on the sign of its IC.
    #[test]
    fn rank_ic_is_invariant_to_increasing_maps(shift in -5.0_f64..5.0, scale in 0.1_f64..10.0) {
        let days: Vec<Day> = panel().into_iter().take(60).collect();
        let map = |of: &dyn Fn(f64) -> f64| -> SignalFigures {
            let mut mapped = days.clone();
            mapped.iter_mut().flat_map(|day| &mut day.signal).for_each(|value| *value = of(*value));
            analyse(&mapped, settings(MissingPrice::LeaveOut)).0
        };
        let (own, cubed, negative) = (map(&|v| v), map(&|v| shift + scale * v * v * v), map(&|v| -v));
        for ((own, cubed), negative) in own.horizons.iter().zip(&cubed.horizons).zip(&negative.horizons) {
            prop_assert!((own.rank_ic.mean - cubed.rank_ic.mean).abs() < 1e-12);
            prop_assert!((own.rank_autocorrelation - cubed.rank_autocorrelation).abs() < 1e-12);
            prop_assert!((own.rank_ic.mean + negative.rank_ic.mean).abs() < 1e-12);
            prop_assert!((own.ic.mean + negative.ic.mean).abs() < 1e-12);
            prop_assert!((own.factor_return + negative.factor_return).abs() < 1e-12);
        }
    }

    /// Rows of a cross-section do not depend on later cross-sections, nor on prices after the horizon.
    #[test]
    fn no_row_depends_on_data_after_its_horizon(cut in 30_usize..140) {
        let days = panel();
        let (_, all) = analyse(&days, settings(MissingPrice::LeaveOut));
        let (_, part) = analyse(&days[..cut], settings(MissingPrice::LeaveOut));
        for (own, other) in all.iter().zip(&part) {
            if own.seq as usize + own.horizon < cut {
                prop_assert_eq!(format!("{own:?}"), format!("{other:?}"));
            }
        }
    }
}
