/* Diagnostics: gathered while a phase runs, printed by the tool.
 *
 *     f.knf:3:12: error: index 'd' has no range
 *        3 |     m[n] = max[d] 1.0
 *          |                ^
 *     f.knf:1:14: note: ...
 *     help: write its range: max[d in 0..D]
 */
#pragma once
#include "base/out.h"
#include "base/source.h"
#include <stdbool.h>

typedef struct Diags Diags;
typedef struct Diag Diag;

enum { DIAG_MAX = 100 };   /* further errors of one run are counted, not kept */

Diags *diags_new(Arena *a);

/* Reports an error (or a warning) at `at`. The returned Diag takes notes and helps. An error at a span that has one already
 * is dropped (a Diag is still returned): one fault, one message. */
Diag *diag_error(Diags *d, Span at, const char *format, ...) __attribute__((format(printf, 3, 4)));
Diag *diag_warning(Diags *d, Span at, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* What stands at another place and bears on the fault. */
void diag_note(Diag *d, Span at, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* What to do, in words. */
void diag_help(Diag *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What to do, as an edit: the bytes of `at` are to be replaced by `text` (lo == hi inserts). Printed as the line after the edit. */
void diag_edit(Diag *d, Span at, const char *text, const char *format, ...) __attribute__((format(printf, 4, 5)));

int diag_errors(const Diags *d);
/* All diagnostics in the order of their places within each file. */
void diag_print(const Diags *d, Out *out, bool colour);

/* Of n candidate names the one nearest to `word` by edit distance, or NULL when none is near: for did-you-mean. */
const char *diag_nearest(const char *word, const char *const *candidates, int n);
