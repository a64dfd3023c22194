/* pe.h, version 1: what a program of one processing element (PE) can say.
 *
 * A program is two functions that run on every PE of the grid (SPMD): core 0 moves data, core 1 computes. Both give commands to
 * engines, which work on their own, each in the order of its queue:
 *
 *     PE_LOAD, PE_STORE   the fabric interface: boxes of tensors to and from local memory
 *     PE_DPE, PE_RE       dot products of panels into accumulators; the reduction engine that holds and drains them
 *     PE_SE               elementwise functions, row sums
 *     PE_MLU              transposes
 *
 * Local memory is handed out as circular buffers (rings). A producer fills a ring at its write cursor and pushes; a consumer reads
 * at its read cursor and pops. A command takes its places from the cursors when it is issued, and moves them by its push and pop;
 * it starts when what it reads has been pushed and where it writes has been popped, and its own push and pop take effect when it
 * ends. So a core only has to issue commands in an order that makes sense; it waits itself only to touch data (pe_wait,
 * pe_reserve) or when a queue is full. A ring has one producing core and one consuming core.
 * A scratch buffer has no cursors: it is read and written at offsets, and who uses it from two engines fences between.
 *
 * Sizes, offsets and pitches of local memory are bytes; those of tensors are elements. Costs are the machine file's (docs/simulator.md).
 * There is no pointer to any memory here, and vectors have no operators: work that is not charged does not compile. A program has no
 * pointer but its PE *, no union, no copy of memory, and no name for what is inside a PE or a vector; docs/simulator.md says what is refused. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define PE_VERSION 1

/* Members that are nobody's but the simulator's (PE_INSIDE) and the inline functions' below: a program has no name for them. */
#ifdef PE_INSIDE
#define PE_M(member) member
#else
#define PE_M(member) pe_hidden_##member
#endif

/*        id    name    bytes */
#define PE_TYPES(X) X(F32, "f32", 4) X(F16, "f16", 2) X(BF16, "bf16", 2) X(I32, "i32", 4) X(I64, "i64", 8) X(I8, "i8", 1) X(U8, "u8", 1) \
    X(F64, "f64", 8) X(I16, "i16", 2) X(BOOL, "bool", 1) X(F8E4M3, "f8e4m3", 1) X(F8E5M2, "f8e5m2", 1)
typedef enum PeType {
#define X(id, name, bytes) PE_##id,
    PE_TYPES(X)
#undef X
    PE_TYPE_COUNT
} PeType;

typedef enum PeEngine { PE_LOAD, PE_STORE, PE_DPE, PE_RE, PE_SE, PE_MLU, PE_ENGINES } PeEngine;
typedef enum PeShare { PE_ALONE, PE_SHARE_ROW, PE_SHARE_COL } PeShare;
typedef enum PeDir { PE_EAST, PE_SOUTH } PeDir;

/* First stage of an SE command: what is done with a and b.  Second stage: a function of the result. */
typedef enum PeBin { PE_FIRST, PE_ADD, PE_SUB, PE_MUL, PE_DIV, PE_MAX, PE_MIN, PE_BINS } PeBin;
typedef enum PeFn { PE_SAME, PE_EXP, PE_LOG, PE_TANH, PE_SIGMOID, PE_ERF, PE_RECIP, PE_RSQRT, PE_RELU, PE_ABS, PE_FNS } PeFn;
typedef enum PeRed { PE_RSUM, PE_RMAX, PE_RMIN, PE_RMAXABS, PE_REDS } PeRed;

enum { PE_RANK = 4, PE_BUFS = 128, PE_TENSORS = 256, PE_STAGES = 512, PE_LANES = 16, PE_PANEL = 64 };

/* A box of a tensor, in elements: the element at `off`, n[0] x n[1] x n[2] x n[3] of them, stride[] apart, the last dimension
 * contiguous (stride 1). Extents of 0 are legal in any dimension: nothing is moved. */
typedef struct PeBox { int64_t off, n[PE_RANK], stride[PE_RANK]; } PeBox;

/* A place in local memory: buffer, offset from its cursor, bytes from one row to the next (0: rows lie densely), and how far the
 * command moves the cursor when it ends: pop for what it reads, push for what it writes. */
typedef struct PeRef { int buf; int64_t off, pitch, pop, push; } PeRef;
#define PE_AT(buf, ...) ((PeRef){buf, __VA_ARGS__})

