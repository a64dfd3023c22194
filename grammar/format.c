/* Works on tokens: the tree is not looked at, so nothing of it can change. */
#include "grammar/format.h"
#include "grammar/parse.h"
#include "grammar/token.h"
#include <string.h>

enum { COMMENT = TOKEN_CODES };   /* the code of an item that is a comment */
enum { INDENT = 4, ALIGN_MAX = 24 /* columns that alignment may add */ };

/* A token or comment, and what the spacing needs to know of it. */
typedef struct Item {
    int code;
    uint32_t lo, hi;
    int lines;           /* line ends before it, at most 2 */
    bool unary;          /* '-' and '~' */
    bool angle;          /* '<' and '>' around types and compile-time arguments */
    bool set;            /* braces around values */
    bool wide;           /* '..' with spaces */
} Item;

typedef struct Level { int code; int column; bool reduction; int def; } Level;   /* an open bracket; column: of lines inside */

/* What may be moved in a line of output, by column; 0 where there is none. */
typedef struct Row { size_t lo; int equal, source, comment, indent; bool broken; } Row;

typedef struct Format {
    Arena *arena;
    const char *text;
    VEC(Item) items;
    VEC(Level) levels;
    VEC(Row) rows;
    Out *out;            /* before alignment */
    int def;             /* the keyword of the definition that is being written */
} Format;

/* ---- reading ---- */

static int lines_between(const char *text, uint32_t lo, uint32_t hi) {
    int n = 0;
    for (uint32_t i = lo; i < hi && n < 2; i++) n += text[i] == '\n';
    return n;
}

static void add_item(Format *f, int code, uint32_t lo, uint32_t hi) {
    uint32_t last = f->items.n ? f->items.at[f->items.n - 1].hi : lo;
    Item item = {.code = code, .lo = lo, .hi = hi, .lines = lines_between(f->text, last, lo)};
    vec_push(f->arena, &f->items, item);
}

static void read_items(Format *f, Names *names, Diags *diags, const Source *source) {
    Spans comments = {0};
    Lexer l = {.source = source, .names = names, .diags = diags, .arena = f->arena, .at = source->text, .quiet = true,
               .comments = &comments};
    for (int taken = 0;;) {
        l.after_minus = f->items.n && f->items.at[f->items.n - 1].code == T_MINUS;
        Tok t = lex_next(&l);
        for (; taken < comments.n; taken++) add_item(f, COMMENT, comments.at[taken].lo, comments.at[taken].hi);
        if (!t.code) return;
        add_item(f, t.code, t.lo, t.hi);
    }
}

/* The item before i that is no comment, `steps` further back; code 0 when there is none. */
static const Item *before(const Format *f, int i, int steps) {
    static const Item none = {0};
    while (i-- > 0)
        if (f->items.at[i].code != COMMENT && steps-- == 0) return &f->items.at[i];
    return &none;
}

static int flags_of(const Item *item) { return item->code < TOKEN_CODES ? token_row(item->code)->flags : 0; }

static bool is_operand_end(const Item *item) { return (flags_of(item) & TF_END) && item->code != T_RBRACE; }

static bool opens_angle(const Format *f, int i) {
    const Item *p = before(f, i, 0), *pp = before(f, i, 1);
    if ((flags_of(p) & TF_COMB) || p->code == T_SAT || pp->code == T_REDUCE || pp->code == T_KERNEL) return true;
    return i + 2 < f->items.n && (flags_of(&f->items.at[i + 1]) & TF_END) && f->items.at[i + 2].code == T_ASSIGN;
}

/* Is the item before i the ']' of a reduction? Then an operand follows. */
static bool ends_reduction(const Format *f, int i) {
    if (before(f, i, 0)->code != T_RBRACKET) return false;
    int steps = 0, depth = 0;
    do {
        int code = before(f, i, steps++)->code;
        depth += (code == T_RBRACKET) - (code == T_LBRACKET);
        if (!code) return false;
    } while (depth);
    const Item *p = before(f, i, steps), *back = p;
    if (p->code == T_GT && p->angle) back = before(f, i, steps += 3);
    return (flags_of(back) & TF_COMB) || before(f, i, steps + 1)->code == T_REDUCE;
}

/* Tells the meanings of a sign apart. */
static void classify(Format *f) {
    bool angle = false;
    VEC(bool) sets = {0};
    for (int i = 0; i < f->items.n; i++) {
        Item *t = &f->items.at[i];
        const Item *p = before(f, i, 0);
        bool value = is_operand_end(p) && !(p->code == T_PAD && before(f, i, 1)->code == T_RBRACKET) && !ends_reduction(f, i);
        if (t->code == T_MINUS || t->code == T_TILDE) t->unary = !value;
        if (t->code == T_LT) t->angle = angle = opens_angle(f, i);
        if (t->code == T_GT && angle) t->angle = true, angle = false;
        if (t->code == T_DOTDOT) t->wide = before(f, i, 1)->code != T_IN;
        if (t->code == T_LBRACE) {
            t->set = p->code == T_IN;
            vec_push(f->arena, &sets, t->set);
        }
        if (t->code == T_RBRACE && sets.n) t->set = sets.at[--sets.n];
    }
}

