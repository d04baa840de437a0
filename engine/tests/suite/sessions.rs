//! Time zones: dates, times of day and midnights.

use betaflow_engine::frame::Frame;
use betaflow_engine::settings::Calendar;
use betaflow_engine::time::{
    DAY_NS, Date, NoZone, RebalanceTime, Session, SessionFault, Sessions, TimestampNs, UtcOffset, Zone,
    time_of_day,
};
use proptest::prelude::*;

const HOUR_NS: i64 = DAY_NS / 24;
const MINUTE_NS: i64 = HOUR_NS / 60;

fn zone(name: &str) -> Zone {
    Zone::named(name, false).unwrap()
}

/// Moment of a date and a time of day, UTC.
fn utc(date: &str, time: &str) -> TimestampNs {
    TimestampNs(days(date) * DAY_NS + time_of_day(time).unwrap())
}

fn days(date: &str) -> i64 {
    date.parse::<Date>().unwrap().days()
}

#[test]
fn clock_of_new_york_follows_both_changes_of_2013() {
    let new_york = zone("America/New_York");
    // 15:30 is 20:30 UTC in winter, and 19:30 UTC in summer.
    for (date, hour) in
        [("2013-03-08", "20:30"), ("2013-03-11", "19:30"), ("2013-11-01", "19:30"), ("2013-11-04", "20:30")]
    {
        let moment = utc(date, hour);
        let local = TimestampNs(days(date) * DAY_NS + time_of_day("15:30").unwrap());
        assert_eq!(new_york.local(moment), local, "{date}");
        assert_eq!(new_york.moment(local), moment, "{date}");
        assert_eq!(new_york.date(moment), days(date));
    }
    assert_eq!(new_york.midnight(days("2013-03-08")), utc("2013-03-08", "05:00"));
    assert_eq!(new_york.midnight(days("2013-03-11")), utc("2013-03-11", "04:00"));
    // 02:30 does not exist on 2013-03-10, and 01:30 exists twice on 2013-11-03.
    assert_eq!(new_york.moment(utc("2013-03-10", "02:30")), utc("2013-03-10", "07:00"));
    assert_eq!(new_york.moment(utc("2013-11-03", "01:30")), utc("2013-11-03", "05:30"));
}

#[test]
fn midnight_of_a_day_without_midnight_is_the_change() {
    // In São Paulo the clock went from 00:00 to 01:00 on 2013-10-20.
    let sao_paulo = zone("America/Sao_Paulo");
    let midnight = sao_paulo.midnight(days("2013-10-20"));
    assert_eq!(midnight, utc("2013-10-20", "03:00"));
    assert_eq!(sao_paulo.date(midnight), days("2013-10-20"));
    assert_eq!(sao_paulo.date(TimestampNs(midnight.0 - 1)), days("2013-10-19"));
}

#[test]
fn midnights_of_daily_data_are_dates_in_every_zone() {
    for name in ["America/New_York", "Asia/Tokyo", "Pacific/Auckland", "Pacific/Pago_Pago", "Europe/London"] {
        let daily = Zone::named(name, true).unwrap();
        for day in [15_772, 15_900, 16_012, 18_000] {
            let midnight = TimestampNs(day * DAY_NS);
            assert_eq!(daily.offset(midnight), UtcOffset(0), "{name}");
            assert_eq!(daily.date(midnight), day, "{name}");
            assert!(daily.midnight(day) <= midnight, "{name}");
            // A bar stamped with the afternoon of its exchange has the date of the exchange.
            let afternoon = zone(name).moment(TimestampNs(midnight.0 + 16 * HOUR_NS));
            if !afternoon.is_midnight() {
                assert_eq!(daily.date(afternoon), day, "{name}");
            }
        }
    }
    // In intraday data the same moment is the evening before.
    assert_eq!(zone("America/New_York").date(TimestampNs(15_772 * DAY_NS)), 15_771);
}

#[test]
fn frame_has_the_date_of_its_offset() {
    let tokyo = zone("Asia/Tokyo");
    let timestamp = utc("2013-03-08", "23:30");
    let mut frame = Frame { timestamp, ..Frame::default() };
    assert_eq!((frame.date(), frame.local_time()), (days("2013-03-08"), timestamp));
    frame.utc_offset = tokyo.offset(timestamp);
    assert_eq!(frame.date(), days("2013-03-09"));
    assert_eq!(frame.local_time(), utc("2013-03-09", "08:30"));
}

#[test]
fn unknown_zone_is_an_error_and_utc_is_the_default() {
    for wrong in ["", "New York", "America/New York", "Mars/Olympus", "EST5EDT4"] {
        assert_eq!(Zone::named(wrong, false), Err(NoZone(wrong.to_owned())));
    }
    assert!(Zone::named("UTC", false).unwrap().is_utc() && Zone::default().is_utc());
    assert_eq!(zone("america/new_york").name(), "America/New_York");
    let names = Zone::names();
    assert!(names.len() > 500 && names.iter().any(|name| name == "Asia/Tokyo"), "{}", names.len());
}

