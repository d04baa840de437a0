//! Thresholds and bounds of bars of ticks: messages and time spans that move a venue's clock, events that wait, ids
//! that are remembered.

use betaflow_connectors::ticks::{
    BarCounts, BarSettings, Bars, Cancel, ClockChange, ClosedInterval, Event, EventOutcome, LatePolicy, Sets,
    Trade, VenueBar,
};

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;

/// Bars of one second, their output, and the number of messages so far.
struct Feed {
    bars: Bars,
    out: Vec<ClosedInterval>,
    messages: u64,
}

impl Feed {
    fn new() -> Self {
        let settings =
            BarSettings { length_ns: SECOND, lateness_ns: 0, late: LatePolicy::DropAndCount, from_ns: 0 };
        Self { bars: Bars::new(settings, 1, ["A"]).unwrap(), out: Vec::new(), messages: 0 }
    }

    /// Sends one trade a message; `received_ns` is unknown if negative.
    fn send(&mut self, time_ns: i64, received_ns: i64) {
        self.messages += 1;
        let event = trade(time_ns, self.messages);
        match received_ns {
            0.. => self.bars.observe_message_at(0, &[event], received_ns, &mut self.out),
            _ => self.bars.observe_message(0, &[event], &mut self.out),
        }
    }

    /// Sends messages of the same time; the last one is received `span_ms` after the others, which have no time of
    /// receipt if it is negative.
    fn burst(&mut self, time_ns: i64, messages: u64, span_ms: i64) {
        for i in 1..=messages {
            let received = if i == messages { MINUTE + span_ms * 1_000_000 } else { MINUTE };
            self.send(time_ns, if span_ms < 0 { -1 } else { received });
        }
    }

    fn counts(&self) -> BarCounts {
        self.bars.counts()
    }
}

fn trade(time_ns: i64, id: u64) -> Event<'static> {
    let (symbol, id) = ("A".into(), Some(id));
    Event::Trade(Trade { symbol, time_ns, price: 1.0, quantity: 1.0, id, sets: Sets::All, repeated: false })
}

/// Feed whose clock is at two seconds, after two events.
fn at_2() -> Feed {
    let mut feed = Feed::new();
    [1, 2].into_iter().for_each(|s| feed.send(s * SECOND, s * SECOND));
    feed
}

#[test]
fn jump_takes_the_documented_messages_over_the_documented_span() {
    // Lead in minutes, messages, span in ms (negative: unknown), and whether the clock jumps.
    let cases: [(i64, u64, i64, bool); 19] = [
        (2, 2, 0, false),
        (2, 3, 0, true),
        (14, 3, 0, true),
        (15, 3, 0, false),
        (15, 4, 0, true),
        (299, 21, 0, false),
        (299, 22, 0, true),
        (300, 22, 300, false),
        (300, 23, 299, false),
        (300, 23, 300, true),
        (300, 23, -1, true),
        (20_000, 99, 59_999, false),
        (20_000, 100, 9_999, false),
        (20_000, 100, 10_000, true),
        (20_000, 100, -1, true),
        (20_000, 99, -1, false),
        (20_000, 3, 59_999, false),
        (20_000, 3, 60_000, true),
        (20_000, 2, 60_000, false),
    ];
    for (minutes, messages, span_ms, jumps) in cases {
        let mut feed = at_2();
        let ahead = 2 * SECOND + minutes * MINUTE;
        feed.burst(ahead, messages, span_ms);
        let case = format!("{minutes} minutes, {messages} messages, {span_ms} ms");
        let expected = if jumps { ahead } else { 2 * SECOND };
        assert_eq!(
            (feed.bars.latest_ns(0), feed.bars.heard_ns(0)),
            (Some(expected), Some(expected)),
            "{case}"
        );
        assert_eq!(feed.counts().in_bars, if jumps { 2 + messages } else { 2 }, "{case}");
        let change = ClockChange::Ahead { from_ns: 2 * SECOND, to_ns: ahead };
        assert_eq!(feed.bars.take_changes(), if jumps { vec![change] } else { vec![] }, "{case}");
        // A message of the old time drops those that wait.
        feed.send(2 * SECOND, 2 * MINUTE);
        assert_eq!(feed.counts().doubted, if jumps { 0 } else { messages }, "{case}");
    }
}

#[test]
fn lead_of_a_minute_needs_no_confirmation() {
    for (lead, accepted) in [(MINUTE, true), (MINUTE + 1, false)] {
        let mut feed = at_2();
        feed.send(2 * SECOND + lead, 3 * SECOND);
        assert_eq!(feed.bars.latest_ns(0), Some(2 * SECOND + if accepted { lead } else { 0 }), "{lead} ns");
        // The lead counts from the time that the clock may have reached; an earlier one changes nothing.
        let mut feed = at_2();
        feed.bars.expect(0, 500 * SECOND);
        feed.bars.expect(0, 400 * SECOND);
        feed.send(500 * SECOND + lead, 3 * SECOND);
        assert_eq!(
            feed.bars.latest_ns(0) == Some(500 * SECOND + lead),
            accepted,
            "{lead} ns after an outage"
        );
    }
}

