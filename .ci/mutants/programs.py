"""Test programs, their tests, and the mutants that each test reaches."""

import hashlib
import os
import resource
import signal
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

MEMORY_BYTES = 8 << 30
FILE_BYTES = 2 << 30


@dataclass
class Test:
    """One test of a test program."""

    program: str
    folder: str
    name: str
    # Hash of the program: what is known of the test holds for it.
    binary: str
    # Hash of the sources of the test, without those of the library that it tests.
    source: str
    seconds: float = 0.0
    reaches: frozenset[int] = frozenset()

    @property
    def key(self) -> str:
        """Key of what is known of the test."""
        return f"{self.binary[:16]} {self.name}"

    @property
    def source_key(self) -> str:
        """Key of the test in the results of mutants."""
        return f"{self.source[:16]} {self.title}"

    @property
    def title(self) -> str:
        """Name of the test with its program."""
        return f"{Path(self.program).name.rsplit('-', 1)[0]}::{self.name}"

    def record(self) -> dict:
        """Returns the test as it is stored."""
        return {**asdict(self), "reaches": sorted(self.reaches)}


def limit() -> None:
    """Bounds what a mutated program can use, in the process that becomes it."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(test: Test, mutant: str, seconds_max: float, trace: str = "") -> tuple[str, float]:
    """Runs one test; returns `passed`, `failed` or `timeout`, and the seconds that it took."""
    started = time.monotonic()
    environment = {**os.environ, "MUTANT": mutant, "MUTANT_TRACE": trace, "CARGO_MANIFEST_DIR": test.folder}
    with tempfile.TemporaryDirectory(prefix="mutant-") as temporary:
        environment["TMPDIR"] = temporary
        process = subprocess.Popen(
            [test.program, "--exact", test.name, "--test-threads", "1"],
            cwd=test.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=limit,
        )
        try:
            outcome = "passed" if process.wait(seconds_max) == 0 else "failed"
        except subprocess.TimeoutExpired:
            outcome = "timeout"
        try:
            # Programs that a test started and left.
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
    return outcome, time.monotonic() - started


def tests_of(messages: list[dict]) -> list[Test]:
    """Returns the tests of the programs that `cargo test --no-run` has named."""
    tests: list[Test] = []
    for message in messages:
        if message["reason"] != "compiler-artifact" or not message["executable"] or not message["profile"]["test"]:
            continue
        program, folder = message["executable"], str(Path(message["manifest_path"]).parent)
        listed = subprocess.run(
            [program, "--list", "--format", "terse"], cwd=folder, stdout=subprocess.PIPE, text=True, check=False
        ).stdout
        ignored = subprocess.run(
            [program, "--list", "--format", "terse", "--ignored"], cwd=folder, stdout=subprocess.PIPE, text=True, check=False
        ).stdout.splitlines()
        binary = hashlib.sha256(Path(program).read_bytes()).hexdigest()
        for line in sorted(set(listed.splitlines()) - set(ignored)):
            name, _, kind = line.rpartition(": ")
            if kind == "test":
                file = Path(message["target"]["src_path"])
                if file.stem.startswith("every_"):
                    module = name.split("::")[0] + ".rs"
                    file = next(path for path in (file.with_name(module), file.parents[1] / module) if path.exists())
                tests.append(Test(program, folder, name, binary, source_hash(file)))
    return tests


@cache
def source_hash(file: Path) -> str:
    """Returns the hash of a test's sources: its file with the common helpers, or the library of unit tests."""
    tests = file.parents[1] if file.parent.name == "suite" else file.parent
    if tests.name == "tests":
        files = [file, *tests.glob("support/**/*.rs"), *file.with_suffix("").rglob("*.rs")]
    else:
        files = [path for path in file.parent.rglob("*.rs") if path.name != "mutant.rs"]
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def traced(test: Test, seconds_max: float) -> Test | None:
    """Returns a test with its time and the mutants that it reaches; none if it fails without a mutant."""
    with tempfile.NamedTemporaryFile(prefix="trace-") as file:
        outcome, test.seconds = run(test, "trace", seconds_max, file.name)
        test.reaches = frozenset(int(line) for line in Path(file.name).read_text().split())
    if outcome != "passed" and test.reaches:
        # Reporting allocates and takes time, which a few tests forbid.
        outcome, test.seconds = run(test, "0", seconds_max)
    return test if outcome == "passed" else None
