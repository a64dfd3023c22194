"""Runs the command as a user does. cli.py KNYFE SOURCE_ROOT: prints TAP, ends with 1 when a test fails."""
import glob, json, os, signal, subprocess, sys, tempfile, time
import struct

KNYFE, ROOT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
FAULTY = os.path.join(ROOT, "test", "faulty")
SOFTMAX = os.path.join(ROOT, "examples", "softmax.knf")
BAG = os.path.join(FAULTY, "bag.knf")
TRIANGLE = os.path.join(FAULTY, "triangle.knf")
count = failed = 0


def ok(good, what, more=""):
    global count, failed
    count += 1
    failed += not good
    print("%s %d - %s" % ("ok" if good else "not ok", count, what))
    if not good:
        print("".join("# %s\n" % l for l in str(more).splitlines()), end="")
    sys.stdout.flush()


def run(*args, **kw):
    env = dict(os.environ, KNYFE_DATA=ROOT)
    env.update(kw.pop("env", {}))
    return subprocess.run([KNYFE, *args], stdout=kw.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE, text=True, env=env, timeout=120, **kw)


def expect(what, args, status, words="", quiet=True, **kw):
    """The exit status, words on standard error, and nothing on standard output when there is an error."""
    p = run(*args, **kw)
    good = p.returncode == status and all(w in p.stderr for w in words.split("|")) and not (quiet and status and p.stdout)
    ok(good, what, "%s gave %d, wanted %d and '%s'\n%s%s" % (" ".join(args), p.returncode, status, words, p.stdout, p.stderr))
    return p


def npy(path, descr, shape, data=b"", fortran="False", version=1, raw=None):
    head = raw if raw is not None else "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }" % (descr, fortran, shape)
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(head)) + head.encode() + data)
    return path


def usage():
    expect("no arguments", [], 2, "Usage")
    expect("unknown option", ["--tarket", "host", SOFTMAX], 2, "did you mean --target")
    expect("unknown command", ["chek", SOFTMAX], 2, "did you mean check")
    expect("too many files", [SOFTMAX, SOFTMAX], 2, "too many")
    expect("unknown machine", ["-t", "hots", SOFTMAX], 2, "did you mean host")
    expect("a machine without an emitter", ["-t", os.path.join(FAULTY, "mute.knf"), SOFTMAX], 2, "mute|host, mtia1")
    expect("unknown stage", ["--dump", "tiles", SOFTMAX], 2, "ast, kernel, schedule, tile, c")
    expect("no schedule on a host", ["--dump", "schedule", "-t", "host", SOFTMAX], 2, "no grid")
    expect("no dims", ["run", SOFTMAX], 2, "N, D|knyfe run")
    expect("unknown dim", ["run", SOFTMAX, "N=1", "E=2"], 2, "no dim or scalar 'E'")
    expect("a dim below 0", ["run", SOFTMAX, "N=-1", "D=2"], 2, "0 or more")
    expect("a dim twice", ["run", SOFTMAX, "N=1", "N=2"], 2, "twice")
    expect("unknown output", ["run", SOFTMAX, "N=1", "D=1", "--out", "z=z.npy"], 2, "no output")
    expect("unknown input", ["run", SOFTMAX, "N=1", "D=1", "--in", "z=z.npy"], 2, "no input")
    expect("no such file", ["nowhere.knf"], 4, "nowhere.knf")
    for c in ["run", "check", "test", "fmt", "machines", ""]:
        p = run(*([c] if c else []), "--help")
        ok(p.returncode == 0 and "Examples:" in p.stdout and not p.stderr, "help of %s" % (c or "knyfe"), p.stderr)
    ok(run("--version").stdout.startswith("knyfe "), "version")
    ok(run("machines").stdout.split()[:1] == ["host"] and "machine host {" in run("machines", "host").stdout, "machines")
    expect("machines of another name", ["machines", "hsot"], 2, "did you mean host")


def default(tmp):
    """Without -t all commands mean the same grid."""
    report = os.path.join(tmp, "r.json")
    p = run("run", SOFTMAX, "N=3", "D=5", "--json", report)
    r = json.load(open(report)) if os.path.exists(report) else {}
    ok(p.returncode == 0 and r["target"] == "mtia1" and r["cycles"] > 0, "knyfe run without -t", p.stdout + p.stderr)
    for args in ([SOFTMAX], [SOFTMAX, "--dump", "tile"], ["explain", SOFTMAX, "N=3", "D=5"]):
        p, q = run(*args), run(*args, "-t", "mtia1")
        ok(p.returncode == q.returncode == 0 and p.stdout == q.stdout.replace("softmax.knf -t mtia1\n", "softmax.knf\n", 1), "without -t as with -t mtia1: " + " ".join(args[1:]), p.stderr)


