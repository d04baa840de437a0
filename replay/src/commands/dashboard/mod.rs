//! Read-only web page and JSON API of a state folder: `betaflow dashboard`, and the page of a running
//! `paper`.
//!
//! One thread reads `state.db` for all clients (`reader.rs`); another thread serves HTTP (`server.rs`). A
//! `watch` channel passes them the last state, so slow clients miss states and no queue grows.
//!
//! The connection is read-only, and no query takes longer than tens of milliseconds: the write-ahead log can
//! then be checkpointed. Nothing else opens the file, because closing any descriptor of it drops the POSIX
//! locks of the process.
//!
//! A run in the same process publishes its status in memory (`status::LiveStatus`), since its recorded status
//! stays old while the disk is full.

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
use betaflow_connectors::live::is_loopback;
use futures_util::future::select;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub(crate) use serve::{dashboard, read_token};
pub(crate) use venue_status::VenueStatus;

pub(super) use args::{DASHBOARD, DashboardArgs};
use guard::Guard;
use reader::Reader;
use status::LiveStatus;

/// Time that open connections have to end after a stop.
const GRACE: Duration = Duration::from_millis(200);

/// HTTP server of the page.
pub(crate) struct Dashboard;

impl Dashboard {
    /// Starts the server on its own threads. Port 0 means any free port. `live` is the status of a run in the
    /// same process.
    ///
    /// # Errors
    /// The address is reachable from other machines and there is no token; the state cannot be read; the
    /// address is in use.
    pub(crate) fn start(
        address: SocketAddr,
        token: Option<String>,
        state_db: PathBuf,
        live: Option<LiveStatus>,
    ) -> Result<Handle> {
        if !is_loopback(address.ip()) && token.is_none() {
            bail!(
                "{address}: found no token for an address that other machines reach; give a token file with \
                 --token-file, or listen on 127.0.0.1"
            );
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime
            .block_on(TcpListener::bind(address))
            .with_context(|| format!("{address}: cannot listen on this address"))?;
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

/// Running server; stopped by [`Handle::stop`].
pub(crate) struct Handle {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    threads: Vec<JoinHandle<()>>,
}

impl Handle {
    /// Address on which the server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes all connections and waits for the threads.
    pub(crate) fn stop(self) {
        let Self { stop, threads, .. } = self;
        drop(stop);
        for thread in threads {
            // A panic of the thread has been printed already.
            let _ = thread.join();
        }
    }
}
