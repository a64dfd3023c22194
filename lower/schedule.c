/* What a schedule says of a statement, an index, a tile. */
#include "lower/sched.h"
#include <stdarg.h>

/* --- names ------------------------------------------------------------------------------------------------------------------------ */

Name sched_label(Arena *a, const Kernel *k, const Stmt *s) {
    Name name = s->targets.at[0].tensor->name;
    int n = 0, mine = 0;
    for (int i = 0; i < k->stmts.n; i++) {
        if (strcmp(k->stmts.at[i]->targets.at[0].tensor->name, name)) continue;
        n++;
        if (k->stmts.at[i] == s) mine = n;
    }
    return n < 2 ? name : arena_printf(a, "%s.piece%d", name, mine);
}

Name sched_axis_label(Arena *a, const Stmt *s, const Index *i) {
    int at = -1, before = 0;
    for (int q = 0; q < sched_n_axes(s) && at < 0; q++) {
        const Index *x = sched_axis_at(s, q);
        if (x == i) at = q;
        else before += !strcmp(x->name, i->name);
    }
    if (at < 0) return NULL;
    return before ? arena_printf(a, "%s_%d", i->name, before + 1) : i->name;
}

/* The text without what lowering put behind a name: parts of a product or a reduction, zeros around an operand. */
static Name origin(Arena *a, Name name) {
    static const char *const added[] = {".dot", ".part", ".best", ".at", ".total", ".pad"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof added / sizeof *added; i++) {
        size_t n = strlen(added[i]);
        if (!strncmp(dot, added[i], n) && strspn(dot + n, "0123456789") == strlen(dot + n)) return arena_strndup(a, name, (size_t)(dot - name));
    }
    return name;
}

bool sched_is_derived(Arena *a, Name tensor) {
    const char *dot = strrchr(tensor, '.');
    return origin(a, tensor) != tensor && strncmp(dot, ".dot", 4);
}

static const char *const comb_names[] = {"sum", "prod", "max", "min", "mean", "any", "all", "argmax", "argmin"};

/* The reduction that a statement is, behind its target: "m.max"; NULL where that is another statement. */
static Name comb_label(Arena *a, const Kernel *k, const Stmt *s, Name label) {
    const Reduce *r = low_reduce(s);
    if (!r) return NULL;
    Name name = arena_printf(a, "%s.%s", label, r->comb->kind == CK_USER ? r->comb->name : comb_names[r->comb->kind]);
    for (int i = 0; i < k->stmts.n; i++)
        if (!strcmp(k->stmts.at[i]->targets.at[0].tensor->name, name)) return NULL;
    return name;
}

typedef struct Labels { Name at[6]; int n; } Labels;

/* Every way to name the statement. */
static Labels labels(Arena *a, const Kernel *k, const Stmt *s) {
    Labels l = {.n = 0};
    Name name = s->targets.at[0].tensor->name, from = origin(a, name);
    l.at[l.n++] = sched_label(a, k, s);
    if (l.at[0] != name) l.at[l.n++] = name;
    if (from != name) l.at[l.n++] = from;
    for (int i = 0, n = l.n; i < n; i++) {
        Name comb = comb_label(a, k, s, l.at[i]);
        if (comb) l.at[l.n++] = comb;
    }
    return l;
}

bool sched_means_stmt(Arena *a, const Kernel *k, const Stmt *s, const char *text) {
    Labels l = labels(a, k, s);
    for (int i = 0; i < l.n; i++)
        if (!strcmp(l.at[i], text)) return true;
    return false;
}

/* text is LABEL.name for a label of the statement. */
static bool is_part(const Labels *l, const char *text, Name name) {
    for (int i = 0; i < l->n; i++) {
        size_t n = strlen(l->at[i]);
        if (!strncmp(text, l->at[i], n) && text[n] == '.' && !strcmp(text + n + 1, name)) return true;
    }
    return false;
}

bool sched_means_axis(Arena *a, const Kernel *k, const Stmt *s, const Index *i, const char *text) {
    Name name = sched_axis_label(a, s, i);
    if (!name) return false;
    if (!strchr(text, '.')) return !strcmp(name, text);
    Labels l = labels(a, k, s);
    /* an index over parts is lowering's own: the author's name of the statement does not reach it, "s.part" is that of the join */
    if (sched_is_derived(a, s->targets.at[0].tensor->name) && !strcmp(i->name, SCHED_PARTS)) l.n = 1;
    if (is_part(&l, text, name)) return true;
    bool of_reduction = low_reduce(s) && sched_axis_at(s, sched_n_axes(s) - 1) != NULL;
    for (int q = 0; q < s->idx.n; q++) of_reduction &= s->idx.at[q] != i;
    Labels reductions = {.n = 0};
    for (int q = 0; of_reduction && q < l.n && reductions.n < 6; q++) {
        Name comb = comb_label(a, k, s, l.at[q]);
        if (comb) reductions.at[reductions.n++] = comb;
    }
    return is_part(&reductions, text, i->name);
}

