//! Rebalances of a sizer by hand: both cap methods, what binds, and the outcome.

use std::sync::Arc;

use betaflow_engine::groups::GroupColumn;
use betaflow_engine::names::InstrumentNames;
use betaflow_engine::portfolio::{
    CapMethod, ExposureBounds, FactorRisk, Goal, GroupBound, GroupLimits, GroupSlots, Limits, Outcome,
    Rebalance, Sizer, SizingSettings, Solution, UNBOUNDED,
};
use nalgebra::DMatrix;

fn near(found: f64, expected: f64, name: &str) {
    assert!((found - expected).abs() <= 1e-7, "{name}: {found}, expected {expected}");
}

/// Frames over which costs are amortised.
const HORIZON: f64 = 4.0;

/// Two instruments of variance 1e-3 and 4e-3 without factors.
struct Case<'a> {
    name: &'a str,
    goal: Goal<'a>,
    held: [f64; 2],
    costs: [f64; 2],
    bounds: &'a [[f64; 2]],
    cap: f64,
    gross: f64,
    outside: Option<[bool; 2]>,
    weights: [f64; 2],
    outcome: Outcome,
    at_box: usize,
    at_gross: bool,
    capped: bool,
}

const FREE: Case<'static> = Case {
    name: "free",
    goal: Goal::Expected(&[1e-3, 2e-3]),
    held: [0.0, 0.0],
    costs: [0.0, 0.0],
    bounds: &[],
    cap: 10.0,
    gross: 10.0,
    outside: None,
    // κ μ/σ² with κ a half.
    weights: [0.5, 0.25],
    outcome: Outcome::Reached,
    at_box: 0,
    at_gross: false,
    capped: false,
};

fn solve(method: CapMethod, case: &Case<'_>) -> Solution {
    let (found, shown) = show(method, case);
    assert_eq!(
        (&shown.weights, &shown.multipliers, shown.status, shown.outcome),
        (&found.weights, &found.multipliers, found.status, found.outcome),
        "{}",
        case.name
    );
    found
}

/// Solution, and the rebalance with its inputs.
fn show(method: CapMethod, case: &Case<'_>) -> (Solution, Rebalance) {
    let settings = SizingSettings {
        kelly_fraction: 0.5,
        weight_min: -0.6,
        weight_max: 0.8,
        gross_max: case.gross,
        cap_method: method,
        ..SizingSettings::default()
    };
    let mut risk = FactorRisk::of_parts(Vec::new(), Vec::new(), vec![1e-3, 4e-3]);
    let mut sizer = Sizer::new(&settings, HORIZON, Vec::new());
    if let Some(outside) = case.outside {
        sizer.hold_only(&outside.map(|outside| !outside));
    }
    let limits = Limits {
        held: &case.held,
        tradable: &[true, true],
        linear_cost: &case.costs,
        impact: &[],
        borrow: &[],
        short_limit: &[],
        bounds: case.bounds,
        turnover_left: case.cap,
        benchmark: &[],
        groups: &[],
    };
    let mut out = Solution::default();
    sizer.solve(case.goal, &mut risk, limits, &mut out);
    let shown = sizer.show(case.goal, &risk, limits, &out);
    (out, shown)
}

fn assert_case(method: CapMethod, case: &Case<'_>) {
    let (found, name) = (solve(method, case), format!("{method:?}, {}", case.name));
    (0..2).for_each(|i| near(found.weights[i], case.weights[i], &name));
    assert_eq!(
        (found.outcome, found.at_box, found.at_gross, found.capped),
        (case.outcome, case.at_box, case.at_gross, case.capped),
        "{name}: {:?}",
        found.weights
    );
}

#[test]
fn both_methods_hold_the_goal_inside_the_limits() {
    let cases = [
        FREE,
        Case { name: "box", goal: Goal::Expected(&[2e-3, -8e-3]), weights: [0.8, -0.6], at_box: 2, ..FREE },
        Case {
            name: "own bounds",
            bounds: &[[0.0, 0.3], [-1.0, 1.0]],
            weights: [0.3, 0.25],
            at_box: 1,
            ..FREE
        },
        Case {
            name: "own lower bound",
            goal: Goal::Expected(&[1e-3, -2e-3]),
            bounds: &[[0.0, 0.9], [-0.2, 1.0]],
            weights: [0.5, -0.2],
            at_box: 1,
            ..FREE
        },
        Case {
            name: "long only",
            goal: Goal::Expected(&[-1e-3, 2e-3]),
            bounds: &[[0.0, 0.9], [0.0, 1.0]],
            weights: [0.0, 0.25],
            ..FREE
        },
        Case { name: "nothing to trade", held: [0.5, 0.25], outcome: Outcome::NoTrade, ..FREE },
        Case {
            name: "no turnover",
            cap: 0.0,
            held: [0.1, 0.2],
            weights: [0.1, 0.2],
            outcome: Outcome::NoTrade,
            ..FREE
        },
    ];
    for case in &cases {
        if case.name != "nothing to trade" && case.name != "no turnover" {
            assert_case(CapMethod::Exact, case);
        }
        assert_case(CapMethod::Scale, case);
    }
}

