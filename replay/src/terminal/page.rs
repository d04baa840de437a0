//! Page of a command's result: sections with a heading each, fields, sentences, tables, and numbered notices at the end.

use std::fmt::{Display, Write as _};
use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};

use super::printable;
use super::table::Table;

/// Style of the word `error:`.
pub(super) const ERROR: Style = AnsiColor::Red.on_default().bold();
const HEADING: Style = Style::new().bold();
const WARNING: Style = AnsiColor::Yellow.on_default();

/// Width in columns if standard output is not a terminal.
const WIDTH: usize = 90;
/// Minimum and maximum columns of a line.
const WIDTHS: (usize, usize) = (40, 100);
/// Spaces before each line below a heading.
const INDENT: usize = 2;
/// Maximum columns of field labels; a longer label has a line of its own.
const LABELS: usize = 30;

#[derive(Clone, Debug)]
enum Block {
    Heading(String),
    Field(String, String),
    Text(String),
    Alert(String),
    Table(Table),
    Notice { number: usize, code: String, text: String },
}

/// Result of a command, laid out for reading.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    blocks: Vec<Block>,
}

impl Page {
    /// Begins a section.
    pub(crate) fn section(&mut self, heading: impl Into<String>) -> &mut Self {
        self.blocks.push(Block::Heading(heading.into()));
        self
    }

    /// Adds a label with its value and unit.
    pub(crate) fn field(&mut self, label: impl Into<String>, value: impl Display) -> &mut Self {
        self.blocks.push(Block::Field(label.into(), value.to_string()));
        self
    }

    /// Adds a paragraph.
    pub(crate) fn text(&mut self, text: impl Into<String>) -> &mut Self {
        self.blocks.push(Block::Text(text.into()));
        self
    }

    /// Adds a sentence that comes before all figures, such as that the account was ruined.
    pub(crate) fn alert(&mut self, text: impl Into<String>) -> &mut Self {
        self.blocks.push(Block::Alert(text.into()));
        self
    }

    /// Adds a table, unless it has no rows.
    pub(crate) fn table(&mut self, table: Table) -> &mut Self {
        if !table.is_empty() {
            self.blocks.push(Block::Table(table));
        }
        self
    }

    /// Adds a section of numbered notices, each with its stable code; none without notices.
    pub(crate) fn notices<'a>(
        &mut self,
        heading: &str,
        notices: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> &mut Self {
        let mut notices = notices.into_iter().peekable();
        if notices.peek().is_some() {
            self.section(heading);
        }
        for (at, (code, text)) in notices.enumerate() {
            let (code, text) = (code.to_owned(), text.to_owned());
            self.blocks.push(Block::Notice { number: at + 1, code, text });
        }
        self
    }

    /// Adds the blocks of another page.
    pub(crate) fn append(&mut self, other: Self) -> &mut Self {
        self.blocks.extend(other.blocks);
        self
    }

    /// Writes the page to standard output, with colours where the terminal has them. `NO_COLOR`, `CLICOLOR` and
    /// `CLICOLOR_FORCE` decide as usual. A closed pipe is not an error.
    pub(crate) fn print(&self) {
        let size = terminal_size::terminal_size_of(io::stdout());
        let width = size.map_or(WIDTH, |(width, _)| usize::from(width.0).clamp(WIDTHS.0, WIDTHS.1));
        let _ = anstream::stdout().write_all(self.render(width).as_bytes());
    }

    /// Returns the text without the codes of its styles.
    pub(crate) fn plain(&self) -> String {
        anstream::adapter::strip_str(&self.render(WIDTH)).to_string()
    }

    /// Returns the text with the codes of its styles, in lines of at most `width` columns where words fit.
    fn render(&self, width: usize) -> String {
        let labels = self.blocks.iter().filter_map(|block| match block {
            Block::Field(label, _) => Some(columns(label)).filter(|length| *length <= LABELS),
            _ => None,
        });
        let labels = labels.max().unwrap_or(0).min(width / 2);
        let mut out = String::new();
        let mut last = None;
        for block in &self.blocks {
            if is_apart(last, block) {
                out.push('\n');
            }
            block.write(&mut out, labels, width);
            last = Some(block);
        }
        out
    }
}

/// Returns true if a blank line comes before a block.
fn is_apart(last: Option<&Block>, block: &Block) -> bool {
    match (last, block) {
        (None, _) => false,
        (Some(Block::Heading(_)), _) => false,
        (_, Block::Heading(_)) | (Some(Block::Table(_) | Block::Alert(_)), _) | (_, Block::Table(_)) => true,
        (Some(Block::Field(..)), Block::Text(_)) | (Some(Block::Text(_)), Block::Field(..)) => true,
        _ => false,
    }
}

