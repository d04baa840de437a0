//! Membership of a universe: instruments are held only within their spells.

use std::collections::BTreeMap;
use std::sync::Arc;

use betaflow_engine::execution::{FillAt, Reason, Unfilled};
use betaflow_engine::ledger::{LedgerFrame, RunFacts};
use betaflow_engine::membership::{Change, Membership, Spell, SpellFault};
use betaflow_engine::pipeline::{Placement, RunOptions, RunSettings, trading};
use betaflow_engine::portfolio::{CapMethod, FirstRebalance};
use betaflow_engine::source::MemorySource;
use betaflow_engine::strategy::{Context, Strategy, StrategyError, TargetKind, Targets};
use proptest::prelude::*;

use crate::support::{Keep, Market, Random, run, settings};

const FRAMES: usize = 260;

fn spell(symbol: &str, from: Option<i64>, to: Option<i64>) -> Spell {
    Spell { symbol: symbol.to_owned(), from, to }
}

fn market() -> Market {
    Market { instruments: 12, frames: FRAMES, missing: 0.02, late: 0.2, ..Market::default() }
}

/// Two spells of each instrument with a gap between them; the first instrument is always a member, the second never.
fn spells(seed: u64) -> Vec<Spell> {
    let mut random = Random(seed);
    let mut all = vec![spell("S000", None, None)];
    for i in 2..12 {
        let mut date = || (random.uniform() * FRAMES as f64) as i64;
        let mut dates = [date(), date(), date()];
        dates.sort_unstable();
        let [first_end, second, last] = dates;
        let symbol = format!("S{i:03}");
        all.push(spell(&symbol, None, Some(first_end)));
        all.push(spell(&symbol, Some(second.max(first_end + 1)), Some(last.max(first_end + 1))));
    }
    all
}

fn within(spells: &[Spell], membership: Vec<Spell>) -> RunSettings {
    assert!(!spells.is_empty());
    RunSettings { membership: Some(Arc::new(Membership::new(&membership).unwrap())), ..settings() }
}

fn is_member(spells: &[Spell], symbol: &str, date: i64) -> bool {
    spells.iter().any(|spell| {
        spell.symbol == symbol
            && spell.from.is_none_or(|from| from <= date)
            && spell.to.is_none_or(|to| date <= to)
    })
}

/// Checks from the ledger alone that nothing is bought outside its spell, and that a position outside it stays only if the
/// cap is used up by such sales, or the instrument has no price.
fn check(spells: &[Spell], ledger: &[LedgerFrame], cap: f64, facts: &RunFacts) {
    let mut held: BTreeMap<String, f64> = BTreeMap::new();
    let mut sold = 0;
    for frame in ledger {
        let date = frame.timestamp.date();
        for fill in &frame.fills {
            let symbol = &frame.names[fill.instrument as usize];
            let before = held.get(&**symbol).copied().unwrap_or(0.0);
            if !is_member(spells, symbol, date) && fill.reason == Reason::Order {
                let after = before + fill.quantity;
                assert!(after.abs() <= before.abs() + 1e-9, "{symbol} bought outside its spell on {date}");
                assert!(after * before >= -1e-9, "{symbol} reversed outside its spell on {date}");
                sold += 1;
            }
            *held.entry(symbol.to_string()).or_default() += fill.quantity;
        }
        if !frame.decided {
            continue;
        }
        let outside = |i: &usize| !is_member(spells, &frame.names[*i], date);
        let kept = (0..frame.target.len()).filter(outside).filter(|i| frame.target[*i] != 0.0);
        let stays = kept.filter(|i| frame.estimates.as_ref().is_some_and(|_| frame.held[*i] != 0.0)).count();
        if stays > 0 && frame.turnover < cap - 1e-9 {
            // The cap is not used up, so these instruments have no price.
            let wanted = (0..frame.target.len()).filter(outside).filter(|i| frame.target[*i] != 0.0);
            for i in wanted {
                // Costs of fills at the same close change the NAV a little.
                assert!((frame.target[i] / frame.held[i] - 1.0).abs() < 1e-3, "{} on {date}", frame.names[i]);
            }
        }
    }
    assert!(sold > 0, "no sale outside a spell");
    assert!(facts.membership.as_ref().unwrap().left_held > 0);
}

#[test]
fn nothing_is_bought_outside_its_spell_and_positions_are_sold_under_the_cap() {
    for (method, cap, fill_at) in [
        (CapMethod::Exact, 0.02, FillAt::Close),
        (CapMethod::Exact, 0.5, FillAt::Open),
        (CapMethod::Exact, 0.02, FillAt::SameClose),
        (CapMethod::Scale, 0.02, FillAt::Close),
    ] {
        let spells = spells(7);
        let mut settings = within(&spells, spells.clone());
        settings.sizing.cap_method = method;
        settings.sizing.turnover_cap = cap;
        settings.execution.fill_at = fill_at;
        let (ledger, report) = run(&market(), &settings, &RunOptions::default()).unwrap();
        check(&spells, &ledger, cap, &report.facts);
        for frame in &ledger {
            assert!(frame.turnover <= cap + 1e-9, "{}", frame.seq);
        }
        assert_eq!(report.facts.membership.unwrap().never, ["S001"]);
    }
}

