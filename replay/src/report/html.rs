//! Text as HTML.

/// Text that cannot become markup: in an element, in an attribute, and in the labels of a figure, where plotly
/// takes tags for formatting.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&#34;",
            '\'' => escaped += "&#39;",
            other => escaped.push(other),
        }
    }
    escaped
}

/// JSON that can stand inside a `<script>`: no string of it can end the script.
pub(super) fn json_in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}