/* ---- spacing ---- */

static const Level *level(const Format *f) { return f->levels.n ? &f->levels.at[f->levels.n - 1] : NULL; }

/* '(' behind a word: of a call or a list of parameters, or standing by itself? */
static bool is_apart(const Format *f, const Item *p) {
    if (f->def == T_SCHEDULE) return true;
    bool part = f->def == T_COMBINATOR && f->levels.n == 1 && (p->code == T_MERGE || p->code == T_FINAL);
    return part || (token_row(p->code)->flags & (TF_WORD | TF_SOFT | TF_COMB)) == TF_WORD;
}

static bool space_before_bracket(const Format *f, const Item *p, const Item *t) {
    if (p->code == T_GT) return !p->angle;
    if (t->code == T_LBRACKET) return !(p->code == T_ID || (flags_of(p) & (TF_COMB | TF_SOFT)));
    if (p->code == T_SAT) return false;
    return !(flags_of(p) & (TF_WORD | TF_END)) || p->code == T_RBRACKET || p->code == T_RPAREN || p->code == T_INT || is_apart(f, p);
}

/* Does a space stand between two items of one line? */
static bool space_between(const Format *f, const Item *p, const Item *t) {
    if (p->code == T_LPAREN || p->code == T_LBRACKET || p->code == T_DOT || p->unary) return false;
    if ((p->angle && p->code == T_LT) || t->angle) return false;
    if (p->set && p->code == T_LBRACE) return false;
    if (t->set && t->code == T_RBRACE) return false;
    if (p->code == T_LBRACE && t->code == T_RBRACE) return false;
    if (f->def == T_MACHINE && (p->code == T_SLASH || t->code == T_SLASH)) return false;
    if (p->code == T_DOTDOT) return p->wide;
    switch (t->code) {
    case T_COMMA: case T_SEP: case T_RPAREN: case T_RBRACKET: case T_DOT: case T_COLON: return false;
    case T_DOTDOT: return t->wide;
    case T_LPAREN: case T_LBRACKET: return space_before_bracket(f, p, t);
    default: return true;
    }
}

/* ---- writing ---- */

static int column(const Format *f) {
    size_t lo = f->rows.at[f->rows.n - 1].lo;
    return (int)(f->out->n - lo);
}

static void begin_row(Format *f, int indent) {
    vec_push(f->arena, &f->rows, ((Row){.lo = f->out->n, .indent = indent}));
    out_f(f->out, "%*s", indent, "");
}

/* Does a statement end between items p and t, which stand on different lines? */
static bool ends_statement(const Format *f, const Item *p, const Item *t) {
    const Level *l = level(f);
    if (l && (l->code == T_LPAREN || l->code == T_LBRACKET)) return false;
    if (!p->code || p->code == T_SEP || p->code == T_LBRACE || t->code == T_RBRACE || p->code == T_RBRACE) return true;
    return (flags_of(p) & TF_END) && (flags_of(t) & TF_BEGIN);
}

/* The column where a line that begins with item i stands. */
static int indent_of(const Format *f, int i) {
    const Item *t = &f->items.at[i], *p = before(f, i, 0);
    int base = level(f) ? level(f)->column : 0;
    if (t->code == T_RPAREN || t->code == T_RBRACKET || t->code == T_RBRACE)
        return f->levels.n > 1 ? f->levels.at[f->levels.n - 2].column : 0;
    if (t->code == COMMENT) {
        int next = i;
        while (next < f->items.n && f->items.at[next].code == COMMENT) next++;
        static const Item end = {.code = T_RBRACE};
        t = next < f->items.n ? &f->items.at[next] : &end;
    }
    const Level *l = level(f);
    bool bracket = l && l->code != T_LBRACE;
    bool block = t->code == T_LBRACE && !t->set;
    return base + (bracket || block || ends_statement(f, p, t) ? 0 : INDENT);
}

static void enter(Format *f, int i) {
    const Item *t = &f->items.at[i];
    int base = level(f) ? level(f)->column : 0;
    bool hangs = i + 1 < f->items.n && f->items.at[i + 1].lines == 0 && f->items.at[i + 1].code != COMMENT;
    int inside = hangs ? column(f) + (t->code == T_LBRACE && !t->set) : base + INDENT;
    vec_push(f->arena, &f->levels, ((Level){.code = t->code, .column = inside}));
}

