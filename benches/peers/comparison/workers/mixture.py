"""The mixture of `estimator.kind = "mixture"` in numba: eight discount filters an instrument, weighted by their forecasts.

Two passes over the states for each bar, in blocks of 64 instruments: all models forecast, then all are updated. Scalars
of a bar (common volatility, tails, shared covariances) are plain loops. The definitions are in
`engine/src/model/mixture/`. Logarithms and exponentials are polynomials over lanes, and sums are kept by lane, so that LLVM
vectorises them: the functions of `math` are not vectors without Intel's SVML, which numba's wheels do not have.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

LANES = 64
MODELS = 8
DISCOUNTS = np.array([0.97, 0.985, 0.993, 0.998] * 2)
KEEP = 1.0 - np.repeat([1e-4, 2e-3], 4)
FORGETTING, CLIP, LEAST_LOG_WEIGHT = 0.97, 2.0, -27.6
VARIANCE_DISCOUNT, DOF_0, DOF_FLOOR = 0.97, 3.0, 10.0
TAILS = np.array([3.0, 4.0, 5.0, 6.0, 8.0, 11.0, 16.0, 30.0])
TAIL_MEMORY = 350.0
MEMORIES = np.array([1.0, 3.0, 10.0, 40.0, 160.0])
VOLATILITY_PRIOR = np.array([0.0, 0.1, 0.2, 0.3, 0.2, 0.05])
# Bits of the root of a half; ln 2; and a number whose sum with another has the whole part of it in its low bits.
HALF_ROOT, LN2, ROUND = 0x3FE6A09E667F3BCD, math.log(2.0), 1.5 * 2.0**52
settings = {"error_model": "numpy", "fastmath": {"contract"}}


@njit(**settings)
def subtract(c, gain, scale):
    """Subtract an outer product; an asymmetry of rounding would grow with each discount."""
    k = len(c)
    for i in range(k):
        for j in range(i, k):
            c[i, j] -= gain[i] * scale * gain[j]
            c[j, i] = c[i, j]


@njit(**settings)
def evolve(c, gain, x, restored, discount, moves):
    """Discount a covariance unless it is the first bar; store R x, and return x'R x."""
    k = len(x)
    if moves:
        for i in range(1, k):
            for j in range(1, k):
                c[i, j] /= discount
        for b in range(1, k):
            for i in range(k):
                gain[i] = c[b, i]
            subtract(c, gain, restored / (1.0 + restored * gain[b]))
    spread = 0.0
    for i in range(k):
        gain[i] = 0.0
        for j in range(k):
            gain[i] += c[i, j] * x[j]
        spread += x[i] * gain[i]
    return spread


@njit(**settings)
def log_lanes(value, out, mantissa):
    """Logarithm of positive normal numbers: m 2^e with m about 1, and the series of atanh (m - 1)/(m + 1)."""
    bits, parts = value.view(np.int64), mantissa.view(np.int64)
    for lane in range(LANES):
        exponent = (bits[lane] - HALF_ROOT) >> 52
        parts[lane] = bits[lane] - (exponent << 52)
        out[lane] = exponent * LN2
    for lane in range(LANES):
        s = (mantissa[lane] - 1.0) / (mantissa[lane] + 1.0)
        w = s * s
        series = 1.0 / 21.0
        series = series * w + 1.0 / 19.0
        series = series * w + 1.0 / 17.0
        series = series * w + 1.0 / 15.0
        series = series * w + 1.0 / 13.0
        series = series * w + 1.0 / 11.0
        series = series * w + 1.0 / 9.0
        series = series * w + 1.0 / 7.0
        series = series * w + 1.0 / 5.0
        series = series * w + 1.0 / 3.0
        out[lane] += 2.0 * (s + s * w * series)


