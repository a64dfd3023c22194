/* The end of the text of Tile IR: the command that made it and the kernel's own text, so that what is emitted from it is the same file. */
#include "lower/tile_reader.h"
#include <inttypes.h>
#include <string.h>

static char here(const TileReader *r) { return r->at < r->source->size ? r->source->text[r->at] : 0; }

static const char *rest_of_line(TileReader *r) {
    while (here(r) == ' ') r->at++;
    uint32_t from = r->at;
    while (r->at < r->source->size && r->source->text[r->at] != '\n') r->at++;
    return arena_strndup(r->a, r->source->text + from, r->at - from);
}

/* SIZE LO HI NAME, then its lines. */
static const Source *source_lines(TileReader *r, Span *kernel) {
    int64_t size, lo, hi;
    uint32_t from = r->at;
    if (!tile_reader_number(r, SOURCE_MAX, &size) || !tile_reader_number(r, SOURCE_MAX, &lo) || !tile_reader_number(r, SOURCE_MAX, &hi)) return NULL;
    const char *path = rest_of_line(r);
    Out text = out_new(r->a);
    while (here(r) == '\n' && r->at + 1 < r->source->size && r->source->text[r->at + 1] == '|') {
        const char *line = r->source->text + r->at + 2, *end = memchr(line, '\n', r->source->size - r->at - 2);
        size_t n = end ? (size_t)(end - line) : r->source->size - r->at - 2;
        out_n(&text, line, n);
        out_s(&text, "\n");
        r->at += 2 + (uint32_t)n;
    }
    if (size != (int64_t)text.n && size + 1 != (int64_t)text.n) return tile_reader_fault(r, from, "the source has %zu bytes, not %" PRId64, text.n, size), NULL;
    if (lo > hi || hi > size) return tile_reader_fault(r, from, "the kernel's text is no part of the source"), NULL;
    const Source *s = source_of_text(r->a, path, text.n ? text.text : "", (size_t)size);
    *kernel = (Span){s, (uint32_t)lo, (uint32_t)hi};
    return s;
}

/* Where sources are told, a node without a line comes from none. */
static void forget(const TileNodes *body) {
    for (int i = 0; i < body->n; i++) {
        body->at[i]->span = (Span){0};
        forget(&body->at[i]->body);
    }
}

/* The command, the sources, and what the nodes' lines are in them. */
bool tile_reader_origin(TileReader *r, Kernel *k) {
    VEC(const Source *) sources = {0};
    if (tile_reader_takes(r, "made")) r->p->made = rest_of_line(r);
    for (tile_reader_skip_lines(r); tile_reader_takes(r, "source"); tile_reader_skip_lines(r)) {
        Span kernel;
        const Source *s = source_lines(r, &kernel);
        if (!s) return false;
        if (!sources.n) k->span = kernel;
        vec_push(r->a, &sources, s);
    }
    for (int i = 0; i < r->p->stages.n && sources.n; i++) forget(&r->p->stages.at[i]->body);
    for (int i = 0; i < r->lines.n; i++) {
        const TileLine *x = &r->lines.at[i];
        const Source *s = x->source < sources.n ? sources.at[x->source] : NULL;
        if (!s || x->line < 1 || x->line > s->n_lines) return tile_reader_fault(r, x->at, "there is no such line of a source");
        x->n->span = (Span){s, s->line[x->line - 1], s->line[x->line - 1]};
    }
    return r->at == r->source->size || tile_reader_fail(r, "'stage', 'made', 'source' or the end of the text");
}
