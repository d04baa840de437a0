//! One HTTP or HTTPS POST over its own connection.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use betaflow_connectors::live::Trust;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::config::Webhook;

/// Timeout of one attempt: name, connection, request and status of the answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Result of one attempt.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Status 2xx: the server accepted the alert.
    Delivered,
    /// The server will never accept the alert; with its status.
    Refused(String),
    /// Another attempt may succeed; with the reason and the wait that the server requests.
    Again(String, Option<Duration>),
}

/// Client of one address. `Display` shows the address without its secret part.
pub(crate) struct Poster {
    webhook: Webhook,
    tls: Option<TlsConnector>,
    runtime: Runtime,
}

impl fmt::Display for Poster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.webhook)
    }
}

impl Poster {
    /// Creates a client. `ca` replaces the public certificates.
    ///
    /// # Errors
    /// The certificates cannot be read.
    pub(crate) fn new(webhook: Webhook, ca: Option<PathBuf>) -> Result<Self> {
        let trust = ca.map_or(Trust::Public, Trust::File);
        let tls = webhook.tls.then(|| trust.connector()).transpose()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { webhook, tls, runtime })
    }

    /// Posts a JSON body.
    pub(crate) fn post(&self, body: String, id: &str) -> Outcome {
        // The timer must be created inside the runtime.
        let attempt = async { tokio::time::timeout(TIMEOUT, self.exchange(body, id)).await };
        match self.runtime.block_on(attempt) {
            Ok(Ok((status, wait))) => outcome(status, wait),
            Ok(Err(error)) => Outcome::Again(error, None),
            Err(_) => Outcome::Again(format!("no answer within {} s", TIMEOUT.as_secs()), None),
        }
    }

    async fn exchange(&self, body: String, id: &str) -> Result<(StatusCode, Option<Duration>), String> {
        let webhook = &self.webhook;
        let stream = TcpStream::connect((&webhook.host[..], webhook.port)).await.map_err(text)?;
        match &self.tls {
            None => self.request(stream, body, id).await,
            Some(tls) => {
                let name = ServerName::try_from(webhook.host.clone()).map_err(text)?;
                self.request(tls.connect(name, stream).await.map_err(text)?, body, id).await
            }
        }
    }

    async fn request(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        body: String,
        id: &str,
    ) -> Result<(StatusCode, Option<Duration>), String> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
        let connection = tokio::spawn(connection);
        let mut request = Request::post(&self.webhook.path)
            .header(HOST, &self.webhook.authority)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("betaflow/", env!("CARGO_PKG_VERSION")))
            .header("idempotency-key", id)
            .header(CONNECTION, "close");
        if let Some(authorization) = &self.webhook.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(body).map_err(text)?;
        let answer = sender.send_request(request).await.map_err(text);
        // Only the status is used; the body is not read.
        connection.abort();
        let answer = answer?;
        let wait = answer.headers().get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse().ok());
        Ok((answer.status(), wait.map(Duration::from_secs)))
    }
}

fn text(error: impl fmt::Display) -> String {
    error.to_string()
}

/// Outcome of a status. Retried: server errors (5xx), too many requests (429) and timeouts (408, 425).
/// Redirects are refused, because they would send the alert to an address that is not configured.
fn outcome(status: StatusCode, wait: Option<Duration>) -> Outcome {
    let text = format!("status {}", status.as_u16());
    match status.as_u16() {
        200..300 => Outcome::Delivered,
        408 | 425 | 429 | 500.. => Outcome::Again(text, wait),
        300..400 => Outcome::Refused(format!("{text}, a redirect; redirects are not followed")),
        _ => Outcome::Refused(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_decides_whether_an_alert_is_delivered_dropped_or_sent_again() {
        let cases = [
            (200, "delivered"),
            (204, "delivered"),
            (301, "refused"),
            (307, "refused"),
            (400, "refused"),
            (401, "refused"),
            (404, "refused"),
            (408, "again"),
            (413, "refused"),
            (429, "again"),
            (500, "again"),
            (503, "again"),
            (599, "again"),
        ];
        for (code, expected) in cases {
            let status = StatusCode::from_u16(code).unwrap_or_default();
            let found = match outcome(status, None) {
                Outcome::Delivered => "delivered",
                Outcome::Refused(_) => "refused",
                Outcome::Again(..) => "again",
            };
            assert_eq!(found, expected, "{code}");
        }
    }
}
