/* Shared by block*.c only: stages for machines that address memory in place. */
#pragma once
#include "lower/access.h"
#include "lower/sched.h"

/* The stage being built: which statements it holds, and for each tensor how many of the loops around a tile of it divide it. */
typedef struct Block {
    Low *l;
    int first, end;         /* statements of the stage */
    int *depth;             /* by Tensor.id: loops that its tile is inside of; -1: it leaves the stage */
    int outer;              /* loops outside of the blocks of rows, where operands of products are copied; -1: there are no such blocks */
    bool few;               /* this case is for products of few rows, which no engine does */
    bool packs;             /* this case packs operands that could be read in place */
} Block;

/* A sum of products c[.., m, .., n] = sum[k] a[.., m, .., k ..] * b[.., n, .., k ..], n last in c. */
typedef struct BlockDot {
    const EngineRow *row;
    const Stmt *s;
    const Reduce *r;
    const Expr *a, *b;
    Index *m, *n, *k;
    DType type;             /* of the sum */
    bool b_in_place;        /* b has the sum's type, and neighbours along n lie next to each other */
    bool a_in_place;        /* a has the sum's type */
} BlockDot;

/* --- block.c ------------------------------------------------------------------------------------------------------------------ */

/* The run of statements from `first` that shares loops, or is the product at `first` with what follows it; returns how many were taken. */
int block_stages(Low *l, int first);
void block_fact(Low *l, const Fact *f);
bool block_defined_once(const Low *l, const Tensor *t);
/* The tensor is a temporary that no statement outside from .. to - 1 touches. */
bool block_is_inner(const Low *l, const Tensor *t, int from, int to);
/* Tiles for the statement's results at the place: the part inside of `depth` loops stays, what leaves the stage is stored. */
void block_results(Block *b, const Path *path, const Stmt *s, TileNodes *body);
TileNodes *block_body(Block *b, Path *path);

/* --- block_dot.c -------------------------------------------------------------------------------------------------------------- */

bool block_dot_match(Low *l, const Stmt *s, BlockDot *d);
/* How many statements the product takes: itself, and those behind it that are computed from it point by point. */
int block_dot_extent(Low *l, int first, int end, const BlockDot *d);
/* Those statements, at the place. */
void block_dot_leaf(Block *b, Path *path, int first, int n, const BlockDot *d);
/* When so few rows are made that b is better read once than packed; when b is better read in place. NULL: never. */
Expr *block_dot_few(Low *l, const BlockDot *d);
Expr *block_dot_unpacked(Low *l, const BlockDot *d);
