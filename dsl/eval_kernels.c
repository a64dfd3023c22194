/* The oracle's columns of dsl/ops.def as loops over lanes. */
#include "dsl/eval_internal.h"
#include "dsl/eval_clones.h"
#include "dsl/eval_ops.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"

#define OP(id, name, arity, syntax, accepts, gives, ulp, feval, ferr, ieval, libm, fx) \
    CLONES static void float_##id(int n, const double *pa, const double *pb, const double *pc, double *pr) { \
        for (int l = 0; l < n; l++) { \
            double a = pa[l], b = arity > 1 ? pb[l] : 0, c = arity > 2 ? pc[l] : 0; \
            pr[l] = feval; \
        } \
    } \
    CLONES static void error_##id(int n, const double *pa, const double *pb, const double *pc, \
                                  const double *pea, const double *peb, const double *pec, const double *pr, double *pe) { \
        for (int l = 0; l < n; l++) { \
            double a = pa[l], b = arity > 1 ? pb[l] : 0, c = arity > 2 ? pc[l] : 0, r = pr[l]; \
            double ea = pea[l], eb = arity > 1 ? peb[l] : 0, ec = arity > 2 ? pec[l] : 0; \
            pe[l] = ferr; \
        } \
    } \
    CLONES static void int_##id(int n, const int64_t *pa, const int64_t *pb, int64_t *pr, int bits) { \
        for (int l = 0; l < n; l++) { \
            int64_t a = pa[l], b = arity > 1 ? pb[l] : 0; \
            uint64_t ua = (uint64_t)a, ub = (uint64_t)b; \
            pr[l] = (int64_t)(ieval); \
        } \
    }
#include "dsl/ops.def"
#undef OP

FloatKernel *const float_kernels[OP_COUNT] = {
#define OP(id, ...) [OP_##id] = float_##id,
#include "dsl/ops.def"
#undef OP
};

ErrorKernel *const error_kernels[OP_COUNT] = {
#define OP(id, ...) [OP_##id] = error_##id,
#include "dsl/ops.def"
#undef OP
};

IntKernel *const int_kernels[OP_COUNT] = {
#define OP(id, ...) [OP_##id] = int_##id,
#include "dsl/ops.def"
#undef OP
};