/* An SE command:  dst[r, c] = fn(alpha * (a[r, c] bin b[r, c]) + beta), f32 inside, rounded (to integers: nearest even, saturated).
 * alpha = 0 is taken as 1 unless `affine` is set. b may be one row (rb: b[0, c]) or one column (cb: b[r, 0]). `from_re` takes the
 * accumulators from acc on as a: rows x cols <= 64 x 64 in their layout (PE_DPE), and leaves them free. */
typedef struct PeSe {
    PeBin bin;
    PeFn fn;
    bool affine, b_row, b_col, from_re;
    float alpha, beta;
    int acc;
    int64_t rows, cols;
    PeRef dst, a, b;
} PeSe;

/* A DPE command: for i < m, j < n:  acc[i, j] (+)= sum over l < k of a[i, l] * b[j, l], both operands with k contiguous, m, n <= 64.
 * Products and sums are exact f32 fused multiply-adds in the order of k (i8: i32). The result takes accumulators acc, acc + 1 ... of
 * one block each (32 x 32 on the machines that come with knyfe), row of blocks by row of blocks. add: to what they hold, else from zero.
 * Cost: one block time for each started block of the machine file (32 x 32 x 32 bytes).
 * red, bin, fn: red over l of fn(a[i, l] bin b[j, l]) instead; a_by_k, b_by_k: that operand is k rows of m (n) values. Each such form is
 * a row of the machine's engine, or the command is refused.
 * sparse: b is 2:4 sparse and packed, of every four along k the two that may differ from zero: row j of b holds k / 2 values, row j of
 * meta (u8, k / 8 bytes) a nibble for each four, low nibble first: the two places (0 to 3, ascending), 2 bits each, low bits first.
 * k is a multiple of 8; a block time covers 32 x 32 x 64 bytes of a. Machines with dpe.sparse only. */
typedef struct PeDot { int acc; bool add, sparse; int64_t m, n, k; PeRef a, b, meta; PeRed red; PeBin bin; PeFn fn; bool a_by_k, b_by_k; } PeDot;

/* Operations of a core that are charged, each by one value of the machine file. */
typedef enum PeOp { PE_OP_SCALAR, PE_OP_TURN, PE_OP_ISSUE, PE_OP_LOAD, PE_OP_STORE, PE_OPS } PeOp;
/* Vector operations, by what they cost (knyfe/pe_ops.def); LANE: one lane of a gather or scatter. */
typedef enum PeCost { PE_C_OP, PE_C_IMUL, PE_C_DIV, PE_C_IDIV, PE_C_FN, PE_C_LANE, PE_COSTS } PeCost;
/* Registers of the vector core (knyfe/pe_vector.h). */
typedef enum PeRegister {
    PE_R_f32, PE_R_i32, PE_R_f64, PE_R_i64, PE_R_f16x32, PE_R_bf16x32, PE_R_i16x32, PE_R_i8x64, PE_R_u8x64, PE_R_mask, PE_R_mask32, PE_R_mask64, PE_REGISTER_COUNT
} PeRegister;
/* Vector operations that are no line of C. */
typedef enum PeFar {
#define PE_FAR_F(id, ...) PE_X_##id,
#define PE_FAR_I(id, ...) PE_X_##id,
#include "knyfe/pe_ops.def"
    PE_FARS
} PeFar;

typedef struct PeBuf {
    unsigned char *PE_M(base), *PE_M(state);   /* state: a byte for each byte of data; 1 when it has a value */
    int64_t PE_M(size), PE_M(read), PE_M(write);   /* cursors, as bytes since the start */
    int64_t PE_M(seen), PE_M(room);            /* direct reads are legal below seen, direct writes below room */
    PeType PE_M(type);
    bool PE_M(scratch), PE_M(holes);
    int PE_M(in_flight);                       /* commands that use it and have not ended */
} PeBuf;

