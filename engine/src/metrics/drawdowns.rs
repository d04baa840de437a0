//! Deepest drawdowns and their lengths.

use crate::time::TimestampNs;

/// One drawdown: fall from a peak to its recovery.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawdown {
    /// Last frame at the peak; the first frame of the run counts as a peak.
    pub start: TimestampNs,
    /// Lowest frame.
    pub trough: TimestampNs,
    /// First frame that reaches the peak again; `None` if none does.
    pub end: Option<TimestampNs>,
    /// Depth (trough − peak)/peak: negative; −1 for a ruined account.
    pub depth: f64,
    /// Number of frames from the start to the end, or to the last frame.
    pub frames: u64,
}

/// Accumulates values frame by frame; keeps the deepest drawdowns.
#[derive(Clone, Debug)]
pub(super) struct Drawdowns {
    most: usize,
    worst: Vec<Drawdown>,
    peak: Option<(f64, TimestampNs)>,
    current: Option<Drawdown>,
    since_peak: u64,
}

impl Drawdowns {
    pub(super) fn new(most: usize) -> Self {
        Self { most, worst: Vec::with_capacity(most + 1), peak: None, current: None, since_peak: 0 }
    }

    pub(super) fn push(&mut self, time: TimestampNs, value: f64) {
        self.since_peak += 1;
        match self.peak {
            Some((peak, start)) if value < peak => {
                let depth = ((value - peak) / peak).max(-1.0);
                let begun = Drawdown { start, trough: time, end: None, depth, frames: 0 };
                let current = self.current.get_or_insert(begun);
                if depth < current.depth {
                    (current.depth, current.trough) = (depth, time);
                }
                current.frames = self.since_peak;
            }
            _ => {
                if let Some(over) = self.current.take() {
                    self.keep(Drawdown { end: Some(time), frames: self.since_peak, ..over });
                }
                self.peak = Some((value, time));
                self.since_peak = 0;
            }
        }
    }

    fn keep(&mut self, drawdown: Drawdown) {
        // Equally deep drawdowns stay in time order.
        let at = self.worst.partition_point(|other| other.depth <= drawdown.depth);
        self.worst.insert(at, drawdown);
        self.worst.truncate(self.most);
    }

    /// Deepest drawdowns, the deepest first.
    pub(super) fn worst(mut self) -> Vec<Drawdown> {
        if let Some(current) = self.current.take() {
            self.keep(current);
        }
        self.worst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deepest_drawdowns_run_from_last_peak_to_recovery() {
        let mut drawdowns = Drawdowns::new(2);
        let values = [100.0, 90.0, 100.0, 100.0, 99.0, 101.0, 80.8, 90.0, 101.0, 110.0, 99.0, 104.5];
        for (at, value) in values.into_iter().enumerate() {
            drawdowns.push(TimestampNs(at as i64), value);
        }
        let [deepest, next] = drawdowns.worst().try_into().unwrap();
        assert!((deepest.depth + 0.2).abs() < 1e-12);
        assert_eq!((deepest.start.0, deepest.trough.0, deepest.frames), (5, 6, 3));
        assert_eq!(deepest.end, Some(TimestampNs(8)));
        // Equally deep as the open drawdown, which is later.
        assert!((next.depth + 0.1).abs() < 1e-12);
        assert_eq!((next.start.0, next.trough.0, next.end, next.frames), (0, 1, Some(TimestampNs(2)), 2));
    }

    #[test]
    fn open_drawdown_has_no_end() {
        let mut drawdowns = Drawdowns::new(5);
        [1.0, 0.9, 0.8, 0.9]
            .into_iter()
            .enumerate()
            .for_each(|(at, v)| drawdowns.push(TimestampNs(at as i64), v));
        let [open] = drawdowns.worst().try_into().unwrap();
        assert_eq!((open.trough.0, open.end, open.frames), (2, None, 3));
        let mut rising = Drawdowns::new(5);
        [1.0, 1.0, 2.0].into_iter().for_each(|value| rising.push(TimestampNs(0), value));
        assert!(rising.worst().is_empty());
        assert!(Drawdowns::new(5).worst().is_empty());
    }
}
