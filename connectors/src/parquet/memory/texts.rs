//! Texts of a column as keys of a dictionary.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowDictionaryKeyType, Int32Type};
use arrow_array::{
    Array, ArrayAccessor, ArrayRef, DictionaryArray, PrimitiveArray, StringArray, downcast_integer,
};
use arrow_schema::DataType;

use super::places::{Part, Run};
use super::rows::MemoryRows;
use crate::DataError;

/// Number and bytes of texts at which the dictionary starts again.
const TEXTS_MAX: usize = 1 << 16;
const BYTES_MAX: usize = 64 << 20;
/// Number of keys of the table's own dictionaries that are kept.
const KEYS_MAX: usize = 1 << 22;

/// Key of the own dictionary whose text has no number yet, and key of a null.
const UNKNOWN: i32 = -1;
const NULL: i32 = -2;

/// Type of a column of texts in a batch, the same as in a batch of a file.
pub(super) fn keys_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// Error of a key without a value in its dictionary.
struct KeyOutside;

/// Numbers of the texts of a column in the order of their first row. Only texts of rows have a number, so that
/// unused categories name no symbol.
#[derive(Default)]
pub(super) struct TextKeys {
    numbers: HashMap<Arc<str>, i32>,
    texts: Vec<Arc<str>>,
    bytes: usize,
    /// Number that followed each number last: symbols recur in the same order, which saves a search.
    followers: Vec<i32>,
    last: usize,
    /// Array of the texts, which batches share until a new text appears.
    values: Option<ArrayRef>,
    dictionaries: Dictionaries,
}

/// Dictionaries of the record batches, with the number of each of their values.
#[derive(Default)]
struct Dictionaries {
    known: Vec<(ArrayRef, Vec<i32>)>,
    /// Position in `known` by record batch.
    of_batch: HashMap<usize, usize>,
    keys: usize,
    /// Record batch found last, and its position.
    last: Option<(usize, usize)>,
}

impl Dictionaries {
    /// Returns the position of the dictionary of a record batch.
    fn find(&mut self, batch: usize, values: &ArrayRef) -> usize {
        if let Some((_, at)) = self.last.filter(|(known, _)| *known == batch) {
            return at;
        }
        let at = self.of_batch.get(&batch).copied().unwrap_or_else(|| {
            let shared = |(known, _): &(ArrayRef, _)| known.to_data().ptr_eq(&values.to_data());
            if !self.known.last().is_some_and(shared) {
                self.known.push((Arc::clone(values), vec![UNKNOWN; values.len()]));
                self.keys += values.len();
            }
            self.of_batch.insert(batch, self.known.len() - 1);
            self.known.len() - 1
        });
        self.last = Some((batch, at));
        at
    }
}

impl TextKeys {
    /// Returns the cells of a column as a dictionary array.
    pub(super) fn keys_of(
        &mut self,
        rows: &MemoryRows,
        column: usize,
        part: &Part,
    ) -> Result<ArrayRef, DataError> {
        if self.texts.len() > TEXTS_MAX || self.bytes > BYTES_MAX {
            *self = Self::default();
        } else if self.dictionaries.keys > KEYS_MAX {
            self.dictionaries = Dictionaries::default();
        }
        let field = rows.schema().field(column);
        let unusable = |what: &str| DataError::Unsupported {
            file: rows.table().name().to_owned(),
            column: field.name().clone(),
            what: what.to_owned(),
        };
        let known = self.texts.len();
        let mut keys = Vec::with_capacity(part.rows());
        part.for_each_run(|batch, run| self.read_run(batch, rows.column(batch, column), run, &mut keys))
            .map_err(|KeyOutside| unusable("a key outside its dictionary"))?;
        if self.bytes > i32::MAX as usize {
            return Err(unusable("more than 2 GB of text in one batch"));
        }
        let texts = || Arc::new(StringArray::from_iter_values(self.texts.iter())) as ArrayRef;
        let values = match &self.values {
            Some(values) if self.texts.len() == known => Arc::clone(values),
            _ => texts(),
        };
        self.values = Some(Arc::clone(&values));
        let keys: PrimitiveArray<Int32Type> = match keys.contains(&NULL) {
            true => keys.into_iter().map(|key| Some(key).filter(|key| *key != NULL)).collect(),
            false => keys.into(),
        };
        let array = DictionaryArray::try_new(keys, values).map_err(|error| unusable(&error.to_string()))?;
        Ok(Arc::new(array))
    }