typedef struct PE PE;
/* What the simulator does for a program: name, parameters behind the PE, their names. */
#define PE_API(X) \
    X(buffer, (PE *pe, int buf, PeType type, int64_t bytes, bool scratch), (pe, buf, type, bytes, scratch)) \
    X(load, (PE *pe, PeRef dst, int tensor, PeBox box, PeShare share), (pe, dst, tensor, box, share)) \
    X(gather, (PE *pe, PeRef dst, int tensor, PeRef index, int64_t rows, int64_t cols, int64_t stride, int64_t off), (pe, dst, tensor, index, rows, cols, stride, off)) \
    X(store, (PE *pe, int tensor, PeBox box, PeRef src), (pe, tensor, box, src)) \
    X(dot, (PE *pe, PeDot dot), (pe, dot)) \
    X(re_preload, (PE *pe, int acc, int64_t m, int64_t n, PeRef src), (pe, acc, m, n, src)) \
    X(re_drain, (PE *pe, PeRef dst, int acc, int64_t m, int64_t n), (pe, dst, acc, m, n)) \
    X(re_chain, (PE *pe, int acc, int64_t m, int64_t n, PeDir dir, bool send), (pe, acc, m, n, dir, send)) \
    X(re_reduce, (PE *pe, PeRed red, PeRef dst, int acc, int64_t m, int64_t n), (pe, red, dst, acc, m, n)) \
    X(se, (PE *pe, PeSe se), (pe, se)) \
    X(se_reduce, (PE *pe, PeRed red, PeRef dst, PeRef src, int64_t rows, int64_t cols), (pe, red, dst, src, rows, cols)) \
    X(se_accumulate, (PE *pe, PeRef dst, PeRef src, int64_t rows, int64_t cols, bool add), (pe, dst, src, rows, cols, add)) \
    X(transpose, (PE *pe, PeRef dst, PeRef src, int64_t rows, int64_t cols), (pe, dst, src, rows, cols)) \
    X(wait, (PE *pe, int buf, int64_t bytes), (pe, buf, bytes)) \
    X(reserve, (PE *pe, int buf, int64_t bytes), (pe, buf, bytes)) \
    X(push, (PE *pe, int buf, int64_t bytes), (pe, buf, bytes)) \
    X(pop, (PE *pe, int buf, int64_t bytes), (pe, buf, bytes)) \
    X(fence, (PE *pe, PeEngine engine), (pe, engine)) \
    X(refuse, (PE *pe, int fact), (pe, fact)) \
    X(barrier, (PE *pe), (pe))
typedef struct PeApi {
#define X(name, parameters, names) void (*PE_M(name)) parameters;
    PE_API(X)
#undef X
    void (*PE_M(touch))(PE *, int buf, int64_t off, int64_t bytes, bool write, PeType);   /* the slow way of a vector access */
    void (*PE_M(pick))(PE *, int buf, int64_t off, PeType, bool write, const void *index, const void *mask, void *raw);   /* an element a lane */
    void (*PE_M(lanes))(PeFar, PeRegister, void *d, const void *a, const void *b, const void *c);
    void (*PE_M(convert))(PE *, PeType to, bool nearest, PeRegister, PeRegister from, void *d, const void *a);
    void (*PE_M(f8))(PeType, bool narrow, void *raw, void *f32);
    int64_t (*PE_M(dim))(PE *, int index);
    double (*PE_M(scalar))(PE *, int index);
    int64_t (*PE_M(scalar_i64))(PE *, int index);
} PeApi;

struct PE {
    const PeApi *PE_M(api);
    const int32_t *PE_M(cost);                 /* ticks of each PeOp */
    const int64_t (*PE_M(price))[PE_REGISTER_COUNT];   /* ticks of each PeCost on each register */
    PeBuf *PE_M(buf);                          /* [PE_BUFS], of the PE, seen by both cores */
    int64_t PE_M(scalar), PE_M(vector), PE_M(loads), PE_M(stores);   /* ticks since the last sync point */
    int PE_M(site), PE_M(knf);                 /* C line and .knf line of the last call */
    int PE_M(row), PE_M(col), PE_M(rows), PE_M(cols), PE_M(core);
    int64_t PE_M(local);                       /* bytes of local memory */
};

/* ---- the program's table: one `const PeProgram pe_program` a file ---------------------------------------------------------- */

typedef enum PeRole { PE_IN, PE_OUT, PE_TEMP } PeRole;
/* shape: comma-separated expressions over dims and whole numbers, with + - * // % (floor), min(a, b), max(a, b) and parentheses:
 * "N, 2*D + 1"; "": one element. In a PE_TEMP a value below 0 counts as 0. range (integers made from a seed): "0, V". offsets: the
 * tensor ascends from 0 to the value of `range`. */
