"""Contestants of a comparison, and the turns in which they run."""

from __future__ import annotations

import json
import os
import re
import resource
import selectors
import statistics
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

Arrays = Mapping[str, np.ndarray]

# Variables by which libraries choose their number of threads.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS")


class NotRun(Exception):
    """Reason why a contestant has no time."""


@dataclass(frozen=True)
class Times:
    """Seconds of one run."""

    wall: float
    processor: float


def environment(threads: int) -> dict[str, str]:
    """Return the environment of a contestant with this number of threads."""
    own = dict(os.environ)
    # Set on some machines for old builds of OpenBLAS; they slow a current one.
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        own.pop(name, None)
    own |= {name: str(threads) for name in THREADS}
    own |= {"JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "1", "POLARS_MAX_THREADS": str(threads)}
    if threads == 1:
        own["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    return own


def processors(threads: int) -> set[int]:
    """Return the processors that a contestant may use: the last ones."""
    return set(sorted(os.sched_getaffinity(0))[-threads:])


class Contestant(ABC):
    """One implementation, which can run jobs."""

    def __init__(self, name: str, threads: int) -> None:
        self.name, self.threads = name, threads
        self.versions: dict[str, str] = {}

    @abstractmethod
    def run(self, job: str, limit: float, save: bool) -> tuple[Times, Arrays | None]:
        """Run a job within a limit of seconds; with `save`, return its results too."""

    def close(self) -> None:
        """End all processes of the contestant."""


class Worker(Contestant):
    """A process that stays, and runs a job for each line on its input."""

    def __init__(self, name: str, threads: int, command: list[str], folder: Path) -> None:
        super().__init__(name, threads)
        self.command, self.folder = command, folder
        self.process: subprocess.Popen[bytes] | None = None
        self.reason = ""

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        # Errors of a worker that dies are shown from this file.
        self.errors = tempfile.TemporaryFile()
        try:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors,
                env=environment(self.threads),
                cwd=Path(__file__).parents[1],
                preexec_fn=lambda: os.sched_setaffinity(0, processors(self.threads)),
            )
        except OSError as error:
            self.fail(f"{self.command[0]}: {error.strerror}")
        answer = self.answer(300.0)
        self.versions = answer.get("versions", {})

    def answer(self, limit: float) -> dict:
        """Return the next line of the process."""
        assert self.process is not None and self.process.stdout is not None
        deadline, line = time.monotonic() + limit, b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    self.fail(f"more than {limit:.0f} s")
                part = os.read(self.process.stdout.fileno(), 1 << 16)
                if not part:
                    self.process.wait()
                    self.errors.seek(0)
                    text = self.errors.read().decode(errors="replace").strip().splitlines()
                    self.fail(text[-1][:300] if text else f"ended with {self.process.returncode}")
                line += part
        return json.loads(line)

    def fail(self, reason: str) -> None:
        """End the process and raise the reason, now and for every later job."""
        self.close()
        self.reason = reason
        raise NotRun(reason)

    def run(self, job: str, limit: float, save: bool) -> tuple[Times, Arrays | None]:
        if self.reason:
            raise NotRun(self.reason)
        if self.process is None:
            self.start()
        assert self.process is not None and self.process.stdin is not None
        path = self.folder / f"{re.sub('[^a-z0-9]+', '-', f'{self.name} {job}'.lower())}.npz" if save else None
        try:
            self.process.stdin.write(self.request(job, path))
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # The answer tells why the process ended.
        answer = self.answer(limit)
        if "error" in answer:
            raise NotRun(answer["error"])
        return Times(answer["wall"], answer["processor"]), self.results(job, path)

    def request(self, job: str, path: Path | None) -> bytes:
        """Return the line that asks for a job."""
        return (json.dumps({"job": job, "save": str(path) if path else None}) + "\n").encode()

    def results(self, job: str, path: Path | None) -> Arrays | None:
        """Return the results of the last job."""
        if path is None:
            return None
        with np.load(path) as stored:
            return dict(stored)

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


def python(name: str, threads: int, interpreter: Path, module: str, argument: dict, folder: Path) -> Worker:
    """Return a worker in Python."""
    command = [str(interpreter), "-m", f"comparison.workers.{module}", json.dumps(argument)]
    return Worker(name, threads, command, folder)


class Bench(Worker):
    """A benchmark program of betaflow with `--serve`; its results are files that it writes at its start."""

    def __init__(
        self, name: str, threads: int, command: list[str], folder: Path, read: Callable[[str], Arrays]
    ) -> None:
        super().__init__(name, threads, command, folder)
        self.read = read

    def request(self, job: str, path: Path | None) -> bytes:
        return f"{job}\n".encode()

    def results(self, job: str, path: Path | None) -> Arrays | None:
        return self.read(job) if path else None


class Program(Contestant):
    """A command that starts again for each run: its start, reading and writing are part of its time."""

    def __init__(
        self, name: str, threads: int, commands: Mapping[str, list[str]], read: Callable[[str], Arrays]
    ) -> None:
        super().__init__(name, threads)
        self.commands, self.read = commands, read

    def run(self, job: str, limit: float, save: bool) -> tuple[Times, Arrays | None]:
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        try:
            done = subprocess.run(
                self.commands[job],
                capture_output=True,
                timeout=limit,
                env=environment(self.threads),
                preexec_fn=lambda: os.sched_setaffinity(0, processors(self.threads)),
            )
        except subprocess.TimeoutExpired:
            raise NotRun(f"more than {limit:.0f} s") from None
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            raise NotRun(done.stderr.decode(errors="replace").strip()[:300])
        processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Times(wall, processor), self.read(job) if save else None


@dataclass
class Row:
    """Times of one contestant in one job."""

    contestant: Contestant
    job: str
    first: float | None = None
    runs: list[Times] = field(default_factory=list)
    difference: float | None = None
    reason: str = ""
    # Multiplies the times of a contestant that runs a part of the job.
    scale: float = 1.0

    @property
    def name(self) -> str:
        return self.contestant.name

    @property
    def wall(self) -> float:
        return self.scale * statistics.median(run.wall for run in self.runs)

    @property
    def processor(self) -> float:
        return self.scale * statistics.median(run.processor for run in self.runs)


def difference(found: Arrays, expected: Arrays, partial: bool = False) -> float:
    """Return the largest difference, relative to the largest value of its array, or to 1 if that is larger.

    With `partial`, the results may be those of the first instruments or rebalances.
    """
    worst = 0.0
    for name in found.keys() & expected.keys():
        a, b = np.asarray(found[name]), np.asarray(expected[name])
        if partial:
            b = b[: len(a)]
        if a.shape != b.shape:
            raise NotRun(f"results differ: `{name}` has the shape {a.shape}, expected {b.shape}")
        worst = max(worst, float(np.max(np.abs(a - b)) / max(np.max(np.abs(b)), 1.0)))
    if not found.keys() & expected.keys():
        raise NotRun("no result to compare")
    return worst if np.isfinite(worst) else float("inf")


@dataclass
class Entry:
    """A contestant with a job, and the job whose results it must equal if that is another one."""

    contestant: Contestant
    job: str
    expected: str | None = None
    # Share of the job that it runs is 1/scale: the first instruments, or the first rebalances.
    scale: float = 1.0
    # Turns of a contestant that is too slow for all of them.
    turns: int | None = None


def take_turns(
    entries: list[Entry], expected: Mapping[str, Arrays], tolerance: float, runs: int, limit: float
) -> list[Row]:
    """Run each entry once and check its results; then run those that agree in turns.

    The first run compiles and fills caches. It is kept apart from the medians.
    """
    rows, known = [], dict(expected)
    for entry in entries:
        row = Row(entry.contestant, entry.job, scale=entry.scale)
        rows.append(row)
        print(f"  {row.name}: {row.job}", file=sys.stderr, flush=True)
        start = time.perf_counter()
        try:
            times, results = entry.contestant.run(entry.job, limit, save=True)
            # Of a worker, the start of its process and its imports count too: a user waits for them.
            row.first = time.perf_counter() - start
            reference = known.setdefault(entry.expected or entry.job, results or {})
            if reference is not results:
                row.difference = difference(results or {}, reference, partial=entry.scale > 1.0)
                if row.difference > tolerance:
                    row.reason = f"results differ by {row.difference:.1e}"
        except NotRun as reason:
            row.reason = str(reason)
    for turn in range(runs):
        for row, entry in zip(rows, entries, strict=True):
            if row.reason or turn >= (entry.turns or runs):
                continue
            try:
                row.runs.append(row.contestant.run(row.job, limit, save=False)[0])
            except NotRun as reason:
                row.reason = str(reason)
    for contestant in {id(entry.contestant): entry.contestant for entry in entries}.values():
        contestant.close()
    return rows
