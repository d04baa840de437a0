//! State of a feed's client that outlives a connection.

use betaflow_engine::time::TimestampNs;

use super::EdgeSettings;
use super::order::{Order, Received};
use crate::clock::now;
use crate::live::bar_rules::BarRules;
use crate::live::client::EdgeEvent;
use crate::live::client::backpressure::{Closed, EventSender};
use crate::live::client::counts::add;
use crate::live::protocol::Hello;

/// State that outlives a connection.
pub(super) struct State<'a> {
    pub(super) settings: &'a EdgeSettings,
    pub(super) sender: EventSender,
    pub(super) order: Order,
    /// First hello of the feed.
    pub(super) hello: Option<Hello>,
    /// Rules for its bars.
    pub(super) rules: Option<BarRules>,
    /// Close of the last delivered bars.
    pub(super) last: Option<TimestampNs>,
    /// Bars of the next number, far ahead of the preceding time, held until another message confirms the
    /// time.
    pub(super) unconfirmed: Option<Received>,
    /// Count of refused messages, and the number of the last refused bars.
    pub(super) refused: u64,
    pub(super) refused_seq: Option<u64>,
}

impl State<'_> {
    /// Gives up the messages `from` to `to`, both included.
    pub(super) fn gap(&mut self, from: u64, to: u64) -> Result<(), Closed> {
        self.order.give_up(to);
        add(&self.sender.counters.gaps, 1);
        add(&self.sender.counters.missing, to - from + 1);
        self.sender.send(EdgeEvent::Gap { at: now(), from, to })
    }
}