#[test]
fn time_of_day_is_hours_minutes_and_seconds() {
    assert_eq!(time_of_day("09:30"), Some(570 * MINUTE_NS));
    assert_eq!(time_of_day("15:59:30"), Some(959 * MINUTE_NS + 30_000_000_000));
    for wrong in ["", "9", "24:00", "09:60", "09:30:60", "09:30:00:00", "09:30Z", "-1:00"] {
        assert_eq!(time_of_day(wrong), None, "{wrong}");
    }
}

/// Session of a date from local times of New York.
fn session(date: &str, open: &str, close: &str) -> Session {
    let at = |time: &str| zone("America/New_York").moment(utc(date, time));
    Session { date: days(date), open: at(open), close: at(close) }
}

/// Weekdays of 2013 in New York without the nine holidays; three of them end at 13:00.
fn sessions_of_2013() -> Sessions {
    let closed = [
        "2013-01-01",
        "2013-01-21",
        "2013-02-18",
        "2013-03-29",
        "2013-05-27",
        "2013-07-04",
        "2013-09-02",
        "2013-11-28",
        "2013-12-25",
    ];
    let half = ["2013-07-03", "2013-11-29", "2013-12-24"];
    let dates = (days("2013-01-01")..=days("2013-12-31")).filter(|day| (day + 3).rem_euclid(7) < 5);
    let texts = dates.map(|day| Date::of(TimestampNs(day * DAY_NS)).to_string());
    let open = texts.filter(|date| !closed.contains(&&**date));
    let row = |date: String| session(&date, "09:30", if half.contains(&&*date) { "13:00" } else { "16:00" });
    Sessions::new(open.map(row).collect()).unwrap()
}

#[test]
fn years_are_those_of_the_sessions() {
    let sessions = sessions_of_2013();
    assert_eq!((sessions.rows().len(), sessions.per_year()), (252, Some(252.0)));
    let mean = (249.0 * 390.0 + 3.0 * 210.0) / (252.0 * 390.0);
    assert!((sessions.mean_share() - mean).abs() < 1e-15);
    let calendar = Calendar { frames_per_day: 390, mean_day: mean, ..Calendar::default() };
    assert!((calendar.frames_per_year() - (249.0 * 390.0 + 3.0 * 210.0)).abs() < 1e-9);
    // Part of a year says nothing about a year.
    let part = Sessions::new(sessions.rows()[..200].to_vec()).unwrap();
    assert_eq!(part.per_year(), None);
    assert_eq!((Sessions::default().mean_share(), Sessions::default().per_year()), (1.0, None));
    // A longer file has the digest of the shorter one until its end.
    let last = part.rows()[199].date;
    assert_eq!(sessions.digest_until(last), part.digest());
    assert_ne!(sessions.digest(), part.digest());
}

#[test]
fn session_of_a_frame_is_the_one_in_which_it_closes() {
    let sessions = sessions_of_2013();
    let at = |date: &str, time: &str| zone("America/New_York").moment(utc(date, time));
    for (date, time, inside) in [
        ("2013-03-08", "09:30", true),
        ("2013-03-08", "16:00", true),
        ("2013-03-08", "16:01", false),
        ("2013-03-08", "09:29", false),
        ("2013-11-29", "13:00", true),
        ("2013-11-29", "13:01", false),
        ("2013-11-28", "12:00", false),
    ] {
        let found = sessions.at(at(date, time)).map(|session| session.date);
        assert_eq!(found, inside.then(|| days(date)), "{date} {time}");
    }
    assert!(sessions.on(days("2013-11-28")).is_none() && sessions.on(days("2013-11-29")).is_some());
}

#[test]
fn rebalance_time_is_relative_to_the_session() {
    let sessions = sessions_of_2013();
    let new_york = zone("America/New_York");
    let due = |at: &str, date: &str, time: &str| {
        let (at, local): (RebalanceTime, _) = (at.parse().unwrap(), utc(date, time));
        at.date_of(new_york.moment(local), local, Some(&sessions)) == Some(days(date))
    };
    for (at, date, before, from) in [
        ("close-15m", "2013-11-29", "12:44", "12:45"),
        ("close-15m", "2013-11-27", "15:44", "15:45"),
        ("close", "2013-11-29", "12:59", "13:00"),
        ("open+30m", "2013-03-11", "09:59", "10:00"),
        ("open", "2013-03-11", "09:29", "09:30"),
        // The time lies in the session.
        ("close-8h", "2013-03-11", "09:29", "09:30"),
        ("open+5h", "2013-11-29", "12:59", "13:00"),
        ("15:30", "2013-03-11", "15:29", "15:30"),
    ] {
        assert!(!due(at, date, before) && due(at, date, from), "{at} {date}");
        // A later frame of the date is due too, after the close as well.
        assert!(due(at, date, "19:00"));
    }
    // Thanksgiving has no session: only the clock counts.
    assert!(!due("close-15m", "2013-11-28", "15:50") && due("15:30", "2013-11-28", "15:50"));
    for wrong in ["close+15m", "open-1h", "close-", "close-15", "close--1m", "closes", "noon", "25:00", ""] {
        assert!(wrong.parse::<RebalanceTime>().is_err(), "{wrong}");
    }
}

