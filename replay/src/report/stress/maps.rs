//! Heat maps of two settings, the others at values that the reader chooses. A single setting has lines along its values.

use maud::{Markup, PreEscaped, html};

use super::cost_speed;
use super::study::Study;
use crate::report::figure::{Figure, Plane, Slice};
use crate::report::page::{Page, slug};

const HEADING: &str = "Figures by setting";
/// Title, figure, format, and the factor of its unit: a cell has no room for a percent sign.
const MAPS: [(&str, &str, &str, f64); 4] = [
    ("Net Sharpe ratio", "net_sharpe", ".2f", 1.0),
    ("Net annual return, %", "net_annual_return", ".1f", 100.0),
    ("Net Calmar ratio", "net_calmar", ".2f", 1.0),
    ("Maximum drawdown, net, %", "net_max_drawdown", ".1f", 100.0),
];
/// Lines, net and gross: title, unit, figure, format.
const LINES: [(&str, &str, &str, &str); 4] = [
    ("Sharpe ratio", "annualised", "sharpe", ".2f"),
    ("Annual return", "%", "annual_return", ".1%"),
    ("Calmar ratio", "no unit", "calmar", ".2f"),
    ("Maximum drawdown", "%", "max_drawdown", ".1%"),
];

/// Adds the maps; lines for a single setting, and a reason for a list.
pub(super) fn add(page: &mut Page, study: &Study) {
    let varied = study.varied();
    match (study.full, varied.as_slice()) {
        (_, []) => page.missing(HEADING, "No setting varies."),
        (false, _) => page.missing(
            HEADING,
            "The scenarios are not all combinations of their values: most cells of a map would be empty.",
        ),
        (true, [axis]) => {
            page.section(HEADING);
            add_lines(page, study, *axis);
        }
        (true, _) => add_maps(page, study, &varied),
    }
}

/// Returns the settings of the two axes: cap and cost, or else those with the most levels.
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
        let plane = Plane { across: titled(across), upwards: titled(upwards), format };
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
        let reading = format!(
            "One cell for each scenario, {} across and {} upwards; an even colour around a frame means that the result does not \
             depend on exact settings.",
            short(&plane.across.0),
            short(&plane.upwards.0)
        );
        page.figure(title, &reading, Figure::of_heat(&plane, &slices, first));
    }
    close_maps(page);
    let frames = match others.is_empty() {
        true => "",
        false => " A frame is drawn where its scenario has the chosen settings.",
    };
    page.small(format!(
        "Blue above zero, orange below, white at zero or at the value nearest to it; the colours of a map span the values that \
         it shows.{frames}"
    ));
    if let Some(cost) = study.cost().filter(|cost| [across, upwards].contains(cost)) {
        page.add(html! {
            p {
                (cost_speed::sentence(study, cost))
                " See " a href={ "#" (slug(cost_speed::HEADING)) } { (cost_speed::HEADING) } "."
            }
        });
    }
}

/// Returns a list of values for each setting without an axis.
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
    for (title, unit, key, format) in LINES {
        let upwards = format!("{title}, {unit}");
        let mut figure = Figure::along(study.title(axis), (&upwards, format));
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
            _ => {
                let name = short(study.title(axis));
                let reading = format!(
                    "{title} by {name}, after costs (net) and before them (gross): the gap is the cost."
                );
                page.figure(title, &reading, figure);
            }
        }
    }
    close_maps(page);
}

/// Returns a title without its unit.
fn short(title: &str) -> &str {
    title.trim_end_matches(", bps")
}

/// Opens the block in which figures are side by side.
fn open_maps(page: &mut Page) {
    page.add(PreEscaped("<div class=\"maps\">".to_owned()));
}

fn close_maps(page: &mut Page) {
    page.add(PreEscaped("</div>".to_owned()));
}