/* Marks what alignment may move: the first '=' of a definition that is one line of a kernel, a source, a comment. */
static void mark(Format *f, int i) {
    const Item *t = &f->items.at[i];
    Row *row = &f->rows.at[f->rows.n - 1];
    if (t->code == COMMENT && column(f) > row->indent) row->comment = column(f);
    if (t->code == T_STRING && f->def == T_MACHINE && column(f) > row->indent) row->source = column(f);
    if (t->code == T_ASSIGN && f->def == T_KERNEL && f->levels.n == 1 && level(f)->code == T_LBRACE && !row->equal) row->equal = column(f);
}

static void write_item(Format *f, int i) {
    const Item *t = &f->items.at[i], *p = i ? &f->items.at[i - 1] : NULL;
    bool closes = t->code == T_RPAREN || t->code == T_RBRACKET || t->code == T_RBRACE;
    if (!p || t->lines) {
        int blank = p && t->lines > 1 && p->code != T_LBRACE && t->code != T_RBRACE;
        if (p) out_s(f->out, blank ? "\n\n" : "\n");
        int indent = indent_of(f, i);
        if (p && !blank && t->code != COMMENT && !ends_statement(f, before(f, i, 0), t)) f->rows.at[f->rows.n - 1].broken = true;
        if (blank) vec_push(f->arena, &f->rows, ((Row){.lo = f->out->n - 1}));
        begin_row(f, indent);
    } else if (t->code == COMMENT || (t->code == T_STRING && f->def == T_MACHINE)) out_s(f->out, "  ");
    else if (space_between(f, p, t)) out_s(f->out, " ");
    if (closes && f->levels.n) f->levels.n--;
    if (!f->levels.n && (flags_of(t) & TF_DEF)) f->def = t->code;
    mark(f, i);
    uint32_t hi = t->hi;
    while (t->code == COMMENT && hi > t->lo && (f->text[hi - 1] == ' ' || f->text[hi - 1] == '\t' || f->text[hi - 1] == '\r')) hi--;
    out_n(f->out, f->text + t->lo, hi - t->lo);
    if (t->code == T_LPAREN || t->code == T_LBRACKET || t->code == T_LBRACE) enter(f, i);
}

/* ---- alignment ---- */

typedef int *Cell(Row *row);

static int *equal_of(Row *row) { return &row->equal; }
static int *source_of(Row *row) { return &row->source; }
static int *comment_of(Row *row) { return &row->comment; }

/* Gives the cells of neighbouring rows one column; what stands behind moves along. shift[i]: blanks put before the cell of row i. */
static void align(Format *f, Cell *cell, int *shift) {
    for (int i = 0, j; i < f->rows.n; i = j) {
        int least = 1 << 30, most = 0;
        for (j = i; j < f->rows.n; j++) {
            Row *row = &f->rows.at[j];
            int at = *cell(row);
            if (!at || row->indent != f->rows.at[i].indent || (cell == equal_of && row->broken)) break;
            least = at < least ? at : least;
            most = at > most ? at : most;
        }
        for (int k = i; k < j && most - least <= ALIGN_MAX; k++) shift[k] = most - *cell(&f->rows.at[k]);
        if (j == i) j++;
    }
    for (int i = 0; i < f->rows.n; i++) {
        Row *row = &f->rows.at[i];
        int at = *cell(row);
        if (row->equal > at) row->equal += shift[i];
        if (row->source > at) row->source += shift[i];
        if (row->comment > at) row->comment += shift[i];
    }
}

/* Copies the rows with the blanks that alignment asks for. */
static void write_aligned(Format *f, Out *out) {
    int n = f->rows.n;
    Cell *cells[3] = {equal_of, source_of, comment_of};
    int *shift[3], (*at)[3] = arena_alloc(f->arena, sizeof *at * (size_t)(n + 1));
    for (int i = 0; i < n; i++)
        for (int c = 0; c < 3; c++) at[i][c] = *cells[c](&f->rows.at[i]);   /* before any shift */
    for (int c = 0; c < 3; c++) {
        shift[c] = NEW_ARRAY(f->arena, int, n + 1);
        align(f, cells[c], shift[c]);
    }
    for (int i = 0; i < n; i++) {
        size_t lo = f->rows.at[i].lo, hi = i + 1 < n ? f->rows.at[i + 1].lo : f->out->n, done = lo;
        for (int c = 0; c < 3; c++) {
            if (!at[i][c]) continue;
            out_n(out, f->out->text + done, lo + (size_t)at[i][c] - done);
            done = lo + (size_t)at[i][c];
            out_f(out, "%*s", shift[c][i], "");
        }
        out_n(out, f->out->text + done, hi - done);
    }
}

bool grammar_format(Arena *a, Names *names, Diags *diags, const Source *source, Out *out) {
    grammar_parse(a, names, diags, source, false);
    if (diag_errors(diags)) return false;
    Out loose = out_new(a);
    Format f = {.arena = a, .text = source->text, .out = &loose};
    read_items(&f, names, diags, source);
    classify(&f);
    for (int i = 0; i < f.items.n; i++) write_item(&f, i);
    if (f.items.n) out_s(&loose, "\n");
    write_aligned(&f, out);
    return true;
}
