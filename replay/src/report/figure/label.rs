//! Text inside a figure.

/// Returns text that plotly.js shows unchanged, although it interprets tags and entities. A line feed becomes a line break.
pub(super) fn label(text: &str) -> String {
    let mut label = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => label += "&amp;",
            '<' => label += "&lt;",
            '>' => label += "&gt;",
            '"' => label += "&#34;",
            '\'' => label += "&#39;",
            '\n' => label += "<br>",
            other => label.push(other),
        }
    }
    label
}

/// Returns the labels of some texts.
pub(super) fn labels(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| label(text)).collect()
}
