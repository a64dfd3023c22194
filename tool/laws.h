/* The laws that the author of a combinator vouches for, tried on random data: the initial state is an identity of merge, merge is
 * associative, commutative unless the combinator is ordered, and merging two parts gives what stepping through both does. */
#pragma once
#include "tool/tap.h"

/* Tries each combinator that a reduction of the kernel uses; results go to tap. */
void laws_test(Tool *t, Tap *tap, const Kernel *k, const char *suite);
