/* Reads tokens, decides what the grammar leaves to the reader (which line ends end a statement, '<' and '|' of two meanings), feeds
 * the generated parser, and recovers from errors: a faulty statement, directive, case or entry is skipped as one T_BAD. */
#include "grammar/parse.h"
#include "grammar/reader.h"
#include <stdlib.h>
#include <string.h>

static int flags_of(Tok t) { return token_row(t.code)->flags; }

static const Open *innermost(const Reader *r) { return r->open.n ? &r->open.at[r->open.n - 1] : NULL; }

static bool in_brackets(const Reader *r) {
    const Open *o = innermost(r);
    return o && o->tok.code != T_LBRACE;
}

static bool accepts(const Reader *r, int code) { return knf_accepts(r->parser, 0, &code, 1); }

/* Is the '<' just read followed by a name and a single '='? */
static bool opens_cargs(const Reader *r) {
    Lexer ahead = r->lex;
    ahead.quiet = true;
    ahead.comments = NULL;
    int flags = flags_of(lex_next(&ahead));
    return (flags & TF_END) && (flags & TF_OPERAND) && lex_next(&ahead).code == T_ASSIGN;
}

static Tok read_token(Reader *r) {
    r->lex.after_minus = r->prev.code == T_MINUS;
    Tok t = lex_next(&r->lex);
    if (t.code == T_LT && opens_cargs(r)) t.code = T_CLT;
    if (t.code == T_BAR && innermost(r) && innermost(r)->reduction) t.code = T_PBAR;
    return t;
}

/* Is a '[' after the tokens of the history that of a reduction?  comb [   comb<dtype> [   reduce c [   reduce c<dtype> [ */
static bool is_reduction(const Reader *r) {
    const int *h = r->history;
    if (h[0] == T_GT && h[2] == T_LT) h += 3;
    return (token_row(h[0])->flags & TF_COMB) || h[1] == T_REDUCE;
}

static int closer_of(int code) { return code == T_LPAREN ? T_RPAREN : code == T_LBRACKET ? T_RBRACKET : T_RBRACE; }

/* Keeps the books about a token that has been read, taken by the parser or skipped. */
static void note_token(Reader *r, Tok t) {
    bool ends = flags_of(t) & TF_END;
    if (t.code == T_LPAREN || t.code == T_LBRACKET || t.code == T_LBRACE) {
        Open o = {t, r->prev, t.code == T_LBRACKET && is_reduction(r), knf_depth(r->parser)};
        vec_push(r->build.arena, &r->open, o);
    } else if (r->open.n && t.code == closer_of(innermost(r)->tok.code)) {
        r->closed = *innermost(r);
        if (r->closed.reduction) ends = false;
        r->open.n--;
    }
    memmove(r->history + 1, r->history, sizeof r->history - sizeof *r->history);
    r->history[0] = t.code;
    r->prev = t;
    r->prev_ends = ends;
}

/* Follows whether the line begins like the next statement, though the last one was not at its end. Called before t is taken. */
static void note_break(Reader *r, Tok t) {
    Break *b = &r->line_break;
    bool inside = r->prev.code && r->prev.code != T_SEP && r->prev.code != T_LBRACE;
    if (t.code == T_ID && t.first && !r->prev_ends && inside)
        *b = (Break){true, r->prev, r->open.n, reader_expected(r, 0)};
    else if (b->is_target && r->open.n <= b->open)
        b->is_target = t.code == T_LBRACKET && r->prev.code == T_ID;
}

/* Where the line of t begins, or t where another token stands before it on its line. */
static uint32_t part_begin(const Reader *r, Tok t) {
    uint32_t at = t.lo;
    while (t.first && at > 0 && r->build.source->text[at - 1] != '\n') at--;
    return at;
}

/* Gives the parser a token that it accepts. */
static void feed(Reader *r, Tok t) {
    note_break(r, t);
    if (t.code == T_SEP || t.code == T_LBRACE || t.code == T_RBRACE) r->part = t.hi;
    knf(r->parser, t.code, t);
    if (t.code && t.code != T_BAD) note_token(r, t);
}

/* A token that no text wrote, behind the last one. */
static Tok made(const Reader *r, int code) { return (Tok){.code = code, .lo = r->prev.hi, .hi = r->prev.hi}; }

static bool begins_definition(Tok t) { return t.first && (flags_of(t) & TF_DEF); }

/* ---- recovery ---- */

