"""What the command claims of a run, and what it keeps between runs. judge.py KNYFE SOURCE_ROOT: prints TAP, ends with 1 when a test fails."""
import json, os, pathlib, stat, subprocess, sys, tempfile

KNYFE, ROOT = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
WILD = str(ROOT / "test" / "faulty" / "untestable.knf")
SOFTMAX = str(ROOT / "examples" / "softmax.knf")
count = failed = 0


def ok(good, what, more=""):
    global count, failed
    count += 1
    failed += not good
    print("%s %d - %s" % ("ok" if good else "not ok", count, what))
    if not good:
        print("".join("# %s\n" % l for l in str(more).splitlines()), end="")
    sys.stdout.flush()


def environment(**more):
    return dict(os.environ, KNYFE_DATA=str(ROOT), **more)


def run(*args, **more):
    return subprocess.run([KNYFE, *args], capture_output=True, text=True, env=environment(**more), timeout=120)


def no_test(tmp):
    """A bound so wide that nothing is tested is said to be no test, and never a success."""
    report = os.path.join(tmp, "r.json")
    for kernel in ("wild", "wild_bool", "wild_int", "wild_nan"):
        p = run("run", WILD, "-t", "host", "-k", kernel, "N=500", "--json", report)
        check = json.load(open(report))["check"]
        ok(p.returncode == 3 and "NO TEST" in p.stdout and "check    ok" not in p.stdout, kernel + ": no test, and exit status 3", p.stdout + p.stderr)
        ok(check["no_test"] and not check["ok"] and check["loose"] > 0.5, kernel + ": the JSON report says so", check)
        p = run("test", WILD, "-t", "host", "-k", kernel)
        judged = [l for l in p.stdout.splitlines() if l.startswith("ok") and "N=0" not in l and "N=1 " not in l and "# SKIP no test" not in l]
        ok(p.stdout.count("# SKIP no test") > 10 and len(judged) < 5, kernel + ": its cases are skipped, not passed", p.stdout)
    p = run("run", WILD, "-t", "host", "-k", "tame", "N=500", "--json", report)
    check = json.load(open(report))["check"]
    ok(p.returncode == 0 and "check    ok" in p.stdout and check["ok"] and not check["no_test"], "what can be judged is ok", p.stdout + p.stderr)


class Cache:
    """A folder of objects, and a compiler that counts its calls."""

    def __init__(self, tmp, name):
        self.home, self.log, self.cc = os.path.join(tmp, name), os.path.join(tmp, name + ".log"), os.path.join(tmp, name + "-cc")
        os.mkdir(self.home)
        pathlib.Path(self.log).touch()
        pathlib.Path(self.cc).write_text('#!/bin/sh\ncase "$*" in *--version*) ;; *) echo x >> "%s" ;; esac\nexec cc "$@"\n' % self.log)
        os.chmod(self.cc, stat.S_IRWXU)

    def environment(self):
        return {"XDG_CACHE_HOME": self.home, "CC": self.cc}

    def softmax(self):
        before = self.calls()
        p = run("run", SOFTMAX, "-t", "host", "N=3", "D=5", **self.environment())
        return p.returncode, self.calls() - before, p.stdout + p.stderr

    def calls(self):
        return len(pathlib.Path(self.log).read_text().split())

    def objects(self):
        return sorted(pathlib.Path(self.home).glob("knyfe/*"))


def cache(tmp):
    c = Cache(tmp, "cache")
    first, second = c.softmax(), c.softmax()
    ok(first[:2] == (0, 1) and len(c.objects()) == 1, "the first run compiles, and keeps the object", first)
    ok(second[:2] == (0, 0), "the second finds it", second)
    good = c.objects()[0].read_bytes()
    half = len(good) // 2
    damage = {"one bit": good[:half] + bytes([good[half] ^ 1]) + good[half + 1:], "cut short": good[:half], "empty": b"", "its checksum": good[:-1] + bytes([good[-1] ^ 1]),
              "nothing but zeros": bytes(len(good))}
    for what, data in damage.items():
        c.objects()[0].write_bytes(data)
        again = c.softmax()
        ok(again[:2] == (0, 1) and c.objects()[0].read_bytes() != data and c.softmax()[1] == 0, "a damaged object is made again: " + what, again)
    text, seen = run(SOFTMAX, "-t", "host").stdout, []
    for words in ("one", "two", "two"):
        emitted = os.path.join(tmp, "emitted.c")
        pathlib.Path(emitted).write_text(text + "/* %s */\n" % words)
        before = c.calls()
        p = run("run", SOFTMAX, "-t", "host", "N=3", "D=5", "--emitted", emitted, **c.environment())
        seen.append((p.returncode, c.calls() - before))
    ok(seen == [(0, 1), (0, 1), (0, 0)], "another text has another object", seen)


def unusable(tmp):
    file = Cache(tmp, "file")
    pathlib.Path(file.home, "knyfe").write_text("in the way")
    for _ in range(2):
        r = file.softmax()
        ok(r[:2] == (0, 1), "a file where the folder should be: compiled each time", r)
    shared = Cache(tmp, "shared")
    os.mkdir(os.path.join(shared.home, "knyfe"))
    os.chmod(os.path.join(shared.home, "knyfe"), 0o777)
    r = shared.softmax()
    ok(r[:2] == (0, 1) and not shared.objects(), "a folder that others may write is not used", r)
    link = Cache(tmp, "link")
    os.symlink(shared.home, os.path.join(link.home, "knyfe"))
    r = link.softmax()
    ok(r[:2] == (0, 1) and len(os.listdir(shared.home)) == 1, "nor is a link to a folder", r)
    p = run("run", SOFTMAX, "-t", "host", "N=3", "D=5", XDG_CACHE_HOME="/proc/1/nowhere")
    ok(p.returncode == 0, "a folder that can't be made", p.stdout + p.stderr)


def at_once(tmp):
    c = Cache(tmp, "both")
    command = [KNYFE, "run", SOFTMAX, "-t", "host", "N=3", "D=5"]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment(**c.environment())) for _ in range(3)]
    said = [p.communicate(timeout=120)[0] for p in runs]
    ok(all(p.returncode == 0 for p in runs), "three runs at once, one object", "\n".join(said))
    ok(len(c.objects()) == 1 and c.softmax()[:2] == (0, 0), "which is whole", c.objects())


with tempfile.TemporaryDirectory() as folder:
    no_test(folder)
    cache(folder)
    unusable(folder)
    at_once(folder)
print("1..%d" % count)
sys.exit(1 if failed else 0)
