"""Runs benchmarks of a build folder by name, or lists them: run.py BUILD [NAME ...].

Benchmarks that use OpenBLAS get the core type that is fastest here: each that runs is timed once, and the choice is kept in .cache/."""
import hashlib
import json
import os
import pathlib
import platform
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORES = ["SapphireRapids", "Cooperlake", "SkylakeX", "Zen", "Haswell", "Sandybridge", "Nehalem", "Core2"]
# An f32 product of 1024^3 on one thread: the least seconds of seven, and the core type that OpenBLAS says it took.
TIMER = r"""
import ctypes, time
blas = ctypes.CDLL("libopenblas.so.0")
blas.openblas_get_corename.restype = ctypes.c_char_p
n = 1024
a, b, c = ((ctypes.c_float * (n * n))(*([1.0] * (n * n))) for _ in range(3))
f, i = ctypes.c_float, ctypes.c_int
def call():
    t = time.perf_counter()
    blas.cblas_sgemm(i(101), i(111), i(111), i(n), i(n), i(n), f(1), a, i(n), b, i(n), f(0), c, i(n))
    return time.perf_counter() - t
call()
print(min(call() for _ in range(7)), blas.openblas_get_corename().decode())
"""


def benchmarks(build):
    """{name: (command, what it measures)} of Meson's list."""
    out = subprocess.run(["meson", "introspect", "--benchmarks", "--targets", build], capture_output=True, text=True, check=True).stdout
    data = json.loads(out)
    sources = {file: source for target in data["targets"] for file in target["filename"]
               for group in target["target_sources"] for source in group.get("sources", [])[:1]}
    found = {}
    for b in data["benchmarks"]:
        source = sources.get(b["cmd"][0])
        scripts = [word for word in b["cmd"] if word.endswith(".py")]
        text = pathlib.Path(source or scripts[0]).read_text() if source or scripts else ""
        head = re.match(r"/\*(.*?)\*/" if source else r'"""(.*?)"""', text, re.S)
        words = " ".join(line.strip(" *") for line in head[1].splitlines()).strip() if head else ""
        words = re.sub(r"^\./dev bench \w+: ", "", words)
        found[b["name"]] = (b, words.split(": ")[0].split(". ")[0].rstrip("."))
    return found


def timed(core):
    """Seconds with this core type; None where it is not taken, or does not run."""
    p = subprocess.run([sys.executable, "-c", TIMER], env=dict(os.environ, OPENBLAS_CORETYPE=core, OPENBLAS_NUM_THREADS="1"),
                       capture_output=True, text=True)
    words = p.stdout.split()
    return float(words[0]) if p.returncode == 0 and len(words) == 2 and words[1].lower() == core.lower() else None


def machine_key():
    cpu = subprocess.run(["lscpu"], capture_output=True, text=True).stdout
    names = [line for line in cpu.splitlines() if re.match(r"(Vendor ID|Model|Model name|Flags):", line)]
    return hashlib.sha256("\n".join([platform.machine()] + names).encode()).hexdigest()[:16]


def fastest_core():
    cache = ROOT / ".cache" / ("openblas-" + machine_key())
    if cache.exists():
        return cache.read_text().strip()
    times = {core: t for core in CORES if (t := timed(core))}
    for core, t in times.items():
        print("OpenBLAS as %-15s %7.1f GFLOP/s in f32" % (core, 2 * 1024**3 / t / 1e9), file=sys.stderr)
    best = min(times, key=times.get, default="")
    cache.parent.mkdir(exist_ok=True)
    cache.write_text(best + "\n")
    return best


def choose_core(command):
    """Sets OPENBLAS_CORETYPE where the benchmark's program names OpenBLAS."""
    if "OPENBLAS_CORETYPE" in os.environ or not any(b"openblas" in pathlib.Path(p).read_bytes() for p in command if os.path.isfile(p)):
        return
    core = fastest_core()
    if core:
        print("OpenBLAS runs as %s" % core, file=sys.stderr)
        os.environ["OPENBLAS_CORETYPE"] = core


def main(build, names):
    known = benchmarks(build)
    wrong = [n for n in names if n not in known]
    if wrong or not names:
        for n in wrong:
            print("dev: no benchmark '%s'; there are:" % n, file=sys.stderr)
        for name, (_, what) in sorted(known.items()):
            print("  %-10s %s" % (name, what), file=sys.stderr if wrong else sys.stdout)
        return 2 if wrong else 0
    status = 0
    for name in names:
        b = known[name][0]
        choose_core(b["cmd"])
        status |= subprocess.run(b["cmd"], cwd=b["workdir"], env=dict(os.environ, **b["env"])).returncode != 0
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
