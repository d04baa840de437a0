//! Files of Kenneth French's data library, as downloaded.
//!
//! Prose, then sections: a title or none, a header that begins with a comma, and rows that begin with
//! `YYYYMMDD`, `YYYYMM` or `YYYY`; a copyright line at the end.
//!
//! * Returns are percent and are divided by 100. A section with a title that names neither returns nor factors holds
//!   counts, sizes or ratios, which stay as they are.
//! * −99.99 and −999 are missing.
//! * A month is its last calendar day, and a year 31 December: the first time at which the whole return is
//!   known.

use std::io::Read as _;

use betaflow_engine::time::{Date, TimestampNs};

use super::contents::{Contents, OpenText};
use super::error::ImportError;
use super::interpretation::{ColumnRole, Interpretation, SectionSummary};
use super::numbers::{Cell, NumberReader};
use super::options::ImportOptions;
use super::sorter::{Column, ColumnKind, NULL, Sorter};
use super::{ImportedText, place};
use crate::DataError;
use crate::iso_time::parse_time;

/// Names of factors, as in the files and as columns.
const FACTORS: [(&str, &str); 9] = [
    ("Mkt-RF", "mkt_rf"),
    ("SMB", "smb"),
    ("HML", "hml"),
    ("RMW", "rmw"),
    ("CMA", "cma"),
    ("RF", "rf"),
    ("Mom", "mom"),
    ("WML", "mom"),
    ("UMD", "mom"),
];
/// Maximum size of a file, in bytes; the largest of the library has 60 MB.
const FILE_BYTES_MAX: u64 = 256 << 20;
const MISSING: [f64; 2] = [-99.99, -999.0];

/// Section: a header and its rows, by their positions among the lines.
struct Section<'a> {
    name: String,
    names: Vec<&'a str>,
    header: usize,
    rows: Vec<usize>,
    /// Digits of a date: 8, 6 or 4.
    digits: usize,
    is_percent: bool,
}

/// Returns whether a text is the beginning of such a file: prose above a header, or names of factors in it.
pub(super) fn is_ken_french(head: &str) -> bool {
    let lines: Vec<&str> = head.lines().collect();
    let Some(header) = (0..lines.len()).find(|at| is_header(&lines, *at)) else { return false };
    let has_prose = lines[..header].iter().any(|line| !line.trim().is_empty());
    // A first line with separators is the header of an ordinary table.
    let is_table = lines
        .first()
        .is_some_and(|line| !line.trim_start().starts_with(',') && line.matches(',').count() > 2)
        && digits_of(lines.get(1).copied().unwrap_or_default()).is_some();
    !is_table && (has_prose || lines[header].split(',').any(is_factor))
}

fn is_factor(name: &str) -> bool {
    FACTORS.iter().any(|(known, _)| name.trim().eq_ignore_ascii_case(known))
}

/// Returns whether the line at a position is the header of a section.
fn is_header(lines: &[&str], at: usize) -> bool {
    let next = || lines[at + 1..].iter().find(|line| !line.trim().is_empty());
    lines[at].trim_start().starts_with(',') && next().is_some_and(|line| digits_of(line).is_some())
}

/// Returns the number of digits of the date with which a row begins.
fn digits_of(line: &str) -> Option<usize> {
    let (date, _) = line.trim_start().split_once(',')?;
    let date = date.trim();
    (matches!(date.len(), 4 | 6 | 8) && date.bytes().all(|byte| byte.is_ascii_digit())).then_some(date.len())
}

