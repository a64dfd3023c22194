/* Memory of one phase. Allocations are zeroed, never freed singly; the whole arena goes at once. */
#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Arena Arena;

/* Called when memory is out or the arena's limit is reached; must not return. `why` is a whole sentence. */
typedef void ArenaOom(void *context, const char *why);

/* A new arena that holds at most `limit` bytes (0: no limit). Calls oom(context, ...) instead of returning NULL. */
Arena *arena_new(size_t limit, ArenaOom *oom, void *context);
void arena_free(Arena *a);

/* `size` zeroed bytes, aligned to 16. */
void *arena_alloc(Arena *a, size_t size);
/* A NUL-terminated copy of the n bytes at s. */
char *arena_strndup(Arena *a, const char *s, size_t n);
char *arena_printf(Arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(Arena *a, const char *format, va_list args);
/* Bytes handed out so far. */
size_t arena_used(const Arena *a);

#define NEW(a, T) ((T *)arena_alloc((a), sizeof(T)))
#define NEW_ARRAY(a, T, n) ((T *)arena_alloc((a), sizeof(T) * (size_t)(n)))