/* Takes back what the parser has of the faulty part, up to where a T_BAD can stand for it; brackets opened since are forgotten.
 * Returns how many of them are braces. */
static int drop_part(Reader *r) {
    int braces = 0;
    while (knf_depth(r->parser) > 0 && !accepts(r, T_BAD)) knf_pop(r->parser);
    for (; r->open.n && innermost(r)->depth > knf_depth(r->parser); r->open.n--) braces += innermost(r)->tok.code == T_LBRACE;
    feed(r, made(r, T_BAD));
    return braces;
}

/* May parsing go on at t, with `nested` brackets of the faulty part open? */
static bool is_resting_place(Reader *r, Tok t, bool line_begins, int nested) {
    if (!t.code || begins_definition(t)) return true;
    if (nested || accepts(r, T_KERNEL)) return false;    /* between definitions only a definition will do */
    if (t.code == T_SEP || t.code == T_RBRACE || t.code == T_LBRACE) return accepts(r, t.code);
    return line_begins && accepts(r, T_SEP);
}

/* Skips from t to where parsing may go on, `nested` braces of the faulty part being open; returns the token that stands there. */
static Tok skip_part(Reader *r, Tok t, bool first_begins, int nested) {
    bool line_begins = first_begins;
    while (!is_resting_place(r, t, line_begins, nested)) {
        if (t.code == T_LBRACE) nested++;
        if (t.code == T_RBRACE && nested) nested--;
        r->prev_ends = flags_of(t) & TF_END;
        r->prev = t;
        t = read_token(r);
        line_begins = t.first && r->prev_ends && (flags_of(t) & TF_BEGIN);
    }
    r->new_statement = accepts(r, T_SEP) && !accepts(r, T_KERNEL) && t.code != T_SEP && t.code != T_RBRACE && t.code;
    r->part = part_begin(r, t);
    return t;
}

/* Closes the braces that are open before a definition or the end of the text, where the parser has whole parts only. */
static void close_braces(Reader *r, int code) {
    while (!accepts(r, code) && accepts(r, T_RBRACE)) {
        Tok brace = made(r, T_RBRACE);
        while (r->open.n && in_brackets(r)) r->open.n--;
        feed(r, brace);
    }
}

/* `fault` cannot stand here: t itself, or the end of the line before it. Reports it, and returns the token to go on with. */
static Tok recover(Reader *r, Tok fault, Tok t) {
    int meant = reader_report(r, fault);
    if (meant > 0) {
        t.code = meant;
        return t;
    }
    if (meant < 0) {
        Tok before = r->prev;
        before.code = -meant;
        knf_pop(r->parser);
        knf(r->parser, before.code, before);
        r->history[0] = before.code;
        return t;
    }
    if (begins_definition(t) || !t.code) close_braces(r, t.code);
    if (accepts(r, t.code)) return t;
    int braces = drop_part(r);
    t = skip_part(r, t, fault.code != t.code, t.first ? 0 : braces);
    if (!begins_definition(t) && t.code) return t;
    close_braces(r, t.code);
    while (knf_depth(r->parser) > 0 && !accepts(r, t.code)) knf_pop(r->parser);    /* a definition without its braces */
    if (accepts(r, T_KERNEL)) r->open.n = 0;
    return t;
}

/* The '=' shows that the line begins a statement, so the one before breaks off: reports that, and goes back there. */
static Tok recover_break(Reader *r) {
    Break *b = &r->line_break;
    b->is_target = false;
    reader_report_end(r, &b->expected, b->before);
    drop_part(r);
    r->lex.at = r->build.source->text + b->before.hi;
    r->prev = b->before;
    r->new_statement = accepts(r, T_SEP);
    return read_token(r);
}

/* ---- the loop ---- */

/* Does a statement end between the last token and t? */
static bool statement_ends(const Reader *r, Tok t) {
    return r->new_statement || (t.first && r->prev_ends && (flags_of(t) & TF_BEGIN) && !in_brackets(r));
}

/* Does t look like the begin of a statement while a bracket of the last line is still open? */
static bool is_unclosed(const Reader *r, Tok t) {
    return t.first && r->prev_ends && (flags_of(t) & TF_BEGIN) && in_brackets(r) && !accepts(r, t.code);
}

