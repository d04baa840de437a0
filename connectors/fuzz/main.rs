//! Fuzz targets of the crate; `harness/mod.rs` says how they run.
#![allow(clippy::unwrap_used, missing_docs)]

mod harness;

mod captures;
mod feed_messages;
mod feed_session;
mod feed_sockets;
mod import;
mod inputs;
mod parquet_source;
mod small_tables;
mod state;
mod texts;
mod user_files;
mod venues;
