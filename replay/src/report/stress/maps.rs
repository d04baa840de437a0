//! Heat maps of two settings, the others at values that the reader chooses.

use super::single;
use super::study::Study;
use crate::report::figure::{Figure, Plane, Slice, colour_limit};
use crate::report::page::Page;

const HEADING: &str = "Over the settings";
/// Title, figure, format, and the factor that gives its unit: a cell has no room for a sign of percent.
const MAPS: [(&str, &str, &str, f64); 4] = [
    ("Net Sharpe ratio", "net_sharpe", ".2f", 1.0),
    ("Net annual return, %", "net_annual_return", ".1f", 100.0),
    ("Net Calmar ratio", "net_calmar", ".2f", 1.0),
    ("Largest drawdown, net, %", "net_max_drawdown", ".1f", 100.0),
];

/// Adds the maps, or what a list or one setting has in their place.
pub(super) fn add(page: &mut Page, study: &Study) {
    let varied = study.varied();
    match (study.full, varied.as_slice()) {
        (_, []) => page.missing(HEADING, "No setting varies."),
        (false, _) => page.missing(
            HEADING,
            "The scenarios are not all combinations of their values: a map of them would have more holes than cells.",
        ),
        (true, [axis]) => {
            page.section(HEADING);
            single::add(page, study, *axis);
        }
        (true, _) => draw(page, study, &varied),
    }
}

/// The settings across and upwards: cap and cost, else those with the most levels.
fn plane(study: &Study, varied: &[usize]) -> (usize, usize) {
    if let (Some(cap), Some(cost)) = (study.cap(), study.cost()) {
        return (cap, cost);
    }
    let mut sorted = varied.to_vec();
    sorted.sort_by_key(|axis| std::cmp::Reverse(study.sweep.axes()[*axis].len()));
    (sorted[0], sorted[1])
}

fn draw(page: &mut Page, study: &Study, varied: &[usize]) {
    let (across, upwards) = plane(study, varied);
    let others: Vec<usize> =
        varied.iter().copied().filter(|axis| ![across, upwards].contains(axis)).collect();
    let sizes: Vec<usize> = others.iter().map(|axis| study.sweep.axes()[*axis].len()).collect();
    let strides: Vec<usize> = (0..sizes.len()).map(|at| sizes[at + 1..].iter().product()).collect();
    let slice_of = |row: usize| -> usize {
        others.iter().zip(&strides).map(|(axis, stride)| study.sweep.levels(row)[*axis] * stride).sum()
    };
    let first = study.base.map_or(0, |base| slice_of(base.row));
    page.section(HEADING);
    page.html(&choices(study, &others, &strides));
    page.html("<div class=\"maps\">\n");
    for (title, name, format, unit) in MAPS {
        if !study.has(name) {
            page.html(&format!("<p class=\"missing\">{title}: it is defined in no scenario.</p>\n"));
            continue;
        }
        let values: Vec<f64> = study.figure(name).iter().map(|value| unit * value).collect();
        let titled = |axis: usize| (study.title(axis), study.labels(axis));
        let limit = colour_limit(values.iter().copied());
        let plane = Plane { across: titled(across), upwards: titled(upwards), format, limit };
        let (width, height) = (plane.across.1.len(), plane.upwards.1.len());
        let place = |row: usize| (study.sweep.levels(row)[across], study.sweep.levels(row)[upwards]);
        let framed = |slice: usize| study.framed(|row| (slice_of(row) == slice).then(|| place(row)));
        let count: usize = sizes.iter().product();
        let mut slices: Vec<Slice> =
            (0..count).map(|slice| (vec![vec![f64::NAN; width]; height], framed(slice))).collect();
        for (row, value) in values.iter().enumerate() {
            let (x, y) = place(row);
            slices[slice_of(row)].0[y][x] = *value;
        }
        page.figure(title, Figure::of_heat(&plane, &slices, first));
    }
    page.html("</div>\n");
    page.html(&format!(
        "<p class=\"small\">Blue above zero, orange below, white at zero; colours end where nine in ten cells are \
         passed. {}</p>\n",
        if others.is_empty() { "" } else { "A frame is drawn where its scenario has the settings that are chosen." }
    ));
}

/// A list to choose from for each setting that has no axis.
fn choices(study: &Study, others: &[usize], strides: &[usize]) -> String {
    if others.is_empty() {
        return String::new();
    }
    let mut html = "<p class=\"choices\">".to_owned();
    for (axis, stride) in others.iter().zip(strides) {
        let at = study.base.map_or(0, |base| study.sweep.levels(base.row)[*axis]);
        let options: String = study
            .labels(*axis)
            .iter()
            .enumerate()
            .map(|(level, label)| {
                format!("<option{}>{label}</option>", if level == at { " selected" } else { "" })
            })
            .collect();
        html += &format!(
            "<label>{} <select data-stride=\"{stride}\" autocomplete=\"off\">{options}</select></label> ",
            study.title(*axis)
        );
    }
    let at = study
        .chosen()
        .into_iter()
        .filter_map(|(name, row)| row.map(|row| format!("<b>{name}</b> {}", study.spoken_of(others, row))));
    html + &format!("</p>\n<p class=\"small\">Frames: {}.</p>\n", at.collect::<Vec<_>>().join("; "))
}
