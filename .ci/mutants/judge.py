"""Runs mutants against the tests that reach them."""

import json
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from programs import Test, run, traced
from sample import Mutant

# Tests up to these seconds run for all mutants before slower ones run for those that are left.
STEPS = (0.3, 2.0, 10.0, 60.0, 1e9)


class Judge:
    """Results of mutants, kept in a file between calls."""

    def __init__(self, folder: Path, jobs: int, seconds_max: float) -> None:
        self.tests_file = folder / "tests.json"
        self.results_file = folder / "results.json"
        self.pool = ThreadPoolExecutor(jobs)
        # Tests that take longer are left out.
        self.seconds_max = seconds_max
        self.results: dict[str, dict] = load(self.results_file)
        self.tests: list[Test] = []
        # Tests that failed for a mutant of a place: they run first for its neighbours.
        self.killers: dict[str, Counter[str]] = defaultdict(Counter)

    def trace(self, tests: list[Test]) -> list[str]:
        """Runs each test once without a mutant; returns the titles of those that fail, or take too long."""
        known = load(self.tests_file)

        def one(test: Test) -> Test | None:
            stored = known.get(test.key)
            if stored is not None:
                test.seconds, test.reaches = stored["seconds"], frozenset(stored["reaches"])
                return test
            return traced(test, min(self.seconds_max, 3600.0))

        done = list(self.pool.map(one, tests))
        self.tests = [test for test in done if test is not None]
        store(self.tests_file, {test.key: test.record() for test in self.tests})
        return [test.title for test, result in zip(tests, done, strict=True) if result is None]

    def pending(self, mutant: Mutant, step: float) -> list[Test]:
        """Returns the tests up to a time that reach a mutant and have not run for it, the most promising first."""
        passed = set(self.result(mutant)["passed"])
        limit = min(step, self.seconds_max)
        near, far = self.killers[f"{mutant.file} {mutant.function}"], self.killers[mutant.file]
        tests = [
            test
            for test in self.tests
            if mutant.number in test.reaches and test.seconds <= limit and test.source_key not in passed
        ]
        return sorted(tests, key=lambda test: (-near[test.title], -far[test.title] if test.seconds < 1 else 0, test.seconds))

    def result(self, mutant: Mutant) -> dict:
        """Returns the result of a mutant so far."""
        return self.results.setdefault(mutant.key, {"outcome": "survived", "by": "", "passed": []})

    def judge(self, mutant: Mutant, step: float) -> None:
        """Runs a mutant until a test fails."""
        result = self.result(mutant)
        for test in self.pending(mutant, step):
            seconds_max = 5.0 * test.seconds + 10.0
            outcome, _ = run(test, str(mutant.number), seconds_max)
            if outcome == "failed":
                # Again: a loaded machine fails tests too.
                outcome, _ = run(test, str(mutant.number), seconds_max)
            if outcome == "passed":
                result["passed"].append(test.source_key)
                continue
            result.update(outcome="timeout" if outcome == "timeout" else "caught", by=test.title)
            self.killers[f"{mutant.file} {mutant.function}"][test.title] += 1
            self.killers[mutant.file][test.title] += 1
            return

    def run(self, mutants: list[Mutant]) -> None:
        """Runs all mutants that are not caught yet."""
        for step in STEPS:
            left = [mutant for mutant in mutants if self.result(mutant)["outcome"] == "survived"]
            left = [mutant for mutant in left if self.pending(mutant, step)]
            if left:
                print(f"tests up to {min(step, self.seconds_max):g} s: {len(left)} mutants", flush=True)
            for start in range(0, len(left), 50):
                list(self.pool.map(lambda mutant: self.judge(mutant, step), left[start : start + 50]))
                store(self.results_file, self.results)
            if step >= self.seconds_max:
                break


def load(file: Path) -> dict:
    """Returns a stored table, empty before the first call."""
    return json.loads(file.read_text()) if file.exists() else {}


def store(file: Path, table: dict) -> None:
    """Writes a table."""
    new = file.with_suffix(".new")
    new.write_text(json.dumps(table))
    new.rename(file)
