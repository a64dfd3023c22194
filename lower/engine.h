/* Engines, as a machine file has them: rows. A row says what one command of an engine computes, as a statement of the language, and
 * what the command is called; lowering matches statements of a Kernel against rows by unification and knows no engine's form else.
 *
 * A row's class follows from the form of its meaning, and says how the engine is driven (r, c, m, n, k: indices under any name):
 *   ENGINE_BLOCK      acc[m, n] = join[k] f(a[m, k], b[n, k])     blocks that add up in accumulators; a and b may be read [k, m], [k, n]
 *   ENGINE_BOX        y[r, c] = f(a[r, c], b[r, c])               elementwise, of two boxes
 *   ENGINE_AFFINE     y[r, c] = f(x[r, c], scalars)               of a box and values that a core computes
 *   ENGINE_FUNCTION   y[r, c] = f(x[r, c])
 *   ENGINE_JOIN       y[r] = join[c] f(x[r, c])                   a value a row
 *   ENGINE_GATHER     y[c] = join[r] x[r, c]                      rows into one
 *   ENGINE_TURN       y[c, r] = x[r, c]
 *   ENGINE_MOVE       y[r, c] = x[r, c]
 * Rows of BOX, AFFINE and FUNCTION with the same call are stages of one command, in this order. */
#pragma once
#include "dsl/front.h"
#include "dsl/kernel.h"

typedef enum EngineClass {
    ENGINE_BLOCK, ENGINE_BOX, ENGINE_AFFINE, ENGINE_FUNCTION, ENGINE_JOIN, ENGINE_GATHER, ENGINE_TURN, ENGINE_MOVE, ENGINE_CLASSES
} EngineClass;

enum { ENGINE_OPERANDS = 2, ENGINE_SCALARS = 2, ENGINE_FIELDS = 4 };

/* A meaning with the types that follow from one type of its operands. */
typedef struct EngineMeaning {
    const Stmt *stmt;
    const Expr *value;                      /* without the store's conversion */
    const Reduce *reduce;                   /* BLOCK, JOIN, GATHER: the value's */
    const Tensor *operand[ENGINE_OPERANDS]; /* BLOCK: a, b; else in the order of the text */
    const Tensor *scalar[ENGINE_SCALARS];   /* AFFINE */
    int operands, scalars;
} EngineMeaning;

/* .name = value of the call; of a call whose arguments have no names the value alone. */
typedef struct EngineField { Name name, value; } EngineField;

typedef struct EngineRow {
    Name engine, name;                      /* "dpe", "dot" */
    EngineClass class;
    Span span;
    const EngineMeaning *as[DT_COUNT];      /* BLOCK: by the type of the operands, NULL: not taken. Else: by `inside` */
    DType inside;                           /* not BLOCK: what it computes in */
    bool takes[DT_COUNT];                   /* types in memory */
    bool own_rate;                          /* else the engine's */
    double rate[DT_COUNT];                  /* operations a cycle, or multiply-adds (BLOCK), bytes (TURN, one for all types); 0: not known */
    double cost;                            /* operations an element */
    Name call;                              /* the C function; NULL: none is said */
    EngineField field[ENGINE_FIELDS];
    int fields;
    double neutral[ENGINE_SCALARS];         /* AFFINE: what a scalar is where nothing stands for it; nan: there is no such value */
    bool symmetric;                         /* BOX: f(a, b) is f(b, a) */
    /* BLOCK */
    int m, n, k_bytes;                      /* the instruction tile: rows, columns, bytes along k */
    Name into;                              /* the engine whose accumulators it adds to */
    int accumulators;                       /* of m x n each */
    int most;                               /* rows and columns of one command; 0: any number */
    bool rows_first[ENGINE_OPERANDS];       /* the operand is read [k, m] ([k, n]): its rows lie along the last dimension */
    bool drains;                            /* MOVE: takes sums out of accumulators */
    const struct EngineRow *drain;          /* takes sums out as they are; NULL: nothing does */
    const struct EngineRow *feed;           /* takes sums out through the elementwise engine, whose rows can follow in the same command */
} EngineRow;
typedef struct EngineRows { EngineRow **at; int n, cap; } EngineRows;

