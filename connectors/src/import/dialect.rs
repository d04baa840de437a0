//! Separator and header of a text table.

/// Separators of fields; the most frequent one of the header counts.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Returns the separator of a header line.
pub(super) fn separator_of(header: &[u8]) -> u8 {
    let mut counts = [0_usize; 4];
    let mut is_quoted = false;
    for byte in header {
        match SEPARATORS.iter().position(|separator| separator == byte) {
            Some(at) if !is_quoted => counts[at] += 1,
            _ => is_quoted ^= *byte == b'"',
        }
    }
    let most = (0..SEPARATORS.len()).rev().max_by_key(|at| counts[*at]).unwrap_or(0);
    SEPARATORS[most]
}

/// Returns the first line that is not blank.
pub(super) fn first_line(text: &[u8]) -> &[u8] {
    let mut lines = text.split(|byte| *byte == b'\n' || *byte == b'\r');
    lines.find(|line| !line.trim_ascii().is_empty()).unwrap_or_default()
}

/// Column names of the two header lines that `yfinance` writes: fields, then symbols, or the reverse.
///
/// The names are those of two column levels in pandas, `('Close', 'AAPL')`; `time` is the first cell of a
/// third line, the name of the index.
pub(super) fn two_level_names(first: &[String], second: &[String], time: &str) -> Option<Vec<String>> {
    let begins =
        |a: &str, b: &str| first.first().is_some_and(|c| c == a) && second.first().is_some_and(|c| c == b);
    if first.len() != second.len() || !(begins("Price", "Ticker") || begins("Ticker", "Price")) {
        return None;
    }
    let pairs = first.iter().zip(second).skip(1).map(|(first, second)| format!("('{first}', '{second}')"));
    Some(std::iter::once(time.to_owned()).chain(pairs).collect())
}
