/* One C file from a Kernel: what stands around the loop nests. */
#include "emit/host_gen.h"
#include <ctype.h>
#include <string.h>

static const char *span_text(Arena *a, Span s) {
    return s.src && s.hi > s.lo ? arena_strndup(a, s.src->text + s.lo, s.hi - s.lo) : NULL;
}

/* --- names and types of the interface ---------------------------------------------------------------------------------------- */

static void name_all(Gen *g) {
    const Kernel *k = g->k;
    g->name = host_kernel_name(g, k->name);
    vec_push(g->a, &g->scope.taken, arena_printf(g->a, "%s_facts", g->name));
    for (int i = 0; i < k->params.n; i++) g->tensors[k->params.at[i]->id].name = host_name(g, k->params.at[i]->name);
    for (int i = 0; i < k->outputs.n; i++) g->tensors[k->outputs.at[i]->id].name = host_name(g, k->outputs.at[i]->name);
    for (int i = 0; i < k->dims.n; i++) g->dim[i] = c_atom(host_name(g, k->dims.at[i]->name));
    for (int i = 0; i < k->tensors.n; i++) {
        const Tensor *t = k->tensors.at[i];
        HostTensor *h = &g->tensors[t->id];
        if (!h->name) h->name = host_name(g, t->name);
        h->variable = t->rank == 0 && t->role != TR_OUTPUT;
    }
    for (int i = 0; i < k->fns.n; i++) g->fn[k->fns.at[i]->id] = host_name(g, k->fns.at[i]->name);
}

static const char *parameter(Gen *g, const Tensor *t) {
    const char *type = host_store_type(t->type), *name = g->tensors[t->id].name;
    if (t->role == TR_INPUT && t->rank == 0) return arena_printf(g->a, "%s %s", type, name);
    return arena_printf(g->a, "%s%s *restrict %s", t->role == TR_INPUT ? "const " : "", type, name);
}

static const char *parameters(Gen *g) {
    const Kernel *k = g->k;
    VEC(const char *) list = {0};
    for (int i = 0; i < k->params.n; i++) vec_push(g->a, &list, parameter(g, k->params.at[i]));
    for (int i = 0; i < k->outputs.n; i++) vec_push(g->a, &list, parameter(g, k->outputs.at[i]));
    for (int i = 0; i < k->dims.n; i++) vec_push(g->a, &list, arena_printf(g->a, "int64_t %s", g->dim[i].text));
    Out o = out_new(g->a);
    size_t column = strlen(g->name) + 5;
    for (int i = 0; i < list.n; i++) {
        size_t n = strlen(list.at[i]) + 2;
        bool wrap = i && column + n > 118;
        out_f(&o, "%s%s", !i ? "" : wrap ? ",\n        " : ", ", list.at[i]);
        column = wrap ? 8 + n : column + n;
    }
    return o.text ? o.text : "void";
}

/* --- functions ----------------------------------------------------------------------------------------------------------------- */

static bool finds_var(void *context, Expr *e) {
    const Var **v = context;
    if (e->kind == X_VAR && e->var == *v) *v = NULL;
    return *v != NULL;
}

/* The line on which a function is defined. */
static const char *definition(Arena *a, Span s) {
    if (!s.src || s.hi <= s.lo) return NULL;
    const char *text = s.src->text, *lo = text + s.lo;
    while (lo > text && lo[-1] != '\n') lo--;
    return arena_strndup(a, lo, strcspn(lo, "\n"));
}

static void function(Gen *g, const FnInst *f) {
    int mark = host_scope_mark(g);
    Out params = out_new(g->a);
    for (int i = 0; i < f->params.n; i++) {
        Var *v = f->params.at[i];
        g->var[v->id] = c_atom(host_name(g, v->name));
        out_f(&params, "%s%s %s", i ? ", " : "", host_value_type(v->type), g->var[v->id].text);
    }
    const char *text = definition(g->a, f->span);
    if (text) c_comment(&g->p, text);
    const char *head = arena_printf(g->a, "static inline %s", host_value_type(f->type));
    c_function(&g->p, head, g->fn[f->id], f->params.n ? params.text : "void");
    for (int i = 0; i < f->params.n; i++) {
        const Var *v = f->params.at[i];
        expr_walk(f->body, finds_var, &v);
        if (v) c_expr(&g->p, c_cast(&g->p, "void", g->var[v->id]));
    }
    c_return(&g->p, host_expr(g, f->body));
    c_end(&g->p);
    c_blank(&g->p);
    host_scope_pop(g, mark);
}

