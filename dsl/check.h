/* Shared by check_*.c and load.c only: the state of checking one program. */
#pragma once
#include "dsl/affine.h"
#include "dsl/front.h"
#include "dsl/kernel_build.h"

/* A definition that a file made: one of the four. */
typedef struct Def { Name name; const AFile *file; AFn *fn; AComb *comb; AKernel *kernel; Span span; bool prelude; } Def;

struct Program {
    Arena *arena;
    Names *names;
    Diags *diags;
    const FrontOptions *options;
    VEC(AFile *) files;         /* the main one first, then those used */
    VEC(Def) defs;              /* of all files and the prelude */
};

/* The definition of that name (a kernel when `kernel`, else a fn or combinator), or NULL. A kernel and a function may share a name. */
Def *program_find(const Program *p, Name name, bool kernel);

/* A compile-time argument in force. */
typedef struct Cbind { Name name; ACKind kind; DType type; int64_t i; Name fn; bool bound; Span span; } Cbind;

/* One definition of (a region of) a tensor. */
typedef struct Region { Span span; VEC(Expr *) lo, hi; } Region;
typedef VEC(Region) Regions;

typedef enum SymKind { SYM_TENSOR, SYM_DIM } SymKind;
typedef struct Sym {
    Name name;
    SymKind kind;
    Span span;
    Expr *dim;              /* SYM_DIM: its value, a dim of the outermost kernel or an expression over those; NULL: not bound yet */
    Tensor *tensor;         /* SYM_TENSOR: NULL until its first definition is met */
    int lead;               /* leading subscripts that an inlined call puts in front */
    bool is_output;         /* declared in this kernel's outputs */
    bool bad;               /* its definition has errors: uses are silently wrong */
    int defs, defs_met;     /* statements that define it, in all and so far */
    Regions regions;        /* beside the statements met */
    Expr *clamp_lo, *clamp_hi;   /* an inlined call's 'clamp' on an argument: reads are clamped in the open */
} Sym;

typedef struct Check Check;
typedef struct StmtCx StmtCx;

/* One kernel being checked: the outermost, or an inlined call. */
typedef struct Frame {
    Check *check;
    struct Frame *caller;
    const AKernel *ast;
    Span call;              /* where an inlined one is called */
    const char *prefix;     /* of its tensors: "" or "p." */
    VEC(Cbind) cbinds;
    VEC(Sym *) syms;
    VEC(Expr *) lead;       /* extents of the extra leading dims of an inlined call */
} Frame;

struct Check {
    Program *program;
    Arena *arena;
    Diags *diags;
    Kernel *kernel;
    Affine *affine;
    VEC(const AKernel *) active;    /* the chain of calls: recursion is an error */
    VEC(const AFn *) active_fns;
    VEC(const AFn *) fn_asts;       /* beside kernel->fns */
    struct { VEC(const AComb *) ast; VEC(DType) type; VEC(Comb *) comb; } combs;
    int depth;
    bool full;                      /* a limit was met: the rest is left unchecked */
    struct { Name name; const StmtCx *stmt; } unknown;     /* the last name reported as not defined, and in which statement */
};

/* Names that an expression may use beside the frame's: indices of reductions and left sides, parameters of functions, states. */
typedef struct Env {
    const struct Env *up;
    Name name;
    Index *index;
    Var *var;
    Name owner;             /* var: in a merge, the name before the point */
    bool fence;             /* what is further up may not be seen (a function's body) */
} Env;

/* Where an expression stands. */
typedef struct Cx {
    Frame *frame;           /* NULL in a function's body or a combinator */
    Check *check;
    const Env *env;
    const Ctx *ctx;
    Index **lead;           /* an inlined call's leading indices, beside frame->lead */
    StmtCx *stmt;           /* where reductions are lifted to; NULL: they stay */
    bool subscript;         /* integers are widened to i64: subscripts and ranges */
    bool dims_only;         /* shapes, facts, left sides: tensors may not be read */
    bool scoped;            /* under a guard or in a range that varies: reductions stay in place */
    bool parameters;        /* a check: only inputs may be read */
    bool root;              /* the value of a statement: a reduction here is not lifted */
    int results;            /* at the root: targets on the left side */
    const char *what;       /* dims_only, parameters: what is being written, for messages */
} Cx;

struct StmtCx {
    Stmt *stmt;
    Name base;              /* the name that lifted reductions are named after */
    struct { Name comb; int n; } count[16];
    int n_counts;
};