typedef struct PeTensor { const char *name; PeType type; PeRole role; const char *shape, *range; bool offsets; } PeTensor;
/* A part of the program that all PEs run to its end before any begins the next: then no command runs, rings and accumulators are
 * empty. Tensors keep their values; local memory begins anew, and setup declares the buffers of this stage. Costs a barrier. */
typedef struct PeStage {
    const char *name;
    bool (*when)(PE *);            /* may read dims and scalars; the same on every PE: whether the stage runs. NULL: it does */
    void (*setup)(PE *);
    void (*core[2])(PE *);
} PeStage;
typedef struct PeProgram {
    int version;                   /* PE_VERSION */
    const char *name;
    const char *dims;              /* names, in the order of pe_dim: "N, D" */
    const char *scalars;           /* names, in the order of pe_scalar, or NULL */
    PeTensor tensor[PE_TENSORS];   /* in the order of the tensor numbers; ends at name NULL */
    void (*setup)(PE *);           /* declares the buffers; runs once on each PE before the cores */
    void (*core[2])(PE *);
    const PeStage *stage;          /* instead of setup and core: at most PE_STAGES, in order */
    int n_stages;
    const char *const *fact;       /* texts of facts 1, 2 ... of pe_refuse */
    int n_facts;
} PeProgram;

/* ---- calls ---------------------------------------------------------------------------------------------------------------- */

static inline PE *pe_here(PE *pe, int line) { pe->PE_M(site) = line; return pe; }
#define X(name, parameters, names) static inline void pe_do_##name parameters { pe->PE_M(api)->PE_M(name) names; }
PE_API(X)
#undef X
static inline void pe_knf(PE *pe, int line) { pe->PE_M(knf) = line; }
#define PE_HERE(pe) pe_here(pe, __LINE__)
/* Names the .knf line behind the calls that follow, for faults and traces. */
#define PE_KNF(pe, line) pe_knf(pe, line)
#define PE_CALL(pe, fn, ...) pe_do_##fn(PE_HERE(pe), __VA_ARGS__)

/* Setup only: hands out `bytes` of local memory as ring or scratch number buf < PE_BUFS. Faults: out of local memory, declared twice. */
#define pe_ring(pe, buf, type, bytes) PE_CALL(pe, buffer, buf, type, bytes, false)
#define pe_scratch(pe, buf, type, bytes) PE_CALL(pe, buffer, buf, type, bytes, true)

/* dst <- box of a tensor, rows `pitch` apart. Of the tensor's type. Requests of at most dma.largest, dma.setup each.
 * pe_load_row (pe_load_col): every PE of the grid row (column) issues the same load, in the same order; it is read once. */
#define pe_load(pe, dst, tensor, ...) PE_CALL(pe, load, dst, tensor, __VA_ARGS__, PE_ALONE)
#define pe_load_row(pe, dst, tensor, ...) PE_CALL(pe, load, dst, tensor, __VA_ARGS__, PE_SHARE_ROW)
#define pe_load_col(pe, dst, tensor, ...) PE_CALL(pe, load, dst, tensor, __VA_ARGS__, PE_SHARE_COL)
/* dst row r <- cols elements at index[r] * stride + off of the tensor; index is i32 or i64 in local memory. */
#define pe_gather(pe, dst, tensor, index, rows, cols, stride, off) PE_CALL(pe, gather, dst, tensor, index, rows, cols, stride, off)
/* Box of a tensor <- src. */
#define pe_store(pe, tensor, box, src) PE_CALL(pe, store, tensor, box, src)

#define pe_dot(pe, ...) PE_CALL(pe, dot, ((PeDot){__VA_ARGS__}))
/* Accumulators from acc on <- m x n values (f32; i32 for i8 products) of src, row-major. */
#define pe_re_preload(pe, acc, m, n, src) PE_CALL(pe, re_preload, acc, m, n, src)
/* dst <- accumulators, as f32 (i32), m x n row-major. */
#define pe_re_drain(pe, dst, acc, m, n) PE_CALL(pe, re_drain, dst, acc, m, n)
/* Sends accumulators to the next PE east or south, which adds them to its own; both sides issue their half. */
#define pe_re_send(pe, acc, m, n, dir) PE_CALL(pe, re_chain, acc, m, n, dir, true)
#define pe_re_receive(pe, acc, m, n, dir) PE_CALL(pe, re_chain, acc, m, n, dir, false)

