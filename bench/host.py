"""./dev bench host: emitted host C beside the best peers on this machine, one thread, in f32.

    host.py KNYFE [--plain] [--quick] [--install-peers] [WORD ...]      all rows, or those whose name holds one of the words

A line for each row: the median processor time of a call with its spread (quartiles), GF/s or GB/s, each peer's median, and how many times as fast as the
fastest peer (peer time / ours). Contenders take turns in every round. Peers: OpenBLAS (with the core type that `./dev bench` found fastest),
numpy, torch and ONNX Runtime where the Python that runs this has them. --install-peers puts these three into a virtual environment of their
own in the cache folder, which later runs take by themselves. --plain measures the statements' own loops too. Results are compared with
numpy's or OpenBLAS's; ends with 1 when one is wrong."""
import ctypes
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "knyfe" / "peers"
ROUNDS, LEAST = 9, 0.004        # turns; seconds of a turn
FLAGS = "-std=gnu11 -O3 -march=native -shared -fPIC -w".split()
SGEMM = ["16", "32", "48", "64", "96", "100", "128", "192", "256", "384", "512", "1000", "1024", "2048", "33x57x91", "127", "255x513x129"]
# name, file, kernel, arguments in the order of the C interface ("x NxD": an array; others by value), dims, work: operations or bytes
ROWS = [("sgemm " + s, "bench/host.knf", "matmul", "sgemm", s) for s in SGEMM]
ROWS += [("fc+gelu " + s, "bench/host.knf", "fc_gelu", "fc", s) for s in ["128x768x3072", "512x1024x1024", "32x256x256", "1x1024x4096"]]
ROWS += [("softmax " + s, "examples/softmax.knf", "softmax", "softmax", s) for s in ["1024x1024", "4096x128", "128x32768", "64x512", "1000x1001"]]
ROWS += [("layernorm " + s, "examples/layernorm.knf", "layernorm", "layernorm", s) for s in ["2048x768", "512x4096", "64x512"]]
ROWS += [(f"{f} {s}", "bench/host.knf", "map_" + f, "map", s) for f, sizes in
         [("gelu", "65536 4194304"), ("tanh", "65536 4194304"), ("erf", "65536"), ("exp", "65536 4194304")] for s in sizes.split()]
ROWS += [("attention " + s, "examples/attention.knf", "attention", "attention", s) for s in ["12x512x64", "12x128x64", "8x2048x64"]]
ROWS += [("bag " + s, "examples/embedding_bag.knf", "embedding_bag", "bag", s) for s in ["1000000x64", "20000x64"]]


def install():
    import venv
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    venv.create(CACHE, with_pip=True)
    for package in ["numpy", "onnx onnxruntime", "torch"]:
        p = subprocess.run([CACHE / "bin" / "python", "-m", "pip", "install", "-q", *package.split()])
        print(f"{package}: {'installed' if p.returncode == 0 else 'not there'}")


