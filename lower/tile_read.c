/* Reads the text of Tile IR (its form: lower/tile_print.c). The stage part is read line by line, each by one function; what stands
 * between its words and signs is an expression of the language, for the language's own parser. */
#include "lower/tile_reader.h"
#include "lower/expr.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

enum { DEPTH_MAX = 48, SLOTS_MAX = 64 };

/* --- the cursor ----------------------------------------------------------------------------------------------------------------------- */

static char here(const TileReader *r) { return r->at < r->source->size ? r->source->text[r->at] : 0; }

static void skip(TileReader *r) {
    while (here(r) == ' ' || here(r) == '\t' || here(r) == '\r') r->at++;
    if (here(r) == '#')
        while (r->at < r->source->size && here(r) != '\n') r->at++;
}

/* To the next line with something in it. */
void tile_reader_skip_lines(TileReader *r) {
    for (skip(r); here(r) == '\n'; skip(r)) r->at++;
}

static bool is_name_char(const TileReader *r, uint32_t at) {
    const char *t = r->source->text;
    if (at >= r->source->size) return false;
    if (isalnum((unsigned char)t[at]) || t[at] == '_') return true;
    return t[at] == '.' && at + 1 < r->source->size && (isalnum((unsigned char)t[at + 1]) || t[at + 1] == '_');
}

/* Where the word or sign at the cursor ends. */
static uint32_t token_end(TileReader *r) {
    skip(r);
    uint32_t end = r->at;
    while (is_name_char(r, end)) end++;
    return end > r->at || r->at >= r->source->size || here(r) == '\n' ? end : end + 1;
}

static bool fail(TileReader *r, const char *expected) {
    uint32_t end = token_end(r);
    Span at = {r->source, r->at, end};
    if (end > r->at) diag_error(r->diags, at, "expected %s, found '%.*s'", expected, (int)(end - r->at), r->source->text + r->at);
    else diag_error(r->diags, at, "expected %s, found the end of the %s", expected, here(r) ? "line" : "text");
    return false;
}

/* Reports a fault of what stands from `from` to the cursor; false. */
bool tile_reader_fault(TileReader *r, uint32_t from, const char *format, ...) {
    va_list args;
    va_start(args, format);
    diag_error(r->diags, (Span){r->source, from, r->at > from ? r->at : from + 1}, "%s", arena_vprintf(r->a, format, args));
    va_end(args);
    return false;
}

#define fault tile_reader_fault

/* Takes the word or the signs of `text` if they stand here. */
static bool takes(TileReader *r, const char *text) {
    size_t n = strlen(text);
    skip(r);
    if (r->at + n > r->source->size || memcmp(r->source->text + r->at, text, n)) return false;
    if (isalnum((unsigned char)text[0]) && is_name_char(r, r->at + (uint32_t)n)) return false;
    r->at += (uint32_t)n;
    return true;
}

static bool expect(TileReader *r, const char *text) { return takes(r, text) || fail(r, arena_printf(r->a, "'%s'", text)); }

static bool word(TileReader *r, Name *name) {
    skip(r);
    uint32_t end = token_end(r);
    if (end == r->at || !(isalpha((unsigned char)here(r)) || here(r) == '_')) return fail(r, "a name");
    *name = name_of_n(r->names, r->source->text + r->at, end - r->at);
    r->at = end;
    return true;
}

static bool number(TileReader *r, int64_t most, int64_t *v) {
    skip(r);
    uint32_t from = r->at;
    if (!isdigit((unsigned char)here(r))) return fail(r, "an integer");
    for (*v = 0; isdigit((unsigned char)here(r)); r->at++) {
        if (*v > (INT64_MAX - 9) / 10) return fault(r, from, "this integer is too large");
        *v = *v * 10 + (here(r) - '0');
    }
    return *v <= most || fault(r, from, "this integer is over %" PRId64, most);
}

static bool line_end(TileReader *r) {
    skip(r);
    return here(r) == '\n' || !here(r) || fail(r, "the end of the line");
}