impl Block {
    fn write(&self, out: &mut String, labels: usize, width: usize) {
        match self {
            Self::Heading(heading) => {
                _ = writeln!(out, "{HEADING}{}{HEADING:#}", printable(heading));
            }
            Self::Field(label, value) if columns(label) > labels => {
                write_wrapped(out, label, INDENT, width);
                write_wrapped(out, value, 2 * INDENT, width);
            }
            Self::Field(label, value) => {
                let hang = INDENT + labels + 2;
                let padding = " ".repeat(labels - columns(label) + 2);
                let label = printable(label);
                let lines = wrapped(value, width.saturating_sub(hang));
                for (at, line) in lines.iter().enumerate() {
                    match at {
                        0 => out.push_str(format!("{:INDENT$}{label}{padding}{line}", "").trim_end()),
                        _ => _ = write!(out, "{:hang$}{line}", ""),
                    }
                    out.push('\n');
                }
            }
            Self::Text(text) => write_wrapped(out, text, INDENT, width),
            Self::Alert(text) => {
                for line in wrapped(text, width) {
                    _ = writeln!(out, "{WARNING}{line}{WARNING:#}");
                }
            }
            Self::Table(table) => {
                for line in table.lines(width - INDENT) {
                    _ = writeln!(out, "{}", format!("{:INDENT$}{line}", "").trim_end());
                }
            }
            Self::Notice { number, code, text } => write_notice(out, *number, code, text, width),
        }
    }
}

fn write_wrapped(out: &mut String, text: &str, indent: usize, width: usize) {
    for line in wrapped(text, width.saturating_sub(indent)) {
        _ = writeln!(out, "{:indent$}{line}", "");
    }
}

fn write_notice(out: &mut String, number: usize, code: &str, text: &str, width: usize) {
    let number = format!("{number:>2}. ");
    let hang = number.len();
    let code = format!("[{}]", printable(code));
    let lines = wrapped(&format!("{text} {code}"), width.saturating_sub(hang));
    for (at, line) in lines.iter().enumerate() {
        match at {
            0 => _ = write!(out, "{WARNING}{number}{WARNING:#}"),
            _ => _ = write!(out, "{:hang$}", ""),
        }
        match line.strip_suffix(&code) {
            Some(words) if at + 1 == lines.len() => _ = writeln!(out, "{words}{WARNING}{code}{WARNING:#}"),
            _ => _ = writeln!(out, "{line}"),
        }
    }
}

fn columns(text: &str) -> usize {
    text.chars().count()
}

/// Splits a text at its spaces and line ends into lines of at most `width` characters. Longer words stay whole, and a
/// number stays with its unit.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let text = printable(text);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in words(paragraph) {
            if !line.is_empty() && columns(&line) + 1 + columns(&word) > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
        lines.push(line);
    }
    lines
}

/// Returns the words of a text. A percent sign or a unit of basis points belongs to the number before it.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let bare = word.trim_end_matches([',', ';', '.', ':', ')']);
        match words.last_mut() {
            Some(last) if matches!(bare, "%" | "bps" | "pp") => {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(page: &Page, width: usize) -> String {
        anstream::adapter::strip_str(&page.render(width)).to_string()
    }

    #[test]
    fn sections_fields_tables_and_notices_are_laid_out() {
        let mut page = Page::default();
        page.alert("RUINED at 2020-01-01");
        page.section("Data").field("Prices", "20 instruments").field("Hold-out", "from 2020-01-01 on");
        let mut table = Table::new(["", "Net"]);
        table.row(["Sharpe ratio", "0.82"]);
        page.section("Performance").table(table).text("It earned less.");
        page.notices("Warnings", [("stale", "one two three four five six 7.5 %")]);
        let expected = "\
RUINED at 2020-01-01

Data
  Prices    20 instruments
  Hold-out  from 2020-01-01 on

Performance
                 Net
  Sharpe ratio  0.82

  It earned less.

Warnings
 1. one two three four five six 7.5 %
    [stale]
";
        assert_eq!(plain(&page, 42), expected);
    }

    #[test]
    fn lines_fit_into_the_width_and_control_characters_are_escaped() {
        let mut page = Page::default();
        page.section("Data").field("Name", "a \u{1b}[31m b ".repeat(20)).text("word ".repeat(60));
        let text = plain(&page, 60);
        assert!(text.lines().all(|line| line.chars().count() <= 60 && line.trim_end() == line), "{text}");
        assert!(text.contains("\\u{1b}[31m"), "{text}");
    }
}
