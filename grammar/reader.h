/* The state of one parse: the reader of tokens, the generated parser, and what the errors need to know. */
#pragma once
#include "grammar/build.h"

/* A bracket that is open. */
typedef struct Open {
    Tok tok;
    Tok before;          /* the token in front of it */
    bool reduction;      /* of a reduction or scan: '|' in it is the predicate's, ']' ends no statement */
    int depth;           /* of the parser's stack when it was taken */
} Open;

/* Tokens that could stand at a place; code 0 is the end of the file. */
typedef struct Set { bool has[TOKEN_CODES]; } Set;

/* A line that begins with a name in the middle of a statement: should the line before have ended it? */
typedef struct Break {
    bool is_target;      /* what has been read since is  name  or  name[...] */
    Tok before;          /* the last token of the line before */
    int open;            /* brackets open there */
    Set expected;        /* what could have followed `before` */
} Break;

enum {
    HISTORY = 5,
    STACK_MAX = 16384    /* entries of the parser's stack */
};

typedef struct Reader {
    Build build;
    Lexer lex;
    void *parser;
    VEC(Open) open;
    Tok prev;            /* the token read last; code 0 at the beginning */
    bool prev_ends;      /* it can end a statement */
    bool new_statement;  /* a faulty part was skipped up to here: a statement begins */
    int history[HISTORY];    /* the codes of the tokens before, the last one first */
    Open closed;         /* the bracket that prev closed */
    Break line_break;
    uint32_t part;       /* where the statement (or another part that recovery skips) begins */
} Reader;

/* Has the part that is being read a lexical fault? A syntax error there may come from it alone. */
bool reader_is_tainted(const Reader *r);

/* The tokens that the parser would take, had it not taken the `drop` last ones. Words of places are left out where any name does. */
Set reader_expected(const Reader *r, int drop);
/* Reports that t cannot stand here. Returns the code of the keyword that was surely meant in place of t (> 0) or of the token before
 * (< 0), or 0. */
int reader_report(Reader *r, Tok t);
/* Reports that the line ends behind `last` where one of the set was expected. */
void reader_report_end(Reader *r, const Set *s, Tok last);
