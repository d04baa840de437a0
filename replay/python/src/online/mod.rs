//! Filters, solver and metrics of the engine for a caller that has its own loop.
//!
//! | file | content |
//! |---|---|
//! | `online_filter.rs` | object of Python around a filter |
//! | `filter.rs` | filter of the engine with its place in the frames |
//! | `columns.rs` | columns of the frames, by the names of `betas.parquet` |
//! | `parameters.rs` | matrices of the filter with given variances |
//! | `rebalance.rs` | solver of one rebalance |
//! | `performance.rs` | performance figures of a series of returns |
//! | `settings.rs` | settings, checked by the code of the program |
//! | `arrays.rs` | arrays of numpy |

mod arrays;
mod columns;
mod filter;
mod online_filter;
mod parameters;
mod performance;
mod rebalance;
mod settings;

use betaflow_engine::range::OutOfRange;
use pyo3::PyErr;
use pyo3::exceptions::PyValueError;

pub(crate) use online_filter::OnlineFilter;
pub(crate) use performance::{deflated_sharpe, figures, probabilistic_sharpe};
pub(crate) use rebalance::{Solution, solve};

/// Exception of an estimate that is not finite. Its names are numbers of instruments.
fn out_of_range(error: &OutOfRange) -> PyErr {
    let OutOfRange { name, value, found, expected, .. } = error;
    let name = name.as_deref().unwrap_or("the account");
    PyValueError::new_err(format!(
        "found {value} {found} of {name}, expected {expected}: pass decimal returns such as 0.01"
    ))
}
