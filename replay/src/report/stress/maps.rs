//! Heat maps of two settings, the others at values that the reader chooses; of one setting, lines along its values.

use maud::{Markup, PreEscaped, html};

use super::study::Study;
use crate::report::figure::{Figure, Plane, Slice, colour_limit};
use crate::report::page::Page;

const HEADING: &str = "Over the settings";
/// Title, figure, format, and the factor that gives its unit: a cell has no room for a percent sign.
const MAPS: [(&str, &str, &str, f64); 4] = [
    ("Net Sharpe ratio", "net_sharpe", ".2f", 1.0),
    ("Net annual return, %", "net_annual_return", ".1f", 100.0),
    ("Net Calmar ratio", "net_calmar", ".2f", 1.0),
    ("Maximum drawdown, net, %", "net_max_drawdown", ".1f", 100.0),
];
/// Lines, net and gross: title, figure, format.
const LINES: [(&str, &str, &str); 4] = [
    ("Sharpe ratio", "sharpe", ".2f"),
    ("Annual return", "annual_return", ".1%"),
    ("Calmar ratio", "calmar", ".2f"),
    ("Maximum drawdown", "max_drawdown", ".1%"),
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
            add_lines(page, study, *axis);
        }
        (true, _) => add_maps(page, study, &varied),
    }
}

/// Returns the settings across and upwards: cap and cost, else those with the most levels.
fn plane(study: &Study, varied: &[usize]) -> (usize, usize) {
    if let (Some(cap), Some(cost)) = (study.cap(), study.cost()) {
        return (cap, cost);
    }
    let mut sorted = varied.to_vec();
    sorted.sort_by_key(|axis| std::cmp::Reverse(study.sweep.axes()[*axis].len()));
    (sorted[0], sorted[1])
}

fn add_maps(page: &mut Page, study: &Study, varied: &[usize]) {
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
    if !others.is_empty() {
        page.add(choices(study, &others, &strides));
    }
    open_maps(page);
    for (title, name, format, unit) in MAPS {
        if !study.has(name) {
            page.absent(&format!("{title}: defined in no scenario."));
            continue;
        }
        let values: Vec<f64> = study.figure(name).iter().map(|value| unit * value).collect();
        let titled = |axis: usize| (study.title(axis).to_owned(), study.labels(axis).to_vec());
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
    close_maps(page);
    let frames = match others.is_empty() {
        true => "",
        false => " A frame is drawn where its scenario has the chosen settings.",
    };
    page.small(format!(
        "Blue above zero, orange below, white at zero; the colour scale ends at the 90th percentile of the cells.{frames}"
    ));
}

/// Returns a list to choose from for each setting without an axis.
fn choices(study: &Study, others: &[usize], strides: &[usize]) -> Markup {
    let level = |axis: usize| study.base.map_or(0, |base| study.sweep.levels(base.row)[axis]);
    let named = study.chosen().into_iter().filter_map(|(name, row)| Some((name, row?)));
    html! {
        p.choices {
            @for (axis, stride) in others.iter().zip(strides) {
                label {
                    (study.title(*axis)) " "
                    select data-stride=(stride) autocomplete="off" {
                        @for (at, label) in study.labels(*axis).iter().enumerate() {
                            option selected[at == level(*axis)] { (label) }
                        }
                    }
                }
                " "
            }
        }
        p.small {
            "Frames: "
            @for (at, (name, row)) in named.enumerate() {
                @if at > 0 { "; " }
                b { (name) } " " (study.spoken_of(others, row))
            }
            "."
        }
    }
}

/// Adds a figure with a net and a gross line for each of [`LINES`].
fn add_lines(page: &mut Page, study: &Study, axis: usize) {
    open_maps(page);
    for (title, key, format) in LINES {
        let mut figure = Figure::along(study.title(axis), format);
        let mut lines = 0;
        for side in ["net", "gross"] {
            let name = format!("{side}_{key}");
            if study.has(&name) {
                let values = study.along(&study.figure(&name), axis, 0);
                figure.level_line(lines, side, study.labels(axis), &values, (format, ""));
                lines += 1;
            }
        }
        match lines {
            0 => page.absent(&format!("{title}: defined in no scenario.")),
            _ => page.figure(title, figure),
        }
    }
    close_maps(page);
}

/// Opens the block in which figures stand side by side.
fn open_maps(page: &mut Page) {
    page.add(PreEscaped("<div class=\"maps\">".to_owned()));
}

fn close_maps(page: &mut Page) {
    page.add(PreEscaped("</div>".to_owned()));
}
