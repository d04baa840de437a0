//! One connection to a feed, from the hello to its end.

use std::time::Duration;

use betaflow_engine::time::Iso;
use betaflow_engine::time::TimestampNs;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::order::{Pushed, Received};
use super::state::State;
use crate::clock::now;
use crate::live::bar_rules::{BarRules, check_order, is_reported};
use crate::live::client::EdgeEvent;
use crate::live::client::backpressure::Closed;
use crate::live::client::connect::{Socket, connection_error};
use crate::live::client::counts::add;
use crate::live::client::overflow;
use crate::live::client::overflow::Overflow;
use crate::live::protocol::{Bars, ClientMessage, Hello, PROTOCOL, ServerMessage, shown};

/// Number of early messages that indicates a gap instead of reordering; missing messages are then requested.
const EARLY_MAX: usize = 16;

/// Maximum wait for a refused message after the request to repeat it.
const REFUSED: Duration = Duration::from_secs(1);

/// Silence in which no message is given up: a server that sends nothing, not even heartbeats, does not answer requests either.
/// After it, the server answers, or the client connects again.
const QUIET: Duration = Duration::from_secs(3);

/// Interval between attempts to send pending events.
const FLUSH: Duration = Duration::from_millis(20);

/// End of a connection.
pub(crate) enum Ended {
    /// End of the feed: this number of messages has been delivered or given up.
    All(u64),
    /// Fatal failure.
    Failed(String),
    /// Connection lost for a reason unrelated to the messages.
    Lost(String),
    /// Refused message after which the connection cannot continue.
    Refused(String),
    /// Error message of the server.
    ServerError(String),
}

/// Reason to stop: the connection has ended, or no more events are accepted.
enum Stop {
    Ended(Ended),
    Closed,
}

impl From<Closed> for Stop {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

/// Requested messages.
struct Request {
    to: u64,
    /// Time of the request or of the last requested message received.
    at: Instant,
}

pub(crate) struct FeedConnection<'a, 'b> {
    state: &'a mut State<'b>,
    socket: Socket,
    /// Number of the next text.
    number: u64,
    heard: Instant,
    /// Start of the wait for the next message, while later messages are held back.
    missing: Option<Instant>,
    requested: Option<Request>,
    /// Number from which the client last subscribed again, because the buffer was full.
    again: Option<u64>,
    /// Number of all messages, once the server has sent it.
    frames: Option<u64>,
}

impl<'a, 'b> FeedConnection<'a, 'b> {
    pub(crate) fn new(state: &'a mut State<'b>, socket: Socket) -> Self {
        let heard = Instant::now();
        Self { state, socket, number: 0, heard, missing: None, requested: None, again: None, frames: None }
    }

    /// Runs the connection to its end.
    pub(crate) async fn run(mut self) -> Result<Ended, Closed> {
        let stop = loop {
            if let Err(stop) = self.turn().await {
                break stop;
            }
        };
        match stop {
            Stop::Closed => Err(Closed),
            Stop::Ended(ended) => {
                if let Ended::All(_) = ended {
                    let _ = tokio::time::timeout(Duration::from_millis(200), self.socket.close(None)).await;
                }
                Ok(ended)
            }
        }
    }

    /// Waits for the next event and handles it.
    async fn turn(&mut self) -> Result<(), Stop> {
        let settings = self.state.settings;
        let stale = self.heard + settings.stale_after;
        // Most servers repeat a refused message unchanged or do not repeat it, so the wait is short.
        let refused = self.state.refused_seq == Some(self.state.order.next());
        let gap_after = settings.gap_after.min(if refused { REFUSED } else { Duration::MAX });
        let patience = match (&self.requested, self.missing) {
            (Some(requested), _) => Some(requested.at + gap_after),
            (None, Some(since)) => Some(since + settings.late),
            (None, None) => None,
        };
        tokio::select! {
            biased;
            message = self.socket.next() => self.receive(message).await?,
            () = sleep_until(patience.unwrap_or(stale)), if patience.is_some() => self.insist().await?,
            () = sleep_until(Instant::now() + FLUSH), if self.state.sender.is_waiting() => self.state.sender.flush()?,
            () = sleep_until(stale) => return Err(self.stale()?),
        }
        let blocked = self.state.sender.take_blocked();
        if !blocked.is_zero() {
            // Nothing was read while blocked, so that time counts neither as silence nor as a gap.
            self.heard = Instant::now();
            self.missing = self.missing.map(|since| since + blocked);
            self.requested =
                self.requested.take().map(|requested| Request { at: requested.at + blocked, ..requested });
        }
        Ok(())
    }

