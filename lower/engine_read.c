/* Rows of engines from a machine's block. */
#include "base/diag.h"
#include "lower/engine.h"
#include "lower/expr.h"
#include <string.h>

enum { MOST_SIDE = 1024, MOST_ACCUMULATORS = 1024 };

typedef struct Reader {
    Program *p;
    const AMachine *m;
    Diags *diags;
    Arena *a;
    EngineRows *rows;
    const AEntry *engine;       /* whose rows are read */
} Reader;

static const char *text(AName n) { return n.text ? n.text : ""; }
static double number(const AValue *v) { return v->is_int ? (double)v->i : v->f; }

/* A property of a group, or a group in it. */
static const AEntry *entry(const AEntry *const *at, int n, const char *key, const char *label, bool group) {
    for (int i = 0; i < n; i++)
        if (at[i]->is_group == group && !strcmp(text(at[i]->key), key) && (!label || !strcmp(text(at[i]->label), label))) return at[i];
    return NULL;
}

static const AEntry *property(const AEntry *g, const char *key) { return entry((const AEntry *const *)g->entries.at, g->entries.n, key, NULL, false); }

/* The row's own, or its engine's. */
static const AEntry *inherited(const Reader *r, const AEntry *row, const char *key) {
    const AEntry *e = property(row, key);
    return e ? e : property(r->engine, key);
}

static const AEntry *group_named(const Reader *r, const char *key, const char *label) {
    return entry((const AEntry *const *)r->m->entries.at, r->m->entries.n, key, label, true);
}

/* --- the form of a meaning ------------------------------------------------------------------------------------------------------------ */

typedef struct Reads { VEC(const Expr *) at; bool strange; } Reads;
typedef struct Gather { Arena *a; Reads *to; } Gather;

static bool see(void *context, Expr *e) {
    Gather *g = context;
    if (e->kind == X_READ) vec_push(g->a, &g->to->at, (const Expr *)e);
    g->to->strange |= e->kind == X_REDUCE || e->kind == X_INDEX || e->kind == X_DIM || (e->kind == X_READ && e->mode != READ_PLAIN);
    return e->kind != X_READ;
}

/* Every read of the tensor has these subscripts. */
static bool read_at(const Reads *reads, const Tensor *t, const Index *x, const Index *y) {
    for (int i = 0; i < reads->at.n; i++) {
        const Expr *e = reads->at.at[i];
        if (e->tensor == t && (e->args.n != 2 || !expr_is_index(e->args.at[0], x) || !expr_is_index(e->args.at[1], y))) return false;
    }
    return true;
}

static void operands_of(const Kernel *k, EngineMeaning *m, bool *fits) {
    for (int i = 0; i < k->params.n; i++) {
        const Tensor *t = k->params.at[i];
        int *n = t->rank ? &m->operands : &m->scalars;
        if (*n == (t->rank ? ENGINE_OPERANDS : ENGINE_SCALARS)) *fits = false;
        else if (t->rank) m->operand[m->operands++] = t;
        else m->scalar[m->scalars++] = t;
    }
}

static bool is_plain(const Reduce *r) { return r && !r->scan && !r->pred && r->comb->kind != CK_USER && r->idx.n == 1 && r->operands.n == 1; }

/* acc[m, n]: one operand goes with m, the other with n, both with k. */
static bool is_block(EngineRow *row, EngineMeaning *m, const Reads *reads) {
    const Index *at[] = {m->stmt->idx.at[0], m->stmt->idx.at[1]}, *k = m->reduce->idx.at[0];
    for (int swap = 0; swap < 2; swap++) {
        bool fits = true;
        const Tensor *t[] = {m->operand[swap], m->operand[!swap]};
        for (int i = 0; i < 2; i++) {
            row->rows_first[i] = read_at(reads, t[i], k, at[i]);
            fits &= row->rows_first[i] || read_at(reads, t[i], at[i], k);
        }
        if (!fits) continue;
        m->operand[0] = t[0];
        m->operand[1] = t[1];
        return true;
    }
    return false;
}

