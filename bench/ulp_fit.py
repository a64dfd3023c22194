#!/usr/bin/python3
"""Derives the polynomials of emit/host_math.c: weighted least squares on Chebyshev nodes, reweighted until the error is level
(Lawson's iteration), which is the minimax polynomial. Prints coefficients, lowest first, and the largest weighted error."""
import numpy as np

L = np.longdouble

def cheb(a, b, n=4001):
    k = np.arange(n)
    return (L(a) + L(b)) / 2 + (L(b) - L(a)) / 2 * np.cos(np.pi * (k + L(0.5)) / n)

def minimax(t, y, w, powers):
    """The largest error and the coefficients of the powers of t for which w * |y - sum| is least."""
    V = np.stack([t ** i for i in powers], 1)
    lam = np.ones(len(t), L)
    best = None
    for _ in range(60):
        s = (np.sqrt(lam) * w).astype(float)
        c = np.linalg.lstsq(V.astype(float) * s[:, None], y.astype(float) * s, rcond=None)[0]
        # one step of refinement in long double
        r = y - V @ c.astype(L)
        c = c.astype(L) + np.linalg.lstsq(V.astype(float) * s[:, None], (r * s).astype(float), rcond=None)[0]
        e = np.abs((y - V @ c) * w)
        if best is None or e.max() < best[0]:
            best = (e.max(), c)
        lam = lam * e / e.max() + 1e-12
        lam /= lam.max()
    return best

def fit(name, a, b, f, weight, deg, even=False, single=False, first=0):
    """f(x) ~ sum c_i x^i (or x^2i), i from `first`, with weight(x) * error level. f and weight in long double. With `single` the
    coefficients are floats: each is rounded, lowest first, and those above it are fitted again."""
    x = cheb(a, b)
    t = x * x if even else x
    y, w = f(x), weight(x)
    error, c = minimax(t, y, w, range(first, deg + 1))
    for k in range(len(c) if single else 0):
        c[k] = L(np.float32(c[k]))
        rest = y - sum(c[i] * t ** (first + i) for i in range(k + 1))
        if k + 1 < len(c):
            c[k + 1:] = minimax(t, rest, w, range(first + k + 1, deg + 1))[1]
        else:
            error = np.abs(rest * w).max()
    print(f"{name}: error 2^{float(np.log2(error)):.2f}")
    print("   ", ", ".join(f"{float(v):.9g}f" if single else f"{float(v):.17g}" for v in c))
    return c

ln2h = np.log(L(2)) / 2 * L(1.001)
series = lambda r, k, n: sum(r ** i / L(np.prod([L(j) for j in range(1, i + k + 1)])) for i in range(n))
fit("exp32", -ln2h, ln2h, lambda r: series(r, 2, 24), lambda r: r * r, 4)
fit("exp64", -ln2h, ln2h, lambda r: series(r, 2, 24), lambda r: np.abs(r), 6)
def logq(f):
    small = np.abs(f) < 1e-2
    s = sum((L(-1)) ** i * f ** i / L(i + 3) for i in range(12))
    g = np.where(small, 1, f)
    return np.where(small, s, (np.log1p(g) - g + g * g / 2) / g ** 3)
fit("log", L(0.5) ** L(0.5) - 1, L(2) ** L(0.5) - 1, logq, lambda f: np.abs(f ** 3 / np.where(f == 0, 1, np.log1p(f))), 9)
fit("exp2", -0.5, 0.5, lambda r: series(r * np.log(L(2)), 1, 26) * np.log(L(2)), lambda r: np.abs(r), 7)

import math
erf = np.vectorize(lambda v: L(math.erf(float(v))))
log2_erfc = np.vectorize(lambda v: L(math.log2(math.erfc(float(v)))))
start = L(0.8125)
fit("erf, the correction", 0.001, start, lambda x: erf(x) / x - 1, lambda x: x / erf(x), 5, even=True, single=True)
fit("log2 erfc", 0, 4 - start, lambda u: log2_erfc(u + start), lambda u: np.maximum(np.exp2(log2_erfc(u + start)), L(1e-9)), 7, single=True)
fit("(2^r - 1) / r", -0.5, 0.5, lambda r: series(r * np.log(L(2)), 1, 26) * np.log(L(2)), lambda r: np.abs(r), 5, single=True)

quarter = np.pi / 4 * 1.001
def tail(x, k):
    """(sin x - x) / x^3 for k = 3, (cos x - 1 + x^2 / 2) / x^4 for k = 4, by their series."""
    return sum(L(-1) ** (i + (1 if k == 3 else 0)) * x ** (2 * i) / L(math.factorial(2 * i + k)) for i in range(14))
fit("sin", 0.0, quarter, lambda x: tail(x, 3), lambda x: x * x, 4, True)
fit("cos", 0.0, quarter, lambda x: tail(x, 4), lambda x: x ** 4, 3, True)
