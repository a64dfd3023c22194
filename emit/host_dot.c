/* Products of tiles: copies of operands as the block function wants them, and its calls. The function keeps a strip's sums in vector
 * registers; it stands in the emitted file once for each type, and is made for each number of rows and vectors that a strip may have. */
#include "emit/host_gen.h"
#include "lower/expr.h"
#include <string.h>

enum { REGISTERS = 24, VECTORS = 4, MOST_ROWS = 12 };

static const char *tag(DType t) { return t == DT_F64 ? "f64" : "f32"; }

/* --- places ---------------------------------------------------------------------------------------------------------------------------- */

static Index *along(const Gen *g, const Stmt *s, const TileAxis *axis) {
    TileAxis *const *of = g->tiles->stage->axis_of;
    for (int i = 0; i < s->idx.n; i++)
        if (of[s->idx.at[i]->id] == axis) return s->idx.at[i];
    const Reduce *r = s->value->reduce;
    for (int i = 0; i < r->idx.n; i++)
        if (of[r->idx.at[i]->id] == axis) return r->idx.at[i];
    return NULL;
}

static int dimension(const Exprs *subs, const Index *i) {
    for (int d = 0; d < subs->n; d++)
        if (host_mentions(subs->at[d], i)) return d;
    return 0;
}

/* From one element to the next along dimension d: of the tensor, or in the rooms of a tile. */
static CExpr stride(Gen *g, const Tensor *t, const TileBuf *tile, int d) {
    CExpr x = c_atom("1");
    int64_t one;
    for (int e = d + 1; e < t->rank; e++)
        if (!tile || !lo_is_int(tile->room[e], &one) || one != 1) x = c_product(&g->p, x, host_extent(g, tile ? tile->room[e] : t->shape[e]));
    return x;
}

/* The loaded tile that holds a read, or NULL; *name: its C name. */
static const TileBuf *loaded_tile(Gen *g, const Expr *read, const char **name) {
    const TileStage *s = g->tiles->stage;
    for (int b = 0; b < s->bufs.n; b++)
        for (int i = 0; i < s->bufs.at[b]->reads.n && s->bufs.at[b]->copied_in; i++)
            if (expr_equal(s->bufs.at[b]->reads.at[i], read)) return *name = host_tile_name(g, s->bufs.at[b]), s->bufs.at[b];
    return NULL;
}

static CExpr difference(Gen *g, CExpr x, CExpr y) { return !strcmp(y.text, "0") ? x : !strcmp(x.text, y.text) ? c_atom("0") : c_binary(&g->p, "-", x, y); }

/* Values of a panel tile beside those along its panels. */
static CExpr panel_depth(Gen *g, const TileBuf *b) {
    CExpr x = c_atom("1");
    int64_t one;
    for (int d = 0; d < b->rank; d++)
        if (d != b->panel_dim && (!lo_is_int(b->room[d], &one) || one != 1)) x = c_product(&g->p, x, host_extent(g, b->room[d]));
    return x;
}

/* The address where the read stands now, and steps along two indices. */
typedef struct Point { CExpr at, row, step; } Point;

static Point point(Gen *g, const Expr *read, const Index *row, const Index *step) {
    const char *name = NULL;
    const TileBuf *tile = loaded_tile(g, read, &name);
    Point p = {.row = c_atom("1")};
    int r = dimension(&read->args, row), k = dimension(&read->args, step);
    if (tile && tile->panel) {
        CExpr panel = difference(g, host_bound(g, read->args.at[tile->panel_dim]), host_bound(g, tile->lo[tile->panel_dim]));
        p.at = c_sum(&g->p, c_atom(name), c_product(&g->p, panel, panel_depth(g, tile)));
        p.step = host_extent(g, tile->panel);
        return p;
    }
    CExpr none = {0}, *at = NEW_ARRAY(g->a, CExpr, read->args.n);
    for (int d = 0; d < read->args.n; d++) at[d] = host_bound(g, read->args.at[d]);
    CExpr element = tile ? c_subscript(&g->p, c_atom(name), host_tile_element(g, tile, at)) : host_read_element(g, read, &none);
    const TileBuf *box = tile ? tile : g->tensors[read->tensor->id].tile;
    return (Point){c_unary(&g->p, "&", element), stride(g, read->tensor, box, r), stride(g, read->tensor, box, k)};
}

