//! Whether the state folder can be written: told by the thread that writes, shown by the pulse.

use std::sync::{Arc, Mutex, PoisonError};

use betaflow_connectors::store::Trouble;
use tracing::{error, info};

use super::alerts::{Alerts, Kind};
use super::status::now;

/// Time since which the state cannot be written (nanoseconds since 1970) and the reason; none while it can.
#[derive(Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<Option<(i64, String)>>>);

impl Disk {
    /// Returns since when the state cannot be written, and why.
    pub(crate) fn trouble(&self) -> Option<(i64, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the function that the writer calls when the disk refuses and when it takes again. Neither the page nor an
    /// alert can learn it from the database then.
    pub(crate) fn watch(&self, alerts: Alerts) -> Trouble {
        let disk = self.clone();
        Box::new(move |why| {
            let trouble = why.map(|why| (now(), why.to_owned()));
            *disk.0.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
            match why {
                Some(why) => {
                    let text =
                        format!("trading stops: the state cannot be written ({why}); it goes on when it can");
                    error!(kind = "disk_full", "{text}");
                    alerts.raise(Kind::DiskFull, None, text);
                }
                None => {
                    let text = "trading goes on: the state is written again";
                    info!(kind = "disk_writable", "{text}");
                    alerts.raise(Kind::DiskWritable, None, text.to_owned());
                }
            }
        })
    }
}
