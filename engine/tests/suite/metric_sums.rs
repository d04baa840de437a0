//! Figures and lines from short series, by hand.

use betaflow_engine::execution::{CostItem, Costs};
use betaflow_engine::metrics::{
    Accumulator, Buckets, ComparisonBuilder, Correlations, CostAnalysis, Distribution, DistributionBuilder,
    EquityCurves, EquityPoint, FactorReturns, Figures, HoldingCurves, Performance, RollingCurves,
    TrailingReturns, chance_of_ever_losing, periods_per_year,
};
use betaflow_engine::settings::Calendar;
use betaflow_engine::time::{DAY_NS, TimestampNs};

fn near(found: f64, expected: f64, name: &str) {
    assert!(
        (found - expected).abs() <= 1e-12 * expected.abs().max(1.0),
        "{name}: {found}, expected {expected}"
    );
}

fn day(at: i64) -> TimestampNs {
    TimestampNs(at * DAY_NS)
}

/// One point a day with these values.
fn points(navs: &[(f64, f64)]) -> Vec<EquityPoint> {
    let point = |(at, (nav, benchmark_nav)): (usize, &(f64, f64))| EquityPoint {
        timestamp: day(at as i64),
        nav: *nav,
        benchmark_nav: *benchmark_nav,
        ..EquityPoint::default()
    };
    navs.iter().enumerate().map(point).collect()
}

#[test]
fn correlations_need_two_values_and_the_first_of_equals_counts() {
    let series =
        [vec![1.0, 2.0, 4.0], vec![-1.0, -2.0, -4.0], vec![2.0, 4.0, 8.0], vec![3.0, 5.0, 9.0], vec![1.0; 3]];
    let found = Correlations::of(&series);
    assert_eq!(found.count(), 5);
    near(found.between(0, 1), -1.0, "opposite");
    near(found.between(0, 2), 1.0, "scaled");
    assert!(found.between(0, 4).is_nan());
    assert_eq!(found.highest_before(0), None);
    assert_eq!(found.highest_before(1).map(|(at, _)| at), Some(0));
    assert_eq!(found.highest_before(2).map(|(at, _)| at), Some(0), "the first of equals");
    assert_eq!(found.highest_before(4), None, "a constant");
    // The later one, if its correlation is higher.
    let found = Correlations::of(&[[1.0, 2.0, 1.0], [1.0, 2.0, 4.0], [1.0, 2.0, 4.1]]);
    assert_eq!(found.highest_before(2).map(|(at, _)| at), Some(1));
    let found = Correlations::of(&[[1.0, 2.0], [5.0, 3.0]]);
    assert_eq!((found.count(), found.between(0, 1).round()), (2, -1.0));
    assert_eq!(Correlations::of::<Vec<f64>>(&[]).count(), 0);
    assert!(Correlations::of(&[[1.0], [2.0]]).between(0, 1).is_nan());
}

#[test]
fn break_even_cost_is_the_mean_return_over_the_turnover() {
    let calendar = Calendar { frames_per_day: 1, days_per_year: 250.0, mean_day: 1.0 };
    let gross = Figures { sharpe: 0.5, annual_volatility: 0.2, ..Figures::undefined() };
    let mut performance = Performance::default();
    assert!(CostAnalysis::break_even_bps(&gross, &performance, &calendar).is_nan());
    performance.turnover.mean = 0.04;
    // 10 % a year over ten times the NAV a year: 1 % of the traded value.
    near(CostAnalysis::break_even_bps(&gross, &performance, &calendar), 100.0, "bps");
}

#[test]
fn chance_of_losing_half_is_a_half_at_full_kelly_and_an_eighth_at_half() {
    for (loss, fraction, expected) in [(0.5, 1.0, 0.5), (0.5, 0.5, 0.125), (0.2, 0.5, 0.512), (0.2, 2.0, 1.0)]
    {
        near(chance_of_ever_losing(loss, fraction), expected, "chance");
    }
}

