/* Names that emitted C may not define. */
#pragma once
#include <stdbool.h>

/* Keywords, macros and functions of the headers that emitted C includes, and functions that compilers know; ascending by strcmp. */
extern const char *const host_reserved[];
extern const int n_host_reserved;

/* One of these words, one with an f, an l, a size (f32) or _r behind it (libm's and the compilers' variants), or with a prefix that
 * is taken: knf_, M_, INT, an underscore ... */
bool host_is_reserved(const char *name);
