//! Time zones: dates, times of day and midnights.
#![allow(clippy::unwrap_used, missing_docs)]

use betaflow_engine::frame::Frame;
use betaflow_engine::time::{DAY_NS, Date, NoZone, TimestampNs, UtcOffset, Zone, time_of_day};
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
