//! Short texts of settings: expressions, time zones, times, durations. The first line of an input names the kind.

use betaflow_engine::assembly::Expression;
use betaflow_engine::time::{
    DAY_NS, Date, RebalanceTime, Session, Sessions, TimestampNs, Zone, duration_ns, duration_text,
    time_of_day,
};

use super::harness::{Target, kind_and_rest};

const WORDS: [&str; 22] = [
    "expression\n",
    "zone\n",
    "duration\n",
    "rebalance\n",
    "date\n",
    "'",
    "\"",
    "*",
    "+",
    "-",
    "MTUM",
    "0.5*",
    "close-",
    "open+",
    "15:30",
    "1h 30m",
    "366d",
    "America/New_York",
    "Europe/London",
    "Pacific/Apia",
    "UTC",
    "Asia/Kathmandu",
];

/// Times at the ends of the range, and around changes of the clock.
const TIMES: [i64; 8] = [
    i64::MIN,
    i64::MIN + 1,
    -62_135_596_800_000_000,
    0,
    1_425_798_000_000_000_000,
    1_446_357_600_000_000_000,
    i64::MAX - 1,
    i64::MAX,
];

fn check_zone(zone: &Zone) {
    for time in TIMES.map(TimestampNs) {
        let (local, date) = (zone.local(time), zone.date(time));
        // A local time outside the range is cut to its end; a time that the clock shows twice is the first.
        let is_inside = time.0.checked_add(DAY_NS).is_some() && time.0.checked_sub(DAY_NS).is_some();
        assert!(!is_inside || zone.moment(local) <= time || zone.has_dates(), "{zone} {time:?}");
        let _ = [date, i64::MIN, i64::MAX].map(|date| zone.midnight(date));
    }
}

fn check_rebalance(time: RebalanceTime) {
    let day = |date: i64, open: i64| Session { date, open: TimestampNs(open), close: TimestampNs(open + 1) };
    let sessions = Sessions::new(vec![day(0, 0), day(1, 86_400_000_000_000)]).unwrap();
    for at in TIMES.map(TimestampNs) {
        let _ = time.date_of(at, at, Some(&sessions));
        let _ = time.date_of(at, at, None);
    }
}

#[test]
fn texts() {
    Target::new("texts").words(&WORDS).run(|input| {
        let (kind, rest) = kind_and_rest(input);
        let text = &*String::from_utf8_lossy(rest);
        match kind {
            "expression" => match text.parse::<Expression>() {
                Err(error) => {
                    let quoted = error.to_string();
                    assert!(quoted.contains("at character"), "{quoted}");
                }
                Ok(expression) => {
                    let quote = |symbol: &str| if symbol.contains('\'') { '"' } else { '\'' };
                    let again = expression.terms().iter().map(|(number, symbol)| {
                        let sign = if number.is_sign_negative() { '-' } else { '+' };
                        format!("{sign}{}*{1}{symbol}{1}", number.abs(), quote(symbol))
                    });
                    let again: Result<Expression, _> = again.collect::<String>().parse();
                    let finite = expression.terms().iter().all(|(number, _)| number.is_finite());
                    assert!(
                        !finite || again.as_ref() == Ok(&expression),
                        "{text:?}: {expression:?} and {again:?}"
                    );
                }
            },
            "zone" => {
                for daily in [false, true] {
                    match Zone::named(text, daily) {
                        Err(error) => assert!(error.to_string().contains("time zone"), "{error}"),
                        Ok(zone) => check_zone(&zone),
                    }
                }
            }
            "duration" => {
                if let Ok(ns) = duration_ns(text) {
                    assert!(ns > 0, "{text}");
                    assert_eq!(duration_ns(&duration_text(ns)), Ok(ns));
                }
            }
            "rebalance" => {
                let _ = time_of_day(text);
                if let Ok(time) = text.parse::<RebalanceTime>() {
                    check_rebalance(time);
                }
            }
            _ => {
                if let Ok(date) = text.parse::<Date>() {
                    assert_eq!(date.to_string().parse::<Date>().map(Date::days), Ok(date.days()));
                }
            }
        }
    });
}
