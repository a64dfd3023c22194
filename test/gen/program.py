"""One random program: a kernel, what it uses, and its test."""

import re

from expr import Exprs
from model import *
from reductions import Reductions

LETTERS = "abcdefghijklmnopqrstuvwz"
SMALL = [0, 1, 2, 3, 5, 7]


class Statement:
    def __init__(self, targets, value, indices=(), dtype=None, subs=None, piece=False):
        self.targets, self.value, self.indices, self.dtype, self.subs, self.piece = targets, value, list(indices), dtype, subs, piece


class Program:
    def __init__(self, rng, hits, name, outer=None, scale=1):
        self.rng, self.hits, self.name, self.outer = rng, hits, name, outer
        self.scale = scale      # tensors may have so many times the elements
        self.dims, self.sizes, self.facts, self.less = [], {}, [], set()
        self.inputs, self.readable, self.temps, self.statements = [], [], [], []
        self.fns, self.combs, self.offsets, self.blocks = [], [], [], []
        self.int_params, self.bool_params, self.fn_param, self.type_param = [], [], None, None
        self.cparams, self.checks, self.helper_tests = [], [], []
        self.n_names = 0
        self.reductions = Reductions(self)

    def hit(self, what, t):
        """Counts a kind of node with its type; a type parameter counts as T."""
        self.hits["%s:%s" % (what, "T" if t in ("S", "T") else t)] += 1

    # --- what expressions ask ---

    def exprs(self, pure=False, vars_=()):
        x = Exprs(self)
        x.pure, x.vars, x.may_reduce = pure, list(vars_), not pure
        return x

    def positive(self, ext):
        if not ext.dim:
            return ext.add > 0
        return ext.div == 1 and (ext.add > 0 or ext.dim in self.facts_positive())

    def facts_positive(self):
        return {d for d in self.dims if d + " >= 1" in self.facts}

    def sized(self, ext):
        """At least 1 in every case of the test."""
        if self.outer or not ext.dim:
            return not ext.dim and ext.add > 0
        low = {d: min(v) for d, v in self.sizes.items()}
        return ext.value(low) >= 1

    def axes(self):
        """Extents that reductions may run over."""
        out = [e for t in self.readable if not t.internal for e in t.shape]
        return out or [Ext(None, add=3)]

    def fresh_index(self, used):
        taken = {i.name for i in used}
        return self.rng.choice([c for c in LETTERS if c not in taken])

    def fresh(self, stem):
        self.n_names += 1
        return "%s%d" % (stem, self.n_names)

    def chance(self, x):
        return self.rng.random() < x

    # --- dims, parameters, functions ---

    def make_dims(self):
        r = self.rng
        names = r.sample(["N", "M", "K", "H", "D", "Q"], r.choice([1, 2, 2, 3, 3]))
        large = len(names) <= 2
        for d in names:
            self.dims.append(d)
            pool = SMALL + [11, 13, 17] + ([33, 65, 130] if large else []) + ([70, 150, 257, 700, 2049] if self.scale > 1 else [])
            self.sizes[d] = r.sample(pool, 2) if large and self.chance(0.4) else [r.choice(pool[1:] if self.chance(0.8) else pool)]
        if self.scale == 1 and len([d for d in names if max(self.sizes[d]) > 20]) > 1:
            self.sizes[names[0]] = [3]
        for d in names:
            if min(self.sizes[d]) >= 1 and self.chance(0.4):
                self.facts.append(d + " >= 1")
        if len(names) >= 2 and self.chance(0.3) and max(self.sizes[names[0]]) <= min(self.sizes[names[1]]):
            self.facts.append("%s <= %s" % (names[0], names[1]))
            self.less.add((names[0], names[1]))

    def make_cparams(self):
        r = self.rng
        if self.chance(0.25):
            default, self.type_param = r.choice(FLOATS), "T"
            self.cparams.append(("T", "type", default, r.choice(FLOATS)))
        if self.chance(0.2):
            self.int_params.append("stride")
            self.cparams.append(("stride", "int", str(r.randint(1, 3)), str(r.randint(1, 4))))
        if self.chance(0.15):
            self.bool_params.append("causal")
            self.cparams.append(("causal", "bool", r.choice(["true", "false"]), r.choice(["true", "false"])))
        if self.chance(0.15):
            self.fn_param = "act"
            able = ["identity", "relu", "tanh", "sigmoid", "silu", "abs"] + [f.name for f in self.fns if f.kinds == ["f"] and f.result == "f32"]
            self.cparams.append(("act", "fn", r.choice(able), r.choice(able)))

    def make_fns(self):
        for i in range(self.rng.choice([0, 0, 1, 1, 2])):
            n = self.rng.randint(1, 2)
            ints = self.chance(0.35)
            x = self.exprs(pure=True, vars_=[("u%d" % k, "i32" if ints else "f32", 4.0) for k in range(n)])
            e = x.int(2, "i32") if ints else x.limited(x.float(2), 50)
            if ints:
                e = x.wide(e)
            name = "fn%d" % i
            self.blocks.append("fn %s(%s) = %s\n" % (name, ", ".join("u%d" % k for k in range(n)), e.text))
            self.fns.append(Fn(name, ["i" if ints else "f"] * n, "i32" if ints else compute(e.type), e.mag))

    # --- inputs ---

    def extent(self):
        r = self.rng
        d = r.choice(self.dims)
        return self.pick_ext([(7, Ext(d)), (1.2, Ext(None, add=r.choice([1, 2, 3, 4, 5]))), (0.7, Ext(d, 1, r.randint(1, 2))), (0.5, Ext(d, 2))])

    def pick_ext(self, weighted):
        return self.rng.choices([e for _, e in weighted], [w for w, _ in weighted])[0]

    def cells(self, shape):
        """The most elements in any case."""
        n = 1
        high = {d: max(v) for d, v in self.sizes.items()}
        for e in shape:
            n *= max(1, e.value(high)) if not self.outer else 3
        return n

    def shape(self, rank, limit=3000):
        limit *= self.scale
        while True:
            s = [self.extent() for _ in range(rank)]
            if self.cells(s) <= limit:
                return s
            rank = max(1, rank - 1)
            limit *= 1.2

    def add_input(self, type_, shape):
        r = self.rng
        t = Tensor(self.fresh("x"), type_, shape, "input")
        if kind(type_) == "f":
            way = r.randint(0, 4)
            if way == 0:
                t.law, t.mag = "ints(-4, 4)", 4.0
            elif way == 1:
                t.law, t.mag = "uniform(-2, 2)", 2.0
            elif way == 2:
                t.law, t.mag = "normal(0.5, 2)", 13.0
            else:
                t.law, t.mag = "normal(0, 1)", 6.0
        elif kind(type_) == "i":
            small = "0, 200" if type_ == "u8" else r.choice(["-100, 100", "-8, 8", "0, 9"])
            big = {"i16": "-30000, 30000", "i32": "-2000000000, 2000000000", "i64": "-4000000000000, 4000000000000"}.get(type_, small)
            t.law = "ints(%s)" % (big if self.chance(0.2) else small)
        if t.law and any(i.law for i in self.inputs) and self.chance(0.4):
            t.law, t.mag = None, 6.0        # by the runner's own laws
        if not shape and self.chance(0.4) and type_ in DTYPES:
            t.default = {"f": "0.5", "i": "3", "b": "true"}[kind(type_)]
        self.inputs.append(t)
        self.readable.append(t)
        return t

    def make_inputs(self):
        r = self.rng
        for _ in range(r.choice([1, 2, 2, 3, 3, 4])):
            type_ = "T" if self.type_param and self.chance(0.5) else r.choice(DTYPES + ["f64"])
            rank = r.choice([0, 1, 1, 2, 2, 2, 3, 3, 4])
            self.add_input(type_, self.shape(rank))
        if self.type_param and not any(t.type == "T" for t in self.inputs):
            self.add_input("T", self.shape(r.randint(1, 2)))
        if not any(kind(t.type) == "f" and t.shape for t in self.inputs):
            self.add_input(r.choice(FLOATS), self.shape(r.randint(1, 3)))
        for d in self.dims:
            if not any(e == Ext(d) for t in self.inputs for e in t.shape):
                self.add_input(r.choice(DTYPES), [Ext(d)] + self.shape(r.randint(0, 1), 60))

    def make_gather(self):
        """An integer input whose values are places on an axis."""
        r = self.rng
        axes = [e for t in self.inputs for e in t.shape if self.sized(e) and (e.plain() or not e.dim)]
        if not axes:
            return
        ext = r.choice(axes)
        t = self.add_input(r.choice(["i32", "i32", "i64", "i16"]), [self.extent()])
        t.range, t.policy, t.law = ext.text(), r.choice(["check", "clamp", "assume"]), None
        if t.policy == "clamp":
            t.law = "ints(-5, 40)"
            fact = ext.text() + " >= 1"
            if ext.dim and fact not in self.facts:
                self.facts.append(fact)

    def make_ragged(self):
        r = self.rng
        items = r.choice([t for t in self.inputs if t.shape]).shape[0]
        if not items.plain():
            return
        bags = Ext(r.choice(self.dims))
        t = Tensor(self.fresh("off"), r.choice(["i32", "i64"]), [Ext(bags.dim, 1, 1)], "input")
        t.range, t.policy, t.law, t.internal = items.text() + " + 1", "check", "offsets(%d)" % r.randint(1, 4), True
        t.bags, t.items = bags, items
        self.inputs.append(t)
        self.offsets.append(t)
        self.checks.append("check %s[b] <= %s[b + 1] where b in 0..%s" % (t.name, t.name, bags.text()))

    # --- statements ---

    def indices(self, shape, x):
        for ext in shape:
            x.idx.append(Index(self.fresh_index(x.idx), ext))
        return list(x.idx)

    def value(self, x, want, depth):
        return x.float(depth) if want == "f" else x.bool(depth) if want == "b" else x.int_any(depth, "i64")

    def stored(self, x, e, type_):
        """The expression as it may be stored in the type."""
        if kind(type_) == "f":
            return x.limited(e, MAX_STORED.get(type_, 400.0)) if e.mag > MAX_STORED.get(type_, 400.0) else e
        if kind(type_) == "i":
            fits = e.type == type_ or (INT_BITS[e.type] < INT_BITS[type_])
            if not fits:
                return x.sat(type_, e) if self.chance(0.4) else x.convert(type_, e)
        return e

    def define(self, shape, type_, e, x, declared):
        t = Tensor(self.fresh("t"), type_ if declared else e.type, shape, "temp", e.mag)
        self.temps.append(t)
        return t

    def plain(self, rank=None, type_=None, depth=None):
        """t[i, ...] = expression."""
        r = self.rng
        rank = r.choice([0, 1, 1, 2, 2, 2, 3, 3, 4]) if rank is None else rank
        x = self.exprs()
        idx = self.indices(self.shape(rank, 1500), x)
        type_ = type_ or ("T" if self.type_param and self.chance(0.2) else r.choice(DTYPES))
        e = self.value(x, kind(type_), r.choice([1, 2, 2, 3]) if depth is None else depth)
        e = self.stored(x, e, type_)
        declared = self.chance(0.5) or type_ == "T"
        t = self.define([i.ext for i in idx], type_, e, x, declared)
        self.hit("store", t.type)
        self.statements.append(Statement([t], e.text, idx, type_ if declared else None))
        self.readable.append(t)

    def copy(self):
        """A tensor turned, reversed or picked from, in its own type."""
        x = self.exprs()
        src = self.rng.choice([t for t in self.readable if t.shape and not t.internal])
        idx = self.indices(self.rng.sample(src.shape, len(src.shape)), x)
        sub = x.plain_subs(src)
        if sub is None:
            return self.plain()
        e = E("%s[%s]" % (src.name, ", ".join(x.use(src, sub))), P_ATOM, src.type, src.mag)
        t = self.define([i.ext for i in idx], src.type, e, x, True)
        self.hit("copy", src.type)
        self.statements.append(Statement([t], e.text, idx, None))
        self.readable.append(t)

    def places(self):
        """A temporary of integers that are places on an axis of constant extent."""
        consts = [e.add for t in self.readable for e in t.shape if not e.dim]
        if not consts:
            return self.plain()
        n = self.rng.choice(consts)
        x = self.exprs()
        idx = self.indices(self.shape(1), x)
        e = x.sub(1)
        t = Tensor(self.fresh("t"), compute(e.type), [i.ext for i in idx], "temp")
        t.range = str(n)
        self.hit("%", compute(e.type))
        self.temps.append(t)
        self.statements.append(Statement([t], "%s %% %d" % (e.at(P_MUL), n), idx))
        self.readable.append(t)

    def piecewise(self):
        """Regions of one tensor along one axis, or along two."""
        r = self.rng
        type_ = r.choice(DTYPES)
        d = Ext(r.choice(self.dims))
        rest = self.shape(r.choice([0, 1, 1]), 100)
        first = self.regions(d)
        if self.chance(0.25):
            second = self.regions(Ext(r.choice(self.dims)))
            boxes = [[a, b] for a in first[1] for b in second[1]]
            shape = [first[0], second[0]] + rest
        else:
            boxes, shape = [[a] for a in first[1]], [first[0]] + rest
        if self.cells(shape) > 3000 * self.scale:
            return self.plain()
        t = Tensor(self.fresh("t"), type_, shape, "temp", 1.0)
        self.temps.append(t)
        r.shuffle(boxes)
        for box in boxes:
            self.region(t, box, rest)
        self.hit("piecewise", type_)
        self.hit("piecewise regions", str(len(boxes)))
        self.readable.append(t)

    def regions(self, d):
        """The extent of an axis, and its regions: (pattern of the subscript, range of its index, extent that holds the index)."""
        r = self.rng
        n = d.text()
        way = r.randint(0, 4)
        if way == 0:
            return Ext(d.dim, 1, 1), [("0", None, None), ("%s + 1", "0 .. " + n, d)]
        if way == 1:
            return Ext(d.dim, 2), [("%s", "0 .. " + n, d), ("%s + " + n, "0 .. " + n, d)]
        if way == 2:
            return Ext(d.dim, 1, 2), [("%s", "0 .. 2", Ext(None, add=2)), ("2 + %s", "0 .. " + n, d)]
        if way == 3:
            e = Ext(r.choice(self.dims))
            if e.dim != d.dim:
                return Ext(d.dim, 1, 0, 1, e.dim), [("%s", "0 .. " + n, d), ("%s + " + n, "0 .. " + e.text(), e)]
        return Ext(d.dim, 1, 3), [("%s", "0 .. " + n, d), ("%s - 1", "%s + 1 .. %s + 2" % (n, n), None), (n + " + 1", None, None),
                                  ("%s + 2 + " + n, "0 .. 1", Ext(None, add=1))]

    def region(self, t, box, rest):
        x = self.exprs()
        subs, idx = [], []
        for pattern, range_, ext in box:
            if range_ is None:
                subs.append(pattern)
                continue
            i = Index(self.fresh_index(x.idx + idx), ext or Ext("?"), None if ext and range_ == "0 .. " + ext.text() else range_)
            idx.append(i)
            if ext:
                x.idx.append(i)
            subs.append(pattern.replace("%s", i.name))
        for ext in rest:
            i = Index(self.fresh_index(x.idx + idx), ext)
            idx.append(i)
            x.idx.append(i)
            subs.append(i.name)
        e = self.stored(x, self.value(x, kind(t.type), self.rng.randint(1, 2)), t.type)
        t.mag = max(t.mag, e.mag)
        self.statements.append(Statement([t], e.text, idx, None, [subs], piece=True))

    def several(self):
        """(a[n], b[n]) = reduce c[d] ..."""
        comb = self.reductions.comb_for(lambda c: len(c.outputs) > 1)
        if not comb:
            return self.plain()
        r = self.rng
        x = self.exprs()
        idx = self.indices(self.shape(r.choice([0, 1, 1, 2]), 300), x)
        if idx and self.chance(0.4):
            d = r.choice(idx)
            at = x.idx.index(d)
            j = Index(self.fresh_index(x.idx), d.ext)
            x.idx[at] = j
            x.nest += 1
            operand = self.reductions.operands(x, comb, 1)
            rel = r.choice(["<", "<=", ">", ">="])
            head = "scan reduce %s[%s %s %s]" % (comb.name, j.name, rel, d.name)
            self.hit("scan several", comb.outputs[0])
        else:
            new = self.reductions.open(x, 1)
            operand = self.reductions.operands(x, comb, 1)
            pred = self.reductions.predicate(x, new)
            self.reductions.close(x, new)
            head = "reduce %s%s" % (comb.name, self.reductions.brackets(new, pred, operand))
        targets = [Tensor(self.fresh("t"), o, [i.ext for i in idx], "temp", comb.mag) for o in comb.outputs]
        self.temps += targets
        self.readable += targets
        self.statements.append(Statement(targets, head + " " + operand, idx))

    def kernel_call(self):
        """p = helper(x), with extra leading dims where x has more than the helper asks for."""
        r = self.rng
        able = [t for t in self.readable if t.shape and not t.internal]
        if self.outer or not able:
            return self.plain()
        src = r.choice(able)
        rank = r.randint(1, min(2, len(src.shape)))
        lead, bound = src.shape[:len(src.shape) - rank], dict(zip("AB", src.shape[len(src.shape) - rank:]))
        helper, outs, scalar = make_helper(self, list(bound), src.type)
        if lead:
            self.hit("call leading", str(min(len(lead), 2)))
        self.hit("kernel call", src.type)
        src.reads += 1
        generic = src.type                  # what the called kernel's type parameter is
        text = "%s(%s%s)" % (helper, src.name, scalar)
        if len(outs) == 1 and len(outs[0].shape) == 1 and self.chance(0.7):
            generic = generic if outs[0].type == "S" else outs[0].type
            second, outs2, scalar2 = make_helper(self, ["A"], generic)
            text = "%s(%s%s)" % (second, text, scalar2)
            bound = {"A": bound[outs[0].shape[0].dim]} if outs[0].shape[0].dim else {"A": outs[0].shape[0]}
            outs = outs2
            self.hit("nested call", "")
        targets = []
        for o in outs:
            shape = lead + [bound[e.dim] if e.dim else e for e in o.shape]
            type_ = generic if o.type == "S" else o.type
            targets.append(Tensor(self.fresh("t"), type_, shape, "temp", o.mag))
        if any(self.cells(t.shape) > 6000 * self.scale for t in targets):
            return self.plain()
        self.temps += targets
        self.readable += targets
        self.statements.append(Statement(targets, text, [], None, [None] * len(targets)))

    # --- text ---

    def outputs(self):
        """Temporaries that nothing reads, and some others."""
        used = set(re.findall(r"\w+", " ".join(s.value for s in self.statements)))
        return [t for t in self.temps if t.name not in used or (t.range is None and self.chance(0.15))]

    def statement_text(self, s, outs):
        left = []
        for n, t in enumerate(s.targets):
            subs = [i.name for i in s.indices] if s.subs is None else s.subs[n]
            left.append(t.name + ("[%s]" % ", ".join(subs) if subs else ""))
        lhs = left[0] if len(left) == 1 else "(%s)" % ", ".join(left)
        is_output = all(t in outs for t in s.targets)
        dtype = ": " + s.dtype if s.dtype and not is_output else ""
        written = []
        for i in s.indices:
            free = (is_output and not s.piece and i.range is None) or i.inferable(s.value)
            if not (free and self.chance(0.7)):
                written.append(i.written())
        broken = "\n        " if self.chance(0.15) else " "       # a line may begin with where, then, else
        value = s.value.replace(" then ", broken + "then ").replace(" else ", broken + "else ") if len(s.value) > 60 else s.value
        return "%s%s = %s%s" % (lhs, dtype, value, broken + "where " + ", ".join(written) if written else "")

    def parameter(self, t):
        shape = "[%s]" % ", ".join(e.text() for e in t.shape) if t.shape else ""
        text = "%s: %s%s" % (t.name, t.type, shape)
        if t.policy:
            text += " in 0..%s %s" % (t.range, t.policy)
        return text + (" = " + t.default if t.default else "")

    def kernel_text(self, outs):
        # A piecewise tensor that is no output needs its type at one region: the first.
        seen = set()
        for s in self.statements:
            if s.piece and s.targets[0] not in outs and s.targets[0].name not in seen:
                s.dtype = s.targets[0].type
                seen.add(s.targets[0].name)
        cp = "<%s>" % ", ".join("%s: %s = %s" % c[:3] for c in self.cparams) if self.cparams else ""
        inputs = sorted(self.inputs, key=lambda t: bool(t.default))
        head = "kernel %s%s(%s) -> (%s)" % (self.name, cp, ", ".join(map(self.parameter, inputs)), ", ".join(map(self.parameter, outs)))
        facts = " where " + ", ".join(self.facts) if self.facts else ""
        body = self.checks + [self.statement_text(s, outs) for s in self.statements]
        lines = body[0]
        for line in body[1:]:
            lines += ("; " if self.chance(0.05) else "\n    ") + line
        return "%s%s {\n    %s\n}\n" % (head, facts, lines)

    def test_text(self, args):
        cases = []
        for d in self.dims:
            v = self.sizes[d]
            cases.append("%s = %d" % (d, v[0]) if len(v) == 1 else "%s in {%s}" % (d, ", ".join(map(str, v))))
        cases += ["%s ~ %s" % (t.name, t.law) for t in self.inputs if t.law and (t.shape or not t.default)]
        return "test %s%s { %s }\n" % (self.name, "<%s>" % ", ".join(args) if args else "", ", ".join(cases))

    def generate(self):
        r = self.rng
        self.make_dims()
        self.make_fns()
        self.make_cparams()
        self.make_inputs()
        if self.chance(0.35):
            self.make_gather()
        if self.chance(0.25):
            self.make_ragged()
        kinds = [(8, self.plain), (1, self.copy), (1.5, self.piecewise), (1.4, self.several), (1, self.kernel_call), (0.6, self.places),
                 (0.6, lambda: self.plain(rank=0))]
        for _ in range(r.choice([1, 2, 2, 3, 3, 4, 5])):
            r.choices([f for _, f in kinds], [w for w, _ in kinds])[0]()
        outs = self.outputs()
        kernel = self.kernel_text(outs)
        tests = self.helper_tests + [self.test_text([])]
        if self.cparams:
            tests.append(self.test_text(["%s = %s" % (c[0], c[3]) for c in self.cparams if self.chance(0.8)]))
            for c in self.cparams:
                self.hit("compile-time " + c[1], c[3] if c[1] == "type" else "")
        blocks = self.blocks + [kernel]
        return "\n".join(blocks + tests) if self.chance(0.8) else "\n".join([kernel] + self.blocks + tests)


