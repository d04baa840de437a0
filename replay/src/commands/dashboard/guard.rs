//! Who may ask, and for what: before anything else looks at a request.

use std::net::{IpAddr, SocketAddr};

use axum::http::header::{ALLOW, AUTHORIZATION, COOKIE, HOST, LOCATION, SET_COOKIE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, uri::Authority};
use axum::response::{IntoResponse as _, Response};
use betaflow_engine::ledger::hex;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// What is not allowed, as a status and a sentence.
type Refusal = (StatusCode, &'static str);

/// The rules of one server.
pub(crate) struct Guard {
    /// Where only this machine can connect, pages of other sites still could, by a name that leads here.
    loopback: bool,
    token: Option<Token>,
}

/// A token by its digests: digests are of one length, and nothing of the token is in memory or in a cookie.
struct Token {
    digest: [u8; 32],
    /// Its name has the port, since cookies of all ports of a host are one.
    cookie_name: String,
    cookie: String,
}

/// What may go on.
pub(crate) enum Verdict {
    Allowed,
    Answered(Response),
}

impl Guard {
    pub(crate) fn new(address: SocketAddr, token: Option<&str>) -> Self {
        let token = token.map(|token| Token {
            digest: digest("token", token),
            cookie_name: format!("betaflow_{}", address.port()),
            cookie: hex(&digest("cookie", token)),
        });
        Self { loopback: is_loopback(address.ip()), token }
    }

    pub(crate) fn judge<B>(&self, request: &Request<B>) -> Verdict {
        let (headers, uri) = (request.headers(), request.uri());
        if self.loopback && !names_loopback(headers, uri) {
            let sentence = "This server answers to localhost, 127.0.0.1 and [::1] alone.\n";
            return refused((StatusCode::FORBIDDEN, sentence));
        }
        if let Some(token) = &self.token {
            let offered = query_token(uri);
            let by_query = offered.is_some_and(|offered| token.is(offered));
            if !by_query && !token.is_in(headers) {
                let sentence =
                    "A token is needed: `Authorization: Bearer TOKEN`, or the address with ?token=TOKEN.\n";
                return refused((StatusCode::UNAUTHORIZED, sentence));
            }
            if by_query && uri.path() == "/" {
                return Verdict::Answered(token.exchanged());
            }
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return refused((
                StatusCode::METHOD_NOT_ALLOWED,
                "Nothing can be changed here: GET and HEAD alone.\n",
            ));
        }
        Verdict::Allowed
    }
}

fn refused((status, sentence): Refusal) -> Verdict {
    let mut response = (status, sentence).into_response();
    let headers = response.headers_mut();
    match status {
        StatusCode::UNAUTHORIZED => headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
        StatusCode::METHOD_NOT_ALLOWED => headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD")),
        _ => None,
    };
    Verdict::Answered(response)
}

impl Token {
    fn is(&self, offered: &str) -> bool {
        self.digest.ct_eq(&digest("token", offered)).into()
    }

    fn is_in(&self, headers: &HeaderMap) -> bool {
        let bearer = headers
            .get_all(AUTHORIZATION)
            .iter()
            .filter_map(|value| value.to_str().ok()?.split_once(' '))
            .any(|(scheme, offered)| scheme.eq_ignore_ascii_case("bearer") && self.is(offered.trim()));
        let cookie = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .any(|(name, value)| {
                name == self.cookie_name && bool::from(self.cookie.as_bytes().ct_eq(value.as_bytes()))
            });
        bearer || cookie
    }

    /// The page at an address without the token, which a browser would keep and show.
    fn exchanged(&self) -> Response {
        let cookie = format!("{}={}; HttpOnly; SameSite=Strict; Path=/", self.cookie_name, self.cookie);
        let headers = [(LOCATION, "/".to_owned()), (SET_COOKIE, cookie)];
        (StatusCode::SEE_OTHER, headers).into_response()
    }
}

/// Whether an address can be reached from this machine alone.
pub(crate) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// A page of another site that has its own name lead here (DNS rebinding) is told by that name.
fn names_loopback(headers: &HeaderMap, uri: &Uri) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Some(host) = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()) else { return false };
    [Some(&host), uri.authority()].into_iter().flatten().all(|authority| {
        let name = authority.host().trim_start_matches('[').trim_end_matches(']');
        name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(is_loopback)
    })
}

/// Tokens have no character that a URL would escape.
fn query_token(uri: &Uri) -> Option<&str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="))
}

fn digest(purpose: &str, token: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"betaflow dashboard ");
    hash.update(purpose);
    hash.update([0]);
    hash.update(token);
    hash.finalize().into()
}