/* --- calls ------------------------------------------------------------------------------------------------------------------------------- */

static CExpr extent(Gen *g, const Index *i) { return difference(g, host_hi(g, i), host_lo(g, i)); }

void host_dot(Gen *g, const TileNode *n) {
    const Stmt *s = n->stmt;
    const Target *t = &s->targets.at[0];
    DType type = s->value->reduce->comb->type;
    Index *m = along(g, s, n->dot->m), *column = along(g, s, n->dot->n), *k = along(g, s, n->dot->k);
    Index *const all[] = {m, column, k};
    for (int i = 0; i < 3; i++) g->index[all[i]->id] = host_lo(g, all[i]);
    Point a = point(g, n->dot->a, m, k), b = point(g, n->dot->b, column, k);
    const HostTensor *h = &g->tensors[t->tensor->id];
    CExpr c = c_unary(&g->p, "&", host_element(g, t->tensor, &t->subs)), c_row = stride(g, t->tensor, h->tile, dimension(&t->subs, m));
    host_use(&g->uses, arena_printf(g->a, "knf_dot_block_%s", tag(type)));
    g->dots[type == DT_F64] = true;
    CExpr args[] = {extent(g, m), extent(g, column), extent(g, k), a.at, a.row, a.step, b.at, b.step, c, c_row};
    c_expr(&g->p, c_call(&g->p, arena_printf(g->a, "knf_dot_%s", tag(type)), 10, args));
}

void host_dot_functions(Gen *g, CPrint *p) {
    for (int f64 = 0; f64 < 2; f64++) {
        if (!g->dots[f64]) continue;
        const char *type = f64 ? "double" : "float", *word = f64 ? "f64" : "f32";
        int lanes = f64 ? 8 : 16;
        c_comment(p, "c[i][j] = the sum over k of a[i][k] * b[k][j]: a block whose sums fit into the registers.");
        c_function(p, "static void", arena_printf(g->a, "knf_dot_%s", word),
                   arena_printf(g->a, "int64_t rows, int64_t columns, int64_t depth, const %s *a, int64_t a_row, int64_t a_step, const %s *b,\n        int64_t b_step, %s *c, int64_t c_row", type, type, type));
        out_f(p->out, "switch (rows * 8 + (columns + %d) / %d) {\n", lanes - 1, lanes);
        for (int v = 1; v <= VECTORS; v++)
            for (int r = 1; r <= MOST_ROWS && r * v <= REGISTERS; r++) {
                CExpr args[] = {c_int(p, r), c_int(p, v), c_atom("columns"), c_atom("depth"), c_atom("a"), c_atom("a_row"), c_atom("a_step"), c_atom("b"), c_atom("b_step"), c_atom("c"), c_atom("c_row")};
                out_f(p->out, "case %d: %s; break;\n", r * 8 + v, c_call(p, arena_printf(g->a, "knf_dot_block_%s", word), 11, args).text);
            }
        out_s(p->out, "}\n");
        c_end(p);
        c_blank(p);
    }
}

/* --- copies ------------------------------------------------------------------------------------------------------------------------------ */

/* The element at the indices, converted to the tile's type. */
static CExpr value_at(Gen *g, const TileBuf *b, Index *const *at) {
    Expr *read = NEW(g->a, Expr);
    *read = *b->reads.at[0];
    memset(&read->args, 0, sizeof read->args);
    for (int d = 0; d < b->rank; d++) vec_push(g->a, &read->args, lo_index(g->a, at[d]));
    return host_expr(g, b->type == read->type ? read : x_convert(g->a, b->type, read, read->span));
}

