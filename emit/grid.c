/* One file of PE programs: what stands around the stages' loops. */
#include "emit/grid_gen.h"
#include "lower/expr.h"
#include "lower/schedule.h"
#include <string.h>

/* --- the stage's functions -------------------------------------------------------------------------------------------------------- */

static void step_numbers(GridGen *g, const TileNodes *body) {
    for (int i = 0; i < body->n; i++) {
        const TileNode *n = body->at[i];
        for (int v = 0; v < n->levels.n; v++) {
            const TileLevel *l = &n->levels.at[v];
            if (!l->step_var) continue;
            GridNumber *x = NEW(g->a, GridNumber);
            Index *named = NEW(g->a, Index);
            *named = *l->step_var;
            named->name = grid_name(g, l->step_var->name);
            *x = (GridNumber){named, l->step, NULL, false, false};
            g->number_of.at[named->id] = x;
            g->index.at[named->id] = c_atom(named->name);
            vec_push(g->a, g->numbers, x);
        }
        step_numbers(g, &n->body);
    }
}

static void command3(GridGen *g, const char *call, const char *ring, const char *type, CExpr bytes) {
    CExpr args[] = {c_atom("pe"), c_atom(ring), c_atom(type), bytes};
    c_expr(&g->p, c_call(&g->p, call, 4, args));
}

static CExpr buffer_bytes(GridGen *g, Expr *slot, int depth) {
    int64_t v;
    Expr *all = lo_mul(g->a, slot, lo_int(g->a, depth));
    if (lo_is_int(all, &v)) return c_int(&g->p, v > 0 ? v : 32);
    return c_call2(&g->p, "pe_max", grid_int(g, all), c_atom("32"));
}

static void setup_body(GridGen *g) {
    for (int i = 0; i < g->stage->bufs.n; i++) {
        const GridTile *t = &g->tiles[i];
        if (t->buf->memory != TILE_LOCAL) continue;
        const char *type = grid_pe_type(g, t->buf->type);
        command3(g, t->is_ring ? "pe_ring" : "pe_scratch", t->ring, type, buffer_bytes(g, t->slot, t->is_ring ? t->buf->depth : 1));
        if (!t->turned) continue;
        Expr *pitch, *slot;
        grid_turned(g, t, &pitch, &slot);
        command3(g, "pe_ring", t->turned, type, buffer_bytes(g, slot, 2));
    }
    for (int t = 0; t < DT_COUNT; t++)
        if (g->fetch_ring[t]) command3(g, "pe_ring", g->fetch_ring[t], grid_pe_type(g, (DType)t), c_atom("64"));
}

const char *grid_fetch_ring(GridGen *g, DType t) {
    if (g->fetch_ring[t]) return g->fetch_ring[t];
    g->fetch_ring[t] = grid_enumerator(g, "", arena_printf(g->a, "fetched_%s", dtype_name(t)));
    vec_push(g->a, &g->rings, g->fetch_ring[t]);
    return g->fetch_ring[t];
}

enum { SETUP = -1, LOAD = 0, COMPUTE = 1, WHEN = 2 };

static void scalars(GridGen *g) {
    int number = 0;
    for (int i = 0; i < g->k->params.n; i++) {
        const Tensor *t = g->k->params.at[i];
        if (t->rank) continue;
        CExpr at = c_int(&g->p, number++);
        if (!g->scalar_used[t->id]) continue;
        bool floats = dtype_is_float(t->type), wide = t->type == DT_F64;
        CExpr x = c_call2(&g->p, floats ? "pe_scalar" : "pe_scalar_i64", c_atom("pe"), at);
        if (floats && !wide) x = c_cast(&g->p, "float", x);
        if (t->type == DT_BOOL) x = c_binary(&g->p, "!=", x, c_atom("0"));
        c_declare(&g->p, floats ? (wide ? "const double" : "const float") : t->type == DT_BOOL ? "const bool" : "const int64_t", g->scalar[t->id], x);
    }
}

