#!/usr/bin/env python3
"""The cycles of the examples on the grids are those of test/cycles.json, to the cycle. TAP on standard output.

usage: golden_cycles.py KNYFE [--bless]

The simulator counts the same cycles in every run and on every computer, so a difference is a change of the compiler, of the simulator or
of a machine file. One that is meant is blessed, which writes the table anew, and committed with what made it."""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "test" / "cycles.json"
BLESS = "python3 test/golden_cycles.py build/knyfe --bless"
MACHINES = ["mtia1", "mtia2"]
RUNS = """
attention H=2 L=256 M=256 D=64 E=64
attention H=1 L=100 M=333 D=32 E=48
conv2d -D T=f16 -D padding=1 B=1 H=28 W=28 C=64 R=3 S=3 K=64
conv2d -D stride=2 B=1 H=31 W=30 C=5 R=3 S=3 K=16
embedding_bag -D T=f16 V=1000 D=128 B=256 L=2560
embedding_bag V=300 D=70 B=100 L=900
fc M=256 N=256 K=512
fc M=8 N=512 K=512
fc -D T=f32 M=100 N=130 K=70
gelu -D T=f16 N=512 D=512
gelu N=300 D=257
int8_matmul M=256 N=256 K=256
layernorm -D T=f16 N=512 D=512
layernorm N=100 D=1001
rope -D T=f16 L=256 H=4 D=64
softmax -D T=f16 N=512 D=512
softmax N=100 D=1001
transpose -D T=f16 N=512 M=512
transpose N=300 M=257
welford N=512 D=256
""".strip().splitlines()


def cycles(knyfe, run, machine, folder):
    """(the cycles, "") or (None, what went wrong)."""
    name, *options = run.split()
    report = pathlib.Path(folder, "%s %s.json" % (run, machine))
    words = [knyfe, "run", "-q", "--level", "-O0", ROOT / "examples" / (name + ".knf"), *options, "-t", machine, "--json", report]
    p = subprocess.run(words, capture_output=True, text=True, timeout=300, env=dict(os.environ, KNYFE_DATA=str(ROOT)))
    return (None, p.stderr or p.stdout) if p.returncode else (json.loads(report.read_text())["cycles"], "")


class Tap:
    def __init__(self):
        self.number = self.failed = 0

    def case(self, faults, what):
        self.number += 1
        self.failed += bool(faults)
        print("%s %d - %s" % ("not ok" if faults else "ok", self.number, what))
        for line in "\n".join(faults).splitlines():
            print("# " + line)


def difference(old, new):
    if old is None:
        return ["no cycles are committed for it, it takes %d; if that is meant: %s" % (new, BLESS)]
    return [] if old == new else ["was %d cycles, is %d (%+.2f %%); if that is meant: %s" % (old, new, 100.0 * (new - old) / max(old, 1), BLESS)]


def compare(measured):
    golden = json.loads(TABLE.read_text())
    tap = Tap()
    for (run, machine), (new, why) in measured.items():
        tap.case([why] if new is None else difference(golden.get(run, {}).get(machine), new), "%s on %s" % (run, machine))
    stale = sorted(set((run, m) for run, row in golden.items() for m in row) - set(measured))
    tap.case(["%s on %s is measured no more; %s" % (*row, BLESS) for row in stale], "every row of the table is measured")
    examples = {p.stem for p in (ROOT / "examples").glob("*.knf")}
    tap.case(sorted("%s has no run here" % e for e in examples - {run.split()[0] for run in RUNS}), "every example is measured")
    print("1..%d" % tap.number)
    return tap.failed > 0


def bless(measured):
    """Writes the table; not when a run fails."""
    wrong = ["%s on %s: %s" % (*run, why) for run, (new, why) in measured.items() if new is None]
    if wrong:
        sys.exit("\n".join(wrong))
    rows = ["  %s: {%s}" % (json.dumps(run), ", ".join('"%s": %d' % (m, measured[run, m][0]) for m in MACHINES)) for run in RUNS]
    TABLE.write_text("{\n" + ",\n".join(rows) + "\n}\n")


def main(knyfe, blesses):
    jobs = [(run, machine) for run in RUNS for machine in MACHINES]
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        measured = dict(zip(jobs, pool.map(lambda job: cycles(os.path.abspath(knyfe), *job, folder), jobs)))
    return bless(measured) if blesses else compare(measured)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["--bless"]):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], len(sys.argv) == 3))