#[test]
fn capped_rebalance_sells_instruments_outside_their_spells_first() {
    // All but two leave on one date, and the cap needs many days for their sale.
    let out = 150;
    let ends = (2..12).map(|i| spell(&format!("S{i:03}"), None, Some(out)));
    let spells: Vec<Spell> =
        ["S000", "S001"].map(|symbol| spell(symbol, None, None)).into_iter().chain(ends).collect();
    for method in [CapMethod::Exact, CapMethod::Scale] {
        let mut settings = within(&spells, spells.clone());
        settings.sizing.cap_method = method;
        settings.sizing.turnover_cap = 0.03;
        let market = Market { missing: 0.0, late: 0.0, ..market() };
        let (ledger, report) = run(&market, &settings, &RunOptions::default()).unwrap();
        let mut last = f64::INFINITY;
        for frame in ledger.iter().filter(|frame| frame.timestamp.date() > out) {
            let outside: f64 = (2..12).map(|i| frame.target[i].abs()).sum();
            let before: f64 = (2..12).map(|i| frame.held[i].abs()).sum();
            // Drift moves the weights a little between the sales.
            assert!(outside <= last * 1.2, "{method:?}: {outside} after {last}");
            if outside > 1e-12 && before > 0.0 {
                assert!((frame.turnover - 0.03).abs() < 1e-9, "{method:?}: {}", frame.turnover);
            }
            last = outside.max(1e-12);
        }
        assert!(last <= 1e-12);
        let facts = report.facts.membership.unwrap();
        assert!(facts.left == 10 && facts.closed == facts.left_held && facts.held_outside > 10, "{facts:?}");
        assert!(report.facts.sizing.membership_inherited > 3);
    }
}

#[test]
fn later_spells_change_no_earlier_output() {
    let cut = 180;
    let first = spells(3);
    let mut second: Vec<Spell> = first
        .iter()
        .filter(|spell| spell.from.is_none_or(|from| from <= cut))
        .map(|spell| Spell { to: spell.to.filter(|to| *to < cut), ..spell.clone() })
        .collect();
    second.push(spell("S001", Some(cut + 1), None));
    let digests = |spells: &[Spell]| {
        let (ledger, _) = run(&market(), &within(spells, spells.to_vec()), &RunOptions::default()).unwrap();
        ledger.iter().map(|frame| (frame.timestamp.date(), frame.digest)).collect::<Vec<_>>()
    };
    let (one, other) = (digests(&first), digests(&second));
    let same = |date: i64| one.iter().zip(&other).filter(|((at, _), _)| *at <= date).all(|(a, b)| a == b);
    assert!(same(cut) && !same(FRAMES as i64));
}

#[test]
fn spells_without_end_change_no_digest_and_placements_agree() {
    let all: Vec<Spell> = (0..12).map(|i| spell(&format!("S{i:03}"), None, None)).collect();
    let digest = |settings: &RunSettings, options: &RunOptions| {
        run(&market(), settings, options).unwrap().1.facts.digest
    };
    let usual = RunOptions::default();
    assert_eq!(digest(&settings(), &usual), digest(&within(&all, all.clone()), &usual));
    let spells = spells(11);
    let settings = within(&spells, spells.clone());
    let threaded = RunOptions { placement: Placement::Threaded, ..RunOptions::default() };
    let inline = RunOptions { placement: Placement::Inline, ..RunOptions::default() };
    assert_eq!(digest(&settings, &threaded), digest(&settings, &inline));
}

#[test]
fn order_in_flight_buys_nothing_after_its_instrument_left() {
    let spells: Vec<Spell> = (0..12).map(|i| spell(&format!("S{i:03}"), None, Some(90 + 10 * i))).collect();
    for unfilled in [Unfilled::Cancel, Unfilled::Carry] {
        let mut settings = within(&spells, spells.clone());
        settings.execution.delay_bars = 3;
        settings.execution.unfilled = unfilled;
        let (ledger, report) = run(&market(), &settings, &RunOptions::default()).unwrap();
        check(&spells, &ledger, 0.0, &report.facts);
        assert!(report.facts.execution.cancelled_outside > 0);
        assert_eq!(report.facts.execution.delistings, 0);
    }
}

/// Strategy that buys once and then holds.
struct BuyOnce(bool);

impl Strategy for BuyOnce {
    fn name(&self) -> &'static str {
        "buy_once"
    }

    fn decide(&mut self, context: Context<'_>, targets: &mut Targets) -> Result<(), StrategyError> {
        if !std::mem::replace(&mut self.0, true) {
            targets.kind = TargetKind::Weights;
            let count = context.tradable.iter().filter(|tradable| **tradable).count() as f64;
            targets.values.iter_mut().for_each(|weight| *weight = 1.0 / count);
        }
        Ok(())
    }
}

