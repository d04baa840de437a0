"""Results of the online filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]

#: Columns that ``filter`` returns by default; ``cov`` is returned on request.
COLUMNS = (
    "alpha",
    "betas",
    "alpha_sd",
    "betas_sd",
    "residual_sd",
    "forecast_mean",
    "forecast_sd",
    "forecast_dof",
    "forecast_error",
)


class Forecast(NamedTuple):
    """Forecast of the next frame's returns: a t distribution for each instrument.

    Attributes
    ----------
    mean
        Expected returns per frame, shape (n,); NaN for an instrument without a return so far.
    sd
        Standard deviations of the t, not its scale, shape (n,); infinite for 2 degrees of freedom or fewer.
    dof
        Degrees of freedom, shape (n,); infinite for a normal distribution.
    """

    mean: Array
    sd: Array
    dof: Array


class Filtered:
    """Result of ``filter``: arrays over T frames, n instruments and k factors.

    An instrument has NaN before its start.

    The forecast of a frame is made before its returns are known, the coefficients are those after it.
    Attributes are those of the requested columns; the names and definitions are those of ``betas.parquet``.

    Attributes
    ----------
    alpha : ndarray, shape (T, n)
        Posterior mean of alpha after the frame, per frame.
    betas : ndarray, shape (T, n, k)
        Posterior means of the betas after the frame.
    alpha_sd : ndarray, shape (T, n)
        Posterior standard deviation of alpha after the frame.
    betas_sd : ndarray, shape (T, n, k)
        Posterior standard deviations of the betas after the frame.
    residual_sd : ndarray, shape (T, n)
        Standard deviation of the observation noise of the next frame.
    forecast_mean : ndarray, shape (T, n)
        Forecast of the frame's return before it, given its factor returns; NaN on a frame without factors.
    forecast_sd : ndarray, shape (T, n)
        Standard deviation of that forecast.
    forecast_dof : ndarray, shape (T, n)
        Degrees of freedom of that forecast.
    forecast_error : ndarray, shape (T, n)
        Return less forecast; NaN without a return.
    cov : ndarray, shape (T, n, k + 1, k + 1)
        Covariance of (alpha, betas) after the frame; only if requested.
    index : object or None
        Index of the frame of returns (pandas), or its column of times (polars, Arrow); None for arrays.
    instruments : tuple of str or None
        Names of the instruments; None for arrays.
    factors : tuple of str or None
        Names of the factors; None if only their number is known.
    """

    alpha: Array
    betas: Array
    alpha_sd: Array
    betas_sd: Array
    residual_sd: Array
    forecast_mean: Array
    forecast_sd: Array
    forecast_dof: Array
    forecast_error: Array
    cov: Array

    def __init__(
        self,
        columns: dict[str, Array],
        *,
        index: Any | None,
        instruments: tuple[str, ...] | None,
        factors: tuple[str, ...] | None,
    ) -> None:
        self.__dict__.update(columns)
        self.columns = tuple(columns)
        self.index = index
        self.instruments = instruments
        self.factors = factors

    def __getattr__(self, name: str) -> Any:
        if name in COLUMNS or name == "cov":
            raise AttributeError(
                f"{name}: found the columns {', '.join(self.columns)}, expected {name} among them: "
                f"filter(..., columns=[..., {name!r}])"
            )
        raise AttributeError(name)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {self.__dict__[name].shape}" for name in self.columns)
        return f"Filtered({shapes})"
