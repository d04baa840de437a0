//! Time zone of dates and sessions of an exchange, with New York minutes across both clock changes of 2013.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use betaflow_engine::time::{Date, TimestampNs, Zone, time_of_day};

use crate::support::{Bar, DAY_NS, Random, Run, call, folder, joined, run, times, write, write_tidy};

const MINUTE_NS: i64 = DAY_NS / 1_440;
/// Days around both changes of the clock, and the half-day after Thanksgiving.
const DAYS: [&str; 9] = [
    "2013-03-07",
    "2013-03-08",
    "2013-03-11",
    "2013-03-12",
    "2013-10-31",
    "2013-11-01",
    "2013-11-04",
    "2013-11-05",
    "2013-11-29",
];
const HALF_DAY: &str = "2013-11-29";

fn days(date: &str) -> i64 {
    date.parse::<Date>().unwrap().days()
}

/// Moment of a local date and time of day.
fn moment(zone: &str, date: &str, time: &str) -> i64 {
    let local = TimestampNs(days(date) * DAY_NS + time_of_day(time).unwrap());
    Zone::named(zone, false).unwrap().moment(local).0
}

fn new_york(date: &str, time: &str) -> i64 {
    moment("America/New_York", date, time)
}

fn close_of(date: &str) -> &'static str {
    if date == HALF_DAY { "13:00" } else { "16:00" }
}

/// Writes random prices at these times; returns the arguments that name them.
fn prices(folder: &Path, at: &[i64]) -> [String; 2] {
    let mut random = Random(5);
    let mut closes = [50.0, 20.0, 110.0, 75.0];
    let mut bars = Vec::new();
    for time in at {
        for (i, close) in closes.iter_mut().enumerate() {
            let open = *close;
            *close *= 1.0 + 0.001 * random.normal();
            bars.push(Bar::new(*time, &format!("S{i:02}"), open, *close));
        }
    }
    let path = folder.join("prices.parquet");
    write_tidy(&path, &bars);
    ["--prices".to_owned(), path.display().to_string()]
}

/// Minutes of the regular session of each day, and two bars before and after it.
fn minutes() -> Vec<i64> {
    let mut all = Vec::new();
    for date in DAYS {
        let (open, close) = (new_york(date, "09:30"), new_york(date, close_of(date)));
        all.extend([open - 60 * MINUTE_NS, open - 30 * MINUTE_NS]);
        all.extend((1..=(close - open) / MINUTE_NS).map(|minute| open + minute * MINUTE_NS));
        all.extend([close + 30 * MINUTE_NS, new_york(date, "19:00")]);
    }
    all
}

/// Writes the sessions of the days as text.
fn sessions(folder: &Path) -> String {
    let row = |date: &str| format!("{date},09:30,{}\n", close_of(date));
    let path = folder.join("sessions.csv");
    fs::write(&path, "date,open,close\n".to_owned() + &DAYS.map(row).concat()).unwrap();
    path.display().to_string()
}

const COMMON: [&str; 6] = [
    "data.trade_from=2013-03-08",
    "data.factors=none",
    "data.frames_per_day=390",
    "estimator.warmup=1",
    "strategy.kind=equal_weight",
    "sizing.turnover_cap=0.1",
];

fn replay(folder: &Path, name: &str, data: &[String], settings: &[&str]) -> Run {
    run(folder, name, &joined("replay", data, &[&COMMON, settings].concat()))
}

