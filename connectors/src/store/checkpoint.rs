//! Recorded checkpoints, tied to the record of the run.

use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};

/// Recorded checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedCheckpoint {
    /// Number of the frame after which the checkpoint was taken.
    pub seq: u64,
    /// Number of the first input that the checkpoint does not include.
    pub next_input: u64,
    /// State of all stages.
    pub state: Vec<u8>,
}

impl SavedCheckpoint {
    /// Returns the SHA-256 of the checkpoint and of the digest of the last frame that it includes, so that a checkpoint
    /// of another run or of another frame is not used.
    fn checksum(&self, digest: &str) -> [u8; 32] {
        let mut sum = Sha256::new();
        sum.update(self.seq.to_le_bytes());
        sum.update(self.next_input.to_le_bytes());
        sum.update(digest);
        sum.update(&self.state);
        sum.finalize().into()
    }

    /// Writes the checkpoint inside a transaction that follows its frame.
    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let digest = last_digest(connection, self.seq)?.map(|(_, digest)| digest).unwrap_or_default();
        let insert = "INSERT OR REPLACE INTO checkpoints VALUES (?1, ?2, ?3, ?4, ?5)";
        let row = params![self.seq, self.next_input, self.state, digest, self.checksum(&digest)];
        connection.prepare_cached(insert)?.execute(row).map(drop)
    }

    /// Reads all checkpoints, the latest first, each with whether it belongs to the recorded frames.
    pub(super) fn read_all(connection: &Connection) -> rusqlite::Result<Vec<(Self, bool)>> {
        let all = "SELECT seq, next_input, state, digest, checksum FROM checkpoints ORDER BY seq DESC";
        let mut statement = connection.prepare(all)?;
        let rows = statement.query_map([], |row| {
            let checkpoint = Self { seq: row.get(0)?, next_input: row.get(1)?, state: row.get(2)? };
            let (digest, sum): (Option<String>, Option<Vec<u8>>) = (row.get(3)?, row.get(4)?);
            Ok((checkpoint, digest.unwrap_or_default(), sum))
        })?;
        let checked = rows.map(|row| {
            let (checkpoint, digest, sum) = row?;
            let is_whole = sum.as_deref() == Some(&checkpoint.checksum(&digest));
            let belongs = match last_digest(connection, checkpoint.seq)? {
                Some((_, found)) if found == digest => true,
                // The row that opens the account has the number of the frame before the first rebalance, and is
                // recorded with it.
                Some((seq, _)) => {
                    digest.is_empty() && seq == checkpoint.seq && first_frame(connection)? == Some(seq)
                }
                None => digest.is_empty(),
            };
            Ok((checkpoint, is_whole && belongs))
        });
        checked.collect()
    }
}

/// Returns number and digest of the last recorded frame up to frame `seq`.
fn last_digest(connection: &Connection, seq: u64) -> rusqlite::Result<Option<(u64, String)>> {
    let last = "SELECT seq, coalesce(digest, '') FROM equity WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1";
    connection.prepare_cached(last)?.query_row([seq], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

fn first_frame(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    connection.query_row("SELECT min(seq) FROM equity", [], |row| row.get(0))
}