/* The end of an expression: a sign that no expression has outside its brackets. */
static uint32_t expr_end(TileReader *r) {
    const char *t = r->source->text;
    int open = 0;
    uint32_t at = r->at;
    for (; at < r->source->size && t[at] != '\n' && t[at] != '#'; at++) {
        char c = t[at];
        if (c == '(' || c == '[') open++;
        else if (!open && (strchr(",;:{)]", c) || (c == '.' && at + 1 < r->source->size && t[at + 1] == '.'))) break;
        else if (c == ')' || c == ']') open--;
    }
    while (at > r->at && isspace((unsigned char)t[at - 1])) at--;
    return at;
}

static Expr *expr_to(TileReader *r, uint32_t end, DType want) {
    skip(r);
    if (end <= r->at) return fail(r, "an expression"), NULL;
    AExpr *e = r->parse(r->a, r->names, r->diags, r->source, r->at, end, true);
    Expr *x = e ? tile_reader_make(r, e, want) : NULL;
    r->at = end;
    return x;
}

static Expr *expr(TileReader *r, DType want) {
    skip(r);
    return expr_to(r, expr_end(r), want);
}

/* Takes an integer expression that may use variables of loops that stand further down: it is made when the stage has been read. */
static TileLater *put_off(TileReader *r) {
    skip(r);
    TileLater l = {.from = r->at, .end = expr_end(r)};
    if (l.end <= l.from) return fail(r, "an expression"), NULL;
    r->at = l.end;
    vec_push(r->a, &r->later, l);
    return &r->later.at[r->later.n - 1];
}

static bool later(TileReader *r, Expr **to) {
    TileLater *l = put_off(r);
    if (l) l->to = to;
    return l != NULL;
}

static bool make_later(TileReader *r) {
    for (int i = 0; i < r->later.n; i++) {
        const TileLater *l = &r->later.at[i];
        r->at = l->from;
        Expr *e = expr_to(r, l->end, l->serves ? DT_NONE : DT_I64);
        int64_t v;
        if (!e) return false;
        if (l->serves && e->kind != X_READ) return fault(r, l->from, "expected a read of a tensor");
        if (l->serves) l->serves->reads.at[l->number] = e;
        if (l->to) *l->to = e;
        if (l->next) *l->next = lo_add(r->a, e, lo_int(r->a, 1));
        if (l->most && lo_is_int(e, &v)) *l->most = v;
    }
    r->later.n = 0;
    return true;
}

/* --- names ---------------------------------------------------------------------------------------------------------------------------- */

Tensor *tile_reader_tensor(TileReader *r, Name name) {
    for (int i = 0; i < r->k->tensors.n; i++)
        if (!strcmp(r->k->tensors.at[i]->name, name)) return r->k->tensors.at[i];
    return NULL;
}

static Index *variable(TileReader *r, Name name) {
    for (int i = 0; i < r->variables.n; i++)
        if (r->variables.at[i]->name == name) return r->variables.at[i];
    return NULL;
}

Index *tile_reader_index(TileReader *r, Name name) {
    Index *i = variable(r, name);
    for (int j = 0; !i && j < r->residue.n; j++) {
        const char *known = r->index_names[r->residue.at[j]->id];
        if (!strcmp(known ? known : r->residue.at[j]->name, name)) return r->residue.at[j];
    }
    return i;
}

static bool new_variable(TileReader *r, Index **i) {
    Name name;
    uint32_t from = (skip(r), r->at);
    if (!word(r, &name)) return false;
    bool taken = variable(r, name) || tile_reader_tensor(r, name);
    for (int d = 0; d < r->k->dims.n; d++) taken |= !strcmp(r->k->dims.at[d]->name, name);
    if (taken) return fault(r, from, "'%s' stands for something else already", name);
    *i = NEW(r->a, Index);
    **i = (Index){.name = name, .id = r->p->n_indices++, .span = {r->source, from, r->at}};
    vec_push(r->a, &r->variables, *i);
    return true;
}

static TileAxis *axis_named(TileReader *r) {
    Name name;
    uint32_t from = (skip(r), r->at);
    if (!word(r, &name)) return NULL;
    for (int i = 0; i < r->stage->axes.n; i++)
        if (r->stage->axes.at[i]->name == name) return r->stage->axes.at[i];
    fault(r, from, "this stage has no axis '%s'", name);
    return NULL;
}

static const Stmt *statement(TileReader *r) {
    int64_t n;
    uint32_t from = (skip(r), r->at);
    if (!number(r, INT32_MAX, &n)) return NULL;
    if (n < r->k->stmts.n) return r->k->stmts.at[n];
    fault(r, from, "the kernel has %d statements, numbered from 0", r->k->stmts.n);
    return NULL;
}