bool sched_means_tensor(Arena *a, const Kernel *k, const Stmt *s, const Tensor *t, const char *text) {
    if (!strcmp(t->name, text) || !strcmp(origin(a, t->name), text)) return true;
    Labels l = labels(a, k, s);
    if (sched_is_derived(a, s->targets.at[0].tensor->name)) l.n = 1;
    Labels own = {.at = {l.at[0]}, .n = 1};     /* names that lowering gave are said in full */
    return is_part(origin(a, t->name) == t->name ? &l : &own, text, t->name) || is_part(&l, text, origin(a, t->name));
}

void sched_tensors(Low *l, const Stmt *s, SchedTensors *to) {
    LowReads reads = {0};
    low_reads(l->a, s->value, &reads);
    for (int i = 0; i < reads.n; i++) vec_push(l->a, to, reads.at[i]->tensor);
    for (int i = 0; i < s->targets.n; i++) vec_push(l->a, to, s->targets.at[i].tensor);
}

/* --- names that mean nothing ------------------------------------------------------------------------------------------------------- */

typedef enum Sort { SORT_STMT, SORT_AXIS, SORT_TENSOR } Sort;
static const Sort sorts[S_COUNT] = {
    [S_TILE] = SORT_AXIS, [S_PLACE] = SORT_AXIS, [S_ORDER] = SORT_AXIS, [S_STAGE] = SORT_TENSOR, [S_KEEP] = SORT_TENSOR, [S_STORE] = SORT_STMT,
    [S_FUSE] = SORT_STMT, [S_ENGINE] = SORT_STMT, [S_BUFFERS] = SORT_TENSOR, [S_SPLIT] = SORT_AXIS, [S_TUNE] = SORT_AXIS,
};
static const char *const sort_words[] = {"statement", "index of a loop", "tensor"};

typedef VEC(const char *) Words;

static bool means(Low *l, const Stmt *s, Sort sort, const char *text, Words *all) {
    SchedTensors tensors = {0};
    bool found = false;
    Name label = sched_label(l->a, l->k, s);
    if (sort == SORT_STMT) {
        vec_push(l->a, all, label);
        return sched_means_stmt(l->a, l->k, s, text);
    }
    if (sort == SORT_TENSOR) sched_tensors(l, s, &tensors);
    for (int i = 0; i < tensors.n; i++) {
        vec_push(l->a, all, tensors.at[i]->name);
        found |= sched_means_tensor(l->a, l->k, s, tensors.at[i], text);
    }
    for (int q = 0; sort == SORT_AXIS && q < sched_n_axes(s); q++) {
        const Index *i = sched_axis_at(s, q);
        Name name = sched_axis_label(l->a, s, i);
        vec_push(l->a, all, name);
        vec_push(l->a, all, arena_printf(l->a, "%s.%s", label, name));
        found |= sched_means_axis(l->a, l->k, s, i, text);
    }
    return found;
}

static void check_name(Low *l, AName name, Sort sort) {
    Words all = {0};
    bool found = false;
    for (int i = 0; i < l->k->stmts.n && !found; i++) found = means(l, l->k->stmts.at[i], sort, name.text, &all);
    for (int i = 0; i < l->k->facts.n && !found && sort == SORT_AXIS; i++)
        for (int q = 0; q < l->k->facts.at[i].idx.n; q++)
            found |= !strcmp(name.text, arena_printf(l->a, "%s.%s", sched_fact_label(l->a, &l->k->facts.at[i]), l->k->facts.at[i].idx.at[q]->name));
    if (found) return;
    l->sched->refused = true;
    Diag *d = diag_error(l->sched->diags, name.span, "'%s' is no %s of '%s'", name.text, sort_words[sort], l->k->name);
    const char *guess = diag_nearest(name.text, all.at, all.n);
    if (guess) diag_edit(d, name.span, guess, "did you mean '%s'?", guess);
}

