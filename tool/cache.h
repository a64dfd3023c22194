/* Compiled objects, kept between runs: $XDG_CACHE_HOME/knyfe, or ~/.cache/knyfe. A file's name is the hash of all that it was made
 * from, and a checksum at its end tells a damaged one, so that neither a full disk, nor a crash, nor another process can give a wrong
 * object. Whatever fails here only costs a compilation. */
#pragma once
#include "tool/tool.h"

typedef struct CacheKey { uint64_t h[2]; } CacheKey;

CacheKey cache_key_new(void);
void cache_key_add(CacheKey *k, const void *at, size_t n);       /* order and boundaries count */
void cache_key_text(CacheKey *k, const char *text);
/* What -march=native means on this machine. */
void cache_key_processor(CacheKey *k);

/* Puts the object of that key at `path`. False: there is none. */
bool cache_get(Arena *a, const CacheKey *k, const char *path);
/* Keeps the object at `path`, and removes the oldest ones beyond a limit of 64 MiB. */
void cache_put(Arena *a, const CacheKey *k, const char *path);
