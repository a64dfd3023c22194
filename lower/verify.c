/* The verifier: each stage by rules, what they leave open, and the report. */
#include "lower/verify_impl.h"
#include <stdarg.h>

bool verify_fault(Verify *v, const char *format, ...) {
    va_list args;
    va_start(args, format);
    const char *what = arena_vprintf(v->a, format, args);
    va_end(args);
    if (!v->report->why) v->report->why = v->s ? arena_printf(v->a, "stage %s: %s", v->s->name, what) : what;
    return false;
}

bool verify_doubt(Verify *v, const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (!v->in_doubt) v->doubt = arena_vprintf(v->a, format, args);
    va_end(args);
    return v->in_doubt = true;
}

const char *verify_text(Verify *v, const Expr *e) {
    Out o = out_new(v->a);
    if (e) expr_print(e, &o);
    return o.text ? o.text : "always";
}

static bool gather(Verify *v, const TileNodes *body, const Spot *around) {
    for (int i = 0; i < body->n; i++) {
        Spot *at = NEW(v->a, Spot);
        *at = *around;
        at->n = body->at[i];
        at->seq = v->places.n;
        vec_push(v->a, &v->places, at);
        if (at->n->kind != TILE_FOR) continue;
        if (around->depth == VERIFY_DEPTH) return verify_fault(v, "more than %d loops in one another", VERIFY_DEPTH);
        Spot inside = *around;
        inside.loop[inside.depth++] = at->n;
        if (!gather(v, &at->n->body, &inside)) return false;
    }
    return true;
}

static bool stage(Verify *v, const TileStage *s) {
    static bool (*const rules[])(Verify *) = {verify_loops, verify_cover, verify_online, verify_order, verify_copies, verify_access, verify_fit};
    v->s = s;
    v->places.n = 0;
    v->affine = NULL;
    v->in_doubt = false;
    if (!gather(v, &s->body, &(Spot){0})) return false;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (!rules[i](v)) return false;
    if (!v->in_doubt) return true;
    if (!v->report->open++) v->report->doubt = arena_printf(v->a, "%s (stage %s)", v->doubt, s->name);
    return true;
}

static void write_report(Verify *v, int statements) {
    VerifyReport *r = v->report;
    Out o = out_new(v->a);
    out_f(&o, "coverage: each point of %d statements once, by one PE; every loop cuts the range it is given\n", statements);
    if (r->most_bytes) out_f(&o, "fit: tiles of %d stages, at most %lld of %lld bytes", v->fits - v->by_guard, (long long)r->most_bytes, (long long)v->m->local);
    if (v->by_guard) out_f(&o, "%s%d by guard and step", r->most_bytes ? "; " : "fit: tiles of ", v->by_guard);
    if (r->most_bytes || v->by_guard) out_s(&o, "\n");
    out_f(&o, "footprints: %d reads in tiles that hold them\n", v->reads);
    out_f(&o, "races, order: no stage loads what it stores; results are stored whole, once, and read by later stages\n");
    out_f(&o, "deadlock: both cores run the same rounds; %d shared copies in lockstep\n", v->copies_shared);
    out_f(&o, "how: %d by form, %d by the prover", r->structural, r->proved);
    if (r->open) out_f(&o, "\nleft open: %d stages; nothing shows %s", r->open, r->doubt);
    r->text = o.text;
}

bool tile_verify(const TileProgram *p, const TileMachine *m, VerifyReport *report, Arena *a) {
    *report = (VerifyReport){0};
    Verify v = {.a = a, .p = p, .m = m, .report = report};
    if (!verify_guards(&v)) return false;
    for (int i = 0; i < p->stages.n; i++)
        if (!stage(&v, p->stages.at[i])) return false;
    write_report(&v, p->kernel->stmts.n);
    return true;
}
