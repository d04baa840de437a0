//! Options for reading a file.

use betaflow_engine::time::TimestampNs;

use super::dates::DateOrder;

/// Content of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// Prices: tidy or wide. Columns of text besides the symbol are left out of tidy data and refused in wide
    /// data. A file of one instrument gets its symbol from the file name.
    #[default]
    Prices,
    /// Factor returns: every column besides the time is a number.
    Factors,
    /// Any table: columns of text are kept, and a time column is not required.
    Table,
}

/// Options for reading a file.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Content of the file.
    pub content: Content,
    /// Name of the time column; `None`: `date`, `datetime`, `timestamp`, `ts` or `time`.
    pub time: Option<String>,
    /// Name of the symbol column; `None`: `symbol` or `ticker`.
    pub symbol: Option<String>,
    /// Further columns that hold numbers in every row, besides those of a bar.
    pub numbers: Vec<String>,
    /// Columns of text, whatever their first cells are.
    pub texts: Vec<String>,
    /// Section of a file with stacked sections: its title, or a part of it that no other title has.
    pub section: Option<String>,
    /// Symbol of a file of one instrument; `None`: the file name without extension.
    pub file_symbol: Option<String>,
    /// True if the path of the file already gives the symbol (`symbol=AAPL/`).
    pub symbol_in_path: bool,
    /// Order of day and month in dates such as 03/04/2020; `None`: the order that fits all dates of the file.
    pub date_order: Option<DateOrder>,
    /// Start of the hold-out: rows at or after it are left out.
    pub sealed_from: Option<TimestampNs>,
}
