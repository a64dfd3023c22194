/* Views against copies: random programs of loads, transposes, products and elementwise commands on the same rings run twice, with
 * tensors that are inputs (their bytes may stay where they are) and with tensors that are not (every byte is copied). The results and
 * the cycles must be the same. A chunk of a ring is 64 x 64 f16; loads, transposes and reads of parts of it lie over each other. */
#include "sim/harness.h"

enum { X, Y, O };                        /* tensors: x and y as 96 x 96 f16, o as results of 64 x 64 */
enum { RINGS = 3, C = RINGS, DEPTH = 3, CHUNK = 64 * 128, SLOTS = 24, STEPS = 90 };

typedef struct Dice { uint64_t s; } Dice;
static int64_t dice(Dice *d, int64_t n) {
    d->s = d->s * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((d->s >> 33) % (uint64_t)n);
}

static void setup(PE *pe) {
    for (int i = 0; i < RINGS; i++) pe_ring(pe, i, PE_F16, DEPTH * CHUNK);
    pe_ring(pe, C, PE_F32, 2 * 64 * 256);
}

typedef struct Draw { PE *pe; Dice dice; int chunks[RINGS], slot; int64_t grain; } Draw;

/* Extents and offsets up to 64; of half the programs multiples of 32, so that the same panels come again and parts meet at edges. */
static int64_t offset(Draw *d) { return dice(&d->dice, 64 / d->grain) * d->grain; }
static int64_t extent(Draw *d, int64_t most) { return (1 + dice(&d->dice, most / d->grain)) * d->grain; }

/* Every engine has ended: what comes next may pop what they have read. */
static void settle(PE *pe) {
    static const PeEngine engines[] = {PE_LOAD, PE_MLU, PE_DPE, PE_SE};
    for (int i = 0; i < 4; i++) pe_fence(pe, engines[i]);
}

/* Pops chunks without a look at them. */
static void drop(Draw *d, int ring, int chunks) {
    settle(d->pe);
    pe_dot(d->pe, .a = PE_AT(ring, .pop = chunks * CHUNK), .b = PE_AT(ring));
    d->chunks[ring] -= chunks;
}

static void draw_load(Draw *d, int ring) {
    if (d->chunks[ring] == DEPTH) return;
    int part = dice(&d->dice, 3) == 0;
    pe_load(d->pe, PE_AT(ring, .pitch = 128, .push = part ? 0 : CHUNK), (int)dice(&d->dice, 2), pe_box(offset(d) / 2 * 96 + offset(d) / 2, 64, 64, 96));
    if (part) {
        int64_t row = offset(d), col = offset(d), rows = extent(d, 64 - row), cols = extent(d, 64 - col);
        pe_load(d->pe, PE_AT(ring, .off = row * 128 + col * 2, .pitch = 128, .push = CHUNK), (int)dice(&d->dice, 2), pe_box(offset(d) / 2 * 96 + offset(d) / 2, rows, cols, 96));
    }
    d->chunks[ring]++;
}

static int64_t draw_pop(Draw *d, int ring) {
    if (dice(&d->dice, 2)) return 0;
    settle(d->pe);
    d->chunks[ring]--;
    return CHUNK;
}

static void draw_transpose(Draw *d, int from, int to) {
    if (!d->chunks[from] || d->chunks[to] == DEPTH || from == to) return;
    int64_t at = dice(&d->dice, d->chunks[from]) * CHUNK;
    if (dice(&d->dice, 3) == 0) {
        pe_transpose(d->pe, PE_AT(to, .pitch = 128), PE_AT(from, .off = at, .pitch = 128), 64, 64);
        int64_t row = offset(d), col = offset(d), rows = extent(d, 64 - row), cols = extent(d, 64 - col);
        pe_transpose(d->pe, PE_AT(to, .off = col * 128 + row * 2, .pitch = 128, .push = CHUNK), PE_AT(from, .off = at + row * 128 + col * 2, .pitch = 128), rows, cols);
    } else {
        int64_t pop = at ? 0 : draw_pop(d, from);
        pe_transpose(d->pe, PE_AT(to, .pitch = 128, .push = CHUNK), PE_AT(from, .off = at, .pitch = 128, .pop = pop), 64, 64);
    }
    d->chunks[to]++;
}

/* Any part of any chunk that lies in the ring, rows x k. */
static PeRef draw_place(Draw *d, int ring, int64_t rows, int64_t k) {
    return PE_AT(ring, .off = dice(&d->dice, d->chunks[ring]) * CHUNK + dice(&d->dice, (64 - rows) / d->grain + 1) * d->grain * 128 + dice(&d->dice, (64 - k) / d->grain + 1) * d->grain * 2, .pitch = 128);
}

