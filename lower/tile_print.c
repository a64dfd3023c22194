/* The Tile IR as text. It reads back (lower/tile_read.c) to a program that prints the same:
 *
 *     # knyfe tile 3
 *     the Kernel's own text
 *     tensors x, y, m                                  their order
 *     charged p                                        those whose rounding a scaling was moved across
 *     stage y one core when N <= 8 {
 *         axis n in 0 .. N: 0.n, 1.n                   0.n: index n of statement 0; 1:k: of its reduction; fact 3.n: of a fact
 *         let n0_step = max(1, N // 64): 8             a step that is no literal; behind ':' what it never exceeds
 *         panel 0 of 2 by dpe.dot: x[m, k]; w[k, n]; m, n, k; b by mlu.turn      a product by a row of an engine: operands, axes, what turns them
 *         simd 1: %2, %3 column                        the elementwise engine's temporaries of a statement, and its commands
 *         command 1: to temp 0; a read x[n, d]; b row read g[d]; op se.mul; affine se.affine; alpha 2.0; beta 1.0; fn se.exp
 *         tile %0 in x: f16 [n0 .. n0_end, @0] room [n0_step: 8, 1] slots 2 for 0: x[n, 0]; at x[n0, 0]
 *         for n0 .. n0_end = n step n0_step over pe lockstep down {
 *             load %0 x share row @2                   @2: what it is for stands in line 2 of the kernel's file; @1:2: of file 1
 *             compute 0 y                              or: init, step, final, scan, now, correct 2 s for 0, join; by simd, by panel 0
 *         }
 *     }
 *     made knyfe softmax.knf                           the command
 *     source 98 0 98 softmax.knf                       the kernel's file: bytes; where in it the kernel begins and ends; name
 *     |kernel softmax(x: f32[N, D]) ...                its lines; other files behind it
 * A box's dimension is lo .. hi, or @lo: one place whatever the subscript is (@lo .. hi where hi is not lo + 1). A tile's room is the
 * most that a dimension can be; a tile may lie in accumulators (acc), be the tensor itself (home), or stand in panels of dimension 1
 * (panels 1 [n0_step]); behind ':' a number that it never exceeds. Reads that a tile serves are those of a statement (for
 * 2(1): the second of that text), or stand over loop variables (at). */
#include "lower/expr.h"
#include "lower/tile_text.h"
#include <inttypes.h>

typedef struct Printer {
    Out *out;
    const TileProgram *p;
    const TileStage *stage;
    const char *const *names;
    VEC(const Source *) sources;    /* of the nodes, the Kernel's first; none: the Kernel has no text of its own */
} Printer;

const char *const tile_words_over[] = {"", "pe", "row", "col", NULL};
const char *const tile_words_share[] = {"", "row", "col", NULL};
const char *const tile_words_part[] = {"compute", "init", "step", "final", "scan", "test", "now", "correct", "join", NULL};

static void expr(Printer *p, const Expr *e) { expr_print_named(e, p->names, p->p->kernel->n_indices, p->out); }

static bool is_next(Arena *a, Expr *lo, const Expr *hi) { return expr_equal(hi, lo_add(a, lo, lo_int(a, 1))); }

static void box(Printer *p, const TileBuf *b) {
    out_s(p->out, " [");
    for (int d = 0; d < b->rank; d++) {
        out_f(p->out, "%s%s", d ? ", " : "", b->point[d] ? "@" : "");
        expr(p, b->lo[d]);
        if (b->point[d] && is_next(p->out->arena, b->lo[d], b->hi[d])) continue;
        out_s(p->out, " .. ");
        expr(p, b->hi[d]);
    }
    out_s(p->out, "]");
}

/* ": 8", a bound that the expression does not show. */
static void most(Printer *p, const Expr *e, int64_t m) {
    int64_t v;
    if (m != (lo_is_int(e, &v) ? v : 0)) out_f(p->out, ": %" PRId64, m);
}

static void room(Printer *p, const TileBuf *b) {
    if (!b->rank) return;
    out_s(p->out, " room [");
    for (int d = 0; d < b->rank; d++) {
        if (d) out_s(p->out, ", ");
        expr(p, b->room[d]);
        most(p, b->room[d], b->most[d]);
    }
    out_s(p->out, "]");
}

/* --- reads: which of which statement ------------------------------------------------------------------------------------------------ */

typedef struct Reads { Arena *a; TileReads *to; } Reads;