    /// Appends the keys of rows of one record batch.
    fn read_run(
        &mut self,
        batch: usize,
        array: &ArrayRef,
        run: Run<'_>,
        out: &mut Vec<i32>,
    ) -> Result<(), KeyOutside> {
        macro_rules! read {
            ($kind:ty) => {
                self.read_dictionary(batch, array.as_dictionary::<$kind>(), run, out)
            };
        }
        match array.data_type() {
            DataType::Utf8 => self.read_texts(array.as_string::<i32>(), run, out),
            DataType::LargeUtf8 => self.read_texts(array.as_string::<i64>(), run, out),
            DataType::Utf8View => self.read_texts(array.as_string_view(), run, out),
            DataType::Dictionary(of_keys, _) => downcast_integer! {
                of_keys.as_ref() => (read),
                _ => Err(KeyOutside)
            },
            _ => Err(KeyOutside),
        }
    }

    fn read_texts<'a>(
        &mut self,
        array: impl ArrayAccessor<Item = &'a str>,
        run: Run<'_>,
        out: &mut Vec<i32>,
    ) -> Result<(), KeyOutside> {
        let mut read = |row| {
            let text = array.is_valid(row).then(|| array.value(row));
            out.push(text.map_or(NULL, |text| self.number(text)));
        };
        match run {
            Run::Range(rows) => rows.for_each(read),
            Run::List(places) => places.iter().for_each(|place| read(place.row)),
        }
        Ok(())
    }

    fn read_dictionary<K: ArrowDictionaryKeyType>(
        &mut self,
        batch: usize,
        array: &DictionaryArray<K>,
        run: Run<'_>,
        out: &mut Vec<i32>,
    ) -> Result<(), KeyOutside> {
        let at = self.dictionaries.find(batch, array.values());
        let mut read = |row| {
            let Some(key) = array.key(row) else {
                out.push(NULL);
                return Ok(());
            };
            let mut number = *self.dictionaries.known[at].1.get(key).ok_or(KeyOutside)?;
            if number == UNKNOWN {
                number = text_at(array.values(), key).map_or(NULL, |text| self.number(text));
                self.dictionaries.known[at].1[key] = number;
            }
            out.push(number);
            Ok(())
        };
        match run {
            Run::Range(mut rows) => rows.try_for_each(read),
            Run::List(places) => places.iter().try_for_each(|place| read(place.row)),
        }
    }

    fn number(&mut self, text: &str) -> i32 {
        let follower = self.followers.get(self.last).copied().and_then(|next| usize::try_from(next).ok());
        if let Some(next) = follower.filter(|next| &*self.texts[*next] == text) {
            self.last = next;
            return next as i32;
        }
        let number = match self.numbers.get(text) {
            Some(number) => *number,
            None => {
                // A batch adds few texts to at most `TEXTS_MAX`.
                let (number, text) = (self.texts.len() as i32, Arc::<str>::from(text));
                self.bytes += text.len();
                self.texts.push(Arc::clone(&text));
                self.followers.push(UNKNOWN);
                self.numbers.insert(text, number);
                number
            }
        };
        self.followers[self.last] = number;
        self.last = number as usize;
        number
    }
}

/// Returns the text of a cell of any type of text; `None` for a null.
pub(super) fn text_at(array: &ArrayRef, row: usize) -> Option<&str> {
    if array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Utf8 => Some(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Some(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Some(array.as_string_view().value(row)),
        _ => None,
    }
}