static EngineClass class_of(EngineRow *row, EngineMeaning *m, const Reads *reads) {
    const Stmt *s = m->stmt;
    if (m->reduce) {
        const Index *c = m->reduce->idx.at[0];
        bool one = m->operands == 1 && !m->scalars && s->idx.n == 1;
        if (m->operands == 2 && !m->scalars && s->idx.n == 2 && is_block(row, m, reads)) return ENGINE_BLOCK;
        if (one && read_at(reads, m->operand[0], s->idx.at[0], c)) return ENGINE_JOIN;
        if (one && read_at(reads, m->operand[0], c, s->idx.at[0]) && m->reduce->operands.at[0]->kind == X_READ) return ENGINE_GATHER;
        return ENGINE_CLASSES;
    }
    if (s->idx.n != 2 || !m->operands) return ENGINE_CLASSES;
    if (m->value->kind == X_READ && read_at(reads, m->operand[0], s->idx.at[1], s->idx.at[0])) return ENGINE_TURN;
    for (int i = 0; i < m->operands; i++)
        if (!read_at(reads, m->operand[i], s->idx.at[0], s->idx.at[1])) return ENGINE_CLASSES;
    if (m->operands == 2) return m->scalars ? ENGINE_CLASSES : ENGINE_BOX;
    return m->scalars ? ENGINE_AFFINE : m->value->kind == X_READ ? ENGINE_MOVE : ENGINE_FUNCTION;
}

/* Calls in a meaning are written out. */
static Expr *opened(Reader *r, Expr *e);

typedef struct Opening { Reader *r; const FnInst *fn; const Exprs *args; } Opening;

static Expr *open_one(void *context, Expr *e) {
    Opening *o = context;
    if (e->kind == X_CALL) return opened(o->r, e);
    for (int i = 0; o->fn && e->kind == X_VAR && i < o->fn->params.n; i++)
        if (o->fn->params.at[i] == e->var) return o->args->at[i];
    return NULL;
}

static Expr *opened(Reader *r, Expr *e) {
    if (e->kind != X_CALL) return lo_copy(r->a, e, open_one, &(Opening){.r = r});
    Exprs args = {0};
    for (int i = 0; i < e->args.n; i++) vec_push(r->a, &args, opened(r, e->args.at[i]));
    Expr *body = lo_copy(r->a, e->fn->body, open_one, &(Opening){r, e->fn, &args});
    return opened(r, body);
}

/* The meaning for operands of the type; NULL after errors. */
static EngineMeaning *meaning(Reader *r, EngineRow *row, const AStmt *s, DType type) {
    Kernel *k = front_meaning(r->p, s, type);
    if (!k) return NULL;
    EngineMeaning *m = NEW(r->a, EngineMeaning);
    bool fits = k->stmts.n == 1 && k->stmts.at[0]->targets.n == 1;
    Reads reads = {0};
    m->stmt = k->stmts.at[0];
    Expr *value = opened(r, lo_unconverted(m->stmt->value));
    m->value = lo_unconverted(value);
    m->reduce = m->value->kind == X_REDUCE ? m->value->reduce : NULL;
    operands_of(k, m, &fits);
    expr_walk(m->reduce ? m->reduce->operands.at[0] : value, see, &(Gather){r->a, &reads});
    fits &= !reads.strange && (!m->reduce || is_plain(m->reduce));
    EngineClass class = fits ? class_of(row, m, &reads) : ENGINE_CLASSES;
    if (class == ENGINE_CLASSES) {
        diag_help(diag_error(r->diags, s->span, "no engine is driven so"),
                  "a meaning is acc[m, n] = sum[k] a[m, k] * b[n, k]; y[r, c] of boxes at [r, c] and scalars; y[r] = sum[c] x[r, c]; y[c] = sum[r] x[r, c]; y[c, r] = x[r, c]");
        return NULL;
    }
    row->class = class;
    return m;
}

/* --- properties ------------------------------------------------------------------------------------------------------------------------- */

static DType type_of(Reader *r, const AValue *v, const char *what) {
    DType t = v->name.text ? dtype_by_name(v->name.text) : DT_NONE;
    if (t == DT_NONE) diag_help(diag_error(r->diags, v->span, "expected a type %s", what), "write: takes f16, bf16");
    return t;
}

/* Units a cycle: 512 mac/cycle; of a rate a second, by the clock. */
static double rate_of(Reader *r, const AValue *v) {
    static const struct { const char *name; double scale; } units[] = {{"G", 1e9}, {"T", 1e12}, {"Gop", 1e9}, {"Top", 1e12}, {"GB", 1e9}, {"TB", 1e12}, {"GHz", 1e9}, {"MHz", 1e6}};
    double x = number(v);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (!strcmp(text(v->unit), units[i].name)) x *= units[i].scale;
    if (!strcmp(text(v->per), "cycle")) return x;
    const AEntry *clock = entry((const AEntry *const *)r->m->entries.at, r->m->entries.n, "clock", NULL, false);
    double hz = clock && clock->values.n && clock != r->engine ? number(&clock->values.at[0]) * (strcmp(text(clock->values.at[0].unit), "MHz") ? 1e9 : 1e6) : 0;
    return hz > 0 ? x / hz : 0;
}

