#include "tool/format.h"
#include "base/vec.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef enum Kind { WORD, NUMBER, STRING, MARK, COMMENT } Kind;
typedef struct Token { Kind kind; const char *at; int n, line; bool spaced; } Token;   /* spaced: white space stood before it */
typedef VEC(Token) Tokens;

/* Columns that neighbouring lines share: of '=', of a string behind a property, of a comment behind code. */
enum { STOP_EQUAL, STOP_STRING, STOP_COMMENT, N_STOPS };
typedef struct Line { Out text; int stop[N_STOPS]; bool blank_before, alone, comment_only; } Line;   /* alone: no line continues it or is continued by it */

typedef struct Bracket { char open; int column; bool set; } Bracket;      /* set: the braces of { 1, 2 } in a test or schedule */
typedef struct Format {
    Arena *a;
    Tokens tokens;
    VEC(Line) lines;
    Bracket open[1024];
    int n_open, depth;            /* brackets that are open; braces among them */
    int angle;                    /* compile-time arguments or a type in <> are open */
    bool machine, kernel;         /* inside a machine block: '/' joins units; inside a kernel: '=' are aligned */
    int line_depth;               /* braces open where the line began */
} Format;

/* --- tokens --- */

static int mark_length(const char *p) {
    static const char *const two[] = {"->", "..", "==", "!=", "<=", ">=", "<<", ">>", "//"};
    for (size_t i = 0; i < sizeof two / sizeof *two; i++)
        if (!strncmp(p, two[i], 2)) return 2;
    return 1;
}

/* The end of a number that begins at p: a point only when a digit follows, a sign only behind an exponent. */
static const char *number_end(const char *p) {
    bool hex = p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
    while (isalnum((unsigned char)*p) || *p == '_' || (*p == '.' && isdigit((unsigned char)p[1]))
           || ((*p == '-' || *p == '+') && !hex && (p[-1] == 'e' || p[-1] == 'E')))
        p++;
    return p;
}

static Tokens scan(Arena *a, const Source *s) {
    Tokens t = {0};
    const char *p = s->text, *end = s->text + s->size;
    int line = 1;
    bool spaced = false;
    while (p < end) {
        if (isspace((unsigned char)*p)) {
            line += *p == '\n';
            spaced = true;
            p++;
            continue;
        }
        Token k = {MARK, p, 0, line, spaced};
        if (*p == '#') k.kind = COMMENT, p += strcspn(p, "\n");
        else if (isdigit((unsigned char)*p)) k.kind = NUMBER, p = number_end(p);
        else if (isalpha((unsigned char)*p) || *p == '_') for (k.kind = WORD; isalnum((unsigned char)*p) || *p == '_'; p++) {}
        else if (*p == '"') k.kind = STRING, p += 1 + strcspn(p + 1, "\"\n"), p += *p == '"';
        else p += mark_length(p);
        for (k.n = (int)(p - k.at); k.kind == COMMENT && isspace((unsigned char)k.at[k.n - 1]);) k.n--;
        vec_push(a, &t, k);
        spaced = false;
    }
    return t;
}

static bool is(const Token *t, const char *text) { return t && (int)strlen(text) == t->n && !memcmp(t->at, text, (size_t)t->n); }

static bool is_any(const Token *t, const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (is(t, words[i])) return true;
    return false;
}

#define IS_ANY(t, ...) is_any(t, (const char *const[]){__VA_ARGS__}, sizeof(const char *[]){__VA_ARGS__} / sizeof(const char *))

/* Words after which an operand or a bracket is set off. */
static bool keyword(const Token *t) {
    return t->kind == WORD && IS_ANY(t, "if", "then", "else", "and", "or", "not", "in", "where", "check", "assume", "pad", "scan", "reduce", "kernel",
                                     "fn", "combinator", "schedule", "machine", "test", "use", "state", "merge", "final", "for", "on", "expect", "when");
}

/* t ends an operand, so that a minus behind it is binary. */
static bool ends_operand(const Token *t) {
    if (!t || t->kind == COMMENT) return false;
    return t->kind == NUMBER || t->kind == STRING || (t->kind == WORD && !keyword(t)) || IS_ANY(t, ")", "]", "}");
}

