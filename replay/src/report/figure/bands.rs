//! Lines with bands around them.

use plotly::common::{Fill, HoverInfo, Line};

use super::label::label;
use super::{Figure, Rounding, colour, css, dash, line};

/// A mean through time and its standard deviation; NaN before the first value.
pub(in crate::report) struct Path {
    pub(in crate::report) mean: Vec<f64>,
    pub(in crate::report) sd: Vec<f64>,
}

impl Figure {
    /// Adds the band of two standard deviations about the n-th of `of` lines. Bands are added before lines, which they
    /// would hide.
    pub(in crate::report) fn band(&mut self, at: usize, of: usize, path: &Path) {
        let rounding = Rounding::of(&path.mean);
        let edge = |side: f64| {
            let y =
                path.mean.iter().zip(&path.sd).map(|(mean, sd)| rounding.of_value(mean + side * 2.0 * sd));
            line(y.collect())
                .line(Line::new().width(0.0))
                .hover_info(HoverInfo::Skip)
                .legend_group(group(at))
                .show_legend(false)
        };
        // Bands overlap, so more bands are paler.
        let opacity = 0.15 * 4.0 / of.max(4) as f64;
        self.data.push(edge(-1.0));
        self.data.push(edge(1.0).fill(Fill::ToNextY).fill_color(css(colour(at), opacity)));
    }

    /// Adds the n-th line.
    pub(in crate::report) fn line(&mut self, at: usize, name: &str, path: &Path) {
        let rounding = Rounding::of(&path.mean);
        let rounded = |values: &[f64], scale: f64| -> Vec<f64> {
            values.iter().map(|value| rounding.of_value(scale * value)).collect()
        };
        let line = line(rounded(&path.mean, 1.0))
            .name(label(name))
            .legend_group(group(at))
            .line(Line::new().color(css(colour(at), 1.0)).width(1.8).dash(dash(at)))
            .custom_data(rounded(&path.sd, 2.0))
            .hover_template("%{y:.4~g} ± %{customdata:.2~g}");
        self.data.push(line);
    }
}

/// Returns the legend group of the n-th line; traces of a group are hidden and shown together.
fn group(at: usize) -> String {
    format!("line{at}")
}
