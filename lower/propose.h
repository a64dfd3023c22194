/* Directives that no file holds: what the compiler itself proposes. */
#pragma once
#include "lower/sched.h"

/* Directives that belong together. k: the kernel as lowering rewrites it, whose statements directives name. */
typedef struct Proposal {
    Arena *a;
    const Kernel *k;
    int block;                  /* the variant that they are for */
    VEC(ScheduleItem) items;
} Proposal;

/* One more, about the thing of that name; its span is its own words, for messages. Valid until the next. */
ScheduleItem *propose(Proposal *p, ScheduleWord word, Name name);
static inline void propose_name(Proposal *p, ScheduleItem *x, Name name) { vec_push(p->a, &x->names, ((AName){name, x->span})); }
static inline AName propose_word(const ScheduleItem *x, const char *text) { return (AName){text, x->span}; }
/* The full names of a statement, of index number q of it, of a tensor that it uses. */
Name propose_stmt(const Proposal *p, const Stmt *s);
Name propose_axis(const Proposal *p, const Stmt *s, int q);
Name propose_tensor(const Proposal *p, const Stmt *s, const Tensor *t);
/* The schedule says something of the same things already: the same, or its contrary. */
bool propose_clashes(const Proposal *p, const Schedule *s);
/* The schedule with the proposal behind what it says. */
void propose_add(const Proposal *p, Schedule *s);