/// Times of the frames that rebalance.
fn rebalances(run: &Run) -> Vec<i64> {
    run.table("weights").times().into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

/// Times of a local time of day on each day from the second on: the first is warm-up.
fn on_days(time: impl Fn(&str) -> &'static str) -> Vec<i64> {
    DAYS[1..].iter().map(|date| new_york(date, time(date))).collect()
}

#[test]
fn time_of_day_is_that_of_new_york_on_both_sides_of_each_change() {
    let folder = folder();
    let data = prices(folder.path(), &minutes());
    let zone = "data.timezone=America/New_York";
    let local = replay(folder.path(), "local", &data, &[zone, "sizing.rebalance_at=15:30"]);
    // On the half-day the first frame at 15:30 or later is the one of 19:00.
    assert_eq!(rebalances(&local), on_days(|date| if date == HALF_DAY { "19:00" } else { "15:30" }));
    let utc = |at: i64| at.rem_euclid(DAY_NS) / MINUTE_NS;
    let expected = [20 * 60 + 30, 19 * 60 + 30, 19 * 60 + 30, 19 * 60 + 30, 19 * 60 + 30, 20 * 60 + 30];
    assert_eq!(rebalances(&local).iter().take(6).map(|at| utc(*at)).collect::<Vec<_>>(), expected);
    // Without a zone the same time is UTC, an hour apart by the clock of New York.
    let plain = replay(folder.path(), "utc", &data, &["sizing.rebalance_at=15:30"]);
    assert!(rebalances(&plain).iter().all(|at| utc(*at) == 15 * 60 + 30), "{:?}", rebalances(&plain));
    assert_ne!(plain.digest(), local.digest());
    assert!(plain.summary["data"].get("sessions").is_none());
}

#[test]
fn time_before_the_close_follows_the_half_day() {
    let folder = folder();
    let data = prices(folder.path(), &minutes());
    let file = format!("data.sessions={}", sessions(folder.path()));
    let of = |name: &str, at: &str| {
        replay(folder.path(), name, &data, &["data.timezone=America/New_York", &*file, at])
    };
    let close = of("close", "sizing.rebalance_at=close-15m");
    assert_eq!(rebalances(&close), on_days(|date| if date == HALF_DAY { "12:45" } else { "15:45" }));
    let open = of("open", "sizing.rebalance_at=open+30m");
    assert_eq!(rebalances(&open), on_days(|_| "10:00"));

    // Frames are counted by session, and years by the mean session: 8 of 390 minutes and one of 210.
    let counts = &close.summary["data"]["sessions"];
    let count = |key: &str| counts[key].as_u64().unwrap();
    assert_eq!((count("sessions"), count("without_frames")), (9, 0));
    assert_eq!((count("frames_inside"), count("frames_outside")), (8 * 390 + 210, 9 * 4));
    assert_eq!(count("frames_without_session"), 0);
    let mean = (8.0 + 210.0 / 390.0) / 9.0;
    let frames = counts["frames_per_year"].as_f64().unwrap();
    assert!((frames - 252.0 * 390.0 * mean).abs() < 1e-6, "{frames}");

    // A table of timestamps says the same as local text, and its content counts, not its name.
    let path = folder.path().join("stamps.parquet");
    let column = |time: fn(&str) -> &'static str| times(DAYS.map(|date| new_york(date, time(date)))).1;
    let dates = times(DAYS.map(|date| days(date) * DAY_NS)).1;
    write(&path, vec![("date", dates), ("open", column(|_| "09:30")), ("close", column(close_of))]);
    let stamped = format!("data.sessions={}", path.display());
    let stamped = ["data.timezone=America/New_York", &stamped, "sizing.rebalance_at=close-15m"];
    let stamped = replay(folder.path(), "stamped", &data, &stamped);
    assert_eq!((stamped.digest(), &stamped.summary["data"]), (close.digest(), &close.summary["data"]));
}

#[test]
fn date_without_a_session_never_rebalances_by_its_close() {
    let folder = folder();
    let data = prices(folder.path(), &minutes());
    let path = folder.path().join("some.csv");
    let row = |date: &&str| format!("{date},09:30,{}\n", close_of(date));
    let listed: Vec<&str> = DAYS.into_iter().filter(|date| *date != "2013-11-04").collect();
    fs::write(&path, "date,open,close\n".to_owned() + &listed.iter().map(row).collect::<String>()).unwrap();
    let file = format!("data.sessions={}", path.display());
    let set = ["data.timezone=America/New_York", &file, "sizing.rebalance_at=close-15m"];
    let some = replay(folder.path(), "some", &data, &set);
    let missing = new_york("2013-11-04", "15:45");
    let expected = on_days(|date| if date == HALF_DAY { "12:45" } else { "15:45" });
    assert_eq!(rebalances(&some), expected.into_iter().filter(|at| *at != missing).collect::<Vec<_>>());
    let counts = &some.summary["data"]["sessions"];
    assert_eq!(counts["frames_without_session"], 394);
    assert_eq!(counts["first_without_session"][0], "2013-11-04T13:30:00Z");
    // Its frames mark positions as others do.
    let equity = some.table("equity").times();
    assert!(equity.contains(&missing));
}

/// Bars of sessions in Tokyo, 08:45 to 15:15, which cross midnight UTC, at the end of a month.
fn tokyo() -> Vec<i64> {
    let mut all = Vec::new();
    for date in ["2013-05-28", "2013-05-29", "2013-05-30", "2013-05-31", "2013-06-03", "2013-06-04"] {
        all.extend((0..7).map(|bar| moment("Asia/Tokyo", date, "08:45") + bar * 65 * MINUTE_NS));
    }
    all
}

/// Turnover of each date in a zone.
fn turnover(run: &Run, zone: &str) -> BTreeMap<i64, f64> {
    let zone = Zone::named(zone, false).unwrap();
    let equity = run.table("equity");
    let mut sums = BTreeMap::new();
    for (time, turnover) in equity.times().into_iter().zip(equity.numbers("turnover")) {
        *sums.entry(zone.date(TimestampNs(time))).or_insert(0.0) += turnover;
    }
    sums
}

#[test]
fn cap_calendar_and_dates_of_settings_are_those_of_tokyo() {
    let folder = folder();
    let data = prices(folder.path(), &tokyo());
    let zone = "data.timezone=Asia/Tokyo";
    let cap = ["data.frames_per_day=7", "sizing.turnover_cap=0.125"];
    let largest = |run: &Run, zone| turnover(run, zone).into_values().fold(0.0, f64::max);
    let local = replay(folder.path(), "local", &data, &[&cap[..], &[zone]].concat());
    assert!(largest(&local, "Asia/Tokyo") < 0.125 + 1e-9);
    assert!(largest(&local, "UTC") > 0.124);
    // The cap of a UTC date lets a session trade twice.
    let plain = replay(folder.path(), "plain", &data, &cap);
    assert!(largest(&plain, "UTC") < 0.125 + 1e-9 && largest(&plain, "Asia/Tokyo") > 0.2);

    // The first bar of 2013-06-03 closes on 2013-06-02 UTC, and that of 2013-05-31 on 2013-05-30.
    let ends = |run: &Run| {
        let months = run.summary["monthly"].as_array().unwrap().clone();
        months.iter().map(|month| month["net"].as_f64().unwrap()).collect::<Vec<_>>()
    };
    let equity = local.table("equity");
    let navs: Vec<(i64, f64)> = equity.times().into_iter().zip(equity.numbers("nav")).collect();
    let june = moment("Asia/Tokyo", "2013-06-01", "00:00");
    let may = navs.iter().rev().find(|(time, _)| *time < june).unwrap().1;
    let expected = [may / navs[0].1 - 1.0, navs[navs.len() - 1].1 / may - 1.0];
    for (found, expected) in ends(&local).iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }

    // Dates of settings are local.
    let from = ["data.from=2013-05-29", "data.to=2013-06-03"];
    let part = replay(folder.path(), "part", &data, &[&cap[..], &[zone], &from].concat());
    let text = |key: &str| part.summary["data"][key].as_str().unwrap().to_owned();
    assert_eq!((&*text("first"), &*text("last")), ("2013-05-28T23:45:00Z", "2013-06-03T06:15:00Z"));
    assert_eq!(part.summary["data"]["frames"], 28);
    let late = ["data.trade_from=2013-05-31", "estimator.warmup=0"];
    let late = replay(folder.path(), "late", &data, &[&cap[..], &[zone], &late].concat());
    assert_eq!(rebalances(&late)[0], moment("Asia/Tokyo", "2013-05-31", "08:45"));
}