/* The < behind a name opens compile-time arguments when a name and a single = (or :) follow; behind a combinator or sat, a type. */
static bool opens_angle(const Tokens *t, int i) {
    const Token *at = &t->at[i], *prev = i ? &t->at[i - 1] : NULL;
    if (!is(at, "<") || !prev || prev->kind != WORD || i + 2 >= t->n) return false;
    if (t->at[i + 1].kind == WORD && IS_ANY(&t->at[i + 2], "=", ":")) return true;
    return t->at[i + 1].kind == WORD && is(&t->at[i + 2], ">")
           && (IS_ANY(prev, "sat", "sum", "prod", "max", "min", "mean", "any", "all", "argmax", "argmin") || (i > 1 && is(&t->at[i - 2], "reduce")));
}

/* Token i is the stroke of a unit: 64 B/cycle. */
static bool in_unit(const Format *f, int i) {
    return f->machine && is(&f->tokens.at[i], "/") && i > 1 && f->tokens.at[i - 1].kind == WORD && f->tokens.at[i - 2].kind == NUMBER;
}

/* Whether a space stands between tokens i - 1 and i, which are on one line. */
static bool space(const Format *f, int i, bool unary, bool angle_open, bool angle_close, bool after_angle) {
    const Token *p = &f->tokens.at[i - 1], *t = &f->tokens.at[i];
    if (IS_ANY(t, ",", ";", ")", "]", ":") || IS_ANY(p, "(", "[") || angle_open || angle_close) return false;
    if (is(t, ".") || is(p, ".") || unary) return false;
    if (is(p, "<") && after_angle) return false;
    if (IS_ANY(t, "..", "*", "/", "//", "%")) return !in_unit(f, i) && t->spaced;      /* tight or wide, as the author groups */
    if (IS_ANY(p, "..", "*", "/", "//", "%")) return !in_unit(f, i - 1) && p->spaced;
    bool in_set = f->n_open && f->open[f->n_open - 1].set;
    if (in_set && (is(p, "{") || is(t, "}"))) return false;
    if (is(t, "(")) {
        if (p->kind == WORD) return keyword(p) || (f->machine && t->spaced);
        return !(is(p, ">") && after_angle);
    }
    if (is(t, "[")) return !((p->kind == WORD && !IS_ANY(p, "in", "if", "then", "else", "and", "or", "not")) || (is(p, ">") && after_angle));
    return true;
}

/* --- lines --- */

static int column(const Line *l) { return (int)l->text.n; }

static void pad(Out *o, int n) {
    for (int i = 0; i < n; i++) out_s(o, " ");
}

/* Where a line that begins with token i starts. */
static int indent(const Format *f, int i, bool continues) {
    const Token *t = &f->tokens.at[i];
    if (is(t, "}")) return 4 * (f->depth - 1 > 0 ? f->depth - 1 : 0);
    if (f->n_open && f->open[f->n_open - 1].open != '{') return f->open[f->n_open - 1].column;
    return 4 * (f->depth + continues);
}

static void track(Format *f, const Token *p, const Token *t, int at, const Token *next) {
    if (IS_ANY(t, "(", "[", "{") && f->n_open < 1024) {
        bool last = !next || next->line != t->line || next->kind == COMMENT;
        f->open[f->n_open++] = (Bracket){t->at[0], last ? 4 * (f->depth + 1) : at, is(t, "{") && is(p, "in")};
        f->depth += t->at[0] == '{';
    }
    if (IS_ANY(t, ")", "]", "}") && f->n_open) {
        f->depth -= f->open[--f->n_open].open == '{';
        if (is(t, "}") && !f->depth) f->machine = f->kernel = false;
    }
    if (!f->depth && is(t, "machine")) f->machine = true;
    if (!f->depth && IS_ANY(t, "kernel", "combinator")) f->kernel = true;
}

/* A line begun by token i goes on the statement of the line before. */
static bool goes_on(const Format *f, int i) {
    const Token *t = &f->tokens.at[i];
    if (i == 0 || t->kind == COMMENT) return false;
    if (f->n_open && f->open[f->n_open - 1].open != '{') return true;
    int p = i - 1;
    while (p >= 0 && f->tokens.at[p].kind == COMMENT) p--;
    if (p < 0) return false;
    const Token *prev = &f->tokens.at[p];
    if (IS_ANY(t, "then", "else", "where", "->", "and", "or") || (t->kind == MARK && !IS_ANY(t, "(", "[", "}", "{", "~", "-"))) return true;
    return (prev->kind == MARK && !IS_ANY(prev, ")", "]", "}", "{", ";", ",")) || (prev->kind == WORD && IS_ANY(prev, "then", "else", "and", "or", "not", "in"));
}

