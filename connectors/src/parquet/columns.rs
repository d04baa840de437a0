//! Conversion of Arrow arrays to nanoseconds and numbers.

use std::fmt::Display;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Float16Type,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};
use betaflow_engine::time::DAY_NS;

use super::runs::runs;
use crate::iso_time::parse_time;
use crate::{DataError, Place};

/// Returns whether a column of this type holds times.
pub(super) fn is_time(kind: &DataType) -> bool {
    matches!(kind, DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _))
}

/// Returns whether a column of this type holds names.
pub(super) fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, values) => is_plain_text(values),
        kind => is_plain_text(kind),
    }
}

fn is_plain_text(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Returns whether a column of this type holds numbers. Some writers store an instrument that never traded as
/// a column of nulls without a type.
pub(super) fn is_number(kind: &DataType) -> bool {
    use DataType::{Decimal32, Decimal64, Decimal128, Float16, Float32, Float64, Null};
    kind.is_integer()
        || matches!(kind, Float16 | Float32 | Float64 | Decimal32(..) | Decimal64(..) | Decimal128(..) | Null)
}

/// Reason for which a time is invalid; the number is its row in the array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeFault {
    Null(usize),
    OutOfRange(usize),
    /// Text that is not a date.
    NoDate(usize),
}

impl TimeFault {
    /// Returns the error of a time column; `place` locates a row of `times`.
    pub(super) fn error(self, times: &ArrayRef, place: impl FnOnce(usize) -> Box<Place>) -> DataError {
        match self {
            Self::Null(row) => DataError::NullKey { place: place(row) },
            Self::OutOfRange(row) => DataError::TimeOutOfRange { place: place(row) },
            Self::NoDate(row) => DataError::NoDate { place: place(row), found: text(times, row) },
        }
    }
}

/// Writes the times of `array` plus `shift` to `out`, in ns. Times without a zone are UTC.
pub(super) fn times(array: &ArrayRef, shift: i64, out: &mut Vec<i64>) -> Result<(), TimeFault> {
    out.clear();
    if array.null_count() > 0 {
        let first = (0..array.len()).find(|row| array.is_null(*row));
        return Err(TimeFault::Null(first.unwrap_or(0)));
    }
    match array.data_type() {
        DataType::Date32 => scaled::<Date32Type>(array, DAY_NS, shift, out),
        DataType::Date64 => scaled::<Date64Type>(array, 1_000_000, shift, out),
        DataType::Timestamp(TimeUnit::Second, _) => {
            scaled::<TimestampSecondType>(array, 1_000_000_000, shift, out)
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            scaled::<TimestampMillisecondType>(array, 1_000_000, shift, out)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            scaled::<TimestampMicrosecondType>(array, 1_000, shift, out)
        }
        DataType::Dictionary(_, _) => parsed(array, shift, out),
        _ => scaled::<TimestampNanosecondType>(array, 1, shift, out),
    }
}

/// Number of texts whose times are kept for an array of any length.
const MEMO_MIN: usize = 16;

/// Converts the times of a text column, which is read as a dictionary.
fn parsed(array: &ArrayRef, shift: i64, out: &mut Vec<i64>) -> Result<(), TimeFault> {
    let rows = array.as_dictionary::<Int32Type>();
    let (keys, texts) = (rows.keys().values(), rows.values().as_string::<i32>());
    // A dictionary may have many more texts than a short array has rows.
    let mut times: Vec<Option<i64>> = vec![None; texts.len().min(keys.len().max(MEMO_MIN))];
    for (row, key) in keys.iter().enumerate() {
        let key = key.unsigned_abs() as usize;
        let time = match times.get(key).copied().flatten() {
            Some(time) => time,
            None => parse_time(texts.value(key)).ok_or(TimeFault::NoDate(row))?,
        };
        if let Some(known) = times.get_mut(key) {
            *known = Some(time);
        }
        out.push(time.checked_add(shift).ok_or(TimeFault::OutOfRange(row))?);
    }
    Ok(())
}