#[test]
fn data_that_ends_before_trading_begins_is_reported() {
    let folder = folder();
    let data = prices(folder.path(), &tokyo());
    for (set, expected) in [("data.trade_from=2099-01-01", true), ("estimator.warmup=5000", false)] {
        let run = replay(folder.path(), set, &data, &[set]);
        let codes = run.summary["warning_codes"].as_array().unwrap();
        let at = codes.iter().position(|code| code == "no_frame_decided").unwrap();
        let text = run.summary["warnings"][at].as_str().unwrap();
        assert_eq!(text.contains("data.trade_from"), expected, "{text}");
        assert_eq!(text.contains("estimator.warmup"), !expected, "{text}");
    }
}

#[test]
fn orders_that_never_fill_are_reported() {
    let folder = folder();
    let data = prices(folder.path(), &tokyo());
    for (set, expected) in [("execution.delay_bars=10000", true), ("execution.delay_bars=2", false)] {
        let run = replay(folder.path(), set, &data, &["estimator.warmup=0", set]);
        let codes = run.summary["warning_codes"].as_array().unwrap();
        assert_eq!(codes.contains(&"nothing_filled".into()), expected, "{set}: {codes:?}");
    }
}

#[test]
fn row_of_a_date_is_known_from_the_next_local_date_on() {
    let folder = folder();
    let data = prices(folder.path(), &tokyo());
    let path = folder.path().join("weights.parquet");
    let of = |date: &str| days(date) * DAY_NS;
    let column = |first, second| crate::support::numbers([Some(first), Some(second)]);
    let dates = times([of("2013-05-28"), of("2013-05-30")]);
    write(&path, vec![dates, ("S00", column(0.5, 0.0)), ("S01", column(0.0, 0.5))]);
    let arguments = [&data[..], &["--weights".to_owned(), path.display().to_string()]].concat();
    let set =
        ["data.factors=none", "data.frames_per_day=7", "estimator.warmup=0", "data.timezone=Asia/Tokyo"];
    let run = run(folder.path(), "weights", &joined("replay", &arguments, &set));
    let weights = run.table("weights");
    let rows = weights.times().into_iter().zip(weights.texts("symbol")).zip(weights.numbers("target_weight"));
    let first = |wanted: &str| {
        let held = rows.clone().filter(|((_, symbol), target)| symbol == wanted && *target > 1e-9);
        held.map(|((time, _), _)| time).min()
    };
    assert_eq!(first("S00"), Some(moment("Asia/Tokyo", "2013-05-29", "08:45")));
    assert_eq!(first("S01"), Some(moment("Asia/Tokyo", "2013-05-31", "08:45")));
}

