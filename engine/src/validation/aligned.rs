//! Returns of many trials on their common frames.

use crate::time::TimestampNs;

/// Net simple returns of one trial, one per frame, on consecutive frames up to the last of the data.
#[derive(Clone, Copy, Debug)]
pub struct TrialReturns<'a> {
    /// Number of the trial in errors.
    pub number: usize,
    /// True if the account was ruined; the returns then end before the data.
    pub ruined: bool,
    /// Sequence number of the first frame with a return.
    pub first_seq: u64,
    /// Time of each frame.
    pub timestamps: &'a [TimestampNs],
    /// Net return of each frame.
    pub returns: &'a [f64],
    /// Turnover decided on each frame.
    pub turnover: &'a [f64],
}

/// Net returns and turnover of many trials on their common frames.
///
/// Trials with a longer warm-up start later. The common frames are those of the eligible trial that starts
/// last.
#[derive(Clone, Debug, PartialEq)]
pub struct AlignedReturns {
    /// Time of each common frame.
    pub times: Vec<TimestampNs>,
    /// Sequence number of the first common frame.
    pub first_seq: u64,
    /// Returns of each trial; 0 (cash) before its first return, NaN from its ruin on.
    pub returns: Vec<Vec<f64>>,
    /// Turnover of each trial; 0 before its first return, and throughout for a ruined one.
    pub turnover: Vec<Vec<f64>>,
    /// Eligible trials that were not ruined.
    pub survivors: Vec<usize>,
    /// Number of survivors that start before the first common frame; their earlier returns are dropped.
    pub earlier: usize,
    /// First frame of a trial that is not eligible and starts after the first common frame; it holds cash
    /// until then.
    pub later: Option<TimestampNs>,
}

/// Reason why trials have no common frames.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AlignmentError {
    /// No eligible trial survives the data.
    #[error("all {trials} trials are ruined")]
    AllRuined {
        /// Number of eligible trials.
        trials: usize,
    },
    /// A trial that was not ruined has no returns.
    #[error("trial {number} has no returns")]
    NoReturns {
        /// Number of the trial.
        number: usize,
    },
    /// Two trials have different frames.
    #[error("trial {number} has other frames than trial {other}")]
    OtherFrames {
        /// Number of the trial.
        number: usize,
        /// Number of the trial whose frames are the common ones.
        other: usize,
    },
    /// A return that is −1 or below, or not finite.
    #[error("trial {number} has a return of {found}")]
    BadReturn {
        /// Number of the trial.
        number: usize,
        /// The return.
        found: f64,
        /// Its frame.
        time: Option<TimestampNs>,
    },
}

impl AlignedReturns {
    /// Aligns all trials on the frames of the trial that starts last among the first `eligible` ones. The
    /// remaining trials are for comparison only and hold cash until they start.
    ///
    /// # Errors
    /// Fails if all eligible trials are ruined, or if a trial has no returns, has other frames, or has a
    /// return that is −1 or less or not finite.
    pub fn new(trials: &[TrialReturns<'_>], eligible: usize) -> Result<Self, AlignmentError> {
        let survivors: Vec<usize> = (0..eligible).filter(|trial| !trials[*trial].ruined).collect();
        for trial in survivors.iter().map(|trial| &trials[*trial]) {
            require_returns(trial)?;
        }
        let shortest = survivors.iter().map(|trial| &trials[*trial]).min_by_key(|trial| trial.returns.len());
        let latest = shortest.ok_or(AlignmentError::AllRuined { trials: eligible })?;
        let frames = latest.returns.len();
        let aligned = |trial: &TrialReturns<'_>| match trial.ruined {
            true => Ok(until_ruin(trial, latest)),
            false => tail(trial, latest),
        };
        let turnover = |trial: &TrialReturns<'_>| match trial.ruined {
            true => vec![0.0; frames],
            false => last_of(trial.turnover, frames),
        };
        let beside = trials[eligible..].iter().filter(|trial| !trial.ruined && !trial.returns.is_empty());
        let mut later = beside.filter(|trial| trial.returns.len() < frames);
        Ok(Self {
            times: latest.timestamps.to_vec(),
            first_seq: latest.first_seq,
            returns: trials.iter().map(aligned).collect::<Result<_, _>>()?,
            turnover: trials.iter().map(turnover).collect(),
            earlier: survivors.iter().filter(|trial| trials[**trial].returns.len() > frames).count(),
            later: later.next().and_then(|trial| trial.timestamps.first().copied()),
            survivors,
        })
    }
}

/// Common trailing frames of all trials: the last part of each, as long as the shortest.
#[must_use]
pub fn common_tail<'a>(returns: &[&'a [f64]]) -> Vec<&'a [f64]> {
    let frames = returns.iter().map(|returns| returns.len()).min().unwrap_or(0);
    returns.iter().map(|returns| &returns[returns.len() - frames..]).collect()
}

fn require_returns(trial: &TrialReturns<'_>) -> Result<(), AlignmentError> {
    match trial.returns.is_empty() {
        true => Err(AlignmentError::NoReturns { number: trial.number }),
        false => Ok(()),
    }
}

