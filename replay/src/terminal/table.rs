//! Tables without borders: first column aligned left, numbers aligned right.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement};

use super::printable;

/// Spaces between two columns.
const GAP: usize = 2;
/// Width at which columns of words wrap before the table omits optional columns.
const WRAPPED: usize = 24;

/// A table of a page. Where the terminal is too narrow, it omits optional columns and wraps words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Columns of words, which are aligned to the left and may wrap.
    words: Vec<usize>,
    /// Columns that a narrow terminal omits, in this order.
    optional: Vec<usize>,
}

impl Table {
    /// Creates a table of words in the first column and numbers in the others.
    pub(crate) fn new<T: Into<String>>(header: impl IntoIterator<Item = T>) -> Self {
        let header = header.into_iter().map(Into::into).collect();
        Self { header, rows: Vec::new(), words: vec![0], optional: Vec::new() }
    }

    /// Marks further columns as words.
    pub(crate) fn words(mut self, columns: impl IntoIterator<Item = usize>) -> Self {
        self.words.extend(columns);
        self
    }

    /// Marks the first column as numbers.
    pub(crate) fn numbers(mut self) -> Self {
        self.words.retain(|column| *column > 0);
        self
    }

    /// Marks columns that a narrow terminal omits, in this order.
    pub(crate) fn optional(mut self, columns: impl IntoIterator<Item = usize>) -> Self {
        self.optional.extend(columns);
        self
    }

    /// Adds a row.
    pub(crate) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) -> &mut Self {
        self.rows.push(cells.into_iter().map(|cell| printable(&cell.into()).into_owned()).collect());
        self
    }

    /// Returns true if the table has no row.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the lines of the table in at most `width` characters, if numbers and single words fit.
    pub(super) fn lines(&self, width: usize) -> Vec<String> {
        let columns = self.shown(width);
        let cells = |row: &[String]| {
            columns.iter().map(|at| row.get(*at).cloned().unwrap_or_default()).collect::<Vec<_>>()
        };
        let mut table = comfy_table::Table::new();
        table.load_style(NOTHING);
        table.set_header(cells(&self.header));
        self.rows.iter().for_each(|row| {
            table.add_row(cells(row));
        });
        table.set_content_arrangement(ContentArrangement::Dynamic);
        // The padding of the last column is trimmed.
        table.set_width(u16::try_from(width + GAP).unwrap_or(u16::MAX));
        for (column, at) in table.column_iter_mut().zip(&columns) {
            column.set_padding((0, GAP as u16));
            if !self.words.contains(at) {
                column.set_cell_alignment(CellAlignment::Right);
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect()
    }

    /// Returns the columns that fit into `width`.
    fn shown(&self, width: usize) -> Vec<usize> {
        let mut columns: Vec<usize> = (0..self.header.len()).collect();
        let mut optional = self.optional.iter();
        let needed = |columns: &[usize]| -> usize {
            let widths = columns.iter().map(|at| match *at > 0 && self.words.contains(at) {
                true => self.content_width(*at).min(WRAPPED),
                false => self.content_width(*at),
            });
            widths.sum::<usize>() + GAP * columns.len().saturating_sub(1)
        };
        while needed(&columns) > width
            && let Some(left_out) = optional.next()
        {
            columns.retain(|column| column != left_out);
        }
        columns
    }

    fn content_width(&self, column: usize) -> usize {
        let cells = self.rows.iter().chain([&self.header]).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["", "net", "gross", "notes"]).words([3]).optional([2]);
        table.row(["Sharpe ratio", "0.82", "0.94", "one two three four five"]);
        table.row(["Return", "10.73 %", "11.41 %", ""]);
        table
    }

    #[test]
    fn columns_are_aligned_without_trailing_spaces() {
        let lines = table().lines(80);
        assert_eq!(
            lines,
            [
                "                  net    gross  notes",
                "Sharpe ratio     0.82     0.94  one two three four five",
                "Return        10.73 %  11.41 %",
            ]
        );
    }

    #[test]
    fn narrow_terminal_leaves_out_optional_columns_and_wraps_words() {
        let lines = table().lines(36);
        assert!(lines.iter().all(|line| line.chars().count() <= 36), "{lines:#?}");
        let text = lines.join("\n");
        assert!(!text.contains("gross") && text.contains("10.73 %") && lines.len() > 3, "{text}");
    }
}
