"""Results in notebooks: a table of headline figures and a figure, without a dependency."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from betaflow._results import Result

#: Size of the figure and points of a line, in pixels.
WIDTH, HEIGHT, MARGIN = 640, 220, 48
#: Colours of the lines, of Okabe and Ito, which differ for all readers.
COLOURS = ("#0072b2", "#999999", "#e69f00")

#: Rows of the headline: label, key of a series of metrics, format.
FIGURES = (
    ("Sharpe ratio", "sharpe", "{:.2f}"),
    ("Annual return", "annual_return", "{:.2%}"),
    ("Annual volatility", "annual_volatility", "{:.2%}"),
    ("Maximum drawdown", "max_drawdown", "{:.2%}"),
    ("Sortino ratio", "sortino", "{:.2f}"),
    ("Calmar ratio", "calmar", "{:.2f}"),
)


def page_of(result: Result) -> str:
    """Return a result as HTML: figures and growth of a run, the page of the terminal otherwise."""
    metrics = result.summary.get("metrics")
    if not metrics:
        return f"<pre>{html.escape(str(result.summary))}</pre>"
    parts = [_headline(metrics), _growth(result), _warnings(result.summary.get("warnings") or [])]
    digest = result.summary.get("digest")
    parts.append(f"<p><small>digest <code>{html.escape(str(digest))}</code></small></p>" if digest else "")
    return f"<div>{''.join(parts)}</div>"


def _headline(metrics: Any) -> str:
    series = [name for name in ("net", "gross", "benchmark") if metrics.get(name)]
    head = "".join(f"<th>{name}</th>" for name in series)
    rows = []
    for label, key, form in FIGURES:
        figures = [metrics[name].get(key) for name in series]
        cells = "".join(f"<td>{'' if value is None else form.format(value)}</td>" for value in figures)
        rows.append(
            f"<tr><th>{label}</th>{cells}</tr>" if any(value is not None for value in figures) else ""
        )
    body = f"<thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f'<table class="dataframe">{body}</table>'


def _warnings(warnings: Sequence[str]) -> str:
    items = "".join(f"<li>{html.escape(text)}</li>" for text in warnings)
    return f"<details><summary>{len(warnings)} warnings</summary><ol>{items}</ol></details>" if items else ""


def _growth(result: Result) -> str:
    """Return the growth of one unit as a figure, on a logarithmic scale."""
    try:
        equity = result.table("equity")
    except AttributeError:
        return ""
    columns = [name for name in ("nav", "nav_gross", "benchmark_nav") if name in equity]
    names = {"nav": "net", "nav_gross": "gross", "benchmark_nav": "benchmark"}
    lines = {names[name]: equity[name] for name in columns}
    return figure(equity["timestamp"], lines)


def figure(times: Any, lines: dict[str, Any]) -> str:
    """Return lines over time as an SVG figure; each begins at 1, and the scale is logarithmic.

    Parameters
    ----------
    times
        Times of the points, datetime64, length n.
    lines
        Values of each line by name, length n.
    """
    import numpy as np

    if len(times) < 2:
        return ""
    # As many points as pixels.
    points = np.unique(np.linspace(0, len(times) - 1, WIDTH).astype(int))
    with np.errstate(all="ignore"):
        logs = {name: np.log(values[points] / values[0]) for name, values in lines.items()}
    finite = np.concatenate([values[np.isfinite(values)] for values in logs.values()])
    if len(finite) == 0:
        return ""
    low, high = float(finite.min()), float(finite.max())
    spread = (high - low) or 1.0
    clock = times[points].astype("int64").astype(float)
    x = MARGIN + (WIDTH - 2 * MARGIN) * (clock - clock[0]) / ((clock[-1] - clock[0]) or 1.0)
    parts = []
    for at, (name, values) in enumerate(logs.items()):
        y = HEIGHT - 28 - (HEIGHT - 44) * (values - low) / spread
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y) if b == b)
        colour = COLOURS[at % len(COLOURS)]
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(f'<text x="{MARGIN + 90 * at}" y="12" fill="{colour}">{html.escape(name)}</text>')
    for level in (low, high):
        y = HEIGHT - 28 - (HEIGHT - 44) * (level - low) / spread
        parts.append(f'<text x="{MARGIN - 6}" y="{y + 4:.1f}" text-anchor="end">{np.exp(level):.2f}</text>')
    for place, anchor, time in ((MARGIN, "start", times[0]), (WIDTH - MARGIN, "end", times[-1])):
        date = str(np.datetime64(time, "D"))
        parts.append(f'<text x="{place}" y="{HEIGHT - 8}" text-anchor="{anchor}">{date}</text>')
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" font-size="11" '
        f'font-family="sans-serif" fill="currentColor" role="img" aria-label="Growth of one unit">'
        f"{''.join(parts)}</svg>"
    )
