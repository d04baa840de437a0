"""Mutation testing with all mutants of a sample in one build.

`cargo mutants` names the mutants; a copy of the tree has each of them behind a switch that is read when a test starts.
So one build serves thousands of mutants, and for each of them only the tests run that reach it, the fastest first.

    .ci/long mutants [MODULE | all] [COUNT] [SEED]
"""

import argparse
import os
import re
import subprocess
import time
from collections import Counter
from pathlib import Path

from judge import Judge, load, store
from programs import tests_of
from sample import MODULES, Mutant, every_mutant, shuffled
from tree import Tree, expressible

ROOT = Path(__file__).resolve().parents[2]
CRATES = ("engine", "connectors", "strategies", "replay")


def arguments() -> argparse.Namespace:
    """Returns the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("module", nargs="?", default="all", help=f"all, or some of {', '.join(MODULES)} by comma")
    parser.add_argument("count", nargs="?", type=int, default=300, help="mutants a module")
    parser.add_argument("seed", nargs="?", type=int, default=1, help="seed of the samples")
    parser.add_argument("--crates", default=",".join(CRATES), help="crates whose tests run")
    parser.add_argument("--folder", type=Path, default=ROOT / "target/mutants", help="copy of the tree, builds, results")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="tests at the same time")
    parser.add_argument("--seconds-max", type=float, default=1e9, help="leave out tests that take longer")
    parser.add_argument("--survivors", type=Path, help="folder for one list of survivors a module")
    parser.add_argument("--slot", default="", help="command before each compilation")
    parser.add_argument("--plain", action="store_true", help="run `cargo mutants` on the sample: one build a mutant")
    parser.add_argument("--list", action="store_true", help="print the names of the sampled mutants, and end")
    return parser.parse_args()


def plain(mutants: list[Mutant]) -> None:
    """Becomes `cargo mutants` for the sample."""
    # Only these: the escape of `<` is a border of words.
    escaped = (re.sub(r"([\\\\.+*?()|\[\]{}^$])", r"\\\1", mutant.name) for mutant in mutants)
    names = [argument for name in escaped for argument in ("--re", f"^{name}$")]
    os.chdir(ROOT)
    os.execlp("cargo", "cargo", "mutants", "--workspace", "--output", "target/mutants", *names)


def build(tree: Tree, mutants: list[Mutant], crates: list[str]) -> tuple[list[Mutant], dict[int, str], list[dict]]:
    """Compiles the test programs without the mutants that do not compile; returns the other mutants, the errors, and
    the compiler's messages."""
    # Known from an earlier call: the same tree is not compiled again.
    file = tree.folder.parent / "unviable.json"
    known = load(file)
    unviable = {mutant.number: known[mutant.key] for mutant in mutants if mutant.key in known}
    while True:
        kept = [mutant for mutant in mutants if mutant.number not in unviable]
        tree.copy(kept)
        names = [name for crate in crates for name in tree.gather_tests(crate)]
        targets = [argument for name in names for argument in ("--test", name)]
        # Always the whole workspace: a part of it has other features, and compiles all third-party crates again.
        messages, code = tree.cargo(["test", "--workspace", "--no-run", *targets])
        if code == 0:
            return kept, unviable, messages
        found = tree.culprits(messages)
        if not found:
            raise SystemExit("the copy does not compile, for no mutant")
        print(f"{len(found)} mutants do not compile", flush=True)
        unviable.update(found)
        known.update({mutant.key: found[mutant.number] for mutant in mutants if mutant.number in found})
        store(file, known)


def report(judge: Judge, sampled: list[Mutant], kept: list[Mutant], survivors: Path | None) -> None:
    """Prints the survivors and the table by module."""
    reached = frozenset().union(*(test.reaches for test in judge.tests))
    rows = []
    for module in MODULES:
        mutants = [mutant for mutant in kept if mutant.module == module]
        if not mutants:
            continue
        outcomes = Counter(judge.result(mutant)["outcome"] for mutant in mutants)
        count = sum(mutant.module == module for mutant in sampled)
        share = (outcomes["caught"] + outcomes["timeout"]) / len(mutants)
        rows.append((module, count, count - len(mutants), outcomes["caught"], outcomes["timeout"], outcomes["survived"], share))
        lines = [
            mutant.name + ("" if mutant.number in reached else "  (no test reaches it)")
            for mutant in sorted(mutants, key=lambda mutant: (mutant.file, mutant.start))
            if judge.result(mutant)["outcome"] == "survived"
        ]
        print(f"\n{module}, survivors:", *lines, sep="\n  ")
        if survivors is not None:
            survivors.mkdir(parents=True, exist_ok=True)
            (survivors / f"{module}.txt").write_text("".join(line + "\n" for line in lines))
    print(f"\n{'module':12}{'sampled':>9}{'unviable':>9}{'caught':>9}{'timeout':>9}{'survived':>9}{'caught':>9}")
    for module, *counts, share in rows:
        print(f"{module:12}" + "".join(f"{count:9}" for count in counts) + f"{share:9.1%}")


def main() -> None:
    """Samples, builds, runs and reports."""
    options = arguments()
    modules = list(MODULES) if options.module == "all" else options.module.split(",")
    if unknown := set(modules) - set(MODULES):
        raise SystemExit(f"unknown module {', '.join(unknown)}; there are {', '.join(MODULES)}")
    found = every_mutant(ROOT, os.environ.get("CARGO_MUTANTS", "cargo-mutants"))
    sampled: list[Mutant] = []
    for module in modules:
        kept, left = expressible(ROOT, shuffled(found[module], module, options.seed), options.count)
        print(f"{module}: {len(kept)} of {len(found[module])} mutants, {len(left)} replaced that no switch expresses")
        sampled += kept
    for number, mutant in enumerate(sampled, 1):
        mutant.number = number
    if options.list:
        print(*(mutant.name for mutant in sampled), sep="\n")
        return
    if options.plain:
        plain(sampled)
    options.folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - started:6.0f} s  {text}", flush=True)

    tree = Tree(ROOT, options.folder, options.slot.split())
    kept, unviable, messages = build(tree, sampled, options.crates.split(","))
    tell(f"{len(kept)} mutants compile")
    for mutant in sampled:
        if mutant.number in unviable:
            print(f"  {mutant.name}: {unviable[mutant.number]}")
    judge = Judge(options.folder, options.jobs, options.seconds_max)
    failed = judge.trace(tests_of(messages))
    tell(f"{len(judge.tests)} tests traced, {len(failed)} left out that fail without a mutant: {', '.join(failed)}")
    judge.run(kept)
    report(judge, sampled, kept, options.survivors)
    tell("end")


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        raise SystemExit(str(error)) from None
