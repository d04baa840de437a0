"""Function of the command that trades a live feed on paper."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from betaflow._call import Call
from betaflow._folder import Folder
from betaflow._results import Result
from betaflow._types import Factors, Settings, Strategy


class Paper(Result):
    """Paper run that has ended or was stopped: :func:`betaflow.paper`. ``path`` is its state folder."""

    @property
    def digest(self) -> str | None:
        """Digest of the ledger of all frames, 64 hexadecimal digits; None before the first rebalance."""
        digest: str | None = self.summary.get("digest")
        return digest


def paper(
    url: str | None = None,
    *,
    state: str | os.PathLike[str],
    venue: str | None = None,
    symbols: Sequence[str] | None = None,
    factors: Factors | None = None,
    forecasts: str | os.PathLike[str] | None = None,
    weights: str | os.PathLike[str] | None = None,
    history: str | os.PathLike[str] | None = None,
    history_factors: str | os.PathLike[str] | None = None,
    resume_trading: bool = False,
    run_for: str | None = None,
    dashboard: str | None = None,
    token_file: str | os.PathLike[str] | None = None,
    ca: str | os.PathLike[str] | None = None,
    config: Any = None,
    data: Settings | None = None,
    universe: Settings | None = None,
    benchmark: Settings | None = None,
    estimator: Settings | None = None,
    strategy: str | Settings | Strategy | None = None,
    sizing: Settings | None = None,
    execution: Settings | None = None,
    limits: Settings | None = None,
    pipeline: Settings | None = None,
    feed: Settings | None = None,
    alerts: Settings | None = None,
) -> Paper:
    """Trade a live feed on paper until it ends or Ctrl-C; started again, the run continues from its state
    folder.

    A log is written to standard error. Every input is recorded before it acts, so a run that was killed
    continues with the same decisions; so does a strategy in Python, whose state is saved by :mod:`pickle`
    every 256 frames.

    Parameters
    ----------
    url
        Address of the feed, such as ``"ws://127.0.0.1:9000"`` of ``betaflow serve``; None: the address of
        `venue`.
    state
        State folder, which is created if it does not exist. One process at a time uses it.
    venue, symbols
        Venue, such as ``"binance"``, and its instruments.
    factors
        Mapping of names to expressions of instruments, or ``"none"``; None: those of the feed.
    forecasts, weights
        Folder in which files of the caller arrive, for the strategies ``forecasts`` and ``weights``.
    history, history_factors
        Files of prices and factor returns before those of the feed, for warm-up.
    resume_trading
        Trade again after ``limits.drawdown_max`` has stopped it.
    run_for
        Time after which the run stops, such as ``"10m"``; None: never.
    dashboard, token_file
        Address of the dashboard, such as ``"127.0.0.1:8080"``, and the file with the token that browsers must
        send.
    ca
        File of certificates to trust, in place of the public ones.
    config, data, universe, benchmark, estimator, strategy, sizing, execution, limits, pipeline, feed, alerts
        Settings, as for :func:`replay`. `strategy` may be an object of a class such as
        :class:`betaflow.Strategy`.

    Returns
    -------
    Paper
        Digest and net asset value at the end; :func:`replay` with ``session=state`` has the tables.

    Raises
    ------
    StrategyError
        A strategy in Python fails. The state folder keeps all inputs: with a repaired strategy the run
        continues.

    Examples
    --------
    >>> betaflow.paper("ws://127.0.0.1:9000", state="runs/paper", strategy=MyStrategy(), run_for="1h")
    """
    call = Call("paper")
    call.flag("--url", url)
    call.flag("--state", os.fspath(state))
    call.flag("--venue", venue)
    call.flag("--symbols", None if symbols is None else ",".join(symbols))
    tables = {
        "data": data,
        "universe": universe,
        "benchmark": benchmark,
        "estimator": estimator,
        "sizing": sizing,
        "execution": execution,
        "limits": limits,
        "pipeline": pipeline,
        "feed": feed,
        "alerts": alerts,
    }
    call.configure(config, tables, strategy)
    call.factors(factors)
    for flag, path in (
        ("--forecasts", forecasts),
        ("--weights", weights),
        ("--history", history),
        ("--history-factors", history_factors),
        ("--token-file", token_file),
        ("--ca", ca),
    ):
        call.flag(flag, None if path is None else os.fspath(path))
    call.flag("--resume-trading", resume_trading)
    call.flag("--for", run_for)
    call.flag("--dashboard", dashboard)
    return Paper.of_reply(call.run(folder=Folder(state)))
