//! Tables on their way from the caches of the system to the disk.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use parquet::errors::ParquetError;

use super::table::TableError;

type Written = Result<(), TableError>;

/// Complete tables that the system writes to the disk while the run continues.
///
/// A disk takes longer for it than the run for its figures. Each file has a thread, because a file system writes
/// several files in the time of one.
#[derive(Clone, Debug, Default)]
pub struct Syncing(Arc<Mutex<Vec<JoinHandle<Written>>>>);

impl Syncing {
    /// Starts with a file. Without a thread the file is written before this returns.
    pub(super) fn start(&self, path: PathBuf, file: File) -> Written {
        let file = Arc::new(file);
        let (later, of) = (Arc::clone(&file), path.clone());
        match Builder::new().name("sync".to_owned()).spawn(move || sync(of, &later)) {
            Ok(thread) => self.threads().push(thread),
            Err(_) => sync(path, &file)?,
        }
        Ok(())
    }

    /// Waits until all files so far are on the disk.
    ///
    /// # Errors
    /// The first file that cannot be written.
    pub fn wait(&self) -> Written {
        let threads = std::mem::take(&mut *self.threads());
        let ends: Vec<Written> = threads.into_iter().map(|thread| thread.join().unwrap_or(Ok(()))).collect();
        ends.into_iter().collect()
    }

    fn threads(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<Written>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns once the content of a file is on the disk.
pub(super) fn sync(path: PathBuf, file: &File) -> Written {
    file.sync_all().map_err(|error| TableError::Write { path, source: ParquetError::from(error) })
}
