//! Figures of a rebalance: variance, costs, objective, frontier and multipliers of bounds, by hand.

use betaflow_engine::portfolio::{
    ExposureBounds, GroupBound, GroupLimits, LimitCosts, Multipliers, Rebalance, Solver, UNBOUNDED,
};
use nalgebra::DMatrix;

fn near(found: f64, expected: f64, tolerance: f64, name: &str) {
    assert!((found - expected).abs() <= tolerance, "{name}: {found}, expected {expected}");
}

/// Three instruments with one factor of variance 4e-4.
fn made() -> Rebalance {
    Rebalance {
        expected: vec![1e-3, -8e-4, 5e-4],
        exposures: DMatrix::from_column_slice(3, 1, &[1.0, 0.5, -1.0]),
        factor_covariance: DMatrix::from_element(1, 1, 4e-4),
        factor_root: DMatrix::from_element(1, 1, 0.02),
        idiosyncratic: vec![1e-4, 4e-4, f64::INFINITY],
        kelly_fraction: 0.5,
        held: vec![0.2, 0.1, -0.09],
        lower: vec![-1.0; 3],
        upper: vec![1.0; 3],
        cost: vec![1e-4, 2e-4, 3e-4],
        impact: vec![1e-3, 0.0, 2e-3],
        borrow: vec![5e-5, 6e-5, 7e-5],
        turnover: 10.0,
        gross: f64::INFINITY,
        benchmark: vec![0.1, 0.2, 0.0],
        sized: true,
        ..Rebalance::default()
    }
}

#[test]
fn objective_is_growth_less_risk_costs_and_fees() {
    let made = made();
    let weights = [0.36, -0.15, 0.0];
    // Exposure 0.36 - 0.075; an unknown variance counts nothing.
    let variance = 4e-4 * 0.285 * 0.285 + 1e-4 * 0.1296 + 4e-4 * 0.0225;
    near(made.variance(&weights), variance, 1e-15, "variance");
    // Active weights 0.26 and -0.35.
    let active = 4e-4 * 0.085 * 0.085 + 1e-4 * 0.0676 + 4e-4 * 0.1225;
    near(made.active_variance(&weights), active, 1e-15, "active variance");
    // Trades 0.16, 0.25 and 0.09, whose powers of 3/2 are 0.064, 0.125 and 0.027.
    let costs = 1e-4 * 0.16 + 2e-4 * 0.25 + 3e-4 * 0.09 + 1e-3 * 0.064 + 2e-3 * 0.027;
    near(made.trading_cost(&weights), costs, 1e-15, "cost");
    near(made.borrow_fees(&weights), 6e-5 * 0.15, 1e-15, "fees");
    let expected = 1e-3 * 0.36 + 8e-4 * 0.15;
    near(made.objective(&weights), expected - active / (2.0 * 0.5) - costs - 6e-5 * 0.15, 1e-15, "objective");
}

/// One instrument that costs 1e-4 a unit, of variance 4e-4: at full Kelly its best weight is (1e-3 - 1e-4)/4e-4.
fn one() -> Rebalance {
    Rebalance {
        expected: vec![1e-3],
        idiosyncratic: vec![4e-4],
        kelly_fraction: 1.0,
        held: vec![0.25],
        lower: vec![-10.0],
        upper: vec![10.0],
        cost: vec![1e-4],
        turnover: 10.0,
        gross: f64::INFINITY,
        sized: true,
        ..Rebalance::default()
    }
}

#[test]
fn frontier_rises_to_the_cap_that_no_longer_binds() {
    let points = one().frontier(5);
    assert_eq!(points.len(), 5);
    // From 0.25 to 2.25, in steps of half a unit.
    for (at, point) in points.iter().enumerate() {
        let trade = 0.5 * at as f64;
        let weight = 0.25 + trade;
        near(point.cap, trade, 1e-9, "cap");
        near(point.turnover, trade, 1e-9, "turnover");
        near(point.growth, 1e-3 * weight - 2e-4 * weight * weight - 1e-4 * trade, 1e-12, "growth");
        near(point.multiplier, 1e-3 - 4e-4 * weight - 1e-4, 1e-9, "multiplier");
        assert!(point.within_limits);
    }
    // One point is that of no trade.
    let [point] = one().frontier(1)[..] else { panic!("one point") };
    near(point.cap, 0.0, 0.0, "cap");
    // A box that a small cap cannot reach.
    let boxed = Rebalance { lower: vec![1.0], ..one() };
    let reached: Vec<bool> = boxed.frontier(5).iter().map(|point| point.within_limits).collect();
    assert_eq!(reached, [false, false, true, true, true]);
}

