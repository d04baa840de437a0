"""Results of commands: a folder with tables, and a summary."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from betaflow import _native
from betaflow._folder import Folder
from betaflow._messages import in_python
from betaflow._summary import Summary, parsed
from betaflow._table import Table
from betaflow.errors import Error, InputError

if TYPE_CHECKING:
    from betaflow._call import Reply

#: Time zone of tables in files.
UTC = "UTC"

R = TypeVar("R", bound="Result")


class Result:
    """Result of a command.

    The folder of a result is temporary and goes with the object; :meth:`save` keeps it. Tables are read when
    they are first used.

    Attributes
    ----------
    summary : Summary
        Content of ``summary.json``; ``print(result.summary)`` shows it like the program. Warnings about data
        and settings are the last section of that page, ``summary.warnings`` and ``summary.warning_codes``.
        They are not raised as Python warnings: they belong to the result, and a loop of calls would repeat
        them.
    notes : tuple of str
        Notes of the command on its way.
    """

    def __init__(
        self,
        summary: dict[str, Any],
        page: str | None,
        folder: Folder,
        notes: tuple[str, ...] = (),
        time_zone: str | None = UTC,
    ) -> None:
        self.summary = Summary(summary, page)
        self.notes = notes
        self._page = page
        self._folder = folder
        self._time_zone = time_zone
        self._tables: dict[str, Table] = {}

    @classmethod
    def of_reply(cls: type[R], reply: Reply) -> R:
        """Return the result of a call."""
        return cls(reply.summary, reply.page, reply.folder, reply.notes, reply.time_zone)

    @property
    def path(self) -> Path:
        """Folder of the result; of a result that is not saved, it exists as long as the object."""
        return self._folder.path

    @property
    def tables(self) -> list[str]:
        """Names of the tables of the result."""
        return sorted(file.stem for file in self.path.glob("*.parquet")) if self.path.is_dir() else []

    def table(self, name: str) -> Table:
        """Return a table of the result by its name.

        Raises
        ------
        AttributeError
            The result has no such table.
        """
        if name not in self._tables:
            file = self.path / f"{name}.parquet"
            if not file.is_file():
                found = ", ".join(self.tables) or "no tables"
                raise AttributeError(f"no table `{name}` in this result{_remedy(name)}; found {found}")
            self._tables[name] = Table(_native.read_table(file, self._time_zone))
        return self._tables[name]

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> Path:
        """Copy the folder of the result, so that it stays.

        Parameters
        ----------
        path
            Folder to write.
        force
            Replace an earlier result in that folder.

        Returns
        -------
        pathlib.Path
            The folder, for :func:`betaflow.read_run`, ``betaflow report`` and all other programs.
        """
        if not self.path.is_dir():
            raise Error("this result has no folder to save: use summary.to_dict()")
        return self._folder.copy_to(path, force=force)

    def report(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Write the report, one page of HTML that needs no network.

        Parameters
        ----------
        path
            File to write; None: ``report.html`` in the folder of the result.
        """
        try:
            written = Path(_native.call(["report", str(self.path)])[2] or self.path / "report.html")
        except Error as error:
            raise Error(in_python(str(error))) from None
        if path is None:
            return written
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(written, target)
        return target

    def __repr__(self) -> str:
        return f"<betaflow.{type(self).__name__}{self._headline()}>"

    def _headline(self) -> str:
        return ""

    def _repr_html_(self) -> str:
        from betaflow._html import page_of

        return page_of(self)

    def __reduce__(self) -> tuple[Any, ...]:
        state = (self.summary.to_dict(), self._page, self._folder.files(), self.notes, self._time_zone)
        return _unpickled, (type(self), *state)


def _unpickled(
    kind: type[R],
    summary: dict[str, Any],
    page: str | None,
    files: dict[str, bytes],
    notes: tuple[str, ...],
    zone: str | None,
) -> R:
    return kind(summary, page, Folder.of_files(files), notes, zone)


