/* What is said about a token that cannot stand where it does. The set of what could comes from the parser's tables. */
#include "grammar/reader.h"
#include <string.h>

/* The tokens that the parser would take, had it not taken the `drop` last ones. Words of places are left out where any name will do. */
Set reader_expected(const Reader *r, int drop) {
    Set s = {0};
    for (int code = 0; code < TOKEN_CODES; code++)
        if (code != T_BAD && (!code || token_row(code)->text)) s.has[code] = knf_accepts(r->parser, drop, &code, 1);
    for (int code = 1; code < TOKEN_CODES; code++)
        if (s.has[T_ID] && (token_row(code)->flags & TF_SOFT)) s.has[code] = false;
    return s;
}

static void remove_flagged(Set *s, int flags) {
    for (int code = 0; code < TOKEN_CODES; code++)
        if (token_row(code)->flags & flags) s->has[code] = false;
}

/* Groups of tokens that are named together. Returns how many names were written. */
static int name_groups(Set *s, bool operators, const char **names) {
    int n = 0;
    if (s->has[T_KERNEL] && s->has[T_TEST]) {
        names[n++] = "a definition (kernel, fn, combinator, schedule, machine, test or use)";
        remove_flagged(s, TF_DEF);
        s->has[0] = s->has[T_SEP] = false;
    }
    if (s->has[T_STATE] && s->has[T_FINAL] && !s->has[T_ID]) {
        names[n++] = "a section (state, step, merge or final)";
        s->has[T_STATE] = s->has[T_STEP] = s->has[T_MERGE] = s->has[T_FINAL] = s->has[T_SEP] = s->has[T_RBRACE] = false;
    }
    if (s->has[T_ID] && s->has[T_INT] && s->has[T_IF]) {
        names[n++] = s->has[T_WHERE] ? "a name or a number" : "an expression";
        remove_flagged(s, TF_OPERAND);
        if (s->has[T_WHERE] && s->has[T_IN]) remove_flagged(s, TF_WORD);
    } else if (s->has[T_ID] && s->has[T_WHERE] && s->has[T_SUM]) {
        names[n++] = "a name";
        remove_flagged(s, TF_WORD);
        s->has[T_ID] = false;
    } else if (s->has[T_CHECK] && s->has[T_ASSUME] && s->has[T_ID]) {
        names[n++] = "a statement";
        s->has[T_CHECK] = s->has[T_ASSUME] = s->has[T_ID] = s->has[T_LPAREN] = s->has[T_SEP] = false;
    } else if (s->has[T_INT] && s->has[T_NAN]) {
        names[n++] = "a constant";
        remove_flagged(s, TF_OPERAND);
    }
    if (s->has[T_PLUS] && s->has[T_AND]) {
        if (operators) names[n++] = "an operator";
        remove_flagged(s, TF_OPERATOR);
        if (s->has[T_PAD]) s->has[T_PAD] = s->has[T_CLAMP] = false;
        s->has[T_CLT] = s->has[T_LPAREN] = s->has[T_LBRACKET] = false;
    }
    s->has[T_DOT] = false;
    if (s->has[T_SEP]) s->has[T_RBRACE] = false;
    return n;
}

/* "a, b or c" of what is in the set, where t was found: an operator is named before an operand, a brace at the end of its text. */
static const char *say(const Reader *r, Set s, Tok t) {
    bool operators = (token_row(t.code)->flags & TF_OPERAND) && t.first == false;
    if (s.has[T_RBRACE] && (!t.code || (token_row(t.code)->flags & TF_DEF))) s.has[T_SEP] = false;
    const char *names[TOKEN_CODES];
    int n = name_groups(&s, operators, names);
    Arena *a = r->build.arena;
    for (int code = 1; code < TOKEN_CODES; code++) {
        if (!s.has[code]) continue;
        const char *text = token_row(code)->text;
        bool plain = code == T_ID || code == T_INT || code == T_FLOAT || code == T_STRING || code == T_SEP;
        names[n++] = plain ? text : arena_printf(a, "'%s'", text);
    }
    if (s.has[0]) names[n++] = "the end of the file";
    const char *text = n ? names[0] : "nothing";
    for (int i = 1; i < n; i++) text = arena_printf(a, "%s%s%s", text, i + 1 == n ? " or " : ", ", names[i]);
    return text;
}

static const char *found(const Reader *r, Tok t) {
    if (!t.code) return "the end of the file";
    if (t.code == T_SEP && t.lo == t.hi) return "the end of the line";
    if (t.code == T_STRING) return "a string";
    const char *text = r->build.source->text + t.lo;
    int n = (int)(t.hi - t.lo);
    return arena_printf(r->build.arena, "'%.*s%s'", n < 40 ? n : 40, text, n < 40 ? "" : "...");
}

/* The end of the text is reported behind the last token. */
static Span place_of(const Reader *r, Tok t) {
    if (t.code || !r->prev.code) return (Span){r->build.source, t.lo, t.hi};
    return (Span){r->build.source, r->prev.hi, r->prev.hi};
}

/* Of the words that could stand at the token (with `drop` tokens taken back) and be followed by `next`, the one that is nearest. */
static int nearest_word(const Reader *r, Name text, int drop, int next) {
    const char *words[TOKEN_CODES];
    int n = 0;
    for (int code = 1; code < TOKEN_CODES; code++) {
        const TokenRow *row = token_row(code);
        int codes[2] = {code, next};
        if (!(row->flags & TF_WORD) || !knf_accepts(r->parser, drop, codes, next < 0 ? 1 : 2)) continue;
        int name = T_ID;
        if ((row->flags & TF_SOFT) && knf_accepts(r->parser, drop, &name, 1)) continue;
        words[n++] = row->text;
    }
    const char *word = diag_nearest(text, words, n);
    return word ? token_of_word(word, strlen(word)) : 0;
}

