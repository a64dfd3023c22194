/* What box of a tensor a block of work touches. */
#pragma once
#include "lower/low.h"

/* The integers from lo to hi - 1. width bounds hi - lo everywhere: over dims and steps; most: a number that does, 0: none known. */
typedef struct Hull { Expr *lo, *hi, *width; int64_t most; } Hull;

/* Every value of e while the indices run over their blocks at the place that `path` stands for (indices without an axis: over their
 * own ranges). False when that is no interval that can be told: e reads a tensor at an index that is not pinned there, multiplies
 * indices, reduces. */
bool hull_of(const Low *l, const Path *path, Expr *e, Hull *h);
/* The same for the box of a read or target, cut to the tensor's extents: False as above;
 * *culprit is the subscript then. */
bool hull_box(const Low *l, const Path *path, const Tensor *t, const Exprs *subs, TileBuf *to, Expr **culprit);
/* Widens a box of hull_box for a read with clamp: where the subscripts are all outside, it holds the nearest element. */
void hull_clamp(const Low *l, const Tensor *t, TileBuf *to);
