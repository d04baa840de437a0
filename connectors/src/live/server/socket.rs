//! WebSocket handshake of a server.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use crate::live::request_origin::{RequestHost, is_loopback};

/// Plain or encrypted byte stream.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytes for T {}

/// Open WebSocket connection.
pub(super) type Socket = WebSocketStream<Box<dyn Bytes>>;

/// Timeout of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Maximum size of a client message, in bytes.
pub(super) const CLIENT_MESSAGE_MAX: usize = 64 << 10;

/// Performs the handshakes; `None` if they fail. `listen` is the address of the server.
pub(super) async fn open(
    stream: TcpStream,
    listen: SocketAddr,
    acceptor: Option<TlsAcceptor>,
) -> Option<(Socket, String)> {
    let _ = stream.set_nodelay(true);
    tokio::time::timeout(HANDSHAKE, shake(stream, listen, acceptor)).await.ok().flatten()
}

async fn shake(
    stream: TcpStream,
    listen: SocketAddr,
    acceptor: Option<TlsAcceptor>,
) -> Option<(Socket, String)> {
    let stream: Box<dyn Bytes> = match acceptor {
        Some(acceptor) => Box::new(acceptor.accept(stream).await.ok()?),
        None => Box::new(stream),
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(CLIENT_MESSAGE_MAX))
        .max_frame_size(Some(CLIENT_MESSAGE_MAX));
    let mut path = String::new();
    // The signature of the library has a large error type.
    #[allow(clippy::result_large_err)]
    let see = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        if let Some(sentence) = refusal(request, listen) {
            let mut answer = ErrorResponse::new(Some(sentence.to_owned()));
            *answer.status_mut() = StatusCode::FORBIDDEN;
            return Err(answer);
        }
        path = request.uri().to_string();
        Ok(response)
    };
    let socket = accept_hdr_async_with_config(stream, see, Some(config)).await.ok()?;
    Some((socket, path))
}

/// Reason to refuse a request: a page of a web site must not read the feed. Programs send no `Origin`, or that of the
/// address to which they connect.
fn refusal(request: &Request, listen: SocketAddr) -> Option<&'static str> {
    let headers = request.headers();
    let Some(host) = RequestHost::of(headers, request.uri()) else {
        return Some("Expected one header Host, the address of this server.\n");
    };
    if is_loopback(listen.ip()) && !host.is_loopback() {
        return Some("This server accepts only the hosts localhost, 127.0.0.1 and [::1].\n");
    }
    // By DNS rebinding the name of a site may become the address of this server.
    if host.is_foreign(headers) || (headers.contains_key("origin") && !host.is_fixed()) {
        return Some("This server accepts no page of a web site: send no header Origin.\n");
    }
    None
}
