//! Range of a setting: a list of levels, or an interval to sample from.

use anyhow::{Result, bail};
use toml::{Table, Value};

/// Maximum scenarios of a grid file.
pub(crate) const SCENARIOS_MAX: usize = 100_000;

/// Values that a setting may take.
pub(crate) enum Range {
    /// List of values.
    Listed(Vec<Value>),
    /// Integers from `from` to `to`, both inclusive.
    Whole { from: i64, to: i64, step: i64 },
    /// Numbers between two ends.
    Numbers {
        from: f64,
        to: f64,
        /// Number of levels, if the range is used as a list.
        count: Option<usize>,
        /// True if levels are equally spaced on a logarithmic scale.
        log: bool,
    },
}

const FORMS: &str = "{ from = 1, to = 20, step = 1 } of integers, or { from = 0.01, to = 0.3, count = 5, scale = \
                     \"linear\" or \"log\" }";

impl Range {
    /// Parses a range.
    ///
    /// # Errors
    /// The range lacks an end, or has an unknown key or an invalid value.
    pub(crate) fn read(name: &str, table: &Table) -> Result<Self> {
        let wrong = || {
            anyhow::anyhow!(
                "`{name}`: found {table}, expected a range: {FORMS}",
                table = Value::from(table.clone())
            )
        };
        if let Some(key) =
            table.keys().find(|key| !["from", "to", "step", "count", "scale"].contains(&key.as_str()))
        {
            bail!("`{name}`: found `{key}` in a range, expected {FORMS}");
        }
        let log = match table.get("scale").map(Value::as_str) {
            None | Some(Some("linear")) => false,
            Some(Some("log")) => true,
            Some(_) => return Err(wrong()),
        };
        let count = match table.get("count") {
            None => None,
            Some(count) => {
                Some(count.as_integer().and_then(|count| usize::try_from(count).ok()).ok_or_else(wrong)?)
            }
        };
        let (from, to) = (table.get("from").ok_or_else(wrong)?, table.get("to").ok_or_else(wrong)?);
        if let (Some(from), Some(to), false, None) = (from.as_integer(), to.as_integer(), log, count) {
            let step = table.get("step").map_or(Some(1), Value::as_integer).ok_or_else(wrong)?;
            return if from <= to && step >= 1 { Ok(Self::Whole { from, to, step }) } else { Err(wrong()) };
        }
        let number =
            |value: &Value| value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
        let (Some(from), Some(to)) = (number(from), number(to)) else { return Err(wrong()) };
        let ends = from.is_finite() && to.is_finite() && from <= to && (!log || from > 0.0);
        if !ends || table.contains_key("step") {
            return Err(wrong());
        }
        Ok(Self::Numbers { from, to, count, log })
    }

    /// Returns the levels of a range.
    ///
    /// # Errors
    /// The range has no number of levels, or too many.
    pub(crate) fn levels(&self, name: &str) -> Result<Vec<Value>> {
        match self {
            Self::Listed(values) => Ok(values.clone()),
            Self::Whole { from, to, step } => {
                let count = whole_numbers(*from, *to, *step);
                if count > SCENARIOS_MAX as u64 {
                    bail!("`{name}`: found {count} values, expected at most {SCENARIOS_MAX}");
                }
                Ok((0..count).map(|at| Value::Integer(from + at as i64 * step)).collect())
            }
            Self::Numbers { count: Some(count), .. } if (2..=SCENARIOS_MAX).contains(count) => {
                let last = (count - 1) as f64;
                Ok((0..*count).map(|at| self.at(at as f64 / last)).collect())
            }
            Self::Numbers { count: Some(count), .. } => {
                bail!("`{name}`: found count = {count}, expected 2 to {SCENARIOS_MAX} values")
            }
            Self::Numbers { count: None, .. } => {
                bail!("`{name}`: found a range without count, expected {FORMS}")
            }
        }
    }

    /// Value at a share of the range, from 0 to 1; lists and integers are divided into equal parts.
    fn at(&self, share: f64) -> Value {
        let part = |count: usize| ((share * count as f64) as usize).min(count - 1);
        match self {
            Self::Listed(values) => values[part(values.len())].clone(),
            Self::Whole { from, to, step } => {
                let count = usize::try_from(whole_numbers(*from, *to, *step)).unwrap_or(usize::MAX);
                Value::Integer(
                    from.saturating_add_unsigned(part(count) as u64 * step.unsigned_abs()).min(*to),
                )
            }
            Self::Numbers { from, to, .. } if share >= 1.0 => {
                Value::Float(if from == to { *from } else { *to })
            }
            Self::Numbers { from, to, log: false, .. } => Value::Float(from + (to - from) * share),
            Self::Numbers { from, to, log: true, .. } => Value::Float(from * libm::pow(to / from, share)),
        }
    }
}

