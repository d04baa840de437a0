"""Arrays of numpy from lists, numpy arrays, and wide frames of pandas, polars or Arrow."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from betaflow.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]

#: Setting of the engine: table, key, value as JSON, and its name in messages.
Setting = tuple[str, str, str, str]

#: Settings of the calendar, which belong to the table ``[data]``.
CALENDAR = ("frames_per_day", "days_per_year")


def settings_of(table: str, values: Mapping[str, Any], fixed: Mapping[str, Any]) -> list[Setting]:
    """Return settings as the engine takes them. None leaves a setting at its default.

    Parameters
    ----------
    table
        Table of the settings, ``estimator`` or ``sizing``.
    values
        Settings of the caller by their names.
    fixed
        Settings that the caller cannot choose.

    Raises
    ------
    ConfigError
        A setting that cannot be chosen is among those of the caller, or a value has no form in a
        configuration.
    """
    settings = []
    for key, value in values.items():
        if value is None:
            continue
        if key in fixed:
            raise ConfigError(
                f"`{table}.{key}`: found {value!r}, expected no value, because it is {fixed[key]!r} here",
                setting=f"{table}.{key}",
                found=repr(value),
                expected="no value",
            )
        owner = "data" if key in CALENDAR else table
        settings.append((owner, key, json_of(owner, key, value), f"the argument {key}"))
    return settings + [(table, key, json.dumps(value), f"the argument {key}") for key, value in fixed.items()]


def json_of(table: str, key: str, value: Any) -> str:
    """Return the JSON of a setting; numbers and arrays of numpy count as numbers and lists."""
    plain = value.tolist() if hasattr(value, "tolist") else value
    try:
        return json.dumps(plain, allow_nan=False)
    except (TypeError, ValueError) as error:
        expected = "a finite number, text, true, false, or a list of them"
        raise ConfigError(
            f"`{table}.{key}`: found {value!r}, expected {expected}",
            setting=f"{table}.{key}",
            found=repr(value),
            expected=expected,
        ) from error


@dataclass(frozen=True)
class Wide:
    """Values of a wide table.

    Attributes
    ----------
    values
        Array of float64 in C order; NaN for missing values.
    names
        Names of the columns; None for an array.
    index
        Index or times of the rows as the caller passed them; None for an array.
    """

    values: Array
    names: tuple[str, ...] | None
    index: Any | None


def numbers(name: str, values: object) -> Array:
    """Return an array of float64 in C order, without a copy if it is one already.

    Masked elements of a masked array become NaN.

    Raises
    ------
    ValueError
        The values are not numbers.
    """
    import numpy as np

    try:
        if isinstance(values, np.ma.MaskedArray):
            values = np.ma.filled(values.astype(np.float64), np.nan)
        elif hasattr(values, "to_numpy") and not isinstance(values, np.ndarray):
            values = _column(values)
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        found = f"elements of {getattr(values, 'dtype', type(values).__name__)}"
        raise ValueError(f"{name}: found {found}, expected numbers: {error}") from error
    # `ascontiguousarray` would give a number the shape (1,).
    return np.ascontiguousarray(array) if array.ndim else array


def _column(values: Any) -> Any:
    """Return the values of a column of pandas, polars or Arrow, in which null is NaN."""
    if type(values).__module__.partition(".")[0] == "pandas":
        return values.to_numpy(dtype="float64", na_value=float("nan"))
    if type(values).__module__.partition(".")[0] == "pyarrow":
        return values.to_numpy(zero_copy_only=False)
    return values.to_numpy()


def wide(name: str, data: object) -> Wide:
    """Return the values of a wide table, a frame a row: an array, or a frame of pandas, polars or Arrow.

    Columns of times of polars and Arrow count as the index.

    Raises
    ------
    ValueError
        A column has no numbers.
    """
    import numpy as np

    module = type(data).__module__.partition(".")[0]
    if module == "pandas":
        frame: Any = data
        if not hasattr(frame, "columns"):
            return Wide(numbers(name, frame), None, frame.index)
        try:
            values = np.ascontiguousarray(frame.to_numpy(dtype="float64", na_value=float("nan")))
        except (TypeError, ValueError):
            # A column at a time, so that the error names the column.
            values = np.empty(frame.shape, dtype=np.float64)
            for at, column in enumerate(frame.columns):
                values[:, at] = numbers(f"{name}: column {column}", frame.iloc[:, at])
        return Wide(values, tuple(map(str, frame.columns)), frame.index)
    if module == "polars" and hasattr(data, "collect_schema"):
        collected: Any = data
        collected = collected.collect() if hasattr(collected, "collect") else collected
        columns = {column: collected[column] for column in collected.columns}
        times = {column for column, values in columns.items() if values.dtype.is_temporal()}
    elif hasattr(data, "__arrow_c_stream__") or hasattr(data, "column_names"):
        import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]

        table: Any = data if isinstance(data, pa.Table) else pa.table(data)
        columns = {column: table[column] for column in table.column_names}
        times = {column for column, values in columns.items() if pa.types.is_temporal(values.type)}
    else:
        return Wide(numbers(name, data), None, None)
    if len(times) > 1:
        raise ValueError(f"{name}: found the columns of times {sorted(times)}, expected at most one")
    index = next((columns[column] for column in times), None)
    named = {column: values for column, values in columns.items() if column not in times}
    values = np.empty((len(index) if index is not None else _rows(named), len(named)), dtype=np.float64)
    for at, (column, content) in enumerate(named.items()):
        values[:, at] = numbers(f"{name}: column {column}", content)
    return Wide(values, tuple(named), index)


def _rows(columns: Mapping[str, Any]) -> int:
    return len(next(iter(columns.values()))) if columns else 0


def names_of(factors: int | Sequence[str]) -> tuple[str, ...] | None:
    """Return the names of factors; None if only their number is known."""
    if isinstance(factors, str):
        raise TypeError(f"factors: found the text {factors!r}, expected a number or a list of names")
    if isinstance(factors, int) or hasattr(factors, "__index__"):
        return None
    names = tuple(map(str, factors))
    if len(set(names)) < len(names):
        raise ValueError(f"factors: found {list(names)}, expected each name once")
    return names
