/* From the text's shape to directives. */
#include "dsl/kernel_build.h"
#include "lower/schedule.h"
#include <string.h>

enum { MOST_SLOTS = 64, MOST_BLOCKS = 16 };

typedef struct Reader {
    Arena *a;
    Diags *d;
    const Kernel *k;
    Schedule *s;
    int block;
    int errors;
} Reader;

static bool is_word(const AAtom *x, const char *word) { return x && x->kind == AA_NAME && !strcmp(x->text, word); }
static const AAtom *atom(const AAtoms *c, int i) { return i < c->n ? c->at[i] : NULL; }
static AName name_of_atom(const AAtom *x) { return (AName){x->text, x->span}; }

static Span clause_span(const AAtoms *c, Span otherwise) {
    return c->n ? span_join(c->at[0]->span, c->at[c->n - 1]->span) : otherwise;
}

/* --- clauses ----------------------------------------------------------------------------------------------------------------- */

/* A name, or names in parentheses; returns false for anything else. */
static bool take_names(Reader *r, const AAtom *x, ScheduleItem *to) {
    if (!x || (x->kind != AA_NAME && x->kind != AA_GROUP)) return false;
    if (x->kind == AA_NAME) vec_push(r->a, &to->names, name_of_atom(x));
    for (int i = 0; x->kind == AA_GROUP && i < x->items.n; i++) {
        if (x->items.at[i]->kind != AA_NAME) return false;
        vec_push(r->a, &to->names, name_of_atom(x->items.at[i]));
    }
    return true;
}

static bool take_tile(Reader *r, const AAtoms *c, ScheduleItem *to) {
    const AAtom *size = atom(c, 1);
    if (c->n != 2 || c->at[0]->kind != AA_NAME || !take_names(r, c->at[0], to)) return false;
    if (is_word(size, "fit")) return true;
    to->number = size->i;
    return size->kind == AA_INT && size->i >= 1 && size->i <= INT32_MAX;
}

static bool take_place(Reader *r, const AAtoms *c, ScheduleItem *to) {
    const AAtom *where = atom(c, 2);
    if (c->n != 3 || !take_names(r, c->at[0], to) || c->at[1]->kind != AA_ARROW || where->kind != AA_NAME) return false;
    to->to = name_of_atom(where);
    return is_word(where, "pe") || is_word(where, "row") || is_word(where, "col");
}

static bool take_split(Reader *r, const AAtoms *c, ScheduleItem *to) {
    if (c->n != 4 || c->at[0]->kind != AA_NAME || c->at[3]->kind != AA_INT) return false;
    AAtoms place = {.at = c->at, .n = 3};
    to->number = c->at[3]->i;
    return take_place(r, &place, to) && to->number >= 1 && to->number <= 1 << 20;
}

static bool take_memory(Reader *r, const AAtoms *c, ScheduleItem *to) {
    if (c->n < 3 || c->at[0]->kind != AA_NAME || !is_word(c->at[1], "in") || c->at[2]->kind != AA_NAME) return false;
    to->to = name_of_atom(c->at[2]);
    return take_names(r, c->at[0], to);
}

static bool take_stored(Reader *r, const AAtoms *c, ScheduleItem *to) { return c->n == 3 && take_memory(r, c, to); }

/* x in local (per i)? (double | buffers K)? (multicast row | multicast col | alone)? */
static bool take_stage(Reader *r, const AAtoms *c, ScheduleItem *to) {
    if (!take_memory(r, c, to)) return false;
    for (int i = 3; i < c->n;) {
        const AAtom *next = atom(c, i + 1);
        if (is_word(c->at[i], "per") && next && next->kind == AA_NAME && !to->per.text) to->per = name_of_atom(next), i += 2;
        else if (is_word(c->at[i], "double") && !to->number) to->number = 2, i++;
        else if (is_word(c->at[i], "buffers") && next && next->kind == AA_INT && !to->number && next->i >= 1 && next->i <= MOST_SLOTS) to->number = next->i, i += 2;
        else if (is_word(c->at[i], "multicast") && is_word(next, "row") && to->share < 0) to->share = TILE_SHARE_ROW, i += 2;
        else if (is_word(c->at[i], "multicast") && is_word(next, "col") && to->share < 0) to->share = TILE_SHARE_COL, i += 2;
        else if (is_word(c->at[i], "alone") && to->share < 0) to->share = TILE_ALONE, i++;
        else return false;
    }
    return true;
}