static bool note_read(void *context, Expr *e) {
    Reads *r = context;
    if (e->kind != X_READ) return true;
    for (int i = 0; i < r->to->n; i++)
        if (expr_equal(r->to->at[i], e)) return true;
    vec_push(r->a, r->to, e);
    return true;
}

void tile_reads(Arena *a, Expr *e, TileReads *to) { expr_walk(e, note_read, &(Reads){a, to}); }

const char *tile_read_text(Arena *a, const TileProgram *p, const char *const *names, const Expr *e) {
    Out o = out_new(a);
    expr_print_named(e, names, p->kernel->n_indices, &o);
    return o.text;
}

/* As "x[n, k]", in front of it "(1) " when it is the second of the value that has that text. False: the value has no such read. */
static bool read_of(Printer *p, Expr *value, const Expr *read, const char *before) {
    Arena *a = p->out->arena;
    TileReads all = {0};
    const char *text = tile_read_text(a, p->p, p->names, read);
    int same = 0;
    tile_reads(a, value, &all);
    for (int i = 0; i < all.n; i++) {
        if (expr_equal(all.at[i], read)) {
            out_s(p->out, before);
            if (same) out_f(p->out, "(%d)", same);
            out_f(p->out, ": %s", text);
            return true;
        }
        same += !strcmp(text, tile_read_text(a, p->p, p->names, all.at[i]));
    }
    return false;
}

static void served(Printer *p, const Expr *read) {
    Arena *a = p->out->arena;
    const TileNodes *body = &p->stage->body;
    TileWork work = {0};
    tile_work(a, body, &work);
    for (int i = 0; i < work.n; i++) {
        const TileNode *n = work.at[i];
        if (n->fact ? read_of(p, n->fact->cond, read, arena_printf(a, "for fact %d", n->fact->number))
                    : read_of(p, n->stmt->value, read, arena_printf(a, "for %d", n->stmt->id))) return;
    }
    out_s(p->out, "at ");
    expr(p, read);
}

void tile_work(Arena *a, const TileNodes *body, TileWork *to) {
    for (int i = 0; i < body->n; i++) {
        TileNode *n = body->at[i];
        bool met = n->kind != TILE_COMPUTE;
        for (int j = 0; !met && j < to->n; j++) met = to->at[j]->stmt == n->stmt && to->at[j]->fact == n->fact;
        if (!met) vec_push(a, to, n);
        tile_work(a, &n->body, to);
    }
}

/* --- parts of a stage ---------------------------------------------------------------------------------------------------------------- */

static void tile(Printer *p, const TileBuf *b) {
    out_f(p->out, "tile %%%d ", b->id);
    if (b->copied_in || b->copied_out) out_f(p->out, "%s%s ", b->copied_in ? "in" : "", b->copied_out ? "out" : "");
    out_f(p->out, "%s: %s", b->name, dtype_name(b->type));
    if (b->tensor && strcmp(b->tensor->name, b->name)) out_f(p->out, " of %s", b->tensor->name);
    if (b->is_part) out_s(p->out, " part");
    else if (!b->tensor) out_f(p->out, " state %d of %d", b->state, b->state_of->id);
    if (b->from) out_f(p->out, " from %s", b->from->name);
    box(p, b);
    room(p, b);
    if (b->memory) out_s(p->out, b->memory == TILE_ACC ? " acc" : " home");
    if (b->panel) {
        out_f(p->out, " panels %d [", b->panel_dim);
        expr(p, b->panel);
        out_s(p->out, "]");
    }
    if (b->depth != 1) out_f(p->out, " slots %d", b->depth);
    if (b->core != 1) out_f(p->out, " core %d", b->core);
    for (int i = 0; i < b->reads.n; i++) {
        out_s(p->out, i ? "; " : " ");
        served(p, b->reads.at[i]);
    }
    out_s(p->out, "\n");
}

static void nodes(Printer *p, const TileNodes *body);

/* The line that a node comes from, with the number of its source before it where that is not the Kernel's. */
static void line(Printer *p, const TileNode *n) {
    int number = 0;
    if (!n->span.src || !p->sources.n) return;
    while (number < p->sources.n && p->sources.at[number] != n->span.src) number++;
    if (number == p->sources.n) return;
    if (number) out_f(p->out, " @%d:%d", number, source_place(n->span.src, n->span.lo).line);
    else out_f(p->out, " @%d", source_place(n->span.src, n->span.lo).line);
}

