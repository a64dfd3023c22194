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
 * There is no pointer to any memory here, and vectors have no operators: work that is not charged does not compile.
 * The members of struct PE and PeBuf are the simulator's; a program uses the functions only. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define PE_VERSION 1

/*        id    name    bytes */
#define PE_TYPES(X) X(F32, "f32", 4) X(F16, "f16", 2) X(BF16, "bf16", 2) X(I32, "i32", 4) X(I64, "i64", 8) X(I8, "i8", 1) X(U8, "u8", 1)
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
typedef enum PeRed { PE_RSUM, PE_RMAX, PE_RMIN, PE_RMAXABS } PeRed;

enum { PE_RANK = 4, PE_BUFS = 32, PE_TENSORS = 16, PE_LANES = 16, PE_PANEL = 64 };

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
 * 32x32, row of blocks by row of blocks. add: to what they hold, else from zero.
 * Cost: one block time for each started 32 x 32 x 32 bytes. */
typedef struct PeDot { int acc; bool add; int64_t m, n, k; PeRef a, b; } PeDot;

/* Operations of a core that are charged, each by one value of the machine file. */
typedef enum PeOp { PE_OP_SCALAR, PE_OP_TURN, PE_OP_ISSUE, PE_OP_VECTOR, PE_OP_IMUL, PE_OP_DIV, PE_OP_LOAD, PE_OP_STORE, PE_OPS } PeOp;

typedef struct PeBuf {
    unsigned char *base, *state;   /* state: a byte for each byte of data; 1 when it has a value */
    int64_t size, read, write;     /* cursors, as bytes since the start */
    int64_t seen, room;            /* direct reads are legal below seen, direct writes below room */
    PeType type;
    bool scratch, holes;
    int in_flight;                 /* commands that use it and have not ended */
} PeBuf;

typedef struct PE PE;
typedef struct PeApi {
    void (*buffer)(PE *, int buf, PeType, int64_t bytes, bool scratch);
    void (*load)(PE *, PeRef dst, int tensor, PeBox, PeShare);
    void (*gather)(PE *, PeRef dst, int tensor, PeRef index, int64_t rows, int64_t cols, int64_t stride, int64_t off);
    void (*store)(PE *, int tensor, PeBox, PeRef src);
    void (*dot)(PE *, PeDot);
    void (*re_preload)(PE *, int acc, int64_t m, int64_t n, PeRef src);
    void (*re_drain)(PE *, PeRef dst, int acc, int64_t m, int64_t n);
    void (*re_chain)(PE *, int acc, int64_t m, int64_t n, PeDir, bool send);
    void (*se)(PE *, PeSe);
    void (*se_reduce)(PE *, PeRed, PeRef dst, PeRef src, int64_t rows, int64_t cols);
    void (*se_accumulate)(PE *, PeRef dst, PeRef src, int64_t rows, int64_t cols, bool add);
    void (*transpose)(PE *, PeRef dst, PeRef src, int64_t rows, int64_t cols);
    void (*wait)(PE *, int buf, int64_t bytes);
    void (*reserve)(PE *, int buf, int64_t bytes);
    void (*push)(PE *, int buf, int64_t bytes);
    void (*pop)(PE *, int buf, int64_t bytes);
    void (*fence)(PE *, PeEngine);
    void (*barrier)(PE *);
    void (*touch)(PE *, int buf, int64_t off, int64_t bytes, bool write, PeType);   /* the slow way of a vector access */
    int64_t (*dim)(PE *, int index);
    double (*scalar)(PE *, int index);
} PeApi;

struct PE {
    const PeApi *api;
    const int32_t *cost;           /* ticks of each PeOp */
    PeBuf *buf;                    /* [PE_BUFS], of the PE, seen by both cores */
    int64_t scalar, vector, loads, stores;   /* ticks since the last sync point */
    int site, knf;                 /* C line and .knf line of the last call */
    int row, col, rows, cols, core;
    int64_t local;                 /* bytes of local memory */
};

/* ---- the program's table: one `const PeProgram pe_program` a file ---------------------------------------------------------- */

typedef enum PeRole { PE_IN, PE_OUT, PE_TEMP } PeRole;
/* shape: comma-separated expressions over dims, whole numbers, + - * and parentheses: "N, 2*D + 1". range (integers made from a
 * seed): "0, V". offsets: the tensor ascends from 0 to the value of `range`. */
typedef struct PeTensor { const char *name; PeType type; PeRole role; const char *shape, *range; bool offsets; } PeTensor;
typedef struct PeProgram {
    int version;                   /* PE_VERSION */
    const char *name;
    const char *dims;              /* names, in the order of pe_dim: "N, D" */
    const char *scalars;           /* names, in the order of pe_scalar, or NULL */
    PeTensor tensor[PE_TENSORS];   /* in the order of the tensor numbers; ends at name NULL */
    void (*setup)(PE *);           /* declares the buffers; runs once on each PE before the cores */
    void (*core[2])(PE *);
} PeProgram;

/* ---- calls ---------------------------------------------------------------------------------------------------------------- */

static inline PE *pe_here(PE *pe, int line) { pe->site = line; return pe; }
#define PE_HERE(pe) pe_here(pe, __LINE__)
/* Names the .knf line behind the calls that follow, for faults and traces. */
#define PE_KNF(pe, line) ((void)((pe)->knf = (line)))
#define PE_CALL(pe, fn, ...) ((pe)->api->fn(PE_HERE(pe), __VA_ARGS__))

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
#define pe_barrier(pe) ((pe)->api->barrier(PE_HERE(pe)))

static inline int pe_row(const PE *pe) { return pe->row; }
static inline int pe_col(const PE *pe) { return pe->col; }
static inline int pe_rows(const PE *pe) { return pe->rows; }
static inline int pe_cols(const PE *pe) { return pe->cols; }
static inline int pe_id(const PE *pe) { return pe->row * pe->cols + pe->col; }
static inline int pe_count(const PE *pe) { return pe->rows * pe->cols; }
static inline int64_t pe_local(const PE *pe) { return pe->local; }   /* bytes of local memory */
static inline int64_t pe_dim(PE *pe, int index) { return pe->api->dim(pe, index); }
static inline double pe_scalar(PE *pe, int index) { return pe->api->scalar(pe, index); }

/* n scalar operations of the core. */
static inline void pe_ops(PE *pe, int n) { pe->scalar += (int64_t)n * pe->cost[PE_OP_SCALAR]; }
static inline bool pe_turn(PE *pe, bool more) {
    pe->scalar += pe->cost[PE_OP_TURN];
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
