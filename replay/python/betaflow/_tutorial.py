"""Data of the tutorial."""

from __future__ import annotations

from typing import NamedTuple

from betaflow import _native
from betaflow._table import Table


class Tutorial(NamedTuple):
    """Data of the tutorial, as arguments: ``betaflow.replay(*betaflow.load_tutorial())``.

    Attributes
    ----------
    prices
        Daily closes of 20 large US stocks, the S&P 500 and five factor ETFs, 2014-01-02 to 2022-12-28: 58,864
        rows of date, symbol and close.
    factors
        Six factors as expressions of instruments: the market, and each factor ETF less the market.
    """

    prices: Table
    factors: dict[str, str]


def load_tutorial() -> Tutorial:
    """Return the data of the tutorial, which ``betaflow.replay()`` without arguments uses as well.

    Examples
    --------
    >>> prices, factors = betaflow.load_tutorial()
    >>> betaflow.replay(prices, factors).digest == betaflow.replay().digest
    True
    """
    return Tutorial(Table(_native.tutorial_prices()), dict(_native.tutorial_factors()))
