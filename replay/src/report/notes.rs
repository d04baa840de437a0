//! Banners at the top of a report, and its warnings.

use betaflow_engine::warning::Problem;
use maud::html;

use super::format::counted;
use super::page::Page;
use super::prose::prose;
use crate::summary::Head;

/// Maximum warnings of a section shown at once; a click opens the others.
const SHOWN: usize = 6;

/// Adds banners about ruin, look-ahead and the environment.
pub(super) fn add_banners(page: &mut Page, head: &Head, look_ahead: Option<&String>) {
    let (ruin, _) = head.warnings.by_ruin();
    let environment = look_ahead.into_iter().chain(&head.world).map(String::as_str);
    for banner in ruin.into_iter().chain(environment) {
        page.add(html! { p.banner role="alert" { b { (prose(banner)) } } });
    }
}

/// Adds a section for the warnings of the data check, and one for all others except those in banners.
pub(super) fn add_warnings(page: &mut Page, head: &Head) {
    let list = &head.warnings;
    let (ruin, _) = list.by_ruin();
    let is_of_data = |at: usize| {
        let code = list.warning_codes.get(at).map(String::as_str);
        Problem::ALL.iter().any(|problem| code == Some(problem.name()))
    };
    let (of_data, others): (Vec<usize>, Vec<usize>) = (0..list.warnings.len())
        .filter(|at| !ruin.contains(&list.warnings[*at].as_str()))
        .partition(|at| is_of_data(*at));
    let texts = |places: &[usize]| places.iter().map(|at| list.warnings[*at].as_str()).collect::<Vec<&str>>();
    add(page, "Data-quality warnings", &texts(&of_data));
    add(page, "Warnings", &texts(&others));
}

fn add(page: &mut Page, heading: &str, warnings: &[&str]) {
    if warnings.is_empty() {
        return;
    }
    page.section(heading);
    let (shown, rest) = warnings.split_at(SHOWN.min(warnings.len()));
    for warning in shown {
        page.add(html! { p class="note warning" { (prose(warning)) } });
    }
    if !rest.is_empty() {
        page.add(html! {
            details {
                summary { (counted(rest.len() as u64, "more warning")) }
                ul { @for warning in rest { li { (prose(warning)) } } }
            }
        });
    }
}
