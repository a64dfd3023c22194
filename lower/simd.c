/* A statement's expression, cut into commands of the elementwise engines: parts of it are unified with their rows, the rows that cover
 * most first; rows of two boxes, of a box and scalars, and of a box alone follow each other in one command where they have one call.
 *
 * The box is seen as rows along the last index of the statement (of its reduction, if it has one). An operand is such a box, one row
 * that serves all, or one value a row. */
#include "lower/simd.h"
#include "lower/online.h"

enum { MOST_COMMANDS = 64, MOST_TEMPS = 16 };

/* What is known of a part of the expression: a constant, or a command not yet given a place. */
typedef struct Val {
    bool is_const, is_plain;    /* is_plain: `cmd.a` and nothing more */
    Expr *value;                /* of a constant */
    TileCommand cmd;
} Val;

typedef struct Plan {
    Low *l;
    const Path *path;
    const Stmt *s;
    const Index *cols;          /* the last index */
    const Index *rows[8];       /* those before, in order */
    int n_rows;
    TileSimd *out;
    bool busy[MOST_TEMPS], held[MOST_TEMPS];    /* held: a function's argument that its body uses several times */
    bool column[MOST_TEMPS];
    bool fails;
    const FnInst *fn;           /* the call that is being opened, and its arguments */
    const Val *args;
    const char *why;            /* of a failure */
    int agreed;
} Plan;

static Val build(Plan *p, const Expr *e);

/* Why the engines can't do the statement: the reason that came nearest stays. */
static void note(Plan *p, const char *why, int agreed) {
    if (p->why && agreed <= p->agreed) return;
    p->why = why;
    p->agreed = agreed;
}

static Val failed(Plan *p) {
    p->fails = true;
    return (Val){.is_const = true};
}

static Val refused(Plan *p, const Expr *e, const char *why) {
    Out o = out_new(p->l->a);
    out_s(&o, "'");
    expr_print(e, &o);
    out_f(&o, "' %s", why);
    note(p, o.text, 0);
    return failed(p);
}

/* A row that copies a box. */
static const EngineRow *mover(Plan *p) {
    const EngineRow *row = engine_mover(&p->l->m->engines);
    if (!row) note(p, "no engine copies a box", 0);
    return row;
}

/* --- operands -------------------------------------------------------------------------------------------------------------------------- */

/* The block of the index at the place is one value. */
static bool is_single(const Plan *p, const Index *i) {
    const TileLevel *v = stage_level_of(p->path, stage_axis_of(p->l, i));
    int64_t step;
    return v && lo_is_int(v->step, &step) && step == 1;
}

/* How a read lies in the box: its subscripts are the indices of the box in their order, without those that are one value. */
static bool spread_of(const Plan *p, const Expr *e, TileSpread *spread) {
    int at = 0, rows = 0;
    bool last = false;
    for (int d = 0; d < e->args.n; d++) {
        const Expr *sub = e->args.at[d];
        if (p->cols && expr_is_index(sub, p->cols)) {
            if (d != e->args.n - 1) return false;
            last = true;
            continue;
        }
        while (at < p->n_rows && !expr_is_index(sub, p->rows[at])) {
            if (!is_single(p, p->rows[at])) rows = -100;      /* a row index that varies is left out */
            at++;
        }
        if (at == p->n_rows) return false;
        rows += !is_single(p, p->rows[at]);
        at++;
    }
    for (; at < p->n_rows; at++)
        if (!is_single(p, p->rows[at])) rows = rows > 0 ? -100 : rows - 100;
    int vary = 0;
    for (int i = 0; i < p->n_rows; i++) vary += !is_single(p, p->rows[i]);
    if (rows == vary) *spread = last || !p->cols ? TILE_BOX : TILE_ONE_COLUMN;
    else if (rows <= 0 && last) *spread = TILE_ONE_ROW;
    else return false;
    if (rows < 0 && rows % 100) return false;                 /* some of the rows' indices, not all */
    return *spread != TILE_ONE_COLUMN || vary <= 1;
}

static Val read(Plan *p, const Expr *e) {
    Val v = {.is_plain = true, .cmd = {.a = {TILE_ARG_READ, TILE_BOX, e, 0}}};
    const Tensor *t = e->tensor;
    if (e->mode != READ_PLAIN || t->policy == POLICY_CLAMP || !t->rank || !spread_of(p, e, &v.cmd.a.spread)) return refused(p, e, "does not lie in the box of the statement as rows, one row, or one value a row");
    return v;
}