static void read_types(Reader *r, EngineRow *row, const AEntry *g) {
    const AEntry *takes = inherited(r, g, "takes"), *rate = inherited(r, g, "rate");
    row->own_rate = rate && rate == property(g, "rate");
    bool by_type = rate && rate->values.n && !rate->values.at[0].is_name && rate->values.at[0].name.text;
    for (int i = 0; rate && i < rate->values.n; i++) {
        const AValue *v = &rate->values.at[i];
        DType t = by_type ? type_of(r, v, "and its rate") : DT_NONE;
        for (int u = 0; u < DT_COUNT; u++)
            if (!by_type || u == (int)t) row->rate[u] = rate_of(r, v), row->takes[u] = !takes;
    }
    for (int u = 0; u < DT_COUNT && !rate && !takes; u++) row->takes[u] = true;
    for (int i = 0; takes && i < takes->values.n; i++) {
        DType t = type_of(r, &takes->values.at[i], "that the row takes");
        if (t != DT_NONE) row->takes[t] = true;
    }
}

static void read_cost(Reader *r, EngineRow *row, const AEntry *g) {
    const AEntry *e = property(g, "cost");
    row->cost = 1;
    if (!e) return;
    const AValue *v = &e->values.at[0];
    const AEntry *named = v->is_name ? property(r->engine, v->name.text) : NULL;
    if (e->values.n != 1 || (v->is_name && (!named || !named->values.n || named->values.at[0].is_name)))
        diag_help(diag_error(r->diags, v->span, "the cost of a row is a number of operations an element, or the name of a property of '%s' that is one", text(r->engine->label)), "write: cost 1");
    else row->cost = number(named ? &named->values.at[0] : v);
}

static void read_call(Reader *r, EngineRow *row, const AEntry *g) {
    const AEntry *e = property(g, "call");
    if (!e) return;
    bool fine = e->values.n % 2 == 1 && e->values.n <= 1 + 2 * ENGINE_FIELDS;
    for (int i = 0; i < e->values.n; i++) fine &= e->values.at[i].is_name;
    if (!fine) {
        diag_help(diag_error(r->diags, e->span, "'call' takes the name of a function, and fields with their values"), "write: call pe_se, bin, PE_ADD");
        return;
    }
    row->call = e->values.at[0].name.text;
    for (int i = 1; i + 1 < e->values.n; i += 2) row->field[row->fields++] = (EngineField){e->values.at[i].name.text, e->values.at[i + 1].name.text};
}

/* A whole number of a property within its limits; `otherwise` after an error. */
static int64_t whole(Reader *r, const AValue *v, const char *what, int64_t most, int64_t otherwise) {
    if (!v->is_name && v->is_int && v->i >= 1 && v->i <= most) return v->i;
    diag_error(r->diags, v->span, "%s must be a whole number from 1 to %lld", what, (long long)most);
    return otherwise;
}

/* m 16, n 16, k 4 B: by the names of the meaning's indices; or three numbers in this order. */
static void read_tile(Reader *r, EngineRow *row, const AEntry *g, const EngineMeaning *m) {
    const AEntry *e = property(g, "tile");
    if (!e) e = inherited(r, g, "block");
    int64_t side[3] = {0};
    Name names[] = {m->stmt->idx.at[0]->name, m->stmt->idx.at[1]->name, m->reduce->idx.at[0]->name};
    if (!e || e->values.n != 3) {
        diag_help(diag_error(r->diags, e ? e->span : g->span, "a row that adds up in accumulators has an instruction tile"), "write: tile %s 16, %s 16, %s 4 B", names[0], names[1], names[2]);
        return;
    }
    for (int i = 0; i < 3; i++) {
        const AValue *v = &e->values.at[i];
        int at = v->name.text ? 0 : i;
        while (v->name.text && at < 3 && strcmp(v->name.text, names[at])) at++;
        if (at == 3 || side[at] || (at == 2 && *text(v->unit) && strcmp(text(v->unit), "B")) || (at < 2 && *text(v->unit)))
            diag_help(diag_error(r->diags, v->span, "expected the tile's extent along %s or %s, or its bytes along %s", names[0], names[1], names[2]), "write: tile %s 16, %s 16, %s 4 B", names[0], names[1], names[2]);
        else side[at] = whole(r, v, "an extent of a tile", MOST_SIDE, 1);
    }
    row->m = (int)side[0];
    row->n = (int)side[1];
    row->k_bytes = (int)side[2];
}