class Data:
    """Arrays of a row, in numpy, and what its work is."""

    def __init__(self, np, kind, size, rng):
        n = [int(x) for x in size.split("x")]
        f = lambda *shape: rng.standard_normal(shape, dtype=np.float32)
        self.kind, self.np = kind, np
        self.scalars, self.flops, self.bytes = [], 0, 0
        if kind == "sgemm":
            m, k, p = n if len(n) == 3 else n * 3
            self.ins, self.out, self.dims, self.flops = [f(m, k), f(k, p)], (m, p), [m, k, p], 2 * m * k * p
        elif kind == "fc":
            m, k, p = n
            self.ins, self.out, self.dims, self.flops = [f(m, k), f(p, k), f(p)], (m, p), [m, k, p], 2 * m * k * p
        elif kind == "softmax":
            self.ins, self.out, self.dims = [f(*n)], tuple(n), n
        elif kind == "layernorm":
            self.ins, self.out, self.dims, self.scalars = [f(*n), f(n[1]), f(n[1])], tuple(n), n, [1e-5]
        elif kind == "map":
            self.ins, self.out, self.dims = [f(n[0])], (n[0],), n
        elif kind == "attention":
            h, l, d = n
            self.ins, self.out, self.dims, self.flops = [f(h, l, d) for _ in range(3)], (h, l, d), [h, l, d, l, d], 4 * h * l * l * d
        elif kind == "bag":
            v, d = n
            bags, each = 2048, 40
            ids = rng.integers(0, v, bags * each, dtype=np.int32)
            off = np.arange(0, bags * each + 1, each, dtype=np.int32)
            self.ins, self.out, self.dims = [f(v, d), ids, off], (bags, d), [v, d, bags * each, bags]
        moved = self.ins[1].size * self.ins[0].shape[1] * 4 if kind == "bag" else sum(x.nbytes for x in self.ins)
        self.bytes = moved + 4 * math.prod(self.out)

    def expected(self):
        np, x = self.np, self.ins
        if self.kind == "sgemm":
            return x[0] @ x[1]
        if self.kind == "bag":
            return np.add.reduceat(x[0][x[1]], x[2][:-1], axis=0)
        if self.kind == "softmax":
            e = np.exp(x[0] - x[0].max(1, keepdims=True))
            return e / e.sum(1, keepdims=True)
        if self.kind == "layernorm":
            return (x[0] - x[0].mean(1, keepdims=True)) / np.sqrt(x[0].var(1, keepdims=True) + 1e-5) * x[1] + x[2]
        if self.kind == "attention":
            s = x[0] @ x[1].transpose(0, 2, 1) / math.sqrt(x[0].shape[2])
            e = np.exp(s - s.max(2, keepdims=True))
            return e / e.sum(2, keepdims=True) @ x[2]
        return None


def interface(text, kernel):
    """Types of the parameters of the emitted function."""
    head = text[text.index(f"int {kernel}("):]
    params = head[head.index("(") + 1:head.index(")")].replace("\n", " ")
    return [p.strip() for p in params.split(",")]


def emitted(knyfe, row, folder, plain):
    """A function (pointers, n) -> seconds of n calls."""
    name, file, kernel, kind, _ = row
    flags = (["-D", "T=f32"] if file.startswith("examples") else []) + (["--plain"] if plain else [])
    path = pathlib.Path(folder) / f"k{abs(hash((name, plain)))}.c"
    subprocess.run([knyfe, ROOT / file, "-k", kernel, "-t", "host", "-o", path, *flags], check=True)
    text = path.read_text()
    args = []
    for i, p in enumerate(interface(text, kernel)):
        base = p.rsplit(" ", 1)[0]
        args.append(f"t[{i}]" if "*" in p else f"*({base.replace('const ', '')} *)t[{i}]")
    path.write_text(text + f"""
#include <time.h>
double knyfe_time(void **t, long n) {{
    struct timespec a, b;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
    for (long i = 0; i < n; i++)
        if ({kernel}({', '.join(args)})) return -1;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
    return (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
}}
""")
    so = path.with_suffix(".so")
    subprocess.run([os.environ.get("CC", "cc"), *FLAGS, path, "-o", so, "-lm"], check=True)
    f = ctypes.CDLL(str(so)).knyfe_time
    f.restype = ctypes.c_double
    return f


BLAS = r"""
#include <time.h>
void cblas_sgemm(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
double blas_time(long m, long n, long k, const float *a, const float *b, float *c, int turned, long times) {
    struct timespec x, y;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &x);
    for (long i = 0; i < times; i++) cblas_sgemm(101, 111, turned ? 112 : 111, m, n, k, 1, a, k, b, turned ? k : n, 0, c, n);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &y);
    return (double)(y.tv_sec - x.tv_sec) + 1e-9 * (double)(y.tv_nsec - x.tv_nsec);
}
"""


def blas(folder):
    path = pathlib.Path(folder) / "blas.c"
    path.write_text(BLAS)
    so = path.with_suffix(".so")
    if subprocess.run(["cc", *FLAGS, path, "-o", so, "-l:libopenblas.so.0"], capture_output=True).returncode:
        return None
    f = ctypes.CDLL(str(so)).blas_time
    f.restype = ctypes.c_double
    return f


def looped(call):
    def run(n):
        start = time.thread_time()
        for _ in range(n):
            call()
        return time.thread_time() - start
    return run


def numpy_peer(np, d, y):
    x = d.ins
    if d.kind == "sgemm":
        return looped(lambda: np.matmul(x[0], x[1], out=y))
    if d.kind == "map" and d.op in ("exp", "tanh"):
        f = getattr(np, d.op)
        return looped(lambda: f(x[0], out=y))
    return None


