/* The syntax tree: what the text says, every node with its span, nothing resolved. Built by grammar/, read by the checker. */
#pragma once
#include "base/name.h"
#include "base/source.h"
#include "base/vec.h"
#include <stdbool.h>

typedef struct AExpr AExpr;
typedef VEC(AExpr *) AExprs;

typedef struct AName { Name text; Span span; } AName;          /* text NULL: not written */

typedef enum AKind {
    A_INT,      /* i */
    A_FLOAT,    /* f: also inf, nan and pi */
    A_BOOL,     /* i is 0 or 1 */
    A_NAME,     /* name */
    A_FIELD,    /* name . field        (the state of the other part, in a merge) */
    A_ACCESS,   /* name [ args ], with pad and clamp */
    A_CALL,     /* name < cargs > ( args ): function, kernel, combinatorless built-in, or conversion (name is a type) */
    A_SAT,      /* sat< name >( args[0] ) */
    A_UNARY,    /* op args[0] */
    A_BINARY,   /* args[0] op args[1] */
    A_IF,       /* if args[0] then args[1] else args[2] */
    A_REDUCE,   /* comb <name> [ iters | pred ] args */
    A_SCAN,     /* scan comb <name> [ iters[0] rel field ] args */
    A_ERROR     /* a syntax error stood here and has been reported */
} AKind;

typedef enum AOp {
    AO_OR, AO_AND, AO_NOT, AO_EQ, AO_NE, AO_LT, AO_LE, AO_GT, AO_GE, AO_BOR, AO_BXOR, AO_BAND, AO_SHL, AO_SHR,
    AO_ADD, AO_SUB, AO_MUL, AO_DIV, AO_FLOORDIV, AO_MOD, AO_NEG, AO_BNOT, AO_COUNT
} AOp;

/* ID ('in' lo '..' hi)? ; lo and hi are both NULL when no range is written. */
typedef struct AIter { AName name; AExpr *lo, *hi; } AIter;
typedef VEC(AIter) AIters;

/* A compile-time argument  name = value : an identifier (a type, a function, a parameter, true, false) or an integer. */
typedef struct ACval { bool is_int; int64_t i; AName name; } ACval;
typedef struct ACarg { AName name; ACval value; } ACarg;
typedef VEC(ACarg) ACargs;

struct AExpr {
    AKind kind;
    Span span;            /* the whole expression, its own parentheses not included */
    Span whole;           /* with its own parentheses */
    bool parens;          /* it stood in parentheses */
    int depth;            /* levels of the tree, 1 for a leaf; bounded by the parser */
    AOp op;
    int64_t i;
    double f;
    AName name;           /* A_REDUCE, A_SCAN: the accumulation type in <>, if written */
    AName field;          /* A_FIELD: after the point; A_SCAN: the index behind the relation */
    AName comb;           /* A_REDUCE, A_SCAN: "sum" ... "argmin", or the combinator's name when is_reduce */
    bool is_reduce;       /* 'reduce' ID rather than a built-in combinator */
    AExprs args;          /* operands, subscripts, arguments */
    VEC(AName) arg_names; /* A_CALL: beside args; .text NULL when positional */
    ACargs cargs;
    AExpr *pad;           /* A_ACCESS: the value of 'pad', a '-' included as A_UNARY */
    bool clamp;
    AIters iters;
    AExpr *pred;          /* A_REDUCE */
};

typedef struct AUse { Span span; AName path; } AUse;                     /* path.text without the quotes */
typedef struct AFn { Span span; AName name; VEC(AName) params; AExpr *body; } AFn;

typedef enum ACKind { ACK_TYPE, ACK_INT, ACK_BOOL, ACK_FN } ACKind;
typedef struct ACparam { AName name; ACKind kind; bool has_default; ACval value; } ACparam;

typedef enum APolicy { AP_NONE, AP_CHECK, AP_CLAMP, AP_ASSUME } APolicy;
typedef struct AParam {
    Span span;
    AName name, dtype;
    bool has_shape;        /* brackets written; an empty list is a scalar too */
    AExprs shape;
    AExpr *lo, *hi;        /* declared range, or NULL */
    APolicy policy;
    AExpr *value;          /* default, or NULL */
} AParam;

