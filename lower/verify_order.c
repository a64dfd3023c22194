/* Which stages run: each statement in exactly one of those that hold it, whatever the dims are; and what a stage reads was stored by
 * an earlier one. Guards are formulas over comparisons; all truth values of the comparisons are tried. */
#include "lower/verify_impl.h"

enum { ATOMS_MAX = 8 };

/* A comparison x <= y or x < y; x > y and x >= y are their negations. */
typedef struct Atom { Expr *x, *y; bool strict; } Atom;
typedef struct Atoms { Atom at[ATOMS_MAX]; int n; bool too_many; } Atoms;

static Atom atom_of(const Expr *e, bool *negated) {
    Expr *x = e->args.at[0], *y = e->args.at[1];
    *negated = e->op == OP_GT || e->op == OP_GE;
    return (Atom){x, y, e->op == OP_LT || e->op == OP_GE};
}

static bool is_comparison(const Expr *e) { return e->kind == X_OP && (e->op == OP_LE || e->op == OP_LT || e->op == OP_GT || e->op == OP_GE); }

static int number_of(const Atoms *a, Atom x) {
    for (int i = 0; i < a->n; i++)
        if (a->at[i].strict == x.strict && expr_equal(a->at[i].x, x.x) && expr_equal(a->at[i].y, x.y)) return i;
    return -1;
}

static void gather(Atoms *a, const Expr *e) {
    bool negated;
    if (!e) return;
    if (is_comparison(e)) {
        Atom x = atom_of(e, &negated);
        if (number_of(a, x) >= 0) return;
        if (a->n == ATOMS_MAX) a->too_many = true;
        else a->at[a->n++] = x;
        return;
    }
    bool joined = e->kind == X_OP && (e->op == OP_AND || e->op == OP_OR || e->op == OP_NOT);
    for (int i = 0; joined && i < e->args.n; i++) gather(a, e->args.at[i]);
    if (!joined && !(e->kind == X_LIT && e->type == DT_BOOL)) a->too_many = true;
}

static bool holds(const Atoms *a, unsigned truth, const Expr *e) {
    bool negated;
    if (!e) return true;
    if (is_comparison(e)) return (truth >> number_of(a, atom_of(e, &negated)) & 1) != negated;
    if (e->kind == X_LIT) return e->lit_i != 0;
    if (e->op == OP_NOT) return !holds(a, truth, e->args.at[0]);
    bool x = holds(a, truth, e->args.at[0]), y = holds(a, truth, e->args.at[1]);
    return e->op == OP_AND ? x && y : x || y;
}

bool verify_compatible(Verify *v, const TileStage *x, const TileStage *y) {
    (void)v;
    Atoms a = {.n = 0};
    gather(&a, x->when);
    gather(&a, y->when);
    if (a.too_many) return true;
    for (unsigned truth = 0; truth < 1u << a.n; truth++)
        if (holds(&a, truth, x->when) && holds(&a, truth, y->when)) return true;
    return false;
}

/* --- every statement once ------------------------------------------------------------------------------------------------------------- */

typedef VEC(const TileStage *) Stages;

static bool is_in(const TileNodes *body, const Stmt *s, const Fact *f) {
    for (int i = 0; i < body->n; i++) {
        const TileNode *n = body->at[i];
        if (n->kind == TILE_COMPUTE && n->stmt == s && n->fact == f) return true;
        if (is_in(&n->body, s, f)) return true;
    }
    return false;
}

static Stages stages_of(Verify *v, const Stmt *s, const Fact *f) {
    Stages all = {0};
    for (int i = 0; i < v->p->stages.n; i++)
        if (is_in(&v->p->stages.at[i]->body, s, f)) vec_push(v->a, &all, v->p->stages.at[i]);
    return all;
}

static bool exactly_one(Verify *v, const Stages *all, const char *what) {
    Atoms a = {.n = 0};
    if (!all->n) return verify_fault(v, "%s is in no stage", what);
    for (int i = 0; i < all->n; i++) gather(&a, all->at[i]->when);
    if (a.too_many) return verify_fault(v, "the guards of the stages of %s are too involved to tell that one of them holds", what);
    for (unsigned truth = 0; truth < 1u << a.n; truth++) {
        int n = 0;
        for (int i = 0; i < all->n; i++) n += holds(&a, truth, all->at[i]->when);
        if (n != 1) return verify_fault(v, "%s runs %s where %s", what, n ? "more than once" : "nowhere", verify_text(v, all->at[0]->when));
    }
    v->report->structural++;
    return true;
}