#[test]
fn times_within_a_minute_agree() {
    // Times of three messages from an hour on, in seconds, and whether they agree.
    for (times, agree) in [
        ([0, 0, 0], true),
        ([0, 60, 0], true),
        ([0, 61, 0], false),
        ([61, 0, 60], false),
        ([60, 0, 60], true),
    ] {
        let mut feed = at_2();
        times.iter().for_each(|s| feed.send((600 + s) * SECOND, 3 * SECOND));
        let jumped = feed.bars.latest_ns(0) > Some(600 * SECOND);
        assert_eq!(jumped || feed.bars.latest_ns(0) == Some(600 * SECOND), agree, "{times:?}");
    }
}

/// Feed whose clock is at 5,000 s, after this number of events.
fn at_5000(events: u64) -> Feed {
    let mut feed = Feed::new();
    feed.burst(5_000 * SECOND, events, 0);
    assert_eq!(feed.bars.latest_ns(0), Some(5_000 * SECOND));
    feed
}

#[test]
fn clock_is_set_back_by_the_documented_messages_over_the_documented_span() {
    // Messages behind the clock, their span in ms (negative: unknown), and whether the clock is set back.
    let cases: [(u64, i64, bool); 8] = [
        (100, 1_000, true),
        (100, 999, false),
        (99, 9_999, false),
        (10, 10_000, true),
        (10, 9_999, false),
        (9, 10_000, false),
        (100, -1, true),
        (99, -1, false),
    ];
    for (messages, span_ms, back) in cases {
        let mut feed = at_5000(300);
        feed.burst(1_400 * SECOND, messages, span_ms);
        let case = format!("{messages} messages, {span_ms} ms");
        assert_eq!(feed.bars.latest_ns(0), Some(if back { 1_400 } else { 5_000 } * SECOND), "{case}");
        let counts = feed.counts();
        let expected = if back { (0, messages) } else { (messages, 0) };
        assert_eq!((counts.late, counts.clock_back, counts.in_bars), (expected.0, expected.1, 300), "{case}");
        assert_eq!(feed.bars.take_changes().len(), usize::from(back), "{case}");
        // A message of the clock's time ends the run.
        feed.send(5_000 * SECOND, 2 * MINUTE);
        feed.burst(1_400 * SECOND, 9, -1);
        assert_eq!(feed.bars.take_changes(), [], "{case}");
    }
}

#[test]
fn silence_after_messages_behind_the_clock_sets_it_back() {
    for (messages, after_ms, back) in
        [(10, 10_000, true), (10, 9_999, false), (9, 60_000, false), (100, 999, false)]
    {
        let mut feed = at_5000(300);
        feed.burst(1_400 * SECOND, messages, 0);
        feed.bars.pass(0, MINUTE + after_ms * 1_000_000, &mut feed.out);
        let expected = if back { 1_400 } else { 5_000 };
        assert_eq!(feed.bars.latest_ns(0), Some(expected * SECOND), "{messages} messages, {after_ms} ms");
    }
}

#[test]
fn event_that_waits_is_dropped_when_the_clock_is_set_back() {
    let mut feed = at_5000(300);
    feed.burst(1_400 * SECOND, 10, 0);
    feed.bars.observe(0, &trade(9_000 * SECOND, 1_000), &mut feed.out);
    feed.bars.pass(0, MINUTE + 10 * SECOND, &mut feed.out);
    let counts = feed.counts();
    assert_eq!(feed.bars.latest_ns(0), Some(1_400 * SECOND));
    assert_eq!((counts.doubted, counts.clock_back, counts.in_bars), (1, 10, 300));
}

#[test]
fn messages_behind_the_clock_agree_within_a_minute() {
    for (distance, back) in [(0, true), (60, true), (61, false)] {
        let mut feed = at_5000(300);
        for i in 0..200 {
            feed.send((1_400 + distance * (i % 2)) * SECOND, -1);
        }
        let changed = !feed.bars.take_changes().is_empty();
        assert_eq!(changed, back, "{distance} s apart");
    }
}

