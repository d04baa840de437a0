//! A read-only web page of a state folder, and `betaflow dashboard`.
//!
//! * The page shows the contents of `state.db`, through a read-only connection of its own. In the write-ahead
//!   log a reader blocks no commit. No read takes longer than some tens of milliseconds, so that the log can be
//!   checkpointed.
//! * The file is never opened by other means: closing any descriptor of it would drop the locks that the
//!   process holds on it.
//! * A run in the same process publishes its status in memory (`status::LiveStatus`), because a full disk keeps
//!   the recorded one old. Every run writes the table `status` once a second (`status.rs`).
//! * One thread reads for all clients (`reader.rs`). While a client follows, it looks for a commit
//!   (`data_version`) four times a second. After a read it rests four times as long as the read took.
//!   `history.rs` adds new rows of `equity` to figures and to lines of bounded length.
//! * Clients get the last state through a `watch` channel. A slow client misses states, and no state is queued
//!   for it.
//! * Another thread serves (`server.rs`): it limits connections, time and size of headers, and blocked writes.
//!   `guard.rs` checks token, `Host` and method before any route (`routes.rs`).
//! * The page is one document. The content security policy names script and style by their hashes. The script
//!   sets text and attributes, never markup.
//! * `/api/lines` computes the points of a range from the figures kept at the end of the point before it.
//! * `book.rs` books fills one at a time into `holdings.rs` (average cost), with splits from the recorded
//!   inputs (`splits.rs`). Prices are held weight × NAV / quantity.

mod args;
mod betas;
mod book;
mod database;
mod guard;
mod history;
mod holdings;
mod metrics;
mod page;
mod reader;
mod routes;
mod serve;
mod server;
mod snapshot;
mod splits;
pub(crate) mod status;
mod timed;
mod venue_status;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::future::select;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub(crate) use serve::{dashboard, read_token};
pub(crate) use venue_status::VenueStatus;

pub(super) use args::{DASHBOARD, DashboardArgs};
use guard::Guard;
use reader::Reader;
use status::LiveStatus;

/// How long connections have to end when it is stopped.
const GRACE: Duration = Duration::from_millis(200);

/// The server.
pub(crate) struct Dashboard;

impl Dashboard {
    /// Starts to serve on threads of its own. Port 0 is any that is free. `token`: as [`serve::read_token`] gives it.
    /// `live`: status of a run in the same process.
    ///
    /// # Errors
    /// Another machine could connect and there is no token; the state cannot be read; the address is taken.
    pub(crate) fn start(
        address: SocketAddr,
        token: Option<String>,
        state_db: PathBuf,
        live: Option<LiveStatus>,
    ) -> Result<Handle> {
        if !guard::is_loopback(address.ip()) && token.is_none() {
            bail!(
                "{address}: found an address that other machines reach and no token, expected one: give a file with \
                 --token-file, or listen on 127.0.0.1"
            );
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime
            .block_on(TcpListener::bind(address))
            .with_context(|| format!("{address}: cannot listen there"))?;
        let address = listener.local_addr()?;
        let (reader, reading) = Reader::start(state_db, live)?;
        let router = routes::router(reader, Guard::new(address, token.as_deref()));
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = std::thread::Builder::new().name("dashboard".to_owned()).spawn(move || {
            let _ = runtime.block_on(select(pin!(server::serve(listener, router)), stopped));
            runtime.shutdown_timeout(GRACE);
        })?;
        Ok(Handle { address, stop, threads: vec![serving, reading] })
    }
}

/// A server that is running. It ends with this.
pub(crate) struct Handle {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    threads: Vec<JoinHandle<()>>,
}

impl Handle {
    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes all connections and waits for the threads.
    pub(crate) fn stop(self) {
        let Self { stop, threads, .. } = self;
        drop(stop);
        for thread in threads {
            // A panic has been printed; there is nothing left to save.
            let _ = thread.join();
        }
    }
}
