//! One connection to a venue.

use std::sync::PoisonError;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::Account;
use super::follower::Follower;
use crate::clock::now;
use crate::live::client::EdgeEvent;
use crate::live::client::backpressure::{Closed, EventSender};
use crate::live::client::connect::{Socket, connection_error};
use crate::live::client::counts::add;

/// Interval at which the venue's clock advances without messages.
const TICK: Duration = Duration::from_millis(100);
/// Silence after which a ping is sent.
const PING: Duration = Duration::from_secs(5);
/// Silence, pongs included, after which the connection counts as dead.
const DEAD: Duration = Duration::from_secs(15);
/// Timeout of sending a message.
const SEND: Duration = Duration::from_secs(10);

/// Minimum length of a secret that is hidden in messages of the venue; a shorter one may be part of a price.
const SECRET_MIN: usize = 8;

/// Reason for which a connection ends.
enum Stop {
    Lost(String),
    Closed,
}

impl From<Closed> for Stop {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

pub(crate) struct VenueConnection<'a> {
    follower: &'a mut Follower,
    sender: &'a mut EventSender,
    socket: Socket,
    /// Number of the connection.
    number: u64,
    /// Time of the last message.
    heard: Instant,
    /// Time of the last message or pong.
    alive: Instant,
    pinged: Instant,
    kept_alive: Instant,
    ticked: Instant,
    /// Maximum time without a message.
    silence: Duration,
    /// Key and secret of the account, as they occur in a message.
    secrets: Vec<String>,
}

impl<'a> VenueConnection<'a> {
    pub(crate) fn new(
        follower: &'a mut Follower,
        sender: &'a mut EventSender,
        socket: Socket,
        number: u64,
    ) -> Self {
        let silence = Duration::from_millis(follower.connection.silence_ms_max);
        let silence = follower.settings.stale_after.unwrap_or(silence);
        let heard = Instant::now();
        let (alive, pinged, kept_alive, ticked) = (heard, heard, heard, heard);
        let secrets = follower.settings.account.as_ref().map(Account::secrets).unwrap_or_default();
        Self { follower, sender, socket, number, heard, alive, pinged, kept_alive, ticked, silence, secrets }
    }

    /// Runs the connection to its end; returns the reason.
    pub(crate) async fn run(mut self) -> Result<String, Closed> {
        let stop = match self.subscribe().await {
            Ok(()) => loop {
                if let Err(stop) = self.turn().await {
                    break stop;
                }
            },
            Err(stop) => stop,
        };
        match stop {
            Stop::Closed => Err(Closed),
            Stop::Lost(why) => Ok(why),
        }
    }

    async fn subscribe(&mut self) -> Result<(), Stop> {
        self.sender.send(EdgeEvent::Connected { at: now(), hello: self.follower.settings.hello() })?;
        for message in self.follower.connection.messages.clone() {
            self.say(message).await?;
        }
        Ok(())
    }

    /// Waits for the next event and handles it.
    async fn turn(&mut self) -> Result<(), Stop> {
        let next_tick = self.ticked + TICK;
        // Messages precede the tick: time that passed before they were read must not close their bars.
        tokio::select! {
            biased;
            message = self.socket.next() => self.receive(message)?,
            () = sleep_until(next_tick) => {
                self.follower.builder.tick(self.sender)?;
                self.look()?;
                self.ticked = Instant::now();
            }
        }
        self.sender.flush()?;
        let blocked = self.sender.take_blocked();
        if !blocked.is_zero() {
            // No message was read while blocked, so this time does not count as silence.
            self.follower.builder.blocked(blocked);
            (self.heard, self.alive) = (self.heard + blocked, self.alive + blocked);
        }
        self.keep_alive().await?;
        let (silent, dead) = (self.heard.elapsed(), self.alive.elapsed());
        if silent >= self.silence || dead >= DEAD {
            let silent = if silent >= self.silence { silent } else { dead };
            add(&self.sender.counters.stale, 1);
            self.sender.send(EdgeEvent::Stale { at: now(), silent })?;
            return Err(Stop::Lost(format!("silent for {:.1} s", silent.as_secs_f64())));
        }
        Ok(())
    }