#[test]
fn dates_of_daily_data_stay_as_they_are_in_every_zone() {
    let folder = folder();
    let arguments = |zone| {
        ["--no-report", "--set", "data.timezone=", "--to", "2016-12-31"]
            .map(|text| if text == "data.timezone=" { format!("{text}{zone}") } else { text.to_owned() })
    };
    let run_in = |name: &str, arguments: &[String]| {
        let all: Vec<&str> = ["replay"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
        run(folder.path(), name, &all)
    };
    let plain = run_in("plain", &["--no-report", "--to", "2016-12-31"].map(str::to_owned));
    for (name, zone) in [("west", "America/New_York"), ("east", "Pacific/Auckland")] {
        let local = run_in(name, &arguments(zone));
        assert_eq!(local.digest(), plain.digest(), "{zone}");
        for key in ["monthly", "yearly", "metrics", "data"] {
            assert_eq!(local.summary[key], plain.summary[key], "{zone}: {key}");
        }
    }
}

#[test]
fn wrong_zone_and_wrong_sessions_are_located() {
    let folder = folder();
    let data = prices(folder.path(), &tokyo());
    let refused = |settings: &[&str], expected: &[&str]| {
        let ended = call(folder.path(), &joined("replay", &data, &[&COMMON, settings].concat()));
        assert_ne!(ended.code, Some(0), "{settings:?}");
        let text = crate::support::flat(&ended.err);
        assert!(expected.iter().all(|part| text.contains(part)), "{settings:?}: {text}");
    };
    refused(&["data.timezone=America/NewYork"], &["data.timezone", "America/New_York"]);
    refused(&["data.timezone=Tokio"], &["data.timezone", "Asia/Tokyo"]);
    refused(&["sizing.rebalance_at=close-15m"], &["sizing.rebalance_at", "data.sessions"]);
    refused(&["sizing.rebalance_at=close+15m"], &["sizing.rebalance_at", "close-15m"]);
    refused(&["sizing.rebalance_at=25:00"], &["sizing.rebalance_at", "15:30"]);
    let cases = [
        ("date,open\n2013-05-28,09:00\n", "close"),
        ("date,open,close\n2013-05-28,09:00,15:00\n2013-05-28,09:00,15:00\n", "line 3"),
        ("date,open,close\n2013-05-28,nine,15:00\n", "nine"),
        ("date,open,close\n2013-05-28,09:00,09:00\n", "line 2"),
        ("date,open,close\n2013-05-28,2013-05-20T00:00:00Z,15:00\n", "line 2"),
        ("date,open,close\n,09:00,15:00\n", "line 2"),
    ];
    for (at, (text, expected)) in cases.into_iter().enumerate() {
        let name = format!("wrong{at}.csv");
        fs::write(folder.path().join(&name), text).unwrap();
        refused(&["data.timezone=Asia/Tokyo", &format!("data.sessions={name}")], &[&name, expected]);
    }
}

#[test]
#[ignore = "reads data outside the repository: ../shared/data"]
fn minutes_of_us_equities_rebalance_by_the_clock_of_new_york() {
    let folder = folder();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/us_equity_1m_2013-10.parquet");
    let data = ["--prices".to_owned(), path.display().to_string()];
    let file = folder.path().join("sessions.csv");
    let dates = ["2013-10-04", "2013-10-07", "2013-10-08", "2013-10-09", "2013-10-10", "2013-10-11"];
    let rows: String = dates.iter().map(|date| format!("{date},09:30,16:00\n")).collect();
    fs::write(&file, "date,open,close\n".to_owned() + &rows).unwrap();
    let file = format!("data.sessions={}", file.display());
    let common = [
        "data.timezone=America/New_York",
        "data.time_is=open",
        "data.bar=1m",
        &file,
        "data.trade_from=2013-10-07",
    ];
    for (at, expected) in [("15:30", "15:30"), ("close-15m", "15:45"), ("open+30m", "10:00")] {
        let set = format!("sizing.rebalance_at={at}");
        let run = replay(folder.path(), &at.replace(':', "-"), &data, &[&common[..], &[&set]].concat());
        let all: Vec<i64> = dates[1..].iter().map(|date| new_york(date, expected)).collect();
        assert_eq!(rebalances(&run), all, "{at}");
        let counts = &run.summary["data"]["sessions"];
        assert_eq!((&counts["sessions"], &counts["frames_without_session"]), (&6.into(), &0.into()));
        assert!(counts["frames_outside"].as_u64().unwrap() > 1_000, "{counts}");
    }
}
