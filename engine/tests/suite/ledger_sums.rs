//! Sums over a ledger and its digest: numbers by hand.

use std::sync::Arc;

use betaflow_engine::execution::{Conditions, CostItem, Costs, Fill, Reason};
use betaflow_engine::ledger::{
    Attribution, BookRiskFacts, Contributions, DigestChain, Entry, Frames, LedgerFrame, RecordSettings,
    SizingFacts, Tally, hex,
};
use betaflow_engine::names::InstrumentNames;
use betaflow_engine::portfolio::RiskPart;
use betaflow_engine::settings::Calendar;
use betaflow_engine::time::{DAY_NS, TimestampNs};
use sha2::{Digest as _, Sha256};

fn near(found: f64, expected: f64, name: &str) {
    assert!(
        (found - expected).abs() <= 1e-12 * expected.abs().max(1.0),
        "{name}: {found}, expected {expected}"
    );
}

/// Entries of five frames on four dates; the turnover cap binds in two.
fn entries() -> Vec<Entry> {
    let entry = |seq: u64, date: i64, nav: f64, benchmark_nav: f64, rf: f64| Entry {
        seq,
        timestamp: TimestampNs(date * DAY_NS + seq as i64),
        date,
        nav,
        benchmark_nav,
        rf,
        costs: Costs::default(),
        permanent_impact: 0.0,
        interest: 0.5,
        dividends: 2.0,
        size: 50.0,
        turnover: 0.0,
        decided: false,
        halted: false,
        capped: false,
    };
    let costs = |commission: f64, impact: f64| {
        Costs::of(&[(CostItem::Commission, commission), (CostItem::Impact, impact)])
    };
    vec![
        Entry { decided: true, capped: true, turnover: 0.2, ..entry(0, 10, 1000.0, 500.0, 0.001) },
        Entry {
            costs: costs(1.0, 3.0),
            permanent_impact: 1.0,
            turnover: 0.1,
            ..entry(1, 11, 1010.0, 510.0, 0.002)
        },
        Entry {
            decided: true,
            capped: true,
            turnover: 0.15,
            costs: costs(2.0, 4.0),
            permanent_impact: 1.5,
            ..entry(2, 11, 990.0, 500.0, 0.001)
        },
        Entry {
            decided: true,
            turnover: 0.05,
            costs: costs(0.5, 2.0),
            permanent_impact: 0.5,
            ..entry(3, 12, 1015.0, 505.0, 0.0)
        },
        Entry { costs: costs(0.25, 1.0), permanent_impact: 0.25, ..entry(4, 13, 1005.0, 495.0, 0.001) },
    ]
}

fn tally(entries: &[Entry]) -> Tally {
    let mut tally = Tally::new(&Calendar::default());
    entries.iter().for_each(|entry| tally.enter(entry));
    tally
}

/// Mean and sample deviation.
fn moments(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, (squares / (values.len() - 1) as f64).sqrt())
}

/// Annualised Sharpe and Sortino ratios of excess returns.
fn ratios(excess: &[f64]) -> (f64, f64) {
    let (mean, deviation) = moments(excess);
    let downside = (excess.iter().map(|r| r.min(0.0) * r.min(0.0)).sum::<f64>() / excess.len() as f64).sqrt();
    (mean / deviation * 252.0_f64.sqrt(), mean * 252.0 / (downside * 252.0_f64.sqrt()))
}