fn scaled<T>(array: &ArrayRef, unit: i64, shift: i64, out: &mut Vec<i64>) -> Result<(), TimeFault>
where
    T: ArrowPrimitiveType,
    T::Native: Into<i64>,
{
    let values = array.as_primitive::<T>().values();
    // One range check per run of equal values; multiplication and addition then cannot overflow.
    let range = i64::MIN.saturating_sub(shift.min(0)) / unit..=i64::MAX.saturating_sub(shift.max(0)) / unit;
    out.reserve(values.len());
    for run in runs(values) {
        let value = run[0].into();
        if !range.contains(&value) {
            return Err(TimeFault::OutOfRange(out.len()));
        }
        out.resize(out.len() + run.len(), value * unit + shift);
    }
    Ok(())
}

/// Replacement for a NaN in the data, because NaN means null in our columns; every consumer refuses it.
const NAN_IN_DATA: f64 = f64::NEG_INFINITY;

/// Writes the numbers of `array` to `out`; nulls become NaN, and NaN becomes [`NAN_IN_DATA`].
pub(super) fn numbers(array: &ArrayRef, out: &mut Vec<f64>) {
    out.clear();
    match array.data_type() {
        DataType::Float64 => convert::<Float64Type>(array, out, |value| value),
        DataType::Float32 => convert::<Float32Type>(array, out, f64::from),
        DataType::Float16 => convert::<Float16Type>(array, out, f64::from),
        DataType::Int8 => convert::<Int8Type>(array, out, f64::from),
        DataType::Int16 => convert::<Int16Type>(array, out, f64::from),
        DataType::Int32 => convert::<Int32Type>(array, out, f64::from),
        DataType::UInt8 => convert::<UInt8Type>(array, out, f64::from),
        DataType::UInt16 => convert::<UInt16Type>(array, out, f64::from),
        DataType::UInt32 => convert::<UInt32Type>(array, out, f64::from),
        // Prices beyond 2^53 are rounded to the nearest double.
        #[allow(clippy::cast_precision_loss)]
        DataType::Int64 => convert::<Int64Type>(array, out, |value| value as f64),
        #[allow(clippy::cast_precision_loss)]
        DataType::UInt64 => convert::<UInt64Type>(array, out, |value| value as f64),
        DataType::Decimal32(_, scale) => {
            let shift = power(*scale);
            convert::<Decimal32Type>(array, out, |value| shift(f64::from(value)));
        }
        #[allow(clippy::cast_precision_loss)]
        DataType::Decimal64(_, scale) => {
            let shift = power(*scale);
            convert::<Decimal64Type>(array, out, |value| shift(value as f64));
        }
        #[allow(clippy::cast_precision_loss)]
        DataType::Decimal128(_, scale) => {
            let shift = power(*scale);
            convert::<Decimal128Type>(array, out, |value| shift(value as f64));
        }
        _ => out.resize(array.len(), f64::NAN),
    }
}

/// Moves the decimal point by `scale` places. Division by an exact power of ten rounds only once, so 0.1
/// becomes the nearest double.
fn power(scale: i8) -> impl Fn(f64) -> f64 {
    let unit = 10f64.powi(i32::from(scale.unsigned_abs()));
    move |value| if scale >= 0 { value / unit } else { value * unit }
}

fn convert<T: ArrowPrimitiveType>(array: &ArrayRef, out: &mut Vec<f64>, number: impl Fn(T::Native) -> f64) {
    let array = array.as_primitive::<T>();
    out.extend(array.values().iter().map(|value| {
        let value = number(*value);
        if value.is_nan() { NAN_IN_DATA } else { value }
    }));
    if let Some(nulls) = array.nulls().filter(|nulls| nulls.null_count() > 0) {
        for (value, valid) in out.iter_mut().zip(nulls.iter()) {
            if !valid {
                *value = f64::NAN;
            }
        }
    }
}

