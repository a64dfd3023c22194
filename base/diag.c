#include "base/diag.h"
#include "base/vec.h"
#include <stdlib.h>
#include <string.h>

typedef enum PartKind { PART_HEAD, PART_NOTE, PART_HELP, PART_EDIT } PartKind;
typedef struct Part { PartKind kind; Span at; const char *text, *edit; } Part;

struct Diag {
    Diags *owner;
    bool warning;
    int order;               /* of being reported */
    VEC(Part) parts;         /* the first is the head */
};

struct Diags {
    Arena *arena;
    VEC(Diag *) kept;
    int n_errors, n_dropped; /* dropped: errors beyond DIAG_MAX */
};

Diags *diags_new(Arena *a) {
    Diags *d = NEW(a, Diags);
    d->arena = a;
    return d;
}

static bool same_span(Span a, Span b) { return a.src == b.src && a.lo == b.lo && a.hi == b.hi; }

enum { TEXT_MAX = 2000 };    /* bytes of one text: what a program puts into it may be a page long */

static const char *brief(Arena *a, char *text) {
    if (strlen(text) <= TEXT_MAX) return text;
    int n = TEXT_MAX - 3;
    while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) n--;
    return arena_printf(a, "%.*s...", n, text);
}

static Diag *report(Diags *d, bool warning, Span at, const char *format, va_list args) {
    Diag *g = NEW(d->arena, Diag);
    *g = (Diag){.owner = d, .warning = warning, .order = d->kept.n};
    vec_push(d->arena, &g->parts, ((Part){PART_HEAD, at, brief(d->arena, arena_vprintf(d->arena, format, args)), NULL}));
    for (int i = 0; i < d->kept.n && at.src; i++) {
        const Diag *k = d->kept.at[i];
        if (k->warning == warning && same_span(k->parts.at[0].at, at)) return g;
    }
    if (!warning) d->n_errors++;
    if (d->kept.n < DIAG_MAX) vec_push(d->arena, &d->kept, g);
    else if (!warning) d->n_dropped++;
    return g;
}

Diag *diag_error(Diags *d, Span at, const char *format, ...) {
    va_list args;
    va_start(args, format);
    Diag *g = report(d, false, at, format, args);
    va_end(args);
    return g;
}

Diag *diag_warning(Diags *d, Span at, const char *format, ...) {
    va_list args;
    va_start(args, format);
    Diag *g = report(d, true, at, format, args);
    va_end(args);
    return g;
}

static void add_part(Diag *g, PartKind kind, Span at, const char *edit, const char *format, va_list args) {
    Arena *a = g->owner->arena;
    vec_push(a, &g->parts, ((Part){kind, at, brief(a, arena_vprintf(a, format, args)), edit}));
}

void diag_note(Diag *g, Span at, const char *format, ...) {
    va_list args;
    va_start(args, format);
    add_part(g, PART_NOTE, at, NULL, format, args);
    va_end(args);
}

void diag_help(Diag *g, const char *format, ...) {
    va_list args;
    va_start(args, format);
    add_part(g, PART_HELP, (Span){0}, NULL, format, args);
    va_end(args);
}

void diag_edit(Diag *g, Span at, const char *text, const char *format, ...) {
    va_list args;
    va_start(args, format);
    add_part(g, PART_EDIT, at, arena_strndup(g->owner->arena, text, strlen(text)), format, args);
    va_end(args);
}

int diag_errors(const Diags *d) { return d->n_errors; }

/* ---- printing ---- */

enum { WINDOW = 120 };       /* columns of a line that are shown at most */

typedef struct Paint { const char *bold, *error, *warning, *note, *help, *off; } Paint;
static const Paint plain = {"", "", "", "", "", ""};
static const Paint bright = {"\033[1m", "\033[1;31m", "\033[1;35m", "\033[1;36m", "\033[1;32m", "\033[0m"};

/* The length of the UTF-8 sequence at s (at most n bytes), or 0 when it is none: overlong forms, surrogates and control
 * characters included. */
