//! Host and origin of an HTTP request: refuses requests that pages of other sites send by a browser.
//!
//! A page of any site can open a WebSocket to this machine, or send a request whose answer it cannot read. By DNS
//! rebinding its own host name may become the address of this machine, and it can then read answers too.

use std::net::IpAddr;

use tokio_tungstenite::tungstenite::http::header::{HOST, ORIGIN};
use tokio_tungstenite::tungstenite::http::uri::Authority;
use tokio_tungstenite::tungstenite::http::{HeaderMap, Uri};

/// Returns true if only this machine can reach an address.
#[must_use]
pub fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Host that a request names.
#[derive(Clone, Debug)]
pub struct RequestHost(Authority);

impl RequestHost {
    /// Reads the host; `None` without exactly one valid `Host`, or if the address of the request names another host.
    #[must_use]
    pub fn of(headers: &HeaderMap, uri: &Uri) -> Option<Self> {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
        let host = host.to_str().ok()?.parse::<Authority>().ok()?;
        let same = |other: &Authority| other.as_str().eq_ignore_ascii_case(host.as_str());
        (!host.as_str().contains('@') && uri.authority().is_none_or(same)).then_some(Self(host))
    }

    fn address(&self) -> Option<IpAddr> {
        self.0.host().trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// Returns true if the host is this machine, by the name `localhost` or by an address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.0.host().eq_ignore_ascii_case("localhost") || self.address().is_some_and(is_loopback)
    }

    /// Returns true if the host is `localhost` or an address: no other name can be rebound to this machine.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.is_loopback() || self.address().is_some()
    }

    /// Returns true if a page of another origin sends the request: a browser names the origin in `Origin` with
    /// each WebSocket, and in `Sec-Fetch-Site` with each request. A link to a page of this host is accepted.
    #[must_use]
    pub fn is_foreign(&self, headers: &HeaderMap) -> bool {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let followed =
            (text("sec-fetch-mode"), text("sec-fetch-dest")) == (Some("navigate"), Some("document"));
        if !matches!(text("sec-fetch-site"), None | Some("same-origin" | "none")) && !followed {
            return true;
        }
        headers.get_all(ORIGIN).iter().any(|origin| {
            let host = origin.to_str().ok().and_then(|origin| Some(origin.split_once("://")?.1));
            host.is_none_or(|host| !host.eq_ignore_ascii_case(self.0.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap_or_else(|_| panic!("{value}")));
        }
        headers
    }

    #[test]
    fn request_names_one_host() {
        let cases: [(&[&str], &str, bool); 8] = [
            (&["localhost:1"], "/", true),
            (&["[::1]:1"], "/", true),
            (&["localhost:1"], "http://LOCALHOST:1/", true),
            (&["localhost:1"], "http://other:1/", false),
            (&["localhost", "localhost"], "/", false),
            (&[], "/", false),
            (&["user@localhost"], "/", false),
            (&["a b"], "/", false),
        ];
        for (hosts, uri, expected) in cases {
            let lines: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
            let uri: Uri = uri.parse().unwrap_or_default();
            assert_eq!(RequestHost::of(&headers(&lines), &uri).is_some(), expected, "{hosts:?} {uri}");
        }
    }

    #[test]
    fn page_of_another_origin_is_recognised() {
        let navigated = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        let framed = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
        let site = |site| ("sec-fetch-site", site);
        let cases: [(Vec<(&'static str, &str)>, bool); 12] = [
            (vec![], false),
            (vec![("origin", "http://localhost:1")], false),
            (vec![("origin", "https://LOCALHOST:1")], false),
            (vec![("origin", "http://localhost:2")], true),
            (vec![("origin", "http://localhost:1.evil.example")], true),
            (vec![("origin", "null")], true),
            (vec![("origin", "http://localhost:1"), ("origin", "http://evil.example")], true),
            (vec![site("same-origin")], false),
            (vec![site("none")], false),
            (vec![site("same-site")], true),
            ([&[site("cross-site")], &navigated[..]].concat(), false),
            ([&[site("cross-site")], &framed[..]].concat(), true),
        ];
        for (mut lines, expected) in cases {
            lines.push(("host", "localhost:1"));
            let headers = headers(&lines);
            let host = RequestHost::of(&headers, &Uri::default()).unwrap_or_else(|| panic!("{lines:?}"));
            assert_eq!(host.is_foreign(&headers), expected, "{lines:?}");
        }
    }

    #[test]
    fn only_addresses_and_localhost_are_fixed() {
        for (host, loopback, fixed) in [
            ("localhost:1", true, true),
            ("127.1.2.3", true, true),
            ("[::ffff:127.0.0.1]:1", true, true),
            ("192.168.0.7:1", false, true),
            ("localhost.evil.example", false, false),
            ("127.0.0.1.evil.example", false, false),
        ] {
            let found = RequestHost::of(&headers(&[("host", host)]), &Uri::default());
            let found = found.map(|host| (host.is_loopback(), host.is_fixed()));
            assert_eq!(found, Some((loopback, fixed)), "{host}");
        }
    }
}