def torch_peer(torch, d):
    x = [torch.from_numpy(a) for a in d.ins]
    y, F = torch.empty(d.out), torch.nn.functional
    calls = {
        "sgemm": lambda: torch.mm(x[0], x[1], out=y),
        "fc": lambda: F.gelu(F.linear(x[0], x[1], x[2])),
        "softmax": lambda: torch.softmax(x[0], 1, out=y) if hasattr(torch, "softmax") else None,
        "layernorm": lambda: F.layer_norm(x[0], (x[0].shape[1],), x[1], x[2], 1e-5),
        "attention": lambda: F.scaled_dot_product_attention(x[0][None], x[1][None], x[2][None]),
        "bag": lambda: F.embedding_bag(x[1], x[0], x[2], mode="sum", include_last_offset=True),
    }
    if d.kind == "map":
        f = torch._C._nn.gelu if d.op == "gelu" else getattr(torch, d.op)
        return looped(lambda: f(x[0], out=y))
    return looped(calls[d.kind])


def ort_peer(ort, onnx, d):
    h = onnx.helper
    ops = {"sgemm": [("MatMul", "ab", "y", {})], "softmax": [("Softmax", "a", "y", {"axis": 1})],
           "layernorm": [("LayerNormalization", "abc", "y", {"axis": -1, "epsilon": 1e-5})],
           "fc": [("Gemm", "abc", "t", {"transB": 1}), ("Gelu", "t", "y", {})]}
    if d.kind == "map":
        ops["map"] = [(d.op.capitalize(), "a", "y", {})]
    if d.kind not in ops:
        return None
    names = "abc"[:len(d.ins)]
    info = lambda n, s: h.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s)
    fixed = [onnx.numpy_helper.from_array(a, n) for n, a in zip(names[1:], d.ins[1:])] if d.kind in ("fc", "layernorm") else []
    given = names[:1] if fixed else names
    graph = h.make_graph([h.make_node(o, list(i), [y], **a) for o, i, y, a in ops[d.kind]], "g",
                         [info(n, a.shape) for n, a in zip(given, d.ins)], [info("y", d.out)], fixed)
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 20)], ir_version=9)
    o = ort.SessionOptions()
    o.intra_op_num_threads = o.inter_op_num_threads = 1
    s = ort.InferenceSession(model.SerializeToString(), o, providers=["CPUExecutionProvider"])
    bind = s.io_binding()
    for n, a in zip(given, d.ins):
        bind.bind_ortvalue_input(n, ort.OrtValue.ortvalue_from_numpy(a))
    bind.bind_ortvalue_output("y", ort.OrtValue.ortvalue_from_numpy(d.np.empty(d.out, dtype=d.np.float32)))
    return looped(lambda: s.run_with_iobinding(bind))


def measure(runs, rounds):
    """{name: sorted seconds of a call}, the contenders in turn."""
    times, took = {}, {}
    for name, run in runs.items():
        run(3)
        one = run(1)
        times[name] = max(1, int(LEAST / max(one, 1e-8)))
        one = run(times[name]) / times[name]
        times[name], took[name] = max(1, int(LEAST / max(one, 1e-8))), []
    for _ in range(rounds):
        for name, run in runs.items():
            took[name].append(run(times[name]) / times[name])
    return {name: sorted(t) for name, t in took.items()}


def unit(seconds):
    return f"{seconds * 1e6:.1f} us" if seconds < 0.01 else f"{seconds * 1e3:.2f} ms"


