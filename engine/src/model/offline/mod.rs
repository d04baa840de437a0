//! Offline estimation: a whole history in memory, smoothed, fitted by EM, or compared with rolling least squares.
//!
//! Everything here has seen the whole history. Its results are of types that nothing in the pipeline accepts.

mod hindsight;
mod panel;
mod rolling;

pub use hindsight::{Hindsight, HindsightSettings, InstrumentHindsight, SmoothedHistory};
pub use panel::{Panel, PanelError, PanelShape};
pub use rolling::{Paired, RollingComparison};