static void read_accumulators(Reader *r, EngineRow *row, const AEntry *g) {
    const AEntry *into = inherited(r, g, "into");
    const AEntry *holder = into && into->values.n == 1 && into->values.at[0].is_name ? group_named(r, "engine", into->values.at[0].name.text) : NULL;
    const AEntry *n = holder ? property(holder, "accumulators") : NULL;
    if (!n || n->values.n != 1) {
        diag_help(diag_error(r->diags, into ? into->span : g->span, "a row that adds up says into the accumulators of which engine"), "write: into re, where engine re { accumulators 4 }");
        return;
    }
    row->into = into->values.at[0].name.text;
    row->accumulators = (int)whole(r, &n->values.at[0], "'accumulators'", MOST_ACCUMULATORS, 1);
}

/* --- rows ------------------------------------------------------------------------------------------------------------------------------- */

/* The one statement of a row; NULL after an error. */
static const AStmt *statement(Reader *r, const AEntry *g) {
    const AStmt *s = NULL;
    for (int i = 0; i < g->entries.n; i++) {
        const AEntry *e = g->entries.at[i];
        if (!e->stmt) continue;
        if (s) {
            diag_note(diag_error(r->diags, e->span, "row '%s' has two meanings", text(g->label)), s->span, "the first");
            return NULL;
        }
        s = e->stmt;
    }
    if (!s) diag_help(diag_error(r->diags, g->span, "row '%s' of engine '%s' does not say what it computes", text(g->label), text(r->engine->label)), "write its meaning: y[r, c] = a[r, c] + b[r, c]");
    return s;
}

static void check_keys(Reader *r, const AEntry *g) {
    static const char *const keys[] = {"takes", "rate", "tile", "into", "inside", "cost", "call"};
    enum { N = sizeof keys / sizeof *keys };
    for (int i = 0; i < g->entries.n; i++) {
        const AEntry *e = g->entries.at[i];
        bool known = e->stmt != NULL;
        for (int k = 0; k < N && !e->is_group; k++) known |= !strcmp(text(e->key), keys[k]);
        if (known) continue;
        Diag *d = diag_error(r->diags, e->key.span, "no property '%s' of a row", text(e->key));
        const char *near = diag_nearest(text(e->key), (const char *const *)keys, N);
        if (near) diag_help(d, "did you mean '%s'?", near);
    }
}

static bool swaps(Reader *r, const EngineRow *row, const EngineMeaning *m) {
    EngineMatch x;
    unsigned way = 0;
    while (engine_unify(row, row->inside, m->value, &(EngineRules){.arena = r->a}, &way, &x))
        if (x.operand[0]->tensor == m->operand[1] && x.operand[1]->tensor == m->operand[0]) return true;
    return false;
}

typedef struct Neutral { EngineRow *row; const EngineMeaning *m; } Neutral;

static bool see_neutral(void *context, Expr *e) {
    Neutral *x = context;
    for (int i = 0; e->kind == X_OP && i < e->args.n; i++)
        for (int k = 0; k < x->m->scalars; k++)
            if (e->args.at[i]->kind == X_READ && e->args.at[i]->tensor == x->m->scalar[k]) x->row->neutral[k] = op_laws(e->op).neutral ? op_laws(e->op).neutral : -0.0;     /* -0 + 0 is 0, x + -0 is x */
    return true;
}

