/* Reductions in lanes: several accumulators side by side, so that the order of a reduction is fixed, the same whatever the compiler.
 *
 * Along the reduction's last index: element j of a row goes to lane j mod n of vector j / n mod v (n lanes a vector, v vectors), those
 * left over at the row's end are joined one by one; in the end the vectors are joined in pairs, then the lanes in pairs, then what
 * was left over. Along one of the statement's indices: each lane is an element of the result, joined in order. A tile of rows, and
 * of columns, shares what an operand does not vary over. The last tile begins early enough to be whole: what it computes again, it
 * stores again. */
#include "emit/host_gen.h"
#include <string.h>

enum { ROWS = 4, COLUMNS = 4, TILED_VECTORS = 2, AHEAD = 16 };

/* A part of the operand that several cells share, or that all lanes share, with its names. */
typedef struct Part { const Expr *expr; bool by_row, by_column; CExpr value[ROWS][COLUMNS]; } Part;

typedef struct Block {
    Gen *g;
    const Stmt *s;
    const Reduce *r;
    Lanes plan;
    int n;                  /* lanes of a vector */
    int rows, columns;      /* cells; columns are values of tile2, or neighbouring vectors */
    CExpr row0, column0, lane0;     /* where tile and lanes begin */
    const char *l;          /* arrays: the lane's variable */
    CExpr acc[ROWS][COLUMNS], rest[ROWS][COLUMNS];
    const char *count;
    VEC(Part) parts;
} Block;

static const char *cell_name(Block *b, const char *word, int row, int column, bool by_row, bool by_column) {
    Gen *g = b->g;
    if (by_row && by_column) return host_name(g, arena_printf(g->a, "%s%d%d", word, row, column));
    return host_name(g, arena_printf(g->a, "%s%d", word, by_row ? row : column));
}

static void at_cell(Block *b, int row, int column) {
    Gen *g = b->g;
    g->row = row;
    if (b->plan.tile) g->index[b->plan.tile->id] = c_sum(&g->p, b->row0, c_int(&g->p, row));
    if (b->plan.tile2) g->index[b->plan.tile2->id] = c_sum(&g->p, b->column0, c_int(&g->p, column));
    CExpr lane = b->lane0;
    if (!b->plan.tile2 && b->plan.vector) lane = c_sum(&g->p, lane, c_int(&g->p, b->n * column));
    if (b->l) lane = c_binary(&g->p, "+", lane, c_atom(b->l));
    g->index[b->plan.lane->id] = lane;
    g->hoisted.n = 0;
    for (int i = 0; i < b->parts.n; i++) {
        const Part *p = &b->parts.at[i];
        HostHoisted h = {p->expr, p->value[p->by_row ? row : 0][p->by_column ? column : 0]};
        vec_push(g->a, &g->hoisted, h);
    }
}

static void leave_cells(Block *b) {
    b->g->hoisted.n = 0;
    b->parts.n = 0;
}

/* --- shared parts ---------------------------------------------------------------------------------------------------------------- */

static bool has_read(void *context, Expr *e) {
    bool *found = context;
    *found = *found || (e->kind == X_READ && e->tensor->rank > 0);
    return !*found;
}

static const char *part_word(const Expr *e) {
    while (e->kind == X_CONVERT) e = e->args.at[0];
    if (e->kind != X_READ) return "same";
    const char *dot = strrchr(e->tensor->name, '.');
    return dot ? dot + 1 : e->tensor->name;
}

static void name_part(Block *b, const Expr *e) {
    Gen *g = b->g;
    bool lane = host_mentions(e, b->plan.lane);
    Part p = {.expr = e, .by_row = b->plan.tile && b->rows > 1 && host_mentions(e, b->plan.tile)};
    p.by_column = b->columns > 1 && (b->plan.tile2 ? host_mentions(e, b->plan.tile2) : lane);
    for (int i = 0; i < b->parts.n; i++)
        if (expr_equal(b->parts.at[i].expr, e)) {
            p = b->parts.at[i];
            p.expr = e;
            vec_push(g->a, &b->parts, p);
            return;
        }
    const char *type = lane ? host_vector_type(g, e->type, b->n) : host_value_type(e->type);
    int was = b->parts.n;
    for (int row = 0; row < (p.by_row ? b->rows : 1); row++)
        for (int column = 0; column < (p.by_column ? b->columns : 1); column++) {
            at_cell(b, row, column);
            CExpr x = lane ? host_vector(g, e, b->plan.lane, b->n) : host_expr(g, e);
            const char *name = cell_name(b, part_word(e), row, column, p.by_row, p.by_column);
            c_declare(&g->p, arena_printf(g->a, "const %s", type), name, x);
            p.value[row][column] = c_atom(name);
        }
    b->parts.n = was;
    vec_push(g->a, &b->parts, p);
}