static const Fact *fact(TileReader *r) {
    int64_t n;
    uint32_t from = (skip(r), r->at);
    if (!number(r, INT32_MAX, &n)) return NULL;
    for (int i = 0; n && i < r->k->facts.n; i++)
        if (r->k->facts.at[i].number == n) return &r->k->facts.at[i];
    fault(r, from, "the kernel has no fact %" PRId64, n);
    return NULL;
}

static TileBuf *tile_at(TileReader *r) {
    int64_t n;
    uint32_t from = (skip(r), r->at);
    if (!expect(r, "%") || !number(r, INT32_MAX, &n)) return NULL;
    if (n < r->stage->bufs.n) return r->stage->bufs.at[n];
    fault(r, from, "this stage has no tile %%%" PRId64, n);
    return NULL;
}

/* One of the words, or -1. */
static int one_of(TileReader *r, const char *const *words) {
    for (int i = 0; words[i]; i++)
        if (*words[i] && takes(r, words[i])) return i;
    return -1;
}

/* --- axes, steps, panels -------------------------------------------------------------------------------------------------------------- */

static Index *index_among(TileReader *r, Index *const *at, int n, Name name) {
    for (int i = 0; i < n; i++) {
        const char *known = r->index_names[at[i]->id];
        if (!strcmp(known ? known : at[i]->name, name)) return at[i];
    }
    return NULL;
}

/* 0.n, 1:k, fact 3.i */
static bool along(TileReader *r, TileAxis *axis) {
    Name name;
    const Fact *f = NULL;
    const Stmt *s = NULL;
    bool of_fact = takes(r, "fact");
    if (of_fact ? !(f = fact(r)) : !(s = statement(r))) return false;
    bool of_reduction = !f && takes(r, ":");
    uint32_t from = r->at;
    if ((!of_reduction && !expect(r, ".")) || !word(r, &name)) return false;
    const Reduce *c = of_reduction && s->value->kind == X_REDUCE ? s->value->reduce : NULL;
    Index *i = f ? index_among(r, f->idx.at, f->idx.n, name) : !of_reduction ? index_among(r, s->idx.at, s->idx.n, name) : c ? index_among(r, c->idx.at, c->idx.n, name) : NULL;
    if (!i) return fault(r, from, "there is no index '%s' there", name);
    r->stage->axis_of[i->id] = axis;
    return true;
}

static bool axis_line(TileReader *r) {
    TileAxis *x = NEW(r->a, TileAxis);
    uint32_t from = (skip(r), r->at);
    if (!word(r, &x->name)) return false;
    for (int i = 0; i < r->stage->axes.n; i++)
        if (r->stage->axes.at[i]->name == x->name) return fault(r, from, "there is an axis '%s' already", x->name);
    x->id = r->stage->axes.n;
    vec_push(r->a, &r->stage->axes, x);
    if (!expect(r, "in") || !later(r, &x->lo) || !expect(r, "..") || !later(r, &x->hi)) return false;
    if (!takes(r, ":")) return true;
    do {
        if (!along(r, x)) return false;
    } while (takes(r, ","));
    return true;
}

static bool let_line(TileReader *r) {
    Index *var;
    int64_t most = 0;
    if (!new_variable(r, &var) || !expect(r, "=")) return false;
    Expr *value = expr(r, DT_I64);
    if (!value || (takes(r, ":") && !number(r, INT64_MAX, &most))) return false;
    vec_push(r->a, &r->steps, ((TileStep){var, value, most, false}));
    return true;
}

bool tile_reader_takes(TileReader *r, const char *text) { return takes(r, text); }
bool tile_reader_expect(TileReader *r, const char *text) { return expect(r, text); }
bool tile_reader_number(TileReader *r, int64_t most, int64_t *v) { return number(r, most, v); }
bool tile_reader_fail(TileReader *r, const char *expected) { return fail(r, expected); }
int tile_reader_one_of(TileReader *r, const char *const *words) { return one_of(r, words); }
Expr *tile_reader_expr(TileReader *r, DType want) { return expr(r, want); }
const Stmt *tile_reader_stmt(TileReader *r) { return statement(r); }
TileBuf *tile_reader_tile(TileReader *r) { return tile_at(r); }

