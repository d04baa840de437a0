"""Figures with plotly, where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from betaflow._results import Run

#: Lines of the figure: column of the equity and its name.
LINES = (("nav", "net"), ("nav_gross", "gross"), ("benchmark_nav", "benchmark"))


def growth(run: Run) -> Any:
    """Return the growth of one unit of wealth on a logarithmic scale, as a figure of plotly."""
    try:
        from plotly import graph_objects
    except ImportError as error:
        raise ImportError("plot() needs plotly; install it with `pip install plotly`") from error
    equity = run.equity
    figure = graph_objects.Figure()
    for column, name in LINES:
        if column in equity:
            values = equity[column]
            figure.add_scatter(x=equity["timestamp"], y=values / values[0], name=name, mode="lines")
    figure.update_layout(yaxis_type="log", yaxis_title="Growth of one unit", hovermode="x unified")
    return figure