/* Indices for the dimensions of a box; those that are one place stand there. */
static Index *const *box_indices(Gen *g, const TileBuf *b) {
    Index **at = NEW_ARRAY(g->a, Index *, b->rank + 1);
    for (int d = 0; d < b->rank; d++) {
        at[d] = NEW(g->a, Index);
        *at[d] = (Index){.name = b->point[d] ? "at" : b->panel && d == b->panel_dim ? "j" : "i", .id = g->tiles->p->n_indices + d};
        if (b->point[d]) g->index[at[d]->id] = host_bound(g, b->lo[d]);
    }
    return at;
}

static void open_dimension(Gen *g, const TileBuf *b, Index *i, int d) { host_open_loop(g, i, host_bound(g, b->lo[d]), host_bound(g, b->hi[d])); }

static void load_rows(Gen *g, const TileBuf *b, const char *name) {
    Index *const *at = box_indices(g, b);
    CExpr *subs = NEW_ARRAY(g->a, CExpr, b->rank + 1);
    int open = 0;
    for (int d = 0; d < b->rank; d++) {
        if (!b->point[d]) open_dimension(g, b, at[d], d), open++;
        subs[d] = g->index[at[d]->id];
    }
    c_assign(&g->p, c_subscript(&g->p, c_atom(name), host_tile_element(g, b, subs)), "=", value_at(g, b, at));
    while (open--) c_end(&g->p);
}

typedef struct Turn { Index *const *at; int k; const char *to, *j, *end, *panel; } Turn;

/* A panel whose values lie next to each other along k: squares of 16 by 16 are turned in registers, the rest goes one by one. */
static void turned_panel(Gen *g, const TileBuf *b, const Turn *t) {
    DType from = b->tensor->type;
    Index *k = t->at[t->k], *column = t->at[b->panel_dim];
    const char *i = host_name(g, k->name), *l = host_name(g, "l");
    CExpr width = host_extent(g, b->panel), hi = host_bound(g, b->hi[t->k]), lo = host_bound(g, b->lo[t->k]), none = {0};
    CExpr row = c_product(&g->p, difference(g, c_atom(i), lo), width);
    c_for(&g->p, "int64_t", t->j, c_atom("0"), c_atom(t->end), 16);
    c_declare(&g->p, "int64_t", i, lo);
    c_if(&g->p, c_binary(&g->p, ">=", c_binary(&g->p, "-", c_atom(t->end), c_atom(t->j)), c_int(&g->p, 16)));
    c_while(&g->p, c_binary(&g->p, ">=", c_binary(&g->p, "-", hi, c_atom(i)), c_int(&g->p, 16)), c_binary(&g->p, "+=", c_atom(i), c_int(&g->p, 16)));
    g->index[k->id] = c_atom(i);
    g->index[column->id] = c_sum(&g->p, c_atom(t->panel), c_atom(t->j));
    Expr *read = NEW(g->a, Expr);
    *read = *b->reads.at[0];
    memset(&read->args, 0, sizeof read->args);
    for (int d = 0; d < b->rank; d++) vec_push(g->a, &read->args, lo_index(g->a, t->at[d]));
    CExpr args[] = {c_unary(&g->p, "&", c_subscript(&g->p, c_atom(t->to), c_sum(&g->p, row, c_atom(t->j)))), width,
                    c_unary(&g->p, "&", host_read_element(g, read, &none)), stride(g, b->tensor, NULL, b->panel_dim)};
    c_expr(&g->p, c_call(&g->p, host_use(&g->uses, arena_printf(g->a, "knf_turn_%s", dtype_name(from))), 4, args));
    c_end(&g->p);
    c_end(&g->p);
    c_while(&g->p, c_binary(&g->p, "<", c_atom(i), hi), c_atomf(&g->p, "%s++", i));
    CExpr behind = c_call2(&g->p, host_use(&g->uses, "knf_min_i64"), c_binary(&g->p, "+", c_atom(t->j), c_int(&g->p, 16)), c_atom(t->end));
    c_for(&g->p, "int64_t", l, c_atom(t->j), behind, 1);
    g->index[column->id] = c_sum(&g->p, c_atom(t->panel), c_atom(l));
    c_assign(&g->p, c_subscript(&g->p, c_atom(t->to), c_sum(&g->p, row, c_atom(l))), "=", value_at(g, b, t->at));
    for (int e = 0; e < 3; e++) c_end(&g->p);
}

