//! Terminal page of an import.

use betaflow_connectors::import::{ColumnRole, Interpretation};
use betaflow_connectors::parquet::ImportReport;
use betaflow_engine::time::{Iso, TimestampNs};

use crate::terminal::{NONE, Page, counted, grouped};

/// Files that the page shows one by one, and columns of a role that it names.
const SHOWN: usize = 8;

pub(super) fn page(report: &ImportReport, out: Option<&str>) -> Page {
    let mut page = Page::default();
    for file in report.files.iter().take(SHOWN) {
        file_section(&mut page, file);
    }
    if report.files.len() > SHOWN {
        page.text(format!("And {} more files.", report.files.len() - SHOWN));
    }
    page.section("Table");
    page.field("Rows", grouped(report.rows as f64));
    if let Some(symbols) = report.symbols {
        page.field("Symbols", grouped(symbols as f64));
    }
    page.field("Period", period(report.range));
    columns(&mut page, &report.columns);
    for (count, label, what) in [
        (report.repeated, "Repeated", "the time and the symbol of an earlier row"),
        (report.unnamed, "Without symbol", "no symbol"),
    ] {
        if count > 0 {
            page.field(label, format!("{} with {what}, which a run refuses", counted(count, "row")));
        }
    }
    page.field("Written to", out.unwrap_or("no file; --out PATH writes one"));
    page
}

fn file_section(page: &mut Page, file: &Interpretation) {
    page.section(file.file.clone());
    page.field("Format", &file.format);
    if let Some(separator) = file.separator {
        let separator = if separator == '\t' { "tab".to_owned() } else { format!("`{separator}`") };
        let mark = if file.decimal_comma { ", decimal comma" } else { "" };
        page.field("Separator", format!("{separator}{mark}"));
    }
    for (at, section) in file.sections.iter().enumerate().filter(|_| file.sections.len() > 1) {
        let is_read = file.section.as_ref() == Some(&section.name);
        page.field(
            format!("Section {}", at + 1),
            format!(
                "{}: {} rows, {} to {}{}",
                section.name,
                grouped(section.rows as f64),
                section.range.0,
                section.range.1,
                if is_read { " (read)" } else { "" }
            ),
        );
    }
    if let Some((name, form)) = &file.time {
        page.field("Time", format!("`{name}`, {form}"));
    }
    if let Some(symbol) = &file.file_symbol {
        page.field("Symbol", format!("{symbol}, from the file name"));
    }
    columns(page, &file.columns);
    page.field("Rows", grouped(file.rows as f64));
    page.field("Period", period(file.range));
    let missing = match file.nulls {
        0 => "none".to_owned(),
        count => counted(count, "number"),
    };
    page.field("Missing", missing);
    if file.is_percent {
        page.field("Percent", "divided by 100");
    }
    let order = match file.unsorted {
        0 => "by time".to_owned(),
        rows => format!("sorted by time: {} rows followed a later one", grouped(rows as f64)),
    };
    page.field("Order", order);
}

fn columns(page: &mut Page, columns: &[(String, ColumnRole)]) {
    for (role, label) in
        [(ColumnRole::Text, "Text"), (ColumnRole::Number, "Numbers"), (ColumnRole::LeftOut, "Not read")]
    {
        let names: Vec<&str> =
            columns.iter().filter(|(_, known)| *known == role).map(|(name, _)| name.as_str()).collect();
        if names.is_empty() {
            continue;
        }
        let more = names.len().saturating_sub(SHOWN);
        let shown = names[..names.len() - more].join(", ");
        page.field(label, if more > 0 { format!("{shown} and {more} more") } else { shown });
    }
}

fn period(range: Option<(TimestampNs, TimestampNs)>) -> String {
    range.map_or_else(|| NONE.to_owned(), |(first, last)| format!("{} to {}", Iso(first), Iso(last)))
}
