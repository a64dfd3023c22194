/* Where an index has no written range: the extents of the places where it stands alone as a subscript. */
#include "dsl/check.h"

typedef struct Use { Expr *extent; Span at; Name tensor; int axis; } Use;
typedef struct Uses { VEC(Use) strong, weak; } Uses;   /* weak: in accesses with pad or clamp */

static void collect(Cx *cx, const AExpr *e, Name name, Uses *uses);

static void collect_access(Cx *cx, const AExpr *e, Name name, Uses *uses) {
    Sym *s = cx->frame ? frame_sym(cx->frame, e->name.text) : NULL;
    Tensor *t = s && s->kind == SYM_TENSOR && s->defs_met >= s->defs ? s->tensor : NULL;
    for (int i = 0; i < e->args.n; i++) {
        const AExpr *sub = e->args.at[i];
        if (sub->kind == A_NAME && sub->name.text == name && t && e->args.n == t->rank - s->lead && t->shape[s->lead + i]) {
            Use use = {t->shape[s->lead + i], sub->span, e->name.text, i};
            if (e->pad || e->clamp) vec_push(cx->check->arena, &uses->weak, use);
            else vec_push(cx->check->arena, &uses->strong, use);
        } else collect(cx, sub, name, uses);
    }
    if (e->pad) collect(cx, e->pad, name, uses);
}

static void collect(Cx *cx, const AExpr *e, Name name, Uses *uses) {
    if (e->kind == A_ACCESS) {
        collect_access(cx, e, name, uses);
        return;
    }
    for (int i = 0; i < e->iters.n; i++)
        if (e->iters.at[i].name.text == name) return;       /* hidden in there; ranges do not count */
    if (e->pred) collect(cx, e->pred, name, uses);
    for (int i = 0; i < e->args.n; i++) collect(cx, e->args.at[i], name, uses);
}

static void disagree(Cx *cx, Index *index, const Use *use, int n, Span at, const char *write) {
    Diag *d = diag_error(cx->check->diags, at, "the range of '%s' is not clear: the extents of the places where it stands alone are not provably equal", index->name);
    for (int i = 0; i < n && i < 6; i++) {
        Out out = out_new(cx->check->arena);
        expr_print(use[i].extent, &out);
        diag_note(d, use[i].at, "here it is 0..%s (dimension %d of '%s')", out.text, use[i].axis + 1, use[i].tensor);
    }
    diag_help(d, "write the range: %s", write);
}

bool check_infer_range(Cx *cx, Index *index, const AExpr *const *places, int n, Span at, const char *write) {
    Uses uses = {0};
    for (int i = 0; i < n; i++)
        if (places[i]) collect(cx, places[i], index->name, &uses);
    const Use *use = uses.strong.n ? uses.strong.at : uses.weak.at;
    int count = uses.strong.n ? uses.strong.n : uses.weak.n;
    if (!count) {
        Diag *d = diag_error(cx->check->diags, at, "index '%s' has no range: it stands alone in no subscript of a tensor that is read", index->name);
        diag_help(d, "write the range: %s", write);
        return false;
    }
    for (int i = 1; i < count; i++)
        if (!affine_eq(cx->check->affine, NULL, use[0].extent, use[i].extent)) {
            disagree(cx, index, use, count, at, write);
            return false;
        }
    index->lo = x_int(cx->check->arena, DT_I64, 0, at);
    index->hi = use[0].extent;
    return true;
}