def programs(tmp):
    bad = os.path.join(tmp, "bad.knf")
    with open(bad, "w") as f:
        f.write("kernel k(x: f32[N]) -> (y: f32[N]) {\n    y[i] = z[i]\n}\n")
    for args in (["{}"], ["check", "{}"], ["run", "{}", "N=3"]):
        expect("a wrong program: " + args[0], [a.format(bad) for a in args], 1, "bad.knf:2:12: error:|^")
    out = os.path.join(tmp, "out.c")
    with open(out, "w") as f:
        f.write("old")
    expect("an error leaves the output file alone", [bad, "-o", out], 1)
    ok(open(out).read() == "old" and len(os.listdir(tmp)) == 2, "no half file", os.listdir(tmp))
    p = run(SOFTMAX, "-t", "host", "-o", out)
    ok(p.returncode == 0 and open(out).read() == run(SOFTMAX, "-t", "host").stdout and not p.stdout, "-o writes what goes to standard output", p.stderr)
    c = subprocess.run(["cc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-c", "out.c"], cwd=tmp, capture_output=True, text=True)
    ok(c.returncode == 0, "the emitted file compiles alone without a warning", c.stderr)
    with open(os.path.join(tmp, "k.knf"), "w") as f:
        f.write(run(SOFTMAX, "--dump", "kernel").stdout)
    strip = lambda t: t[t.index("#include"):]
    again = run("--from", "kernel", "-t", "host", os.path.join(tmp, "k.knf"))
    ok(again.returncode == 0 and "int softmax(" in again.stdout, "--from kernel reads --dump kernel", again.stderr)
    wrong_text = os.path.join(tmp, "wrong.knf")
    with open(wrong_text, "w") as f:
        f.write("kernel k(\n")
    ok("softmax" in run(SOFTMAX, "--dump", "ast").stdout, "--dump ast")
    expect("fmt of a wrong file", ["fmt", wrong_text], 1, "error:")


def environment(tmp):
    with open("/dev/full", "w") as full:
        p = run(SOFTMAX, stdout=full)
        ok(p.returncode == 4 and "standard output" in p.stderr, "a full disk on standard output", p.stderr)
    expect("an output that can't be written", [SOFTMAX, "-o", os.path.join(tmp, "no", "x.c")], 4, "x.c")
    for machine in "host", "mtia1":
        command = ["run", SOFTMAX, "-t", machine, "N=3", "D=3"]
        expect("no compiler, " + machine, command, 4, "no C compiler", env={"PATH": "", "CC": ""})
        expect("a wrong CC, " + machine, command, 4, "CC is", env={"CC": "nothing-there"})
        expect("no temporary folder, " + machine, command, 4, "temporary", env={"TMPDIR": os.path.join(tmp, "no")})