void sched_check_names(Low *l, bool splits) {
    for (int i = 0; l->sched->s && i < l->sched->s->items.n; i++) {
        const ScheduleItem *x = &l->sched->s->items.at[i];
        if ((x->word == S_SPLIT) != splits) continue;
        if (splits && x->block) diag_help(sched_refuse(l, x, "the parts of a reduction are the same for all sizes"), "legal is the same outside of 'when'");
        for (int n = 0; n < x->names.n; n++) check_name(l, x->names.at[n], sorts[x->word]);
        if (x->word == S_FUSE) check_name(l, x->to, SORT_STMT);
        if (x->per.text) check_name(l, x->per, SORT_AXIS);
    }
}

/* --- lookups ------------------------------------------------------------------------------------------------------------------------ */

static bool is_own(const char *label, const char *text) {
    size_t n = strlen(label);
    return !strncmp(text, label, n) && text[n] == '.';
}

/* s is a part of the statement that the text names: what is said of the join of parts, or of what is computed with it, makes no variant
 * of s; nor what is said of the whole where s has directives of its own of that kind. */
static bool is_of_whole(Low *l, ScheduleWord w, const Stmt *s, const char *text) {
    Name name = s->targets.at[0].tensor->name, full = sched_label(l->a, l->k, s);
    bool of_stmt = sorts[w] == SORT_STMT, apart = of_stmt && (sched_is_derived(l->a, name) || ((w == S_FUSE || w == S_STORE) && origin(l->a, name) != name));
    if (!strcmp(text, full) || is_own(full, text) || (!of_stmt && !strchr(text, '.'))) return false;
    for (int i = 0; i < l->sched->s->items.n && !apart; i++)
        for (int n = 0; n < l->sched->s->items.at[i].names.n; n++) {
            const char *other = l->sched->s->items.at[i].names.at[n].text;
            apart |= l->sched->s->items.at[i].word == w && (of_stmt ? !strcmp(other, full) : is_own(full, other));
        }
    return apart;
}

typedef struct Query { Low *l; ScheduleWord word; const Stmt *s; const Index *i; const Tensor *t; } Query;

/* How a statement's loops are placed or ordered, or how this one is cut, is said of it in full, so what is said of the statement that it was
 * a part of is not meant. */
static bool is_placed_apart(const Query *q, const char *text) {
    Arena *a = q->l->a;
    Name label = sched_label(a, q->l->sched->k, q->s), axis = q->word == S_TILE ? arena_printf(a, "%s.%s", label, sched_axis_label(a, q->s, q->i)) : NULL;
    if ((q->word != S_PLACE && q->word != S_ORDER && !axis) || !strchr(text, '.') || is_own(label, text)) return false;
    for (int i = 0; i < q->l->sched->s->items.n; i++)
        for (int n = 0; n < q->l->sched->s->items.at[i].names.n; n++) {
            const char *other = q->l->sched->s->items.at[i].names.at[n].text;
            if (q->l->sched->s->items.at[i].word == q->word && (axis ? !strcmp(axis, other) : is_own(label, other))) return true;
        }
    return false;
}

static bool answers(const Query *q, const char *text) {
    Arena *a = q->l->a;
    if (q->i) return sched_means_axis(a, q->l->sched->k, q->s, q->i, text) && !is_placed_apart(q, text);
    if (q->t) return sched_means_tensor(a, q->l->sched->k, q->s, q->t, text);
    if (!sched_means_stmt(a, q->l->sched->k, q->s, text)) return false;
    Name name = q->s->targets.at[0].tensor->name, from = origin(a, name);
    if (q->word == S_ENGINE && is_of_whole(q->l, q->word, q->s, text)) return false;
    bool groups = q->word == S_FUSE || q->word == S_STORE;     /* of what a statement was made into, this is said part by part */
    return !groups || from == name || strncmp(text, from, strlen(text)) != 0;
}

/* In the block: what is said of the thing itself before what is said of all of its name. */
static const ScheduleItem *in_block(const Query *q, int block) {
    const ScheduleItem *found = NULL;
    bool exact = false;
    for (int i = 0; i < q->l->sched->s->items.n; i++) {
        const ScheduleItem *x = &q->l->sched->s->items.at[i];
        if (x->word != q->word || x->block != block) continue;
        for (int n = 0; n < x->names.n; n++) {
            if (exact || !answers(q, x->names.at[n].text)) continue;
            exact = strchr(x->names.at[n].text, '.') != NULL;
            if (!found || exact) found = x;
        }
    }
    return found;
}

static bool speaks_of(Low *l, const ScheduleItem *x, const Stmt *s) {
    Words none = {0};
    bool found = !x->names.n;
    for (int n = 0; n < x->names.n && !found; n++)
        found = means(l, s, sorts[x->word], x->names.at[n].text, &none) && !is_of_whole(l, x->word, s, x->names.at[n].text);
    return found || (x->word == S_FUSE && sched_means_stmt(l->a, l->k, s, x->to.text) && !is_of_whole(l, x->word, s, x->to.text));
}

