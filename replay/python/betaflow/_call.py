"""Calls of commands: arguments, settings and tables of Python become those of the program."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from betaflow import _native
from betaflow._folder import Folder
from betaflow._frames import (
    ACCEPTED,
    Columns,
    Frame,
    article_of,
    frame_of,
    is_path,
    is_table,
    time_zone_of_file,
)
from betaflow._messages import in_python, page_in_python
from betaflow._progress import shown
from betaflow._settings import Setting, date_text, settings_of
from betaflow._summary import parsed
from betaflow._types import Data, Date, Factors, Progress
from betaflow.errors import ConfigError, Error, InputError, StrategyError

#: Value of ``--factors`` for a run without factors.
NO_FACTORS = "none"


@dataclass(frozen=True)
class Reply:
    """Result of a call.

    Attributes
    ----------
    summary
        Content of ``summary.json``.
    page
        Text of the terminal.
    folder
        Folder of the result.
    notes
        Notes on the way.
    time_zone
        Time zone of the prices; None for naive times.
    """

    summary: dict[str, Any]
    page: str
    folder: Folder
    notes: tuple[str, ...]
    time_zone: str | None


@dataclass
class Call:
    """Command with its arguments, as it is put together."""

    command: str
    #: Arguments of the program after the command.
    arguments: list[str] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    frames: dict[str, Frame] = field(default_factory=dict)
    grid: dict[str, Any] | None = None
    strategy: Any = None
    #: Processes of a study with a strategy in Python; None: one for each processor.
    processes: int | None = 1
    columns: Columns = field(default_factory=Columns)
    has_prices: bool = False
    #: Time zone of the prices.
    time_zone: str | None = None

    def flag(self, flag: str, value: object = True) -> None:
        """Add a flag: none for None and False, without a value for True, with its text otherwise."""
        if value is None or value is False:
            return
        self.arguments.append(flag)
        if value is not True:
            self.arguments.append(str(value))

    def table(self, data: object, name: str, value: str | None = None) -> str:
        """Add a table in memory and return the path that stands for it. `value`: value column of a Series."""
        columns = self.columns if value is None else Columns(self.columns.time, self.columns.symbol, value)
        self.frames[name] = frame_of(data, name, columns)
        return f"memory:{name}"

    def input(self, data: object, name: str, value: str | None = None) -> str:
        """Return the path of a table in memory or of a file.

        Raises
        ------
        TypeError
            The object is neither.
        """
        if is_path(data):
            return os.fspath(data)
        return self.table(data, name, value)

    def configure(
        self, config: object, tables: Mapping[str, Mapping[str, Any] | None], strategy: object = None
    ) -> None:
        """Add settings: `config`, a path or a mapping of tables, then those of `tables` and the strategy."""
        data = tables.get("data") or (config.get("data") if isinstance(config, Mapping) else None)
        self.columns = Columns.of_settings(data)
        if isinstance(config, Mapping):
            self.settings += settings_of(config, self.table, "config")
        elif config is not None:
            if not is_path(config):
                raise TypeError(
                    f"config: found {article_of(config)}, expected the path of a TOML file or a "
                    "mapping of tables"
                )
            self.flag("--config", os.fspath(config))
        self.settings += settings_of(tables, self.table)
        if isinstance(strategy, str):
            self.settings.append(("strategy", "kind", json.dumps(strategy), f'strategy="{strategy}"'))
        elif isinstance(strategy, Mapping):
            self.settings += settings_of({"strategy": strategy}, self.table)
        else:
            self.strategy = strategy

    def read(
        self,
        prices: Data | None,
        factors: Factors | None,
        start: Date | None = None,
        end: Date | None = None,
        forecasts: Data | None = None,
        weights: Data | None = None,
    ) -> None:
        """Add the data, after the settings."""
        if prices is not None:
            self.has_prices = True
            self.flag("--prices", self.clocked(prices, "prices"))
        self.factors(factors)
        if forecasts is not None:
            self.flag("--forecasts", self.input(forecasts, "forecasts", "forecast"))
        if weights is not None:
            self.flag("--weights", self.input(weights, "weights", "weight"))
        self.dates(start, end)

    def dates(self, start: Date | None, end: Date | None) -> None:
        """Add the first and the last date."""
        for flag, date in (("--from", start), ("--to", end)):
            if date is not None:
                self.flag(flag, date_text(date))

    def factors(self, factors: Factors | None) -> None:
        """Add factors: tables, paths, expressions of instruments, or ``none``."""
        # Without prices, the times of the result are those of the factors.
        add = self.input if self.has_prices else self.clocked
        if factors is None:
            return
        if factors is False or (isinstance(factors, str) and factors == NO_FACTORS):
            self.flag("--factors", NO_FACTORS)
        elif isinstance(factors, Mapping):
            self._expressions(factors)
        elif isinstance(factors, (list, tuple)):
            for at, part in enumerate(factors):
                if isinstance(part, Mapping):
                    self._expressions(part)
                else:
                    self.flag("--factors", add(part, f"factors[{at}]", "factor"))
        elif is_path(factors) or is_table(factors):
            self.flag("--factors", add(factors, "factors", "factor"))
        else:
            raise TypeError(
                f"factors: found {article_of(factors)}, expected {ACCEPTED}; a list of them; a mapping of "
                f'names to expressions of instruments, such as {{"mkt": "SPY"}}, or of groups; or "none"'
            )

    def _expressions(self, factors: Mapping[Any, Any]) -> None:
        for name, expression in factors.items():
            if not isinstance(name, str) or not isinstance(expression, str):
                raise TypeError(
                    f"factors[{name!r}]: found {article_of(expression)}, expected an expression of "
                    'instruments as text, such as "MTUM - SPX"'
                )
        self.settings += settings_of({"factors": factors}, self.table)

    def clocked(self, data: object, name: str, value: str | None = None) -> str:
        """Return the path of an input whose time zone is that of the result."""
        path = self.input(data, name, value)
        frame, time = self.frames.get(name), self.columns.time
        self.time_zone = time_zone_of_file(path, time) if frame is None else frame.time_zone(time)
        return path

    def run_in_folder(
        self,
        progress: Progress = False,
        out: str | os.PathLike[str] | None = None,
        force: bool = False,
        report: bool = False,
    ) -> Reply:
        """Run a command that writes a folder: a temporary one, or `out`.

        `report`: the command always has a report.
        """
        folder = Folder(out)
        if (run := _ELSEWHERE.get()) is not None:
            try:
                return run(self, progress, folder, force)
            except Error as error:
                raise self._in_python(error) from error.__cause__
        self.flag("--out", folder.path)
        self.flag("--force", force)
        if not report:
            self.flag("--no-report")
        return self.run(progress, folder)

    def run(self, progress: Progress = False, folder: Folder | None = None) -> Reply:
        """Run the command.

        Raises
        ------
        ConfigError
            An argument or setting is not accepted.
        InputError
            The data cannot be used.
        StrategyError
            A strategy in Python fails; its exception is the cause.
        Error
            The command fails for another reason.
        """
        with shown(progress, self.command) as report:
            try:
                text, page, _, notes = self._run(report)
            except Error as error:
                raise self._in_python(error) from error.__cause__
        summary = parsed(text) if text else {}
        page = page_in_python(page)
        if notes:
            # Notes are not part of summary.json, and the program shows them on standard error.
            page += "\n\nNotes\n" + "\n".join(f"  {in_python(note)}" for note in notes)
        return Reply(summary, page, folder or Folder(), tuple(map(in_python, notes)), self.time_zone)

    def _run(self, report: Callable[[int, int], object] | None) -> tuple[str, str, Any, list[str]]:
        arguments = [self.command, *self.arguments]
        tables = [(frame.name, frame.table) for frame in self.frames.values()]
        grid = None if self.grid is None else json.dumps(self.grid)
        if self.strategy is not None and self.processes != 1:
            from betaflow._workers import call_in_processes

            return call_in_processes(
                arguments,
                settings=self.settings,
                tables=tables,
                grid=grid,
                strategy=self.strategy,
                progress=report,
                processes=self.processes,
            )
        return _native.call(
            arguments,
            settings=self.settings,
            tables=tables,
            grid=grid,
            strategy=self.strategy,
            progress=report,
        )

    def _in_python(self, error: Error) -> Error:
        """Return an error in the words of the caller, with the labels of the frame."""
        message = in_python(str(error))
        if isinstance(error, InputError):
            named = InputError(message, file=error.file, row=error.row, line=error.line, column=error.column)
            frame = self.frames.get(error.file or "")
            return named if frame is None else frame.located(named)
        if isinstance(error, ConfigError):
            expected = None if error.expected is None else in_python(error.expected)
            return ConfigError(message, setting=error.setting, found=error.found, expected=expected)
        if isinstance(error, StrategyError):
            return StrategyError(message, strategy=error.strategy, seq=error.seq, time=error.time)
        return Error(message)


#: Function that runs a call: the call, its progress, its folder, and True to replace an earlier result in it.
Runner: TypeAlias = "Callable[[Call, Progress, Folder, bool], Reply]"

_ELSEWHERE: ContextVar[Runner | None] = ContextVar("elsewhere", default=None)


@contextmanager
def elsewhere(run: Runner) -> Iterator[None]:
    """Let another function run the calls of commands that write a folder, for instance on a cluster."""
    token = _ELSEWHERE.set(run)
    try:
        yield
    finally:
        _ELSEWHERE.reset(token)


def grid_of(grid: object, call: Call) -> None:
    """Add the scenarios of a study: a path, a mapping of settings to values, or a list of scenarios."""
    if is_path(grid):
        call.flag("--grid", os.fspath(grid))
        return
    from betaflow._settings import plain_value

    if isinstance(grid, Sequence) and not isinstance(grid, (str, bytes)):
        content: dict[str, Any] = {"scenario": [_dotted(scenario, "grid") for scenario in grid]}
    elif isinstance(grid, Mapping) and {"grid", "scenario", "sample"}.intersection(grid):
        content = {key: value for key, value in grid.items() if key not in ("grid", "scenario", "sample")}
        if "scenario" in grid:
            content["scenario"] = [_dotted(scenario, "grid") for scenario in grid["scenario"]]
        content |= {key: _dotted(grid[key], "grid") for key in ("grid", "sample") if key in grid}
    else:
        varied = _dotted(grid, "grid")
        # The key of re-priced scenarios stands above the table.
        fixed = {"trades": varied.pop("trades")} if "trades" in varied else {}
        content = {**fixed, "grid": varied}
    call.grid = plain_value(content, "grid")
    call.flag("--grid", "memory:grid")


def _dotted(settings: object, name: str) -> dict[str, Any]:
    """Return settings by dotted name; a key without a dot may be a table with a mapping of keys."""
    if not isinstance(settings, Mapping):
        raise TypeError(
            f"{name}: found {article_of(settings)}, expected a path, a mapping of dotted settings to "
            'values such as {"sizing.turnover_cap": [0.02, 0.08]}, or a list of scenarios'
        )
    dotted: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and "." not in key:
            dotted |= {f"{key}.{inner}": item for inner, item in value.items()}
        else:
            dotted[key] = value
    return dotted
