/* Shared by online_group.c and online_stage.c only: a group of statements, and the stage that is made of it. */
#pragma once
#include "lower/online.h"
#include "lower/sched.h"
#include "lower/simd.h"

enum { MOST_PARTS = 48 };

/* TERM varies along the range, REDUCTION runs over it, AFTER is computed from results. */
typedef enum Role { AFTER, TERM, REDUCTION } Role;
typedef struct Part {
    Stmt *s;
    Role role;
    const Stmt *lead;       /* whose value the terms follow */
    OnlineEffect fx;
    bool leads, is_dot;
    const TileSimd *correct;    /* commands of its corrections */
    DotMatch dot;
} Part;

/* Outer indices are dealt: (all to PEs), the first to rows and the last to columns, or the last to PEs. */
typedef enum Way { WAY_ALL, WAY_ROWS, WAY_LAST } Way;

/* A product of extents, so many times. */
typedef struct Bytes { Expr *product; int64_t times; } Bytes;

typedef struct Online {
    Low *l;
    int first, n, shared;
    const Index *range;         /* of some reduction: what the range is */
    Part part[MOST_PARTS];
    int n_parts;
    const char *why;            /* what ended the group */
    /* the stage */
    Path path;
    Way way;
    TileAxis *axis;             /* of the range */
    int64_t rows, block, sub;   /* steps: of the last outer index, of the range, of its panels */
    int slots, out_slots;       /* of what is loaded in the loop of the range, of results */
    VEC(Bytes) bytes;           /* of tiles: a sum of products over dims */
} Online;

/* The statements from o->first on, before `limit`, that are one group; false: there is none. o->why: what ended it. */
bool online_grow(Online *o, int limit);
/* The part that makes the tensor, or NULL. */
const Part *online_part_of(const Online *o, const Tensor *t);
/* Statements from number `from` on read the tensor. */
bool online_is_read_behind(const Online *o, const Tensor *t, int from);
/* The tensor is an output, or read behind the group. */
bool online_is_out(const Online *o, const Tensor *t);
bool online_over_dims(const Expr *e);
