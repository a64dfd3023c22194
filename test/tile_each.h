/* Programs of examples/ and test/lang/ as lowering makes them, for tests of Tile IR. */
#pragma once
#include "lower/lower.h"
#include "test/engines.h"

enum { TILE_MACHINES = 3 };
const TileMachine *tile_machine(int i);

/* One that addresses memory in place. */
const TileMachine *tile_host(void);

typedef VEC(const char *) TilePaths;
void tile_paths(Arena *a, TilePaths *to);
/* Kernel number `number` of a file, of a type parameter T = type (NULL: as it is); NULL behind the last, and where there is no T. */
Kernel *tile_kernel(Arena *a, const char *path, int number, const char *type);
const char *tile_text(Arena *a, const TileProgram *p);
/* NULL, with the messages, when the text is refused. */
TileProgram *tile_of_text(Arena *a, const TileMachine *m, const char *text, size_t n, const char **messages);
Arena *tile_arena(void);
