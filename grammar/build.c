#include "grammar/build.h"
#include <string.h>

#define ADD(b, list, item) vec_push((b)->arena, &(b)->file->list, item)
/* Takes over a list that was gathered on the way. */
#define MOVE(to, from) ((to).at = (from)->at, (to).n = (from)->n, (to).cap = (from)->cap)

static Span from_to(Build *b, Tok first, Tok last) { return span_join(build_span(b, first), build_span(b, last)); }

void build_use(Build *b, Tok keyword, Tok path) {
    AUse *u = NEW(b->arena, AUse);
    *u = (AUse){from_to(b, keyword, path), build_aname(b, path)};
    ADD(b, uses, u);
}

/* ---- functions ---- */

void build_names_start(Build *b) { b->fn = NEW(b->arena, AFn); }

void build_name(Build *b, Tok name) { vec_push(b->arena, &b->fn->params, build_aname(b, name)); }

void build_fn(Build *b, Tok keyword, Tok name, AExpr *body) {
    b->fn->span = span_join(build_span(b, keyword), body->whole);
    b->fn->name = build_aname(b, name);
    b->fn->body = body;
    ADD(b, fns, b->fn);
}

/* ---- kernels ---- */

void build_kernel(Build *b, Tok keyword, Tok name) {
    b->kernel = NEW(b->arena, AKernel);
    b->kernel->head = b->kernel->span = name.code ? from_to(b, keyword, name) : build_span(b, keyword);
    b->kernel->name = build_aname(b, name);
}

void build_kernel_head(Build *b, AParams *inputs, AParams *outputs, AExprs *facts, Tok close) {
    AKernel *k = b->kernel;
    MOVE(k->inputs, inputs);
    MOVE(k->outputs, outputs);
    k->head = span_join(k->head, build_span(b, close));
    if (!facts) return;
    k->facts = *facts;
    k->head = span_join(k->head, facts->at[facts->n - 1]->whole);
}

/* A kernel without a name, from a faulty signature, is left out. */
void build_kernel_end(Build *b, Tok close) {
    b->kernel->span = span_join(b->kernel->span, build_span(b, close));
    if (b->kernel->name.text) ADD(b, kernels, b->kernel);
}

void build_cparam(Build *b, Tok name, ACKind kind, const ACval *value) {
    ACparam p = {build_aname(b, name), kind, value != NULL, value ? *value : (ACval){0}};
    vec_push(b->arena, &b->kernel->cparams, p);
}

ACval build_cval_name(Build *b, Tok name) { return (ACval){.name = build_aname(b, name)}; }

/* `name` of an integer holds its text and place. */
ACval build_cval_int(Build *b, Tok first, Tok number, int sign) {
    Span at = from_to(b, first, number);
    Name text = name_of_n(b->names, b->source->text + at.lo, at.hi - at.lo);
    return (ACval){true, (int64_t)((uint64_t)sign * (uint64_t)number.i), {text, at}};
}

AParams *build_params(Build *b) { return NEW(b->arena, AParams); }

void build_param_add(Build *b, AParams *list, AParam *p) { vec_push(b->arena, list, *p); }

AParam *build_param(Build *b, Tok name, Tok dtype) {
    AParam *p = NEW(b->arena, AParam);
    *p = (AParam){.span = from_to(b, name, dtype), .name = build_aname(b, name), .dtype = build_aname(b, dtype)};
    return p;
}

AParam *build_param_shape(AParam *p, AExprs *shape, Tok close) {
    p->has_shape = true;
    p->shape = *shape;
    p->span.hi = close.hi;
    return p;
}

AParam *build_param_range(Build *b, AParam *p, AExpr *lo, AExpr *hi, Tok policy) {
    p->lo = lo;
    p->hi = hi;
    p->policy = policy.code == T_CHECK ? AP_CHECK : policy.code == T_ASSUME ? AP_ASSUME : AP_CLAMP;
    p->span = span_join(p->span, build_span(b, policy));
    return p;
}

AParam *build_param_value(AParam *p, AExpr *value) {
    p->value = value;
    p->span = span_join(p->span, value->whole);
    return p;
}

AStmt *build_stmt(Build *b, Span at) {
    AStmt *s = NEW(b->arena, AStmt);
    s->span = at;
    return s;
}

void build_target_add(Build *b, AStmt *s, ATarget t) {
    vec_push(b->arena, &s->targets, t);
    s->span = span_join(s->span, t.span);
}

void build_tuple_end(Build *b, AStmt *s, Tok close) { s->span = span_join(s->span, build_span(b, close)); }

