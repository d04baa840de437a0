//! Bars without volume: no order fills on them; and the volume data that impact and a participation cap need.

use betaflow_engine::execution::{
    Benchmark, Book, ExecutionFacts, ExecutionSettings, FillAt, Market, Order, Unfilled,
};
use betaflow_engine::frame::Frame;
use betaflow_engine::settings::Calendar;
use betaflow_engine::time::{DAY_NS, TimestampNs};

const NONE: f64 = f64::NAN;

/// Frames of one instrument whose price rises by 1 a frame; `None`: the data has no column of volumes.
fn frames(volumes: &[Option<f64>]) -> Vec<Frame> {
    let frame = |(seq, volume): (usize, &Option<f64>)| {
        let close = 100.0 + seq as f64;
        Frame {
            seq: seq as u64,
            timestamp: TimestampNs((20_000 + seq as i64) * DAY_NS),
            close: vec![close],
            open: vec![close - 0.5],
            high: vec![close + 0.5],
            low: vec![close - 1.0],
            volume: volume.iter().copied().collect(),
            ..Frame::default()
        }
    };
    volumes.iter().enumerate().map(frame).collect()
}

/// Frames on which ten units ordered after frame `at` fill, the order's final record, and the market.
fn filled(
    volumes: &[Option<f64>],
    settings: &ExecutionSettings,
    at: u64,
) -> (Vec<u64>, ExecutionFacts, Market) {
    let (mut book, mut market) = (Book::new(settings, &Calendar::default()), Market::new(settings));
    let mut on = Vec::new();
    for frame in frames(volumes) {
        let mut fills = Vec::new();
        market.begin(&frame);
        let mut account = book.advance(&frame, &market, &mut fills);
        market.end(&frame);
        if frame.seq == at {
            book.submit(&[Order { instrument: 0, quantity: 10.0, decision_price: frame.close[0] }]);
            if settings.fill_at == FillAt::SameClose {
                book.fill_decided(&frame, &market, &mut fills, &mut account);
            }
        }
        on.extend(fills.iter().map(|_| frame.seq));
    }
    (on, book.facts(), market)
}

#[test]
fn no_order_fills_on_a_bar_without_volume() {
    let some = Some(1e4);
    let volumes = [some, some, Some(0.0), Some(0.0), some, some];
    for fill_at in [FillAt::Close, FillAt::Open, FillAt::Typical, FillAt::Vwap] {
        for (unfilled, expected, cancelled) in [(Unfilled::Cancel, vec![], 1), (Unfilled::Carry, vec![4], 0)]
        {
            let settings = ExecutionSettings { fill_at, unfilled, ..ExecutionSettings::default() };
            let (on, facts, market) = filled(&volumes, &settings, 1);
            assert_eq!(on, expected, "{fill_at:?}, {unfilled:?}");
            assert_eq!((facts.cancelled, facts.cancelled_without_volume), (cancelled, cancelled));
            assert_eq!(market.volume_facts().stale_bars, 2);
        }
    }
    let same_close = ExecutionSettings { fill_at: FillAt::SameClose, ..ExecutionSettings::default() };
    for (at, expected) in [(1, vec![1]), (2, vec![])] {
        assert_eq!(filled(&volumes, &same_close, at).0, expected);
    }
    // The next rebalance cancels carried orders.
    let carry = ExecutionSettings { unfilled: Unfilled::Carry, ..ExecutionSettings::default() };
    let (mut book, mut market) = (Book::new(&carry, &Calendar::default()), Market::new(&carry));
    for frame in frames(&volumes) {
        market.begin(&frame);
        book.advance(&frame, &market, &mut Vec::new());
        market.end(&frame);
        match frame.seq {
            1 => book.submit(&[Order { instrument: 0, quantity: 10.0, decision_price: 101.0 }]),
            2 => book.submit(&[]),
            _ => {}
        }
    }
    assert_eq!((book.facts().cancelled_without_volume, book.portfolio().quantity[0]), (1, 0.0));
}

/// Volumes, frame of the rebalance, frames with fills, stale bars, instruments without volume data.
type Case<'a> = (&'a [Option<f64>], u64, Vec<u64>, u64, u64);

