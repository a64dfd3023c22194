/* Prints C: expressions with the parentheses they need, statements with indentation.
 *
 * An expression is a text with the precedence of its outermost operator; it is built from its parts, which get parentheses where
 * the grammar of C needs them, and where gcc's and clang's -Wall -Wextra would ask for them ('&&' under '||', arithmetic under a
 * shift or a bitwise operator, a comparison under either, comparisons of comparisons). Statements go straight to the Out. */
#pragma once
#include "base/out.h"

/* The levels of C's expression grammar, loosest first. */
typedef enum CPrec {
    CP_COMMA, CP_ASSIGN, CP_COND, CP_OROR, CP_ANDAND, CP_OR, CP_XOR, CP_AND, CP_EQ, CP_REL, CP_SHIFT, CP_ADD, CP_MUL, CP_UNARY,
    CP_POSTFIX, CP_PRIMARY
} CPrec;

typedef struct CExpr { const char *text; CPrec prec; } CExpr;

typedef struct CPrint { Arena *arena; Out *out; } CPrint;

/* --- expressions --------------------------------------------------------------------------------------------------------- */

/* A name, a literal or whatever else binds tightest. */
CExpr c_atom(const char *text);
CExpr c_atomf(CPrint *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
CExpr c_int(CPrint *p, int64_t value);
/* A finite number as a double, or as a float in the fewest digits that read back. */
CExpr c_float(CPrint *p, double value, bool is_double);
/* x op y for the operators of C's table ("+", "<<", "&&", "==", "=" ...). */
CExpr c_binary(CPrint *p, const char *op, CExpr x, CExpr y);
/* op is one of - ~ ! * & . */
CExpr c_unary(CPrint *p, const char *op, CExpr x);
CExpr c_cast(CPrint *p, const char *type, CExpr x);
CExpr c_cond(CPrint *p, CExpr c, CExpr x, CExpr y);
CExpr c_call(CPrint *p, const char *function, int n, const CExpr *args);
#define c_call1(p, f, x) c_call((p), (f), 1, (const CExpr[]){x})
#define c_call2(p, f, x, y) c_call((p), (f), 2, (const CExpr[]){x, y})
#define c_call3(p, f, x, y, z) c_call((p), (f), 3, (const CExpr[]){x, y, z})
CExpr c_subscript(CPrint *p, CExpr array, CExpr at);
/* x + y, x * y without terms of 0 and factors of 1. */
CExpr c_sum(CPrint *p, CExpr x, CExpr y);
CExpr c_product(CPrint *p, CExpr x, CExpr y);

/* --- statements ---------------------------------------------------------------------------------------------------------- */

/* T NAME = INIT;  (no initialiser when init.text is NULL) */
void c_declare(CPrint *p, const char *type, const char *name, CExpr init);
/* TARGET op VALUE;  op is "=", "+=" ... */
void c_assign(CPrint *p, CExpr target, const char *op, CExpr value);
void c_expr(CPrint *p, CExpr e);
void c_return(CPrint *p, CExpr e);
/* Opens a block; c_end closes it. */
void c_block(CPrint *p);
void c_if(CPrint *p, CExpr c);
void c_else(CPrint *p);
/* for (TYPE VAR = LO; VAR < HI; VAR++), or += step when step is not 1. */
void c_for(CPrint *p, const char *type, const char *var, CExpr lo, CExpr hi, int64_t step);
/* for (; COND; NEXT) */
void c_while(CPrint *p, CExpr cond, CExpr next);
void c_end(CPrint *p);
/* One or several lines of comment; the text cannot end the comment early. */
void c_comment(CPrint *p, const char *text);
void c_blank(CPrint *p);
/* TYPE NAME(PARAMS) and the opening brace. */
void c_function(CPrint *p, const char *type, const char *name, const char *params);
/* A string literal. */
void c_string(Out *o, const char *s);
