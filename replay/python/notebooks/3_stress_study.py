# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A stress study
#
# Does a strategy survive other costs and limits, and how much of the best result is luck? The data are the embedded ones: 20 US stocks,
# 2014 to 2022. It needs `pip install pandas pyarrow`.

# %%
from __future__ import annotations

import betaflow

# %% [markdown]
# ## Scenarios
#
# All combinations of the values: 36 scenarios. Each one equals the replay with its settings, to the last bit. betaflow reads the data once
# for all of them.

# %%
study = betaflow.stress(
    grid={
        "sizing.turnover_cap": [0.02, 0.08, 0.3],
        "execution.half_spread_bps": [0, 4, 20, 100],
        "sizing.kelly_fraction": [0.1, 0.25, 0.5],
    },
    trials="none",
)
print(study.summary)

# %%
scenarios = study.scenarios.to_pandas()
ratios = scenarios.pivot_table(index="sizing.turnover_cap", columns="execution.half_spread_bps", values="net_sharpe", aggfunc="max")
ratios.round(2)

# %% [markdown]
# ## Luck
#
# The spread is a cost that you cannot choose. Cap and Kelly fraction are choices: nine of them were tried. The deflated Sharpe ratio
# is the probability that the best of nine is better than the best of nine worthless strategies.

# %%
study.summary.luck.to_dict()

# %% [markdown]
# ## One scenario is one replay

# %%
best = scenarios.loc[scenarios["net_sharpe"].idxmax()]
again = betaflow.replay(
    sizing={"turnover_cap": best["sizing.turnover_cap"], "kelly_fraction": best["sizing.kelly_fraction"]},
    execution={"half_spread_bps": best["execution.half_spread_bps"]},
)
assert again.digest == best["digest"]
print(again.digest)