ATarget build_target(Build *b, Tok name, AExprs *subs, Tok last) {
    return (ATarget){from_to(b, name, last), build_aname(b, name), subs != NULL, subs ? *subs : (AExprs){0}};
}

static void end_stmt(Build *b, AStmt *s, AExpr *value, AIters *where) {
    s->value = value;
    s->span = span_join(s->span, value->whole);
    if (where) {
        s->where = *where;
        const AIter *last = &where->at[where->n - 1];
        s->span = span_join(s->span, last->hi ? last->hi->whole : last->name.span);
    }
    vec_push(b->arena, &b->kernel->body, *s);
}

void build_def(Build *b, AStmt *s, const Tok *dtype, AExpr *value, AIters *where) {
    s->kind = AS_DEF;
    if (dtype) s->dtype = build_aname(b, *dtype);
    end_stmt(b, s, value, where);
}

void build_claim(Build *b, AStmtKind kind, Tok keyword, AExpr *condition, AIters *where) {
    AStmt *s = build_stmt(b, build_span(b, keyword));
    s->kind = kind;
    end_stmt(b, s, condition, where);
}

/* ---- combinators ---- */

void build_comb(Build *b, Tok keyword, Tok name) {
    b->comb = NEW(b->arena, AComb);
    b->comb->span = build_span(b, keyword);
    b->comb->name = build_aname(b, name);
    b->section = COMB_NONE;
    memset(b->has_section, 0, sizeof b->has_section);
    b->bad_section = false;
}

void build_comb_params(Build *b, AParams *inputs, AParams *outputs) {
    MOVE(b->comb->inputs, inputs);
    MOVE(b->comb->outputs, outputs);
}

void build_comb_ordered(Build *b) { b->comb->ordered = true; }

static const struct { const char *name, *sample; } sections[COMB_SECTIONS] = {
    [COMB_STATE] = {"state", "state s = 0.0"},
    [COMB_STEP] = {"step", "step { s = s + x }"},
    [COMB_MERGE] = {"merge", "merge (o) { s = s + o.s }"},
    [COMB_FINAL] = {"final", "final (s)"},
};

/* Reports the first section that should have stood before `section`, whose place is `at`. */
static void report_missing(Build *b, Span at, CombSection section, const char *before) {
    for (CombSection i = COMB_STATE; i < section && !b->bad_section; i++) {
        if (b->has_section[i]) continue;
        Diag *d = diag_error(b->diags, at, "expected '%s' before %s", sections[i].name, before);
        diag_help(d, "a combinator has state, step, merge and final, in this order; for example: %s", sections[i].sample);
        b->bad_section = true;
    }
}

void build_section(Build *b, Tok keyword, CombSection section) {
    Span at = build_span(b, keyword);
    const char *name = sections[section].name;
    if (b->has_section[section] && section != COMB_STATE) diag_error(b->diags, at, "'%s' is given twice", name);
    else if (section < b->section && !b->bad_section) diag_error(b->diags, at, "'%s' stands behind '%s'", name, sections[b->section].name);
    report_missing(b, at, section, arena_printf(b->arena, "'%s'", name));
    b->has_section[section] = true;
    if (section > b->section) b->section = section;
}

void build_section_bad(Build *b) { b->bad_section = true; }

/* A brace that no text wrote closes a combinator that breaks off, which has been reported. */
void build_comb_end(Build *b, Tok close) {
    b->comb->span = span_join(b->comb->span, build_span(b, close));
    if (close.hi > close.lo) report_missing(b, build_span(b, close), COMB_SECTIONS, "the end of the combinator");
    if (b->comb->name.text) ADD(b, combs, b->comb);
}

void build_state(Build *b, Tok name, const Tok *dtype, AExpr *init) {
    AState s = {build_aname(b, name), dtype ? build_aname(b, *dtype) : (AName){0}, init};
    vec_push(b->arena, &b->comb->states, s);
}

ABlock *build_block(Build *b) { return NEW(b->arena, ABlock); }

void build_assign(Build *b, ABlock *block, Tok name, AExpr *value) {
    vec_push(b->arena, block, ((AAssign){build_aname(b, name), value}));
}

void build_step(Build *b, ABlock *block) { b->comb->step = *block; }

void build_merge(Build *b, Tok other, ABlock *block) {
    b->comb->other = build_aname(b, other);
    b->comb->merge = *block;
}

void build_final(Build *b, AExprs *values) { b->comb->final = *values; }
