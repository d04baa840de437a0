//! Figures, in colours that most colour-blind people can tell apart.

mod bands;
mod bars;
mod heat;
mod label;
mod level_bars;
mod lines;
mod points;

use plotly::common::{Anchor, DashType, Font, Label, Marker, MarkerSymbol, Mode, Orientation, Title};
use plotly::layout::{
    Annotation, Axis, AxisRange, AxisType, HoverMode, Legend, Margin, Shape, ShapeLayer, ShapeLine, ShapeType,
};
use plotly::{Layout, Scatter, Traces};
use serde::Serialize;

use label::{label, labels};

pub(super) use bands::Path;
pub(super) use bars::Bars;
pub(super) use heat::{CellFrame, Plane, Slice};
pub(super) use lines::{LineStyle, Pane, PaneLine, Panes};
pub(super) use points::{PointStyle, Points, SwingBar};

/// Palette of Okabe and Ito (2008) without its yellow, which is too pale for a line on white.
const PALETTE: [[u8; 3]; 7] =
    [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [0, 0, 0], [86, 180, 233], [230, 159, 0]];
const GRID: &str = "#e4e4e4";
const MARGIN: [usize; 4] = [48, 10, 30, 30];

/// Colour of the n-th line; colours repeat with dashed lines.
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
    /// True if its horizontal axis shows the page's times: its traces then have no x, and it zooms with the others.
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

    /// Returns true if its horizontal axis shows the page's times.
    pub(super) fn is_over_time(&self) -> bool {
        self.timed
    }

    /// Shades a figure over time between two dates, with a name at the upper edge.
    pub(super) fn shade(&mut self, from: &str, to: &str, name: &str) {
        let band = Shape::new()
            .shape_type(ShapeType::Rect)
            .layer(ShapeLayer::Below)
            .x_ref("x")
            .x0(from)
            .x1(to)
            .y_ref("paper")
            .y0(0.0)
            .y1(1.0)
            .fill_color("rgba(230,159,0,0.16)")
            .line(ShapeLine::new().width(0.0));
        let start = Shape::new().shape_type(ShapeType::Line).x_ref("x").x0(from).x1(from);
        let start = start.y_ref("paper").y0(0.0).y1(1.0).line(ShapeLine::new().color("#8a5a00").width(1.4));
        let text = Annotation::new()
            .text(label(name))
            .show_arrow(false)
            .x_ref("x")
            .x(from)
            .x_anchor(Anchor::Left)
            .y_ref("paper")
            .y(1.0)
            .y_anchor(Anchor::Bottom)
            .font(Font::new().color("#6b4600").size(12));
        let layout = std::mem::take(&mut self.layout);
        self.layout = layout.shapes(vec![band, start]).annotations(vec![text]);
    }

    /// Returns true if it is taller than others.
    pub(super) fn is_tall(&self) -> bool {
        self.tall
    }

    /// Returns true if its vertical axis may be logarithmic.
    pub(super) fn may_be_logarithmic(&self) -> bool {
        self.log
    }

    /// A figure over the page's times. `title`: quantity and unit of the vertical axis.
    pub(super) fn over_time(title: &str, range: Option<[f64; 2]>) -> Self {
        let x = axis().type_(AxisType::Date);
        let y = match range {
            Some([low, high]) => axis().range(AxisRange::new(low, high)),
            None => axis(),
        };
        let y = y.title(axis_title(title));
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
        let x = x.title(axis_title("instruments, in the order of the data"));
        let y = axis().tick_format(".0%").title(axis_title("share of returns, %"));
        let layout = layout(x, y).hover_mode(HoverMode::Closest).shapes(levels.iter().map(level).collect());
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

/// A line over the page's times. The page's script sets its x.
fn line(y: Vec<f64>) -> Box<Scatter<f64, f64>> {
    Scatter::default().y(y).mode(Mode::Lines)
}

/// Title of an axis: quantity and unit.
fn axis_title(text: &str) -> Title {
    Title::with_text(label(text)).font(Font::new().size(12))
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

/// Legend at height `y`, a share of the figure's height. Above the figure, buttons would cover it on a telephone.
fn legend(y: f64) -> Legend {
    Legend::new().orientation(Orientation::Horizontal).x(0.0).y(y).y_anchor(Anchor::Top)
}

/// Rounding to the decimals that are visible, which keeps the page small.
#[derive(Clone, Copy)]
struct Rounding {
    parts: f64,
}

impl Rounding {
    /// Rounding of a line to five digits of its largest value.
    fn of(values: &[f64]) -> Self {
        let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        let decimals = if largest > 0.0 { (4.0 - largest.log10().floor()).clamp(0.0, 15.0) } else { 4.0 };
        Self { parts: 10.0_f64.powf(decimals) }
    }

    fn of_value(self, value: f64) -> f64 {
        (value * self.parts).round() / self.parts
    }
}