#[test]
fn equity_lines_are_growth_drawdown_and_costs_of_the_start() {
    let costs = Costs::of(&[(CostItem::Commission, 5.0)]);
    let mut points = points(&[(500.0, 80.0), (550.0, 60.0), (440.0, 100.0), (-10.0, 40.0)]);
    points.iter_mut().for_each(|point| point.costs = costs);
    let buckets = Buckets::new(4, 4);
    let mut curves = EquityCurves::new(buckets);
    points.iter().for_each(|point| curves.push(*point));
    assert_eq!((curves.frames_between(), curves.times().len()), (1, 4));
    let lines: [(&str, &[f64]); 6] = [
        // A debt counts as nothing.
        ("net", &[1.0, 1.1, 0.88, 0.0]),
        ("benchmark", &[1.0, 0.75, 1.25, 0.5]),
        ("net_drawdown", &[0.0, 0.0, -0.2, -1.0]),
        ("benchmark_drawdown", &[0.0, -0.25, 0.0, -0.6]),
        ("gross", &[1.0, 1.11, 1.11 * (1.0 - 105.0 / 550.0), 1.11 * (1.0 - 105.0 / 550.0) * 0.0]),
        ("commission", &[0.01, 0.02, 0.03, 0.04]),
    ];
    for (name, expected) in lines {
        let found = curves.line(name);
        assert_eq!(found.len(), 4, "{name}");
        found.iter().zip(expected).for_each(|(found, expected)| near(*found, *expected, name));
    }
    assert_eq!(EquityCurves::new(Buckets::new(1_000, 10)).frames_between(), 100);
}

#[test]
fn distribution_counts_each_return_after_the_first_row() {
    let points = points(&[(100.0, 1.0), (101.0, 1.0), (99.0, 1.0), (99.5, 1.0), (103.0, 1.0), (103.0, 1.0)]);
    let mut builder = ComparisonBuilder::new(points.len());
    points.iter().for_each(|point| builder.push(*point));
    let comparison = builder.comparison(252.0);
    let mut bins = DistributionBuilder::new(&comparison, 252.0);
    points.iter().for_each(|point| bins.push(*point));
    let found = bins.distribution();
    assert_eq!(found.counts.iter().sum::<u64>(), 5);
    for (at, count) in found.counts.iter().enumerate() {
        let last = at + 1 == found.counts.len();
        let inside =
            |r: f64| found.edges[at] <= r && (r < found.edges[at + 1] || last && r <= found.edges[at + 1]);
        let returns = points.windows(2).map(|pair| pair[1].nav / pair[0].nav - 1.0);
        assert_eq!(*count, returns.filter(|r| inside(*r)).count() as u64, "bin {at}");
    }
}

#[test]
fn distribution_needs_both_extremes() {
    let figures =
        |worst_return: f64, best_return: f64| Figures { worst_return, best_return, ..Figures::undefined() };
    for (worst, best) in [(f64::NEG_INFINITY, 0.1), (-0.1, f64::INFINITY), (f64::NAN, 0.1), (-0.1, f64::NAN)]
    {
        assert_eq!(Distribution::for_series(&figures(worst, best), 252.0), Distribution::default());
    }
    assert!(!Distribution::for_series(&figures(-0.1, 0.1), 252.0).counts.is_empty());
}

#[test]
fn factor_returns_of_a_date_join_and_dates_without_a_return_do_not_count() {
    let mut found = FactorReturns::new(3);
    assert_eq!((found.factors(), FactorReturns::new(0).factors()), (3, 0));
    let at = |date: i64, part: i64| TimestampNs(date * DAY_NS + part * DAY_NS / 4);
    let none = f64::NAN;
    found.push(at(10, 1), &[none, 0.1, none]);
    // The second return of the date: the first one of a factor, and one on top of another.
    found.push(at(10, 2), &[0.2, 0.5, none]);
    found.push(at(10, 3), &[none, none, none]);
    found.push(at(11, 1), &[0.25, -0.5, none]);
    assert_eq!((found.factors(), found.dates(), found.incomplete()), (3, 2, 2));
    let all = |factor: usize| *found.windows(factor, 252.0).last().unwrap();
    for (factor, expected) in [(0, 1.2 * 1.25 - 1.0), (1, 1.1 * 1.5 * 0.5 - 1.0)] {
        assert_eq!(all(factor).count, 2);
        near(all(factor).total_return, expected, "total return");
    }
    assert_eq!((all(2).count, all(2).first), (0, None));
    assert!(all(2).total_return.is_nan(), "no return");
}