/* dst[r] (f32, one a row; i32 after i8 products) <- max or min over c of accumulators; they keep their values. se.row_minmax machines only. */
#define pe_re_reduce(pe, red, dst, acc, m, n) PE_CALL(pe, re_reduce, red, dst, acc, m, n)

#define pe_se(pe, ...) PE_CALL(pe, se, ((PeSe){__VA_ARGS__}))
/* dst[r] (f32, one a row) <- sum, max, min or max |.| over c of src[r, c]. */
#define pe_se_reduce(pe, red, dst, src, rows, cols) PE_CALL(pe, se_reduce, red, dst, src, rows, cols)
/* dst[c] (f32, one row) <- sum over r < rows <= se.accumulate_rows of src[r, c]; add: onto what dst (a scratch) holds. */
#define pe_se_accumulate(pe, dst, src, rows, cols, add) PE_CALL(pe, se_accumulate, dst, src, rows, cols, add)
/* dst[c, r] <- src[r, c], same type. */
#define pe_transpose(pe, dst, src, rows, cols) PE_CALL(pe, transpose, dst, src, rows, cols)

/* Blocks the core until `bytes` beyond the read cursor have been pushed / `bytes` beyond the write cursor are free. */
#define pe_wait(pe, buf, bytes) PE_CALL(pe, wait, buf, bytes)
#define pe_reserve(pe, buf, bytes) PE_CALL(pe, reserve, buf, bytes)
/* Moves the write (read) cursor by hand, after the core itself has written (read). */
#define pe_push(pe, buf, bytes) PE_CALL(pe, push, buf, bytes)
#define pe_pop(pe, buf, bytes) PE_CALL(pe, pop, buf, bytes)
/* Blocks until every command so far of that engine has ended (stores: is seen by all). */
#define pe_fence(pe, engine) PE_CALL(pe, fence, engine)
/* Blocks until this core of every PE has come here. Orders tensor accesses of different PEs, once stores are fenced. */
#define pe_barrier(pe) pe_do_barrier(PE_HERE(pe))

static inline int pe_row(const PE *pe) { return pe->PE_M(row); }
static inline int pe_col(const PE *pe) { return pe->PE_M(col); }
static inline int pe_rows(const PE *pe) { return pe->PE_M(rows); }
static inline int pe_cols(const PE *pe) { return pe->PE_M(cols); }
static inline int pe_id(const PE *pe) { return pe->PE_M(row) * pe->PE_M(cols) + pe->PE_M(col); }
static inline int pe_count(const PE *pe) { return pe->PE_M(rows) * pe->PE_M(cols); }
static inline int64_t pe_local(const PE *pe) { return pe->PE_M(local); }   /* bytes of local memory */
static inline int64_t pe_dim(PE *pe, int index) { return pe->PE_M(api)->PE_M(dim)(pe, index); }
static inline double pe_scalar(PE *pe, int index) { return pe->PE_M(api)->PE_M(scalar)(pe, index); }
/* A scalar of an integer type, in full. */
static inline int64_t pe_scalar_i64(PE *pe, int index) { return pe->PE_M(api)->PE_M(scalar_i64)(pe, index); }
/* Says that fact number `fact` (from 1) of the program's table does not hold. The job ends with this stage, refused for the least
 * such number of all PEs. No PE may have stored to an output by then. */
#define pe_refuse(pe, fact) PE_CALL(pe, refuse, fact)

/* n scalar operations of the core. */
static inline void pe_ops(PE *pe, int n) { pe->PE_M(scalar) += (int64_t)n * pe->PE_M(cost)[PE_OP_SCALAR]; }
static inline bool pe_turn(PE *pe, bool more) {
    pe->PE_M(scalar) += pe->PE_M(cost)[PE_OP_TURN];
    return more;
}
/* for (int64_t i = lo; i < hi; i += step), one loop turn charged for each test. */
#define pe_for(pe, i, lo, hi, step) for (int64_t i = (lo), i##_end = (hi); pe_turn(pe, i < i##_end); i += (step))

static inline int64_t pe_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t pe_max(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t pe_ceil(int64_t a, int64_t b) { return (a + b - 1) / b; }
/* rows x cols at off, rows `stride` apart. */
static inline PeBox pe_box(int64_t off, int64_t rows, int64_t cols, int64_t stride) {
    return (PeBox){off, {1, 1, rows, cols}, {0, 0, stride, 1}};
}

#include "knyfe/pe_vector.h"
