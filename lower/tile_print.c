/* The Tile IR as text. */
#include "lower/tile.h"

typedef struct Printer { Out *out; const TileStage *stage; } Printer;

static const char *const overs[] = {"", " over pe", " over row", " over col"};
static const char *const shares[] = {"", " share row", " share col"};
static const char *const parts[] = {"whole", "init", "step", "final", "scan", "test"};

static void box(Printer *p, const TileBuf *b) {
    out_s(p->out, "[");
    for (int d = 0; d < b->rank; d++) {
        if (d) out_s(p->out, ", ");
        expr_print(b->lo[d], p->out);
        if (b->point[d]) continue;
        out_s(p->out, " .. ");
        expr_print(b->hi[d], p->out);
    }
    out_s(p->out, "]");
}

static void tile(Printer *p, const TileBuf *b) {
    out_f(p->out, "tile %%%d %s: %s [", b->id, b->name, dtype_table[b->type].name);
    for (int d = 0; d < b->rank; d++) {
        if (d) out_s(p->out, ", ");
        expr_print(b->room[d], p->out);
    }
    out_f(p->out, "]%s", b->memory == TILE_ACC ? " acc" : "");
    if (b->depth != 1) out_f(p->out, " slots %d", b->depth);
    if (b->core == 0) out_s(p->out, " core 0");
    if (b->state_of) out_f(p->out, " state %d of %s", b->state, b->state_of->targets.at[0].tensor->name);
    for (int i = 0; i < b->reads.n; i++) {
        out_s(p->out, i ? ", " : " for ");
        expr_print(b->reads.at[i], p->out);
    }
    out_s(p->out, "\n");
}

static void nodes(Printer *p, const TileNodes *body);

static void loop(Printer *p, const TileNode *n) {
    out_s(p->out, "for ");
    for (int i = 0; i < n->levels.n; i++) {
        const TileLevel *v = &n->levels.at[i];
        out_f(p->out, "%s%s = %s", i ? ", " : "", v->var->name, v->axis->name);
        out_s(p->out, " step ");
        if (v->step_var) out_s(p->out, v->step_var->name);
        else expr_print(v->step, p->out);
    }
    out_f(p->out, "%s%s%s {\n", overs[n->over], n->lockstep ? " lockstep" : "", n->down ? " down" : "");
    p->out->indent++;
    nodes(p, &n->body);
    p->out->indent--;
    out_s(p->out, "}\n");
}

static void copy(Printer *p, const TileNode *n) {
    const TileBuf *b = n->buf;
    bool in = n->kind == TILE_LOAD;
    if (in) out_f(p->out, "load %%%d <- %s", b->id, b->tensor->name);
    else out_f(p->out, "store %s", b->tensor->name);
    box(p, b);
    if (!in) out_f(p->out, " <- %%%d", b->id);
    out_f(p->out, "%s\n", shares[n->share]);
}

static void compute(Printer *p, const TileNode *n) {
    out_f(p->out, "%s ", parts[n->part]);
    if (n->fact) out_f(p->out, "fact %d: ", n->fact->number);
    if (n->fact) expr_print(n->fact->cond, p->out);
    else out_f(p->out, "statement %d %s", n->stmt->id, n->stmt->targets.at[0].tensor->name);
    out_f(p->out, "%s\n", n->dot ? " by dot" : "");
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
            if (!n->levels.at[v].step_var) continue;
            out_f(p->out, "let %s = ", n->levels.at[v].step_var->name);
            expr_print(n->levels.at[v].step, p->out);
            out_s(p->out, "\n");
        }
        steps(p, &n->body);
    }
}

static void stage(Out *out, const TileStage *s) {
    Printer p = {out, s};
    out_f(out, "stage %s", s->name);
    if (s->when) {
        out_s(out, " when ");
        expr_print(s->when, out);
    }
    out_f(out, "%s {\n", s->one_core ? " one core" : "");
    out->indent++;
    for (int i = 0; i < s->axes.n; i++) {
        out_f(out, "axis %s in ", s->axes.at[i]->name);
        expr_print(s->axes.at[i]->lo, out);
        out_s(out, " .. ");
        expr_print(s->axes.at[i]->hi, out);
        out_s(out, "\n");
    }
    steps(&p, &s->body);
    for (int i = 0; i < s->bufs.n; i++) tile(&p, s->bufs.at[i]);
    nodes(&p, &s->body);
    out->indent--;
    out_s(out, "}\n");
}

void tile_print(const TileProgram *p, Out *out) {
    kernel_print(p->kernel, out);
    for (int i = 0; i < p->stages.n; i++) {
        out_s(out, "\n");
        stage(out, p->stages.at[i]);
    }
}
