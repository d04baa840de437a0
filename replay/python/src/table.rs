//! Arrow tables from Python and to Python by the Arrow C stream interface, without a copy of the data.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use betaflow_connectors::record::read_batches;
use pyo3::exceptions::{PyOSError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

/// Name of the capsules, by the Arrow PyCapsule interface.
const STREAM: &std::ffi::CStr = c"arrow_array_stream";

/// Table of Arrow record batches in memory.
#[pyclass(frozen, module = "betaflow._native")]
#[derive(Debug)]
pub(crate) struct Table {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

#[pymethods]
impl Table {
    /// Takes any object with the method `__arrow_c_stream__`.
    #[new]
    fn new(data: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (schema, batches) = batches_of(data)?;
        Ok(Self { schema, batches })
    }

    /// Number of rows.
    fn __len__(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    /// Returns the table as an Arrow C stream. A requested schema is not applied, as the interface allows.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        let batches: Vec<Result<RecordBatch, ArrowError>> = self.batches.iter().cloned().map(Ok).collect();
        let reader = RecordBatchIterator::new(batches, Arc::clone(&self.schema));
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), STREAM)
    }
}

/// Reads a Parquet file that betaflow wrote.
#[pyfunction]
pub(crate) fn read_table(py: Python<'_>, path: PathBuf) -> PyResult<Table> {
    let read = py.detach(|| read_batches(&path));
    let (schema, batches) = read.map_err(|error| PyOSError::new_err(error.to_string()))?;
    Ok(Table { schema, batches })
}

/// Returns the record batches of an object with the method `__arrow_c_stream__`; they share its memory.
pub(crate) fn batches_of(data: &Bound<'_, PyAny>) -> PyResult<(SchemaRef, Vec<RecordBatch>)> {
    if let Ok(table) = data.cast::<Table>() {
        let table = table.get();
        return Ok((Arc::clone(&table.schema), table.batches.clone()));
    }
    let capsule = data.call_method0("__arrow_c_stream__")?;
    let capsule = capsule.cast::<PyCapsule>().map_err(|_| {
        PyTypeError::new_err(
            "__arrow_c_stream__: found another object, expected a capsule with an Arrow stream",
        )
    })?;
    let reader = reader_of(capsule)?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>();
    Ok((schema, batches.map_err(|error| PyValueError::new_err(error.to_string()))?))
}

/// Takes the stream out of a capsule.
#[expect(unsafe_code, reason = "Arrow's C interface passes a pointer; the proof is below")]
fn reader_of(capsule: &Bound<'_, PyCapsule>) -> PyResult<RecordBatchStreamReader> {
    let pointer = capsule.pointer_checked(Some(STREAM))?;
    // SAFETY: The name of the capsule is the one that the Arrow PyCapsule interface reserves for a pointer to a valid
    // `ArrowArrayStream`, and `pointer_checked` has compared it. `from_raw` moves the stream out and leaves one without a
    // release callback, as the interface requires of a consumer, so that the capsule's destructor does not release it
    // again. The pointer is not used afterwards.
    let stream = unsafe { FFI_ArrowArrayStream::from_raw(pointer.cast().as_ptr()) };
    RecordBatchStreamReader::try_new(stream).map_err(|error| PyValueError::new_err(error.to_string()))
}
