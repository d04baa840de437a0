//! Heat map of two settings, with frames around the named cells.

use plotly::common::{
    ColorBar, ColorScale, ColorScaleElement, DashType, Font, HoverInfo, Line, Mode, ThicknessMode, TickMode,
};
use plotly::layout::{Axis, AxisRange, HoverMode};
use plotly::{HeatMap, Scatter, Trace};
use serde::Serialize;

use super::label::{label, labels};
use super::{Figure, axis, css, layout};

/// Most cells in which a value is readable.
const READABLE_MAX: usize = 150;
/// Orange through white to blue: apart for the colour-blind, as the months of a replay are, and pale enough for
/// black text.
const SCALE: [(f64, &str); 5] =
    [(0.0, "#dd7f2b"), (0.25, "#f0b37a"), (0.5, "#fbfbfb"), (0.75, "#a3cde8"), (1.0, "#4a98cc")];
/// Share of the cells, by the size of their values, inside the colour scale; the rest have the colour at its end.
const TOLD_APART: f64 = 0.9;
/// Inset of the frame of each kind of cell: three around one cell are all visible.
const INSETS: [f64; 3] = [0.0, 0.05, 0.1];

/// Frame colours that are visible on orange and on blue.
pub(super) const FRAMES: [[u8; 3]; 3] = [[0, 0, 0], [200, 0, 130], [0, 0, 0]];

/// Two settings with their levels, and format and limit of the values: common to all slices of a figure.
pub(in crate::report) struct Plane {
    /// Titles and levels, across and upwards.
    pub(in crate::report) across: (String, Vec<String>),
    pub(in crate::report) upwards: (String, Vec<String>),
    /// d3 format of a value.
    pub(in crate::report) format: &'static str,
    /// Colour limit over the values of all slices.
    pub(in crate::report) limit: f64,
}

/// A cell with a frame: its name in the legend, and its place, `None` where it is in another slice.
pub(in crate::report) type CellFrame = (&'static str, Option<(usize, usize)>);

/// Values of the cells, by rows from below, and the frames.
pub(in crate::report) type Slice = (Vec<Vec<f64>>, Vec<CellFrame>);

/// Cells as plotly.js draws them; the crate has no option for the text of a cell.
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

/// The value at which the colours end, on both sides of zero.
pub(in crate::report) fn colour_limit(values: impl Iterator<Item = f64>) -> f64 {
    let mut sizes: Vec<f64> = values.map(f64::abs).filter(|size| size.is_finite()).collect();
    sizes.sort_by(f64::total_cmp);
    let at = (TOLD_APART * sizes.len() as f64) as usize;
    sizes.get(at.min(sizes.len().saturating_sub(1))).copied().filter(|limit| *limit > 0.0).unwrap_or(1.0)
}

impl Figure {
    /// Heat maps of the same plane. The page draws one and offers the others: `values[upwards][across]`, NaN
    /// where undefined.
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
        let x = ticks(&plane.across.1).title(label(&plane.across.0));
        let y = ticks(&plane.upwards.1).title(label(&plane.upwards.0));
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
        let elements = SCALE.iter().map(|(at, css)| ColorScaleElement(*at, (*css).to_owned())).collect();
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
            .color_scale(ColorScale::Vector(elements))
            .color_bar(bar)
            .zmin(-self.limit)
            .zmax(self.limit)
            .zmid(0.0)
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

/// The frame of a cell; without a place only its line in the legend.
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
