#include "test/functions_build.h"
#include "emit/host_help.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static double rsqrt_truth(double x) { return 1 / sqrt(x); }
#define F(name) {"knf_" #name, #name, name}
const Function functions[] = {
    F(exp), F(exp2), F(expm1), F(log), F(log2), F(log1p), {"knf_rsqrt", NULL, rsqrt_truth}, F(sin), F(cos), F(tan), F(asin), F(acos), F(atan),
    F(sinh), F(cosh), F(tanh), F(erf),
};
const int n_functions = sizeof functions / sizeof *functions;

static void out_of_memory(void *context, const char *why) {
    (void)context;
    fprintf(stderr, "%s\n", why);
    abort();
}

static const char parameters[] = "const float *restrict x, float *restrict y, const float *restrict z, int64_t n";

static void definitions(CPrint *p) {
    for (int i = 0; i <= n_functions; i++) {
        c_function(p, "void", arena_printf(p->arena, "all%d", i), parameters);
        c_for(p, "int64_t", "i", c_atom("0"), c_atom("n"), 1);
        bool two = i == n_functions;
        c_assign(p, c_atom("y[i]"), "=", two ? c_call2(p, "knf_pow", c_atom("x[i]"), c_atom("z[i]")) : c_call1(p, functions[i].helper, c_atom("x[i]")));
        c_end(p);
        if (!two) c_expr(p, c_cast(p, "void", c_atom("z")));
        c_end(p);
    }
}

static void entry(CPrint *p) {
    out_s(p->out, "#include <stdint.h>\n");
    for (int i = 0; i <= n_functions; i++) out_f(p->out, "void all%d(%s);\n", i, parameters);
    out_s(p->out, "int knyfe_call(void *const *tensors, const int64_t *dims);\n");
    c_function(p, "int", "knyfe_call", "void *const *tensors, const int64_t *dims");
    for (int i = 0; i <= n_functions; i++) {
        c_if(p, c_binary(p, "==", c_atom("dims[0]"), c_int(p, i)));
        CExpr args[] = {c_atom("tensors[0]"), c_atom("tensors[1]"), c_atom("tensors[2]"), c_atom("dims[1]")};
        c_expr(p, c_call(p, arena_printf(p->arena, "all%d", i), 4, args));
        c_end(p);
    }
    c_return(p, c_atom("0"));
    c_end(p);
}

KnyfeCall *functions_build(const char *flags) {
    Arena *a = arena_new(0, out_of_memory, NULL);
    Out o = out_new(a), call = out_new(a);
    static const char *const headers[] = {"math", "stdbool", "stddef", "stdint", "stdlib", "string"};
    for (int i = 0; i < 6; i++) out_f(&o, "#include <%s.h>\n", headers[i]);
    HostUses uses = host_uses_new(a);
    for (int i = 0; i < n_functions; i++) host_use(&uses, functions[i].helper);
    host_use(&uses, "knf_pow");
    CPrint p = {a, &o}, q = {a, &call};
    host_helpers_print(&p, &uses);
    definitions(&p);
    entry(&q);
    KnyfeCall *f = emit_compile(o.text, call.text, arena_printf(a, "-O3 -fno-math-errno -fno-trapping-math %s", flags));
    arena_free(a);
    return f;
}

double functions_ulps(float got, double want) {
    float w = (float)want;
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : INFINITY;
    if (isinf(w) || isinf(got)) {
        double edge = (double)0x1.fffffep127f;      /* a result next to the overflow may be either */
        return w == got ? 0 : fabs(want) > edge && fabs((double)got) == edge ? 1 : INFINITY;
    }
    if (want == 0) return got == 0 && !signbit(want) == !signbit(got) ? 0 : INFINITY;
    int e;
    frexp(want, &e);
    return fabs((double)got - want) / ldexp(1, (e < -125 ? -125 : e) - 24);
}