#[test]
fn evening_session_belongs_to_the_date_of_its_close() {
    // Futures in Chicago: 17:00 of the day before to 16:00.
    let chicago = zone("America/Chicago");
    let at = |date: &str, time: &str| chicago.moment(utc(date, time));
    let row = |before: &str, date: &str| Session {
        date: days(date),
        open: at(before, "17:00"),
        close: at(date, "16:00"),
    };
    let sessions =
        Sessions::new(vec![row("2013-03-10", "2013-03-11"), row("2013-03-11", "2013-03-12")]).unwrap();
    let due = |text: &str, date: &str, time: &str| {
        let at: RebalanceTime = text.parse().unwrap();
        at.date_of(chicago.moment(utc(date, time)), utc(date, time), Some(&sessions))
    };
    assert_eq!(due("open+30m", "2013-03-11", "17:30"), Some(days("2013-03-12")));
    assert_eq!(due("open+30m", "2013-03-11", "17:29"), None);
    assert_eq!(due("close-15m", "2013-03-11", "15:45"), Some(days("2013-03-11")));
    assert_eq!(due("close-15m", "2013-03-11", "18:00"), None);
}

#[test]
fn sessions_that_contradict_each_other_are_refused() {
    let [a, b] = [session("2013-03-08", "09:30", "16:00"), session("2013-03-11", "09:30", "16:00")];
    let refused = |rows: Vec<Session>| Sessions::new(rows).unwrap_err();
    assert_eq!(refused(vec![b, a]), SessionFault::Order { at: 1 });
    assert_eq!(refused(vec![a, a]), SessionFault::Order { at: 1 });
    assert_eq!(refused(vec![a, Session { close: b.open, ..b }]), SessionFault::Empty { at: 1 });
    assert_eq!(refused(vec![Session { date: a.date + 5, ..a }]), SessionFault::Far { at: 0 });
    assert_eq!(refused(vec![a, Session { open: a.open, ..a }, b]), SessionFault::Order { at: 1 });
    let early =
        Session { date: a.date + 1, open: TimestampNs(a.close.0 - 1), close: TimestampNs(a.close.0 + 1) };
    assert_eq!(refused(vec![a, early]), SessionFault::Overlap { at: 1 });
}

proptest! {
    /// The offset of jiff's own conversion is the reference.
    #[test]
    fn dates_of_all_zones_equal_those_of_jiff(
        at in 0..100_000_usize, seconds in -2_000_000_000_i64..4_000_000_000,
    ) {
        let names = Zone::names();
        let name = &names[at % names.len()];
        let moment = TimestampNs(seconds * 1_000_000_000);
        let reference = jiff::tz::TimeZone::get(name).unwrap();
        let local = reference.to_datetime(jiff::Timestamp::from_second(seconds).unwrap());
        let date = local.date().to_string().parse::<Date>().unwrap().days();
        let own = Zone::named(name, false).unwrap();
        prop_assert_eq!(own.date(moment), date);
        // The first moment of the date is on it, or the clock skips the whole date.
        let midnight = own.midnight(date);
        prop_assert!(own.date(midnight) >= date && own.date(TimestampNs(midnight.0 - 1)) <= date);
        prop_assert!(own.moment(own.local(moment)) <= moment);
    }
}

#[test]
fn times_at_the_ends_of_the_range_have_no_session_and_no_overflow() {
    let session = |date: i64, open: i64, close: i64| Session {
        date,
        open: TimestampNs(open),
        close: TimestampNs(close),
    };
    let far = [
        // Five centuries long.
        session(-98_615, -98_615 * DAY_NS, 84_000 * DAY_NS),
        session(-106_751, i64::MIN, i64::MAX),
        // Dates whose midnights are not timestamps, beside the last and the first of these.
        session(i64::from(i32::MAX), i64::MAX - 2 * HOUR_NS, i64::MAX - HOUR_NS),
        session(i64::MIN, i64::MIN + HOUR_NS, i64::MIN + 2 * HOUR_NS),
    ];
    for row in far {
        assert_eq!(Sessions::new(vec![row]), Err(SessionFault::Far { at: 0 }), "{row:?}");
    }
    for time in [i64::MIN, i64::MAX].map(TimestampNs) {
        for text in ["00:00", "23:59", "open", "close-1d"] {
            let _ = text.parse::<RebalanceTime>().unwrap().date_of(time, time, Some(&Sessions::default()));
        }
    }
    assert_eq!(TimestampNs(i64::MAX).since(TimestampNs(i64::MIN)), i64::MAX);
}
