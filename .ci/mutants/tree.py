"""Copy of the source tree with mutants behind switches, and its compilation."""

import json
import os
import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

from sample import Mutant
from schemata import File, Inexpressible, blamed, site_of, with_switches

SWITCH = '''//! Switch of the mutants: the number of the active one comes from the environment.
#![allow(missing_docs, clippy::disallowed_methods)]
use std::sync::atomic::{{AtomicBool, AtomicU32, Ordering::Relaxed}};

static ACTIVE: AtomicU32 = AtomicU32::new(u32::MAX);
const TRACE: u32 = u32::MAX - 1;
static REACHED: [AtomicBool; {count}] = [const {{ AtomicBool::new(false) }}; {count}];

#[inline(always)]
pub fn is(number: u32) -> bool {{
    let active = ACTIVE.load(Relaxed);
    active == number || (active >= TRACE && rare(number))
}}

#[cold]
#[inline(never)]
fn rare(number: u32) -> bool {{
    if ACTIVE.load(Relaxed) == u32::MAX {{
        let text = std::env::var("MUTANT").unwrap_or_default();
        let active = if text == "trace" {{ TRACE }} else {{ text.parse().unwrap_or(0) }};
        ACTIVE.store(active, Relaxed);
        return is(number);
    }}
    if !REACHED[number as usize].swap(true, Relaxed)
        && let Ok(path) = std::env::var("MUTANT_TRACE")
        && let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(path)
    {{
        let _ = std::io::Write::write_all(&mut file, format!("{{number}}\\n").as_bytes());
    }}
    false
}}
'''

# Warnings of mutated code say nothing; link-time optimisation takes a third of the time, and optimisation of the tests
# themselves more than it gives. The flags of third-party crates stay the same.
WRAPPER = '''#!/bin/sh
[ "$#" -gt 3 ] && set -- "$@" --cap-lints allow -C lto=off
case "$3" in units_* | every_*) set -- "$@" -C opt-level=0 ;; esac
exec "$@"
'''


