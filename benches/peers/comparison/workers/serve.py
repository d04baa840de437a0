"""Loop of a worker: runs the job that each line on the input names, and prints its times as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]
Job = Callable[[], Arrays]


def say(**line: object) -> None:
    """Print one line of JSON."""
    print(json.dumps(line), file=ANSWERS, flush=True)


def serve(jobs: Mapping[str, Job], packages: tuple[str, ...]) -> None:
    """Answer lines of `{"job": name, "save": path or null}` until the input ends.

    The time is that of the job alone: imports are over, and the caller does not count a first run, which
    compiles.
    """
    say(ready=list(jobs), versions={name: version(name) for name in packages})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            wall, processor = time.perf_counter(), time.process_time()
            result = jobs[request["job"]]()
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
            if request["save"]:
                np.savez(Path(request["save"]), **result)
            say(wall=wall, processor=processor)
        except Exception as error:  # The table shows the reason in place of a time.
            say(error=f"{type(error).__name__}: {error}"[:300])


def argument() -> dict[str, Any]:
    """JSON object that the program was started with."""
    return json.loads(sys.argv[1])


# Packages that print would break the protocol: their text goes to standard error.
ANSWERS = sys.stdout
sys.stdout = sys.stderr
