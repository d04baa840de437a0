//! Groups of the instruments: moves between parts, and estimates in engine order.

use super::part::Part;
use super::{Dlm, GroupColumn, Joined, LANES, LaneBlock, write};
use crate::distributions::variance_of_t;
use crate::model::dlm::histories::NONE;
use crate::model::estimates::Estimates;
use crate::model::parts::{Hedge, Move, Parts, SCALE, Term};

/// Instruments that leave one history for the same part.
struct Movers {
    from: usize,
    history: usize,
    to: usize,
    slots: Vec<u32>,
}

impl Dlm {
    /// Takes the groups of a frame. An instrument whose group changes moves to its new part: it keeps alpha and the other
    /// loadings with their covariance, and the loading on the group starts again from its prior.
    pub(super) fn regroup(&mut self, groups: &[GroupColumn]) {
        let moves = self.places.assign(groups);
        let Self { places, parts, prior, rules, k, .. } = self;
        while parts.len() < places.count() {
            parts.push(Part::new(rules.clone(), *k));
        }
        if moves.is_empty() {
            return;
        }
        let s = mean_variance(parts);
        for (at, part) in parts.iter_mut().enumerate() {
            part.lanes.resize(places.slots_of(at));
        }
        let given = *k - places.columns();
        let mut movers: Vec<Movers> = Vec::new();
        for Move { from, to } in moves {
            let Ok([before, after]) = parts.get_disjoint_mut([from.part, to.part]) else { continue };
            let Some(history) = before.histories.release(from.slot) else { continue };
            before.lanes.move_to(from.slot, &mut after.lanes, to.slot);
            for column in places.differing(from.part, to.part) {
                after.lanes.mean.set(to.slot, given + column, prior.mean(given + column));
            }
            let slot = to.slot as u32;
            let same = |of: &&mut Movers| (of.from, of.history, of.to) == (from.part, history, to.part);
            match movers.iter_mut().find(same) {
                Some(movers) => movers.slots.push(slot),
                None => movers.push(Movers { from: from.part, history, to: to.part, slots: vec![slot] }),
            }
        }
        for Movers { from, history, to, slots } in movers {
            let Ok([before, after]) = parts.get_disjoint_mut([from, to]) else { continue };
            let restarted: Vec<usize> = places.differing(from, to).map(|column| given + column).collect();
            let scaled = prior.scaled(&LaneBlock::splat(s))[1];
            after.histories.adopt(&slots, (&before.histories, history), &restarted, &[scaled]);
        }
    }

    /// Writes the estimates of each part to their instruments. Forecast and residual variance are those of a hedge without
    /// the instrument itself.
    pub(super) fn write_parts(&mut self, estimates: &mut Estimates) {
        let Self { places, parts, joined, writer, of_part, k, n, .. } = self;
        let given = *k - places.columns();
        of_part.factors.resize(*k - 1, 0.0);
        for (at, part) in parts.iter().enumerate() {
            let slots = places.slots_of(at);
            if slots == 0 {
                continue;
            }
            of_part.resize(slots);
            write::columns(writer, part.written(), of_part);
            estimates.scatter(of_part, places.members_of(at));
            for column in 0..places.columns() {
                if !places.has_factor(at, column) {
                    estimates.remove_loading(given + column, places.slots(at).map(|(_, i)| i));
                }
            }
        }
        for column in 0..places.columns() {
            estimates.scale_loading(given + column, SCALE);
        }
        for at in 0..parts.len() {
            for (_, i) in places.slots(at) {
                let mut hedge = Hedge::default();
                for column in 0..places.columns() {
                    if let Some(members) = places.members(at, column) {
                        hedge.add(estimates.betas[(given - 1 + column) * *n + i], Term { g: 0.0, members });
                    }
                }
                estimates.observation_var[i] /= hedge.divisor() * hedge.divisor();
            }
        }
        for i in 0..*n {
            let of_t = variance_of_t(estimates.forecast_dof[i]);
            estimates.forecast_mean[i] = joined.forecast.get(i);
            estimates.forecast_sd[i] = (of_t * joined.scale.get(i)).sqrt();
            estimates.forecast_error[i] = joined.observed.get(i) - joined.forecast.get(i);
        }
    }
}

/// Mean S of the instruments that have started.
fn mean_variance(parts: &[Part]) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for part in parts {
        for (slot, _) in part.histories.of.iter().enumerate().filter(|(_, of)| **of != NONE) {
            sum += part.lanes.observation_var.get(slot);
            count += 1.0;
        }
    }
    if count > 0.0 { sum / count } else { 1.0 }
}

impl Joined {
    /// Collects the forecasts of all parts.
    pub(super) fn collect(&mut self, parts: &[Part], of: &Parts, n: usize) {
        let Self { observed, forecast, scale, tail_of, tail_of_block, tails } = self;
        for column in [&mut *observed, forecast, scale] {
            column.0.clear();
            column.resize(n, 0.0);
        }
        for padding in n..observed.0.len() * LANES {
            observed.set(padding, f64::NAN);
        }
        tail_of.clear();
        tail_of.resize(n, NONE);
        tails.clear();
        for (at, part) in parts.iter().enumerate() {
            for (slot, i) in of.slots(at) {
                let Some(history) = part.histories.of.get(slot).filter(|history| **history != NONE) else {
                    observed.set(i, f64::NAN);
                    continue;
                };
                tail_of[i] = tails.len() as u32 + history;
                let (y, f) = (part.observed.get(slot), part.lanes.forecast.get(slot));
                let mut hedge = Hedge::default();
                // Without a return, the instrument is in no group's return.
                for column in (0..of.columns()).filter(|_| !y.is_nan()) {
                    if let Some(term) = of.term(at, column) {
                        hedge.add(part.loading(slot, column, of.columns()), term);
                    }
                }
                let divisor = hedge.divisor();
                observed.set(i, y);
                forecast.set(i, if y.is_nan() { f } else { y - hedge.error(y - f) });
                scale.set(i, part.scale.get(slot) / (divisor * divisor));
            }
            tails.extend_from_slice(&part.tails);
        }
        tail_of_block.clear();
        tail_of_block.extend(tail_of.chunks(LANES).map(
            |block| match block.iter().all(|of| *of == block[0]) {
                true => block[0],
                false => NONE,
            },
        ));
    }
}
