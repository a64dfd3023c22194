/* Schedules: how a kernel is to run, as directives of the language (docs/language.md, "Schedules").
 *
 * An author's schedule may say little; lowering completes it. What it then says in full is read off the Tile IR, so the printed schedule
 * is what runs: schedule_print of a program, read back, gives the same program. */
#pragma once
#include "base/diag.h"
#include "dsl/ast.h"
#include "lower/tile.h"

typedef enum ScheduleWord {
    S_TILE, S_PLACE, S_ORDER, S_STAGE, S_KEEP, S_STORE, S_FUSE, S_ENGINE, S_BUFFERS, S_SPLIT, S_TUNE,
    S_ONLINE, S_VECTOR, S_UNROLL, S_PACK, S_PARALLEL, S_COUNT
} ScheduleWord;

/* One clause. Which members mean something is the word's. */
typedef struct ScheduleItem {
    ScheduleWord word;
    Span span;
    VEC(AName) names;       /* what it is about: one name; place and order: axes, fuse: statements. buffers: none is every tile */
    AName to;               /* place, split: row, col, pe; fuse: the consumer; engine: which; stage, keep, store: the memory */
    int64_t number;         /* tile: the size, 0: fit; buffers, stage: slots, 0: not said; split: parts */
    AName per;              /* stage: the loop; text NULL: not said */
    int share;              /* stage: TileShare, -1: not said */
    int block;              /* 0: always; else the number of its `when`, from 1 */
} ScheduleItem;

typedef struct Schedule {
    Name name;
    VEC(ScheduleItem) items;
    VEC(Expr *) guards;     /* of block b: at[b - 1]; the first that holds is in force, with what stands outside */
    VEC(Span) guard_spans;
} Schedule;

/* The directive's word. */
const char *schedule_word(ScheduleWord w);
/* Reads a block that the grammar has taken in: shapes of the clauses, guards over the kernel's dims, what is given twice. NULL after
 * errors. Names are looked up when the kernel is lowered. */
Schedule *schedule_read(const ASchedule *s, const Kernel *k, Diags *d, Arena *a);

/* The complete schedule of a program, as a block `schedule auto for KERNEL on MACHINE { ... }`. machine: NULL for none. */
void schedule_print(const TileProgram *p, const char *machine, Arena *a, Out *out);