/* One function of the stage; false when it would be empty. */
static bool stage_function(GridGen *g, int what, const char *name, Out *to) {
    Out body = out_new(g->a), numbers_text = out_new(g->a);
    GridNumbers numbers = {0};
    const Kernel *k = g->k;
    GridMark m = grid_enter(g);
    memset(g->dim_used, 0, sizeof(bool) * (size_t)(k->dims.n + 1));
    memset(g->scalar_used, 0, sizeof(bool) * (size_t)(k->tensors.n + 1));
    for (int i = 0; i < k->dims.n; i++) g->dim[i] = c_atom(grid_name(g, k->dims.at[i]->name));
    for (int i = 0; i < k->tensors.n; i++)
        if (g->scalar[i]) g->scalar[i] = grid_name(g, k->tensors.at[i]->name);
    g->core = what == COMPUTE;
    g->numbers = &numbers;
    g->p.out = &body;
    step_numbers(g, &g->stage->body);
    grid_tiles_open(g);
    CExpr result = {0};
    if (what == SETUP) setup_body(g);
    else if (what == WHEN) result = grid_int(g, g->stage->when);
    else grid_body(g, &((TileStage *)g->stage)->body);
    g->p.out = &numbers_text;
    grid_numbers_print(g, &numbers);
    g->p.out = &body;
    grid_leave(g, m);
    if (!body.n && !result.text) return false;
    g->p.out = to;
    c_function(&g->p, what == WHEN ? "static bool" : "static void", name, "PE *pe");
    for (int i = 0; i < k->dims.n; i++)
        if (g->dim_used[i]) c_declare(&g->p, "const int64_t", g->dim[i].text, c_call2(&g->p, "pe_dim", c_atom("pe"), c_atom(g->dim_name[i])));
    scalars(g);
    out_n(to, numbers_text.text, numbers_text.n);
    out_n(to, body.text, body.n);
    if (result.text) c_return(&g->p, result);
    c_end(&g->p);
    c_blank(&g->p);
    return true;
}

/* --- stages -------------------------------------------------------------------------------------------------------------------------- */

typedef struct StageNames { const char *name, *when, *setup, *core[2]; } StageNames;

/* Accumulators that the sums of a panel take. */
static int in_accumulators(const TileNodes *body, const TileBuf *b) {
    for (int i = 0; i < body->n; i++) {
        const TileNode *n = body->at[i];
        int in = in_accumulators(&n->body, b);
        if (in) return in;
        if (n->kind != TILE_COMPUTE || !n->dot || n->stmt->targets.at[0].tensor != b->tensor) continue;
        const EngineRow *row = n->dot->row;
        return engine_panel_rows(row) / row->m * (engine_panel_cols(row) / row->n);
    }
    return 0;
}

static void tiles(GridGen *g) {
    int accs = 0;
    g->tiles = NEW_ARRAY(g->a, GridTile, g->stage->bufs.n + 1);
    g->rings.n = 0;
    memset(g->fetch_ring, 0, sizeof g->fetch_ring);
    for (int i = 0; i < g->stage->bufs.n; i++) {
        const TileBuf *b = g->stage->bufs.at[i];
        GridTile *t = &g->tiles[i];
        *t = (GridTile){.buf = b, .name = b->name};
        t->is_handed = grid_is_handed(&g->stage->body, b);
        t->is_ring = b->copied_in || (b->copied_out && b->depth > 1) || t->is_handed;
        if (b->memory == TILE_ACC) {
            t->acc = accs;
            accs += in_accumulators(&g->stage->body, b);
            continue;
        }
        t->ring = grid_enumerator(g, "", arena_printf(g->a, "%s_%s", b->name, b->copied_in ? "in" : b->copied_out ? "out" : "here"));
        vec_push(g->a, &g->rings, t->ring);
    }
}

static void enumeration(Out *to, const char *const *names, int n, const char *comment) {
    if (!n) return;
    out_s(to, "enum { ");
    size_t column = 7;
    for (int i = 0; i < n; i++) {
        size_t width = strlen(names[i]) + 2;
        if (i && column + width > 110) out_s(to, "\n       "), column = 7;
        out_f(to, "%s%s", names[i], i + 1 < n ? ", " : "");
        column += width;
    }
    out_f(to, " };");
    if (comment) out_f(to, "    /* %s */", comment);
    out_s(to, "\n");
}