static void release(Plan *p, const TileArg *a) {
    if (a->kind == TILE_ARG_TEMP && !p->held[a->temp]) p->busy[a->temp] = false;
}

/* The type in memory of what a command reads or writes. */
static DType type_of(const Plan *p, const TileArg *a) {
    if (a->kind == TILE_ARG_READ) return a->read->tensor->type;
    return a->kind == TILE_ARG_TARGET ? p->s->targets.at[0].tensor->type : DT_F32;
}

static bool takes(Plan *p, const EngineRow *row, const TileArg *a) {
    if (!row || !a->kind || row->takes[type_of(p, a)]) return true;
    note(p, arena_printf(p->l->a, "%s.%s takes no %s", row->engine, row->name, dtype_name(type_of(p, a))), 0);
    return false;
}

static void push(Plan *p, TileCommand c) {
    const EngineRow *rows[] = {c.bin, c.affine, c.fn, c.whole};
    if (!c.bin && !c.affine && !c.fn && !c.whole && !(c.whole = rows[3] = mover(p))) p->fails = true;
    for (int i = 0; i < 4; i++)
        if (!takes(p, rows[i], &c.dst) || !takes(p, rows[i], &c.a) || !takes(p, rows[i], &c.b)) p->fails = true;
    if (p->fails) return;
    if (p->out->commands.n == MOST_COMMANDS) p->fails = true;
    else vec_push(p->l->a, &p->out->commands, c);
}

/* Gives a value a place: a tile as it is, or a temporary that a command fills. */
static TileArg place(Plan *p, const Val *v) {
    if (v->is_const) return failed(p), (TileArg){0};
    if (v->is_plain) return v->cmd.a;
    TileCommand c = v->cmd;
    bool column = c.a.spread == TILE_ONE_COLUMN && (!c.b.kind || c.b.spread == TILE_ONE_COLUMN);
    bool row = c.a.spread == TILE_ONE_ROW && (!c.b.kind || c.b.spread == TILE_ONE_ROW);
    int t = 0;
    while (t < MOST_TEMPS && (p->busy[t] || (t < p->out->temps && p->column[t] != column))) t++;
    if (t == MOST_TEMPS || row || c.a.spread != (column ? TILE_ONE_COLUMN : TILE_BOX)) return failed(p), (TileArg){0};
    p->busy[t] = true;
    p->column[t] = column;
    if (t >= p->out->temps) p->out->temps = t + 1;
    c.dst = (TileArg){TILE_ARG_TEMP, column ? TILE_ONE_COLUMN : TILE_BOX, NULL, t};
    c.one_row = column;
    if (column) c.a.spread = c.b.spread = TILE_BOX;
    push(p, c);
    release(p, &c.a);
    release(p, &c.b);
    return c.dst;
}

static Val alone(Plan *p, const Val *v) {
    if (v->is_plain) return *v;
    return (Val){.is_plain = true, .cmd = {.a = place(p, v)}};
}

/* --- expressions ----------------------------------------------------------------------------------------------------------------------- */

static Expr *f32_lit(Plan *p, double x) { return x_float(p->l->a, DT_F32, x, p->s->span); }

/* What a core computes before it gives the command: a few scalar operations over literals, dims and scalars; or NULL. */
static Expr *constant(void *context, const Expr *e) {
    const Plan *p = context;
    if (e->kind == X_VAR)
        for (int i = 0; p->fn && i < p->fn->params.n; i++)
            if (p->fn->params.at[i] == e->var) return p->args[i].is_const ? p->args[i].value : NULL;
    static const bool does[OP_COUNT] = {[OP_ADD] = true, [OP_SUB] = true, [OP_MUL] = true, [OP_DIV] = true, [OP_NEG] = true, [OP_SQRT] = true, [OP_RSQRT] = true, [OP_RECIP] = true,
                                        [OP_LT] = true, [OP_LE] = true, [OP_GT] = true, [OP_GE] = true, [OP_OR] = true};
    bool simple = (e->kind == X_OP && does[e->op]) || e->kind == X_IF, same = true;
    if (!simple && e->kind != X_CONVERT) return e->kind == X_LIT || e->kind == X_DIM || (e->kind == X_READ && !e->tensor->rank && e->tensor->role == TR_INPUT) ? (Expr *)e : NULL;
    Expr *x[3] = {0};
    for (int i = 0; i < e->args.n; i++) {
        x[i] = constant(context, e->args.at[i]);
        if (!x[i]) return NULL;
        same &= x[i] == e->args.at[i];
    }
    if (same) return (Expr *)e;
    if (e->kind == X_IF) return x_if(p->l->a, x[0], x[1], x[2], e->span);
    return simple ? x_op(p->l->a, e->op, x[0], x[1], NULL, e->span) : x_convert(p->l->a, e->type, x[0], e->span);
}