/* Names what is evaluated in any case and is the same in all lanes, and with vectors every read. */
static void name_parts(Block *b, const Expr *e) {
    bool lane = host_mentions(e, b->plan.lane), found = false;
    bool narrow = e->kind == X_CONVERT && e->args.at[0]->kind == X_READ && host_vector_same(e->type, e->args.at[0]->type);
    if (!lane || (b->plan.vector && (e->kind == X_READ || narrow))) {
        expr_walk((Expr *)e, has_read, &found);
        if (found) name_part(b, e);
        return;
    }
    bool opens = e->kind == X_CONVERT || e->kind == X_SAT || (e->kind == X_OP && e->op != OP_AND && e->op != OP_OR);
    for (int i = 0; opens && i < e->args.n; i++) name_parts(b, e->args.at[i]);
}

/* --- accumulators ---------------------------------------------------------------------------------------------------------------- */

static const char *const words[] = {[CK_SUM] = "add", [CK_MEAN] = "add", [CK_PROD] = "mul", [CK_MAX] = "max", [CK_MIN] = "min"};

static const char *tag(DType t) { return t == DT_F64 ? "f64" : dtype_is_float(t) ? "f32" : t == DT_I64 ? "i64" : "i32"; }

static bool is_zero(const Comb *c) { return c->kind == CK_SUM || c->kind == CK_MEAN; }

static CExpr vector_identity(Block *b) {
    Gen *g = b->g;
    const char *type = host_vector_type(g, b->r->comb->type, b->n);
    CExpr zero = c_atomf(&g->p, "(%s){0}", type);
    if (is_zero(b->r->comb)) return c_atom("{0}");
    CExpr x = host_identity(g, b->r->comb);
    if (!dtype_is_float(b->r->comb->type)) x = c_cast(&g->p, b->n == 8 ? "uint64_t" : "uint32_t", x);
    return c_binary(&g->p, "-", x, zero);
}

static void open_accumulators(Block *b) {
    Gen *g = b->g;
    const Comb *c = b->r->comb;
    bool one_rest = !b->plan.tile2;
    for (int row = 0; row < b->rows; row++)
        for (int column = 0; column < b->columns; column++) {
            const char *name = cell_name(b, "acc", row, column, b->rows > 1, b->columns > 1);
            b->acc[row][column] = c_atom(name);
            const char *array = arena_printf(g->a, "%s[%d]", name, b->n);
            if (b->plan.vector) c_declare(&g->p, host_vector_type(g, c->type, b->n), name, vector_identity(b));
            else c_declare(&g->p, host_value_type(c->type), array, is_zero(c) ? c_atom("{0}") : (CExpr){0});
            if (b->plan.output || (one_rest && column)) continue;
            const char *rest = cell_name(b, "rest", row, column, b->rows > 1, b->columns > 1 && !one_rest);
            b->rest[row][column] = c_atom(rest);
            c_declare(&g->p, host_value_type(c->type), rest, host_identity(g, c));
        }
    if (c->kind == CK_MEAN) c_declare(&g->p, "int64_t", b->count = host_name(g, "count"), c_atom("0"));
    if (b->plan.vector || is_zero(c)) return;
    c_for(&g->p, "int", b->l, c_atom("0"), c_int(&g->p, b->n), 1);
    for (int row = 0; row < b->rows; row++)
        c_assign(&g->p, c_subscript(&g->p, b->acc[row][0], c_atom(b->l)), "=", host_identity(g, c));
    c_end(&g->p);
}

/* acc joined with x, both vectors. */
static CExpr join_vectors(Block *b, CExpr acc, CExpr x) {
    const Comb *c = b->r->comb;
    Gen *g = b->g;
    if (is_zero(c)) return c_binary(&g->p, "+", acc, x);
    if (c->kind == CK_PROD) return c_binary(&g->p, "*", acc, x);
    return c_call2(&g->p, host_use(&g->uses, arena_printf(g->a, "knf_v%s_%s", words[c->kind], tag(c->type))), acc, x);
}

