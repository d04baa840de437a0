//! Bounds by group: as set, as limits of a rebalance, out of reach, and their prices.

use std::sync::Arc;

use betaflow_engine::dated::{DatedValues, FROM_BEGINNING};
use betaflow_engine::groups::{GroupColumn, GroupFactor, GroupName, NO_GROUP};
use betaflow_engine::names::InstrumentNames;
use betaflow_engine::portfolio::{
    BoundedGroups, CapMethod, GroupBound, GroupBounds, GroupBoundsByName, GroupLimits, NO_FACTOR,
    OwnLoadings, Rebalance, SizingSettings, Solver, UNBOUNDED, check_group_names,
};
use nalgebra::DMatrix;

use crate::rebalance::Checked;
use crate::support::Random;

fn near(found: f64, expected: f64, tolerance: f64, name: &str) {
    assert!((found - expected).abs() <= tolerance, "{name}: {found:e}, expected {expected:e}");
}

fn named(bounds: &[(&str, GroupBounds)]) -> GroupBoundsByName {
    bounds.iter().map(|(name, bounds)| ((*name).to_owned(), *bounds)).collect()
}

fn net(lower: f64, upper: f64) -> GroupBounds {
    GroupBounds { net: Some([lower, upper]), ..GroupBounds::default() }
}

fn gross(gross: f64) -> GroupBounds {
    GroupBounds { gross: Some(gross), ..GroupBounds::default() }
}

#[test]
fn bounds_by_group_are_in_order_and_in_their_range() {
    let relative = |bounds: GroupBounds, relative: bool| GroupBounds { relative: Some(relative), ..bounds };
    let cases = [
        (net(0.1, 0.2), false, None),
        (net(0.1, 0.1), false, None),
        (net(-1e6, 1e6), false, None),
        (gross(0.0), false, None),
        (gross(1e6), true, None),
        (GroupBounds { gross: Some(0.3), ..net(-0.1, 0.2) }, false, None),
        (relative(net(-0.1, 0.1), true), false, None),
        (relative(net(-0.1, 0.1), false), true, None),
        (relative(gross(0.5), true), true, None),
        (relative(gross(0.5), false), false, None),
        (net(0.2, 0.1), false, Some("x = { net = [0.2, 0.1] }")),
        (net(-2e6, 0.1), false, Some("x = { net = [-2000000, 0.1] }")),
        (net(0.1, 2e6), false, Some("x = { net = [0.1, 2000000] }")),
        (net(f64::NAN, 0.1), false, Some("x = { net = [NaN, 0.1] }")),
        (gross(-0.1), false, Some("x = { gross = -0.1 }")),
        (gross(2e6), false, Some("x = { gross = 2000000 }")),
        (
            GroupBounds { gross: Some(-0.5), ..net(0.1, 0.2) },
            false,
            Some("x = { net = [0.1, 0.2], gross = -0.5 }"),
        ),
        (GroupBounds::default(), false, Some("x = {  }")),
        // Gross exposure is measured as the gross limit is.
        (relative(gross(0.5), true), false, Some("x with gross and relative = true")),
        (relative(gross(0.5), false), true, Some("x with gross and relative = false")),
    ];
    for (bounds, active, found) in cases {
        let settings = SizingSettings {
            group_bounds: named(&[("w", net(0.0, 0.1)), ("x", bounds)]),
            active,
            ..SizingSettings::default()
        };
        let invalid = settings.check().err();
        assert_eq!(invalid.as_ref().map(|invalid| &*invalid.found), found, "{bounds:?}, active {active}");
        assert!(invalid.is_none_or(|invalid| invalid.key == "group_bounds"));
    }
    let scaled = SizingSettings {
        group_bounds: named(&[("x", net(0.0, 0.1))]),
        cap_method: CapMethod::Scale,
        ..SizingSettings::default()
    };
    assert_eq!(scaled.check().unwrap_err().key, "cap_method");
}

#[test]
fn net_bounds_need_a_benchmark_if_they_are_relative_to_it() {
    let of = |bounds: GroupBounds, relative: Option<bool>, active: bool| {
        let bounds = named(&[("x", GroupBounds { relative, ..bounds })]);
        SizingSettings { group_bounds: bounds, active, ..SizingSettings::default() }.needs_benchmark()
    };
    assert!(of(net(0.0, 0.1), Some(true), false));
    assert!(!of(net(0.0, 0.1), Some(false), false) && !of(net(0.0, 0.1), None, false));
    assert!(!of(gross(0.1), Some(true), false));
    assert!(of(gross(0.1), None, true), "as sizing.active itself");
}