/* --- facts --------------------------------------------------------------------------------------------------------------------- */

static bool is_tested(const Gen *g, const Fact *f) {
    return f->number > 0 && !(g->options->no_check && (f->kind == FACT_RANGE || f->kind == FACT_CHECK));
}

void host_fact(Gen *g, const Fact *f) {
    if (!is_tested(g, f)) return;
    int mark = host_scope_mark(g);
    c_comment(&g->p, f->text);
    for (int i = 0; i < f->idx.n; i++) {
        CExpr lo = host_extent(g, f->idx.at[i]->lo), hi = host_extent(g, f->idx.at[i]->hi);
        host_open_loop(g, f->idx.at[i], lo, hi);
    }
    c_if(&g->p, c_unary(&g->p, "!", host_expr(g, fact_test(f))));
    c_return(&g->p, c_int(&g->p, f->number));
    for (int i = 0; i <= f->idx.n; i++) c_end(&g->p);
    if (f->idx.n) host_scope_pop(g, mark);
}

static void facts_table(Gen *g) {
    const Kernel *k = g->k;
    int most = 0;
    for (int i = 0; i < k->facts.n; i++) most = k->facts.at[i].number > most ? k->facts.at[i].number : most;
    if (!most) return;
    c_comment(&g->p, "What must hold: the function returns the number of the first that does not, counted from 1.");
    out_f(g->p.out, "const char *const %s_facts[] = {\n", g->name);
    g->p.out->indent++;
    for (int n = 1; n <= most; n++) {
        const char *text = "";
        for (int i = 0; i < k->facts.n; i++)
            if (k->facts.at[i].number == n) text = k->facts.at[i].text;
        c_string(g->p.out, text ? text : "");
        out_s(g->p.out, ",\n");
    }
    g->p.out->indent--;
    out_s(g->p.out, "};\n\n");
}

/* --- temporaries --------------------------------------------------------------------------------------------------------------- */

typedef HostTexts Texts;

void host_allocate(Gen *g, Texts *names, const char *name, const char *type, int rank, Expr *const *shape, const char *when) {
    Out list = out_new(g->a);
    for (int d = 0; d < rank; d++) out_f(&list, "%s%s", d ? ", " : "", host_extent(g, shape[d]).text);
    CExpr args[] = {c_atomf(&g->p, "sizeof(%s)", type), c_int(&g->p, rank), c_atomf(&g->p, "(const int64_t[]){%s}", list.text)};
    CExpr memory = c_call(&g->p, host_use(&g->uses, "knf_alloc"), 3, args);
    c_declare(&g->p, arena_printf(g->a, "%s *restrict", type), name, when ? c_cond(&g->p, c_atom(when), memory, c_atom("NULL")) : memory);
    vec_push(g->a, names, ((HostMemory){name, when}));
}

static void release(Gen *g, const Texts *names) {
    for (int i = 0; i < names->n; i++) c_expr(&g->p, c_call1(&g->p, "free", c_atom(names->at[i].name)));
}

static void temporaries(Gen *g, Texts *names) {
    const Kernel *k = g->k;
    for (int i = 0; i < k->tensors.n; i++) {
        const Tensor *t = k->tensors.at[i];
        HostTensor *h = &g->tensors[t->id];
        if (h->wide) host_allocate(g, names, h->wide, "float", t->rank, t->shape, NULL);
        if (t->role != TR_TEMP || (g->tiles && !host_tile_at_home(g, t))) continue;
        h->variable = h->variable || h->dropped == t->rank;
        if (h->variable) c_declare(&g->p, host_value_type(t->type), h->name, (CExpr){0});
        else host_allocate(g, names, h->name, host_store_type(t->type), t->rank - h->dropped, t->shape + h->dropped, g->tiles ? host_tile_home_case(g, t) : NULL);
    }
}

/* Leaves where there was no memory for one. */
static void need_all(Gen *g, const Texts *names) {
    if (!names->n) return;
    CExpr any = {0};
    for (int i = 0; i < names->n; i++) {
        CExpr none = c_unary(&g->p, "!", c_atom(names->at[i].name));
        if (names->at[i].when) none = c_binary(&g->p, "&&", c_atom(names->at[i].when), none);
        any = any.text ? c_binary(&g->p, "||", any, none) : none;
    }
    c_if(&g->p, any);
    release(g, names);
    c_return(&g->p, c_int(&g->p, -1));
    c_end(&g->p);
    c_blank(&g->p);
}

