/* Online forms: reductions over one range of which later ones need the result of an earlier one, computed together in one sweep.
 *
 * The earlier one, the lead m = max[j] f(j), is followed as it is so far. A later sum s = sum[j] g(m, j) is right for the m of which its
 * terms were made; when m changes from a to b, the sum is corrected by c(a -> b), where g(b, j) = c(a -> b) g(a, j). That there is such
 * a c is found by abstract interpretation of the term: what is m to it, nothing, a shift or a scale? The operator table has a column
 * for that (dsl/ops.def, fx), and each combinator says which effects leave it: a scale a sum, a shift a maximum.
 * A law of its own: m the mean, and the term (x - m)^2. When m changes, the sum of n terms grows by n (a - b)^2 (Chan's merge). */
#pragma once
#include "lower/low.h"

typedef enum OnlineKind { ONLINE_NONE, ONLINE_SHIFT, ONLINE_SCALE, ONLINE_SQUARE, ONLINE_UNKNOWN } OnlineKind;

typedef struct OnlineEffect {
    OnlineKind kind;
    Expr *coef;             /* SHIFT: the term is something + coef * lead; SCALE: something * fn(coef * lead); SQUARE: coef * (something -
                             * lead)^2. f32, over literals, dims and scalars */
    Op fn;
    bool bare;              /* SHIFT: coef * lead, and nothing more */
    bool own;               /* SHIFT: coef * (lead - what the lead is a maximum, minimum or mean of), which no earlier value of the lead exceeds */
    const Tensor *rounded;  /* SCALE: the scaled value was rounded to this temporary's narrower type on its way; NULL: not */
    const char *why;        /* UNKNOWN: what stands against it */
} OnlineEffect;

/* What the lead's value is to the terms of r, through temporaries between them. UNKNOWN too where r does not let the effect out. */
OnlineEffect online_effect(Arena *a, const Kernel *k, const Stmt *r, const Stmt *lead);
/* The same as a sentence, for reports: how r follows the lead. */
const char *online_law(Arena *a, const OnlineEffect *e, const Stmt *r, const Stmt *lead);
/* A reduction whose value so far others can follow. */
bool online_can_lead(const Stmt *s);
/* The one statement that defines the tensor, or NULL. */
const Stmt *online_definition(const Kernel *k, const Tensor *t);
/* e is computed from the tensor, directly or through temporaries. */
bool online_depends(Arena *a, const Kernel *k, Expr *e, const Tensor *t);
/* Lines that say which reductions of the program follow others, by which law, and which could not, and why. */
void online_report(const TileProgram *p, Arena *a, Out *out);
