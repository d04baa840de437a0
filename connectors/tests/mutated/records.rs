//! Records and cells of CSV by RFC 4180, written for the tests alone.
// Each test program uses a part of this module.
#![allow(dead_code)]

/// Splits a text into records. A quotation mark begins and ends a field, or is doubled inside one; inside a field without
/// them it is a character.
pub(crate) fn records(text: &str, separator: char) -> Result<Vec<Vec<String>>, String> {
    let (mut records, mut record, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut chars = text.chars().peekable();
    let mut begins = true;
    loop {
        let next = chars.next();
        match next {
            Some('"') if begins => {
                loop {
                    match chars.next() {
                        None => return Err("open quotation mark".to_owned()),
                        Some('"') if chars.peek() == Some(&'"') => field.push(chars.next().unwrap_or('"')),
                        Some('"') => break,
                        Some(c) => field.push(c),
                    }
                }
                while separator != ' ' && chars.peek() == Some(&' ') {
                    chars.next();
                }
                if !matches!(chars.peek(), None | Some('\n' | '\r')) && chars.peek() != Some(&separator) {
                    return Err("text after a quotation mark".to_owned());
                }
                begins = false;
            }
            Some(c) if c == separator => {
                record.push(std::mem::take(&mut field));
                begins = true;
            }
            Some('\r') if chars.peek() != Some(&'\n') => {
                return Err("carriage return without line feed".to_owned());
            }
            Some('\r') => {}
            Some('\n') | None => {
                // A blank line separates nothing.
                if !record.is_empty() || !field.is_empty() || !begins {
                    record.push(std::mem::take(&mut field));
                    records.push(std::mem::take(&mut record));
                }
                begins = true;
                if next.is_none() {
                    return Ok(records);
                }
            }
            Some(c) => {
                field.push(c);
                begins = false;
            }
        }
    }
}

/// Returns whether a cell holds no value.
pub(crate) fn is_null(text: &str) -> bool {
    let words = ["", "na", "n/a", "#n/a", "nan", "null", "none"];
    words.contains(&text.to_lowercase().as_str())
}

/// Number of a cell, `Some(None)` without a value; `None` if it is not a number.
pub(crate) fn number(text: &str) -> Option<Option<f64>> {
    match is_null(text) {
        true => Some(None),
        false => text.parse().ok().map(Some),
    }
}