static int utf8_length(const unsigned char *s, size_t n) {
    if (s[0] >= 0x20 && s[0] < 0x7f) return 1;
    int k = s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
    if (!k || (size_t)k > n) return 0;
    for (int i = 1; i < k; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    bool control = s[0] == 0xc2 && s[1] < 0xa0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool beyond = (s[0] == 0xed && s[1] >= 0xa0) || (s[0] == 0xf4 && s[1] >= 0x90);
    return control || overlong || beyond ? 0 : k;
}

/* What one character of source looks like: bytes read, columns shown, text to show. */
typedef struct Glyph { int bytes, columns; char text[8]; } Glyph;

static Glyph glyph_at(const char *s, size_t n) {
    Glyph g = {1, 1, ""};
    int k = utf8_length((const unsigned char *)s, n);
    if (k) {
        g.bytes = k;
        memcpy(g.text, s, (size_t)k);
    } else if (*s == '\t') {
        g.columns = 4;
        strcpy(g.text, "    ");
    } else {
        g.columns = 4;
        snprintf(g.text, sizeof g.text, "<%02x>", (unsigned char)*s);
    }
    return g;
}

static int columns_of(const char *s, size_t n) {
    int columns = 0;
    for (size_t i = 0; i < n;) {
        Glyph g = glyph_at(s + i, n - i);
        columns += g.columns;
        i += (size_t)g.bytes;
    }
    return columns;
}

/* A line of text with a marked part, both in bytes of `text`. */
typedef struct Line { const char *text; size_t n, lo, hi; } Line;

/* Cuts a line that is too wide to what stands around its mark; *cut_left and *cut_right say where text is missing. */
static Line window(Line l, bool *cut_left, bool *cut_right) {
    *cut_left = *cut_right = false;
    if (l.n <= WINDOW) return l;
    size_t from = l.lo > WINDOW / 2 ? l.lo - WINDOW / 2 : 0;
    size_t to = from + WINDOW < l.n ? from + WINDOW : l.n;
    while (from > 0 && from < l.lo && ((unsigned char)l.text[from] & 0xc0) == 0x80) from++;
    while (to > l.lo && to < l.n && ((unsigned char)l.text[to] & 0xc0) == 0x80) to--;
    *cut_left = from > 0;
    *cut_right = to < l.n;
    size_t hi = l.hi < to ? l.hi : to;
    return (Line){l.text + from, to - from, l.lo - from, (hi < l.lo ? l.lo : hi) - from};
}

static void print_text(Out *out, const char *s, size_t n) {
    for (size_t i = 0; i < n;) {
        Glyph g = glyph_at(s + i, n - i);
        out_s(out, g.text);
        i += (size_t)g.bytes;
    }
}

/* The line and under it the caret, `mark`, with ~ for the rest of the span. */
static void print_line(Out *out, int number, Line l, const char *mark, const char *on, const char *off) {
    bool left, right;
    l = window(l, &left, &right);
    out_f(out, "%5d | %s", number, left ? "..." : "");
    print_text(out, l.text, l.n);
    out_f(out, "%s\n      | %*s%s%s", right ? "..." : "", columns_of(l.text, l.lo) + (left ? 3 : 0), "", on, mark);
    int rest = columns_of(l.text + l.lo, l.hi - l.lo) - 1;
    for (int i = 0; i < rest; i++) out_s(out, *mark == '+' ? "+" : "~");
    out_f(out, "%s\n", off);
}

/* The line that `at` begins on; the mark ends with it when the span goes on. */
static Line line_of(Span at, int *number) {
    const Source *s = at.src;
    uint32_t lo = at.lo <= s->size ? at.lo : (uint32_t)s->size;
    Place p = source_place(s, lo);
    size_t from = s->line[p.line - 1];
    size_t to = p.line < s->n_lines ? s->line[p.line] - 1 : s->size;
    if (to > from && s->text[to - 1] == '\r') to--;
    if (lo > to) lo = (uint32_t)to;
    size_t hi = at.hi < lo ? lo : at.hi < to ? at.hi : to;
    *number = p.line;
    return (Line){s->text + from, to - from, lo - from, hi - from};
}

/* `again`: the part before has shown the line. */
static void print_head(Out *out, const Part *part, const char *kind, const char *tint, const Paint *paint, bool again) {
    out_s(out, paint->bold);
    if (part->at.src) {
        Place p = source_place(part->at.src, part->at.lo);
        print_text(out, part->at.src->path, strlen(part->at.src->path));
        out_f(out, ":%d:%d: ", p.line, p.column);
    }
    out_f(out, "%s%s%s%s: %s", paint->off, tint, kind, paint->off, paint->bold);
    print_text(out, part->text, strlen(part->text));
    out_f(out, "%s\n", paint->off);
    if (!part->at.src || again) return;
    int number;
    Line l = line_of(part->at, &number);
    print_line(out, number, l, "^", tint, paint->off);
}

/* An edit: its words, then the line as it will be, with + under what is new. An edit that holds line breaks, or removes some, is
 * shown by its words alone. */
static void print_edit(Out *out, const Part *part, Arena *a, const Paint *paint) {
    out_f(out, "%shelp%s: ", paint->help, paint->off);
    print_text(out, part->text, strlen(part->text));
    out_s(out, "\n");
    int number;
    if (!part->at.src) return;
    Line l = line_of(part->at, &number);
    if (strchr(part->edit, '\n') || part->at.hi - part->at.lo > l.hi - l.lo) return;
    size_t n_new = strlen(part->edit), n = l.n - (l.hi - l.lo) + n_new;
    char *text = arena_alloc(a, n + 1);
    memcpy(text, l.text, l.lo);
    memcpy(text + l.lo, part->edit, n_new);
    memcpy(text + l.lo + n_new, l.text + l.hi, l.n - l.hi);
    Line edited = {text, n, l.lo, l.lo + n_new};
    print_line(out, number, edited, n_new ? "+" : "", paint->help, paint->off);
}

static void print_diag(Out *out, const Diag *g, const Paint *paint) {
    for (int i = 0; i < g->parts.n; i++) {
        const Part *p = &g->parts.at[i], *before = p - (i > 0);
        bool again = i && p->at.src == before->at.src && p->at.lo == before->at.lo && p->at.hi == before->at.hi;
        if (p->kind == PART_HEAD && g->warning) print_head(out, p, "warning", paint->warning, paint, false);
        else if (p->kind == PART_HEAD) print_head(out, p, "error", paint->error, paint, false);
        else if (p->kind == PART_NOTE) print_head(out, p, "note", paint->note, paint, again);
        else if (p->kind == PART_EDIT) print_edit(out, p, g->owner->arena, paint);
        else {
            out_f(out, "%shelp%s: ", paint->help, paint->off);
            print_text(out, p->text, strlen(p->text));
            out_s(out, "\n");
        }
    }
}

/* A diagnostic beside the order in which its file was first reported on. */
typedef struct Ranked { int file; const Diag *diag; } Ranked;

static int compare(const void *x, const void *y) {
    const Ranked *a = x, *b = y;
    if (a->file != b->file) return a->file < b->file ? -1 : 1;
    uint32_t la = a->diag->parts.at[0].at.lo, lb = b->diag->parts.at[0].at.lo;
    if (la != lb) return la < lb ? -1 : 1;
    return (a->diag->order > b->diag->order) - (a->diag->order < b->diag->order);
}

void diag_print(const Diags *d, Out *out, bool colour) {
    int n = d->kept.n;
    Ranked *ranked = NEW_ARRAY(d->arena, Ranked, n + 1);
    for (int i = 0; i < n; i++) {
        ranked[i] = (Ranked){i, d->kept.at[i]};
        for (int j = i; j-- > 0;)
            if (ranked[j].diag->parts.at[0].at.src == ranked[i].diag->parts.at[0].at.src) ranked[i].file = ranked[j].file;
    }
    qsort(ranked, (size_t)n, sizeof *ranked, compare);
    for (int i = 0; i < n; i++) print_diag(out, ranked[i].diag, colour ? &bright : &plain);
    if (d->n_dropped) out_f(out, "and %d more errors\n", d->n_dropped);
}

/* ---- did you mean ---- */

enum { WORD_MAX = 40 };

static int least(int a, int b, int c) { return a < b ? (a < c ? a : c) : b < c ? b : c; }

/* Edit distance with transpositions of neighbours (optimal string alignment). Both words have at most WORD_MAX bytes. */
static int distance(const char *a, int na, const char *b, int nb) {
    int row[3][WORD_MAX + 1];
    for (int j = 0; j <= nb; j++) row[0][j] = j;
    for (int i = 1; i <= na; i++) {
        int *before = row[(i + 1) % 3], *last = row[(i - 1) % 3], *now = row[i % 3];
        now[0] = i;
        for (int j = 1; j <= nb; j++) {
            now[j] = least(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && before[j - 2] + 1 < now[j]) now[j] = before[j - 2] + 1;
        }
    }
    return row[na % 3][nb];
}

const char *diag_nearest(const char *word, const char *const *candidates, int n) {
    size_t length = strlen(word);
    if (length > WORD_MAX || !length) return NULL;
    const char *best = NULL;
    int least_edits = length < 5 ? 1 : length < 9 ? 2 : 3;   /* more than these are another word */
    if (length == 1) return NULL;
    for (int i = 0; i < n; i++) {
        size_t k = strlen(candidates[i]);
        if (k > WORD_MAX || !strcmp(candidates[i], word)) continue;
        int edits = distance(word, (int)length, candidates[i], (int)k);
        if (edits <= least_edits && edits < (int)k && (!best || edits < least_edits)) best = candidates[i], least_edits = edits;
    }
    return best;
}
