"""Paths and sizes that all comparisons share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Setup:
    """Programs, interpreters and the folder of the data."""

    folder: Path
    program: Path
    estimators: Path
    sizing: Path
    # Interpreters of the environments; a missing one has a reason in their log.
    main: Path
    nautilus: Path
    quick: bool

    @property
    def threads(self) -> int:
        """Number of processors."""
        return len(os.sched_getaffinity(0))

    def size(self, usual: int, quick: int) -> int:
        """Return a size of the full run, or of the quick one."""
        return quick if self.quick else usual

    def runs(self, usual: int) -> int:
        """Return the number of runs in turns."""
        return 1 if self.quick else usual