/// Solves a rebalance.
fn solved(made: Rebalance) -> Rebalance {
    let (mut weights, mut multipliers) = (Vec::new(), Multipliers::default());
    let status = Solver::default().solve(&made.problem(), &mut weights, &mut multipliers);
    Rebalance { weights, multipliers, status, ..made }
}

/// Change of the best objective by that of a bound, from both sides.
fn slope(made: &Rebalance, moved: impl Fn(&mut Rebalance, f64)) -> f64 {
    let at = |step: f64| {
        let mut made = made.clone();
        moved(&mut made, step);
        let solved = solved(made);
        solved.objective(&solved.weights)
    };
    let step = 1e-5;
    (at(step) - at(-step)) / (2.0 * step)
}

#[test]
fn multiplier_of_a_bound_is_its_marginal_value() {
    let exposures = DMatrix::from_column_slice(3, 1, &[1.0, 0.5, -1.0]);
    let base = Rebalance {
        expected: vec![1.5e-3, -1.5e-3, 4e-4],
        exposures,
        idiosyncratic: vec![4e-4, 5e-4, 6e-4],
        held: vec![0.0, 0.2, 0.05],
        upper: vec![0.3, 0.8, 0.8],
        lower: vec![-0.3, -0.25, -0.8],
        turnover: 10.0,
        ..made()
    };
    let plain = Rebalance { benchmark: Vec::new(), impact: Vec::new(), borrow: Vec::new(), ..base.clone() };
    let free = GroupBound::default();
    let bounded = GroupBound { gross: 0.45, ..free };
    let groups = vec![GroupLimits { group: vec![0, 0, UNBOUNDED], bounds: vec![bounded] }];
    let limits = |group: [u32; 3], bounds: &[GroupBound]| GroupLimits {
        group: group.to_vec(),
        bounds: bounds.to_vec(),
    };
    let low = limits([0, 0, UNBOUNDED], &[GroupBound { lower: 0.2, ..free }]);
    let high = limits([0, UNBOUNDED, 0], &[GroupBound { upper: 0.45, ..free }]);
    // The bounded group is the second of the second division.
    let second = vec![
        limits([1, 0, 0], &[GroupBound { lower: -2.0, ..free }, free]),
        limits([1, UNBOUNDED, 1], &[GroupBound { upper: 5.0, ..free }, GroupBound { upper: 0.45, ..free }]),
    ];
    let exposure = ExposureBounds { factor: 0, lower: -1.0, upper: 0.1 };
    let cases = [
        ("plain", plain.clone()),
        ("all", base.clone()),
        ("a cap", Rebalance { turnover: 0.6, ..base.clone() }),
        ("a gross limit", Rebalance { gross: 0.6, ..base.clone() }),
        ("a gross limit without a benchmark", Rebalance { gross: 0.58, ..plain.clone() }),
        ("a net target", Rebalance { net: Some(0.2), ..base.clone() }),
        ("a group", Rebalance { group_limits: groups, ..plain.clone() }),
        ("least sum of a group", Rebalance { group_limits: vec![low], ..plain.clone() }),
        ("largest sum of a group", Rebalance { group_limits: vec![high], ..plain.clone() }),
        ("a group of the second division", Rebalance { group_limits: second, ..plain.clone() }),
        ("an exposure bound", Rebalance { exposure_bounds: vec![exposure], ..plain.clone() }),
        (
            "an exposure bound with a loading of 2 at a bound",
            Rebalance {
                exposure_bounds: vec![exposure],
                exposures: DMatrix::from_column_slice(3, 1, &[2.0, 0.5, -1.0]),
                ..plain.clone()
            },
        ),
        ("impact at a bound", Rebalance { expected: vec![4e-3, -1.5e-3, 4e-4], ..base.clone() }),
        ("half a unit of risk", Rebalance { kelly_fraction: 0.25, upper: vec![0.1, 0.8, 0.8], ..base }),
    ];
    let mut binding = 0;
    for (name, made) in cases {
        let found = solved(made.clone());
        assert!(found.status.converged, "{name}: {:?}", found.status);
        for (i, multiplier) in found.bound_multipliers().into_iter().enumerate() {
            let upper = slope(&made, |made, step| made.upper[i] += step);
            let lower = slope(&made, |made, step| made.lower[i] += step);
            near(multiplier, upper + lower, 2e-7, &format!("{name}, instrument {i}: {:?}", found.weights));
            binding += usize::from(multiplier.abs() > 1e-6);
        }
    }
    assert!(binding >= 8, "{binding} bounds bind");
}

