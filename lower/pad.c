/* Zeros around an operand, for the engine of panels: it reads boxes, and knows no outside. So a factor that is read with `pad 0`
 * gets a temporary with the zeros in it,
 *     x.pad[u, ..] = x[u + lo, ..] pad 0
 * which lies in shared memory: one copy of x, instead of a sum on the vector core. */
#include "lower/access.h"
#include "lower/sched.h"

typedef struct Pad { Low *l; const Stmt *s; Expr *read; Tensor *t; Expr **lo; } Pad;

static Expr *read_under(Expr *e) {
    while (e->kind == X_CONVERT) e = e->args.at[0];
    return e->kind == X_READ ? e : NULL;
}

static bool is_zero(const Expr *e) { return e->kind == X_LIT && (dtype_table[e->type].kind == DK_FLOAT ? e->lit_f == 0 : e->lit_i == 0); }

/* The box of all subscripts, over dims. */
static bool box(Pad *p, Expr **hi) {
    Low *l = p->l;
    const Reduce *r = low_reduce(p->s);
    Path none = {.n = 0};
    bool fine = true;
    l->p->n_indices = l->k->n_indices;
    stage_open(l, "pad");
    for (int i = 0; i < p->s->idx.n; i++) stage_axis(l, p->s->idx.at[i], p->s->idx.at[i]->lo, p->s->idx.at[i]->hi);
    for (int i = 0; i < r->idx.n; i++) stage_axis(l, r->idx.at[i], r->idx.at[i]->lo, r->idx.at[i]->hi);
    for (int d = 0; d < p->read->args.n && fine; d++) {
        Hull h;
        fine = hull_of(l, &none, p->read->args.at[d], &h);
        p->lo[d] = fine ? h.lo : NULL;
        hi[d] = fine ? h.hi : NULL;
    }
    l->p->stages.n--;
    return fine;
}

static bool pad_one(Low *l, Stmt *s, Expr *read) {
    Arena *a = l->a;
    int rank = read->tensor->rank;
    Expr **hi = NEW_ARRAY(a, Expr *, rank + 1);
    Pad p = {l, s, read, NULL, NEW_ARRAY(a, Expr *, rank + 1)};
    if (!box(&p, hi)) return false;
    Tensor *t = NEW(a, Tensor);
    *t = (Tensor){.name = arena_printf(a, "%s.pad%d", read->tensor->name, l->k->tensors.n), .id = l->k->tensors.n, .role = TR_TEMP, .type = read->type, .rank = rank, .span = read->span};
    t->shape = NEW_ARRAY(a, Expr *, rank + 1);
    Expr *value = NEW(a, Expr);
    *value = *read;
    memset(&value->args, 0, sizeof value->args);
    Stmt *fill = NEW(a, Stmt);
    fill->span = s->span;
    Target to = {.tensor = t, .span = read->span};
    for (int d = 0; d < rank; d++) {
        t->shape[d] = lo_sub(a, hi[d], p.lo[d]);
        Index *u = NEW(a, Index);
        *u = (Index){arena_printf(a, "u%d", d), l->k->n_indices++, lo_int(a, 0), t->shape[d], read->span};
        vec_push(a, &fill->idx, u);
        vec_push(a, &to.subs, lo_index(a, u));
        vec_push(a, &value->args, lo_add(a, lo_index(a, u), p.lo[d]));
        read->args.at[d] = lo_sub(a, read->args.at[d], p.lo[d]);
    }
    fill->value = value;
    vec_push(a, &fill->targets, to);
    vec_push(a, &l->k->tensors, t);
    fill->id = l->k->stmts.n;
    vec_push(a, &l->k->stmts, fill);
    read->tensor = t;
    read->mode = READ_PLAIN;
    read->pad = NULL;
    return true;
}

static Expr *keep(void *context, Expr *e) { return (void)context, (void)e, NULL; }

/* A sum of products of two reads of a type that the engine multiplies. */
static bool is_product(const Low *l, const Stmt *s) {
    const Reduce *r = low_reduce(s);
    if (!r || r->scan || r->pred || r->comb->kind != CK_SUM) return false;
    Expr *p = r->operands.at[0];
    if (p->kind != X_OP || p->op != OP_MUL) return false;
    Expr *x = read_under(p->args.at[0]), *y = read_under(p->args.at[1]);
    return x && y && x->type == y->type && l->m->dots[x->type];
}

static Stmt *copy(Low *l, const Stmt *s) {
    Stmt *c = NEW(l->a, Stmt);
    *c = *s;
    c->value = lo_copy(l->a, s->value, keep, NULL);
    return c;
}

void pad_operands(Low *l) {
    Stmt **old = l->k->stmts.at;
    int n = l->k->stmts.n;
    memset(&l->k->stmts, 0, sizeof l->k->stmts);
    for (int i = 0; i < n; i++) {
        Stmt *s = old[i];
        if (l->m->panel && is_product(l, s) && !sched_keeps_product(l, s)) {
            s = copy(l, s);
            Expr *p = s->value->reduce->operands.at[0];
            for (int f = 0; f < 2; f++) {
                Expr *read = read_under(p->args.at[f]);
                if (read->mode == READ_PAD && is_zero(read->pad)) pad_one(l, s, read);
            }
        } else s = copy(l, s);
        s->id = l->k->stmts.n;
        vec_push(l->a, &l->k->stmts, s);
    }
}
