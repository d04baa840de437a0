"""Enumeration of the mutants of `cargo mutants`, and the seeded sample of each module."""

import hashlib
import json
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path

MODULES = {
    "parquet": "connectors/src/parquet",
    "ticks": "connectors/src/ticks",
    "model": "engine/src/model",
    "portfolio": "engine/src/portfolio",
    "execution": "engine/src/execution",
    "ledger": "engine/src/ledger",
    "metrics": "engine/src/metrics",
}


@dataclass
class Mutant:
    """One mutant: its place, its kind and its replacement."""

    module: str
    file: str
    name: str
    function: str
    genre: str
    replacement: str
    # Lines and columns from 1 on, as `cargo mutants` counts them: (line, column).
    start: tuple[int, int]
    end: tuple[int, int]
    # Hash of the file: a result holds as long as its file stays the same.
    source: str
    number: int = 0

    @property
    def key(self) -> str:
        """Key of the result."""
        return f"{self.source[:16]} {self.name}"


def every_mutant(root: Path, cargo_mutants: str) -> dict[str, list[Mutant]]:
    """Returns all mutants by module, in the order of their names."""
    folders = {module: folder + "/" for module, folder in MODULES.items()}
    globs = [argument for folder in folders.values() for argument in ("--file", folder + "**/*.rs")]
    command = [cargo_mutants, "mutants", "--list", "--json", "--workspace", *globs]
    listed = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, check=True, text=True).stdout
    hashes: dict[str, str] = {}
    mutants: dict[str, list[Mutant]] = {module: [] for module in MODULES}
    for entry in json.loads(listed):
        file, span = entry["file"], entry["span"]
        if file not in hashes:
            hashes[file] = hashlib.sha256((root / file).read_bytes()).hexdigest()
        for module, folder in folders.items():
            if file.startswith(folder):
                mutants[module].append(
                    Mutant(
                        module=module,
                        file=file,
                        name=entry["name"],
                        function=(entry["function"] or {}).get("function_name", ""),
                        genre=entry["genre"],
                        replacement=entry["replacement"],
                        start=(span["start"]["line"], span["start"]["column"]),
                        end=(span["end"]["line"], span["end"]["column"]),
                        source=hashes[file],
                    )
                )
    return mutants


def shuffled(mutants: list[Mutant], module: str, seed: int) -> list[Mutant]:
    """Returns the mutants of a module in the random order of a seed: a sample is the beginning of it."""
    order = sorted(mutants, key=lambda mutant: (mutant.file, mutant.start, mutant.end, mutant.name))
    random.Random(f"{seed} {module}").shuffle(order)
    return order
