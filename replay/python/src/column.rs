//! Columns of Arrow tables as NumPy arrays.

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array as _, ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow_schema::{DataType, Field, TimeUnit};
use numpy::PyArray1;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

/// Value of `numpy.datetime64("NaT")`.
const NAT: i64 = i64::MIN;

/// Returns a column as a NumPy array.
///
/// # Errors
/// The type of the column has no array of NumPy.
pub(crate) fn numpy_of<'py>(
    py: Python<'py>,
    field: &Field,
    arrays: &[ArrayRef],
) -> PyResult<Bound<'py, PyAny>> {
    let array = match field.data_type() {
        DataType::Float64 => floats(py, arrays, |array| values::<Float64Type, f64>(array, f64::NAN)),
        DataType::Float32 => floats(py, arrays, |array| values::<Float32Type, f64>(array, f64::NAN)),
        DataType::Int8 => integers::<Int8Type>(py, arrays),
        DataType::Int16 => integers::<Int16Type>(py, arrays),
        DataType::Int32 => integers::<Int32Type>(py, arrays),
        DataType::Int64 => integers::<Int64Type>(py, arrays),
        DataType::UInt8 => integers::<UInt8Type>(py, arrays),
        DataType::UInt16 => integers::<UInt16Type>(py, arrays),
        DataType::UInt32 => integers::<UInt32Type>(py, arrays),
        DataType::UInt64 => unsigned(py, arrays),
        DataType::Timestamp(unit, _) => return times(py, arrays, *unit),
        DataType::Date32 => {
            let days: Vec<i64> =
                arrays.iter().flat_map(|array| values::<Date32Type, i64>(array, NAT)).collect();
            return dated(&PyArray1::from_vec(py, days).into_any(), "D");
        }
        DataType::Boolean if !has_nulls(arrays) => {
            let all = arrays.iter().flat_map(|array| array.as_boolean().values().iter());
            PyArray1::from_vec(py, all.collect::<Vec<bool>>()).into_any()
        }
        _ => return objects(py, field, arrays),
    };
    Ok(array)
}

/// Values of a column of numbers, with `null` for a missing one.
fn values<T: ArrowPrimitiveType, V: Copy>(array: &ArrayRef, null: V) -> impl Iterator<Item = V>
where
    T::Native: Into<V>,
{
    let typed: &PrimitiveArray<T> = array.as_primitive();
    typed.iter().map(move |value| value.map_or(null, Into::into))
}

fn floats<'py, 'a, I: Iterator<Item = f64> + 'a>(
    py: Python<'py>,
    arrays: &'a [ArrayRef],
    read: impl Fn(&'a ArrayRef) -> I,
) -> Bound<'py, PyAny> {
    PyArray1::from_vec(py, arrays.iter().flat_map(read).collect::<Vec<f64>>()).into_any()
}

/// Integers, or numbers with NaN if one is missing.
fn integers<'py, T: ArrowPrimitiveType>(py: Python<'py>, arrays: &[ArrayRef]) -> Bound<'py, PyAny>
where
    T::Native: Into<i64>,
{
    let all: Vec<i64> = arrays.iter().flat_map(|array| values::<T, i64>(array, 0)).collect();
    if !has_nulls(arrays) {
        return PyArray1::from_vec(py, all).into_any();
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "pandas has the same numbers for integers with a missing one"
    )]
    with_nulls(py, arrays, all.into_iter().map(|value| value as f64))
}

fn unsigned<'py>(py: Python<'py>, arrays: &[ArrayRef]) -> Bound<'py, PyAny> {
    let all: Vec<u64> = arrays.iter().flat_map(|array| values::<UInt64Type, u64>(array, 0)).collect();
    if !has_nulls(arrays) {
        return PyArray1::from_vec(py, all).into_any();
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "pandas has the same numbers for integers with a missing one"
    )]
    with_nulls(py, arrays, all.into_iter().map(|value| value as f64))
}