/* Does t begin the next section of a combinator though a block is still open? */
static bool leaves_block(const Reader *r, Tok t) {
    if (!t.first || !(flags_of(t) & TF_SOFT)) return false;
    Lexer ahead = r->lex;
    ahead.quiet = true;
    ahead.comments = NULL;
    int next = lex_next(&ahead).code, inside[] = {t.code, next}, outside[] = {T_RBRACE, t.code, next};
    return knf_accepts(r->parser, 0, outside, 3) && !knf_accepts(r->parser, 0, inside, 2);
}

static void close_block(Reader *r, Tok t) {
    Diag *d = diag_error(r->build.diags, build_span(&r->build, t), "expected '}' before '%s'", t.name);
    if (r->open.n) diag_note(d, build_span(&r->build, innermost(r)->tok), "this '{' is not closed");
    feed(r, made(r, T_RBRACE));
}

static bool too_deep(Reader *r, Tok t) {
    bool opens = t.code == T_LPAREN || t.code == T_LBRACKET || t.code == T_LBRACE;
    if (opens && r->open.n >= PARSE_DEPTH_MAX)
        diag_error(r->build.diags, build_span(&r->build, t), "brackets are nested more than %d deep, which is the limit", PARSE_DEPTH_MAX);
    else if (knf_depth(r->parser) >= STACK_MAX)
        diag_error(r->build.diags, build_span(&r->build, t), "more than %d unfinished parts of an expression, which is the limit", STACK_MAX);
    else return false;
    return true;
}

/* One token, with the end of the statement before it if there is one. Returns false when parsing is to stop. */
static bool step(Reader *r, Tok t) {
    for (int tries = 0; tries < 8; tries++) {
        if (diag_errors(r->build.diags) >= DIAG_MAX || r->build.too_many) return false;
        if (too_deep(r, t)) {
            drop_part(r);
            t = skip_part(r, t, false, 0);
        }
        if (is_unclosed(r, t)) {
            Set s = reader_expected(r, 0);
            reader_report_end(r, &s, r->prev);
            drop_part(r);
            t = skip_part(r, t, true, 0);
        }
        if (statement_ends(r, t) && t.code != T_SEP) {
            Tok sep = made(r, T_SEP);
            r->new_statement = false;
            if (accepts(r, T_SEP)) {
                feed(r, sep);
                r->part = part_begin(r, t);
            } else t = recover(r, sep, t);
            continue;
        }
        if (leaves_block(r, t)) {
            close_block(r, t);
            continue;
        }
        if (accepts(r, t.code)) {
            feed(r, t);
            return t.code != 0;
        }
        bool broken = t.code == T_ASSIGN && r->line_break.is_target && r->open.n == r->line_break.open;
        t = broken ? recover_break(r) : recover(r, t, t);
    }
    return t.code != 0;
}

AFile *grammar_parse(Arena *a, Names *names, Diags *diags, const Source *source, bool kernel_text) {
    AFile *file = NEW(a, AFile);
    file->source = source;
    Reader r = {
        .build = {.arena = a, .names = names, .diags = diags, .source = source, .file = file},
        .lex = {.source = source, .names = names, .diags = diags, .arena = a, .at = source->text, .dots = kernel_text},
    };
    r.parser = knfAlloc(malloc, &r.build);
    while (step(&r, read_token(&r))) {}
    knfFree(r.parser, free);
    return file;
}

AExpr *grammar_expr(Arena *a, Names *names, Diags *diags, const Source *source, uint32_t lo, uint32_t hi, bool kernel_text) {
    AFile file = {.source = source};
    Source *part = NEW(a, Source);      /* ends where the expression does */
    *part = *source;
    part->size = hi;
    Reader r = {
        .build = {.arena = a, .names = names, .diags = diags, .source = source, .file = &file},
        .lex = {.source = part, .names = names, .diags = diags, .arena = a, .at = source->text + lo, .dots = kernel_text},
    };
    bool fine = true;
    r.parser = knfAlloc(malloc, &r.build);
    knf(r.parser, T_EXPRESSION, (Tok){.code = T_EXPRESSION, .lo = lo, .hi = lo});
    for (Tok t = {.code = T_SEP}; t.code && fine;) {
        t = read_token(&r);
        fine = !r.lex.fault && !too_deep(&r, t);
        if (fine && accepts(&r, t.code)) feed(&r, t);
        else if (fine) fine = (reader_report(&r, t), false);
    }
    knfFree(r.parser, free);
    return fine && !r.build.too_many && !r.build.too_deep ? r.build.expr : NULL;
}
