#include "dsl/ast.h"

static const struct { const char *text; int precedence; } ops[AO_COUNT] = {
    [AO_OR] = {"or", 1}, [AO_AND] = {"and", 2}, [AO_NOT] = {"not", 3},
    [AO_EQ] = {"==", 4}, [AO_NE] = {"!=", 4}, [AO_LT] = {"<", 4}, [AO_LE] = {"<=", 4}, [AO_GT] = {">", 4}, [AO_GE] = {">=", 4},
    [AO_BOR] = {"|", 6}, [AO_BXOR] = {"^", 7}, [AO_BAND] = {"&", 8}, [AO_SHL] = {"<<", 9}, [AO_SHR] = {">>", 9},
    [AO_ADD] = {"+", 10}, [AO_SUB] = {"-", 10},
    [AO_MUL] = {"*", 12}, [AO_DIV] = {"/", 12}, [AO_FLOORDIV] = {"//", 12}, [AO_MOD] = {"%", 12},
    [AO_NEG] = {"-", 14}, [AO_BNOT] = {"~", 14},
};

const char *ast_op_text(AOp op) { return ops[op].text; }

int ast_op_precedence(AOp op) { return ops[op].precedence; }