typedef struct ATarget { Span span; AName name; bool has_subs; AExprs subs; } ATarget;
typedef enum AStmtKind { AS_DEF, AS_CHECK, AS_ASSUME } AStmtKind;
typedef struct AStmt {
    AStmtKind kind;
    Span span;
    VEC(ATarget) targets;  /* AS_DEF: one, or the tuple's */
    AName dtype;           /* AS_DEF: declared type, if written */
    AExpr *value;          /* the right side, or the condition */
    AIters where;
} AStmt;

typedef struct AKernel {
    Span span;             /* from 'kernel' to the closing brace */
    Span head;             /* from 'kernel' to the end of the signature */
    AName name;
    VEC(ACparam) cparams;
    VEC(AParam) inputs, outputs;
    AExprs facts;          /* 'where' after the signature */
    VEC(AStmt) body;
} AKernel;

typedef struct AState { AName name, dtype; AExpr *init; } AState;
typedef struct AAssign { AName name; AExpr *value; } AAssign;
typedef VEC(AAssign) ABlock;
typedef struct AComb {
    Span span;
    AName name;
    VEC(AParam) inputs, outputs;     /* name and dtype only */
    bool ordered;
    VEC(AState) states;
    ABlock step, merge;
    AName other;                     /* the name in merge (o) */
    AExprs final;
} AComb;

/* Schedules, tests and machines keep the shape of their text; their readers give it meaning. */
typedef enum AAtomKind { AA_NAME, AA_INT, AA_FLOAT, AA_STRING, AA_ARROW, AA_GROUP, AA_SET } AAtomKind;
typedef struct AAtom AAtom;
typedef VEC(AAtom *) AAtoms;
struct AAtom {
    AAtomKind kind;
    Span span;
    Name text;             /* AA_NAME (with its dots: "y.sum.d"), AA_STRING */
    int64_t i;
    double f;              /* AA_FLOAT, and AA_INT as well */
    AAtoms items;          /* AA_GROUP ( ... ) and AA_SET { ... } */
};
typedef VEC(AAtoms) AClauses;                       /* separated by commas */

typedef struct ADirective ADirective;
struct ADirective {
    Span span;
    AName word;            /* "tile", "place", ... "when" */
    AClauses clauses;
    AExpr *guard;          /* 'when': its condition, and its directives */
    VEC(ADirective *) body;
};
typedef struct ASchedule {
    Span span;
    AName name, kernel, machine;     /* machine.text NULL: any */
    ACargs cargs;
    VEC(ADirective *) body;
} ASchedule;

typedef struct AData AData;          /* nested lists of constants */
struct AData { Span span; bool is_list; AExpr *value; VEC(AData *) items; };
typedef enum ACaseKind { AC_VALUE, AC_SET, AC_RANDOM, AC_EXPECT } ACaseKind;
typedef struct ACase {
    ACaseKind kind;
    Span span;
    AName name;
    AData *data;           /* AC_VALUE, AC_EXPECT */
    AExprs values;         /* AC_SET: constants; AC_RANDOM: arguments */
    AName law;             /* AC_RANDOM: normal, uniform, ints, offsets */
} ACase;
typedef struct ATest { Span span; AName kernel, machine; ACargs cargs; VEC(ACase) cases; } ATest;

typedef struct AValue { bool is_name; AName name; bool is_int; int64_t i; double f; AName unit, per; Span span; } AValue;
typedef struct AEntry AEntry;
struct AEntry {
    Span span;
    AStmt *stmt;           /* a meaning:  target = expression; key and values are empty */
    AName key, label;      /* a group:  key label? { entries } */
    VEC(AValue) values;    /* a property: key values "source"? */
    AName source;          /* text NULL: none */
    bool is_group;
    VEC(AEntry *) entries;
};
typedef struct AMachine { Span span; AName name; VEC(AEntry *) entries; } AMachine;

typedef struct AFile {
    const Source *source;
    VEC(AUse *) uses;
    VEC(AFn *) fns;
    VEC(AComb *) combs;
    VEC(AKernel *) kernels;
    VEC(ASchedule *) schedules;
    VEC(AMachine *) machines;
    VEC(ATest *) tests;
} AFile;

/* The operator as it is written: "+", "and". */
const char *ast_op_text(AOp op);
/* Binding strength of the operator, loosest 1; reductions bind at AST_PREC_REDUCE, primaries at AST_PREC_PRIMARY. One table serves
 * the printer of the tree and of the Kernel. */
int ast_op_precedence(AOp op);
enum { AST_PREC_IF = 0, AST_PREC_REDUCE = 11, AST_PREC_PRIMARY = 15 };
