/* Emits a Kernel, compiles it as a user would, and calls it by data. For the tests of emit/. */
#pragma once
#include "emit/host.h"
#include "lower/lower.h"

typedef int KnyfeCall(void *const *tensors, const int64_t *dims);

/* Compiles `text` (and, when call is not NULL, that file beside it) in an empty folder with gcc and clang, warnings being errors, and
 * loads gcc's object. With call NULL only the compilers and nm are run. Fails the running test when anything is wrong. */
KnyfeCall *emit_compile(const char *text, const char *call, const char *flags);
/* emit_host and emit_compile. */
KnyfeCall *emit_load(const Kernel *k, Arena *a);
/* The emitted text of a kernel. */
const char *emit_text(const Kernel *k, Arena *a);
