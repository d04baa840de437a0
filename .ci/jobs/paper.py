#!/usr/bin/env python3
"""Runs `betaflow paper` against `betaflow serve` with faults, and checks memory, latency and digest.

    .ci/jobs/paper.py --program target/release/betaflow --minutes 60

The market has a bar a minute, day and night: a run of an hour has 12 days. (With a bar a day it would have 49 years, and each day
adds to the daily returns that the figures need.) Its instruments list late, leave the data and change their symbol; there are
spells of membership, splits and dividends. Files of forecasts arrive during the run, and a client reads the dashboard. Every few
seconds the memory of both processes is read from `/proc`. At the end:

* the memory of each process, as the mean of a minute, stays within 2 % of its settled minute, and that one within 4 MB of
  the fifth. The settled minute is the second one after the first segment (1,024 inputs move from the database into a
  Parquet file), which uses memory for the first time that the C library keeps for later segments;
* the median latency from message to decision of the last third is at most twice that of the first third;
* the digest equals that of the replay of the recorded session, and that of the replay of the file.

Needs Python 3.11 and Linux. The folder keeps data, state, logs, `minutes.csv` and the mappings of each minute.
"""

import argparse
import csv
import datetime
import random
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

INSTRUMENTS = 100
#: The first bar closes a minute after midnight.
START = datetime.datetime(2020, 1, 1, 0, 1)
#: Bars a day.
DAY = 1_440
#: Minutes before the first reference of memory, the largest rise in MB by the first segment, and the largest relative
#: change after it.
SETTLED = 5
STEP = 4.0
ALLOWED = 0.02
#: Largest ratio of the median latency of the last third to that of the first third.
SLOWER = 2.0
FAULTS = ["--drop", "0.02", "--duplicate", "0.02", "--reorder", "0.02", "--disconnect-every", "40s", "--stall", "2s"]
SETTINGS = {
    "estimator.warmup": "60",
    "sizing.weight_min": "-0.02",
    "strategy.horizon": "5",
    "strategy.valid_for": "30",
    "data.renames": "renames.csv",
    "universe.membership": "membership.csv",
}


def time_of(frame: int) -> str:
    """Return the time of a frame."""
    return f"{START + datetime.timedelta(minutes=frame):%Y-%m-%dT%H:%M:%SZ}"


def date(day: int) -> datetime.date:
    """Return the date of a day of the market."""
    return START.date() + datetime.timedelta(days=day)


