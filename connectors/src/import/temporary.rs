//! Temporary files without a name.

use std::fs::{File, OpenOptions};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

/// Creates a file in the system's temporary folder and removes its name, so that the system frees it when the
/// program ends, however it ends.
///
/// # Errors
/// The folder cannot be written.
pub(super) fn temporary_file() -> io::Result<File> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("betaflow-{}-{number}.tmp", std::process::id());
        let path = std::env::temp_dir().join(name);
        let opened = OpenOptions::new().read(true).write(true).create_new(true).open(&path);
        match opened {
            Ok(file) => {
                std::fs::remove_file(&path)?;
                return Ok(file);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                let text = format!("temporary file {}: {error}", path.display());
                return Err(io::Error::new(error.kind(), text));
            }
        }
    }
}