static bool take_fuse(Reader *r, const AAtoms *c, ScheduleItem *to) {
    if (c->n != 3 || !take_names(r, c->at[0], to) || !is_word(c->at[1], "into") || c->at[2]->kind != AA_NAME) return false;
    to->to = name_of_atom(c->at[2]);
    return true;
}

static bool take_engine(Reader *r, const AAtoms *c, ScheduleItem *to) {
    if (c->n != 2 || c->at[1]->kind != AA_NAME) return false;
    to->to = name_of_atom(c->at[1]);
    return take_names(r, c->at[0], to);
}

static bool take_buffers(Reader *r, const AAtoms *c, ScheduleItem *to) {
    const AAtom *n = c->n ? c->at[c->n - 1] : NULL;
    if (!n || n->kind != AA_INT || n->i < 1 || n->i > MOST_SLOTS || c->n > 2) return false;
    to->number = n->i;
    return c->n == 1 || (c->at[0]->kind == AA_NAME && take_names(r, c->at[0], to));
}

static bool take_name(Reader *r, const AAtoms *c, ScheduleItem *to) { return c->n == 1 && c->at[0]->kind == AA_NAME && take_names(r, c->at[0], to); }

static bool take_tune(Reader *r, const AAtoms *c, ScheduleItem *to) {
    return c->n == 3 && is_word(c->at[1], "in") && c->at[2]->kind == AA_SET && take_names(r, c->at[0], to);
}

static bool take_any(Reader *r, const AAtoms *c, ScheduleItem *to) { return (void)r, (void)c, (void)to, true; }

typedef struct Form { const char *word; bool (*take)(Reader *, const AAtoms *, ScheduleItem *); const char *shape; const char *refused; } Form;
static const char of_host[] = "it is for host machines; on a grid 'tile' and 'place' say what a PE works on";
static const Form forms[S_COUNT] = {
    [S_TILE] = {"tile", take_tile, "tile n 64, d 128", NULL},
    [S_PLACE] = {"place", take_place, "place n -> row, o -> col; place (n, o) -> pe", NULL},
    [S_ORDER] = {"order", take_name, "order n, o, i", NULL},
    [S_STAGE] = {"stage", take_stage, "stage x in local per i buffers 2 multicast row", NULL},
    [S_KEEP] = {"keep", take_stored, "keep w in local", NULL},
    [S_STORE] = {"store", take_stored, "store m in sram", NULL},
    [S_FUSE] = {"fuse", take_fuse, "fuse acc into y; fuse (a, b) into y", NULL},
    [S_ENGINE] = {"engine", take_engine, "engine acc dpe", NULL},
    [S_BUFFERS] = {"buffers", take_buffers, "buffers 2; buffers x 3 (1 to 64)", NULL},
    [S_SPLIT] = {"split", take_split, "split i -> pe 64", NULL},
    [S_TUNE] = {"tune", take_tune, "tune i in {32, 64, 128}", NULL},
    [S_ONLINE] = {"online", take_any, "", "reductions that can follow others do so by themselves, and knyfe explain says which do not, and why"},
    [S_VECTOR] = {"vector", take_any, "", of_host},
    [S_UNROLL] = {"unroll", take_any, "", of_host},
    [S_PACK] = {"pack", take_any, "", of_host},
    [S_PARALLEL] = {"parallel", take_any, "", of_host},
};

const char *schedule_word(ScheduleWord w) { return forms[w].word; }

/* --- given twice ------------------------------------------------------------------------------------------------------------- */

static bool same_name(const ScheduleItem *x, const ScheduleItem *y) {
    if (x->word == S_ORDER) return false;
    if (x->word == S_BUFFERS && y->word == S_BUFFERS && !x->names.n && !y->names.n) return true;
    for (int i = 0; i < x->names.n; i++)
        for (int j = 0; j < y->names.n; j++)
            if (!strcmp(x->names.at[i].text, y->names.at[j].text)) return true;
    return false;
}

/* Kept in the memory that the PEs share: what is said of tiles holds beside it. */
static bool is_near(const ScheduleItem *x) { return x->word == S_KEEP && !strcmp(x->to.text, "sram"); }