    async fn receive(&mut self, message: Option<Result<Message, Error>>) -> Result<(), Stop> {
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
                self.hear();
                return Ok(());
            }
            Some(Ok(Message::Binary(bytes))) => {
                self.hear();
                let number = self.count(bytes.len());
                let found = format!("message {number}: found {} bytes of binary, expected text", bytes.len());
                return Ok(self.refuse(found)?);
            }
            Some(Ok(Message::Close(_))) | None => return Err(lost("the server closed the connection")),
            Some(Err(Error::Capacity(error))) => {
                let max = self.state.settings.message_max;
                let text = format!("message {}: found {error}, expected at most {max} bytes", self.number);
                self.refuse(text.clone())?;
                return Err(Stop::Ended(Ended::Refused(text)));
            }
            Some(Err(error)) => return Err(lost(&connection_error(&error))),
        };
        self.hear();
        let number = self.count(text.len());
        match ServerMessage::parse(&text, number) {
            Ok(message) => self.take(message, text).await,
            Err(error) => Ok(self.refuse(error.to_string())?),
        }
    }

    /// Records that the server sends. Its silence before does not count as a wait for an answer.
    fn hear(&mut self) {
        let silent = self.heard.elapsed();
        self.heard = Instant::now();
        if let Some(requested) = self.requested.as_mut().filter(|_| silent >= QUIET) {
            requested.at += silent;
        }
    }

    /// Counts a message and returns its number.
    fn count(&mut self, bytes: usize) -> u64 {
        add(&self.state.sender.counters.messages, 1);
        add(&self.state.sender.counters.bytes, bytes as u64);
        self.number += 1;
        self.number - 1
    }

    /// Reports a dropped message; of many dropped messages, reports only some.
    fn refuse(&mut self, text: String) -> Result<(), Closed> {
        add(&self.state.sender.counters.refused, 1);
        self.state.refused += 1;
        let count = self.state.refused;
        if !is_reported(count) {
            return Ok(());
        }
        let text = if count == 1 { text } else { format!("{text}; {count} messages refused so far") };
        self.state.sender.send(EdgeEvent::Refused { at: now(), text })
    }

    /// Checks bars before the message of their number counts as received.
    fn check(&self, bars: &Bars) -> Result<(), String> {
        let Some(rules) = &self.state.rules else { return Ok(()) };
        // The messages before early bars have not arrived yet.
        let last = self.state.last.filter(|_| bars.seq == self.state.order.next());
        rules.check(bars, last).map_err(|(found, expected)| {
            format!(
                "bars {} at {}: found {found}, expected {expected}",
                bars.seq,
                Iso(TimestampNs(bars.timestamp))
            )
        })
    }

    async fn take(&mut self, message: ServerMessage, text: Utf8Bytes) -> Result<(), Stop> {
        match message {
            ServerMessage::Hello(hello) => self.greet(hello).await,
            ServerMessage::OtherProtocol(version) => Err(Stop::Ended(Ended::Failed(format!(
                "found a feed of protocol version {version}, expected version {PROTOCOL} of betaflow {}; use a feed and \
                 a betaflow of the same version",
                env!("CARGO_PKG_VERSION")
            )))),
            ServerMessage::Bars(bars) if self.state.hello.is_some() => {
                self.bars((bars, text.as_str().to_owned(), self.heard.into_std())).await
            }
            ServerMessage::Bars(bars) => {
                Ok(self
                    .refuse(format!("found bars {} before the hello, expected the hello first", bars.seq))?)
            }
            ServerMessage::Heartbeat(next) => {
                self.state.order.know(next);
                self.settle().await
            }
            ServerMessage::Unavailable(from, to) => {
                // The request may have ended at a number far ahead.
                self.refuse_far()?;
                let missing = self.state.order.missing();
                if let Some((first, last)) = missing.filter(|(first, _)| (from..=to).contains(first)) {
                    self.requested = None;
                    self.state.gap(first, last.min(to))?;
                }
                self.settle().await
            }
            // Shortened, because it is recorded with each connection.
            ServerMessage::Error(text) => Err(Stop::Ended(Ended::ServerError(shown(&text)))),
            ServerMessage::End(frames) => {
                if let Some(unconfirmed) = self.state.unconfirmed.take() {
                    self.push(unconfirmed).await?;
                }
                self.frames = Some(frames);
                self.state.order.know(frames);
                self.settle().await
            }
            ServerMessage::Unknown(_) => {
                add(&self.state.sender.counters.unknown, 1);
                Ok(())
            }
        }
    }

    async fn greet(&mut self, hello: Hello) -> Result<(), Stop> {
        let what = |hello: &Hello| {
            (hello.columns.clone(), hello.factors.clone(), hello.has_rf, hello.values, hello.name.clone())
        };
        match &self.state.hello {
            Some(known) if what(known) != what(&hello) => {
                let text = format!(
                    "the feed has changed: found {1}, expected {0} as before; start a new state folder for another feed",
                    known.described(),
                    hello.described()
                );
                return Err(Stop::Ended(Ended::Failed(text)));
            }
            Some(_) => add(&self.state.sender.counters.reconnects, 1),
            None => {
                if self.state.sender.overflow() == Overflow::ConflateLatest
                    && let Some(text) = overflow::refuses(&hello)
                {
                    return Err(Stop::Ended(Ended::Failed(text)));
                }
                // `FeedSource` reports settings that contradict each other.
                let rules = self.state.settings.data.as_ref().map(|settings| BarRules::new(&hello, settings));
                self.state.rules = rules.and_then(Result::ok);
                self.state.hello = Some(hello.clone());
            }
        }
        self.state.sender.send(EdgeEvent::Connected { at: now(), hello })?;
        let from = self.state.order.next();
        self.say(ClientMessage::Subscribe { from }).await
    }

    async fn bars(&mut self, received: Received) -> Result<(), Stop> {
        let seq = received.0.seq;
        if let Err(text) = self.check(&received.0) {
            self.refuse(text)?;
            // After two refusals of the same number, another request would not help.
            if self.state.refused_seq.replace(seq) == Some(seq) && seq == self.state.order.next() {
                self.state.gap(seq, seq)?;
            }
            return self.settle().await;
        }
        match self.settled(received).await? {
            Some(received) => self.push(received).await,
            None => self.settle().await,
        }
    }

    /// Delivers or refuses the unconfirmed bars; returns `received` unless it needs confirmation too.
    async fn settled(&mut self, received: Received) -> Result<Option<Received>, Stop> {
        let (seq, timestamp) = (received.0.seq, received.0.timestamp);
        let needs_confirmation = |session: &Self| {
            let rules = session.state.rules.as_ref();
            seq == session.state.order.next()
                && rules.is_some_and(|rules| rules.needs_confirmation(&received.0, session.state.last))
        };
        // An older message neither confirms nor contradicts the unconfirmed one.
        if let Some(unconfirmed) = self.state.unconfirmed.take_if(|unconfirmed| seq >= unconfirmed.0.seq) {
            if seq == unconfirmed.0.seq && needs_confirmation(self) {
                add(&self.state.sender.counters.repeats, 1);
                self.state.unconfirmed = Some(unconfirmed);
                return Ok(None);
            }
            if seq > unconfirmed.0.seq && timestamp > unconfirmed.0.timestamp {
                self.push(unconfirmed).await?;
            } else {
                let (time, before) = (Iso(TimestampNs(unconfirmed.0.timestamp)), Iso(TimestampNs(timestamp)));
                let found = unconfirmed.0.seq;
                self.refuse(format!(
                    "bars {found}: found {time}, expected a time before {before}, the time of the next bars"
                ))?;
            }
        }
        if needs_confirmation(self) {
            self.state.unconfirmed = Some(received);
            return Ok(None);
        }
        Ok(Some(received))
    }

    /// Orders bars that passed all checks.
    async fn push(&mut self, received: Received) -> Result<(), Stop> {
        let seq = received.0.seq;
        match self.state.order.push(received) {
            Pushed::Next(received) => {
                self.closes(seq);
                self.deliver(received)?;
            }
            Pushed::Early => add(&self.state.sender.counters.early, 1),
            Pushed::Repeat => add(&self.state.sender.counters.repeats, 1),
            Pushed::Full(received) => {
                add(&self.state.sender.counters.overflowed, 1);
                match self.state.settings.back_fill {
                    true => self.overflow().await?,
                    false => self.make_room(received)?,
                }
            }
        }
        self.settle().await
    }

    /// Ends the wait for message `seq`, which has arrived.
    fn closes(&mut self, seq: u64) {
        if self.missing.is_some() {
            add(&self.state.sender.counters.filled, 1);
        }
        if let Some(requested) = &mut self.requested {
            requested.at = Instant::now();
            if seq >= requested.to {
                self.requested = None;
            }
        }
        self.missing = None;
    }

    /// Delivers bars in order. Refuses bars that close too early; bars held back are compared with their
    /// predecessor only here. Refused bars are missing again; after two refusals of a number they are a gap.
    fn deliver(&mut self, (bars, text, received): Received) -> Result<(), Closed> {
        if self.state.rules.is_some()
            && let Err((found, expected)) = check_order(&bars, self.state.last)
        {
            self.refuse(format!("bars {}: found {found}, expected {expected}", bars.seq))?;
            if self.state.refused_seq.replace(bars.seq) == Some(bars.seq) {
                return self.state.gap(bars.seq, bars.seq);
            }
            self.state.order.refused();
            return Ok(());
        }
        self.state.last = Some(TimestampNs(bars.timestamp));
        if let Some(rules) = &mut self.state.rules {
            rules.observe(&bars);
        }
        self.state.sender.bars(bars, text, received)
    }

    /// Gives up missing messages when the buffer is full and back-filling is off.
    fn make_room(&mut self, received: Received) -> Result<(), Closed> {
        let mut left = Some(received);
        while let Some(received) = left.take() {
            if !self.refuse_far()?
                && let Some((from, to)) = self.state.order.missing()
            {
                self.state.gap(from, to)?;
            }
            while let Some(received) = self.state.order.pop() {
                self.deliver(received)?;
            }
            match self.state.order.push(received) {
                Pushed::Next(received) => self.deliver(received)?,
                Pushed::Full(received) => left = Some(received),
                Pushed::Early | Pushed::Repeat => {}
            }
        }
        Ok(())
    }

    /// Delivers all consecutive messages, requests missing ones, and detects the end.
    async fn settle(&mut self) -> Result<(), Stop> {
        while let Some(received) = self.state.order.pop() {
            self.deliver(received)?;
        }
        if self.state.order.missing().is_none() {
            (self.missing, self.requested, self.again) = (None, None, None);
        } else if self.missing.is_none() {
            self.missing = Some(Instant::now());
        }
        if let Some(frames) = self.frames.filter(|frames| self.state.order.next() >= *frames) {
            return Err(Stop::Ended(Ended::All(frames)));
        }
        if self.state.settings.back_fill && self.requested.is_none() && self.state.order.held() >= EARLY_MAX {
            self.ask().await?;
        }
        Ok(())
    }

    /// Requests the missing messages.
    async fn ask(&mut self) -> Result<(), Stop> {
        let Some((from, to)) = self.state.order.missing() else { return Ok(()) };
        self.requested = Some(Request { to, at: Instant::now() });
        add(&self.state.sender.counters.requests, 1);
        self.say(ClientMessage::Backfill { from, to }).await
    }

    /// Subscribes again from the first missing message, because the buffer of early messages is full.
    async fn overflow(&mut self) -> Result<(), Stop> {
        // Once for each missing message: the new stream contains the first one only, when it drops others as well.
        let from = self.state.order.next();
        if self.again.replace(from) == Some(from) {
            return Ok(());
        }
        if self.requested.is_none() {
            self.ask().await?;
        }
        self.say(ClientMessage::Subscribe { from }).await
    }

    /// Requests the missing message when its waiting time has passed, or gives it up after a request.
    async fn insist(&mut self) -> Result<(), Stop> {
        if let Some(unconfirmed) = self.state.unconfirmed.take() {
            // No message has contradicted the unconfirmed bars.
            return self.push(unconfirmed).await;
        }
        if let Some(requested) = self.requested.as_mut().filter(|_| self.heard.elapsed() >= QUIET) {
            requested.at += QUIET;
            return Ok(());
        }
        if self.requested.take().is_none() && self.state.settings.back_fill {
            return self.ask().await;
        }
        if !self.refuse_far()?
            && let Some((from, to)) = self.state.order.missing()
        {
            self.state.gap(from, to)?;
        }
        self.missing = None;
        self.settle().await
    }

    /// Refuses held messages far ahead, which would make all between them a gap; returns whether there were any.
    fn refuse_far(&mut self) -> Result<bool, Closed> {
        let Some(far) = self.state.order.drop_far() else { return Ok(false) };
        let next = self.state.order.next();
        self.refuse(format!("found bars {far}, expected a number near the next one, {next}"))?;
        Ok(true)
    }

    async fn say(&mut self, message: ClientMessage) -> Result<(), Stop> {
        let sent = self.socket.send(Message::Text(message.to_text().into())).await;
        sent.map_err(|error| lost(&connection_error(&error)))
    }

    fn stale(&mut self) -> Result<Stop, Closed> {
        let silent = self.heard.elapsed();
        add(&self.state.sender.counters.stale, 1);
        self.state.sender.send(EdgeEvent::Stale { at: now(), silent })?;
        Ok(lost(&format!("silent for {:.1} s", silent.as_secs_f64())))
    }
}

fn lost(why: &str) -> Stop {
    Stop::Ended(Ended::Lost(why.to_owned()))
}
