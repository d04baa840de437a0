//! The page: one document with inline style and script, which loads nothing else.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

const DOCUMENT: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = concat!(
    include_str!("text.js"),
    include_str!("chart.js"),
    include_str!("page.js"),
    include_str!("machinery.js"),
    include_str!("betas.js"),
    include_str!("stream.js")
);

/// HTML document.
pub(crate) static PAGE: LazyLock<String> =
    LazyLock::new(|| DOCUMENT.replace("/* STYLE */", STYLE).replace("/* SCRIPT */", SCRIPT));

/// Content security policy: only this script and style, by their SHA-256 hashes, and requests to this server
/// alone.
pub(crate) static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |tag: &str| {
        let (start, end) = (format!("<{tag}>"), format!("</{tag}>"));
        let inside =
            PAGE.split_once(&start).and_then(|(_, rest)| rest.split_once(&end)).map_or("", |(text, _)| text);
        format!("'sha256-{}'", STANDARD.encode(Sha256::digest(inside)))
    };
    format!(
        "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        hash("script"),
        hash("style")
    )
});
