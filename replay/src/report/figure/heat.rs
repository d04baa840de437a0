//! Heat map of two settings, with frames around the named cells.

use plotly::common::{
    ColorBar, ColorScale, ColorScaleElement, DashType, Font, HoverInfo, Line, Mode, ThicknessMode, TickMode,
};
use plotly::layout::{Axis, AxisRange, HoverMode};
use plotly::{HeatMap, Scatter, Trace};
use serde::Serialize;

use super::label::{label, labels};
use super::{Figure, axis, axis_title, css, layout};

/// Maximum cells with readable values.
const READABLE_MAX: usize = 150;
/// Colours below zero, from the lowest value to zero. Orange and blue are distinct for the colour-blind, and both are pale
/// enough for black text.
const BELOW: [&str; 2] = ["#dd7f2b", "#f0b37a"];
/// Colour of zero.
const ZERO: &str = "#fbfbfb";
/// Colours above zero, from zero to the highest value.
const ABOVE: [&str; 2] = ["#a3cde8", "#4a98cc"];
/// Inset of the frame of each kind of cell, so that three frames of one cell are all visible.
const INSETS: [f64; 3] = [0.0, 0.05, 0.1];

/// Frame colours that are visible on orange and on blue.
pub(super) const FRAMES: [[u8; 3]; 3] = [[0, 0, 0], [200, 0, 130], [0, 0, 0]];

/// Two settings with their levels, and the format of the values: common to all slices of a figure.
pub(in crate::report) struct Plane {
    /// Titles and levels, across and upwards.
    pub(in crate::report) across: (String, Vec<String>),
    pub(in crate::report) upwards: (String, Vec<String>),
    /// Format of a value, in the notation of d3.
    pub(in crate::report) format: &'static str,
}

/// A cell with a frame: its name in the legend, and its place; `None` if it is in another slice.
pub(in crate::report) type CellFrame = (&'static str, Option<(usize, usize)>);

/// Values of the cells, by rows from below, and the frames.
pub(in crate::report) type Slice = (Vec<Vec<f64>>, Vec<CellFrame>);

/// Heat map of plotly.js with text in its cells, for which the crate `plotly` has no option.
#[derive(Clone, Serialize)]
struct Cells {
    #[serde(flatten)]
    map: HeatMap<usize, usize, Vec<Option<f64>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    texttemplate: Option<String>,
    textfont: Font,
}

impl Trace for Cells {
    fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Returns the limits of the colour scale: the lowest and the highest value, or two numbers around a single value.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = values.filter(|value| value.is_finite());
    let (low, high) = finite
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (value.min(low), value.max(high)));
    match (low < high, low.is_finite()) {
        (true, _) => (low, high),
        (false, true) => (low - 0.5 * low.abs().max(1e-9), low + 0.5 * low.abs().max(1e-9)),
        (false, false) => (0.0, 1.0),
    }
}

/// Returns the colours of a scale from `low` to `high`: zero is white if it lies between them.
fn colours(low: f64, high: f64) -> Vec<ColorScaleElement> {
    // Place of zero on the scale, from 0 to 1.
    let zero = ((0.0 - low) / (high - low)).clamp(0.0, 1.0);
    let mut scale: Vec<(f64, &str)> = Vec::new();
    if zero > 0.0 {
        scale.extend([(0.0, BELOW[0]), (0.5 * zero, BELOW[1])]);
    }
    scale.push((zero, ZERO));
    if zero < 1.0 {
        scale.extend([(0.5 * (zero + 1.0), ABOVE[0]), (1.0, ABOVE[1])]);
    }
    scale.into_iter().map(|(at, colour)| ColorScaleElement(at, colour.to_owned())).collect()
}

impl Figure {
    /// Heat maps of the same plane, `values[upwards][across]`; NaN is an empty cell. The page draws one and offers the
    /// others.
    pub(in crate::report) fn of_heat(plane: &Plane, slices: &[Slice], first: usize) -> Self {
        let ticks = |levels: &[String]| -> Axis {
            let middle = levels.len() as f64 - 0.5;
            axis()
                .tick_mode(TickMode::Array)
                .tick_values((0..levels.len()).map(|at| at as f64).collect())
                .tick_text(labels(levels))
                .range(AxisRange::new(-0.5, middle))
                .show_grid(false)
                .zero_line(false)
        };
        let x = ticks(&plane.across.1).title(axis_title(&plane.across.0));
        let y = ticks(&plane.upwards.1).title(axis_title(&plane.upwards.0));
        let layout = layout(x, y).hover_mode(HoverMode::Closest).legend(super::legend(-0.24));
        let mut figure = Self { tall: true, ..Self::of(layout) };
        figure.slices = slices.iter().map(|(values, framed)| plane.traces(values, framed)).collect();
        figure.slice = first;
        figure
    }
}