static const EngineRow *any_stage(const TileCommand *c) { return c->bin ? c->bin : c->affine ? c->affine : c->fn; }

/* A stage behind those of a command: in the same one where that has it free and its call is the same. */
static Val behind(Plan *p, const Val *v, const EngineRow *row, bool free) {
    const EngineRow *before = any_stage(&v->cmd);
    bool same = !before || (before->call && row->call && !strcmp(before->call, row->call));
    Val r = free && same ? *v : alone(p, v);
    r.is_plain = false;
    return r;
}

static Val affine(Plan *p, const Val *v, const EngineMatch *m) {
    Val r = behind(p, v, m->row, !v->cmd.affine && !v->cmd.fn);
    r.cmd.affine = m->row;
    for (int i = 0; i < ENGINE_SCALARS; i++) r.cmd.scalar[i] = m->scalar[i];
    return r;
}

static Val apply(Plan *p, const Val *v, const EngineRow *row) {
    Val r = behind(p, v, row, !v->cmd.fn);
    r.cmd.fn = row;
    return r;
}

static Val two(Plan *p, const EngineRow *row, const Val *x, const Val *y) {
    Val a = alone(p, x), b = alone(p, y);
    if (p->fails) return a;
    if (a.cmd.a.spread != TILE_BOX && b.cmd.a.spread == TILE_BOX && row->symmetric) {
        Val swap = a;
        a = b;
        b = swap;
    }
    bool same = a.cmd.a.spread == b.cmd.a.spread && a.cmd.a.spread != TILE_ONE_ROW;
    if (a.cmd.a.spread != TILE_BOX && !same) {
        note(p, arena_printf(p->l->a, "the first operand of %s.%s is a box, the second may be one row or one value a row", row->engine, row->name), 1);
        return failed(p);
    }
    return (Val){.cmd = {.a = a.cmd.a, .b = b.cmd.a, .bin = row}};
}

static bool is_elementwise(const EngineRow *row) { return row->class == ENGINE_BOX || row->class == ENGINE_AFFINE || row->class == ENGINE_FUNCTION; }

/* The row whose meaning covers most of e; false: there is none. */
static bool find_row(Plan *p, const Expr *e, EngineMatch *m) {
    const EngineRows *rows = &p->l->m->engines;
    EngineRules rules = {.arena = p->l->a, .constant = constant, .context = p};
    EngineMatch near = {.agreed = -1};
    for (int i = 0; i < rows->n; i++) {
        unsigned way = 0;
        if (!is_elementwise(rows->at[i]) || rows->at[i]->inside != DT_F32) continue;
        if (engine_unify(rows->at[i], DT_F32, e, &rules, &way, m)) return true;
        if (m->agreed > near.agreed) near = *m;
    }
    Out o = out_new(p->l->a);
    if (near.agreed > 0) {
        out_f(&o, "closest is %s.%s: ", near.row->engine, near.row->name);
        engine_print_difference(&near, &o);
    } else {
        out_s(&o, "no row of an engine begins as '");
        expr_print(e, &o);
        out_s(&o, "' does");
    }
    note(p, o.text, near.agreed);
    return false;
}

static Val operation(Plan *p, const Expr *e) {
    EngineMatch m;
    if (!find_row(p, e, &m)) return failed(p);
    Val a = build(p, m.operand[0]);
    if (p->fails) return a;
    if (m.row->class == ENGINE_AFFINE) return affine(p, &a, &m);
    if (m.row->class == ENGINE_FUNCTION) return apply(p, &a, m.row);
    if (expr_equal(m.operand[0], m.operand[1])) {
        a = alone(p, &a);
        return p->fails ? a : two(p, m.row, &a, &a);
    }
    Val b = build(p, m.operand[1]);
    return p->fails ? b : two(p, m.row, &a, &b);
}

