/* What lowering asks of a schedule. A group is a run of statements first .. first + n - 1 that are computed together. */
#pragma once
#include "lower/low.h"

/* Stages for one of several cases: those that follow `from` in the program up to the next case's. The first case of a region whose
 * guard holds is the one that runs; the last has none. */
typedef struct LowCase { Expr *guard; int from; } LowCase;

typedef struct Sched {
    const Schedule *s;      /* NULL: nothing is said */
    const Kernel *k;        /* whose statements names mean: while these are rewritten, as they were before */
    Diags *diags;
    int block;              /* the variant being built, 0: what stands outside */
    bool refused;
    int fallback;           /* stages from this one on are for where a group does not fit: what is asked of the group is not checked */
    VEC(LowCase) cases;
} Sched;

#define SCHED_PARTS "part"      /* the index over the parts of a reduction */

typedef struct Group { int first, n; } Group;

/* --- names ------------------------------------------------------------------------------------------------------------------------ */

/* The tensor that a statement defines, with a number behind it where several statements define it: "y.piece2". */
Name sched_label(Arena *a, const Kernel *k, const Stmt *s);
/* The index's name in the statement, with a number behind it where an earlier one (outer before the reduction's) has it too. NULL: it
 * is none of the statement's. */
Name sched_axis_label(Arena *a, const Stmt *s, const Index *i);
static inline Name sched_fact_label(Arena *a, const Fact *f) { return arena_printf(a, "check.piece%d", f->number); }
/* Whether the text means the statement; the index of it; the tensor as the statement reads or defines it. */
bool sched_means_stmt(Arena *a, const Kernel *k, const Stmt *s, const char *text);
bool sched_means_axis(Arena *a, const Kernel *k, const Stmt *s, const Index *i, const char *text);
bool sched_means_tensor(Arena *a, const Kernel *k, const Stmt *s, const Tensor *t, const char *text);
/* The tensor is one that lowering added: parts of a reduction, zeros around an operand. */
bool sched_is_derived(Arena *a, Name tensor);
/* Errors for names that mean nothing: those of splits, before these are done, or the others. */
void sched_check_names(Low *l, bool splits);
/* The tensors that a statement reads (rank 0 inputs left out) and defines. */
typedef VEC(Tensor *) SchedTensors;
void sched_tensors(Low *l, const Stmt *s, SchedTensors *to);
/* All indices of a statement: the outer ones, then the reduction's. */
static inline int sched_n_axes(const Stmt *s) { return s->idx.n + (low_reduce(s) ? low_reduce(s)->idx.n : 0); }
static inline const Index *sched_axis_at(const Stmt *s, int i) { return i < s->idx.n ? s->idx.at[i] : low_reduce(s)->idx.at[i - s->idx.n]; }

/* --- lookups: the item in force, or NULL ---------------------------------------------------------------------------------------- */

const ScheduleItem *sched_stmt(Low *l, ScheduleWord w, Group g);
/* index number q of a statement: outer ones count through the whole group */
const ScheduleItem *sched_axis(Low *l, ScheduleWord w, const Stmt *s, const Index *i);
const ScheduleItem *sched_outer(Low *l, ScheduleWord w, Group g, int q);
const ScheduleItem *sched_tensor(Low *l, ScheduleWord w, Group g, const Tensor *t);
/* The size asked for, 0: as many as fit; -1: nothing is asked. */
int64_t sched_tile(Low *l, const Stmt *s, const Index *i);
int64_t sched_fact_tile(Low *l, const Fact *f, const Index *i);
/* Slots of a tile. */
int sched_slots(Low *l, Group g, const Tensor *t, int otherwise);
/* The item that sets them, or NULL. */
const ScheduleItem *sched_slots_item(Low *l, Group g, const Tensor *t);
/* How many statements from `first` on are to be one group: 0: not said. */
int sched_group(Low *l, int first);
bool sched_is_stored(Low *l, int s);
/* Whether a statement's engine is given and is `name`; not, and given. */
bool sched_engine_is(Low *l, const Stmt *s, const char *name);
bool sched_engine_other(Low *l, const Stmt *s, const char *name);
/* The word names an engine of the machine that adds up in accumulators. */
bool sched_is_block(const Low *l, const char *word);
/* A reduction of products is to stay as it is: its engine is given, and it is not such a one. */
bool sched_keeps_product(Low *l, const Stmt *s);
/* Some `when` block says something about a statement of the group. */
bool sched_speaks(Low *l, int block, Group g);
static inline const Expr *sched_guard(const Low *l) { return l->sched->s && l->sched->block ? l->sched->s->guards.at[l->sched->block - 1] : NULL; }

/* The item can't be met: why, as what follows the colon. */
Diag *sched_refuse(Low *l, const ScheduleItem *item, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The group's tiles, of that many bytes, do not fit: reports it at the item of the group that is to blame. False: there is none. */
bool sched_too_large(Low *l, Group g, int64_t bytes, int64_t room);

/* --- alternatives ----------------------------------------------------------------------------------------------------------------- */

/* The stages that follow are for the case that the guard holds, and none before it did; NULL: for the rest. */
void sched_case(Low *l, Expr *guard);
/* The guard is part of what the variant says. */
bool sched_implies(const Low *l, const Expr *guard);

/* schedule_check.c: what the stages from `from` on do of what is asked about the group. */
void sched_check(Low *l, Group g, int from);
/* split.c: a reduction that parts may make */
bool split_is_possible(const Stmt *s);
/* region.c: statements from `first` on under each variant that speaks of them; returns how many. */
int region_stages(Low *l, int first);
