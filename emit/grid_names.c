/* Names, blocks, types and literals of PE programs. */
#include "emit/grid_gen.h"
#include "emit/host_names.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_taken(const GridGen *g, const char *s) {
    for (int i = 0; i < g->taken.n; i++)
        if (!strcmp(g->taken.at[i], s)) return true;
    for (int i = 0; i < g->kept.n; i++)
        if (!strcmp(g->kept.at[i], s)) return true;
    return false;
}

static const char *unique(GridGen *g, const char *base, const char *before) {
    if (host_is_reserved(base)) base = arena_printf(g->a, "%s%s", before, base);
    const char *s = base;
    for (int i = 2; is_taken(g, s); i++) s = arena_printf(g->a, "%s_%d", base, i);
    vec_push(g->a, &g->taken, s);
    return s;
}

static bool is_of_pe_h(const char *s) { return !strncasecmp(s, "pe_", 3) || !strcasecmp(s, "pe"); }

static char *cleaned(GridGen *g, const char *before, const char *name) {
    bool odd = !*before && (is_of_pe_h(name) || isdigit((unsigned char)name[0]) || name[0] == '_');
    char *s = arena_printf(g->a, "%s%s%s", odd ? "u_" : "", before, name);
    for (char *c = s; *c; c++)
        if (!isalnum((unsigned char)*c)) *c = '_';
    return s;
}

const char *grid_name(GridGen *g, const char *name) {
    return unique(g, cleaned(g, "", name), "u_");
}

const char *grid_enumerator(GridGen *g, const char *before, const char *name) {
    char *s = cleaned(g, before, name);
    for (char *c = s; *c; c++) *c = (char)toupper((unsigned char)*c);
    const char *name_of_file = unique(g, is_of_pe_h(s) ? arena_printf(g->a, "U_%s", s) : s, "U_");
    vec_push(g->a, &g->kept, name_of_file);
    return name_of_file;
}

GridMark grid_enter(GridGen *g) {
    GridMark m = {g->taken.n, g->known.n, g->bases.n, g->ops};
    g->ops = 0;
    return m;
}

void grid_leave(GridGen *g, GridMark m) {
    if (g->ops) c_expr(&g->p, c_call2(&g->p, "pe_ops", c_atom("pe"), c_int(&g->p, g->ops)));
    for (int i = 0; i < g->conds.n; i++)
        if (g->conds.at[i].taken >= m.taken) g->conds.at[i].other = (CExpr){0};
    g->taken.n = m.taken;
    g->known.n = m.known;
    g->bases.n = m.bases;
    g->ops = m.ops;
}

const char *grid_lt(DType t) { return t == DT_BOOL ? "mask" : dtype_name(dtype_table[t].compute); }

const char *grid_pe_type(GridGen *g, DType t) {
    char *s = arena_printf(g->a, "PE_%s", dtype_name(t));
    for (char *c = s; *c; c++) *c = (char)toupper((unsigned char)*c);
    return s;
}

/* inf and nan have no words without a header; a program has no division that folds to a trap either. */
static CExpr special(GridGen *g, bool wide, double v) {
    const char *f = wide ? "" : "f";
    if (isnan(v)) return c_call1(&g->p, arena_printf(g->a, "__builtin_nan%s", f), c_atom("\"\""));
    CExpr inf = c_atomf(&g->p, "__builtin_inf%s()", f);
    return v < 0 ? c_unary(&g->p, "-", inf) : inf;
}

static CExpr float_literal(GridGen *g, DType t, double f) {
    double v = t == DT_F64 ? f : dtype_round(t, f);
    if (isnan(v) || isinf(v)) return special(g, t == DT_F64, v);
    return c_float(&g->p, v, t == DT_F64);
}

CExpr grid_literal(GridGen *g, DType t, double f, int64_t i) {
    if (dtype_is_float(t)) return float_literal(g, t, f);
    if (t == DT_BOOL) return c_atom(i ? "true" : "false");
    return t == DT_I32 && i == INT32_MIN ? c_atom("INT32_MIN") : c_int(&g->p, i);
}