static StageNames stage(GridGen *g, const TileStage *s, Out *to) {
    g->stage = s;
    g->level_of = NEW_ARRAY(g->a, const TileLevel *, s->axes.n + 1);
    StageNames n = {.name = s->name};
    tiles(g);
    const char *stem = s->name;
    Out compute = out_new(g->a), load = out_new(g->a), setup = out_new(g->a);
    const char *computes = grid_name(g, arena_printf(g->a, "compute_%s", stem)), *loads = grid_name(g, arena_printf(g->a, "load_%s", stem));
    const char *setups = grid_name(g, arena_printf(g->a, "setup_%s", stem));
    if (stage_function(g, COMPUTE, computes, &compute)) n.core[1] = computes;
    if (!s->one_core && stage_function(g, LOAD, loads, &load)) n.core[0] = loads;
    if (stage_function(g, SETUP, setups, &setup)) n.setup = setups;
    c_blank(&(CPrint){g->a, to});
    g->p.out = to;
    c_comment(&g->p, arena_printf(g->a, "--- stage %s ---", s->name));
    enumeration(to, (const char *const *)g->rings.at, g->rings.n, "buffers");
    if (g->rings.n) c_blank(&g->p);
    if (s->when) {
        n.when = grid_name(g, arena_printf(g->a, "when_%s", stem));
        stage_function(g, WHEN, n.when, to);
    }
    out_n(to, setup.text, setup.n);
    out_n(to, load.text, load.n);
    out_n(to, compute.text, compute.n);
    return n;
}

/* --- tables ------------------------------------------------------------------------------------------------------------------------------ */

static void row(GridGen *g, const Tensor *t, Out *to) {
    static const char *const roles[] = {[TR_INPUT] = "PE_IN", [TR_OUTPUT] = "PE_OUT", [TR_TEMP] = "PE_TEMP"};
    Out shape = out_new(g->a), range = out_new(g->a);
    for (int d = 0; d < t->rank; d++) {
        if (d) out_s(&shape, ", ");
        expr_print(t->shape[d], &shape);
    }
    out_s(to, "{");
    c_string(to, t->name);
    out_f(to, ", %s, %s, ", grid_pe_type(g, t->type), roles[t->role]);
    c_string(to, shape.text);
    if (t->lo && t->role == TR_INPUT) {
        expr_print(t->lo, &range);
        out_s(&range, ", ");
        expr_print(t->hi, &range);
        out_s(to, ", ");
        c_string(to, range.text);
    }
    out_s(to, "},\n");
}

/* Tensors that have a home in shared memory: inputs and outputs, and temporaries that a stage stores. */
static bool has_home(const TileProgram *p, const Tensor *t) {
    if (t->role != TR_TEMP) return t->rank > 0 || t->role == TR_OUTPUT;
    for (int i = 0; i < p->stages.n; i++)
        for (int b = 0; b < p->stages.at[i]->bufs.n; b++) {
            const TileBuf *x = p->stages.at[i]->bufs.at[b];
            if (x->tensor == t && (x->copied_out || x->copied_in)) return true;
        }
    return false;
}

typedef VEC(const Tensor *) Homes;
static Homes homes(const GridGen *g) {
    Homes h = {0};
    const Kernel *k = g->k;
    for (int i = 0; i < k->params.n; i++)
        if (k->params.at[i]->rank) vec_push(g->a, &h, k->params.at[i]);
    for (int i = 0; i < k->outputs.n; i++) vec_push(g->a, &h, k->outputs.at[i]);
    for (int i = 0; i < k->tensors.n; i++)
        if (k->tensors.at[i]->role == TR_TEMP && has_home(g->tp, k->tensors.at[i])) vec_push(g->a, &h, k->tensors.at[i]);
    return h;
}

typedef VEC(const char *) Texts;
static void names_list(GridGen *g, Out *to, const char *field, const Texts *list) {
    if (!list->n) return;
    Out o = out_new(g->a);
    for (int i = 0; i < list->n; i++) out_f(&o, "%s%s", i ? ", " : "", list->at[i]);
    out_f(to, ".%s = \"%s\", ", field, o.text);
}

static const char *or_null(const char *s) { return s ? s : "0"; }

static void facts_table(GridGen *g, Out *to, int most) {
    if (!most) return;
    out_s(to, "\nstatic const char *const facts[] = {\n");
    to->indent++;
    for (int n = 1; n <= most; n++) {
        const char *text = "";
        for (int i = 0; i < g->k->facts.n; i++)
            if (g->k->facts.at[i].number == n && g->k->facts.at[i].text) text = g->k->facts.at[i].text;
        c_string(to, text);
        out_s(to, ",\n");
    }
    to->indent--;
    out_s(to, "};\n");
}

