//! Records of a compared run: a frame with its fills, orders and targets.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::Result;
use betaflow_connectors::record::{EquityRow, FillRow, FrameRows, OrderRow, RunRecord, WeightRow};
use betaflow_engine::ledger::difference::Carried;

/// Records of a frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordedFrame {
    pub(crate) equity: EquityRow,
    pub(crate) fills: Vec<FillRow>,
    /// Orders that ended on the frame.
    ended: Vec<OrderRow>,
    /// Orders that fall due on the frame.
    pub(crate) due: Vec<OrderRow>,
    /// Target weights decided on the frame, if they are recorded.
    pub(crate) targets: Option<Vec<(Arc<str>, f64)>>,
}

impl RecordedFrame {
    /// Returns the number of the frame.
    pub(crate) fn seq(&self) -> u64 {
        self.equity.seq
    }

    /// Returns the time of the frame, nanoseconds since 1970.
    pub(crate) fn time(&self) -> i64 {
        self.equity.timestamp.0
    }

    /// Returns costs and interest.
    pub(crate) fn carried(&self) -> Carried {
        Carried { costs: self.equity.costs.total(), interest: self.equity.interest }
    }
}

/// Recorded frames in order, each with the orders that fall due. An order is stored with the frame on which it ended.
pub(crate) struct RecordedFrames {
    equity: FrameRows<EquityRow>,
    fills: FrameRows<FillRow>,
    orders: FrameRows<OrderRow>,
    weights: Option<FrameRows<WeightRow>>,
    ahead: VecDeque<RecordedFrame>,
    /// Maximum frames on which an order may work.
    works: u64,
    ended: bool,
}

impl RecordedFrames {
    /// Opens the tables.
    ///
    /// # Errors
    /// A table cannot be read.
    pub(crate) fn new(record: &RunRecord, works: u64) -> Result<Self> {
        Ok(Self {
            equity: record.equity()?,
            fills: record.fills()?,
            orders: record.orders()?,
            weights: record.weights()?,
            ahead: VecDeque::new(),
            works,
            ended: false,
        })
    }

    /// Returns the next recorded frame.
    ///
    /// # Errors
    /// The record cannot be read.
    pub(crate) fn next(&mut self) -> Result<Option<RecordedFrame>> {
        while !self.ended && self.ahead.len() as u64 <= self.works {
            match self.read()? {
                Some(frame) => self.ahead.push_back(frame),
                None => self.ended = true,
            }
        }
        let Some(mut frame) = self.ahead.pop_front() else { return Ok(None) };
        let seq = frame.seq();
        let due = |order: &&OrderRow| order.due_seq == seq;
        frame.due = frame.ended.iter().filter(due).cloned().collect();
        frame.due.extend(self.ahead.iter().flat_map(|frame| &frame.ended).filter(due).cloned());
        frame.due.sort_by(|a, b| (&a.symbol, a.decided_seq).cmp(&(&b.symbol, b.decided_seq)));
        Ok(Some(frame))
    }

    fn read(&mut self) -> Result<Option<RecordedFrame>> {
        let Some(equity) = self.equity.next_row()? else { return Ok(None) };
        let seq = equity.seq;
        let mut frame = RecordedFrame { equity, ..RecordedFrame::default() };
        while let Some(fill) = self.fills.next_of(seq)? {
            frame.fills.push(fill);
        }
        while let Some(order) = self.orders.next_of(seq)? {
            frame.ended.push(order);
        }
        if let Some(weights) = &mut self.weights {
            let mut targets = Vec::new();
            while let Some(row) = weights.next_of(seq)? {
                // Null on a frame without a rebalance and 0 for no position are not targets.
                if row.target_weight != 0.0 && !row.target_weight.is_nan() {
                    targets.push((row.symbol, row.target_weight));
                }
            }
            frame.targets = (!targets.is_empty()).then_some(targets);
        }
        Ok(Some(frame))
    }
}