/* Notes the bracket that is still open, if its end is among what was expected. */
static void note_open(const Reader *r, Diag *d, const Set *s, Tok t) {
    for (int i = r->open.n; i-- > 0;) {
        const Open *o = &r->open.at[i];
        int close = o->tok.code == T_LPAREN ? T_RPAREN : o->tok.code == T_LBRACKET ? T_RBRACKET : T_RBRACE;
        bool far = close == T_RBRACE && t.code && !(token_row(t.code)->flags & TF_DEF);
        if (s->has[close] && !far)
            diag_note(d, build_span((Build *)&r->build, o->tok), "this '%s' is not closed", token_row(o->tok.code)->text);
        return;
    }
}

/* Advice on mistakes that are common. */
static void help(const Reader *r, Diag *d, const Set *s, Tok t) {
    const TokenRow *prev = token_row(r->prev.code);
    bool compares = t.code >= 0 && (t.code == T_EQ || t.code == T_NE || t.code == T_LT || t.code == T_LE || t.code == T_GT || t.code == T_GE);
    if (compares && s->has[T_AND] && s->has[T_PLUS]) diag_help(d, "comparisons do not chain: write 'a < b and b < c'");
    else if (t.code == T_PBAR) diag_help(d, "one '|' begins the predicate; a bitwise or needs parentheses here");
    else if (t.code == T_ASSIGN && s->has[T_EQ] && s->has[T_AND]) diag_help(d, "equality is written '=='");
    else if (r->prev.code == T_REDUCE && (token_row(t.code)->flags & TF_COMB))
        diag_help(d, "'%s' is built in: write it without 'reduce'", token_row(t.code)->text);
    else if ((prev->flags & TF_COMB) && t.code == T_LPAREN)
        diag_help(d, "a reduction names its indices: %s[i] x[i]", prev->text);
    else if (r->prev.code == T_RBRACKET && (token_row(t.code)->flags & TF_OPERAND) && r->closed.before.code == T_ID) {
        static const char *const combs[] = {"sum", "prod", "max", "min", "mean", "any", "all", "argmax", "argmin"};
        const char *near = diag_nearest(r->closed.before.name, combs, (int)(sizeof combs / sizeof *combs));
        if (near) diag_edit(d, build_span((Build *)&r->build, r->closed.before), near, "did you mean '%s'?", near);
    } else if (t.code == T_EQ && s->has[T_ASSIGN]) diag_help(d, "a definition is written with one '='");
    else if ((token_row(t.code)->flags & TF_WORD) && s->has[T_ID] && !s->has[T_INT] && !t.first)
        diag_help(d, "'%s' is a word of the language; choose another name", token_row(t.code)->text);
}

/* A keyword that was surely meant: says so. */
static void report_misspelt(const Reader *r, Set s, Tok t, int meant) {
    Diag *d = diag_error(r->build.diags, place_of(r, t), "expected %s, found %s", say(r, s, t), found(r, t));
    diag_edit(d, place_of(r, t), token_row(meant)->text, "did you mean '%s'?", token_row(meant)->text);
}

/* Does the text break off before t, on a line before it? Then the fault is at the end of that line. */
static bool breaks_off(const Reader *r, Tok t) {
    bool ends = !t.code || t.code == T_RBRACE || (token_row(t.code)->flags & TF_DEF);
    return t.first && ends && !r->prev_ends && r->prev.code && r->prev.code != T_LBRACE && r->prev.code != T_SEP;
}

bool reader_is_tainted(const Reader *r) { return r->lex.fault && r->lex.fault > r->build.source->text + r->part; }

int reader_report(Reader *r, Tok t) {
    if (reader_is_tainted(r)) return 0;
    Diags *diags = r->build.diags;
    Set s = reader_expected(r, 0);
    bool word = t.code == T_ID || (token_row(t.code)->flags & TF_SOFT);
    int meant = word ? nearest_word(r, t.name, 0, -1) : 0;
    if (meant) {
        report_misspelt(r, s, t, meant);
        return meant;
    }
    if (r->prev.code == T_ID && knf_depth(r->parser) > 0) meant = nearest_word(r, r->prev.name, 1, t.code);
    if (meant) {
        report_misspelt(r, reader_expected(r, 1), r->prev, meant);
        return -meant;
    }
    if (t.code == T_RBRACE && !r->open.n) diag_error(diags, place_of(r, t), "nothing is open that this '}' could close");
    else if (breaks_off(r, t)) reader_report_end(r, &s, r->prev);
    else {
        Diag *d = diag_error(diags, place_of(r, t), "expected %s, found %s", say(r, s, t), found(r, t));
        note_open(r, d, &s, t);
        help(r, d, &s, t);
    }
    return 0;
}

void reader_report_end(Reader *r, const Set *s, Tok last) {
    if (reader_is_tainted(r)) return;
    Span at = {r->build.source, last.hi, last.hi};
    Tok end = {.code = T_SEP, .lo = last.hi, .hi = last.hi};
    Diag *d = diag_error(r->build.diags, at, "expected %s, found the end of the line", say(r, *s, end));
    note_open(r, d, s, end);
}