/// Reads one section.
///
/// # Errors
/// The file has several sections and none is chosen, or a row is invalid.
pub(super) fn read(contents: &Contents, options: &ImportOptions) -> Result<ImportedText, DataError> {
    let OpenText { mut reader, packing, .. } = contents.open()?;
    let mut bytes = Vec::new();
    let read = reader.by_ref().take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| contents.read_error(packing, error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let (bytes, expected) = (FILE_BYTES_MAX, "a file of Kenneth French's data library");
        return Err(ImportError::TooLong { file: contents.name(), line: 1, bytes, expected }.into());
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let sections = sections_of(&lines);
    let summaries: Vec<SectionSummary> = sections.iter().map(|section| summary(section, &lines)).collect();
    let file = contents.name();
    let above = sections.first().map_or(0, |section| section.header);
    // A row above the first header belongs to no section.
    if let Some(at) = lines[..above]
        .iter()
        .position(|line| digits_of(line).is_some() && has_numbers(line, line.matches(',').count()))
    {
        let (line, found) = (at as u64 + 1, lines[at].trim().to_owned());
        return Err(ImportError::NoHeader { file, line, found }.into());
    }
    let section = choose(&file, &sections, &summaries, options.section.as_deref())?;
    let names: Vec<String> = section.names.iter().map(|name| column_name(name)).collect();
    let date = "date".to_owned();
    let mut columns = vec![Column { name: date.clone(), kind: ColumnKind::Time }];
    columns.extend(names.iter().map(|name| Column { name: name.clone(), kind: ColumnKind::Number }));
    if let Some((at, name)) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        let first = names.iter().position(|known| known == name).unwrap_or(0);
        return Err(DataError::DuplicateColumn { file, column: name.clone(), columns: (first + 1, at + 1) });
    }
    let mut sorter = Sorter::new(&file, columns);
    let (mut nulls, mut row) = (0, Vec::new());
    let last_line = lines.iter().rposition(|line| !line.trim().is_empty());
    for at in &section.rows {
        let (line, fields) = (*at as u64 + 1, lines[*at].split(',').collect::<Vec<_>>());
        if fields.len() != names.len() + 1 {
            let (found, expected, is_last) = (fields.len(), names.len() + 1, Some(*at) == last_line);
            return Err(ImportError::Fields { file, line, found, expected, is_last }.into());
        }
        let time = time_of(fields[0].trim(), section.digits).ok_or_else(|| ImportError::NotDate {
            place: place(&file, line, &date),
            found: fields[0].trim().to_owned(),
            form: form_of(section.digits).to_owned(),
        })?;
        if options.sealed_from.is_some_and(|seal| time >= seal.0) {
            continue;
        }
        row.clear();
        row.extend([line, time.cast_unsigned()]);
        for (field, name) in fields[1..].iter().zip(&names) {
            let cell = match NumberReader::new(b',').read(field) {
                Cell::Number(number) if MISSING.contains(&number) => None,
                Cell::Number(number) if section.is_percent => Some(share(field.trim(), number)),
                Cell::Number(number) => Some(number),
                Cell::Null => None,
                _ => {
                    let (place, found) = (place(&file, line, name), field.trim().to_owned());
                    return Err(ImportError::NotNumber { place, found }.into());
                }
            };
            nulls += u64::from(cell.is_none());
            row.push(cell.map_or(NULL, f64::to_bits));
        }
        sorter.push(&row, true)?;
    }
    let table = sorter.finish(None)?;
    let roles = names.iter().map(|name| (name.clone(), ColumnRole::Number));
    let packed = packing.map_or_else(String::new, |packing| format!(", {packing}"));
    let interpretation = Interpretation {
        format: format!("Ken French file{packed}"),
        separator: Some(','),
        time: Some((date.clone(), form_of(section.digits).to_owned())),
        columns: std::iter::once((date, ColumnRole::Time)).chain(roles).collect(),
        section: Some(section.name.clone()),
        sections: summaries,
        is_percent: section.is_percent,
        rows: table.rows,
        nulls,
        range: table.times.map(|(first, last)| (TimestampNs(first), TimestampNs(last))),
        unsorted: table.unsorted,
        file,
        ..Interpretation::default()
    };
    Ok(ImportedText { table, interpretation })
}

fn sections_of<'a>(lines: &[&'a str]) -> Vec<Section<'a>> {
    let headers: Vec<usize> = (0..lines.len()).filter(|at| is_header(lines, *at)).collect();
    let ends = headers.iter().skip(1).copied().chain([lines.len()]);
    let sections = headers.iter().zip(ends).map(|(header, end)| {
        // Every line that begins with a digit, or that has numbers behind its first field, is a row, so that a damaged one
        // is found.
        let names = lines[*header].split(',').count() - 1;
        let is_row = |at: &usize| {
            let line = lines[*at].trim_start();
            line.starts_with(|c: char| c.is_ascii_digit()) || has_numbers(line, names)
        };
        let rows: Vec<usize> = (header + 1..end).filter(is_row).collect();
        let digits = rows.first().and_then(|at| digits_of(lines[*at])).unwrap_or(8);
        let above = lines[..*header].iter().rposition(|line| line.trim().is_empty()).map_or(0, |at| at + 1);
        let title = Some(lines[above..*header].first().map_or("", |line| line.trim()));
        let title = title.filter(|title| {
            !title.is_empty() && !title.starts_with("This file") && digits_of(title).is_none()
        });
        let lower = title.unwrap_or_default().to_lowercase();
        Section {
            name: title.map_or_else(|| period_of(digits).to_owned(), str::to_owned),
            names: lines[*header].split(',').skip(1).map(str::trim).collect(),
            header: *header,
            rows,
            digits,
            is_percent: title.is_none()
                || lower.contains("return")
                || lower.contains("factor")
                || lines[*header].split(',').any(is_factor),
        }
    });
    sections.collect()
}

