//! Output on a terminal: pages with headings, fields, tables and numbered notices, and the numbers in them.
//!
//! Names in the text come from files and feeds. Control characters in them are escaped, so that they cannot move the
//! cursor or change colours.

mod number;
mod page;
mod table;

use std::borrow::Cow;
use std::io::{self, Write, stderr};

use betaflow_connectors::live::is_unprintable;

pub(crate) use number::{NONE, counted, decimals, grouped, percent, points, signed, signed_percent};
pub(crate) use page::Page;
pub(crate) use table::Table;

/// Escapes characters that move the cursor, change the text direction or have no width, except line ends and tabs.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let passes = |c: char| !is_unprintable(c) || matches!(c, '\n' | '\t');
    if text.chars().all(passes) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match passes(c) {
            true => out.push(c),
            false => out.extend(c.escape_default()),
        }
    }
    Cow::Owned(out)
}

/// Returns the text of an error, printable, without the middle of lines that repeat a long text of a file.
pub(crate) fn short(text: &str) -> String {
    const LINE_MAX: usize = 2_000;
    const ENDS: usize = LINE_MAX / 2;
    let cut = |line: &str| {
        let count = line.chars().count();
        if count <= LINE_MAX {
            return line.to_owned();
        }
        let start: String = line.chars().take(ENDS).collect();
        let end: String = line.chars().skip(count - ENDS).collect();
        format!("{start} ... ({} characters left out) ... {end}", count - 2 * ENDS)
    };
    printable(text).split('\n').map(cut).collect::<Vec<_>>().join("\n")
}

/// Writes a text to standard output. A closed pipe is not an error.
pub(crate) fn say(text: &str) {
    let _ = io::stdout().write_all(printable(text).as_bytes());
}

/// Writes a line of progress or a note to standard error, where it does not mix with the result.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(stderr(), "{}", printable(line));
}

/// Writes an error to standard error, the first word in red on a terminal.
pub(crate) fn tell_error(text: &str) {
    let _ = writeln!(anstream::stderr(), "{}error:{:#} {}", page::ERROR, page::ERROR, printable(text));
}

/// Standard error as a log: one line for each event, with line ends inside an event escaped.
pub(crate) struct LogLines;

impl Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = printable(line).replace('\n', "\\n");
        stderr().write_all(format!("{line}\n").as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_move_the_cursor_or_deceive_are_escaped() {
        // Escape sequences, C1 controls, marks of direction, and characters without a width.
        for c in [
            '\u{1b}',
            '\u{7}',
            '\r',
            '\u{9b}',
            '\u{202e}',
            '\u{2066}',
            '\u{61c}',
            '\u{200b}',
            '\u{e0041}',
            '\u{feff}',
        ] {
            let text = format!("A{c}B");
            assert_eq!(printable(&text), format!("A{}B", c.escape_default()), "{c:?}");
        }
        for text in ["Société Générale\t株式 €\n", "BRK.B", "a\u{301}"] {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }
}
