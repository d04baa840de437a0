//! `[alerts]`: the webhook of `paper`.

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use betaflow_engine::settings;
use betaflow_engine::settings::{Invalid, Kind, SettingType, SettingValue, SettingsTable as _};
use hyper::Uri;
use serde::Deserialize;

/// Name of the table. No message shows its values.
pub(super) const TABLE: &str = AlertSettings::TABLE;
const EXPECTED: &str =
    "an address such as \"https://hooks.example.com/alerts\" or \"http://127.0.0.1:9093/alerts\"";

settings! {
    /// Webhook of `paper`. It holds a secret, so no copy of the configuration has this table.
    #[derive(Clone, Debug, Deserialize)]
    pub(crate) struct AlertSettings in "alerts" {
        /// Address of HTTP or HTTPS that alerts are posted to.
        webhook: Option<Secret> = None, form EXPECTED;
        /// PEM file of certificates to trust for the webhook, in place of the public ones.
        ca: Option<PathBuf> = None, form "the path of a PEM file";
    }
}

/// Secret text; `Debug` hides it.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(not shown)")
    }
}

impl SettingValue for Secret {}

impl SettingType for Secret {
    const KIND: Kind = Kind::Text;
}

impl AlertSettings {
    /// Checks the address of the webhook.
    ///
    /// # Errors
    /// The address is not one of HTTP or HTTPS. The error omits the address.
    pub(super) fn check(&self) -> Result<(), Invalid> {
        match self.webhook.as_ref().map(|secret| Webhook::read(&secret.0)) {
            Some(Err(found)) => Self::require("webhook", false, found),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    /// Returns the address of the webhook.
    pub(crate) fn webhook(&self) -> Option<Webhook> {
        self.webhook.as_ref().and_then(|secret| Webhook::read(&secret.0).ok())
    }
}

/// Parts of the address of a webhook. `Display` shows scheme, host and port; the other parts may be secret.
#[derive(Clone)]
pub(crate) struct Webhook {
    /// True for TLS.
    pub(crate) tls: bool,
    /// Name or address of the host, without brackets.
    pub(crate) host: String,
    /// Port.
    pub(crate) port: u16,
    /// Value of the header `Host`.
    pub(crate) authority: String,
    /// Path and query.
    pub(crate) path: String,
    /// Value of the header `Authorization`, if the address has a user.
    pub(crate) authorization: Option<String>,
}

impl Webhook {
    /// Reads an address; the error describes it without showing it.
    fn read(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or("an address without a scheme")?;
        let (tls, usual) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (false, 80),
            "https" => (true, 443),
            _ => return Err("an address of another scheme".to_owned()),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (user, authority) = match rest[..end].rsplit_once('@') {
            Some((user, authority)) => (Some(user), authority),
            None => (None, &rest[..end]),
        };
        if authority.is_empty() {
            return Err("an address without a host".to_owned());
        }
        let path = rest[end..].split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let uri: Uri = format!("{scheme}://{authority}{path}")
            .parse()
            .map_err(|_| "characters that are not allowed in an address".to_owned())?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err("an address without a host".to_owned());
        }
        let port = uri.port_u16().unwrap_or(usual);
        let is_bad = authority.rsplit_once(':').is_some_and(|(before, port)| {
            !port.ends_with(']') && !before.is_empty() && port.parse::<u16>().is_err()
        });
        if is_bad || port == 0 {
            return Err("a port outside 1 to 65535".to_owned());
        }
        let authorization = user.map(|user| format!("Basic {}", STANDARD.encode(percent_decoded(user))));
        Ok(Self { tls, host, port, authority: authority.to_owned(), path, authorization })
    }
}

impl fmt::Display for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}/…", self.authority)
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Decodes `%41` to `A` (RFC 3986, section 2.1).
fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).filter(|_| bytes[at] == b'%');
        decoded.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    decoded
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn address_is_split_into_its_parts() {
        let cases = [
            ("http://127.0.0.1:9000", ("127.0.0.1", 9000, "/", None)),
            ("https://hooks.example.com/T/secret?a=1#x", ("hooks.example.com", 443, "/T/secret?a=1", None)),
            ("HTTP://[::1]:81?q", ("::1", 81, "/?q", None)),
            ("http://us%65r:p%40ss@host/", ("host", 80, "/", Some("Basic dXNlcjpwQHNz"))),
        ];
        for (text, (host, port, path, authorization)) in cases {
            let webhook = Webhook::read(text).unwrap_or_else(|found| panic!("{text}: {found}"));
            assert_eq!((&webhook.host[..], webhook.port, &webhook.path[..]), (host, port, path), "{text}");
            assert_eq!(webhook.authorization.as_deref(), authorization, "{text}");
        }
    }

    #[test]
    fn text_that_is_not_an_address_is_refused_and_not_shown() {
        let cases = [
            "",
            "secret",
            "ftp://secret/",
            "http://",
            "http:///secret",
            "http://a:99999/secret",
            "http://a b/secret",
        ];
        for text in cases {
            let settings = AlertSettings { webhook: Some(Secret(text.to_owned())), ca: None };
            let invalid = settings.check().expect_err(text);
            assert_eq!(invalid.key, "webhook", "{text}");
            assert!(!format!("{invalid:?}{settings:?}").contains("secret"), "{text}: {invalid:?}");
        }
    }

    #[test]
    fn secret_part_of_an_address_is_not_shown() {
        let webhook = Webhook::read("https://user:word@hooks.example.com:8443/secret?token=secret").unwrap();
        assert_eq!(webhook.to_string(), "https://hooks.example.com:8443/…");
        assert_eq!(format!("{webhook:?}"), "https://hooks.example.com:8443/…");
    }
}
