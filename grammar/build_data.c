/* Schedules, tests and machines: they keep the shape of their text. */
#include "grammar/build.h"

#define MOVE(to, from) ((to).at = (from)->at, (to).n = (from)->n, (to).cap = (from)->cap)

static Span from_to(Build *b, Tok first, Tok last) { return span_join(build_span(b, first), build_span(b, last)); }

/* ---- schedules ---- */

void build_schedule(Build *b, Tok keyword, Tok name, Tok kernel, ACargs *cargs, Tok machine) {
    ASchedule *s = b->schedule = NEW(b->arena, ASchedule);
    s->span = build_span(b, keyword);
    s->name = build_aname(b, name);
    s->kernel = build_aname(b, kernel);
    s->machine = build_aname(b, machine);
    if (cargs) s->cargs = *cargs;
}

void build_schedule_end(Build *b, ADirectives *list, Tok close) {
    ASchedule *s = b->schedule;
    s->span = span_join(s->span, build_span(b, close));
    MOVE(s->body, list);
    if (s->name.text) vec_push(b->arena, &b->file->schedules, s);
}

ADirectives *build_directives(Build *b) { return NEW(b->arena, ADirectives); }

void build_directive_add(Build *b, ADirectives *list, ADirective *d) {
    if (d) vec_push(b->arena, list, d);
}

ADirective *build_directive(Build *b, Tok word, AClauses *clauses) {
    ADirective *d = NEW(b->arena, ADirective);
    d->span = build_span(b, word);
    d->word = build_aname(b, word);
    d->clauses = *clauses;
    if (clauses->n) {
        const AAtoms *last = &clauses->at[clauses->n - 1];
        d->span = span_join(d->span, last->at[last->n - 1]->span);
    }
    return d;
}

ADirective *build_when(Build *b, Tok keyword, AExpr *guard, ADirectives *body, Tok close) {
    ADirective *d = NEW(b->arena, ADirective);
    d->span = from_to(b, keyword, close);
    d->word = build_aname(b, keyword);
    d->guard = guard;
    MOVE(d->body, body);
    return d;
}

AClauses *build_clauses(Build *b, AClauses *list, AAtoms *clause) {
    if (!list) list = NEW(b->arena, AClauses);
    if (clause) vec_push(b->arena, list, *clause);
    return list;
}

AAtoms *build_atoms(Build *b, AAtoms *list, AAtom *atom) {
    if (!list) list = NEW(b->arena, AAtoms);
    vec_push(b->arena, list, atom);
    return list;
}

AAtom *build_atom(Build *b, AAtomKind kind, Tok first, Tok last, AAtoms *items) {
    AAtom *a = NEW(b->arena, AAtom);
    a->kind = kind;
    a->span = from_to(b, first, last);
    if (items) a->items = *items;
    return a;
}

AAtom *build_atom_number(Build *b, Tok t) {
    AAtom *a = build_atom(b, t.code == T_INT ? AA_INT : AA_FLOAT, t, t, NULL);
    if (t.code == T_INT) a->i = t.i;
    a->f = t.code == T_INT ? (double)t.i : t.f;
    return a;
}

AAtom *build_atom_name(Build *b, AAtom *before, Tok word) {
    if (!before) {
        AAtom *a = build_atom(b, AA_NAME, word, word, NULL);
        a->text = word.name;
        return a;
    }
    before->text = name_of(b->names, arena_printf(b->arena, "%s.%s", before->text, word.name));
    before->span = span_join(before->span, build_span(b, word));
    return before;
}

/* ---- tests ---- */

void build_test(Build *b, Tok keyword, Tok kernel, ACargs *cargs, Tok machine) {
    b->test = NEW(b->arena, ATest);
    b->test->span = build_span(b, keyword);
    b->test->kernel = build_aname(b, kernel);
    b->test->machine = build_aname(b, machine);
    if (cargs) b->test->cargs = *cargs;
}

void build_test_end(Build *b, Tok close) {
    b->test->span = span_join(b->test->span, build_span(b, close));
    if (b->test->kernel.text) vec_push(b->arena, &b->file->tests, b->test);
}