/* The read of the value that has the text at the cursor up to `end`; number `same` of those. */
static Expr *read_with_text(TileReader *r, Expr *value, int64_t same, uint32_t end) {
    TileReads all = {0};
    tile_reads(r->a, value, &all);
    skip(r);
    uint32_t from = r->at;
    const char *text = arena_strndup(r->a, r->source->text + from, end - from);
    r->at = end;
    for (int i = 0; i < all.n; i++)
        if (!strcmp(text, tile_read_text(r->a, r->p, r->index_names, all.at[i])) && !same--) return all.at[i];
    fault(r, from, "there is no such read in that statement");
    return NULL;
}

static Expr *read_of(TileReader *r, Expr *value) {
    skip(r);
    return read_with_text(r, value, 0, expr_end(r));
}

Expr *tile_reader_read_of(TileReader *r, Expr *value) {
    int64_t same = 0;
    if (takes(r, "(") && (!number(r, INT32_MAX, &same) || !expect(r, ")"))) return NULL;
    if (!expect(r, ":")) return NULL;
    skip(r);
    return read_with_text(r, value, same, expr_end(r));
}

const EngineRow *tile_reader_row(TileReader *r) {
    Name name;
    uint32_t from = (skip(r), r->at);
    if (!word(r, &name)) return NULL;
    const char *dot = strrchr(name, '.');
    const EngineRow *row = dot ? engine_named(&r->m->engines, arena_strndup(r->a, name, (size_t)(dot - name)), dot + 1) : NULL;
    if (!row) fault(r, from, "'%s' is no row of this machine's engines", name);
    return row;
}

static bool panel_line(TileReader *r) {
    int64_t n;
    TileDot *d = NEW(r->a, TileDot);
    uint32_t from = (skip(r), r->at);
    if (!number(r, INT32_MAX, &n)) return false;
    if (n != r->dots.n) return fault(r, from, "panels are numbered from 0: expected %d", r->dots.n);
    if (!expect(r, "of")) return false;
    const Stmt *s = statement(r);
    if (!s || !expect(r, "by") || !(d->row = tile_reader_row(r)) || !expect(r, ":")) return false;
    if (d->row->class != ENGINE_BLOCK) return fail(r, "a row of an engine with accumulators");
    for (int i = 0; i < 2; i++) {
        if (!(*(i ? &d->b : &d->a) = read_of(r, s->value)) || !expect(r, ";")) return false;
    }
    if (!(d->m = axis_named(r)) || !expect(r, ",") || !(d->n = axis_named(r)) || !expect(r, ",") || !(d->k = axis_named(r))) return false;
    while (takes(r, ";")) {
        int b = takes(r, "b");
        if ((!b && !expect(r, "a")) || !expect(r, "by") || !(d->turn[b] = tile_reader_row(r))) return false;
        if (d->turn[b]->class != ENGINE_TURN) return fail(r, "a row of an engine that turns boxes");
    }
    vec_push(r->a, &r->dots, d);
    vec_push(r->a, &r->dot_stmts, s);
    return true;
}

/* --- tiles ------------------------------------------------------------------------------------------------------------------------------ */

static bool box_dimension(TileReader *r, TileBuf *b, int d) {
    b->point[d] = takes(r, "@");
    TileLater *lo = put_off(r);
    if (!lo) return false;
    lo->to = &b->lo[d];
    if (takes(r, "..")) return later(r, &b->hi[d]);
    lo->next = &b->hi[d];
    return b->point[d] || fail(r, "'..'");
}

static bool room_dimension(TileReader *r, TileBuf *b, int d) {
    TileLater *room = put_off(r);
    if (!room) return false;
    room->to = &b->room[d];
    if (takes(r, ":")) return number(r, INT64_MAX, &b->most[d]);
    room->most = &b->most[d];
    return true;
}

static bool dimensions(TileReader *r, TileBuf *b, bool (*one)(TileReader *, TileBuf *, int)) {
    if (!expect(r, "[")) return false;
    for (int d = 0; d < b->rank; d++)
        if ((d && !expect(r, ",")) || !one(r, b, d)) return false;
    return expect(r, "]");
}