class Tree:
    """Copy of a source tree with its own target folder."""

    def __init__(self, root: Path, folder: Path, slot: list[str]) -> None:
        self.root = root
        self.folder = folder / "tree"
        self.target = folder / "target"
        # Prefix of commands that compile.
        self.slot = slot
        self.wrapper = folder / "rustc"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.wrapper.write_text(WRAPPER)
        self.wrapper.chmod(0o755)

    def write(self, path: str, content: bytes) -> None:
        """Writes a file unless it is as it should be: `cargo` goes by times."""
        file = self.folder / path
        if not file.exists() or file.read_bytes() != content:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)

    def copy(self, mutants: list[Mutant]) -> None:
        """Writes the tree with the mutants behind switches."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=self.root,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        ).stdout
        paths = {path for path in listed.split("\0") if path and (self.root / path).is_file()}
        by_file: dict[str, list[Mutant]] = defaultdict(list)
        for mutant in mutants:
            by_file[mutant.file].append(mutant)
        for path in sorted(paths):
            content = (self.root / path).read_bytes()
            if Path(path).name == "Cargo.toml" and (self.folder / path).exists():
                # Written below with other settings.
                if path == "Cargo.toml" or Path(path).parts[0] in ("engine", "connectors", "strategies", "replay"):
                    continue
            if path in by_file:
                content = with_switches(content, switch_of(path), by_file[path])
            elif path == "engine/src/lib.rs":
                content += b"\n#[doc(hidden)]\npub mod mutant;\n"
            self.write(path, content)
            shutil.copymode(self.root / path, self.folder / path)
        count = max((mutant.number for mutant in mutants), default=0) + 1
        self.write("engine/src/mutant.rs", SWITCH.format(count=count).encode())
        for file in self.folder.rglob("*.rs"):
            path = str(file.relative_to(self.folder))
            if path not in paths and path != "engine/src/mutant.rs" and not file.name.startswith("every_"):
                file.unlink()
        # Compilation takes most of the time: less of it, for tests that run a little longer.
        manifest = (self.root / "Cargo.toml").read_text()
        manifest = manifest.replace('debug = "line-tables-only"', "debug = false")
        manifest = re.sub(r"(\[profile\.dev\.package\.betaflow-engine\]\n(?:#.*\n)*opt-level = )3", r"\g<1>1", manifest)
        self.write("Cargo.toml", manifest.encode())

    def gather_tests(self, crate: str) -> list[str]:
        """Gathers the tests of a crate in few programs: one of its unit tests, one of its files of tests, and those
        that have to be alone. Returns their names."""
        tests, alone, modules = self.folder / crate / "tests", [], []
        for file in sorted(tests.glob("*.rs")):
            if b"global_allocator" in file.read_bytes():
                alone.append(file.stem)
            else:
                modules.append(file.stem)
        suite = tests / "suite/main.rs"
        lines = ["#![allow(warnings, clippy::all)]\n", suite.read_text() if suite.exists() else ""]
        lines += [f'#[path = "../{module}.rs"]\nmod {module};\n' for module in modules]
        self.write(f"{crate}/tests/suite/every_{crate}.rs", "".join(lines).encode())
        programs = ((f"units_{crate}", "src/lib.rs"), (f"every_{crate}", f"tests/suite/every_{crate}.rs"))
        manifest = (self.root / crate / "Cargo.toml").read_text()
        manifest += "".join(f'\n[[test]]\nname = "{name}"\npath = "{path}"\n' for name, path in programs)
        self.write(f"{crate}/Cargo.toml", manifest.encode())
        return [*(name for name, _ in programs), *alone]

    def fill_target(self) -> None:
        """Links the third-party crates that the source tree's target folder has: they are not compiled again."""
        source, target = self.root / "target/debug", self.target / "debug"
        if target.exists() or not (source / ".fingerprint").exists():
            return
        target.mkdir(parents=True)
        subprocess.run(["cp", "-a", source / ".fingerprint", target], check=True)
        subprocess.run(["cp", "-al", source / "build", source / "deps", target], check=True)
        for file in (target / "deps").iterdir():
            if file.suffix == ".d":
                copied = file.with_suffix(".copy")
                shutil.copy2(file, copied)
                copied.rename(file)
            elif file.suffix != ".so" and file.is_file() and os.access(file, os.X_OK):
                file.unlink()

    def cargo(self, arguments: list[str]) -> tuple[list[dict], int]:
        """Runs `cargo` and returns its messages."""
        self.fill_target()
        environment = {
            **os.environ,
            "CARGO_TARGET_DIR": str(self.target),
            "RUSTC_WORKSPACE_WRAPPER": str(self.wrapper),
            "CARGO_INCREMENTAL": "0",
        }
        command = [*self.slot, "cargo", *arguments, "--quiet", "--message-format=json"]
        done = subprocess.run(command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, text=True)
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")], done.returncode

    def culprits(self, messages: list[dict]) -> dict[int, str]:
        """Returns the mutants that errors come from, each with the error."""
        found: dict[int, str] = {}
        for message in messages:
            if message["reason"] != "compiler-message" or message["message"]["level"] != "error":
                continue
            error = message["message"]
            by_file: dict[str, list[tuple[int, int]]] = defaultdict(list)
            children = [span for child in error["children"] for span in child["spans"]]
            for span in sorted(error["spans"], key=lambda span: not span["is_primary"]) + children:
                by_file[span["file_name"]].append((span["byte_start"], span["byte_end"]))
            for name, spans in by_file.items():
                path = self.folder / name
                numbers = blamed(path.read_bytes(), spans) if path.exists() else set()
                if numbers:
                    code = (error["code"] or {}).get("code", "error")
                    found.update(dict.fromkeys(numbers, f"{code}: {error['message']}"))
                    break
            else:
                if error["spans"]:
                    raise SystemExit(f"an error that belongs to no mutant:\n{error['rendered']}")
        return found


def switch_of(path: str) -> str:
    """Returns the path of the switch in the crate of a file."""
    return "crate::mutant::is" if path.startswith("engine/") else "::betaflow_engine::mutant::is"


def expressible(root: Path, mutants: list[Mutant], count: int) -> tuple[list[Mutant], list[tuple[Mutant, str]]]:
    """Returns the first `count` mutants that switches can express, and those left out before with the reason."""
    files: dict[str, File] = {}
    kept: list[Mutant] = []
    left: list[tuple[Mutant, str]] = []
    for mutant in mutants:
        if len(kept) == count:
            break
        if mutant.file not in files:
            files[mutant.file] = File((root / mutant.file).read_bytes(), "")
        try:
            site_of(files[mutant.file], mutant)
            kept.append(mutant)
        except Inexpressible as reason:
            left.append((mutant, str(reason)))
    return kept, left
