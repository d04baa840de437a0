"""Filters of alpha and factor betas for a caller with its own loop.

The filters are those of the program. A step costs microseconds and no data is kept; results are equal to the
program's to the bit. Every frame is one call of ``step``, or T frames one call of ``filter``.

Returns are decimal simple returns of one frame. To get the numbers of a run, pass what the run computes:

- returns p_t / p_{t-1} - 1 of the price column, with dividends d and splits of one unit into s
  (p_t + d) s / p_{t-1} - 1, less the risk-free return of the frame if the factor file has the column ``rf``;
- instruments in the order of their first price, ties by name; new instruments come last;
- the first frame has no returns: pass NaN, or leave it out;
- factors: columns of the factor file unchanged; those of instruments (``[factors]``) sums of their returns.

The filter takes these values as they are: it neither clips nor standardises them.

References
----------
West & Harrison (1997), *Bayesian Forecasting and Dynamic Models*, ch. 4.5, 6.3, 10.8.
Raftery, Kárný & Ettler (2010), *Online prediction under model uncertainty via dynamic model averaging*.
Durbin & Koopman (2012), *Time Series Analysis by State Space Methods*, ch. 4.3.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from betaflow import _native
from betaflow._arrays import Wide, names_of, numbers, settings_of, wide
from betaflow._filtered import COLUMNS as _COLUMNS
from betaflow._filtered import Filtered, Forecast
from betaflow.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array: TypeAlias = NDArray[Any]

__all__ = ["Dlm", "Filtered", "Fixed", "Forecast", "Mixture", "Online"]

_PARAMETERS = (
    "transition",
    "transition_covariance",
    "observation_variance",
    "initial_mean",
    "initial_covariance",
)


class Online:
    """Filter of alpha and betas of all instruments; base of the classes of this module.

    Attributes are copies of the state after the last frame, in the order of the instruments. A filter can be
    pickled and copied: all later results are equal to the bit. It may be used from several threads, one call
    at a time.
    """

    _kind: ClassVar[str]

    def __init__(self, factors: int | Sequence[str], **settings: Any) -> None:
        self._start(factors, settings, settings_of("estimator", settings, {"kind": self._kind}))

    def _start(
        self,
        factors: int | Sequence[str],
        settings: dict[str, Any],
        typed: list[tuple[str, str, str, str]],
        parameters: dict[str, Array] | None = None,
        first_frame: str = "return",
    ) -> None:
        self._settings = settings
        self._names = names_of(factors)
        self._factors = int(factors) if self._names is None else len(self._names)  # type: ignore[arg-type]
        if self._factors < 0:
            raise ValueError(f"factors: found {factors}, expected at least 0")
        self._instruments: tuple[str, ...] | None = None
        self._filter = _native.OnlineFilter(self._factors, typed, parameters, first_frame)

    def step(self, f: ArrayLike, r: ArrayLike) -> None:
        """Process one frame: forecast its returns from its factors, then learn from them.

        Parameters
        ----------
        f
            Factor returns of the frame, shape (k,). With a NaN the frame has no factors: it changes no
            estimate.
        r
            Returns of the instruments, shape (n,), NaN where missing. New instruments come last, so that n
            may grow from call to call and never shrinks. A missing return updates no estimate; time is still
            discounted, unless ``discount_missing`` is False.

        Raises
        ------
        ValueError
            A shape is wrong, n has shrunk, or a value is infinite. The filter is then unchanged.
        """
        self._filter.step(numbers("factors", f), numbers("returns", r))

    def filter(
        self,
        F: Any,  # noqa: N803
        R: Any,  # noqa: N803
        *,
        columns: Sequence[str] = _COLUMNS,
    ) -> Filtered:
        """Process T frames from the present state on, and return their columns. Equal to T steps to the bit.

        The interpreter is free for other threads meanwhile; arrays of float64 in C order are read without a
        copy and must not be changed meanwhile. After an error the filter is as before the call.

        Parameters
        ----------
        F
            Factor returns, shape (T, k): array, or wide frame of pandas, polars or Arrow. If the factors have
            names, a frame may have its columns in any order.
        R
            Returns, shape (T, n), NaN or null where missing: array, or wide frame with a column for each
            instrument.
        columns
            Names of the arrays to return: any of those of ``Filtered``. Each takes 8 T n bytes, those of
            betas k times and ``cov`` (k + 1)² times as much.

        Returns
        -------
        Filtered
            Arrays by the names of the columns.

        Raises
        ------
        ValueError
            A shape, name or value is not accepted, or the rows of both frames have different indices.
        """
        import numpy as np

        factors, returns = wide("factors", F), wide("returns", R)
        _same_index(factors, returns)
        instruments = self._matched(returns)
        values = self._factor_values(factors)
        if isinstance(columns, str):
            raise TypeError(f"columns: found the text {columns!r}, expected a list of names")
        found = self._filter.filter(np.ascontiguousarray(values), returns.values, list(columns))
        self._instruments = instruments
        return Filtered(
            dict(zip(columns, found, strict=True)),
            index=returns.index if returns.index is not None else factors.index,
            instruments=instruments,
            factors=self._names,
        )

    def forecast(self, f: ArrayLike) -> Forecast:
        """Forecast the returns of the next frame, given its factor returns. The filter is unchanged.

        Equal to the forecast that a step with these factors makes, if no instrument joins and all others have
        a return; otherwise up to rounding for the mean.

        Parameters
        ----------
        f
            Factor returns of the next frame, shape (k,), without NaN.

        Returns
        -------
        Forecast
            Mean, standard deviation and degrees of freedom, each of shape (n,).
        """
        return Forecast(*self._filter.forecast(numbers("factors", f)))

    def cov(self, instrument: int | None = None, *, ahead: bool = False) -> Array:
        """Return the covariance of (alpha, betas), including the variance between the models of a mixture.

        It is a method, not an attribute: it has n (k + 1)² numbers, which are computed at the call.

        Parameters
        ----------
        instrument
            Number of one instrument; None for all.
        ahead
            True for the coefficients of the next frame, which have moved once more; False for those after the
            last.

        Returns
        -------
        ndarray, shape (n, k + 1, k + 1) or (k + 1, k + 1)
            Copy. The square roots of the diagonal are ``alpha_sd`` and ``betas_sd`` if ``ahead`` is False.
        """
        all_of_them = self._filter.next_cov() if ahead else self._filter.column("cov")
        return all_of_them if instrument is None else all_of_them[instrument].copy()

    @property
    def alpha(self) -> Array:
        """Posterior mean of alpha after the last frame, per frame, shape (n,)."""
        return self._filter.column("alpha")

    @property
    def betas(self) -> Array:
        """Posterior means of the betas after the last frame, shape (n, k)."""
        return self._filter.column("betas")

    @property
    def alpha_sd(self) -> Array:
        """Posterior standard deviation of alpha, shape (n,)."""
        return self._filter.column("alpha_sd")

    @property
    def betas_sd(self) -> Array:
        """Posterior standard deviations of the betas, shape (n, k)."""
        return self._filter.column("betas_sd")

    @property
    def residual_sd(self) -> Array:
        """Standard deviation of the observation noise of the next frame, shape (n,)."""
        return self._filter.column("residual_sd")

    @property
    def forecast_mean(self) -> Array:
        """Forecast of the last frame's returns before it, shape (n,)."""
        return self._filter.column("forecast_mean")

    @property
    def forecast_sd(self) -> Array:
        """Standard deviation of that forecast, shape (n,)."""
        return self._filter.column("forecast_sd")

    @property
    def forecast_dof(self) -> Array:
        """Degrees of freedom of that forecast, shape (n,)."""
        return self._filter.column("forecast_dof")

    @property
    def forecast_error(self) -> Array:
        """Returns of the last frame less their forecast, shape (n,); NaN without a return."""
        return self._filter.column("forecast_error")

    @property
    def n(self) -> int:
        """Number of instruments."""
        return self._filter.instruments

    @property
    def k(self) -> int:
        """Number of factors."""
        return self._factors

    @property
    def frames(self) -> int:
        """Number of frames so far."""
        return self._filter.frames

    @property
    def factors(self) -> tuple[str, ...] | None:
        """Names of the factors; None if only their number is known."""
        return self._names

    @property
    def instruments(self) -> tuple[str, ...] | None:
        """Names of the instruments, from the last frame of a DataFrame; None without one."""
        return self._instruments

    def calibration(self) -> dict[str, Any]:
        """Return the quality of the forecasts after the ``warmup``, for all instruments and for each.

        Returns
        -------
        dict
            ``total``: figures of all instruments together; ``instruments``: a list with those of each. Names
            and definitions are those of ``instruments.parquet``; None where a figure is not defined.
        """
        calibration: dict[str, Any] = json.loads(self._filter.calibration())
        return calibration

    def __repr__(self) -> str:
        factors = list(self._names) if self._names is not None else self._factors
        settings = "".join(f", {key}={value!r}" for key, value in self._settings.items())
        return (
            f"<{type(self).__name__}({factors}{settings}): {self.n} instruments after {self.frames} frames>"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        factors = self._factors if self._names is None else list(self._names)
        return _restored, (type(self), factors, self._settings, self._instruments, self._filter.save())

    def _matched(self, returns: Wide) -> tuple[str, ...] | None:
        """Return the names of the instruments of a frame; those of earlier frames must come first."""
        known, found = self._instruments, returns.names
        if known is None or found is None:
            return found if found is not None else known
        if found[: len(known)] != known:
            differs = next((at for at, name in enumerate(known) if found[at : at + 1] != (name,)), 0)
            other = found[differs] if differs < len(found) else "nothing"
            raise ValueError(
                f"returns: found {other} as column {differs}, expected {known[differs]}: the instruments of "
                "the frames before come first, in the same order"
            )
        return found

    def _factor_values(self, factors: Wide) -> Array:
        if self._names is None or factors.names is None:
            return factors.values
        missing = [name for name in self._names if name not in factors.names]
        if missing:
            raise ValueError(
                f"factors: found the columns {list(factors.names)}, expected {missing} among them"
            )
        return factors.values[:, [factors.names.index(name) for name in self._names]]


class Mixture(Online):
    """Mixture of discount-factor models, robust to outliers and common volatility: the program's default.

    Parameters
    ----------
    factors
        Number k of factors, or their names.
    **settings
        Settings of the table ``[estimator]`` by their names, such as ``discount_grid``, ``forgetting`` or
        ``error_clip``, and ``frames_per_day`` and ``days_per_year``. Rates are per day.

    Raises
    ------
    ConfigError
        A setting is unknown, or has a value that is not accepted; ``setting`` names it.

    Examples
    --------
    >>> import numpy as np
    >>> from betaflow import Mixture
    >>> random = np.random.default_rng(1)
    >>> F = 0.01 * random.normal(size=(1000, 2))
    >>> R = F @ [[1.2], [0.4]] + 0.01 * random.normal(size=(1000, 1))
    >>> mixture = Mixture(["mkt", "val"])
    >>> for f, r in zip(F, R):
    ...     mixture.step(f, r)
    >>> bool(abs(mixture.betas[0, 0] - 1.2) < 0.2)
    True
    >>> mixture.forecast([0.01, 0.0]).mean.shape
    (1,)
    """

    _kind = "mixture"


class Dlm(Online):
    """Discount-factor dynamic linear model with unknown observation variance (West & Harrison 1997).

    Parameters
    ----------
    factors
        Number k of factors, or their names.
    **settings
        Settings of the table ``[estimator]`` by their names, such as ``discount_factor`` or
        ``variance_discount``, and ``frames_per_day`` and ``days_per_year``. Rates are per day.

    Raises
    ------
    ConfigError
        A setting is unknown, or has a value that is not accepted; ``setting`` names it.
    """

    _kind = "dlm"


class Fixed(Online):
    """Kalman filter with given parameters and a full covariance for each instrument, as in pykalman.

    The model is r_it = x_t'θ_it + ε, ε ~ N(0, R), with x_t = (1, f_t) and θ = (alpha, betas), and θ_t = F
    θ_{t-1} + ω, ω ~ N(0, Q), from θ ~ N(m, P) on the first frame. Let m = k + 1 be the number of
    coefficients.

    ========================== ============================= ===================================
    here                       pykalman                      shape
    ========================== ============================= ===================================
    ``transition``             ``transition_matrices``       (m, m) or (n, m, m); the identity
    ``transition_covariance``  ``transition_covariance``     (m, m) or (n, m, m)
    ``observation_variance``   ``observation_covariance``    number or (n,)
    ``initial_mean``           ``initial_state_mean``        (m,) or (n, m)
    ``initial_covariance``     ``initial_state_covariance``  (m, m) or (n, m, m)
    ========================== ============================= ===================================

    Parameters
    ----------
    factors
        Number k of factors, or their names.
    transition, transition_covariance, observation_variance, initial_mean, initial_covariance
        Parameters per frame, in decimal returns; arrays with a first dimension n are those of each
        instrument, and need ``first_frame="listing"``. Those that are None follow from the settings.
    first_frame
        Frame on which an instrument starts, and its prior is used without a transition: "return", that of its
        first return, as in the program; "listing", the first frame that has the instrument, with or without a
        return, as in pykalman.
    **settings
        Settings of the table ``[estimator]`` by their names: ``transition_variance`` (required without
        ``transition_covariance``), ``alpha_transition_variance``, ``initial_variance``,
        ``initial_alpha_variance``, ``initial_market_beta``; and ``frames_per_day`` and ``days_per_year``.

    Raises
    ------
    ConfigError
        A setting or parameter is missing, unknown, or has a value that is not accepted; ``setting`` names it.
    ValueError
        A parameter has another shape.

    Notes
    -----
    Instruments with common covariances that miss no frame share one covariance: a step costs O(k) for each of
    them.
    """

    _kind = "fixed"

    def __init__(
        self,
        factors: int | Sequence[str],
        *,
        transition: ArrayLike | None = None,
        transition_covariance: ArrayLike | None = None,
        observation_variance: ArrayLike | None = None,
        initial_mean: ArrayLike | None = None,
        initial_covariance: ArrayLike | None = None,
        first_frame: Literal["return", "listing"] = "return",
        **settings: Any,
    ) -> None:
        given = (transition, transition_covariance, observation_variance, initial_mean, initial_covariance)
        own = {name: value for name, value in zip(_PARAMETERS, given, strict=True) if value is not None}
        arrays = {name: numbers(name, value) for name, value in own.items()}
        settings_alone = {
            "transition_covariance": "transition_variance",
            "initial_covariance": "initial_variance",
        }
        typed = dict(settings)
        for matrix, variance in settings_alone.items():
            if matrix in arrays and settings.get(variance) is not None:
                found, expected = repr(settings[variance]), f"no value, because {matrix} is given"
                raise ConfigError(
                    f"`estimator.{variance}`: found {found}, expected {expected}",
                    setting=f"estimator.{variance}",
                    found=found,
                    expected=expected,
                )
        # The settings need both variances; arrays replace them.
        if "transition_covariance" in arrays:
            typed["transition_variance"] = 0.0
        if "observation_variance" in arrays:
            single = arrays["observation_variance"].ndim == 0
            typed["observation_variance"] = arrays.pop("observation_variance") if single else 1.0
        self._own = {**own, "first_frame": first_frame}
        typed_settings = settings_of("estimator", typed, {"kind": self._kind})
        self._start(factors, {**settings, **self._own}, typed_settings, arrays, first_frame)


def _same_index(factors: Wide, returns: Wide) -> None:
    """Check that two frames have the same rows."""
    ours, theirs = factors.index, returns.index
    if ours is None or theirs is None or type(ours) is not type(theirs):
        return
    if len(ours) == len(theirs) and not ours.equals(theirs):
        raise ValueError(
            "returns: found another index than that of factors, expected the same rows: reindex one of them"
        )


def _restored(
    kind: type[Online],
    factors: int | list[str],
    settings: dict[str, Any],
    instruments: tuple[str, ...] | None,
    state: bytes,
) -> Online:
    """Make a filter with a saved state."""
    restored = kind(factors, **settings)
    restored._instruments = instruments
    restored._filter.load(state)
    return restored