def _remedy(name: str) -> str:
    """Return the argument that writes a table."""
    arguments = {
        "smoothed": "estimate(..., smooth=True)",
        "parameters": "estimate(..., em=50)",
        "rolling": 'estimate(..., compare="rolling")',
        "betas": 'record={"betas": "rebalances"}',
        "weights": 'record={"weights": "rebalances"}',
    }
    return f"; {arguments[name]} writes it" if name in arguments else ""


class Run(Result):
    """Run of a strategy: :func:`betaflow.replay` and :func:`betaflow.score`."""

    @property
    def digest(self) -> str | None:
        """Digest of the ledger of all frames, 64 hexadecimal digits; None without a rebalance.

        Equal data and settings give an equal digest on every machine.
        """
        digest: str | None = self.summary.get("digest")
        return digest

    @property
    def equity(self) -> Table:
        """One row for each frame since the first rebalance: net asset value, exposure, turnover, costs."""
        return self.table("equity")

    @property
    def fills(self) -> Table:
        """One row for each fill: quantity (units), prices and costs (currency)."""
        return self.table("fills")

    @property
    def orders(self) -> Table:
        """One row for each order: quantity, filled quantity (units), state at the end."""
        return self.table("orders")

    @property
    def weights(self) -> Table:
        """One row for each rebalance and instrument: target and held weight (shares of net asset value)."""
        return self.table("weights")

    @property
    def attribution(self) -> Table:
        """One row for each frame: its change of net asset value by alpha, factors, residual and costs."""
        return self.table("attribution")

    @property
    def contributions(self) -> Table:
        """One row for each instrument: its change of net asset value over the run by cause (currency)."""
        return self.table("contributions")

    @property
    def betas(self) -> Table:
        """A row for each instrument at the end of each month (``record.betas``): alpha, betas, forecast, its error."""
        return self.table("betas")

    @property
    def instruments(self) -> Table:
        """One row for each instrument: quality of its one-step forecasts."""
        return self.table("instruments")

    @property
    def premia(self) -> Table:
        """One row for each frame and factor: expected factor return as sizing used it (per frame)."""
        return self.table("premia")

    @property
    def risk(self) -> Table:
        """One row for each frame and factor, and for the residual: contribution to the predicted variance (per frame)."""
        return self.table("risk")

    def plot(self) -> Any:
        """Return a plotly figure of the net asset value, before and after costs, and of the benchmark.

        Raises
        ------
        ImportError
            The package plotly is not installed.
        """
        from betaflow._plot import growth

        return growth(self)

    def _headline(self) -> str:
        net = (self.summary.get("metrics") or {}).get("net") or {}
        count = len(self.summary.get("warnings") or [])
        warnings = f", {count} warning{'s' * (count > 1)}" if count else ""
        return f": Sharpe {_figure(net.get('sharpe'))}{warnings}, digest {(self.digest or 'none')[:8]}"


class Estimate(Result):
    """Estimate of alpha and betas: :func:`betaflow.estimate`."""

    @property
    def betas(self) -> Table:
        """One row for each frame and instrument: alpha, betas, the forecast of the return and its error."""
        return self.table("betas")

    @property
    def instruments(self) -> Table:
        """One row for each instrument: quality of its one-step forecasts."""
        return self.table("instruments")

    @property
    def smoothed(self) -> Table:
        """One row for each frame and instrument: alpha and betas given all frames; with ``smooth=True``."""
        return self.table("smoothed")

    @property
    def parameters(self) -> Table:
        """One row for each instrument: the state-space model that EM fitted; with ``em=STEPS``."""
        return self.table("parameters")

    @property
    def rolling(self) -> Table:
        """One row for each frame and instrument: least squares over 252 days; with ``compare="rolling"``."""
        return self.table("rolling")


class Signal(Run):
    """Predictive power of forecasts, and the replay that trades them: :func:`betaflow.signal`."""

    @property
    def signal(self) -> Table:
        """One row for each cross-section and horizon: information coefficients, quantiles, turnover."""
        return self.table("signal")


