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
# # Paper trading
#
# A paper run trades a live feed with simulated money, and gives the digest of a replay over the same data. Here the feed is
# `betaflow serve`, which plays the embedded data, a hundred days a second. No account and no network are needed.

# %%
from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import betaflow

state = Path(tempfile.mkdtemp()) / "state"

# %% [markdown]
# ## A feed
#
# Port 0 is a free port; the first line of the output names it.

# %%
feed = subprocess.Popen(
    [sys.executable, "-m", "betaflow", "serve", "--from", "2021-06-01", "--speed", "8640000", "--listen", "127.0.0.1:0"],
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
)
assert feed.stdout is not None
url = next(found[0] for line in feed.stdout if (found := re.search(r"ws://127\.0\.0\.1:\d+", line)))
print(url)

# %% [markdown]
# ## Trade, stop, continue
#
# The first run ends by itself after a second. The second one has the same state folder and resumes where the first one stopped; it ends with
# the feed.

# %%
betaflow.paper(url, state=state, run_for="1s")
paper = betaflow.paper(url, state=state)
feed.terminate()
feed.wait()
print(paper.summary)

# %% [markdown]
# ## The same as a replay
#
# The state folder has every input of the run. `session` replays them and compares the digest of each frame with the recorded one. A replay
# of the data behind the feed gives the same digest.

# %%
session = betaflow.replay(session=state)
replayed = betaflow.replay(start="2021-06-01")
print(paper.digest)
assert paper.digest == session.digest == replayed.digest

# %%
session.equity.to_pandas().set_index("timestamp")[["nav", "benchmark_nav"]].tail(3)