static void loop(Printer *p, const TileNode *n) {
    out_s(p->out, n->levels.n ? "for " : "for once");
    for (int i = 0; i < n->levels.n; i++) {
        const TileLevel *v = &n->levels.at[i];
        out_f(p->out, "%s%s .. %s = %s step ", i ? ", " : "", v->var->name, v->end->name, v->axis->name);
        if (v->step_var) out_s(p->out, v->step_var->name);
        else {
            expr(p, v->step);
            most(p, v->step, v->most);
        }
    }
    if (n->over) out_f(p->out, " over %s", tile_words_over[n->over]);
    out_f(p->out, "%s%s", n->lockstep ? " lockstep" : "", n->down ? " down" : "");
    line(p, n);
    out_s(p->out, " {\n");
    p->out->indent++;
    nodes(p, &n->body);
    p->out->indent--;
    out_s(p->out, "}\n");
}

static void copy(Printer *p, const TileNode *n) {
    out_f(p->out, "%s %%%d %s", n->kind == TILE_LOAD ? "load" : "store", n->buf->id, n->buf->name);
    if (n->share) out_f(p->out, " share %s", tile_words_share[n->share]);
    line(p, n);
    out_s(p->out, "\n");
}

/* The first node of each product. */
static void dots(Arena *a, const TileNodes *body, TileWork *to) {
    for (int i = 0; i < body->n; i++) {
        TileNode *n = body->at[i];
        bool met = !n->dot;
        for (int j = 0; !met && j < to->n; j++) met = to->at[j]->dot == n->dot;
        if (!met) vec_push(a, to, n);
        dots(a, &n->body, to);
    }
}

int tile_dot_number(Arena *a, const TileStage *s, const TileDot *dot, const TileNode **first) {
    TileWork work = {0};
    dots(a, &s->body, &work);
    for (int i = 0; i < work.n; i++) {
        *first = work.at[i];
        if (work.at[i]->dot == dot) return i;
    }
    return -1;
}

static void compute(Printer *p, const TileNode *n) {
    const TileNode *first;
    out_f(p->out, "%s ", tile_words_part[n->part]);
    if (n->fact) out_f(p->out, "fact %d", n->fact->number);
    else out_f(p->out, "%d %s", n->stmt->id, n->stmt->targets.at[0].tensor->name);
    if (n->lead) out_f(p->out, " for %d", n->lead->id);
    if (n->simd) out_s(p->out, " by simd");
    if (n->dot) out_f(p->out, " by panel %d", tile_dot_number(p->out->arena, p->stage, n->dot, &first));
    line(p, n);
    out_s(p->out, "\n");
}

static void nodes(Printer *p, const TileNodes *body) {
    for (int i = 0; i < body->n; i++) {
        const TileNode *n = body->at[i];
        if (n->kind == TILE_FOR) loop(p, n);
        else if (n->kind == TILE_COMPUTE) compute(p, n);
        else copy(p, n);
    }
}

static void steps(Printer *p, const TileNodes *body) {
    for (int i = 0; i < body->n; i++) {
        const TileNode *n = body->at[i];
        for (int v = 0; v < n->levels.n; v++) {
            const TileLevel *level = &n->levels.at[v];
            if (!level->step_var) continue;
            out_f(p->out, "let %s = ", level->step_var->name);
            expr(p, level->step);
            most(p, level->step, level->most);
            out_s(p->out, "\n");
        }
        steps(p, &n->body);
    }
}

static void row(Printer *p, const char *key, const EngineRow *r) {
    if (r) out_f(p->out, "%s %s.%s", key, r->engine, r->name);
}

static void panels(Printer *p) {
    Arena *a = p->out->arena;
    TileWork work = {0};
    dots(a, &p->stage->body, &work);
    for (int i = 0; i < work.n; i++) {
        const TileDot *d = work.at[i]->dot;
        out_f(p->out, "panel %d of %d by %s.%s: ", i, work.at[i]->stmt->id, d->row->engine, d->row->name);
        expr(p, d->a);
        out_s(p->out, "; ");
        expr(p, d->b);
        out_f(p->out, "; %s, %s, %s", d->m->name, d->n->name, d->k->name);
        row(p, "; a by", d->turn[0]);
        row(p, "; b by", d->turn[1]);
        out_s(p->out, "\n");
    }
}

/* --- commands of the elementwise engine ------------------------------------------------------------------------------------------------ */

