//! Native module of the Python package `betaflow`. It converts values between Python and the library of the program, and
//! holds no logic of its own.
//!
//! | file | content |
//! |---|---|
//! | `call.rs` | commands of the program, with tables and settings of Python |
//! | `column.rs` | columns of Arrow tables as NumPy arrays |
//! | `online/` | filters, solver and metrics for a caller with its own loop |
//! | `settings.rs` | files of settings |
//! | `strategy/` | strategies in Python, called by the engine on their rebalances |
//! | `table.rs` | Arrow tables from Python and to Python, without a copy |

mod call;
mod column;
mod online;
mod settings;
mod strategy;
mod table;

use std::ffi::OsString;
use std::io::Write as _;

use pyo3::prelude::*;

/// Runs the program with the arguments `argv`, beginning with its name; returns the exit code.
#[pyfunction]
fn main(py: Python<'_>, argv: Vec<OsString>) -> u8 {
    py.detach(|| {
        let code = betaflow_replay::main(argv);
        // A program writes out the rest of its standard output at its end; a library has to do it itself.
        let _ = std::io::stdout().flush();
        code
    })
}

/// Native module of the package.
#[pymodule]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::call::{call, scenarios};
    #[pymodule_export]
    use super::main;
    #[pymodule_export]
    use super::online::{OnlineFilter, Solution, deflated_sharpe, figures, probabilistic_sharpe, solve};
    #[pymodule_export]
    use super::settings::read_toml;
    #[pymodule_export]
    use super::strategy::posterior_alphas;
    #[pymodule_export]
    use super::table::{Table, read_table, times_of_file, tutorial_factors, tutorial_prices};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