#[test]
fn tally_is_the_sum_of_its_entries() {
    let entries = entries();
    let found = tally(&entries).performance();
    assert_eq!((found.frames, found.nav, found.ruined), (5, Some((1000.0, 1005.0)), None));
    near(found.costs.total(), 4.0 + 6.0 + 2.5 + 1.25, "costs");
    near(found.interest, 2.5, "interest");
    near(found.dividends, 10.0, "dividends");
    // Four dates from the first rebalance on; the second has two frames, which together trade most.
    near(found.turnover.mean, (0.2 + 0.1 + 0.15 + 0.05) / 4.0, "turnover");
    near(found.turnover.max, 0.25, "largest turnover");
    let filled = 50.0 / 1000.0 + 50.0 / 1010.0 + 50.0 / 990.0 + 50.0 / 1015.0 + 50.0 / 1005.0;
    near(found.turnover.filled, filled / 4.0, "filled");
    near(found.turnover.share_at_cap, 2.0 / 3.0, "share at cap");
    // The cap binds on the frames up to the fourth.
    assert_eq!((found.build_up.frames, found.build_up.until), (3, Some(entries[3].timestamp)));
    let pairs = || entries.windows(2).map(|pair| (pair[0], pair[1]));
    let series =
        |of: &dyn Fn(Entry, Entry) -> f64| pairs().map(|(a, b)| of(a, b) - b.rf).collect::<Vec<f64>>();
    let expected = [
        (found.in_excess.net, series(&|a, b| b.nav / a.nav - 1.0)),
        (found.in_excess.gross, series(&|a, b| (b.nav - a.nav + b.costs.total()) / a.nav)),
        (found.in_excess.benchmark, series(&|a, b| b.benchmark_nav / a.benchmark_nav - 1.0)),
    ];
    for (found, excess) in expected {
        let (sharpe, sortino) = ratios(&excess);
        assert_eq!(found.items().map(|(name, _)| name), ["sharpe_excess", "sortino_excess"]);
        near(found.items()[0].1, sharpe, "Sharpe ratio");
        near(found.items()[1].1, sortino, "Sortino ratio");
    }
    // At c times the NAV a frame returns a − √c·u − c·v.
    for multiple in [0.0_f64, 1.0, 4.0] {
        let returns: Vec<f64> = pairs()
            .map(|(a, b)| {
                let (impact, permanent) = (b.costs[CostItem::Impact], b.permanent_impact);
                let temporary = (impact - permanent) / a.nav;
                (b.nav + impact) / a.nav - 1.0 - multiple.sqrt() * temporary - multiple * permanent / a.nav
            })
            .collect();
        let (mean, deviation) = moments(&returns);
        near(found.capacity.sharpe(multiple, 0.5, 252.0), mean / deviation * 252.0_f64.sqrt(), "capacity");
    }
}

#[test]
fn dates_of_a_tally_count_from_the_first_rebalance() {
    let mut entries = entries();
    (entries[0].decided, entries[0].turnover) = (false, 0.0);
    // The first date has no rebalance, so three dates remain; a halted rebalance counts as a rebalance of its date.
    (entries[1].decided, entries[1].halted) = (true, true);
    let found = tally(&entries).performance();
    near(found.turnover.mean, (0.1 + 0.15 + 0.05) / 3.0, "turnover");
    near(found.turnover.share_at_cap, 2.0 / 3.0, "share at cap");
    // A halted rebalance does not end the build-up.
    assert_eq!((found.build_up.frames, found.build_up.until), (2, Some(entries[3].timestamp)));
}

#[test]
fn ruined_tally_has_no_ratios_and_fills_without_nav_count_nothing() {
    let mut entries = entries();
    entries[4].nav = 0.0;
    let found = tally(&entries).performance();
    assert_eq!(found.ruined, Some(entries[4].timestamp));
    assert!(
        found
            .in_excess
            .net
            .items()
            .iter()
            .chain(&found.in_excess.gross.items())
            .all(|(_, value)| value.is_nan())
    );
    assert!(found.in_excess.benchmark.sharpe.is_finite());
    assert!(found.capacity.sharpe(1.0, 0.5, 252.0).is_nan());
    near(found.turnover.filled, (0.05 + 50.0 / 1010.0 + 50.0 / 990.0 + 50.0 / 1015.0) / 4.0, "filled");
    // Later frames do not move the time of the ruin.
    entries.push(Entry { nav: -1.0, timestamp: TimestampNs(14 * DAY_NS), date: 14, ..entries[4] });
    assert_eq!(tally(&entries).performance().ruined, Some(entries[4].timestamp));
    // A ruined benchmark has no ratios either.
    entries.truncate(4);
    entries[3].benchmark_nav = 0.0;
    let found = tally(&entries).performance();
    assert!(found.in_excess.benchmark.sharpe.is_nan() && found.in_excess.net.sharpe.is_finite());
}

