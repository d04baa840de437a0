//! The inputs of a run: those on record, and then those that arrive.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use betaflow_connectors::live::{Control, Edge, EdgeEvent, EdgeReceiver, Hello, Input, Inputs};
use betaflow_connectors::store::{InputReader, StateFolder, StoreError};
use betaflow_engine::source::SourceError;

use super::alerts::{Alerts, Kind};
use super::hello;
use super::link::{Change, Link};
use super::stop::Stop;

/// How often it is looked whether to stop.
const LOOK: Duration = Duration::from_millis(100);

/// Both, one after the other.
pub(crate) struct PaperInputs {
    database: PathBuf,
    /// Number of the next input on record, and of the first that is not.
    next: u64,
    behind: u64,
    record: InputReader,
    fresh: VecDeque<Control>,
    feed: Hello,
    /// State of the connection, which the pulse shows.
    link: Link,
    alerts: Alerts,
    events: EdgeReceiver,
    stop: Stop,
}

impl PaperInputs {
    /// `record`: the first input on record that is to run again, and the first that is not on record. `fresh`: inputs
    /// that come between the record and the feed.
    ///
    /// # Errors
    /// The record cannot be read.
    pub(crate) fn new(
        folder: &StateFolder,
        record: Range<u64>,
        fresh: Vec<Control>,
        feed: &Hello,
        edge: &Edge,
        link: Link,
        stop: Stop,
    ) -> Result<Self, StoreError> {
        let behind = record.end;
        Ok(Self {
            database: folder.database().to_owned(),
            next: record.start,
            behind,
            record: InputReader::open(folder.database(), record.start)?,
            fresh: fresh.into(),
            feed: feed.clone(),
            link,
            alerts: Alerts::default(),
            events: edge.events(),
            stop,
        })
    }

    /// Alerts when the feed is lost and when it is back.
    #[must_use]
    pub(crate) fn alerting(self, alerts: Alerts) -> Self {
        Self { alerts, ..self }
    }

    fn on_record(&mut self) -> Result<Input, SourceError> {
        let Some(input) = self.record.next_input()?.filter(|input| input.seq == self.next) else {
            let (database, next) = (self.database.display(), self.next);
            return Err(format!(
                "{database}: input {next} is not on record, and later ones are; the file was changed: begin a new state \
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
        if let Some(control) = self.fresh.pop_front() {
            return Ok(Some(Input::Control(control)));
        }
        while !self.stop.is_due() {
            let Ok(event) = self.events.recv_timeout(LOOK) else { continue };
            alert(&self.alerts, self.link.follow(&event));
            match event {
                EdgeEvent::Bars { bars, text, received, .. } => {
                    return Ok(Some(Input::Bars { bars, text, received: Some(received) }));
                }
                EdgeEvent::End { .. } => return Ok(None),
                EdgeEvent::Failed { text, .. } => return Err(text.into()),
                EdgeEvent::Connected { hello, .. } if !hello::same(&self.feed, &hello) => {
                    return Err(format!(
                        "the feed is another one: found {}, expected {}; begin a new state folder",
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
        // What is on its way is fetched again by the next start.
        Ok(None)
    }
}

/// Raises the alert of a change of the connection.
pub(crate) fn alert(alerts: &Alerts, change: Option<Change>) {
    match change {
        Some(Change::Lost(why)) => alerts.raise(Kind::FeedLost, None, format!("the feed is lost: {why}")),
        Some(Change::Back) => alerts.raise(Kind::FeedBack, None, "the feed is back".to_owned()),
        None => {}
    }
}