#[test]
fn bars_of_a_clock_with_a_hundred_events_are_closed_and_others_discarded() {
    // The first event sets the time; a hundred more agree with it.
    for (events, sure) in [(100, false), (101, true)] {
        let mut feed = at_5000(events);
        feed.burst(1_400 * SECOND, 100, -1);
        let counts = feed.counts();
        let expected = if sure { (1, events, 0, 100) } else { (0, 0, events, 100) };
        let found = (feed.out.len() as u64, counts.in_bars, counts.doubted, counts.clock_back);
        assert_eq!(found, expected, "{events} events");
        let change = ClockChange::Back {
            from_ns: 5_000 * SECOND,
            to_ns: 1_400 * SECOND,
            dropped: if sure { 100 } else { 100 + events },
            resumes_ns: sure.then_some(5_001 * SECOND),
        };
        assert_eq!(feed.bars.take_changes(), [change], "{events} events");
        // The bar after the change has the trades after it, or waits for the last closed bar.
        feed.out.clear();
        feed.burst(1_402 * SECOND, 3, -1);
        feed.burst(1_404 * SECOND, 1, -1);
        let trades: Vec<_> = feed.out.iter().map(|interval| interval.bars[0].1.trades).collect();
        assert_eq!(trades, if sure { vec![] } else { vec![3] }, "{events} events");
        assert_eq!(feed.counts().clock_back, if sure { 104 } else { 100 }, "{events} events");
    }
}

#[test]
fn changes_beyond_sixteen_are_not_kept() {
    let mut feed = at_2();
    for i in 1..=20 {
        feed.burst(2 * SECOND + i * 10 * MINUTE, 3, -1);
    }
    assert_eq!(feed.bars.latest_ns(0), Some(2 * SECOND + 200 * MINUTE));
    assert_eq!(feed.bars.take_changes().len(), 16);
    assert_eq!(feed.bars.take_changes(), []);
}

#[test]
fn fast_playback_may_jump_on_before_it_is_confirmed() {
    // Messages five hours ahead, and the number of them that a later time drops.
    for (messages, dropped) in [(2, 2), (3, 0)] {
        let mut feed = at_2();
        feed.burst(2 * SECOND + 300 * MINUTE, messages, 0);
        feed.send(2 * SECOND + 600 * MINUTE, MINUTE);
        assert_eq!(feed.counts().doubted, dropped, "{messages} messages");
        // An earlier time disagrees.
        feed.send(2 * SECOND + 300 * MINUTE, MINUTE);
        assert_eq!(feed.counts().doubted, messages + 1, "{messages} messages");
        assert_eq!(feed.bars.latest_ns(0), Some(2 * SECOND), "{messages} messages");
    }
}

#[test]
fn waiting_events_are_bounded() {
    let mut feed = at_2();
    let events: Vec<_> = (0..65_540).map(|id| trade(600 * SECOND, 100_000 + id)).collect();
    feed.bars.observe_message(0, &events, &mut feed.out);
    assert_eq!((feed.counts().in_bars, feed.counts().doubted), (2, 0), "one message moves no clock");
    [1, 2].into_iter().for_each(|_| feed.send(600 * SECOND, -1));
    // The last message is not one of those that wait.
    assert_eq!((feed.counts().in_bars, feed.counts().doubted), (2 + 65_536 + 1, 4 + 1));

    // A time that disagrees drops all of them.
    let mut feed = at_2();
    feed.bars.observe_message(0, &events, &mut feed.out);
    feed.send(2 * SECOND, -1);
    assert_eq!((feed.counts().in_bars, feed.counts().doubted), (3, 65_540));
}

#[test]
fn waiting_events_are_accepted_within_a_minute_of_the_advanced_clock() {
    for (now_s, accepted) in [(539, 0), (540, 1)] {
        let mut feed = at_2();
        feed.send(600 * SECOND, 3 * SECOND);
        feed.bars.advance(0, now_s * SECOND, &mut feed.out);
        assert_eq!((feed.counts().in_bars, feed.counts().doubted), (2 + accepted, 0), "{now_s} s");
        // The end of the feed drops those that still wait.
        feed.bars.advance(0, i64::MAX, &mut feed.out);
        assert_eq!((feed.counts().in_bars, feed.counts().doubted), (2 + accepted, 1 - accepted), "{now_s} s");
        assert_eq!(feed.out.len() as u64, 2 + accepted, "{now_s} s");
    }
}

#[test]
fn ranges_of_ids_in_a_bar_are_bounded() {
    let (mut feed, ranges) = (Feed::new(), 16_384);
    for id in 0..ranges + 2 {
        feed.bars.observe(0, &trade(SECOND, 2 * id), &mut feed.out);
    }
    assert_eq!((feed.counts().forgotten, feed.counts().in_bars), (2, ranges + 2));
    // The lowest ids are forgotten, the others known.
    let outcomes = [0, 2, 4, 2 * ranges].map(|id| feed.bars.observe(0, &trade(SECOND, id), &mut feed.out));
    use EventOutcome::{Duplicate, InBar};
    assert_eq!(outcomes, [InBar, InBar, Duplicate, Duplicate]);
}

