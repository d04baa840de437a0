//! Inputs of a run: the recorded ones, then those of the feed.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use betaflow_connectors::live::{Control, EdgeEvent, EdgeReceiver, Hello, Input, Inputs, UserFolder};
use betaflow_connectors::store::{InputReader, StateFolder, StoreError};
use betaflow_engine::source::SourceError;

use super::alerts::{Alerts, Kind};
use super::hello;
use super::link::{Change, Link};
use super::stop::Stop;

/// Interval between checks for a request to stop.
const LOOK: Duration = Duration::from_millis(100);

/// Events of a feed.
pub(crate) trait Events: Send {
    /// Waits at most `wait` for the next event.
    fn next(&mut self, wait: Duration) -> Option<EdgeEvent>;
}

impl Events for EdgeReceiver {
    fn next(&mut self, wait: Duration) -> Option<EdgeEvent> {
        self.recv_timeout(wait).ok()
    }
}

/// Recorded inputs from a restart point, then live ones.
pub(crate) struct PaperInputs {
    database: PathBuf,
    /// Number of the next recorded input, and of the first that is not recorded.
    next: u64,
    behind: u64,
    record: InputReader,
    fresh: VecDeque<Control>,
    folders: Vec<UserFolder>,
    /// Event received before the file that was returned last.
    held: Option<EdgeEvent>,
    feed: Hello,
    /// State of the connection, shown by the pulse.
    link: Link,
    alerts: Alerts,
    events: Box<dyn Events>,
    stop: Stop,
}

impl PaperInputs {
    /// Creates the inputs. `record`: the first recorded input to replay, and the first that is not recorded.
    /// `fresh`: inputs between the recorded ones and the feed.
    ///
    /// # Errors
    /// The recorded inputs cannot be read.
    pub(crate) fn new(
        folder: &StateFolder,
        record: Range<u64>,
        fresh: Vec<Control>,
        feed: &Hello,
        events: Box<dyn Events>,
        (link, stop): (Link, Stop),
    ) -> Result<Self, StoreError> {
        let behind = record.end;
        Ok(Self {
            database: folder.database().to_owned(),
            next: record.start,
            behind,
            record: InputReader::open(folder.database(), record.start)?,
            fresh: fresh.into(),
            folders: Vec::new(),
            held: None,
            feed: feed.clone(),
            link,
            alerts: Alerts::default(),
            events,
            stop,
        })
    }

    /// Raises alerts when the feed is lost and when it is back.
    #[must_use]
    pub(crate) fn alerting(self, alerts: Alerts) -> Self {
        Self { alerts, ..self }
    }

    /// Watches folders of files of the user. Files that are there at the start come before the first new input.
    #[must_use]
    pub(crate) fn watching(self, folders: Vec<UserFolder>) -> Self {
        Self { folders, ..self }
    }

    /// Next file of the user.
    fn file(&mut self) -> Option<Input> {
        self.folders.iter_mut().find_map(UserFolder::next_input)
    }

    fn on_record(&mut self) -> Result<Input, SourceError> {
        let Some(input) = self.record.next_input()?.filter(|input| input.seq == self.next) else {
            let (database, next) = (self.database.display(), self.next);
            return Err(format!(
                "{database}: found no input {next}, but later ones; the file was changed: start with a new state \
                 folder"
            )
            .into());
        };
        self.next += 1;
        Ok(Input::of_record(input))
    }
}

impl Inputs for PaperInputs {
    fn next_input(&mut self) -> Result<Option<Input>, SourceError> {
        if self.stop.is_due() {
            return Ok(None);
        }
        if self.next < self.behind {
            return self.on_record().map(Some);
        }
        if let Some(file) = self.file() {
            return Ok(Some(file));
        }
        if let Some(control) = self.fresh.pop_front() {
            return Ok(Some(Input::Control(control)));
        }
        while !self.stop.is_due() {
            let event = self.held.take().or_else(|| self.events.next(LOOK));
            // A file that is complete when bars arrive acts on them.
            if let Some(file) = self.file() {
                self.held = event;
                return Ok(Some(file));
            }
            let Some(event) = event else { continue };
            alert(&self.alerts, self.link.follow(&event));
            match event {
                EdgeEvent::Bars { bars, text, received, .. } => {
                    return Ok(Some(Input::Bars { bars, text, received: Some(received) }));
                }
                EdgeEvent::End { .. } => return Ok(None),
                EdgeEvent::Failed { text, .. } => return Err(text.into()),
                EdgeEvent::Connected { hello, .. } if !hello::same(&self.feed, &hello) => {
                    return Err(format!(
                        "the feed has changed: found {}, expected {}; start with a new state folder",
                        hello.described(),
                        self.feed.described()
                    )
                    .into());
                }
                event => {
                    if let Some(control) = event.control() {
                        return Ok(Some(Input::Control(control)));
                    }
                }
            }
        }
        // The next start requests messages in transit again.
        Ok(None)
    }
}

/// Raises the alert for a change of the connection.
pub(crate) fn alert(alerts: &Alerts, change: Option<Change>) {
    match change {
        Some(Change::Lost(why)) => alerts.raise(Kind::FeedLost, None, format!("feed lost: {why}")),
        Some(Change::Back) => alerts.raise(Kind::FeedBack, None, "feed back".to_owned()),
        None => {}
    }
}
