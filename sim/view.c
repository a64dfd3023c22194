/* Views: what a load or a transpose has put into a ring, while its bytes still stand only in the input tensor that they come from,
 * which no one may write. The DPE reads its operands there, converted to f32 once for all PEs that share them; whoever else reads or
 * writes the ring has the bytes copied, then and from then on. Nothing that costs time depends on it. */
#include "sim/run.h"
#include <stdlib.h>
#include <string.h>


static int view_size(const Run *r, const View *v) { return sim_type_bytes(r->c->tensor[v->tensor].type); }
static const unsigned char *view_at(const Run *r, const View *v, int64_t row, int64_t col) {
    return (const unsigned char *)r->c->tensor[v->tensor].data + (v->off + row * v->row_step + col * v->col_step) * view_size(r, v);
}

static void view_copy(const Run *r, const View *v, const PeBuf *b) {
    int size = view_size(r, v);
    unsigned char *to = b->base + v->at % b->size;
    for (int64_t i = 0; i < v->rows; i++, to += v->pitch) {
        if (v->col_step == 1) memcpy(to, view_at(r, v, i, 0), (size_t)v->row_bytes);
        else for (int64_t j = 0; j < v->row_bytes / size; j++) memcpy(to + j * size, view_at(r, v, i, j), (size_t)size);
    }
}

void view_open(Pe *p, int buf) {
    Ring *r = &p->ring[buf];
    for (int i = 0; i < r->n_views; i++) view_copy(p->run, &r->view[i], &p->buf[buf]);
    r->n_views = 0;
    r->direct = true;
}

static int64_t view_end(const View *v) { return v->at + (v->rows - 1) * v->pitch + v->row_bytes; }

void view_overwrite(const Command *c, const Use *u) {
    Ring *r = &c->pe->ring[u->buf];
    const PeBuf *b = &c->pe->buf[u->buf];
    for (int i = r->n_views - 1; i >= 0; i--) {
        View *v = &r->view[i];
        int64_t lo = v->at % b->size, at = u->at % b->size;
        if (lo >= at + u->span || at >= lo + view_end(v) - v->at) continue;
        if (view_end(v) > r->popped) view_copy(c->pe->run, v, b);
        *v = r->view[--r->n_views];
    }
}

/* Leaves what u has been given to v; false when it has to be copied. */
static bool view_add(const Command *c, const Use *u, View v) {
    Ring *r = &c->pe->ring[u->buf];
    view_overwrite(c, u);
    if (r->direct || !u->span) return false;
    if (c->pe->buf[u->buf].scratch || r->n_views == VIEWS) { view_open(c->pe, u->buf); return false; }
    v.at = u->at;
    v.rows = u->rows;
    v.row_bytes = u->row_bytes;
    v.pitch = u->pitch;
    r->view[r->n_views++] = v;
    return true;
}

bool view_of_box(const Command *c) {
    const Run *r = c->pe->run;
    const PeBox *b = &c->box;
    View v = {.tensor = c->tensor, .off = b->off, .row_step = b->stride[2], .col_step = 1};
    if (r->c->tensor[c->tensor].role != PE_IN || c->kind != C_LOAD || b->n[0] != 1 || b->n[1] != 1) view_open(c->pe, c->use[0].buf);
    return view_add(c, &c->use[0], v);
}

bool view_of_transpose(const Command *c) {
    View v;
    if (c->pe->ring[c->use[0].buf].direct || !view_find(c, &c->use[1], &v)) return false;
    int64_t step = v.row_step;
    v.row_step = v.col_step;
    v.col_step = step;
    return view_add(c, &c->use[0], v);
}

bool view_find(const Command *c, const Use *u, View *out) {
    const Ring *r = &c->pe->ring[u->buf];
    for (int i = 0; i < r->n_views && u->span; i++) {
        const View *v = &r->view[i];
        if (u->at < v->at || u->at >= view_end(v) || (u->rows > 1 && u->pitch != v->pitch)) continue;
        int64_t row = (u->at - v->at) / v->pitch, at = (u->at - v->at) % v->pitch, size = view_size(c->pe->run, v);
        if (row + u->rows > v->rows || at + u->row_bytes > v->row_bytes || at % size) continue;
        *out = *v;
        out->off += row * v->row_step + at / size * v->col_step;
        return true;
    }
    return false;
}

/* ---- panels as the DPE's arithmetic wants them ---- */

/* Elements at `at`, rows and columns so many bytes apart. */
typedef struct Grid { PeType type; const unsigned char *at; int64_t row, col; } Grid;