#[test]
fn holding_lines_count_positions_and_their_effective_number() {
    let times = [day(0), day(1), day(2)];
    let mut curves = HoldingCurves::new(&times);
    for (at, weight) in [(0, 0.5), (0, -0.5), (0, 0.0), (0, f64::NAN), (1, 0.75), (1, 0.25), (1, 0.25)] {
        curves.push(day(at), weight);
    }
    let (counts, effective, frames) = curves.lines(&[1.0, 1.25, 0.0]);
    assert_eq!((counts, frames), (vec![2.0, 3.0, 0.0], 2));
    near(effective[0], 2.0, "effective");
    near(effective[1], 1.25 * 1.25 / (0.5625 + 0.125), "effective");
    assert!(effective[2].is_nan());
}

#[test]
fn spacing_of_dates_is_the_upper_median_of_the_gaps() {
    let of = |days: &[i64]| periods_per_year(&days.iter().map(|at| day(*at)).collect::<Vec<_>>());
    // Two gaps of a day among four of a week.
    assert_eq!(of(&[0, 1, 2, 9, 16, 23, 30]), Some(52.0));
    assert_eq!(of(&[0, 1, 2, 3, 34, 65, 95, 126]), Some(12.0));
}

#[test]
fn captures_leave_out_frames_on_which_the_benchmark_stands_still() {
    let of = |pairs: &[(f64, f64)]| {
        let mut sums = Accumulator::new(pairs.len());
        pairs.iter().for_each(|(r, b)| sums.push_against(*r, *b));
        sums.figures(252.0).relative
    };
    let moving = [(0.02, 0.01), (-0.03, -0.02), (0.01, 0.02), (-0.01, -0.01)];
    let still: Vec<_> = moving.into_iter().chain([(0.05, 0.0), (-0.04, 0.0)]).collect();
    let (without, with) = (of(&moving), of(&still));
    near(with.up_capture, without.up_capture, "up");
    near(with.down_capture, without.down_capture, "down");
    // A benchmark that moves by rounding alone has no beta.
    assert!(of(&[(0.02, 0.01), (-0.03, 0.01 + 1e-17), (0.01, 0.01 - 3e-18)]).beta.is_nan());
    assert!(of(&[(0.02, 1e-16), (-0.03, 0.0), (0.01, 1e-16)]).beta.is_nan());
}

#[test]
fn windows_of_a_ruined_account_are_undefined() {
    for ruined in [0.0, -5.0] {
        let mut curves = RollingCurves::new(Buckets::new(5, 5), 2, 252.0);
        points(&[(100.0, 1.0), (110.0, 1.1), (105.0, 1.0), (ruined, 1.2), (50.0, 1.1)])
            .iter()
            .for_each(|point| curves.push(point));
        let sharpe = curves.line("sharpe");
        assert_eq!(sharpe.len(), 5);
        assert!(sharpe[2].is_finite() && sharpe[3].is_nan() && sharpe[4].is_nan(), "{sharpe:?}");
    }
}

#[test]
fn wealth_is_the_product_of_the_returns() {
    let mut sums = Accumulator::new(3);
    near(sums.wealth(), 1.0, "start");
    [0.1, -0.2, 0.25].into_iter().for_each(|r| sums.push(r));
    near(sums.wealth(), 1.1 * 0.8 * 1.25, "wealth");
    sums.push(-1.0);
    assert_eq!(sums.wealth(), 0.0);
}

#[test]
fn figures_before_costs_of_a_ruined_account_are_undefined_unless_they_lost_all() {
    let of = |costs: f64| {
        let mut points = points(&[(100.0, 1.0), (60.0, 1.0), (0.0, 1.0)]);
        points[2].costs = Costs::of(&[(CostItem::Commission, costs)]);
        let mut builder = ComparisonBuilder::new(3);
        points.iter().for_each(|point| builder.push(*point));
        builder.comparison(252.0)
    };
    let (with_costs, without) = (of(30.0), of(0.0));
    for comparison in [&with_costs, &without] {
        assert_eq!((comparison.ruined, comparison.net.total_return), (Some(day(2)), -1.0));
    }
    assert!(with_costs.gross.total_return.is_nan() && with_costs.gross.max_drawdown.is_nan());
    assert_eq!(without.gross.total_return, -1.0);
}

#[test]
fn trailing_return_since_nothing_is_undefined() {
    let mut trailing = TrailingReturns::default();
    points(&[(0.0, 0.0), (5.0, 0.0)]).iter().for_each(|point| trailing.push(point));
    let all = *trailing.periods().last().unwrap();
    assert!(all.months.is_none() && all.net.is_nan() && all.benchmark.is_nan());
}
