/* Interned names: equal text is the same pointer, so names compare by ==. NUL-terminated, any bytes but NUL. */
#pragma once
#include "base/arena.h"

typedef const char *Name;
typedef struct Names Names;

Names *names_new(Arena *a);
Name name_of(Names *names, const char *text);
Name name_of_n(Names *names, const char *text, size_t n);
