//! Split of the gap between two runs, and the positions that it needs: numbers by hand.
#![allow(clippy::float_cmp)]

use betaflow_engine::execution::{Action, Reason};
use betaflow_engine::ledger::difference::{Carried, Difference, InstrumentNumbers, Positions};

#[test]
fn differences_add_up_part_by_part() {
    let by_data = Difference::by_data(3.0);
    assert_eq!(by_data, Difference { data: 3.0, ..Difference::default() });
    let carried = Difference::by_carried(
        Carried { costs: 5.0, interest: 2.0 },
        Carried { costs: 3.0, interest: 2.5 },
        7.0,
    );
    assert_eq!(carried, Difference { cost: 2.0, interest: 0.5, not_explained: 4.5, ..Difference::default() });
    let parts = Difference {
        start: 1.0,
        data: 2.0,
        decision: 4.0,
        fill: 8.0,
        cost: 16.0,
        interest: 32.0,
        not_explained: 64.0,
    };
    let mut sum = Difference::default();
    (0..3).for_each(|_| sum += parts);
    assert_eq!(sum.items().map(|(_, part)| part), [3.0, 6.0, 12.0, 24.0, 48.0, 96.0, 192.0]);
    assert_eq!(sum.total(), 381.0);
}

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Parts of the gap of a frame of two runs without costs.
fn parts(a: &Positions, b: &Positions, gap: f64) -> Difference {
    let none = Carried { costs: 0.0, interest: 0.0 };
    Difference::by_frame((a, none), (b, none), |_| false, gap)
}

#[test]
fn positions_follow_orders_fills_and_recalls_of_several_instruments() {
    let mut numbers = InstrumentNumbers::default();
    assert!(numbers.is_empty());
    let (mut a, mut b) = (Positions::default(), Positions::default());
    let names = texts(&["X", "Y", "Z"]);
    for positions in [&mut a, &mut b] {
        positions.begin(&names, &[10.0, 20.0, 40.0], &[], &mut numbers);
        assert_eq!(positions.numbers(), [0, 1, 2]);
        positions.order([("X", 6.0), ("Y", 4.0), ("Y", 1.0)].into_iter(), &mut numbers);
        positions.fill("X", (6.0, 9.5), Reason::Order, &mut numbers);
        positions.fill("Y", (4.0, 19.0), Reason::Order, &mut numbers);
    }
    assert!(!numbers.is_empty() && numbers.len() == 3);
    // B fills the last unit of Y too, at 20.5: 0.5 below the close for each of them is lost.
    b.fill("Y", (1.0, 20.5), Reason::Order, &mut numbers);
    assert_eq!((a.value(), b.value()), (140.0, 160.0));
    assert_eq!(parts(&a, &b, -0.5), Difference { fill: -0.5, ..Difference::default() });
    // Both intend 5 of Y. X splits two for one and pays 0.25 a new unit; Y rises by 2.
    let split = Action { instrument: 0, split: 2.0, dividend: 0.25 };
    for positions in [&mut a, &mut b] {
        positions.begin(&names, &[5.5, 22.0, 41.0], &[split], &mut numbers);
    }
    assert_eq!((a.value(), b.value()), (12.0 * 5.5 + 88.0, 12.0 * 5.5 + 110.0));
    assert_eq!(parts(&a, &b, 2.0), Difference { fill: 2.0, ..Difference::default() });
    // The lender of B recalls 2 of X at 6: 0.5 above the close is lost, which no order explains.
    b.fill("X", (-2.0, 6.0), Reason::Recall, &mut numbers);
    assert_eq!(b.value(), 10.0 * 5.5 + 110.0);
    assert_eq!(parts(&a, &b, 3.0), Difference { fill: 3.0, ..Difference::default() });
    // The next frame: a fall of X by 1 spares B, which intends and holds 2 units less, 2: a decision.
    for positions in [&mut a, &mut b] {
        positions.begin(&names, &[4.5, 22.0, 41.0], &[], &mut numbers);
    }
    assert_eq!(parts(&a, &b, 2.0), Difference { decision: 2.0, ..Difference::default() });
    // A fraction of X is paid out in both runs, and leaves the intended position too.
    for positions in [&mut a, &mut b] {
        positions.fill("X", (-0.5, 4.0), Reason::CashInLieu, &mut numbers);
        positions.begin(&names, &[5.5, 22.0, 41.0], &[], &mut numbers);
    }
    assert_eq!(parts(&a, &b, -2.0), Difference { decision: -2.0, ..Difference::default() });
    // New orders start from the held position: Y of A intends 4 again.
    for positions in [&mut a, &mut b] {
        positions.order([("Z", 1.0)].into_iter(), &mut numbers);
        positions.begin(&names, &[5.5, 23.0, 41.0], &[], &mut numbers);
    }
    assert_eq!(parts(&a, &b, 1.0), Difference { decision: 1.0, ..Difference::default() });
}

