/* Whether the stages that were built do what the schedule asks: each directive is looked for in the Tile IR. What lowering did not
 * refuse with a reason of its own, and did not do either, is refused here. */
#include "lower/sched.h"
#include "lower/schedule_facts.h"
#include <limits.h>

typedef struct Checking { Low *l; Group g; const StageFacts *f; const Stmt *s; } Checking;

static bool computes(const StageFacts *f, const Stmt *s) {
    for (int i = 0; i < f->stmts.n; i++)
        if (f->stmts.at[i] == s) return true;
    return false;
}

static Name label(const Checking *c) { return sched_label(c->l->a, c->l->k, c->s); }

/* --- indices ---------------------------------------------------------------------------------------------------------------------- */

static void check_tile(const Checking *c, const Index *i, const ScheduleItem *x) {
    const FactLoop *loop = facts_loop(c->f, i);
    if (!loop) {
        diag_help(sched_refuse(c->l, x, "'%s' holds all of '%s' at once", label(c), i->name), "without this directive, or with: store %s in sram", label(c));
        return;
    }
    if (x->number ? loop->level->most == x->number : !loop->level->most && loop->level->step_var) return;
    int64_t step = loop->level->most;
    if (!x->number) diag_help(sched_refuse(c->l, x, "only rows of statements that are computed together are counted by what fits"), "legal is a number");
    else diag_help(sched_refuse(c->l, x, "'%s' takes blocks of %lld of '%s'", label(c), (long long)step, i->name), "legal is %lld", (long long)step);
}

static void check_place(const Checking *c, const Index *i, const ScheduleItem *x) {
    static const TileOver over[] = {TILE_PE, TILE_ROW, TILE_COL};
    const char *const words[] = {"pe", "row", "col"};
    const FactLoop *loop = facts_loop(c->f, i);
    for (int w = 0; w < 3; w++)
        if (loop && loop->loop->over == over[w] && !strcmp(words[w], x->to.text)) return;
    Diag *d = sched_refuse(c->l, x, "'%s' is a loop of '%s' that runs in each PE", i->name, label(c));
    if (c->s->idx.n) diag_help(d, "legal is: place %s -> pe", c->s->idx.at[0]->name);
}

static int name_position(const Checking *c, const ScheduleItem *x, const Index *i) {
    for (int n = 0; n < x->names.n; n++)
        if (sched_means_axis(c->l->a, c->l->k, c->s, i, x->names.at[n].text)) return n;
    return -1;
}

static void order_help(const Checking *c, Diag *d) {
    Out o = out_new(c->l->a);
    for (int n = 0; n < c->f->loops.n; n++) out_f(&o, "%s%s", n ? ", " : "", c->f->loops.at[n].axis->name);
    diag_help(d, "the loops of '%s' are: order %s", label(c), o.n ? o.text : "");
}

/* The loops that the directive names stand in its order, and before the others of their kind. */
static void check_order(const Checking *c, const ScheduleItem *x) {
    int last = -1;
    for (int n = 0; n < c->f->loops.n; n++) {
        int at = -1;
        for (int q = 0; q < sched_n_axes(c->s) && at < 0; q++)
            if (c->f->stage->axis_of[sched_axis_at(c->s, q)->id] == c->f->loops.at[n].axis) at = name_position(c, x, sched_axis_at(c->s, q));
        if (at < 0) continue;
        if (at < last) {
            order_help(c, sched_refuse(c->l, x, "the loop over '%s' stands inside that over '%s'", x->names.at[at].text, x->names.at[last].text));
            return;
        }
        last = at;
    }
}

static void check_axes(const Checking *c) {
    const ScheduleItem *x, *order = NULL;
    for (int q = 0; q < sched_n_axes(c->s); q++) {
        const Index *i = sched_axis_at(c->s, q);
        if ((x = sched_axis(c->l, S_TILE, c->s, i))) check_tile(c, i, x);
        if ((x = sched_axis(c->l, S_PLACE, c->s, i))) check_place(c, i, x);
        if ((x = sched_axis(c->l, S_ORDER, c->s, i)) && x != order) check_order(c, order = x);
    }
}

