#include "base/arena.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Blocks grow with the arena. Large ones come with their pages, which one by one would each cost a fault: more time than is then spent on them. */
enum { BLOCK = 64 << 10, BLOCK_MAX = 1 << 20, ALIGN = 16 };

typedef struct Block { struct Block *next; size_t size, used, mapped; } Block;      /* mapped: bytes of its own pages, 0: from calloc */

struct Arena {
    Block *blocks;      /* the first is the one being filled */
    size_t limit, total;
    ArenaOom *oom;
    void *context;
};

static size_t header(void) { return (sizeof(Block) + ALIGN - 1) / ALIGN * ALIGN; }

Arena *arena_new(size_t limit, ArenaOom *oom, void *context) {
    Arena *a = calloc(1, sizeof *a);
    if (!a) {
        oom(context, "out of memory");
        abort();
    }
    *a = (Arena){.limit = limit, .oom = oom, .context = context};
    return a;
}

void arena_free(Arena *a) {
    if (!a) return;
    for (Block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        if (b->mapped) munmap(b, b->mapped);
        else free(b);
    }
    free(a);
}

static void out_of_memory(Arena *a, const char *why) {
    a->oom(a->context, why);
    abort();
}

/* Zeroed; NULL when there is none. */
static Block *block_memory(size_t bytes) {
#if !defined(__SANITIZE_ADDRESS__)
    if (bytes > 2 * BLOCK && bytes <= 2 * BLOCK_MAX) {
        Block *b = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (b == MAP_FAILED) return NULL;
        b->mapped = bytes;
        return b;
    }
#endif
    return calloc(1, bytes);
}

/* A block with room for `size` bytes becomes the first; large ones go behind the first, which keeps its room. */
static Block *new_block(Arena *a, size_t size) {
    size_t grown = a->total / 2 / BLOCK * BLOCK, block = grown < BLOCK ? BLOCK : grown > BLOCK_MAX ? BLOCK_MAX : grown;
    size_t room = size > BLOCK / 4 ? size : block - header();
    Block *b = block_memory(header() + room);
    if (!b) out_of_memory(a, "out of memory");
    b->size = room;
    if (room == size && a->blocks) {
        b->next = a->blocks->next;
        a->blocks->next = b;
    } else {
        b->next = a->blocks;
        a->blocks = b;
    }
    return b;
}

void *arena_alloc(Arena *a, size_t size) {
    if (size > SIZE_MAX / 2) out_of_memory(a, "out of memory");
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    a->total += size;
    if (a->limit && a->total > a->limit) out_of_memory(a, "the input needs more memory than the compiler allows itself");
    Block *b = a->blocks;
    if (!b || b->size - b->used < size) b = new_block(a, size);
    void *at = (char *)b + header() + b->used;
    b->used += size;
    return at;
}

char *arena_strndup(Arena *a, const char *s, size_t n) {
    char *copy = arena_alloc(a, n + 1);
    memcpy(copy, s, n);
    return copy;
}

char *arena_vprintf(Arena *a, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    Block *b = a->blocks;
    size_t room = b ? b->size - b->used : 0;
    char *here = b ? (char *)b + header() + b->used : NULL;      /* most texts fit where the next allocation goes */
    int n = vsnprintf(here, room, format, args);
    bool fits = (size_t)n < room / ALIGN * ALIGN;
    if (here && !fits) memset(here, 0, room);
    char *text = arena_alloc(a, (size_t)n + 1);
    if (!fits) vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    return text;
}

char *arena_printf(Arena *a, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(a, format, args);
    va_end(args);
    return text;
}

size_t arena_used(const Arena *a) { return a->total; }
