//! Dashboard against hostile clients and pages, over real sockets.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use support::folder;
use support::state::State;
use support::web::{Answer, DashboardProcess};

const TOKEN: &str = "0123456789abcdefghijklmnopqrstuv";
/// Time within which every refusal arrives.
const SOON: Duration = Duration::from_secs(8);

/// Dashboard of a small state; with a token if other machines reach it.
fn shown(listen: &str) -> (tempfile::TempDir, DashboardProcess) {
    let folder = folder();
    let mut state = State::create(folder.path(), &["AAPL", "XOM"]);
    state.frames(5);
    fs::write(folder.path().join("token"), TOKEN).unwrap();
    let own: &[&str] = if listen.starts_with("0.") { &["--token-file", "token"] } else { &[] };
    let served = DashboardProcess::start(folder.path(), listen, own);
    (folder, served)
}

/// All that the server answers to some bytes until it closes the connection, or is silent for a second.
fn heard(served: &DashboardProcess, bytes: &[u8]) -> (String, bool) {
    let mut stream = served.connect();
    let _ = stream.write_all(bytes);
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let (mut all, mut part) = (Vec::new(), [0; 4_096]);
    let closed = loop {
        match stream.read(&mut part) {
            Ok(0) => break true,
            Ok(read) => all.extend(&part[..read]),
            Err(error) => break error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    };
    (String::from_utf8_lossy(&all).into_owned(), closed)
}

fn statuses(text: &str) -> Vec<u16> {
    let lines = text.split("HTTP/1.1 ").skip(1);
    lines.map(|line| line.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0)).collect()
}

#[test]
fn pages_of_other_sites_are_refused() {
    let (_folder, served) = shown("127.0.0.1:0");
    let port = served.address.port();
    let own = format!("Origin: http://127.0.0.1:{port}\r\n");
    let cases = [
        ("", 200),
        (&own[..], 200),
        ("Sec-Fetch-Site: same-origin\r\n", 200),
        ("Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\n", 200),
        // A link on another page.
        ("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n", 200),
        // A frame, a picture, a script, a request of a page.
        ("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n", 403),
        ("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n", 403),
        // Another port of this machine is the same site, but another origin.
        ("Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n", 403),
        ("Origin: http://evil.example\r\n", 403),
        ("Origin: http://127.0.0.1:1\r\n", 403),
        ("Origin: null\r\n", 403),
        ("Origin: \r\n", 403),
    ];
    for (headers, expected) in cases {
        for path in ["/", "/api/state", "/metrics"] {
            let answer = served.get_with(path, headers);
            assert_eq!(answer.status, expected, "{path} {headers}: {}", answer.body);
            assert_eq!(answer.header("access-control-allow-origin"), None, "{path} {headers}");
            assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path} {headers}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path} {headers}");
            assert_eq!(
                answer.header("cross-origin-resource-policy"),
                Some("same-origin"),
                "{path} {headers}"
            );
            let policy = answer.header("content-security-policy").unwrap();
            assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        }
    }
    // A page whose name was rebound to this machine has the same origin as its requests.
    for name in ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io"] {
        let request = format!(
            "GET /api/state HTTP/1.1\r\nHost: {name}:{port}\r\nOrigin: http://{name}:{port}\r\nSec-Fetch-Site: \
             same-origin\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(served.send(request.as_bytes()).status, 403, "{name}");
    }
}

