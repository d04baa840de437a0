//! `folds.parquet` and `out_of_sample.parquet`.

use std::ops::Range;
use std::path::Path;

use anyhow::Result;
use betaflow_connectors::record::{FoldRow, OutOfSampleRow, RunNames, SettingValues, TableWriter};
use betaflow_engine::time::TimestampNs;
use betaflow_engine::validation::FoldChoice;

use super::Tuning;

/// Returns the times of the first and the last frame of ranges.
pub(crate) fn ends(times: &[TimestampNs], ranges: &[Range<usize>]) -> [TimestampNs; 2] {
    let first = ranges.first().map_or(0, |range| range.start);
    let last = ranges.last().map_or(0, |range| range.end - 1);
    [times[first], times[last]]
}

/// Returns the number of frames in ranges.
pub(crate) fn frames(ranges: &[Range<usize>]) -> usize {
    ranges.iter().map(ExactSizeIterator::len).sum()
}

/// Writes both tables.
///
/// # Errors
/// A table cannot be written.
pub(crate) fn write(folder: &Path, tuning: &Tuning) -> Result<()> {
    let names = RunNames { settings: tuning.study.grid.columns(), ..RunNames::default() };
    let mut folds = TableWriter::create(folder, &names, None)?;
    for (fold, choice) in tuning.tuned.choices.iter().enumerate() {
        for block in &choice.fold.test {
            folds.push(&row(tuning, &names, fold, choice, block))?;
        }
    }
    folds.close()?;
    let Tuning { tuned, aligned, .. } = tuning;
    let mut table = TableWriter::create(folder, &RunNames::default(), None)?;
    for (at, path) in tuned.paths.iter().enumerate() {
        let frames = path.blocks.iter().zip(&path.splits);
        let frames = frames.flat_map(|(block, fold)| block.clone().map(move |frame| (frame, *fold)));
        for ((frame, fold), net_return) in frames.zip(&path.returns) {
            table.push(&OutOfSampleRow {
                path: at as u64,
                timestamp: aligned.times[frame],
                seq: aligned.first_seq + frame as u64,
                fold: fold as u64,
                scenario: tuned.choices[fold].chosen.setting as u64,
                net_return: *net_return,
                base_net_return: aligned.returns[tuning.base][frame],
                hindsight_net_return: aligned.returns[tuned.in_sample.best.setting][frame],
            })?;
        }
    }
    Ok(table.close()?)
}

fn row(tuning: &Tuning, names: &RunNames, fold: usize, choice: &FoldChoice, block: &Range<usize>) -> FoldRow {
    let Tuning { aligned, study, .. } = tuning;
    let chosen = choice.chosen.setting;
    let year = study.base.run().calendar.frames_per_year();
    let preferred = &choice.preferred;
    let sure = &preferred.certainty;
    let [train_first, train_last] = ends(&aligned.times, &choice.fold.train);
    let [test_first, test_last] = ends(&aligned.times, std::slice::from_ref(block));
    FoldRow {
        fold: fold as u64,
        train_first,
        train_last,
        train_frames: frames(&choice.fold.train) as u64,
        test_first,
        test_last,
        test_frames: block.len() as u64,
        scenario: chosen as u64,
        settings: SettingValues::new(&study.grid.values(chosen), names),
        train_score: choice.chosen.score,
        test_score: study.base.tune.objective().score(&aligned.returns[chosen][block.clone()], year),
        runner_up: sure.runner_up.as_ref().map(|next| next.setting as u64),
        runner_up_score: sure.runner_up.as_ref().map_or(f64::NAN, |next| next.score),
        certainty: sure.share,
        train_score_standard_error: sure.standard_error,
        within_one_error: sure.within_one_error as u64,
        resamples: sure.resamples as u64,
        train_turnover: preferred.turnover,
        difference: preferred.difference.value,
        difference_standard_error: preferred.difference.standard_error,
        best_scenario: preferred.best.setting as u64,
        best_train_score: preferred.best.score,
        best_train_turnover: preferred.best_turnover,
    }
}
