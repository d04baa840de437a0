//! Webhook server that records alerts and can misbehave.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::Value;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Answer of the server to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// Status with an empty JSON body.
    Status(u16),
    /// Redirect to a port of this machine.
    Redirect(u16),
    /// No answer: the connection stays open.
    Never,
}

/// Recorded request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Request line, then headers in lower case.
    pub(crate) head: Vec<String>,
    pub(crate) body: Value,
    pub(crate) reply: Reply,
}

/// Webhook server, ended with the test.
pub(crate) struct Webhook {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    _thread: JoinHandle<()>,
}

/// Unused port, which refuses connections.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Webhook {
    /// Answers with `replies` in turn, then with 200.
    pub(crate) fn start(port: u16, replies: &[Reply]) -> Self {
        Self::serve(port, replies, None)
    }

    /// Answers over HTTPS with 200. Writes its certificate, for 127.0.0.1, to a PEM file.
    pub(crate) fn start_tls(certificate: &Path) -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(certificate, made.cert.pem()).unwrap();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        Self::serve(0, &[], Some(Arc::new(config)))
    }

    fn serve(port: u16, replies: &[Reply], tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&requests);
        let mut replies: VecDeque<Reply> = replies.iter().copied().collect();
        let thread = std::thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let mut stream: Box<dyn Stream> = match &tls {
                    None => Box::new(stream),
                    Some(tls) => {
                        let session = ServerConnection::new(Arc::clone(tls)).unwrap();
                        Box::new(StreamOwned::new(session, stream))
                    }
                };
                let reply = replies.pop_front().unwrap_or(Reply::Status(200));
                let Some((head, body)) = read(&mut stream) else { continue };
                answer(&mut stream, reply);
                taken.lock().unwrap().push(Request { head, body, reply });
                if reply == Reply::Never {
                    open.push(stream);
                }
            }
        });
        Self { address, requests, _thread: thread }
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Alerts answered with 2xx, in order.
    pub(crate) fn delivered(&self) -> Vec<Value> {
        let taken = |request: &Request| matches!(request.reply, Reply::Status(200..300));
        self.requests().into_iter().filter(taken).map(|request| request.body).collect()
    }
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

fn read(stream: &mut dyn Stream) -> Option<(Vec<String>, Value)> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let line = if head.is_empty() { line.to_owned() } else { line.to_lowercase() };
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        head.push(line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, serde_json::from_slice(&body).unwrap()))
}

fn answer(stream: &mut dyn Stream, reply: Reply) {
    let text = match reply {
        Reply::Never => return,
        Reply::Status(code) => format!("HTTP/1.1 {code} Status\r\ncontent-length: 2\r\n\r\n{{}}"),
        Reply::Redirect(port) => {
            format!(
                "HTTP/1.1 307 Elsewhere\r\nlocation: http://127.0.0.1:{port}/\r\ncontent-length: 0\r\n\r\n"
            )
        }
    };
    // The client may have disconnected.
    let _ = stream.write_all(text.as_bytes());
}