#[test]
fn split_without_a_price_moves_nothing_and_a_forced_close_moves_by_its_price() {
    let mut numbers = InstrumentNumbers::default();
    let (mut a, mut b) = (Positions::default(), Positions::default());
    let names = texts(&["X"]);
    for positions in [&mut a, &mut b] {
        positions.begin(&names, &[10.0], &[], &mut numbers);
        positions.order([("X", 8.0)].into_iter(), &mut numbers);
    }
    a.fill("X", (8.0, 10.0), Reason::Order, &mut numbers);
    b.fill("X", (4.0, 10.0), Reason::Order, &mut numbers);
    // Two for one on a frame without a close: the last price is halved.
    let split = Action { instrument: 0, split: 2.0, dividend: 0.0 };
    for positions in [&mut a, &mut b] {
        positions.begin(&names, &[f64::NAN], &[split], &mut numbers);
    }
    assert_eq!((a.value(), b.value()), (80.0, 40.0));
    assert_eq!(parts(&a, &b, 0.0), Difference::default());
    // B closes its 8 new units, 4 before the split, at 4: it loses 8, and A nothing. A would have lost 16.
    b.fill("X", (-8.0, 4.0), Reason::Delisting, &mut numbers);
    assert_eq!(b.value(), 0.0);
    assert_eq!(parts(&a, &b, -8.0), Difference { data: -16.0, fill: 8.0, ..Difference::default() });
}

#[test]
fn positions_of_one_run_alone_split_its_whole_gain() {
    let mut numbers = InstrumentNumbers::default();
    let (mut none, mut held) = (Positions::default(), Positions::default());
    let names = texts(&["X"]);
    let expected = |decision: f64, fill: f64| Difference { decision, fill, ..Difference::default() };
    let mut begin = |held: &mut Positions, numbers: &mut InstrumentNumbers, close: f64, action: &[Action]| {
        none.begin(&names, &[close], action, numbers);
        held.begin(&names, &[close], action, numbers);
        none.clone()
    };
    // Orders 8 in two parts: 4 fill at 1 below the close.
    let mut other = begin(&mut held, &mut numbers, 10.0, &[]);
    held.order([("X", 5.0), ("X", 3.0)].into_iter(), &mut numbers);
    held.fill("X", (3.0, 9.0), Reason::Order, &mut numbers);
    held.fill("X", (1.0, 9.0), Reason::Order, &mut numbers);
    assert_eq!(parts(&other, &held, 4.0), expected(8.0, -4.0));
    // Splits two for one, and pays 0.25 a new unit: 2 × 5.75 - 10 a unit of before.
    other = begin(&mut held, &mut numbers, 5.5, &[Action { instrument: 0, split: 2.0, dividend: 0.25 }]);
    assert_eq!(parts(&other, &held, 6.0), expected(8.0 * 1.5, -4.0 * 1.5));
    // 16 intended and 8 held.
    other = begin(&mut held, &mut numbers, 6.5, &[]);
    assert_eq!(parts(&other, &held, 8.0), expected(16.0, -8.0));
    held.fill("X", (-0.5, 6.0), Reason::CashInLieu, &mut numbers);
    other = begin(&mut held, &mut numbers, 7.5, &[]);
    held.fill("X", (-2.0, 8.5), Reason::Recall, &mut numbers);
    // The recall earns 1 a unit against the close.
    assert_eq!(parts(&other, &held, 9.5), expected(15.5, -8.0 + 2.0));
    other = begin(&mut held, &mut numbers, 8.5, &[]);
    assert_eq!(parts(&other, &held, 5.5), expected(13.5, -8.0));
    other = begin(&mut held, &mut numbers, f64::NAN, &[]);
    held.fill("X", (-5.5, 4.0), Reason::Delisting, &mut numbers);
    assert_eq!(parts(&other, &held, 5.5 * -4.5), expected(13.5 * -4.5, -8.0 * -4.5));
    other = begin(&mut held, &mut numbers, 9.0, &[]);
    assert_eq!(parts(&other, &held, 0.0), expected(0.0, 0.0));
}
