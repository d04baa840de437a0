//! Detection of the time zone in which daily times are midnights, for error messages.

use betaflow_engine::time::DAY_NS;

const HOUR_NS: i64 = DAY_NS / 24;
/// Minimum distance of daily times; a day with a clock change may have only 23 hours.
const DAY_NS_MIN: i64 = 20 * HOUR_NS;

/// Zones with their hours from UTC, in northern winter and summer.
const ZONES: [(&str, i64, i64); 8] = [
    ("America/New_York", -5, -4),
    ("America/Chicago", -6, -5),
    ("Europe/London", 0, 1),
    ("Europe/Paris", 1, 2),
    ("Asia/Shanghai", 8, 8),
    ("Asia/Tokyo", 9, 9),
    ("Australia/Sydney", 11, 10),
    ("UTC", 0, 0),
];

/// Daily times so far, and the zones in which they are midnights.
///
/// Times after noon UTC may be midnights of an eastern zone or closes of the same UTC date. Weekdays decide:
/// closes fall on Monday to Friday UTC, eastern midnights on Sunday to Thursday.
#[derive(Clone, Debug, Default)]
pub(super) struct Midnights {
    /// Whether a time fell on a weekend in UTC.
    on_weekend: bool,
    /// Whether a time, read as a midnight of its zone, starts a weekend day.
    of_weekend: bool,
    previous: Option<i64>,
    /// Hours from UTC found so far, as bits `12 + hours`; `None` once a time is not a midnight or not daily.
    seen: Option<u32>,
    has_begun: bool,
}

impl Midnights {
    /// Adds the next time.
    pub(super) fn add(&mut self, time: i64) {
        let is_daily = self.previous.is_none_or(|previous| time.saturating_sub(previous) >= DAY_NS_MIN);
        self.previous = Some(time);
        let seen = if self.has_begun { self.seen } else { Some(0) };
        self.has_begun = true;
        self.seen = seen.filter(|_| is_daily).zip(hours(time)).map(|(seen, hours)| seen | 1 << (12 + hours));
        self.on_weekend |= is_weekend(time.div_euclid(DAY_NS));
        self.of_weekend |= hours(time).is_some_and(|hours| is_weekend(date_of(time, hours)));
    }

    /// Returns the local date of the latest time, in days since 1970; `None` while two dates are possible.
    pub(super) fn date(&self) -> Option<i64> {
        self.seen?;
        let time = self.previous?;
        let date = date_of(time, hours(time)?);
        match (self.on_weekend, self.of_weekend) {
            _ if date == time.div_euclid(DAY_NS) => Some(date),
            (true, false) => Some(date),
            (false, true) => Some(time.div_euclid(DAY_NS)),
            _ => None,
        }
    }

    /// Returns whether the latest times of both have different hours from UTC.
    pub(super) fn differs(&self, other: &Self) -> bool {
        self.previous.and_then(hours) != other.previous.and_then(hours)
    }

    /// Returns the zone that fits the hours found so far; if an hour fits two zones, the season decides.
    pub(super) fn zone(&self) -> Option<&'static str> {
        let seen = self.seen?;
        let time = self.previous?;
        if self.date()? != date_of(time, hours(time)?) {
            return None;
        }
        let is_in = |winter: i64, summer: i64| seen & !(1 << (12 + winter) | 1 << (12 + summer)) == 0;
        let hour_now = hours(self.previous?)?;
        let month = self.previous?.div_euclid(DAY_NS).rem_euclid(365) / 30;
        let is_summer = (3..9).contains(&month);
        let mut fitting = ZONES.iter().filter(|(_, winter, summer)| is_in(*winter, *summer));
        if seen == 1 << 12 {
            return Some("UTC");
        }
        let by_season =
            fitting.clone().find(|(_, winter, summer)| hour_now == if is_summer { *summer } else { *winter });
        by_season.or_else(|| fitting.next()).map(|(name, ..)| *name)
    }
}

/// Returns the date of a midnight, in days since 1970.
fn date_of(time: i64, hours: i64) -> i64 {
    time.saturating_add(hours * HOUR_NS).div_euclid(DAY_NS)
}

/// Returns whether a day, counted from Thursday 1970-01-01, is a Saturday or a Sunday.
fn is_weekend(day: i64) -> bool {
    (day + 3).rem_euclid(7) >= 5
}

/// Returns the hours from UTC at which a time is midnight; `None` if no known zone has them.
fn hours(time: i64) -> Option<i64> {
    let of_day = time.rem_euclid(DAY_NS);
    if of_day % HOUR_NS != 0 {
        return None;
    }
    let hours = match of_day / HOUR_NS {
        hour @ 0..=11 => -hour,
        hour => 24 - hour,
    };
    ZONES.iter().any(|(_, winter, summer)| hours == *winter || hours == *summer).then_some(hours)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Days since 1970 with the hours ahead of UTC, and the resulting zone.
    type Case = (&'static [(i64, i64)], Option<&'static str>);

    /// Midnights of days since 1970 in a zone `hours` ahead of UTC.
    fn midnights(days: &[(i64, i64)]) -> Midnights {
        let mut midnights = Midnights::default();
        days.iter().for_each(|(day, hours)| midnights.add(day * DAY_NS - hours * HOUR_NS));
        midnights
    }

    #[test]
    fn hours_of_midnights_identify_the_zone() {
        // 15,698 is a Monday of December 2012, 15,803 one of April 2013.
        let cases: [Case; 12] = [
            (&[(15_700, 0), (15_701, 0)], Some("UTC")),
            (&[(15_698, 0), (15_803, 1)], Some("Europe/London")),
            (&[(15_803, 1)], Some("Europe/London")),
            (&[(15_698, 1)], Some("Europe/Paris")),
            (&[(15_698, 1), (15_803, 2)], Some("Europe/Paris")),
            (&[(15_700, -5)], Some("America/New_York")),
            (&[(15_700, -5), (15_800, -4)], Some("America/New_York")),
            (&[(15_698, 9), (15_803, 9)], Some("Asia/Tokyo")),
            (&[(15_698, 3)], None),
            // Tuesday alone; Tuesday to Saturday, which are closes on Monday to Friday; all days.
            (&[(15_699, 8)], None),
            (&[(15_699, 8), (15_703, 8)], None),
            (&[(15_702, 8), (15_703, 8), (15_704, 8), (15_705, 8)], None),
        ];
        for (days, zone) in cases {
            assert_eq!(midnights(days).zone(), zone, "{days:?}");
        }
        assert_eq!(midnights(&[(15_698, 9)]).date(), Some(15_698));
        assert_eq!(midnights(&[(15_699, 8), (15_703, 8)]).date(), Some(15_702));
        assert_eq!(midnights(&[(15_699, 8)]).date(), None);
        assert_eq!(midnights(&[(15_700, -5)]).date(), Some(15_700));
    }

    #[test]
    fn times_inside_a_day_have_no_zone() {
        let mut hourly = Midnights::default();
        (0..3).for_each(|hour| hourly.add(15_700 * DAY_NS + hour * HOUR_NS));
        assert_eq!((hourly.zone(), hourly.date()), (None, None));
        let mut closes = Midnights::default();
        closes.add(15_700 * DAY_NS + 20 * HOUR_NS + HOUR_NS / 2);
        assert_eq!(closes.zone(), None);
    }
}