#[test]
fn message_of_the_bar_that_ended_last_is_behind_the_clock() {
    for (time_ns, back) in [(4_999 * SECOND, true), (5_000 * SECOND - 1, true), (5_000 * SECOND, false)] {
        let mut feed = at_5000(300);
        feed.burst(time_ns, 100, -1);
        assert_eq!(feed.bars.take_changes().len(), usize::from(back), "{time_ns}");
        assert_eq!(feed.bars.latest_ns(0), Some(time_ns), "{time_ns}");
    }
}

#[test]
fn bars_resume_after_the_last_closed_one() {
    // The bar of 5,000 s is closed by three messages of a wrong time. Time that the clock is set back to, in seconds,
    // and the end of the last bar if it is later.
    for (to, resumes) in [(4_900, Some(5_001)), (5_000, Some(5_001)), (5_001, None), (5_002, None)] {
        let mut feed = at_5000(300);
        feed.burst(5_600 * SECOND, 3, -1);
        assert_eq!(feed.out.len(), 1);
        feed.bars.take_changes();
        feed.burst(to * SECOND, 100, -1);
        let [ClockChange::Back { resumes_ns, .. }] = feed.bars.take_changes()[..] else { panic!("{to}") };
        assert_eq!(resumes_ns, resumes.map(|s: i64| s * SECOND), "{to}");
    }
}

#[test]
fn start_that_followed_a_wrong_time_is_set_back_too() {
    let mut feed = at_5000(50);
    feed.bars.start_from(5_001 * SECOND);
    assert_eq!((feed.counts().before, feed.counts().in_bars), (50, 0));
    feed.burst(1_400 * SECOND, 100, -1);
    feed.burst(1_402 * SECOND, 3, -1);
    feed.burst(1_404 * SECOND, 1, -1);
    let starts: Vec<_> = feed.out.iter().map(|interval| interval.start_ns / SECOND).collect();
    assert_eq!((starts, feed.counts().in_bars), (vec![1_402], 4));
}

fn cancel(id: u64) -> Event<'static> {
    Event::Cancel(Cancel { symbol: "A".into(), id })
}

#[test]
fn cancelled_trades_count_neither_as_priced_nor_as_discarded() {
    let mut feed = Feed::new();
    feed.bars = feed.bars.with_cancels();
    feed.burst(5_000 * SECOND, 50, -1);
    feed.bars.observe(0, &cancel(7), &mut feed.out);
    assert_eq!((feed.counts().in_bars, feed.counts().cancelled), (49, 1));
    feed.burst(1_400 * SECOND, 100, -1);
    assert_eq!((feed.counts().in_bars, feed.counts().doubted, feed.counts().clock_back), (0, 49, 100));

    // A bar without a trade has no price to miss.
    let mut feed = Feed::new();
    feed.bars = feed.bars.with_cancels();
    feed.send(SECOND, -1);
    feed.bars.observe(0, &cancel(1), &mut feed.out);
    feed.bars.advance(0, i64::MAX, &mut feed.out);
    assert_eq!((feed.counts().without_price, feed.counts().in_bars, feed.out.len()), (0, 0, 0));
}

#[test]
fn discarded_bars_free_their_room_for_cancellations() {
    let mut feed = Feed::new();
    feed.bars = feed.bars.with_cancels();
    for id in 0..262_144 {
        feed.bars.observe(0, &trade(SECOND, id), &mut feed.out);
    }
    feed.bars.start_from(5 * SECOND);
    feed.bars.observe(0, &trade(6 * SECOND, 300_000), &mut feed.out);
    feed.bars.observe(0, &cancel(300_000), &mut feed.out);
    let counts = feed.counts();
    assert_eq!((counts.before, counts.unkept, counts.cancelled, counts.cancelled_late), (262_144, 0, 1, 0));
}

#[test]
fn bars_of_the_venue_behind_the_clock_are_counted_as_trades_are() {
    let bar = |start_ns: i64, length_ns: i64| {
        Event::Bar(VenueBar {
            symbol: "A".into(),
            time_ns: start_ns,
            start_ns,
            end_ns: start_ns + length_ns,
            open: 1.0,
            high: 1.0,
            low: 1.0,
            close: 1.0,
            volume: 1.0,
            trades: None,
            closed: Some(true),
        })
    };
    // Length of the bars, and their number that the step back takes from the late ones: other lengths are not bars here.
    for (length_ns, dropped) in [(SECOND, 100), (2 * SECOND, 0)] {
        let mut feed = at_5000(300);
        for _ in 0..100 {
            feed.bars.observe_message(0, &[bar(1_400 * SECOND, length_ns)], &mut feed.out);
        }
        assert_eq!(feed.bars.latest_ns(0), Some(1_400 * SECOND), "{length_ns}");
        assert_eq!((feed.counts().late, feed.counts().clock_back), (0, dropped), "{length_ns}");
    }
}
