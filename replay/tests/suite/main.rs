//! Tests of the program in one program: each program has to be linked. Beside this folder are those that need a program of
//! their own, because they measure memory or time, or are run alone.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod benchmark;
mod borrow;
mod capture;
mod cases;
mod check;
mod check_data;
mod diff;
mod factors_command;
mod folder_size;
mod forecast_mean;
mod given_studies;
mod group_bounds;
mod help;
mod holdings;
mod holdout;
mod ledger;
mod live_forecasts;
mod luck;
mod luck_command;
mod membership;
mod modules;
mod monthly;
mod no_look_ahead;
mod offline;
mod out_of_range;
mod own_files;
mod renames;
mod report;
mod risk;
mod ruin;
mod same_digest;
mod secrets;
mod serve;
mod session;
mod sessions;
mod settings_range;
mod shards;
mod signal;
mod size;
mod state_folder;
mod stress;
mod stress_fixed;
mod stress_report;
mod terminal_output;
mod text_files;
mod trading_rules;
mod tune;
mod tune_report;
mod tutorial;
mod version;
mod world;
