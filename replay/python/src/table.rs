//! Arrow tables from Python and to Python by the Arrow C stream interface, without a copy of the data.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use betaflow_connectors::parquet::Input;
use betaflow_connectors::record::{read_batches, read_bytes, read_schema};
use betaflow_connectors::tutorial;
use pyo3::exceptions::{PyKeyError, PyOSError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::column::{numpy_of, zone_of_texts};

/// Name of the capsules, by the Arrow PyCapsule interface.
const STREAM: &std::ffi::CStr = c"arrow_array_stream";
/// Time zone of the tables that betaflow writes.
const UTC: &str = "UTC";

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

    /// Columns that can hold the time of a row, each with its time zone: None for dates, and for timestamps and texts
    /// without one.
    #[getter]
    fn times(&self) -> Vec<(String, Option<String>)> {
        times(&self.schema, &self.batches)
    }

    /// Returns the column `name` as a NumPy array: float64 with NaN for null, integers (float64 if there are nulls),
    /// bool, datetime64[ns] in UTC with NaT for null, or objects.
    fn column<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let Ok(at) = self.schema.index_of(name) else {
            return Err(PyKeyError::new_err(name.to_owned()));
        };
        let arrays: Vec<_> = self.batches.iter().map(|batch| Arc::clone(batch.column(at))).collect();
        numpy_of(py, self.schema.field(at), &arrays)
    }

    /// Returns the first rows as a table that shares the memory.
    fn head(&self, rows: usize) -> Self {
        let mut left = rows;
        let mut batches = Vec::new();
        for batch in &self.batches {
            let taken = left.min(batch.num_rows());
            left -= taken;
            batches.push(batch.slice(0, taken));
        }
        Self { schema: Arc::clone(&self.schema), batches }
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

/// Returns the columns of a Parquet file that can hold the time of a row, like `Table.times`; texts have no time zone.
#[pyfunction]
pub(crate) fn times_of_file(path: PathBuf) -> PyResult<Vec<(String, Option<String>)>> {
    let schema = read_schema(&path).map_err(|error| PyOSError::new_err(error.to_string()))?;
    Ok(times(&schema, &[]))
}

fn times(schema: &Schema, batches: &[RecordBatch]) -> Vec<(String, Option<String>)> {
    let columns = schema.fields().iter().enumerate().filter_map(|(at, field)| {
        let zone = match field.data_type() {
            DataType::Timestamp(_, zone) => zone.as_deref().map(str::to_owned),
            DataType::Date32 | DataType::Date64 => None,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                zone_of_texts(batches.iter().map(|batch| batch.column(at))).map(str::to_owned)
            }
            _ => return None,
        };
        Some((field.name().clone(), zone))
    });
    columns.collect()
}

/// Reads a Parquet file that betaflow wrote. Its timestamps in UTC get the time zone `zone`, or none: the instants stay.
#[pyfunction]
#[pyo3(signature = (path, zone=Some(UTC)))]
pub(crate) fn read_table(py: Python<'_>, path: PathBuf, zone: Option<&str>) -> PyResult<Table> {
    let read = py.detach(|| read_batches(&path));
    let (schema, batches) = read.map_err(|error| PyOSError::new_err(error.to_string()))?;
    if zone == Some(UTC) {
        return Ok(Table { schema, batches });
    }
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            let kind = DataType::Timestamp(*unit, zone.map(Arc::from));
            Arc::new(Field::new(field.name(), kind, field.is_nullable()))
        }
        _ => Arc::clone(field),
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let batches = batches.into_iter().map(|batch| in_schema(&batch, &schema)).collect::<Result<_, _>>();
    Ok(Table { schema, batches: batches.map_err(|error| PyValueError::new_err(error.to_string()))? })
}

/// Returns a batch with the types of a schema that differs only in time zones, which are no part of the data.
fn in_schema(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        if column.data_type() == field.data_type() {
            return Ok(Arc::clone(column));
        }
        let data = column.to_data().into_builder().data_type(field.data_type().clone()).build()?;
        Ok(arrow_array::make_array(data))
    });
    RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<_, ArrowError>>()?)
}

/// Returns the prices of the tutorial, which the program has inside.
#[pyfunction]
pub(crate) fn tutorial_prices() -> PyResult<Table> {
    let Input::Bytes { bytes, .. } = tutorial::prices() else {
        return Err(PyValueError::new_err("the tutorial is not embedded"));
    };
    let (schema, batches) = read_bytes(bytes).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(Table { schema, batches })
}

/// Returns the factors of the tutorial: names and expressions of instruments.
#[pyfunction]
pub(crate) fn tutorial_factors() -> Vec<(&'static str, &'static str)> {
    tutorial::FACTORS.to_vec()
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