static bool once_at_most(Verify *v, const Stages *all, const Stmt *s) {
    for (int i = 0; i < all->n; i++)
        for (int j = 0; j < i; j++)
            if (verify_compatible(v, all->at[i], all->at[j])) return verify_fault(v, "statement %d (%s) runs more than once", s->id, s->targets.at[0].tensor->name);
    return true;
}

static bool stores_anything(const TileNodes *body) {
    for (int i = 0; i < body->n; i++)
        if (body->at[i]->kind == TILE_STORE || stores_anything(&body->at[i]->body)) return true;
    return false;
}

static bool facts_of(Verify *v, const TileNodes *body, int *last) {
    for (int i = 0; i < body->n; i++) {
        const Fact *f = body->at[i]->fact;
        if (f && f->number <= *last) return verify_fault(v, "fact %d is tested behind fact %d", f->number, *last);
        if (f) *last = f->number;
        if (!facts_of(v, &body->at[i]->body, last)) return false;
    }
    return true;
}

/* Facts are tested in order, before anything is written. */
static bool facts_first(Verify *v) {
    int last = 0;
    bool stored = false;
    for (int i = 0; i < v->p->stages.n; i++) {
        const TileNodes *body = &v->p->stages.at[i]->body;
        int before = last;
        if (!facts_of(v, body, &last)) return false;
        if (stored && last != before) return verify_fault(v, "fact %d is tested when something has been written", last);
        stored |= stores_anything(body);
    }
    return true;
}

/* --- copies in nearer memory ------------------------------------------------------------------------------------------------------------- */

static bool is_zero(const Expr *e) {
    int64_t n;
    return lo_is_int(e, &n) && n == 0;
}

/* The statement that makes t, and nothing else does: all of another tensor, element by element. NULL: there is none. */
static const Stmt *copy_of_all(const Kernel *k, const Tensor *t, const Tensor *of) {
    const Stmt *s = NULL;
    for (int i = 0; i < k->stmts.n; i++)
        for (int j = 0; j < k->stmts.at[i]->targets.n; j++) {
            if (k->stmts.at[i]->targets.at[j].tensor != t) continue;
            if (s) return NULL;
            s = k->stmts.at[i];
        }
    if (!s || s->targets.n != 1 || t->type != of->type || t->rank != of->rank || s->idx.n != t->rank) return NULL;
    if (s->value->kind != X_READ || s->value->mode != READ_PLAIN || s->value->tensor != of) return NULL;
    for (int d = 0; d < t->rank; d++) {
        const Index *i = s->idx.at[d];
        bool whole = is_zero(i->lo) && expr_equal(i->hi, of->shape[d]) && expr_equal(t->shape[d], of->shape[d]);
        if (!whole || !expr_is_index(s->value->args.at[d], i) || !expr_is_index(s->targets.at[0].subs.at[d], i)) return NULL;
    }
    return s;
}

static bool is_read(Verify *v, const Tensor *t) {
    for (int i = 0; i < v->p->kernel->stmts.n; i++) {
        TileReads reads = {0};
        tile_reads(v->a, v->p->kernel->stmts.at[i]->value, &reads);
        for (int r = 0; r < reads.n; r++)
            if (reads.at[r]->tensor == t) return true;
    }
    return false;
}

static bool same_guard(const Expr *x, const Expr *y) { return x == y || (x && y && expr_equal(x, y)); }

/* What stage number `stage` loads in place of an input is a copy of it, which no statement reads by its name, made by an earlier stage
 * with the same guard. */
static bool copied_before(Verify *v, int stage, const TileBuf *b) {
    const TileStage *me = v->p->stages.at[stage];
    const Stmt *s = b->tensor && b->tensor->role == TR_INPUT ? copy_of_all(v->p->kernel, b->from, b->tensor) : NULL;
    if (!s || !b->copied_in || b->copied_out || is_read(v, b->from)) return verify_fault(v, "%s is no copy of %s", b->from->name, b->name);
    for (int i = 0; i < stage; i++)
        if (same_guard(v->p->stages.at[i]->when, me->when) && is_in(&v->p->stages.at[i]->body, s, NULL)) return true;
    return verify_fault(v, "stage %s loads %s, which no stage makes before", me->name, b->from->name);
}

static bool near_copies(Verify *v) {
    for (int i = 0; i < v->p->stages.n; i++)
        for (int b = 0; b < v->p->stages.at[i]->bufs.n; b++)
            if (v->p->stages.at[i]->bufs.at[b]->from && !copied_before(v, i, v->p->stages.at[i]->bufs.at[b])) return false;
    return true;
}