static bool box(TileReader *r, TileBuf *b) {
    size_t n = (size_t)b->rank + 1;
    b->lo = NEW_ARRAY(r->a, Expr *, n);
    b->hi = NEW_ARRAY(r->a, Expr *, n);
    b->room = NEW_ARRAY(r->a, Expr *, n);
    b->most = NEW_ARRAY(r->a, int64_t, n);
    b->point = NEW_ARRAY(r->a, bool, n);
    return dimensions(r, b, box_dimension) && (!b->rank || (expect(r, "room") && dimensions(r, b, room_dimension)));
}

static bool served(TileReader *r, TileBuf *b) {
    if (takes(r, "at")) {
        TileLater *l = put_off(r);
        if (!l) return false;
        l->serves = b;
        l->number = b->reads.n;
        vec_push(r->a, &b->reads, (const Expr *)NULL);
        return true;
    }
    if (!expect(r, "for")) return false;
    const Fact *f = NULL;
    const Stmt *s = NULL;
    if (takes(r, "fact") ? !(f = fact(r)) : !(s = statement(r))) return false;
    Expr *e = tile_reader_read_of(r, f ? f->cond : s->value);
    vec_push(r->a, &b->reads, (const Expr *)e);
    return e != NULL;
}

/* The dimensions of the box at the cursor. */
static int rank_of_box(TileReader *r) {
    const char *t = r->source->text;
    int open = 0, commas = 0;
    skip(r);
    for (uint32_t at = r->at; at < r->source->size && t[at] != '\n'; at++) {
        if (t[at] == '(' || t[at] == '[') open++;
        else if ((t[at] == ')' || t[at] == ']') && !--open) return at == r->at + 1 ? 0 : commas + 1;
        commas += t[at] == ',' && open == 1;
    }
    return 0;
}

/* What a tile is of: a tensor, or a state of a reduction. */
static bool subject(TileReader *r, TileBuf *b) {
    int64_t n;
    uint32_t from = (skip(r), r->at);
    Name type, name = b->name;
    if (!expect(r, ":") || !word(r, &type)) return false;
    if ((b->type = dtype_by_name(type)) == DT_NONE) return fault(r, from, "'%s' is no type", type);
    b->is_part = takes(r, "part");
    if (b->is_part) {
        b->rank = rank_of_box(r);
        return true;
    }
    if (takes(r, "state")) {
        if (!number(r, 1000, &n) || !expect(r, "of") || !(b->state_of = statement(r))) return false;
        b->state = (int)n;
        b->rank = b->state_of->idx.n;
        return b->state_of->value->kind == X_REDUCE || fault(r, from, "statement %d is no reduction", b->state_of->id);
    }
    if (takes(r, "of") && !word(r, &name)) return false;
    if (!(b->tensor = tile_reader_tensor(r, name))) return fault(r, from, "there is no tensor '%s'", name);
    if (takes(r, "from") && (!word(r, &name) || !(b->from = tile_reader_tensor(r, name)))) return fault(r, from, "there is no tensor '%s'", name);
    b->rank = b->tensor->rank;
    return true;
}

static bool panels(TileReader *r, TileBuf *b) {
    int64_t n;
    if (!number(r, b->rank - 1, &n) || !expect(r, "[")) return false;
    TileLater *l = put_off(r);
    if (!l) return false;
    l->to = &b->panel;
    b->panel_dim = (int)n;
    return expect(r, "]");
}

static bool tile_line(TileReader *r) {
    int64_t n;
    TileBuf *b = NEW(r->a, TileBuf);
    uint32_t from = (skip(r), r->at);
    if (!expect(r, "%") || !number(r, INT32_MAX, &n)) return false;
    if (n != r->stage->bufs.n) return fault(r, from, "tiles are numbered from 0: expected %%%d", r->stage->bufs.n);
    *b = (TileBuf){.id = (int)n, .depth = 1, .core = 1};
    b->copied_in = takes(r, "inout");
    b->copied_out = b->copied_in || takes(r, "out");
    b->copied_in |= !b->copied_out && takes(r, "in");
    if (!word(r, &b->name) || !subject(r, b) || !box(r, b)) return false;
    if (takes(r, "acc")) b->memory = TILE_ACC;
    else if (takes(r, "home")) b->memory = TILE_HOME;
    if (takes(r, "panels") && !panels(r, b)) return false;
    if (takes(r, "slots")) {
        if (!number(r, SLOTS_MAX, &n)) return false;
        b->depth = (int)n;
    }
    if (takes(r, "core")) {
        if (!number(r, 1, &n)) return false;
        b->core = (int)n;
    }
    skip(r);
    if (here(r) == 'f' || here(r) == 'a')
        do {
            if (!served(r, b)) return false;
        } while (takes(r, ";"));
    vec_push(r->a, &r->stage->bufs, b);
    return true;
}

