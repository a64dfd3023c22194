/* The element types. One row of the table is one type. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef enum DKind { DK_FLOAT, DK_INT, DK_BOOL } DKind;

/*        id      name      kind      bytes  precision (bits of significand)  computes as */
#define DTYPES(X) \
    X(F64,    "f64",    DK_FLOAT, 8, 53, F64) \
    X(F32,    "f32",    DK_FLOAT, 4, 24, F32) \
    X(F16,    "f16",    DK_FLOAT, 2, 11, F32) \
    X(BF16,   "bf16",   DK_FLOAT, 2,  8, F32) \
    X(F8E4M3, "f8e4m3", DK_FLOAT, 1,  4, F32) \
    X(F8E5M2, "f8e5m2", DK_FLOAT, 1,  3, F32) \
    X(I64,    "i64",    DK_INT,   8,  0, I64) \
    X(I32,    "i32",    DK_INT,   4,  0, I32) \
    X(I16,    "i16",    DK_INT,   2,  0, I32) \
    X(I8,     "i8",     DK_INT,   1,  0, I32) \
    X(U8,     "u8",     DK_INT,   1,  0, I32) \
    X(BOOL,   "bool",   DK_BOOL,  1,  0, BOOL)

typedef enum DType {
#define X(id, name, kind, bytes, precision, compute) DT_##id,
    DTYPES(X)
#undef X
    DT_COUNT,
    DT_NONE = DT_COUNT
} DType;

typedef struct DTypeRow {
    const char *name;
    DKind kind;
    int bytes, precision;
    DType compute;       /* the type that arithmetic on it is done in */
    int64_t min, max;    /* integers and bool: the least and greatest value */
    double max_finite;   /* floats */
} DTypeRow;

extern const DTypeRow dtype_table[DT_COUNT];

static inline const char *dtype_name(DType t) { return t < DT_COUNT ? dtype_table[t].name : "?"; }
static inline bool dtype_is_float(DType t) { return t < DT_COUNT && dtype_table[t].kind == DK_FLOAT; }
static inline bool dtype_is_int(DType t) { return t < DT_COUNT && dtype_table[t].kind == DK_INT; }

/* The type of that name, or DT_NONE. */
DType dtype_by_name(const char *name);

/* Conversion of one value to the type's stored bits and back, correctly rounded (nearest even). For tests, generators,
 * .npy files and the oracle: no code that they check uses it. f64: v itself. */
double dtype_round(DType t, double v);            /* float types: the value after rounding to t */
void dtype_store(DType t, void *at, double f, int64_t i);   /* floats take f, integers and bool take i (wrapped) */
double dtype_load_float(DType t, const void *at);
int64_t dtype_load_int(DType t, const void *at);
