//! The figures, in colours that most colour-blind people can tell apart.

mod bands;
mod bars;
mod heat;
mod label;
mod lines;
mod points;

use plotly::common::{Anchor, DashType, Label, Marker, MarkerSymbol, Mode, Orientation};
use plotly::layout::{Axis, AxisRange, AxisType, HoverMode, Legend, Margin, Shape, ShapeLine, ShapeType};
use plotly::{Layout, Scatter, Traces};
use serde::Serialize;

use label::labels;

pub(super) use bands::Path;
pub(super) use bars::Bars;
pub(super) use heat::{CellFrame, Plane, Slice, colour_limit};
pub(super) use lines::{LineStyle, PaneLine, Panes};
pub(super) use points::{PointStyle, Points, SwingBar};

/// The palette of Okabe and Ito (2008), but for the yellow, which is too pale for a line on white.
const PALETTE: [[u8; 3]; 7] =
    [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [0, 0, 0], [86, 180, 233], [230, 159, 0]];
const GRID: &str = "#e4e4e4";
const MARGIN: [usize; 4] = [48, 10, 30, 30];

/// The look of the n-th of several lines: after all colours come dashes.
fn colour(at: usize) -> [u8; 3] {
    PALETTE[at % PALETTE.len()]
}

fn dash(at: usize) -> DashType {
    match at / PALETTE.len() {
        0 => DashType::Solid,
        1 => DashType::Dash,
        _ => DashType::Dot,
    }
}

fn css([red, green, blue]: [u8; 3], alpha: f64) -> String {
    format!("rgba({red},{green},{blue},{alpha})")
}

/// Figure of plotly.js.
#[derive(Serialize)]
pub(super) struct Figure {
    data: Traces,
    layout: Layout,
    /// True if its horizontal axis is the page's times: its traces then have no x, and it zooms with the others.
    timed: bool,
    /// True if its legend follows those of the other linked figures, which show the same instruments.
    linked: bool,
    /// True if its (upper) vertical axis may be logarithmic.
    log: bool,
    /// True if it is taller than the others.
    tall: bool,
    /// Sets of traces instead of `data`; the page draws one set at a time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    slices: Vec<Traces>,
    /// The set that is drawn first.
    slice: usize,
}

impl Figure {
    fn of(layout: Layout) -> Self {
        let data = Traces::new();
        Self {
            data,
            layout,
            timed: false,
            linked: false,
            log: false,
            tall: false,
            slices: Vec::new(),
            slice: 0,
        }
    }

    /// Returns whether it is taller than others.
    pub(super) fn is_tall(&self) -> bool {
        self.tall
    }

    /// Returns whether its vertical axis may be logarithmic.
    pub(super) fn may_be_logarithmic(&self) -> bool {
        self.log
    }

    /// A figure over the page's times.
    pub(super) fn over_time(range: Option<[f64; 2]>) -> Self {
        let x = axis().type_(AxisType::Date);
        let y = match range {
            Some([low, high]) => axis().range(AxisRange::new(low, high)),
            None => axis(),
        };
        let layout = layout(x, y).hover_mode(HoverMode::XUnified);
        Self { timed: true, linked: true, ..Self::of(layout) }
    }

    /// A figure of dots, one for each instrument, with dashed lines at some levels.
    pub(super) fn of_dots(levels: &[f64]) -> Self {
        let dashed = || ShapeLine::new().color("#555").width(1.0).dash(DashType::Dash);
        let level = |level: &f64| {
            let shape = Shape::new().shape_type(ShapeType::Line).x_ref("paper").x0(0.0).x1(1.0);
            shape.y_ref("y").y0(*level).y1(*level).line(dashed())
        };
        let x = axis().show_tick_labels(false).show_grid(false).zero_line(false);
        let layout = layout(x, axis().tick_format(".0%"))
            .hover_mode(HoverMode::Closest)
            .shapes(levels.iter().map(level).collect());
        Self::of(layout)
    }

    /// Adds the n-th kind of dots; `names`: one for each dot.
    pub(super) fn dots(&mut self, at: usize, name: &str, x: Vec<usize>, y: Vec<f64>, names: &[String]) {
        let symbols = [MarkerSymbol::Circle, MarkerSymbol::Diamond, MarkerSymbol::Cross];
        let symbol = symbols[at % symbols.len()].clone();
        let dots = Scatter::new(x, y)
            .mode(Mode::Markers)
            .name(name)
            .marker(Marker::new().color(css(colour(at), 0.8)).size(7).symbol(symbol))
            .text_array(labels(names))
            .hover_template("%{text}: %{y:.2%}");
        self.data.push(dots);
    }
}

/// A line over the page's times, which its x is.
fn line(y: Vec<f64>) -> Box<Scatter<f64, f64>> {
    Scatter::default().y(y).mode(Mode::Lines)
}

fn axis() -> Axis {
    Axis::new().grid_color(GRID).zero_line_color("#999").auto_margin(true)
}

fn layout(x: Axis, y: Axis) -> Layout {
    let [left, right, top, bottom] = MARGIN;
    Layout::new()
        .auto_size(true)
        .show_legend(true)
        .legend(legend(-0.14))
        .margin(Margin::new().left(left).right(right).top(top).bottom(bottom))
        .hover_label(Label::new().name_length(40))
        .paper_background_color("#fff")
        .plot_background_color("#fff")
        .x_axis(x)
        .y_axis(y)
}

/// Below the figure by a share of its height: above are the buttons, which cover it on a telephone.
fn legend(y: f64) -> Legend {
    Legend::new().orientation(Orientation::Horizontal).x(0.0).y(y).y_anchor(Anchor::Top)
}

/// Rounding to the decimals that are visible, so that the page stays small.
#[derive(Clone, Copy)]
struct Rounding {
    parts: f64,
}

impl Rounding {
    /// For a line: five digits of its largest value.
    fn of(values: &[f64]) -> Self {
        let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        let decimals = if largest > 0.0 { (4.0 - largest.log10().floor()).clamp(0.0, 15.0) } else { 4.0 };
        Self { parts: 10.0_f64.powf(decimals) }
    }

    fn of_value(self, value: f64) -> f64 {
        (value * self.parts).round() / self.parts
    }
}