#[test]
fn no_request_hides_in_another() {
    let (_folder, mut served) = shown("127.0.0.1:0");
    let inner = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let length = inner.len();
    let start = "GET / HTTP/1.1\r\nHost: localhost\r\n";
    let chunk = format!("{length:x}\r\n{inner}\r\n0\r\n\r\n");
    // Requests that proxies and servers are known to delimit differently; none may be answered twice.
    let cases = [
        format!("{start}Content-Length: {length}\r\n\r\n{inner}"),
        format!("{start}Transfer-Encoding: chunked\r\n\r\n{chunk}"),
        format!("{start}Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}", chunk.len()),
        format!("{start}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n{inner}"),
        format!("{start}Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{inner}"),
        format!("{start}Content-Length: {length}, 0\r\n\r\n{inner}"),
        format!("{start}Content-Length: +{length}\r\n\r\n{inner}"),
        format!("{start}Content-Length: -1\r\n\r\n{inner}"),
        format!("{start}Content-Length: 0x10\r\n\r\n{inner}"),
        format!("{start}Content-Length: 99999999999999999999\r\n\r\n{inner}"),
        format!("{start}Content-Length : {length}\r\n\r\n{inner}"),
        format!("{start}Transfer-Encoding: xchunked\r\n\r\n{chunk}"),
        format!("{start}Transfer-Encoding: chunked, identity\r\n\r\n{chunk}"),
        format!("{start}Transfer-Encoding: identity\r\nContent-Length: {length}\r\n\r\n{inner}"),
        format!("{start}Transfer-Encoding : chunked\r\n\r\n{chunk}"),
        format!("{start}Transfer-Encoding: chunked\r\n\r\n0;x={}\r\n\r\n{inner}", "y".repeat(40_000)),
        // Obsolete folding of a header.
        format!("{start}X: 1\r\n Content-Length: {length}\r\n\r\n{inner}"),
        format!("{start}X: 1\r\n\tTransfer-Encoding: chunked\r\n\r\n{chunk}"),
        format!("{start}X: 1\0Content-Length: {length}\r\n\r\n{inner}"),
        format!("{start}X: 1\rContent-Length: {length}\r\n\r\n{inner}"),
        format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{inner}"),
        format!("GET / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"),
        format!(
            "{start}Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nContent-Length: {length}\r\n\r\n{inner}"
        ),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        format!("CONNECT localhost:1 HTTP/1.1\r\nHost: localhost:1\r\n\r\n{inner}"),
    ];
    for request in cases {
        let (text, closed) = heard(&served, request.as_bytes());
        let found = statuses(&text);
        let head: String = request.chars().take(140).collect();
        assert!(
            found.len() <= 1 && found.iter().all(|status| (400..=505).contains(status)),
            "{found:?}: {head:?}"
        );
        assert!(closed, "the connection of {head:?} stays open");
        assert!(!text.contains("betaflow_"), "{head:?}: {text}");
    }
    // Requests one after the other are answered one after the other.
    let pipelined =
        format!("{start}\r\n{inner}{start}Content-Length: 0\r\n\r\n{start}Connection: close\r\n\r\n");
    assert_eq!(statuses(&heard(&served, pipelined.as_bytes()).0), [200; 4]);
    // Line feeds alone delimit the same requests.
    let bare = format!("{start}\r\n{inner}").replace("\r\n", "\n");
    assert!(statuses(&heard(&served, bare.as_bytes()).0).len() <= 2);
    assert!(served.is_running());
}

#[test]
fn large_requests_and_slow_bodies_are_refused_soon() {
    let (_folder, mut served) = shown("127.0.0.1:0");
    let long = "x".repeat(90_000);
    let host = "Host: localhost\r\n";
    let cases = [
        (format!("GET /{long} HTTP/1.1\r\n{host}\r\n"), vec![414, 431]),
        (format!("GET /?token={long} HTTP/1.1\r\n{host}\r\n"), vec![414, 431]),
        (format!("{long} / HTTP/1.1\r\n{host}\r\n"), vec![400, 405, 414, 431]),
        (format!("GET / HTTP/1.1\r\n{host}{long}: 1\r\n\r\n"), vec![400, 431]),
        (format!("GET / HTTP/1.1\r\n{host}Cookie: {}\r\n\r\n", "a=b;".repeat(20_000)), vec![431]),
        (format!("GET / HTTP/1.1\r\n{host}Content-Length: 1000000000000\r\n\r\n"), vec![400]),
        (
            format!("POST / HTTP/1.1\r\n{host}Content-Length: 1000000000000\r\nExpect: 100-continue\r\n\r\n"),
            vec![405],
        ),
        (
            format!("GET / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"),
            vec![400],
        ),
    ];
    for (request, expected) in cases {
        let started = Instant::now();
        let found = statuses(&heard(&served, request.as_bytes()).0);
        let head: String = request.chars().take(60).collect();
        assert!(found.len() == 1 && expected.contains(&found[0]), "{found:?}: {head:?}");
        assert!(started.elapsed() < SOON, "{head:?} after {:?}", started.elapsed());
    }
    assert!(served.is_running());
}

