/* Shapes of a program's tensors: small expressions over its dims; and tensors made from a seed. */
#include "sim/program.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Reader {
    const SimProgram *p;
    const int64_t *dim;
    const char *s;
    const char *why;
    int depth;
} Reader;

static void space(Reader *r) { while (*r->s == ' ') r->s++; }
static bool accept(Reader *r, char c) {
    space(r);
    if (*r->s != c) return false;
    r->s++;
    return true;
}

static int64_t expression(Reader *r);

static int64_t fail(Reader *r, const char *why) {
    if (!r->why) r->why = why;
    return 0;
}

static int64_t inside(Reader *r) {
    if (++r->depth > 50) return fail(r, "nested too deep");
    int64_t v = expression(r);
    r->depth--;
    return v;
}

/* After '(': the least or the greatest of a list. */
static int64_t extreme(Reader *r, bool max) {
    int64_t v = inside(r);
    while (!r->why && accept(r, ',')) {
        int64_t w = inside(r);
        if (max ? w > v : w < v) v = w;
    }
    return accept(r, ')') ? v : fail(r, "')' is missing");
}

static int64_t primary(Reader *r) {
    space(r);
    char name[64];
    size_t n = 0;
    int64_t v;
    if (accept(r, '(')) {
        v = inside(r);
        return accept(r, ')') ? v : fail(r, "')' is missing");
    }
    if (accept(r, '-')) {
        if (++r->depth > 50) return fail(r, "nested too deep");
        v = primary(r);
        r->depth--;
        return v == INT64_MIN ? fail(r, "too large") : -v;
    }
    if (isdigit((unsigned char)*r->s)) {
        char *end;
        errno = 0;
        v = strtoll(r->s, &end, 10);
        r->s = end;
        return errno ? fail(r, "too large") : v;
    }
    while ((isalnum((unsigned char)*r->s) || *r->s == '_') && n < sizeof name - 1) name[n++] = *r->s++;
    name[n] = 0;
    bool max = !strcmp(name, "max");
    if ((max || !strcmp(name, "min")) && accept(r, '(')) return extreme(r, max);
    int i = sim_program_dim(r->p, name);
    if (i < 0) { r->why = "a name that is no dim"; return 0; }
    if (r->dim[i] < 0) r->why = "a dim that is not known";
    return r->dim[i];
}

/* Floor division, and what it leaves. */
static int64_t divide(Reader *r, int64_t a, int64_t b, bool rest) {
    if (b == 0) return fail(r, "a division by zero");
    if (b == -1) return rest ? 0 : a == INT64_MIN ? fail(r, "too large") : -a;
    bool down = a % b && (a % b < 0) != (b < 0);
    return rest ? a % b + (down ? b : 0) : a / b - down;
}

static int64_t product(Reader *r) {
    int64_t v = primary(r);
    while (!r->why) {
        if (accept(r, '*')) {
            if (__builtin_mul_overflow(v, primary(r), &v)) fail(r, "too large");
        } else if (accept(r, '%')) v = divide(r, v, primary(r), true);
        else if (accept(r, '/')) {
            if (*r->s++ != '/') return r->s--, fail(r, "division is //");
            v = divide(r, v, primary(r), false);
        } else break;
    }
    return v;
}

static int64_t expression(Reader *r) {
    int64_t v = product(r);
    for (;;) {
        bool minus = !r->why && accept(r, '-');
        if (!minus && (r->why || !accept(r, '+'))) return v;
        int64_t w = product(r);
        if (minus ? __builtin_sub_overflow(v, w, &v) : __builtin_add_overflow(v, w, &v)) r->why = "too large";
    }
}

/* Values of a comma-separated list; returns how many, or -1 with *why. */
static int read_list(const SimProgram *p, const char *text, const int64_t *dim, int64_t *out, int max, const char **why) {
    Reader r = {p, dim, text ? text : "", NULL, 0};
    int n = 0;
    for (space(&r); *r.s; space(&r)) {
        if (n == max) { *why = "too many of them"; return -1; }
        out[n++] = expression(&r);
        if (!r.why && *r.s && !accept(&r, ',')) r.why = "',' expected";
        if (r.why) { *why = r.why; return -1; }
    }
    return n;
}

bool sim_program_shapes(const SimProgram *p, const int64_t *dim, SimTensor *out, Arena *a, const char **why) {
    for (int i = 0; i < p->n_tensors; i++) {
        const PeTensor *t = &p->table->tensor[i];
        SimTensor *o = &out[i];
        *o = (SimTensor){.name = t->name, .type = t->type, .role = t->role, .count = 1, .dram = o->dram};
        const char *what = NULL;
        o->rank = read_list(p, t->shape, dim, o->shape, t->role == PE_TEMP ? SIM_RANK : SIM_RANK_GIVEN, &what);
        if (o->rank < 0) {
            *why = arena_printf(a, "the shape \"%s\" of '%s': %s", t->shape ? t->shape : "", t->name, what);
            return false;
        }
        for (int k = 0; k < o->rank && t->role == PE_TEMP; k++)
            if (o->shape[k] < 0) o->shape[k] = 0;
        for (int k = 0; k < o->rank; k++)
            if (o->shape[k] < 0 || __builtin_mul_overflow(o->count, o->shape[k], &o->count) || o->count > (int64_t)1 << 40) {
                *why = arena_printf(a, "extent %d of '%s' is %lld", k, t->name, (long long)o->shape[k]);
                return false;
            }
        o->bytes = o->count * sim_type_bytes(t->type);
    }
    return true;
}

