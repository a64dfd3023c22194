"""./dev bench grid: kernels compiled for the grids, as a fraction of their rooflines and beside their hand-written twins.

    grid.py KNYFE [-t MACHINE] [WORD ...]     all rows, or those of one machine, or whose kernel and dims hold one of the words

A line of JSON for each row: the cycles of `knyfe run`, its result checked on a sample; the fraction of the roofline, which is a function of
the kernel and the machine file alone; the cycles of the hand-written twin (examples/handwritten) for the same work, by `knyfe sim`; and
PASS where all that the row asks for is met, else below. In the end the same as a table. Rows that take longer than LIMIT seconds are told
as skipped. Ends with 1 when a run fails or gives a wrong result, not when a row is below."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MACHINES = ["mtia1", "mtia2"]
LIMIT = 900
TWIN = 1.3              # times the cycles of the twin that a kernel may take
SRAM = "--home x=sram --home w=sram --home b=sram --home y=sram"
# The kernel and its dims; the least fraction of the roofline on each machine, or None; the twin and its dims, or None; the least fraction of
# the twin's speed.
ROWS = [
    ("fc M=512 N=1024 K=1024", (0.75, 0.75), "fc M=512 N=1024 K=1024", 1 / TWIN),
    ("fc M=2048 N=2048 K=2048 " + SRAM, (0.75, 0.80), "fc M=2048 N=2048 K=2048 " + SRAM, 1 / TWIN),
    ("fc M=8 N=4096 K=4096", (0.80, 0.80), "fc M=8 N=4096 K=4096", 1 / TWIN),
    ("softmax -D T=f16 N=4096 D=4096", (0.75, 0.75), "softmax N=4096 D=4096", 1 / TWIN),
    ("softmax -D T=f16 N=16384 D=256", (0.75, 0.75), "softmax N=16384 D=256", 1 / TWIN),
    ("layernorm -D T=f16 N=4096 D=4096", (0.75, 0.75), None, None),
    ("layernorm -D T=f16 N=16384 D=256", (0.75, 0.75), None, None),
    ("transpose -D T=f16 N=4096 M=8192", None, "stream N=16777216", 0.85),      # the twin moves as many bytes
    ("transpose -D T=f16 N=4096 M=8192", None, "transpose N=4096 M=8192", 1 / TWIN),
    ("gelu -D T=f16 N=4096 D=8192", None, "stream N=16777216", 0.85),
    ("embedding_bag -D T=f16 V=100000 D=128 B=4096 L=163840", (0.40, 0.40), None, None),
    ("embedding_bag V=100000 D=128 B=4096 L=163840", None, "embedding_bag V=100000 D=128 B=4096 L=163840", 1 / TWIN),     # the twin is in f32
    ("conv2d -D T=f16 -D padding=1 B=8 H=56 W=56 C=64 R=3 S=3 K=64", (0.50, 0.50), None, None),
    ("attention H=16 L=2048 M=2048 D=64 E=64", None, "attention H=16 L=2048 M=2048 D=64 E=64", 0.70),
]


class Skipped(Exception):
    pass


class Bench:
    def __init__(self, knyfe, folder):
        self.knyfe, self.report, self.known = os.path.abspath(knyfe), pathlib.Path(folder, "report.json"), {}

    def command(self, *words):
        """The JSON report, of the same command once."""
        if words not in self.known:
            self.report.unlink(missing_ok=True)
            begin = time.monotonic()
            try:
                p = subprocess.run([self.knyfe, *words, "--json", self.report], capture_output=True, text=True, timeout=LIMIT,
                                   env=dict(os.environ, KNYFE_DATA=str(ROOT)))
            except subprocess.TimeoutExpired:
                raise Skipped("more than %d s" % LIMIT)
            if p.returncode:
                raise RuntimeError(" / ".join((p.stderr or p.stdout).strip().splitlines()[:3])[:300])
            self.known[words] = dict(json.loads(self.report.read_text()), seconds=round(time.monotonic() - begin, 1))
        return self.known[words]

    def run(self, text, machine):
        name, *options = text.split()
        return self.command("run", str(ROOT / "examples" / (name + ".knf")), *options, "-q", "-t", machine, "--check", "sample", "--time-limit", str(LIMIT))

    def twin(self, text, machine):
        name, *options = text.split()
        return self.command("sim", str(ROOT / "examples" / "handwritten" / (name + ".c")), *options, "-t", machine, "--timing")["cycles"]

    def row(self, kernel, roofline, twin, speed, machine):
        """All that is known of a row, as it stands in the JSON."""
        row = {"kernel": kernel, "machine": machine}
        try:
            r = self.run(kernel, machine)
            row.update(cycles=r["cycles"], fraction=round(r["roofline"]["fraction"], 4), bound=r["roofline"]["bound"], seconds=r["seconds"])
            good = True
            if roofline:
                row["asked"] = roofline[MACHINES.index(machine)]
                good = row["fraction"] >= row["asked"]
            if twin:
                cycles = self.twin(twin, machine)
                row.update(twin=twin, twin_cycles=cycles, twin_speed=round(cycles / row["cycles"], 4), twin_asked=round(speed, 4))
                good = good and row["twin_speed"] >= row["twin_asked"]
            row["verdict"] = "PASS" if good else "below"
        except Skipped as why:
            row["verdict"] = "skipped: %s" % why
        except RuntimeError as why:
            row["verdict"] = "FAILED: %s" % why
        return row


def short(text):
    return text.replace(SRAM, "in SRAM").replace("-D T=f16", "f16").replace("-D ", "")


def share(row, value, asked):
    if value not in row:
        return "-"
    return "%5.1f %%" % (100 * row[value]) + (" of %2.0f" % (100 * row[asked]) if asked in row else "")


def table(rows):
    print("%-62s %-6s %10s  %-13s %-10s %-13s %s" % ("kernel", "on", "cycles", "roofline", "twin", "its speed", ""))
    for r in rows:
        print("%-62s %-6s %10s  %-13s %-10s %-13s %s" % (short(r["kernel"]), r["machine"], r.get("cycles", "-"), share(r, "fraction", "asked"),
              r.get("twin", "-").split()[0], share(r, "twin_speed", "twin_asked"), r["verdict"]))


def main(knyfe, words):
    machines = MACHINES
    if "-t" in words[:-1]:
        at = words.index("-t")
        machines, words = [words[at + 1]], words[:at] + words[at + 2:]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(knyfe, folder)
        for asked in ROWS:
            for machine in machines:
                if not words or any(w in short(asked[0]) for w in words):
                    rows.append(bench.row(*asked, machine))
                    print(json.dumps(rows[-1]), flush=True)
    table(rows)
    return any(r["verdict"].startswith("FAILED") for r in rows)


if __name__ == "__main__":
    if len(sys.argv) < 2 or set(sys.argv[2:]) & {"-h", "--help"}:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