typedef struct Count { const Var *v; int n; } Count;
static bool count_var(void *context, Expr *e) {
    Count *c = context;
    c->n += e->kind == X_VAR && e->var == c->v;
    return true;
}

static int times_used(const FnInst *f, int param) {
    Count c = {f->params.at[param], 0};
    expr_walk(f->body, count_var, &c);
    return c.n;
}

/* A function's body over values of its arguments; what is used several times is computed once. */
static Val call(Plan *p, const Expr *e) {
    const FnInst *was = p->fn;
    const Val *outer = p->args;
    Val *args = NEW_ARRAY(p->l->a, Val, e->args.n + 1);
    for (int i = 0; i < e->args.n; i++) {
        args[i] = build(p, e->args.at[i]);
        if (p->fails || args[i].is_const || times_used(e->fn, i) < 2) continue;
        args[i] = alone(p, &args[i]);
        if (!p->fails && args[i].cmd.a.kind == TILE_ARG_TEMP) p->held[args[i].cmd.a.temp] = true;
    }
    p->fn = e->fn;
    p->args = args;
    Val v = p->fails ? (Val){0} : build(p, e->fn->body);
    p->fn = was;
    p->args = outer;
    return v;
}

/* A value that a core computes, without arguments of calls. */
static bool is_over_dims(void *context, Expr *e) {
    bool *fine = context;
    *fine &= e->kind != X_VAR && constant(&(Plan){0}, e);
    return false;
}

/* f32 throughout: what the engine computes in. */
static bool is_f32(const Expr *e) { return dtype_table[e->type].kind == DK_FLOAT && dtype_table[e->type].compute == DT_F32; }

static Val build(Plan *p, const Expr *e) {
    if (p->fails) return failed(p);
    if (!is_f32(e)) return refused(p, e, "is not computed in f32, as the engines do");
    Expr *c = e->kind != X_VAR ? constant(p, e) : NULL;
    if (c) return (Val){.is_const = true, .value = c};
    switch (e->kind) {
    case X_READ: return read(p, e);
    case X_CONVERT: return e->type == DT_F32 && is_f32(e->args.at[0]) ? build(p, e->args.at[0]) : refused(p, e, "rounds on the way, which no row does");
    case X_OP: case X_IF: return operation(p, e);
    case X_CALL: return call(p, e);
    case X_VAR:
        for (int i = 0; p->fn && i < p->fn->params.n; i++)
            if (p->fn->params.at[i] == e->var) return p->args[i];
        return failed(p);
    default: return refused(p, e, "is what no row has");
    }
}

/* --- statements ---------------------------------------------------------------------------------------------------------------------- */

static void finish(Plan *p, const Val *v, bool column) {
    TileCommand c = v->cmd;
    bool matches = c.a.spread == (column ? TILE_ONE_COLUMN : TILE_BOX);
    if (v->is_const || !matches) {
        p->fails = true;
        return;
    }
    c.dst = (TileArg){TILE_ARG_TARGET, column ? TILE_ONE_COLUMN : TILE_BOX, NULL, 0};
    c.one_row = column;
    if (column) c.a.spread = c.b.spread = TILE_BOX;
    push(p, c);
}

/* The row that joins as the reduction does (a mean as a sum), and what it joins; NULL: there is none. */
static const EngineRow *join_row(Plan *p, const Reduce *r, CombKind kind, const Expr **operand) {
    EngineRules rules = {.arena = p->l->a, .constant = constant, .context = p};
    for (int i = 0; i < p->l->m->engines.n; i++) {
        const EngineRow *row = p->l->m->engines.at[i];
        unsigned way = 0;
        EngineMatch m;
        if (row->class != ENGINE_JOIN || row->inside != DT_F32 || row->as[DT_F32]->reduce->comb->kind != kind) continue;
        if (!engine_unify(row, DT_F32, r->operands.at[0], &rules, &way, &m)) continue;
        *operand = m.operand[0];
        return row;
    }
    note(p, "no row of an engine joins so", 0);
    return NULL;
}

