//! Connection from an address to a WebSocket.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::live::error::LiveError;
use crate::live::tls::{Trust, describe};

/// Plain or encrypted byte stream.
pub trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytes for T {}

/// Attempt of a connector.
pub type Connecting = Pin<Box<dyn Future<Output = io::Result<Box<dyn Bytes>>> + Send>>;

/// Network of a client: each call opens one byte stream. The program uses TCP; a simulation has a network of its own.
pub type Connector = Arc<dyn Fn() -> Connecting + Send + Sync>;

/// Open WebSocket connection.
pub(in crate::live) type Socket = WebSocketStream<Box<dyn Bytes>>;

/// Maximum bytes that wait to be sent. It bounds the answers to the pings of a server that does not read them.
const UNSENT_MAX: usize = 1 << 20;

/// Refuses an address with a user, a password or a query: the address is recorded and shown, and those parts may be secret.
/// The error omits them.
pub(in crate::live) fn check_address(url: &str) -> Result<(), LiveError> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let shown = path.split(['?', '#']).next().unwrap_or_default();
    let found = match (host == authority, shown == path) {
        (false, _) => "a user before the host",
        (_, false) => "a query after the path",
        _ => return Ok(()),
    };
    let url = format!("{scheme}://{host}{shown}");
    Err(LiveError::Url { url, found: format!("{found}, which would be recorded with the address") })
}

/// Address and options of a connection.
pub(in crate::live) struct Target {
    url: String,
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    config: WebSocketConfig,
    within: Duration,
    /// Network in place of TCP.
    connector: Option<Connector>,
}

impl Target {
    pub(in crate::live) fn new(
        url: &str,
        trust: &Trust,
        message_max: usize,
        within: Duration,
    ) -> Result<Self, LiveError> {
        let wrong = |found: String| LiveError::Url { url: url.to_owned(), found };
        let uri: Uri = url.parse().map_err(|error| wrong(format!("{error}")))?;
        let encrypted = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            Some(scheme) => return Err(wrong(format!("the scheme `{scheme}`"))),
            None => return Err(wrong("no scheme".to_owned())),
        };
        // An IPv6 address is in brackets.
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err(wrong("no host".to_owned()));
        }
        let tls = match encrypted {
            true => {
                let name = ServerName::try_from(host.clone())
                    .map_err(|_| wrong(format!("the host `{host}`, which cannot appear in a certificate")))?;
                Some((trust.connector()?, name))
            }
            false => None,
        };
        // `port_u16` ignores a number above 65535.
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let named = authority.rsplit_once(':').filter(|(_, port)| !port.is_empty() && !port.ends_with(']'));
        let port = match (named, uri.port_u16()) {
            (_, Some(port)) => port,
            (Some((_, port)), None) => return Err(wrong(format!("the port `{port}`"))),
            (None, None) if encrypted => 443,
            (None, None) => 80,
        };
        let max = Some(message_max);
        let config = WebSocketConfig::default()
            .max_message_size(max)
            .max_frame_size(max)
            .max_write_buffer_size(UNSENT_MAX);
        Ok(Self { url: url.to_owned(), host, port, tls, config, within, connector: None })
    }

    /// Replaces TCP.
    pub(in crate::live) fn through(self, connector: Connector) -> Self {
        Self { connector: Some(connector), ..self }
    }

    /// Connects and performs the handshakes.
    pub(in crate::live) async fn connect(&self) -> Result<Socket, String> {
        let connected = tokio::time::timeout(self.within, self.shake()).await;
        connected.unwrap_or_else(|_| Err(format!("no connection within {:?}", self.within)))
    }

    async fn shake(&self) -> Result<Socket, String> {
        let stream = match &self.connector {
            Some(connect) => connect().await.map_err(|error| error.to_string())?,
            None => self.tcp().await?,
        };
        let opened = client_async_with_config(self.url.as_str(), stream, Some(self.config)).await;
        opened.map(|(socket, _)| socket).map_err(|error| error.to_string())
    }

    async fn tcp(&self) -> Result<Box<dyn Bytes>, String> {
        let stream =
            TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let Some((connector, name)) = &self.tls else { return Ok(Box::new(stream)) };
        let stream = connector.connect(name.clone(), stream).await;
        Ok(Box::new(stream.map_err(|error| format!("TLS: {}", describe(&error)))?))
    }
}

/// Describes the error that ended a connection.
pub(in crate::live) fn connection_error(error: &Error) -> String {
    let is_closed = match error {
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => true,
        Error::Io(error) => matches!(
            error.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof
        ),
        _ => false,
    };
    if is_closed { "the server closed the connection".to_owned() } else { error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reset_of_the_server_is_described_as_a_closed_connection() {
        let reset = std::io::Error::from(ErrorKind::ConnectionReset);
        for error in [Error::Protocol(ProtocolError::ResetWithoutClosingHandshake), Error::Io(reset)] {
            assert_eq!(connection_error(&error), "the server closed the connection");
        }
        let other = connection_error(&Error::Protocol(ProtocolError::InvalidOpcode(9)));
        assert!(other.contains('9'), "{other}");
    }
}