def arrays(tmp):
    path = lambda n: os.path.join(tmp, n)
    x = struct.pack("<6f", 1, 2, 3, 1, 1, 1)
    good = npy(path("x.npy"), "<f4", "(2, 3)", x)
    p = run("run", SOFTMAX, "-t", "host", "--in", "x=" + good, "--out", "y=" + path("y.npy"), "--json", path("r.json"))
    y = open(path("y.npy"), "rb").read() if os.path.exists(path("y.npy")) else b""
    ok(p.returncode == 0 and b"'shape': (2, 3)" in y and abs(struct.unpack("<6f", y[-24:])[5] - 1 / 3) < 1e-6, ".npy in and out", p.stderr)
    r = json.load(open(path("r.json")))
    keys = ["version", "kernel", "target", "dims", "time_s", "bytes", "ops", "roofline", "check", "schedule"]
    ok(all(k in r for k in keys) and r["dims"] == {"N": 2, "D": 3} and r["check"]["ok"] and r["bytes"] == 48 and 0 < r["roofline"]["fraction"] < 2
       and r["check"]["ratio"] <= 1, "the JSON report", r)
    bad = {
        "big endian": (npy(path("1"), ">f4", "(2, 3)", x), "big endian"), "other type": (npy(path("2"), "<f8", "(2, 3)", x * 2), "'<f4'"),
        "Fortran order": (npy(path("3"), "<f4", "(2, 3)", x, "True"), "Fortran"), "too short": (npy(path("4"), "<f4", "(2, 3)", x[:-1]), "bytes"),
        "too long": (npy(path("5"), "<f4", "(2, 3)", x + b"1"), "bytes"), "huge": (npy(path("6"), "<f4", "(4294967296, 4294967296)", x), "more elements"),
        "large claim": (npy(path("7"), "<f4", "(1000000, 1000000)", x), "bytes"), "negative": (npy(path("8"), "<f4", "(-2, 3)", x), "shape"),
        "no header": (npy(path("9"), "", "", b"", raw="{"), "header"), "records": (npy(path("a"), "", "", x, raw="{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3)}"), "records"),
        "no .npy": (SOFTMAX, "no .npy file"), "other version": (npy(path("b"), "<f4", "(2, 3)", x, version=9), "version"), "not there": (path("none"), "No such file"),
    }
    for what, (file, words) in bad.items():
        expect(".npy: " + what, ["run", SOFTMAX, "--in", "x=" + file], 4, words)
    expect("extents that disagree", ["run", SOFTMAX, "--in", "x=" + good, "N=7"], 3, "disagree")
    ids = npy(path("id.npy"), "<i4", "(3,)", struct.pack("<3i", 0, 4, 1))
    p = run("run", BAG, "-t", "host", "V=4", "D=2", "--in", "id=" + ids)
    ok(p.returncode == 3 and "id in 0..V" in p.stderr and "nothing was written" in p.stdout, "a check refuses its input", p.stdout + p.stderr)
    for c in ["bag_late", "bag_never"]:
        p = run("run", BAG, "-t", "host", "V=4", "D=2", "--in", "id=" + ids, "--emitted", os.path.join(FAULTY, c + ".c"))
        ok(p.returncode == 3 and "FAILED" in p.stdout, "caught: " + c, p.stdout + p.stderr)


def faulty():
    words = {"zeros": "all wrong elements are 0", "input": "equal those of the input 'x'", "last_row": "at the end of axis 0", "swapped": "differ from",
             "less": "differ from", "past_end": "writes 1 bytes past the end of 'y'", "before_start": "before the start of 'y'", "imprecise": "worst  y[",
             "reads_past": "reads 1 bytes past the end of 'x'", "writes_input": "its input 'x'", "uninitialised": "differ", "changing": "between two calls",
             "endless": "did not return", "crash": "SIGSEGV", "exits": "ended the process", "refuses": "its facts hold", "right": ""}
    files = sorted(f for f in glob.glob(os.path.join(FAULTY, "*.c")) if "bag" not in f)
    ok(sorted(words) == [os.path.basename(f)[:-2] for f in files], "each faulty kernel has its words", files)
    for f in files:
        name = os.path.basename(f)[:-2]
        p = run("run", TRIANGLE, "-t", "host", "M=13", "N=9", "--time-limit", "2", "--emitted", f)
        ok(p.returncode == (0 if name == "right" else 3) and words[name] in p.stderr, "caught: " + name, "status %d\n%s%s" % (p.returncode, p.stdout, p.stderr))


