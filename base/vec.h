/* Growable arrays in an arena:  VEC(int) v = {0};  vec_push(arena, &v, 3);  v.at[i], v.n.
 * The old storage stays in the arena when a vector grows. */
#pragma once
#include "base/arena.h"
#include <string.h>

#define VEC(T) struct { T *at; int n, cap; }

#define vec_push(a, v, item) \
    ((v)->n == (v)->cap ? ((v)->at = vec_grow((a), (v)->at, sizeof *(v)->at, (v)->n, &(v)->cap)) : (v)->at, \
     (v)->at[(v)->n++] = (item))

/* Room for at least one more than n items of `size` bytes; *cap becomes the new capacity. */
static inline void *vec_grow(Arena *a, void *old, size_t size, int n, int *cap) {
    *cap = *cap ? *cap * 2 : 8;
    void *at = arena_alloc(a, size * (size_t)*cap);
    if (n) memcpy(at, old, size * (size_t)n);
    return at;
}
