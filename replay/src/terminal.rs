//! Text for a terminal. Names in it come from files and feeds, and must not move the cursor or change colours.

use std::borrow::Cow;
use std::io::{self, Write, stderr};

/// A text whose control characters are escaped, but for line ends and tabs.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let passes = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
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

/// Writes to standard output; a reader that went away early is no error.
pub(crate) fn say(text: &str) {
    let _ = io::stdout().write_all(printable(text).as_bytes());
}

/// Standard error for a log: one line an event, whatever the event says.
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