static void reduction(Plan *p, const Reduce *r) {
    Arena *a = p->l->a;
    bool mean = r->comb->kind == CK_MEAN;
    const Expr *operand = NULL;
    const EngineRow *row = join_row(p, r, mean ? CK_SUM : r->comb->kind, &operand);
    Val v = row ? build(p, operand) : failed(p);
    if (p->fails) return;
    TileArg from = place(p, &v);
    if (p->fails || from.spread != TILE_BOX) {
        p->fails = true;
        return;
    }
    TileCommand c = {.a = from, .whole = row, .dst = {TILE_ARG_TARGET, TILE_ONE_COLUMN, NULL, 0}};
    if (!mean) {
        push(p, c);
        return;
    }
    int t = p->out->temps++;
    if (t >= MOST_TEMPS) {
        p->fails = true;
        return;
    }
    p->column[t] = true;
    c.dst = (TileArg){TILE_ARG_TEMP, TILE_ONE_COLUMN, NULL, t};
    push(p, c);
    Expr *count = lo_max(a, lo_sub(a, r->idx.at[0]->hi, r->idx.at[0]->lo), lo_int(a, 0));
    Expr *part = x_op(a, OP_DIV, f32_lit(p, 1), x_convert(a, DT_F32, count, p->s->span), NULL, p->s->span);
    EngineMatch m;
    if (!find_row(p, x_op(a, OP_MUL, r->operands.at[0], part, NULL, p->s->span), &m) || m.row->class != ENGINE_AFFINE) {
        p->fails = true;
        return;
    }
    Val sum = {.is_plain = true, .cmd = {.a = {TILE_ARG_TEMP, TILE_BOX, NULL, t}}};
    TileCommand scale = affine(p, &sum, &m).cmd;
    scale.one_row = true;
    scale.dst = (TileArg){TILE_ARG_TARGET, TILE_ONE_COLUMN, NULL, 0};
    push(p, scale);
}

/* The engines' row joins are f32, and one value a row lies densely only behind one index. */
static bool fits_reduction(const Plan *p, const Reduce *r) {
    bool over_dims = true;
    expr_walk(r->idx.at[0]->lo, is_over_dims, &over_dims);
    expr_walk(r->idx.at[0]->hi, is_over_dims, &over_dims);
    return r->comb->kind != CK_USER && !r->scan && !r->pred && r->idx.n == 1 && r->operands.n == 1 && over_dims && dtype_table[r->comb->type].compute == DT_F32
        && p->s->idx.n == 1;
}

/* i, or i with something over dims added. */
static bool is_shifted(const Expr *e, const Index *i) {
    bool fine = true;
    if (expr_is_index(e, i)) return true;
    if (e->kind != X_OP || (e->op != OP_ADD && e->op != OP_SUB) || e->args.n != 2 || !expr_is_index(e->args.at[0], i)) return false;
    expr_walk(e->args.at[1], is_over_dims, &fine);
    return fine;
}

static bool is_plain_target(const Stmt *s) {
    const Target *t = &s->targets.at[0];
    if (s->targets.n != 1 || t->subs.n != s->idx.n || !t->tensor->rank) return false;
    for (int i = 0; i < s->idx.n; i++)
        if (!is_shifted(t->subs.at[i], s->idx.at[i])) return false;
    return true;
}

/* t[i, j] = x[j, i]. */
static const TileSimd *turned(Low *l, const Stmt *s) {
    const Expr *e = s->value;
    const EngineRow *row = engine_of_class(&l->m->engines, ENGINE_TURN, s->targets.at[0].tensor->type);
    if (!row || s->idx.n != 2 || e->kind != X_READ || e->mode != READ_PLAIN || e->tensor->policy == POLICY_CLAMP || e->args.n != 2) return NULL;
    if (e->type != s->targets.at[0].tensor->type || !expr_is_index(e->args.at[0], s->idx.at[1]) || !expr_is_index(e->args.at[1], s->idx.at[0])) return NULL;
    TileSimd *out = NEW(l->a, TileSimd);
    TileCommand c = {.dst = {.kind = TILE_ARG_TARGET}, .a = {.kind = TILE_ARG_READ, .read = e}, .whole = row};
    vec_push(l->a, &out->commands, c);
    return out;
}

