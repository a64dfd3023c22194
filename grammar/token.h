/* Tokens: their codes come from the grammar (knf.y), their texts and properties from one table. */
#pragma once
#include "base/diag.h"
#include "base/name.h"
#include "base/vec.h"
#include "knf.h"    /* T_ codes, made by Lemon */

typedef struct Tok {
    int code;
    uint32_t lo, hi;
    bool first;          /* of its line */
    union {
        Name name;       /* T_ID and every other word: its text. T_STRING: without the quotes */
        int64_t i;       /* T_INT. 2^63, which only a minus may precede, is INT64_MIN */
        double f;        /* T_FLOAT */
    };
} Tok;

enum {
    TF_WORD = 1,         /* reserved, or with TF_SOFT a word only where the grammar has a place for it */
    TF_SOFT = 2,
    TF_END = 4,          /* may end a statement */
    TF_BEGIN = 8,        /* may begin one */
    TF_DEF = 16,         /* begins a definition */
    TF_OPERATOR = 32,    /* stands between two operands */
    TF_OPERAND = 64,     /* begins an expression: such tokens are named together */
    TF_COMB = 128        /* a combinator */
};
typedef struct TokenRow { const char *text; int flags; } TokenRow;

enum { TOKEN_CODES = 128 };
/* The row of a code; text is NULL where there is no such token. */
const TokenRow *token_row(int code);
/* The code of a word: T_ID unless it is a reserved or a soft one. */
int token_of_word(const char *text, size_t n);

typedef VEC(Span) Spans;

/* The state of the lexer; `at` may be set back to the beginning of any token. */
typedef struct Lexer {
    const Source *source;
    Names *names;
    Diags *diags;
    Arena *arena;
    const char *at;
    bool dots;           /* names may hold dots */
    bool after_minus;    /* set by the reader: the next integer may be 2^63 */
    bool quiet;          /* errors have been reported in an earlier pass */
    const char *fault;   /* behind the last fault outside comments, or NULL */
    Spans *comments;      /* where the comments are, or NULL when nobody asks */
} Lexer;

/* The next token; T_SEP for ';' only (line ends are `first`), 0 at the end. Faults are reported; bytes that begin no token skipped. */
Tok lex_next(Lexer *l);