/// Numbers with NaN where a value is missing.
fn with_nulls<'py>(
    py: Python<'py>,
    arrays: &[ArrayRef],
    numbers: impl Iterator<Item = f64>,
) -> Bound<'py, PyAny> {
    let missing = arrays.iter().flat_map(|array| (0..array.len()).map(|row| array.is_null(row)));
    let all = numbers.zip(missing).map(|(number, missing)| if missing { f64::NAN } else { number });
    PyArray1::from_vec(py, all.collect::<Vec<f64>>()).into_any()
}

fn times<'py>(py: Python<'py>, arrays: &[ArrayRef], unit: TimeUnit) -> PyResult<Bound<'py, PyAny>> {
    let (all, unit): (Vec<i64>, _) = match unit {
        TimeUnit::Second => {
            (arrays.iter().flat_map(|a| values::<TimestampSecondType, _>(a, NAT)).collect(), "s")
        }
        TimeUnit::Millisecond => {
            (arrays.iter().flat_map(|a| values::<TimestampMillisecondType, _>(a, NAT)).collect(), "ms")
        }
        TimeUnit::Microsecond => {
            (arrays.iter().flat_map(|a| values::<TimestampMicrosecondType, _>(a, NAT)).collect(), "us")
        }
        TimeUnit::Nanosecond => {
            (arrays.iter().flat_map(|a| values::<TimestampNanosecondType, _>(a, NAT)).collect(), "ns")
        }
    };
    dated(&PyArray1::from_vec(py, all).into_any(), unit)
}

/// Views integers as times of a unit.
fn dated<'py>(integers: &Bound<'py, PyAny>, unit: &str) -> PyResult<Bound<'py, PyAny>> {
    integers.call_method1("view", (format!("datetime64[{unit}]"),))
}

/// Texts and truth values as Python objects, None for a missing one.
fn objects<'py>(py: Python<'py>, field: &Field, arrays: &[ArrayRef]) -> PyResult<Bound<'py, PyAny>> {
    let all = PyList::empty(py);
    for array in arrays {
        match array.data_type() {
            DataType::Boolean => array.as_boolean().iter().try_for_each(|value| all.append(value))?,
            DataType::Dictionary(..) => {
                let dictionary = array.as_any_dictionary();
                let words = texts(dictionary.values())
                    .ok_or_else(|| unknown(field))?
                    .map(|word| word.map(|word| PyString::new(py, word)))
                    .collect::<Vec<_>>();
                // A dictionary without words has no keys to normalise.
                let keys = if words.is_empty() { vec![0; array.len()] } else { dictionary.normalized_keys() };
                for (row, key) in keys.into_iter().enumerate() {
                    all.append(if array.is_null(row) { None } else { words.get(key).cloned().flatten() })?;
                }
            }
            _ => texts(array).ok_or_else(|| unknown(field))?.try_for_each(|text| all.append(text))?,
        }
    }
    py.import("numpy")?.call_method1("array", (all, "object"))
}

fn unknown(field: &Field) -> PyErr {
    PyTypeError::new_err(format!(
        "column `{}`: found the type {}, expected numbers, times, texts or truth values; use to_arrow()",
        field.name(),
        field.data_type()
    ))
}

/// Values of a column of texts; `None` for another type.
fn texts(array: &ArrayRef) -> Option<Box<dyn Iterator<Item = Option<&str>> + '_>> {
    match array.data_type() {
        DataType::Utf8 => Some(Box::new(array.as_string::<i32>().iter())),
        DataType::LargeUtf8 => Some(Box::new(array.as_string::<i64>().iter())),
        DataType::Utf8View => Some(Box::new(array.as_string_view().iter())),
        _ => None,
    }
}

fn has_nulls(arrays: &[ArrayRef]) -> bool {
    arrays.iter().any(|array| array.null_count() > 0)
}

/// Time zone of texts of times: UTC if the first of them ends with an offset, `None` otherwise.
pub(crate) fn zone_of_texts<'a>(arrays: impl Iterator<Item = &'a ArrayRef>) -> Option<&'static str> {
    let first = arrays.filter_map(texts).flatten().flatten().next()?;
    let clock = first.split_once(['T', ' '])?.1;
    (clock.ends_with(['Z', 'z']) || clock.contains(['+', '-'])).then_some("UTC")
}
