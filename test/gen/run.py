#!/usr/bin/env python3
"""Random programs through knyfe: each must check, and give what the oracle gives.

    run.py --knyfe build/knyfe [--seed S] [--count N] [--first I] [--out DIR] [--target host] [--plain] [--schedules N] [--least-hits 50] [--jobs N] [--tap] [--progress]

Prints each failure with what makes it again, and a summary; with --tap one line for each result. Exit status 1 when anything failed.
Most of the time goes into the C compiler, so most batches are compiled as one file (cc.py) with little optimising, and one in five as
knyfe run does.
"""

import argparse
import collections
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile

from generate import program

LEVELS = ["-O3", "-O0", "-O1", "-O0", "-O0"]    # of batches, by turns; files stay apart at the highest
RESULT = re.compile(r"(not ok|ok) \d+ - (?:.*/)?([\w.]+)")


def compilers(out):
    """Commands that call the C compiler with one more option, by that option."""
    joins = "%s %s" % (sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "cc.py"))
    commands, cc = {}, os.environ.get("CC") or "cc"
    for level in sorted(set(LEVELS)):
        commands[level] = os.path.join(out, "cc" + level)
        with open(commands[level], "w") as f:
            f.write('#!/bin/sh\nexec %s "$@" %s\n' % (cc if level == "-O3" else "%s %s --" % (joins, cc), level))
        os.chmod(commands[level], 0o755)
    return commands


def write(a, out):
    """Writes the programs; returns their paths and the hits."""
    hits, paths = collections.Counter(), []
    for i in range(a.first, a.first + a.count):
        paths.append(os.path.join(out, "k%06d.knf" % i))
        with open(paths[-1], "w") as f:
            f.write("# seed %d, program %d\n%s" % (a.seed, i, program(a.seed, i, hits, a.scale)))
    return paths, hits


def check(knyfe, paths):
    """(path, message) of programs that knyfe refuses."""
    bad = []
    for path in paths:
        try:
            r = subprocess.run([knyfe, "check", path], capture_output=True, text=True, timeout=10, errors="replace")
            if r.returncode or r.stdout:
                bad.append((path, "exit status %d\n%s%s" % (r.returncode, r.stdout, r.stderr)))
        except subprocess.TimeoutExpired:
            bad.append((path, "no answer within 10 s"))
    return bad


def run_tests(a, paths, cc, schedule=None):
    """Results of knyfe test on the files: (ok, name of the kernel, line, what it says). Files whose run dies are tried one by one."""
    command = [a.knyfe, "test", "-q", "--no-cache", "-t", a.target, "--batch", str(len(paths)), "--seed", str(a.seed)]
    command += ["--plain"] if a.plain else []
    command += ([] if a.target == "host" else ["--level", "-O0"]) + (["-s", schedule] if schedule else []) + paths
    p = subprocess.run(command, capture_output=True, text=True, errors="replace", env=dict(os.environ, CC=cc) if a.target == "host" else None)
    results = []
    for line in p.stdout.splitlines():
        m = RESULT.match(line)
        if m:
            results.append([m.group(1) == "ok", m.group(2), line, []])
        elif line.startswith("#") and results:
            results[-1][3].append(line)
    if p.returncode in (0, 1, 3) and results:
        return results
    if len(paths) > 1:
        return [r for path in paths for r in run_tests(a, [path], cc, schedule)]
    name = os.path.basename(paths[0])[:-4]
    return results + [[False, name, "knyfe test ended with status %d" % p.returncode, p.stderr.splitlines()[-20:]]]


def report(what, path, text, a):
    number = re.search(r"k(\d+)", path)
    print("%s: %s" % (what, path))
    if number:
        print("  again: generate.py --seed %d --first %d --count 1%s --out DIR" % (a.seed, int(number.group(1)), " --scale %d" % a.scale if a.scale > 1 else ""))
    print("  " + "\n  ".join(text.splitlines()[:12]), flush=True)


