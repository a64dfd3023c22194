#include "base/name.h"
#include <string.h>

typedef struct Entry { struct Entry *next; uint64_t hash; size_t n; char text[]; } Entry;

struct Names {
    Arena *arena;
    Entry **bucket;
    size_t n, n_buckets;    /* a power of two */
};

Names *names_new(Arena *a) {
    Names *names = NEW(a, Names);
    *names = (Names){.arena = a, .n_buckets = 256};
    names->bucket = NEW_ARRAY(a, Entry *, names->n_buckets);
    return names;
}

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const char *text, size_t n) {
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)text[i]) * 0x100000001b3u;
    return h;
}

static void grow(Names *names) {
    size_t n = names->n_buckets * 4;
    Entry **bucket = NEW_ARRAY(names->arena, Entry *, n);
    for (size_t i = 0; i < names->n_buckets; i++)
        for (Entry *e = names->bucket[i], *next; e; e = next) {
            next = e->next;
            e->next = bucket[e->hash & (n - 1)];
            bucket[e->hash & (n - 1)] = e;
        }
    names->bucket = bucket;
    names->n_buckets = n;
}

Name name_of_n(Names *names, const char *text, size_t n) {
    uint64_t h = hash_of(text, n);
    for (Entry *e = names->bucket[h & (names->n_buckets - 1)]; e; e = e->next)
        if (e->hash == h && e->n == n && !memcmp(e->text, text, n)) return e->text;
    if (names->n > 2 * names->n_buckets) grow(names);
    Entry *e = arena_alloc(names->arena, sizeof(Entry) + n + 1);
    e->hash = h;
    e->n = n;
    memcpy(e->text, text, n);
    e->next = names->bucket[h & (names->n_buckets - 1)];
    names->bucket[h & (names->n_buckets - 1)] = e;
    names->n++;
    return e->text;
}

Name name_of(Names *names, const char *text) { return name_of_n(names, text, strlen(text)); }
