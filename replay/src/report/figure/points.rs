//! Points and lines over numbers or levels, and horizontal bars: the figures of a sweep.

use plotly::Scatter;
use plotly::common::{DashType, Line, Marker, MarkerSymbol, Mode};
use plotly::layout::{Axis, AxisRange, AxisType, HoverMode, Shape, ShapeLine, ShapeType};

use super::heat::FRAMES;
use super::label::{label, labels};
use super::{Figure, axis, axis_title, colour, css, layout, legend};

/// Points of one kind, each with its label.
#[derive(Default)]
pub(in crate::report) struct Points {
    pub(in crate::report) x: Vec<f64>,
    pub(in crate::report) y: Vec<f64>,
    pub(in crate::report) labels: Vec<String>,
}

/// Style of points.
#[derive(Clone, Copy)]
pub(in crate::report) enum PointStyle {
    /// Many pale points.
    Cloud,
    /// Joined by a line.
    Joined,
    /// The n-th named scenario.
    One(usize),
}

fn numbered(title: &str, format: &str) -> Axis {
    axis().title(axis_title(title)).tick_format(format)
}

impl Figure {
    /// A figure of points: titles and formats across and upwards.
    pub(in crate::report) fn of_points(across: (&str, &str), upwards: (&str, &str)) -> Self {
        let layout = layout(numbered(across.0, across.1), numbered(upwards.0, upwards.1));
        Self { tall: true, ..Self::of(layout.hover_mode(HoverMode::Closest).legend(legend(-0.2))) }
    }

    /// Adds points. A label shows under the pointer.
    pub(in crate::report) fn points(&mut self, name: &str, mark: PointStyle, points: Points) {
        let (mode, marker) = match mark {
            PointStyle::Cloud => (Mode::Markers, Marker::new().color("rgba(90,90,90,0.45)").size(6)),
            PointStyle::Joined => (Mode::LinesMarkers, Marker::new().color(css(colour(0), 1.0)).size(7)),
            PointStyle::One(at) => {
                let symbols = [MarkerSymbol::StarOpen, MarkerSymbol::DiamondOpen, MarkerSymbol::SquareOpen];
                let rgb = FRAMES[at % FRAMES.len()];
                let line = Line::new().width(2.4).color(css(rgb, 1.0));
                let marker = Marker::new().symbol(symbols[at % 3].clone()).size(15).line(line);
                (Mode::Markers, marker.color(css(rgb, 1.0)))
            }
        };
        let trace = Scatter::new(points.x, points.y)
            .mode(mode)
            .name(name)
            .marker(marker)
            .line(Line::new().color(css(colour(0), 0.8)).width(1.6))
            .text_array(labels(&points.labels))
            .hover_template("%{text}<extra></extra>");
        self.data.push(trace);
    }

    /// A figure along the levels of one setting, at equal distances. `upwards`: title and format of the vertical axis.
    pub(in crate::report) fn along(title: &str, upwards: (&str, &str)) -> Self {
        let x = axis().title(axis_title(title)).type_(AxisType::Category);
        let layout = layout(x, numbered(upwards.0, upwards.1)).hover_mode(HoverMode::X);
        Self::of(layout.legend(legend(-0.28)))
    }

    /// Adds the n-th line along the levels; NaN is a gap. `unit` follows a value.
    pub(in crate::report) fn level_line(
        &mut self,
        at: usize,
        name: &str,
        levels: &[String],
        y: &[f64],
        (format, unit): (&str, &str),
    ) {
        let y: Vec<Option<f64>> = y.iter().map(|value| value.is_finite().then_some(*value)).collect();
        let trace = Scatter::new(labels(levels), y)
            .mode(Mode::LinesMarkers)
            .name(name)
            .marker(Marker::new().color(css(colour(at), 1.0)).size(7))
            .line(Line::new().color(css(colour(at), 1.0)).width(2.0).dash(if at == 0 {
                DashType::Solid
            } else {
                DashType::Dash
            }))
            .hover_template(format!("%{{y:{format}}}{unit}"));
        self.data.push(trace);
    }

    /// A figure of horizontal bars on both sides of `base`: lowest and highest value by setting.
    pub(in crate::report) fn of_swings(swings: &[SwingBar], base: f64, title: &str) -> Self {
        let upright = Shape::new().shape_type(ShapeType::Line).y_ref("paper").y0(0.0).y1(1.0).x_ref("x");
        let upright = upright.x0(base).x1(base).line(ShapeLine::new().color("#000").width(1.4));
        let y = axis().type_(AxisType::Category).show_grid(false);
        // Plotly does not count the width of lines when it chooses the range.
        let y = y.range(AxisRange::new(-0.6, swings.len() as f64 - 0.4));
        let ends = || swings.iter().flat_map(|swing| swing.ends);
        let (low, high) = (ends().fold(base, f64::min), ends().fold(base, f64::max));
        let room = 0.04 * (high - low);
        let x = axis().title(axis_title(title)).range(AxisRange::new(low - room, high + room));
        let layout = layout(x, y).hover_mode(HoverMode::Closest).shapes(vec![upright]);
        let mut figure = Self::of(layout.legend(legend(-0.28)));
        for (at, name, side) in [(1, "lowest", 0), (0, "highest", 1)] {
            let (mut x, mut y, mut texts) = (Vec::new(), Vec::new(), Vec::new());
            for swing in swings {
                // The gap separates the bars.
                x.extend([Some(base), Some(swing.ends[side]), None]);
                y.extend([Some(label(&swing.name)), Some(label(&swing.name)), None]);
                let text = label(&swing.labels[side]);
                texts.extend([text.clone(), text, String::new()]);
            }
            let bars = Scatter::new(x, y)
                .mode(Mode::Lines)
                .name(name)
                .line(Line::new().color(css(colour(at), 0.85)).width(20.0))
                .text_array(texts)
                .hover_template("%{text}<extra></extra>");
            figure.data.push(bars);
        }
        figure
    }
}

/// Effect of one setting: its name, lowest and highest value, and a label for each.
pub(in crate::report) struct SwingBar {
    pub(in crate::report) name: String,
    pub(in crate::report) ends: [f64; 2],
    pub(in crate::report) labels: [String; 2],
}
