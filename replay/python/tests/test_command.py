"""The command `betaflow` of the package: output, exit codes, Ctrl-C, colours, time to start."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

if sys.platform == "win32":
    pytest.skip("signals and terminals of Unix", allow_module_level=True)

import pty
import resource

COMMAND = [sys.executable, "-m", "betaflow"]
TUTORIAL = "619432b84b3fc64a71723f954b144b2c56d8c51b550875850b57e6660b624065"


def run(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=120, **more)


def cpu_seconds(command: list[str]) -> float:
    """Return the processor time of a command, the least of three."""
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def test_version_and_help() -> None:
    version = run("--version")
    assert version.returncode == 0
    assert re.fullmatch(r"betaflow \d+\.\d+\.\d+\n", version.stdout)
    help_page = run("--help")
    assert help_page.returncode == 0
    assert "replay" in help_page.stdout and "Usage: betaflow" in help_page.stdout


def test_wheel_has_the_version_of_the_command_and_serves_later_versions_of_python() -> None:
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        installed = distribution("betaflow")
    except PackageNotFoundError:
        pytest.skip("betaflow is imported from its sources and is not installed")
    assert run("--version").stdout == f"betaflow {installed.version}\n"
    assert "Tag: cp310-abi3-" in (installed.read_text("WHEEL") or "")


def test_replay_has_the_digest_of_the_program(tmp_path: Path) -> None:
    ended = run("replay", "--json", "--no-report", "--out", str(tmp_path / "run"))
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["digest"] == TUTORIAL
    assert (tmp_path / "run" / "equity.parquet").is_file()


def test_output_without_a_line_end_is_written() -> None:
    schema = run("schema")
    assert schema.returncode == 0
    assert json.loads(schema.stdout)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("nonsense",), 2),
        (("replay", "--prices", "missing.parquet"), 1),
        (("replay", "--set", "sizing.turnover_kap=1"), 1),
    ],
)
def test_errors_have_exit_codes(arguments: tuple[str, ...], code: int, tmp_path: Path) -> None:
    ended = run(*arguments, cwd=tmp_path)
    assert ended.returncode == code
    assert ended.stderr.startswith("error: ") and "Traceback" not in ended.stderr
    assert ended.stdout == "" and list(tmp_path.iterdir()) == []


def test_closed_output_is_no_failure() -> None:
    ended = subprocess.run(
        f"'{sys.executable}' -m betaflow replay --help | head -1", shell=True, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0 and ended.stderr == ""


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_replay_ends_with_130_and_leaves_no_folder(kind: signal.Signals, tmp_path: Path) -> None:
    # Offline estimation of all frames takes minutes.
    prices, factors = write_panel(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    arguments = ["replay", "--prices", prices, "--factors", factors, "--out", str(out / "run")]
    child = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wait_for(lambda: list(out.iterdir()), child)
    child.send_signal(kind)
    assert child.wait(timeout=20) == 130, child.stderr
    assert list(out.iterdir()) == []


def test_interrupted_paper_run_stops_after_its_frame_and_continues(tmp_path: Path) -> None:
    feed = subprocess.Popen(
        [*COMMAND, "serve", "--from", "2021-06-01", "--speed", "864000", "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert feed.stdout is not None
        url = next(found[0] for line in feed.stdout if (found := re.search(r"ws://127\.0\.0\.1:\d+", line)))
        state = tmp_path / "state"
        arguments = ["paper", "--url", url, "--state", str(state)]
        child = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: (state / "state.db").is_file(), child)
        time.sleep(1)
        child.send_signal(signal.SIGINT)
        page, notes = child.communicate(timeout=20)
        assert child.returncode == 0, notes
        assert "stopping after the current frame" in notes and "Digest" in page
        again = run(*arguments, "--for", "1s")
        assert again.returncode == 0, again.stderr
    finally:
        feed.send_signal(signal.SIGINT)
        feed.wait(timeout=20)


def test_terminal_has_colours_and_a_pipe_none(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "CLICOLOR")}
    environment["TERM"] = "xterm-256color"
    plain = run("replay", "--no-report", "--out", str(tmp_path / "plain"), env=environment)
    assert "\x1b[" not in plain.stdout
    shown = on_terminal([*COMMAND, "replay", "--no-report", "--out", str(tmp_path / "shown")], environment)
    assert "\x1b[" in shown
    quiet = on_terminal([*COMMAND, "replay", "--no-report", "--out", str(tmp_path / "quiet")], environment | {"NO_COLOR": "1"})
    assert "\x1b[1m" not in quiet


def test_import_and_start_are_fast() -> None:
    bare = cpu_seconds([sys.executable, "-c", ""])
    assert cpu_seconds([sys.executable, "-c", "import betaflow"]) - bare < 0.15
    assert cpu_seconds([*COMMAND, "--version"]) < 0.2


def test_import_loads_no_library_of_tables() -> None:
    code = "import betaflow, sys; print(*sorted({'numpy', 'pandas', 'polars', 'pyarrow', 'duckdb', 'ray'} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == ""


def wait_for(condition: Any, child: subprocess.Popen[Any]) -> None:
    start = time.monotonic()
    while not condition():
        assert child.poll() is None, child.stderr and child.stderr.read()
        assert time.monotonic() - start < 60
        time.sleep(0.01)


def on_terminal(command: list[str], environment: dict[str, str]) -> str:
    """Return the output of a command on a pseudo-terminal."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, close_fds=True)
    os.close(theirs)
    parts = []
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    os.close(ours)
    assert child.wait(timeout=120) == 0
    return b"".join(parts).decode()


def write_panel(folder: Path) -> tuple[str, str]:
    """Write prices of 300 instruments over 16 years and a factor: some seconds of work."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(1)
    dates = pd.bdate_range("2005-01-03", periods=4000, name="date")
    market = rng.normal(0.0004, 0.01, len(dates))
    wide = pd.DataFrame(
        50 * np.exp(np.cumsum(market[:, None] + rng.normal(0, 0.012, (len(dates), 300)), axis=0)),
        index=dates,
        columns=[f"S{at:03d}" for at in range(300)],
    )
    prices, factors = folder / "prices.parquet", folder / "factors.parquet"
    wide.reset_index().to_parquet(prices, index=False)
    pd.DataFrame({"date": dates, "mkt": market}).to_parquet(factors, index=False)
    return str(prices), str(factors)