#[test]
fn volume_data_starts_with_the_first_volume_above_0() {
    let some = Some(1e4);
    let zero = Some(0.0);
    let cases: [Case<'_>; 6] = [
        // An index: the column exists and is always 0.
        (&[zero, zero, zero, zero], 1, vec![2], 0, 1),
        // Null is not 0.
        (&[some, some, Some(NONE), some], 1, vec![2], 0, 0),
        (&[Some(NONE), Some(NONE), Some(NONE)], 1, vec![2], 0, 1),
        // No column at all.
        (&[None, None, None], 1, vec![2], 0, 0),
        // A later volume above 0 does not make an earlier 0 stale.
        (&[zero, zero, zero, some], 1, vec![2], 0, 0),
        (&[zero, some, zero, some], 1, vec![], 1, 0),
    ];
    for (number, (volumes, at, expected, stale, without)) in cases.into_iter().enumerate() {
        let (on, _, market) = filled(volumes, &ExecutionSettings::default(), at);
        assert_eq!(on, expected, "case {number}");
        let facts = market.volume_facts();
        assert_eq!((facts.stale_bars, facts.without_volume), (stale, without), "case {number}");
    }
}

#[test]
fn impact_and_a_participation_cap_need_trailing_volume_above_0() {
    let some = Some(1e4);
    let zero = Some(0.0);
    let impact =
        ExecutionSettings { impact_coefficient: 1.0, impact_window: 3, ..ExecutionSettings::default() };
    let permanent = ExecutionSettings {
        permanent_impact_coefficient: 1.0,
        impact_window: 3,
        ..ExecutionSettings::default()
    };
    let cap =
        ExecutionSettings { participation_cap: Some(0.1), impact_window: 3, ..ExecutionSettings::default() };
    let plain = ExecutionSettings::default();
    let tradable = |settings: &ExecutionSettings, volumes: &[Option<f64>]| -> Vec<bool> {
        let (mut book, mut market) = (Book::new(settings, &Calendar::default()), Market::new(settings));
        let step = |frame: &Frame| {
            market.begin(frame);
            book.advance(frame, &market, &mut Vec::new());
            market.end(frame);
            book.portfolio().tradable[0]
        };
        frames(volumes).iter().map(step).collect()
    };
    let (yes, no) = (true, false);
    let known = [some; 5];
    assert_eq!(tradable(&plain, &known), [yes; 5]);
    // The cap needs the volume of an earlier date; impact also needs two earlier returns.
    assert_eq!(tradable(&cap, &known), [no, yes, yes, yes, yes]);
    for settings in [&impact, &permanent] {
        assert_eq!(tradable(settings, &known), [no, no, no, yes, yes]);
    }
    for volumes in [[zero; 5], [Some(NONE); 5], [None; 5]] {
        assert_eq!(tradable(&plain, &volumes), [yes; 5]);
        for settings in [&impact, &permanent, &cap] {
            assert_eq!(tradable(settings, &volumes), [no; 5]);
        }
    }
    // Dates leave the window of three; null dates are not 0 and are not counted.
    let fading = [some, zero, zero, zero, zero, some, some];
    assert_eq!(tradable(&cap, &fading), [no, yes, yes, yes, no, no, yes]);
    let gaps = [some, Some(NONE), Some(NONE), Some(NONE), Some(NONE), some, some];
    assert_eq!(tradable(&cap, &gaps), [no, yes, yes, yes, no, no, yes]);
}

#[test]
fn order_pays_impact_after_its_volume_dries_up() {
    let settings = ExecutionSettings {
        impact_coefficient: 1.0,
        impact_window: 2,
        delay_bars: 3,
        ..ExecutionSettings::default()
    };
    let some = Some(1e4);
    let volumes = [some, some, some, some, Some(0.0), Some(0.0), some];
    let (on, facts, _) = filled(&volumes, &settings, 3);
    assert_eq!((on, facts.impact_unknown), (vec![6], 0));
    assert!(facts.impact > 0.0);
}

#[test]
fn benchmark_does_not_fill_on_a_bar_without_volume() {
    let settings = ExecutionSettings::default();
    let nav_after = |volumes: &[Option<f64>]| {
        let mut market = Market::new(&settings);
        let mut benchmark = Benchmark::equal_weight(&settings, &Calendar::default());
        for frame in frames(volumes) {
            market.begin(&frame);
            benchmark.advance(&frame, &market);
            market.end(&frame);
            benchmark.decide(&frame, &market);
        }
        benchmark.nav()
    };
    let some = Some(1e4);
    assert!(nav_after(&[some, some, some, some]) > settings.nav);
    assert_eq!(nav_after(&[some, Some(0.0), some, some]), settings.nav);
}