/// A limit that holds one weight at 1 costs the growth between 1 and the best weight, and the other limits cost nothing.
#[test]
fn cost_of_a_limit_is_the_growth_that_its_absence_adds() {
    let growth = |w: f64, cost: f64| 1e-3 * w - 2e-4 * w * w - cost * (w - 0.25_f64).abs();
    let group = GroupBound { upper: 1.0, ..GroupBound::default() };
    let cases = [
        ("none", one()),
        ("cap", Rebalance { turnover: 0.75, ..one() }),
        ("box", Rebalance { upper: vec![1.0], ..one() }),
        ("gross", Rebalance { gross: 1.0, ..one() }),
        ("net", Rebalance { net: Some(1.0), ..one() }),
        (
            "exposures",
            Rebalance {
                exposures: DMatrix::from_element(1, 1, 1.0),
                factor_root: DMatrix::zeros(1, 1),
                exposure_bounds: vec![ExposureBounds { factor: 0, lower: -1.0, upper: 1.0 }],
                ..one()
            },
        ),
        (
            "groups",
            Rebalance { group_limits: vec![GroupLimits { group: vec![0], bounds: vec![group] }], ..one() },
        ),
        ("halt", Rebalance { held: vec![1.0], lower: vec![1.0], upper: vec![1.0], ..one() }),
    ];
    for (name, made) in cases {
        let LimitCosts { turnover_cap, bounds, gross, net, exposures, groups, costs, borrow } =
            made.limit_costs();
        let free = name == "none" || name == "halt";
        let expected = if free { 0.0 } else { growth(2.25, 1e-4) - growth(1.0, 1e-4) };
        let found = [
            ("cap", turnover_cap),
            ("box", bounds),
            ("gross", gross),
            ("net", net),
            ("exposures", exposures),
            ("groups", groups),
            ("borrow", borrow),
        ];
        for (limit, cost) in found {
            near(cost, if limit == name { expected } else { 0.0 }, 1e-12, &format!("{limit} of {name}"));
        }
        // Without costs of trading, the limit holds the same weight.
        let saved = match name {
            "none" => growth(2.5, 0.0) - growth(2.25, 1e-4),
            "halt" => 0.0,
            _ => growth(1.0, 0.0) - growth(1.0, 1e-4),
        };
        near(costs, saved, 1e-12, &format!("costs of {name}"));
    }
    // A fee of 3e-4 keeps a short at -1.5, which would be -2.25.
    let short = Rebalance { expected: vec![-1e-3], borrow: vec![3e-4], ..one() };
    let costs = short.limit_costs();
    let growth = |w: f64, fee: f64| -1e-3 * w - 2e-4 * w * w - 1e-4 * (0.25 - w) + fee * w;
    near(costs.borrow, growth(-2.25, 0.0) - growth(-1.5, 3e-4), 1e-12, "fee");
    near(costs.gross + costs.net + costs.turnover_cap + costs.bounds, 0.0, 1e-12, "other limits");
}