def grid(tmp):
    """A PE program in place of the emitted one, right and with faults planted: judged as on the host."""
    knf, text = os.path.join(FAULTY, "grid", "copy.knf"), open(os.path.join(FAULTY, "grid", "copy.c")).read()
    own = os.path.join(tmp, "copy.c")

    def go(*args, more=(), t=text):
        with open(own, "w") as f:
            f.write(t)
        return run("run", knf, "-t", "mtia1", "--emitted", own, *args, *more)
    report, trace = os.path.join(tmp, "r.json"), os.path.join(tmp, "t.json")
    p = go("N=5000", "shift=4611686018427387905", more=("--json", report, "--lift", "dram", "--trace", trace, "--home", "x=sram"))
    r = json.load(open(report)) if os.path.exists(report) else {}
    ok(p.returncode == 0 and r["cycles"] > 100 and [s["name"] for s in r["stages"]] == ["copy"] and r["lift"]["dram"] < r["cycles"]
       and r["sram_bytes"] == 20000 and r["dram_bytes"] == 20008 and json.load(open(trace))["traceEvents"], "a run on a grid", p.stdout + p.stderr)
    sim = os.path.join(tmp, "s.json")
    run("sim", own, "N=5000", "shift=3", "-t", "mtia1", "--json", sim, "--home", "x=sram")
    ok(json.load(open(sim)).get("cycles") == r["cycles"], "knyfe sim has the cycles of knyfe run", open(sim).read())
    p = go("N=60001")
    ok(p.returncode == 3 and "refused" in p.stderr and "nothing was written" in p.stdout, "a grid refuses its input", p.stdout + p.stderr)
    plants = [
        ("another value", "pe_scalar_i64(pe, 0) + 1", "pe_scalar_i64(pe, 0) + 2", "differ", 5000),
        ("i64 by way of double", "pe_scalar_i64(pe, 0) + 1", "(int64_t)pe_scalar(pe, 0) + 1", "differ", 5000),
        ("who wrote it", "X, pe_box(i,", "X, pe_box(pe_min(i, 1024),", "element 2048 of 'y' was stored by PE (0, 2)", 5000),
        ("another block", "X, pe_box(i,", "X, pe_box(0,", "differ", 5000),
        ("not written", "pe_store(pe, Y, pe_box(i, 1, pe_min(BLOCK, n - i)", "pe_store(pe, Y, pe_box(i, 1, pe_min(BLOCK, n - i) - 1", "written", 5000),
        ("a race", "pe_store(pe, Y, pe_box(i,", "pe_store(pe, Y, pe_box(0,", "error: race", 5000),
        ("beyond the end", "X, pe_box(i,", "X, pe_box(i + 1,", "error: box", 5000),
        ("the line of a fault", "X, pe_box(i,", "X, pe_box(i + 1,", "pe_load(pe, PE_AT(RING, .push = BLOCK * 4), X, pe_box(i + 1", 5000),
        ("refused without need", "> 60000", "> 6", "its facts hold", 5000),
        ("not refused", "> 60000", "> 60001", "returned 0", 60001),
        ("another fact", "pe_refuse(pe, 2)", "pe_refuse(pe, 1)", "returned 1", 60001),
        ("refused too late", "if (pe_id(pe)) return;", "if (pe_id(pe)) return; if (n > 4000) pe_refuse(pe, 2);", "have been stored to", 5000),
        ("a deadlock", "pe_push(pe, ONE, 64);", "", "error: deadlock", 5000),
        ("no end", "pe_reserve(pe, ONE, 64);", "for (;;) pe_ops(pe, 1);", "without an end", 5000),
        ("a name of nothing", '{"x", PE_F32', '{"v", PE_F32', "'v' is none of the kernel", 5000),
        ("another type", '{"y", PE_F32', '{"y", PE_I32', "is of type i32", 5000),
        ("another shape", 'PE_OUT, "N"', 'PE_OUT, "N + 1"', "has 5001 elements", 5000),
        ("an output that is missing", ', {"z", PE_I64, PE_OUT, ""}', ', {"z", PE_I64, PE_TEMP, ""}', "gives no 'z'", 5000),
        ("no C", "static void load", "static vod load", "refuses it", 5000),
    ]
    for what, old, new, words, n in plants:
        p = go("N=%d" % n, "shift=4611686018427387905", "--time-limit", "2", t=text.replace(old, new))
        ok(old in text and p.returncode == 3 and words in p.stdout + p.stderr, "caught on a grid: " + what, "status %d\n%s%s" % (p.returncode, p.stdout, p.stderr))
    go("N=1")
    expect("--home of no tensor", ["run", knf, "N=5", "-t", "mtia1", "--emitted", own, "--home", "q=sram"], 2, "--home q=sram")