/* --- tiles ------------------------------------------------------------------------------------------------------------------------- */

static bool cuts(const Checking *c, const TileNode *loop, AName name) {
    for (int v = 0; loop && v < loop->levels.n; v++)
        for (int n = 0; n < c->f->stmts.n; n++)
            for (int q = 0; q < sched_n_axes(c->f->stmts.at[n]); q++) {
                const Index *i = sched_axis_at(c->f->stmts.at[n], q);
                if (c->f->stage->axis_of[i->id] == loop->levels.at[v].axis && sched_means_axis(c->l->a, c->l->k, c->f->stmts.at[n], i, name.text)) return true;
            }
    return false;
}

static void check_per(const Checking *c, const FactTile *t, const ScheduleItem *x) {
    if (!x->per.text || cuts(c, t->within, x->per)) return;
    Diag *d = sched_refuse(c->l, x, "a box of '%s' for one round of '%s' has no size that is known, or does not vary there", t->buf->tensor->name, x->per.text);
    if (t->within && t->within->levels.n) diag_help(d, "legal is: per %s", t->within->levels.at[t->within->levels.n - 1].axis->name);
    else diag_help(d, "legal is: keep %s in local", t->buf->tensor->name);
}

static void check_share(const Checking *c, const FactTile *t, const ScheduleItem *x, bool *found) {
    static const char *const shares[] = {"alone", "multicast row", "multicast col"};
    if (x->share < 0 || t->copy->share == (TileShare)x->share) {
        *found = true;
        return;
    }
    if (*found) return;
    diag_help(sched_refuse(c->l, x, "the PEs of a %s do not use the same boxes of '%s'", x->share == TILE_SHARE_COL ? "column" : "row", t->buf->tensor->name), "legal is: %s", shares[t->copy->share]);
}

static void check_load(const Checking *c, const FactTile *t) {
    const Tensor *tensor = t->buf->tensor;
    const ScheduleItem *stage = sched_tensor(c->l, S_STAGE, c->g, tensor), *keep = sched_tensor(c->l, S_KEEP, c->g, tensor), *slots = sched_slots_item(c->l, c->g, tensor);
    bool shared = false;
    for (int i = 0; i < c->f->loads.n && stage; i++) shared |= c->f->loads.at[i].buf->tensor == tensor && c->f->loads.at[i].copy->share == (TileShare)stage->share;
    if (stage && strcmp(stage->to.text, "local")) {
        diag_help(sched_refuse(c->l, stage, "a stage copies into the memory of the PE"), "legal is: stage %s in local", tensor->name);
        return;
    }
    if (keep && strcmp(keep->to.text, "local")) {
        bool near = !strcmp(keep->to.text, "sram");
        if (!near) diag_help(sched_refuse(c->l, keep, "where a tensor lives outside of the PEs is said when the program is run"), "legal is: keep %s in local; or run with --home %s=%s", tensor->name, tensor->name, keep->to.text);
        else if (!t->buf->from) diag_help(sched_refuse(c->l, keep, "only an input that is a factor of a sum on the engine of panels is brought there"), "legal is: keep %s in local; or run with --home %s=sram", tensor->name, tensor->name);
        keep = NULL;
        if (!near) return;
    }
    if (stage && t->buf->core) check_per(c, t, stage);
    if (stage) check_share(c, t, stage, &shared);
    if (keep && t->within) diag_help(sched_refuse(c->l, keep, "all of '%s' that a PE uses has no size that is known, or does not fit", tensor->name), "legal is: stage %s in local per %s", tensor->name,
                                     t->within->levels.n ? t->within->levels.at[t->within->levels.n - 1].axis->name : "a loop");
    if (slots && slots->names.n && t->buf->depth != (int)slots->number) diag_help(sched_refuse(c->l, slots, "'%s' is loaded once, and stays", tensor->name), "legal is: buffers %s %d", tensor->name, t->buf->depth);
}

