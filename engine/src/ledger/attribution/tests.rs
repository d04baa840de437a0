//! Attribution of frames computed by hand: a given factor and one of groups, three positions; the third has
//! no estimate and no group.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use super::{Attribution, AttributionInputs, Contributions};
use crate::execution::{Account, BorrowCharge, Conditions, CostItem, Costs, Fill, Moves, Reason};
use crate::groups::{GroupColumn, NO_GROUP};
use crate::names::InstrumentNames;

const NONE: f64 = f64::NAN;

fn attribution(excess: bool) -> Attribution {
    Attribution {
        coefficients: vec![vec![0.02, -0.01, NONE], vec![1.5, 0.5, NONE], vec![2.0, 3.0, NONE]],
        own: vec![vec![0, 1, NO_GROUP]],
        ..Attribution::with_groups(1, 1, excess)
    }
}

fn groups() -> Vec<GroupColumn> {
    let mut names = InstrumentNames::default();
    names.extend(&[Arc::from("tech"), Arc::from("banks")]);
    let of = vec![0, 1, NO_GROUP];
    let returns = vec![0.01, NONE];
    vec![GroupColumn { factor: "sector".into(), has_factors: true, names, of, returns, trading: vec![9, 0] }]
}

fn moves() -> Moves {
    let mut moves = Moves::default();
    moves.before = vec![1000.0, -500.0, -200.0];
    moves.held = vec![30.0, 10.0, -4.0];
    moves.traded = vec![5.0, 0.0, -2.0];
    moves
}

fn fill(instrument: u32, commission: f64) -> Fill {
    Fill {
        instrument,
        decided_seq: Some(1),
        quantity: 1.0,
        price: 10.0,
        decision_price: 10.0,
        costs: Costs::of(&[(CostItem::Commission, commission)]),
        permanent_impact: 0.0,
        conditions: Conditions { half_spread_bps: 0.0, volatility: NONE, daily_volume: NONE },
        reason: Reason::Order,
    }
}

fn account() -> Account {
    let costs = [(CostItem::Commission, 3.0), (CostItem::Borrow, 7.0), (CostItem::Financing, 1.5)];
    Account { costs: Costs::of(&costs), interest: 0.25, ..Account::default() }
}

/// Compares alpha, residual, the two factors, the risk-free part and trading.
fn check(found: &Contributions, expected: [f64; 6], case: &str) {
    let [first, second] = found.factors[..] else { panic!("two factors") };
    let found = [found.alpha, found.residual, first, second, found.risk_free, found.trading];
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{case}: {found} instead of {expected}");
    }
}