/// Groups of a file: symbol, date and group.
fn listed(factor: &str, rows: &[(&str, i64, Option<&str>)]) -> GroupFactor {
    let rows = rows.iter().map(|(symbol, date, group)| (*symbol, *date, GroupName(group.map(Arc::from))));
    let table = Arc::new(DatedValues::new(rows).unwrap());
    GroupFactor { factor: factor.into(), column: factor.into(), has_factors: false, table }
}

#[test]
fn bounds_name_columns_and_groups_of_the_file() {
    let sector = [
        ("A", FROM_BEGINNING, Some("Energy")),
        ("A", 1_000, Some("Utilities")),
        ("B", FROM_BEGINNING, None),
        ("C", FROM_BEGINNING, Some("Retail")),
    ];
    let country = [("A", FROM_BEGINNING, Some("US")), ("B", FROM_BEGINNING, Some("DE"))];
    let groups = [listed("sector", &sector), listed("country", &country)];
    let cases: [(&[&str], Option<&str>); 8] = [
        (&[], None),
        (&["sector", "country"], None),
        (&["sector:Energy", "sector:Utilities", "sector:Retail", "country:US"], None),
        (&["industry"], Some(r#"industry (columns: ["sector", "country"])"#)),
        (&["industry:Energy"], Some(r#"industry:Energy (columns: ["sector", "country"])"#)),
        // The most similar names come first.
        (&["sector:utilities "], Some(r#"sector:utilities  (groups: ["Utilities", "Energy", "Retail"])"#)),
        (&["country", "sector:US"], Some(r#"sector:US (groups: ["Utilities", "Energy", "Retail"])"#)),
        (&["sector:"], Some(r#"sector: (groups: ["Energy", "Retail", "Utilities"])"#)),
    ];
    for (names, found) in cases {
        let bounds: GroupBoundsByName =
            names.iter().map(|name| ((*name).to_owned(), net(0.0, 0.1))).collect();
        let invalid = check_group_names(&bounds, &groups).err();
        assert_eq!(invalid.as_ref().map(|invalid| &*invalid.found), found, "{names:?}");
        assert!(invalid.is_none_or(|invalid| invalid.key == "group_bounds"));
    }
    let bounds = named(&[("sector", net(0.0, 0.1))]);
    assert!(check_group_names(&bounds, &[]).is_err(), "without columns");
    // Twenty groups are listed.
    let many: Vec<String> = (0..22).map(|group| format!("g{group:02}")).collect();
    for (count, more) in [(20, ""), (22, " and 2 more")] {
        let rows: Vec<_> =
            many[..count].iter().map(|name| (&**name, FROM_BEGINNING, Some(&**name))).collect();
        let invalid =
            check_group_names(&named(&[("x:none", net(0.0, 0.1))]), &[listed("x", &rows)]).unwrap_err();
        assert_eq!(invalid.found.matches("\"g").count(), 20, "{}", invalid.found);
        assert!(invalid.found.ends_with(&format!("]{more})")), "{}", invalid.found);
    }
}

fn column(factor: &str, names: &[&str], of: &[u32]) -> GroupColumn {
    let mut listed = InstrumentNames::default();
    listed.extend(&names.iter().map(|name| Arc::from(*name)).collect::<Vec<_>>());
    GroupColumn { factor: factor.into(), names: listed, of: of.to_vec(), ..GroupColumn::default() }
}

#[test]
fn bounds_of_a_group_replace_those_of_its_column() {
    let columns = [
        column("country", &["x", "y"], &[0, 1, 0, 1, 0]),
        column("sector", &["a", "b", "c"], &[0, 1, 0, NO_GROUP, 2]),
        column("size", &["small"], &[0, 0, NO_GROUP, NO_GROUP, 0]),
    ];
    // Sums by sector: 0.75, 0.125 and 0.0625; small: 0.4375.
    let benchmark = [0.25, 0.125, 0.5, 0.0625, 0.0625];
    for (relative, active, shifted) in
        [(None, false, 0.0), (None, true, 1.0), (Some(false), true, 0.0), (Some(true), false, 1.0)]
    {
        let case = format!("relative {relative:?}, active {active}");
        let sector = GroupBounds { relative, ..net(-0.5, 0.5) };
        let b = GroupBounds { relative, ..gross(0.25) };
        let bounds = named(&[("sector", sector), ("sector:b", b), ("size:small", gross(0.75))]);
        let mut limits = BoundedGroups::default();
        limits.set(&bounds, active, &columns, &benchmark);
        let bound = |shift: f64| GroupBound {
            lower: -0.5 + shifted * shift,
            upper: 0.5 + shifted * shift,
            ..GroupBound::default()
        };
        let sectors = vec![bound(0.75), GroupBound { gross: 0.25, ..GroupBound::default() }, bound(0.0625)];
        let small = vec![GroupBound { gross: 0.75, ..GroupBound::default() }];
        let expected = [
            GroupLimits { group: vec![0, 1, 0, UNBOUNDED, 2], bounds: sectors },
            GroupLimits { group: vec![0, 0, UNBOUNDED, UNBOUNDED, 0], bounds: small },
        ];
        assert_eq!(limits.limits(), expected, "{case}");
        assert_eq!(limits.names(), ["sector:a", "sector:b", "sector:c", "size:small"], "{case}");
        // Gross exposure of b is 0.5, beyond its bound by 0.25, and that of the small ones 1, by as much.
        assert_eq!(limits.excess(&[0.5, 0.5, 0.25, 0.0, 0.0], &[]), 0.25, "{case}");
        // One group alone; then none.
        limits.set(&named(&[("sector:b", net(0.0, 0.25))]), false, &columns, &[]);
        let bounds = vec![GroupBound { lower: 0.0, upper: 0.25, ..GroupBound::default() }];
        let group = vec![UNBOUNDED, 0, UNBOUNDED, UNBOUNDED, UNBOUNDED];
        assert_eq!(limits.limits(), [GroupLimits { group, bounds }], "{case}");
        limits.set(&GroupBoundsByName::new(), false, &columns, &[]);
        assert!(limits.limits().is_empty() && limits.names().is_empty(), "{case}");
    }
}

/// Four instruments of equal risk and forecast, two in a group.
fn made(bounds: GroupBound) -> Rebalance {
    Rebalance {
        expected: vec![2e-3; 4],
        idiosyncratic: vec![4e-4; 4],
        kelly_fraction: 1.0,
        held: vec![0.5, 0.25, 0.0, 0.0],
        lower: vec![-1.0; 4],
        upper: vec![1.0; 4],
        cost: vec![0.0; 4],
        turnover: 10.0,
        gross: f64::INFINITY,
        group_limits: vec![GroupLimits { group: vec![0, 0, UNBOUNDED, UNBOUNDED], bounds: vec![bounds] }],
        ..Rebalance::default()
    }
}

/// Σw and Σ|w| of the group after the rebalance, where each bound is out of reach by hand.
#[test]
fn bound_out_of_reach_is_approached_with_what_other_limits_leave() {
    let free = GroupBound::default();
    let upper = |upper: f64| GroupBound { upper, ..free };
    let cases = [
        // The box takes 0.25 of 0.375; nine tenths of the rest reduce the excess of 0.5 over 0.25.
        (
            "turnover that the box leaves",
            Rebalance {
                held: vec![0.75, 0.25, 0.0, 0.0],
                upper: vec![0.5; 4],
                turnover: 0.375,
                ..made(upper(0.25))
            },
            [0.6375, 0.6375],
            true,
        ),
        ("turnover", Rebalance { turnover: 0.25, ..made(upper(0.25)) }, [0.525, 0.525], true),
        (
            "turnover that just suffices",
            Rebalance { turnover: 0.5, ..made(upper(0.25)) },
            [0.25, 0.25],
            false,
        ),
        (
            // Both sides of 0.5 shrink to 0.25 within the gross limit.
            "bounds that hold once the gross limit does",
            Rebalance {
                expected: vec![2e-3, 1e-3, 0.0, 0.0],
                held: vec![0.5, -0.5, 0.0, 0.0],
                gross: 0.5,
                group_limits: vec![
                    GroupLimits {
                        group: vec![0, UNBOUNDED, UNBOUNDED, UNBOUNDED],
                        bounds: vec![upper(0.25)],
                    },
                    GroupLimits {
                        group: vec![0, 0, UNBOUNDED, UNBOUNDED],
                        bounds: vec![GroupBound { lower: 0.0, ..free }],
                    },
                ],
                ..made(free)
            },
            [0.5, 0.5],
            false,
        ),
        (
            "a net bound against a gross bound",
            Rebalance {
                held: vec![0.25, 0.0, 0.0, 0.0],
                ..made(GroupBound { lower: 0.5, gross: 0.25, ..free })
            },
            [0.25, 0.25],
            true,
        ),
        (
            "the box ends the growth of shorts",
            Rebalance {
                held: vec![0.125, -0.125, 0.0, 0.0],
                lower: vec![-0.25, -0.5, -1.0, -1.0],
                ..made(upper(-2.0))
            },
            [-0.75, 0.75],
            true,
        ),
    ];
    for (name, made, [net, gross], missed) in cases {
        let (weights, _, status) = made.solve(&mut Solver::default());
        assert!(status.converged && status.group_missed == missed, "{name}: {status:?}, {weights:?}");
        assert!(!status.box_missed && !status.gross_missed && !status.net_missed, "{name}: {status:?}");
        near(weights[0] + weights[1], net, 1e-9, name);
        near(weights[0].abs() + weights[1].abs(), gross, 1e-9, name);
        let turnover: f64 = weights.iter().zip(&made.held).map(|(w, held)| (w - held).abs()).sum();
        assert!(turnover <= made.turnover + 1e-14, "{name}: {turnover}");
    }
}

/// Instruments with given factors and two divisions that make factors.
fn factored(seed: u64, n: usize) -> Rebalance {
    let (mut random, given) = (Random(seed), 2);
    let mut k = given;
    let mut own = Vec::new();
    for count in [2_usize, 3] {
        let group = |random: &mut Random| match (random.uniform() * (count as f64 + 0.3)) as usize {
            group if group < count => (k + group) as u32,
            _ => NO_FACTOR,
        };
        let factor: Vec<u32> = (0..n).map(|_| group(&mut random)).collect();
        let loading = factor.iter().map(|of| if *of == NO_FACTOR { 0.0 } else { 0.5 + random.uniform() });
        own.push(OwnLoadings { loading: loading.collect(), factor });
        k += count;
    }
    let root = DMatrix::from_fn(k, k, |a, b| match () {
        () if a < b => 0.0,
        () if a == b => 0.01 + 0.01 * random.uniform(),
        () => 0.004 * random.shock(),
    });
    Rebalance {
        exposures: DMatrix::from_fn(n, given, |_, _| random.shock()),
        own,
        factor_root: root,
        expected: (0..n).map(|_| 1e-3 * random.shock()).collect(),
        idiosyncratic: (0..n).map(|_| 1e-4 + 4e-4 * random.uniform()).collect(),
        kelly_fraction: 0.5,
        held: (0..n).map(|_| 0.1 * random.shock()).collect(),
        lower: vec![-0.5; n],
        upper: vec![0.5; n],
        cost: (0..n).map(|_| 1e-4 * random.uniform()).collect(),
        turnover: 0.0,
        gross: f64::INFINITY,
        ..Rebalance::default()
    }
}

#[test]
fn price_of_a_cap_of_zero_is_the_gain_of_the_best_trade_with_factors_of_groups() {
    let mut solver = Solver::default();
    for seed in 0..60 {
        let made = factored(seed, [3, 8, 13, 29][seed as usize % 4]);
        let made = if seed % 2 == 0 { made } else { Rebalance { impact: vec![1e-3; made.n()], ..made } };
        let (weights, prices, status) = made.solve(&mut solver);
        assert!(status.converged, "seed {seed}: {status:?}");
        weights.iter().zip(&made.held).for_each(|(w, held)| near(*w, *held, 1e-14, &format!("seed {seed}")));
        let common = made.common(&made.held);
        let columns: Vec<Vec<f64>> = (0..made.k()).map(|factor| made.exposures_to(factor)).collect();
        let gain = |i: usize| {
            let root = |j: usize| {
                (0..made.k()).map(|l| columns[l][i] * made.factor_root[(l, j)]).sum::<f64>() * common[j]
            };
            let risk = (0..made.k()).map(root).sum::<f64>() + made.idiosyncratic[i] * made.held[i];
            (made.expected[i] - risk / made.kelly_fraction).abs() - made.cost[i]
        };
        let best = (0..made.n()).map(gain).fold(0.0, f64::max);
        near(prices.turnover, best, 1e-12, &format!("seed {seed}"));
    }
}

/// The two sides of a bound out of reach have the same price with opposite signs.
#[test]
fn price_of_a_net_target_out_of_reach_turns_its_sign_with_the_problem() {
    let mut solver = Solver::default();
    for seed in 0..60 {
        let made = Rebalance {
            turnover: 0.3,
            net: Some([-40.0, 40.0][seed as usize % 2]),
            own: Vec::new(),
            factor_root: DMatrix::from_diagonal_element(2, 2, 0.01),
            ..factored(seed, [3, 8, 13, 29][seed as usize / 2 % 4])
        };
        let minus = |of: &[f64]| of.iter().map(|value| -value).collect::<Vec<f64>>();
        let turned = Rebalance {
            net: made.net.map(|net| -net),
            expected: minus(&made.expected),
            held: minus(&made.held),
            ..made.clone()
        };
        let ((weights, prices, status), (others, other_prices, other)) =
            (made.solve(&mut solver), turned.solve(&mut solver));
        assert!(status.net_missed && other.net_missed, "seed {seed}: {status:?} {other:?}");
        assert_eq!(prices.net, -other_prices.net, "seed {seed}");
        weights.iter().zip(&others).for_each(|(w, other)| near(*w, -other, 1e-9, &format!("seed {seed}")));
    }
}
