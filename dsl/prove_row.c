#include "dsl/prove_row.h"

enum { POOL_BLOCK = 32 << 10 };

void *pool_alloc(Pool *p, size_t size) {
    size = (size + 15) & ~(size_t)15;
    while (p->block < p->blocks.n && p->blocks.at[p->block].size - p->used < size) {
        p->block++;
        p->used = 0;
    }
    if (p->block == p->blocks.n) {
        size_t room = POOL_BLOCK;
        while (room < size) room *= 2;      /* queries grow little by little: a block serves many */
        PoolBlock b = {arena_alloc(p->arena, room), room};
        vec_push(p->arena, &p->blocks, b);
        p->used = 0;
    }
    void *at = p->blocks.at[p->block].at + p->used;
    p->used += size;
    return at;
}

static uint64_t gcd(uint64_t a, uint64_t b) {
    while (b) {
        uint64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

static uint64_t magnitude(int64_t v) { return v < 0 ? 0 - (uint64_t)v : (uint64_t)v; }

static uint64_t row_gcd(const Row *r) {
    uint64_t g = 0;
    for (int i = 0; i < r->n && g != 1; i++) g = gcd(magnitude(r->t[i].coef), g);
    return g;
}

/* Divides in place; the terms are the row's own. */
static RowState tighten_own(Row *r) {
    if (r->n == 0) return (r->eq ? r->c == 0 : r->c >= 0) ? ROW_TRUE : ROW_FALSE;
    uint64_t g = row_gcd(r);
    if (g <= 1) return ROW_OK;
    if (r->eq && r->c % (int64_t)g != 0) return ROW_FALSE;
    for (int i = 0; i < r->n; i++) r->t[i].coef /= (int64_t)g;
    r->c = floor_div(r->c, (int64_t)g);
    return ROW_OK;
}

RowState row_tighten(Pool *p, Row *r) {
    if (r->n && row_gcd(r) > 1) {
        LinTerm *own = pool_alloc(p, sizeof *own * (size_t)r->n);
        memcpy(own, r->t, sizeof *own * (size_t)r->n);
        r->t = own;
    }
    return tighten_own(r);
}

/* fx * x + fy * y within ROW_LIMIT; returns false beyond. */
static bool scaled_sum(int64_t fx, int64_t x, int64_t fy, int64_t y, int64_t *out) {
    int64_t a, b;
    bool over = __builtin_mul_overflow(fx, x, &a) | __builtin_mul_overflow(fy, y, &b);
    over |= __builtin_add_overflow(a, b, out);
    return !over && *out <= ROW_LIMIT && *out >= -ROW_LIMIT;
}

RowState row_combine(Pool *p, Row *out, int64_t fx, const Row *x, int64_t fy, const Row *y, int64_t *work) {
    PoolMark mark = pool_mark(p);
    Row r = {.t = pool_alloc(p, sizeof *r.t * (size_t)(x->n + y->n)), .eq = x->eq};
    bool fits = scaled_sum(fx, x->c, fy, y->c, &r.c);
    *work -= 4 + x->n + y->n;
    for (int i = 0, j = 0; fits && (i < x->n || j < y->n);) {
        int vx = i < x->n ? x->t[i].var : INT32_MAX, vy = j < y->n ? y->t[j].var : INT32_MAX;
        int v = vx < vy ? vx : vy;
        int64_t coef;
        fits = scaled_sum(fx, vx == v ? x->t[i++].coef : 0, fy, vy == v ? y->t[j++].coef : 0, &coef);
        if (coef == 0) continue;
        r.t[r.n++] = (LinTerm){v, coef};
        r.mask |= (uint64_t)1 << (v & 63);
    }
    RowState state = fits ? tighten_own(&r) : ROW_OVERFLOW;
    if (state == ROW_OK) *out = r;
    else pool_release(p, mark);
    return state;
}

int64_t row_coef(const Row *r, int var) {
    if (!row_may_have(r, var)) return 0;
    for (int i = 0; i < r->n; i++)
        if (r->t[i].var == var) return r->t[i].coef;
    return 0;
}

__int128 row_value(const Row *r, const int64_t *value) {
    __int128 sum = r->c;
    for (int i = 0; i < r->n; i++) sum += (__int128)r->t[i].coef * value[r->t[i].var];
    return sum;
}

RowTable row_table(Pool *p, int n_rows) {
    RowTable t = {.size = 16};
    while (t.size < 4 * n_rows) t.size *= 2;
    t.slot = pool_alloc(p, sizeof *t.slot * (size_t)t.size);
    memset(t.slot, 0, sizeof *t.slot * (size_t)t.size);
    return t;
}

/* The same for a row and its negation. */
static uint64_t direction_hash(const Row *r) {
    uint64_t h = 0, sign = r->t[0].coef < 0 ? ~(uint64_t)0 : 0;
    for (int i = 0; i < r->n; i++) {
        uint64_t coef = ((uint64_t)r->t[i].coef ^ sign) - sign;
        h = (h ^ (coef * 64 + (uint64_t)r->t[i].var)) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    return h;
}

/* 1: the same direction, -1: opposite, 0: neither. */
static int parallel(const Row *x, const Row *y) {
    if (x->n != y->n || x->mask != y->mask) return 0;
    int64_t sign = x->t[0].coef == y->t[0].coef ? 1 : -1;
    for (int i = 0; i < x->n; i++)
        if (x->t[i].var != y->t[i].var || x->t[i].coef != sign * y->t[i].coef) return 0;
    return (int)sign;
}

/* What a row and its opposite say together. */
static RowPair opposites(const Row *rows, int i, int opposite, RowPair otherwise) {
    if (opposite < 0) return otherwise;
    __int128 width = (__int128)rows[i].c + rows[opposite].c;
    return width < 0 ? PAIR_EMPTY : width == 0 ? PAIR_EQUAL : otherwise;
}

RowPair row_table_add(RowTable *t, Row *rows, int i, int *self, int *other) {
    const Row *r = &rows[i];
    uint64_t at = direction_hash(r), last = (uint64_t)t->size - 1;
    *self = *other = -1;
    for (; t->slot[at & last]; at++) {
        int k = t->slot[at & last] - 1;
        int sign = rows[k].n < 0 ? 0 : parallel(&rows[k], r);
        if (sign > 0) *self = k;
        if (sign < 0) *other = k;
    }
    if (*self < 0) {
        t->slot[at & last] = i + 1;
        *self = i;
        return opposites(rows, i, *other, PAIR_NEW);
    }
    if (r->c >= rows[*self].c) return PAIR_WEAKER;
    rows[*self].c = r->c;
    return opposites(rows, *self, *other, PAIR_WEAKER);
}