/* --- nodes ------------------------------------------------------------------------------------------------------------------------------ */

static bool body_lines(TileReader *r, TileNodes *body, int depth);

static bool level_step(TileReader *r, TileLevel *v) {
    uint32_t from = (skip(r), r->at);
    for (int i = 0; i < r->steps.n; i++) {
        TileStep *s = &r->steps.at[i];
        if (!takes(r, s->var->name)) continue;
        if (s->used) return fault(r, from, "a step belongs to one level");
        s->used = true;
        v->step_var = s->var;
        v->step = s->value;
        v->most = s->most;
        return true;
    }
    int64_t n;
    if (!number(r, INT64_MAX, &n)) return false;
    v->step = lo_int(r->a, n);
    v->most = n;
    return !takes(r, ":") || number(r, INT64_MAX, &v->most);
}

/* @line, @source:line or nothing. */
static bool node_place(TileReader *r, TileNode *n) {
    TileLine x = {.n = n, .at = r->at};
    int64_t number = 0;
    if (!takes(r, "@")) return true;
    if (!tile_reader_number(r, INT32_MAX, &x.line)) return false;
    if (takes(r, ":")) {
        number = x.line;
        if (!tile_reader_number(r, INT32_MAX, &x.line)) return false;
    }
    x.source = (int)number;
    vec_push(r->a, &r->lines, x);
    return true;
}

static bool level(TileReader *r, TileNode *n) {
    TileLevel v = {0};
    if (!new_variable(r, &v.var) || !expect(r, "..") || !new_variable(r, &v.end) || !expect(r, "=")) return false;
    if (!(v.axis = axis_named(r)) || !expect(r, "step") || !level_step(r, &v)) return false;
    v.axis->levels++;
    vec_push(r->a, &n->levels, v);
    return true;
}

static bool for_line(TileReader *r, TileNode *n, int depth) {
    uint32_t from = r->at;
    if (depth == DEPTH_MAX) return fault(r, from, "more than %d loops in one another", DEPTH_MAX);
    n->kind = TILE_FOR;
    if (!takes(r, "once"))
        do {
            if (!level(r, n)) return false;
        } while (takes(r, ","));
    if (takes(r, "over")) {
        int over = one_of(r, tile_words_over);
        if (over < 0) return fail(r, "'pe', 'row' or 'col'");
        n->over = (TileOver)over;
    }
    n->lockstep = takes(r, "lockstep");
    n->down = takes(r, "down");
    if (!node_place(r, n) || !expect(r, "{") || !line_end(r)) return false;
    return body_lines(r, &n->body, depth + 1);
}

static bool copy_line(TileReader *r, TileNode *n, bool in) {
    Name name;
    n->kind = in ? TILE_LOAD : TILE_STORE;
    if (!(n->buf = tile_at(r))) return false;
    uint32_t from = (skip(r), r->at);
    if (!word(r, &name)) return false;
    if (strcmp(name, n->buf->name)) return fault(r, from, "tile %%%d is '%s'", n->buf->id, n->buf->name);
    if (!n->buf->tensor) return fault(r, from, "the states of a reduction are not copied");
    if (!takes(r, "share")) return true;
    int share = one_of(r, tile_words_share);
    if (share < 0) return fail(r, "'row' or 'col'");
    n->share = (TileShare)share;
    return true;
}

static bool test_line(TileReader *r, TileNode *n) {
    n->kind = TILE_COMPUTE;
    n->part = TILE_TEST;
    if (!expect(r, "fact") || !(n->fact = fact(r))) return false;
    n->span = n->fact->span;
    return true;
}

