"""Studies and estimations on a Ray cluster.

Scheduling, retries of lost workers, spilling and autoscaling are Ray's. A study is cut into chunks, the
shards of ``betaflow stress --shard I/N``; their results travel through the object store and merge on the
driver as ``betaflow merge`` does. No shared file system is needed for tables in memory. Every node needs this
package in the same version.

References
----------
Moritz, P., et al. (2018). Ray: A Distributed Framework for Emerging AI Applications. OSDI.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from betaflow import _commands, _native, _studies
from betaflow._call import Call, Reply, elsewhere
from betaflow._folder import Folder
from betaflow._frames import Columns, frame_of, is_path
from betaflow._messages import in_python, page_in_python
from betaflow._progress import shown
from betaflow._results import Estimate, Study, Tuning
from betaflow._summary import parsed
from betaflow._types import Data, Factors, Progress
from betaflow.errors import Error

__all__ = ["estimate_many", "stress", "tune"]

#: Chunks for each task that runs at a time: a slow chunk costs little, and few passes over the data are
#: repeated.
CHUNKS_A_TASK = 2
#: Tasks in flight for each one that runs at a time.
AHEAD = 2
#: Retries of a task whose worker is lost: the default of Ray.
MAX_RETRIES = 3


def stress(
    prices: Data | None = None,
    factors: Factors | None = None,
    *,
    grid: Mapping[str, Any] | Sequence[Mapping[str, Any]] | str | os.PathLike[str],
    chunks: int | None = None,
    cpus: int = 1,
    max_retries: int = MAX_RETRIES,
    progress: Progress = False,
    **settings: Any,
) -> Study:
    """Run the scenarios of :func:`betaflow.stress` on a Ray cluster.

    Parameters
    ----------
    prices, factors, grid
        Data and scenarios, as for :func:`betaflow.stress`. Tables are put into the object store once. Paths
        are read by every worker, and must exist on every node.
    chunks
        Number of chunks; None: two for each task that the cluster runs at a time. At most the number of
        scenarios. Scenarios that share a pass over the data stay together where that does not unbalance the
        chunks.
    cpus
        Processors of a task, and its threads.
    max_retries
        Retries of a chunk whose worker is lost.
    progress
        True for a bar, or a function of the number of chunks done and their total.
    settings
        All other arguments of :func:`betaflow.stress`, without `resume` and `processes`. A strategy in Python
        is pickled by cloudpickle.

    Returns
    -------
    Study
        Result with the same digests, tables and figures as that of :func:`betaflow.stress`.
        ``summary.timing`` sums the seconds and the passes of all chunks.

    Examples
    --------
    >>> study = betaflow.ray.stress(prices, factors, grid={"sizing.turnover_cap": [0.02, 0.08]})
    """
    with elsewhere(_Cluster(chunks, cpus, max_retries).study):
        return _studies.stress(prices, factors, grid=grid, progress=progress, **settings)


def tune(
    prices: Data | None = None,
    factors: Factors | None = None,
    *,
    grid: Mapping[str, Any] | Sequence[Mapping[str, Any]] | str | os.PathLike[str],
    chunks: int | None = None,
    cpus: int = 1,
    max_retries: int = MAX_RETRIES,
    progress: Progress = False,
    **settings: Any,
) -> Tuning:
    """Run the settings of :func:`betaflow.tune` on a Ray cluster; the choice is made on the driver.

    Parameters
    ----------
    prices, factors, grid, chunks, cpus, max_retries, progress
        Data and settings, as for :func:`stress`.
    settings
        All other arguments of :func:`betaflow.tune`, without `resume` and `processes`.

    Returns
    -------
    Tuning
        The same result as that of :func:`betaflow.tune`, except for ``summary.timing``.
    """
    with elsewhere(_Cluster(chunks, cpus, max_retries).study):
        return _studies.tune(prices, factors, grid=grid, progress=progress, **settings)


def estimate_many(
    data: Mapping[str, tuple[Data, Factors | None]] | Iterable[tuple[str, tuple[Data, Factors | None]]],
    *,
    cpus: int = 1,
    max_retries: int = MAX_RETRIES,
    progress: Progress = False,
    **settings: Any,
) -> Iterator[tuple[str, Estimate]]:
    """Run :func:`betaflow.estimate` for many data sets on a Ray cluster, one task each.

    Parameters
    ----------
    data
        Prices and factors by name, or pairs of a name and these. An iterable is read as results come in, so
        that it may be longer than memory. Factors that consecutive data sets share are put into the object
        store once.
    cpus
        Processors of a task.
    max_retries
        Retries of a task whose worker is lost.
    progress
        True for a bar, or a function of the number of estimations done and their total so far.
    settings
        All other arguments of :func:`betaflow.estimate`.

    Yields
    ------
    tuple of str and Estimate
        Name and result, in the order of completion; ``dict(estimate_many(...))`` collects them.

    Examples
    --------
    >>> for name, estimate in betaflow.ray.estimate_many({"us": (us, factors), "eu": (eu, factors)}):
    ...     print(name, estimate.summary.estimator.hedged_r2)
    """
    ray = _ray()
    cluster = _Cluster(None, cpus, max_retries)
    run = cluster.remote(_estimate)
    columns = Columns.of_settings(settings.get("data"))
    pairs: Iterable[Any] = data.items() if isinstance(data, Mapping) else data
    rest = iter(pairs)
    most = AHEAD * cluster.tasks()
    shared: tuple[Any, Any] = (None, None)
    pending: dict[Any, str] = {}
    done, total = 0, len(data) if isinstance(data, Sized) else 0
    with shown(progress, "estimate") as report, _cancelled(pending):
        while True:
            while len(pending) < most and (following := next(rest, None)) is not None:
                name, (prices, factors) = following
                if factors is not shared[0]:
                    shared = (factors, ray.put(_arrow(factors, "factors", columns)))
                prices_ref = ray.put(_arrow(prices, "prices", columns))
                pending[run.remote(prices_ref, shared[1], settings, os.getcwd())] = name
            if not pending:
                return
            for ref in ray.wait(list(pending), num_returns=1)[0]:
                name, result = pending[ref], ray.get(ref)
                del pending[ref]
                if isinstance(result, _Failure):
                    result.error.args = (f"{name}: {result.error}",)
                    raise result.error from result.cause
                done += 1
                if report is not None:
                    report(done, max(total, done + len(pending)))
                yield name, result


@dataclass(frozen=True)
class _Cluster:
    """Ray cluster as the place where calls run."""

    chunks: int | None
    cpus: int
    max_retries: int

    def __post_init__(self) -> None:
        for name, least in (("chunks", 1), ("cpus", 1), ("max_retries", -1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name}: found {value}, expected at least {least}")

    def tasks(self) -> int:
        """Number of tasks that the cluster runs at a time."""
        ray = _ray()
        if not ray.is_initialized():
            ray.init()
        return max(1, int(ray.cluster_resources().get("CPU", 1)) // self.cpus)

    def remote(self, function: Any) -> Any:
        """Return a function as a task of the cluster."""
        name = f"betaflow.ray.{function.__name__.strip('_')}"
        return _ray().remote(function).options(num_cpus=self.cpus, max_retries=self.max_retries, name=name)

    def study(self, call: Call, progress: Progress, folder: Folder, force: bool) -> Reply:
        """Run a study in chunks and merge them."""
        import pyarrow

        ray = _ray()
        if "--resume" in call.arguments:
            raise ValueError("resume: found True, expected False: Ray repeats lost chunks itself")
        if call.processes is not None:
            raise ValueError(f"processes: found {call.processes}, expected none: see chunks and cpus")
        arguments, trials = _split(call.arguments, "--trials")
        grid = None if call.grid is None else json.dumps(call.grid)
        tasks = self.tasks()
        scenarios = _native.scenarios(arguments[arguments.index("--grid") + 1], grid)
        of = min(scenarios, self.chunks or CHUNKS_A_TASK * tasks)
        work = ray.put(_Work(call.command, arguments, call.settings, grid, call.strategy, os.getcwd()))
        names = list(call.frames)
        tables = [ray.put(pyarrow.table(frame.table)) for frame in call.frames.values()]
        run = self.remote(_shard)
        shards = Folder()
        shards.path.mkdir()
        pending = {
            run.remote(work, f"{number}/{of}", self.cpus, names, *tables): number
            for number in range(1, of + 1)
        }
        with shown(progress, call.command) as report, _cancelled(pending):
            while pending:
                # A chunk is one reference, however often Ray runs it.
                for ref in ray.wait(list(pending), num_returns=1)[0]:
                    result = ray.get(ref)
                    if isinstance(result, _Failure):
                        raise result.error from result.cause
                    _write(shards.path / str(pending.pop(ref)), result)
                    if report is not None:
                        report(of - len(pending), of)
        merge = ["merge", str(shards.path), "--out", str(folder.path), "--no-report", *trials]
        text, page, _, notes = _native.call([*merge, "--force"] if force else merge)
        return Reply(parsed(text), page_in_python(page), folder, tuple(map(in_python, notes)), call.time_zone)


@dataclass(frozen=True)
class _Work:
    """Study as its chunks share it."""

    command: str
    arguments: list[str]
    settings: list[Any]
    grid: str | None
    strategy: Any
    #: Current folder of the driver, for relative paths.
    current: str


@dataclass(frozen=True)
class _Failure:
    """Error of a task, which no retry would change."""

    error: Error
    #: Exception of a strategy in Python; None if it cannot be pickled.
    cause: BaseException | None

    @classmethod
    def of(cls, error: Error) -> _Failure:
        """Return the failure with an error."""
        try:
            importlib.import_module("ray.cloudpickle").dumps(error.__cause__)
        except Exception:
            return cls(error, None)
        return cls(error, error.__cause__)


def _shard(
    work: _Work, shard: str, threads: int, names: list[str], *tables: Any
) -> dict[str, bytes] | _Failure:
    """Run a shard in a worker and return the files of its folder, or the error."""
    folder = Folder()
    with _within(work.current):
        try:
            _native.call(
                [
                    work.command,
                    *work.arguments,
                    "--shard",
                    shard,
                    "--threads",
                    str(threads),
                    "--out",
                    str(folder.path),
                ],
                settings=work.settings,
                tables=list(zip(names, tables, strict=True)),
                grid=work.grid,
                strategy=work.strategy,
            )
        except Error as error:
            return _Failure.of(error)
    return folder.files()


def _estimate(prices: Any, factors: Any, settings: dict[str, Any], current: str) -> Estimate | _Failure:
    """Run an estimation in a worker and return its result, or the error."""
    with _within(current):
        try:
            return _commands.estimate(prices, factors, **settings)
        except Error as error:
            return _Failure.of(error)


def _ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise ImportError('betaflow.ray needs Ray: pip install "betaflow[ray]"') from error


def _arrow(data: Any, name: str, columns: Columns) -> Any:
    """Return a table as one of pyarrow, which workers read without a copy; all other data as it is."""
    import pyarrow

    if isinstance(data, (list, tuple)):
        return [_arrow(part, name, columns) for part in data]
    if data is None or isinstance(data, (bool, Mapping)) or is_path(data):
        return data
    return pyarrow.table(frame_of(data, name, columns).table)


def _split(arguments: list[str], flag: str) -> tuple[list[str], list[str]]:
    """Return arguments without a flag and its value, and these two."""
    if flag not in arguments:
        return list(arguments), []
    at = arguments.index(flag)
    return arguments[:at] + arguments[at + 2 :], arguments[at : at + 2]


def _write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)


@contextlib.contextmanager
def _within(folder: str) -> Iterator[None]:
    """Make a folder the current one where it exists."""
    before = os.getcwd()
    if os.path.isdir(folder):
        os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def _cancelled(pending: Mapping[Any, Any]) -> Iterator[None]:
    """Cancel the tasks that have not ended at an interruption.

    After an error they end by themselves: Ray may abort the driver if a task ends while it is cancelled.
    """
    try:
        yield
    except KeyboardInterrupt:
        if pending:
            ray = _ray()
            for ref in ray.wait(list(pending), num_returns=len(pending), timeout=0)[1]:
                ray.cancel(ref)
        raise
