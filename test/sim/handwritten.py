"""Every program of examples/handwritten/ against the reference interpreter, on both machines, at sizes with tails, of one, and of none.
handwritten.py KNYFE ROOT: TAP, one case for each program, machine and size. The last cases run a program
that leaves the last row out, and one that takes another function; they must be found."""
import pathlib
import subprocess
import sys
import tempfile

# program, its .knf (from examples/), options, sizes
PROGRAMS = [
    ("transpose", "handwritten/transpose.knf", "", ["N=131 M=300", "N=1 M=77", "N=64 M=128", "N=0 M=9"]),
    ("tanh", "handwritten/tanh.knf", "", ["N=9001", "N=1", "N=0"]),
    ("concat", "handwritten/concat.knf", "", ["N=30 A=70 B=500", "N=1 A=1 B=1", "N=7 A=0 B=33"]),
    ("stream", "handwritten/stream.knf", "", ["N=70001", "N=1", "N=0"]),
    ("matmul", "handwritten/matmul.knf", "", ["M=130 N=70 K=200", "M=1 N=1 K=1", "M=65 N=3 K=0"]),
    ("matmul_i8", "handwritten/matmul_i8.knf", "", ["M=65 N=129 K=300", "M=1 N=1 K=1", "M=64 N=64 K=33"]),
    ("matmul_dynamic", "handwritten/matmul_dynamic.knf", "scale=0.5", ["M=70 N=65 K=300"]),
    ("fc", "handwritten/fc.knf", "", ["M=70 N=130 K=700", "M=1 N=1 K=1"]),
    # one group of keys and several, with parts; queries and keys that local memory takes whole, and wider ones; values of two widths; no keys, no columns
    ("attention", "handwritten/attention.knf", "", ["H=2 L=70 M=120 D=20 E=33", "H=1 L=1 M=1 D=1 E=1", "H=1 L=64 M=300 D=16 E=8 --seed 2", "H=1 L=5 M=1025 D=79 E=70",
                                                    "H=9 L=3 M=513 D=130 E=2", "H=1 L=70 M=256 D=300 E=3", "H=2 L=3 M=0 D=500 E=2", "H=1 L=2 M=300 D=0 E=1"]),
    ("softmax", "softmax.knf", "-D T=f16", ["N=70 D=300", "N=1 D=1"]),
    ("softmax_f32", "softmax.knf", "-D T=f32", ["N=3 D=9000"]),
    ("embedding_bag", "embedding_bag.knf", "", ["B=70 D=33 L=900 V=50", "B=1 D=1 L=1 V=1"]),
]
FAULTS = [("transpose", "handwritten/transpose.knf", "N=131 M=300", "pe_min(T, N - ", "pe_min(T, N - 1 - "), ("tanh", "handwritten/tanh.knf", "N=900", "PE_TANH", "PE_SIGMOID")]


MACHINE_OPTIONS = {("attention", "mtia2"): "-D G=256"}


def run(knyfe, program, knf, options, size, machine):
    words = [knyfe, "sim", str(program), *size.split(), *options.split(), "-t", machine, "--check", str(knf)]
    return subprocess.run(words, capture_output=True, text=True)


def main(knyfe, root):
    examples = pathlib.Path(root) / "examples"
    cases = [(p, m, s) for p in PROGRAMS for s in p[3] for m in ("mtia1", "mtia2")]
    print("1..%d" % (len(cases) + 2))
    bad = number = 0
    for (name, knf, options, _), machine, size in cases:
        number += 1
        options += " " + MACHINE_OPTIONS.get((name, machine), "")
        r = run(knyfe, examples / "handwritten" / (name + ".c"), examples / knf, options, size, machine)
        ok = r.returncode == 0 and "right" in r.stdout and "wrong" not in r.stdout
        print("%s %d - %s %s on %s" % ("ok" if ok else "not ok", number, name, size, machine))
        if not ok:
            print("".join("# %s\n" % line for line in (r.stdout[-300:] + r.stderr).splitlines()), end="")
        bad += not ok
    for name, knf, size, right, wrong in FAULTS:
        number += 1
        text = (examples / "handwritten" / (name + ".c")).read_text()
        with tempfile.NamedTemporaryFile("w", suffix=".c") as f:
            f.write(text.replace(right, wrong, 1))
            f.flush()
            r = run(knyfe, f.name, examples / knf, "", size, "mtia1")
        ok = right in text and r.returncode != 0
        print("%s %d - %s with '%s' for '%s' is found" % ("ok" if ok else "not ok", number, name, wrong, right))
        bad += not ok
    return bad > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
