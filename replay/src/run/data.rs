//! The data of a command, in the world that its settings describe.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use betaflow_connectors::Progress;
use betaflow_connectors::parquet::{ParquetSource, Settings as SourceSettings};
use betaflow_engine::source::Source;
use betaflow_engine::world::{Recorded, apply};

use super::progress::{Counted, Line};
use super::session;
use crate::config::{Config, source_error};

/// The most that frames held in memory may take.
const BYTES_MAX: u64 = 2_000_000_000;

/// A source at its first frame, and how far the reading of its files has come.
pub(crate) struct Opened {
    pub(crate) source: Box<dyn Source>,
    pub(crate) progress: Arc<Progress>,
}

/// What was read into memory last, for the next path that is made of the same data; threads share it.
#[derive(Default)]
pub(crate) struct DataCache(Mutex<Option<CachedData>>);

struct CachedData {
    key: String,
    recorded: Recorded,
    progress: Arc<Progress>,
}

/// The data that the settings name, from its beginning, in the world that they describe.
///
/// # Errors
/// It is not there or not as expected, or it cannot be made into that world.
pub(crate) fn open(config: &Config) -> Result<Opened> {
    DataCache::default().open(config, config.source().clone())
}

impl DataCache {
    /// The data that the settings name, in the world of the configuration.
    ///
    /// # Errors
    /// It is not there or not as expected, or it cannot be made into that world.
    pub(crate) fn open(&self, config: &Config, settings: SourceSettings) -> Result<Opened> {
        let world = &config.world;
        let (source, progress): (Box<dyn Source>, _) = if world.needs_memory() {
            let (recorded, progress) = self.recorded(config, settings)?;
            (Box::new(recorded.path(world)?), progress)
        } else {
            file(config, settings)?
        };
        let source = apply(source, world, &config.data.calendar()).map_err(source_error)?;
        Ok(Opened { source, progress })
    }

    /// All frames in memory: those at hand, where they were read with the same settings.
    fn recorded(&self, config: &Config, settings: SourceSettings) -> Result<(Recorded, Arc<Progress>)> {
        let key = format!("{}{:?}", config.reading()?, settings.required);
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last.as_ref().filter(|last| last.key == key) {
            return Ok((last.recorded.clone(), Arc::clone(&last.progress)));
        }
        // Not two of them at a time.
        *last = None;
        let (source, progress) = file(config, settings)?;
        let (mut source, frames) = Counted::new(source);
        let line = Line::start(Arc::clone(&progress), frames);
        let recorded = Recorded::read(&mut source, BYTES_MAX).map_err(source_error)?;
        drop(line);
        *last = Some(CachedData { key, recorded: recorded.clone(), progress: Arc::clone(&progress) });
        Ok((recorded, progress))
    }

    /// Bytes that are held.
    pub(crate) fn bytes(&self) -> u64 {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().map_or(0, |last| last.recorded.bytes())
    }
}

/// The data as it is: files, or the record of a session.
fn file(config: &Config, settings: SourceSettings) -> Result<(Box<dyn Source>, Arc<Progress>)> {
    if let Some(folder) = &config.data.session {
        return Ok((session::source(Path::new(folder), settings, config.limits.feed())?, Arc::default()));
    }
    let source = ParquetSource::open(&config.prices(), config.factor_file().as_ref(), settings)?;
    let progress = source.progress();
    Ok((Box::new(source), progress))
}
