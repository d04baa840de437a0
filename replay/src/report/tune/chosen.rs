//! Choice of each fold with its certainty, and the recommended settings.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::{Tuning, phrase, value};
use crate::report::format::{percent_of, plain, text};
use crate::report::labels::title;
use crate::report::page::Page;
use crate::summary::{FoldSummary, FrameRange, IN_SAMPLE};

/// Adds a table with a row for each fold.
pub(super) fn add(page: &mut Page, tuning: &Tuning) {
    const HEADING: &str = "Choice of each fold";
    let choices = &tuning.summary.choices;
    let Some(first) = choices.first() else {
        return page.missing(HEADING, "summary.json has no `choices`.");
    };
    page.section(HEADING);
    let names: Vec<&String> = first.choice.settings.keys().collect();
    let titles: Vec<String> = names.iter().map(|name| title(name)).collect();
    let mut header = vec!["fold", "judged on", "trained on"];
    header.extend(titles.iter().map(String::as_str));
    header.extend([
        "score, judged",
        "score, trained",
        "best, trained, ± s.e.",
        "best again",
        "within 1 s.e.",
        "best setting",
    ]);
    let rows: Vec<Markup> = choices.iter().map(|choice| row(choice, &names)).collect();
    page.table(&header, "plain folds", &rows);
    let distinct: BTreeSet<u64> = choices.iter().map(|of| of.choice.scenario).collect();
    page.small(html! {
        "The score is the " (tuning.objective()) ". Chosen (bold): of the settings within one standard error of the best, "
        "the one with the lowest turnover. Best again: share of " (first.choice.resamples) " resamples of the training bars "
        "(in blocks of a month) in which the best setting is the best again. Within 1 s.e.: count of settings within one "
        "standard error of the best. "
        @match distinct.len() {
            1 => "All folds chose the same setting.",
            count => { "The " (choices.len()) " folds chose " (count) " different settings." },
        }
    });
}

fn row(fold: &FoldSummary, names: &[&String]) -> Markup {
    let choice = &fold.choice;
    let best = &choice.best;
    html! {
        tr {
            th scope="row" { (fold.fold) }
            td { (periods(&fold.test)) }
            td { (periods(&fold.train)) }
            @for name in names {
                td { b { @if let Some(of) = choice.settings.get(*name) { (value(name, of)) } } }
            }
            td { b { (plain(fold.test_score, 2)) } }
            td { (plain(choice.train_score, 2)) }
            td { (plain(best.train_score, 2)) " ± " (plain(choice.train_score_standard_error, 2)) }
            td { (percent_of(choice.certainty, 0)) }
            td { (choice.within_one_error) }
            td {
                @if best.scenario == choice.scenario { "as chosen" } @else { (phrase(&best.settings)) }
            }
        }
    }
}

/// Returns the first and the last date of each range.
fn periods(ranges: &[FrameRange]) -> Markup {
    html! {
        @for (at, range) in ranges.iter().enumerate() {
            @if at > 0 { br; }
            span.date { (text(range.first.as_ref())) } " to " span.date { (text(range.last.as_ref())) }
        }
    }
}

/// Adds the recommendation.
pub(super) fn add_recommended(page: &mut Page, tuning: &Tuning) {
    let chosen = &tuning.summary.in_sample.choice;
    let best = &chosen.best;
    page.section("Recommended settings");
    page.add(html! {
        p class="note warning" { b { "Note:" } " " (IN_SAMPLE) }
        p {
            "Recommended: " b { (phrase(&chosen.settings)) } ", " (tuning.objective()) " on all bars "
            (plain(chosen.train_score, 2)) ". Best: " (phrase(&best.settings)) ", " (plain(best.train_score, 2)) " ± "
            (plain(chosen.train_score_standard_error, 2)) " (s.e.); the best again in " (percent_of(chosen.certainty, 0))
            " of " (chosen.resamples) " resamples; " (chosen.within_one_error) " of " (tuning.summary.study.scenarios)
            " settings are within one standard error of it, and the recommended one has the lowest turnover of those."
            @if let Some(next) = &chosen.runner_up {
                " Next: " (phrase(&next.settings)) ", " (plain(next.train_score, 2)) "."
            }
        }
    });
}
