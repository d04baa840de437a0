//! Frames that end a calendar month.

use betaflow_engine::frame::Frame;
use betaflow_engine::source::{MemorySource, MonthEnds, Source as _};
use betaflow_engine::time::{DAY_NS, Date, TimestampNs};

/// Nanoseconds of a minute.
const MINUTE_NS: i64 = 60_000_000_000;

/// Time of a date and a minute after its midnight, UTC.
fn at(date: &str, minute: i64) -> i64 {
    date.parse::<Date>().unwrap().days() * DAY_NS + minute * MINUTE_NS
}

/// Times of the frames that end a month, of a source with frames at these times.
fn ends(times: &[i64]) -> Vec<i64> {
    let frame = |time: &i64| Frame { timestamp: TimestampNs(*time), close: vec![1.0], ..Frame::default() };
    let inner = MemorySource::new(Vec::new(), times.iter().map(frame).collect());
    let mut source = MonthEnds::new(Box::new(inner));
    let (mut frame, mut seen, mut ends) = (Frame::default(), Vec::new(), Vec::new());
    while source.next_frame(&mut frame).unwrap() {
        seen.push(frame.timestamp.0);
        ends.extend(frame.ends_month.then_some(frame.timestamp.0));
    }
    assert!(!source.next_frame(&mut frame).unwrap(), "the end remains the end");
    assert_eq!(seen, times);
    assert_eq!(source.facts().frames, times.len() as u64);
    ends
}

#[test]
fn months_end_where_a_calendar_says() {
    let days = |dates: &[&str]| dates.iter().map(|date| at(date, 0)).collect::<Vec<_>>();
    let cases: [(&[&str], &[&str]); 5] = [
        // Trading days around the ends of months, a leap day, and an unfinished last month.
        (
            &[
                "2015-12-30",
                "2015-12-31",
                "2016-01-04",
                "2016-01-29",
                "2016-02-01",
                "2016-02-26",
                "2016-02-29",
                "2016-03-01",
                "2016-03-15",
            ],
            &["2015-12-31", "2016-01-29", "2016-02-29", "2016-03-15"],
        ),
        // Months without a frame, and the same month of two years.
        (&["2019-05-31", "2019-09-02", "2020-09-01"], &["2019-05-31", "2019-09-02", "2020-09-01"]),
        // Before 1970, and across it.
        (
            &["1969-11-28", "1969-12-30", "1969-12-31", "1970-01-02"],
            &["1969-11-28", "1969-12-31", "1970-01-02"],
        ),
        (&["2021-07-14"], &["2021-07-14"]),
        (&[], &[]),
    ];
    for (times, expected) in cases {
        assert_eq!(ends(&days(times)), days(expected), "{times:?}");
    }
}

#[test]
fn intraday_months_end_at_midnight_utc() {
    let times = [
        at("2026-01-31", 1_438),
        at("2026-01-31", 1_439),
        at("2026-02-01", 0),
        at("2026-02-01", 1),
        at("2026-02-28", 1_439),
        at("2026-03-01", 0),
    ];
    assert_eq!(ends(&times), [times[1], times[4], times[5]]);
}