def explain(tmp):
    transpose = os.path.join(ROOT, "examples", "transpose.knf")
    p = run("explain", transpose, "N=300", "M=200", "-t", "mtia1")
    words = ["stage y", "load ", "bound ", "busy share of ", "without one limit", "latency", "try: "]
    ok(p.returncode == 0 and all(w in p.stdout for w in words) and p.stdout.count("\ntry: ") == 1, "knyfe explain", p.stdout + p.stderr)
    few = run("explain", transpose, "N=1", "M=1", "-t", "mtia1")
    ok(few.returncode == 0 and "of the PEs have work" in few.stdout, "few PEs have work", few.stdout + few.stderr)
    expect("explain of a host", ["explain", transpose, "N=3", "M=3", "-t", "host"], 2, "no grid")
    expect("explain of an input that is refused", ["explain", os.path.join(FAULTY, "grid", "copy.knf"), "N=60001", "-t", "mtia1"], 3, "refused by fact 2")
    for machine in ("mtia1", "mtia2"):
        c = run(transpose, "-t", machine)
        ok(c.returncode == 0 and "const PeProgram pe_program" in c.stdout and "-t " + machine in c.stdout, "C for " + machine, c.stdout + c.stderr)
    c, a, b = (os.path.join(tmp, n) for n in ("t.c", "a.json", "b.json"))
    run(transpose, "-t", "mtia1", "-o", c)
    run("sim", c, "N=70", "M=90", "-t", "mtia1", "--json", a)
    run("run", transpose, "N=70", "M=90", "-t", "mtia1", "--json", b)
    ok(os.path.exists(a) and os.path.exists(b) and json.load(open(a))["cycles"] == json.load(open(b))["cycles"] > 0, "the emitted file has the cycles of the run")
    tiles = run(transpose, "-t", "mtia1", "--dump", "tile")
    ok(tiles.returncode == 0 and "store " in tiles.stdout and "stage y" in tiles.stdout, "--dump tile", tiles.stdout + tiles.stderr)

    for name in ("transpose", "fc", "embedding_bag", "welford", "attention"):
        knf, tile = os.path.join(ROOT, "examples", name + ".knf"), os.path.join(tmp, name + ".tile")
        with open(tile, "w") as f:
            f.write(run(knf, "-t", "mtia1", "--dump", "tile").stdout)
        again, a, b = run(tile, "--from", "tile", "-t", "mtia1", "--dump", "tile"), run(tile, "--from", "tile", "-t", "mtia1"), run(knf, "-t", "mtia1")
        ok(again.stdout == open(tile).read() and a.returncode == b.returncode == 0 and a.stdout == b.stdout != "", "--from tile, byte for byte: " + name, again.stderr + a.stderr)
    text = open(tile).read()
    for what, old, new, message in (("a later version", "# knyfe tile 3", "# knyfe tile 4", "version 4"), ("a line of no source", " @2", " @2000", "no such line"),
                                    ("a shorter source", "\n|}", "", "bytes, not")):
        with open(tile, "w") as f:
            f.write(text.replace(old, new, 1))
        expect("--from tile, " + what, [tile, "--from", "tile", "-t", "mtia1"], 1, message)
    expect("--from tile on a host", [tile, "--from", "tile", "-t", "host"], 2, "no grid")
    expect("--from tile of a kernel", [transpose, "--from", "tile", "-t", "mtia1"], 1, "error:")
    own = os.path.join(tmp, "s.knf")
    with open(own, "w") as f:
        f.write("kernel sq(x: f32[N, D]) -> (y: f32[N, D]) { y[n, d] = x[n, d] * x[n, d] }\n"
                "schedule bad for sq on mtia2 { engine y dpe }\nschedule one for sq { tile n 4 }\nschedule two for sq on mtia2 { tile n 2 }\n")
    for more, words in ((["-t", "mtia1"], "tile n 4"), (["-t", "mtia2"], "tile n 2"), (["-t", "mtia2", "-s", "one"], "tile n 4")):
        s = run(own, "--dump", "schedule", *more)
        ok(s.returncode == 0 and words in s.stdout, "the schedule taken by " + " ".join(more), s.stdout + s.stderr)
    expect("a schedule that can't be met", ["run", own, "N=3", "D=3", "-t", "mtia2", "-s", "bad"], 1, "schedule 'bad' can't be met|legal is")
    expect("no such schedule", [own, "-t", "mtia1", "-s", "bad"], 1, "no schedule 'bad'")
    expect("a schedule on a host", [own, "-t", "host", "-s", "one"], 2, "-s takes auto")
    s = run("run", own, "N=40", "D=50", "-t", "mtia1", "--json", os.path.join(tmp, "s.json"))
    ok(s.returncode == 0 and json.load(open(os.path.join(tmp, "s.json")))["schedule"] == "one", "a run by a schedule", s.stdout + s.stderr)
    p = run("test", transpose, "-t", "mtia2", "-q")
    ok(p.returncode == 0 and p.stdout.count("\nok ") > 5, "knyfe test on a grid", p.stdout[-2000:] + p.stderr)