#[test]
fn returns_that_differ_from_the_risk_free_return_by_rounding_have_no_excess() {
    let mut entries = entries();
    for (at, entry) in entries.iter_mut().enumerate() {
        (entry.costs, entry.rf) = (Costs::default(), 0.1);
        entry.nav = 1000.0 * libm::pow(1.1, at as f64);
    }
    let found = tally(&entries).performance();
    // Without volatility and without loss.
    assert!(
        found.in_excess.net.sharpe.is_nan() && found.in_excess.net.sortino.is_nan(),
        "{:?}",
        found.in_excess
    );
}

fn fill(
    instrument: u32,
    decided_seq: Option<u64>,
    (quantity, price, decision_price): (f64, f64, f64),
    reason: Reason,
) -> Fill {
    let costs = Costs::of(&[
        (CostItem::Commission, 0.5),
        (CostItem::Spread, 0.25),
        (CostItem::Impact, 0.125),
        (CostItem::Borrow, 99.0),
    ]);
    Fill {
        instrument,
        decided_seq,
        quantity,
        price,
        decision_price,
        costs,
        permanent_impact: 0.0625,
        conditions: Conditions { half_spread_bps: 2.0, volatility: 0.01, daily_volume: 1e6 },
        reason,
    }
}

fn frame() -> LedgerFrame {
    let mut names = InstrumentNames::default();
    names.extend(&[Arc::from("A"), Arc::from("BB"), Arc::from("C")]);
    LedgerFrame {
        seq: 7,
        timestamp: TimestampNs(123 * DAY_NS + 5),
        names,
        nav: 1000.0,
        cash: -12.5,
        fills: vec![
            fill(1, Some(6), (-4.0, 25.0, 24.0), Reason::Order),
            fill(0, None, (3.0, 10.0, f64::NAN), Reason::Recall),
            fill(2, Some(5), (2.0, 50.0, 49.0), Reason::Order),
        ],
        target: vec![0.25, 0.0, -0.5],
        ..LedgerFrame::default()
    }
}

#[test]
fn shortfall_adds_the_fills_of_orders_in_bps_of_their_size() {
    let mut tally = Tally::new(&Calendar::default());
    let names = ["delay", "spread", "impact", "commission", "total"];
    assert!(tally.performance().shortfall.in_bps().iter().all(|(_, value)| value.is_nan()));
    (0..2).for_each(|_| tally.add(&frame()));
    let found = tally.performance().shortfall;
    // Sold 4 at 25 above 24, and bought 2 at 50 above 49; the recall has no order.
    let (notional, delay, commission, spread, impact) = (400.0, 2.0 * (-4.0 + 2.0), 2.0, 1.0, 0.5);
    near(found.notional, notional, "size");
    near(found.delay, delay, "delay");
    let expected = [delay, spread, impact, commission, delay + spread + impact + commission];
    assert_eq!(found.in_bps().map(|(name, _)| name), names);
    for ((name, found), part) in found.in_bps().into_iter().zip(expected) {
        near(found, part / notional * 1e4, name);
    }
    // An entry of a frame has the size of all fills and their permanent impact.
    let entry = Entry::of(&frame());
    near(entry.size, 100.0 + 30.0 + 100.0, "size");
    near(entry.permanent_impact, 3.0 * 0.0625, "permanent impact");
}

/// Bytes of a frame as the documentation of the chain lays them out.
fn bytes(last: [u8; 32]) -> Vec<u8> {
    let mut bytes = last.to_vec();
    bytes.extend((123 * DAY_NS + 5).to_le_bytes());
    bytes.extend(7_u64.to_le_bytes());
    let put = |bytes: &mut Vec<u8>, values: &[f64]| {
        values.iter().for_each(|value| bytes.extend(value.to_le_bytes()))
    };
    let symbol = |bytes: &mut Vec<u8>, symbol: &str| {
        bytes.extend((symbol.len() as u64).to_le_bytes());
        bytes.extend(symbol.as_bytes());
    };
    put(&mut bytes, &[1000.0, -12.5]);
    bytes.extend(3_u64.to_le_bytes());
    for (name, decided, quantity, price) in
        [("BB", 6_i64, -4.0, 25.0), ("A", -1, 3.0, 10.0), ("C", 5, 2.0, 50.0)]
    {
        symbol(&mut bytes, name);
        bytes.extend(decided.to_le_bytes());
        put(&mut bytes, &[quantity, price, 0.5, 0.25, 0.125, 0.0]);
    }
    bytes.extend(2_u64.to_le_bytes());
    for (name, weight) in [("A", 0.25), ("C", -0.5)] {
        symbol(&mut bytes, name);
        put(&mut bytes, &[weight]);
    }
    bytes
}