static void assign_joined(Block *b, CExpr acc, CExpr joined, CExpr x) {
    if (joined.prec == CP_ADD) c_assign(&b->g->p, acc, "+=", x);
    else if (joined.prec == CP_MUL) c_assign(&b->g->p, acc, "*=", x);
    else c_assign(&b->g->p, acc, "=", joined);
}

static CExpr operand(Block *b) {
    Gen *g = b->g;
    CExpr x = host_expr(g, b->r->operands.at[0]);
    return b->r->pred ? c_cond(&g->p, host_expr(g, b->r->pred), x, host_identity(g, b->r->comb)) : x;
}

/* The vectors of lanes at lane0 into the accumulators of `columns` columns. */
static void step(Block *b, int columns) {
    Gen *g = b->g;
    int was = b->columns, mark = host_scope_mark(g);
    b->columns = columns;
    const char *l = b->l;
    b->l = NULL;
    if (!b->r->pred && (b->plan.vector || b->plan.output)) name_parts(b, b->r->operands.at[0]);
    b->l = l;
    if (!b->plan.vector) c_for(&g->p, "int", b->l, c_atom("0"), c_int(&g->p, b->n), 1);
    for (int row = 0; row < b->rows; row++)
        for (int column = 0; column < columns; column++) {
            at_cell(b, row, column);
            CExpr acc = b->acc[row][column];
            if (b->plan.vector) {
                CExpr x = host_vector(g, b->r->operands.at[0], b->plan.lane, b->n);
                assign_joined(b, acc, join_vectors(b, acc, x), x);
            } else {
                CExpr x = operand(b);
                acc = c_subscript(&g->p, acc, c_atom(b->l));
                assign_joined(b, acc, host_join(g, b->r->comb, acc, x), x);
            }
        }
    if (!b->plan.vector) c_end(&g->p);
    leave_cells(b);
    b->columns = was;
    host_scope_pop(g, mark);
}

/* One element at lane0 into what is left over. */
static void step_rest(Block *b) {
    Gen *g = b->g;
    const char *l = b->l;
    b->l = NULL;
    for (int row = 0; row < b->rows; row++)
        for (int column = 0; column < (b->plan.tile2 ? b->columns : 1); column++) {
            at_cell(b, row, column);
            CExpr x = operand(b), rest = b->rest[row][column];
            assign_joined(b, rest, host_join(g, b->r->comb, rest, x), x);
        }
    leave_cells(b);
    b->l = l;
}

/* --- the reduction's loops --------------------------------------------------------------------------------------------------------- */

static CExpr bound_name(Gen *g, const Expr *e, const char *word) {
    CExpr x = host_bound(g, e);
    if (e->kind == X_LIT || e->kind == X_DIM || e->kind == X_INDEX) return x;
    const char *name = host_name(g, word);
    c_declare(&g->p, "const int64_t", name, x);
    return c_atom(name);
}

/* The number of positions, for a mean; the innermost loop's are counted at once. */
static void count_positions(Block *b, CExpr lo, CExpr hi) {
    if (!b->count) return;
    Gen *g = b->g;
    CExpr n = strcmp(lo.text, "0") ? c_binary(&g->p, "-", hi, lo) : hi;
    c_assign(&g->p, c_atom(b->count), "+=", c_call2(&g->p, host_use(&g->uses, "knf_max_i64"), n, c_atom("0")));
}

/* Names, outside the innermost loop, the tests of reads with pad that do not change in it. */
static void name_guards(Block *b, const Index *inner) {
    Gen *g = b->g;
    Reads reads = host_reads(g, b->r->operands.at[0]);
    for (int i = 0; i < reads.n; i++) {
        const Expr *e = reads.at[i];
        unsigned dims = 0;
        for (int d = 0; e->mode == READ_PAD && d < e->args.n && d < 32; d++) {
            const Expr *s = e->args.at[d];
            bool varies = host_mentions(s, inner) || host_mentions(s, b->plan.lane) || !host_is_linear(s);
            if (!varies && !host_is_inside(s, e->tensor->shape[d])) dims |= 1u << d;
        }
        bool by_row = false, by_column = false;
        for (int d = 0; d < e->args.n && d < 32; d++) {
            if (!(dims >> d & 1)) continue;
            by_row = by_row || (b->plan.tile && b->rows > 1 && host_mentions(e->args.at[d], b->plan.tile));
            by_column = by_column || (b->plan.tile2 && b->columns > 1 && host_mentions(e->args.at[d], b->plan.tile2));
        }
        if (!dims || by_column) continue;
        for (int row = 0; row < (by_row ? b->rows : 1); row++) {
            at_cell(b, row, 0);
            CExpr x = host_inside(g, e, dims);
            const char *name = cell_name(b, "inside", row, 0, by_row, false);
            c_declare(&g->p, "const bool", name, x);
            HostGuard guard = {e, by_row ? row : -1, dims, c_atom(name)};
            vec_push(g->a, &g->guards, guard);
        }
    }
    leave_cells(b);
}

