//! Playback of a capture as the venue sent it: byte for byte, with the recorded intervals.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::stream::SplitSink;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::socket::{self, Socket};
use super::{Speed, wait_for_room};
use crate::live::capture::{Capture, Captured, Direction};
use crate::live::error::LiveError;
use crate::live::places::Places;

/// Maximum wait for a client's request; the playback then starts, because some clients subscribe by the
/// address.
const SILENT: Duration = Duration::from_millis(500);
/// Wait that is longer than any playback.
const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);
/// Messages read before they are due.
const AHEAD: usize = 1_024;
/// Maximum number of simultaneous clients; others are refused.
const CLIENTS_MAX: usize = 64;
/// Time after which a client that does not read is disconnected.
const PATIENCE: Duration = Duration::from_secs(600);

/// Server that plays a capture to every client from its beginning, for any subscription. At the end of the
/// capture, clients stay connected and their pings are answered. The server runs on a thread of its own and
/// ends when it is dropped.
pub struct Playback {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Playback {
    /// Starts the playback. `complain` receives errors of the capture.
    ///
    /// # Errors
    /// The capture cannot be read, the port is taken, or the system cannot start a thread.
    pub fn start(
        capture: &Path,
        listen: SocketAddr,
        speed: Speed,
        complain: impl Fn(&str) + Send + 'static,
    ) -> Result<Self, LiveError> {
        Capture::open(capture)?.read()?;
        let refused = |source| LiveError::Listen { address: listen.to_string(), source };
        let listener = TcpListener::bind(listen).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(LiveError::Start)?;
        let (stop, stopped) = watch::channel(false);
        let path = capture.to_owned();
        let serve = move || {
            runtime.block_on(accept((listener, address), &path, speed, stopped, &complain));
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("betaflow-playback".to_owned()).spawn(serve);
        Ok(Self { address, stop, thread: Some(thread.map_err(LiveError::Start)?) })
    }

    /// Returns the address, with the actual port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Playback {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(
    (listener, address): (TcpListener, SocketAddr),
    path: &Path,
    speed: Speed,
    mut stop: watch::Receiver<bool>,
    complain: &(dyn Fn(&str) + Send),
) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return complain(&format!("cannot listen: {error}")),
    };
    let mut clients: JoinSet<Option<LiveError>> = JoinSet::new();
    let places = Places::new(address, CLIENTS_MAX);
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            Some(ended) = clients.join_next() => {
                if let Ok(Some(error)) = ended {
                    complain(&error.to_string());
                }
            }
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => {
                    let Some(place) = places.take(client.ip()) else { continue };
                    let path = path.to_owned();
                    clients.spawn(async move {
                        let ended = play(stream, address, path, speed).await;
                        drop(place);
                        ended
                    });
                }
                Err(error) => wait_for_room(&error).await,
            },
        }
    }
}

/// Plays the capture to one client until it leaves; returns an error of the capture.
async fn play(stream: TcpStream, listen: SocketAddr, path: PathBuf, speed: Speed) -> Option<LiveError> {
    let (socket, _) = socket::open(stream, listen, None).await?;
    let (mut sink, mut heard) = socket.split();
    let mut ended = false;
    tokio::select! {
        said = heard.next() => said?.ok().map(|_| ())?,
        () = sleep(SILENT) => {}
    }
    let mut messages = read(path);
    let (start, mut first) = (Instant::now(), None);
    let mut waiting: Option<Captured> = None;
    loop {
        if waiting.is_none() && !ended {
            match messages.recv().await {
                Some(Ok(message)) => waiting = Some(message),
                Some(Err(error)) => return Some(error),
                // End of the capture.
                None => ended = true,
            }
        }
        let due = waiting.as_ref().map(|message| {
            let first = *first.get_or_insert(message.recv_ns);
            let Speed::Times(times) = speed else { return start };
            let seconds = message.recv_ns.saturating_sub(first).max(0) as f64 / 1e9 / times;
            let after = Duration::try_from_secs_f64(seconds).ok();
            // A time beyond the range of the clock waits as long as possible.
            after.and_then(|after| start.checked_add(after)).unwrap_or(start + FAR)
        });
        tokio::select! {
            said = heard.next() => answer(said?, &mut sink).await?,
            () = sleep_until(due.unwrap_or(start)), if due.is_some() => {
                if let Some(message) = waiting.take() {
                    timeout(PATIENCE, sink.send(Message::Text(message.raw.into()))).await.ok()?.ok()?;
                }
            }
        }
    }
}

/// Writes the answer to a ping, which the library has queued, so that a client that does not read it is not read either;
/// other messages have no effect. `None` if the client has left.
async fn answer(said: Result<Message, Error>, sink: &mut SplitSink<Socket, Message>) -> Option<()> {
    match said.ok()? {
        Message::Ping(_) => timeout(PATIENCE, sink.flush()).await.ok()?.ok(),
        _ => Some(()),
    }
}

/// Reads the messages of the venue on a thread that ends when the receiver is dropped.
fn read(path: PathBuf) -> mpsc::Receiver<Result<Captured, LiveError>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut capture = match Capture::open(&path) {
            Ok(capture) => capture,
            Err(error) => {
                let _ = sender.blocking_send(Err(error));
                return;
            }
        };
        loop {
            let message = match capture.read() {
                Ok(Some(message)) if message.dir == Direction::Out => continue,
                Ok(Some(message)) => Ok(message),
                Ok(None) => return,
                Err(error) => Err(error),
            };
            let last = message.is_err();
            if sender.blocking_send(message).is_err() || last {
                return;
            }
        }
    });
    receiver
}