#[test]
fn strategy_that_holds_cannot_keep_an_instrument_that_left() {
    let mut spells: Vec<Spell> = (0..12).map(|i| spell(&format!("S{i:03}"), None, None)).collect();
    spells[4].to = Some(120);
    let mut settings = within(&spells, spells.clone());
    settings.sizing.first_rebalance = FirstRebalance::Free;
    settings.sizing.weight_max = 0.2;
    let keep = Keep::default();
    let ledger = Arc::clone(&keep.0);
    let market = Market { missing: 0.0, late: 0.0, ..market() };
    let source = MemorySource::new(market.factor_names(), market.frames());
    let graph = trading(Box::new(source), Box::new(BuyOnce(false)), &settings, vec![Box::new(keep)]).unwrap();
    let facts = graph.run(&RunOptions::default()).unwrap().facts;
    let ledger = ledger.lock().unwrap();
    let held =
        |date: i64, i: usize| ledger.iter().find(|frame| frame.timestamp.date() == date).unwrap().held[i];
    assert!(held(121, 4) > 0.05 && held(122, 4).abs() < 1e-12 && held(122, 5) > 0.05);
    let changes: Vec<(i64, Change)> = ledger
        .iter()
        .flat_map(|frame| frame.membership.iter().map(|change| (frame.timestamp.date(), change.change)))
        .collect();
    assert_eq!(changes, [(121, Change::Left), (122, Change::Closed)]);
    assert_eq!(facts.membership.unwrap().held_outside, 1);
}

#[test]
fn equal_weight_benchmark_holds_members_only() {
    // One member at a time: the benchmark is that instrument, up to the cash of an order filled at the next price.
    let spells = [spell("S003", None, Some(150)), spell("S005", Some(151), None)];
    let mut settings = within(&spells, spells.to_vec());
    settings.execution.half_spread_bps = 0.0;
    settings.execution.commission_bps = 0.0;
    settings.execution.cash_interest = betaflow_engine::execution::CashInterest::PerYear(0.0);
    let market = Market { missing: 0.0, late: 0.0, ..market() };
    let frames = market.frames();
    let (ledger, _) = run(&market, &settings, &RunOptions::default()).unwrap();
    let close = |date: i64, i: usize| frames[usize::try_from(date).unwrap()].close[i];
    for pair in ledger.windows(2).filter(|pair| (70..150).contains(&pair[0].timestamp.date())) {
        let date = pair[1].timestamp.date();
        let found = pair[1].benchmark_nav / pair[0].benchmark_nav;
        let expected = close(date, 3) / close(date - 1, 3);
        assert!(
            (found - expected).abs() < 0.1 * (expected - 1.0).abs() + 1e-9,
            "{date}: {found}, {expected}"
        );
    }
    // Sold on the day after it left; from the next rebalance on, within 21 days, the other one is held.
    for pair in ledger.windows(2).filter(|pair| pair[0].timestamp.date() > 175) {
        let date = pair[1].timestamp.date();
        let found = pair[1].benchmark_nav / pair[0].benchmark_nav;
        let expected = close(date, 5) / close(date - 1, 5);
        assert!(
            (found - expected).abs() < 0.1 * (expected - 1.0).abs() + 1e-9,
            "{date}: {found}, {expected}"
        );
    }
}

#[test]
fn contradictory_spells_are_named_by_row() {
    let a = |from, to| spell("A", from, to);
    let error = |spells: &[Spell]| Membership::new(spells).unwrap_err();
    assert_eq!(error(&[a(None, None), a(Some(9), Some(5))]), (1, SpellFault::Reversed));
    assert_eq!(error(&[a(None, Some(9)), a(Some(9), None)]), (1, SpellFault::Overlap(None, Some(9))));
    assert_eq!(error(&[a(Some(5), None), spell("B", None, None), a(Some(9), Some(9))]).0, 2);
    let joined = Membership::new(&[a(Some(5), Some(9)), a(Some(10), Some(12))]).unwrap();
    assert_eq!(Membership::new(&[a(Some(5), Some(12))]).unwrap().table(), joined.table());
}

proptest! {
    #[test]
    fn members_on_a_date_equal_the_spells(
        cells in proptest::collection::vec((0..3_usize, 0..30_i64, 0..6_i64), 0..12),
        date in 0..40_i64,
    ) {
        let mut spells: Vec<Spell> = Vec::new();
        for (symbol, from, days) in cells {
            let next = spell(["A", "B", "C"][symbol], Some(from), Some(from + days));
            let mut all = spells.clone();
            all.push(next);
            if Membership::new(&all).is_ok() {
                spells = all;
            }
        }
        let membership = Membership::new(&spells).unwrap();
        let mut count = 0;
        for symbol in ["A", "B", "C"] {
            let expected = is_member(&spells, symbol, date);
            count += u64::from(expected);
            prop_assert_eq!(membership.table().on(symbol, date) == Some(&true), expected);
        }
        prop_assert_eq!(membership.count_on(date), count);
    }
}