static void plain_panel(Gen *g, const TileBuf *b, const Turn *t) {
    int k = t->k;
    if (k >= 0) open_dimension(g, b, t->at[k], k);
    CExpr row = k >= 0 ? c_product(&g->p, difference(g, g->index[t->at[k]->id], host_bound(g, b->lo[k])), host_extent(g, b->panel)) : c_atom("0");
    c_for(&g->p, "int64_t", t->j, c_atom("0"), c_atom(t->end), 1);
    c_assign(&g->p, c_subscript(&g->p, c_atom(t->to), c_sum(&g->p, row, c_atom(t->j))), "=", value_at(g, b, t->at));
    c_end(&g->p);
    if (k >= 0) c_end(&g->p);
}

static void load_panels(Gen *g, const TileBuf *b, const char *name) {
    int p = b->panel_dim, k = -1;
    Index *const *at = box_indices(g, b);
    CExpr lo = host_bound(g, b->lo[p]), hi = host_bound(g, b->hi[p]), width = host_extent(g, b->panel);
    const char *panel = host_name(g, "panel"), *end = host_name(g, "end"), *to = host_name(g, "to"), *j = host_name(g, "j");
    for (int d = 0; d < b->rank; d++)
        if (d != p && !b->point[d]) k = d;
    out_f(g->p.out, "for (int64_t %s = %s; %s; %s) ", panel, lo.text, c_binary(&g->p, "<", c_atom(panel), hi).text, c_binary(&g->p, "+=", c_atom(panel), width).text);
    c_block(&g->p);
    c_declare(&g->p, "const int64_t", end, difference(g, c_call2(&g->p, host_use(&g->uses, "knf_min_i64"), c_binary(&g->p, "+", c_atom(panel), width), hi), c_atom(panel)));
    c_declare(&g->p, arena_printf(g->a, "%s *", host_store_type(b->type)), to, c_sum(&g->p, c_atom(name), c_product(&g->p, difference(g, c_atom(panel), lo), panel_depth(g, b))));
    g->index[at[p]->id] = c_sum(&g->p, c_atom(panel), c_atom(j));
    Turn t = {at, k, to, j, end, panel};
    if (p < k && k == b->rank - 1 && b->type == DT_F32) turned_panel(g, b, &t);
    else plain_panel(g, b, &t);
    c_if(&g->p, c_binary(&g->p, "<", c_atom(end), width));
    if (k >= 0) open_dimension(g, b, at[k], k);
    CExpr row = k >= 0 ? c_product(&g->p, difference(g, g->index[at[k]->id], host_bound(g, b->lo[k])), width) : c_atom("0");
    c_for(&g->p, "int64_t", j, c_atom(end), width, 1);
    c_assign(&g->p, c_subscript(&g->p, c_atom(to), c_sum(&g->p, row, c_atom(j))), "=", c_atom("0"));
    for (int i = 0; i < 3 + (k >= 0); i++) c_end(&g->p);
}

void host_load(Gen *g, const TileBuf *b) {
    int mark = host_scope_mark(g);
    const char *name = host_tile_name(g, b);
    if (b->panel) load_panels(g, b, name);
    else load_rows(g, b, name);
    host_scope_pop(g, mark);
    c_blank(&g->p);
}
