"""Frames of pandas as the Arrow tables that ``DataFrame.to_parquet`` would write.

The reader recognises files that pandas wrote, so that a frame in memory and its file give the same digest.
What it knows: an index becomes a column with its name, or ``__index_level_0__``; two column levels become
names such as ``('Close', 'AAPL')``. Only the levels of a row index are named here, by their content, where a
file would need a setting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from betaflow import _native
from betaflow.errors import InputError

if TYPE_CHECKING:
    from betaflow._frames import Columns

TIMES = ("timestamp", "ts", "time", "date", "datetime")
SYMBOLS = ("symbol", "ticker")


def arrow_of(data: Any, name: str, columns: Columns) -> _native.Table:
    """Return a DataFrame or Series as an Arrow table; NaN becomes null.

    Columns of float64, int64 and datetime64 share the memory of the frame if it holds each column
    contiguously. A wide frame that pandas made of one two-dimensional block has strided columns, and pyarrow
    copies those.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise ImportError(
            f"{name}: a pandas frame needs pyarrow; install it with `pip install pyarrow`"
        ) from error
    frame = _long(data, columns) if data.ndim == 1 else data
    frame = _with_named_index(frame, name, columns)
    _refuse_duplicates(frame, name)
    try:
        table = pyarrow.Table.from_pandas(frame)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, pyarrow.ArrowNotImplementedError) as error:
        # ("Could not convert ...", "Conversion failed for column x with type object")
        cause = "; ".join(str(part) for part in error.args)
        raise InputError(
            f"{name}: {cause}, expected numbers, times or texts in each column", file=name
        ) from None
    return _native.Table(table)


def _long(series: Any, columns: Columns) -> Any:
    """Return a Series as a frame; its column has the Series' name, or that of values if rows have symbols."""
    if series.index.nlevels > 1:
        return series.to_frame(columns.value)
    return series.to_frame(columns.value if series.name is None else series.name)


def _with_named_index(frame: Any, name: str, columns: Columns) -> Any:
    """Name the levels of the row index by their content, where their names are not known."""
    import pandas as pd

    index = frame.index
    for at in range(index.nlevels):
        level = index.levels[at] if index.nlevels > 1 else index
        if isinstance(level.dtype, pd.PeriodDtype):
            raise InputError(
                f"{name}: index: found periods ({level.dtype}), expected timestamps; give the time at which "
                "the values are known: df.index = df.index.to_timestamp(how='end').normalize()",
                file=name,
                column=index.names[at],
            )
    if type(index).__name__ == "RangeIndex":
        return frame
    known = {str(label).lower() for label in frame.columns if not isinstance(label, tuple)}
    names = list(index.names)
    for at, label in enumerate(names):
        values = index.levels[at] if index.nlevels > 1 else index
        is_time = _is_time(values)
        wanted, setting = (TIMES, columns.time) if is_time else (SYMBOLS, columns.symbol)
        # An index of texts alone holds dates; a level of texts beside another holds symbols.
        if not is_time and (index.nlevels == 1 or not _is_text(values)):
            continue
        is_known = label is not None and (label == setting or str(label).lower() in wanted)
        if not is_known and not known.intersection(wanted) and setting not in known:
            names[at] = setting or wanted[0]
    if names == list(index.names) or len(set(names)) < len(names):
        return frame
    # A shallow copy: the caller's frame keeps its names.
    return frame.set_axis(index.set_names(names), axis=0)


def _is_time(values: Any) -> bool:
    import datetime

    if values.dtype.kind == "M" or getattr(values.dtype, "tz", None) is not None:
        return True
    return values.dtype == object and len(values) > 0 and isinstance(values[0], datetime.date)


def _is_text(values: Any) -> bool:
    return len(values) > 0 and isinstance(values[0], str)


def _refuse_duplicates(frame: Any, name: str) -> None:
    columns = frame.columns
    if columns.is_unique:
        return
    twice = columns[columns.duplicated()][0]
    raise InputError(
        f"{name}: found the column `{twice}` twice, expected each column once; df.loc[:, "
        "~df.columns.duplicated()] keeps the first",
        file=name,
        column=str(twice),
    )
