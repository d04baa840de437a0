//! Data of a command, with the scenario of `[world]` applied.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use betaflow_connectors::parquet::{DataSize, ParquetSource, Settings as SourceSettings};
use betaflow_connectors::{Progress, WithUserData};
use betaflow_engine::source::Source;
use betaflow_engine::world::{Recorded, apply};

use super::progress::{Counted, Line};
use super::session;
use crate::config::{Config, source_error};

/// Maximum bytes of frames held in memory.
const BYTES_MAX: u64 = 2_000_000_000;

/// Source at its first frame, and the progress of reading its files.
pub(crate) struct Opened {
    pub(crate) source: Box<dyn Source>,
    pub(crate) progress: Arc<Progress>,
    /// Size of the price files, if it is known before they are read.
    pub(crate) size: Option<DataSize>,
}

/// Data that was last read into memory, shared by threads; the next path resampled from it reads no file.
#[derive(Default)]
pub(crate) struct DataCache(Mutex<Option<CachedData>>);

struct CachedData {
    key: String,
    recorded: Recorded,
    progress: Arc<Progress>,
}

/// Opens the data that the settings name, from its start, with the scenario of `[world]` applied.
///
/// # Errors
/// The data is missing or invalid, or the scenario cannot be applied to it.
pub(crate) fn open(config: &Config) -> Result<Opened> {
    DataCache::default().open(config, config.source().clone())
}

impl DataCache {
    /// Opens the data that the settings name, with the scenario of `[world]` applied.
    ///
    /// # Errors
    /// The data is missing or invalid, or the scenario cannot be applied to it.
    pub(crate) fn open(&self, config: &Config, settings: SourceSettings) -> Result<Opened> {
        let world = &config.world;
        let Opened { source, progress, size } = if world.needs_memory() {
            let (recorded, progress) = self.recorded(config, settings)?;
            Opened { source: Box::new(recorded.path(world)?), progress, size: None }
        } else {
            file(config, settings)?
        };
        let source = config.host().interruptible(source);
        let source = apply(source, world, &config.run().calendar).map_err(source_error)?;
        Ok(Opened { source, progress, size })
    }

    /// All frames in memory, from the cache if they were read with the same settings.
    fn recorded(&self, config: &Config, settings: SourceSettings) -> Result<(Recorded, Arc<Progress>)> {
        let key = format!("{}{:?}", config.reading()?, settings.required);
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last.as_ref().filter(|last| last.key == key) {
            return Ok((last.recorded.clone(), Arc::clone(&last.progress)));
        }
        // Free the old data first, so that memory never holds two copies.
        *last = None;
        let Opened { source, progress, .. } = file(config, settings)?;
        let (mut source, frames) = Counted::new(source);
        let line = Line::start(config.host(), Arc::clone(&progress), frames);
        let recorded = Recorded::read(&mut source, BYTES_MAX).map_err(source_error)?;
        drop(line);
        *last = Some(CachedData { key, recorded: recorded.clone(), progress: Arc::clone(&progress) });
        Ok((recorded, progress))
    }

    /// Bytes held in memory.
    pub(crate) fn bytes(&self) -> u64 {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().map_or(0, |last| last.recorded.bytes())
    }
}

/// Data without a scenario: price files with their size, or a session recording.
fn file(config: &Config, settings: SourceSettings) -> Result<Opened> {
    if let Some(folder) = &config.data.session {
        // The user's files are among the recorded inputs.
        let source = session::source(Path::new(folder), settings, config)?;
        return Ok(Opened { source, progress: Arc::default(), size: None });
    }
    let source = ParquetSource::open(&config.prices(), config.factor_file().as_ref(), settings.clone())?;
    let (progress, size) = (source.progress(), source.size());
    let given = config.given(source.factor_names(), &settings)?;
    if !given.is_empty() {
        let source = Box::new(WithUserData::new(Box::new(source), given));
        return Ok(Opened { source, progress, size });
    }
    Ok(Opened { source: Box::new(source), progress, size })
}
