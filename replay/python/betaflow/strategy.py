"""Strategies in Python: inputs of a rebalance in, forecasts or weights out.

A strategy is an object with the method ``decide``. It is called on rebalances only, and decides what to hold;
the engine applies the limits, trades, and charges the costs, as it does for the strategies of the program.

>>> from betaflow.strategy import Context, Strategy
>>> class Momentum(Strategy):
...     def decide(self, context: Context):
...         return context.betas @ context.premia
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from betaflow import _native

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats: TypeAlias = NDArray[np.float64]
    #: Values of ``decide``; a Series of pandas is an array and has an index of symbols.
    Targets: TypeAlias = ArrayLike | Mapping[str, float] | None

__all__ = ["Context", "Strategy"]


class Strategy:
    """Base of strategies in Python, for the check of types: any object with a method ``decide`` is accepted.

    Each run, and each scenario of a stress test, works on its own copy of the object (:func:`copy.deepcopy`).
    In one run, calls come from one thread, in the order of time.

    A method ``observe(self, returns, factors)`` is optional. It takes the frames since its last call, warm-up
    included, before each ``decide`` and after every 256 frames:

    * ``returns``: (m, n), returns of the m frames in the order of ``Context.symbols``; NaN without a return,
      and before an instrument is listed. An instrument that is listed later is a new last column.
    * ``factors``: (m, k), factor returns of the same frames; NaN for a frame without factors.

    Both arrays belong to the strategy, which may keep them.

    A run of :func:`betaflow.paper` saves the state of the object: ``__getstate__()``, or else its attributes,
    which must be values that :mod:`pickle` accepts. A restart continues with that state, and refuses an
    object that differs from the one with which the run began. Only open state folders that you trust: reading
    a pickle can run code.

    Attributes of the object that are numbers, texts or truth values, and whose names do not begin with ``_``,
    are its parameters: ``run.toml`` has them as keys of ``[strategy]``, and settings and grids can vary them,
    as in ``betaflow.tune(..., strategy=Trend(0.95), grid={"strategy.decay": [0.9, 0.95, 0.99]})``. A varied
    value replaces the attribute of the copy. Studies tell choices apart by the parameters.

    Attributes
    ----------
    targets : {"forecasts", "weights"}
        Meaning of the values of ``decide``. Forecasts are expected excess returns per frame, which the engine
        sizes by fractional Kelly; weights are shares of net asset value, which the engine approaches within
        the limits.
    """

    targets: ClassVar[Literal["forecasts", "weights"]] = "forecasts"

    def decide(self, context: Context) -> Targets:
        """Return the targets of a rebalance.

        Parameters
        ----------
        context : Context
            Inputs of the rebalance, as of its frame.

        Returns
        -------
        array of length n, mapping, pandas.Series or None
            One number for each of ``context.symbols``, in their order; or a number by symbol, 0 for those
            left out; or None to make no trade. NaN counts as 0 for an instrument without a return so far (its
            alpha is NaN), and is an error for any other.

        Raises
        ------
        Exception
            Any exception ends the run as :class:`betaflow.errors.StrategyError`, which names strategy and
            frame, with the exception as its cause.
        """
        raise NotImplementedError


class Context:
    """Inputs of a rebalance: estimates, risk and portfolio as of the close of its frame, and nothing later.

    Arrays are read-only numpy arrays that belong to this object. They stay valid and unchanged after the
    call.

    Attributes
    ----------
    seq : int
        Number of the frame, counting from 0.
    time_ns : int
        Close of the frame's bars in nanoseconds since 1970, UTC.
    symbols : tuple of str
        The n instruments in engine order. Later frames only append to it.
    factors : tuple of str
        Names of the k factors.
    alpha : (n,) array
        Posterior mean of alpha per frame; NaN before the first return of an instrument, as in all estimates.
    alpha_sd : (n,) array
        Posterior standard deviation of alpha.
    betas : (n, k) array
        Posterior mean of the betas.
    betas_sd : (n, k) array
        Posterior standard deviations of the betas.
    residual_variance : (n,) array
        Expected variance of the next frame's return around alpha + beta'f.
    premia : (k,) array
        Expected factor returns per frame.
    factor_cov : (k, k) array
        Covariance of the factor returns per frame; with ``sizing.parameter_uncertainty``, that of the premia
        is added.
    idiosyncratic_variance : (n,) array
        Variance D of the risk model per frame: residual variance and, with ``sizing.parameter_uncertainty``,
        the uncertainty of alpha and betas over ``sizing.cost_horizon``. Infinite before the first return.
    held : (n,) array
        Weights held, as shares of net asset value; orders in flight count as filled.
    tradable : (n,) array of bool
        True for instruments that can be traded on this frame.
    weight_max : float
        Largest weight of an instrument.
    frames_per_day : int
        Frames in a day.
    days_per_year : float
        Trading days in a year.
    """

    __slots__ = (
        "alpha",
        "alpha_sd",
        "betas",
        "betas_sd",
        "days_per_year",
        "factor_cov",
        "factors",
        "frames_per_day",
        "held",
        "idiosyncratic_variance",
        "premia",
        "residual_variance",
        "seq",
        "symbols",
        "time_ns",
        "tradable",
        "weight_max",
    )

    def __init__(
        self,
        seq: int,
        time_ns: int,
        symbols: tuple[str, ...],
        factors: tuple[str, ...],
        alpha: Floats,
        alpha_sd: Floats,
        betas: Floats,
        betas_sd: Floats,
        residual_variance: Floats,
        premia: Floats,
        factor_cov: Floats,
        idiosyncratic_variance: Floats,
        held: Floats,
        tradable: NDArray[np.bool_],
        weight_max: float,
        frames_per_day: int,
        days_per_year: float,
    ) -> None:
        self.seq = seq
        self.time_ns = time_ns
        self.symbols = symbols
        self.factors = factors
        self.alpha = alpha
        self.alpha_sd = alpha_sd
        self.betas = betas
        self.betas_sd = betas_sd
        self.residual_variance = residual_variance
        self.premia = premia
        self.factor_cov = factor_cov
        self.idiosyncratic_variance = idiosyncratic_variance
        self.held = held
        self.tradable = tradable
        self.weight_max = weight_max
        self.frames_per_day = frames_per_day
        self.days_per_year = days_per_year

    @property
    def time(self) -> np.datetime64:
        """Close of the frame's bars, in UTC without a time zone."""
        import numpy as np

        return np.datetime64(self.time_ns, "ns")

    @property
    def residual_sd(self) -> Floats:
        """Standard deviation of the next frame's return around alpha + beta'f, (n,)."""
        import numpy as np

        return np.sqrt(self.residual_variance)

    @property
    def frames_per_year(self) -> float:
        """Frames in a year."""
        return self.frames_per_day * self.days_per_year

    def alpha_posterior(self) -> Floats:
        """Return alpha shrunk to 0 as ``strategy.alpha_shrink = "posterior"`` does, (n,).

        Posterior mean of a true alpha with prior N(0, τ²), where τ is 0.3 residual standard deviations per
        year [1]_.

        References
        ----------
        .. [1] Grinold, R. (1994). Alpha is volatility times IC times score. Journal of Portfolio Management
           20(4).
        """
        return _native.posterior_alphas(
            self.alpha, self.alpha_sd, self.residual_variance, self.frames_per_day, self.days_per_year
        )

    def covariance(self) -> Floats:
        """Return the covariance of the next frame's returns, B F B' + D, (n, n).

        The variance of an instrument before its first return is infinite.
        """
        import numpy as np

        betas = np.nan_to_num(self.betas)
        covariance: Floats = betas @ self.factor_cov @ betas.T
        covariance[np.diag_indices(len(self.symbols))] += self.idiosyncratic_variance
        return covariance

    def __repr__(self) -> str:
        return f"Context(time={self.time}, seq={self.seq}, {len(self.symbols)} instruments)"