static bool says_of(const Query *q, const ScheduleItem *x) {
    for (int n = 0; n < x->names.n; n++)
        if (answers(q, x->names.at[n].text)) return true;
    return false;
}

/* What stands outside of the block is not in force for the statement: the block says how it is grouped, and what stands outside has its
 * full name; or both place or order its loops. */
static bool is_hidden(const Query *q, const ScheduleItem *outside, bool full) {
    const Sched *c = q->l->sched;
    for (int i = 0; c->block && i < c->s->items.n; i++) {
        const ScheduleItem *x = &c->s->items.at[i];
        if (x->block != c->block) continue;
        bool groups = full && (x->word == S_FUSE || x->word == S_STORE) , loops = x->word == outside->word && (x->word == S_PLACE || x->word == S_ORDER);
        bool held = q->t && ((x->word == S_KEEP && outside->word == S_STAGE) || (x->word == S_STAGE && outside->word == S_KEEP));
        if ((groups || loops || held) && (held ? says_of(q, x) : speaks_of(q->l, x, q->s))) return true;
    }
    return false;
}

static const ScheduleItem *find(const Query *q) {
    const Sched *c = q->l->sched;
    if (!c->s) return NULL;
    const ScheduleItem *x = c->block ? in_block(q, c->block) : NULL;
    if (x) return x;
    x = in_block(q, 0);
    bool full = q->s && x && (x->word == S_FUSE || x->word == S_STORE);
    for (int n = 0; x && n < x->names.n; n++) full |= strchr(x->names.at[n].text, '.') != NULL;
    return x && is_hidden(q, x, full) ? NULL : x;
}

const ScheduleItem *sched_axis(Low *l, ScheduleWord w, const Stmt *s, const Index *i) { return find(&(Query){.l = l, .word = w, .s = s, .i = i}); }

const ScheduleItem *sched_stmt(Low *l, ScheduleWord w, Group g) {
    const ScheduleItem *x = NULL;
    for (int i = g.first; !x && i < g.first + g.n; i++) x = find(&(Query){.l = l, .word = w, .s = l->k->stmts.at[i]});
    return x;
}

const ScheduleItem *sched_outer(Low *l, ScheduleWord w, Group g, int q) {
    const ScheduleItem *x = NULL;
    for (int i = g.first + g.n; !x && i-- > g.first;)
        if (q < l->k->stmts.at[i]->idx.n) x = sched_axis(l, w, l->k->stmts.at[i], l->k->stmts.at[i]->idx.at[q]);
    return x;
}

const ScheduleItem *sched_tensor(Low *l, ScheduleWord w, Group g, const Tensor *t) {
    const ScheduleItem *x = NULL;
    for (int i = g.first + g.n; !x && i-- > g.first;) x = find(&(Query){.l = l, .word = w, .s = l->k->stmts.at[i], .t = t});
    return x;
}

int64_t sched_tile(Low *l, const Stmt *s, const Index *i) {
    const ScheduleItem *x = sched_axis(l, S_TILE, s, i);
    return x ? x->number : -1;
}

int64_t sched_fact_tile(Low *l, const Fact *f, const Index *i) {
    for (int n = 0; l->sched->s && n < l->sched->s->items.n; n++) {
        const ScheduleItem *x = &l->sched->s->items.at[n];
        if (x->word == S_TILE && !x->block && !strcmp(x->names.at[0].text, arena_printf(l->a, "%s.%s", sched_fact_label(l->a, f), i->name))) return x->number;
    }
    return -1;
}

const ScheduleItem *sched_slots_item(Low *l, Group g, const Tensor *t) {
    if (!l->sched->s) return NULL;
    const ScheduleItem *x = sched_tensor(l, S_STAGE, g, t);
    if (!x || !x->number) x = sched_tensor(l, S_BUFFERS, g, t);
    for (int block = l->sched->block; !x; block = 0) {
        for (int i = 0; !x && i < l->sched->s->items.n; i++) {
            const ScheduleItem *y = &l->sched->s->items.at[i];
            if (y->word == S_BUFFERS && !y->names.n && y->block == block) x = y;
        }
        if (!block) break;
    }
    return x;
}

int sched_slots(Low *l, Group g, const Tensor *t, int otherwise) {
    const ScheduleItem *x = sched_slots_item(l, g, t);
    return x ? (int)x->number : otherwise;
}

bool sched_is_stored(Low *l, int s) { return sched_stmt(l, S_STORE, (Group){s, 1}) != NULL; }