/* The statement makes nothing that is read by name: only stages that load it in the place of something else need it. */
static bool is_near_copy(const Verify *v, const Stmt *s) {
    for (int i = 0; i < v->p->stages.n; i++)
        for (int b = 0; b < v->p->stages.at[i]->bufs.n; b++) {
            const TileBuf *x = v->p->stages.at[i]->bufs.at[b];
            if (x->from && x->from == s->targets.at[0].tensor) return true;
        }
    return false;
}

bool verify_guards(Verify *v) {
    if (!facts_first(v)) return false;
    const Kernel *k = v->p->kernel;
    for (int i = 0; i < v->p->stages.n; i++)
        if (v->p->stages.at[i]->when && !affine_dims_only(v->p->stages.at[i]->when)) return verify_fault(v, "the guard of stage %s is not over dims", v->p->stages.at[i]->name);
    if (!near_copies(v)) return false;
    for (int i = 0; i < k->stmts.n; i++) {
        Stages all = stages_of(v, k->stmts.at[i], NULL);
        if (is_near_copy(v, k->stmts.at[i]) ? !once_at_most(v, &all, k->stmts.at[i]) : !exactly_one(v, &all, arena_printf(v->a, "statement %d (%s)", i, k->stmts.at[i]->targets.at[0].tensor->name))) return false;
    }
    for (int i = 0; i < k->facts.n; i++) {
        Stages all = stages_of(v, NULL, &k->facts.at[i]);
        if (k->facts.at[i].number > 0 && !exactly_one(v, &all, arena_printf(v->a, "fact %d", k->facts.at[i].number))) return false;
    }
    return true;
}

/* --- what was stored before ------------------------------------------------------------------------------------------------------------- */

static bool stores(const TileNodes *body, const Tensor *t) {
    for (int i = 0; i < body->n; i++)
        if ((body->at[i]->kind == TILE_STORE && body->at[i]->buf->tensor == t) || stores(&body->at[i]->body, t)) return true;
    return false;
}

static bool defines(const Stmt *s, const Tensor *t) {
    for (int i = 0; i < s->targets.n; i++)
        if (s->targets.at[i].tensor == t) return true;
    return false;
}

/* Every statement that defines the tensor is, in each stage of it that may run along with this one, stored before. */
static bool stored_before(Verify *v, int stage, const Tensor *t, const char *what) {
    const Kernel *k = v->p->kernel;
    if (t->role == TR_INPUT) return true;
    for (int i = 0; i < k->stmts.n; i++) {
        if (!defines(k->stmts.at[i], t)) continue;
        for (int j = 0; j < v->p->stages.n; j++) {
            const TileStage *x = v->p->stages.at[j];
            if (!is_in(&x->body, k->stmts.at[i], NULL) || !verify_compatible(v, x, v->s)) continue;
            if (j >= stage) return verify_fault(v, "%s reads %s, which is computed later", what, t->name);
            if (!stores(&x->body, t)) return verify_fault(v, "%s reads %s, which stage %s does not store", what, t->name, x->name);
        }
    }
    return true;
}

static bool made_here(const Verify *v, const Tensor *t) {
    for (int i = 0; i < v->places.n; i++)
        if (v->places.at[i]->n->kind == TILE_COMPUTE && v->places.at[i]->n->stmt && defines(v->places.at[i]->n->stmt, t)) return true;
    return false;
}

bool verify_order(Verify *v) {
    int stage = 0;
    while (v->p->stages.at[stage] != v->s) stage++;
    for (int i = 0; i < v->places.n; i++) {
        const TileNode *n = v->places.at[i]->n;
        if (n->kind == TILE_LOAD && !stored_before(v, stage, n->buf->tensor, "a load")) return false;
        if (n->kind == TILE_LOAD && stores(&v->s->body, n->buf->tensor)) return verify_fault(v, "%s is loaded in the stage that stores it", n->buf->tensor->name);
        if (n->kind != TILE_COMPUTE) continue;
        TileReads reads = {0};
        tile_reads(v->a, verify_work(n).value, &reads);
        for (int r = 0; r < reads.n; r++)
            if (!made_here(v, reads.at[r]->tensor) && !stored_before(v, stage, reads.at[r]->tensor, "a computation")) return false;
    }
    const Kernel *k = v->p->kernel;
    for (int i = 0; i < k->outputs.n; i++)
        if (made_here(v, k->outputs.at[i]) && !stores(&v->s->body, k->outputs.at[i])) return verify_fault(v, "the output %s is not stored", k->outputs.at[i]->name);
    return true;
}