def one_row(np, knyfe, row, folder, peers, options):
    name, _, _, kind, size = row
    d = Data(np, kind, size, np.random.default_rng(1))
    d.op = name.split()[0]
    y = np.full(d.out, np.nan, dtype=np.float32)
    numbers = [ctypes.c_float(v) for v in d.scalars] + [ctypes.c_int64(v) for v in d.dims]
    inputs = [a.ctypes.data for a in d.ins] + [ctypes.addressof(v) for v in numbers[:len(d.scalars)]]
    pointers = inputs + [y.ctypes.data] + [ctypes.addressof(v) for v in numbers[len(d.scalars):]]
    t = (ctypes.c_void_p * len(pointers))(*pointers)
    runs = {}
    for plain in [False, True] if options["plain"] else [False]:
        f = emitted(knyfe, row, folder, plain)
        if f(t, ctypes.c_long(1)) < 0:
            return f"{name}: the kernel refuses its input", None, False
        want = d.expected()
        if want is not None and not np.allclose(y, want, rtol=1e-3, atol=1e-3):
            return f"{name}: WRONG, off by {np.abs(y - want).max():g}", None, False
        runs["plain" if plain else "knyfe"] = lambda n, f=f: f(t, ctypes.c_long(n))
    z = np.empty(d.out, dtype=np.float32)
    if peers.get("openblas") and kind == "sgemm":
        m, k, n = d.dims
        a, b, c = (ctypes.c_void_p(v.ctypes.data) for v in (*d.ins, z))
        runs["openblas"] = lambda times: peers["openblas"](*(ctypes.c_long(v) for v in (m, n, k)), a, b, c, 0, ctypes.c_long(times))
    for peer, make in [("numpy", lambda: numpy_peer(np, d, z)), ("torch", lambda: torch_peer(peers["torch"], d)),
                       ("ort", lambda: ort_peer(*peers["ort"], d))]:
        if peer != "numpy" and peer not in peers:
            continue
        try:
            run = make()
        except Exception as e:      # a peer that can't do the row
            print(f"# {name}: {peer}: {str(e).splitlines()[0] if str(e) else type(e).__name__}", file=sys.stderr)
            continue
        if run:
            runs[peer] = run
    took = measure(runs, 3 if options["quick"] else ROUNDS)
    ours, n = took["knyfe"], len(took["knyfe"])
    mid = statistics.median(ours)
    rate = f"{d.flops / mid * 1e-9:6.1f} GF/s" if d.flops else f"{d.bytes / mid * 1e-9:6.1f} GB/s"
    others = {p: statistics.median(v) for p, v in took.items() if p not in ("knyfe", "plain")}
    ratio = min(others.values()) / mid if others else None
    text = f"{name:22} {unit(mid):>10} ({unit(ours[n // 4])} .. {unit(ours[-1 - n // 4])}) {rate}"
    text += f"  ratio {ratio:5.2f}" if others else "  ratio    - "
    text += "".join(f"  {p} {unit(v)}" for p, v in sorted(others.items(), key=lambda x: x[1]))
    if "plain" in took:
        text += f"  plain {unit(statistics.median(took['plain']))}"
    return text, ratio, True


def main():
    args = sys.argv[1:]
    options = {o: f"--{o}" in args for o in ("plain", "quick", "install-peers")}
    words = [a for a in args if not a.startswith("--")]
    if options["install-peers"]:
        return install()
    own = CACHE / "bin" / "python"
    if own.exists() and pathlib.Path(sys.prefix).resolve() != CACHE.resolve():
        os.execv(own, [str(own), *sys.argv])
    for name in ("OPENBLAS", "OMP", "MKL"):
        os.environ[name + "_NUM_THREADS"] = "1"
    try:
        import numpy as np
    except ImportError:
        print("skipped: there is no numpy; ./dev bench host --install-peers gets it, torch and ONNX Runtime into a folder of their own")
        return
    peers = {}
    try:
        import torch
        torch.set_num_threads(1)
        torch.set_grad_enabled(False)
        peers["torch"] = torch
    except Exception as e:
        print(f"# no torch: {e}")
    try:
        import onnx
        import onnx.helper
        import onnxruntime
        peers["ort"] = (onnxruntime, onnx)
    except Exception as e:
        print(f"# no ONNX Runtime: {e}")
    good, ratios = True, []
    with tempfile.TemporaryDirectory() as folder:
        peers["openblas"] = blas(folder)
        if not peers["openblas"]:
            print("# no OpenBLAS")
        for row in ROWS:
            if len(words) > 1 and not any(w in row[0] for w in words[1:]):
                continue
            text, ratio, fine = one_row(np, words[0], row, folder, peers, options)
            print(text, flush=True)
            good = good and fine
            if ratio:
                ratios.append(ratio)
    if ratios:
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        print(f"{len(ratios)} rows with a peer: geometric mean {mean:.2f}, least {min(ratios):.2f}; {sum(r >= 0.8 for r in ratios)} at 0.8 or more")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
