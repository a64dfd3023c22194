/* Expressions over vectors of lanes, in GNU C's vector types: values of neighbours along one index. What does not vary along it is a
 * scalar, which C spreads by itself. */
#include "emit/host_gen.h"
#include <string.h>

/* The element of vectors that hold values of a type: integers are unsigned, so that they wrap. */
static const char *const elements[DT_COUNT] = {
    [DT_F64] = "f64", [DT_F32] = "f32", [DT_F16] = "f32", [DT_BF16] = "f32", [DT_F8E4M3] = "f32", [DT_F8E5M2] = "f32",
    [DT_I64] = "u64", [DT_I32] = "u32", [DT_I16] = "u32", [DT_I8] = "u32", [DT_U8] = "u32",
};

static bool is_narrow(DType t) { return dtype_is_float(t) && dtype_table[t].bytes < 4; }

static int value_bytes(DType t) { return t == DT_F64 || t == DT_I64 ? 8 : 4; }

bool host_vector_same(DType x, DType y) { return elements[x] && elements[y] && !strcmp(elements[x], elements[y]); }

int host_vector_lanes(DType t) { return 64 / value_bytes(t); }

static const char *vector_type(Gen *g, const char *element, int n) {
    return host_use(&g->uses, arena_printf(g->a, "knf_%sx%d", element, n));
}

const char *host_vector_type(Gen *g, DType t, int n) { return vector_type(g, elements[t], n); }

/* --- what can be done so --------------------------------------------------------------------------------------------------------- */

/* Subscripts that move by one element along the lane, and are inside wherever the lane is. */
static bool is_vector_read(const Expr *e, const Index *lane, int n) {
    const Tensor *t = e->tensor;
    if (t->rank == 0 || t->type == DT_BOOL || t->policy == POLICY_CLAMP || host_stride(&e->args, lane) != STRIDE_UNIT) return false;
    if (is_narrow(t->type) && n != 16) return false;
    if (e->mode == READ_PLAIN) return true;
    int last = e->args.n - 1;
    return e->mode == READ_PAD && host_is_inside(e->args.at[last], t->shape[last]) && !host_mentions(e->pad, lane);
}

static bool fits(const Expr *e, const Index *lane, int n) {
    if (e->type == DT_BOOL || value_bytes(e->type) * n > 64) return false;
    if (!host_mentions(e, lane)) return true;
    bool floats = dtype_is_float(e->type), narrow = is_narrow(e->type) || (!floats && dtype_table[e->type].bytes < 4);
    DType from = e->args.n ? e->args.at[0]->type : e->type;
    switch (e->kind) {
    case X_READ: return is_vector_read(e, lane, n);
    case X_CONVERT:
        if (narrow || from == DT_BOOL || (dtype_is_float(from) && !floats)) return false;
        if (value_bytes(from) > value_bytes(e->type) || (from == DT_I64 && floats)) return false;
        break;
    case X_OP:
        if (narrow || host_negated_sum(e)) return false;
        if (e->op == OP_DIV && floats) break;
        if (e->op != OP_ADD && e->op != OP_SUB && e->op != OP_MUL && e->op != OP_NEG) return false;
        break;
    default: return false;
    }
    for (int i = 0; i < e->args.n; i++)
        if (!fits(e->args.at[i], lane, n)) return false;
    return true;
}

bool host_vector_fits(const Reduce *r, const Index *lane) {
    const Comb *c = r->comb;
    return !r->pred && r->operands.n == 1 && c->type != DT_BOOL && fits(r->operands.at[0], lane, host_vector_lanes(c->type));
}

/* --- values -------------------------------------------------------------------------------------------------------------------- */

/* What stands at the element and its n - 1 neighbours. */
static CExpr load(Gen *g, const Expr *e, CExpr at, int n) {
    DType t = e->tensor->type;
    HostTensor *h = &g->tensors[e->tensor->id];
    CExpr address = c_unary(&g->p, "&", at);
    bool wide = h->wide_on;
    if (is_narrow(t) && !wide) return c_call1(&g->p, host_use(&g->uses, arena_printf(g->a, "knf_load_%s", dtype_name(t))), address);
    bool small = !dtype_is_float(t) && dtype_table[t].bytes < 4;
    const char *type = small ? vector_type(g, dtype_name(t), n) : host_vector_type(g, t, n);
    CExpr v = c_unary(&g->p, "*", c_cast(&g->p, arena_printf(g->a, "const %s *", type), address));
    return small ? c_call2(&g->p, "__builtin_convertvector", v, c_atom(host_vector_type(g, t, n))) : v;
}

static CExpr scalar(Gen *g, const Expr *e) {
    CExpr x = host_expr(g, e);
    return dtype_is_float(e->type) ? x : c_cast(&g->p, value_bytes(e->type) == 8 ? "uint64_t" : "uint32_t", x);
}

static CExpr spread(Gen *g, const Expr *e, int n) {
    return c_binary(&g->p, "-", scalar(g, e), c_atomf(&g->p, "(%s){0}", host_vector_type(g, e->type, n)));
}

static CExpr read(Gen *g, const Expr *e, int n) {
    CExpr inside = {0};
    CExpr at = host_read_element(g, e, &inside);
    CExpr x = load(g, e, at, n);
    if (!inside.text) return x;
    /* what is loaded has the type of lesser alignment, and both branches must have one: x - 0 is x in the plain type */
    x = c_binary(&g->p, "-", x, c_atomf(&g->p, "(%s){0}", host_vector_type(g, e->type, n)));
    return c_cond(&g->p, inside, x, spread(g, e->pad, n));
}

static CExpr vector(Gen *g, const Expr *e, const Index *lane, int n);

static CExpr converted(Gen *g, const Expr *e, const Index *lane, int n) {
    DType from = e->args.at[0]->type;
    CExpr x = vector(g, e->args.at[0], lane, n);
    if (!strcmp(elements[from], elements[e->type])) return x;
    if (!dtype_is_float(from)) x = c_cast(&g->p, vector_type(g, value_bytes(from) == 8 ? "i64" : "i32", n), x);
    return c_call2(&g->p, "__builtin_convertvector", x, c_atom(host_vector_type(g, e->type, n)));
}

/* Of a value that varies along the lane. */
static CExpr vector(Gen *g, const Expr *e, const Index *lane, int n) {
    for (int i = g->hoisted.n; i-- > 0;)
        if (g->hoisted.at[i].expr == e) return g->hoisted.at[i].value;
    if (e->kind == X_READ) return read(g, e, n);
    if (e->kind == X_CONVERT) return converted(g, e, lane, n);
    CExpr x[2];
    for (int i = 0; i < e->args.n; i++) {
        const Expr *a = e->args.at[i];
        x[i] = host_mentions(a, lane) ? vector(g, a, lane, n) : scalar(g, a);
    }
    return e->op == OP_NEG ? c_unary(&g->p, "-", x[0]) : c_binary(&g->p, op_table[e->op].name, x[0], x[1]);
}

CExpr host_vector(Gen *g, const Expr *e, const Index *lane, int n) {
    return host_mentions(e, lane) ? vector(g, e, lane, n) : spread(g, e, n);
}