/* b[l][j] of n rows: 64 columns, those from n on zero. */
static void pack_across(float *b, float *rows, Grid g, int64_t n, int64_t k) {
    if (g.col == sim_type_bytes(g.type)) {
        for (int64_t j = 0; j < n; j++) row_load(rows + j * PANEL_K, g.type, g.at + j * g.row, k);
        panel_interleave(b, rows, n, k);
        return;
    }
    if (n < 64) memset(b, 0, sizeof *b * (size_t)(64 * k));
    for (int64_t l = 0; l < k; l++) row_load(b + l * 64, g.type, g.at + l * g.col, n);
}

/* a[i][PANEL_K] of m rows. */
static void pack_along(float *a, float *rows, Grid g, int64_t m, int64_t k) {
    if (g.col == sim_type_bytes(g.type)) {
        for (int64_t i = 0; i < m; i++) row_load(a + i * PANEL_K, g.type, g.at + i * g.row, k);
        return;
    }
    for (int64_t l = 0; l < k; l++) {
        row_load(rows, g.type, g.at + l * g.col, m);
        for (int64_t i = 0; i < m; i++) a[i * PANEL_K + l] = rows[i];
    }
}

/* The panels of views that were wanted last: sets of four, the one that was not wanted for longest goes. */
enum { SETS = 16, WAYS = 4 };
typedef struct Panel { bool across; int tensor; int64_t off, row_step, col_step, rows, k; int64_t wanted; float *data; } Panel;
typedef struct Panels { int64_t clock; Panel at[SETS][WAYS]; } Panels;

static Panel *panel_slot(Panels *p, const Panel *key, bool *there) {
    uint64_t h = ((uint64_t)key->off * 2 + key->across + (uint64_t)key->tensor * 0x10001) * 0x9e3779b97f4a7c15u;
    Panel *set = p->at[h >> 60], *oldest = set;
    for (int i = 0; i < WAYS; i++) {
        Panel *e = &set[i];
        *there = e->data && e->across == key->across && e->tensor == key->tensor && e->off == key->off && e->row_step == key->row_step && e->col_step == key->col_step &&
                 e->rows == key->rows && e->k == key->k;
        if (*there) return e;
        if (e->wanted < oldest->wanted) oldest = e;
    }
    return oldest;
}

/* v: with rows and columns as the panel has them. */
static const float *view_panel(Run *r, const View *v, int64_t rows, int64_t l, int64_t k, bool across, float *work) {
    if (!r->panels && !(r->panels = calloc(1, sizeof *r->panels))) abort();
    Panel key = {.across = across, .tensor = v->tensor, .off = v->off + l * v->col_step, .row_step = v->row_step, .col_step = v->col_step, .rows = rows, .k = k};
    bool there;
    Panel *p = panel_slot(r->panels, &key, &there);
    p->wanted = ++r->panels->clock;
    if (there) return p->data;
    key.data = p->data ? p->data : aligned_alloc(64, sizeof(float) * 64 * PANEL_K);
    key.wanted = p->wanted;
    if (!key.data) abort();
    int64_t size = view_size(r, v);
    Grid g = {r->c->tensor[v->tensor].type, view_at(r, v, 0, l), v->row_step * size, v->col_step * size};
    (across ? pack_across : pack_along)(key.data, work, g, rows, k);
    *p = key;
    return p->data;
}

void panels_free(Panels *p) {
    for (int i = 0; p && i < SETS * WAYS; i++) free(p->at[i / WAYS][i % WAYS].data);
    free(p);
}

const float *use_panel(const Command *c, const Use *u, PanelPart x, float *out, float *work) {
    Pe *p = c->pe;
    PeType t = p->buf[u->buf].type;
    int64_t size = sim_type_bytes(t);
    View v;
    if (view_find(c, u, &v)) {
        int64_t step = v.row_step;
        if (x.by_k) v.row_step = v.col_step, v.col_step = step;
        if (v.row_step == 1 || v.col_step == 1) return view_panel(p->run, &v, x.rows, x.from, x.k, x.across, work);
    }
    if (u->span) view_open(p, u->buf);
    unsigned char *at = use_row(c, u, 0);
    Grid g = x.by_k ? (Grid){t, at + x.from * u->pitch, size, u->pitch} : (Grid){t, at + x.from * size, u->pitch, size};
    (x.across ? pack_across : pack_along)(out, work, g, x.rows, x.k);
    return out;
}