static void program(GridGen *g, Out *to, const StageNames *stages, int n, const Homes *h) {
    const Kernel *k = g->k;
    int most = 0;
    for (int i = 0; i < k->facts.n; i++) most = k->facts.at[i].number > most ? k->facts.at[i].number : most;
    facts_table(g, to, most);
    if (n) out_s(to, "\nstatic const PeStage stages[] = {\n");
    to->indent++;
    for (int i = 0; i < n; i++) {
        out_s(to, "{");
        c_string(to, stages[i].name);
        out_f(to, ", %s, %s, {%s, %s}},\n", or_null(stages[i].when), or_null(stages[i].setup), or_null(stages[i].core[0]), or_null(stages[i].core[1]));
    }
    to->indent--;
    if (n) out_s(to, "};\n");
    out_s(to, "\nconst PeProgram pe_program = {\n");
    to->indent++;
    out_s(to, ".version = PE_VERSION, .name = ");
    c_string(to, k->name);
    out_s(to, ", ");
    Texts dims = {0}, scalar = {0};
    for (int i = 0; i < k->dims.n; i++) vec_push(g->a, &dims, k->dims.at[i]->name);
    for (int i = 0; i < k->params.n; i++)
        if (!k->params.at[i]->rank) vec_push(g->a, &scalar, k->params.at[i]->name);
    names_list(g, to, "dims", &dims);
    names_list(g, to, "scalars", &scalar);
    out_s(to, "\n.tensor = {\n");
    to->indent++;
    for (int i = 0; i < h->n; i++) row(g, h->at[i], to);
    to->indent--;
    out_s(to, "},\n");
    if (n) out_f(to, ".stage = stages, .n_stages = %d,\n", n);
    if (most) out_f(to, ".fact = facts, .n_facts = %d,\n", most);
    to->indent--;
    out_s(to, "};\n");
}

/* --- helpers -------------------------------------------------------------------------------------------------------------------------- */

static void helper(GridGen *g, const char *head, const char *params, int n, const char *const *lines) {
    c_function(&g->p, "static inline int64_t", head, params);
    for (int i = 0; i < n; i++) out_f(g->p.out, "%s\n", lines[i]);
    c_end(&g->p);
    c_blank(&g->p);
}

static void fetch(GridGen *g, DType t) {
    const char *name = dtype_name(t), *lt = grid_lt(t);
    c_comment(&g->p, "One element of a tensor, by itself.");
    c_function(&g->p, arena_printf(g->a, "static pe_%s", lt), arena_printf(g->a, "fetch_%s", name), "PE *pe, int ring, int tensor, int64_t at");
    c_expr(&g->p, c_atom("pe_load(pe, PE_AT(ring, .push = 32), tensor, pe_box(at, 1, 1, 0))"));
    c_expr(&g->p, c_atom("pe_wait(pe, ring, 32)"));
    c_declare(&g->p, arena_printf(g->a, "const pe_%s", lt), "x", c_atomf(&g->p, "pe_ld_%s(pe, ring, 0, 1)", name));
    c_expr(&g->p, c_atom("pe_pop(pe, ring, 32)"));
    c_return(&g->p, c_atom("x"));
    c_end(&g->p);
    c_blank(&g->p);
}

static void helpers(GridGen *g) {
    static const char *const div[] = {"const int64_t q = b ? a / b : 0;", "return q - (b && a % b != 0 && (a < 0) != (b < 0));"};
    static const char *const mod[] = {"return a - floor_div(a, b) * b;"};
    if (g->uses_div) helper(g, "floor_div", "int64_t a, int64_t b", 2, div);
    if (g->uses_mod) helper(g, "floor_mod", "int64_t a, int64_t b", 1, mod);
    for (int t = 0; t < DT_COUNT; t++)
        if (g->fetches[t]) fetch(g, (DType)t);
}

/* --- the file ---------------------------------------------------------------------------------------------------------------------------- */