@njit(**settings)
def exp_lanes(value, out):
    """Exponential of numbers from -700 to 0: 2^n exp(r) with |r| <= ln 2 / 2, and the series of exp."""
    bits = out.view(np.int64)
    for lane in range(LANES):
        # The low bits of the sum are n, as an integer.
        out[lane] = value[lane] * (1.0 / LN2) + ROUND
        whole = out[lane] - ROUND
        power = (bits[lane] + 1023) << 52
        r = value[lane] - whole * LN2
        series = 1.0 / 6227020800.0
        series = series * r + 1.0 / 479001600.0
        series = series * r + 1.0 / 39916800.0
        series = series * r + 1.0 / 3628800.0
        series = series * r + 1.0 / 362880.0
        series = series * r + 1.0 / 40320.0
        series = series * r + 1.0 / 5040.0
        series = series * r + 1.0 / 720.0
        series = series * r + 1.0 / 120.0
        series = series * r + 1.0 / 24.0
        series = series * r + 1.0 / 6.0
        series = series * r + 0.5
        series = series * r + 1.0
        series = series * r + 1.0
        bits[lane] = power
        out[lane] *= series


@njit(**settings)
def forget(log, weight, total):
    """Log weights after forgetting, and the weights."""
    for lane in range(LANES):
        total[lane] = log[0, lane]
    for m in range(1, MODELS):
        for lane in range(LANES):
            total[lane] = max(total[lane], log[m, lane])
    for m in range(MODELS):
        for lane in range(LANES):
            log[m, lane] = max(FORGETTING * (log[m, lane] - total[lane]), LEAST_LOG_WEIGHT)
        exp_lanes(log[m], weight[m])
    for lane in range(LANES):
        total[lane] = 0.0
    for m in range(MODELS):
        for lane in range(LANES):
            total[lane] += weight[m, lane]
    for lane in range(LANES):
        total[lane] = 1.0 / total[lane]
    for m in range(MODELS):
        for lane in range(LANES):
            weight[m, lane] *= total[lane]


@njit(**settings)
def forecast_block(x, y, mean, s, f, weight, keep, pull, h, spread, dispersion, forecast, variance, used):
    """Revert and forecast all models of a block; add the dispersion of each, and average forecasts and variances."""
    k = len(x)
    for lane in range(LANES):
        forecast[lane] = 0.0
        variance[lane] = 0.0
    for m in range(MODELS):
        for lane in range(LANES):
            f[m, lane] = 0.0
        for j in range(k):
            for lane in range(LANES):
                mean[m, j, lane] = keep[m] * mean[m, j, lane] + pull[m, j]
                f[m, lane] += x[j] * mean[m, j, lane]
        for lane in range(used):
            error = y[lane] - f[m, lane]
            dispersion[m, lane] += min(error * error / (s[m, lane] * h), 9.0)
        for lane in range(LANES):
            forecast[lane] += weight[m, lane] * f[m, lane]
            variance[lane] += weight[m, lane] * s[m, lane] * (h + spread[m])


@njit(**settings)
def tail_sums(y, forecast, variance, scale, scratch, density, scales, whole, used):
    """Add the sums from which the tails are learned, and that of the dispersion, by lane."""
    squared, ratio, logs, mantissa = scratch
    squared[:] = 0.0
    for lane in range(used):
        error = y[lane] - forecast[lane]
        squared[lane] = error * error / variance[lane]
    for lane in range(LANES):
        whole[lane] += min(squared[lane], 2.0 * math.sqrt(squared[lane]))
    for a in range(len(TAILS)):
        d, c = TAILS[a], scale[a]
        for lane in range(LANES):
            ratio[lane] = 1.0 + squared[lane] / (c * d)
        log_lanes(ratio, logs, mantissa)
        for lane in range(LANES):
            density[a, lane] += logs[lane]
            scales[a, lane] += squared[lane] / (d * ratio[lane])


