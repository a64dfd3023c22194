#include "base/source.h"
#include "base/vec.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>


static Source *make(Arena *a, const char *path, const char *text, size_t size) {
    VEC(uint32_t) lines = {0};
    vec_push(a, &lines, 0);
    for (size_t i = 0; i < size; i++)
        if (text[i] == '\n') vec_push(a, &lines, (uint32_t)(i + 1));
    Source *s = NEW(a, Source);
    *s = (Source){arena_strndup(a, path, strlen(path)), text, size, lines.n, lines.at};
    return s;
}

Source *source_of_text(Arena *a, const char *path, const char *text, size_t size) {
    return make(a, path, arena_strndup(a, text, size), size);
}

/* The whole of an open file; reads in steps since a pipe has no size. */
static Source *read_stream(Arena *a, const char *path, FILE *f, const char **why) {
    VEC(char) text = {0};
    char chunk[1 << 16];
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;) {
        if ((size_t)text.n + n > SOURCE_MAX) {
            *why = arena_printf(a, "is larger than %d MiB, the most that a source file may have", SOURCE_MAX >> 20);
            return NULL;
        }
        while ((size_t)text.cap < (size_t)text.n + n + 1) text.at = vec_grow(a, text.at, 1, text.n, &text.cap);
        memcpy(text.at + text.n, chunk, n);
        text.n += (int)n;
    }
    if (ferror(f)) {
        *why = arena_printf(a, "cannot be read: %s", strerror(errno));
        return NULL;
    }
    return make(a, path, text.n ? text.at : "", (size_t)text.n);
}

Source *source_read(Arena *a, const char *path, const char **why) {
    if (!strcmp(path, "-")) return read_stream(a, "<stdin>", stdin, why);
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (!f) {
        *why = arena_printf(a, "cannot be opened: %s", strerror(errno));
        return NULL;
    }
    Source *s = NULL;
    if (!fstat(fileno(f), &st) && S_ISDIR(st.st_mode)) *why = "is a folder, not a file";
    else s = read_stream(a, path, f, why);
    fclose(f);
    return s;
}

Place source_place(const Source *s, uint32_t offset) {
    int lo = 0, hi = s->n_lines;    /* line[lo] <= offset < line[hi] */
    while (hi - lo > 1) {
        int mid = lo + (hi - lo) / 2;
        if (s->line[mid] <= offset) lo = mid;
        else hi = mid;
    }
    return (Place){lo + 1, (int)(offset - s->line[lo]) + 1};
}
