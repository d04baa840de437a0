//! Table that was made of a file of another format or order, with the places of its rows in the user's file.

use std::io;
use std::sync::Arc;

use super::chunks::{Chunks, OpenFile};
use super::input::Location;
use crate::Place;
use crate::import::{Interpretation, Table, Written};

/// Table in time order, made of a file of another format or order. It lies in memory, or in a temporary file
/// that the system removes when the program ends. Clones share it.
#[derive(Clone, Debug)]
pub struct PreparedFile(Arc<Prepared>);

#[derive(Debug)]
struct Prepared {
    name: String,
    table: Table,
    /// True if rows are lines of a text file.
    is_text: bool,
    interpretation: Interpretation,
    /// Files that were joined.
    parts: Vec<JoinedPart>,
}

/// File of a join, its columns, and its row for each row of the joined table.
#[derive(Debug)]
pub(super) struct JoinedPart {
    pub(super) location: Location,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<u64>,
}

impl PreparedFile {
    pub(super) fn new(name: String, table: Table, is_text: bool, interpretation: Interpretation) -> Self {
        Self(Arc::new(Prepared { name, table, is_text, interpretation, parts: Vec::new() }))
    }

    pub(super) fn joined(
        name: String,
        table: Table,
        interpretation: Interpretation,
        parts: Vec<JoinedPart>,
    ) -> Self {
        Self(Arc::new(Prepared { name, table, is_text: false, interpretation, parts }))
    }

    /// Name of the user's file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Facts about the file: how it was understood.
    #[must_use]
    pub fn interpretation(&self) -> &Interpretation {
        &self.0.interpretation
    }

    /// Bytes held in memory.
    pub(super) fn bytes(&self) -> usize {
        match &self.0.table.written {
            Written::Memory(bytes) => bytes.len(),
            Written::File(_) => 0,
        }
    }

    pub(super) fn chunks(&self) -> io::Result<Chunks> {
        match &self.0.table.written {
            Written::Memory(bytes) => Ok(Chunks::Bytes(bytes.clone())),
            Written::File(file) => Ok(Chunks::File(OpenFile::of_shared(Arc::clone(file))?)),
        }
    }

    /// Returns the place of a cell in the user's file.
    pub(super) fn place(&self, row: u64, column: String) -> Box<Place> {
        let Prepared { name, table, is_text, parts, .. } = &*self.0;
        let part = parts.iter().find(|part| part.columns.contains(&column)).or(parts.first());
        if let Some(part) = part {
            let row = usize::try_from(row).ok().and_then(|row| part.rows.get(row)).copied();
            return part.location.place(row.unwrap_or(0), column);
        }
        let line = table.lines.line(row).unwrap_or(row);
        let row = if *is_text { line.saturating_sub(1) } else { line };
        Box::new(Place { file: name.clone(), row, line: is_text.then_some(line), column })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use parquet::file::reader::Length as _;

    use super::super::prepare::prepare;
    use super::super::settings::Input;
    use crate::import::ImportOptions;

    #[test]
    fn table_in_memory_has_the_bytes_of_its_file() {
        for rows in [1, 500] {
            let lines: String =
                (0..rows).map(|row| format!("2020-01-01T00:00:{:02},A,{row}.5\n", row % 60)).collect();
            let text = format!("date,symbol,close\n{lines}");
            let input = Input::Bytes { name: "prices.csv".to_owned(), bytes: Bytes::from(text) };
            let Ok(Input::Prepared(file)) = prepare(&input, &ImportOptions::default()) else {
                panic!("a text table is prepared");
            };
            let length = file.chunks().map_or(0, |chunks| chunks.len());
            assert_eq!(file.bytes() as u64, length);
            assert!(length > 100, "{length}");
        }
    }
}