def market(folder: Path, frames: int, seed: int) -> None:
    """Write prices, factors, symbol changes and spells of membership."""
    numbers = random.Random(seed)
    betas = [(0.5 + numbers.random(), numbers.random() - 0.5) for _ in range(INSTRUMENTS)]
    price = [20.0 + 80.0 * numbers.random() for _ in range(INSTRUMENTS)]
    # A fifth of the instruments lists during the run, a tenth leaves it, a tenth changes its symbol.
    listed = [numbers.randrange(frames) if i % 5 == 1 else 0 for i in range(INSTRUMENTS)]
    gone = [numbers.randrange(frames // 2, frames) if i % 10 == 2 else frames for i in range(INSTRUMENTS)]
    days = frames // DAY + 1
    renamed = {i: numbers.randrange(1, days) for i in range(3, INSTRUMENTS, 10) if days > 1}
    with (folder / "prices.csv").open("w") as prices, (folder / "factors.csv").open("w") as factors:
        prices.write("time,symbol,open,close,volume,dividend,split\n")
        factors.write("time,mkt,mom,rf\n")
        for frame in range(frames):
            mkt, mom = numbers.gauss(2e-4, 0.01), numbers.gauss(1e-4, 0.005)
            factors.write(f"{time_of(frame)},{mkt:.8f},{mom:.8f},0.00000003\n")
            for i in range(INSTRUMENTS):
                own = numbers.gauss(0.0, 0.012)
                change = betas[i][0] * mkt + betas[i][1] * mom + own
                # Prices stay in a range in which they have their digits.
                change -= 0.002 if price[i] > 500.0 else -0.002 if price[i] < 5.0 else 0.0
                opening = price[i] * (1.0 + 0.3 * own)
                price[i] *= max(0.2, 1.0 + change)
                absent = numbers.random() < 0.02
                splits = numbers.random() < 2e-4
                if absent and i or frame < listed[i] or frame >= gone[i]:
                    continue
                split = ""
                if splits:
                    price[i], opening, split = price[i] / 2.0, opening / 2.0, "2"
                dividend = f"{0.004 * price[i]:.6f}" if (frame + i) % 91 == 0 else ""
                symbol = f"R{i:02}" if (frame + 1) // DAY >= renamed.get(i, days) else f"S{i:02}"
                prices.write(f"{time_of(frame)},{symbol},{opening:.6f},{price[i]:.6f},{1000 + i},{dividend},{split}\n")
    with (folder / "renames.csv").open("w") as renames:
        renames.write("from_symbol,to_symbol,date\n")
        renames.writelines(f"S{i:02},R{i:02},{date(at)}\n" for i, at in sorted(renamed.items(), key=lambda row: row[1]))
    with (folder / "membership.csv").open("w") as members:
        members.write("symbol,from,to\n")
        for i in range(INSTRUMENTS):
            start = 0
            while start < days:
                end = days if i % 4 == 0 else start + numbers.randrange(1, 4)
                members.write(f"S{i:02},{date(start)},{date(end)}\n")
                start = end + numbers.randrange(1, 3)


def forecasts(path: Path, first: int, last: int, seed: int) -> None:
    """Write forecasts of the frames from `first` up to `last`, one set in five frames, under their final name at once."""
    numbers = random.Random(seed)
    hidden = path.with_name("." + path.name)
    with hidden.open("w") as rows:
        rows.write("time,symbol,forecast,known_at\n")
        for frame in range(first, last, 5):
            for i in range(INSTRUMENTS):
                rows.write(f"{time_of(frame)},S{i:02},{numbers.gauss(0.0, 0.004):.8f},{time_of(frame)}\n")
    hidden.rename(path)


def memory(process: int) -> dict[str, float]:
    """Return the resident memory of a process in MB: all, anonymous, and of files."""
    text = Path(f"/proc/{process}/smaps_rollup").read_text()
    sizes = {name: int(size) / 1024 for name, size in re.findall(r"^(\w+): +(\d+) kB", text, re.MULTILINE)}
    return {"rss": sizes["Rss"], "anonymous": sizes["Anonymous"], "file": sizes["Rss"] - sizes["Anonymous"]}


class Latency:
    """Latency from message to decision between two readings of the metrics."""

    def __init__(self) -> None:
        self.before: dict[float, float] = {}

    def since(self, metrics: str) -> float:
        """Return the median in ms since the reading before, interpolated in its bucket; NaN without a message."""
        pattern = r'^betaflow_latency_seconds_bucket\{([^}]*)\} ([\d.e+]+)$'
        now = {}
        for labels, count in re.findall(pattern, metrics, re.MULTILINE):
            if 'stage="message to decision"' in labels:
                now[float(re.search(r'le="([^"]*)"', labels)[1].replace("+Inf", "inf"))] = float(count)
        counts = {bound: count - self.before.get(bound, 0.0) for bound, count in now.items()}
        self.before = now
        half = max(counts.values(), default=0.0) / 2.0
        lower, below = 0.0, 0.0
        for bound, count in sorted(counts.items()):
            if count >= half > 0.0:
                return 1e3 * (lower + (bound - lower) * (half - below) / max(count - below, 1.0))
            lower, below = bound, count
        return float("nan")


def read(address: str, path: str) -> str:
    """Return the answer of the dashboard."""
    with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
        return answer.read().decode()


def digest(output: str) -> str:
    """Return the digest of a page of the terminal."""
    found = re.search(r"^ *Digest +([0-9a-f]{64})", output, re.MULTILINE)
    return found[1] if found else ""


def watch(folder: Path, paper: subprocess.Popen, serve: subprocess.Popen, address: str, plan: argparse.Namespace) -> list:
    """Follow both processes until the run ends; return one row for each minute."""
    latency, rows, samples = Latency(), [], []
    started = time.monotonic()
    deadline = started + 90 * plan.minutes + 120
    files = 1
    while paper.poll() is None:
        if time.monotonic() > deadline:
            sys.exit(f"the run did not end within {deadline - started:.0f} s")
        try:
            samples.append((memory(paper.pid), memory(serve.pid)))
            # What a page loads, and what it asks for.
            answers = [read(address, path) for path in ("/", "/api/state", "/metrics", "/healthz")]
        except (OSError, KeyError):
            # The process ends between the two steps.
            time.sleep(0.5)
            continue
        seconds = time.monotonic() - started
        at = int(plan.rate * seconds)
        if at > (files - 0.5) * plan.file_frames:
            # Before its first forecast is known.
            files += 1
            first = files * plan.file_frames
            forecasts(folder / "forecasts" / f"{files:04}.csv", first, first + plan.file_frames, plan.seed + files)
        if seconds >= 60 * (len(rows) + 1):
            row = {"minute": len(rows) + 1}
            for name, side in (("paper", 0), ("serve", 1)):
                for kind in ("rss", "anonymous", "file"):
                    values = [sample[side][kind] for sample in samples]
                    row[f"{name}_{kind}"] = round(sum(values) / len(values), 2)
            row["latency_ms"] = round(latency.since(answers[2]), 3)
            row["segments"] = len(list((folder / "state" / "session").glob("inputs-*.parquet")))
            row["frames"] = int(float((re.findall(r"^betaflow_frames (\S+)$", answers[2], re.MULTILINE) or ["0"])[0]))
            rows.append(row)
            samples = []
            print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
            with (folder / "minutes.csv").open("w") as out:
                table = csv.DictWriter(out, list(row))
                table.writeheader()
                table.writerows(rows)
            shutil.copyfile(f"/proc/{paper.pid}/smaps", folder / "smaps" / f"{len(rows):03}.txt")
        time.sleep(plan.every)
    return rows


def judge(rows: list) -> list[str]:
    """Return the limits that the minutes break."""
    broken = []
    with_segment = [row["minute"] for row in rows if row["segments"]]
    settled = max(SETTLED, min(with_segment, default=0) + 2)
    for name in ("paper", "serve"):
        memory_of = [row[f"{name}_rss"] for row in rows]
        if len(memory_of) <= settled:
            print(f"memory of {name}: too short a run, the settled minute is {settled}")
            continue
        early, reference, most = memory_of[SETTLED - 1], memory_of[settled - 1], max(memory_of[settled - 1 :])
        change = most / reference - 1.0
        print(f"memory of {name}: {early} MB in minute {SETTLED}, {reference} MB in minute {settled}, then at most {most} MB "
              f"({change:+.2%})")
        if reference - early > STEP:
            broken.append(f"the memory of {name} rose by {reference - early:.1f} MB, at most {STEP} MB are allowed")
        if change > ALLOWED:
            broken.append(f"the memory of {name} rose by {change:.2%}, at most {ALLOWED:.0%} is allowed")
    latencies = [row["latency_ms"] for row in rows if row["latency_ms"] == row["latency_ms"]]
    third = len(latencies) // 3
    if third:
        early, late = (sorted(part)[third // 2] for part in (latencies[:third], latencies[-third:]))
        print(f"median latency: {early} ms in the first third of the minutes, {late} ms in the last third")
        if late > SLOWER * early:
            broken.append(f"the latency rose from {early} ms to {late} ms, at most {SLOWER} times is allowed")
    return broken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/betaflow", help="the program")
    parser.add_argument("--minutes", type=float, default=60.0, help="length of the run")
    parser.add_argument("--rate", type=float, default=5.0, help="frames a second")
    parser.add_argument("--folder", default="target/long/paper", help="folder that is made for the run")
    parser.add_argument("--seed", type=int, default=7, help="seed of market and faults")
    parser.add_argument("--every", type=float, default=4.0, help="seconds between two readings")
    plan = parser.parse_args()
    # One file of forecasts in two minutes.
    plan.file_frames = max(10, int(120 * plan.rate))
    program, folder = str(Path(plan.program).resolve()), Path(plan.folder)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "smaps").mkdir(parents=True)
    (folder / "forecasts").mkdir()
    market(folder, int(plan.rate * 60 * plan.minutes), plan.seed)
    for file in range(2):
        first = file * plan.file_frames
        forecasts(folder / "forecasts" / f"{file:04}.csv", first, first + plan.file_frames, plan.seed + file)
    data = ["--prices", "prices.csv", "--factors", "factors.csv"]
    settings = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]
    speed = ["--speed", str(60 * plan.rate), "--seed", str(plan.seed)]
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (folder / "serve.log").open("w") as log:
        serve = subprocess.Popen(
            [program, "serve", "--listen", "127.0.0.1:0", *data, *speed, *FAULTS],
            cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True,
        )
    try:
        url = serve.stdout.readline().split()[-1]
        command = [program, "paper", "--url", url, "--state", "state", "--forecasts", "forecasts", "--log", "json"]
        with (folder / "paper.out").open("w") as out, (folder / "paper.log").open("w") as log:
            paper = subprocess.Popen(
                [*command, "--dashboard", address, *settings], cwd=folder, stdout=out, stderr=log
            )
        try:
            rows = watch(folder, paper, serve, address, plan)
        finally:
            paper.kill()
    finally:
        serve.kill()
    traded = digest((folder / "paper.out").read_text())
    broken = judge(rows)
    if not traded:
        broken.append(f"the run has no digest: {folder / 'paper.log'}")
    replays = {
        "session": ["--session", "state", "--out", "session"],
        "file": [*data, "--forecasts", "forecasts", *settings, "--out", "replayed"],
    }
    for name, arguments in replays.items():
        ended = subprocess.run(
            [program, "replay", *arguments, "--no-report"], cwd=folder, capture_output=True, text=True
        )
        print(f"digest of the {name}: {digest(ended.stdout) or ended.stderr}")
        if digest(ended.stdout) != traded:
            broken.append(f"the digest of the replay of the {name} differs from {traded}")
    print("\n".join(broken) or f"passed: digest {traded}")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