/* --- the function and the file --------------------------------------------------------------------------------------------------- */

/* Statements of the body, into g->p. */
static void body(Gen *g) {
    const Kernel *k = g->k;
    size_t before = g->p.out->n;
    if (g->tiles) host_tile_facts(g);
    for (int i = 0; !g->tiles && i < k->facts.n; i++) host_fact(g, &k->facts.at[i]);
    if (g->p.out->n != before) c_blank(&g->p);
    Texts names = {0};
    if (!g->tiles) host_fuse_plan(g);
    host_wide_plan(g);
    if (g->tiles) host_tile_memory(g, &names);
    temporaries(g, &names);
    need_all(g, &names);
    if (g->tiles) host_tile_stages(g);
    else host_stmts(g);
    release(g, &names);
    c_return(&g->p, c_atom("0"));
}

/* Extents that have names, and parameters that nothing uses. */
static void prologue(Gen *g) {
    const Kernel *k = g->k;
    for (int i = 0; i < g->extents.n; i++) c_declare(&g->p, "const int64_t", g->extents.at[i].name, c_atom(g->extents.at[i].text));
    for (int i = 0; i < k->tensors.n; i++) {
        const Tensor *t = k->tensors.at[i];
        if (t->role != TR_TEMP && !g->tensors[t->id].used) c_expr(&g->p, c_cast(&g->p, "void", c_atom(g->tensors[t->id].name)));
    }
    for (int i = 0; i < k->dims.n; i++)
        if (!g->dim_used[i]) c_expr(&g->p, c_cast(&g->p, "void", g->dim[i]));
}

static void header(Gen *g) {
    const Kernel *k = g->k;
    Out text = out_new(g->a);
    out_f(&text, "%s: made by knyfe%s%s\n\n", g->name, g->options->command ? " with: " : "", g->options->command ? g->options->command : "");
    if (strcmp(g->name, k->name)) out_f(&text, "The kernel is named %s, which C does not allow here.\n\n", k->name);
    const char *source = span_text(g->a, k->span);
    if (source) out_s(&text, source);
    else kernel_print(k, &text);
    while (text.n && text.text[text.n - 1] == '\n') text.text[--text.n] = 0;
    c_comment(&g->p, text.text);
}

/* Headers, and the words that ask for them. */
static const struct { const char *header, *words; } includes[] = {
    {"math.h", " isnan isinf NAN INFINITY sqrt sqrtf rint rintf floor floorf ceil ceilf trunc truncf fabs fabsf fma fmaf "},
    {"stdbool.h", " bool true false "},
    {"stddef.h", " size_t NULL PTRDIFF_MAX "},
    {"stdint.h", NULL},
    {"stdlib.h", " malloc aligned_alloc free "},
    {"string.h", " memcpy "},
};

static bool is_asked_for(const char *words, const char *word, size_t n) {
    for (const char *s = words; s && (s = strstr(s + 1, " ")) && s[1];)
        if (!strncmp(s + 1, word, n) && s[1 + n] == ' ') return true;
    return !strncmp(words + 1, word, n) && words[1 + n] == ' ';
}

/* Whether an identifier of the text, or for math.h a function of libm, needs the header. */
static bool needs_header(int h, const char *text) {
    for (const char *s = text; *s;) {
        size_t n = 0;
        while (isalnum((unsigned char)s[n]) || s[n] == '_') n++;
        if (n && is_asked_for(includes[h].words, s, n)) return true;
        for (int op = 0; n && h == 0 && op < OP_COUNT; op++)
            if (op_table[op].libm && strlen(op_table[op].libm) == n && !strncmp(op_table[op].libm, s, n) && s[n] == '(') return true;
        s += n ? n : 1;
    }
    return false;
}

static void preamble(Gen *g, const char *rest) {
    for (int i = 0; i < (int)(sizeof includes / sizeof *includes); i++)
        if (!includes[i].words || needs_header(i, rest)) out_f(g->p.out, "#include <%s>\n", includes[i].header);
    c_blank(&g->p);
    c_comment(&g->p, "No result here depends on errno or on floating-point traps.");
    out_s(g->p.out, "#if defined __GNUC__ && !defined __clang__\n");
    out_s(g->p.out, "#pragma GCC optimize (\"no-math-errno\", \"no-trapping-math\")\n");
    out_s(g->p.out, "#endif\n");
    out_s(g->p.out, "#pragma GCC diagnostic ignored \"-Wtautological-compare\"\n");
    if (host_uses_vectors(&g->uses)) out_s(g->p.out, "#pragma GCC diagnostic ignored \"-Wpsabi\"\n");
    c_blank(&g->p);
}

