#include "sim/model.h"
#include "sim/harness.h"
#include <ctype.h>

typedef __int128 Wide;
enum { TICKS = 1024, MAX_VALUES = 128 };

/* num / den: a count, ticks, or (rate) ticks of one unit. */
typedef struct Value { const char *path; Wide num, den; bool rate; } Value;
struct Model { Value at[MAX_VALUES]; int n; };

static Wide gcd(Wide a, Wide b) {
    while (b) { Wide t = a % b; a = b; b = t; }
    return a ? a : 1;
}

static void put(Model *m, const char *path, Wide num, Wide den, bool rate) {
    if (m->n == MAX_VALUES) fail_msg("more values than the model holds");
    Wide g = gcd(num, den);
    m->at[m->n++] = (Value){path, num / g, den / g, rate};
}

/* ---- the text: one key a line, groups by name ---- */

static const struct { const char *name; int64_t scale; } units[] = {
    {"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"GB", 1000000000}, {"TB", 1000000000000}, {"GHz", 1000000000}, {"mac", 1}, {"op", 1},
};

typedef struct Line { char group[16], key[24]; const char *values; size_t n; } Line;   /* values: from behind the key to the source */

/* The next line that gives a value, at or after *s, which moves behind it. */
static bool next_line(const char **s, Line *l) {
    while (**s) {
        const char *b = *s, *e = b + strcspn(b, "\n");
        *s = *e ? e + 1 : e;
        b += strspn(b, " ");
        size_t word = strcspn(b, " \n");
        if (*b == '#' || b == e) continue;
        if (*b == '}') { l->group[0] = 0; continue; }
        const char *brace = memchr(b, '{', (size_t)(e - b)), *quote = memchr(b, '"', (size_t)(e - b));
        if (!strncmp(b, "machine ", 8)) continue;
        if (brace && !quote) {
            const char *last = brace;
            while (last[-1] == ' ') last--;
            const char *first = last;
            while (first > b && first[-1] != ' ') first--;
            snprintf(l->group, sizeof l->group, "%.*s", (int)(last - first), first);
            continue;
        }
        if (!quote) fail_msg("a line of a machine file that is not understood: %.60s", b);
        snprintf(l->key, sizeof l->key, "%.*s", (int)word, b);
        l->values = b + word;
        l->n = (size_t)(quote - l->values);
        return true;
    }
    return false;
}

/* A decimal as a fraction; *end is behind it. */
static void decimal(const char *s, char **end, Wide *num, Wide *den) {
    *num = 0;
    *den = 1;
    for (bool point = false; isdigit((unsigned char)*s) || *s == '.'; s++) {
        if (*s == '.') { point = true; continue; }
        *num = *num * 10 + (*s - '0');
        if (point) *den *= 10;
    }
    *end = (char *)s;
}

/* One value: [TYPE] NUMBER [UNIT[/PER]]. */
static void read_value(Model *m, Arena *a, const char *path, const char *s, Wide hz) {
    s += strspn(s, " ");
    if (isalpha((unsigned char)*s)) {
        char type[12] = "";
        size_t n = strcspn(s, " ,\"");
        const char *behind = s + n + strspn(s + n, " ");
        if (!isdigit((unsigned char)*behind)) { put(m, path, n == 3 && !strncmp(s, "yes", 3), 1, false); return; }
        snprintf(type, sizeof type, "%.*s", (int)n, s);
        path = arena_printf(a, "%s.%s", path, type);
        s = behind;
    }
    Wide num, den;
    char unit[16] = "", per[16] = "", *end;
    decimal(s, &end, &num, &den);
    sscanf(end, " %15[A-Za-z]/%15[a-z]", unit, per);
    if (!strcmp(unit, "cycles") || !strcmp(unit, "cycle")) { put(m, path, num * TICKS, den, false); return; }
    if (!strcmp(unit, "ns")) { put(m, path, (2 * num * hz * TICKS + den * 1000000000) / (2 * den * 1000000000), 1, false); return; }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (!strcmp(units[i].name, unit)) num *= units[i].scale;
    if (!*per) put(m, path, num, den, false);
    else if (!strcmp(per, "cycle")) put(m, path, TICKS * den, num, true);
    else put(m, path, TICKS * hz * den, num, true);
}

static Wide clock_of(const char *text) {
    Line l = {0};
    while (next_line(&text, &l))
        if (!strcmp(l.key, "clock")) {
            Wide num, den;
            char *end;
            decimal(l.values + strspn(l.values, " "), &end, &num, &den);
            return num * 1000000000 / den;
        }
    fail_msg("a machine without a clock");
    return 0;
}

static const char *path_of(Arena *a, const Line *l) { return arena_printf(a, "%s%s%s", l->group, *l->group ? "." : "", l->key); }

Model *model_read(Arena *a, const char *text) {
    Model *m = NEW(a, Model);
    Wide hz = clock_of(text);
    Line l = {0};
    while (next_line(&text, &l)) {
        const char *path = path_of(a, &l), *s = l.values, *end = s + l.n;
        int i = 0;
        bool list = memchr(s, ',', l.n) && isdigit((unsigned char)s[strspn(s, " ")]);
        for (; s < end; s += strcspn(s, ",\"") + 1) read_value(m, a, list ? arena_printf(a, "%s.%d", path, i++) : path, s, hz);
    }
    put(m, "cycle", TICKS, 1, false);
    return m;
}

/* ---- variants ---- */

static bool line_named(Arena *a, const char *text, const char *path, Line *l) {
    *l = (Line){0};
    while (next_line(&text, l))
        if (!strcmp(path_of(a, l), path)) return true;
    return false;
}

/* A number of the values, not a digit of a name ("f16"). */
static bool number_at(const char *s) { return isdigit((unsigned char)*s) && (s[-1] == ' ' || s[-1] == ','); }

char *model_scale(Arena *a, const char *text, const char *path, double factor) {
    Line l;
    if (!line_named(a, text, path, &l)) fail_msg("the machine has no '%s'", path);
    char *out = arena_printf(a, "%.*s", (int)(l.values - text), text);
    const char *s = l.values, *end = l.values + l.n, *from = s;
    for (; s < end; s++) {
        if (!number_at(s)) continue;
        char *behind;
        double x = strtod(s, &behind);
        out = arena_printf(a, "%s%.*s%.12g", out, (int)(s - from), from, x * factor);
        from = s = behind;
    }
    return arena_printf(a, "%s%s", out, from);
}

char *model_set(Arena *a, const char *text, const char *path, const char *value) {
    Line l;
    if (!line_named(a, text, path, &l)) fail_msg("the machine has no '%s'", path);
    return arena_printf(a, "%.*s %s %s", (int)(l.values - text), text, value, l.values + l.n);
}

/* ---- expressions ---- */

typedef struct Reader { const Model *m; const char *s, *all; int64_t n; } Reader;

static void space(Reader *r) { while (*r->s == ' ') r->s++; }
static bool accept(Reader *r, char c) {
    space(r);
    if (*r->s != c) return false;
    r->s++;
    return true;
}
static void expect(Reader *r, char c) {
    if (!accept(r, c)) fail_msg("'%c' expected at '%s' of '%s'", c, r->s, r->all);
}

static int64_t sum(Reader *r);

static const Value *value_named(Reader *r, const char *name) {
    for (int i = 0; i < r->m->n; i++)
        if (!strcmp(r->m->at[i].path, name)) return &r->m->at[i];
    fail_msg("no value '%s', of '%s'", name, r->all);
    return NULL;
}

static int64_t whole(const Value *v, const char *name) {
    if (v->rate || v->den != 1) fail_msg("'%s' is a rate or no whole number", name);
    return (int64_t)v->num;
}

static int64_t up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* When `t` falls into a refresh of the bank: its end. */
static int64_t refresh(Reader *r, int64_t t, int64_t bank) {
    int64_t every = whole(value_named(r, "dram.refresh_every"), ""), banks = whole(value_named(r, "dram.banks"), ""), takes = whole(value_named(r, "dram.refresh"), "");
    for (int64_t at = bank * every; at <= t; at += banks * every)
        if (t < at + takes) return at + takes;
    return t;
}

static int64_t call(Reader *r, const char *name) {
    int64_t a = sum(r), b = accept(r, ',') ? sum(r) : 0;
    expect(r, ')');
    if (!strcmp(name, "max")) return a > b ? a : b;
    if (!strcmp(name, "min")) return a < b ? a : b;
    if (!strcmp(name, "ceil")) return up(a, b);
    if (!strcmp(name, "refresh")) return refresh(r, a, b);
    const Value *v = value_named(r, name);
    if (!v->rate) fail_msg("'%s' is no rate, of '%s'", name, r->all);
    return (int64_t)((a * v->num + v->den - 1) / v->den);
}

static int64_t primary(Reader *r) {
    char name[48];
    size_t n = 0;
    if (accept(r, '(')) {
        int64_t v = sum(r);
        expect(r, ')');
        return v;
    }
    if (isdigit((unsigned char)*r->s)) return strtoll(r->s, (char **)&r->s, 10);
    while ((isalnum((unsigned char)*r->s) || *r->s == '_' || *r->s == '.') && n < sizeof name - 1) name[n++] = *r->s++;
    name[n] = 0;
    if (!n) fail_msg("a value is expected at '%s' of '%s'", r->s, r->all);
    if (accept(r, '(')) return call(r, name);
    return strcmp(name, "n") ? whole(value_named(r, name), name) : r->n;
}

static int64_t product(Reader *r) {
    int64_t v = primary(r);
    while (accept(r, '*')) v *= primary(r);
    return v;
}

static int64_t sum(Reader *r) {
    int64_t v = product(r);
    for (;;) {
        if (accept(r, '+')) v += product(r);
        else if (accept(r, '-')) v -= product(r);
        else return v;
    }
}

int64_t model_eval(const Model *m, const char *expression, int64_t n) {
    Reader r = {m, expression, expression, n};
    int64_t v = sum(&r);
    space(&r);
    if (*r.s) fail_msg("'%s' is left of '%s'", r.s, expression);
    return v;
}