static void check_tiles(const Checking *c) {
    SchedTensors mine = {0};
    sched_tensors(c->l, c->s, &mine);
    for (int i = 0; i < c->f->loads.n; i++)
        for (int m = 0; m < mine.n; m++)
            if (mine.at[m] == c->f->loads.at[i].buf->tensor) {
                check_load(c, &c->f->loads.at[i]);
                break;
            }
    for (int m = 0; m < mine.n; m++) {
        const ScheduleItem *x = sched_tensor(c->l, S_STAGE, c->g, mine.at[m]);
        bool copied = false;
        if (!x) x = sched_tensor(c->l, S_KEEP, c->g, mine.at[m]);
        for (int i = 0; i < c->f->loads.n; i++) copied |= c->f->loads.at[i].buf->tensor == mine.at[m];
        if (!x || copied) continue;
        diag_help(sched_refuse(c->l, x, "'%s' is not loaded for '%s': it is made there, or read element by element", mine.at[m]->name, label(c)), "without this directive");
    }
    for (int i = 0; i < c->f->stores.n; i++) {
        const TileBuf *b = c->f->stores.at[i].buf;
        const ScheduleItem *x = sched_slots_item(c->l, c->g, b->tensor);
        if (x && x->names.n && b->depth != (int)x->number) diag_help(sched_refuse(c->l, x, "'%s' is read in the PE as well", b->tensor->name), "legal is: buffers %s %d", b->tensor->name, b->depth);
    }
}

/* --- statements --------------------------------------------------------------------------------------------------------------------- */

static void check_engine(const Checking *c) {
    const ScheduleItem *x = sched_stmt(c->l, S_ENGINE, (Group){c->s->id, 1});
    bool any = false;
    if (!x) return;
    const char *engine = facts_engine(c->f, c->s);
    for (int i = 0; i < c->f->dots.n; i++) any |= sched_means_stmt(c->l->a, c->l->k, c->f->dots.at[i], x->names.at[0].text);
    bool block = sched_is_block(c->l, x->to.text);
    if (!strcmp(x->to.text, engine) || (block && any)) return;
    if (block) diag_help(sched_refuse(c->l, x, "'%s' is no sum of products that the engine of panels takes", label(c)), "legal is: engine %s %s", label(c), engine);
    else if (!strcmp(x->to.text, "simd")) diag_help(sched_refuse(c->l, x, "the elementwise engine takes statements that are computed together from rows in local memory, where it has all their operators"), "legal is: engine %s %s", label(c), engine);
    else diag_help(sched_refuse(c->l, x, "'%s' runs on: %s", label(c), engine), "legal is: engine %s %s", label(c), engine);
}

static void check_group(const Checking *c) {
    Arena *a = c->l->a;
    const ScheduleItem *fuse = sched_stmt(c->l, S_FUSE, (Group){c->s->id, 1}), *store = sched_stmt(c->l, S_STORE, (Group){c->s->id, 1});
    bool found = false;
    for (int i = 0; i < c->f->stmts.n && fuse; i++) found |= sched_means_stmt(a, c->l->k, c->f->stmts.at[i], fuse->to.text);
    if (fuse && !found) diag_help(sched_refuse(c->l, fuse, "'%s' and '%s' can't be computed together here", label(c), fuse->to.text), "legal is: store %s in sram", label(c));
    if (store && strcmp(store->to.text, "sram"))
        diag_help(sched_refuse(c->l, store, "a temporary lives in the memory that the PEs share"), "legal is: store %s in sram", label(c));
    else if (store && c->f->stmts.at[c->f->stmts.n - 1] != c->s) sched_refuse(c->l, store, "'%s' is computed with what follows it", label(c));
}

void sched_check(Low *l, Group g, int from) {
    int end = l->sched->fallback < l->p->stages.n ? l->sched->fallback : l->p->stages.n;
    if (!l->sched->s) return;
    for (int i = from; i < end; i++) {
        const StageFacts *f = stage_facts(l->p->stages.at[i], l->a);
        for (int s = g.first; s < g.first + g.n; s++) {
            Checking c = {l, g, f, l->k->stmts.at[s]};
            if (!computes(f, c.s)) continue;
            check_axes(&c);
            check_tiles(&c);
            check_engine(&c);
            check_group(&c);
        }
    }
}