#[test]
fn queries_at_every_extreme_are_answered() {
    let (_folder, mut served) = shown("127.0.0.1:0");
    let (least, most) = (i64::MIN, i64::MAX);
    for (path, expected) in [
        (format!("/api/lines?from={least}&to={most}"), 200),
        (format!("/api/lines?from={most}&to={least}"), 200),
        (format!("/api/lines?from={most}0&to=0"), 400),
        ("/api/lines?from=&to=".to_owned(), 400),
        ("/api/betas?symbol=%00%ff%fe".to_owned(), 404),
        ("/api/betas?symbol='; DROP TABLE betas; --".replace(' ', "%20"), 404),
        ("/api/betas?symbol=%1b[2J%0d%0aX:%201".to_owned(), 404),
        (format!("/api/betas?symbol={}", "x".repeat(8_000)), 404),
        ("/api/betas?symbol=A&symbol=B".to_owned(), 400),
    ] {
        let answer = served.get(&path);
        assert_eq!(answer.status, expected, "{path}: {}", answer.body);
        assert!(!format!("{:?}", answer.headers).contains("\\u{1b}"), "{path}");
    }
    assert!(served.is_running());
    assert_eq!(served.get("/api/state").status, 200);
}

/// Connection from another address of this machine.
fn connect_from(client: &str, served: &DashboardProcess) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(format!("{client}:0").parse().unwrap()).unwrap();
        socket.connect(format!("127.0.0.1:{}", served.address.port()).parse().unwrap()).await.unwrap()
    });
    let stream = stream.into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

#[test]
#[cfg(target_os = "linux")]
fn one_client_cannot_take_the_connections_of_all_others() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limits = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, ..limits });
    let (_folder, served) = shown("0.0.0.0:0");
    // More connections than the server has, without a request.
    let idle: Vec<TcpStream> = (0..1_100).map(|_| connect_from("127.0.0.2", &served)).collect();
    let request = format!(
        "GET /api/state HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    );
    let started = Instant::now();
    let mut stream = connect_from("127.0.0.3", &served);
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!(Answer::of(&text).status, 200, "{text}");
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    drop(idle);
}

#[test]
fn token_is_required_whatever_its_length_and_place() {
    let (_folder, served) = shown("0.0.0.0:0");
    let longer = format!("{TOKEN}x");
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    let cases = [
        (bearer(TOKEN), 200),
        (format!("authorization: bearer   {TOKEN}\r\n"), 200),
        (bearer(&longer), 401),
        (bearer(&TOKEN[1..]), 401),
        (bearer(&TOKEN.to_uppercase()), 401),
        (bearer(&TOKEN.repeat(40)), 401),
        (bearer(&format!("{TOKEN}\0")), 400),
        (format!("Authorization: Basic {TOKEN}\r\n"), 401),
        (format!("Authorization: {TOKEN}\r\n"), 401),
        (format!("Cookie: betaflow_{}={TOKEN}\r\n", served.address.port()), 401),
        (format!("Cookie: betaflow_{}=\r\n", served.address.port()), 401),
        (format!("X-Forwarded-For: 127.0.0.1\r\nX-Token: {TOKEN}\r\n"), 401),
    ];
    for (headers, expected) in cases {
        let answer = served.get_with("/api/state", &headers);
        assert_eq!(answer.status, expected, "{headers:?}");
        assert!(
            !answer.body.contains(TOKEN) && !format!("{:?}", answer.headers).contains(TOKEN),
            "{headers:?}"
        );
    }
    // Neither page nor redirect repeats the token.
    let exchanged = served.get(&format!("/?token={TOKEN}"));
    assert_eq!(exchanged.status, 303);
    assert!(!format!("{exchanged:?}").contains(TOKEN), "{exchanged:?}");
    // Without exactly one host there is no answer, with a token neither.
    for hosts in ["", "Host: a\r\nHost: b\r\n", "Host: a b\r\n", "Host: user@a\r\n"] {
        let request = format!("GET /api/state HTTP/1.1\r\n{hosts}Connection: close\r\n{}\r\n", bearer(TOKEN));
        assert_eq!(served.send(request.as_bytes()).status, 400, "{hosts:?}");
    }
}
