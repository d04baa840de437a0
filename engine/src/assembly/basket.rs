//! Factors that are combinations of the returns of instruments.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{AssemblyError, Expression, FactorGap, Values};
use crate::time::TimestampNs;

/// The instruments of all factor expressions, with their prices in this frame and the preceding one.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Basket {
    names: Vec<String>,
    /// Coefficient and position in `names` of each term of each factor.
    factors: Vec<Vec<(f64, usize)>>,
    values: Values,
    gap: FactorGap,
    now: Vec<f64>,
    before: Vec<f64>,
    ever: Vec<bool>,
    started: bool,
    withheld: Option<(TimestampNs, String)>,
}

impl Basket {
    pub(super) fn new(factors: &[(String, Expression)], values: Values, gap: FactorGap) -> Self {
        let all = factors.iter().flat_map(|(_, expression)| expression.terms());
        let names: BTreeSet<&String> = all.map(|(_, symbol)| symbol).collect();
        let names: Vec<String> = names.into_iter().cloned().collect();
        let terms = |expression: &Expression| {
            let term = |(coefficient, symbol): &(f64, String)| {
                names.binary_search(symbol).ok().map(|position| (*coefficient, position))
            };
            expression.terms().iter().filter_map(term).collect()
        };
        let factors = factors.iter().map(|(_, expression)| terms(expression)).collect();
        let n = names.len();
        Self {
            names,
            factors,
            values,
            gap,
            now: vec![f64::NAN; n],
            before: vec![f64::NAN; n],
            ever: vec![false; n],
            started: false,
            withheld: None,
        }
    }

    pub(super) fn position(&self, symbol: &str) -> Option<usize> {
        self.names.binary_search_by(|name| name.as_str().cmp(symbol)).ok()
    }

    /// First of the trailing frames that are withheld because an instrument has no price any more, and that
    /// instrument.
    pub(super) fn withheld(&self) -> Option<&(TimestampNs, String)> {
        self.withheld.as_ref()
    }

    pub(super) fn set(&mut self, position: usize, value: f64) {
        self.now[position] = value;
        self.ever[position] |= !value.is_nan();
    }

    /// Discards the rows of a timestamp that made no frame.
    pub(super) fn reset(&mut self) {
        self.now.fill(f64::NAN);
    }

    /// Ends the frame at `t`: writes the factors' returns, and returns true if the frame is emitted.
    pub(super) fn close(&mut self, t: TimestampNs, returns: &mut Vec<f64>) -> Result<bool, AssemblyError> {
        if self.factors.is_empty() {
            return Ok(true);
        }
        returns.clear();
        let missing = self.now.iter().position(|value| value.is_nan());
        let first = !self.started && missing.is_none();
        self.started |= first;
        let hand_on = self.started && self.admit(t, missing)?;
        if hand_on {
            // The first frame has no preceding frame, even if single instruments have an earlier price.
            let known = missing.is_none() && !(first && self.values == Values::Prices);
            returns.extend(self.factors.iter().map(|terms| match known {
                true => self.combine(terms),
                false => f64::NAN,
            }));
            // If a price is missing in the preceding frame, all factors of this one are NaN.
            if returns.iter().any(|value| !value.is_finite()) {
                returns.fill(f64::NAN);
            }
        }
        std::mem::swap(&mut self.now, &mut self.before);
        self.now.fill(f64::NAN);
        Ok(hand_on)
    }

    /// Returns true if a frame after the first complete one is emitted. Frames are withheld until an
    /// instrument trades again: only then is a gap distinct from the end of the instrument.
    fn admit(&mut self, t: TimestampNs, missing: Option<usize>) -> Result<bool, AssemblyError> {
        match (self.gap, missing, &self.withheld) {
            (FactorGap::Carry, _, _) | (FactorGap::Error, None, None) => Ok(true),
            (FactorGap::Error, Some(position), None) => {
                self.withheld = Some((t, self.names[position].clone()));
                Ok(false)
            }
            (FactorGap::Error, Some(_), Some(_)) => Ok(false),
            (FactorGap::Error, None, Some((gap, instrument))) => {
                Err(AssemblyError::FactorGap { gap: *gap, resumed: t, instrument: instrument.clone() })
            }
        }
    }

    fn combine(&self, terms: &[(f64, usize)]) -> f64 {
        let value = |i: usize| match self.values {
            Values::Prices => self.now[i] / self.before[i] - 1.0,
            Values::Returns | Values::ReturnsOfAnySize => self.now[i],
        };
        terms.iter().fold(0.0, |sum, &(coefficient, i)| sum + coefficient * value(i))
    }

    /// Checks at the end of the data that the factors had a value in at least one frame.
    pub(super) fn check_end(&self) -> Result<(), AssemblyError> {
        if self.started || self.factors.is_empty() {
            return Ok(());
        }
        let never = self.names.iter().zip(&self.ever).filter(|(_, ever)| !**ever);
        Err(AssemblyError::FactorsNeverComplete { missing: never.map(|(name, _)| name.clone()).collect() })
    }
}
