/* Text that is being written, with indentation. Lives in an arena; never a file until out_write. */
#pragma once
#include "base/arena.h"
#include <stdbool.h>
#include <stdio.h>

typedef struct Out {
    Arena *arena;
    char *text;        /* NUL-terminated */
    size_t n, cap;
    int indent;        /* levels of four spaces */
    bool fresh;        /* at the start of a line */
} Out;

Out out_new(Arena *a);
/* Appends; the indentation goes before the first character of each line that is not empty. */
void out_f(Out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
void out_s(Out *o, const char *text);
void out_n(Out *o, const char *text, size_t n);

/* The shortest decimal that reads back to the same double ("0.1", "1e-05", "inf", "nan"); always with a point or exponent. */
void out_double(Out *o, double value);

/* Writes n bytes to `path` whole or not at all (a temporary file beside it, then rename); "-" is standard output.
 * Returns NULL, or why not as a sentence. */
const char *out_write(const char *path, const char *text, size_t n, Arena *a);
