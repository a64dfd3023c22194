"""Types, extents, tensors and text with precedence: what random programs are made of."""

FLOATS = ["f64", "f32", "f16", "bf16", "f8e4m3", "f8e5m2"]
INTS = ["i64", "i32", "i16", "i8", "u8"]
DTYPES = FLOATS + INTS + ["bool"]
COMPUTE = {"f16": "f32", "bf16": "f32", "f8e4m3": "f32", "f8e5m2": "f32", "i16": "i32", "i8": "i32", "u8": "i32"}
INT_BITS = {"i64": 64, "i32": 32, "i16": 16, "i8": 8, "u8": 8}
MAX_STORED = {"f64": 1e300, "f32": 1e30, "f16": 3e4, "bf16": 1e30, "f8e4m3": 400.0, "f8e5m2": 4e4}

# Precedences of language.md, section 2, loosest first.
P_IF, P_OR, P_AND, P_NOT, P_CMP, P_BOR, P_BXOR, P_BAND, P_SHIFT, P_ADD, P_RED, P_MUL, P_UNARY, P_ATOM = range(14)


def kind(t):
    """f, i or b; a type parameter is a float."""
    return "b" if t == "bool" else "i" if t in INTS else "f"


def compute(t):
    return COMPUTE.get(t, t) if t in DTYPES else "f32"


class E:
    """Expression text: its precedence, its type, a bound of its size (floats), whether it is a literal."""
    __slots__ = ("text", "prec", "type", "mag", "lit")

    def __init__(self, text, prec, type_, mag=1.0, lit=False):
        self.text, self.prec, self.type, self.mag, self.lit = text, prec, type_, mag, lit

    def at(self, prec):
        """The text as an operand that must bind at least as tightly as prec."""
        return self.text if self.prec >= prec else "(" + self.text + ")"


class Ext:
    """An extent: (mul * dim + add) // div, or the constant add."""

    def __init__(self, dim, mul=1, add=0, div=1, dim2=None):
        self.dim, self.mul, self.add, self.div, self.dim2 = dim, mul, add, div, dim2

    def key(self):
        return (self.dim, self.mul, self.add, self.div, self.dim2)

    def __eq__(self, other):
        return self.key() == other.key()

    def __hash__(self):
        return hash(self.key())

    def text(self):
        if not self.dim:
            return str(self.add)
        s = self.dim if self.mul == 1 else "%d * %s" % (self.mul, self.dim)
        if self.dim2:
            s += " + " + self.dim2
        if self.add:
            s += " + %d" % self.add
        return s if self.div == 1 else "(%s) // %d" % (s, self.div)

    def plain(self):
        return bool(self.dim) and self.mul == 1 and self.add == 0 and self.div == 1 and not self.dim2

    def value(self, sizes):
        if not self.dim:
            return self.add
        v = self.mul * sizes[self.dim] + self.add + (sizes[self.dim2] if self.dim2 else 0)
        return v // self.div


class Index:
    """An index inside 0 .. ext; `range` is the text of its range, None when that is 0 .. ext itself."""

    def __init__(self, name, ext, range_=None):
        self.name, self.ext, self.range = name, ext, range_
        self.uses = []          # (extent, access) where it stands alone as a subscript of a plain read

    def inferable(self, text):
        """Is its range found without being written? Not all that was made for the text is in it."""
        return self.range is None and any(a in text for _, a in self.uses) and all(e == self.ext for e, _ in self.uses)

    def written(self):
        return "%s in %s" % (self.name, self.range or "0 .. " + self.ext.text())


class Tensor:
    def __init__(self, name, type_, shape, role, mag=6.0):
        self.name, self.type, self.shape, self.role, self.mag = name, type_, shape, role, mag
        self.range = None       # (text of hi, policy) of an integer input; or a constant hi of a temporary
        self.policy = None
        self.law = None
        self.default = None
        self.reads = 0
        self.internal = False   # offsets: not for arithmetic


class Fn:
    def __init__(self, name, kinds, result, mag):
        self.name, self.kinds, self.result, self.mag = name, kinds, result, mag