const char *const tile_words_spread[] = {"", "row", "column", NULL};

static void arg(Printer *p, const char *key, const TileArg *a, const Stmt *s) {
    if (a->kind == TILE_ARG_NONE) return;
    out_f(p->out, "%s%s%s ", key, a->spread ? " " : "", tile_words_spread[a->spread]);
    if (a->kind == TILE_ARG_TEMP) out_f(p->out, "temp %d", a->temp);
    else if (a->kind == TILE_ARG_TARGET) out_s(p->out, "target");
    else if (a->kind == TILE_ARG_STATE && !a->temp) out_s(p->out, "state");
    else if (a->kind == TILE_ARG_STATE) out_f(p->out, "own %d", a->temp);
    else if (a->kind == TILE_ARG_LEAD) out_f(p->out, "lead %d", a->temp);
    else if (a->kind == TILE_ARG_ACC) out_s(p->out, "accumulators");
    else if (!read_of(p, s->value, a->read, "read")) {
        out_s(p->out, "at ");
        expr(p, a->read);
    }
}

static void factor(Printer *p, const char *key, const Expr *e) {
    if (!e) return;
    out_f(p->out, "; %s ", key);
    expr(p, e);
}

/* Which plan of a statement: the node's part, unless it is all of it. */
static const char *part_of(const TileNode *n) {
    static const char *const words[] = {"", " init", " step", " final", " scan", " test", " now", " correct", " join"};
    return words[n->part];
}

static void command(Printer *p, const TileCommand *c, const TileNode *n) {
    const Stmt *s = n->stmt;
    out_f(p->out, "command %d%s: ", s->id, part_of(n));
    arg(p, "to", &c->dst, s);
    arg(p, "; a", &c->a, s);
    arg(p, "; b", &c->b, s);
    row(p, "; op", c->bin);
    row(p, "; affine", c->affine);
    for (int i = 0; c->affine && i < ENGINE_SCALARS; i++)
        if (c->scalar[i]) factor(p, engine_scalar(c->affine, i), c->scalar[i]);
    row(p, "; fn", c->fn);
    row(p, "; as", c->whole);
    if (c->one_row) out_s(p->out, "; one row");
    out_s(p->out, "\n");
}

/* The first node of the stage that has the plan: a reduction's corrections share theirs. */
static const TileNode *first_with(const TileNodes *body, const TileSimd *x) {
    const TileNode *found = NULL;
    for (int i = 0; i < body->n && !found; i++) found = body->at[i]->simd == x ? body->at[i] : first_with(&body->at[i]->body, x);
    return found;
}

static void commands(Printer *p, const TileNodes *body) {
    for (int i = 0; i < body->n; i++) {
        const TileNode *n = body->at[i];
        const TileSimd *x = n->simd;
        commands(p, &n->body);
        if (!x || first_with(&p->stage->body, x) != n) continue;
        out_f(p->out, "simd %d%s:", n->stmt->id, part_of(n));
        for (int t = 0; t < x->temps; t++) out_f(p->out, "%s %%%d%s", t ? "," : "", x->temp[t]->id, x->temp_column[t] ? " column" : "");
        out_s(p->out, "\n");
        for (int c = 0; c < x->commands.n; c++) command(p, &x->commands.at[c], n);
    }
}

/* --- axes ------------------------------------------------------------------------------------------------------------------------------ */

typedef struct Along { Printer *p; const TileAxis *axis; bool any; const char *owner; } Along;

static void index_along(Along *l, const Index *i, const char *sign) {
    Printer *p = l->p;
    if (i->id >= p->p->kernel->n_indices || p->stage->axis_of[i->id] != l->axis) return;
    out_f(p->out, "%s%s%s%s", l->any ? ", " : ": ", l->owner, sign, p->names[i->id] ? p->names[i->id] : i->name);
    l->any = true;
}