def make_helper(main, dims, type_):
    """A kernel for main to call: its name, its outputs, the text of a further argument."""
    r = main.rng
    p = Program(r, main.hits, main.fresh("helper"), outer=main)
    p.dims, p.sizes = dims, {d: [0] for d in dims}
    generic = kind(type_) == "f" and (type_ not in DTYPES or r.random() < 0.4)
    if generic:
        p.cparams, p.type_param = [("S", "type", "f32", None)], "S"
    p.combs, p.fns = main.combs, main.fns
    p.add_input("S" if generic else type_, [Ext(d) for d in dims])
    scalar = ""
    if r.random() < 0.3:
        s = p.add_input("f32", [])
        s.default = "0.5"
        if r.random() < 0.5:
            scalar = ", %s = 1.5" % s.name
    x = p.exprs()
    for n in range(r.randint(1, 2)):
        shape = r.sample([Ext(d) for d in dims], r.randint(1, len(dims)))
        x = p.exprs()
        idx = p.indices(shape, x)
        t_type = "S" if generic and r.random() < 0.3 else r.choice(DTYPES)
        e = p.stored(x, p.value(x, kind(t_type), r.randint(1, 2)), t_type)
        t = Tensor(p.fresh("h"), t_type, shape, "temp", e.mag)
        p.temps.append(t)
        p.readable.append(t)
        p.statements.append(Statement([t], e.text, idx, t_type))
    outs = p.outputs()
    main.blocks += p.blocks
    main.blocks.append(p.kernel_text(outs))
    p.sizes = {d: [r.choice([1, 2, 3, 5, 9])] for d in dims}
    main.helper_tests.append(p.test_text([]))
    return p.name, outs, scalar
