//! Commands of the program, called from Python.

use crossbeam_channel::{RecvTimeoutError, bounded};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;

use betaflow_connectors::parquet::MemoryTable;
use betaflow_replay::{Call, CallError, CallErrorKind, CallProgress, CallSetting, Reply, StrategyFactory};
use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::strategy::PyFactory;
use crate::table::batches_of;

/// Interval between two looks at signals and at the progress.
const INTERVAL: Duration = Duration::from_millis(50);
/// Stack of the thread that runs a command, as large as that of a program.
const STACK_BYTES: usize = 8 << 20;

/// Setting of a caller: table, key, value as JSON, and its name in messages.
pub(crate) type Setting = (String, Option<String>, Option<String>, String);

/// Runs a command. `arguments`: those of the program without its name, in which `memory:NAME` names a table.
/// `settings`: table, key, value as JSON, and the name in messages; without a key the table is empty. `tables`: name
/// and an object with `__arrow_c_stream__`. `grid`: content of a grid file as JSON. `strategy`: an object with the method
/// `decide`. `progress`: function of the work
/// done and its total. Returns the summary as JSON, the page of the terminal, the folder of the result, and notes.
#[pyfunction]
#[pyo3(signature = (arguments, *, settings=vec![], tables=vec![], grid=None, strategy=None, progress=None))]
pub(crate) fn call(
    py: Python<'_>,
    arguments: Vec<OsString>,
    settings: Vec<Setting>,
    tables: Vec<(String, Bound<'_, PyAny>)>,
    grid: Option<&str>,
    strategy: Option<&Bound<'_, PyAny>>,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<(String, String, Option<PathBuf>, Vec<String>)> {
    let watched = Arc::new(CallProgress::default());
    let call = Call {
        arguments: std::iter::once("betaflow".into()).chain(arguments).collect(),
        settings: settings.into_iter().map(setting_of).collect::<PyResult<_>>()?,
        tables: tables.into_iter().map(|(name, data)| table_of(name, &data)).collect::<PyResult<_>>()?,
        grid: grid.map(|grid| parsed(grid, "grid")).transpose()?,
        strategy: strategy.map(strategy_of).transpose()?,
        progress: Arc::clone(&watched),
    };
    let reply = run(py, call, &watched, progress)?;
    let Reply { json, page, folder, notes, .. } = reply.map_err(|error| raised(py, &error))?;
    Ok((json, page, folder, notes))
}

/// Returns the number of scenarios of a grid file, or of the content of one as JSON.
#[pyfunction]
#[pyo3(signature = (path, grid=None))]
pub(crate) fn scenarios(py: Python<'_>, path: PathBuf, grid: Option<&str>) -> PyResult<usize> {
    let grid = grid.map(|grid| parsed(grid, "grid")).transpose()?;
    betaflow_replay::scenarios(&path, grid).map_err(|error| raised(py, &error))
}

/// Runs a command on a thread of its own, so that signals and progress are seen meanwhile.
fn run(
    py: Python<'_>,
    call: Call,
    watched: &CallProgress,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Result<Reply, Box<CallError>>> {
    let (sender, receiver) = bounded(1);
    let runs = Builder::new().name("betaflow".to_owned()).stack_size(STACK_BYTES);
    let runs = runs.spawn(move || _ = sender.send(betaflow_replay::call(call)))?;
    let mut shown = (0, 0);
    let reply = loop {
        match py.detach(|| receiver.recv_timeout(INTERVAL)) {
            Ok(reply) => break Some(reply),
            Err(RecvTimeoutError::Disconnected) => break None,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let counts = watched.counts();
        let show = || match progress.filter(|_| counts != shown) {
            Some(progress) => progress.call1(counts).map(|_| ()),
            None => Ok(()),
        };
        if let Err(error) = py.check_signals().and_then(|()| show()) {
            watched.interrupt();
            // The command ends at its next frame and removes its folder; its own error is that of the interruption.
            _ = py.detach(|| runs.join());
            // A command that goes on until it is interrupted has a result.
            return match receiver.try_recv() {
                Ok(Ok(reply)) if reply.is_stopped && error.is_instance_of::<PyKeyboardInterrupt>(py) => {
                    Ok(Ok(reply))
                }
                _ => Err(error),
            };
        }
        shown = counts;
    };
    let joined = py.detach(|| runs.join());
    match reply {
        Some(reply) => Ok(reply),
        None => Err(PyRuntimeError::new_err(format!("the command panicked: {}", panic_text(joined.err())))),
    }
}

fn panic_text(panic: Option<Box<dyn std::any::Any + Send>>) -> String {
    let text = panic.as_ref().and_then(|panic| {
        panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
    });
    text.unwrap_or_else(|| "without a message".to_owned())
}

/// Returns the exception of an error: a class of `betaflow.errors` with its fields.
pub(crate) fn raised(py: Python<'_>, error: &CallError) -> PyErr {
    let make = || {
        let fields = PyDict::new(py);
        let mut cause = None;
        let class = match error.kind {
            CallErrorKind::Interrupted => return Ok(PyKeyboardInterrupt::new_err(())),
            CallErrorKind::Config => {
                fields.set_item("setting", &error.setting)?;
                fields.set_item("found", &error.found)?;
                fields.set_item("expected", &error.expected)?;
                "ConfigError"
            }
            CallErrorKind::Input => {
                let place = error.place.as_ref();
                fields.set_item("file", place.map(|place| &place.file))?;
                fields.set_item("row", place.and_then(|place| place.row))?;
                fields.set_item("line", place.and_then(|place| place.line))?;
                fields.set_item("column", place.and_then(|place| place.column.as_ref()))?;
                "InputError"
            }
            CallErrorKind::Strategy => {
                if let Some(failure) = &error.strategy {
                    fields.set_item("strategy", &failure.strategy)?;
                    fields.set_item("seq", failure.seq)?;
                    fields.set_item("time", failure.timestamp.0)?;
                    cause = failure.source.downcast_ref::<PyErr>().map(|error| error.clone_ref(py));
                }
                "StrategyError"
            }
            CallErrorKind::Other => "Error",
        };
        let class = py.import("betaflow.errors")?.getattr(class)?;
        let raised = PyErr::from_value(class.call((&error.message,), Some(&fields))?);
        raised.set_cause(py, cause);
        Ok(raised)
    };
    make().unwrap_or_else(|error| error)
}

pub(crate) fn setting_of((table, key, value, origin): Setting) -> PyResult<CallSetting> {
    let value = key.zip(value).map(|(key, value)| Ok::<_, PyErr>((key, parsed(&value, &origin)?)));
    Ok(CallSetting { table, value: value.transpose()?, origin })
}

/// Parses JSON as the value of a setting.
fn parsed<T: serde::de::DeserializeOwned>(json: &str, name: &str) -> PyResult<T> {
    serde_json::from_str(json).map_err(|_| {
        PyValueError::new_err(format!(
            "{name}: found {json}, expected a number, text, true, false, or a list of them"
        ))
    })
}

fn strategy_of(object: &Bound<'_, PyAny>) -> PyResult<Arc<dyn StrategyFactory>> {
    Ok(Arc::new(PyFactory::new(object)?))
}

fn table_of(name: String, data: &Bound<'_, PyAny>) -> PyResult<MemoryTable> {
    let (schema, batches) = batches_of(data)?;
    Ok(MemoryTable::new(name, schema, batches))
}