/* The reduction's last index by lanes: groups of vectors, vectors, then the rest one by one. */
static void lanes_along_reduction(Block *b) {
    Gen *g = b->g;
    Index *i = b->plan.lane;
    CExpr lo = bound_name(g, i->lo, "from"), hi = bound_name(g, i->hi, "end");
    count_positions(b, lo, hi);
    const char *name = host_name(g, i->name);
    c_declare(&g->p, "int64_t", name, lo);
    b->lane0 = c_atom(name);
    CExpr left = c_binary(&g->p, "-", hi, b->lane0);
    int several = b->plan.tile2 ? 1 : b->columns;
    for (int vectors = several; vectors; vectors = vectors > 1) {
        CExpr width = c_int(&g->p, b->n * vectors);
        c_while(&g->p, c_binary(&g->p, ">=", left, width), c_binary(&g->p, "+=", b->lane0, width));
        step(b, b->plan.tile2 ? b->columns : vectors);
        c_end(&g->p);
        if (vectors == 1) break;
    }
    c_while(&g->p, c_binary(&g->p, "<", b->lane0, hi), c_atomf(&g->p, "%s++", name));
    step_rest(b);
    c_end(&g->p);
}

typedef struct Gather { const Index *i; const Tensor *via; bool other; } Gather;

static bool find_gather(void *context, Expr *e) {
    Gather *f = context;
    if (e->kind != X_READ || !host_mentions(e, f->i)) return true;
    bool plain = e->mode == READ_PLAIN && e->args.n == 1 && e->args.at[0]->kind == X_INDEX && !f->via;
    if (plain) f->via = e->tensor;
    else f->other = true;
    return true;
}

/* Asks for the rows that a gather will read AHEAD positions later: a read whose place is read from a list along the inner index. */
static void prefetch(Block *b, const Index *inner) {
    Gen *g = b->g;
    Reads reads = host_reads(g, b->r->operands.at[0]);
    for (int i = 0; i < reads.n; i++) {
        const Expr *e = reads.at[i];
        Gather f = {inner, NULL, false};
        for (int d = 0; d < e->args.n; d++) expr_walk(e->args.at[d], find_gather, &f);
        if (!f.via || f.other || e->mode != READ_PLAIN || !host_mentions(e, b->plan.lane)) continue;
        CExpr was = g->index[inner->id];
        CExpr later = c_sum(&g->p, was, c_int(&g->p, AHEAD));
        c_if(&g->p, c_binary(&g->p, "<", later, host_extent(g, f.via->shape[0])));
        g->index[inner->id] = later;
        int width = b->n * (b->plan.vector ? b->columns : 1), line = 64 / dtype_table[e->tensor->type].bytes;
        CExpr none = {0};
        for (int at = 0; at <= width; at += line) {
            at_cell(b, 0, 0);
            CExpr lane = c_sum(&g->p, b->lane0, c_int(&g->p, at < width ? at : width - 1));
            g->index[b->plan.lane->id] = lane;
            c_expr(&g->p, c_call1(&g->p, "__builtin_prefetch", c_unary(&g->p, "&", host_read_element(g, e, &none))));
        }
        leave_cells(b);
        g->index[inner->id] = was;
        c_end(&g->p);
    }
}

/* --- results ------------------------------------------------------------------------------------------------------------------- */

static CExpr mean(Block *b, CExpr sum) {
    if (!b->count) return sum;
    return c_binary(&b->g->p, "/", sum, c_cast(&b->g->p, host_value_type(b->r->comb->type), c_atom(b->count)));
}

