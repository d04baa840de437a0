//! Network and server of a simulation, on the runtime of the process under test.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use betaflow_connectors::live::{Bytes, ClientMessage, Connector, ServerMessage};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::DuplexStream;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::market::Market;
use super::scenario::{FeedFault, FeedFaultKind, Scenario};

/// Bytes in transit on a connection, in each direction.
const IN_TRANSIT: usize = 16 << 10;
/// Time without a message after which the server sends a heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Server, its faults and the wall clock; they outlive the processes under test.
pub(super) struct Network {
    pub(super) market: Market,
    interval: Duration,
    faults: Mutex<Faults>,
    clock: AtomicI64,
    /// Time since the start, ns.
    elapsed: AtomicI64,
    files: Files,
}

/// Files of forecasts that arrive before messages of the feed.
struct Files {
    folder: PathBuf,
    /// Messages before which the files arrive, in order, and the number of those that have arrived.
    at: Vec<usize>,
    arrived: AtomicUsize,
}

impl Files {
    /// Writes the files that arrive before a message. The name of a file repeats: the later one replaces the earlier.
    fn arrive(&self, market: &Market, seq: usize) -> io::Result<()> {
        let first = self.arrived.load(Ordering::Relaxed);
        let due = self.at.iter().skip(first).take_while(|at| **at <= seq).count();
        for number in first..first + due {
            let (name, hidden) = (self.folder.join(format!("{}.csv", number % 3)), self.folder.join(".new"));
            fs::write(&hidden, market.forecasts(self.at[number], number))?;
            // A file of text is read when it is old enough.
            File::options()
                .write(true)
                .open(&hidden)?
                .set_modified(UNIX_EPOCH + Duration::from_secs(1_000))?;
            fs::rename(hidden, name)?;
        }
        self.arrived.store(first + due, Ordering::Relaxed);
        Ok(())
    }
}

struct Faults {
    left: Vec<FeedFault>,
    /// Attempts to connect that will fail.
    refusals: u64,
    unavailable: bool,
}

impl Network {
    /// `forecasts`: folder in which files of forecasts arrive.
    pub(super) fn new(scenario: &Scenario, forecasts: &Path) -> Self {
        let market = Market::of(scenario);
        let last = market.bars.last().map_or(0, |bars| bars.timestamp);
        Self {
            market,
            interval: Duration::from_millis(scenario.interval_ms),
            faults: Mutex::new(Faults { left: scenario.feed.clone(), refusals: 0, unavailable: false }),
            clock: AtomicI64::new(last),
            elapsed: AtomicI64::new(0),
            files: Files {
                folder: forecasts.to_owned(),
                at: scenario.files.clone(),
                arrived: AtomicUsize::new(0),
            },
        }
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wall clock, ns since 1970.
    pub(super) fn now(&self) -> i64 {
        self.clock.load(Ordering::Relaxed)
    }

    /// Time since the start.
    pub(super) fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.elapsed.load(Ordering::Relaxed).unsigned_abs())
    }

    /// Lets time pass, ns.
    pub(super) fn pass(&self, time: i64) {
        self.elapsed.fetch_add(time, Ordering::Relaxed);
        self.jump(time);
    }

    /// Moves the wall clock.
    fn jump(&self, time: i64) {
        self.clock.fetch_add(time, Ordering::Relaxed);
    }

    /// Message before which the file of a name arrived last; `None` if none has.
    pub(super) fn arrived(&self, number: usize) -> Option<usize> {
        let all = &self.files.at[..self.files.arrived.load(Ordering::Relaxed)];
        all.iter().skip(number).step_by(3).next_back().copied()
    }

    /// Connector of a client on the current runtime.
    pub(super) fn connector(self: &Arc<Self>) -> Connector {
        let network = Arc::clone(self);
        Arc::new(move || {
            let network = Arc::clone(&network);
            Box::pin(async move {
                if network.is_refused() {
                    return Err(io::Error::from(io::ErrorKind::ConnectionRefused));
                }
                let (client, server) = tokio::io::duplex(IN_TRANSIT);
                tokio::spawn(serve(network, server));
                Ok(Box::new(client) as Box<dyn Bytes>)
            })
        })
    }

    /// Takes an attempt to connect; returns true if it must fail.
    fn is_refused(&self) -> bool {
        let mut faults = self.faults();
        let left = faults.refusals.checked_sub(1);
        faults.refusals = left.unwrap_or(0);
        left.is_some()
    }

    /// Takes the next fault of a message.
    fn fault(&self, seq: usize) -> Option<FeedFaultKind> {
        let mut faults = self.faults();
        let fault = faults.left.iter_mut().find(|fault| fault.seq == seq && fault.times > 0)?;
        fault.times -= 1;
        Some(fault.kind)
    }
}

/// End of a connection.
struct Cut;

struct Client {
    network: Arc<Network>,
    socket: WebSocketStream<DuplexStream>,
    /// Number of the next message, once the client has subscribed.
    head: Option<usize>,
    /// Number after the last message that was sent before the last subscription.
    furthest: usize,
    ended: bool,
    due: Instant,
    silent: Instant,
    /// Messages to send after the number of further messages.
    late: VecDeque<(u64, usize)>,
}

async fn serve(network: Arc<Network>, stream: DuplexStream) {
    let Ok(socket) = tokio_tungstenite::accept_async(stream).await else { return };
    let now = Instant::now();
    let (head, late) = (None, VecDeque::new());
    let mut client = Client { network, socket, head, furthest: 0, ended: false, due: now, silent: now, late };
    let hello = ServerMessage::Hello(client.network.market.hello.clone());
    if client.say(&hello).await.is_ok() {
        while client.turn().await.is_ok() {}
    }
}

