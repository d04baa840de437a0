//! Number of holdings through time.

use crate::time::TimestampNs;

/// Number of holdings and effective number on a grid of times, from held weights that are known on some frames.
///
/// The effective number is 1/Σᵢ wᵢ², wᵢ = |held weightᵢ|/Σⱼ |held weightⱼ| the share of gross exposure: n for n equal
/// positions of either sign, 1 for a single one (inverse Herfindahl index).
#[derive(Clone, Debug)]
pub struct HoldingCurves<'a> {
    times: &'a [TimestampNs],
    counts: Vec<f64>,
    effective: Vec<f64>,
    frame: Option<FrameHoldings>,
    frames: u64,
}

/// Sums over the holdings of one frame.
#[derive(Clone, Copy, Debug)]
struct FrameHoldings {
    time: TimestampNs,
    count: f64,
    gross: f64,
    squares: f64,
}

impl<'a> HoldingCurves<'a> {
    /// Empty lines over ascending times.
    #[must_use]
    pub fn new(times: &'a [TimestampNs]) -> Self {
        Self { times, counts: Vec::new(), effective: Vec::new(), frame: None, frames: 0 }
    }

    /// Adds a held weight. Weights come in the order of their frames.
    pub fn push(&mut self, time: TimestampNs, weight: f64) {
        if self.frame.is_none_or(|frame| frame.time != time) {
            self.fill(|other| other < time);
            self.frame = Some(FrameHoldings { time, count: 0.0, gross: 0.0, squares: 0.0 });
            self.frames += 1;
        }
        if let Some(frame) = self.frame.as_mut().filter(|_| weight != 0.0 && !weight.is_nan()) {
            frame.count += 1.0;
            frame.gross += weight.abs();
            frame.squares += weight * weight;
        }
    }

    /// Gives all further times for which `before` holds the values of the last frame.
    fn fill(&mut self, before: impl Fn(TimestampNs) -> bool) {
        let known = self.frame;
        while self.times.get(self.counts.len()).is_some_and(|time| before(*time)) {
            self.counts.push(known.map_or(f64::NAN, |frame| frame.count));
            let effective = |frame: FrameHoldings| frame.gross * frame.gross / frame.squares;
            // Without a holding 0/0: not defined.
            self.effective.push(known.map_or(f64::NAN, effective));
        }
    }

    /// Returns the lines and the count of frames with weights. A time has the values of the last frame up to it with
    /// weights, NaN before the first. `gross_exposure`: at each time; where it is 0 nothing is held, which weights do not
    /// show because only holdings have one.
    #[must_use]
    pub fn lines(mut self, gross_exposure: &[f64]) -> (Vec<f64>, Vec<f64>, u64) {
        self.fill(|_| true);
        for (at, gross) in gross_exposure.iter().enumerate().take(self.counts.len()) {
            if *gross == 0.0 {
                (self.counts[at], self.effective[at]) = (0.0, f64::NAN);
            }
        }
        (self.counts, self.effective, self.frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_hold_until_the_next_frame_with_weights() {
        let times: Vec<TimestampNs> = [1, 3, 5, 7, 9].map(TimestampNs).to_vec();
        let mut curves = HoldingCurves::new(&times);
        for (time, weight) in [(2, 0.2), (2, -0.2), (2, 0.0), (2, f64::NAN), (5, 0.5), (5, 0.25)] {
            curves.push(TimestampNs(time), weight);
        }
        let (counts, effective, frames) = curves.lines(&[1.0, 1.0, 1.0, 0.0, 1.0]);
        assert_eq!(frames, 2);
        assert!(counts[0].is_nan() && effective[0].is_nan());
        assert_eq!(counts[1..], [2.0, 2.0, 0.0, 2.0]);
        // Equal long and short positions count as two; 2/3 and 1/3 as 1/(4/9 + 1/9).
        assert!((effective[1] - 2.0).abs() < 1e-15 && (effective[2] - 1.8).abs() < 1e-15);
        assert!(effective[3].is_nan());
    }

    #[test]
    fn no_weights_have_no_holdings() {
        let times = [TimestampNs(1)];
        let (counts, effective, frames) = HoldingCurves::new(&times).lines(&[1.0]);
        assert!(counts[0].is_nan() && effective[0].is_nan() && frames == 0);
    }
}
