"""./dev bench schedule: the cost model beside the simulator, and the compiler's own schedules beside random ones.

    schedule.py KNYFE [-t MACHINE] [--random N] [--first SEED] [WORD ...]   all, or the kernels that hold one of the words

First the estimate over the simulator's cycles for every row of test/cycles.json: its median has to be within 25 %. Then, for each of six
kernels, N random legal schedules (default 100; -s random:SEED): the rank correlation (Spearman) of estimates and cycles, at least 0.8,
and the cycles of `auto` over those of the best of all, at most 1.15. Every run's result is checked. Runs of more than LIMIT seconds are told as left out.
A line of JSON for each kernel, in the end a table. Ends with 1 when a run fails or gives a wrong result, not when a figure is below."""
import concurrent.futures
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMIT = 120
KERNELS = """
softmax -D T=f16 N=512 D=512
layernorm -D T=f16 N=256 D=1024
fc M=256 N=384 K=512
transpose -D T=f16 N=384 M=512
conv2d -D T=f16 -D padding=1 B=1 H=14 W=14 C=64 R=3 S=3 K=64
attention H=2 L=128 M=128 D=64 E=64
""".strip().splitlines()


def run(knyfe, text, machine, schedule, folder):
    """(cycles, estimate), or (None, why)."""
    name, *options = text.split()
    report = pathlib.Path(folder, "%s %s %s.json" % (text, machine, schedule.replace(":", " ")))
    words = [knyfe, "run", ROOT / "examples" / (name + ".knf"), *options, "-q", "-t", machine, "-s", schedule, "--level", "-O0", "--json", report]
    try:
        p = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT, env=dict(os.environ, KNYFE_DATA=str(ROOT)))
    except subprocess.TimeoutExpired:
        return None, "left out: more than %d s" % LIMIT
    if p.returncode:
        return None, "FAILED: " + " / ".join((p.stderr or p.stdout).strip().splitlines()[:3])[:300]
    r = json.loads(report.read_text())
    return r["cycles"], r.get("estimate", {}).get("cycles")


def ranks(x):
    """Ranks from 1, equal values their mean."""
    order = sorted(range(len(x)), key=lambda i: x[i])
    out = [0.0] * len(x)
    i = 0
    while i < len(order):
        j = i
        while j + 1 < len(order) and x[order[j + 1]] == x[order[i]]:
            j += 1
        for k in range(i, j + 1):
            out[order[k]] = (i + j) / 2 + 1
        i = j + 1
    return out


def correlation(x, y):
    a, b = ranks(x), ranks(y)
    ma, mb = statistics.mean(a), statistics.mean(b)
    top = sum((p - ma) * (q - mb) for p, q in zip(a, b))
    below = (sum((p - ma) ** 2 for p in a) * sum((q - mb) ** 2 for q in b)) ** 0.5
    return top / below if below else 1.0


def golden(knyfe, machines, words, pool, folder):
    """Estimates of the examples at the sizes of the golden cycles."""
    rows = [(text, m) for text in json.loads((ROOT / "test" / "cycles.json").read_text()) for m in machines if not words or any(w in text for w in words)]
    failed, ratios = False, []
    for (text, machine), (cycles, estimate) in zip(rows, pool.map(lambda r: run(knyfe, *r, "auto", folder), rows)):
        row = {"kernel": text, "machine": machine}
        if cycles is None:
            row["verdict"] = estimate
            failed |= estimate.startswith("FAILED")
        else:
            row.update(cycles=cycles, estimate=round(estimate or 0), ratio=round((estimate or 0) / cycles, 3))
            ratios.append(row["ratio"])
        print(json.dumps(row), flush=True)
    return failed, ratios


def random_schedules(knyfe, text, machine, seeds, pool, folder):
    row = {"kernel": text, "machine": machine, "schedules": len(seeds)}
    results = list(pool.map(lambda s: run(knyfe, text, machine, s, folder), ["auto"] + ["random:%d" % s for s in seeds]))
    (auto, estimate), others = results[0], results[1:]
    faults = [(s, why) for s, (cycles, why) in zip(seeds, others) if cycles is None and why.startswith("FAILED")]
    good = [(s, c, e) for s, (c, e) in zip(seeds, others) if c is not None and e is not None]
    row.update(left_out=len(seeds) - len(good) - len(faults), failed=[{"seed": s, "why": why} for s, why in faults])
    if auto is None:
        row["failed"].append({"seed": "auto", "why": estimate})
    if auto is not None and len(good) > 1:
        best = min(good, key=lambda g: g[1])
        row.update(correlation=round(correlation([g[1] for g in good], [g[2] for g in good]), 3), auto=auto, best=best[1], best_seed=best[0], auto_over_best=round(auto / min(best[1], auto), 3),
                   median_error=round(statistics.median(abs(e / c - 1) for _, c, e in good), 3), worst=max(g[1] for g in good))
        row["verdict"] = "PASS" if row["correlation"] >= 0.8 and row["auto_over_best"] <= 1.15 else "below"
    print(json.dumps(row), flush=True)
    return row


def take(words, option, otherwise):
    if option not in words[:-1]:
        return words, otherwise
    at = words.index(option)
    return words[:at] + words[at + 2:], words[at + 1]


def main(knyfe, words):
    words, machine = take(words, "-t", None)
    words, count = take(words, "--random", "100")
    words, first = take(words, "--first", "1")
    machines = [machine] if machine else ["mtia1", "mtia2"]
    knyfe, seeds = os.path.abspath(knyfe), list(range(int(first), int(first) + int(count)))
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        failed, ratios = golden(knyfe, machines, words, pool, folder)
        rows = [random_schedules(knyfe, k, m, seeds, pool, folder) for k in KERNELS for m in machines if seeds and (not words or any(w in k for w in words))]
    if ratios:
        error = statistics.median(abs(r - 1) for r in ratios)
        print("estimate over cycles, %d rows: median error %.1f %% (asked: 25), from %.2f to %.2f  %s" % (len(ratios), 100 * error, min(ratios), max(ratios), "PASS" if error <= 0.25 else "below"))
    print("%-62s %-6s %5s %8s %9s %9s %7s  %s" % ("kernel", "on", "drawn", "ranks", "auto", "best", "ratio", ""))
    for r in rows:
        print("%-62s %-6s %5d %8s %9s %9s %7s  %s" % (r["kernel"], r["machine"], r["schedules"], r.get("correlation", "-"), r.get("auto", "-"), r.get("best", "-"), r.get("auto_over_best", "-"),
                                                    r.get("verdict", "-") + (", %d FAILED" % len(r["failed"]) if r["failed"] else "")))
    return failed or any(r["failed"] for r in rows)


if __name__ == "__main__":
    if len(sys.argv) < 2 or set(sys.argv[2:]) & {"-h", "--help"}:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