    fn receive(&mut self, message: Option<Result<Message, Error>>) -> Result<(), Stop> {
        self.alive = Instant::now();
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            // The library answers pings.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => return Ok(()),
            Some(Ok(Message::Binary(bytes))) => {
                // A binary message cannot be parsed, but shows that the connection works.
                self.heard = self.alive;
                self.count(bytes.len());
                let text = format!("found {} bytes of binary, expected text", bytes.len());
                return Ok(self.refuse(text)?);
            }
            Some(Ok(Message::Close(frame))) => {
                let said = frame.filter(|frame| !frame.reason.is_empty());
                let said = said.map(|frame| format!(": {}", frame.reason)).unwrap_or_default();
                return Err(Stop::Lost(format!("the venue closed the connection{said}")));
            }
            None => return Err(Stop::Lost("the venue closed the connection".to_owned())),
            Some(Err(Error::Capacity(error))) => {
                let max = self.follower.settings.message_max;
                let text = format!("found {error}, expected at most {max} bytes");
                self.refuse(text.clone())?;
                return Err(Stop::Lost(text));
            }
            Some(Err(error)) => return Err(Stop::Lost(connection_error(&error))),
        };
        self.heard = self.alive;
        self.count(text.len());
        // A venue may repeat the account in an error, which would be recorded and logged.
        let text = self.without_secrets(text, SECRET_MIN);
        self.record("in", &text);
        Ok(self.follower.builder.take(&text, self.heard.into_std(), self.sender)?)
    }

    fn count(&self, bytes: usize) {
        add(&self.sender.counters.messages, 1);
        add(&self.sender.counters.bytes, bytes as u64);
    }

    fn refuse(&mut self, text: String) -> Result<(), Closed> {
        add(&self.sender.counters.refused, 1);
        let text = format!("message of {}: {text}", self.follower.settings.venue);
        self.sender.send(EdgeEvent::Refused { at: now(), text })
    }

    fn record(&self, direction: &'static str, text: &Utf8Bytes) {
        if let Some(log) = &self.follower.raw_log {
            log.put(self.number, direction, text.clone());
        }
    }

    /// Replaces key and secret of the account by `***`, if they have at least `length` characters.
    fn without_secrets(&self, text: Utf8Bytes, length: usize) -> Utf8Bytes {
        let secrets = self.secrets.iter().filter(|secret| secret.len() >= length);
        secrets.fold(text, |text, secret| match text.contains(secret) {
            true => text.replace(secret, "***").into(),
            false => text,
        })
    }

    /// Sends the adapter's periodic message, and a ping after a silence.
    async fn keep_alive(&mut self) -> Result<(), Stop> {
        let now = Instant::now();
        if let Some(keep_alive) = &self.follower.connection.keep_alive
            && now >= self.kept_alive + Duration::from_millis(keep_alive.every_ms)
        {
            self.kept_alive = now;
            self.say(keep_alive.message.clone()).await?;
        }
        if now >= self.alive.max(self.pinged) + PING {
            self.pinged = now;
            self.send(Message::Ping(Vec::new().into())).await?;
        }
        Ok(())
    }

    async fn say(&mut self, message: String) -> Result<(), Stop> {
        let message = Utf8Bytes::from(message);
        self.record("out", &self.without_secrets(message.clone(), 1));
        self.send(Message::Text(message)).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Stop> {
        match timeout(SEND, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Stop::Lost(connection_error(&error))),
            Err(_) => Err(Stop::Lost(format!("cannot send a message within {SEND:?}"))),
        }
    }

    /// Publishes the counts of the raw log and forwards its notices.
    fn look(&mut self) -> Result<(), Closed> {
        let Some(log) = &self.follower.raw_log else { return Ok(()) };
        self.follower.counts.lock().unwrap_or_else(PoisonError::into_inner).raw_log = log.counts();
        match log.news() {
            Some(text) => self.sender.send(EdgeEvent::Note { at: now(), text }),
            None => Ok(()),
        }
    }
}