static bool compute_line(TileReader *r, TileNode *n, TilePart part) {
    Name name;
    int64_t dot;
    if (part == TILE_TEST) return test_line(r, n);
    n->kind = TILE_COMPUTE;
    n->part = part;
    if (!(n->stmt = statement(r))) return false;
    n->span = n->stmt->span;
    uint32_t from = (skip(r), r->at);
    if (!word(r, &name)) return false;
    if (strcmp(name, n->stmt->targets.at[0].tensor->name)) return fault(r, from, "statement %d defines '%s'", n->stmt->id, n->stmt->targets.at[0].tensor->name);
    bool reduces = n->stmt->value->kind == X_REDUCE, scans = reduces && n->stmt->value->reduce->scan;
    if (part == TILE_CORRECT && (!expect(r, "for") || !(n->lead = statement(r)))) return false;
    if (n->lead && n->lead->value->kind != X_REDUCE) return fault(r, from, "statement %d is no reduction", n->lead->id);
    if ((part == TILE_SCAN && !scans) || (part != TILE_WHOLE && !reduces)) return fault(r, from, "statement %d is no %s", n->stmt->id, part == TILE_SCAN ? "scan" : "reduction");
    if (!takes(r, "by")) return true;
    from = (skip(r), r->at);
    if (takes(r, "simd")) {
        n->simd = tile_reader_plan(r, n->stmt, part);
        if (!n->simd) return fault(r, from, "statement %d has no commands", n->stmt->id);
        if (!takes(r, "by")) return true;
    }
    if (!expect(r, "panel") || !number(r, INT32_MAX, &dot)) return false;
    if (dot >= r->dots.n || r->dot_stmts.at[dot] != n->stmt) return fault(r, from, "statement %d has no panel %" PRId64, n->stmt->id, dot);
    n->dot = r->dots.at[dot];
    return true;
}

static bool node_line(TileReader *r, TileNode *n, int depth) {
    n->span = (Span){r->source, r->at, token_end(r)};
    if (takes(r, "for")) return for_line(r, n, depth);
    if (takes(r, "load")) return copy_line(r, n, true) && node_place(r, n);
    if (takes(r, "store")) return copy_line(r, n, false) && node_place(r, n);
    int part = one_of(r, tile_words_part);
    if (part >= 0) return compute_line(r, n, (TilePart)part) && node_place(r, n);
    return fail(r, "'for', 'load', 'store', 'compute', 'init', 'step', 'final', 'scan', 'test', 'now', 'correct', 'join' or '}'");
}

static bool body_lines(TileReader *r, TileNodes *body, int depth) {
    for (;;) {
        tile_reader_skip_lines(r);
        if (takes(r, "}")) return line_end(r);
        TileNode *n = NEW(r->a, TileNode);
        if (!node_line(r, n, depth) || !line_end(r)) return false;
        vec_push(r->a, body, n);
    }
}

/* --- a stage ------------------------------------------------------------------------------------------------------------------------------ */

static bool part_line(TileReader *r, TileNode *n) {
    if (takes(r, "axis")) return axis_line(r);
    if (takes(r, "let")) return let_line(r);
    if (takes(r, "panel")) return panel_line(r);
    if (takes(r, "tile")) return tile_line(r);
    if (takes(r, "simd")) return tile_reader_simd(r);
    if (takes(r, "command")) return tile_reader_command(r);
    if (!node_line(r, n, 0)) return false;
    vec_push(r->a, &r->stage->body, n);
    return true;
}

/* Indices of reductions that stand in others or in conditions: no axis runs along them, and reads over loop variables may hold them. */
static bool note_residue(void *context, Expr *e) {
    TileReader *r = context;
    for (int i = 0; e->kind == X_REDUCE && i < e->reduce->idx.n; i++) vec_push(r->a, &r->residue, e->reduce->idx.at[i]);
    return true;
}

static bool stage_end(TileReader *r) {
    TileWork work = {0};
    tile_work(r->a, &r->stage->body, &work);
    r->residue.n = 0;
    for (int i = 0; i < work.n; i++) expr_walk(work.at[i]->stmt ? work.at[i]->stmt->value : work.at[i]->fact->cond, note_residue, r);
    uint32_t at = r->at;
    if (!make_later(r)) return false;
    r->at = at;
    r->residue.n = 0;
    return true;
}

