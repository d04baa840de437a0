//! Tables in memory as inputs: Arrow record batches that are read without a copy of the table.
//!
//! * `rows.rs` has the rows in the order in which they are read: that of the table, or that of their times.
//!   `order.rs` finds the latter for a table in the order of its symbols, as one `u32` per row.
//! * `batches.rs` cuts slices of the record batches, or collects rows that are not neighbours.
//!   A slice has at most as many rows as a batch of a file, and is read by the same code.
//! * `texts.rs` numbers the texts of a column, so that every form of text becomes a dictionary.

mod batches;
mod digest;
mod order;
mod places;
mod rows;
mod texts;

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

pub(super) use batches::MemoryBatches;
pub(super) use order::SortedRows;
use order::{OrderKey, TimeOrder};
use places::Places;
pub(super) use rows::MemoryRows;
use rows::TimeSurvey;

/// Table in memory: Arrow record batches of one schema. Clones share it.
///
/// The batches must not change while the table exists.
#[derive(Clone)]
pub struct MemoryTable(Arc<Table>);

struct Table {
    name: String,
    schema: SchemaRef,
    /// Batches with at least one row.
    batches: Vec<RecordBatch>,
    places: Places,
    digest: OnceLock<[u8; 32]>,
    /// Facts about each column that was read as times.
    surveys: Vec<OnceLock<TimeSurvey>>,
    /// Order of the rows by time that was found last.
    order: Mutex<Option<(OrderKey, Arc<TimeOrder>)>>,
}

impl MemoryTable {
    /// Creates a table of batches that all have this schema; `name` stands for it in messages.
    #[must_use]
    pub fn new(name: String, schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        let batches: Vec<RecordBatch> = batches.into_iter().filter(|batch| batch.num_rows() > 0).collect();
        let places = Places::new(batches.iter().map(RecordBatch::num_rows));
        let surveys = schema.fields().iter().map(|_| OnceLock::new()).collect();
        let (digest, order) = (OnceLock::new(), Mutex::new(None));
        Self(Arc::new(Table { name, schema, batches, places, digest, surveys, order }))
    }

    /// Name in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// SHA-256 of the contents: names, types and values of the columns, in order. It depends neither on the name
    /// of the table nor on the division into batches.
    pub(super) fn digest(&self) -> [u8; 32] {
        *self.0.digest.get_or_init(|| digest::of(&self.0.schema, &self.0.batches))
    }

    /// Returns the order by time that was found before with the same key, or finds it.
    fn order<E>(
        &self,
        key: OrderKey,
        find: impl FnOnce() -> Result<TimeOrder, E>,
    ) -> Result<Arc<TimeOrder>, E> {
        let mut known = self.0.order.lock().unwrap_or_else(PoisonError::into_inner);
        match known.as_ref() {
            Some((of, order)) if *of == key => Ok(Arc::clone(order)),
            _ => {
                let order = Arc::new(find()?);
                *known = Some((key, Arc::clone(&order)));
                Ok(order)
            }
        }
    }
}

impl fmt::Debug for MemoryTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTable").field("name", &self.0.name).finish_non_exhaustive()
    }
}