/* A row's or cell's accumulators as one value. */
static CExpr folded(Block *b, int row, int column) {
    Gen *g = b->g;
    DType t = b->r->comb->type;
    CExpr v[COLUMNS];
    int n = b->plan.tile2 ? 1 : b->columns;
    for (int c = 0; c < n; c++) v[c] = b->acc[row][b->plan.tile2 ? column : c];
    for (; n > 1; n /= 2)
        for (int c = 0; c < n / 2; c++) v[c] = join_vectors(b, v[2 * c], v[2 * c + 1]);
    if (!b->plan.vector) v[0] = c_unary(&g->p, "*", c_cast(&g->p, arena_printf(g->a, "const %s *", host_vector_type(g, t, b->n)), v[0]));
    CExpr all = c_call1(&g->p, host_use(&g->uses, arena_printf(g->a, "knf_fold_%s_%s", words[b->r->comb->kind], tag(t))), v[0]);
    return mean(b, host_join(g, b->r->comb, all, b->rest[row][column]));
}

static void store_folded(Block *b) {
    for (int row = 0; row < b->rows; row++)
        for (int column = 0; column < (b->plan.tile2 ? b->columns : 1); column++) {
            at_cell(b, row, column);
            leave_cells(b);
            host_store(b->g, &b->s->targets.at[0], NULL, folded(b, row, column));
        }
}

/* Vectors of results: whole where memory has the same type, else element by element from a copy. */
static void store_lanes(Block *b) {
    Gen *g = b->g;
    const Target *t = &b->s->targets.at[0];
    DType type = b->r->comb->type;
    bool whole = b->plan.vector && t->tensor->type == type && host_stride(&t->subs, b->plan.lane) == STRIDE_UNIT;
    const char *vector = b->plan.vector ? host_vector_type(g, type, b->n) : NULL;
    for (int row = 0; row < b->rows; row++)
        for (int column = 0; column < b->columns; column++) {
            const char *l = b->l;
            CExpr acc = b->acc[row][column];
            int mark = host_scope_mark(g);
            if (whole) {
                at_cell(b, row, column);
                CExpr at = c_cast(&g->p, arena_printf(g->a, "%s *", vector), c_unary(&g->p, "&", host_element(g, t->tensor, &t->subs)));
                c_assign(&g->p, c_unary(&g->p, "*", at), "=", mean(b, acc));
            } else {
                if (b->plan.vector) {
                    const char *name = cell_name(b, "lane", row, column, b->rows > 1, b->columns > 1);
                    c_declare(&g->p, host_value_type(type), arena_printf(g->a, "%s[%d]", name, b->n), (CExpr){0});
                    c_assign(&g->p, c_unary(&g->p, "*", c_cast(&g->p, arena_printf(g->a, "%s *", vector), c_atom(name))), "=", acc);
                    acc = c_atom(name);
                    b->l = host_name(g, "l");
                }
                c_for(&g->p, "int", b->l, c_atom("0"), c_int(&g->p, b->n), 1);
                at_cell(b, row, column);
                leave_cells(b);
                host_store(g, t, NULL, mean(b, c_subscript(&g->p, acc, c_atom(b->l))));
                c_end(&g->p);
            }
            leave_cells(b);
            b->l = l;
            if (whole) host_scope_pop(g, mark);
        }
}

static void block(Block *b) {
    Gen *g = b->g;
    int mark = host_scope_mark(g), guards = g->guards.n, n = b->r->idx.n - !b->plan.output;
    b->l = b->plan.vector ? NULL : host_name(g, "l");
    b->count = NULL;
    open_accumulators(b);
    for (int i = 0; i < n; i++) {
        Index *x = b->r->idx.at[i];
        CExpr lo = bound_name(g, x->lo, "from"), hi = bound_name(g, x->hi, "end");
        bool innermost = b->plan.output && i == n - 1;
        if (innermost) count_positions(b, lo, hi);
        if (innermost && !b->r->pred) name_guards(b, x);
        host_open_loop(g, x, lo, hi);
        if (innermost) prefetch(b, x);
    }
    if (b->plan.output) step(b, b->columns);
    else lanes_along_reduction(b);
    for (int i = 0; i < n; i++) c_end(&g->p);
    if (b->plan.output) store_lanes(b);
    else store_folded(b);
    g->guards.n = guards;
    host_scope_pop(g, mark);
}

/* --- the statement's loops ----------------------------------------------------------------------------------------------------------- */

