/* Inputs made from a seed. */
#pragma once
#include "tool/array.h"
#include "tool/tool.h"

typedef enum LawKind { LAW_DEFAULT, LAW_NORMAL, LAW_UNIFORM, LAW_INTS, LAW_OFFSETS, N_LAWS } LawKind;
typedef struct Law { LawKind kind; double a, b; } Law;

/* What inputs without a law of their own are: reals of several kinds, or integers -amplitude .. amplitude. Integer inputs with a
 * declared range are uniform in it always; those that serve as offsets rise from the least to the greatest. */
typedef enum Style { STYLE_NORMAL, STYLE_INTEGERS, STYLE_OFFSET, STYLE_WIDE, STYLE_POSITIVE, N_STYLES } Style;
extern const char *const inputs_style_names[N_STYLES];

/* Extents of a tensor under dims; NULL, or why not (negative, too many elements). */
const char *inputs_shape(Arena *a, const Tensor *t, const int64_t *dims, Array *x);

typedef struct InputPlan {
    const Law *laws;            /* beside k->params */
    const Array *given;         /* beside k->params; data NULL: to be made */
    Style style;
    int amplitude;
    uint64_t seed;
} InputPlan;

/* All inputs, beside k->params. NULL, or a sentence. The facts are not looked at. */
const char *inputs_make(Arena *a, const Kernel *k, const int64_t *dims, const InputPlan *plan, Array *inputs);
/* Sorts the made integer inputs of rank 1 that a fact reads, and lets them begin at the least and end at the greatest value. False
 * when there is none: the fact can't be met so. */
bool inputs_repair(const Kernel *k, const Fact *f, const int64_t *dims, const InputPlan *plan, Array *inputs);
/* It is read as bounds of a range, off[b] .. off[b + 1], or stands on both sides of <=. */
bool inputs_is_offsets(const Kernel *k, const Tensor *t);

/* The next number of a seeded sequence, and one uniform in 0 .. 1. */
uint64_t inputs_random(uint64_t *state);
double inputs_unit(uint64_t *state);
