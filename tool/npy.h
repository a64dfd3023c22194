/* .npy files, versions 1 to 3: little endian, C order. bf16 is stored as uint16, f8 as uint8, bool as |b1. */
#pragma once
#include "base/arena.h"
#include "tool/array.h"

/* Reads a file as elements of the type. Returns NULL and fills *x (data in the arena), or a sentence that says what is wrong. */
const char *npy_read(Arena *a, const char *path, DType type, Array *x);
/* Writes the file whole or not at all. NULL, or why not. */
const char *npy_write(Arena *a, const char *path, const Array *x);
