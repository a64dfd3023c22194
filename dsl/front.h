/* The front half as one call: text to Kernel. */
#pragma once
#include "base/diag.h"
#include "dsl/ast.h"
#include "dsl/kernel.h"

/* The parser, handed in by the tool since grammar/ stands above dsl/: see grammar/parse.h. */
typedef AFile *ParseFn(Arena *a, Names *names, Diags *diags, const Source *source, bool kernel_text);

/* The same for an expression alone, the bytes lo .. hi of a source: grammar_expr. NULL after an error. */
typedef AExpr *ParseExprFn(Arena *a, Names *names, Diags *diags, const Source *source, uint32_t lo, uint32_t hi, bool kernel_text);

/* A compile-time argument from the command line: -D NAME=VALUE. */
typedef struct FrontArg { const char *name, *value; } FrontArg;

typedef struct FrontOptions {
    ParseFn *parse;              /* grammar_parse */
    const char *kernel;          /* NULL: the last of the file */
    const FrontArg *args;
    int n_args;
    bool kernel_text;            /* the input is a Kernel's own text (--from kernel): names may hold dots */
    const char *library;         /* folder of library kernels for use "nn/softmax", or NULL */
} FrontOptions;

/* All that was read: files[0] is the one given, then those it uses; the prelude is not in the list. */
typedef struct Program Program;

/* Parses (grammar/) and loads every file used. Returns NULL when there are errors in the text. */
Program *front_load(Arena *a, Names *names, Diags *diags, const Source *main, const FrontOptions *options);
/* Checks every definition of the main file, and gives the chosen kernel. NULL when anything is wrong; diags says what. */
Kernel *front_kernel(Program *p, const FrontOptions *options);
/* A statement that stands by itself, as the meaning of an engine's row does: the kernel whose inputs are the tensors of type `type`, and
 * the scalars of its compute type, that the statement reads, in the order of its text. NULL after errors. */
Kernel *front_meaning(Program *p, const AStmt *s, DType type);
/* For tools that want the trees: schedules, tests, machines. */
const AFile *front_file(const Program *p, int i);
int front_n_files(const Program *p);
