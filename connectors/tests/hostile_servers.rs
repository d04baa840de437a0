//! Client of a feed against hostile servers, over real sockets.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::{Read as _, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use betaflow_connectors::live::{
    Account, Edge, EdgeEvent, EdgeSettings, RawLogSettings, ServerMessage, Trust, VenueSettings,
};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};
use tokio_tungstenite::tungstenite;

/// Timeout that only a hang exceeds.
const LONG: Duration = Duration::from_secs(60);
const MB: usize = 1 << 20;

/// Server that handles each connection by `handle`.
fn serve(handle: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let handle = Arc::new(handle);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let handle = Arc::clone(&handle);
            std::thread::spawn(move || handle(stream));
        }
    });
    address
}

/// Server that completes the handshake and then writes bytes, without reading, until the client disconnects.
fn after_handshake(bytes: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> SocketAddr {
    serve(move |stream| {
        let Ok(socket) = tungstenite::accept(stream) else { return };
        let mut stream = socket.into_inner();
        let _ = stream.write_all(&bytes());
        std::thread::sleep(LONG);
    })
}

fn client(address: SocketAddr) -> EdgeSettings {
    EdgeSettings {
        retry_after: Duration::from_millis(2),
        retry_max: Duration::from_millis(50),
        stale_after: Duration::from_secs(5),
        connect_within: Duration::from_secs(3),
        ..EdgeSettings::new(&format!("ws://{address}"))
    }
}

/// Returns the next event accepted by `wanted`.
fn next<T>(edge: &Edge, wanted: impl Fn(&EdgeEvent) -> Option<T>) -> T {
    let (events, until) = (edge.events(), Instant::now() + LONG);
    loop {
        let event = events.recv_deadline(until).expect("an event");
        if let Some(found) = wanted(&event) {
            return found;
        }
    }
}

fn disconnected(event: &EdgeEvent) -> Option<String> {
    if let EdgeEvent::Disconnected { why, .. } = event { Some(why.clone()) } else { None }
}

/// Frame of a server.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        0..=125 => frame.push(payload.len() as u8),
        _ => {
            frame.push(127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

/// Returns the resident memory of the process, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<usize>().ok()).map_or(0, |kb| kb * 1_024)
}

#[test]
fn memory_of_a_client_is_bounded_whatever_the_server_sends() {
    let hello = || {
        let hello = "{\"type\":\"hello\",\"protocol\":1,\"name\":\"x\",\"columns\":[\"close\"],\"factors\":[],\"rf\":false,\
                     \"values\":\"prices\",\"frames\":null,\"recorded\":false}";
        frame(0x81, hello.as_bytes())
    };
    // Pings whose answers are never read.
    let pings = after_handshake(move || [hello(), frame(0x89, &[b'x'; 125]).repeat(1_000_000)].concat());
    let edge = Edge::start(EdgeSettings { stale_after: LONG, ..client(pings) }).unwrap();
    let before = resident();
    std::thread::sleep(Duration::from_secs(6));
    let after = resident();
    // The server itself holds the bytes that it sends.
    assert!(after < before + 160 * MB, "{} MB became {} MB", before / MB, after / MB);
    drop(edge);

    let size = [0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let announced = after_handshake(move || [vec![0x81, 127], size.to_vec()].concat());
    let fragments = after_handshake(|| {
        let part = vec![b' '; MB];
        [frame(0x01, &part), frame(0x00, &part).repeat(40)].concat()
    });
    for (case, address) in [("announced size", announced), ("fragments", fragments)] {
        let before = resident();
        let edge = Edge::start(client(address)).unwrap();
        let text = next(&edge, |event| match event {
            EdgeEvent::Refused { text, .. } => Some(text.clone()),
            _ => None,
        });
        assert!(text.contains("expected at most 16777216 bytes"), "{case}: {text}");
        assert!(resident() < before + 128 * MB, "{case}: {} MB became {} MB", before / MB, resident() / MB);
    }
}

#[test]
fn unfinished_or_invalid_handshakes_are_given_up() {
    let answers: [(&str, Vec<u8>); 6] = [
        ("silent", Vec::new()),
        ("header without an end", [b"HTTP/1.1 101 Yes\r\nX: ".to_vec(), vec![b'x'; 4 * MB]].concat()),
        ("many headers", [b"HTTP/1.1 101 Yes\r\n".to_vec(), b"X: 1\r\n".repeat(100_000)].concat()),
        ("redirect", b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\n\r\n".to_vec()),
        (
            "wrong key",
            b"HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"
                .to_vec(),
        ),
        ("another protocol", b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec()),
    ];
    for (case, answer) in answers {
        let address = serve(move |mut stream| {
            let _ = stream.write_all(&answer);
            std::thread::sleep(LONG);
        });
        let (started, edge) = (Instant::now(), Edge::start(client(address)).unwrap());
        let why = next(&edge, disconnected);
        assert!(started.elapsed() < Duration::from_secs(20), "{case}: {:?}", started.elapsed());
        assert!(why.len() < 1_000, "{case}: {} bytes", why.len());
    }
}

#[test]
fn long_error_of_a_server_is_shortened_and_printable() {
    let text = format!("\u{1b}[2J\u{202e}{}", "x".repeat(10 * MB));
    let message = ServerMessage::Error(text).to_text();
    let address = after_handshake(move || frame(0x81, message.as_bytes()));
    let edge = Edge::start(client(address)).unwrap();
    let why = next(&edge, disconnected);
    assert!(why.len() < 2_000 && why.contains("xxx..."), "{} bytes", why.len());
    assert!(!why.contains(['\u{1b}', '\u{202e}']), "{why:?}");
}

#[test]
fn address_with_a_secret_part_is_refused_and_not_shown() {
    for (url, part) in [
        ("ws://user:secret@127.0.0.1:9000/a", "found a user"),
        ("ws://secret@127.0.0.1:9000", "found a user"),
        ("wss://127.0.0.1:9000/a?token=secret", "found a query"),
        ("wss://127.0.0.1:9000?secret", "found a query"),
        ("ws://127.0.0.1:9000/#secret", "found a query"),
        ("user:secret@127.0.0.1", "found a user"),
    ] {
        let own = Edge::start(EdgeSettings::new(url)).err().unwrap().to_string();
        let settings =
            VenueSettings { url: Some(url.to_owned()), ..VenueSettings::new("kraken_v2", &["BTC/USD"]) };
        let venue = Edge::follow(settings).err().unwrap().to_string();
        for text in [own, venue] {
            assert!(text.contains(part) && !text.contains("secret"), "{url}: {text}");
        }
    }
}

/// Certificate for `names`, valid in some years, and its key.
fn certificate(folder: &Path, names: &[&str], years: (i32, i32)) -> Arc<ServerConfig> {
    let mut params =
        rcgen::CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
            .unwrap();
    params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    std::fs::write(folder.join("cert.pem"), made.pem()).unwrap();
    let der = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.der().clone()], der)
        .unwrap();
    Arc::new(config)
}

/// `--ca` trusts a certificate as it is: a wrong host or an expired one is refused nevertheless.
#[test]
fn certificates_out_of_their_time_or_host_are_refused() {
    for (case, names, years, part) in [
        ("expired", ["localhost"], (2001, 2002), "expired"),
        ("not valid yet", ["localhost"], (2090, 2091), "not valid yet"),
        ("another host", ["other.example"], (2001, 2091), "another host"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let config = certificate(folder.path(), &names, years);
        let address = serve(move |stream| {
            let session = ServerConnection::new(Arc::clone(&config)).unwrap();
            let _ = tungstenite::accept(StreamOwned::new(session, stream));
        });
        let url = format!("wss://localhost:{}", address.port());
        let trust = Trust::File(folder.path().join("cert.pem"));
        let edge = Edge::start(EdgeSettings { url, trust, ..client(address) }).unwrap();
        let why = next(&edge, disconnected);
        assert!(why.contains("TLS") && why.contains(part), "{case}: {why}");
    }
    // A server without TLS is never spoken to.
    let address = serve(|mut stream| {
        let mut first = [0];
        assert!(matches!(stream.read(&mut first), Ok(1)) && first == [0x16], "a hello of TLS, no request");
        let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
    });
    let url = format!("wss://localhost:{}", address.port());
    let edge = Edge::start(EdgeSettings { url, ..client(address) }).unwrap();
    assert!(next(&edge, disconnected).contains("TLS"));
}

/// The account is sent to the venue, and appears nowhere else, also if it has characters that JSON escapes, and if the
/// venue repeats it.
#[test]
fn account_of_a_venue_is_in_no_log_and_no_event() {
    let folder = tempfile::tempdir().unwrap();
    let (key, secret) = ("KEY\"with\\quotes", "s3cret\"\\/é\tsecret");
    let address = serve(move |stream| {
        let Ok(mut socket) = tungstenite::accept(stream) else { return };
        let Ok(said) = socket.read() else { return };
        let sent: serde_json::Value = serde_json::from_str(said.to_text().unwrap()).unwrap();
        assert!(sent.to_string().contains("with"), "the account is sent: {sent}");
        let echo = serde_json::json!([{"T": "error", "code": 402, "msg": format!("no account {key} with {secret}")}]);
        let _ = socket.send(echo.to_string().into());
        let _ = socket.send(said.clone());
        std::thread::sleep(LONG);
    });
    let account = Account { key: key.to_owned(), secret: secret.to_owned() };
    let settings = VenueSettings {
        url: Some(format!("ws://{address}")),
        account: Some(account),
        raw_log: Some(RawLogSettings::new(folder.path())),
        ..VenueSettings::new("alpaca", &["AAPL"])
    };
    assert!(!format!("{settings:?}").contains("quotes"), "{settings:?}");
    let edge = Edge::follow(settings).unwrap();
    let (mut events, end) = (String::new(), Instant::now() + Duration::from_secs(4));
    while let Ok(event) = edge.events().recv_deadline(end) {
        events += &format!("{event:?}\n");
    }
    edge.stop();
    let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let raw = std::fs::read_to_string(file).unwrap();
    assert!(raw.contains("***") && raw.contains("\"out\"") && raw.contains("no account"), "{raw}");
    for text in [&raw, &events] {
        assert!(!text.contains("with\\") && !text.contains("quotes") && !text.contains("s3cret"), "{text}");
    }
}
