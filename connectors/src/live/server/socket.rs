//! WebSocket handshake of a server.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

/// Plain or encrypted byte stream.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytes for T {}

/// Open WebSocket connection.
pub(super) type Socket = WebSocketStream<Box<dyn Bytes>>;

/// Timeout of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Maximum size of a client message, in bytes.
pub(super) const CLIENT_MESSAGE_MAX: usize = 64 << 10;

/// Performs the handshakes; `None` if they fail, because the client cannot be sent an error.
pub(super) async fn open(stream: TcpStream, acceptor: Option<TlsAcceptor>) -> Option<(Socket, String)> {
    let _ = stream.set_nodelay(true);
    tokio::time::timeout(HANDSHAKE, shake(stream, acceptor)).await.ok().flatten()
}

async fn shake(stream: TcpStream, acceptor: Option<TlsAcceptor>) -> Option<(Socket, String)> {
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
        path = request.uri().to_string();
        Ok(response)
    };
    let socket = accept_hdr_async_with_config(stream, see, Some(config)).await.ok()?;
    Some((socket, path))
}
