//! A histogram.

use plotly::Bar;
use plotly::common::{DashType, Line, Marker, Mode};
use plotly::layout::HoverMode;
use plotly::{Scatter, Trace};

use super::label::labels;
use super::{Figure, Rounding, axis, axis_title, colour, css, layout, legend};

/// A histogram: place, height and label of each bar, and their width.
#[derive(Default)]
pub(in crate::report) struct Bars {
    pub(in crate::report) x: Vec<f64>,
    pub(in crate::report) counts: Vec<u64>,
    pub(in crate::report) labels: Vec<String>,
    pub(in crate::report) width: f64,
}

impl Figure {
    /// Creates a histogram of shares, with a vertical line at each named value. `titles`: horizontal and vertical axis.
    pub(in crate::report) fn of_bars(bars: Bars, titles: [&str; 2], places: &[(&str, f64)]) -> Self {
        let x = axis().tick_format(".1~%").show_grid(false).title(axis_title(titles[0]));
        let y = axis().tick_format("~s").title(axis_title(titles[1]));
        let layout = layout(x, y).hover_mode(HoverMode::Closest).bar_gap(0.06).legend(legend(-0.28));
        let mut figure = Self::of(layout);
        let rounding = Rounding::of(&bars.x);
        let highest = bars.counts.iter().copied().max().unwrap_or_default();
        let x = bars.x.into_iter().map(|value| rounding.of_value(value)).collect();
        let drawn = Bar::new(x, bars.counts)
            .name("bars")
            .show_legend(false)
            .width(bars.width)
            .marker(Marker::new().color(css(colour(0), 0.75)))
            .text_position(plotly::common::TextPosition::None)
            .text_array(labels(&bars.labels))
            .hover_template("%{text}<extra></extra>");
        figure.data.push(drawn as Box<dyn Trace>);
        for (at, (name, place)) in places.iter().enumerate() {
            let dash = [DashType::Dash, DashType::Dot, DashType::Solid][at % 3].clone();
            let upright = Scatter::new(vec![*place; 2], vec![0.0, highest as f64])
                .mode(Mode::Lines)
                .name(*name)
                .line(Line::new().color(css(colour(1 + at), 1.0)).width(2.0).dash(dash))
                .hover_template("%{x:.2%}");
            figure.data.push(upright);
        }
        figure
    }
}
