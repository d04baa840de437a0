//! Bars and bands along the levels of an axis.

use plotly::Bar;
use plotly::Scatter;
use plotly::Trace;
use plotly::common::{Fill, HoverInfo, Line, Marker, Mode};

use super::label::{label, labels};
use super::{Figure, colour, css};

impl Figure {
    /// Adds the n-th group of bars along the levels of [`Figure::along`]; NaN is a gap. `unit` follows a value.
    pub(in crate::report) fn level_bars(
        &mut self,
        at: usize,
        name: &str,
        levels: &[String],
        y: &[f64],
        (format, unit): (&str, &str),
    ) {
        let bars = Bar::new(labels(levels), known(y))
            .name(label(name))
            .marker(Marker::new().color(css(colour(at), 0.8)))
            .hover_template(format!("%{{y:{format}}}{unit}"));
        self.data.push(bars as Box<dyn Trace>);
    }

    /// Adds the band of the n-th line between two edges, lower edge first. A band is added before its line, which it
    /// would hide.
    pub(in crate::report) fn level_band(&mut self, at: usize, levels: &[String], edges: [&[f64]; 2]) {
        for (side, edge) in edges.into_iter().enumerate() {
            let trace = Scatter::new(labels(levels), known(edge))
                .mode(Mode::Lines)
                .line(Line::new().width(0.0))
                .hover_info(HoverInfo::Skip)
                .show_legend(false);
            self.data.push(match side {
                0 => trace,
                _ => trace.fill(Fill::ToNextY).fill_color(css(colour(at), 0.15)),
            });
        }
    }
}

/// Numbers of a figure, in which JSON has no NaN.
fn known(y: &[f64]) -> Vec<Option<f64>> {
    y.iter().map(|value| value.is_finite().then_some(*value)).collect()
}