/* Both speak of the same thing. */
static bool clash(const ScheduleItem *x, const ScheduleItem *y) {
    if (x->block != y->block || !same_name(x, y)) return false;
    if (x->word == y->word) return true;
    bool slots = (x->word == S_BUFFERS && y->word == S_STAGE && y->number) || (y->word == S_BUFFERS && x->word == S_STAGE && x->number);
    bool homes = (x->word == S_FUSE && y->word == S_STORE) || (x->word == S_STORE && y->word == S_FUSE);
    bool held = !is_near(x) && !is_near(y) && ((x->word == S_KEEP && y->word == S_STAGE) || (x->word == S_STAGE && y->word == S_KEEP));
    return slots || homes || held;
}

static void add(Reader *r, const ScheduleItem *x) {
    for (int i = 0; i < r->s->items.n; i++) {
        const ScheduleItem *y = &r->s->items.at[i];
        if (!clash(x, y)) continue;
        Diag *e = x->word == y->word ? diag_error(r->d, x->span, "'%s' is given twice here", forms[x->word].word)
                                     : diag_error(r->d, x->span, "'%s' contradicts '%s'", forms[x->word].word, forms[y->word].word);
        diag_note(e, y->span, "the other one");
        r->errors++;
        return;
    }
    vec_push(r->a, &r->s->items, *x);
}

/* --- guards ------------------------------------------------------------------------------------------------------------------ */

static const Op ops[AO_COUNT] = {
    [AO_OR] = OP_OR, [AO_AND] = OP_AND, [AO_NOT] = OP_NOT, [AO_EQ] = OP_EQ, [AO_NE] = OP_NE, [AO_LT] = OP_LT, [AO_LE] = OP_LE, [AO_GT] = OP_GT,
    [AO_GE] = OP_GE, [AO_ADD] = OP_ADD, [AO_SUB] = OP_SUB, [AO_MUL] = OP_MUL, [AO_FLOORDIV] = OP_FLOORDIV, [AO_MOD] = OP_MOD, [AO_NEG] = OP_NEG,
};

static Expr *wrong(Reader *r, Span at, const char *what) {
    Diag *e = diag_error(r->d, at, "%s", what);
    diag_help(e, "a guard compares integer expressions over the dims of '%s'", r->k->name);
    r->errors++;
    return NULL;
}

static Expr *guard_name(Reader *r, const AExpr *e) {
    VEC(const char *) near = {0};
    for (int i = 0; i < r->k->dims.n; i++) {
        if (!strcmp(r->k->dims.at[i]->name, e->name.text)) return x_dim(r->a, r->k->dims.at[i], e->span);
        vec_push(r->a, &near, r->k->dims.at[i]->name);
    }
    r->errors++;
    Diag *d = diag_error(r->d, e->span, "'%s' is no dim of '%s'", e->name.text, r->k->name);
    const char *guess = diag_nearest(e->name.text, near.at, near.n);
    if (guess) diag_edit(d, e->span, guess, "did you mean '%s'?", guess);
    return NULL;
}

static Expr *guard(Reader *r, const AExpr *e, bool logic);

static Expr *guard_op(Reader *r, const AExpr *e, Op op, bool logic) {
    bool connects = op == OP_AND || op == OP_OR || op == OP_NOT;
    bool compares = op == OP_EQ || op == OP_NE || op == OP_LT || op == OP_LE || op == OP_GT || op == OP_GE;
    if ((connects || compares) != logic) return wrong(r, e->span, logic ? "this is no condition" : "this is no integer");
    Expr *x = guard(r, e->args.at[0], connects), *y = e->args.n > 1 ? guard(r, e->args.at[1], connects) : NULL;
    if (!x || (e->args.n > 1 && !y)) return NULL;
    if (op == OP_NEG && x->kind == X_LIT && x->lit_i > INT64_MIN) return x_int(r->a, DT_I64, -x->lit_i, e->span);
    return x_op(r->a, op, x, y, NULL, e->span);
}