/* A loop in steps; the last one begins early enough to be whole. Gives the name of the step's first position. */
static CExpr open_steps(Gen *g, const Index *i, int step) {
    CExpr lo = host_lo(g, i), hi = host_hi(g, i);
    const char *name = host_name(g, step > 1 ? arena_printf(g->a, "%s_next", i->name) : i->name);
    c_for(&g->p, "int64_t", name, lo, hi, step);
    if (step == 1) return c_atom(name);
    const char *start = host_name(g, i->name);
    CExpr last = c_binary(&g->p, "-", hi, c_int(&g->p, step));
    c_declare(&g->p, "const int64_t", start, c_call2(&g->p, host_use(&g->uses, "knf_min_i64"), c_atom(name), last));
    return c_atom(start);
}

/* All blocks of a form: rows x columns cells. */
static void form(Block *b, int rows, int columns) {
    Gen *g = b->g;
    int mark = host_scope_mark(g), open = 0;
    b->rows = rows;
    b->columns = columns;
    for (int d = g->depth; d < b->s->idx.n; d++) {
        Index *i = b->s->idx.at[d];
        if (i == b->plan.tile || i == b->plan.tile2 || (b->plan.output && i == b->plan.lane)) continue;
        CExpr lo = host_lo(g, i), hi = host_hi(g, i);
        host_open_loop(g, i, lo, hi);
        open++;
    }
    if (b->plan.tile2) b->column0 = open_steps(g, b->plan.tile2, columns), open++;
    if (b->plan.tile) b->row0 = open_steps(g, b->plan.tile, rows), open++;
    if (b->plan.output) b->lane0 = open_steps(g, b->plan.lane, b->n * (b->plan.tile2 ? 1 : columns)), open++;
    block(b);
    while (open--) c_end(&g->p);
    host_scope_pop(g, mark);
}

/* hi - lo >= n, joined to what was asked before. */
static CExpr at_least(Gen *g, CExpr and, const Index *i, int n) {
    CExpr lo = host_lo(g, i), hi = host_hi(g, i);
    CExpr size = strcmp(lo.text, "0") ? c_binary(&g->p, "-", hi, lo) : hi;
    CExpr c = c_binary(&g->p, ">=", size, c_int(&g->p, n));
    return and.text ? c_binary(&g->p, "&&", and, c) : c;
}

static void tiled(Block *b, int rows, int columns) {
    if (b->g->depth == 0 && !b->g->looped) host_widen(b->g, b->s, b->plan);
    host_wide_reads(b->g, b->s, b->plan, true);
    form(b, rows, columns);
    host_wide_reads(b->g, b->s, b->plan, false);
}

static void along_reduction(Block *b) {
    Gen *g = b->g;
    int lone = b->plan.vector && !b->plan.tile2 ? COLUMNS : 1;
    if (!b->plan.tile) {
        form(b, 1, lone);
        return;
    }
    CExpr big = at_least(g, (CExpr){0}, b->plan.tile, ROWS);
    if (b->plan.tile2) big = at_least(g, big, b->plan.tile2, COLUMNS);
    c_if(&g->p, big);
    tiled(b, ROWS, b->plan.tile2 ? COLUMNS : 1);
    c_else(&g->p);
    form(b, 1, 1);
    c_end(&g->p);
}

/* The largest form for which there are elements enough; below a vector the plain nest. */
static void along_output(Block *b) {
    Gen *g = b->g;
    int columns = !b->plan.vector ? 1 : b->plan.tile ? TILED_VECTORS : COLUMNS;
    if (b->plan.tile || columns > 1) {
        CExpr big = at_least(g, (CExpr){0}, b->plan.lane, b->n * columns);
        c_if(&g->p, b->plan.tile ? at_least(g, big, b->plan.tile, ROWS) : big);
        tiled(b, b->plan.tile ? ROWS : 1, columns);
        c_else(&g->p);
    }
    c_if(&g->p, at_least(g, (CExpr){0}, b->plan.lane, b->n));
    form(b, 1, 1);
    c_else(&g->p);
    host_nest(g, b->s);
    c_end(&g->p);
    if (b->plan.tile || columns > 1) c_end(&g->p);
}

void host_lanes_emit(Gen *g, const Stmt *s, Lanes plan) {
    Block b = {.g = g, .s = s, .r = s->value->reduce, .plan = plan, .rows = 1, .columns = 1};
    b.n = host_vector_lanes(b.r->comb->type);
    if (plan.output) along_output(&b);
    else along_reduction(&b);
}
