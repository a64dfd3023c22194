/* The complete schedule of a program, read off its stages. */
#include "lower/sched.h"
#include "lower/schedule_facts.h"

typedef struct Printer {
    Arena *a;
    Out *out;
    const TileProgram *p;
    const Kernel *k;
    const StageFacts *f;
    bool full;              /* full names: the statements have several variants */
} Printer;

/* --- names ------------------------------------------------------------------------------------------------------------------------- */

static bool computed_here(const Printer *p, const Stmt *s) {
    for (int i = 0; i < p->f->stmts.n; i++)
        if (p->f->stmts.at[i] == s) return true;
    return false;
}

/* Names that the checker or lowering gave: no part of the kernel's text. */
static bool is_made_up(Name name) { return !strcmp(name, "part") || ((*name == 'i' || *name == 'u') && name[1] && strspn(name + 1, "0123456789") == strlen(name + 1)); }

/* The bare name means this axis of these statements, and nothing else. */
static bool bare_axis(const Printer *p, const Stmt *s, const Index *i) {
    Name name = sched_axis_label(p->a, s, i);
    if (p->full || name != i->name || sched_is_derived(p->a, s->targets.at[0].tensor->name) || is_made_up(name)) return false;
    for (int n = 0; n < p->k->stmts.n; n++) {
        const Stmt *o = p->k->stmts.at[n];
        for (int q = 0; q < sched_n_axes(o); q++) {
            const Index *x = sched_axis_at(o, q);
            if (strcmp(sched_axis_label(p->a, o, x), name)) continue;
            if (!computed_here(p, o) || p->f->stage->axis_of[x->id] != p->f->stage->axis_of[i->id]) return false;
        }
    }
    return true;
}

static Name axis_name(const Printer *p, const TileAxis *axis) {
    for (int n = p->f->stmts.n; n-- > 0;) {
        const Stmt *s = p->f->stmts.at[n];
        for (int q = 0; q < sched_n_axes(s); q++) {
            const Index *i = sched_axis_at(s, q);
            if (p->f->stage->axis_of[i->id] != axis) continue;
            Name name = sched_axis_label(p->a, s, i);
            return bare_axis(p, s, i) ? name : arena_printf(p->a, "%s.%s", sched_label(p->a, p->k, s), name);
        }
    }
    for (int q = 0; p->f->fact && q < p->f->fact->idx.n; q++)
        if (p->f->stage->axis_of[p->f->fact->idx.at[q]->id] == axis) return arena_printf(p->a, "%s.%s", sched_fact_label(p->a, p->f->fact), p->f->fact->idx.at[q]->name);
    return NULL;
}

static bool touches(const Printer *p, const Stmt *s, const Tensor *t) {
    SchedTensors all = {0};
    Low l = {.a = p->a};
    sched_tensors(&l, s, &all);
    for (int i = 0; i < all.n; i++)
        if (all.at[i] == t) return true;
    return false;
}

static Name tensor_name(const Printer *p, const Tensor *t) {
    bool bare = !p->full;
    const Stmt *by = NULL;
    for (int n = 0; n < p->k->stmts.n; n++) {
        const Stmt *s = p->k->stmts.at[n];
        if (!touches(p, s, t)) continue;
        if (computed_here(p, s)) by = s;
        else bare = false;
    }
    return bare || !by ? t->name : arena_printf(p->a, "%s.%s", sched_label(p->a, p->k, by), t->name);
}

/* --- directives of a stage ----------------------------------------------------------------------------------------------------------- */

static Name stmt_name(const Printer *p, const Stmt *s) { return sched_label(p->a, p->k, s); }

static void print_group(const Printer *p) {
    int n = p->f->stmts.n;
    const Stmt *last = p->f->stmts.at[n - 1];
    if (n == 1) {
        if (last != p->k->stmts.at[p->k->stmts.n - 1]) out_f(p->out, "store %s in sram\n", stmt_name(p, last));
        return;
    }
    out_f(p->out, "fuse %s", n > 2 ? "(" : "");
    for (int i = 0; i + 1 < n; i++) out_f(p->out, "%s%s", i ? ", " : "", stmt_name(p, p->f->stmts.at[i]));
    out_f(p->out, "%s into %s\n", n > 2 ? ")" : "", stmt_name(p, last));
}

static void print_engines(const Printer *p) {
    for (int i = 0; i < p->f->stmts.n; i++) out_f(p->out, "%s%s %s", i ? ", " : "engine ", stmt_name(p, p->f->stmts.at[i]), facts_engine(p->f, p->f->stmts.at[i]));
    out_s(p->out, "\n");
}

