//! Tests of the connectors in one program: each program has to be linked. Beside this folder are those that need a program
//! of their own, because they measure memory or time, or take many seconds.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "../support/feeds.rs"]
mod feeds;
#[allow(dead_code)]
#[path = "../mutated/pages.rs"]
mod pages;
#[path = "../support/plain_reading.rs"]
mod plain_reading;
#[path = "../../../engine/tests/support/rebalance.rs"]
mod rebalance;
#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code)]
#[path = "../mutated/thrift.rs"]
mod thrift;

mod bar_limits;
mod betas;
mod codecs;
mod errors;
mod factors;
mod feed;
mod fixed;
mod forms;
mod groups;
mod ken_french;
mod links;
mod live_bars;
mod max_sharpe;
mod memory;
mod mixture;
mod own_tables;
mod pybats;
mod record;
mod segments;
mod sizing;
mod small_table;
mod state_checks;
mod statistics;
mod stocks;
mod text_files;
mod tutorial;
mod user_files;
mod venue_edge;
mod venue_faults;
mod venue_fields;
mod venues;
mod venues_fuzz;
