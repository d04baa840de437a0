//! Bytes on the socket of a dashboard.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use betaflow_replay::{Call, call};
use tempfile::TempDir;

use super::folders::DATABASE;
use super::harness::Target;

const WORDS: [&str; 34] = [
    "GET ",
    "HEAD ",
    "POST ",
    "OPTIONS ",
    "/",
    "/events",
    "/api/state",
    "/api/betas?symbol=",
    "/api/lines?from=0&to=",
    "/healthz",
    "/metrics",
    " HTTP/1.1\r\n",
    " HTTP/1.0\r\n",
    " HTTP/2.0\r\n",
    "Host: 127.0.0.1\r\n",
    "Host: localhost:1\r\n",
    "Host: [::1]\r\n",
    "Host: evil.example\r\n",
    "Connection: close\r\n",
    "Connection: keep-alive\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: 18446744073709551615\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Expect: 100-continue\r\n",
    "Upgrade: h2c\r\n",
    "Cookie: betaflow_1=",
    "Authorization: Bearer ",
    "\r\n\r\n",
    "ffffffffffffffff\r\n",
    "%00",
    "%ff",
    "%F0%9F",
    "?token=",
    "&",
];
/// Time that the server has for its answer; it waits for the rest of a request.
const ANSWER: Duration = Duration::from_millis(20);

/// Starts a dashboard on a thread that ends with the process.
fn start(folder: &TempDir) -> SocketAddr {
    fs::write(folder.path().join("state.db"), DATABASE).unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (state, listen) = (folder.path().display().to_string(), address.to_string());
    std::thread::spawn(move || {
        let arguments = ["betaflow", "dashboard", "--state", &state, "--listen", &listen];
        call(Call { arguments: arguments.iter().map(Into::into).collect(), ..Call::default() }).unwrap();
    });
    let started = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(started.elapsed() < Duration::from_secs(60), "no dashboard at {address}");
        std::thread::sleep(Duration::from_millis(20));
    }
    address
}

/// Sends bytes and returns the start of the answer.
fn send(address: SocketAddr, bytes: &[u8], patience: Duration) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("the server accepts");
    stream.set_read_timeout(Some(patience)).unwrap();
    // The server may close the connection before it has read everything.
    let _ = stream.write_all(bytes);
    let (mut answer, mut part) = (Vec::new(), [0; 16_384]);
    while let Ok(count @ 1..) = stream.read(&mut part) {
        answer.extend_from_slice(&part[..count]);
        if answer.len() > 1 << 20 {
            break;
        }
    }
    answer
}

#[test]
fn dashboard_requests() {
    let folder = TempDir::new().unwrap();
    let address = start(&folder);
    Target::new("dashboard_requests").words(&WORDS).run(move |bytes| {
        let _ = &folder;
        let answer = send(address, bytes, ANSWER);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{}", String::from_utf8_lossy(&answer));
        let answer = String::from_utf8_lossy(&answer);
        // A page of another site cannot read the state under its own name.
        let head = String::from_utf8_lossy(bytes).to_lowercase();
        let is_local = ["localhost", "127.", "::1"].iter().any(|name| head.contains(name));
        assert!(is_local || !answer.starts_with("HTTP/1.1 200"), "{head:?}: {answer:.300}");
        // The server still answers others.
        if bytes.len() % 16 == 0 {
            let request = b"GET /api/state HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
            let answer = send(address, request, Duration::from_secs(20));
            assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        }
    });
}