static void print_places(const Printer *p) {
    static const char *const words[] = {[TILE_PE] = "pe", [TILE_ROW] = "row", [TILE_COL] = "col"};
    int n = 0;
    for (int i = 0; i < p->f->loops.n;) {
        const TileNode *loop = p->f->loops.at[i].loop;
        int end = i;
        while (end < p->f->loops.n && p->f->loops.at[end].loop == loop) end++;
        if (loop->over != TILE_SEQ) {
            out_s(p->out, n++ ? ", " : "place ");
            if (end - i > 1) out_s(p->out, "(");
            for (int q = i; q < end; q++) out_f(p->out, "%s%s", q > i ? ", " : "", axis_name(p, p->f->loops.at[q].axis));
            out_f(p->out, "%s -> %s", end - i > 1 ? ")" : "", words[loop->over]);
        }
        i = end;
    }
    if (n) out_s(p->out, "\n");
}

static void print_blocks(const Printer *p) {
    for (int i = 0; i < p->f->loops.n; i++) {
        const TileLevel *v = p->f->loops.at[i].level;
        out_f(p->out, "%s%s ", i ? ", " : "tile ", axis_name(p, v->axis));
        if (v->most) out_f(p->out, "%lld", (long long)v->most);
        else out_s(p->out, "fit");
    }
    if (p->f->loops.n) out_s(p->out, "\n");
}

static void print_order(const Printer *p) {
    for (int i = 0; i < p->f->loops.n && p->f->loops.n > 1; i++) out_f(p->out, "%s%s", i ? ", " : "order ", axis_name(p, p->f->loops.at[i].axis));
    if (p->f->loops.n > 1) out_s(p->out, "\n");
}

/* The axis of the innermost level of a loop. */
static const TileAxis *inner_axis(const TileNode *loop) { return loop && loop->levels.n ? loop->levels.at[loop->levels.n - 1].axis : NULL; }

/* What all copies of a tensor have in common. */
typedef struct Staged { const TileAxis *per; bool kept, near, same_per; int slots, share; } Staged;

static Staged staged(const Printer *p, const Tensor *t) {
    Staged s = {.kept = true, .same_per = true, .slots = -1, .share = -1};
    bool first = true;
    for (int i = 0; i < p->f->loads.n; i++) {
        const FactTile *x = &p->f->loads.at[i];
        if (x->buf->tensor != t) continue;
        s.kept &= !x->within;
        s.near |= x->buf->from != NULL;
        const TileAxis *per = inner_axis(x->within);
        s.same_per &= first || per == s.per;
        s.per = per;
        s.slots = first || s.slots == x->buf->depth ? x->buf->depth : 0;
        s.share = first || s.share == (int)x->copy->share ? (int)x->copy->share : -2;
        first = false;
    }
    return s;
}

static void print_load(const Printer *p, const Tensor *t) {
    Staged s = staged(p, t);
    Name name = tensor_name(p, t);
    bool operand = p->f->dot && (p->f->dot->a->tensor == t || p->f->dot->b->tensor == t);
    if (s.near) out_f(p->out, "keep %s in sram\n", name);
    if (s.kept) {
        out_f(p->out, "keep %s in local\n", name);
        if (s.slots) out_f(p->out, "buffers %s %d\n", name, s.slots);
        return;
    }
    out_f(p->out, "stage %s in local", name);
    if (s.same_per && s.per) out_f(p->out, " per %s", axis_name(p, s.per));
    if (s.slots) out_f(p->out, " buffers %d", s.slots);
    if (s.share > TILE_ALONE) out_f(p->out, " multicast %s", s.share == TILE_SHARE_ROW ? "row" : "col");
    else if (s.share == TILE_ALONE && operand) out_s(p->out, " alone");
    out_s(p->out, "\n");
}

static void print_tiles(const Printer *p) {
    for (int i = 0; i < p->f->loads.n; i++) {
        bool seen = false;
        for (int q = 0; q < i; q++) seen |= p->f->loads.at[q].buf->tensor == p->f->loads.at[i].buf->tensor;
        if (!seen) print_load(p, p->f->loads.at[i].buf->tensor);
    }
    for (int i = 0; i < p->f->stores.n; i++) {
        const TileBuf *b = p->f->stores.at[i].buf;
        bool loaded = false;
        for (int q = 0; q < p->f->loads.n; q++) loaded |= p->f->loads.at[q].buf->tensor == b->tensor;
        if (!loaded) out_f(p->out, "buffers %s %d\n", tensor_name(p, b->tensor), b->depth);
    }
}

