//! Bars built from ticks in any order of arrival.

use std::collections::BTreeMap;

use betaflow_connectors::ticks::{
    BarCounts, BarSettings, Bars, Cancel, ClockChange, ClosedInterval, Correction, Event, EventOutcome,
    LatePolicy, NoTrade, Sets, Trade, VenueBar, venue,
};
use proptest::prelude::*;

const SYMBOLS: [&str; 3] = ["B", "A", "C"];
const LENGTH: i64 = 1000;

fn bars(lateness_ns: i64, from_ns: i64) -> Bars {
    // A length of 1000 ns divides a day.
    let settings = BarSettings { length_ns: LENGTH, lateness_ns, late: LatePolicy::DropAndCount, from_ns };
    Bars::new(settings, 1, SYMBOLS).unwrap()
}

fn trade(symbol: &'static str, time_ns: i64, price: f64, quantity: f64, id: u64) -> Event<'static> {
    let (symbol, id) = (symbol.into(), Some(id));
    Event::Trade(Trade { symbol, time_ns, price, quantity, id, sets: Sets::All, repeated: false })
}

/// Returns the bars of events, with the outcome of each event.
fn run(mut bars: Bars, events: &[Event<'_>]) -> (Vec<ClosedInterval>, Vec<EventOutcome>, BarCounts) {
    let mut out = Vec::new();
    let taken = events.iter().map(|event| bars.observe(0, event, &mut out)).collect();
    bars.advance(0, i64::MAX, &mut out);
    (out, taken, bars.counts())
}

/// Formats intervals as `start-end SYMBOL open high low close volume trades, ...`.
fn shown(intervals: &[ClosedInterval]) -> Vec<String> {
    let line = |interval: &ClosedInterval| {
        let bars = interval.bars.iter().map(|(symbol, bar)| {
            let (o, h, l, c) = (bar.open, bar.high, bar.low, bar.close);
            format!("{symbol} {o} {h} {l} {c} {} {}", bar.volume, bar.trades)
        });
        format!("{}-{} {}", interval.start_ns, interval.end_ns, bars.collect::<Vec<_>>().join(", "))
    };
    intervals.iter().map(line).collect()
}

#[test]
fn trades_form_the_bars_of_their_times() {
    let events = [
        trade("B", 100, 10.0, 1.0, 1),
        trade("A", 150, 5.0, 2.0, 1),
        trade("B", 900, 12.0, 1.0, 3),
        trade("B", 300, 8.0, 0.5, 2),
        // A trade at the end of a bar belongs to the next one; the first bar stays open for another 500 ns.
        trade("B", 1000, 11.0, 4.0, 4),
        trade("A", 999, 6.0, 1.0, 2),
        trade("A", 999, 6.0, 1.0, 2),
        trade("D", 999, 6.0, 1.0, 2),
        Event::Heartbeat { time_ns: Some(1500) },
        trade("A", 998, 7.0, 1.0, 3),
        trade("C", -1, 7.0, 1.0, 3),
        // No interval at 2000, which has no trades.
        trade("C", 3100, 1.0, 1.0, 1),
    ];
    let (out, taken, counts) = run(bars(500, 0), &events);
    let expected = [
        "0-1000 A 5 6 5 6 3 2, B 10 12 8 12 2.5 3",
        "1000-2000 B 11 11 11 11 4 1",
        "3000-4000 C 1 1 1 1 1 1",
    ];
    assert_eq!(shown(&out), expected);
    use EventOutcome::{Before, Duplicate, InBar, Late, NoTrade, NotAsked};
    let of_each =
        [InBar, InBar, InBar, InBar, InBar, InBar, Duplicate, NotAsked, NoTrade, Late, Before, InBar];
    assert_eq!(taken, of_each);
    let expected = BarCounts {
        in_bars: 7,
        late: 1,
        duplicates: 1,
        before: 1,
        not_asked: 1,
        bars: 4,
        ..BarCounts::default()
    };
    assert_eq!(counts, expected);
}

#[test]
fn clock_closes_intervals_without_events() {
    let mut bars = bars(500, i64::MIN);
    let mut out = Vec::new();
    bars.observe(0, &trade("A", 100, 5.0, 1.0, 1), &mut out);
    for (now_ns, closed) in [(1499, 0), (1500, 1), (1400, 1), (9000, 1)] {
        bars.advance(0, now_ns, &mut out);
        assert_eq!(out.len(), closed, "at {now_ns}");
    }
    assert_eq!((bars.latest_ns(0), bars.watermark_ns()), (Some(9000), 8500));
    assert_eq!(bars.observe(0, &trade("A", 7999, 5.0, 1.0, 2), &mut out), EventOutcome::Late);
    assert_eq!(bars.observe(0, &trade("A", 8000, 5.0, 1.0, 2), &mut out), EventOutcome::InBar);
}

#[test]
fn venue_furthest_behind_keeps_bars_open() {
    let settings =
        BarSettings { length_ns: LENGTH, lateness_ns: 0, late: LatePolicy::DropAndCount, from_ns: 0 };
    let mut bars = Bars::new(settings, 2, SYMBOLS).unwrap();
    let mut out = Vec::new();
    bars.observe(0, &trade("A", 100, 5.0, 1.0, 1), &mut out);
    bars.observe(0, &trade("A", 5000, 6.0, 1.0, 2), &mut out);
    assert!(out.is_empty(), "no bar may close before the other venue has sent an event");
    bars.observe(1, &trade("B", 900, 5.0, 1.0, 1), &mut out);
    assert!(out.is_empty());
    bars.advance(1, 1000, &mut out);
    assert_eq!(shown(&out), ["0-1000 A 5 5 5 5 1 1, B 5 5 5 5 1 1"]);
    // A stopped venue that is not advanced must not let memory grow.
    for i in 6..2000 {
        bars.observe(0, &trade("A", i * LENGTH, 5.0, 1.0, i.unsigned_abs()), &mut out);
    }
    assert_eq!(bars.counts().ahead, 1994 + 1 - 1024);
}

fn kline(start_ns: i64, time_ns: i64, close: f64, trades: u64, closed: Option<bool>) -> Event<'static> {
    Event::Bar(VenueBar {
        symbol: "A".into(),
        time_ns,
        start_ns,
        end_ns: start_ns + LENGTH,
        open: 5.0,
        high: 9.0,
        low: 1.0,
        close,
        volume: 7.0,
        trades: Some(trades),
        closed,
    })
}

#[test]
fn bars_of_the_venue_are_emitted_once_complete() {
    let tick = trade("A", 100, 2.0, 1.0, 1);
    let cases = [
        // The complete version is emitted once, in any order of arrival.
        (
            vec![kline(0, 300, 6.0, 1, Some(false)), kline(0, 1001, 7.0, 3, Some(true))],
            "A 5 9 1 7 7 3",
            (2, 0, 0),
        ),
        (
            vec![kline(0, 1001, 7.0, 3, Some(true)), kline(0, 300, 6.0, 1, Some(false))],
            "A 5 9 1 7 7 3",
            (1, 1, 0),
        ),
        (vec![kline(0, 1001, 7.0, 3, Some(true)); 2], "A 5 9 1 7 7 3", (1, 1, 0)),
        // The bar of the venue takes precedence over the bar of trades.
        (vec![tick.clone(), kline(0, 1001, 7.0, 3, Some(true))], "A 5 9 1 7 7 3", (2, 0, 0)),
        // The latest version is emitted if the venue states no completeness.
        (vec![kline(0, 300, 6.0, 1, None), kline(0, 900, 7.0, 3, None)], "A 5 9 1 7 7 3", (2, 0, 0)),
        // Without a complete version, the bar of trades is emitted, or none.
        (vec![tick, kline(0, 900, 6.0, 1, Some(false))], "A 2 2 2 2 1 1", (2, 0, 1)),
        (vec![kline(0, 900, 6.0, 1, Some(false))], "", (1, 0, 1)),
        // A venue bar that starts inside an interval is dropped.
        (vec![kline(500, 900, 6.0, 1, Some(true))], "", (0, 0, 0)),
    ];
    for (events, expected, numbers) in cases {
        let (out, _, counts) = run(bars(500, 0), &events);
        let expected: Vec<_> =
            [expected].iter().filter(|e| !e.is_empty()).map(|e| format!("0-1000 {e}")).collect();
        assert_eq!(shown(&out), expected, "{events:?}");
        assert_eq!((counts.in_bars, counts.duplicates, counts.incomplete), numbers, "{events:?}");
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    let settings = |length_ns, lateness_ns| BarSettings {
        length_ns,
        lateness_ns,
        late: LatePolicy::DropAndCount,
        from_ns: 0,
    };
    let cases: [(BarSettings, usize, &[&str], &str); 6] = [
        (settings(0, 0), 1, &["A"], "bar length: found 0 ns"),
        (settings(-60, 0), 1, &["A"], "bar length: found -60 ns"),
        (settings(7, 0), 1, &["A"], "expected a length above 0 that divides a day"),
        (settings(LENGTH, -1), 1, &["A"], "lateness: found -1 ns, expected 0 to one day"),
        (settings(LENGTH, 0), 0, &["A"], "bars: found no venues"),
        (settings(LENGTH, 0), 1, &[], "bars: found no symbols"),
    ];
    for (settings, venues, symbols, expected) in cases {
        let error = Bars::new(settings, venues, symbols.iter().copied()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// Creates bars of one second without lateness; times are in seconds.
fn seconds() -> Bars {
    let second = 1_000_000_000;
    let settings =
        BarSettings { length_ns: second, lateness_ns: 0, late: LatePolicy::DropAndCount, from_ns: 0 };
    Bars::new(settings, 1, SYMBOLS).unwrap()
}

#[test]
fn time_far_ahead_is_accepted_once_others_agree() {
    const YEARS: i64 = 2_000_000_000;
    // Times of trades in seconds, one message each; seconds closed by them; unconfirmed trades.
    let cases: [(&str, &[i64], &[i64], u64); 8] = [
        ("one by one", &[1, 2, 3, 4], &[1, 2, 3], 0),
        ("a minute ahead needs no confirmation", &[1, 2, 62, 63], &[1, 2, 62], 0),
        ("a single wrong time", &[1, 2, YEARS, 3, 4], &[1, 2, 3], 1),
        ("two wrong times that agree", &[1, 2, YEARS, YEARS, 3, 4], &[1, 2, 3], 2),
        ("wrong times that disagree", &[1, 2, YEARS, YEARS / 2, YEARS / 4, 3, 4], &[1, 2, 3], 3),
        ("repeated wrong times", &[1, 2, YEARS, 3, YEARS, 4, YEARS, 5], &[1, 2, 3, 4], 3),
        ("a true jump loses no trade", &[1, 2, 900, 901, 902, 903], &[1, 2, 900, 901, 902], 0),
        ("a wrong first time", &[YEARS, 1, 2, 3], &[1, 2], 1),
    ];
    for (case, times, expected, doubted) in cases {
        let (mut bars, mut out) = (seconds(), Vec::new());
        for (id, time) in (0..).zip(times) {
            bars.observe(0, &trade("A", time * 1_000_000_000, 1.0, 1.0, id), &mut out);
        }
        let closed: Vec<_> = out.iter().map(|interval| interval.start_ns / 1_000_000_000).collect();
        assert_eq!(closed, expected, "{case}");
        assert_eq!(bars.counts().doubted, doubted, "{case}");
        bars.advance(0, i64::MAX, &mut out);
        let all: Vec<_> = out.iter().map(|interval| interval.start_ns / 1_000_000_000).collect();
        assert_eq!(all, [expected, &times[times.len() - 1..]].concat(), "{case}");
        let counts = bars.counts();
        assert_eq!(counts.in_bars + counts.doubted, times.len() as u64, "{case}: {counts:?}");
    }
}

#[test]
fn one_event_suffices_after_an_outage_and_a_message_counts_once() {
    let second = 1_000_000_000;
    let of = |time: i64, id| trade("A", time * second, 1.0, 1.0, id);
    for (expected_s, closed) in [(None, 1), (Some(700), 2)] {
        let (mut bars, mut out) = (seconds(), Vec::new());
        [of(1, 1), of(2, 2)].iter().for_each(|event| _ = bars.observe(0, event, &mut out));
        expected_s.into_iter().for_each(|s| bars.expect(0, s * second));
        bars.observe_message(0, &[of(700, 3), of(701, 4), of(702, 5)], &mut out);
        assert_eq!(out.len(), if closed == 1 { 1 } else { 4 }, "{expected_s:?}");
        // An event about the past enters its bar and does not move the clock.
        bars.observe_message(0, &[Event::Past, of(1_000_000, 6)], &mut out);
        assert_eq!(bars.latest_ns(0), Some(if closed == 1 { 2 } else { 702 } * second), "{expected_s:?}");
    }
}

/// Sends trades at these times in seconds, one message each 20 ms; returns the closed seconds.
fn at_20_ms(bars: &mut Bars, seconds: &[i64], first_id: u64) -> Vec<i64> {
    let mut out = Vec::new();
    for (id, time) in (first_id..).zip(seconds) {
        let event = trade("A", time * 1_000_000_000, 1.0, 1.0, id);
        bars.observe_message_at(0, &[event], id.cast_signed() * 20_000_000, &mut out);
    }
    out.iter().map(|interval| interval.start_ns / 1_000_000_000).collect()
}

#[test]
fn burst_days_ahead_closes_no_bar() {
    const DAYS: i64 = 11 * 86_400;
    // Lead of a burst in seconds, number of its messages, and whether it is accepted.
    let cases = [
        (DAYS, 4, false),
        (DAYS, 99, false),
        (3_600, 4, false),
        (3_600, 40, true),
        (200, 3, true),
        (DAYS, 600, true),
    ];
    for (ahead, count, believed) in cases {
        let mut bars = seconds();
        let mut closed = at_20_ms(&mut bars, &[1, 2, 3], 0);
        closed.extend(at_20_ms(&mut bars, &vec![ahead; count], 3));
        closed.extend(at_20_ms(&mut bars, &[4, 5, 6, 7], 3 + count as u64));
        let (counts, changes) = (bars.counts(), bars.take_changes());
        if believed {
            assert!(matches!(changes[..], [ClockChange::Ahead { .. }]), "{ahead} {count}: {changes:?}");
            assert_eq!((closed, counts.late), (vec![1, 2, 3], 4), "{ahead} {count}");
        } else {
            assert_eq!(closed, [1, 2, 3, 4, 5, 6], "{ahead} {count}");
            assert_eq!((changes, counts.doubted, counts.late), (vec![], count as u64, 0), "{ahead} {count}");
        }
    }
}

#[test]
fn uncontradicted_jump_is_accepted_after_a_while() {
    let mut bars = seconds();
    let mut closed = at_20_ms(&mut bars, &[1, 2, 3, 50_000, 50_001, 50_002], 0);
    assert_eq!(closed, [1, 2]);
    let mut out = Vec::new();
    for (s, count) in [(1, 0), (59, 0), (61, 3)] {
        bars.pass(0, s * 1_000_000_000, &mut out);
        assert_eq!(out.len(), count, "after {s} s");
    }
    closed.extend(out.iter().map(|interval| interval.start_ns / 1_000_000_000));
    assert_eq!(closed, [1, 2, 3, 50_000, 50_001]);
}

#[test]
fn clock_set_ahead_is_set_back_and_bars_continue() {
    const AHEAD: i64 = 20_000;
    // Enough messages confirm the wrong time, but few more agree with it; all later times are correct.
    let mut bars = seconds();
    let mut closed = at_20_ms(&mut bars, &[1, 2, 3], 0);
    closed.extend(at_20_ms(&mut bars, &[AHEAD; 100], 3));
    assert_eq!(closed, [1, 2, 3]);
    assert!(matches!(bars.take_changes()[..], [ClockChange::Ahead { .. }]));
    let true_times: Vec<i64> = (0..300).map(|i| 4 + i / 10).collect();
    let closed = at_20_ms(&mut bars, &true_times, 103);
    let [ClockChange::Back { from_ns, to_ns, dropped, resumes_ns }] = bars.take_changes()[..] else {
        panic!()
    };
    assert_eq!((from_ns, to_ns), (AHEAD * 1_000_000_000, 13_000_000_000));
    // The hundredth correct message, the last of its second, is dropped too; no bar has the wrong time.
    assert_eq!(closed, (14..33).collect::<Vec<_>>(), "bars continue");
    let counts = bars.counts();
    let found = (counts.late, counts.clock_back, counts.doubted, counts.in_bars, dropped, resumes_ns);
    assert_eq!(found, (0, 100, 100, 203, 200, None), "{counts:?}");
}

#[test]
fn clock_that_steps_back_closes_open_intervals_and_none_twice() {
    let mut bars = seconds();
    let steady: Vec<i64> = (0..300).map(|i| 5_000 + i / 10).collect();
    let mut closed = at_20_ms(&mut bars, &steady, 0);
    let back: Vec<i64> = (0..300).map(|i| 1_400 + i / 10).collect();
    closed.extend(at_20_ms(&mut bars, &back, 300));
    assert_eq!(closed, (5_000..5_030).collect::<Vec<_>>());
    let [ClockChange::Back { dropped, resumes_ns, .. }] = bars.take_changes()[..] else { panic!() };
    assert_eq!((dropped, resumes_ns), (100, Some(5_030_000_000_000)));
    let counts = bars.counts();
    assert_eq!((counts.in_bars, counts.clock_back, counts.late), (300, 300, 0), "{counts:?}");
    // Bars resume once the correct time is past the last bar.
    assert_eq!(
        at_20_ms(&mut bars, &(1_430..5_040).collect::<Vec<_>>(), 600),
        (5_030..5_039).collect::<Vec<_>>()
    );
}

#[test]
fn trades_far_behind_a_correct_clock_are_counted_as_far_behind() {
    const SECOND: i64 = 1_000_000_000;
    let (mut bars, mut out) = (bars(500, 100 * SECOND), Vec::new());
    let mut take = |time, id| bars.observe_message(0, &[trade("A", time, 5.0, 1.0, id)], &mut out);
    take(200 * SECOND, 1);
    take(200 * SECOND + 1, 2);
    (0..20).for_each(|i| take(30 * SECOND, 10 + i));
    take(201 * SECOND, 3);
    let counts = bars.counts();
    assert_eq!((counts.before, counts.far_behind, counts.clock_back), (20, 20, 0), "{counts:?}");
}

#[test]
fn few_late_trades_do_not_set_the_clock_back() {
    let mut bars = seconds();
    let mut times: Vec<i64> = (0..300).map(|i| 5_000 + i / 10).collect();
    // Forty trades of the preceding hour arrive between two current trades.
    times.splice(150..150, std::iter::repeat_n(1_400, 40));
    at_20_ms(&mut bars, &times, 0);
    assert_eq!((bars.take_changes(), bars.counts().late, bars.counts().clock_back), (vec![], 40, 0));
}

/// Returns a trade that sets these prices.
fn conditional(time_ns: i64, price: f64, id: u64, sets: Sets) -> Event<'static> {
    let Event::Trade(of) = trade("A", time_ns, price, 10.0, id) else { panic!() };
    Event::Trade(Trade { sets, ..of })
}

/// Time, price, and the prices that a trade sets.
type Conditional = (i64, f64, Sets);

#[test]
fn trades_set_the_prices_that_their_conditions_allow() {
    use Sets::{All, Extended, HighLow, Nothing};
    // Time, price and permission of each trade; the bar as open, high, low, close, volume, trades.
    let cases: [(&[Conditional], &str); 8] = [
        (&[(1, 5.0, All), (2, 9.0, Nothing), (3, 6.0, All)], "A 5 6 5 6 30 3"),
        (&[(1, 2.0, HighLow), (2, 5.0, All), (3, 6.0, All), (4, 7.0, HighLow)], "A 5 7 2 6 40 4"),
        (&[(1, 2.0, HighLow), (2, 7.0, HighLow)], "A 2 7 2 7 20 2"),
        (&[(1, 9.0, Extended), (2, 5.0, All), (3, 1.0, Extended)], "A 5 5 5 5 30 3"),
        (&[(1, 9.0, Extended), (2, 5.0, HighLow)], "A 5 5 5 5 20 2"),
        (&[(1, 9.0, Extended), (2, 8.0, Nothing), (3, 7.0, Extended)], "A 9 9 7 7 30 3"),
        (&[(1, 8.0, Nothing)], ""),
        (&[], ""),
    ];
    for (trades, expected) in cases {
        let events: Vec<_> = (1..)
            .zip(trades)
            .map(|(id, (time, price, sets))| conditional(*time, *price, id, *sets))
            .collect();
        let (out, _, counts) = run(bars(0, 0), &events);
        let expected: Vec<_> =
            [expected].iter().filter(|e| !e.is_empty()).map(|e| format!("0-1000 {e}")).collect();
        assert_eq!(shown(&out), expected, "{trades:?}");
        assert_eq!(counts.without_price, u64::from(expected.is_empty() && !trades.is_empty()), "{trades:?}");
    }
}

fn correction(id: u64, new_id: u64, price: f64, quantity: f64) -> Event<'static> {
    Event::Correction(Correction { symbol: "A".into(), id, new_id, price, quantity, sets: Sets::All })
}

#[test]
fn cancellations_and_corrections_change_open_bars_and_are_counted_for_closed_ones() {
    let cancel = |id| Event::Cancel(Cancel { symbol: "A".into(), id });
    let trades = || {
        let all = [(100, 5.0, 1), (200, 99.0, 2), (300, 6.0, 3), (400, 1.0, 4)];
        all.map(|(time, price, id)| trade("A", time, price, 10.0, id)).to_vec()
    };
    // Events after four trades; the bar; counts of cancelled, corrected and both too late.
    let close = || trade("B", 2_000, 1.0, 1.0, 1);
    let cases: [(Vec<Event<'_>>, &str, [u64; 4]); 8] = [
        (vec![], "A 5 99 1 1 40 4", [0; 4]),
        (vec![cancel(2)], "A 5 6 1 1 30 3", [1, 0, 0, 0]),
        (vec![cancel(2), cancel(4)], "A 5 6 5 6 20 2", [2, 0, 0, 0]),
        (vec![cancel(1), cancel(1)], "A 99 99 1 1 30 3", [1, 0, 1, 0]),
        (vec![correction(2, 12, 7.0, 3.0)], "A 5 7 1 1 33 4", [0, 1, 0, 0]),
        (vec![correction(2, 12, 7.0, 0.0)], "A 5 6 1 1 30 3", [1, 0, 0, 0]),
        // A corrected trade is cancelled by its new id; a cancelled one does not count again.
        (vec![correction(2, 12, 7.0, 3.0), cancel(12), trades().remove(1)], "A 5 6 1 1 30 3", [1, 1, 0, 0]),
        (vec![close(), cancel(2), correction(4, 14, 2.0, 1.0)], "A 5 99 1 1 40 4", [0, 0, 1, 1]),
    ];
    for (i, (more, expected, numbers)) in cases.into_iter().enumerate() {
        let events = [trades(), more].concat();
        let (out, _, counts) = run(bars(0, 0).with_cancels(), &events);
        assert_eq!(shown(&out)[0], format!("0-1000 {expected}"), "case {i}");
        let found = [counts.cancelled, counts.corrected, counts.cancelled_late, counts.corrected_late];
        assert_eq!(found, numbers, "case {i}");
        let in_bars: u64 = out.iter().flat_map(|interval| &interval.bars).map(|(_, bar)| bar.trades).sum();
        assert_eq!(counts.in_bars, in_bars, "case {i}");
    }
    let (out, _, counts) = run(bars(0, 0), &[trades(), vec![cancel(2)]].concat());
    assert_eq!((shown(&out), counts.cancelled_late), (vec!["0-1000 A 5 99 1 1 40 4".to_owned()], 1));
}

#[test]
fn trades_kept_for_cancellation_are_bounded() {
    let (mut bars, mut out) = (bars(0, 0).with_cancels(), Vec::new());
    for id in 0..300_000 {
        bars.observe(0, &trade("A", 100, 5.0, 1.0, id), &mut out);
    }
    assert_eq!(bars.counts().unkept, 300_000 - 262_144);
    bars.observe(0, &Event::Cancel(Cancel { symbol: "A".into(), id: 5 }), &mut out);
    assert_eq!(bars.counts().cancelled_late, 1, "a bar with unkept trades must not change");
    bars.observe(0, &trade("A", 1_000, 5.0, 1.0, 300_000), &mut out);
    bars.observe(0, &trade("B", 1_001, 5.0, 1.0, 1), &mut out);
    bars.observe(0, &Event::Cancel(Cancel { symbol: "B".into(), id: 1 }), &mut out);
    assert_eq!(
        (out[0].bars[0].1.volume, bars.counts().cancelled),
        (300_000.0, 1),
        "closed bars must free room"
    );
}

#[test]
fn reports_without_trade_and_known_repeats_have_their_own_counts() {
    let report =
        |symbol: &'static str| Event::NoTrade(NoTrade { symbol: symbol.into(), time_ns: 100, id: None });
    let mut again = trade("A", 100, 5.0, 1.0, 1);
    if let Event::Trade(trade) = &mut again {
        trade.repeated = true;
    }
    let events = [
        trade("A", 100, 5.0, 1.0, 1),
        report("A"),
        report("Z"),
        trade("A", 1_500, 5.0, 1.0, 2),
        // The bar is closed, and the trade is a repetition by the venue's numbering.
        again,
        trade("A", 100, 5.0, 1.0, 0),
    ];
    let (_, _, counts) = run(bars(0, 0), &events);
    let found = (counts.in_bars, counts.no_trade, counts.not_asked, counts.duplicates, counts.late);
    assert_eq!(found, (2, 1, 1, 1, 1), "{counts:?}");
}

/// Trade of the property tests: symbol, time, price, quantity. Its id is its position.
type Tick = (usize, i64, f64, f64);

fn ticks() -> impl Strategy<Value = Vec<Tick>> {
    // Coarse times and prices produce ties; quantities of all sizes produce sums that round.
    let tick = (0..SYMBOLS.len(), 0..40_i64, 1..50_u32, prop::num::f64::POSITIVE | prop::num::f64::NORMAL)
        .prop_map(|(symbol, time, price, quantity)| {
            let quantity = f64::exp2((quantity.abs().log2() / 30.0).clamp(-30.0, 30.0));
            (symbol, time * 137, f64::from(price) * 0.1, quantity)
        });
    prop::collection::vec(tick, 1..120)
}

fn events(ticks: &[Tick]) -> Vec<Event<'static>> {
    let event = |(i, tick): (usize, &Tick)| trade(SYMBOLS[tick.0], tick.1, tick.2, tick.3, i as u64);
    ticks.iter().enumerate().map(event).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Trades displaced within the lateness, some sent twice, give the same bars bit for bit.
    #[test]
    fn bars_are_independent_of_order_within_the_lateness_and_of_duplicates(
        ticks in ticks(),
        keys in prop::collection::vec((0..2000_i64, any::<bool>()), 120),
    ) {
        let lateness = 2000;
        let mut in_order = events(&ticks);
        in_order.sort_by_key(|event| event.time_ns());
        let (expected, _, _) = run(bars(lateness, 0), &in_order);
        // Sorted by time plus a delay below the lateness, so that no trade is late.
        let mut arrivals: Vec<(i64, Event<'_>)> = Vec::new();
        for (event, (delay, twice)) in in_order.iter().zip(&keys) {
            arrivals.push((event.time_ns().unwrap() + delay, event.clone()));
            if *twice {
                arrivals.push((event.time_ns().unwrap() + (delay * 7) % lateness, event.clone()));
            }
        }
        arrivals.sort_by_key(|arrival| arrival.0);
        let arrived: Vec<_> = arrivals.into_iter().map(|arrival| arrival.1).collect();
        let (found, _, counts) = run(bars(lateness, 0), &arrived);
        prop_assert_eq!(found, expected);
        prop_assert_eq!(counts.late, 0);
        prop_assert_eq!(counts.duplicates as usize, arrived.len() - in_order.len());
    }

    /// In any order, each interval is closed once and in order. Every trade is in its bar or counted, and
    /// each bar equals that of a plain loop over the accepted trades.
    #[test]
    fn no_trade_is_lost_and_no_closed_bar_changes(ticks in ticks(), lateness in 0..3000_i64) {
        let events = events(&ticks);
        let (found, taken, counts) = run(bars(lateness, 0), &events);
        prop_assert!(found.windows(2).all(|pair| pair[0].end_ns <= pair[1].start_ns));
        let in_bars = taken.iter().filter(|taken| **taken == EventOutcome::InBar).count() as u64;
        prop_assert_eq!(in_bars + counts.late, events.len() as u64);
        let of_bars = found.iter().flat_map(|interval| &interval.bars).map(|(_, bar)| bar.trades);
        prop_assert_eq!(of_bars.sum::<u64>(), in_bars);
        #[allow(clippy::type_complexity)]
        let mut plain: BTreeMap<(i64, &str), Vec<(i64, usize, &Tick)>> = BTreeMap::new();
        for (i, tick) in ticks.iter().enumerate().filter(|(i, _)| taken[*i] == EventOutcome::InBar) {
            plain.entry((tick.1.div_euclid(LENGTH), SYMBOLS[tick.0])).or_default().push((tick.1, i, tick));
        }
        let bars: Vec<_> =
            found.iter().flat_map(|interval| interval.bars.iter().map(|bar| (interval.start_ns, bar))).collect();
        prop_assert_eq!(bars.len(), plain.len());
        for ((start_ns, (symbol, bar)), ((interval, name), mut trades)) in bars.into_iter().zip(plain) {
            prop_assert_eq!((start_ns, &**symbol), (interval * LENGTH, name));
            trades.sort_by_key(|trade| (trade.0, trade.1));
            let prices: Vec<f64> = trades.iter().map(|trade| trade.2.2).collect();
            prop_assert_eq!((bar.open, bar.close), (prices[0], prices[prices.len() - 1]));
            prop_assert_eq!(bar.high, prices.iter().copied().fold(f64::MIN, f64::max));
            prop_assert_eq!(bar.low, prices.iter().copied().fold(f64::MAX, f64::min));
            let volume: f64 = trades.iter().map(|trade| trade.2.3).sum();
            prop_assert!((bar.volume / volume - 1.0).abs() < 1e-13, "{} {volume}", bar.volume);
        }
    }
}

/// One-second bars of a capture contain all of its trades and volume.
#[test]
#[ignore = "reads data outside the repository: ../shared/data"]
fn bars_of_a_capture_add_up_to_the_capture() {
    let messages = crate::feeds::messages("binance_spot_btcusdt_2024-08-08");
    let settings = BarSettings {
        length_ns: 1_000_000_000,
        lateness_ns: 200_000_000,
        late: LatePolicy::DropAndCount,
        from_ns: i64::MIN,
    };
    let mut bars = Bars::new(settings, 1, ["BTCUSDT"]).unwrap();
    let mut venue = venue("binance").unwrap();
    let (mut closed, mut total) = (Vec::new(), 0.0);
    for message in &messages {
        let mut out = Vec::new();
        venue.parse(message, &mut out);
        for event in &out {
            bars.observe(0, event, &mut closed);
            if let Event::Trade(trade) = event {
                total += trade.quantity;
            }
        }
    }
    bars.advance(0, i64::MAX, &mut closed);
    let volume: f64 = closed.iter().map(|interval| interval.bars[0].1.volume).sum();
    assert!((volume / total - 1.0).abs() < 1e-12, "{volume} {total}");
    let counts = bars.counts();
    assert_eq!((counts.in_bars, counts.late, counts.duplicates), (1123, 0, 0));
    assert!(closed.len() > 20 && closed.windows(2).all(|pair| pair[0].end_ns <= pair[1].start_ns));
}