void sim_program_homes(const SimMachine *m, const SimHome *said, SimTensor *t, int n) {
    int64_t used = 0;
    for (int i = 0; i < n; i++)
        if (said[i] == SIM_HOME_SRAM || (said[i] == SIM_HOME_AUTO && t[i].role == PE_TEMP)) used += (t[i].bytes + 4095) / 4096 * 4096;
    for (int i = 0; i < n; i++) t[i].dram = said[i] ? said[i] == SIM_HOME_DRAM : t[i].role != PE_TEMP || used > m->sram.size;
}

/* The comma behind the item at s, or the end of the list. */
static const char *item_end(const char *s) {
    for (int depth = 0; *s && (depth || *s != ','); s++) depth += (*s == '(') - (*s == ')');
    return s;
}

/* The k-th item of the shape, when it is a name and nothing else. */
static int lone_dim(const SimProgram *p, const char *shape, int k, Arena *a) {
    const char *s = shape;
    for (; k > 0 && s; k--) s = *item_end(s) ? item_end(s) + 1 : NULL;
    if (!s) return -1;
    while (*s == ' ') s++;
    size_t n = strcspn(s, ",");
    while (n && s[n - 1] == ' ') n--;
    return sim_program_dim(p, arena_strndup(a, s, n));
}

bool sim_program_bind(const SimProgram *p, int tensor, const int64_t *shape, int rank, int64_t *dim, Arena *a, const char **why) {
    for (int k = 0; k < rank; k++) {
        int d = lone_dim(p, p->table->tensor[tensor].shape, k, a);
        if (d < 0) continue;
        if (dim[d] >= 0 && dim[d] != shape[k]) {
            *why = arena_printf(a, "extent %d of '%s' says %s = %lld, before it was %lld", k, p->table->tensor[tensor].name, p->dim[d], (long long)shape[k], (long long)dim[d]);
            return false;
        }
        dim[d] = shape[k];
    }
    return true;
}

/* ---- data from a seed ---- */

static uint64_t next_random(uint64_t *s) {
    uint64_t z = (*s += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Sum of four uniforms, scaled to variance 1: near enough to normal, and the same everywhere. */
static float next_normal(uint64_t *s) {
    uint64_t z = next_random(s);
    int sum = (int)(z & 0xffff) + (int)(z >> 16 & 0xffff) + (int)(z >> 32 & 0xffff) + (int)(z >> 48) - 131070;
    return (float)sum * (1.7320508f / 65535.0f);
}

static uint16_t half_of(float x) {
    uint32_t u, a;
    memcpy(&u, &x, 4);
    a = u & 0x7fffffffu;
    if (a < 0x38800000u) return (uint16_t)(u >> 16 & 0x8000);
    return (uint16_t)((a - 0x38000000u + 0xfffu + ((a >> 13) & 1)) >> 13 | (u >> 16 & 0x8000));
}

static void put_float(PeType t, void *data, int64_t i, float x) {
    uint32_t u;
    memcpy(&u, &x, 4);
    if (t == PE_F32) ((float *)data)[i] = x;
    else ((uint16_t *)data)[i] = t == PE_F16 ? half_of(x) : (uint16_t)((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}

static void put_int(PeType t, void *data, int64_t i, int64_t v) {
    switch (sim_type_bytes(t)) {
    case 1: ((int8_t *)data)[i] = (int8_t)v; break;
    case 4: ((int32_t *)data)[i] = (int32_t)v; break;
    default: ((int64_t *)data)[i] = v;
    }
}

static void fill_ints(SimTensor *t, int64_t lo, int64_t hi, bool offsets, uint64_t *s) {
    for (int64_t i = 0; i < t->count; i++) {
        uint64_t span = hi > lo ? (uint64_t)(hi - lo) : 1;
        int64_t v = offsets ? (t->count > 1 ? (int64_t)((double)(hi - lo) * (double)i / (double)(t->count - 1)) : 0) : (int64_t)(next_random(s) % span);
        put_int(t->type, t->data, i, lo + v);
    }
}

bool sim_program_fill(const SimProgram *p, int tensor, SimTensor *t, const int64_t *dim, uint64_t seed, Arena *a, const char **why) {
    const PeTensor *d = &p->table->tensor[tensor];
    uint64_t s = seed * 1000003u + (uint64_t)tensor;
    if (t->type == PE_F32 || t->type == PE_F16 || t->type == PE_BF16) {
        for (int64_t i = 0; i < t->count; i++) put_float(t->type, t->data, i, next_normal(&s));
        return true;
    }
    int64_t range[2] = {-8, 9};
    const char *what = "two values are expected";
    if (t->type == PE_U8) range[0] = 0;
    if (d->range && read_list(p, d->range, dim, range, 2, &what) != 2) {
        *why = arena_printf(a, "the range \"%s\" of '%s': %s", d->range, d->name, what);
        return false;
    }
    fill_ints(t, range[0], range[1], d->offsets, &s);
    return true;
}
