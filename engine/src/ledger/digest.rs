//! Digest of a run: a hash chain over the frames of its ledger.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::frame::LedgerFrame;
use crate::execution::{CostItem, Reason};

/// Unused bytes of a fill.
const RESERVED: f64 = 0.0;

/// Hash chain: d_t = SHA-256(d_{t−1} ‖ frame t), d_{−1} = 32 zero bytes.
///
/// Frame t is, little-endian: timestamp (i64, ns), seq (u64), nav, cash (f64); number of fills (u64), then
/// each fill: symbol (u64 length and bytes), frame of the rebalance (i64, −1 without an order), quantity,
/// price, commission, spread, impact and a reserved 0.0 (f64); number of non-zero target weights of the
/// frame's rebalance (u64), then each: symbol, weight. Instruments come in engine order. The digest covers no
/// other data.
///
/// In version 0.1.0 the reserved number was a cost of delistings. It stays, so that the digests of runs
/// without that cost equal those of version 0.1.0.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DigestChain {
    last: [u8; 32],
    bytes: Vec<u8>,
}

impl DigestChain {
    /// Extends the chain by a frame and returns the new digest.
    pub fn extend(&mut self, frame: &LedgerFrame) -> [u8; 32] {
        let bytes = &mut self.bytes;
        bytes.clear();
        bytes.extend_from_slice(&self.last);
        bytes.extend_from_slice(&frame.timestamp.0.to_le_bytes());
        bytes.extend_from_slice(&frame.seq.to_le_bytes());
        put(bytes, &[frame.nav, frame.cash]);
        bytes.extend_from_slice(&(frame.fills.len() as u64).to_le_bytes());
        for fill in &frame.fills {
            put_symbol(bytes, &frame.names[fill.instrument as usize]);
            let decided = match fill.reason {
                Reason::Order => fill.decided_seq.map_or(-1, |seq| seq as i64),
                Reason::Delisting | Reason::CashInLieu | Reason::Ruin | Reason::Recall => -1,
            };
            bytes.extend_from_slice(&decided.to_le_bytes());
            let [commission, spread, impact] =
                [CostItem::Commission, CostItem::Spread, CostItem::Impact].map(|item| fill.costs[item]);
            put(bytes, &[fill.quantity, fill.price, commission, spread, impact, RESERVED]);
        }
        let wanted = || frame.target.iter().enumerate().filter(|(_, weight)| **weight != 0.0);
        bytes.extend_from_slice(&(wanted().count() as u64).to_le_bytes());
        for (instrument, weight) in wanted() {
            put_symbol(bytes, &frame.names[instrument]);
            put(bytes, &[*weight]);
        }
        self.last = Sha256::digest(&bytes[..]).into();
        self.last
    }

    /// Digest of the last frame.
    #[must_use]
    pub fn last(&self) -> [u8; 32] {
        self.last
    }
}

fn put(bytes: &mut Vec<u8>, values: &[f64]) {
    for value in values {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
}

fn put_symbol(bytes: &mut Vec<u8>, symbol: &str) {
    bytes.extend_from_slice(&(symbol.len() as u64).to_le_bytes());
    bytes.extend_from_slice(symbol.as_bytes());
}

/// Hexadecimal text of a digest.
#[must_use]
pub fn hex(digest: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
