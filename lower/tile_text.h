/* Shared by the printer and the reader of Tile IR. */
#pragma once
#include "dsl/kernel_build.h"
#include "lower/tile.h"

enum { TILE_VERSION = 3 };     /* of the text; 1 had no lines of the kernel's file, 2 no rows of engines */

/* Words of the enums of lower/tile.h, in their order; ended by NULL. */
extern const char *const tile_words_over[], *const tile_words_share[], *const tile_words_part[], *const tile_words_spread[];

/* The computations in a body, one for each statement or fact, in order. */
typedef VEC(TileNode *) TileWork;
void tile_work(Arena *a, const TileNodes *body, TileWork *to);
/* The X_READ nodes in an expression, each of those that are equal once. */
typedef VEC(Expr *) TileReads;
void tile_reads(Arena *a, Expr *e, TileReads *to);
const char *tile_read_text(Arena *a, const TileProgram *p, const char *const *names, const Expr *e);
/* The place of a product among those of the stage, or -1. *first: the computation that has it first. */
int tile_dot_number(Arena *a, const TileStage *s, const TileDot *dot, const TileNode **first);
