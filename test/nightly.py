"""Tests without an end: nightly.py BUILD [MINUTES]. First the suite nightly; then half of the time random programs against the oracle, half programs with random
faults, which the command must take or refuse, never die of. Prints a summary; ends with 1 when something failed.

The seed is in the first line; KNYFE_SEED=N runs it again. Programs that fail are kept in BUILD/nightly."""
import concurrent.futures
import os
import pathlib
import random
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOKEN = re.compile(rb"\w+|\s+|[^\w\s]+")


def random_programs(knyfe, seed, until, kept):
    """(programs, failures): chunks of test/gen/run.py."""
    done = failed = 0
    while time.time() < until:
        out = kept / ("programs-%d" % (done + 1))
        p = subprocess.run([sys.executable, ROOT / "test" / "gen" / "run.py", "--knyfe", knyfe, "--seed", str(seed), "--first", str(done + 1),
                            "--count", "200", "--out", out], capture_output=True, text=True)
        done += 200
        print(p.stdout, end="", flush=True)
        if p.returncode:
            failed += 1
            print(p.stderr, end="", flush=True)
        else:
            subprocess.run(["rm", "-rf", out])
    return done, failed


def spoilt(rng, texts):
    """A program with one to four faults: tokens left out, doubled, swapped, taken from another program, or bytes changed."""
    tokens = TOKEN.findall(rng.choice(texts))
    for _ in range(rng.randint(1, 4)):
        if not tokens:
            break
        i, kind = rng.randrange(len(tokens)), rng.randrange(6)
        if kind == 0:
            del tokens[i]
        elif kind == 1:
            tokens.insert(i, tokens[i])
        elif kind == 2:
            j = rng.randrange(len(tokens))
            tokens[i], tokens[j] = tokens[j], tokens[i]
        elif kind == 3:
            tokens[i] = bytes([rng.randrange(256)])
        elif kind == 4:
            tokens[i] = rng.choice([b"0", b"-1", b"9223372036854775807", b"1e308", b"0.0", b"N", b"x", b"[", b")", b"{", b"where", b"sum"])
        else:
            other = TOKEN.findall(rng.choice(texts))
            j = rng.randrange(len(other))
            tokens[i:i] = other[j:j + rng.randint(1, 8)]
    return b"".join(tokens)


def survives(knyfe, path):
    """None, or what happened. 0 and 1 are answers; all else is a fault of the command."""
    for command in (["check", path], ["fmt", path], ["-t", "host", path], ["-t", "mtia1", path]):
        try:
            p = subprocess.run([knyfe, *command], stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
        except subprocess.TimeoutExpired:
            return "no answer within 20 s"
        if p.returncode not in (0, 1):
            return "exit status %d\n%s" % (p.returncode, p.stderr.decode("utf-8", "replace")[-600:])
    return None


def random_faults(knyfe, seed, until, kept):
    """(programs, failures)."""
    rng, done, failed = random.Random(seed), 0, 0
    texts = [p.read_bytes() for p in sorted(ROOT.glob("examples/*.knf")) + sorted(ROOT.glob("test/lang/*.knf")) + sorted(ROOT.glob("test/err/*.knf"))]
    texts = [re.sub(rb"(?m)^\s*use .*$", b"", t) for t in texts]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        while time.time() < until:
            paths = []
            for _ in range(100):
                paths.append(kept / ("fault-%d.knf" % (done + len(paths) + 1)))
                paths[-1].write_bytes(spoilt(rng, texts))
            for path, said in zip(paths, pool.map(lambda p: survives(knyfe, p), paths)):
                if said:
                    print("%s: %s" % (path, said), flush=True)
                    failed += 1
                else:
                    path.unlink()
            done += len(paths)
    return done, failed


def main(build, minutes):
    seed = int(os.environ.get("KNYFE_SEED", time.time() % 1e9))
    knyfe, kept = (pathlib.Path(build) / "knyfe").resolve(), (pathlib.Path(build) / "nightly").resolve()
    kept.mkdir(exist_ok=True)
    print("seed %d, %g minutes" % (seed, minutes), flush=True)
    values = subprocess.run(["meson", "test", "-C", build, "--suite", "nightly", "--print-errorlogs"], stdin=subprocess.DEVNULL).returncode
    programs, bad_programs = random_programs(knyfe, seed, time.time() + minutes * 30, kept)
    faults, bad_faults = random_faults(knyfe, seed, time.time() + minutes * 30, kept)
    print("random programs  %7d, in chunks of 200; %d chunks with a failure" % (programs, bad_programs))
    print("random faults    %7d; %d failures" % (faults, bad_faults))
    print("tests of suite nightly: " + ("failed" if values else "passed, where there are any"))
    return 1 if bad_programs or bad_faults or values else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 30.0))