const TileSimd *simd_plan(Low *l, const Path *path, const Stmt *s) {
    const Reduce *r = low_reduce(s);
    Plan p = {.l = l, .path = path, .s = s, .out = NEW(l->a, TileSimd)};
    int n = s->idx.n;
    if (!is_plain_target(s) || n > 8) {
        low_note(l, s, "its target is no box of rows");
        return NULL;
    }
    const TileSimd *turn = turned(l, s);
    if (turn) return turn;
    if (r && !fits_reduction(&p, r)) {
        low_note(l, s, "engines join rows of one range over dims, in f32, behind one outer index");
        return NULL;
    }
    p.cols = r ? r->idx.at[0] : s->idx.at[n - 1];
    for (int i = 0; i < n - !r; i++) p.rows[p.n_rows++] = s->idx.at[i];
    const Expr *value = s->value;
    if (r) reduction(&p, r);
    else {
        if (value->kind == X_CONVERT && dtype_table[value->type].kind == DK_FLOAT) value = value->args.at[0];   /* the store's rounding */
        Val v = build(&p, value);
        if (!p.fails) finish(&p, &v, false);
    }
    if (p.fails) {
        low_note(l, s, p.why ? p.why : "an operand does not lie in the box as the engines read it");
        return NULL;
    }
    p.out->temp_column = NEW_ARRAY(l->a, bool, p.out->temps + 1);
    memcpy(p.out->temp_column, p.column, sizeof(bool) * (size_t)p.out->temps);
    p.out->temp = NEW_ARRAY(l->a, TileBuf *, p.out->temps + 1);
    return p.out;
}

/* The block of an axis is one value there. */
static bool single_at(Low *l, const Path *path, const Index *i) {
    const TileLevel *v = stage_level_of(path, stage_axis_of(l, i));
    int64_t step;
    return v && lo_is_int(v->step, &step) && step == 1;
}

/* s = join[..] x[.., c], one row of x at a time: the read of x, and the row of an engine that does it. */
static const Expr *gathered_row(Low *l, const Path *path, const Path *state, const Stmt *s, const EngineRow **row) {
    const Reduce *r = low_reduce(s);
    const Expr *e = r->operands.at[0];
    int n = s->idx.n;
    while (e->kind == X_CONVERT && e->type == DT_F32) e = e->args.at[0];
    bool fits = r->comb->type == DT_F32 && !r->pred && !r->scan && n && is_plain_target(s) && e->kind == X_READ && e->mode == READ_PLAIN
        && e->tensor->policy != POLICY_CLAMP && e->args.n && expr_is_index(e->args.at[e->args.n - 1], s->idx.at[n - 1]);
    for (int i = 0; fits && i < n - 1; i++) fits = single_at(l, state, s->idx.at[i]);
    for (int i = 0; fits && i < r->idx.n; i++) fits = single_at(l, path, r->idx.at[i]);
    for (int d = 0; fits && d + 1 < e->args.n; d++) fits = !low_mentions(e->args.at[d], s->idx.at[n - 1]);
    for (int i = 0; fits && i < l->m->engines.n; i++) {
        *row = l->m->engines.at[i];
        bool gathers = (*row)->class == ENGINE_GATHER && (*row)->inside == DT_F32 && (*row)->as[DT_F32]->reduce->comb->kind == r->comb->kind;
        if (gathers && (*row)->takes[e->tensor->type] && (*row)->takes[s->targets.at[0].tensor->type]) return e;
    }
    return NULL;
}

const TileSimd *simd_accumulate(Low *l, const Path *path, const Path *state, const Stmt *s, TilePart part) {
    const EngineRow *gather = NULL;
    const Expr *row = gathered_row(l, path, state, s, &gather);
    const EngineRow *move = row ? mover(&(Plan){.l = l}) : NULL;
    if (!move || !move->takes[s->targets.at[0].tensor->type]) return NULL;
    TileSimd *out = NEW(l->a, TileSimd);
    TileCommand c = {.whole = part == TILE_FINAL ? move : gather};
    c.dst.kind = part == TILE_FINAL ? TILE_ARG_TARGET : TILE_ARG_STATE;
    c.a.kind = part == TILE_FINAL ? TILE_ARG_STATE : part == TILE_STEP ? TILE_ARG_READ : TILE_ARG_NONE;
    c.a.read = part == TILE_STEP ? row : NULL;
    vec_push(l->a, &out->commands, c);
    return out;
}

static bool same_box(const TileBuf *x, const TileBuf *y) {
    if (x->rank != y->rank) return false;
    for (int d = 0; d < x->rank; d++)
        if (!expr_equal(x->lo[d], y->lo[d]) || !expr_equal(x->hi[d], y->hi[d])) return false;
    return true;
}

