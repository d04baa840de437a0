//! Limits of connections: number, duration and size.

use std::time::Duration;

use axum::Router;
use betaflow_connectors::live::Places;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};

use super::timed::Timed;

/// Maximum connections; further ones are refused, also those beyond the half from one address of another machine.
const CONNECTIONS: usize = 1_024;
/// File descriptors reserved for other parts of the program: files, the feed, SQLite.
const OTHERS: usize = 256;
/// Maximum bytes of request line and headers; a larger request is answered with 431.
const HEADER_BYTES: usize = 16 * 1_024;
/// Maximum headers of a request.
const HEADERS: usize = 64;
/// Timeout of sending the headers, and of an idle connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a failed accept, for example without a free descriptor.
const PAUSE: Duration = Duration::from_millis(50);
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\nconnection: close\r\n\
    content-length: 22\r\n\r\nToo many connections.\n";

/// Accepts connections without end.
pub(crate) async fn serve(listener: TcpListener, router: Router) {
    let Ok(address) = listener.local_addr() else { return };
    let places = Places::new(address, connections_max());
    loop {
        let (stream, client) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(_) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Some(place) = places.take(client.ip()) else {
            // Fits into the empty buffer of a new connection; a failure does no harm.
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
    // Errors of a connection concern only its client.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_header_size(HEADER_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(Timed::new(stream)), TowerToHyperService::new(router))
        .await;
}

/// Maximum connections, after raising the soft limit of descriptors as far as allowed.
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
    // With few descriptors, use half of them.
    let allowed = allowed as usize;
    allowed.saturating_sub(OTHERS).max(allowed / 2).clamp(8, CONNECTIONS)
}

#[cfg(not(unix))]
fn connections_max() -> usize {
    CONNECTIONS
}
