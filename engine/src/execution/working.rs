//! Open orders: in flight, working or partly filled.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::actions::Action;
use super::orders::{Order, OrderRecord, OrderState, fraction_beyond, nearest_lots, whole_lots};

/// Open order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WorkingOrder {
    pub(super) record: OrderRecord,
    /// Close of the rebalance, split-adjusted to the current frame.
    pub(super) decision_price: f64,
    /// Commission of its fills before the per-order minimum.
    commission: f64,
    commission_paid: f64,
    /// True if its last due bar had no volume.
    pub(super) without_volume: bool,
}

impl WorkingOrder {
    /// Remaining quantity, signed.
    pub(super) fn remaining(&self) -> f64 {
        self.record.quantity - self.record.filled
    }

    /// Books a fill of `quantity` units; `all` is true if it fills the remainder.
    pub(super) fn fill(&mut self, quantity: f64, all: bool, lot: f64) {
        let filled = nearest_lots(self.record.filled + quantity, lot);
        self.record.filled = if all { self.record.quantity } else { filled };
    }

    /// Books a fill with commission `own` and returns the commission charged. The per-order minimum `least`
    /// is due with the first fill.
    pub(super) fn charge(&mut self, own: f64, least: f64) -> f64 {
        if least == 0.0 {
            return own;
        }
        self.commission += own;
        let charged = (self.commission.max(least) - self.commission_paid).max(0.0);
        self.commission_paid += charged;
        charged
    }
}

/// State of an order after a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The order stays open.
    Works,
    /// The order ends in this state.
    Ends(OrderState),
}

/// Orders of one rebalance.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Ticket {
    due_seq: u64,
    orders: Vec<WorkingOrder>,
}

/// Open orders, in the order of their rebalances.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Working {
    tickets: VecDeque<Ticket>,
    spare: Vec<Ticket>,
}

impl Working {
    /// Adds the orders of frame `seq`, which can fill from frame `due_seq` on.
    pub(super) fn submit(&mut self, orders: &[Order], seq: u64, due_seq: u64) {
        if orders.is_empty() {
            return;
        }
        let mut ticket = self.spare.pop().unwrap_or_default();
        ticket.due_seq = due_seq;
        ticket.orders.clear();
        ticket.orders.extend(orders.iter().map(|order| WorkingOrder {
            record: OrderRecord {
                instrument: order.instrument,
                decided_seq: seq,
                due_seq,
                quantity: order.quantity,
                filled: 0.0,
                state: OrderState::Decided,
            },
            decision_price: order.decision_price,
            commission: 0.0,
            commission_paid: 0.0,
            without_volume: false,
        }));
        self.tickets.push_back(ticket);
    }

    /// Calls `fate` for each order that is due by frame `seq`, with true if this is its first frame. Orders
    /// that end move to `ended`.
    pub(super) fn each_due(
        &mut self,
        seq: u64,
        ended: &mut Vec<OrderRecord>,
        mut fate: impl FnMut(&mut WorkingOrder, bool) -> Fate,
    ) {
        for ticket in self.tickets.iter_mut().filter(|ticket| ticket.due_seq <= seq) {
            let first = ticket.due_seq == seq;
            ticket.orders.retain_mut(|order| match fate(order, first) {
                Fate::Works => true,
                Fate::Ends(state) => {
                    ended.push(OrderRecord { state, ..order.record });
                    false
                }
            });
        }
        self.drop_empty();
    }

    /// Rounds the orders of an instrument to whole lots, towards zero, after a split for which its position
    /// was rounded from `held` to `whole`. An order that closed the position before rounding closes it after
    /// rounding.
    pub(super) fn round(&mut self, instrument: u32, held: f64, whole: f64, lot: f64) {
        let (mut before, mut after) = (held, whole);
        let orders = self.tickets.iter_mut().flat_map(|ticket| &mut ticket.orders);
        for order in orders.filter(|order| order.record.instrument == instrument) {
            let remaining = order.remaining();
            let closes = before != 0.0 && fraction_beyond(before, -remaining) == 0.0;
            let rounded = if closes { -after } else { whole_lots(remaining, lot) };
            order.record.filled = whole_lots(order.record.filled, lot);
            order.record.quantity = nearest_lots(order.record.filled + rounded, lot);
            before += remaining;
            after = nearest_lots(after + rounded, lot);
        }
    }

    /// Sum of the orders of an instrument whose fill frame is `seq` or later.
    pub(super) fn ordered_from(&self, instrument: u32, seq: u64) -> f64 {
        let tickets = self.tickets.iter().filter(|ticket| ticket.due_seq >= seq);
        let orders = tickets.flat_map(|ticket| &ticket.orders).map(|order| &order.record);
        orders.filter(|record| record.instrument == instrument).map(|record| record.quantity).sum()
    }

    /// Sum of the purchases of an instrument that first fill on frame `seq`.
    pub(super) fn purchases_due(&self, instrument: u32, seq: u64) -> f64 {
        let tickets = self.tickets.iter().filter(|ticket| ticket.due_seq == seq);
        let orders = tickets.flat_map(|ticket| &ticket.orders).map(|order| &order.record);
        let purchases = orders.filter(|record| record.instrument == instrument && record.quantity > 0.0);
        purchases.map(|record| record.quantity).sum()
    }

    /// Expires every order, in flight or not.
    pub(super) fn lapse(&mut self, ended: &mut Vec<OrderRecord>) {
        self.each_due(u64::MAX, ended, |_, _| Fate::Ends(OrderState::Expired));
    }

    /// Applies a split to quantities and decision prices.
    pub(super) fn split(&mut self, action: Action) {
        let orders = self.tickets.iter_mut().flat_map(|ticket| &mut ticket.orders);
        for order in orders.filter(|order| order.record.instrument == action.instrument) {
            order.record.quantity *= action.split;
            order.record.filled *= action.split;
            order.decision_price /= action.split;
        }
    }

    /// Returns true if the fill frame of any order lies after frame `seq`.
    pub(super) fn in_flight(&self, seq: u64) -> bool {
        self.tickets.iter().any(|ticket| ticket.due_seq > seq)
    }

    /// Records of the open orders.
    pub(super) fn records(&self) -> impl Iterator<Item = OrderRecord> {
        self.tickets.iter().flat_map(|ticket| &ticket.orders).map(|order| order.record)
    }

    fn drop_empty(&mut self) {
        if self.tickets.iter().all(|ticket| !ticket.orders.is_empty()) {
            return;
        }
        let spare = &mut self.spare;
        self.tickets.retain_mut(|ticket| {
            let keep = !ticket.orders.is_empty();
            if !keep {
                spare.push(std::mem::take(ticket));
            }
            keep
        });
    }
}
