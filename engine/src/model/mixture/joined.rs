//! Forecasts of the last frame in engine order, of a hedge without the instrument itself.

use serde::{Deserialize, Serialize};

use super::part::Part;
use crate::model::lanes::Column;
use crate::model::lanes::lane_block::LANES;
use crate::model::parts::{Hedge, Parts, SCALE};

/// Columns of all parts in engine order; unused without groups.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Joined {
    /// Returns, NaN where missing.
    pub(super) observed: Column,
    /// Forecasts from which the tails are learned, and their variances.
    pub(super) forecast: Column,
    pub(super) variance: Column,
    /// Published forecast, and the squared scale of its t: those of a hedge without the instrument itself.
    pub(super) published: Column,
    pub(super) scale: Column,
}

impl Joined {
    /// Collects the forecasts of all parts before their update. `c`: squared scale of the t in units of the models' variance.
    pub(super) fn collect(&mut self, parts: &[Part], of: &Parts, n: usize, c: f64) {
        let Self { observed, forecast, variance, published, scale } = self;
        for column in [&mut *observed, forecast, variance, published, scale] {
            column.0.clear();
            column.resize(n, 0.0);
        }
        for padding in n..observed.0.len() * LANES {
            observed.set(padding, f64::NAN);
        }
        for (at, part) in parts.iter().enumerate() {
            let (k, count) = (part.models.k, part.models.count);
            for (slot, i) in of.slots(at) {
                let y = part.observed.get(slot);
                let (f, v) = (part.mixed.published.get(slot), part.mixed.variance.get(slot));
                let mut hedge = Hedge::default();
                // Without a return, the instrument is in no group's return.
                for column in (0..of.columns()).filter(|_| !y.is_nan()) {
                    if let Some(term) = of.term(at, column) {
                        let j = k - of.columns() + column;
                        let loading = |model: usize| part.models.weighted_mean(slot, model, j);
                        hedge.add(SCALE * (0..count).map(loading).sum::<f64>(), term);
                    }
                }
                let divisor = hedge.divisor();
                observed.set(i, y);
                forecast.set(i, part.mixed.forecast.get(slot));
                variance.set(i, v);
                published.set(i, if y.is_nan() { f } else { y - hedge.error(y - f) });
                scale.set(i, c * v / (divisor * divisor));
            }
        }
    }
}
