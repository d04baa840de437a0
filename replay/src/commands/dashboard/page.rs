//! The page: one document with its style and script inside, which loads nothing.

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

/// The document.
pub(crate) static PAGE: LazyLock<String> =
    LazyLock::new(|| DOCUMENT.replace("/* STYLE */", STYLE).replace("/* SCRIPT */", SCRIPT));

/// What the document may do: run this script and no other, ask this server and no other. The hashes are of all between
/// the tags.
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
