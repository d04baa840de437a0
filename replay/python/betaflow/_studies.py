"""Functions of the commands that run many scenarios: stress, tune."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from betaflow._call import Call, grid_of
from betaflow._results import Study, Tuning
from betaflow._types import Config, Data, Date, Factors, Progress, Settings, Strategy


def stress(
    prices: Data | None = None,
    factors: Factors | None = None,
    *,
    grid: Mapping[str, Any] | Sequence[Mapping[str, Any]] | str | os.PathLike[str],
    trials: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    force: bool = False,
    resume: bool = False,
    forecasts: Data | None = None,
    weights: Data | None = None,
    start: Date | None = None,
    end: Date | None = None,
    config: Config | None = None,
    data: Settings | None = None,
    holdout: Settings | None = None,
    universe: Settings | None = None,
    benchmark: Settings | None = None,
    estimator: Settings | None = None,
    strategy: str | Settings | Strategy | None = None,
    sizing: Settings | None = None,
    execution: Settings | None = None,
    world: Settings | None = None,
    limits: Settings | None = None,
    record: Settings | None = None,
    pipeline: Settings | None = None,
    processes: int | None = None,
    progress: Progress = False,
) -> Study:
    """Run many scenarios of caps, costs, delays and sizes over one reading of the data.

    Parameters
    ----------
    prices, factors, forecasts, weights, start, end
        Data, as for :func:`replay`.
    grid
        Settings that vary and their values, such as ``{"sizing.turnover_cap": [0.02, 0.08]}``: all
        combinations. A list of mappings is a list of scenarios. The keys ``grid``, ``scenario``, ``sample``
        and ``trades`` are those of a grid file, whose path is accepted as well.
    trials
        Trials log, which counts the distinct choices of all studies on the data; ``"none"``: no log. Default:
        ``PRICES.trials.jsonl`` beside a file of prices, ``tutorial.trials.jsonl`` in the current folder for
        the tutorial, and no log for a table in memory.
    out
        Folder to keep the result in; None: a temporary one.
    force
        Replace an earlier result in `out`.
    resume
        Resume an interrupted run for `out`.
    config, data, holdout, universe, benchmark, estimator, strategy, sizing, execution, world, limits, record,
    pipeline
        Settings of all scenarios, as for :func:`replay`.
    processes
        Worker processes for a strategy in Python; None: one for each processor. Each runs a part of the
        scenarios, and imports the module of the strategy and the script that runs (put the call under ``if
        __name__ == "__main__":``). 1: this process alone. Other strategies use threads.
    progress
        True for a bar, or a function of the work done and its total.

    Returns
    -------
    Study
        ``scenarios`` has a row for each scenario, whose digest is that of a replay with its settings.

    Examples
    --------
    >>> study = betaflow.stress(prices, factors, grid={"sizing.turnover_cap": [0.02, 0.08]})
    >>> study.scenarios.to_polars()
    """
    call = Call("stress")
    tables = {
        "data": data,
        "holdout": holdout,
        "universe": universe,
        "benchmark": benchmark,
        "estimator": estimator,
        "sizing": sizing,
        "execution": execution,
        "world": world,
        "limits": limits,
        "record": record,
        "pipeline": pipeline,
    }
    call.configure(config, tables, strategy)
    call.processes = processes
    call.read(prices, factors, start, end, forecasts, weights)
    _study(call, grid, trials, resume)
    return Study.of_reply(call.run_in_folder(progress, out, force))


def tune(
    prices: Data | None = None,
    factors: Factors | None = None,
    *,
    grid: Mapping[str, Any] | Sequence[Mapping[str, Any]] | str | os.PathLike[str],
    method: str | None = None,
    folds: int | None = None,
    embargo: int | None = None,
    objective: str | None = None,
    trials: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    force: bool = False,
    resume: bool = False,
    forecasts: Data | None = None,
    weights: Data | None = None,
    start: Date | None = None,
    end: Date | None = None,
    config: Config | None = None,
    data: Settings | None = None,
    holdout: Settings | None = None,
    universe: Settings | None = None,
    benchmark: Settings | None = None,
    estimator: Settings | None = None,
    strategy: str | Settings | Strategy | None = None,
    sizing: Settings | None = None,
    execution: Settings | None = None,
    world: Settings | None = None,
    limits: Settings | None = None,
    record: Settings | None = None,
    pipeline: Settings | None = None,
    tune: Settings | None = None,
    processes: int | None = None,
    progress: Progress = False,
) -> Tuning:
    """Choose settings on training frames and test them on other ones.

    Parameters
    ----------
    prices, factors, forecasts, weights, start, end
        Data, as for :func:`replay`.
    grid
        Settings to choose from, as for :func:`stress`.
    method
        Division of the data: ``"walk_forward"`` (default), ``"k_fold"`` or ``"combinatorial"``.
    folds
        Test blocks: 5 by default, 10 for ``"combinatorial"``.
    embargo
        Days left out beside a test block: 21 by default.
    objective
        Figure to choose by: ``"sharpe"`` (default), ``"sortino"``, ``"calmar"``, ``"growth"`` or
        ``"worst_block"``.
    trials, out, force, resume
        Trials log and folder, as for :func:`stress`.
    config, data, holdout, universe, benchmark, estimator, strategy, sizing, execution, world, limits, record,
    pipeline
        Settings, as for :func:`replay`.
    tune
        Further settings of the division, such as ``{"purge": 5}``.
    processes
        Worker processes for a strategy in Python; None: one for each processor. Each runs a part of the
        scenarios, and imports the module of the strategy and the script that runs (put the call under ``if
        __name__ == "__main__":``). 1: this process alone. Other strategies use threads.
    progress
        True for a bar, or a function of the work done and its total.

    Returns
    -------
    Tuning
        ``folds`` and ``out_of_sample`` are the test; ``best`` has the recommended settings, for ``config=``.

    References
    ----------
    Lopez de Prado, M. (2018). Advances in Financial Machine Learning. Wiley. Chapters 7 and 12.
    """
    call = Call("tune")
    tables = {
        "data": data,
        "holdout": holdout,
        "universe": universe,
        "benchmark": benchmark,
        "estimator": estimator,
        "sizing": sizing,
        "execution": execution,
        "world": world,
        "limits": limits,
        "record": record,
        "pipeline": pipeline,
        "tune": tune,
    }
    call.configure(config, tables, strategy)
    call.processes = processes
    call.read(prices, factors, start, end, forecasts, weights)
    call.flag("--method", method)
    call.flag("--folds", folds)
    call.flag("--embargo", embargo)
    call.flag("--objective", objective)
    _study(call, grid, trials, resume)
    return Tuning.of_reply(call.run_in_folder(progress, out, force))


def _study(call: Call, grid: object, trials: str | os.PathLike[str] | None, resume: bool) -> None:
    grid_of(grid, call)
    # A log by the name of an argument would mix the trials of different data.
    if trials is None and "prices" in call.frames:
        trials = "none"
    call.flag("--trials", trials)
    call.flag("--resume", resume)
