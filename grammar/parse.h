/* Text to syntax tree. */
#pragma once
#include "base/diag.h"
#include "dsl/ast.h"

/* kernel_text: identifiers may hold dots, as in a Kernel's own text (--from kernel).
 * Always returns a tree of what could be read; faults are in diags, at most DIAG_MAX. Nesting is bounded by PARSE_DEPTH_MAX. */
AFile *grammar_parse(Arena *a, Names *names, Diags *diags, const Source *source, bool kernel_text);
/* The bytes lo .. hi of the source as one expression. NULL after an error, which is in diags. */
AExpr *grammar_expr(Arena *a, Names *names, Diags *diags, const Source *source, uint32_t lo, uint32_t hi, bool kernel_text);

enum { PARSE_DEPTH_MAX = 256 };
