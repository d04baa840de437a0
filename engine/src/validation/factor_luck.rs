//! Chance that the best of several factors looks good without any premium.

use super::bootstrap::StationaryBootstrap;
use crate::settings::{Invalid, require};

/// Products of one return and its square over all resamples, above which fewer resamples are drawn.
const WORK_MAX: usize = 4_000_000_000;
/// Fewest resamples.
const RESAMPLES_MIN: usize = 100;

/// Chance that factors without any premium look as good as the observed ones, by a joint bootstrap over dates.
///
/// The mean of each factor over the whole history is subtracted. A resample draws as many dates as the window has from the
/// whole history, in blocks ([`StationaryBootstrap`]), the same dates for all factors, and takes t = mean / sample standard
/// deviation · √n of each factor. A chance is the share of the resamples in which the highest t of the k factors is at
/// least that observed in the window: the single-step adjustment of Westfall & Young 1993, studentised as in Romano & Wolf
/// 2005.
#[derive(Clone, Debug, PartialEq)]
pub struct FactorLuck {
    /// Number n of dates of the window.
    pub dates: usize,
    /// Mean length of a block in dates.
    pub mean_block: f64,
    /// Resamples drawn.
    pub resamples: usize,
    /// Observed t of each factor in the window; NaN without volatility.
    pub t: Vec<f64>,
    /// Share of the resamples in which the best of all factors has this t or more, for each factor; NaN where t is.
    pub best_of_all: Vec<f64>,
    /// Share of the resamples in which the factor itself has this t or more; NaN where t is.
    pub alone: Vec<f64>,
}

impl FactorLuck {
    /// Bootstraps the last `window` dates of `returns`, one row per factor and one column per date, all finite. The mean
    /// block is a twelfth of the window: a month if the window is a year.
    ///
    /// # Errors
    /// Fails without factors, for a window of fewer than 3 dates or longer than the history, or for no resamples.
    pub fn of(returns: &[Vec<f64>], window: usize, resamples: usize, seed: u64) -> Result<Self, Invalid> {
        let dates = super::trials::common_frames(returns)?;
        require(!returns.is_empty(), "returns", 0, "at least 1 factor")?;
        require(
            (3..=dates).contains(&window),
            "window",
            window,
            "from 3 dates to the length of the history",
        )?;
        require(resamples > 0, "resamples", resamples, "at least 1")?;
        let k = returns.len();
        let resamples = resamples.min((WORK_MAX / (window * k)).max(RESAMPLES_MIN));
        let t: Vec<f64> = returns.iter().map(|returns| t_of(&returns[dates - window..])).collect();
        let centred = by_date(returns, dates);
        let mean_block = (window as f64 / 12.0).round().max(1.0);
        let mut draws = StationaryBootstrap::new(dates, mean_block, seed)?;
        let (mut best_of_all, mut alone) = (vec![0_u64; k], vec![0_u64; k]);
        let (mut sums, mut drawn) = (vec![[0.0; 2]; k], vec![0.0; k]);
        for _ in 0..resamples {
            draws.begin_again();
            sums.fill([0.0; 2]);
            for date in draws.by_ref().take(window) {
                for (sums, r) in sums.iter_mut().zip(&centred[date * k..(date + 1) * k]) {
                    sums[0] += r;
                    sums[1] += r * r;
                }
            }
            for (drawn, sums) in drawn.iter_mut().zip(&sums) {
                *drawn = t_of_sums(*sums, window as f64);
            }
            // `max` skips NaN, the t of a factor without volatility.
            let highest = drawn.iter().fold(f64::NEG_INFINITY, |highest, t| highest.max(*t));
            for (factor, t) in t.iter().enumerate() {
                best_of_all[factor] += u64::from(highest >= *t);
                alone[factor] += u64::from(drawn[factor] >= *t);
            }
        }
        let share = |counts: Vec<u64>| -> Vec<f64> {
            let share =
                |(count, t): (u64, &f64)| if t.is_nan() { f64::NAN } else { count as f64 / resamples as f64 };
            counts.into_iter().zip(&t).map(share).collect()
        };
        let (best_of_all, alone) = (share(best_of_all), share(alone));
        Ok(Self { dates: window, mean_block, resamples, t, best_of_all, alone })
    }

    /// Factor with the highest t; `None` if no t is defined.
    #[must_use]
    pub fn best(&self) -> Option<usize> {
        super::best(&self.t)
    }
}

/// Returns less the mean of their factor, date by date.
fn by_date(returns: &[Vec<f64>], dates: usize) -> Vec<f64> {
    let means: Vec<f64> = returns.iter().map(|returns| returns.iter().sum::<f64>() / dates as f64).collect();
    let row = |date: usize| returns.iter().zip(&means).map(move |(returns, mean)| returns[date] - mean);
    (0..dates).flat_map(row).collect()
}

fn t_of(returns: &[f64]) -> f64 {
    let observed = crate::metrics::ObservedSharpe::of(returns.iter().copied());
    observed.ratio * observed.count.sqrt()
}

/// Ratio t from the sum and the sum of squares of returns whose mean is near 0.
fn t_of_sums([sum, squares]: [f64; 2], count: f64) -> f64 {
    let mean = sum / count;
    let variance = (squares - sum * mean) / (count - 1.0);
    if variance > 0.0 { mean / variance.sqrt() * count.sqrt() } else { f64::NAN }
}