@njit(**settings)
def update_block(
    y, mean, s, f, log, gain, common, spread, h, level, dof, floor, variance, scratch, mean_sum, s_sum, used
):
    """Update all models of a block; add their means and variances for the next bar, by lane."""
    error, ratio, logs, mantissa = scratch
    for m in range(MODELS):
        q, inverse, own = common[m] + spread[m], 1.0 / (dof + 1.0), h + spread[m]
        learning = 1.0 / (level + spread[m])
        error[:] = 0.0
        for lane in range(used):
            error[lane] = y[lane] - f[m, lane]
        for lane in range(LANES):
            ratio[lane] = own * s[m, lane] / variance[lane]
        log_lanes(ratio, logs, mantissa)
        for lane in range(LANES):
            log[m, lane] -= 0.5 * logs[lane]
            ratio[lane] = 1.0 + error[lane] * error[lane] / (10.0 * own * s[m, lane])
        log_lanes(ratio, logs, mantissa)
        for lane in range(LANES):
            before = s[m, lane]
            limit = CLIP * math.sqrt(q * before)
            clipped = min(max(error[lane], -limit), limit)
            log[m, lane] -= 5.5 * logs[lane]
            s[m, lane] = max((dof * before + error[lane] * clipped * learning) * inverse, floor[m])
            f[m, lane] = clipped / q
        for j in range(mean.shape[1]):
            for lane in range(LANES):
                mean[m, j, lane] += gain[m, j] * f[m, lane]
            for lane in range(used):
                mean_sum[m, j, lane] += mean[m, j, lane]
        for lane in range(used):
            s_sum[m, lane] += s[m, lane]


@njit(**settings)
def publish(weight, mean, s, scale, means, variances, used):
    """Write the weighted means of a block and its observation variances."""
    for m in range(MODELS):
        for lane in range(used):
            variances[lane] += scale * weight[m, lane] * s[m, lane]
        for j in range(len(means)):
            for lane in range(used):
                means[j, lane] += weight[m, lane] * mean[m, j, lane]