#[test]
fn excess_over_bounds_of_groups_is_the_largest_violation() {
    let bound = |lower: f64, upper: f64, gross: f64| GroupBound { lower, upper, gross };
    let of = |bounds: Vec<GroupBound>, benchmark: &[f64]| {
        GroupLimits { group: vec![0, 0, 1, UNBOUNDED], bounds }.excess(&[0.3, -0.1, 0.25, 9.0], benchmark)
    };
    let free = GroupBound::default();
    let cases = [
        ("upper", bound(-1.0, 0.15, 1.0), free, 0.05),
        ("lower", bound(0.5, 1.0, 1.0), free, 0.3),
        ("gross", bound(-1.0, 1.0, 0.3), free, 0.1),
        ("second", free, bound(-1.0, 0.125, 1.0), 0.125),
        ("largest", bound(-1.0, 0.15, 0.3), bound(0.5, 1.0, 1.0), 0.25),
    ];
    for (name, first, second, expected) in cases {
        near(of(vec![first, second], &[]), expected, 1e-12, name);
    }
    assert!(of(vec![bound(0.0, 0.3, 0.5), bound(0.2, 0.3, 0.3)], &[]) <= 0.0);
    // Active weights -0.1 and 0.1 in the first group, and 0.75 in the second.
    near(of(vec![bound(-1.0, 1.0, 0.125), free], &[0.4, -0.2, -0.5, 0.0]), 0.075, 1e-12, "benchmark");
    near(of(vec![free, bound(-1.0, 1.0, 0.5)], &[0.4, -0.2, -0.5, 0.0]), 0.25, 1e-12, "benchmark");
}

#[test]
fn price_of_a_cap_of_zero_is_the_gain_of_the_best_trade() {
    let zero = || Rebalance { turnover: 0.0, ..one() };
    let fee = || vec![5e-4];
    let factor = Rebalance {
        exposures: DMatrix::from_element(1, 1, 1.0),
        factor_covariance: DMatrix::from_element(1, 1, 4e-4),
        factor_root: DMatrix::from_element(1, 1, 0.02),
        ..zero()
    };
    let cases = [
        ("a purchase", zero(), 1e-3 - 1e-4 - 1e-4),
        ("with a factor", factor, 1e-3 - 2e-4 - 1e-4),
        ("at the upper bound", Rebalance { upper: vec![0.25], ..zero() }, 0.0),
        ("a sale", Rebalance { expected: vec![-1e-3], ..zero() }, 1.1e-3 - 1e-4),
        ("at the lower bound", Rebalance { expected: vec![-1e-3], lower: vec![0.25], ..zero() }, 0.0),
        ("halted", Rebalance { lower: vec![0.25], upper: vec![0.25], ..zero() }, 0.0),
        ("a cost above the gain", Rebalance { cost: vec![2e-3], ..zero() }, 0.0),
        (
            "a short that pays a fee",
            Rebalance { held: vec![-0.1], borrow: fee(), ..zero() },
            1.04e-3 + 5e-4 - 1e-4,
        ),
        ("a long without a fee", Rebalance { borrow: fee(), ..zero() }, 1e-3 - 1e-4 - 1e-4),
        (
            "a new short",
            Rebalance { expected: vec![-1e-3], held: vec![0.0], borrow: fee(), ..zero() },
            1e-3 - 5e-4 - 1e-4,
        ),
        (
            "a purchase without a position",
            Rebalance { held: vec![0.0], borrow: fee(), ..zero() },
            1e-3 - 1e-4,
        ),
        ("a purchase with impact", Rebalance { impact: vec![1e-3], ..zero() }, 1e-3 - 1e-4 - 1e-4),
        (
            "a sale with impact",
            Rebalance { expected: vec![-1e-3], impact: vec![1e-3], ..zero() },
            1.1e-3 - 1e-4,
        ),
        (
            "a fee above the gain",
            Rebalance { expected: vec![-4e-4], held: vec![0.0], borrow: fee(), ..zero() },
            0.0,
        ),
    ];
    for (name, made, expected) in cases {
        near(solved(made.clone()).multipliers.turnover, expected, 1e-12, name);
        // The same beside an instrument that cannot be traded.
        let twice = |column: &[f64], other: f64| [column, &[other]].concat();
        let beside = Rebalance {
            expected: twice(&made.expected, 9e-3),
            exposures: if made.exposures.is_empty() {
                made.exposures.clone()
            } else {
                made.exposures.clone().insert_row(1, 0.0)
            },
            idiosyncratic: twice(&made.idiosyncratic, 1e-4),
            held: twice(&made.held, 0.1),
            lower: twice(&made.lower, 0.1),
            upper: twice(&made.upper, 0.1),
            cost: twice(&made.cost, 0.0),
            impact: if made.impact.is_empty() { Vec::new() } else { twice(&made.impact, 1e-3) },
            borrow: if made.borrow.is_empty() { Vec::new() } else { twice(&made.borrow, 0.0) },
            ..made
        };
        near(solved(beside).multipliers.turnover, expected, 1e-12, name);
    }
}
