//! Plain lines and areas over time, in one pane or in two above each other.

use plotly::common::{DashType, Fill, Line, LineShape};
use plotly::layout::{Axis, AxisType, HoverMode};

use super::label::label;
use super::{Figure, Rounding, axis, axis_title, colour, css, dash, layout, legend, line};

/// Lower edge of the upper of two panes and upper edge of the lower one, as shares of the height.
const SPLIT: [f64; 2] = [0.36, 0.29];

/// Vertical axis of a pane: its title with the unit, and the d3 format of its numbers.
#[derive(Clone, Copy)]
pub(in crate::report) struct Pane(pub(in crate::report) &'static str, pub(in crate::report) &'static str);

/// Vertical axes of a figure over time: one pane, or an upper and a lower one.
pub(in crate::report) enum Panes {
    One(Pane),
    Two(Pane, Pane),
}

/// Style of a line.
#[derive(Clone, Copy)]
pub(in crate::report) enum LineStyle {
    /// Subject of the figure.
    Main,
    /// Line to compare the main line with.
    Beside,
    /// Line to compare with, in a low pane.
    Thin,
    /// A limit, or a line close to another.
    Dashed,
    /// An area down or up to zero.
    Area,
    /// Steps with an area.
    Steps,
    /// A part of a whole, stacked on the others.
    Stacked,
}

/// Line of a figure.
pub(in crate::report) struct PaneLine<'a> {
    name: &'a str,
    /// A value for each time of the page; NaN is a gap.
    values: &'a [f64],
    /// Index of the colour.
    colour: usize,
    look: LineStyle,
    /// True if it is in the lower pane.
    lower: bool,
    /// Group of lines that are hidden and shown together; the legend has the line of the upper pane.
    with: Option<&'static str>,
    /// Format of a value, in the notation of d3.
    format: &'static str,
}

impl<'a> PaneLine<'a> {
    /// A line of the upper pane.
    pub(in crate::report) fn new(name: &'a str, values: &'a [f64], colour: usize, look: LineStyle) -> Self {
        Self { name, values, colour, look, lower: false, with: None, format: ".2%" }
    }

    /// Moves the line to the lower pane.
    pub(in crate::report) fn below(self) -> Self {
        Self { lower: true, ..self }
    }

    /// Hides and shows the line with the others of a group.
    pub(in crate::report) fn with(self, group: &'static str) -> Self {
        Self { with: Some(group), ..self }
    }

    /// Sets the d3 format of its values.
    pub(in crate::report) fn format(self, format: &'static str) -> Self {
        Self { format, ..self }
    }
}

impl Figure {
    /// A figure over the page's times.
    pub(in crate::report) fn panes(panes: &Panes) -> Self {
        let x = axis().type_(AxisType::Date);
        let titled =
            |Pane(title, format): &Pane| -> Axis { axis().tick_format(format).title(axis_title(title)) };
        let layout = match panes {
            Panes::One(pane) => layout(x, titled(pane)),
            Panes::Two(upper, lower) => {
                let pane =
                    |pane: &Pane, domain: [f64; 2]| -> Axis { titled(pane).domain(&domain).n_ticks(7) };
                layout(x.anchor("y2"), pane(upper, [SPLIT[0], 1.0]))
                    .y_axis2(pane(lower, [0.0, SPLIT[1]]).n_ticks(4))
            }
        };
        Self { timed: true, ..Self::of(layout.hover_mode(HoverMode::XUnified)) }
    }

    /// Gives the figure more height than others, and moves its legend up.
    pub(in crate::report) fn make_tall(&mut self) {
        self.tall = true;
        self.layout = std::mem::take(&mut self.layout).legend(legend(-0.09));
    }

    /// Allows a logarithmic vertical axis. All values must be above zero.
    pub(in crate::report) fn let_be_logarithmic(&mut self) {
        self.log = true;
    }

    /// Adds a line.
    pub(in crate::report) fn draw(&mut self, drawn: &PaneLine<'_>) {
        let rounding = Rounding::of(drawn.values);
        let values = drawn.values.iter().map(|value| rounding.of_value(*value)).collect();
        let rgb = colour(drawn.colour);
        let pen = |width: f64| Line::new().color(css(rgb, 1.0)).width(width);
        let template = format!("%{{y:{}}}", drawn.format);
        let trace = line(values).name(label(drawn.name)).hover_template(template);
        let trace = match drawn.look {
            LineStyle::Main => trace.line(pen(2.4)),
            LineStyle::Beside => trace.line(pen(1.6).dash(dash(drawn.colour))),
            LineStyle::Thin => trace.line(pen(1.0)),
            LineStyle::Dashed => trace.line(pen(1.4).dash(DashType::Dash)),
            LineStyle::Area => trace.line(pen(1.2)).fill(Fill::ToZeroY).fill_color(css(rgb, 0.25)),
            LineStyle::Steps => {
                trace.line(pen(1.0).shape(LineShape::Hvh)).fill(Fill::ToZeroY).fill_color(css(rgb, 0.35))
            }
            LineStyle::Stacked => trace.line(pen(0.8)).stack_group("whole").fill_color(css(rgb, 0.6)),
        };
        let trace = match drawn.with {
            // Hidden and shown together with the line of the other pane.
            Some(group) => trace.legend_group(group).show_legend(!drawn.lower),
            None => trace,
        };
        self.data.push(if drawn.lower { trace.y_axis("y2") } else { trace });
    }
}
