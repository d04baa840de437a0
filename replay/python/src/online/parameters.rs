//! Parameters of the filter with given variances, from arrays.

use betaflow_engine::model::{FixedParameters, PerInstrument};
use numpy::{PyUntypedArray, PyUntypedArrayMethods as _};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arrays::Input;

/// Replaces parameters by those of arrays: one for all instruments, or one for each in a first dimension more. Their
/// names are the fields of [`FixedParameters`].
///
/// # Errors
/// `ValueError` for another shape or type.
pub(super) fn replace(
    parameters: &mut FixedParameters,
    arrays: &Bound<'_, PyDict>,
    k: usize,
) -> PyResult<()> {
    let given = |name: &'static str, shape: &[usize], expected: &str| -> PyResult<_> {
        match arrays.get_item(name)? {
            Some(array) => each(name, &array, shape, expected).map(Some),
            None => Ok(None),
        }
    };
    let matrix = format!("shape ({k}, {k}) for alpha and the factors, or (n, {k}, {k}) for each instrument,");
    let mean = format!("shape ({k},) for alpha and the factors, or (n, {k}) for each instrument,");
    let FixedParameters {
        transition,
        transition_covariance,
        observation_variance,
        initial_mean,
        initial_covariance,
    } = parameters;
    for (name, parameter) in [
        ("transition", transition),
        ("transition_covariance", transition_covariance),
        ("initial_covariance", initial_covariance),
    ] {
        if let Some(values) = given(name, &[k, k], &matrix)? {
            *parameter = values;
        }
    }
    if let Some(values) = given("initial_mean", &[k], &mean)? {
        *initial_mean = values;
    }
    match given("observation_variance", &[], "a number, or shape (n,) for each instrument,")? {
        Some(PerInstrument::Common(values)) => *observation_variance = PerInstrument::Common(values[0]),
        Some(PerInstrument::Each(values)) => *observation_variance = PerInstrument::Each(values.concat()),
        None => {}
    }
    Ok(())
}

/// Values of one parameter.
fn each(
    name: &'static str,
    array: &Bound<'_, PyAny>,
    shape: &[usize],
    expected: &str,
) -> PyResult<PerInstrument<Vec<f64>>> {
    let dimensions = array.cast::<PyUntypedArray>().map_or(shape.len(), |array| array.ndim());
    if dimensions == shape.len() + 1 {
        let input = Input::new(name, array, dimensions, expected)?;
        let all: Vec<usize> = input.shape().iter().take(1).chain(shape).copied().collect();
        input.require_shape(&all, expected)?;
        let size = shape.iter().product::<usize>();
        let values = input.values()?;
        return Ok(PerInstrument::Each(values.chunks_exact(size).map(<[f64]>::to_vec).collect()));
    }
    let input = Input::new(name, array, shape.len(), expected)?;
    input.require_shape(shape, expected)?;
    Ok(PerInstrument::Common(input.values()?.to_vec()))
}