impl Client {
    async fn turn(&mut self) -> Result<(), Cut> {
        let sends = self.head.is_some() && !self.ended;
        tokio::select! {
            biased;
            message = self.socket.next() => match message {
                Some(Ok(Message::Text(text))) => self.hear(&text).await,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                _ => Err(Cut),
            },
            () = sleep_until(self.due), if sends => self.next().await,
            () = sleep_until(self.silent + HEARTBEAT) => self.heartbeat().await,
        }
    }

    async fn hear(&mut self, text: &str) -> Result<(), Cut> {
        match ClientMessage::parse(text, 0) {
            Ok(ClientMessage::Subscribe { from }) => {
                self.furthest =
                    self.furthest.max(self.head.unwrap_or(0).min(self.network.market.texts.len()));
                (self.head, self.ended) = (Some(usize::try_from(from).unwrap_or(usize::MAX)), false);
                self.late.clear();
                Ok(())
            }
            Ok(ClientMessage::Backfill { from, to }) => self.backfill(from, to).await,
            Err(error) => panic!("the client broke the protocol: {error}"),
        }
    }

    async fn backfill(&mut self, from: u64, to: u64) -> Result<(), Cut> {
        if std::mem::take(&mut self.network.faults().unavailable) {
            return self.say(&ServerMessage::Unavailable(from, to)).await;
        }
        let head = self.head.unwrap_or(0).min(self.network.market.texts.len()) as u64;
        for seq in from..head.min(to.saturating_add(1)) {
            self.send(seq as usize).await?;
        }
        // As `serve`: after a new subscription, messages that were sent before it follow in the stream.
        let follows = (head..self.furthest as u64).contains(&from.max(head));
        match to >= head && !follows {
            true => self.say(&ServerMessage::Unavailable(from.max(head), to)).await,
            false => Ok(()),
        }
    }

    /// Sends the next message of the stream, or its end.
    async fn next(&mut self) -> Result<(), Cut> {
        let seq = self.head.unwrap_or(0);
        self.due = Instant::now() + self.network.interval;
        if seq >= self.network.market.texts.len() {
            self.ended = true;
            while let Some((_, seq)) = self.late.pop_front() {
                self.put(self.network.market.texts[seq].clone()).await?;
            }
            let frames = self.network.market.texts.len() as u64;
            return self.say(&ServerMessage::End(frames)).await;
        }
        self.head = Some(seq + 1);
        self.send(seq).await?;
        self.late.iter_mut().for_each(|(after, _)| *after = after.saturating_sub(1));
        while let Some((_, seq)) = self.late.pop_front_if(|(after, _)| *after == 0) {
            self.put(self.network.market.texts[seq].clone()).await?;
        }
        Ok(())
    }

    async fn heartbeat(&mut self) -> Result<(), Cut> {
        let head = self.head.unwrap_or(0).min(self.network.market.texts.len());
        self.say(&ServerMessage::Heartbeat(head as u64)).await
    }

    /// Sends a message with its next fault.
    async fn send(&mut self, seq: usize) -> Result<(), Cut> {
        use FeedFaultKind as Kind;
        let network = Arc::clone(&self.network);
        let (text, market) = (network.market.texts[seq].clone(), &network.market);
        network.files.arrive(market, seq).expect("a file of forecasts");
        let Some(kind) = network.fault(seq) else { return self.put(text).await };
        let mut bars = market.bars[seq].clone();
        match kind {
            Kind::Drop => return Ok(()),
            Kind::Late(after) => {
                self.late.push_back((after, seq));
                return Ok(());
            }
            Kind::Repeat => self.put(text.clone()).await?,
            Kind::Cut => return self.put(text[..text.len() * 2 / 3].to_owned()).await,
            Kind::EarlyTime(frames) => bars.timestamp = market.bars[seq.saturating_sub(frames)].timestamp,
            Kind::LateTime(days) => bars.timestamp += days * 86_400_000_000_000,
            Kind::FarNumber => bars.seq += 1_000_000,
            Kind::NegativePrice => {
                bars.columns.iter_mut().flat_map(|(_, numbers)| numbers.first_mut()).for_each(|n| *n = -1.0);
            }
            Kind::SymbolTwice if bars.symbols.len() < 2 => return Ok(()),
            Kind::SymbolTwice => bars.symbols.iter_mut().for_each(|symbol| "S00".clone_into(symbol)),
            Kind::Disconnect(refusals) => {
                network.faults().refusals = refusals;
                return Err(Cut);
            }
            Kind::Stall(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Kind::Announce(ahead) => {
                let head = self.head.unwrap_or(0) as u64;
                self.say(&ServerMessage::Heartbeat(head + ahead)).await?;
            }
            Kind::Unavailable => {
                network.faults().unavailable = true;
                return Ok(());
            }
            Kind::Error => {
                self.say(&ServerMessage::Error("simulated error".to_owned())).await?;
                return Err(Cut);
            }
            Kind::ClockJump(seconds) => network.jump(seconds * 1_000_000_000),
        }
        self.put(bars.to_text()).await
    }

    async fn say(&mut self, message: &ServerMessage) -> Result<(), Cut> {
        self.put(message.to_text()).await
    }

    async fn put(&mut self, text: String) -> Result<(), Cut> {
        self.silent = Instant::now();
        self.socket.send(Message::Text(text.into())).await.map_err(|_| Cut)
    }
}
