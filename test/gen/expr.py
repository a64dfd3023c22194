"""Random typed expressions. Every access is provably inside its tensor; floats stay of moderate size."""

from model import *

UNARY = {   # name: (greatest argument, how a larger or forbidden one is brought in, size of the result)
    "exp": (6, "-abs(%s)", lambda m: 403.0), "exp2": (8, "-abs(%s)", lambda m: 256.0), "expm1": (6, "-abs(%s)", lambda m: 403.0),
    "log": (0, "abs(%s) + 0.5", lambda m: 10.0), "log2": (0, "abs(%s) + 0.25", lambda m: 14.0),
    "log1p": (0, "abs(%s)", lambda m: 10.0), "sqrt": (0, "abs(%s) + 0.125", lambda m: max(1.0, m)),
    "rsqrt": (0, "abs(%s) + 0.5", lambda m: 1.5), "recip": (0, "abs(%s) + 0.75", lambda m: 1.4),
    "sin": (50, "tanh(%s)", lambda m: 1.0), "cos": (50, "tanh(%s)", lambda m: 1.0), "tan": (1, "tanh(%s)", lambda m: 1.6),
    "asin": (0.9, "0.9 * sin(%s)", lambda m: 1.2), "acos": (0.9, "0.9 * cos(%s)", lambda m: 3.2), "atan": (1e3, "%s", lambda m: 1.6),
    "sinh": (5, "tanh(%s)", lambda m: 75.0), "cosh": (5, "tanh(%s)", lambda m: 75.0), "tanh": (1e3, "%s", lambda m: 1.0),
    "erf": (1e3, "%s", lambda m: 1.0), "abs": (1e6, "%s", lambda m: m), "sign": (1e6, "%s", lambda m: 1.0),
    "floor": (1e6, "%s", lambda m: m + 1), "ceil": (1e6, "%s", lambda m: m + 1), "round": (1e6, "%s", lambda m: m + 1),
    "trunc": (1e6, "%s", lambda m: m),
}
PRELUDE = {"identity": 1, "relu": 1, "relu6": 1, "sigmoid": 1, "silu": 1, "gelu": 1, "gelu_tanh": 1, "softplus": 1, "hardtanh": 1,
           "hardsigmoid": 1, "hardswish": 1, "mish": 1, "leaky_relu": 2, "elu": 2}
LITERALS = ["0.5", "1.5", "2.0", "0.25", "1.0", "3.0", "0.75", "1.25"]
ODD_LITERALS = ["0.1", "0.3", "1e-2", "2.718281828459045", "pi", "7.0e-1"]


def join(t, u):
    """The type of arithmetic on floats t and u, or integers."""
    t, u = compute(t), compute(u)
    wide = "f64" if kind(t) == "f" else "i64"
    return wide if wide in (t, u) else t