static bool is_used(const TileSimd *plan, int n, const TileBuf *b) {
    for (int i = 0; i < n; i++)
        if (plan->temp[i] == b) return true;
    return false;
}

void simd_temps(Low *l, const Path *path, const Stmt *s, const TileSimd *plan) {
    const Reduce *r = low_reduce(s);
    TileStage *stage = l->stage;
    for (int t = 0; t < plan->temps; t++) {
        bool inner = r && !plan->temp_column[t];
        int n = s->idx.n - (!r && plan->temp_column[t]);
        TileBuf box = {0};
        stage_box(l, &box, n + inner);
        for (int d = 0; d < n + inner; d++) stage_block_box(l, path, stage_axis_of(l, d < n ? s->idx.at[d] : r->idx.at[0]), &box, d);
        TileBuf *b = NULL;
        for (int i = 0; i < stage->bufs.n && !b; i++) {
            TileBuf *old = stage->bufs.at[i];
            if (!old->tensor && old->is_part && same_box(old, &box) && !is_used(plan, t, old)) b = old;
        }
        if (!b) {
            b = stage_tile(l, NULL, arena_printf(l->a, "part%d", stage->bufs.n), DT_F32);
            b->is_part = true;
            stage_take_box(b, &box);
        }
        plan->temp[t] = b;
    }
}

/* --- parts of reductions ------------------------------------------------------------------------------------------------------------------ */

/* Values of a row lie densely: one index of the statement varies, the last. */
static bool has_dense_rows(Low *l, const Path *path, const Stmt *s) {
    for (int i = 0; i + 1 < s->idx.n; i++)
        if (!single_at(l, path, s->idx.at[i])) return false;
    return s->idx.n && is_plain_target(s);
}

static bool joins_f32(const Reduce *r) {
    CombKind k = r->comb->kind;
    return (k == CK_SUM || k == CK_MAX || k == CK_MIN) && dtype_table[r->comb->type].compute == DT_F32 && dtype_is_float(r->comb->type);
}

static TileArg state_arg(int number) { return (TileArg){TILE_ARG_STATE, TILE_BOX, NULL, number}; }
static TileArg lead_arg(int number) { return (TileArg){TILE_ARG_LEAD, TILE_BOX, NULL, number}; }

static void copy_command(Low *l, TileSimd *out, TileArg dst, TileArg a) {
    vec_push(l->a, &out->commands, ((TileCommand){.dst = dst, .a = a, .whole = engine_mover(&l->m->engines)}));
}

static void join_command(Low *l, TileSimd *out, TileArg dst, TileArg a, Op op, TileArg b) {
    vec_push(l->a, &out->commands, ((TileCommand){.dst = dst, .a = a, .b = b, .bin = engine_of_op(&l->m->engines, op)}));
}

static Op op_of(const Reduce *r) { return r->comb->kind == CK_SUM ? OP_ADD : r->comb->kind == CK_MAX ? OP_MAX : OP_MIN; }

/* The block's rows joined, one value each, and these to the states. */
static const TileSimd *step_plan(Low *l, const Path *path, const Stmt *s) {
    const Reduce *r = low_reduce(s);
    Plan p = {.l = l, .path = path, .s = s, .out = NEW(l->a, TileSimd)};
    if (r->scan || r->pred || r->idx.n != 1 || r->operands.n != 1 || s->idx.n > 8) return NULL;
    p.cols = r->idx.at[0];
    for (int i = 0; i < s->idx.n; i++) p.rows[p.n_rows++] = s->idx.at[i];
    const Expr *operand = NULL;
    const EngineRow *join = join_row(&p, r, r->comb->kind, &operand);
    if (!join) return NULL;
    Val v = build(&p, operand);
    if (p.fails) return NULL;
    TileArg from = place(&p, &v);
    int t = p.out->temps;
    if (p.fails || from.spread != TILE_BOX || t + 1 >= MOST_TEMPS) return NULL;
    p.column[p.out->temps++] = true;
    TileArg column = {TILE_ARG_TEMP, TILE_ONE_COLUMN, NULL, t};
    push(&p, (TileCommand){.dst = column, .a = from, .whole = join});
    column.spread = TILE_BOX;
    push(&p, (TileCommand){.dst = state_arg(0), .a = state_arg(0), .b = column, .bin = engine_of_op(&l->m->engines, op_of(r)), .one_row = true});
    if (p.fails) return NULL;
    p.out->temp_column = NEW_ARRAY(l->a, bool, p.out->temps + 1);
    memcpy(p.out->temp_column, p.column, sizeof(bool) * (size_t)p.out->temps);
    p.out->temp = NEW_ARRAY(l->a, TileBuf *, p.out->temps + 1);
    return p.out;
}