/// Returns the text of one cell, for messages.
pub(super) fn text(array: &ArrayRef, row: usize) -> String {
    if array.is_null(row) {
        return String::new();
    }
    match array.data_type() {
        // Prints the shortest digits that identify the float.
        DataType::Float16 => format!("{:?}", array.as_primitive::<Float16Type>().value(row)),
        DataType::Float32 => format!("{:?}", array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => format!("{:?}", array.as_primitive::<Float64Type>().value(row)),
        DataType::Int8 => integer::<Int8Type>(array, row),
        DataType::Int16 => integer::<Int16Type>(array, row),
        DataType::Int32 => integer::<Int32Type>(array, row),
        DataType::Int64 => integer::<Int64Type>(array, row),
        DataType::UInt8 => integer::<UInt8Type>(array, row),
        DataType::UInt16 => integer::<UInt16Type>(array, row),
        DataType::UInt32 => integer::<UInt32Type>(array, row),
        DataType::UInt64 => integer::<UInt64Type>(array, row),
        DataType::Decimal32(_, scale) => decimal(&integer::<Decimal32Type>(array, row), *scale),
        DataType::Decimal64(_, scale) => decimal(&integer::<Decimal64Type>(array, row), *scale),
        DataType::Decimal128(_, scale) => decimal(&integer::<Decimal128Type>(array, row), *scale),
        DataType::Dictionary(_, _) => {
            let rows = array.as_dictionary::<Int32Type>();
            let key = rows.keys().value(row).unsigned_abs() as usize;
            rows.values().as_string::<i32>().value(key).to_owned()
        }
        other => format!("a value of type {other}"),
    }
}

fn integer<T: ArrowPrimitiveType<Native: Display>>(array: &ArrayRef, row: usize) -> String {
    array.as_primitive::<T>().value(row).to_string()
}

/// Inserts the decimal point `scale` places from the right.
fn decimal(digits: &str, scale: i8) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let places = usize::from(scale.unsigned_abs());
    if scale <= 0 {
        return format!("{sign}{digits}{}", "0".repeat(places));
    }
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, decimals) = padded.split_at(padded.len() - places);
    format!("{sign}{whole}.{decimals}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{
        Decimal32Array, Decimal64Array, Decimal128Array, Float32Array, Float64Array, Int8Array, Int16Array,
        Int32Array, Int64Array, NullArray, PrimitiveArray, StringArray, UInt8Array, UInt16Array, UInt32Array,
        UInt64Array,
    };

    use super::*;

    #[test]
    fn numbers_of_every_type_are_read_with_their_sign_and_scale() {
        type Half = <Float16Type as ArrowPrimitiveType>::Native;
        let halves = [Some(1.5), None, Some(-0.25)].map(|value| value.map(Half::from_f64));
        let halves = PrimitiveArray::<Float16Type>::from_iter(halves);
        let decimals = |scale| {
            let numbers = Decimal128Array::from(vec![Some(-5), None, Some(123_456)]);
            Arc::new(numbers.with_precision_and_scale(20, scale).unwrap()) as ArrayRef
        };
        let short = Decimal32Array::from(vec![Some(-5), None, Some(123_456)]);
        let middle = Decimal64Array::from(vec![Some(-5), None, Some(123_456)]);
        let (nan, infinite) = (f64::NAN, f64::NEG_INFINITY);
        let cases: Vec<(ArrayRef, [f64; 3])> = vec![
            (Arc::new(Int8Array::from(vec![Some(-128), None, Some(127)])), [-128.0, nan, 127.0]),
            (Arc::new(Int16Array::from(vec![Some(-32_768), None, Some(300)])), [-32_768.0, nan, 300.0]),
            (Arc::new(Int32Array::from(vec![Some(-70_000), None, Some(7)])), [-70_000.0, nan, 7.0]),
            (
                Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(1 << 40)])),
                [i64::MIN as f64, nan, 1_099_511_627_776.0],
            ),
            (Arc::new(UInt8Array::from(vec![Some(255), None, Some(0)])), [255.0, nan, 0.0]),
            (Arc::new(UInt16Array::from(vec![Some(65_535), None, Some(7)])), [65_535.0, nan, 7.0]),
            (Arc::new(UInt32Array::from(vec![Some(u32::MAX), None, Some(7)])), [4_294_967_295.0, nan, 7.0]),
            (
                Arc::new(UInt64Array::from(vec![Some(u64::MAX), None, Some(7)])),
                [18_446_744_073_709_551_616.0, nan, 7.0],
            ),
            (Arc::new(halves), [1.5, nan, -0.25]),
            (
                Arc::new(Float32Array::from(vec![Some(0.1), None, Some(f32::NAN)])),
                [0.100_000_001_490_116_12, nan, infinite],
            ),
            (Arc::new(Float64Array::from(vec![Some(0.1), None, Some(f64::NAN)])), [0.1, nan, infinite]),
            (
                Arc::new(Float64Array::from(vec![f64::NAN, f64::INFINITY, -0.5])),
                [infinite, f64::INFINITY, -0.5],
            ),
            (Arc::new(short.with_precision_and_scale(9, 2).unwrap()), [-0.05, nan, 1234.56]),
            (Arc::new(middle.with_precision_and_scale(18, 3).unwrap()), [-0.005, nan, 123.456]),
            (decimals(1), [-0.5, nan, 12_345.6]),
            (decimals(0), [-5.0, nan, 123_456.0]),
            (decimals(-2), [-500.0, nan, 12_345_600.0]),
            (Arc::new(NullArray::new(3)), [nan, nan, nan]),
        ];
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        let mut found = vec![1.0];
        for (array, expected) in cases {
            assert!(is_number(array.data_type()));
            numbers(&array, &mut found);
            assert_eq!(bits(&found), bits(&expected), "{}: {found:?}", array.data_type());
        }
    }

    #[test]
    fn times_of_texts_do_not_depend_on_the_length_of_their_dictionary() {
        // More texts than rows, as many, and fewer; a text that is not a date may have no row.
        let all: Vec<String> = std::iter::once("never".to_owned())
            .chain((1..=40).map(|day| format!("1970-{:02}-{:02}", 1 + day / 31, 1 + day % 31)))
            .collect();
        for (texts, rows) in [(41, 1), (41, 20), (41, 41), (17, 16), (16, 17), (3, 100)] {
            let keys: Vec<i32> = (0..rows).map(|row| 1 + row % (texts - 1)).collect();
            let values = StringArray::from_iter_values(all.iter().take(texts.unsigned_abs() as usize));
            let expected: Vec<i64> = keys.iter().map(|key| i64::from(*key) * DAY_NS + 5).collect();
            let keys = arrow_array::Int32Array::from(keys);
            let array: ArrayRef = Arc::new(arrow_array::DictionaryArray::new(keys, Arc::new(values)));
            let mut found = vec![1];
            assert_eq!(times(&array, 5, &mut found), Ok(()), "{texts} {rows}");
            assert_eq!(found, expected, "{texts} {rows}");
        }
        let values = StringArray::from(vec!["1970-01-02", "never"]);
        let keys = arrow_array::Int32Array::from(vec![0, 0, 1, 1]);
        let array: ArrayRef = Arc::new(arrow_array::DictionaryArray::new(keys, Arc::new(values)));
        assert_eq!(times(&array, 0, &mut Vec::new()), Err(TimeFault::NoDate(2)));
    }

    #[test]
    fn cell_text_keeps_type_and_scale() {
        let decimals = |scale| {
            let numbers = Decimal128Array::from(vec![-5, 123_456]).with_precision_and_scale(20, scale);
            Arc::new(numbers.unwrap()) as ArrayRef
        };
        let symbols = StringArray::from(vec!["A", " "]);
        let keys = arrow_array::Int32Array::from(vec![1, 0]);
        let symbols = arrow_array::DictionaryArray::new(keys, Arc::new(symbols));
        let cases: [(ArrayRef, [&str; 2]); 8] = [
            (decimals(2), ["-0.05", "1234.56"]),
            (decimals(0), ["-5", "123456"]),
            (decimals(-2), ["-500", "12345600"]),
            (Arc::new(Float64Array::from(vec![0.0, f64::NEG_INFINITY])), ["0.0", "-inf"]),
            (Arc::new(Float32Array::from(vec![Some(0.1), None])), ["0.1", ""]),
            (Arc::new(Int8Array::from(vec![-128, 7])), ["-128", "7"]),
            (Arc::new(UInt64Array::from(vec![u64::MAX, 0])), ["18446744073709551615", "0"]),
            (Arc::new(symbols), [" ", "A"]),
        ];
        for (array, texts) in cases {
            assert_eq!([text(&array, 0), text(&array, 1)], texts, "{}", array.data_type());
        }
    }
}