@njit(**settings)
def filtered(design, returns, constants, s0, alpha_variance, beta_variance, means, variances):
    """Write the published means and observation variances of the last bars into the arrays, one for each bar.

    `alpha_variance` and `beta_variance` are those of the prior in units of the prior observation variance `s0`.
    """
    (bars, k), n = design.shape, returns.shape[1]
    blocks = (n + LANES - 1) // LANES
    mean, s = np.zeros((blocks, MODELS, k, LANES)), np.full((blocks, MODELS, LANES), s0)
    ahead = np.zeros((MODELS, LANES))
    mean[:, :, 1] = 1.0
    f, log, weight = np.zeros(s.shape), np.zeros(s.shape), np.zeros(s.shape)
    forecast, variance = np.zeros((blocks, LANES)), np.ones((blocks, LANES))
    scratch = np.ones(LANES), np.ones(LANES), np.ones(LANES), np.ones(LANES)
    c, gain = np.zeros((MODELS, k, k)), np.zeros((MODELS, k))
    for m in range(MODELS):
        c[m, 0, 0] = alpha_variance
        for i in range(1, k):
            c[m, i, i] = beta_variance
    spread, common, floor, pull = np.zeros(MODELS), np.zeros(MODELS), np.zeros(MODELS), np.zeros((MODELS, k))
    dispersion, s_sum, mean_sum = np.zeros((MODELS, LANES)), np.zeros((MODELS, LANES)), np.zeros((MODELS, k, LANES))
    s_sum[:, 0] = n * s0
    mean_sum[:, 1, 0] = n
    dof = DOF_0
    density, scales, whole = np.zeros((len(TAILS), LANES)), np.zeros((len(TAILS), LANES)), np.zeros(LANES)
    tail_scale, tail_log = (TAILS - 2.0) / TAILS, np.zeros(len(TAILS))
    averages, b, p = np.ones(5), VOLATILITY_PRIOR.copy(), 0.1 * np.eye(6)
    z, surprise_variance, h = np.ones(6), 1.0, 1.0
    z[1:] = 0.0
    for t in range(bars):
        x = design[t]
        if t > 0:
            dof = max(VARIANCE_DISCOUNT * dof, min(dof, DOF_FLOOR))
        for m in range(MODELS):
            usual = s_sum[m].sum() / n
            restored = (1.0 - DISCOUNTS[m]) * usual / (beta_variance * s0)
            spread[m] = evolve(c[m], gain[m], x, restored, DISCOUNTS[m], t > 0)
            floor[m] = max(usual * 2.0**-27, s0 * 2.0**-40)
            for j in range(k):
                pull[m, j] = (1.0 - KEEP[m]) * (mean_sum[m, j].sum() / n)
        mean_sum[:], dispersion[:], s_sum[:], density[:], scales[:], whole[:] = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for block in range(blocks):
            first, last = block * LANES, min(n, (block + 1) * LANES)
            y, used = returns[t, first:last], last - first
            forget(log[block], weight[block], scratch[0])
            forecast_block(
                x,
                y,
                mean[block],
                s[block],
                f[block],
                weight[block],
                KEEP,
                pull,
                h,
                spread,
                dispersion,
                forecast[block],
                variance[block],
                used,
            )
            tail_sums(y, forecast[block], variance[block], tail_scale, scratch, density, scales, whole, used)
        for m in range(MODELS):
            common[m] = h * math.sqrt(max(dispersion[m].sum() / n, 0.2))
        level = h**0.7
        for block in range(blocks):
            first, last = block * LANES, min(n, (block + 1) * LANES)
            update_block(
                returns[t, first:last],
                mean[block],
                s[block],
                f[block],
                log[block],
                gain,
                common,
                spread,
                h,
                level,
                dof,
                floor,
                variance[block],
                scratch,
                mean_sum,
                s_sum,
                last - first,
            )
        for m in range(MODELS):
            subtract(c[m], gain[m], 1.0 / (common[m] + spread[m]))
        dof += 1.0
        rate = max(1.0 / TAIL_MEMORY, 1.0 / (t + 20.0))
        for a in range(len(TAILS)):
            of_bar = n * (constants[a] - 0.5 * math.log(tail_scale[a]))
            of_bar -= 0.5 * (TAILS[a] + 1.0) * density[a].sum()
            tail_log[a] = (1.0 - 1.0 / TAIL_MEMORY) * tail_log[a] + of_bar
            tail_scale[a] = max(tail_scale[a] + rate * ((TAILS[a] + 1.0) * scales[a].sum() / n - tail_scale[a]), 1e-4)
        d = min(max(h * max(whole.sum() / n, 1e-4), 1e-6), 1e6)
        surprise = min(d / h - 1.0, 8.0)
        if t == 0:
            surprise_variance = max(surprise * surprise, 0.1)
        else:
            pz = p @ z
            total = max(surprise_variance, 2.3e-308) + max(z @ pz, 0.0)
            b += pz * (surprise / total)
            p -= np.outer(pz, pz) / total
            surprise_variance += max(1.0 / (t + 1.0), 0.02) * (surprise * surprise - surprise_variance)
        for a in range(5):
            averages[a] += max(1.0 / MEMORIES[a], 1.0 / (t + 1.0)) * (d - averages[a])
        z[1:] = np.log(averages)
        h = min(max(math.exp(b @ z), 0.1 * averages.min()), 10.0 * averages.max())
        at = t - (bars - len(means))
        if at >= 0:
            weights = np.exp(tail_log - tail_log.max())
            weights /= weights.sum()
            tail_dof = 1.0 / (weights / TAILS).sum()
            calibrated = math.exp((weights * np.log(tail_scale)).sum()) * tail_dof / (tail_dof - 2.0)
            means[at], variances[at] = 0.0, 0.0
            for block in range(blocks):
                first, last = block * LANES, min(n, (block + 1) * LANES)
                # The weights of the next forecast; the log weights are forgotten again before it.
                kept = log[block].copy()
                forget(kept, ahead, scratch[0])
                publish(
                    ahead,
                    mean[block],
                    s[block],
                    calibrated * h,
                    means[at, :, first:last],
                    variances[at, first:last],
                    last - first,
                )


def run(
    design: np.ndarray,
    returns: np.ndarray,
    s0: float,
    alpha_variance: float,
    beta_variance: float,
    published: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Return means (bars × coefficients × instruments) and observation variances after the last bars."""
    constants = np.array([math.lgamma((d + 1) / 2) - math.lgamma(d / 2) - 0.5 * math.log(d * math.pi) for d in TAILS])
    n, k = returns.shape[1], design.shape[1]
    means, variances = np.empty((published, k, n)), np.empty((published, n))
    filtered(design, returns, constants, s0, alpha_variance, beta_variance, means, variances)
    return means, variances