impl Plane {
    fn traces(&self, values: &[Vec<f64>], framed: &[CellFrame]) -> plotly::Traces {
        let digits = |value: &f64| value.is_finite().then(|| (value * 1e5).round() / 1e5);
        let rows: Vec<Vec<Option<f64>>> = values.iter().map(|row| row.iter().map(digits).collect()).collect();
        let (low, high) = range(values.iter().flatten().copied());
        let bar = ColorBar::new()
            .thickness_mode(ThicknessMode::Pixels)
            .thickness(10)
            .outline_width(0)
            .tick_format(self.format);
        let (across, upwards) = (&self.across, &self.upwards);
        let hover = format!(
            "{} %{{x}}<br>{} %{{y}}<br><b>%{{z:{}}}</b><extra></extra>",
            label(&across.0),
            label(&upwards.0),
            self.format
        );
        let map = HeatMap::new((0..across.1.len()).collect(), (0..upwards.1.len()).collect(), rows)
            .color_scale(ColorScale::Vector(colours(low, high)))
            .color_bar(bar)
            .zmin(low)
            .zmax(high)
            .x_gap(1)
            .y_gap(1)
            .hover_on_gaps(false)
            .hover_template(hover);
        let readable = across.1.len() * upwards.1.len() <= READABLE_MAX;
        let texttemplate = readable.then(|| format!("%{{z:{}}}", self.format));
        let mut traces = plotly::Traces::new();
        traces.push(Box::new(Cells { map: *map, texttemplate, textfont: Font::new().color("#111") }));
        for (kind, (name, place)) in framed.iter().enumerate() {
            traces.push(frame(kind, name, *place));
        }
        traces
    }
}

/// Returns the frame of a cell; without a place, only its entry in the legend.
fn frame(kind: usize, name: &str, place: Option<(usize, usize)>) -> Box<dyn Trace> {
    let rgb = FRAMES[kind % FRAMES.len()];
    let dash = [DashType::Solid, DashType::Solid, DashType::Dash][kind % 3].clone();
    let half = 0.5 - INSETS[kind % INSETS.len()];
    let around = |(x, y): (usize, usize)| -> (Vec<Option<f64>>, Vec<Option<f64>>) {
        let (x, y) = (x as f64, y as f64);
        let corners = [(-half, -half), (half, -half), (half, half), (-half, half), (-half, -half)];
        corners.iter().map(|(right, up)| (Some(x + right), Some(y + up))).unzip()
    };
    let (x, y) = place.map_or_else(|| (vec![None], vec![None]), around);
    Scatter::new(x, y)
        .mode(Mode::Lines)
        .name(name)
        .line(Line::new().color(css(rgb, 1.0)).width(2.6).dash(dash))
        .hover_info(HoverInfo::Skip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(low: f64, high: f64) -> Vec<(f64, String)> {
        colours(low, high).into_iter().map(|ColorScaleElement(at, colour)| (at, colour)).collect()
    }

    #[test]
    fn colour_scale_spans_the_values_and_zero_is_white() {
        assert_eq!(range([0.4, f64::NAN, 0.9, 0.5].into_iter()), (0.4, 0.9));
        assert_eq!(range([f64::NAN].into_iter()), (0.0, 1.0));
        assert_eq!(range([2.0, 2.0].into_iter()), (1.0, 3.0));
        let places = |low, high| scale(low, high).iter().map(|(at, _)| *at).collect::<Vec<f64>>();
        assert_eq!(places(-1.0, 3.0), [0.0, 0.125, 0.25, 0.625, 1.0]);
        assert_eq!(scale(-1.0, 3.0)[2].1, ZERO);
        assert_eq!((places(0.4, 0.9), &scale(0.4, 0.9)[0].1[..]), (vec![0.0, 0.5, 1.0], ZERO));
        assert_eq!((places(-0.9, -0.4), &scale(-0.9, -0.4)[2].1[..]), (vec![0.0, 0.5, 1.0], ZERO));
    }
}
