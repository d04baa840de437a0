"""Folders of results: temporary ones end with their object, saved ones stay."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path


class Folder:
    """Folder with the result of a command.

    Parameters
    ----------
    path
        Folder to keep; None for a new temporary one, which is removed with the object and at the end of the
        process.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.is_temporary = path is None
        if path is not None:
            self.path = Path(path)
            return
        outer = tempfile.mkdtemp(prefix="betaflow-")
        # The program creates the folder itself, and refuses one with other files.
        self.path = Path(outer) / "run"
        weakref.finalize(self, _remove, outer, os.getpid())

    @classmethod
    def of_files(cls, files: dict[str, bytes]) -> Folder:
        """Return a temporary folder with these files."""
        folder = cls()
        folder.path.mkdir()
        for name, content in files.items():
            (folder.path / name).write_bytes(content)
        return folder

    def files(self) -> dict[str, bytes]:
        """Return the content of each file by name."""
        if not self.path.is_dir():
            return {}
        return {file.name: file.read_bytes() for file in sorted(self.path.iterdir()) if file.is_file()}

    def copy_to(self, path: str | os.PathLike[str], *, force: bool) -> Path:
        """Copy the folder.

        Raises
        ------
        FileExistsError
            The path exists, and `force` is False or it is not the folder of a result.
        """
        target = Path(path)
        if target.exists() and (not force or not (target / "summary.json").is_file()):
            remedy = (
                "choose another path"
                if force
                else "choose another path, or replace an earlier result with force=True"
            )
            raise FileExistsError(f"{target}: found a file or folder, expected a free path; {remedy}")
        if target.exists() and target.samefile(self.path):
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        # A copy beside the target is renamed into place, so that an interrupted copy leaves no partial folder
        # there.
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            shutil.copytree(self.path, partial, dirs_exist_ok=True)
            partial.chmod(0o755)
            if target.exists():
                shutil.rmtree(target)
            partial.rename(target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        return target


def _remove(path: str, owner: int) -> None:
    # A forked process has the object as well, and must not remove the folder of its parent.
    if os.getpid() == owner:
        shutil.rmtree(path, ignore_errors=True)