/// Returns of a trial on the frames of the one that starts last.
fn tail(trial: &TrialReturns<'_>, latest: &TrialReturns<'_>) -> Result<Vec<f64>, AlignmentError> {
    require_returns(trial)?;
    let (number, frames) = (trial.number, latest.returns.len());
    let shared = trial.returns.len().min(frames);
    let (before, cash) = (trial.returns.len() - shared, frames - shared);
    if trial.timestamps[before..] != latest.timestamps[cash..] {
        return Err(AlignmentError::OtherFrames { number, other: latest.number });
    }
    let bad = (before..trial.returns.len())
        .find(|at| !(trial.returns[*at] > -1.0 && trial.returns[*at].is_finite()));
    if let Some(at) = bad {
        let time = trial.timestamps.get(at).copied();
        return Err(AlignmentError::BadReturn { number, found: trial.returns[at], time });
    }
    Ok(last_of(trial.returns, frames))
}

/// Last `frames` values, padded with 0 at the front.
fn last_of(values: &[f64], frames: usize) -> Vec<f64> {
    let known = values.len().min(frames);
    [&vec![0.0; frames - known], &values[values.len() - known..]].concat()
}

/// Returns of a ruined trial on the same frames: cash before its first return, NaN after its last. Without
/// returns, the time of the ruin is unknown and all are NaN.
fn until_ruin(trial: &TrialReturns<'_>, latest: &TrialReturns<'_>) -> Vec<f64> {
    if trial.returns.is_empty() {
        return vec![f64::NAN; latest.returns.len()];
    }
    let at = |seq: u64| match seq.checked_sub(trial.first_seq) {
        Some(at) => {
            usize::try_from(at).ok().and_then(|at| trial.returns.get(at)).copied().unwrap_or(f64::NAN)
        }
        None => 0.0,
    };
    (latest.first_seq..).take(latest.returns.len()).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: [TimestampNs; 5] =
        [TimestampNs(0), TimestampNs(1), TimestampNs(2), TimestampNs(3), TimestampNs(4)];
    const TURNOVER: [f64; 5] = [0.5; 5];

    /// Trial of the last frames, at most five.
    fn trial(number: usize, returns: &[f64]) -> TrialReturns<'_> {
        let first = 5 - returns.len();
        TrialReturns {
            number,
            ruined: false,
            first_seq: first as u64,
            timestamps: &TIMES[first..],
            returns,
            turnover: &TURNOVER[first..],
        }
    }

    /// Trial that was ruined after its last return.
    fn ruined(number: usize, first: usize, returns: &[f64]) -> TrialReturns<'_> {
        let frames = first..first + returns.len();
        TrialReturns {
            number,
            ruined: true,
            first_seq: first as u64,
            timestamps: &TIMES[frames.clone()],
            returns,
            turnover: &TURNOVER[frames],
        }
    }

    fn bits(returns: &[Vec<f64>]) -> Vec<Vec<u64>> {
        returns.iter().map(|returns| returns.iter().map(|r| r.to_bits()).collect()).collect()
    }

    #[test]
    fn common_frames_start_with_the_latest_first_return() {
        let trials = [
            trial(0, &[0.1, 0.2, 0.3, 0.4, 0.5]),
            trial(1, &[0.6, 0.7, 0.8]),
            ruined(2, 3, &[0.9]),
            ruined(3, 0, &[0.0, 0.1, 0.2, 0.3]),
            trial(4, &[1.0]),
        ];
        let aligned = AlignedReturns::new(&trials, 4).unwrap();
        assert_eq!((&aligned.times[..], aligned.first_seq), (&TIMES[2..], 2));
        let nan = f64::NAN;
        let expected = [[0.3, 0.4, 0.5], [0.6, 0.7, 0.8], [0.0, 0.9, nan], [0.2, 0.3, nan], [0.0, 0.0, 1.0]]
            .map(Vec::from);
        assert_eq!(bits(&aligned.returns), bits(&expected));
        assert_eq!(aligned.turnover[1..], [vec![0.5; 3], vec![0.0; 3], vec![0.0; 3], vec![0.0, 0.0, 0.5]]);
        assert_eq!(
            (&aligned.survivors[..], aligned.earlier, aligned.later),
            (&[0, 1][..], 1, Some(TIMES[4]))
        );
    }

    #[test]
    fn trials_without_common_frames_are_an_error() {
        let error = |trials: &[TrialReturns<'_>]| AlignedReturns::new(trials, trials.len()).unwrap_err();
        assert_eq!(error(&[ruined(7, 0, &[0.1])]), AlignmentError::AllRuined { trials: 1 });
        assert_eq!(error(&[trial(3, &[0.1]), trial(4, &[])]), AlignmentError::NoReturns { number: 4 });
        let other = TrialReturns { timestamps: &TIMES[..2], ..trial(6, &[0.1, 0.2]) };
        assert_eq!(
            error(&[trial(5, &[0.1, 0.2]), other]),
            AlignmentError::OtherFrames { number: 6, other: 5 }
        );
        let found = AlignmentError::BadReturn { number: 8, found: -1.0, time: Some(TIMES[4]) };
        assert_eq!(error(&[trial(8, &[0.1, -1.0])]), found);
    }

    #[test]
    fn common_tail_has_the_length_of_the_shortest() {
        assert_eq!(common_tail(&[&[1.0, 2.0, 3.0], &[4.0, 5.0]]), [&[2.0, 3.0], &[4.0, 5.0]]);
        assert!(common_tail(&[]).is_empty());
    }
}