def run_all(a, paths, cc):
    """Results of all programs. Failures are told as they come."""
    chunks = [(paths[i:i + a.batch], cc[LEVELS[i // a.batch % len(LEVELS)]], schedule) for i in range(0, len(paths), a.batch)
              for schedule in [None] + ["random:%d" % (a.seed * 1000 + i + s) for s in range(1, a.schedules + 1)]]
    results, done = [], 0
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        for chunk, new in zip(chunks, pool.map(lambda c: run_tests(a, *c), chunks)):
            for good, name, line, text in new:
                if not good:
                    report("failed" + (" under -s %s" % chunk[2] if chunk[2] else ""), name, "\n".join([line] + text), a)
            results += new
            done += len(chunk[0])
            if a.progress:
                print("%d of %d programs, %d results, %d failed" % (done, len(paths) * (1 + a.schedules), len(results), sum(not r[0] for r in results)), file=sys.stderr, flush=True)
    return results


def tap(refused, results, file):
    """A line for each program refused and each result of knyfe test."""
    lines = ["not ok %d - " + os.path.basename(path) + " is refused" for path, _ in refused]
    lines += [("ok" if good else "not ok") + " %d - " + name + (" # SKIP" if "# SKIP" in line else "") for good, name, line, _ in results]
    print("1..%d" % len(lines), file=file)
    for i, line in enumerate(lines, 1):
        print(line % i, file=file)


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--knyfe", required=True)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--count", type=int, default=100)
    args.add_argument("--first", type=int, default=1)
    args.add_argument("--plain", action="store_true", help="host C from the statements' own loops, without Tile IR")
    args.add_argument("--target", default="host", help="the machine that they run on")
    args.add_argument("--scale", type=int, default=1, help="tensors may have so many times the elements")
    args.add_argument("--schedules", type=int, default=0, help="on a grid: every program under so many random legal schedules as well")
    args.add_argument("--batch", type=int, default=50, help="kernels of one compiler call")
    args.add_argument("--jobs", type=int, default=os.cpu_count())
    args.add_argument("--least-hits", type=int, default=0, help="how often each kind of node and type must occur")
    args.add_argument("--out", help="keep the programs there")
    args.add_argument("--tap", action="store_true")
    args.add_argument("--progress", action="store_true", help="say on stderr how far it is")
    a = args.parse_args()
    a.knyfe = os.path.abspath(a.knyfe)
    out = a.out or tempfile.mkdtemp(prefix="knyfe-gen-")
    os.makedirs(os.path.join(out, "refused"), exist_ok=True)
    os.makedirs(os.path.join(out, "programs"), exist_ok=True)
    paths, hits = write(a, os.path.join(out, "programs"))
    refused = check(a.knyfe, paths)
    plain = sys.stdout
    if a.tap:
        sys.stdout = sys.stderr
    for path, text in refused:
        report("refused", path, text, a)
        os.replace(path, os.path.join(out, "refused", os.path.basename(path)))
    paths = [p for p in paths if os.path.exists(p)]
    results = run_all(a, paths, compilers(out))
    failed = [r for r in results if not r[0]]
    if a.tap:
        tap(refused, results, plain)
    loose = sum("# SKIP no test" in r[2] for r in results)
    skipped = sum("# SKIP" in r[2] for r in results) - loose
    rare = sorted((n, k) for k, n in hits.items() if n < a.least_hits)
    for n, k in rare:
        print("only %d hits: %s" % (n, k))
    print("%d programs, %d refused; %d results, %d failed, %d skipped, %d no test; %d kinds of node by type, %d rare"
          % (a.count, len(refused), len(results), len(failed), skipped, loose, len(hits), len(rare)))
    if not a.out:
        shutil.rmtree(out, ignore_errors=True)
    sys.exit(1 if refused or failed or rare else 0)


if __name__ == "__main__":
    main()
