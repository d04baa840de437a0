//! Digest of the contents of a table in memory.

use arrow_array::cast::AsArray;
use arrow_array::types::ArrowDictionaryKeyType;
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, RecordBatch, downcast_integer, downcast_primitive};
use arrow_schema::{DataType, Schema};
use sha2::{Digest as _, Sha256};

use super::super::columns::{is_number, is_text, is_time};
use super::texts::text_at;

/// Bytes that are passed to the hash at once.
const CHUNK: usize = 1 << 16;

/// Returns the SHA-256 of names, types and values of all columns.
///
/// Each column adds its name, its type, its values, the rows of its nulls, and the number of rows, each number as
/// 8 bytes, little-endian. A primitive value adds its bytes, a text its length and bytes, a null zeros. No reader
/// takes the values of other types, which are left out.
pub(super) fn of(schema: &Schema, batches: &[RecordBatch]) -> [u8; 32] {
    let mut bytes = Bytes { digest: Sha256::new(), held: Vec::with_capacity(CHUNK) };
    bytes.text("betaflow table 1");
    bytes.number(schema.fields().len());
    for (column, field) in schema.fields().iter().enumerate() {
        let kind = field.data_type();
        bytes.text(field.name());
        bytes.text(&kind.to_string());
        let arrays = || batches.iter().map(|batch| batch.column(column));
        if is_number(kind) || is_time(kind) || is_text(kind) {
            arrays().for_each(|array| add_values(array, &mut bytes));
            let mut first_row = 0;
            for array in arrays() {
                if let Some(nulls) = array.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
                    let rows = nulls.iter().enumerate().filter(|(_, is_valid)| !is_valid);
                    rows.for_each(|(row, _)| bytes.number(first_row + row));
                }
                first_row += array.len();
            }
        }
        bytes.number(arrays().map(Array::len).sum());
    }
    bytes.flush();
    bytes.digest.finalize().into()
}

/// Bytes to be hashed.
struct Bytes {
    digest: Sha256,
    held: Vec<u8>,
}

impl Bytes {
    fn add(&mut self, bytes: &[u8]) {
        if self.held.len() + bytes.len() > CHUNK {
            self.flush();
        }
        match bytes.len() {
            CHUNK.. => self.digest.update(bytes),
            _ => self.held.extend_from_slice(bytes),
        }
    }

    fn flush(&mut self) {
        self.digest.update(&self.held);
        self.held.clear();
    }

    fn number(&mut self, number: usize) {
        self.add(&(number as u64).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.add(text.as_bytes());
    }
}

fn add_values(array: &ArrayRef, bytes: &mut Bytes) {
    macro_rules! add_all {
        ($kind:ty) => {
            add_primitives::<$kind>(array, bytes)
        };
    }
    macro_rules! add_keys {
        ($kind:ty) => {
            add_dictionary::<$kind>(array, bytes)
        };
    }
    let kind = array.data_type();
    match kind {
        DataType::Dictionary(keys, _) => downcast_integer! {
            keys.as_ref() => (add_keys),
            _ => {}
        },
        kind if is_text(kind) => {
            (0..array.len()).for_each(|row| bytes.text(text_at(array, row).unwrap_or_default()));
        }
        kind => downcast_primitive! {
            kind => (add_all),
            _ => {}
        },
    }
}

fn add_primitives<T: ArrowPrimitiveType>(array: &ArrayRef, bytes: &mut Bytes) {
    let array = array.as_primitive::<T>();
    let values = array.values().inner().as_slice();
    if array.null_count() == 0 {
        bytes.add(values);
        return;
    }
    let zeros = [0; size_of::<i128>()];
    let width = size_of::<T::Native>();
    for (row, value) in values.chunks_exact(width).enumerate() {
        bytes.add(if array.is_null(row) { &zeros[..width] } else { value });
    }
}

fn add_dictionary<K: ArrowDictionaryKeyType>(array: &ArrayRef, bytes: &mut Bytes) {
    let array = array.as_dictionary::<K>();
    let texts = array.values();
    for row in 0..array.len() {
        let text = array.key(row).filter(|key| *key < texts.len()).and_then(|key| text_at(texts, key));
        bytes.text(text.unwrap_or_default());
    }
}