class Study(Result):
    """Scenarios of a grid: :func:`betaflow.stress`."""

    @property
    def scenarios(self) -> Table:
        """One row for each scenario: settings, digest, metrics after and before costs, turnover, costs."""
        return self.table("scenarios")

    @property
    def scenario_returns(self) -> Table:
        """One row for each frame: the net return of each scenario."""
        return self.table("scenario_returns")


class Tuning(Study):
    """Settings chosen on training frames and tested on other ones: :func:`betaflow.tune`."""

    @property
    def folds(self) -> Table:
        """One row for each test block: dates, choice, scores, runner-up."""
        return self.table("folds")

    @property
    def out_of_sample(self) -> Table:
        """One row for each frame: returns of the choices, the unchanged settings, the best in hindsight."""
        return self.table("out_of_sample")

    @property
    def best(self) -> dict[str, Any]:
        """Recommended settings by table, for ``config=`` of any function; the data are arguments again."""
        tables: dict[str, dict[str, Any]] = json.loads(_native.read_toml(self.path / "best.toml"))
        # Tables in memory are no files that another call can open.
        return {
            table: {key: value for key, value in settings.items() if not str(value).startswith("memory:")}
            for table, settings in tables.items()
        }


class Score(Run):
    """Score of the hold-out: :func:`betaflow.score`; ``summary.holdout`` has its figures."""


class Luck(Result):
    """Trials tested for luck: :func:`betaflow.luck`."""

    @property
    def luck(self) -> Table:
        """One row for each trial: Sharpe ratio, standard error, deflated Sharpe ratio, track record."""
        return self.table("luck")

    @property
    def correlations(self) -> Table:
        """One row for each pair of trials: Pearson correlation of their returns."""
        return self.table("correlations")


class FactorStudy(Result):
    """Recent returns of factors: :func:`betaflow.factors`."""

    @property
    def factors(self) -> Table:
        """One row for each factor and window: return, volatility, t."""
        return self.table("factors")

    @property
    def premia(self) -> Table:
        """One row for each frame and factor: expected return and its standard deviation (per frame)."""
        return self.table("premia")


class Check(Result):
    """Findings in price data: :func:`betaflow.check`."""

    @property
    def findings(self) -> Table:
        """One row for each finding: time, symbol, problem, detail, severity."""
        return self.table("findings")

    def _headline(self) -> str:
        return f": {len(self.findings):,} findings"


class Rebalance(Result):
    """One rebalance in full: :func:`betaflow.size`.

    ``summary.problem`` and ``summary.solution`` can be verified with any solver.
    """


#: Class of a folder by the key ``kind`` of its summary.
KINDS: dict[str, type[Result]] = {
    "stress": Study,
    "tune": Tuning,
    "luck": Luck,
    "signal": Signal,
    "factors": FactorStudy,
}


def read_run(path: str | os.PathLike[str], *, time_zone: str | None = UTC) -> Any:
    """Open the folder of a result, of the program or of :meth:`Run.save`.

    Parameters
    ----------
    path
        Folder with ``summary.json``.
    time_zone
        Time zone of the timestamps of the tables, which files have in UTC; None: without one.

    Returns
    -------
    Run, Estimate, Score, Study, Tuning, Signal, FactorStudy or Luck
        Result by the kind of the folder, with the same attributes as that of the call.

    Raises
    ------
    InputError
        The folder has no summary of betaflow.
    """
    folder = Path(path)
    try:
        summary = parsed((folder / "summary.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder}: found no readable summary.json ({error}), expected the folder of a result",
            file=str(folder),
        ) from None
    return kind_of(summary)(summary, None, Folder(folder), time_zone=time_zone)


def kind_of(summary: dict[str, Any]) -> type[Result]:
    """Return the class of a summary."""
    kind = KINDS.get(summary.get("kind") or "")
    if kind is not None:
        return kind
    if (summary.get("holdout") or {}).get("opened"):
        return Score
    return Run if summary.get("strategy") else Estimate


def _figure(value: Any) -> str:
    return "not defined" if value is None else f"{value:.2f}"
