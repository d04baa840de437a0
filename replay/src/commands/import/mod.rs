//! `betaflow import`: how files were understood, and the files as one Parquet file.

mod args;
mod summary;
mod text;

use anyhow::Result;
use betaflow_connectors::import::{Content, ImportOptions};
use betaflow_connectors::parquet::{Input, import_files};

use crate::host::Host;
use crate::summary::to_json;
pub(super) use args::{IMPORT, ImportArgs};
use summary::ImportSummary;

/// Reads files, shows how they were understood, and writes them to `--out`.
///
/// # Errors
/// A file is invalid, or the output cannot be written.
pub(crate) fn import(args: &ImportArgs, host: &Host) -> Result<()> {
    let inputs: Vec<Input> = args.files.iter().map(|path| Input::from(path.as_path())).collect();
    let options = ImportOptions {
        content: Content::Prices,
        time: args.time.clone(),
        symbol: args.symbol_column.clone(),
        section: args.section.clone(),
        file_symbol: args.symbol.clone(),
        date_order: args.date_order.map(Into::into),
        ..ImportOptions::default()
    };
    let report = import_files(&inputs, &options, args.out.as_deref())?;
    let out = args.out.as_ref().map(|path| path.display().to_string());
    let json = to_json(&ImportSummary::new(&report, out.clone()))?;
    host.conclude(args.json, &json, || text::page(&report, out.as_deref()), None);
    Ok(())
}