void build_case_data(Build *b, ACaseKind kind, Tok first, Tok name, AData *data) {
    ACase c = {.kind = kind, .span = span_join(build_span(b, first), data->span), .name = build_aname(b, name), .data = data};
    vec_push(b->arena, &b->test->cases, c);
}

void build_case_values(Build *b, ACaseKind kind, Tok name, Tok law, AExprs *values, Tok close) {
    ACase c = {.kind = kind, .span = from_to(b, name, close), .name = build_aname(b, name)};
    if (kind == AC_RANDOM) c.law = build_aname(b, law);
    if (values) c.values = *values;
    vec_push(b->arena, &b->test->cases, c);
}

AData *build_data(Build *b, AExpr *value) {
    AData *d = NEW(b->arena, AData);
    d->span = value->whole;
    d->value = value;
    return d;
}

AData *build_data_list(Build *b, Tok open, AData *first) {
    AData *d = NEW(b->arena, AData);
    d->span = build_span(b, open);
    d->is_list = true;
    if (first) vec_push(b->arena, &d->items, first);
    return d;
}

void build_data_add(Build *b, AData *list, AData *d) { vec_push(b->arena, &list->items, d); }

void build_data_end(Build *b, AData *list, Tok close) { list->span = span_join(list->span, build_span(b, close)); }

/* ---- machines ---- */

void build_machine(Build *b, Tok keyword, Tok name) {
    b->machine = NEW(b->arena, AMachine);
    b->machine->span = build_span(b, keyword);
    b->machine->name = build_aname(b, name);
}

void build_machine_end(Build *b, AEntries *entries, Tok close) {
    b->machine->span = span_join(b->machine->span, build_span(b, close));
    MOVE(b->machine->entries, entries);
    if (b->machine->name.text) vec_push(b->arena, &b->file->machines, b->machine);
}

AEntries *build_entries(Build *b) { return NEW(b->arena, AEntries); }

void build_entry_add(Build *b, AEntries *list, AEntry *e) {
    if (e) vec_push(b->arena, list, e);
}

AEntry *build_entry(Build *b, Tok key) {
    AEntry *e = NEW(b->arena, AEntry);
    e->span = build_span(b, key);
    e->key = build_aname(b, key);
    return e;
}

void build_value_add(Build *b, AEntry *e, AValue v) {
    vec_push(b->arena, &e->values, v);
    e->span = span_join(e->span, v.span);
}

AEntry *build_meaning(Build *b, ATarget target, AExpr *value) {
    AEntry *e = NEW(b->arena, AEntry);
    e->stmt = build_stmt(b, target.span);
    build_target_add(b, e->stmt, target);
    e->stmt->value = value;
    e->span = e->stmt->span = span_join(target.span, value->whole);
    return e;
}

AEntry *build_entry_source(Build *b, AEntry *e, Tok source) {
    e->source = build_aname(b, source);
    e->span = span_join(e->span, e->source.span);
    return e;
}

AEntry *build_group(Build *b, Tok key, const Tok *label, AEntries *entries, Tok close) {
    AEntry *e = build_entry(b, key);
    e->is_group = true;
    if (label) e->label = build_aname(b, *label);
    MOVE(e->entries, entries);
    e->span = span_join(e->span, build_span(b, close));
    return e;
}

AValue build_value_name(Build *b, Tok name) {
    return (AValue){.is_name = true, .name = build_aname(b, name), .span = build_span(b, name)};
}

AValue build_value_prefix(Build *b, AValue v, Tok name) {
    v.name = build_aname(b, name);
    v.span = span_join(v.name.span, v.span);
    return v;
}

AValue build_value_number(Build *b, Tok number, const Tok *unit, const Tok *per) {
    AValue v = {.span = build_span(b, number), .is_int = number.code == T_INT};
    if (v.is_int) v.i = number.i;
    v.f = v.is_int ? (double)number.i : number.f;
    if (unit) v.unit = build_aname(b, *unit);
    if (per) v.per = build_aname(b, *per);
    v.span = span_join(v.span, per ? v.per.span : unit ? v.unit.span : v.span);
    return v;
}
