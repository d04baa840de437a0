//! Process `betaflow dashboard`, and raw HTTP over a socket, so that malformed requests can be sent.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);

/// Dashboard process, killed at the end of the test.
pub(crate) struct DashboardProcess {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl DashboardProcess {
    /// Serves the state in a folder on `listen`.
    pub(crate) fn start(folder: &Path, listen: &str, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_betaflow"))
            .args(["dashboard", "--state", ".", "--listen", listen])
            .args(more)
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.trim().rsplit_once("http://").and_then(|(_, rest)| rest.trim_matches('/').parse().ok());
        let address = address.unwrap_or_else(|| panic!("the address in {line:?}"));
        Self { child, address }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Connects over loopback, whatever the address of the server.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.address.port())).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends bytes and reads until the server closes the connection.
    pub(crate) fn send(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect();
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(request);
        Answer::read(&mut stream)
    }

    pub(crate) fn get_with(&self, path: &str, headers: &str) -> Answer {
        let port = self.address.port();
        self.send(
            format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{headers}\r\n")
                .as_bytes(),
        )
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.get_with(path, "")
    }
}

impl Drop for DashboardProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a request to a dashboard on this machine.
pub(crate) fn get(port: u16, path: &str) -> Answer {
    get_with(port, path, "")
}

/// Sends a request with more headers to a dashboard on this machine.
pub(crate) fn get_with(port: u16, path: &str, headers: &str) -> Answer {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return Answer { status: 0, headers: Vec::new(), body: String::new() };
    };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{headers}\r\n");
    let _ = stream.write_all(request.as_bytes());
    Answer::read(&mut stream)
}

/// HTTP response; status 0 without one.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        // The server may reset the connection after its answer.
        let _ = stream.read_to_end(&mut bytes);
        Self::of(&String::from_utf8(bytes).unwrap())
    }

    pub(crate) fn of(text: &str) -> Self {
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            return Self { status: 0, headers: Vec::new(), body: text.to_owned() };
        };
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let body = if chunked { unchunked(body) } else { body.to_owned() };
        Self { status, headers, body }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &value[..])
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

fn unchunked(mut text: &str) -> String {
    let mut body = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            break;
        }
        body += &rest[..size];
        text = &rest[size + 2..];
    }
    body
}

/// Server-sent events of a dashboard.
pub(crate) struct Events(BufReader<TcpStream>);

impl Events {
    pub(crate) fn follow(served: &DashboardProcess) -> Self {
        let mut stream = served.connect();
        let request = format!("GET /events HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", served.address.port());
        stream.write_all(request.as_bytes()).unwrap();
        Self(BufReader::new(stream))
    }

    /// Returns name and data of the next event.
    pub(crate) fn next(&mut self) -> (String, String) {
        let (mut name, mut data) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream ended");
            if let Some(rest) = line.strip_prefix("event: ") {
                name = rest.trim_end().to_owned();
            } else if let Some(rest) = line.strip_prefix("data: ") {
                data = rest.trim_end().to_owned();
            } else if line == "\n" && !data.is_empty() {
                return (name, data);
            }
        }
    }
}