#[test]
fn digest_is_the_documented_chain_of_hashes() {
    let mut chain = DigestChain::default();
    let mut last = [0; 32];
    let mut orders_without_frame = frame();
    orders_without_frame.fills[1].reason = Reason::Order;
    for frame in [frame(), orders_without_frame] {
        last = Sha256::digest(bytes(last)).into();
        assert_eq!((chain.extend(&frame), chain.last()), (last, last));
    }
    assert_eq!(hex(&last).len(), 64);
    let mut counted = [0; 32];
    (counted[0], counted[1], counted[31]) = (0xab, 0x01, 0x10);
    assert_eq!(hex(&counted), format!("ab01{}10", "0".repeat(58)));
}

#[test]
fn predicted_volatility_is_that_of_the_mean_variance() {
    let facts = |decisions: u64, predicted_variance: f64| SizingFacts {
        decisions,
        predicted_variance,
        ..SizingFacts::default()
    };
    near(facts(4, 0.0016).predicted_volatility(252.0), (0.0004_f64 * 252.0).sqrt(), "volatility");
    assert_eq!(facts(0, 0.0).predicted_volatility(252.0), 0.0);
}

#[test]
fn parts_of_later_factors_come_before_the_residual_part() {
    let part = |exposure: f64, variance: f64| RiskPart { exposure, variance };
    let mut facts = BookRiskFacts::default();
    facts.push(&[part(1.0, 0.25), part(2.0, 0.5)]);
    facts.push(&[part(3.0, 1.0), part(4.0, 2.0)]);
    assert_eq!(facts.sums, [part(4.0, 1.25), part(6.0, 2.5)]);
    let last = [part(1.0, 1.0), part(7.0, 7.0), part(1.0, 1.0)];
    facts.push(&last);
    assert_eq!(
        (facts.frames, &facts.sums[..], &facts.last[..]),
        (3, &[part(5.0, 2.25), part(7.0, 7.0), part(7.0, 3.5)][..], &last[..])
    );
}

#[test]
fn live_runs_record_rebalances_in_place_of_month_ends() {
    let all = [Frames::All, Frames::Rebalances, Frames::Monthly, Frames::Last, Frames::None];
    for (betas, weights) in all.into_iter().flat_map(|betas| all.map(|weights| (betas, weights))) {
        let settings = RecordSettings { betas, weights, expected_returns: Some(true) };
        assert_eq!(settings.is_monthly(), betas == Frames::Monthly || weights == Frames::Monthly);
        let of = |frames| if frames == Frames::Monthly { Frames::Rebalances } else { frames };
        assert_eq!(
            settings.live(),
            RecordSettings { betas: of(betas), weights: of(weights), expected_returns: Some(true) }
        );
    }
}

#[test]
fn contributions_are_copied_whole() {
    let costs = Costs::of(&[(CostItem::Spread, 6.0)]);
    let all = Contributions {
        alpha: 1.0,
        residual: 2.0,
        factors: vec![3.0, 4.0],
        risk_free: 5.0,
        trading: 7.0,
        interest: 8.0,
        costs,
    };
    let mut copied = Contributions::none(1);
    copied.copy_from(&all);
    assert_eq!(copied, all);
    near(copied.total(), 1.0 + 2.0 + 7.0 + 5.0 + 7.0 + 8.0 - 6.0, "total");
    assert!(Attribution::new(1, true).in_excess() && !Attribution::new(1, false).in_excess());
}
