//! Write access to the state folder: set by the writer thread, read by the pulse.

use std::sync::{Arc, Mutex, PoisonError};

use betaflow_connectors::store::Trouble;
use tracing::{error, info};

use super::alerts::{Alerts, Kind};
use super::status::now;

/// Time since which the state folder cannot be written (nanoseconds since 1970) and the reason; `None` while
/// it can.
#[derive(Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<Option<(i64, String)>>>);

impl Disk {
    /// Returns the time since which the state folder cannot be written, and the reason.
    pub(crate) fn trouble(&self) -> Option<(i64, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the callback of the writer for a failed and for the next successful commit. Page and alerts
    /// cannot read a failure from the database.
    pub(crate) fn watch(&self, alerts: Alerts) -> Trouble {
        let disk = self.clone();
        Box::new(move |why| {
            let trouble = why.map(|why| (now(), why.to_owned()));
            *disk.0.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
            match why {
                Some(why) => {
                    let text = format!(
                        "trading halted: cannot write the state folder ({why}); resumes after a write"
                    );
                    error!(kind = "disk_full", "{text}");
                    alerts.raise(Kind::DiskFull, None, text);
                }
                None => {
                    let text = "trading resumed: the state folder can be written again";
                    info!(kind = "disk_writable", "{text}");
                    alerts.raise(Kind::DiskWritable, None, text.to_owned());
                }
            }
        })
    }
}