#[test]
fn scaled_rebalances_move_in_proportion() {
    let cases = [
        // Half of the way to 0.5 and 0.25.
        Case {
            name: "cap",
            cap: 0.375,
            weights: [0.25, 0.125],
            outcome: Outcome::Capped,
            capped: true,
            ..FREE
        },
        Case { name: "gross", gross: 0.6, weights: [0.4, 0.2], at_gross: true, ..FREE },
        Case { name: "gross that just suffices", gross: 0.75, ..FREE },
        Case {
            name: "target weights",
            goal: Goal::Weights(&[0.4, f64::NAN]),
            held: [0.0, 0.2],
            weights: [0.4, 0.0],
            ..FREE
        },
        Case { name: "cap just suffices", cap: 0.75, ..FREE },
        // A left universe is sold first: 0.3 of the cap of 0.4, and a fifth of the rest.
        Case {
            name: "leaves",
            held: [0.0, 0.3],
            cap: 0.4,
            outside: Some([false, true]),
            weights: [0.1, 0.0],
            outcome: Outcome::Capped,
            capped: true,
            ..FREE
        },
        Case {
            name: "leaves in part",
            held: [0.0, 0.3],
            cap: 0.15,
            outside: Some([false, true]),
            weights: [0.0, 0.15],
            outcome: Outcome::Repairing,
            capped: true,
            ..FREE
        },
    ];
    cases.iter().for_each(|case| assert_case(CapMethod::Scale, case));
}

#[test]
fn price_of_the_cap_of_a_scaled_rebalance_is_the_slope_along_its_move() {
    let case = Case { cap: 0.375, ..FREE };
    let growth = |w: [f64; 2]| 1e-3 * w[0] + 2e-3 * w[1] - (1e-3 * w[0] * w[0] + 4e-3 * w[1] * w[1]);
    let at = |cap: f64| {
        let found = solve(CapMethod::Scale, &Case { cap, ..FREE });
        growth([found.weights[0], found.weights[1]])
    };
    let slope = (at(0.376) - at(0.374)) / 0.002;
    let found = solve(CapMethod::Scale, &case).multipliers.turnover;
    assert!((found - slope).abs() < 1e-9, "{found}, expected {slope}");
    // From a held book.
    let held = Case { held: [0.1, -0.2], ..case };
    let at = |cap: f64| {
        let found = solve(CapMethod::Scale, &Case { held: [0.1, -0.2], cap, ..FREE });
        growth([found.weights[0], found.weights[1]])
    };
    let (found, slope) =
        (solve(CapMethod::Scale, &held).multipliers.turnover, (at(0.376) - at(0.374)) / 0.002);
    assert!((found - slope).abs() < 1e-9, "{found}, expected {slope}");
}

#[test]
fn exact_rebalances_trade_the_most_valuable_first_and_name_what_binds() {
    let cases = [
        // The second gains 2e-3 a unit at first, the first 1e-3: 8e-3 w₂ falls to the level of the first at 0.125.
        Case { name: "cap", cap: 0.1, weights: [0.0, 0.1], outcome: Outcome::Capped, capped: true, ..FREE },
        Case {
            name: "out of the box",
            held: [0.9, 0.0],
            cap: 0.05,
            weights: [0.85, 0.0],
            outcome: Outcome::Repairing,
            at_box: 1,
            capped: true,
            ..FREE
        },
        Case {
            name: "gross out of reach",
            held: [0.7, 0.0],
            cap: 0.1,
            gross: 0.5,
            weights: [0.6, 0.0],
            outcome: Outcome::GrossOutOfReach,
            capped: true,
            at_gross: true,
            ..FREE
        },
    ];
    for case in &cases {
        let found = solve(CapMethod::Exact, case);
        (0..2).for_each(|i| near(found.weights[i], case.weights[i], case.name));
        assert_eq!(
            (found.outcome, found.at_box, found.capped),
            (case.outcome, case.at_box, case.capped),
            "{}",
            case.name
        );
    }
    assert!(!solve(CapMethod::Exact, &FREE).capped);
    let gross = solve(CapMethod::Exact, &Case { gross: 0.4, ..FREE });
    assert!(gross.at_gross && !gross.capped);
}