#[test]
fn parts_of_each_position_equal_those_computed_by_hand() {
    let (moves, groups, account) = (moves(), groups(), account());
    let fills = [fill(0, 1.0), fill(2, 2.0)];
    let mut attribution = attribution(true);
    let inputs = AttributionInputs {
        moves: &moves,
        account: &account,
        fills: &fills,
        borrow: None,
        factors: &[0.03],
        groups: &groups,
        rf: 0.01,
        nav_before: 2000.0,
    };
    attribution.explain(inputs);
    check(attribution.frame(), [25.0, -49.5, 37.5, 20.0, 3.0, 3.0], "frame");
    assert_eq!((attribution.frame().interest, attribution.frame().costs), (0.25, account.costs));
    // All parts less costs add up to the gains.
    assert!((attribution.frame().total() - (36.0 + 3.0 + 0.25 - 11.5)).abs() < 1e-12);
    for (found, expected) in attribution.exposures().iter().zip([0.625, 0.25]) {
        assert!((found - expected).abs() < 1e-15, "{found}");
    }
    let expected = [
        [20.0, -65.0, 45.0, 20.0, 10.0, 5.0],
        [5.0, 17.5, -7.5, 0.0, -5.0, 0.0],
        [0.0, -2.0, 0.0, 0.0, -2.0, -2.0],
    ];
    let costs = |attribution: &Attribution, i: usize| {
        let costs = attribution.sums().0[i].costs;
        [costs[CostItem::Commission], costs[CostItem::Borrow], costs[CostItem::Financing]]
    };
    for (i, expected) in expected.into_iter().enumerate() {
        check(&attribution.sums().0[i], expected, &format!("position {i}"));
    }
    // The fee on shorts by their values, 5 of 7 on the second position.
    assert_eq!(
        [0, 1, 2].map(|i| costs(&attribution, i)),
        [[1.0, 0.0, 0.0], [0.0, 5.0, 0.0], [2.0, 2.0, 0.0]]
    );
    let cash = attribution.sums().1;
    assert_eq!((cash.interest, cash.costs), (0.25, Costs::of(&[(CostItem::Financing, 1.5)])));

    // Without a factor return all of the gain beyond the risk-free return is residual; the exposure stays. Fees by
    // name are charged to their instruments, and sums go on.
    let charge =
        |instrument, fee| BorrowCharge { instrument, short_value: 1.0, bps_per_year: 1.0, days: 1.0, fee };
    attribution.explain(AttributionInputs {
        fills: &[],
        borrow: Some(&[charge(2, 6.0), charge(1, 1.0)]),
        factors: &[NONE],
        ..inputs
    });
    check(attribution.frame(), [0.0, 33.0, 0.0, 0.0, 3.0, 0.0], "frame without a factor");
    assert!((attribution.exposures()[0] - 0.625).abs() < 1e-15);
    check(&attribution.sums().0[0], [20.0, -45.0, 45.0, 20.0, 20.0, 5.0], "sums of the first position");
    assert_eq!([1, 2].map(|i| costs(&attribution, i)), [[0.0, 6.0, 0.0], [2.0, 8.0, 0.0]]);
    assert_eq!(attribution.sums().1.interest, 0.5);

    let mut plain = self::attribution(false);
    plain.explain(inputs);
    check(plain.frame(), [25.0, -46.5, 37.5, 20.0, 0.0, 3.0], "returns without a risk-free part");
}

#[test]
fn gains_and_exposures_of_groups_equal_those_computed_by_hand() {
    let (moves, groups, account) = (moves(), groups(), account());
    let mut attribution = attribution(true);
    let inputs = AttributionInputs {
        moves: &moves,
        account: &account,
        fills: &[],
        borrow: None,
        factors: &[0.03],
        groups: &groups,
        rf: 0.01,
        nav_before: 2000.0,
    };
    let mut out = Vec::new();
    for (frames, weights) in [(2.0, [0.5, -0.25, -0.125]), (1.0, [-0.5, 0.25, 1.0])] {
        (0..frames as usize).for_each(|_| attribution.explain(inputs));
        attribution.take_groups(&groups, &weights, &[0.25, 0.5], &mut out);
        let [tech, banks] = &out[..] else { panic!("two groups: {out:?}") };
        assert_eq!((&*tech.factor, &*tech.group, &*banks.group), ("sector", "tech", "banks"));
        assert_eq!((tech.net, tech.gross, tech.active), (weights[0], 0.5, weights[0] - 0.25));
        assert_eq!((banks.net, banks.gross, banks.active), (weights[1], 0.25, weights[1] - 0.5));
        assert_eq!((tech.exposure, banks.exposure), (weights[0] * 2.0, weights[1] * 3.0));
        assert_eq!((tech.gain, banks.gain), (35.0 * frames, 10.0 * frames));
        // The factor of the second group has no return.
        assert!((tech.factor_return - 0.01 * frames).abs() < 1e-15 && banks.factor_return == 0.0);
        assert!((tech.factor_gain - 20.0 * frames).abs() < 1e-12 && banks.factor_gain == 0.0);
    }
    // Without weights of the benchmark, and without a factor.
    let named = vec![GroupColumn { has_factors: false, ..groups[0].clone() }];
    let mut attribution = Attribution::new(1, false);
    attribution.explain(AttributionInputs { groups: &named, ..inputs });
    attribution.take_groups(&named, &[0.5, -0.25], &[], &mut out);
    assert_eq!((out[0].net, out[1].net, out[0].gain), (0.5, -0.25, 35.0));
    for entry in &out {
        let unknown = [entry.active, entry.exposure, entry.factor_return, entry.factor_gain];
        assert!(unknown.iter().all(|value| value.is_nan()), "{entry:?}");
    }
}
