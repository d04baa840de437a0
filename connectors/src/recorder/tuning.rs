//! What a tuning chose and what came of it: `folds.parquet`, `out_of_sample.parquet`.

use std::path::Path;

use betaflow_engine::time::TimestampNs;

use super::scenario_table::SettingValue;
use super::table::{Kind, Table, TableError};

const BEFORE: [(&str, Kind); 8] = [
    ("fold", Kind::Integer),
    ("train_first", Kind::Time),
    ("train_last", Kind::Time),
    ("train_frames", Kind::Integer),
    ("test_first", Kind::Time),
    ("test_last", Kind::Time),
    ("test_frames", Kind::Integer),
    ("scenario", Kind::Integer),
];
const AFTER: [(&str, Kind); 14] = [
    ("train_score", Kind::Number),
    ("test_score", Kind::Number),
    ("runner_up", Kind::Integer),
    ("runner_up_score", Kind::Number),
    ("certainty", Kind::Number),
    ("train_score_standard_error", Kind::Number),
    ("within_one_error", Kind::Integer),
    ("resamples", Kind::Integer),
    ("train_turnover", Kind::Number),
    ("difference", Kind::Number),
    ("difference_standard_error", Kind::Number),
    ("best_scenario", Kind::Integer),
    ("best_train_score", Kind::Number),
    ("best_train_turnover", Kind::Number),
];

/// A block that was tested.
#[derive(Clone, Debug, PartialEq)]
pub struct FoldRow {
    /// Counts the folds from 0; a fold of several blocks has a row for each.
    pub fold: u64,
    /// Time of the first and of the last training frame; blocks between them may have been left out.
    pub train: [TimestampNs; 2],
    /// Training frames.
    pub train_frames: u64,
    /// Time of the block's first and last frame.
    pub test: [TimestampNs; 2],
    /// Its frames.
    pub test_frames: u64,
    /// The chosen scenario.
    pub scenario: u64,
    /// Its settings, one for each column; none where the scenario leaves it as it is.
    pub settings: Vec<Option<SettingValue>>,
    /// Its score on the training frames; NaN where it has none, as all numbers here.
    pub train_score: f64,
    /// Its score on the block.
    pub test_score: f64,
    /// The second best scenario by the training frames, and its score.
    pub runner_up: Option<(u64, f64)>,
    /// Share of the resamples in which the best scenario by the training frames is the best.
    pub certainty: f64,
    /// Standard error of its score on the training frames.
    pub standard_error: f64,
    /// Scenarios within one standard error of it, itself included.
    pub within_one_error: u64,
    /// Resamples made.
    pub resamples: u64,
    /// Mean turnover of a training frame of the chosen scenario.
    pub turnover: f64,
    /// Training score of the best scenario less that of the chosen one.
    pub difference: f64,
    /// Standard error of that difference.
    pub difference_standard_error: f64,
    /// The best scenario by the training frames, its score, and its mean turnover of a frame.
    pub best: (u64, f64, f64),
}

/// `folds.parquet` under construction.
pub struct FoldsTable {
    table: Table,
    numbers: Vec<bool>,
}

impl FoldsTable {
    /// `settings`: the dotted name of each setting that varies, and whether all its values are numbers.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(folder: &Path, settings: &[(String, bool)]) -> Result<Self, TableError> {
        let kind = |number: bool| if number { Kind::Number } else { Kind::OptionalText };
        let own = settings.iter().map(|(name, number)| (name.as_str(), kind(*number)));
        let columns: Vec<_> = BEFORE.into_iter().chain(own).chain(AFTER).collect();
        let table = Table::create(folder, "folds.parquet", &columns, None)?;
        Ok(Self { table, numbers: settings.iter().map(|(_, number)| *number).collect() })
    }

    /// The next block.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn push(&mut self, row: &FoldRow) -> Result<(), TableError> {
        let table = &mut self.table;
        table.integer(Some(row.fold));
        for (range, frames) in [(row.train, row.train_frames), (row.test, row.test_frames)] {
            range.into_iter().for_each(|time| table.time(time));
            table.integer(Some(frames));
        }
        table.integer(Some(row.scenario));
        for (value, number) in row.settings.iter().zip(&self.numbers) {
            table.setting(value.as_ref(), *number);
        }
        table.number(row.train_score);
        table.number(row.test_score);
        table.integer(row.runner_up.map(|(scenario, _)| scenario));
        table.number(row.runner_up.map_or(f64::NAN, |(_, score)| score));
        table.number(row.certainty);
        table.number(row.standard_error);
        table.integer(Some(row.within_one_error));
        table.integer(Some(row.resamples));
        [row.turnover, row.difference, row.difference_standard_error]
            .into_iter()
            .for_each(|number| table.number(number));
        let (best, score, turnover) = row.best;
        table.integer(Some(best));
        [score, turnover].into_iter().for_each(|number| table.number(number));
        table.end_row()
    }

    /// Writes what is left and the footer.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn close(self) -> Result<(), TableError> {
        self.table.close()
    }
}

/// A frame of an out-of-sample result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutOfSampleRow {
    /// Counts the paths from 0; there is one but for combinatorial folds.
    pub path: u64,
    /// Time of the frame.
    pub timestamp: TimestampNs,
    /// Its number.
    pub seq: u64,
    /// The fold whose choice is judged by it.
    pub fold: u64,
    /// That choice.
    pub scenario: u64,
    /// What it earned, after costs.
    pub net_return: f64,
    /// What the configuration as it is earned.
    pub base_net_return: f64,
    /// What the best setting in hindsight earned.
    pub hindsight_net_return: f64,
}

/// `out_of_sample.parquet` under construction.
pub struct OutOfSampleTable(Table);

impl OutOfSampleTable {
    /// In a run folder.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(folder: &Path) -> Result<Self, TableError> {
        let columns = [
            ("path", Kind::Integer),
            ("timestamp", Kind::Time),
            ("seq", Kind::Integer),
            ("fold", Kind::Integer),
            ("scenario", Kind::Integer),
            ("net_return", Kind::Number),
            ("base_net_return", Kind::Number),
            ("hindsight_net_return", Kind::Number),
        ];
        Ok(Self(Table::create(folder, "out_of_sample.parquet", &columns, None)?))
    }

    /// The next frame.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn push(&mut self, row: &OutOfSampleRow) -> Result<(), TableError> {
        let table = &mut self.0;
        table.integer(Some(row.path));
        table.time(row.timestamp);
        table.integer(Some(row.seq));
        table.integer(Some(row.fold));
        table.integer(Some(row.scenario));
        table.number(row.net_return);
        table.number(row.base_net_return);
        table.number(row.hindsight_net_return);
        table.end_row()
    }

    /// Writes what is left and the footer.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn close(self) -> Result<(), TableError> {
        self.0.close()
    }
}