def _described(strategy: object) -> tuple[str, str, dict[str, bool | int | float | str], str]:
    """Return name, class with its module, parameters and kind of targets of a strategy."""
    if isinstance(strategy, type):
        raise TypeError(
            f"strategy: found the class {strategy.__name__}, expected an object: {strategy.__name__}()"
        )
    if not callable(getattr(strategy, "decide", None)):
        raise TypeError(
            f"strategy: found an object of the class {type(strategy).__name__}, expected one with the method "
            "decide(self, context)"
        )
    targets = getattr(strategy, "targets", "forecasts")
    if targets not in ("forecasts", "weights"):
        raise ValueError(
            f"strategy: found targets = {targets!r} in the class {type(strategy).__name__}, "
            'expected "forecasts" or "weights"'
        )
    kind = type(strategy)
    parameters: dict[str, bool | int | float | str] = {}
    for name, value in getattr(strategy, "__dict__", {}).items():
        if type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0:
            value = value.item()
        is_plain = isinstance(value, (bool, float, str)) or (isinstance(value, int) and abs(value) < 2**63)
        if is_plain and name not in ("kind", "python") and not name.startswith("_"):
            parameters[name] = value
    return kind.__name__, f"{kind.__module__}.{kind.__qualname__}", parameters, targets


def _values(returned: Any, context: Context) -> Floats:
    """Return the values that ``decide`` returned as an array of length n.

    Raises
    ------
    TypeError
        They are not numbers.
    ValueError
        Their number differs, a symbol is unknown, or a value is not finite.
    """
    import numpy as np

    symbols = context.symbols
    n = len(symbols)
    if isinstance(returned, Mapping):
        values = _by_symbol(returned.items(), context)
    elif type(returned).__module__.partition(".")[0] == "pandas" and hasattr(returned, "items"):
        if getattr(returned, "ndim", 1) != 1:
            raise TypeError(f"decide returned a {type(returned).__name__}, expected a Series of {n} values")
        values = _by_symbol(returned.items(), context)
    else:
        values = _numbers(returned, n)
        if values.shape != (n,):
            raise ValueError(
                f"decide returned values of the shape {values.shape}, expected ({n},): one for each of "
                "context.symbols"
            )
    wrong = ~np.isfinite(values)
    if wrong.any():
        unknown = np.isnan(context.alpha) & np.isnan(values)
        values = np.where(unknown, 0.0, values)
        wrong &= ~unknown
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ValueError(f"decide returned {values[i]} for {symbols[i]!r}, expected a finite number")
    return values


