//! State of one part of the instruments: those with the same groups.

use serde::{Deserialize, Serialize};

use super::histories::{Histories, Rules};
use super::instruments::{Lanes, Shares};
use super::write::Written;
use crate::model::calibration::Tail;
use crate::model::lanes::Column;
use crate::model::lanes::lane_block::{LANES, LaneBlock};
use crate::model::parts::SCALE;

/// Histories and coefficients of the instruments of a part, and the last frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) histories: Histories,
    pub(super) lanes: Lanes,
    pub(super) design: Vec<f64>,
    pub(super) observed: Column,
    /// Squared scale q · S of the frame's forecast.
    pub(super) scale: Column,
    pub(super) shares: Shares,
    /// Tails by history.
    pub(super) tails: Vec<Tail>,
    /// Returns of the frame by slot; unused without groups.
    #[serde(skip)]
    pub(super) returns: Vec<f64>,
    /// Coefficients of the groups before the frame, those of a slot one after another.
    #[serde(skip)]
    pub(super) loadings: Vec<f64>,
    /// Instruments that start in the frame.
    #[serde(skip)]
    pub(super) newcomers: Vec<u32>,
}

impl Part {
    /// Part with k coefficients, without instruments.
    pub(super) fn new(rules: Rules, k: usize) -> Self {
        Self {
            histories: Histories::of_one_model(rules, k),
            lanes: Lanes::new(k),
            design: vec![1.0; k],
            observed: Column::default(),
            scale: Column::default(),
            shares: Shares::default(),
            tails: Vec::new(),
            returns: Vec::new(),
            loadings: Vec::new(),
            newcomers: Vec::new(),
        }
    }

    /// Loading of a slot on its group of a column of `columns`, before the frame.
    pub(super) fn loading(&self, slot: usize, column: usize, columns: usize) -> f64 {
        SCALE * self.loadings[slot * columns + column]
    }

    /// Processes the returns of a frame, by slot, with the design. `columns`: number of columns of groups.
    pub(super) fn step(&mut self, returns: &[f64], columns: usize) {
        let given = self.design.len() - columns;
        self.loadings.clear();
        if columns > 0 {
            let loadings = |slot: usize| (given..given + columns).map(move |j| (slot, j));
            let all = (0..returns.len()).flat_map(loadings);
            self.loadings.extend(all.map(|(slot, j)| self.lanes.mean.get(slot, j)));
        }
        let Self { histories, lanes, shares, design, observed, .. } = self;
        if !histories.rules.discount_missing {
            histories.split(returns, returns.iter().any(|y| y.is_nan()));
        }
        histories.evolve(design);
        shares.take(histories);
        shares.adapt();
        let missing = lanes.observe(histories, shares, design, returns, observed);
        // Up to here, instruments without a return are treated like the other members of their history.
        let before = histories.list.len();
        histories.split(returns, missing);
        if histories.list.len() > before {
            shares.take(histories);
        }
        histories.update(&[LaneBlock::splat(1.0)]);
    }

    /// Computes the squared scale of each forecast and the tails.
    pub(super) fn measure(&mut self) {
        let Self { histories, lanes, scale, observed, tails, shares, .. } = self;
        // An instrument that is listed later takes over a padding lane: without a return it is not scored before.
        for padding in histories.of.len()..observed.0.len() * LANES {
            observed.set(padding, f64::NAN);
        }
        tails.resize(histories.list.len(), Tail::new());
        for (tail, history) in tails.iter_mut().zip(&histories.list) {
            tail.set(history.forecast_dof);
        }
        scale.0.clear();
        for (block, prior) in lanes.prior_var.0.iter().enumerate() {
            let v = shares.spread_of(histories, block);
            scale.0.push(LaneBlock::from_fn(|lane| prior[lane] * (1.0 + v[lane])));
        }
    }

    /// State to write.
    pub(super) const fn written(&self) -> Written<'_> {
        let Self { histories, lanes, observed, shares, .. } = self;
        Written { histories, lanes, observed, shares }
    }
}