static void draw_dot(Draw *d, int a, int b) {
    if (!d->chunks[a] || !d->chunks[b] || d->slot == SLOTS) return;
    int64_t whole = dice(&d->dice, 3), m = whole ? 64 : extent(d, 64), n = whole ? 64 : extent(d, 64), times = 1 + dice(&d->dice, 2);
    for (int64_t i = 0; i < times; i++) {
        int64_t k = extent(d, 64);
        pe_dot(d->pe, .add = i > 0, .m = m, .n = n, .k = k, .a = draw_place(d, a, m, k), .b = draw_place(d, b, n, k));
    }
    pe_re_drain(d->pe, PE_AT(C, .pitch = 256, .push = 64 * 256), 0, m, n);
    pe_store(d->pe, O, pe_box(d->slot++ * 4096, m, n, 64), PE_AT(C, .pitch = 256, .pop = 64 * 256));
}

static void draw_other(Draw *d, int from, int to) {
    if (!d->chunks[from]) return;
    if (dice(&d->dice, 4) == 0) pe_wait(d->pe, from, CHUNK);
    else if (from != to && d->chunks[to] < DEPTH && dice(&d->dice, 4) == 0) {
        int64_t pop = draw_pop(d, from);
        pe_se(d->pe, .affine = true, .alpha = 1, .beta = 1, .rows = 64, .cols = 64, .dst = PE_AT(to, .pitch = 128, .push = CHUNK), .a = PE_AT(from, .pitch = 128, .pop = pop));
        d->chunks[to]++;
    } else {
        drop(d, from, 1);
    }
}

static void work(PE *pe) {
    if (pe_id(pe)) return;
    Draw d = {.pe = pe, .dice = {(uint64_t)pe_dim(pe, 0) * 7919}};
    d.grain = dice(&d.dice, 2) ? 1 : 32;
    int64_t shy = dice(&d.dice, 3);      /* how often the rings are used by others than the DPE and the MLU */
    for (int i = 0; i < STEPS; i++) {
        int from = (int)dice(&d.dice, RINGS), to = (int)dice(&d.dice, RINGS);
        switch (dice(&d.dice, 8 + shy)) {
        case 0: case 1: case 2: draw_load(&d, from); break;
        case 3: case 4: draw_transpose(&d, from, to); break;
        case 5: case 6: case 7: draw_dot(&d, from, to); break;
        default: draw_other(&d, from, to);
        }
    }
    for (int i = 0; i < RINGS; i++)
        if (d.chunks[i]) drop(&d, i, d.chunks[i]);
}

#define PROGRAM(role) {.version = PE_VERSION, .name = "views", .dims = "S", .setup = setup, .core = {NULL, work}, \
    .tensor = {{"x", PE_F16, role, "96, 96"}, {"y", PE_F16, role, "96, 96"}, {"o", PE_F32, PE_OUT, "24, 64, 64"}}}
static const PeProgram in = PROGRAM(PE_IN), out = PROGRAM(PE_OUT);

static SimReport run(Arena *a, const PeProgram *p, const SimMachine *m, int64_t seed, float **result, int64_t *bytes) {
    const char *why = NULL;
    SimProgram prog;
    SimTensor tensor[3] = {0};
    SimReport *r = arena_alloc(a, sizeof *r);
    assert_true(sim_program_of(&prog, p, a, &why));
    SimConfig c = {.machine = m, .program = p, .tensor = tensor, .n_tensors = 3, .max_cycles = 50000000, .dim = {seed}};
    if (!sim_program_shapes(&prog, c.dim, tensor, a, &why)) fail_msg("%s", why);
    for (int i = 0; i < 3; i++) tensor[i].data = arena_alloc(a, (size_t)tensor[i].bytes);
    for (int i = 0; i < 2; i++)
        for (int64_t j = 0; j < tensor[i].count; j++) ((uint16_t *)tensor[i].data)[j] = (uint16_t)(0x3c00 + (j * 37 + i * 11) % 977 + j % 2 * 0x8000);
    sim_run(&c, r);
    *result = tensor[O].data;
    *bytes = tensor[O].bytes;
    return *r;
}

static void test_views(void **state) {
    (void)state;
    Arena *all = arena_new(0, harness_oom, NULL);
    SimMachine m = harness_machine(all, "mtia2");
    int64_t products = 0;
    m.rows = m.cols = 1;
    for (int64_t seed = 1; seed <= 300; seed++) {
        Arena *a = arena_new(0, harness_oom, NULL);
        float *x, *y;
        int64_t bytes;
        SimReport copied = run(a, &out, &m, seed, &y, &bytes), viewed = run(a, &in, &m, seed, &x, &bytes);
        if (copied.fault.kind || viewed.fault.kind) fail_msg("seed %d: %s | %s", (int)seed, copied.fault.text, viewed.fault.text);
        assert_int_equal(copied.ticks, viewed.ticks);
        if (memcmp(x, y, (size_t)bytes)) fail_msg("seed %d: results differ", (int)seed);
        products += viewed.commands[PE_DPE];
        arena_free(a);
    }
    assert_true(products > 1000);
    arena_free(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_views)};
    return cmocka_run_group_tests_name("sim_view", tests, NULL, NULL);
}