static Expr *guard(Reader *r, const AExpr *e, bool logic) {
    if (e->kind == A_BINARY || e->kind == A_UNARY) {
        bool known = e->op != AO_DIV && e->op != AO_BOR && e->op != AO_BXOR && e->op != AO_BAND && e->op != AO_SHL && e->op != AO_SHR && e->op != AO_BNOT;
        return known ? guard_op(r, e, ops[e->op], logic) : wrong(r, e->span, "this operator can't stand in a guard");
    }
    if (logic) return wrong(r, e->span, "this is no condition");
    if (e->kind == A_INT) return x_int(r->a, DT_I64, e->i, e->span);
    if (e->kind == A_NAME) return guard_name(r, e);
    bool most = e->kind == A_CALL && e->name.text && !strcmp(e->name.text, "max"), least = e->kind == A_CALL && e->name.text && !strcmp(e->name.text, "min");
    if ((!most && !least) || e->args.n != 2) return wrong(r, e->span, "this can't stand in a guard");
    return guard_op(r, e, most ? OP_MAX : OP_MIN, false);
}

/* --- directives -------------------------------------------------------------------------------------------------------------- */

static void bad_shape(Reader *r, Span at, const Form *f) {
    diag_help(diag_error(r->d, at, "'%s' can't be read", f->word), "it is written: %s", f->shape);
    r->errors++;
}

/* `fuse a, b into y` and `order n, o` are one thing in several clauses. */
static void directive_clauses(Reader *r, const ADirective *d, ScheduleWord word) {
    const Form *f = &forms[word];
    ScheduleItem item = {.word = word, .span = d->span, .share = -1, .block = r->block};
    for (int i = 0; i < d->clauses.n; i++) {
        const AAtoms *c = &d->clauses.at[i];
        bool more = i + 1 < d->clauses.n;
        if (word == S_FUSE && more && c->n == 1 && take_names(r, c->at[0], &item)) continue;
        bool whole = word == S_FUSE || word == S_ORDER;
        if (!whole) item = (ScheduleItem){.word = word, .span = clause_span(c, d->span), .share = -1, .block = r->block};
        if (!f->take(r, c, &item)) {
            bad_shape(r, clause_span(c, d->span), f);
            return;
        }
        if (word == S_ORDER && more) continue;
        add(r, &item);
        item = (ScheduleItem){.word = word, .span = d->span, .share = -1, .block = r->block};
    }
    if (!d->clauses.n) bad_shape(r, d->span, f);
}

static void directives(Reader *r, ADirective *const *at, int n);

static void when_block(Reader *r, const ADirective *d) {
    if (r->block) {
        diag_error(r->d, d->word.span, "a 'when' can't stand in another: join the conditions with 'and'");
        r->errors++;
        return;
    }
    Expr *g = guard(r, d->guard, true);
    if (!g) return;
    if (r->s->guards.n == MOST_BLOCKS) {
        diag_error(r->d, d->word.span, "a schedule has at most 16 'when'");
        r->errors++;
        return;
    }
    vec_push(r->a, &r->s->guards, g);
    vec_push(r->a, &r->s->guard_spans, d->guard->span);
    r->block = r->s->guards.n;
    directives(r, d->body.at, d->body.n);
    r->block = 0;
}

static void directive(Reader *r, const ADirective *d) {
    int word = 0;
    const char *words[S_COUNT];
    for (int i = 0; i < S_COUNT; i++) words[i] = forms[i].word;
    while (word < S_COUNT && strcmp(words[word], d->word.text)) word++;
    if (word == S_COUNT) {
        Diag *e = diag_error(r->d, d->word.span, "there is no directive '%s'", d->word.text);
        const char *guess = diag_nearest(d->word.text, words, S_COUNT);
        if (guess) diag_edit(e, d->word.span, guess, "did you mean '%s'?", guess);
        r->errors++;
    } else if (forms[word].refused) {
        diag_error(r->d, d->span, "'%s' can't be met: %s", d->word.text, forms[word].refused);
        r->errors++;
    } else directive_clauses(r, d, (ScheduleWord)word);
}

static void directives(Reader *r, ADirective *const *at, int n) {
    for (int i = 0; i < n; i++) {
        if (at[i]->guard) when_block(r, at[i]);
        else if (at[i]->word.text) directive(r, at[i]);
    }
}

Schedule *schedule_read(const ASchedule *s, const Kernel *k, Diags *d, Arena *a) {
    Reader r = {.a = a, .d = d, .k = k, .s = NEW(a, Schedule)};
    r.s->name = s->name.text;
    directives(&r, s->body.at, s->body.n);
    return r.errors ? NULL : r.s;
}
