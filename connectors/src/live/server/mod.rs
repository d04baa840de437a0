//! Server of a feed for many clients.
//!
//! Each client has its own position in the feed: a reader thread that reads a few messages ahead, and a
//! bounded window of past messages. A slow client delays only its own messages; none is dropped.
//!
//! Injected faults (`faults.rs`) are a function of seed and message number.

mod binance;
mod client;
mod faults;
mod playback;
mod reader;
mod socket;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

pub use faults::Faults;
pub use playback::Playback;

use super::error::LiveError;
use super::feed::Feed;
use super::places::Places;
use super::tls::ServerTls;

/// Speed of a playback.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// Multiple of the speed of the timestamps; 1 is real time.
    Times(f64),
    /// Maximum: as fast as the client reads.
    Max,
}

/// Protocol of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerProtocol {
    /// Betaflow's own protocol.
    Betaflow,
    /// Kline streams of Binance.
    Binance {
        /// Length of a bar, in ns.
        bar_ns: i64,
    },
}

/// Settings of a server.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Address to listen on; port 0 for any free one.
    pub listen: SocketAddr,
    /// Protocol.
    pub protocol: ServerProtocol,
    /// Speed of the playback.
    pub speed: Speed,
    /// Injected faults.
    pub faults: Faults,
    /// Certificate and key, for `wss`.
    pub tls: Option<ServerTls>,
    /// Maximum number of simultaneous clients; others are refused. One address takes at most half of them, unless only this
    /// machine reaches the server.
    pub clients_max: usize,
    /// Time after which a client that does not read is disconnected.
    pub patience: Duration,
}

impl ServerSettings {
    /// Creates settings with betaflow's protocol, no faults and maximum speed.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            protocol: ServerProtocol::Betaflow,
            speed: Speed::Max,
            faults: Faults::default(),
            tls: None,
            clients_max: 64,
            patience: Duration::from_secs(600),
        }
    }
}

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counts of a server so far.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct ServerCounts { $($(#[$doc])* pub $name: u64),* }

        /// Atomic counters of [`ServerCounts`].
        #[derive(Default)]
        struct Counters { $($name: AtomicU64),* }

        impl Counters {
            fn read(&self) -> ServerCounts {
                ServerCounts { $($name: self.$name.load(Ordering::Relaxed)),* }
            }
        }
    };
}

counts! {
    /// Connections made.
    connections,
    /// Connections refused because there were too many.
    refused,
    /// Connections ended because of an invalid client message.
    invalid,
    /// Messages sent, repeats included.
    messages,
    /// Bytes of these messages.
    bytes,
    /// Messages repeated on request.
    backfilled,
    /// Messages dropped by injected faults.
    dropped,
    /// Messages repeated by injected faults.
    duplicated,
    /// Messages delayed by injected faults.
    reordered,
    /// Connections cut by injected faults.
    cut,
    /// Stalls by injected faults.
    stalls,
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

/// State shared by all clients.
struct ServerState {
    feed: Arc<dyn Feed>,
    settings: ServerSettings,
    counters: Arc<Counters>,
    stop: watch::Receiver<bool>,
    /// Callback for each error of the feed.
    complain: Box<dyn Fn(&str) + Send + Sync>,
}

/// Server on a thread of its own. It ends when it is dropped.
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    counters: Arc<Counters>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server. If the feed cannot be read, `complain` and the client receive the error.
    ///
    /// # Errors
    /// The port is taken, the certificates are invalid, or the system cannot start a thread.
    pub fn start(
        feed: Arc<dyn Feed>,
        settings: ServerSettings,
        complain: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<Self, LiveError> {
        let refused = |source| LiveError::Listen { address: settings.listen.to_string(), source };
        let listener = TcpListener::bind(settings.listen).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let acceptor = settings.tls.as_ref().map(ServerTls::acceptor).transpose()?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(LiveError::Start)?;
        let (stop, stopped) = watch::channel(false);
        let counters = Arc::<Counters>::default();
        let shared = Arc::new(ServerState {
            feed,
            settings,
            counters: Arc::clone(&counters),
            stop: stopped,
            complain: Box::new(complain),
        });
        let serve = move || {
            runtime.block_on(accept(listener, acceptor, shared));
            // Reader threads end when their channel is closed.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("betaflow-serve".to_owned()).spawn(serve);
        Ok(Self { address, stop, counters, thread: Some(thread.map_err(LiveError::Start)?) })
    }

    /// Returns the address, with the actual port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the counts so far.
    #[must_use]
    pub fn counts(&self) -> ServerCounts {
        self.counters.read()
    }

    /// Closes all connections and waits for the thread.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: Option<tokio_rustls::TlsAcceptor>,
    shared: Arc<ServerState>,
) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return (shared.complain)(&format!("cannot listen: {error}")),
    };
    let (mut clients, mut stop) = (JoinSet::new(), shared.stop.clone());
    let places = Places::new(shared.settings.listen, shared.settings.clients_max);
    for number in 0.. {
        let (stream, client) = loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => {
                    // Each connection has its own stop signal and ends without waiting for its peer.
                    while clients.join_next().await.is_some() {}
                    return;
                }
                Some(_) = clients.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => break accepted,
                    Err(error) => wait_for_room(&error).await,
                },
            }
        };
        let Some(place) = places.take(client.ip()) else {
            add(&shared.counters.refused, 1);
            continue;
        };
        add(&shared.counters.connections, 1);
        let (shared, acceptor) = (Arc::clone(&shared), acceptor.clone());
        clients.spawn(async move {
            client::serve(stream, acceptor, &shared, number).await;
            drop(place);
        });
    }
}

/// Waits for other connections to end, because the process may have no free file descriptor.
async fn wait_for_room(_: &io::Error) {
    tokio::time::sleep(Duration::from_millis(100)).await;
}
