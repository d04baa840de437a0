//! Plain lines and areas over time, in one pane or in two above each other.

use plotly::common::{DashType, Fill, Line, LineShape};
use plotly::layout::{Axis, AxisType, HoverMode};

use super::{Figure, Rounding, axis, colour, css, dash, layout, legend, line};

/// Share of the height that the upper of two panes takes, and where the lower one ends.
const SPLIT: [f64; 2] = [0.36, 0.29];

/// What stands on the vertical axes: format and suffix of the numbers.
pub(in crate::report) enum Panes {
    One(&'static str),
    Two(&'static str, &'static str),
}

/// How a line is drawn.
#[derive(Clone, Copy)]
pub(in crate::report) enum Look {
    /// What the figure is about.
    Main,
    /// What it is compared with.
    Beside,
    /// The same where there is little room.
    Thin,
    /// A limit or what is nearly the same as another line.
    Dashed,
    /// An area down or up to zero.
    Area,
    /// Steps with an area.
    Steps,
    /// A part of a whole, stacked on the others.
    Stacked,
}

/// One line of a figure.
pub(in crate::report) struct Drawn<'a> {
    /// Escaped already.
    name: &'a str,
    /// NaN where there is none.
    values: &'a [f64],
    /// Which of the colours.
    colour: usize,
    look: Look,
    /// Whether it is in the lower pane.
    lower: bool,
    /// What is hidden and shown together: the legend has the line of the upper pane.
    with: Option<&'static str>,
    /// How a value is shown, as d3 has it.
    format: &'static str,
}

impl<'a> Drawn<'a> {
    /// A line of the upper pane.
    pub(in crate::report) fn new(name: &'a str, values: &'a [f64], colour: usize, look: Look) -> Self {
        Self { name, values, colour, look, lower: false, with: None, format: ".2%" }
    }

    /// The same line in the lower pane.
    pub(in crate::report) fn below(self) -> Self {
        Self { lower: true, ..self }
    }

    /// The same line, hidden and shown with others.
    pub(in crate::report) fn with(self, group: &'static str) -> Self {
        Self { with: Some(group), ..self }
    }

    /// The same line with another format of its values, as d3 has it.
    pub(in crate::report) fn format(self, format: &'static str) -> Self {
        Self { format, ..self }
    }
}

impl Figure {
    /// A figure over the page's times.
    pub(in crate::report) fn panes(panes: &Panes) -> Self {
        let x = axis().type_(AxisType::Date);
        let layout = match panes {
            Panes::One(format) => layout(x, axis().tick_format(format)),
            Panes::Two(upper, lower) => {
                let pane = |format: &str, domain: [f64; 2]| -> Axis {
                    axis().tick_format(format).domain(&domain).n_ticks(7)
                };
                layout(x.anchor("y2"), pane(upper, [SPLIT[0], 1.0]))
                    .y_axis2(pane(lower, [0.0, SPLIT[1]]).n_ticks(4))
            }
        };
        Self { timed: true, ..Self::of(layout.hover_mode(HoverMode::XUnified)) }
    }

    /// Gives the figure more height than others have: its legend then is not as far below.
    pub(in crate::report) fn make_tall(&mut self) {
        self.tall = true;
        self.layout = std::mem::take(&mut self.layout).legend(legend(-0.09));
    }

    /// Lets the vertical axis be logarithmic: all values are above zero.
    pub(in crate::report) fn let_be_logarithmic(&mut self) {
        self.log = true;
    }

    /// Adds a line.
    pub(in crate::report) fn draw(&mut self, drawn: &Drawn<'_>) {
        let rounding = Rounding::of(drawn.values);
        let values = drawn.values.iter().map(|value| rounding.of_value(*value)).collect();
        let rgb = colour(drawn.colour);
        let pen = |width: f64| Line::new().color(css(rgb, 1.0)).width(width);
        let template = format!("%{{y:{}}}", drawn.format);
        let trace = line(values).name(drawn.name).hover_template(template);
        let trace = match drawn.look {
            Look::Main => trace.line(pen(2.4)),
            Look::Beside => trace.line(pen(1.6).dash(dash(drawn.colour))),
            Look::Thin => trace.line(pen(1.0)),
            Look::Dashed => trace.line(pen(1.4).dash(DashType::Dash)),
            Look::Area => trace.line(pen(1.2)).fill(Fill::ToZeroY).fill_color(css(rgb, 0.25)),
            Look::Steps => {
                trace.line(pen(1.0).shape(LineShape::Hvh)).fill(Fill::ToZeroY).fill_color(css(rgb, 0.35))
            }
            Look::Stacked => trace.line(pen(0.8)).stack_group("whole").fill_color(css(rgb, 0.6)),
        };
        let trace = match drawn.with {
            // Hidden and shown with its other pane.
            Some(group) => trace.legend_group(group).show_legend(!drawn.lower),
            None => trace,
        };
        self.data.push(if drawn.lower { trace.y_axis("y2") } else { trace });
    }
}
