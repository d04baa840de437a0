//! Bytes on the sockets of betaflow's own protocol: of a hostile client to a server, and of a hostile server to a client.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use betaflow_connectors::live::{Edge, EdgeEvent, EdgeSettings, ParquetFeed, Server, ServerSettings};
use betaflow_connectors::parquet::{Input, Settings};

use super::harness::Target;

const WORDS: [&str; 16] = [
    "GET / HTTP/1.1\r\n",
    "HTTP/1.1 101 Switching Protocols\r\n",
    "Upgrade: websocket\r\n",
    "Connection: Upgrade\r\n",
    "Sec-WebSocket-Version: 13\r\n",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    "Sec-WebSocket-Accept: ",
    "\r\n\r\n",
    "\u{1}",
    "\u{8}",
    "\t",
    "\n",
    r#"{"type":"subscribe","from":0}"#,
    r#"{"type":"heartbeat","seq":1}"#,
    "Host: a\r\n",
    "Content-Length: 18446744073709551615\r\n",
];
/// Time that a peer has for its answer; a server waits for the rest of a message.
const ANSWER: Duration = Duration::from_millis(5);

fn prices() -> Input {
    let bytes = &include_bytes!("corpus/parquet_prices/tidy.parquet")[..];
    Input::Bytes { name: "prices".to_owned(), bytes: bytes.into() }
}

#[test]
fn feed_server_socket() {
    let feed = ParquetFeed::open(prices(), None, &Settings::default()).unwrap();
    let settings = ServerSettings::new("127.0.0.1:0".parse().unwrap());
    let server = Server::start(Arc::new(feed), settings, |error| panic!("{error}")).unwrap();
    Target::new("feed_server_socket").words(&WORDS).run(move |bytes| {
        let mut stream = TcpStream::connect(server.address()).expect("the server accepts");
        stream.set_read_timeout(Some(ANSWER)).unwrap();
        // The server may close the connection before it has read everything.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let (mut answer, mut total) = ([0; 4_096], 0);
        while let Ok(count @ 1..) = stream.read(&mut answer) {
            total += count;
            assert!(total < 1 << 20, "an endless answer");
        }
    });
}

/// Accepts one connection, completes the handshake of its WebSocket, and sends bytes.
fn serve(listener: &TcpListener, bytes: &[u8]) -> std::io::Result<()> {
    let (mut stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let (mut request, mut part) = (Vec::new(), [0; 1_024]);
    while !request.ends_with(b"\r\n\r\n") {
        let count = stream.read(&mut part)?;
        if count == 0 {
            return Ok(());
        }
        request.extend(&part[..count]);
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap_or_default();
    let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
    // An input is a whole answer, or the messages after a correct one.
    if !bytes.starts_with(b"HTTP/") {
        let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
        stream.write_all(format!("{head}Sec-WebSocket-Accept: {accept}\r\n\r\n").as_bytes())?;
    }
    stream.write_all(bytes)?;
    stream.shutdown(Shutdown::Write)?;
    while let Ok(1..) = stream.read(&mut part) {}
    Ok(())
}

#[test]
fn feed_client_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    Target::new("feed_client_socket").words(&WORDS).run(move |bytes| {
        let settings = EdgeSettings {
            // It has one connection: the next one is that of the next input.
            retry_after: Duration::from_secs(3_600),
            retry_max: Duration::from_secs(3_600),
            data: Some(Box::default()),
            ..EdgeSettings::new(&format!("ws://{address}"))
        };
        let edge = Edge::start(settings).unwrap();
        let events = edge.events();
        let reading = std::thread::spawn(move || {
            // The edge waits for room in its channel.
            while let Ok(event) = events.recv() {
                if let EdgeEvent::Disconnected { .. } | EdgeEvent::End { .. } | EdgeEvent::Failed { .. } =
                    event
                {
                    break;
                }
            }
        });
        // A client that ends first breaks the connection.
        let _ = serve(&listener, bytes);
        reading.join().unwrap();
        edge.stop();
    });
}
