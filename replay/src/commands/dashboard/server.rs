//! Connections: how many, how long, how large.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::timed::Timed;

/// Most connections at once; further ones are refused.
const CONNECTIONS: usize = 1_024;
/// Descriptors that are left to the rest of the program: files, the feed, SQLite.
const OTHERS: usize = 256;
/// A request's line and headers, bytes; a larger one is answered with 431.
const HEADER_BYTES: usize = 16 * 1_024;
/// Headers of a request.
const HEADERS: usize = 64;
/// How long a client may take to send them, and how long a connection may be idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// After a failure to accept, as where the system has no descriptor left.
const PAUSE: Duration = Duration::from_millis(50);
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\nconnection: close\r\n\
    content-length: 22\r\n\r\nToo many connections.\n";

/// Accepts connections, for ever.
pub(crate) async fn serve(listener: TcpListener, router: Router) {
    let places = Arc::new(Semaphore::new(connections_max()));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(_) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            // It fits into the empty buffer of a new connection; if not, there is nothing lost.
            let _ = stream.try_write(FULL);
            continue;
        };
        let router = router.clone();
        tokio::spawn(async move {
            connection(stream, router).await;
            drop(place);
        });
    }
}

async fn connection(stream: TcpStream, router: Router) {
    let _ = stream.set_nodelay(true);
    // What goes wrong in a connection is its client's affair.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_header_size(HEADER_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(Timed::new(stream)), TowerToHyperService::new(router))
        .await;
}

/// As many as are allowed here, with the soft limit of descriptors raised where it may be.
#[cfg(unix)]
fn connections_max() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let wanted = (CONNECTIONS + OTHERS) as u64;
    let mut limits = getrlimit(Resource::Nofile);
    if let Some(current) = limits.current
        && current < wanted
    {
        limits.current = Some(limits.maximum.map_or(wanted, |maximum| maximum.min(wanted)));
        let _ = setrlimit(Resource::Nofile, limits);
    }
    let allowed = getrlimit(Resource::Nofile).current.map_or(wanted, |current| current.min(wanted));
    // Where there are few, half of them.
    let allowed = allowed as usize;
    allowed.saturating_sub(OTHERS).max(allowed / 2).clamp(8, CONNECTIONS)
}

#[cfg(not(unix))]
fn connections_max() -> usize {
    CONNECTIONS
}
