/* From Kernel to Tile IR: how the kernel runs on a grid. */
#pragma once
#include "lower/tile.h"

/* The program for the machine, every decision taken. NULL, with *why a sentence, when the kernel goes beyond a limit of lowering. */
TileProgram *lower(const Kernel *k, const TileMachine *m, Arena *a, const char **why);