/* --- check_kernel.c */
/* Checks `k` as the outermost kernel. NULL after errors. */
Kernel *check_kernel(Program *p, const AKernel *k, const FrontArg *args, int n_args);
/* The parameters, facts and body of a frame whose compile-time arguments, dims and inputs are bound. */
void check_body(Frame *f);
/* Adds the dims of the signature's shapes as symbols, not bound yet. */
void check_signature_dims(Frame *f);
Expr *check_shape_expr(Frame *f, const AExpr *e);
void check_declared_range(Frame *f, const AParam *param, Sym *sym);
Sym *frame_sym(const Frame *f, Name name);
Sym *frame_add_tensor(Frame *f, Name name, Span at);
Tensor *check_new_tensor(Check *c, Name name, TensorRole role, DType type, Span at);
Cbind *frame_cbind(const Frame *f, Name name);
/* A dtype by name: built in, or a type parameter. DT_NONE after an error. */
DType check_dtype(Frame *f, AName name, Check *c);
void check_add_fact(Check *c, FactKind kind, Index **idx, int n, Expr *cond, const char *text, Span at);
const char *span_text(Arena *a, Span s);
/* As the language writes it, in one line; the same for a kernel and for what its text form reads back to. */
const char *check_expr_text(Check *c, Expr *e);

/* The expression uses something that varies over an inlined call's leading dims. */
bool check_mentions_lead(Frame *f, const AExpr *e);

/* --- check_cparams.c */
bool check_bind_cargs(Frame *f, Frame *caller, const ACargs *args);
void check_bind_defaults(Frame *f);
bool check_bind_arg(Frame *f, const FrontArg *arg);

/* --- check_expr.c: NULL after errors, which have been reported. `want` is the type that literals take, or DT_NONE. */
Expr *check_expr(Cx *cx, const AExpr *e, DType want);
Expr *check_i64(Cx *cx, const AExpr *e);       /* an integer expression, as i64 */
Expr *check_bool(Cx *cx, const AExpr *e, const char *what);
/* Converts for a store: widens integers, rounds floats; else an error at `at` naming what. */
Expr *check_store(Cx *cx, Expr *e, DType t, Span at, const char *what);
bool check_is_flexible(Cx *cx, const AExpr *e); /* all leaves are literals */
Expr *check_binary_typed(Cx *cx, Op op, Expr *x, Expr *y, Span at);

/* --- check_access.c */
Expr *check_access(Cx *cx, const AExpr *e, DType want);
Expr *check_scalar(Cx *cx, Sym *s, Span at);

/* --- check_reduce.c, check_comb.c */
Expr *check_reduce(Cx *cx, const AExpr *e, DType want);
Comb *check_combinator(Check *c, const Def *d, DType accumulate);

/* --- check_call.c */
Expr *check_call(Cx *cx, const AExpr *e, DType want);
/* The kernel that a call names, if it is a kernel call (an argument is a bare tensor of rank 1 or more, or another such call). */
const Def *check_kernel_callee(Cx *cx, const AExpr *e);
void check_inline(Cx *cx, const AStmt *s, const AExpr *call, const Def *callee);
/* The function or kernel whose name is nearest, for did-you-mean; or NULL. */
const char *check_nearest_function(Check *c, const char *name);
Expr *check_literal(Cx *cx, const AExpr *e, DType want);

/* --- check_range.c */
/* The range of an index by rule 3 of the language: the extents of the places where it stands alone. Sets lo and hi, or reports. */
bool check_infer_range(Cx *cx, Index *index, const AExpr *const *places, int n, Span at, const char *write);

/* --- check_stmt.c */
void check_stmt(Frame *f, const AStmt *s);
Index *check_new_index(Check *c, Name name, Expr *lo, Expr *hi, Span at);
bool check_index_name(Cx *cx, AName name);

/* --- check_region.c */
void check_region_inside(Frame *f, Sym *s, const Ctx *ctx, const Region *r);
void check_regions_disjoint(Frame *f, Sym *s);
void check_regions_cover(Frame *f, Sym *s);

/* --- check_other.c: what is not part of the chosen kernel */
void check_other(Program *p);
void check_test(Program *p, const ATest *t);
const AKernel *check_kernel_named(Program *p, AName name, const char *what);
void check_carg_names(Program *p, const AKernel *k, const ACargs *args);

/* --- check_fits.c */
/* Facts and tests that keep what bounds rest on within 64 bits. Once, when the Kernel is whole. */
void check_fits(Check *c);

/* --- check_lift.c */
Expr *check_lift(Cx *cx, Expr *reduce);