/// Without forecasts no limit has a price, and the book is sold without a limit that binds.
#[test]
fn exact_rebalances_without_forecasts_have_no_limit_that_binds() {
    let zero = Case { name: "zero", goal: Goal::Expected(&[0.0, 0.0]), weights: [0.0, 0.0], ..FREE };
    assert_case(CapMethod::Exact, &Case { held: [0.3, -0.2], ..zero });
    assert_case(CapMethod::Exact, &Case { outcome: Outcome::NoTrade, ..zero });
}

#[test]
fn rebalance_shows_the_problem_that_was_solved() {
    let case = Case { costs: [4e-4, 8e-4], held: [0.1, 0.2], cap: 0.25, gross: 1.5, ..FREE };
    let (_, shown) = show(CapMethod::Exact, &case);
    // Costs are those of a unit over the horizon.
    assert_eq!((&shown.cost, shown.sized, shown.outcome), (&vec![1e-4, 2e-4], true, Outcome::Capped));
    assert_eq!((&shown.expected, &shown.idiosyncratic), (&vec![1e-3, 2e-3], &vec![1e-3, 4e-3]));
    assert_eq!((shown.kelly_fraction, shown.turnover, shown.gross, shown.net), (0.5, 0.25, 1.5, None));
    assert_eq!((&shown.lower, &shown.upper), (&vec![-0.6; 2], &vec![0.8; 2]));
    assert_eq!(shown.held, [0.1, 0.2]);
    // Target weights have neither costs nor risk.
    let (_, shown) = show(CapMethod::Exact, &Case { goal: Goal::Weights(&[0.3, 0.4]), ..case });
    assert_eq!((&shown.cost, shown.sized), (&vec![0.0; 2], false));
    assert_eq!((&shown.expected, &shown.idiosyncratic), (&vec![0.3, 0.4], &vec![1.0; 2]));
}

#[test]
fn factors_of_groups_follow_the_given_ones_as_they_appear() {
    let column = |names: &[&str], returns: &[f64], has_factors: bool| {
        let mut listed = InstrumentNames::default();
        listed.extend(&names.iter().map(|name| Arc::from(*name)).collect::<Vec<_>>());
        GroupColumn {
            factor: "sector".into(),
            has_factors,
            names: listed,
            returns: returns.to_vec(),
            ..GroupColumn::default()
        }
    };
    let (mut slots, mut out) = (GroupSlots::new(2), Vec::new());
    assert_eq!(slots.factors(), 2);
    let none = f64::NAN;
    slots.write_returns(
        &[0.1, 0.2],
        &[column(&["x"], &[9.0], false), column(&["a", "b"], &[none, 0.3], true)],
        &mut out,
    );
    assert_eq!((slots.factors(), &out[..]), (3, &[0.1, 0.2, 0.3][..]));
    slots.write_returns(&[0.1, 0.2], &[column(&["a", "b", "c"], &[0.4, 0.5, none], true)], &mut out);
    assert_eq!((slots.factors(), &out[..]), (4, &[0.1, 0.2, 0.5, 0.4][..]));
    slots.write_returns(&[0.1, 0.2], &[column(&["a", "b", "c"], &[0.6, none, none], true)], &mut out);
    assert!(slots.factors() == 4 && out[2].is_nan() && out[3] == 0.6, "{out:?}");
    let names: Vec<&str> = slots.names().iter().map(AsRef::as_ref).collect();
    assert_eq!(names, ["sector:b", "sector:a"]);
}