enum { TILE_RANKS = 64 };     /* indices for the dimensions of a tile */

static Gen gen_new(const Kernel *k, int n_indices, const HostOptions *options, Out *out) {
    Arena *a = out->arena;
    Gen g = {.k = k, .options = options, .a = a, .p = {a, out}, .uses = host_uses_new(a)};
    g.tensors = NEW_ARRAY(a, HostTensor, k->tensors.n + 1);
    g.index = NEW_ARRAY(a, CExpr, n_indices + 1);
    g.var = NEW_ARRAY(a, CExpr, k->n_vars + 1);
    g.dim = NEW_ARRAY(a, CExpr, k->dims.n + 1);
    g.dim_used = NEW_ARRAY(a, bool, k->dims.n + 1);
    g.grouped = NEW_ARRAY(a, bool, k->stmts.n + 1);
    g.fn = NEW_ARRAY(a, const char *, k->fns.n + 1);
    name_all(&g);
    return g;
}

static void emit(const Kernel *k, const TileProgram *p, const HostOptions *options, Out *out) {
    static const HostOptions none = {0};
    Gen g = gen_new(k, p ? p->n_indices + TILE_RANKS : k->n_indices, options ? options : &none, out);
    if (p) g.tiles = host_tiles_new(&g, p);
    Out functions = out_new(g.a), inside = out_new(g.a);
    g.p.out = &functions;
    for (int i = 0; i < k->fns.n; i++) function(&g, k->fns.at[i]);
    inside.indent = 1;
    g.p.out = &inside;
    body(&g);
    functions.indent = 0;
    host_dot_functions(&g, &(CPrint){g.a, &functions});

    Out rest = out_new(g.a);
    g.p.out = &rest;
    host_helpers_print(&g.p, &g.uses);
    if (functions.n) out_n(&rest, functions.text, functions.n);
    facts_table(&g);
    c_function(&g.p, "int", g.name, parameters(&g));
    prologue(&g);
    rest.indent--;
    out_n(&rest, inside.text, inside.n);
    rest.indent++;
    c_end(&g.p);

    g.p.out = out;
    header(&g);
    preamble(&g, rest.text);
    out_n(out, rest.text, rest.n);
}

void emit_host(const Kernel *k, const HostOptions *options, Out *out) { emit(k, NULL, options, out); }

void emit_host_tiles(const TileProgram *p, const HostOptions *options, Out *out) { emit(p->kernel, p, options, out); }

void emit_host_call(const Kernel *k, Out *out) {
    static const HostOptions none = {0};
    Gen g = gen_new(k, k->n_indices, &none, out);
    out_s(out, "#include <stdint.h>\n\n");
    out_f(out, "int %s(%s);\n", g.name, parameters(&g));
    out_s(out, "int knyfe_call(void *const *tensors, const int64_t *dims);\n\n");
    c_function(&g.p, "int", "knyfe_call", "void *const *tensors, const int64_t *dims");
    int n = k->params.n + k->outputs.n, all = n + k->dims.n;
    CExpr *args = NEW_ARRAY(g.a, CExpr, all + 1);
    for (int i = 0; i < n; i++) {
        const Tensor *t = i < k->params.n ? k->params.at[i] : k->outputs.at[i - k->params.n];
        args[i] = c_subscript(&g.p, c_atom("tensors"), c_int(&g.p, i));
        if (t->role != TR_INPUT || t->rank) continue;
        args[i] = c_unary(&g.p, "*", c_cast(&g.p, arena_printf(g.a, "const %s *", host_store_type(t->type)), args[i]));
    }
    for (int i = n; i < all; i++) args[i] = c_subscript(&g.p, c_atom("dims"), c_int(&g.p, i - n));
    if (n == 0) c_expr(&g.p, c_cast(&g.p, "void", c_atom("tensors")));
    if (!k->dims.n) c_expr(&g.p, c_cast(&g.p, "void", c_atom("dims")));
    c_return(&g.p, c_call(&g.p, g.name, all, args));
    c_end(&g.p);
}