static bool stage(TileReader *r) {
    TileStage *s = r->stage = NEW(r->a, TileStage);
    r->variables.n = r->steps.n = r->dots.n = r->dot_stmts.n = r->later.n = r->simd.stmt.n = r->simd.part.n = r->simd.plan.n = 0;
    s->axis_of = NEW_ARRAY(r->a, TileAxis *, r->k->n_indices + 1);
    if (!word(r, &s->name)) return false;
    s->one_core = takes(r, "one");
    if (s->one_core && !expect(r, "core")) return false;
    if (takes(r, "when") && !(s->when = expr(r, DT_BOOL))) return false;
    if (!expect(r, "{") || !line_end(r)) return false;
    vec_push(r->a, &r->p->stages, s);
    for (;;) {
        tile_reader_skip_lines(r);
        if (takes(r, "}")) return line_end(r) && stage_end(r);
        if (!part_line(r, NEW(r->a, TileNode)) || !line_end(r)) return false;
    }
}

static bool begins(const Source *s, uint32_t at, const char *text) {
    size_t n = strlen(text);
    return (!at || s->text[at - 1] == '\n') && s->size - at > n && !memcmp(s->text + at, text, n);
}

/* Where the part behind the Kernel begins: at the first line that begins with one of its words. */
static uint32_t kernel_end(const Source *s) {
    for (uint32_t at = 0; at < s->size; at++)
        if (begins(s, at, "stage ") || begins(s, at, "tensors ")) return at;
    return (uint32_t)s->size;
}

/* The tensors in the order of the program that was printed: those that lowering added are made where they are defined by the text. */
static bool tensors_line(TileReader *r, Kernel *k) {
    int n = 0;
    do {
        Name name;
        uint32_t from = (skip(r), r->at);
        if (!word(r, &name)) return false;
        Tensor *t = tile_reader_tensor(r, name);
        if (!t || t->id < n) return fault(r, from, t ? "'%s' stands here twice" : "there is no tensor '%s'", name);
        Tensor *other = k->tensors.at[n];
        k->tensors.at[t->id] = other;
        other->id = t->id;
        k->tensors.at[n] = t;
        t->id = n++;
    } while (takes(r, ","));
    return line_end(r) && (n == k->tensors.n || fail(r, "all tensors of the kernel"));
}

static bool charged_line(TileReader *r) {
    do {
        Name name;
        uint32_t from = (skip(r), r->at);
        if (!word(r, &name)) return false;
        const Tensor *t = tile_reader_tensor(r, name);
        if (!t) return fault(r, from, "there is no tensor '%s'", name);
        vec_push(r->a, &r->p->charged, t);
    } while (takes(r, ","));
    return line_end(r);
}

TileProgram *tile_read(Arena *a, Names *names, Diags *diags, const Source *source, const TileMachine *m, const FrontOptions *front, ParseExprFn *parse) {
    uint32_t end = kernel_end(source);
    static const char head[] = "# knyfe tile ";
    int version = begins(source, 0, head) ? atoi(source->text + sizeof head - 1) : TILE_VERSION;
    if (version != TILE_VERSION) {
        diag_error(diags, (Span){source, 0, (uint32_t)sizeof head}, "this is Tile IR of version %d; this knyfe reads version %d", version, TILE_VERSION);
        return NULL;
    }
    FrontOptions options = *front;
    options.kernel_text = true;
    Program *program = front_load(a, names, diags, source_of_text(a, source->path, source->text, end), &options);
    Kernel *k = program ? front_kernel(program, &options) : NULL;
    if (!k) return NULL;
    TileProgram *p = NEW(a, TileProgram);
    *p = (TileProgram){.kernel = k, .machine = m, .n_indices = k->n_indices};
    TileReader r = {.a = a, .names = names, .diags = diags, .source = source, .at = end, .parse = parse, .m = m, .k = k, .p = p, .index_names = kernel_index_names(k, a)};
    tile_reader_skip_lines(&r);
    if (takes(&r, "tensors") && !tensors_line(&r, k)) return NULL;
    tile_reader_skip_lines(&r);
    if (takes(&r, "charged") && !charged_line(&r)) return NULL;
    for (tile_reader_skip_lines(&r); takes(&r, "stage"); tile_reader_skip_lines(&r))
        if (!stage(&r)) return NULL;
    return tile_reader_origin(&r, k) ? p : NULL;
}
