//! Returns over the last months.

use super::equity_point::EquityPoint;
use crate::time::Iso;

/// Lengths in calendar months.
const MONTHS: [i64; 4] = [1, 3, 6, 12];

/// Return of the strategy and of the benchmark over the same period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrailingReturn {
    /// Length in calendar months; `None` for the whole run.
    pub months: Option<i64>,
    /// Return after costs; −1 for a ruined account, NaN where the period begins before the run.
    pub net: f64,
    /// Return of the benchmark after its costs.
    pub benchmark: f64,
}

/// Values at the end of a date.
#[derive(Clone, Copy, Debug)]
struct DateEnd {
    /// Year, month, day.
    civil: (i64, i64, i64),
    nav: f64,
    benchmark_nav: f64,
}

/// Accumulates equity and returns the periods that end with the last frame. It keeps one value per date.
#[derive(Clone, Debug, Default)]
pub struct TrailingReturns {
    date: Option<i64>,
    first: Option<(f64, f64)>,
    ends: Vec<DateEnd>,
}

impl TrailingReturns {
    /// Adds a frame.
    pub fn push(&mut self, point: &EquityPoint) {
        let EquityPoint { nav, benchmark_nav, .. } = *point;
        let time = point.local_time();
        self.first.get_or_insert((nav, benchmark_nav));
        match self.ends.last_mut().filter(|_| self.date == Some(time.date())) {
            Some(end) => (end.nav, end.benchmark_nav) = (nav, benchmark_nav),
            None => self.ends.push(DateEnd { civil: Iso(time).civil(), nav, benchmark_nav }),
        }
        self.date = Some(time.date());
    }

    /// Returns the periods, the shortest first. A period of n months begins at the end of the last date that is not after
    /// the same day n months before, or not after the end of that month if it is shorter.
    #[must_use]
    pub fn periods(&self) -> Vec<TrailingReturn> {
        let (Some(last), Some(first)) = (self.ends.last(), self.first) else { return Vec::new() };
        let between = |months, (nav, benchmark_nav)| TrailingReturn {
            months,
            net: growth(nav, last.nav),
            benchmark: growth(benchmark_nav, last.benchmark_nav),
        };
        let trailing = MONTHS.into_iter().map(|months| {
            let start = months_before(last.civil, months);
            let known = self.ends.partition_point(|end| end.civil <= start).checked_sub(1);
            let base =
                known.map_or((f64::NAN, f64::NAN), |at| (self.ends[at].nav, self.ends[at].benchmark_nav));
            between(Some(months), base)
        });
        trailing.chain([between(None, first)]).collect()
    }
}

/// Same day some months before. The day may be one that the month does not have: it then compares as its last.
fn months_before((year, month, day): (i64, i64, i64), months: i64) -> (i64, i64, i64) {
    let count = 12 * year + month - 1 - months;
    (count.div_euclid(12), count.rem_euclid(12) + 1, day)
}

fn growth(from: f64, to: f64) -> f64 {
    match from > 0.0 {
        true if to < 0.0 => -1.0,
        true => to / from - 1.0,
        false => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DAY_NS, TimestampNs};

    /// One frame a day from 2019-12-31 (day 18,261) on, NAV 100 + n on day n.
    fn periods(days: i64, hours: &[i64]) -> Vec<TrailingReturn> {
        let mut trailing = TrailingReturns::default();
        for day in 0..days {
            for hour in hours {
                let timestamp = TimestampNs((18_261 + day) * DAY_NS + hour * DAY_NS / 24);
                let nav = 100.0 + day as f64 + (hour - hours[hours.len() - 1]) as f64;
                trailing.push(&EquityPoint {
                    timestamp,
                    nav,
                    benchmark_nav: 2.0 * nav,
                    ..EquityPoint::default()
                });
            }
        }
        trailing.periods()
    }

    fn returns(days: i64) -> Vec<(Option<i64>, f64)> {
        periods(days, &[0]).iter().map(|period| (period.months, period.net)).collect()
    }

    #[test]
    fn period_begins_on_the_same_day_of_an_earlier_month() {
        // Ends on 2020-03-31; a month before is the end of 2020-02-29 (day 60), three months before 2019-12-31.
        let found = returns(92);
        let last = 191.0;
        assert_eq!(found[0], (Some(1), last / 160.0 - 1.0));
        assert_eq!(found[1], (Some(3), last / 100.0 - 1.0));
        assert!(found[2].1.is_nan() && found[3].1.is_nan(), "the run is shorter");
        assert_eq!(found[4], (None, last / 100.0 - 1.0));
        // One frame a day or several: the last of a date counts, and the whole run begins with its first frame.
        let several = periods(92, &[0, 12, 20]);
        assert_eq!(several[0].net, last / 160.0 - 1.0);
        assert_eq!(several[0].benchmark, several[0].net);
        assert_eq!(several[4].net, last / 80.0 - 1.0);
    }

    #[test]
    fn ruin_takes_all_and_no_frames_have_no_periods() {
        assert!(TrailingReturns::default().periods().is_empty());
        let mut trailing = TrailingReturns::default();
        for (day, nav) in [(0, 100.0), (40, -5.0)] {
            let timestamp = TimestampNs(day * DAY_NS);
            trailing.push(&EquityPoint { timestamp, nav, benchmark_nav: 1.0, ..EquityPoint::default() });
        }
        let periods = trailing.periods();
        assert_eq!((periods[0].net, periods[0].benchmark), (-1.0, 0.0));
        assert_eq!(months_before((2020, 1, 31), 12), (2019, 1, 31));
        assert_eq!(months_before((2020, 2, 29), 3), (2019, 11, 29));
    }
}
