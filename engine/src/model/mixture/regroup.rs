//! Groups of the instruments: moves between parts, and estimates in engine order.

use super::joined::Joined;
use super::part::Part;
use super::write::{LastForecast, Scales, Writer};
use super::{Estimates, GroupColumn, LANES, LaneBlock, State};
use crate::model::parts::{Hedge, Move, SCALE, Term};

/// Instruments that leave one history for the same part.
struct Movers {
    from: usize,
    history: usize,
    to: usize,
    slots: Vec<u32>,
}

impl State {
    /// Takes the groups of a frame. An instrument whose group changes moves to its new part: it keeps alpha and the other
    /// loadings with their covariance, and the loading on the group starts again from its prior.
    pub(super) fn regroup(&mut self, groups: &[GroupColumn]) {
        let moves = self.places.assign(groups);
        let Self { places, parts, prior, rules, keep, k, .. } = self;
        let count = keep.len();
        while parts.len() < places.count() {
            parts.push(Part::new(rules.clone(), *k, count));
        }
        if moves.is_empty() {
            return;
        }
        for (at, part) in parts.iter_mut().enumerate() {
            part.models.resize(places.slots_of(at));
        }
        let given = *k - places.columns();
        let mut movers: Vec<Movers> = Vec::new();
        for Move { from, to } in moves {
            let Ok([before, after]) = parts.get_disjoint_mut([from.part, to.part]) else { continue };
            let Some(history) = before.histories.release(from.slot) else { continue };
            before.models.move_to(from.slot, &mut after.models, to.slot);
            for column in places.differing(from.part, to.part) {
                after.models.set_mean(to.slot, given + column, prior.mean(given + column));
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
            let usual = |block: &[super::forecast::ModelFrame]| {
                prior.scaled(&LaneBlock::from_fn(|m| block.get(m).unwrap_or(&block[0]).usual))[1]
            };
            let priors: Vec<LaneBlock> = before.frames.chunks(LANES).map(usual).collect();
            after.histories.adopt(&slots, (&before.histories, history), &restarted, &priors);
        }
    }

    /// Writes the estimates of each part to their instruments. Forecast and residual variance are those of a hedge without
    /// the instrument itself.
    pub(super) fn write_parts(
        &self,
        writer: &mut Writer,
        of_part: &mut Estimates,
        scales: Scales,
        estimates: &mut Estimates,
    ) {
        let Self { places, parts, joined, k, n, .. } = self;
        let given = k - places.columns();
        of_part.factors.resize(k - 1, 0.0);
        (of_part.decides, of_part.omits_covariance) = (estimates.decides, estimates.omits_covariance);
        if estimates.has_covariance() {
            estimates.coefficient_cov.begin_columns(*n, *k);
        }
        for (at, part) in parts.iter().enumerate() {
            let slots = places.slots_of(at);
            if slots == 0 {
                continue;
            }
            of_part.resize(slots);
            let Part { histories, models, observed, mixed, scale, .. } = part;
            writer.write(models, histories, LastForecast { observed, mixed, scale }, scales, of_part);
            estimates.scatter(of_part, places.members_of(at));
            for column in 0..places.columns() {
                let members = || places.slots(at).map(|(_, i)| i);
                if !places.has_factor(at, column) {
                    estimates.remove_loading(given + column, members());
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
                        hedge.add(estimates.betas[(given - 1 + column) * n + i], Term { g: 0.0, members });
                    }
                }
                estimates.observation_var[i] /= hedge.divisor() * hedge.divisor();
            }
        }
        let Joined { observed, published, scale, .. } = joined;
        for i in 0..*n {
            estimates.forecast_mean[i] = published.get(i);
            estimates.forecast_sd[i] = (scales.forecast_variance * scale.get(i)).sqrt();
            estimates.forecast_error[i] = observed.get(i) - published.get(i);
        }
    }
}
