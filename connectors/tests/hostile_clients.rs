//! Server of a feed against hostile clients and web pages, over real sockets.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::io::{Read as _, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use betaflow_connectors::live::{
    Playback, Server, ServerCounts, ServerProtocol, ServerSettings, ServerTls, Speed,
};
use support::live::{carry, feed, panel};

/// Timeout that only a hang exceeds.
const LONG: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_secs(3);

fn server(listen: &str, change: impl Fn(&mut ServerSettings)) -> Server {
    let mut settings = ServerSettings::new(listen.parse().unwrap());
    change(&mut settings);
    let panel = panel(5, 40);
    let feed = Arc::new(feed(&panel, false, &carry()));
    // The files of the panel stay as long as the server.
    let complain = move |error: &str| panic!("{error} in {:?}", panel.folder.0.path());
    Server::start(feed, settings, complain).unwrap()
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", address.port())).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.set_write_timeout(Some(SOON)).unwrap();
    stream
}

/// Sends a handshake with more headers; returns the connection and the head of the answer.
fn shake(address: SocketAddr, path: &str, headers: &str) -> (TcpStream, String) {
    let mut stream = connect(address);
    let request = format!(
        "GET {path} HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    (stream, String::from_utf8_lossy(&head).into_owned())
}

fn opened(address: SocketAddr, path: &str) -> TcpStream {
    let (stream, head) = shake(address, path, &format!("Host: 127.0.0.1:{}\r\n", address.port()));
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    stream
}

/// Frame of a client with a mask of zeros; `first` has the flags and the opcode.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        0..=125 => frame.push(0x80 | payload.len() as u8),
        126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((payload.len() as u16).to_be_bytes());
        }
        _ => {
            frame.push(0x80 | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Everything that the server sends until it closes the connection.
fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn until(server: &Server, enough: impl Fn(ServerCounts) -> bool) {
    let started = Instant::now();
    while !enough(server.counts()) {
        assert!(started.elapsed() < LONG, "{:?}", server.counts());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn pages_of_web_sites_cannot_open_the_feed() {
    let (local, open) = (server("127.0.0.1:0", |_| {}), server("0.0.0.0:0", |_| {}));
    let port = |server: &Server| server.address().port();
    let cases = [
        ("Host: 127.0.0.1:PORT\r\n", [101, 101]),
        ("Host: localhost:PORT\r\n", [101, 101]),
        // Programs send no origin, or that of the address.
        ("Host: 127.0.0.1:PORT\r\nOrigin: http://127.0.0.1:PORT\r\n", [101, 101]),
        ("Host: 127.0.0.1:PORT\r\nOrigin: http://evil.example\r\n", [403, 403]),
        ("Host: 127.0.0.1:PORT\r\nOrigin: http://127.0.0.1:1\r\n", [403, 403]),
        ("Host: 127.0.0.1:PORT\r\nOrigin: null\r\n", [403, 403]),
        ("Host: 127.0.0.1:PORT\r\nSec-Fetch-Site: cross-site\r\n", [403, 403]),
        // DNS rebinding: the name of a site has become the address of the server.
        ("Host: evil.example:PORT\r\nOrigin: http://evil.example:PORT\r\n", [403, 403]),
        ("Host: evil.example:PORT\r\n", [403, 101]),
        ("", [403, 403]),
        ("Host: 127.0.0.1:PORT\r\nHost: 127.0.0.1:PORT\r\n", [403, 403]),
    ];
    for (headers, expected) in cases {
        for (server, expected) in [&local, &open].into_iter().zip(expected) {
            let headers = headers.replace("PORT", &port(server).to_string());
            let (_, head) = shake(server.address(), "/", &headers);
            assert!(head.starts_with(&format!("HTTP/1.1 {expected}")), "{headers}: {head}");
            assert!(!head.to_lowercase().contains("access-control"), "{head}");
        }
    }
    // A form of a page may post text to any port.
    let mut stream = connect(local.address());
    stream
        .write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40\r\n\r\n{\"type\":\"subscribe\",\"from\":0}")
        .unwrap();
    assert!(!rest(stream).contains("hello"));
}

/// Pings of a client that never reads, until the server stops to read them; returns the bytes sent.
fn flood(mut stream: TcpStream, most: usize) -> usize {
    let block = frame(0x89, &[b'x'; 125]).repeat(512);
    let mut sent = 0;
    while sent < most {
        match stream.write_all(&block) {
            Ok(()) => sent += block.len(),
            Err(_) => break,
        }
    }
    sent
}

#[test]
fn answers_to_pings_are_not_stored_for_a_client_that_never_reads() {
    // Buffers of the system take some megabytes in both directions.
    const MOST: usize = 64 << 20;
    let served = server("127.0.0.1:0", |_| {});
    let sent = flood(opened(served.address(), "/"), MOST);
    assert!(sent < MOST, "the server reads on without end");

    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.jsonl");
    std::fs::write(&capture, "{\"recv_ns\":1,\"conn\":\"1\",\"dir\":\"in\",\"raw\":\"{}\"}\n").unwrap();
    let played = Playback::start(&capture, "127.0.0.1:0".parse().unwrap(), Speed::Max, |_| {}).unwrap();
    let sent = flood(opened(played.address(), "/"), MOST);
    assert!(sent < MOST, "the playback reads on without end");
}

#[test]
fn frames_outside_the_limits_close_the_connection() {
    let server = server("127.0.0.1:0", |_| {});
    let part = [b' '; 1_000];
    // 128 MB in fragments of a message without an end.
    let fragments = [frame(0x01, &part), frame(0x00, &part).repeat(130_000)].concat();
    let cases = [
        (
            "size without content",
            vec![0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0],
        ),
        ("fragments", fragments),
        ("large text", frame(0x81, &[b' '; 70_000])),
        ("binary", frame(0x82, b"abc")),
        ("compressed", frame(0xc1, b"abc")),
        ("reserved opcode", frame(0x83, b"abc")),
        ("long ping", frame(0x89, &[b'x'; 126])),
        ("fragmented ping", frame(0x09, b"x")),
        ("continuation of nothing", frame(0x80, b"x")),
        ("invalid text", frame(0x81, &[0xff, 0xfe])),
        ("without a mask", vec![0x81, 3, b'a', b'b', b'c']),
        ("close with half a code", frame(0x88, &[3])),
    ];
    for (case, bytes) in cases {
        let mut stream = opened(server.address(), "/");
        let started = Instant::now();
        // The server may close before it has read everything.
        let _ = stream.write_all(&bytes);
        rest(stream);
        assert!(started.elapsed() < LONG / 2, "{case}: {:?}", started.elapsed());
    }
    drop(opened(server.address(), "/"));
}

#[test]
fn unfinished_handshakes_end_and_leave_room_for_others() {
    let server = server("0.0.0.0:0", |settings| settings.clients_max = 8);
    // One address has half of the places.
    let half: Vec<TcpStream> = (0..8).map(|_| connect(server.address())).collect();
    until(&server, |counts| counts.refused == 4);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let other = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let stream =
            socket.connect(format!("127.0.0.1:{}", server.address().port()).parse().unwrap()).await.unwrap();
        let url = format!("ws://{}/", server.address());
        tokio_tungstenite::client_async(url, stream).await
    });
    assert!(other.is_ok(), "another client has a place");
    let started = Instant::now();
    for (n, mut stream) in half.into_iter().enumerate() {
        // A header without an end.
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nX: ");
        let _ = stream.read_to_end(&mut Vec::new());
        assert!(started.elapsed() < LONG / 2, "{n}: {:?}", started.elapsed());
    }
    drop(opened(server.address(), "/"));
}

#[test]
fn streams_of_a_connection_are_limited() {
    let bar_ns = 86_400_000_000_000;
    let server = server("127.0.0.1:0", |settings| {
        settings.protocol = ServerProtocol::Binance { bar_ns };
        settings.speed = Speed::Times(1.0);
    });
    let subscribe = |names: &[String]| {
        frame(
            0x81,
            serde_json::json!({"method": "SUBSCRIBE", "params": names, "id": 1}).to_string().as_bytes(),
        )
    };
    let names = |from: usize, to: usize| (from..to).map(|n| format!("s{n}@kline_1d")).collect::<Vec<_>>();
    // The same streams again take no room.
    let same = subscribe(&names(0, 1_024)).repeat(3);
    let mut stream = opened(server.address(), "/ws");
    stream.write_all(&same).unwrap();
    stream.write_all(&subscribe(&names(1_024, 1_025))).unwrap();
    let heard = rest(stream);
    assert_eq!(heard.matches("\"result\":null").count(), 3, "{heard}");
    assert!(heard.contains("at most 1024 streams"), "{heard}");
    let mut stream = opened(server.address(), "/ws");
    stream.write_all(&subscribe(&["x".repeat(60_000)])).unwrap();
    assert!(rest(stream).contains("at most 1024 streams"));
    assert_eq!(server.counts().invalid, 2);
}

#[test]
fn clients_of_a_playback_are_limited() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.jsonl");
    std::fs::write(&capture, "{\"recv_ns\":1,\"conn\":\"1\",\"dir\":\"in\",\"raw\":\"{}\"}\n").unwrap();
    let played = Playback::start(&capture, "127.0.0.1:0".parse().unwrap(), Speed::Max, |_| {}).unwrap();
    let clients: Vec<TcpStream> = (0..64).map(|_| opened(played.address(), "/")).collect();
    let mut refused = connect(played.address());
    assert!(matches!(refused.read(&mut [0]), Ok(0) | Err(_)), "a further client is disconnected");
    drop(clients);
    let (_, head) = shake(played.address(), "/", "Host: 127.0.0.1\r\nOrigin: http://evil.example\r\n");
    assert!(head.is_empty() || head.starts_with("HTTP/1.1 403"), "{head}");
}

/// Only TLS 1.2 and 1.3 are spoken, and nothing without TLS.
#[test]
fn old_tls_and_plain_clients_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let tls = ServerTls { certificates: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
    std::fs::write(&tls.certificates, made.cert.pem()).unwrap();
    std::fs::write(&tls.key, made.signing_key.serialize_pem()).unwrap();
    let server = server("127.0.0.1:0", |settings| settings.tls = Some(tls.clone()));
    let mut plain = connect(server.address());
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert!(!rest(plain).contains("HTTP"));
    // Hello of TLS 1.0 and 1.1 with ciphers of those versions.
    for version in [1, 2] {
        let mut hello = vec![3, version];
        hello.extend([7; 32]);
        hello.extend([0, 0, 4, 0, 0x2f, 0xc0, 0x13, 1, 0]);
        let size = hello.len();
        let record = [vec![0x16, 3, 1, 0, size as u8 + 4, 1, 0, 0, size as u8], hello].concat();
        let mut stream = connect(server.address());
        stream.write_all(&record).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.first().is_none_or(|kind| *kind == 0x15), "TLS 1.{}: {answer:?}", version - 1);
    }
}