/// Number of integers of a range, at most `u64::MAX`.
fn whole_numbers(from: i64, to: i64, step: i64) -> u64 {
    (to.abs_diff(from) / step.unsigned_abs()).saturating_add(1)
}

/// Maximum points and dimensions of the Sobol sequence.
const POINTS_MAX: usize = 65_536;
const DIMENSIONS_MAX: usize = 256;

/// Draws scenarios from an Owen-scrambled Sobol sequence (Owen 1995), which fills the ranges more evenly than
/// independent draws. The result is a function of the seed.
///
/// # Errors
/// The scenarios or settings exceed the points or dimensions of the sequence.
pub(crate) fn drawn(ranges: &[Range], count: usize, seed: u32) -> Result<Vec<Vec<Option<Value>>>> {
    if count > POINTS_MAX || ranges.len() > DIMENSIONS_MAX {
        bail!(
            "[sample]: found {count} scenarios of {} settings, expected at most {POINTS_MAX} and {DIMENSIONS_MAX}",
            ranges.len()
        );
    }
    let share = |point: usize, dimension: usize| {
        f64::from(sobol_burley::sample(point as u32, dimension as u32, seed))
    };
    let scenario = |point: usize| {
        ranges.iter().enumerate().map(|(dimension, range)| Some(range.at(share(point, dimension)))).collect()
    };
    Ok((0..count).map(scenario).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn range(text: &str) -> Result<Range> {
        Range::read("a.b", &text.parse().unwrap())
    }

    #[test]
    fn range_has_evenly_spaced_levels() {
        let levels = |text: &str| range(text).unwrap().levels("a.b").unwrap();
        let whole = |values: &[i64]| values.iter().map(|value| Value::Integer(*value)).collect::<Vec<_>>();
        assert_eq!(levels("from = 1\nto = 4"), whole(&[1, 2, 3, 4]));
        assert_eq!(levels("from = 0\nto = 5\nstep = 2"), whole(&[0, 2, 4]));
        let numbers =
            |text: &str| levels(text).iter().map(|value| value.as_float().unwrap()).collect::<Vec<_>>();
        assert_eq!(numbers("from = 0\nto = 1\ncount = 5"), [0.0, 0.25, 0.5, 0.75, 1.0]);
        let log = numbers("from = 0.01\nto = 1\ncount = 3\nscale = \"log\"");
        assert!((log[1] - 0.1).abs() < 1e-15 && log[0] == 0.01 && log[2] == 1.0, "{log:?}");
    }

    #[test]
    fn invalid_range_is_refused() {
        for text in [
            "from = 1",
            "from = 2\nto = 1",
            "from = 0\nto = 1\nscale = \"log\"",
            "from = 1\nto = 2\nsteps = 1",
        ] {
            assert!(range(text).is_err(), "{text}");
        }
        assert!(
            range("from = 0.5\nto = 1").unwrap().levels("a.b").is_err(),
            "a range of numbers has no levels"
        );
    }

    /// Each sixteenth of a range contains exactly one of the first 16 points of a scrambled Sobol sequence.
    #[test]
    fn sample_is_evenly_spread_and_a_function_of_its_seed() {
        let ranges = || vec![range("from = 0.0\nto = 1.0").unwrap(), range("from = 1\nto = 4").unwrap()];
        let sample = |seed: u32| drawn(&ranges(), 16, seed).unwrap();
        let of = |seed: u32, at: usize| {
            sample(seed).iter().map(|row| row[at].clone().unwrap()).collect::<Vec<_>>()
        };
        for seed in 0..20 {
            let mut parts: Vec<usize> =
                of(seed, 0).iter().map(|value| (value.as_float().unwrap() * 16.0) as usize).collect();
            parts.sort_unstable();
            assert_eq!(parts, (0..16).collect::<Vec<_>>());
            let whole = of(seed, 1);
            assert!(
                (1..=4)
                    .all(|level| whole.iter().filter(|value| **value == Value::Integer(level)).count() == 4)
            );
        }
        assert_eq!(sample(3), sample(3));
        assert_ne!(sample(3), sample(4));
    }
}
