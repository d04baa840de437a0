"""Stress tests and tunings of a strategy in Python by several processes.

In one process, the strategies of all scenarios share Python's lock. So each worker process runs one shard,
and the shards are merged: the result equals that of one process to the bit.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from betaflow import _native
from betaflow.errors import Error, StrategyError

#: Result of a call: summary as JSON, page, folder and notes.
Result = tuple[str, str, "str | None", list[str]]

#: Flags of a study that belong to the merged folder; those of the second set have a value.
OF_MERGE = {"--no-report", "--force", "--json"}
OF_MERGE_WITH_VALUE = {"--out", "--trials"}
#: Flag without an effect: shards are in temporary folders, which no later run finds.
RESUME = "--resume"

#: Note of a study whose strategy other processes cannot have.
IN_ONE_PROCESS = (
    "the scenarios ran in one process, because others cannot import the class of the strategy: define it in "
    "a module, or install cloudpickle"
)


@dataclass(frozen=True)
class Shard:
    """Work of one process."""

    #: Command with its arguments, without a folder.
    arguments: list[str]
    settings: list[tuple[str, str | None, str | None, str]]
    #: Names of the tables, and the files with their rows.
    tables: list[tuple[str, str]]
    grid: str | None
    #: Pickled strategy.
    strategy: bytes
    number: int
    count: int
    folder: str


def processes_of(processes: int | None) -> int:
    """Return the number of worker processes: by default that of the processors.

    Raises
    ------
    ValueError
        The number is below 1.
    """
    if processes is None:
        affinity = getattr(os, "sched_getaffinity", None)
        return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    if isinstance(processes, bool) or not isinstance(processes, int) or processes < 1:
        raise ValueError(f"processes: found {processes!r}, expected a whole number of 1 or more, or None")
    return processes


def call_in_processes(
    arguments: Sequence[str],
    *,
    settings: Sequence[tuple[str, str | None, str | None, str]] = (),
    tables: Sequence[tuple[str, Any]] = (),
    grid: str | None = None,
    strategy: object,
    progress: Callable[[int, int], object] | None = None,
    processes: int | None = None,
) -> Result:
    """Run a study (``stress`` or ``tune``) with a strategy in Python, and return the result of the call.

    Parameters
    ----------
    arguments, settings, tables, grid, strategy
        Arguments of the native call.
    progress
        Function of the number of shards done and their number.
    processes
        Number of worker processes; None for that of the processors.

    Raises
    ------
    Error
        The strategy cannot be pickled, or a process ends early.
    """
    count = processes_of(processes)
    if count > 1:
        # A shard has at least one scenario.
        count = min(count, _native.scenarios(arguments[arguments.index("--grid") + 1], grid))
    pickled = None if count == 1 else _pickled(strategy, required=processes is not None)
    if pickled is None:
        text, page, path, notes = _native.call(
            arguments, settings=settings, tables=tables, grid=grid, strategy=strategy, progress=progress
        )
        return text, page, path, notes if count == 1 else [*notes, IN_ONE_PROCESS]
    own, merged = _divided(arguments)
    with tempfile.TemporaryDirectory(prefix="betaflow-") as folder:
        files = [
            (name, _written(table, Path(folder) / f"{at}.arrow")) for at, (name, table) in enumerate(tables)
        ]
        shards = [
            Shard(own, list(settings), files, grid, pickled, number, count, f"{folder}/shard{number}")
            for number in range(1, count + 1)
        ]
        _run(shards, progress)
        merge = ["merge", *(shard.folder for shard in shards), *merged]
        return _native.call(merge, strategy=strategy)


def _run(shards: list[Shard], progress: Callable[[int, int], object] | None) -> None:
    # A new process shares no lock and no thread with this one, unlike a forked one.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(shards), mp_context=context) as pool:
        running = [pool.submit(run_shard, shard) for shard in shards]
        try:
            for done, future in enumerate(as_completed(running), 1):
                failed = future.result()
                if failed is not None:
                    error, cause = failed
                    raise error from cause
                if progress is not None:
                    progress(done, len(shards))
        except BrokenProcessPool:
            raise Error(
                "a worker process ended before its result; in a script, put the call under "
                '`if __name__ == "__main__":`, because each process imports the script, or use processes=1'
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def run_shard(shard: Shard) -> tuple[StrategyError, BaseException | None] | None:
    """Run a shard in a process of its own, and return the error of its strategy with the cause."""
    try:
        _call(shard)
    except StrategyError as error:
        return error, _portable(error.__cause__)
    return None


def _portable(cause: BaseException | None) -> BaseException | None:
    """Return an exception that another process can read: the same, or one with its text."""
    try:
        pickle.loads(pickle.dumps(cause))
    except Exception:
        return RuntimeError(f"{type(cause).__name__}: {cause}")
    return cause


def _call(shard: Shard) -> None:
    _native.call(
        # Threads of one process would wait for Python's lock.
        [
            *shard.arguments,
            "--threads",
            "1",
            "--shard",
            f"{shard.number}/{shard.count}",
            "--out",
            shard.folder,
        ],
        settings=shard.settings,
        tables=[(name, _read(file)) for name, file in shard.tables],
        grid=shard.grid,
        strategy=pickle.loads(shard.strategy),
    )


def _divided(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the arguments of the shards, and those of the merged folder."""
    own: list[str] = []
    merged: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument in OF_MERGE:
            merged.append(argument)
        elif argument in OF_MERGE_WITH_VALUE:
            merged += [argument, next(rest)]
        elif argument != RESUME:
            own.append(argument)
    return own, merged


def _pickled(strategy: object, *, required: bool) -> bytes | None:
    """Return the pickled strategy; None if others cannot import its class and they are not required."""
    kind = type(strategy)
    # Other processes import a script as a module, but not a notebook.
    is_importable = kind.__module__ != "__main__" or hasattr(sys.modules["__main__"], "__file__")
    try:
        if is_importable:
            return pickle.dumps(strategy)
        import cloudpickle  # type: ignore[import-not-found, import-untyped, unused-ignore]

        pickled: bytes = cloudpickle.dumps(strategy)
        return pickled
    except Exception as error:
        if not required:
            return None
        remedy = "" if is_importable else ", or install cloudpickle"
        raise Error(
            f"strategy: could not pickle the object of the class {kind.__name__} for other processes "
            f"({error}); define the class in a module{remedy}, or use processes=1"
        ) from error


def _written(table: Any, path: Path) -> str:
    """Write a table as an Arrow file, and return its path."""
    try:
        import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        import polars as pl

        pl.DataFrame(table).write_ipc(path)
        return str(path)
    rows = pa.table(table)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
        writer.write_table(rows)
    return str(path)


def _read(path: str) -> Any:
    """Return the table of an Arrow file, whose rows stay in the file until they are read."""
    try:
        import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        import polars as pl

        return pl.read_ipc(path)
    with pa.memory_map(path) as file:
        return pa.ipc.open_file(file).read_all()