def interrupt(tmp):
    env = dict(os.environ, KNYFE_DATA=ROOT, TMPDIR=tmp)
    slow, endless = os.path.join(tmp, "slow"), os.path.join(FAULTY, "endless.c")
    with open(slow, "w") as f:
        f.write("#!/bin/sh\nexec sleep 5\n")
    os.chmod(slow, 0o755)
    for sig, machine in (signal.SIGINT, "host"), (signal.SIGTERM, "host"), (signal.SIGINT, "mtia1"):
        command, seen = [KNYFE, "run", TRIANGLE, "-t", machine, "M=5", "N=4"], os.path.join("knyfe-sim-*", "log")
        if machine == "host":
            command, seen = command + ["--emitted", endless], "kernels0.so"
        p = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env if machine == "host" else dict(env, CC=slow))
        for _ in range(200):
            time.sleep(0.05)
            if glob.glob(os.path.join(tmp, "knyfe-*", seen)):
                break
        time.sleep(0.2)
        p.send_signal(sig)
        out, _ = p.communicate(timeout=20)
        ok(p.returncode == -sig and not out and not glob.glob(os.path.join(tmp, "knyfe-*")), "signal %d leaves nothing behind, %s" % (sig, machine), os.listdir(tmp))


def tests(tmp):
    for more in [], ["-t", "host"]:
        p = run("test", SOFTMAX, "--junit", os.path.join(tmp, "j.xml"), *more)
        n = p.stdout.count("\nok ")
        ok(p.returncode == 0 and n > 5 and "\n1..%d\n" % n in p.stdout and "<testsuite" in open(os.path.join(tmp, "j.xml")).read(),
           " ".join(["knyfe test", *more]), p.stdout + p.stderr)
    wrong = os.path.join(tmp, "w.knf")
    with open(wrong, "w") as f:
        f.write("combinator f(x: f32) -> (y: f32) {\n    state s = 0.0\n    step { s = s * 0.5 + x }\n    merge (o) { s = s + o.s }\n    final (s)\n}\n"
                "kernel w(x: f32[N]) -> (y: f32) {\n    y = reduce f[n] x[n]\n}\ntest w { x = [1.0, 1.0], expect y = 2.0 }\n")
    p = run("test", wrong, "-t", "host")
    ok(p.returncode == 3 and "combinator f keeps its laws" in p.stdout and "not ok 1" in p.stdout and "'expect'" in p.stdout, "broken laws and a wrong result", p.stdout + p.stderr)
    for value, status in ("-inf", 0), ("inf", 3), ("1.0", 3), ("nan", 3):
        with open(wrong, "w") as f:
            f.write("kernel w(x: f32[1]) -> (y: f32[1]) {\n    y[n] = recip(x[n])\n}\ntest w { x = [-0.0], expect y = [%s] }\n" % value)
        p = run("test", wrong, "-t", "host")
        ok(p.returncode == status, "expect %s of -inf" % value, p.stdout + p.stderr)
    p = run("test", TRIANGLE, "-t", "host", "--batch", "5", os.path.join(ROOT, "examples", "gelu.knf"))
    ok(p.returncode == 0, "knyfe test --batch", p.stdout[-2000:] + p.stderr)
    with open(wrong, "w") as f:
        f.write("kernel  w(x:f32[N])->(y:f32[N]){ # why\n y[n]=x[n]*2.0+1.0   # so\n\n\n}\n")
    once = run("fmt", wrong)
    ok(once.stdout == "kernel w(x: f32[N]) -> (y: f32[N]) {  # why\n    y[n] = x[n]*2.0 + 1.0  # so\n\n}\n", "fmt", once.stdout)
    ok(run("fmt", "--check", wrong).returncode == 1 and run("fmt", "-i", wrong).returncode == 0 and run("fmt", "--check", wrong).returncode == 0
       and open(wrong).read() == once.stdout, "fmt --check and -i")


with tempfile.TemporaryDirectory() as folder:
    parts = [lambda d: usage(), default, programs, environment, arrays, lambda d: faulty(), grid, explain, interrupt, tests]
    for i, part in enumerate(parts):
        own = os.path.join(folder, str(i))
        os.mkdir(own)
        part(own)
print("1..%d" % count)
sys.exit(failed > 0)