/* factor = fn(coef * (now - before)); state *= factor. */
static const TileSimd *correct_plan(Low *l, const Stmt *s, const Stmt *lead, const OnlineEffect *fx) {
    bool constant = true;
    expr_walk(fx->coef, is_over_dims, &constant);
    const EngineRows *rows = &l->m->engines;
    const EngineRow *less = engine_of_op(rows, OP_SUB), *fn = engine_of_op(rows, fx->fn), *scales = NULL;
    for (int i = 0; i < rows->n && !scales; i++)
        if (engine_scale(rows->at[i]) >= 0) scales = rows->at[i];
    bool is_one = fx->coef->kind == X_LIT && fx->coef->lit_f == 1, same = less && fn && scales && less->engine == fn->engine && scales->engine == fn->engine;
    if (fx->kind != ONLINE_SCALE || !same || !constant) return NULL;
    TileSimd *out = NEW(l->a, TileSimd);
    bool column = s->idx.n > lead->idx.n;
    TileCommand c = {.dst = lead_arg(TILE_FACTOR), .a = lead_arg(TILE_SO_FAR), .b = lead_arg(TILE_WAS), .bin = less, .fn = fn, .one_row = column};
    if (!is_one) c.affine = scales, c.scalar[engine_scale(scales)] = fx->coef;
    vec_push(l->a, &out->commands, c);
    TileArg factor = lead_arg(TILE_FACTOR);
    factor.spread = column ? TILE_ONE_COLUMN : TILE_BOX;
    join_command(l, out, state_arg(0), state_arg(0), OP_MUL, factor);
    return out;
}

/* A tile for the result; else what reads it reads the state. */
static bool has_result(const Low *l, const Stmt *s) {
    for (int i = 0; i < l->stage->bufs.n; i++)
        if (l->stage->bufs.at[i]->tensor == s->targets.at[0].tensor && !l->stage->bufs.at[i]->copied_in) return true;
    return false;
}

const TileSimd *simd_part(Low *l, const Path *path, const Stmt *s, TilePart part, bool leads, const Stmt *lead, const OnlineEffect *fx) {
    const Reduce *r = low_reduce(s);
    TileSimd *out = NEW(l->a, TileSimd);
    const EngineRow *move = engine_mover(&l->m->engines), *op = joins_f32(r) ? engine_of_op(&l->m->engines, op_of(r)) : NULL;
    bool has = move && move->takes[DT_F32] && op && op->takes[DT_F32] && op->engine == move->engine && engine_of_op(&l->m->engines, OP_MUL) && engine_of_op(&l->m->engines, OP_ADD);
    if (!has || !is_plain_target(s)) return NULL;
    bool dense = has_dense_rows(l, path, lead ? lead : s);
    if (part != TILE_JOIN && part != TILE_FINAL && !dense) return NULL;
    switch (part) {
    case TILE_STEP: return step_plan(l, path, s);
    case TILE_CORRECT: return correct_plan(l, s, lead, fx);
    case TILE_JOIN:
        if (!engine_fed(&l->m->engines)) return NULL;
        join_command(l, out, state_arg(0), (TileArg){.kind = TILE_ARG_ACC}, OP_ADD, state_arg(0));
        return out;
    case TILE_NOW:
        copy_command(l, out, state_arg(TILE_WAS), state_arg(TILE_SO_FAR));
        join_command(l, out, state_arg(TILE_SO_FAR), state_arg(TILE_SO_FAR), op_of(r), state_arg(0));
        return out;
    case TILE_FINAL:
        if (!move->takes[s->targets.at[0].tensor->type] || (leads && !dense)) return NULL;
        if (leads) copy_command(l, out, state_arg(TILE_WAS), state_arg(TILE_SO_FAR));
        if (leads) copy_command(l, out, state_arg(TILE_SO_FAR), state_arg(0));
        if (has_result(l, s)) copy_command(l, out, (TileArg){.kind = TILE_ARG_TARGET}, state_arg(0));
        return out;
    default: return NULL;
    }
}
