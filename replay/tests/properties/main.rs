//! Properties of whole runs, by random markets and random settings. Each case follows from one seed.
//!
//! A property transforms the market or the settings of a run, and states how the results follow from those of the first
//! run. The environment selects the cases: `PROPERTIES_FIRST` is the first seed, `PROPERTIES_CASES` the number of seeds, and
//! `PROPERTIES_SECONDS` a time for each property in place of a number. A failing case is made smaller, and printed with the
//! command that repeats it.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../support/mod.rs"]
mod support;

mod costs;
mod data;
mod declared;
mod driver;
mod instruments;
mod market;
mod ranges;
mod resumption;
mod run;
mod settings;
mod units;
