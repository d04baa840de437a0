//! Numbers in the cells of a text file.

/// Words for a missing number, in lower case.
const NULL_WORDS: [&str; 6] = ["na", "n/a", "#n/a", "nan", "null", "none"];

/// Content of a cell in a column of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell {
    /// Missing.
    Null,
    /// Number.
    Number(f64),
    /// Digits with a thousands separator.
    Thousands,
    /// Number with another decimal mark than the rows before.
    OtherMark(char),
    /// Other text.
    Text,
}

/// Reader of numbers, with the decimal mark of the file once one is found.
#[derive(Clone, Copy, Debug)]
pub(super) struct NumberReader {
    /// True if a decimal comma may occur.
    may_have_comma: bool,
    pub(super) mark: Option<char>,
}

impl NumberReader {
    /// Returns a reader for a file with this separator of fields.
    pub(super) fn new(separator: u8) -> Self {
        Self { may_have_comma: separator != b',', mark: None }
    }

    /// Reads a cell.
    pub(super) fn read(&mut self, cell: &str) -> Cell {
        let text = cell.trim();
        if is_null(text) {
            return Cell::Null;
        }
        let comma = text.bytes().filter(|byte| *byte == b',').count();
        let point = text.bytes().filter(|byte| *byte == b'.').count();
        if comma == 0 {
            // `_` in a number is refused by the parser; Rust accepts `inf` and `1e5` as most programs do.
            let Ok(number) = text.parse::<f64>() else { return other(text) };
            return match self.mark {
                Some(mark) if point == 1 && mark != '.' => Cell::OtherMark('.'),
                _ => {
                    if point == 1 {
                        self.mark = Some('.');
                    }
                    Cell::Number(number)
                }
            };
        }
        if !self.may_have_comma || point > 0 || comma > 1 {
            return other(text);
        }
        let Ok(number) = text.replace(',', ".").parse::<f64>() else { return Cell::Text };
        match self.mark {
            Some(mark) if mark != ',' => Cell::OtherMark(','),
            _ => {
                self.mark = Some(',');
                Cell::Number(number)
            }
        }
    }
}

/// Returns whether a trimmed cell holds no value.
pub(super) fn is_null(text: &str) -> bool {
    text.is_empty() || text.len() <= 4 && NULL_WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Distinguishes a number with thousands separators from other text.
fn other(text: &str) -> Cell {
    let is_mark = |c: char| [',', '.', '\'', '’', '_', ' ', '\u{a0}', '\u{202f}'].contains(&c);
    let digits = text.trim_start_matches(['-', '+']);
    let all = digits.chars().all(|c| c.is_ascii_digit() || is_mark(c));
    let begins = digits.starts_with(|c: char| c.is_ascii_digit());
    // Every part after the first mark has three digits, except decimals at the end.
    let mut parts = digits.split(is_mark).skip(1);
    if all && begins && parts.next().is_some_and(|part| part.len() == 3) {
        Cell::Thousands
    } else {
        Cell::Text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_numbers_nulls_or_refused() {
        let cases = [
            ("1.5", Cell::Number(1.5)),
            (" -2 ", Cell::Number(-2.0)),
            ("1e-3", Cell::Number(0.001)),
            ("+7", Cell::Number(7.0)),
            ("", Cell::Null),
            ("NA", Cell::Null),
            ("NaN", Cell::Null),
            ("null", Cell::Null),
            ("#N/A", Cell::Null),
            ("1,234.5", Cell::Thousands),
            ("1,234", Cell::Thousands),
            ("-12,345,678", Cell::Thousands),
            ("1 234.5", Cell::Thousands),
            ("1'234", Cell::Thousands),
            ("1.234.567", Cell::Thousands),
            ("1,5", Cell::Text),
            ("abc", Cell::Text),
            ("$5", Cell::Text),
            ("5%", Cell::Text),
            ("--", Cell::Text),
        ];
        for (text, expected) in cases {
            assert_eq!(NumberReader::new(b',').read(text), expected, "{text}");
        }
        let mut comma = NumberReader::new(b';');
        assert_eq!(comma.read("7"), Cell::Number(7.0));
        assert_eq!(comma.read("1,5"), Cell::Number(1.5));
        assert_eq!(comma.read("1.5"), Cell::OtherMark('.'));
        assert_eq!(comma.read("1.234,5"), Cell::Thousands);
        let mut point = NumberReader::new(b';');
        assert_eq!(point.read("1.5"), Cell::Number(1.5));
        assert_eq!(point.read("1,5"), Cell::OtherMark(','));
    }
}
