"""Facts about the machine and the versions of a run."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path


def processor() -> str:
    """Return the name of the processor, with family and model, because a cloud often hides the name."""
    facts: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    level = "AVX-512" if "avx512f" in facts.get("flags", "") else "AVX2" if "avx2" in facts.get("flags", "") else "SSE2"
    name = facts.get("model name", platform.processor())
    return f"{name} (family {facts.get('cpu family')}, model {facts.get('model')}, {level})"


def busy() -> bool:
    """Tell whether other programs use the machine."""
    return os.getloadavg()[0] > 0.5 * len(os.sched_getaffinity(0))


def output(*command: str) -> str:
    """Return the output of a command, or a dash."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "-"


def facts(root: Path) -> list[list[str]]:
    """Return rows of label and value."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()
    return [
        ["processor", processor()],
        ["processors", str(len(os.sched_getaffinity(0)))],
        ["memory", f"{memory:.0f} GiB"],
        ["system", f"{platform.system()} {platform.release()}"],
        ["load before the run", f"{load[0]:.1f} over 1 minute, {load[2]:.1f} over 15"],
        ["rustc", output("rustc", "--version")],
        ["betaflow", output("git", "-C", str(root), "describe", "--always", "--dirty")],
        ["Python", platform.python_version()],
    ]
