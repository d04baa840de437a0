//! Arrays of numpy: shapes and types of inputs, without a copy, and arrays of results.

use numpy::ndarray::{ArrayD, IxDyn};
use numpy::{
    IntoPyArray as _, PyArrayDescrMethods as _, PyArrayDyn, PyArrayMethods as _, PyReadonlyArrayDyn,
    PyUntypedArray, PyUntypedArrayMethods as _,
};
use pyo3::exceptions::{PyMemoryError, PyValueError};
use pyo3::prelude::*;

/// Array of float64 in C order that an argument refers to; its memory is that of numpy.
pub(super) struct Input<'py> {
    name: &'static str,
    array: PyReadonlyArrayDyn<'py, f64>,
}

impl<'py> Input<'py> {
    /// Takes an array. `expected`: its form, for errors.
    ///
    /// # Errors
    /// `ValueError` for another object, another type of elements, another number of dimensions, or another order.
    pub(super) fn new(
        name: &'static str,
        array: &Bound<'py, PyAny>,
        dimensions: usize,
        expected: &str,
    ) -> PyResult<Self> {
        let found = |found: String| {
            PyValueError::new_err(format!("{name}: found {found}, expected {expected} of float64 in C order"))
        };
        let Ok(any) = array.cast::<PyUntypedArray>() else {
            return Err(found(array.get_type().to_string()));
        };
        if any.dtype().num() != numpy::dtype::<f64>(array.py()).num() {
            return Err(found(format!("elements of {}", any.dtype())));
        }
        if any.ndim() != dimensions {
            return Err(found(format!("shape {:?}", any.shape())));
        }
        if !any.is_c_contiguous() {
            return Err(found("an array in another order".to_owned()));
        }
        Ok(Self { name, array: array.cast::<PyArrayDyn<f64>>()?.try_readonly()? })
    }

    /// Lengths of the dimensions.
    pub(super) fn shape(&self) -> &[usize] {
        self.array.shape()
    }

    /// Elements in C order.
    ///
    /// # Errors
    /// The array has another order.
    pub(super) fn values(&self) -> PyResult<&[f64]> {
        self.array.as_slice().map_err(|error| PyValueError::new_err(format!("{}: {error}", self.name)))
    }

    /// Checks the shape; `expected`: the form, for the error.
    ///
    /// # Errors
    /// `ValueError` for another shape.
    pub(super) fn require_shape(&self, shape: &[usize], expected: &str) -> PyResult<()> {
        if self.shape() == shape {
            return Ok(());
        }
        Err(PyValueError::new_err(format!(
            "{}: found shape {:?}, expected {shape:?}: {expected}",
            self.name,
            self.shape()
        )))
    }

    /// Checks every element; `expected`: the accepted values, for the error.
    ///
    /// # Errors
    /// `ValueError` with the first element that is not accepted, and its place.
    pub(super) fn require_all(&self, accepts: impl Fn(f64) -> bool, expected: &str) -> PyResult<()> {
        let values = self.values()?;
        let Some(mut at) = values.iter().position(|value| !accepts(*value)) else { return Ok(()) };
        let value = values[at];
        let mut place = vec![0; self.shape().len()];
        for (index, length) in place.iter_mut().zip(self.shape()).rev() {
            *index = at % length;
            at /= length;
        }
        Err(PyValueError::new_err(format!(
            "{}: found {value:?} at index {place:?}, expected {expected}",
            self.name
        )))
    }
}

/// Takes an array of one dimension and the length n, or an empty one without an argument.
pub(super) fn vector<'py>(
    name: &'static str,
    array: &Bound<'py, PyAny>,
    n: usize,
    expected: &str,
) -> PyResult<Input<'py>> {
    let input = Input::new(name, array, 1, expected)?;
    input.require_shape(&[n], expected)?;
    Ok(input)
}

/// Makes an array of numpy that owns the values.
pub(super) fn array<'py>(
    py: Python<'py>,
    shape: &[usize],
    values: Vec<f64>,
) -> PyResult<Bound<'py, PyArrayDyn<f64>>> {
    let array = ArrayD::from_shape_vec(IxDyn(shape), values);
    Ok(array.map_err(|error| PyValueError::new_err(error.to_string()))?.into_pyarray(py))
}

/// Reserves memory for the elements of an array.
///
/// # Errors
/// `MemoryError` with the size.
pub(super) fn reserve(name: &str, shape: &[usize]) -> PyResult<Vec<f64>> {
    let elements = shape.iter().try_fold(1_usize, |product, length| product.checked_mul(*length));
    let mut values = Vec::new();
    let reserved = elements.filter(|elements| values.try_reserve_exact(*elements).is_ok());
    reserved.ok_or_else(|| {
        PyMemoryError::new_err(format!(
            "{name}: found no memory for an array of shape {shape:?}: name fewer columns, or filter fewer frames at once"
        ))
    })?;
    Ok(values)
}
