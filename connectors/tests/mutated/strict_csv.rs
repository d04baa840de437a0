//! Strict reader of tables of prices in CSV, written for the tests alone.

use std::sync::Arc;

use arrow_array::{ArrayRef, Date32Array, Float64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use betaflow_connectors::parquet::MemoryTable;

use super::records;

/// Days since 1970 of a date `YYYY-MM-DD` or `YYYYMMDD`; zeros of month and day may be missing.
fn day(text: &str) -> Result<i32, String> {
    let parts: Vec<&str> = match text.len() {
        8 if !text.contains('-') => {
            [0..4, 4..6, 6..8].into_iter().filter_map(|part| text.get(part)).collect()
        }
        _ => text.split('-').collect(),
    };
    let are_digits =
        parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    if !are_digits || !matches!(lengths[..], [4, 1 | 2, 1 | 2]) {
        return Err(format!("date {text:?}"));
    }
    let number = |at: usize| parts[at].parse::<i32>().unwrap_or(0);
    let (year, month, date) = (number(0), number(1), number(2));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = usize::try_from(month - 1).ok().and_then(|month| lengths.get(month));
    if length.is_none_or(|length| date < 1 || date > *length) {
        return Err(format!("date {text:?}"));
    }
    // Days of the years before, then of the months before.
    let before = year - 1;
    let days = 365 * before + before / 4 - before / 100 + before / 400;
    let months: i32 = lengths[..usize::try_from(month - 1).unwrap_or(0)].iter().sum();
    Ok(days + months + date - 1 - 719_162)
}

fn number(text: &str, decimal_comma: bool) -> Result<Option<f64>, String> {
    let plain = match (decimal_comma, text.contains('.')) {
        (true, true) => return Err(format!("decimal point in {text:?}")),
        (true, false) => text.replace(',', "."),
        (false, _) => text.to_owned(),
    };
    records::number(&plain).ok_or_else(|| format!("number {text:?}"))
}

/// Table of a text, sorted by time.
pub(crate) fn table(bytes: &[u8], separator: char, decimal_comma: bool) -> Result<MemoryTable, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
    let mut records = records::records(text.strip_prefix('\u{feff}').unwrap_or(text), separator)?.into_iter();
    let header: Vec<String> =
        records.next().ok_or("no header")?.iter().map(|name| name.trim().to_owned()).collect();
    let mut rows: Vec<(i32, Vec<String>)> = Vec::new();
    for record in records {
        if record.len() != header.len() {
            return Err(format!("{} fields", record.len()));
        }
        let cells: Vec<String> = record.iter().map(|cell| cell.trim().to_owned()).collect();
        rows.push((day(&cells[0])?, cells));
    }
    rows.sort_by_key(|row| row.0);
    let mut columns: Vec<(Field, ArrayRef)> = vec![(
        Field::new("date", DataType::Date32, true),
        Arc::new(Date32Array::from_iter_values(rows.iter().map(|row| row.0))),
    )];
    if !header[0].eq_ignore_ascii_case("date") {
        return Err(format!("the first column is {:?}", header[0]));
    }
    for (at, name) in header.iter().enumerate().skip(1) {
        let texts = rows.iter().map(|row| row.1[at].as_str());
        let array: ArrayRef = match name.to_lowercase().as_str() {
            "symbol" => Arc::new(StringArray::from_iter_values(texts)),
            _ => {
                let numbers = texts.map(|text| number(text, decimal_comma)).collect::<Result<Vec<_>, _>>()?;
                Arc::new(Float64Array::from(numbers))
            }
        };
        columns.push((Field::new(name, array.data_type().clone(), true), array));
    }
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), arrays).map_err(|error| error.to_string())?;
    Ok(MemoryTable::new("strict".to_owned(), schema, vec![batch]))
}
