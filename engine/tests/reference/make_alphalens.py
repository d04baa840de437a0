"""Reference numbers of `engine/tests/suite/signal_analysis.rs`: alphalens-reloaded 0.4.6, pandas 2.3, statsmodels.

    python make_alphalens.py

Writes `signal_panel.csv` (closes, signals, residual returns, betas) and `alphalens.csv` (figure, value).
"""

import warnings
from pathlib import Path

import alphalens
import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats

warnings.simplefilter("ignore")
FOLDER = Path(__file__).parent
HORIZONS = [1, 2, 5, 21]
NAMES = [f"N{i:02}" for i in range(23)]
rng = np.random.default_rng(7)
# Business days without a holiday: alphalens infers this calendar.
days = pd.bdate_range("2019-10-01", periods=150, name="date")

signal = pd.DataFrame(np.nan, days, NAMES)
signal.iloc[0] = rng.normal(size=23)
for t in range(1, 150):
    signal.iloc[t] = 0.9 * signal.iloc[t - 1] + rng.normal(scale=0.44, size=23)
returns = 0.004 * signal.shift(1).fillna(0) + rng.normal(0.0004, 0.02, size=(150, 23))
prices = (100 * (1 + returns).cumprod()).round(4)
# Names that list late and delist early, missing signals, and equal signals that do not span two quantiles.
prices.iloc[:17, 3] = np.nan
prices.iloc[120:, 8] = np.nan
signal = signal.mask(rng.random((150, 23)) < 0.05).round(3)
signal.iloc[40, 4] = signal.iloc[40, 5]
# Enough equal signals that two edges coincide: no quantiles on this date.
tied = days[77]
signal.loc[tied, NAMES[:15]] = 0.25
betas = pd.DataFrame(rng.normal(1, 0.3, size=(150, 23)).round(4), days, NAMES)
market = returns.mean(axis=1)
residuals = (returns - betas.mul(market, axis=0)).where(prices.notna()).round(6)

rows = {"close": prices, "signal": signal, "residual": residuals, "beta": betas}
panel = pd.concat({key: value.stack(future_stack=True) for key, value in rows.items()}, axis=1)
panel.index.names = ["date", "symbol"]
panel.reset_index().to_csv(FOLDER / "signal_panel.csv", index=False, lineterminator="\n")

out = {}


def newey_west(name, series, lag):
    series = series.dropna()
    fit = sm.OLS(series, np.ones(len(series))).fit(cov_type="HAC", cov_kwds={"maxlags": lag})
    out[f"{name} mean"], out[f"{name} se"] = fit.params.iloc[0], fit.bse.iloc[0]
    out[f"{name} sd"], out[f"{name} lag"] = series.std(), lag
    out[f"{name} count"] = len(series)


def automatic_lag(count, overlap):
    return max(overlap, int(4 * (count / 100) ** (2 / 9)))


factor = signal.stack(future_stack=True)
factor.index.names = ["date", "asset"]
# The sample without prices carried over gaps: what pandas 3 has, where alphalens runs with pandas 2.
factor = factor.where(prices.stack(future_stack=True).to_numpy() > 0)
for h in HORIZONS:
    carried = alphalens.utils.compute_forward_returns(factor, prices, periods=[h])
    label = carried.columns[0]
    forward = (prices.shift(-h) / prices - 1).stack(future_stack=True)
    forward.index.names = ["date", "asset"]
    both = forward.reindex(carried.index)
    agree = both.notna()
    assert np.allclose(both[agree], carried[label][agree], rtol=0, atol=1e-15)
    carried[label] = both
    # `carry`: alphalens unmodified, which carries the last price over a missing one.
    raw = signal.stack(future_stack=True)
    raw.index.names = ["date", "asset"]
    unmodified = alphalens.utils.compute_forward_returns(raw, prices, periods=[h])
    for variant, values, table in [("", factor, carried), ("carry ", raw, unmodified)]:
        data = alphalens.utils.get_clean_factor(values, table, max_loss=1)
        # The date whose edges coincide has no quantiles; other figures have it.
        whole = table.assign(factor=values).dropna()
        name = f"{variant}{h}"
        performance = alphalens.performance
        ic = performance.factor_information_coefficient(whole)[label]
        newey_west(f"{name} rank_ic", ic, automatic_lag(ic.count(), h - 1))
        if variant == "":
            pearson = whole.groupby(level=0).apply(lambda day: day["factor"].corr(day[label]))
            newey_west(f"{name} ic", pearson, automatic_lag(pearson.count(), h - 1))
            for year in (2019, 2020):
                part = ic[ic.index.year == year].dropna()
                newey_west(f"{name} rank_ic {year}", part, automatic_lag(len(part), h - 1))
            summed = residuals.rolling(h).sum().shift(-h).stack(future_stack=True)
            rows = pd.DataFrame({"f": factor.to_numpy(), "r": summed.to_numpy()}, factor.index).dropna()
            residual = rows.groupby(level=0).apply(lambda day: stats.spearmanr(day.f, day.r)[0])
            newey_west(f"{name} residual_rank_ic", residual, automatic_lag(residual.count(), h - 1))
        demeaned, error = performance.mean_return_by_quantile(data)
        raw, _ = performance.mean_return_by_quantile(data, demeaned=False)
        by_date, _ = performance.mean_return_by_quantile(data, by_date=True)
        daily, _ = performance.compute_mean_returns_spread(by_date, 5, 1)
        newey_west(f"{name} spread", daily[label], automatic_lag(daily[label].count(), h - 1))
        for q in range(1, 6):
            out[f"{name} q{q} mean"] = demeaned.loc[q, label]
            out[f"{name} q{q} raw"] = raw.loc[q, label]
            out[f"{name} q{q} error"] = error.loc[q, label]
            turnover = performance.quantile_turnover(data["factor_quantile"], q, period=h)
            out[f"{name} q{q} turnover"] = turnover.mean()
        out[f"{name} autocorrelation"] = performance.factor_rank_autocorrelation(whole, period=h).mean()
        out[f"{name} factor_return"] = performance.factor_returns(whole)[label].mean()
        alpha_beta = performance.factor_alpha_beta(whole)
        out[f"{name} alpha"] = alpha_beta.loc["Ann. alpha", label]
        out[f"{name} beta"] = alpha_beta.loc["beta", label]

exposure = signal.where(prices.notna()).corrwith(betas, axis=1)
newey_west("exposure", exposure, automatic_lag(exposure.count(), 0))
out["coverage"] = (signal.where(prices.notna()).count(axis=1) / prices.count(axis=1)).mean()
pd.Series(out).rename_axis("figure").to_csv(FOLDER / "alphalens.csv", header=["value"], lineterminator="\n")
print(len(out), "figures")
