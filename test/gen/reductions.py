"""Random reductions, scans and combinators."""

from model import *

REAL_COMBS = ["sum", "sum", "sum", "prod", "max", "min", "mean"]
INT_COMBS = ["sum", "sum", "prod", "max", "min", "argmax", "argmin", "argmax", "argmin"]


class Comb:
    """A user combinator: input kinds with types, output types, and sizes of the results."""

    def __init__(self, name, inputs, outputs, ordered, limit=50.0, mag=100.0):
        self.name, self.inputs, self.outputs, self.ordered, self.limit, self.mag = name, inputs, outputs, ordered, limit, mag


WELFORD = """combinator %(name)s(x: %(t)s) -> (avg: %(t)s, var: %(t)s) {
    state n: %(t)s = 0.0, mu: %(t)s = 0.0, m2: %(t)s = 0.0
    step  { d = x - mu; n = n + 1.0; mu = mu + d / n; m2 = m2 + d * (x - mu) }
    merge (o) { d = o.mu - mu; t = n + o.n
                mu = if t > 0.0 then mu + d * o.n / t else 0.0
                m2 = m2 + o.m2 + (if t > 0.0 then d * d * n * o.n / t else 0.0); n = t }
    final (mu, m2 / (n + 1.0))
}
"""
RECURRENCE = """combinator %(name)s(a: %(t)s, b: %(t)s) -> (h: %(t)s) ordered {
    state p: %(t)s = 1.0, h: %(t)s = 0.0
    step  { p = a * p; h = a * h + b }
    merge (o) { h = o.p * h + o.h; p = o.p * p }
    final (h)
}
"""
HASH = """combinator %(name)s(x: %(t)s) -> (h: %(t)s) ordered {
    state h: %(t)s = 0, p: %(t)s = 1
    step  { h = h * 31 + x; p = p * 31 }
    merge (o) { h = h * o.p + o.h; p = p * o.p }
    final (h)
}
"""
LAST = """combinator %(name)s(x: %(t)s) -> (v: %(t)s, seen: bool) ordered {
    state v: %(t)s = 0, seen: bool = false
    step  { v = x; seen = true }
    merge (o) { v = if o.seen then o.v else v; seen = seen or o.seen }
    final (v, seen)
}
"""
BEST = """combinator %(name)s(x: %(t)s, tag: i32) -> (top: %(t)s, at: i32) ordered {
    state top: %(t)s = -1000.0, at: i32 = -1
    step  { more = x > top; at = if more then tag else at; top = if more then x else top }
    merge (o) { more = o.top > top; at = if more then o.at else at; top = if more then o.top else top }
    final (top, at)
}
"""
TEMPLATES = [   # text, types, inputs, outputs, ordered, limit, mag
    (WELFORD, ["f32", "f64"], "t", ["t", "t"], False, 10.0, 100.0),
    (RECURRENCE, ["f32", "f64"], "tt", ["t"], True, 1.0, 300.0),
    (HASH, ["i32", "i64"], "t", ["t"], True, 1.0, 1.0),
    (LAST, ["f32", "f64", "i32", "i64"], "t", ["t", "bool"], True, 50.0, 50.0),
    (BEST, ["f32", "f64"], "ti", ["t", "i32"], True, 50.0, 1000.0),
]
# An operation, its identity, by kind of state.
MONOIDS = {"f": [("%s + %s", "0.0"), ("max(%s, %s)", "-inf"), ("min(%s, %s)", "inf"), ("%s + %s", "0.0")],
           "i": [("%s + %s", "0"), ("%s * %s", "1"), ("%s ^ %s", "0"), ("%s | %s", "0"), ("%s & %s", "-1")],
           "b": [("%s or %s", "false"), ("%s and %s", "true"), ("%s ^ %s", "false")]}


