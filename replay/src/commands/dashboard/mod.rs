//! A read-only web page of a state folder, and `betaflow dashboard`.
//!
//! Everything shown comes from `state.db`, through a connection of its own, so it holds up no run. Only the status of a run in the
//! same process comes from memory (`status::LiveStatus`): a full disk keeps the one on record old. One thread reads (`reader.rs`) and what it has read last is given to all
//! clients; another serves them (`server.rs`, `routes.rs`), behind `guard.rs`.

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
