//! Tests of the engine in one program: each program has to be linked. Beside this folder are those that need a program of
//! their own, because they count allocations or run on each instruction set.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

#[path = "../support/rebalance.rs"]
mod rebalance;
#[path = "../support/mod.rs"]
mod support;

mod assembly;
mod benchmark;
mod borrow;
mod calibration_figures;
mod choice;
mod columns;
mod cross_choice;
mod dated;
mod dependencies;
mod dlm;
mod edge_spread;
mod empyrical;
mod estimators;
mod execution;
mod execution_costs;
mod execution_rules;
mod factor_risk;
mod factors;
mod fixed;
mod frontier;
mod group_bounds;
mod group_sizing;
mod groups;
mod hand_ledger;
mod holdings;
mod ledger;
mod ledger_differences;
mod ledger_sums;
mod limits;
mod literature;
mod lots;
mod luck;
mod membership;
mod metric_sums;
mod month_ends;
mod parts;
mod pipeline;
mod prefer;
mod quality;
mod range;
mod rebalance_figures;
mod renames;
mod repricing;
mod retrospective;
mod risk;
mod sessions;
mod signal_analysis;
mod sizer;
mod sizing;
mod spread;
mod state;
mod strategy;
mod sweep;
mod validation;
mod volumes;
mod weight_bounds;
mod world;
