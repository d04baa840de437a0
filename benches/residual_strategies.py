"""Market-neutral backtests of the residual strategies on panels of real prices.

    python3 benches/residual_strategies.py target/release/betaflow ../shared/data

Prints the tables of replay/docs/residual-strategies.md. Standard library only.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

LIMITS = """
[sizing]
weight_min = -{weight}
weight_max = {weight}
net_target = 0.0
gross_max = 1.0
turnover_cap = {cap}

[sizing.exposure_bounds]
{bounds}

[execution]
cash_interest = 0.0
"""

FF = ["mkt_rf", "smb", "hml", "rmw", "cma", "mom"]
DAILY = {"factors": FF, "file": "ff5_mom_daily.parquet"}
# Name of the panel: prices, further [data], largest weight, and factors.
PANELS = {
    "us_stocks_2000_2016": {"data": 'price = "adj_close"', "weight": 0.02, **DAILY},
    "  the same to 2008": {
        "prices": "us_stocks_2000_2016",
        "data": 'price = "adj_close"\nto = "2008-12-31"',
        "weight": 0.02,
        **DAILY,
    },
    "  the same from 2009": {
        "prices": "us_stocks_2000_2016",
        "data": 'price = "adj_close"\nfrom = "2008-01-02"',
        "weight": 0.02,
        **DAILY,
    },
    "us_stocks_5yr_adj": {"data": 'price = "adj_close"', "weight": 0.02, **DAILY},
    "us_stocks_5yr (look-ahead)": {"prices": "us_stocks_5yr", "data": "", "weight": 0.02, **DAILY},
    "ff25_size_bm_daily": {"data": "", "weight": 0.2, **DAILY},
    "skfolio_sp500_20": {"data": "", "weight": 0.2, **DAILY},
    "factor_etfs": {"data": "", "weight": 0.4, **DAILY},
    "crypto_1m_2026-02": {
        "data": 'time_is = "open"\nbar = "1m"\nframes_per_day = 1440\ndays_per_year = 365.0',
        "weight": 0.4,
        "factors": ["mkt"],
        "expression": "0.2*AVAXUSDT + 0.2*DOTUSDT + 0.2*LINKUSDT + 0.2*LTCUSDT + 0.2*NEARUSDT",
        "trade": ["AVAXUSDT", "DOTUSDT", "LINKUSDT", "LTCUSDT", "NEARUSDT"],
        "frames_per_day": 1440,
    },
    "us_equity_1m_2013-10": {
        "data": 'time_is = "open"\nbar = "1m"\nfactor_gap = "carry"\nframes_per_day = 390',
        "weight": 0.5,
        "factors": ["mkt"],
        "expression": "SPY",
        "trade": ["SPY", "AIG", "BAC", "IBM"],
        "frames_per_day": 390,
    },
}
STRATEGIES = {
    "residual_reversal": {"window": 21, "horizon": 21},
    "stat_arb": {"window": 60, "reversion_max": 30},
}


def config(panel, strategy, cap):
    factors = panel["factors"]
    frames = panel.get("frames_per_day", 1)
    bounds = "\n".join(f"{name} = [-0.05, 0.05]" for name in factors)
    text = LIMITS.format(weight=panel["weight"], cap=cap, bounds=bounds)
    # Windows and horizons of minutes are the papers' counts, of minutes instead of days.
    if frames > 1:
        text = text.replace("\n[sizing.exp", f"\ncost_horizon = {21 / frames}\n\n[sizing.exp")
        text += "\n[estimator]\nwarmup = 1\n"
    text += f'\n[strategy]\nkind = "{strategy}"\n'
    if frames > 1:
        days = STRATEGIES[strategy].items()
        text += "".join(f"{name} = {value / frames}\n" for name, value in days)
    if strategy == "stat_arb":
        text += f"size = {panel['weight']}\n"
    if "expression" in panel:
        text += f'\n[factors]\nmkt = "{panel["expression"]}"\n'
        names = ", ".join(f'"{name}"' for name in panel["trade"])
        text += f"\n[universe]\ntrade = [{names}]\n"
    return text + f"\n[data]\n{panel['data']}\n"


def run(program, data, name, strategy, cap):
    panel = PANELS[name]
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "settings.toml"
        settings.write_text(config(panel, strategy, cap))
        prices = data / f"{panel.get('prices', name)}.parquet"
        command = [program, "replay", "--prices", prices, "--config", settings, "--out", f"{folder}/run"]
        if "file" in panel:
            command += ["--factors", data / panel["file"]]
        done = subprocess.run([*command, "--json", "--no-report"], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{name}, {strategy}: {done.stderr}")
        return json.loads(done.stdout)


def line(name, summary):
    net, gross = summary["metrics"]["net"], summary["metrics"]["gross"]
    first = summary["first_rebalance"][:10]
    number = lambda value, digits: "–" if value is None else f"{value:.{digits}f}"
    break_even = summary["cost_analysis"]["break_even_bps"]
    return (
        f"{name:<27} {first}  {number(gross['sharpe'], 2):>7} {number(net['sharpe'], 2):>8} "
        f"{number(net['sharpe_standard_error'], 2):>5} {100 * net['annual_return']:>7.1f} {100 * net['annual_volatility']:>6.1f} "
        f"{100 * summary['turnover']['filled']:>8.1f} {number(break_even, 1):>10}"
    )


HEAD = f"{'panel':<27} {'from':<11} {'gross':>7} {'net':>8} {'± s.e.':>5} {'net %/y':>7} {'vol %':>6} {'turn. %':>8} {'even bps':>10}"


def main():
    program, data = sys.argv[1], Path(sys.argv[2])
    for cap in (0.5, 0.08):
        for strategy in STRATEGIES:
            print(f"\n{strategy}, turnover cap {cap}\n{HEAD}")
            for name, panel in PANELS.items():
                # The cap is that of a day. Minutes have the same one per bar.
                own = cap * panel.get("frames_per_day", 1)
                print(line(name, run(program, data, name, strategy, own)), flush=True)


if __name__ == "__main__":
    main()
