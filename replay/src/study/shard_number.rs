//! Number of a shard: `I/N`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::range::SCENARIOS_MAX;

/// Shard `number` of `of`, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShardNumber {
    pub(crate) number: usize,
    pub(crate) of: usize,
}

impl FromStr for ShardNumber {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((number, of)) if (1..=of).contains(&number) && of <= SCENARIOS_MAX => {
                Ok(Self { number, of })
            }
            _ => Err(format!("found {text:?}, expected I/N with I from 1 to N, such as 3/8")),
        }
    }
}

impl fmt::Display for ShardNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_count_from_1() {
        for (text, number, of) in [("1/1", 1, 1), ("3/8", 3, 8), ("8/8", 8, 8)] {
            assert_eq!(text.parse(), Ok(ShardNumber { number, of }));
        }
        for text in ["0/8", "9/8", "1/0", "3", "3/8/2", "a/8", "-1/8", "1/100001", ""] {
            assert!(text.parse::<ShardNumber>().is_err(), "{text}");
        }
    }
}
