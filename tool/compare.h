/* Results against the reference, by the rules of docs/numerics.md. */
#pragma once
#include "base/out.h"
#include "dsl/eval.h"
#include "tool/array.h"

/* What the reference says: of all elements, or of n at the flat positions `at`. zero_signs: a zero without an error has a sign that
 * counts, see compare_zero_signs. */
typedef struct Expected {
    int64_t n;
    const int64_t *at;
    const double *value;
    const int64_t *ivalue;
    const double *err;
    bool zero_signs;
} Expected;

/* The language keeps signs of zero, except that a sum begins at +0, and that a sum may be reordered or have a factor moved across it.
 * So they count in an output (signed_zero: beside k->outputs) that no sum, mean or user's combinator of floats leads to. */
void compare_zero_signs(Arena *a, const Kernel *k, bool *signed_zero);

enum { COMPARE_SHOWN = 5 };
typedef struct Comparison {
    int64_t compared, bad;
    int64_t unwritten;                /* elements that hold poison still in both calls */
    int64_t unequal, first_unequal;   /* elements that differ between the two calls, and are not unwritten */
    int64_t loose;                    /* elements whose bound is so wide that they test little */
    int64_t shown[COMPARE_SHOWN];     /* the first bad elements, as places in Expected */
    int n_shown;
    int64_t worst;                    /* place in Expected */
    double ratio;                     /* the largest |y - r| / e */
    int64_t zeros, same;              /* reference elements that are 0; that equal the first */
} Comparison;

/* The first call's result against the reference, and the calls against each other. `exact`: the bound is 0 whatever x says. */
Comparison compare_both(const Array *first, const Array *second, const Expected *x, bool exact);
/* One element: 0 when equal, |y - r| / e, over 1 when it is wrong. */
double compare_element(const Array *y, const Expected *x, int64_t place, bool exact);
bool compare_ok(const Comparison *c);

/* Says what differs, in lines: how many, first and worst elements, what pattern they have, which statement defines them. */
void explain_difference(Out *o, const Kernel *k, const Tensor *t, const Array *y, const Expected *x, const Comparison *c, bool exact,
                        const Array *inputs);
