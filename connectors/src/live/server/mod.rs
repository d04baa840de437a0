//! A feed for many clients.
//!
//! Each client has its own position in the feed: a reader thread a few messages ahead and a bounded window of
//! messages behind. A slow client holds up only itself, and nothing is dropped for it.
//!
//! Faults on request (`faults.rs`) are a function of seed and message number.

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

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

pub use faults::Faults;
pub use playback::Playback;

use super::error::LiveError;
use super::feed::Feed;
use super::tls::ServerTls;

/// How fast a feed comes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times as fast as the timestamps say; 1 is real time.
    Times(f64),
    /// As fast as the client takes it.
    Max,
}

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Talk {
    /// betaflow's own protocol.
    Betaflow,
    /// The kline streams of Binance, with bars of this length in nanoseconds.
    Binance {
        /// Length of a bar.
        bar_ns: i64,
    },
}

/// How a feed is served.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Where to listen; port 0 for any that is free.
    pub listen: SocketAddr,
    /// What is spoken.
    pub talk: Talk,
    /// How fast.
    pub speed: Speed,
    /// What goes wrong on purpose.
    pub faults: Faults,
    /// Certificate and key, for `wss`.
    pub tls: Option<ServerTls>,
    /// Clients at once at most; one more is refused.
    pub clients_max: usize,
    /// After so long a client that takes nothing is let go.
    pub patience: Duration,
}

impl ServerSettings {
    /// betaflow's protocol without faults, as fast as each client takes it.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            talk: Talk::Betaflow,
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
        /// What a server has done so far.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct ServerCounts { $($(#[$doc])* pub $name: u64),* }

        /// The same while it is counted.
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
    /// Connections that were made.
    connections,
    /// Connections that were refused because there were too many.
    refused,
    /// Connections that ended because of what the client said.
    nonsense,
    /// Messages sent, repeats included.
    messages,
    /// Bytes of these.
    bytes,
    /// Messages that were sent again on request.
    backfilled,
    /// Messages dropped on purpose.
    dropped,
    /// Messages repeated on purpose.
    duplicated,
    /// Messages that came late on purpose.
    reordered,
    /// Connections cut on purpose.
    cut,
    /// Silences on purpose.
    stalls,
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

/// What clients share.
struct Shared {
    feed: Arc<dyn Feed>,
    settings: ServerSettings,
    counters: Arc<Counters>,
    stop: watch::Receiver<bool>,
    /// Told of every error of the feed.
    complain: Box<dyn Fn(&str) + Send + Sync>,
}

/// A server on a thread of its own. It ends when it is dropped.
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    counters: Arc<Counters>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens, and serves whoever comes. `complain` is told when the feed cannot be read: the client is, too.
    ///
    /// # Errors
    /// The port is taken, certificates cannot be used, or the system refuses a thread.
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
        let shared = Arc::new(Shared {
            feed,
            settings,
            counters: Arc::clone(&counters),
            stop: stopped,
            complain: Box::new(complain),
        });
        let serve = move || {
            runtime.block_on(accept(listener, acceptor, shared));
            // Readers find out by themselves that nobody listens any more.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("betaflow-serve".to_owned()).spawn(serve);
        Ok(Self { address, stop, counters, thread: Some(thread.map_err(LiveError::Start)?) })
    }

    /// Where it listens, with the port that it got.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has done so far.
    #[must_use]
    pub fn counts(&self) -> ServerCounts {
        self.counters.read()
    }

    /// Closes all connections and waits until that is done.
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

async fn accept(listener: TcpListener, acceptor: Option<tokio_rustls::TlsAcceptor>, shared: Arc<Shared>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return (shared.complain)(&format!("cannot listen: {error}")),
    };
    let (mut clients, mut stop) = (JoinSet::new(), shared.stop.clone());
    let places = Arc::new(Semaphore::new(shared.settings.clients_max));
    for number in 0.. {
        let stream = loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => {
                    // Each has its own signal to stop, and does not wait for its client.
                    while clients.join_next().await.is_some() {}
                    return;
                }
                Some(_) = clients.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => break stream,
                    Err(error) => wait_for_room(&error).await,
                },
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
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

/// The process may have no file left for another connection: others will end.
async fn wait_for_room(_: &io::Error) {
    tokio::time::sleep(Duration::from_millis(100)).await;
}
