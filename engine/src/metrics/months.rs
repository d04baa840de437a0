//! Returns by calendar month and year.

use crate::time::Iso;

use super::equity_point::EquityPoint;

/// Returns of one month or year, from the last frame of the previous period; the first period starts at the
/// first frame of the run. −1 if the account was ruined in it; NaN if the value was at most 0 before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Period {
    /// Calendar year.
    pub year: i64,
    /// Month from 1 to 12; `None` for a whole year.
    pub month: Option<i64>,
    /// Return after costs.
    pub net: f64,
    /// Compounded returns before costs, (ΔNAV_t + costs_t)/NAV_{t−1}.
    pub gross: f64,
    /// Return of the benchmark.
    pub benchmark: f64,
}

/// Values at the end of a frame from which returns are computed.
#[derive(Clone, Copy, Debug)]
struct Level {
    nav: f64,
    gross: f64,
    benchmark: f64,
}

/// Period that has not ended.
#[derive(Clone, Debug)]
struct Running {
    of: (i64, Option<i64>),
    base: Level,
}

impl Running {
    fn period(&self, last: Level) -> Period {
        let growth = |from: f64, to: f64| match from > 0.0 {
            true if to < 0.0 => -1.0,
            true => to / from - 1.0,
            false => f64::NAN,
        };
        Period {
            year: self.of.0,
            month: self.of.1,
            net: growth(self.base.nav, last.nav),
            gross: growth(self.base.gross, last.gross),
            benchmark: growth(self.base.benchmark, last.benchmark),
        }
    }
}

/// Accumulates the equity frame by frame into months and years.
#[derive(Clone, Debug, Default)]
pub(super) struct Calendars {
    last: Option<Level>,
    date: Option<i64>,
    running: [Option<Running>; 2],
    months: Vec<Period>,
    years: Vec<Period>,
}

impl Calendars {
    /// Adds a row; `gross`: growth of one unit before costs.
    pub(super) fn push(&mut self, point: &EquityPoint, gross: f64) {
        let level = Level { nav: point.nav, gross, benchmark: point.benchmark_nav };
        let date = point.local_time().date();
        if self.date != Some(date) {
            self.date = Some(date);
            let (year, month, _) = Iso(point.local_time()).civil();
            self.turn([(year, Some(month)), (year, None)], level);
        }
        self.last = Some(level);
    }

    /// Ends the periods that do not contain the new date, and starts those that do.
    fn turn(&mut self, of: [(i64, Option<i64>); 2], first: Level) {
        for (at, of) in of.into_iter().enumerate() {
            if self.running[at].as_ref().is_some_and(|running| running.of == of) {
                continue;
            }
            let base = self.last.unwrap_or(first);
            let over = self.running[at].replace(Running { of, base });
            let period = over.map(|over| over.period(base));
            if at == 0 { self.months.extend(period) } else { self.years.extend(period) }
        }
    }

    /// Months and years, in time order.
    pub(super) fn periods(mut self) -> (Vec<Period>, Vec<Period>) {
        if let Some(last) = self.last {
            let [month, year] = self.running.map(|running| running.map(|running| running.period(last)));
            self.months.extend(month);
            self.years.extend(year);
        }
        (self.months, self.years)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DAY_NS, TimestampNs};

    #[test]
    fn month_starts_at_the_last_frame_of_the_previous_month() {
        let mut calendars = Calendars::default();
        // 2019-12-30 is day 18,260; January 2020 has no frames.
        let days = [
            (18_260, 100.0),
            (18_261, 110.0),
            (18_300, 121.0),
            (18_301, 60.5),
            (18_350, -1.0),
            (18_390, 3.0),
        ];
        for (day, nav) in days {
            let timestamp = TimestampNs(day * DAY_NS + 5);
            let point = EquityPoint { timestamp, nav, benchmark_nav: 50.0, ..EquityPoint::default() };
            calendars.push(&point, 1.0);
        }
        let (months, years) = calendars.periods();
        let found: Vec<_> =
            months.iter().map(|month| (month.year, month.month.unwrap(), month.net)).collect();
        let expected = [(2019, 12, 0.1), (2020, 2, -0.45), (2020, 3, -1.0), (2020, 5, f64::NAN)];
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.into_iter().zip(expected) {
            assert_eq!((found.0, found.1), (expected.0, expected.1));
            assert!((found.2 - expected.2).abs() < 1e-12 || expected.2.is_nan() && found.2.is_nan());
        }
        assert_eq!(years.iter().map(|year| year.year).collect::<Vec<_>>(), [2019, 2020]);
        assert!((years[1].net - (3.0 / 110.0 - 1.0)).abs() < 1e-12 && years[1].benchmark == 0.0);
        assert_eq!(Calendars::default().periods().0, []);
    }
}