static void read_row(Reader *r, const AEntry *g) {
    int before = diag_errors(r->diags);
    const AStmt *s = statement(r, g);
    EngineRow *row = NEW(r->a, EngineRow);
    *row = (EngineRow){.engine = r->engine->label.text, .name = text(g->label), .span = g->key.span, .inside = DT_F32};
    check_keys(r, g);
    if (!s) return;
    for (int i = 0; i < r->rows->n; i++)
        if (r->rows->at[i]->engine == row->engine && !strcmp(r->rows->at[i]->name, row->name)) diag_note(diag_error(r->diags, g->label.span, "engine '%s' has two rows '%s'", row->engine, row->name), r->rows->at[i]->span, "the first");
    read_types(r, row, g);
    read_cost(r, row, g);
    read_call(r, row, g);
    const AEntry *inside = inherited(r, g, "inside");
    if (inside) row->inside = type_of(r, &inside->values.at[0], "that the engine computes in");
    if (diag_errors(r->diags) != before) return;
    EngineMeaning *m = meaning(r, row, s, row->inside);
    for (int t = 0; m && row->class == ENGINE_BLOCK && t < DT_COUNT && diag_errors(r->diags) == before; t++)
        if (row->takes[t]) row->as[t] = meaning(r, row, s, (DType)t);
    if (m && row->class == ENGINE_BLOCK) {
        read_tile(r, row, g, m);
        read_accumulators(r, row, g);
    } else if (m) row->as[row->inside] = m;
    if (m) expr_walk((Expr *)m->value, see_neutral, &(Neutral){row, m});
    if (m && row->class == ENGINE_BOX) row->symmetric = swaps(r, row, m);
    if (diag_errors(r->diags) == before) vec_push(r->a, r->rows, row);
}

static bool count(void *context, Expr *e) {
    (void)e;
    ++*(int *)context;
    return true;
}

static int size_of(const EngineRow *row) {
    int n = 0;
    expr_walk((Expr *)row->as[row->inside]->value, count, &n);
    return n;
}

/* Of the elementwise rows those that cover more of an expression are tried first; else the order of the text. */
static void sort(EngineRows *rows) {
    for (int i = 1; i < rows->n; i++)
        for (int k = i; k > 0; k--) {
            EngineRow *x = rows->at[k - 1], *y = rows->at[k];
            if (x->class == ENGINE_BLOCK || y->class == ENGINE_BLOCK || size_of(x) >= size_of(y)) break;
            rows->at[k - 1] = y;
            rows->at[k] = x;
        }
}

/* How sums leave the accumulators. */
static void link_rows(Reader *r) {
    for (int i = 0; i < r->rows->n; i++) {
        EngineRow *x = r->rows->at[i];
        if (x->class != ENGINE_BLOCK) continue;
        const AEntry *holder = group_named(r, "engine", x->into), *feed = holder ? property(holder, "feed") : NULL;
        bool feeds = feed && feed->values.n && feed->values.at[0].is_name && !strcmp(text(feed->values.at[0].name), "yes");
        for (int k = 0; k < r->rows->n; k++) {
            const EngineRow *y = r->rows->at[k];
            if (y->class != ENGINE_MOVE) continue;
            if (!strcmp(y->engine, x->into)) x->drain = x->drain ? x->drain : y, r->rows->at[k]->drains = true;
            else if (feeds) x->feed = x->feed ? x->feed : y;
        }
        if (!x->drain && !x->feed)
            diag_help(diag_error(r->diags, x->span, "nothing takes the sums of row '%s' out of the accumulators of '%s'", x->name, x->into), "engine %s needs a row: row drain { y[m, n] = acc[m, n]; call pe_re_drain }", x->into);
    }
}

bool engine_read(Program *p, const AMachine *m, int most, Diags *diags, Arena *a, EngineRows *rows) {
    Reader r = {.p = p, .m = m, .diags = diags, .a = a, .rows = rows};
    int before = diag_errors(diags);
    for (int i = 0; i < m->entries.n; i++) {
        r.engine = m->entries.at[i];
        if (!r.engine->is_group || strcmp(text(r.engine->key), "engine") || !r.engine->label.text) continue;
        int n = 0;
        for (int k = 0; k < r.engine->entries.n; k++) {
            const AEntry *g = r.engine->entries.at[k];
            if (!g->is_group || strcmp(text(g->key), "row")) continue;
            read_row(&r, g);
            n++;
        }
        if (!n && property(r.engine, "rate")) diag_help(diag_error(diags, r.engine->key.span, "engine '%s' does not say what it computes", r.engine->label.text), "give it rows: row add { y[r, c] = a[r, c] + b[r, c]; call pe_se, bin, PE_ADD }");
    }
    if (diag_errors(diags) != before) return false;
    sort(rows);
    for (int i = 0; i < rows->n; i++) rows->at[i]->most = most;
    link_rows(&r);
    return diag_errors(diags) == before;
}
