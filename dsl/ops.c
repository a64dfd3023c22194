#include "dsl/ops.h"
#include <math.h>
#include <string.h>

const OpRow op_table[OP_COUNT] = {
#define OP(id, name, arity, syntax, accepts, gives, ulp, feval, ferr, ieval, libm, fx) \
    [OP_##id] = {name, arity, OPS_##syntax, OPA_##accepts, OPG_##gives, ulp, libm, (OpEffect)fx},
#include "dsl/ops.def"
#undef OP
};

#define OP(...)
OpLaws op_laws(Op op) {
    static const OpLaws laws[OP_COUNT] = {
#define OP_ALGEBRA(id, commutes, neutral) [OP_##id] = {commutes, neutral},
#include "dsl/ops.def"
    };
    static const bool has[OP_COUNT] = {
#define OP_ALGEBRA(id, ...) [OP_##id] = true,
#include "dsl/ops.def"
    };
    return has[op] ? laws[op] : (OpLaws){false, NAN};
}
#undef OP

Op op_by_name(const char *name) {
    for (int o = 0; o < OP_COUNT; o++)
        if (op_table[o].syntax == OPS_CALL && !strcmp(op_table[o].name, name)) return (Op)o;
    return OP_COUNT;
}