/* The rows of a machine's engines, each meaning checked. m stands in the file that p was loaded from. most: EngineRow.most, for
 * commands of the machine's kind. False after errors, which are in diags with their places. */
bool engine_read(Program *p, const AMachine *m, int most, Diags *diags, Arena *a, EngineRows *rows);

/* --- matching: engine.c ------------------------------------------------------------------------------------------------------ */

/* What a row's operands stand for. `way` counts through the orders of operators that commute. */
typedef struct EngineMatch {
    const EngineRow *row;
    const EngineMeaning *meaning;
    Expr *operand[ENGINE_OPERANDS];
    Expr *scalar[ENGINE_SCALARS];           /* NULL: its neutral value */
    int agreed;                             /* nodes that did, as far as it went */
    const Expr *wanted, *found;             /* where it failed */
} EngineMatch;

/* What may stand for an operand or a scalar of a row. constant: the expression as a value that a core can compute, or NULL. */
typedef struct EngineRules {
    Arena *arena;
    bool pads;                              /* BLOCK: reads with pad, too */
    bool widens;                            /* BLOCK: reads of narrower floats, too, that become wider */
    Expr *(*constant)(void *context, const Expr *e);
    void *context;
} EngineRules;

/* Unifies the row's meaning for operands of `type` with an expression (of a row that joins: the operand of the reduction), beginning
 * with order number *way of its operators that commute; *way is then behind the one that did. */
bool engine_unify(const EngineRow *row, DType type, const Expr *e, const EngineRules *rules, unsigned *way, EngineMatch *match);
/* A block row for a reduction, whatever the places of its indices; `match` is of the first. near: the row that came closest, or NULL.
 * NULL where none unifies. */
const EngineRow *engine_of_product(const EngineRows *rows, const Reduce *r, const EngineRules *rules, EngineMatch *match, EngineMatch *near);
/* The first row of a class that takes the type (DT_NONE: any), or NULL. */
const EngineRow *engine_of_class(const EngineRows *rows, EngineClass class, DType type);
/* The operator that a BOX or FUNCTION row is, of its operands in order; OP_COUNT: it is none. */
Op engine_op(const EngineRow *row);
/* The row of f32 that is that operator, or NULL. */
const EngineRow *engine_of_op(const EngineRows *rows, Op op);
/* The scalar of an AFFINE row that is a factor of its box, or -1. */
int engine_scale(const EngineRow *row);
/* A row that copies boxes in local memory, or NULL. */
const EngineRow *engine_mover(const EngineRows *rows);
/* A block row whose sums an elementwise engine takes from the accumulators, or NULL. */
const EngineRow *engine_fed(const EngineRows *rows);
/* An engine has that name. */
bool engine_exists(const EngineRows *rows, const char *name);
/* The rows of one engine by name, or NULL. */
const EngineRow *engine_named(const EngineRows *rows, const char *engine, const char *row);

/* Rows and columns of the largest panel that the accumulators of a block row hold: as square as they allow. */
void engine_panel(const EngineRow *row, int *m, int *n);
static inline int engine_panel_rows(const EngineRow *row) { int m, n; return engine_panel(row, &m, &n), m; }
static inline int engine_panel_cols(const EngineRow *row) { int m, n; return engine_panel(row, &m, &n), n; }

/* The name of scalar i of an AFFINE row. */
static inline Name engine_scalar(const EngineRow *row, int i) { return row->as[row->inside]->scalar[i]->name; }

/* "dpe.dot: acc[m, n] = sum[k] a[m, k] * b[n, k]; f16, bf16", for reports. */
void engine_print(const EngineRow *row, Out *out);
/* Why a match failed, as a sentence about the statement's expression. */
void engine_print_difference(const EngineMatch *match, Out *out);