class Reductions:
    def __init__(self, program):
        self.p, self.r = program, program.rng

    # --- combinators ---

    def new_comb(self):
        name = "comb%d" % len(self.p.combs)
        if self.r.random() < 0.5:
            text, types, inputs, outputs, ordered, limit, mag = self.r.choice(TEMPLATES)
            t = self.r.choice(types)
            self.p.blocks.append(text % {"name": name, "t": t})
            comb = Comb(name, [t if c == "t" else "i32" for c in inputs], [t if o == "t" else o for o in outputs], ordered, limit, mag)
        else:
            comb = self.free_comb(name)
        self.p.combs.append(comb)
        return comb

    def free_comb(self, name):
        """States that are monoids, stepped by random expressions over the inputs."""
        r = self.r
        inputs = [r.choice(["f32", "f32", "f64", "i32", "i64"]) for _ in range(r.randint(1, 2))]
        x = self.p.exprs(pure=True, vars_=[("in%d" % i, t, 4.0) for i, t in enumerate(inputs)])
        states, steps, merges, finals, outputs = [], [], [], [], []
        for i in range(r.randint(1, 3)):
            k = r.choice([kind(t) for t in inputs] + ["b"])
            t = {"b": "bool"}.get(k) or r.choice([t for t in inputs if kind(t) == k])
            op, zero = r.choice(MONOIDS[k])
            s = "st%d" % i
            states.append("%s: %s = %s" % (s, t, zero))
            e = x.bool(1) if k == "b" else x.int(1, t) if k == "i" else x.limited(x.float(1), 20)
            value = e.text if e.type == t or (k == "i" and INT_BITS[e.type] <= INT_BITS[t]) else "%s(%s)" % (t, e.text)
            if k == "f" and op.startswith("m"):
                value = "%s(%s)" % (t, e.text)
            steps += ["v%d = %s" % (i, value), "%s = %s" % (s, op % (s, "v%d" % i))]
            merges.append("%s = %s" % (s, op % (s, "o." + s)))
            finals.append(s)
            outputs.append(t)
            self.p.hit("state", t)
        text = "combinator %s(%s) -> (%s)%s {\n    state %s\n    step { %s }\n    merge (o) { %s }\n    final (%s)\n}\n" % (
            name, ", ".join("in%d: %s" % p for p in enumerate(inputs)), ", ".join("out%d: %s" % p for p in enumerate(outputs)),
            r.choice(["", " ordered"]), ", ".join(states), "; ".join(steps), "; ".join(merges), ", ".join(finals))
        self.p.blocks.append(text)
        return Comb(name, inputs, outputs, False, 10.0, 500.0)

    def comb_for(self, fits):
        able = [c for c in self.p.combs if fits(c)]
        if able and self.r.random() < 0.7:
            return self.r.choice(able)
        if len(self.p.combs) < 3:
            c = self.new_comb()
            if fits(c):
                return c
        return None

    def operands(self, x, comb, depth):
        texts = []
        for t in comb.inputs:
            if kind(t) == "f":
                e = x.limited(x.float(depth), comb.limit)
            else:
                e = x.int(depth, t)
            if e.type != t or (self.p.type_param and kind(t) == "f"):
                e = x.convert(t, e, e.mag)
            texts.append(e)
        for t in comb.outputs:
            self.p.hit("reduce user", t)
        return texts[0].at(P_MUL) if len(texts) == 1 else "(%s)" % ", ".join(e.text for e in texts)

    # --- indices ---

    def new_index(self, x):
        """A reduction's index: over an axis, a part of one, a triangle or a ragged bag."""
        r, p = self.r, self.p
        name = p.fresh_index(x.idx)
        for off in p.offsets:
            b = next((i for i in x.idx if i.ext == off.bags and i.range is None), None)
            if b and r.random() < 0.6:
                p.hit("ragged", off.type)
                off.reads += 1
                return Index(name, off.items, "%s[%s] .. %s[%s + 1]" % (off.name, b.name, off.name, b.name))
        outer = [i for i in x.idx if i.range is None and i.ext.plain()]
        if outer and r.random() < 0.2:
            i = r.choice(outer)
            p.hit("triangular", "i64")
            e = i.ext.text()
            return Index(name, i.ext, r.choice(["0 .. %s + 1" % i.name, "0 .. " + i.name, "%s .. %s" % (i.name, e), "%s + 1 .. %s" % (i.name, e)]))
        ext = r.choice(p.axes())
        if ext.plain() and r.random() < 0.1:
            return Index(name, ext, r.choice(["1 .. " + ext.text(), "0 .. %s // 2" % ext.text(), "2 .. %s - 1" % ext.text()]))
        return Index(name, ext)

    def open(self, x, n):
        """Pushes n new indices; returns them."""
        new = []
        for _ in range(n):
            i = self.new_index(x)
            new.append(i)
            x.idx.append(i)
        x.nest += 1
        return new

    def close(self, x, new):
        x.nest -= 1
        del x.idx[len(x.idx) - len(new):]

    def brackets(self, new, pred, operand):
        parts = []
        for i in new:
            parts.append(i.name if i.inferable(operand + " " + (pred or "")) and self.r.random() < 0.65 else i.written())
        text = ", ".join(parts)
        if pred is not None:
            text += " | " + ("(" + pred + ")" if "|" in pred or self.r.random() < 0.1 else pred)
        return "[" + text + "]"

    def predicate(self, x, new):
        if self.r.random() > 0.3:
            return None
        self.p.hit("predicate", "bool")
        i = self.r.choice(new)
        outer = [j for j in x.idx if j is not i]
        way = self.r.randint(0, 3)
        if way == 0 and outer:
            return "%s %s %s" % (i.name, self.r.choice(["<=", "<", "!=", ">="]), self.r.choice(outer).name)
        if way == 1:
            return "%s %% %d %s 0" % (i.name, self.r.choice([2, 3]), self.r.choice(["==", "!="]))
        saved, x.may_reduce = x.may_reduce, False
        text = x.bool(1).text
        x.may_reduce = saved
        return text

    # --- reductions in expressions ---

    def make(self, x, want, depth):
        if want == "b":
            return self.plain(x, self.r.choice(["any", "all"]), "b", depth)
        roll = self.r.random()
        if roll < 0.27 and x.nest == 0:
            return self.scan(x, want, depth)
        if roll < 0.4 and x.nest == 0:
            comb = self.comb_for(lambda c: len(c.outputs) == 1 and kind(c.outputs[0]) == want)
            if comb:
                new = self.open(x, 1 if self.r.random() < 0.8 else 2)
                operand = self.operands(x, comb, min(depth, 1))
                pred = self.predicate(x, new)
                self.close(x, new)
                return E("reduce %s%s %s" % (comb.name, self.brackets(new, pred, operand), operand), P_RED, comb.outputs[0], comb.mag)
        return self.plain(x, self.r.choice(REAL_COMBS if want == "f" else INT_COMBS), want, depth)

    def operand(self, x, comb, want, depth):
        """The operand, and the size and type of the result."""
        if want == "b":
            return x.bool(depth), "bool", 1.0
        if comb in ("argmax", "argmin"):
            e = x.leaf("f") if self.r.random() < 0.6 else x.sub(min(depth, 1))
            return e, "i64", 1.0
        if want == "i":
            e = x.sub(depth)
            return e, (e.type if comb in ("max", "min") else compute(e.type)), 1.0
        e = x.float(depth)
        if comb == "prod":
            e = x.limited(e, 1.0)
            return e, compute(e.type), 1.0
        e = x.limited(e, 40)
        if comb in ("max", "min"):
            if e.type not in ("f32", "f64"):
                e = x.convert("f32", e, e.mag) if self.r.random() < 0.5 or e.type in ("f8e4m3", "T") else e
            return e, e.type, e.mag
        return e, compute(e.type), e.mag * (1 if comb == "mean" else 15)

    def accumulator(self, comb, t):
        """A written accumulation type, and the type of the result."""
        if comb in ("sum", "prod", "mean") and kind(t) != "b" and self.r.random() < 0.15:
            wide = "f64" if kind(t) == "f" else "i64"
            return "<%s>" % wide, wide
        return "", t

    def plain(self, x, comb, want, depth):
        n = 1 if comb.startswith("arg") else self.r.choice([1, 1, 1, 2] if x.nest == 0 else [1])
        new = self.open(x, n)
        e, t, mag = self.operand(x, comb, want, depth)
        pred = self.predicate(x, new)
        self.close(x, new)
        written, t = self.accumulator(comb, t)
        self.p.hit(comb, compute(e.type) if comb.startswith("arg") else t)
        return E("%s%s%s %s" % (comb, written, self.brackets(new, pred, e.text), e.at(P_MUL)), P_RED, t, mag)

    # --- scans ---

    def scan(self, x, want, depth):
        """A running reduction along an index of the left side, which the operand may not mention."""
        along = [i for i in x.idx if i.range is None]
        if not along:
            return None
        d = self.r.choice(along)
        e = Index(self.p.fresh_index(x.idx), d.ext)
        at = x.idx.index(d)
        rel = self.r.choice(["<", "<=", ">", ">="])
        comb = self.comb_for(lambda c: len(c.outputs) == 1 and kind(c.outputs[0]) == want) if self.r.random() < 0.35 else None
        x.idx[at] = e
        x.nest += 1
        if comb:
            text, t, mag = self.operands(x, comb, min(depth, 1)), comb.outputs[0], comb.mag
            head = "reduce " + comb.name
        else:
            name = self.r.choice(["sum", "sum", "prod", "max", "min"] + (["mean"] if want == "f" and "=" in rel else []))
            o, t, mag = self.operand(x, name, want, min(depth, 1))
            written, t = self.accumulator(name, t)
            text, head = o.at(P_MUL), name + written
        x.nest -= 1
        x.idx[at] = d
        self.p.hit("scan " + rel, compute(t))
        return E("scan %s[%s %s %s] %s" % (head, e.name, rel, d.name, text), P_RED, t, mag)
