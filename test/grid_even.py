#!/usr/bin/env python3
"""Compiled kernels on grids: the work is spread evenly, odd sizes cost little more, and the bound that a run reports is what holds it. TAP.

usage: grid_even.py KNYFE ROOT [MACHINE ...]
"""
import json
import os
import re
import subprocess
import sys
import tempfile

KNYFE, ROOT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
MACHINES = sys.argv[3:] or ["mtia1", "mtia2"]
SRAM = ["--home", "x=sram", "--home", "y=sram"]
# The kernel, its compile-time arguments, its dims with n for the size, where its tensors are; what n counts in the elements. Of sums of
# products only the spread is asked: their panels are whole blocks of 32, and 65 of them on 8 rows and 8 columns of PEs are (9/8)^2 of 64.
KERNELS = [
    ("softmax", ["-D", "T=f16"], "N=n D=n", SRAM, 2),
    ("layernorm", ["-D", "T=f16"], "N=n D=n", SRAM, 2),
    ("gelu", ["-D", "T=f16"], "N=n D=n", SRAM, 2),
    ("transpose", ["-D", "T=f16"], "N=n M=n", [], 2),
    ("fc", [], "M=n N=n K=n", SRAM + ["--home", "w=sram"], 3),
]
EVEN, ODD = 56, 1.25        # PEs of 64 that are within a fifth of the mean; cycles an element against those of 2048
number = 0


def ok(good, what, *notes):
    global number
    number += 1
    print("%s %d - %s" % ("ok" if good else "not ok", number, what))
    for note in notes if not good else []:
        print("# " + str(note))


def call(*command):
    p = subprocess.run([KNYFE, *command], capture_output=True, text=True, env=dict(os.environ, KNYFE_DATA=ROOT))
    if p.returncode:
        raise SystemExit("Bail out! knyfe %s: %s" % (" ".join(command), p.stderr[:300]))
    return p.stdout


def measured(folder, path, dims, homes, machine):
    out = os.path.join(folder, "report.json")
    call("sim", path, *dims.split(), *homes, "-t", machine, "--timing", "--json", out)
    return json.load(open(out))


def spread(folder, machine):
    for name, defines, dims, homes, power in KERNELS:
        path = os.path.join(folder, "%s_%s.c" % (name, machine))
        call(os.path.join(ROOT, "examples", name + ".knf"), *defines, "-t", machine, "-o", path)
        runs = {n: measured(folder, path, dims.replace("n", str(n)), homes, machine) for n in ((2047, 2048, 2049) if power == 2 else (2048,))}
        even = runs[2048]["balance"]
        ok(even["near_mean"] >= EVEN, "%s on %s is spread over the PEs" % (name, machine), even)
        for n in (2047, 2049) if power == 2 else ():
            ratio = runs[n]["cycles"] / runs[2048]["cycles"] * (2048 / n) ** power
            ok(ratio <= ODD, "%s on %s: size %d" % (name, machine, n), "%.3f times the cycles an element" % ratio)


def halved(folder, machine):
    """With half of the DRAM's bandwidth a kernel that waits for it takes twice as long, and another as long as before."""
    text = open(os.path.join(ROOT, "machines", machine + ".knf")).read()
    part = re.search(r"memory dram \{.*?bandwidth (\S+) GB/s", text, re.S)
    slow = os.path.join(folder, machine + "_slow.knf")
    with open(slow, "w") as f:
        f.write(text[:part.start(1)] + str(float(part.group(1)) / 2) + text[part.end(1):])
    for name, defines, dims, homes in (("softmax", ["-D", "T=f16"], "N=1024 D=1024", []), ("fc", [], "M=1024 N=1024 K=1024", SRAM + ["--home", "w=sram"])):
        out, cycles, bound = os.path.join(folder, "run.json"), [], ""
        for m in (machine, slow):
            call("run", os.path.join(ROOT, "examples", name + ".knf"), *defines, *dims.split(), *homes, "-q", "-t", m, "--check", "sample", "--json", out)
            r = json.load(open(out))
            cycles.append(r["cycles"])
            bound = bound or r["roofline"]["bound"]
        ratio = cycles[1] / cycles[0]
        good = 1.8 <= ratio <= 2.1 if "DRAM" in bound else 0.98 <= ratio <= 1.05
        ok(good, "%s on %s with half of the DRAM bandwidth: the bound is the %s" % (name, machine, bound), "%.3f times the cycles" % ratio)


with tempfile.TemporaryDirectory() as folder:
    for machine in MACHINES:
        spread(folder, machine)
        halved(folder, machine)
print("1..%d" % number)