/// A limit just below what the free rebalance needs has a price near 0, and binds nevertheless.
#[test]
fn limits_that_cost_almost_nothing_bind() {
    // Weights of 0.75 in all, with a price of 1.6e-3 a unit less.
    for missing in [1e-7, 1e-5, 1e-3] {
        let capped = solve(CapMethod::Exact, &Case { cap: 0.75 - missing, ..FREE });
        assert_eq!(
            (capped.outcome, capped.capped, capped.at_gross),
            (Outcome::Capped, true, false),
            "{missing}"
        );
        assert!((capped.multipliers.turnover - 1.6e-3 * missing).abs() < 1e-12, "{:?}", capped.multipliers);
        let gross = solve(CapMethod::Exact, &Case { gross: 0.75 - missing, ..FREE });
        assert_eq!(
            (gross.outcome, gross.capped, gross.at_gross),
            (Outcome::Reached, false, true),
            "{missing}"
        );
        assert!((gross.multipliers.gross - 1.6e-3 * missing).abs() < 1e-12, "{:?}", gross.multipliers);
    }
    for beyond in [1e-7, 1e-3] {
        let free = Case { cap: 0.75 + beyond, gross: 0.75 + beyond, ..FREE };
        assert_case(CapMethod::Exact, &free);
    }
}

/// Two instruments with one factor, a bound on its exposure and one on the sum of the first.
#[test]
fn rebalance_shows_exposure_bounds_and_bounds_of_groups() {
    let settings = SizingSettings {
        kelly_fraction: 0.5,
        weight_min: -0.6,
        weight_max: 0.8,
        gross_max: 10.0,
        ..SizingSettings::default()
    };
    let loadings = [1.0, 0.5];
    let mut risk = FactorRisk::of_parts(loadings.to_vec(), vec![4e-4], vec![1e-3, 4e-3]);
    let exposure = |upper: f64| vec![ExposureBounds { factor: 0, lower: -5.0, upper }];
    let group = |upper: f64| {
        let bound = GroupBound { upper, ..GroupBound::default() };
        vec![GroupLimits { group: vec![0, UNBOUNDED], bounds: vec![bound] }]
    };
    let (expected, targets) = (Goal::Expected(&[1e-3, 2e-3]), Goal::Weights(&[0.5, 0.25]));
    let cases = [
        ("forecasts", expected, exposure(0.3), group(0.2), 10.0, Outcome::Reached),
        ("forecasts without bounds", expected, Vec::new(), Vec::new(), 10.0, Outcome::Reached),
        ("targets", targets, exposure(0.3), group(0.2), 10.0, Outcome::Reached),
        ("targets without exposure bounds", targets, Vec::new(), group(0.2), 10.0, Outcome::Reached),
        ("a group out of reach", expected, Vec::new(), group(-0.2), 0.3, Outcome::GroupOutOfReach),
        ("an exposure out of reach", expected, exposure(-0.3), Vec::new(), 0.3, Outcome::NetOutOfReach),
        ("both out of reach", expected, exposure(-0.3), group(-0.2), 0.3, Outcome::GroupOutOfReach),
    ];
    for (name, goal, exposures, groups, cap, outcome) in cases {
        let held = [0.4, 0.1];
        let limits = Limits {
            held: &held,
            tradable: &[true, true],
            linear_cost: &[0.0; 2],
            impact: &[],
            borrow: &[],
            short_limit: &[],
            bounds: &[],
            turnover_left: cap,
            benchmark: &[],
            groups: &groups,
        };
        let mut sizer = Sizer::new(&settings, HORIZON, exposures.clone());
        let mut found = Solution::default();
        sizer.solve(goal, &mut risk, limits, &mut found);
        assert_eq!(found.outcome, outcome, "{name}: {found:?}");
        if outcome == Outcome::Reached {
            let exposure = loadings[0] * found.weights[0] + loadings[1] * found.weights[1];
            exposures.iter().for_each(|bound| assert!(exposure <= bound.upper + 1e-9, "{name}: {found:?}"));
            groups.iter().for_each(|of| assert!(of.excess(&found.weights, &[]) < 1e-9, "{name}: {found:?}"));
        }
        let shown = sizer.show(goal, &risk, limits, &found);
        assert_eq!((&shown.exposure_bounds, &shown.group_limits), (&exposures, &groups), "{name}");
        // Target weights have no risk, and exposures only for their bounds.
        let sized = matches!(goal, Goal::Expected(_));
        let factors = usize::from(sized || !exposures.is_empty());
        assert_eq!(
            shown.exposures,
            DMatrix::from_column_slice(2 * factors, factors, &loadings[..2 * factors]),
            "{name}"
        );
        let root = if sized { 0.02 } else { 0.0 };
        assert_eq!(shown.factor_root, DMatrix::from_element(factors, factors, root), "{name}");
        let covariance = if sized { DMatrix::from_element(1, 1, 4e-4) } else { DMatrix::zeros(0, 0) };
        assert_eq!(shown.factor_covariance, covariance, "{name}");
    }
}
