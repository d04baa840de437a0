//! Facts that were read from a file before its numbers: format, columns, range.

use betaflow_engine::time::{Iso, TimestampNs};

/// Role of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnRole {
    /// Time of each row.
    Time,
    /// Symbol, or other text that is kept.
    Text,
    /// Numbers.
    Number,
    /// Not read.
    LeftOut,
}

impl ColumnRole {
    /// Name of the role.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Text => "text",
            Self::Number => "number",
            Self::LeftOut => "left out",
        }
    }
}

/// Section of a file with stacked sections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionSummary {
    /// Title, or a name by the form of its dates.
    pub name: String,
    /// Number of rows.
    pub rows: u64,
    /// First and last date as written.
    pub range: (String, String),
    /// True if its numbers are percent.
    pub is_percent: bool,
}

/// Facts about a file: how it was understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interpretation {
    /// Path of the file.
    pub file: String,
    /// Format, with its compression.
    pub format: String,
    /// Separator of fields of a text file.
    pub separator: Option<char>,
    /// True if numbers have a decimal comma.
    pub decimal_comma: bool,
    /// Name of the time column and form of its times.
    pub time: Option<(String, String)>,
    /// Columns by name, with their roles.
    pub columns: Vec<(String, ColumnRole)>,
    /// Symbol taken from the file name.
    pub file_symbol: Option<String>,
    /// Section that was read.
    pub section: Option<String>,
    /// All sections of the file.
    pub sections: Vec<SectionSummary>,
    /// True if numbers were divided by 100.
    pub is_percent: bool,
    /// Number of rows.
    pub rows: u64,
    /// Number of distinct symbols of tidy data.
    pub symbols: Option<u64>,
    /// Empty cells of the columns of numbers.
    pub nulls: u64,
    /// First and last time.
    pub range: Option<(TimestampNs, TimestampNs)>,
    /// Rows that preceded an earlier row; the table is sorted by time.
    pub unsorted: u64,
    /// Rows left out because other factor files have no row there.
    pub left_out: u64,
}

impl Interpretation {
    /// Returns the facts as one line, without the name of the file.
    #[must_use]
    pub fn line(&self) -> String {
        let mut parts = vec![self.format.clone()];
        if let Some(separator) = self.separator.filter(|separator| *separator != ',') {
            parts.push(format!("separator {}", separator_name(separator)));
        }
        if self.decimal_comma {
            parts.push("decimal comma".to_owned());
        }
        parts.extend(self.section.as_ref().map(|section| format!("section {section:?}")));
        if let Some((name, form)) = &self.time {
            parts.push(format!("time `{name}` as {form}"));
        }
        parts.extend(self.file_symbol.as_ref().map(|symbol| format!("symbol {symbol} from the file name")));
        if self.is_percent {
            parts.push("percent divided by 100".to_owned());
        }
        let out = self.columns.iter().filter(|(_, role)| *role == ColumnRole::LeftOut);
        let out: Vec<String> = out.map(|(name, _)| format!("`{name}`")).collect();
        if !out.is_empty() {
            parts.push(format!("not read: {}", out.join(", ")));
        }
        let range = self.range.map(|(first, last)| format!(", {} to {}", Iso(first), Iso(last)));
        parts.push(format!("{} rows{}", self.rows, range.unwrap_or_default()));
        if self.unsorted > 0 {
            parts.push(format!("sorted by time ({} rows followed a later one)", self.unsorted));
        }
        if self.left_out > 0 {
            parts.push(format!("{} rows left out that not all factor files have", self.left_out));
        }
        parts.join("; ")
    }
}

fn separator_name(separator: char) -> String {
    match separator {
        '\t' => "tab".to_owned(),
        other => format!("`{other}`"),
    }
}
