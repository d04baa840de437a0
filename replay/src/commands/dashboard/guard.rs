//! Access rules of the server: host name, origin, token and method are checked before any route runs.
//!
//! A server for this machine alone accepts only its names, so that no page of another site reads it by DNS rebinding.
//! Another server has names that are not known here; there the token protects the data, because a browser sends the
//! cookie to no other name.

use std::net::SocketAddr;

use axum::http::header::{
    ALLOW, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, LOCATION, SET_COOKIE, TRANSFER_ENCODING,
    WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use betaflow_connectors::live::{RequestHost, is_loopback};
use betaflow_engine::ledger::hex;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Status and text of a refusal.
type Refusal = (StatusCode, &'static str);

/// Access rules of one server.
pub(crate) struct Guard {
    /// True if only this machine can connect; pages of other sites could still connect by DNS rebinding.
    loopback: bool,
    token: Option<Token>,
}

/// Digests of the token. They have a fixed length, and neither memory nor the cookie holds the token itself.
struct Token {
    digest: [u8; 32],
    /// Cookie name; includes the port, because cookies are shared by all ports of a host.
    cookie_name: String,
    cookie: String,
}

/// Outcome of the check of a request.
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
        let host = RequestHost::of(headers, uri);
        if self.loopback && !host.as_ref().is_some_and(RequestHost::is_loopback) {
            let sentence = "This server accepts only the hosts localhost, 127.0.0.1 and [::1].\n";
            return refused((StatusCode::FORBIDDEN, sentence));
        }
        let Some(host) = host else {
            let sentence = "Expected one header Host, the host of the address.\n";
            return refused((StatusCode::BAD_REQUEST, sentence));
        };
        if host.is_foreign(headers) {
            return refused((
                StatusCode::FORBIDDEN,
                "This server accepts no requests of pages of other sites.\n",
            ));
        }
        if let Some(token) = &self.token {
            let offered = query_token(uri);
            let by_query = offered.is_some_and(|offered| token.is(offered));
            if !by_query && !token.is_in(headers) {
                let sentence = "Token required: send `Authorization: Bearer TOKEN`, or add ?token=TOKEN to the address.\n";
                return refused((StatusCode::UNAUTHORIZED, sentence));
            }
            if by_query && uri.path() == "/" {
                return Verdict::Answered(token.exchanged());
            }
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return refused((
                StatusCode::METHOD_NOT_ALLOWED,
                "Read-only server: only GET and HEAD are allowed.\n",
            ));
        }
        // A body that proxy and server delimit differently would hide a second request.
        if headers.contains_key(TRANSFER_ENCODING)
            || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
        {
            return refused((StatusCode::BAD_REQUEST, "Expected a request without a body.\n"));
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
    // A refused request may have a body; none of it is read.
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
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

    /// Redirects to an address without the token, which a browser would otherwise keep and show.
    fn exchanged(&self) -> Response {
        let cookie = format!("{}={}; HttpOnly; SameSite=Strict; Path=/", self.cookie_name, self.cookie);
        let headers = [(LOCATION, "/".to_owned()), (SET_COOKIE, cookie)];
        (StatusCode::SEE_OTHER, headers).into_response()
    }
}

/// Token in the query. Tokens have no character that a URL escapes.
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
