/* Cases of a kernel under test: dims, laws and values of inputs, given results. */
#pragma once
#include "tool/inputs.h"

typedef struct TestCase {
    const char *name;            /* "N=7 D=1 normal" */
    int64_t *dims;               /* by Dim.id */
    Law *laws;                   /* beside k->params */
    Array *given, *expect;       /* beside k->params, k->outputs; data NULL: not given */
    Style style;
    const char *why;             /* not NULL: the case itself is at fault */
    Span at;
} TestCase;
typedef VEC(TestCase) TestCases;

/* All cases of a test block (NULL: of a kernel without one) for the kernel. Dims that are not given take sizes from the runner's
 * list or from --shapes; without laws and data, several distributions are tried. */
TestCases testcase_all(Tool *t, const Kernel *k, const ATest *test);
