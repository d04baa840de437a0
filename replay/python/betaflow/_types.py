"""Types of arguments."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable


@runtime_checkable
class ArrowStream(Protocol):
    """Table with the Arrow PyCapsule interface: of polars, pyarrow, DuckDB, pandas 3, betaflow."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return an ``arrow_array_stream`` capsule."""
        ...


class PandasObject(Protocol):
    """DataFrame or Series of pandas."""

    @property
    def index(self) -> Any:
        """Labels of the rows."""
        ...

    def to_numpy(self, *args: Any, **kwargs: Any) -> Any:
        """Return the values."""
        ...


class LazyFrame(Protocol):
    """LazyFrame of polars, which is collected."""

    def collect(self, *args: Any, **kwargs: Any) -> Any:
        """Return the frame in memory."""
        ...


class NumpyDate(Protocol):
    """Scalar datetime64 of NumPy."""

    def astype(self, *args: Any, **kwargs: Any) -> Any:
        """Return the scalar in another unit."""
        ...


class Strategy(Protocol):
    """Strategy of the caller: an object that decides the targets of a rebalance."""

    def decide(self, *args: Any, **kwargs: Any) -> Any:
        """Return the targets of a rebalance."""
        ...


#: Table: a DataFrame of pandas or polars, a LazyFrame, a pyarrow Table, a DuckDB relation, or a path of a
#: file or folder.
Data: TypeAlias = "ArrowStream | PandasObject | LazyFrame | str | os.PathLike[str]"
#: Factor returns: a table, several (joined by time), a mapping of names to expressions of instruments or to
#: groups, both in a list, ``"none"`` or False.
Factors: TypeAlias = "Data | Sequence[Data | Mapping[str, str]] | Mapping[str, str] | bool"
#: Settings of one table of the configuration: keys without the table's name.
Settings: TypeAlias = "Mapping[str, Any]"
#: Settings: path of a TOML file, or a mapping of tables to settings.
Config: TypeAlias = "str | os.PathLike[str] | Mapping[str, Any]"
#: Date: text such as ``"2015-01-31"``, a date, a datetime, a pandas Timestamp or a NumPy datetime64.
Date: TypeAlias = "str | datetime.date | NumpyDate"
#: True for a bar on the terminal, or a function of the work done and its total.
Progress: TypeAlias = "bool | Callable[[int, int], object]"