static void print_stage(Printer *p, const TileStage *s) {
    p->f = stage_facts(s, p->a);
    if (!p->f->stmts.n) {
        print_blocks(p);
        return;
    }
    print_group(p);
    print_engines(p);
    print_places(p);
    print_blocks(p);
    print_order(p);
    print_tiles(p);
}

/* --- parts of reductions --------------------------------------------------------------------------------------------------------------- */

static void print_splits(const Printer *p) {
    const Stmt *part = NULL;
    for (int n = 0; n < p->k->stmts.n; n++) {
        const Stmt *s = p->k->stmts.at[n];
        Name name = s->targets.at[0].tensor->name;
        bool derived = sched_is_derived(p->a, name);
        if (derived && s->idx.n == 1 && !strcmp(s->idx.at[0]->name, "part") && low_reduce(s)) part = s;
        if (derived || s->idx.n) continue;
        const Reduce *r = part ? low_reduce(part) : split_is_possible(s) ? low_reduce(s) : NULL;
        if (!r) continue;
        out_f(p->out, "split %s.%s -> pe ", stmt_name(p, s), r->idx.at[0]->name);
        if (part) expr_print(part->idx.at[0]->hi, p->out);
        else out_s(p->out, "1");
        out_s(p->out, "\n");
        part = NULL;
    }
}

/* --- variants --------------------------------------------------------------------------------------------------------------------------- */

/* The stage copies an input into nearer memory, for the one behind it. */
static bool brings_near(const TileProgram *t, int stage) {
    const Expr *when = t->stages.at[stage]->when;
    for (int i = stage + 1; i < t->stages.n; i++) {
        const Expr *other = t->stages.at[i]->when;
        if (other != when && (!other || !when || !expr_equal(other, when))) break;
        for (int b = 0; b < t->stages.at[i]->bufs.n; b++) {
            const Tensor *from = t->stages.at[i]->bufs.at[b]->from;
            for (int o = 0; from && o < t->stages.at[stage]->bufs.n; o++)
                if (t->stages.at[stage]->bufs.at[o]->tensor == from) return true;
        }
    }
    return false;
}

static bool begins_with(const TileProgram *p, int stage, const Stmt *s, Arena *a) {
    const StageFacts *f = stage_facts(p->stages.at[stage], a);
    return f->stmts.n && f->stmts.at[0] == s;
}

/* The guard of a case, without that no earlier one held; NULL: of the last. */
static const Expr *own_guard(const TileStage *s, bool first, bool last) {
    if (last) return NULL;
    return first ? s->when : s->when->args.at[1];
}

/* Stages `from` .. the end of a region: cases begin where its first statement is computed again. Returns the end. */
static int print_region(Printer *p, int from) {
    const TileProgram *t = p->p;
    VEC(int) begins = {0};
    int end = from + 1, main = from;
    if (!t->stages.at[from]->when) {
        p->full = false;
        print_stage(p, t->stages.at[from]);
        return end;
    }
    while (main + 1 < t->stages.n && brings_near(t, main)) main++;
    const StageFacts *f = stage_facts(t->stages.at[main], p->a);
    vec_push(p->a, &begins, from);
    for (; end < t->stages.n && t->stages.at[end]->when; end++) {
        bool same = expr_equal(t->stages.at[end]->when, t->stages.at[begins.at[begins.n - 1]]->when);
        if (same) continue;
        int of = end;
        while (of + 1 < t->stages.n && brings_near(t, of)) of++;
        if (!begins_with(t, of, f->stmts.at[0], p->a)) break;
        vec_push(p->a, &begins, end);
    }
    vec_push(p->a, &begins, end);
    p->full = true;
    for (int c = 0; c + 1 < begins.n; c++) {
        const Expr *guard = own_guard(t->stages.at[begins.at[c]], c == 0, c + 2 == begins.n);
        if (guard) {
            out_s(p->out, "when ");
            expr_print(guard, p->out);
            out_s(p->out, " {\n");
            p->out->indent++;
        }
        for (int s = begins.at[c]; s < begins.at[c + 1]; s++) print_stage(p, t->stages.at[s]);
        if (!guard) continue;
        p->out->indent--;
        out_s(p->out, "}\n");
    }
    return end;
}

void schedule_print(const TileProgram *t, const char *machine, Arena *a, Out *out) {
    Printer p = {.a = a, .out = out, .p = t, .k = t->kernel};
    out_f(out, "schedule auto for %s%s%s {\n", t->kernel->name, machine ? " on " : "", machine ? machine : "");
    out->indent++;
    print_splits(&p);
    for (int i = 0; i < t->stages.n;) i = print_region(&p, i);
    out->indent--;
    out_s(out, "}\n");
}