def _numbers(returned: object, n: int) -> Floats:
    """Return numbers as an array."""
    import numpy as np

    try:
        array = np.asarray(returned)
        if array.dtype.kind in "fiu":
            return np.array(array, dtype=np.float64, order="C")
    except (TypeError, ValueError):
        # For example a list of lists of different lengths.
        pass
    raise TypeError(
        f"decide returned an object of the class {type(returned).__name__} that is not an array of numbers, "
        f"expected {n} numbers, numbers by symbol, or None for no trade"
    )


def _by_symbol(items: Any, context: Context) -> Floats:
    """Return values by symbol as an array of length n, with 0 for symbols left out."""
    import numpy as np

    places = {symbol: i for i, symbol in enumerate(context.symbols)}
    values: Floats = np.zeros(len(places))
    seen: set[str] = set()
    for symbol, value in items:
        if symbol not in places:
            known = ", ".join(context.symbols[:3])
            raise ValueError(
                f"decide returned a value for {symbol!r}, expected one of context.symbols ({known}, ...)"
            )
        if symbol in seen:
            raise ValueError(f"decide returned two values for {symbol!r}, expected one")
        seen.add(symbol)
        try:
            values[places[symbol]] = value
        except (TypeError, ValueError):
            raise TypeError(f"decide returned {value!r} for {symbol!r}, expected a number") from None
    return values


def _dump(strategy: object) -> bytes:
    """Pickle the state of a strategy."""
    return pickle.dumps(_state(strategy), protocol=4)


def _state(strategy: object) -> object:
    own = getattr(strategy, "__getstate__", None)
    # Before Python 3.11, only classes that define it have the method.
    return own() if own is not None else dict(vars(strategy))


def _restore(strategy: Any, state: bytes) -> object:
    """Give a strategy a pickled state, and return it."""
    own = pickle.loads(state)
    if hasattr(strategy, "__setstate__"):
        strategy.__setstate__(own)
        return strategy
    attributes, slots = own if isinstance(own, tuple) else (own, None)
    if attributes is not None:
        vars(strategy).clear()
        vars(strategy).update(attributes)
    for name, value in (slots or {}).items():
        setattr(strategy, name, value)
    return strategy


def _same(one: bytes, other: bytes) -> bool:
    """Return true if two pickled states are equal; equal values can have different bytes."""
    return one == other or _equal(pickle.loads(one), pickle.loads(other))


def _equal(one: object, other: object) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(value, other[key]) for key, value in one.items())
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_equal, one, other))
    try:
        if one == other:
            return True
    except ValueError:
        # Arrays have no single truth value.
        pass
    return pickle.dumps(one) == pickle.dumps(other)