class Exprs:
    """Makes expressions for one program. The scope is what a place may mention."""

    def __init__(self, program):
        self.p, self.r = program, program.rng
        self.idx, self.vars = [], []
        self.pure = False           # in a fn or a combinator: no tensors
        self.nest = 0               # reductions around
        self.may_reduce = True

    # --- statistics and choices ---

    def hit(self, what, t):
        self.p.hit(what, t)

    def chance(self, x):
        return self.r.random() < x

    def pick(self, weighted):
        """One of [(weight, function)]."""
        return self.r.choices([f for _, f in weighted], [w for w, _ in weighted])[0]

    def bin(self, op, prec, x, y, t, mag=1.0, name=None):
        self.hit(name or op, t)
        return E("%s %s %s" % (x.at(prec), op, y.at(prec + 1)), prec, t, mag)

    def call(self, f, args, t, mag=1.0):
        self.hit(f, t)
        return E("%s(%s)" % (f, ", ".join(a.text for a in args)), P_ATOM, t, mag)

    # --- subscripts ---

    def subscripts(self, ext):
        """Ways into an axis: (weight, text, index that stands alone or None)."""
        ways = []
        for i in self.idx:
            e, n = i.ext, i.name
            if e == ext:
                ways += [(8, n, i), (0.5, n + " // 2", None)]
                if ext.dim2 is None:
                    ways.append((0.6, ("%s - 1 - %s" % (ext.text(), n)) if ext.div == 1 else n, None if ext.div == 1 else i))
                if not ext.dim:
                    ways.append((0.5, "(%s + 1) %% %d" % (n, ext.add), None))
            elif ext.dim and e.dim == ext.dim and e.div == ext.div == 1 and not e.dim2 and not ext.dim2:
                if e.mul == ext.mul and e.add < ext.add:
                    ways.append((4, "%s + %d" % (n, self.r.randint(0, ext.add - e.add)), None))
                if e.mul == 1 and e.add == 0 and ext.mul == 2 and ext.add >= 0:
                    ways += [(3, "2 * %s + %d" % (n, self.r.randint(0, 1)), None), (2, "%s + %s" % (n, ext.dim), None)]
            elif ext.plain() and e.dim == ext.dim and (e.mul, e.add, e.div) == (1, 1, 2) and not e.dim2:
                ways.append((4, "2 * %s" % n, None))
            elif ext.plain() and e.plain() and (e.dim, ext.dim) in self.p.less:
                ways.append((4, n, i))
            elif not ext.dim and not e.dim and e.add < ext.add:
                ways.append((3, n, i))
            if not ext.dim and ext.add > 0 and e != ext:
                ways.append((1, "%s %% %d" % (n, ext.add), None))
        if not ext.dim and ext.add > 0:
            ways.append((1.5, str(self.r.randint(0, ext.add - 1)), None))
        elif self.p.positive(ext):
            ways.append((0.7, "0", None))
        return ways + self.gathers(ext)

    def gathers(self, ext):
        """Subscripts that read a tensor whose values lie inside the extent."""
        ways = []
        if self.pure or self.nest > 1:
            return ways
        for t in self.p.readable:
            if t.range == ext.text() and len(t.shape) <= 2:
                sub = self.plain_subs(t, no_gather=True)
                if sub is not None:
                    ways.append((10, ("gather", t, sub), None))
        return ways

    def plain_subs(self, t, no_gather=False):
        """Subscripts for a plain read of t, or None: their texts; (index, extent, axis) where one stands alone; gathers in them."""
        texts, alone, gathered = [], [], []
        for axis, ext in enumerate(t.shape):
            ways = self.no_gather(ext) if no_gather else self.subscripts(ext)
            if not ways:
                return None
            _, text, index = self.r.choices(ways, [w[0] for w in ways])[0]
            if isinstance(text, tuple):
                _, g, sub = text
                gathered.append((g, sub))
                text = "%s[%s]" % (g.name, ", ".join(sub[0]))
            texts.append(text)
            if index:
                alone.append((index, ext, axis))
        return texts, alone, gathered

    def no_gather(self, ext):
        saved, self.nest = self.nest, 9
        ways = self.subscripts(ext)
        self.nest = saved
        return ways

    def use(self, t, sub):
        texts, alone, gathered = sub
        t.reads += 1
        for index, ext, _ in alone:
            index.uses.append((ext, "%s[%s]" % (t.name, ", ".join(texts))))
        for g, inner in gathered:
            self.hit("gather " + (g.policy or "temporary"), g.type)
            self.use(g, inner)
        return texts

    def loose_subs(self, t):
        """Subscripts for pad or clamp: anything of integers."""
        texts = []
        for ext in t.shape:
            names = [i.name for i in self.idx]
            i = self.r.choice(names) if names else "0"
            texts.append(self.r.choice([i, "%s - 1" % i, "%s + 2" % i, "2 * %s - 1" % i, "%s // 2 + 1" % i, "%d - %s" % (3, i)]))
        return texts

    def pad_literal(self, t):
        k = kind(t)
        if k == "b":
            return self.r.choice(["true", "false"])
        if k == "i":
            return self.r.choice(["0", "1", "7"]) if t == "u8" else self.r.choice(["0", "-1", "5"])
        return self.r.choice(["0.0", "-1.5", "2.0", "0"])

    def read(self, want):
        """A read of a tensor of kind `want`, or None."""
        able = [t for t in self.p.readable if kind(t.type) == want and not t.internal]
        self.r.shuffle(able)
        able.sort(key=lambda t: t.reads > 0 and self.chance(0.5))
        for t in able[:5]:
            if not t.shape:
                t.reads += 1
                self.hit("scalar", t.type)
                return E(t.name, P_ATOM, t.type, t.mag)
            if self.idx and self.chance(0.12):
                return self.loose(t)
            sub = self.plain_subs(t)
            if sub is not None:
                self.hit("read", t.type)
                return E("%s[%s]" % (t.name, ", ".join(self.use(t, sub))), P_ATOM, t.type, t.mag)
            if self.idx and self.chance(0.4):
                return self.loose(t)
        return None

    def loose(self, t):
        clamp = self.chance(0.4) and all(self.p.sized(e) for e in t.shape)
        t.reads += 1
        self.hit("clamp" if clamp else "pad", t.type)
        texts = ", ".join(self.loose_subs(t))
        return E("%s[%s] %s" % (t.name, texts, "clamp" if clamp else "pad " + self.pad_literal(t.type)), P_ATOM, t.type, max(t.mag, 5.0))

    # --- leaves ---

    def leaf(self, want, literal=False):
        if not self.pure:
            e = self.read(want) if self.chance(0.85) else None
            if e:
                return e
        of_kind = [v for v in self.vars if kind(v[1]) == want]
        if of_kind and self.chance(0.95):
            v = self.r.choice(of_kind)
            self.hit("var", v[1])
            return E(v[0], P_ATOM, v[1], v[2])
        return self.made_leaf(want, literal)

    def made_leaf(self, want, literal):
        if want == "b" and self.p.bool_params and not self.pure and self.chance(0.4):
            self.hit("cparam", "bool")
            return E(self.p.bool_params[0], P_ATOM, "bool")
        if literal and self.chance(0.5):
            return self.literal(want)
        if want == "i":
            return self.integer_name()
        if want == "b":
            return self.compare(0)
        if self.pure and not any(kind(v[1]) == "i" for v in self.vars):
            e = self.literal("f", odd=True)
            return E(e.text + ".0", P_ATOM, e.type, e.mag, True) if e.text.isdigit() else e        # alone, an integer's literal is an i64
        x = self.integer_name()
        t = self.r.choice(["f32", "f32", "f64"])
        return self.convert(t, x, 16.0)

    def integer_name(self):
        """An i64 that is no literal: an index, a dim or a compile-time integer; in pure places a parameter."""
        if self.pure:
            v = self.r.choice([v for v in self.vars if kind(v[1]) == "i"] or [("1", "i64", 1.0)])
            return E(v[0], P_ATOM, v[1])
        names = [("index", i.name) for i in self.idx] * 3 + [("dim", d) for d in self.p.dims] + [("cparam", c) for c in self.p.int_params]
        what, name = self.r.choice(names or [("literal", "3")])
        self.hit(what, "i64")
        return E(name, P_ATOM, "i64")

    def literal(self, want, odd=False):
        if want == "f":
            if odd and self.chance(0.5):
                text = self.r.choice(ODD_LITERALS)
                return E(text, P_ATOM, "f32", 3.2, True)
            if self.chance(0.15):
                return E(str(self.r.randint(1, 3)), P_ATOM, "f32", 3.0, True)
            return E(self.r.choice(LITERALS), P_ATOM, "f32", 3.0, True)
        if want == "i":
            return E(self.r.choice([str(self.r.randint(0, 9)), str(self.r.randint(10, 100)), "0x1f", "1_0"]), P_ATOM, "i64", 1.0, True)
        self.hit("literal", "bool")
        return E(self.r.choice(["true", "false"]), P_ATOM, "bool", 1.0, True)

    def convert(self, t, x, mag=1.0):
        self.hit("convert to", t)
        self.hit("convert from", x.type)
        return E("%s(%s)" % (t, x.text), P_ATOM, t, mag)

    # --- floats ---

    def limited(self, e, most):
        """e brought to at most `most` in size."""
        if e.mag <= most:
            return e
        way = self.r.randint(0, 2)
        t = compute(e.type)
        if way == 0 and most >= 1:
            return self.call("tanh", [e], t, 1.0)
        if way == 1 and most >= 3:
            return E("min(max(%s, -3.0), 3.0)" % e.text, P_ATOM, t, 3.0)
        return E("%s * sin(%s)" % (repr(float(most)) if most < 1e6 else "2.0", e.text), P_MUL, t, min(most, 2.0 if most >= 1e6 else most))

    def float(self, depth):
        """An expression of some float type, no literal."""
        if depth <= 0:
            return self.leaf("f")
        weighted = [(4, self.f_arith), (1.2, self.f_div), (3, self.f_unary), (0.8, self.f_pow_fma), (2, self.f_minmax), (1.2, self.f_if),
                    (1.2, self.f_neg), (1.9, self.f_fn), (1.2, self.f_from_int), (1, self.f_round), (1.5, lambda d: self.leaf("f"))]
        if self.may_reduce and not self.pure and self.nest < 2:
            weighted.append((2.2 if self.nest == 0 else 0.7, lambda d: self.reduce("f", d)))
        if not self.pure and self.idx:
            weighted.append((0.8, lambda d: self.guarded("f", d)))
        return self.pick(weighted)(depth - 1)

    def f_other(self, depth):
        return self.literal("f", True) if self.chance(0.25) else self.float(depth)

    def f_arith(self, depth):
        op = self.r.choice("+-*")
        x, y = self.float(depth), self.f_other(depth)
        if self.chance(0.5):
            x, y = y, x
        t = self.pair_type(x, y)
        if op == "*":
            x, y = self.limited(x, 100), self.limited(y, 100)
            return self.bin("*", P_MUL, x, y, t, x.mag * y.mag)
        return self.bin(op, P_ADD, x, y, t, x.mag + y.mag)

    def pair_type(self, x, y):
        if x.lit:
            return compute(y.type)
        return compute(x.type) if y.lit else join(x.type, y.type)

    def f_div(self, depth):
        x, y = self.float(depth), self.float(depth)
        if self.chance(0.3):
            return self.bin("/", P_MUL, x, E(self.r.choice(["2.0", "3.0", "7.5"]), P_ATOM, "f32", 7.5, True), compute(x.type), x.mag)
        return self.bin("/", P_MUL, x, E("(abs(%s) + 1.0)" % y.text, P_ATOM, compute(y.type)), join(x.type, y.type), x.mag)

    def f_unary(self, depth):
        name = self.r.choice(list(UNARY))
        most, inside, mag = UNARY[name]
        x = self.limited(self.float(depth), 1e4)
        if name in ("floor", "ceil", "round", "trunc", "sign") and self.chance(0.7):
            x = self.leaf("f")
        if self.chance(0.15):
            x = self.convert("f64", x, x.mag)
        m = x.mag
        if x.mag > most:
            arg = inside % (x.at(P_UNARY) if inside.startswith("-") else x.text)
            x = E(arg, P_ADD, compute(x.type))
        return self.call(name, [x], compute(x.type), mag(m))

    def f_pow_fma(self, depth):
        if self.chance(0.5):
            x, y = self.limited(self.float(depth), 8), self.limited(self.float(depth), 2)
            base = E("abs(%s) + 0.5" % x.text, P_ADD, compute(x.type))
            return self.call("pow", [base, y], join(x.type, y.type), 100.0)
        a, b, c = self.limited(self.float(depth), 50), self.limited(self.float(depth), 50), self.f_other(depth)
        t = join(a.type, b.type)
        return self.call("fma", [a, b, c], t if c.lit else join(t, c.type), a.mag * b.mag + c.mag)

    def kept(self, x, y):
        """The type of min, max, if over x and y."""
        if x.lit or y.lit:
            return y.type if x.lit else x.type
        return x.type if x.type == y.type else join(x.type, y.type)

    def f_minmax(self, depth):
        x, y = self.float(depth), self.float(depth)
        if self.chance(0.4):        # a literal takes the type it meets: a narrow one is kept
            x, y = self.leaf("f"), self.literal("f")
        return self.call(self.r.choice(["min", "max"]), [x, y], self.kept(x, y), max(x.mag, y.mag))

    def f_if(self, depth):
        return self.choose(self.float, depth, "f")

    def choose(self, make, depth, want):
        c = self.bool(depth)
        x, y = make(depth), make(depth)
        if self.chance(0.2) and want != "b":
            y = self.literal(want)
        t = self.kept(x, y)
        self.hit("if", t)
        return E("if %s then %s else %s" % (c.text, x.text, y.text), P_IF, t, max(x.mag, y.mag))

    def f_neg(self, depth):
        x = self.float(depth)
        self.hit("neg", compute(x.type))
        return E("-" + x.at(P_UNARY), P_UNARY, compute(x.type), x.mag)

    def f_fn(self, depth):
        x = self.limited(self.float(depth), 8)
        if self.chance(0.25):
            x = self.convert("f64", x, x.mag)
        t = compute(x.type)
        users = [f for f in self.p.fns if f.kinds.count("f") == len(f.kinds)]
        if self.p.fn_param and not self.pure and self.chance(0.5):
            self.hit("fn parameter", t)
            return E("%s(%s)" % (self.p.fn_param, x.text), P_ATOM, t, 20.0)
        if users and not self.pure and self.chance(0.6):
            f = self.r.choice(users)
            args = [self.limited(self.float(depth), 4) for _ in f.kinds]
            t = f.result
            for a in args:
                t = join(t, a.type)
            self.hit("user fn", t)
            return E("%s(%s)" % (f.name, ", ".join(a.text for a in args)), P_ATOM, t, f.mag)
        name = self.r.choice(list(PRELUDE))
        args = [x] if PRELUDE[name] == 1 else [x, E(self.r.choice(["0.1", "0.5"]), P_ATOM, "f32", 0.5, True)]
        if not self.vars and len(x.text) < 3 and x.text.isalnum():
            args[0] = E(x.text + " + 0.5", P_ADD, t)        # a bare tensor would make it a kernel call
        return self.call(name, args, t, x.mag + 1)

    def f_from_int(self, depth):
        if self.pure and not any(kind(v[1]) == "i" for v in self.vars):
            return self.leaf("f")
        t = self.r.choice(FLOATS) if self.chance(0.4) else self.r.choice(["f32", "f64", "f64"])
        if self.chance(0.3):
            return self.convert(t, self.bool(depth), 1.0)
        x = self.int(depth, "i64")
        small = E("%s %% %d" % (x.at(P_MUL), self.r.choice([7, 13, 16])), P_MUL, compute(x.type))
        self.hit("%", compute(x.type))
        return self.convert(t, small, 16.0)

    def f_round(self, depth):
        """A float converted to another float type and so rounded, or a copy that keeps a narrow one."""
        x = self.float(depth)
        t = self.r.choice(FLOATS)
        if x.mag > MAX_STORED[t]:
            x = self.limited(x, 100)
        return self.convert(t, x, x.mag * 1.1)

    # --- integers ---

    def int(self, depth, widest):
        """An expression of an integer type no wider than i32 or i64, no literal."""
        e = self.int_any(depth, widest)
        if widest == "i32" and e.type == "i64":
            return self.convert("i32", e)
        return e

    def int_any(self, depth, widest):
        if depth <= 0:
            return self.leaf("i")
        weighted = [(4, self.i_arith), (2.5, self.i_div), (2.5, self.i_bits), (1.5, self.i_shift), (1.6, self.i_minmax), (1.2, self.i_if),
                    (1.5, self.i_unary), (1.5, self.i_convert), (1, lambda d: self.leaf("i"))]
        if not self.pure:
            weighted.append((2.4, self.i_from_float))
            if self.idx:
                weighted.append((0.7, lambda d: self.guarded("i", d)))
            if self.may_reduce and self.nest < 2:
                weighted.append((2.6 if self.nest == 0 else 0.6, lambda d: self.reduce("i", d)))
        if any("i" in f.kinds for f in self.p.fns) and not self.pure:
            weighted.append((1, self.i_fn))
        return self.pick(weighted)(depth - 1)

    def sub(self, depth):
        return self.int_any(depth, "i64")

    def i_other(self, depth):
        return self.literal("i") if self.chance(0.3) else self.sub(depth)

    def i_arith(self, depth):
        op = self.r.choice("+-*")
        x, y = self.sub(depth), self.i_other(depth)
        if self.chance(0.5):
            x, y = y, x
        return self.bin(op, P_MUL if op == "*" else P_ADD, x, y, self.pair_type(x, y))

    def i_div(self, depth):
        op = self.r.choice(["//", "%"])
        x = self.sub(depth)
        y = self.sub(depth) if self.chance(0.4) else E(self.r.choice(["2", "3", "7", "16", "10"] + ["-3"] * (x.type != "u8")), P_ATOM, "i64", 1.0, True)
        if y.text.startswith("-"):
            y = E("(" + y.text + ")", P_ATOM, y.type, 1.0, y.lit)
        return self.bin(op, P_MUL, x, y, self.pair_type(x, y))

    def i_bits(self, depth):
        op, prec = self.r.choice([("&", P_BAND), ("|", P_BOR), ("^", P_BXOR)])
        x, y = self.sub(depth), self.i_other(depth)
        return self.bin(op, prec, x, y, self.pair_type(x, y))

    def i_shift(self, depth):
        op = self.r.choice(["<<", ">>"])
        x = self.sub(depth)
        y = self.literal("i") if self.chance(0.6) else self.sub(depth)
        return self.bin(op, P_SHIFT, x, y, self.pair_type(x, y))

    def i_minmax(self, depth):
        x, y = self.sub(depth), self.sub(depth)
        if self.chance(0.3):
            y = E(str(self.r.randint(0, 9)), P_ATOM, "i64", 1.0, True)
        return self.call(self.r.choice(["min", "max"]), [x, y], self.kept(x, y))

    def i_if(self, depth):
        c, x, y = self.bool(depth), self.sub(depth), self.sub(depth)
        if self.chance(0.2):
            y = E(str(self.r.randint(0, 9)), P_ATOM, "i64", 1.0, True)
        t = self.kept(x, y)
        self.hit("if", t)
        return E("if %s then %s else %s" % (c.text, x.text, y.text), P_IF, t)

    def i_unary(self, depth):
        x = self.sub(depth)
        t = compute(x.type)
        which = self.r.choice(["neg", "~", "abs", "sign"])
        if which in ("abs", "sign"):
            return self.call(which, [x], t)
        self.hit(which, t)
        return E(("-" if which == "neg" else "~") + x.at(P_UNARY), P_UNARY, t)

    def i_convert(self, depth):
        t = self.r.choice(INTS)
        if self.chance(0.25):
            return self.convert(t, self.bool(depth))
        x = self.sub(depth)
        if self.chance(0.3):
            return self.sat(t, x)
        return self.convert(t, x)

    def sat(self, t, x):
        self.hit("sat to", t)
        self.hit("sat from", x.type)
        return E("sat<%s>(%s)" % (t, x.text), P_ATOM, t)

    def i_from_float(self, depth):
        x = self.leaf("f") if self.chance(0.8) else self.limited(self.float(min(depth, 1)), 1e4)
        t = self.r.choice(INTS)
        if self.chance(0.5):
            x = E("%s * %s" % (x.at(P_MUL), self.r.choice(["8.0", "16.0", "40.0"])), P_MUL, compute(x.type), x.mag * 16)
        return self.sat(t, x) if self.chance(0.6) else self.convert(t, x)

    def i_fn(self, depth):
        f = self.r.choice([f for f in self.p.fns if "i" in f.kinds])
        args = [self.int(depth, "i32") for _ in f.kinds]
        t = "i32"
        self.hit("user fn", t)
        return E("%s(%s)" % (f.name, ", ".join(self.wide(a).text for a in args)), P_ATOM, t)

    def wide(self, e):
        """e as i32 for certain."""
        return e if e.type == "i32" else self.convert("i32", e)

    # --- bools ---

    def bool(self, depth):
        if depth <= 0:
            return self.compare(0) if self.chance(0.6) else self.leaf("b")
        weighted = [(4, self.compare), (2, self.b_logic), (1, self.b_not), (1, self.b_bits), (0.6, self.b_test), (1, lambda d: self.leaf("b")),
                    (0.5, lambda d: self.choose(self.bool, d, "b"))]
        if not self.pure and self.may_reduce and self.nest < 2:
            weighted.append((1, lambda d: self.reduce("b", d)))
        return self.pick(weighted)(depth - 1)

    def compare(self, depth):
        op = self.r.choice(["<", "<=", ">", ">=", "==", "!="])
        kinds = [k for k in "fi" if not self.pure or any(kind(v[1]) == k for v in self.vars)] or ["f"]
        k = self.r.choice(kinds)
        if k == "f":
            x = self.leaf("f") if self.chance(0.8) else self.float(depth)
            y = self.literal("f") if self.chance(0.5) else self.leaf("f")
        else:
            x = self.sub(depth)
            y = E(str(self.r.randint(0, 9)), P_ATOM, "i64", 1.0, True) if self.chance(0.5) else self.sub(depth)
        self.hit(op, self.pair_type(x, y))
        return E("%s %s %s" % (x.at(P_CMP + 1), op, y.at(P_CMP + 1)), P_CMP, "bool")

    def b_logic(self, depth):
        op, prec = self.r.choice([("and", P_AND), ("or", P_OR)])
        return self.bin(op, prec, self.bool(depth), self.bool(depth), "bool")

    def b_not(self, depth):
        x = self.bool(depth)
        if self.chance(0.4):
            self.hit("~", "bool")
            return E("~" + x.at(P_UNARY), P_UNARY, "bool")
        self.hit("not", "bool")
        return E("not " + x.at(P_NOT), P_NOT, "bool")

    def b_bits(self, depth):
        op, prec = self.r.choice([("&", P_BAND), ("|", P_BOR), ("^", P_BXOR), ("==", P_CMP), ("!=", P_CMP)])
        x, y = self.bool(depth), self.bool(depth)
        if prec == P_CMP:
            self.hit(op, "bool")
            return E("%s %s %s" % (x.at(P_CMP + 1), op, y.at(P_CMP + 1)), P_CMP, "bool")
        return self.bin(op, prec, x, y, "bool")

    def b_test(self, depth):
        name = self.r.choice(["isnan", "isinf"])
        x = self.float(min(depth, 1))
        self.hit(name, compute(x.type))
        return E("%s(%s)" % (name, x.text), P_ATOM, "bool")

    # --- guards ---

    def guarded(self, want, depth):
        """A read that only the guard before it makes legal."""
        able = [t for t in self.p.readable if kind(t.type) == want and t.shape and not t.internal]
        self.r.shuffle(able)
        for t in able:
            for axis, ext in enumerate(t.shape):
                index = next((i for i in self.idx if i.ext == ext and i.range is None), None)
                if not index or ext.dim2:
                    continue
                sub = self.plain_subs(t)
                if sub is None:
                    break
                texts, alone, gathered = sub
                k = self.r.randint(1, 2)
                down = self.chance(0.5)
                new = "%s %s %d" % (index.name, "-" if down else "+", k)
                if "[" in texts[axis]:
                    break
                alone = [a for a in alone if a[2] != axis]
                texts[axis] = new
                guard = "%s >= %d" % (index.name, k) if down else "%s + %d < %s" % (index.name, k, ext.text())
                self.use(t, (texts, alone, gathered))
                self.hit("guard", t.type)
                other = self.leaf(want)
                x = E("%s[%s]" % (t.name, ", ".join(texts)), P_ATOM, t.type, t.mag)
                ty = self.kept(x, other)
                self.hit("if", ty)
                return E("if %s then %s else %s" % (guard, x.text, other.text), P_IF, ty, max(x.mag, other.mag))
        return self.leaf(want)

    # --- reductions ---

    def reduce(self, want, depth):
        e = self.p.reductions.make(self, want, depth)
        return e if e else self.leaf(want)
