"""Worker of the rebalance: scipy, Clarabel, cvxpy, cvxportfolio and skfolio on the same problems.

    maximise    forecast'w - w'Σw / (2 κ) - cost'|w - held|,   Σ = B F B' + diag(d)
    subject to  Σ|w - held| <= turnover,  lower <= w <= upper,  Σ|w| <= gross

Weights are not negative here, so that the gross limit is Σw <= gross. A job solves all problems of the file.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import serve

# Objective, in units of the largest forecast: all solvers then see numbers of the order of 1.
Solve = Callable[["Problem"], np.ndarray]


@dataclass
class Problem:
    """One rebalance, in units of its largest forecast."""

    forecast: np.ndarray
    exposures: np.ndarray  # n × k
    factor_root: np.ndarray  # k × k, L with L L' = factor covariance / κ
    idiosyncratic: np.ndarray  # d / κ
    held: np.ndarray
    upper: np.ndarray
    cost: np.ndarray
    turnover: float
    gross: float

    @property
    def loadings(self) -> np.ndarray:
        """B L, n × k."""
        return self.exposures @ self.factor_root

    def objective(self, w: np.ndarray) -> float:
        """Return the objective at some weights."""
        common = self.loadings.T @ w
        risk = common @ common + self.idiosyncratic @ w**2
        return float(self.forecast @ w - risk / 2 - self.cost @ np.abs(w - self.held))

    def excess(self, w: np.ndarray) -> float:
        """Return the largest violation of a limit."""
        turnover = np.abs(w - self.held).sum() - self.turnover
        return float(max(turnover, w.sum() - self.gross, -w.min(), (w - self.upper).max(), 0.0))


def problem(stored: dict) -> Problem:
    """Return a problem of the file, scaled."""
    array = {key: np.asarray(value) for key, value in stored.items()}
    n, scale = len(array["expected"]), 1.0 / np.abs(array["expected"]).max()
    risk = scale / stored["kelly_fraction"]
    covariance = array["factor_covariance"]
    k = round(len(covariance) ** 0.5)
    return Problem(
        forecast=array["expected"] * scale,
        exposures=array["exposures"].reshape(n, k),
        factor_root=np.linalg.cholesky(covariance.reshape(k, k) * risk),
        idiosyncratic=array["idiosyncratic"] * risk,
        held=array["held"],
        upper=array["upper"],
        cost=array["cost"] * scale,
        turnover=stored["turnover"],
        gross=stored["gross"],
    )


def slsqp() -> Solve:
    """SLSQP with purchases and sales as variables, w = held + b - s, which makes the problem smooth, and gradients."""
    from scipy.optimize import minimize

    def solve(p: Problem) -> np.ndarray:
        n, loadings = len(p.held), p.loadings

        def weights(x):
            return p.held + x[:n] - x[n:]

        def value(x):
            w = weights(x)
            common = loadings.T @ w
            gradient = p.forecast - loadings @ common - p.idiosyncratic * w
            objective = p.forecast @ w - (common @ common + p.idiosyncratic @ w**2) / 2 - np.tile(p.cost, 2) @ x
            return -objective, np.concatenate([p.cost - gradient, p.cost + gradient])

        both, net = np.ones(2 * n), np.repeat([1.0, -1.0], n)
        limits = [
            {"type": "ineq", "fun": lambda x: p.turnover - x.sum(), "jac": lambda x: -both},
            {"type": "ineq", "fun": lambda x: p.gross - weights(x).sum(), "jac": lambda x: -net},
        ]
        # A weight that drifted above its bound has to be sold down to it.
        bounds = [(0.0, max(u - h, 0.0)) for u, h in zip(p.upper, p.held)]
        bounds += [(max(h - u, 0.0), max(h, 0.0)) for u, h in zip(p.upper, p.held)]
        found = minimize(
            value,
            np.array([low for low, _ in bounds]),
            jac=True,
            method="SLSQP",
            bounds=bounds,
            constraints=limits,
            options={"ftol": 1e-12, "maxiter": 1_000},
        )
        if not found.success:
            raise ValueError(found.message)
        return weights(found.x)

    return solve


def clarabel() -> Solve:
    """Clarabel by its own interface in factor form: variables (w, y, t) with y = L'B'w and |w - held| <= t.

    The solver is set up once; each rebalance updates its numbers, which keeps the ordering of the factorisation.
    """
    import clarabel
    from scipy import sparse

    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.presolve_enable = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-9
    solvers: dict[int, tuple] = {}

    def numbers(p: Problem):
        k = p.exposures.shape[1]
        linear = np.concatenate([-p.forecast, np.zeros(k), p.cost])
        right = np.concatenate([np.zeros(k), p.held, -p.held, np.zeros(len(p.held)), p.upper, [p.turnover], [p.gross]])
        return np.concatenate([p.idiosyncratic, np.ones(k)]), linear, right

    def set_up(p: Problem):
        n, k = p.exposures.shape
        eye, loadings = sparse.identity(n, format="csc"), sparse.csc_matrix(p.loadings.T)
        zero, ones = sparse.csc_matrix((n, k)), sparse.csc_matrix(np.ones((1, n)))
        diagonal, linear, right = numbers(p)
        quadratic = sparse.csc_matrix((diagonal, (range(n + k), range(n + k))), shape=(2 * n + k, 2 * n + k))
        rows = sparse.bmat(
            [
                [loadings, -sparse.identity(k), None],
                [eye, zero, -eye],
                [-eye, zero, -eye],
                [-eye, zero, None],
                [eye, zero, None],
                [None, sparse.csc_matrix((1, k)), ones],
                [ones, sparse.csc_matrix((1, k)), None],
            ],
            format="csc",
        )
        cones = [clarabel.ZeroConeT(k), clarabel.NonnegativeConeT(4 * n + 2)]
        # The loadings are the first k entries of the columns of w.
        changing = (rows.indptr[:n, None] + np.arange(k)).reshape(-1)
        return clarabel.DefaultSolver(quadratic, linear, rows, right, cones, settings), rows.data, changing

    def solve(p: Problem) -> np.ndarray:
        n = len(p.held)
        if n not in solvers:
            solvers[n] = set_up(p)
        else:
            solver, entries, changing = solvers[n]
            entries[changing] = p.loadings.reshape(-1)
            diagonal, linear, right = numbers(p)
            solver.update(P=diagonal, q=linear, A=entries, b=right)
        return np.array(solvers[n][0].solve().x[:n])

    return solve


def cvxpy() -> Solve:
    """One compiled problem whose parameters change (DPP), with Clarabel."""
    import cvxpy as cp

    compiled: dict[int, tuple] = {}

    def build(n: int, k: int):
        # The trade is a variable: a cost times an expression of `held` would be a product of parameters, and each
        # solution would compile the problem again.
        w, y, trade = cp.Variable(n), cp.Variable(k), cp.Variable(n)
        forecast, held, upper = cp.Parameter(n), cp.Parameter(n), cp.Parameter(n)
        loadings, root = cp.Parameter((k, n)), cp.Parameter(n, nonneg=True)
        cost, turnover, gross = cp.Parameter(n, nonneg=True), cp.Parameter(nonneg=True), cp.Parameter(nonneg=True)
        risk = cp.sum_squares(y) + cp.sum_squares(cp.multiply(root, w))
        objective = forecast @ w - risk / 2 - cost @ cp.abs(trade)
        limits = [y == loadings @ w, trade == w - held, w >= 0, w <= upper]
        limits += [cp.norm1(trade) <= turnover, cp.sum(w) <= gross]
        whole = cp.Problem(cp.Maximize(objective), limits)
        if not whole.is_dcp(dpp=True):
            raise ValueError("the problem is compiled for each solution")
        return whole, w, (forecast, held, upper, loadings, root, cost, turnover, gross)

    def solve(p: Problem) -> np.ndarray:
        n, k = p.exposures.shape
        if n not in compiled:
            compiled[n] = build(n, k)
        whole, w, parameters = compiled[n]
        values = (
            p.forecast,
            p.held,
            p.upper,
            p.loadings.T,
            np.sqrt(p.idiosyncratic),
            p.cost,
            p.turnover,
            p.gross,
        )
        for parameter, value in zip(parameters, values):
            parameter.value = value
        whole.solve(solver=cp.CLARABEL, tol_gap_abs=1e-9, tol_gap_rel=1e-9, tol_feas=1e-9)
        return w.value

    return solve


def cvxportfolio() -> Solve:
    """`SinglePeriodOptimization` with the factor model, executed without market data.

    Its turnover is half the sum of trades. Cash is its last asset, with a return of zero.
    """
    import cvxportfolio as cvx
    import pandas as pd

    def solve(p: Problem) -> np.ndarray:
        names = [f"S{i:04}" for i in range(len(p.held))]
        factors = [f"f{j}" for j in range(p.exposures.shape[1])]
        risk = cvx.FactorModelCovariance(
            F=pd.DataFrame(p.loadings.T, index=factors, columns=names), d=pd.Series(p.idiosyncratic, names)
        )
        forecast = cvx.ReturnsForecast(r_hat=pd.Series(p.forecast, names))
        cost = cvx.TransactionCost(a=pd.Series(p.cost, names), b=None)
        policy = cvx.SinglePeriodOptimization(
            forecast - 0.5 * risk - cost,
            [
                cvx.LongOnly(),
                cvx.MaxWeights(pd.Series(p.upper, names)),
                cvx.TurnoverLimit(p.turnover / 2),
                cvx.LeverageLimit(p.gross),
            ],
            include_cash_return=False,
            solver="CLARABEL",
        )
        value = 1e6
        holdings = pd.Series(np.append(p.held, 1.0 - p.held.sum()) * value, [*names, "cash"])
        trades, _, _ = policy.execute(holdings, market_data=None, t=pd.Timestamp("2020-01-02"))
        return ((holdings + trades) / value).to_numpy()[:-1]

    return solve


def skfolio() -> Solve:
    """`MeanRisk` of largest utility; the prior passes the factor model, whose structure the optimisation uses.

    The turnover cap on the sum of trades is an added constraint: its own `max_turnover` is by asset.
    """
    import cvxpy as cp
    import pandas as pd
    from skfolio.optimization import MeanRisk, ObjectiveFunction
    from skfolio.prior import BasePrior, FactorModel, ReturnDistribution

    class FactorPrior(BasePrior):
        """Prior with the moments of a problem."""

        def __init__(self, given: Problem) -> None:
            self.given = given

        def fit(self, X, y=None, **fit_params):  # noqa: N803
            p = self.given
            loadings, (n, k) = p.loadings, p.exposures.shape
            model = FactorModel(
                observations=np.arange(len(X)).astype(str),
                asset_names=np.array([f"S{i:04}" for i in range(n)]),
                factor_names=np.array([f"f{j}" for j in range(k)]),
                factor_families=None,
                loading_matrix=loadings,
                exposures=None,
                factor_covariance=np.eye(k),
                factor_mu=np.zeros(k),
                factor_returns=None,
                idio_covariance=p.idiosyncratic,
                idio_mu=None,
                idio_returns=None,
                idio_variances=None,
            )
            self.return_distribution_ = ReturnDistribution(
                mu=p.forecast,
                covariance=loadings @ loadings.T + np.diag(p.idiosyncratic),
                returns=np.asarray(X),
                factor_model=model,
            )
            return self

    def solve(p: Problem) -> np.ndarray:
        model = MeanRisk(
            objective_function=ObjectiveFunction.MAXIMIZE_UTILITY,
            risk_aversion=0.5,
            prior_estimator=FactorPrior(p),
            min_weights=0.0,
            max_weights=p.upper,
            budget=None,
            max_budget=p.gross,
            transaction_costs=p.cost,
            previous_weights=p.held,
            add_constraints=lambda w: cp.norm1(w - p.held) <= p.turnover,
            solver="CLARABEL",
        )
        n = len(p.held)
        # Two rows, which the prior does not use.
        model.fit(pd.DataFrame(np.zeros((2, n)), columns=[f"S{i:04}" for i in range(n)]))
        return np.asarray(model.weights_)

    return solve


PEERS = {
    "scipy SLSQP": (slsqp, ("scipy",)),
    "Clarabel": (clarabel, ("clarabel", "scipy")),
    "cvxpy": (cvxpy, ("cvxpy", "clarabel")),
    "cvxportfolio": (cvxportfolio, ("cvxportfolio", "cvxpy", "clarabel")),
    "skfolio": (skfolio, ("skfolio", "cvxpy", "clarabel")),
}


def results(problems: list[Problem], weights: list[np.ndarray]) -> serve.Arrays:
    """Return what is compared: weights, objectives, and by how much limits are violated."""
    return {
        "weights": np.array(weights),
        "objective": np.array([p.objective(w) for p, w in zip(problems, weights)]),
        "excess": np.array([p.excess(w) for p, w in zip(problems, weights)]),
    }


def main() -> None:
    given = serve.argument()
    stored = json.loads(Path(given["file"]).read_text())[: given["rebalances"]]
    problems = [problem(each) for each in stored]
    if given["peer"] == "reference":
        # The weights of betaflow, which the file has, with objectives by the same function as all others.
        ours = results(problems, [np.asarray(each["weights"]) for each in stored])
        serve.serve({"solve": lambda: ours}, ("numpy",))
        return
    build, packages = PEERS[given["peer"]]
    solve = build()
    serve.serve({"solve": lambda: results(problems, [solve(each) for each in problems])}, packages)


if __name__ == "__main__":
    main()
