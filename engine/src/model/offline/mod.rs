//! Offline estimation: a whole history in memory, smoothed, fitted by EM, or compared with rolling least
//! squares.
//!
//! Results use the whole history, so no type here is accepted by the pipeline.

mod hindsight;
mod panel;
mod rolling;

pub use hindsight::{Hindsight, HindsightSettings, InstrumentHindsight, SmoothedHistory};
pub use panel::{Panel, PanelError, PanelShape};
pub use rolling::{PairedForecasts, RollingComparison};
