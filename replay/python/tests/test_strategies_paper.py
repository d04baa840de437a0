"""A strategy in Python trades a feed on paper, and continues with its state after a kill."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

#: Program of a paper run: strategy, feed and state folder are its arguments; it prints its digest.
PROGRAM = """
import sys
import betaflow
import numpy as np

class Trend(betaflow.Strategy):
    def __init__(self, decay):
        self.decay, self.frames, self.names = decay, 0, {"of", "no", "order"}
        self.mean = np.zeros(0)

    def observe(self, returns, factors):
        self.mean = np.append(self.mean, np.zeros(returns.shape[1] - len(self.mean)))
        for row in returns:
            self.frames += 1
            self.mean = self.decay * self.mean + (1 - self.decay) * np.nan_to_num(row)

    def decide(self, context):
        assert self.frames == context.seq + 1
        return 0.1 * self.mean

class Unsaved(Trend):
    def __init__(self, decay):
        super().__init__(decay)
        self.rule = lambda: None

_, kind, decay, url, state = sys.argv
settings = {"estimator": {"warmup": 40}, "sizing": {"rebalance_every": 5}}
strategy = globals()[kind](float(decay))
if url == "session":
    print(betaflow.replay(session=state, strategy=strategy).digest)
else:
    print(betaflow.paper(url, state=state, strategy=strategy, **settings).digest)
"""


@pytest.fixture
def feed() -> Iterator[str]:
    """Feed of the embedded data at a thousand bars a second."""
    command = [sys.executable, "-m", "betaflow", "serve", "--listen", "127.0.0.1:0", "--to", "2016-12-31"]
    server = subprocess.Popen([*command, "--speed", "86400000"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    yield server.stdout.readline().split()[-1]
    server.kill()
    server.wait()
    server.stdout.close()


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(*arguments: str) -> str:
    process = start(*arguments)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out.split()[-1]


def rows(state: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(state / "state.db") as connection:
        return [
            row
            for table in ("equity", "fills", "orders", "weights")
            for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2")
        ]


def frames(state: Path) -> int:
    try:
        with sqlite3.connect(state / "state.db") as connection:
            return connection.execute("SELECT max(seq) FROM equity").fetchone()[0] or 0
    except sqlite3.Error:
        return 0


def test_killed_run_resumes_with_the_state_of_the_strategy(feed: str, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    digest = run("Trend", "0.95", feed, str(whole))
    # Behind the first checkpoint, which follows after 256 frames, and again before the end.
    for seq in (300, 420):
        process = start("Trend", "0.95", feed, str(killed))
        while frames(killed) < seq and process.poll() is None:
            time.sleep(0.005)
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert run("Trend", "0.95", feed, str(killed)) == digest
    assert rows(killed) == rows(whole)
    assert len(rows(whole)) > 500

    # A replay of the recorded session is the same run.
    assert run("Trend", "0.95", "session", str(killed)) == digest

    # The same class with another parameter is another strategy.
    process = start("Trend", "0.9", feed, str(killed))
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1 and "settings" in err


def test_state_that_does_not_pickle_ends_the_run_at_its_first_checkpoint(feed: str, tmp_path: Path) -> None:
    process = start("Unsaved", "0.95", feed, str(tmp_path / "state"))
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "the state of the strategy `Unsaved`" in err and "pickle" in err


@pytest.mark.skipif(os.name != "posix", reason="sends an interrupt to a process")
def test_interrupt_ends_the_run_with_its_result(feed: str, tmp_path: Path) -> None:
    process = start("Trend", "0.95", feed, str(tmp_path / "state"))
    while frames(tmp_path / "state") < 100:
        time.sleep(0.005)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert len(out.split()[-1]) == 64
