"""Streaming engine for factor models.

``replay`` trades a strategy through historical data with costs, ``estimate`` estimates alpha and factor betas
with a Kalman filter. Both take DataFrames of pandas and polars, Arrow tables, DuckDB relations, or paths of
files.
"""

from __future__ import annotations

from betaflow import _native, metrics
from betaflow._analyses import factors, luck, signal
from betaflow._commands import check, estimate, replay, score, size
from betaflow._paper import Paper, paper
from betaflow._results import (
    Check,
    Estimate,
    FactorStudy,
    Luck,
    Rebalance,
    Result,
    Run,
    Score,
    Signal,
    Study,
    Tuning,
    read_run,
)
from betaflow._solve import solve
from betaflow._studies import stress, tune
from betaflow._summary import Summary
from betaflow._table import Table
from betaflow._tutorial import Tutorial, load_tutorial
from betaflow.errors import ConfigError, Error, InputError, StrategyError
from betaflow.online import Dlm, Filtered, Fixed, Forecast, Mixture
from betaflow.strategy import Context, Strategy

#: Version of the package, that of the program.
__version__ = _native.__version__

__all__ = [
    "Check",
    "ConfigError",
    "Context",
    "Dlm",
    "Error",
    "Estimate",
    "FactorStudy",
    "Filtered",
    "Fixed",
    "Forecast",
    "InputError",
    "Luck",
    "Mixture",
    "Paper",
    "Rebalance",
    "Result",
    "Run",
    "Score",
    "Signal",
    "Strategy",
    "StrategyError",
    "Study",
    "Summary",
    "Table",
    "Tuning",
    "Tutorial",
    "check",
    "estimate",
    "factors",
    "load_tutorial",
    "luck",
    "metrics",
    "paper",
    "read_run",
    "replay",
    "score",
    "signal",
    "size",
    "solve",
    "stress",
    "tune",
]