static Line *begin_line(Format *f, int i) {
    const Token *t = &f->tokens.at[i];
    bool continues = goes_on(f, i);
    Line l = {.text = out_new(f->a), .alone = !continues, .comment_only = t->kind == COMMENT};
    for (int s = 0; s < N_STOPS; s++) l.stop[s] = -1;
    l.blank_before = i && t->line - f->tokens.at[i - 1].line > 1;
    if (continues && f->lines.n) f->lines.at[f->lines.n - 1].alone = false;
    pad(&l.text, indent(f, i, continues));
    vec_push(f->a, &f->lines, l);
    return &f->lines.at[f->lines.n - 1];
}

static void put(Format *f, Line *l, int i, bool first, bool angle_open, bool angle_close, bool after_angle, bool unary) {
    const Token *t = &f->tokens.at[i];
    bool inside = f->n_open && f->open[f->n_open - 1].open != '{';
    if (!first && t->kind == COMMENT) pad(&l->text, 2), l->stop[STOP_COMMENT] = column(l);
    else if (!first && space(f, i, unary, angle_open, angle_close, after_angle)) out_s(&l->text, " ");
    if (!first && is(t, "=") && !inside && !f->angle && l->stop[STOP_EQUAL] < 0 && f->kernel && f->depth && f->depth == f->line_depth) l->stop[STOP_EQUAL] = column(l);
    if (!first && t->kind == STRING && f->machine) l->stop[STOP_STRING] = column(l);
    out_n(&l->text, t->at, (size_t)t->n);
}

static void lay_out(Format *f) {
    Line *l = NULL;
    bool after_angle = false, unary = false;
    for (int i = 0; i < f->tokens.n; i++) {
        const Token *t = &f->tokens.at[i], *p = i ? &f->tokens.at[i - 1] : NULL;
        bool first = !p || p->line != t->line, open = opens_angle(&f->tokens, i), close = f->angle && is(t, ">");
        if (first) {
            l = begin_line(f, i);
            f->line_depth = f->depth;
        }
        put(f, l, i, first, open, close, after_angle, unary);
        unary = (IS_ANY(t, "-", "~") && !ends_operand(p)) && !(is(t, "~") && ends_operand(p));
        after_angle = open || close;
        f->angle += open - close;
        track(f, p, t, column(l), i + 1 < f->tokens.n ? &f->tokens.at[i + 1] : NULL);
    }
}

/* --- columns --- */

static void insert(Arena *a, Line *l, int stop, int n) {
    Out o = out_new(a);
    int at = l->stop[stop];
    out_n(&o, l->text.text, (size_t)at);
    pad(&o, n);
    out_n(&o, l->text.text + at, l->text.n - (size_t)at);
    l->text = o;
    for (int s = 0; s < N_STOPS; s++)
        if (l->stop[s] >= at) l->stop[s] += n;
}

static int line_indent(const Line *l) { return (int)strspn(l->text.text, " "); }

/* Neighbours: single lines of one indentation without a blank line between. */
static bool neighbours(const Line *x, const Line *y, int stop) {
    return !y->blank_before && x->alone && y->alone && x->stop[stop] >= 0 && y->stop[stop] >= 0 && line_indent(x) == line_indent(y);
}

static void align(Format *f, int stop) {
    for (int i = 0; i < f->lines.n;) {
        int j = i + 1, most = f->lines.at[i].stop[stop];
        while (j < f->lines.n && neighbours(&f->lines.at[j - 1], &f->lines.at[j], stop)) {
            if (f->lines.at[j].stop[stop] > most) most = f->lines.at[j].stop[stop];
            j++;
        }
        for (int k = i; j - i > 1 && k < j; k++)
            if (f->lines.at[k].stop[stop] < most) insert(f->a, &f->lines.at[k], stop, most - f->lines.at[k].stop[stop]);
        i = j;
    }
}

void format_source(const Source *s, Out *out) {
    Format *f = NEW(out->arena, Format);
    f->a = out->arena;
    f->tokens = scan(f->a, s);
    lay_out(f);
    for (int stop = 0; stop < N_STOPS; stop++) align(f, stop);
    for (int i = 0; i < f->lines.n; i++) {
        if (f->lines.at[i].blank_before) out_s(out, "\n");
        out_f(out, "%s\n", f->lines.at[i].text.text);
    }
}
