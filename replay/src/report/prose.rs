//! Sentences with code in backticks.

use maud::{Markup, html};

/// Returns a text in which each part between two backticks is `<code>`. An unpaired backtick is unchanged.
pub(super) fn prose(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    // An even number of parts means an odd number of backticks.
    let paired = if parts.len() % 2 == 1 { parts.len() } else { parts.len() - 1 };
    html! {
        @for (at, part) in parts.iter().enumerate() {
            @if at >= paired {
                "`" (part)
            } @else if at % 2 == 1 && !part.is_empty() {
                code { (part) }
            } @else if at % 2 == 1 {
                "``"
            } @else {
                (part)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_become_code_and_markup_is_escaped() {
        let html = |text: &str| prose(text).into_string();
        assert_eq!(html("unknown key `a.b`; did you mean `a.c`?"), {
            "unknown key <code>a.b</code>; did you mean <code>a.c</code>?"
        });
        assert_eq!(html("`<b>` & c"), "<code>&lt;b&gt;</code> &amp; c");
        assert_eq!(html("one ` alone and `two`"), "one <code> alone and </code>two`");
        assert_eq!(html("`` empty, none"), "`` empty, none");
        assert_eq!(html(""), "");
    }
}
