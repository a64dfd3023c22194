/* Source files and places in them. */
#pragma once
#include "base/arena.h"

/* A file read whole. Text is NUL-terminated beyond `size`; it may itself hold any byte. */
typedef struct Source {
    const char *path;      /* as the user named it; what diagnostics print */
    const char *text;
    size_t size;
    int n_lines;
    const uint32_t *line;  /* byte offset of the start of each line */
} Source;

/* Bytes lo .. hi (half open) of a source. src is NULL for things that no text wrote. */
typedef struct Span {
    const Source *src;
    uint32_t lo, hi;
} Span;

/* Files over this size are refused by source_read. */
enum { SOURCE_MAX = 16 << 20 };

/* Reads a file (or standard input for "-"). On failure returns NULL and sets *why to a sentence without the path. */
Source *source_read(Arena *a, const char *path, const char **why);
/* A source made of text in memory, which is copied. */
Source *source_of_text(Arena *a, const char *path, const char *text, size_t size);

typedef struct Place { int line, column; } Place;  /* both from 1; columns count bytes */
Place source_place(const Source *s, uint32_t offset);

static inline Span span_join(Span a, Span b) {
    if (!a.src) return b;
    if (!b.src || a.src != b.src) return a;
    return (Span){a.src, a.lo < b.lo ? a.lo : b.lo, a.hi > b.hi ? a.hi : b.hi};
}