int sched_group(Low *l, int first) {
    int last = first;
    if (!l->sched->s) return 0;
    if (sched_is_stored(l, first)) return 1;
    for (int i = first; i <= last && i < l->k->stmts.n; i++) {
        const ScheduleItem *x = sched_stmt(l, S_FUSE, (Group){i, 1});
        for (int to = l->k->stmts.n; x && to-- > last;)
            if (sched_means_stmt(l->a, l->k, l->k->stmts.at[to], x->to.text)) last = to;
    }
    return last > first ? last - first + 1 : 0;
}

bool sched_engine_is(Low *l, const Stmt *s, const char *name) {
    const ScheduleItem *x = find(&(Query){.l = l, .word = S_ENGINE, .s = s});
    return x && !strcmp(x->to.text, name);
}

bool sched_engine_other(Low *l, const Stmt *s, const char *name) {
    const ScheduleItem *x = find(&(Query){.l = l, .word = S_ENGINE, .s = s});
    return x && strcmp(x->to.text, name);
}

bool sched_is_block(const Low *l, const char *word) {
    for (int i = 0; i < l->m->engines.n; i++)
        if (l->m->engines.at[i]->class == ENGINE_BLOCK && !strcmp(l->m->engines.at[i]->engine, word)) return true;
    return false;
}

bool sched_keeps_product(Low *l, const Stmt *s) {
    const ScheduleItem *engine = find(&(Query){.l = l, .word = S_ENGINE, .s = s});
    if (!engine || sched_is_block(l, engine->to.text)) return false;
    const char *part = arena_printf(l->a, "%s.dot", s->targets.at[0].tensor->name);
    for (int i = 0; i < l->sched->s->items.n; i++)
        for (int n = 0; n < l->sched->s->items.at[i].names.n; n++)
            if (!strncmp(l->sched->s->items.at[i].names.at[n].text, part, strlen(part))) return false;
    return true;
}

bool sched_speaks(Low *l, int block, Group g) {
    for (int i = 0; i < l->sched->s->items.n; i++)
        for (int s = g.first; s < g.first + g.n && l->sched->s->items.at[i].block == block; s++)
            if (speaks_of(l, &l->sched->s->items.at[i], l->k->stmts.at[s])) return true;
    return false;
}

/* --- refusals ----------------------------------------------------------------------------------------------------------------------- */

Diag *sched_refuse(Low *l, const ScheduleItem *item, const char *format, ...) {
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = arena_alloc(l->a, (size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, format, list);
    va_end(list);
    l->sched->refused = true;
    const char *words = arena_strndup(l->a, item->span.src->text + item->span.lo, item->span.hi - item->span.lo);
    const char *word = schedule_word(item->word);
    bool whole = !strncmp(words, word, strlen(word));
    return diag_error(l->sched->diags, item->span, "'%s%s%s' can't be met: %s", whole ? "" : word, whole ? "" : " ", words, text);
}

bool sched_too_large(Low *l, Group g, int64_t bytes, int64_t room) {
    const ScheduleItem *x = NULL;
    for (int s = g.first; s < g.first + g.n; s++) {
        const Stmt *st = l->k->stmts.at[s];
        SchedTensors tensors = {0};
        sched_tensors(l, st, &tensors);
        for (int i = 0; i < tensors.n && !x; i++) {
            const ScheduleItem *slots = sched_slots_item(l, g, tensors.at[i]);
            if (slots && slots->number > 2) x = slots;
        }
        for (int q = 0; q < sched_n_axes(st) && !x; q++) x = sched_axis(l, S_TILE, st, sched_axis_at(st, q));
    }
    if (!x) return false;
    Diag *d = sched_refuse(l, x, "with it the tiles of '%s' take %lld bytes of a PE's local memory; there are %lld", sched_label(l->a, l->k, l->k->stmts.at[g.first + g.n - 1]),
                           (long long)bytes, (long long)room);
    diag_help(d, "smaller tiles, or fewer buffers");
    return true;
}

/* --- alternatives ------------------------------------------------------------------------------------------------------------------- */

void sched_case(Low *l, Expr *guard) { vec_push(l->a, &l->sched->cases, ((LowCase){guard, l->p->stages.n})); }

static bool is_conjunct(const Expr *all, const Expr *e) {
    if (expr_equal(all, e)) return true;
    return all->kind == X_OP && all->op == OP_AND && (is_conjunct(all->args.at[0], e) || is_conjunct(all->args.at[1], e));
}

bool sched_implies(const Low *l, const Expr *guard) {
    const Expr *all = sched_guard(l);
    return all && is_conjunct(all, guard);
}