static void axis(Printer *p, const TileAxis *x) {
    Arena *a = p->out->arena;
    TileWork work = {0};
    out_f(p->out, "axis %s in ", x->name);
    expr(p, x->lo);
    out_s(p->out, " .. ");
    expr(p, x->hi);
    tile_work(a, &p->stage->body, &work);
    Along l = {.p = p, .axis = x};
    for (int i = 0; i < work.n; i++) {
        const Fact *f = work.at[i]->fact;
        const Stmt *s = work.at[i]->stmt;
        l.owner = f ? arena_printf(a, "fact %d", f->number) : arena_printf(a, "%d", s->id);
        for (int j = 0; f && j < f->idx.n; j++) index_along(&l, f->idx.at[j], ".");
        for (int j = 0; s && j < s->idx.n; j++) index_along(&l, s->idx.at[j], ".");
        const Reduce *r = s && s->value->kind == X_REDUCE ? s->value->reduce : NULL;
        for (int j = 0; r && j < r->idx.n; j++) index_along(&l, r->idx.at[j], ":");
    }
    out_s(p->out, "\n");
}

static void stage(Printer *p, const TileStage *s) {
    Out *out = p->out;
    p->stage = s;
    out_f(out, "stage %s%s", s->name, s->one_core ? " one core" : "");
    if (s->when) {
        out_s(out, " when ");
        expr(p, s->when);
    }
    out_s(out, " {\n");
    out->indent++;
    for (int i = 0; i < s->axes.n; i++) axis(p, s->axes.at[i]);
    steps(p, &s->body);
    panels(p);
    for (int i = 0; i < s->bufs.n; i++) tile(p, s->bufs.at[i]);
    commands(p, &s->body);
    nodes(p, &s->body);
    out->indent--;
    out_s(out, "}\n");
}

/* --- the kernel's own text ------------------------------------------------------------------------------------------------------------- */

static void note_sources(Printer *p, const TileNodes *body) {
    for (int i = 0; i < body->n; i++) {
        const Source *s = body->at[i]->span.src;
        bool known = !s;
        for (int k = 0; k < p->sources.n; k++) known |= p->sources.at[k] == s;
        if (!known) vec_push(p->out->arena, &p->sources, s);
        note_sources(p, &body->at[i]->body);
    }
}

/* Its lines behind bars, so that no line of it is taken for one of the program. */
static void print_source(Printer *p, const Source *s, uint32_t lo, uint32_t hi) {
    const char *slash = strrchr(s->path, '/');
    out_f(p->out, "\nsource %zu %u %u ", s->size, lo, hi);
    for (const char *c = slash ? slash + 1 : s->path; *c; c++) out_n(p->out, *c == '\n' || *c == '\r' ? "?" : c, 1);
    for (size_t at = 0; at < s->size;) {
        const char *end = memchr(s->text + at, '\n', s->size - at);
        size_t n = end ? (size_t)(end - s->text) - at : s->size - at;
        out_s(p->out, "\n|");
        out_n(p->out, s->text + at, n);
        at += n + 1;
    }
    out_s(p->out, "\n");
}

/* The text of the Kernel has the tensor: a temporary whose definition went into another statement it has not. */
static bool stands_in(const Kernel *k, const Tensor *t) {
    bool found = t->role != TR_TEMP;
    for (int i = 0; i < k->stmts.n && !found; i++)
        for (int j = 0; j < k->stmts.at[i]->targets.n; j++) found |= k->stmts.at[i]->targets.at[j].tensor == t;
    return found;
}

void tile_print(const TileProgram *p, Out *out) {
    Printer x = {.out = out, .p = p, .names = kernel_index_names(p->kernel, out->arena)};
    Span own = p->kernel->span;
    if (own.src && own.hi > own.lo) {
        vec_push(out->arena, &x.sources, own.src);
        for (int i = 0; i < p->stages.n; i++) note_sources(&x, &p->stages.at[i]->body);
    }
    out_f(out, "# knyfe tile %d\n\n", TILE_VERSION);
    kernel_print(p->kernel, out);
    int n = 0;
    for (int i = 0; i < p->kernel->tensors.n; i++)
        if (stands_in(p->kernel, p->kernel->tensors.at[i])) out_f(out, "%s%s", n++ ? ", " : "\ntensors ", p->kernel->tensors.at[i]->name);
    if (n) out_s(out, "\n");
    for (int i = 0; i < p->charged.n; i++) out_f(out, "%s%s%s", i ? ", " : "charged ", p->charged.at[i]->name, i + 1 < p->charged.n ? "" : "\n");
    for (int i = 0; i < p->stages.n; i++) {
        out_s(out, "\n");
        stage(&x, p->stages.at[i]);
    }
    if (p->made) out_f(out, "\nmade %s\n", p->made);
    for (int i = 0; i < x.sources.n; i++) print_source(&x, x.sources.at[i], i ? 0 : own.lo, i ? 0 : own.hi);
}
