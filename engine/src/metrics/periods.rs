//! Periods per year of a series of times, by which its figures are annualised.

use crate::time::TimestampNs;

/// Share of the dates that are Saturdays, and share that are Sundays, from which a series counts as one without weekends
/// off. Each is 1/7 for a market that never closes.
const WEEKEND: f64 = 0.1;
/// Trading days of a year with and without weekends off.
const TRADING_DAYS: [f64; 2] = [252.0, 365.0];

/// Returns the periods per year of increasing times, from the median number of days between two dates:
///
/// - at most 4: 252 times the median number of rows per date, or 365 times it where a tenth of the dates are Saturdays and
///   a tenth are Sundays;
/// - 5 to 10: 52; 25 to 35: 12; 80 to 100: 4; 350 to 380: 1; any other: 365.25 over the median.
///
/// `None` for fewer than three dates.
#[must_use]
pub fn periods_per_year(times: &[TimestampNs]) -> Option<f64> {
    let mut dates: Vec<(i64, usize)> = Vec::new();
    for time in times {
        match dates.last_mut() {
            Some((date, rows)) if *date == time.date() => *rows += 1,
            _ => dates.push((time.date(), 1)),
        }
    }
    if dates.len() < 3 {
        return None;
    }
    let days = median(dates.windows(2).map(|pair| pair[1].0 - pair[0].0));
    Some(match days {
        ..=4 => {
            // 1970-01-01 was a Thursday.
            let weekday = |date: i64| (date + 3).rem_euclid(7);
            let share = |day| {
                dates.iter().filter(|(date, _)| weekday(*date) == day).count() as f64 / dates.len() as f64
            };
            let open = share(5) >= WEEKEND && share(6) >= WEEKEND;
            median(dates.iter().map(|(_, rows)| *rows)) as f64 * TRADING_DAYS[usize::from(open)]
        }
        5..=10 => 52.0,
        25..=35 => 12.0,
        80..=100 => 4.0,
        350..=380 => 1.0,
        days => 365.25 / days as f64,
    })
}

/// Upper median.
fn median<T: Ord + Copy>(values: impl Iterator<Item = T>) -> T {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::DAY_NS;

    fn of_days(days: impl Iterator<Item = i64>) -> Option<f64> {
        periods_per_year(&days.map(|day| TimestampNs(day * DAY_NS)).collect::<Vec<_>>())
    }

    #[test]
    fn periods_follow_from_the_spacing() {
        assert_eq!(of_days((0..700).filter(|day| (day + 3) % 7 < 5)), Some(252.0));
        assert_eq!(of_days(0..700), Some(365.0));
        assert_eq!(of_days((0..100).map(|week| 7 * week)), Some(52.0));
        assert_eq!(of_days([30, 58, 89, 119, 150].into_iter()), Some(12.0));
        assert_eq!(of_days([0, 91, 182, 274].into_iter()), Some(4.0));
        assert_eq!(of_days([0, 365, 730].into_iter()), Some(1.0));
        assert_eq!(of_days([0, 15, 30].into_iter()), Some(365.25 / 15.0));
        assert_eq!(of_days(0..2), None);
        let hours = (0..48).map(|hour| TimestampNs((hour % 24 + hour / 24 * 24) * DAY_NS / 24));
        let hours: Vec<_> = hours.chain([TimestampNs(2 * DAY_NS)]).collect();
        assert_eq!(periods_per_year(&hours), Some(24.0 * 252.0));
    }
}
