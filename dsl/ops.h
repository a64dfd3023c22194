/* The operator table (dsl/ops.def) as data. */
#pragma once
#include "dsl/dtype.h"

typedef enum Op {
#define OP(id, ...) OP_##id,
#include "dsl/ops.def"
#undef OP
    OP_COUNT
} Op;

typedef enum OpSyntax { OPS_INFIX, OPS_PREFIX, OPS_CALL } OpSyntax;
enum { OPA_F = 1, OPA_I = 2, OPA_B = 4, OPA_FI = 3, OPA_IB = 6, OPA_FIB = 7 };
typedef enum OpGives { OPG_SAME, OPG_KEEP, OPG_BOOL } OpGives;

/* What an operator makes of a shift or a scale of an argument. FX_SUM: a shift stays one; FX_PRODUCT: a scale stays one; FX_EXP: a shift
 * becomes a scale by the function of the shift, FX_LOG the reverse, to the same base. */
typedef enum OpEffect { FX_NONE, FX_SUM, FX_PRODUCT, FX_EXP_E, FX_EXP_2, FX_LOG_E, FX_LOG_2 } OpEffect;

typedef struct OpRow {
    const char *name;
    int arity;
    OpSyntax syntax;
    int accepts;        /* OPA_ bits */
    OpGives gives;
    double ulp;
    const char *libm;
    OpEffect effect;
} OpRow;

extern const OpRow op_table[OP_COUNT];

/* Laws; an operator that has none commutes with nothing and its neutral value is nan. */
typedef struct OpLaws { bool commutes; double neutral; } OpLaws;
OpLaws op_laws(Op op);

/* The function (OPS_CALL) of that name, or OP_COUNT. */
Op op_by_name(const char *name);