/// Returns whether a line has `count` fields behind its first one, all of them numbers.
fn has_numbers(line: &str, count: usize) -> bool {
    let is_number = |field: &str| matches!(NumberReader::new(b',').read(field), Cell::Number(_));
    line.split(',').count() == count + 1 && line.split(',').skip(1).all(is_number)
}

fn summary(section: &Section<'_>, lines: &[&str]) -> SectionSummary {
    let date = |at: Option<&usize>| {
        let at = at.copied().unwrap_or(section.header);
        lines[at].split(',').next().unwrap_or_default().trim().to_owned()
    };
    SectionSummary {
        name: section.name.clone(),
        rows: section.rows.len() as u64,
        range: (date(section.rows.first()), date(section.rows.last())),
        is_percent: section.is_percent,
    }
}

/// Chooses a section by its number, its name, or a part of its name.
fn choose<'a, 'b>(
    file: &str,
    sections: &'a [Section<'b>],
    summaries: &[SectionSummary],
    name: Option<&str>,
) -> Result<&'a Section<'b>, DataError> {
    let refused = |found: String| {
        let list = summaries.iter().enumerate().map(|(at, section)| {
            let SectionSummary { name, rows, range: (first, last), .. } = section;
            format!("{}: {name} ({rows} rows, {first} to {last})", at + 1)
        });
        ImportError::Section { file: file.to_owned(), found, sections: list.collect() }
    };
    let Some(name) = name else {
        return match sections {
            [section] => Ok(section),
            _ => Err(refused(format!("found {} sections", sections.len())).into()),
        };
    };
    if let Some(section) = name.parse::<usize>().ok().and_then(|at| sections.get(at.checked_sub(1)?)) {
        return Ok(section);
    }
    let exact = sections.iter().find(|section| section.name.eq_ignore_ascii_case(name.trim()));
    let lower = name.trim().to_lowercase();
    let parts: Vec<&Section<'_>> =
        sections.iter().filter(|section| section.name.to_lowercase().contains(&lower)).collect();
    match (exact, parts.as_slice()) {
        (Some(section), _) => Ok(section),
        (None, [section]) => Ok(section),
        (None, []) => Err(refused(format!("found no section {name:?}")).into()),
        (None, several) => Err(refused(format!("found {} sections like {name:?}", several.len())).into()),
    }
}

/// Returns percent as a share: the nearest number to the decimal with its point moved, which a division would
/// miss by a rounding in one of six cells.
fn share(text: &str, percent: f64) -> f64 {
    format!("{text}e-2").parse().unwrap_or(percent / 100.0)
}

fn column_name(name: &str) -> String {
    let known = FACTORS.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
    known.map_or(name, |(_, column)| column).to_owned()
}

fn period_of(digits: usize) -> &'static str {
    match digits {
        8 => "daily",
        6 => "monthly",
        _ => "annual",
    }
}

fn form_of(digits: usize) -> &'static str {
    match digits {
        8 => "YYYYMMDD",
        6 => "YYYYMM, the last day of the month",
        _ => "YYYY, the last day of the year",
    }
}

/// Returns the time at which the period of a date ends.
fn time_of(date: &str, digits: usize) -> Option<i64> {
    if date.len() != digits || !date.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let year = &date[..4];
    match digits {
        8 => parse_time(&[year, &date[4..6], &date[6..]].join("-")),
        6 => {
            let days = (28..=31_u32).rev().map(|day| format!("{year}-{}-{day}", &date[4..]));
            days.filter(|day| day.parse::<Date>().is_ok()).find_map(|day| parse_time(&day))
        }
        _ => parse_time(&format!("{year}-12-31")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn dates_are_the_ends_of_their_periods() {
        let iso = |date| parse_time(date);
        assert_eq!(time_of("19630701", 8), iso("1963-07-01"));
        assert_eq!(time_of("202402", 6), iso("2024-02-29"));
        assert_eq!(time_of("202309", 6), iso("2023-09-30"));
        assert_eq!(time_of("1927", 4), iso("1927-12-31"));
        assert_eq!((time_of("202313", 6), time_of("20240230", 8), time_of("2024", 6)), (None, None, None));
    }

    #[test]
    fn prose_above_a_header_is_recognised() {
        let daily = "This file was made, by hand.\n\n,Mkt-RF,SMB\n19630701, -0.67, 0.00\n";
        assert!(is_ken_french(daily));
        assert!(is_ken_french(",Mkt-RF,RF\n19630701, -0.67, 0.01\n"));
        assert!(!is_ken_french(",AAPL,MSFT\n20200102,1,2\n"));
        assert!(!is_ken_french("date,symbol,close,volume\n20200102,A,1,2\n,x\n20200103,A,1,2\n"));
    }
}