static void header(GridGen *g, Out *to) {
    const Kernel *k = g->k;
    Out text = out_new(g->a);
    out_f(&text, "%s: made by knyfe%s%s\n\n", k->name, g->options->command ? " with: " : "", g->options->command ? g->options->command : "");
    if (k->span.src && k->span.hi > k->span.lo) out_n(&text, k->span.src->text + k->span.lo, k->span.hi - k->span.lo);
    else kernel_print(k, &text);
    if (text.n && text.text[text.n - 1] != '\n') out_s(&text, "\n");
    out_s(&text, "\n");
    schedule_print(g->tp, NULL, g->a, &text);
    if (g->tp->verified) out_f(&text, "\nVerified:\n%s\n", g->tp->verified);
    while (text.n && text.text[text.n - 1] == '\n') text.text[--text.n] = 0;
    g->p.out = to;
    c_comment(&g->p, text.text);
    out_s(to, "#include \"knyfe/pe.h\"\n\n");
}

static void names(GridGen *g, const Homes *h, Out *to) {
    static const char *const ours[] = {"pe", "floor_div", "floor_mod", "facts", "stages"};
    const Kernel *k = g->k;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) vec_push(g->a, &g->taken, ours[i]);
    for (int t = 0; t < DT_COUNT; t++) vec_push(g->a, &g->taken, (const char *)arena_printf(g->a, "fetch_%s", dtype_name((DType)t)));
    VEC(const char *) list = {0};
    for (int i = 0; i < h->n; i++) {
        g->tensor[h->at[i]->id] = grid_enumerator(g, "", h->at[i]->name);
        vec_push(g->a, &list, g->tensor[h->at[i]->id]);
    }
    enumeration(to, list.at, list.n, "tensors");
    for (int i = 0; i < k->dims.n; i++) g->dim_name[i] = grid_enumerator(g, "DIM_", k->dims.at[i]->name);
    enumeration(to, g->dim_name, k->dims.n, "dims");
    for (int i = 0; i < k->params.n; i++)
        if (!k->params.at[i]->rank) g->scalar[k->params.at[i]->id] = k->params.at[i]->name;
    for (int i = 0; i < k->fns.n; i++) g->fn[k->fns.at[i]->id] = grid_name(g, k->fns.at[i]->name);
}

static GridGen gen_new(const TileProgram *p, const GridOptions *options, Out *out) {
    const Kernel *k = p->kernel;
    Arena *a = out->arena;
    GridGen g = {.tp = p, .k = k, .options = options, .a = a, .p = {a, out}, .lanes = "1"};
    g.tensor = NEW_ARRAY(a, const char *, k->tensors.n + 1);
    g.scalar = NEW_ARRAY(a, const char *, k->tensors.n + 1);
    g.scalar_used = NEW_ARRAY(a, bool, k->tensors.n + 1);
    g.fn = NEW_ARRAY(a, const char *, k->fns.n + 1);
    g.fn_scalar = NEW_ARRAY(a, bool, k->fns.n + 1);
    g.dim_name = NEW_ARRAY(a, const char *, k->dims.n + 1);
    g.dim = NEW_ARRAY(a, CExpr, k->dims.n + 1);
    g.dim_used = NEW_ARRAY(a, bool, k->dims.n + 1);
    g.var = NEW_ARRAY(a, CExpr, k->n_vars + 1);
    g.is_one = NEW_ARRAY(a, bool, p->n_indices + 1);
    g.loop_depth = NEW_ARRAY(a, int, p->n_indices + 1);
    g.pinned = NEW_ARRAY(a, Expr *, p->n_indices + 1);
    for (int i = 0; i < p->n_indices; i++) {
        vec_push(a, &g.index, (CExpr){0});
        vec_push(a, &g.number_of, (GridNumber *)NULL);
    }
    return g;
}

void emit_grid(const TileProgram *p, const GridOptions *options, Out *out) {
    static const GridOptions none = {0};
    GridGen g = gen_new(p, options ? options : &none, out);
    Out body = out_new(g.a), functions = out_new(g.a), head = out_new(g.a);
    Homes h = homes(&g);
    names(&g, &h, &head);
    g.p.out = &functions;
    grid_functions(&g);
    StageNames *stages = NEW_ARRAY(g.a, StageNames, p->stages.n + 1);
    for (int i = 0; i < p->stages.n; i++) stages[i] = stage(&g, p->stages.at[i], &body);
    header(&g, out);
    out_n(out, head.text, head.n);
    out_s(out, "\n");
    g.p.out = out;
    helpers(&g);
    out_n(out, functions.text, functions.n);
    out_n(out, body.text, body.n);
    program(&g, out, stages, p->stages.n, &h);
}
