//! History before a feed: frames of files, followed by those of the feed.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use betaflow_engine::source::SourceError;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::client::Control;
use super::feed::{Feed as _, FeedReader};
use super::inputs::{Input, Inputs};
use super::parquet_feed::ParquetFeed;
use crate::files;
use crate::parquet;

/// Kind of the control that describes the history.
pub(super) const KIND: &str = "history";

/// Files whose frames precede those of the feed, as recorded: paths, content digest and size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    kind: String,
    /// Path of the file or folder of prices.
    pub prices: PathBuf,
    /// Path of the factor returns, if the feed has factors of its own.
    pub factors: Option<PathBuf>,
    /// SHA-256 of the files' content.
    pub digest: String,
    /// Number of frames.
    pub frames: u64,
    /// Time of the last frame, ns since 1970 UTC.
    pub last: i64,
}

impl History {
    /// Reads the files once to determine their content.
    ///
    /// # Errors
    /// The files are missing or invalid, or have no frame.
    pub fn of(
        prices: &Path,
        factors: Option<&Path>,
        settings: &parquet::Settings,
    ) -> Result<Self, SourceError> {
        let (mut frames, mut last) = (0, None);
        let mut reader = open(prices, factors, settings)?;
        while let Some(bars) = reader.read()? {
            frames += 1;
            last = Some(bars.timestamp);
        }
        let Some(last) = last else {
            return Err(
                format!("{}: found no frame, expected a history of at least one", prices.display()).into()
            );
        };
        Ok(Self {
            kind: KIND.to_owned(),
            prices: std::path::absolute(prices)?,
            factors: factors.map(std::path::absolute).transpose()?,
            digest: digest(prices, factors)?,
            frames,
            last,
        })
    }

    /// Returns the control that describes the history.
    #[must_use]
    pub fn control(&self) -> Control {
        // Serialising a struct of text and numbers cannot fail.
        let body = serde_json::to_string(self).unwrap_or_default();
        Control { kind: KIND, timestamp: self.last, body }
    }

    fn read(&self, settings: &parquet::Settings) -> Result<Box<dyn FeedReader>, SourceError> {
        let found = digest(&self.prices, self.factors.as_deref())?;
        if found != self.digest {
            return Err(format!(
                "{}: found SHA-256 {found}, expected {} as at the start of the run; restore that file, or start a new \
                 state folder",
                self.prices.display(),
                self.digest
            )
            .into());
        }
        open(&self.prices, self.factors.as_deref(), settings)
    }
}

fn open(
    prices: &Path,
    factors: Option<&Path>,
    settings: &parquet::Settings,
) -> Result<Box<dyn FeedReader>, SourceError> {
    let feed = ParquetFeed::open(prices.into(), factors.map(Into::into), settings)?;
    Ok(feed.open()?)
}

/// Returns the SHA-256 of the files' bytes; a folder's files in the order of their paths.
fn digest(prices: &Path, factors: Option<&Path>) -> Result<String, SourceError> {
    let mut hash = Sha256::new();
    for path in std::iter::once(prices).chain(factors) {
        let located = |error: io::Error| format!("{}: {error}", path.display());
        add(path, &mut hash).map_err(located)?;
    }
    Ok(betaflow_engine::ledger::hex(&hash.finalize().into()))
}

fn add(path: &Path, hash: &mut Sha256) -> io::Result<()> {
    if path.is_dir() {
        let mut inside =
            std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>()?;
        inside.sort();
        return inside.iter().try_for_each(|path| add(path, hash));
    }
    let mut file = files::open(path)?;
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(()),
            n => hash.update(&block[..n]),
        }
    }
}

/// Inputs in which the frames of history follow the control that describes the history.
pub struct WithHistory<I> {
    inputs: I,
    settings: parquet::Settings,
    reader: Option<Box<dyn FeedReader>>,
}

impl<I: Inputs> WithHistory<I> {
    /// Wraps `inputs`; `settings` are those of the history's files.
    #[must_use]
    pub fn new(inputs: I, settings: parquet::Settings) -> Self {
        Self { inputs, settings, reader: None }
    }
}

impl<I: Inputs> Inputs for WithHistory<I> {
    fn next_input(&mut self) -> Result<Option<Input>, SourceError> {
        if let Some(reader) = &mut self.reader {
            if let Some(bars) = reader.read()? {
                return Ok(Some(Input::History(bars)));
            }
            self.reader = None;
        }
        let input = self.inputs.next_input()?;
        if let Some(Input::Control(control)) = &input
            && let Ok(history) = serde_json::from_str::<History>(&control.body)
            && history.kind == KIND
        {
            self.reader = Some(history.read(&self.settings)?);
        }
        Ok(input)
    }
}
