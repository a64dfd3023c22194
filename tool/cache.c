#include "tool/cache.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OBJECT_MAX = 16 << 20, TOTAL_MAX = 64 << 20, FILES_MAX = 4096 };

CacheKey cache_key_new(void) { return (CacheKey){{0x243f6a8885a308d3u, 0x13198a2e03707344u}}; }

/* Two independent multiply-and-rotate hashes of 8 bytes a step. */
void cache_key_add(CacheKey *k, const void *at, size_t n) {
    const unsigned char *p = at;
    uint64_t size = n;
    for (size_t i = 0; i <= n; i += 8) {
        uint64_t w = size;
        if (i < n) memcpy(&w, p + i, n - i < 8 ? n - i : 8);
        k->h[0] = (k->h[0] ^ w) * 0x9e3779b97f4a7c15u;
        k->h[0] ^= k->h[0] >> 29;
        k->h[1] = (k->h[1] + w) * 0xc2b2ae3d27d4eb4fu;
        k->h[1] = k->h[1] << 31 | k->h[1] >> 33;
    }
    k->h[0] = (k->h[0] ^ size) * 0xff51afd7ed558ccdu;
    k->h[1] = (k->h[1] ^ size ^ k->h[0] >> 32) * 0xc4ceb9fe1a85ec53u;
}

void cache_key_text(CacheKey *k, const char *text) { cache_key_add(k, text, strlen(text)); }

void cache_key_processor(CacheKey *k) {
    FILE *f = fopen("/proc/cpuinfo", "r");
    char line[8192];
    while (f && fgets(line, sizeof line, f) && line[0] != '\n')          /* the first processor's lines */
        if (!strncmp(line, "model name", 10) || !strncmp(line, "flags", 5) || !strncmp(line, "Features", 8)) cache_key_text(k, line);
    if (f) fclose(f);
}

/* The folder, made when it is not there; NULL when there is none that is ours. */
static const char *folder(Arena *a) {
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME"), *base;
    struct stat s;
    if (xdg && xdg[0] == '/') base = xdg;
    else if (home && home[0] == '/') base = arena_printf(a, "%s/.cache", home);
    else return NULL;
    mkdir(base, 0700);
    const char *path = arena_printf(a, "%s/knyfe", base);
    if (mkdir(path, 0700) && errno != EEXIST) return NULL;
    return !lstat(path, &s) && S_ISDIR(s.st_mode) && s.st_uid == geteuid() && !(s.st_mode & 022) ? path : NULL;
}

static const char *object_path(Arena *a, const char *in, const CacheKey *k) {
    return arena_printf(a, "%s/%016llx%016llx.so", in, (unsigned long long)k->h[0], (unsigned long long)k->h[1]);
}

/* A whole small file; NULL when it can't be read. */
static char *slurp(Arena *a, const char *path, size_t *n) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat s;
    char *text = NULL;
    *n = 0;
    if (fd >= 0 && !fstat(fd, &s) && S_ISREG(s.st_mode) && s.st_size > 0 && s.st_size < OBJECT_MAX) {
        text = arena_alloc(a, (size_t)s.st_size + sizeof(CacheKey));
        while (*n < (size_t)s.st_size) {
            ssize_t got = read(fd, text + *n, (size_t)s.st_size - *n);
            if (got <= 0) break;
            *n += (size_t)got;
        }
        if (*n != (size_t)s.st_size) text = NULL;
    }
    if (fd >= 0) close(fd);
    return text;
}

static bool spill(const char *path, const char *text, size_t n, int flags) {
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
    size_t done = 0;
    while (fd >= 0 && done < n) {
        ssize_t put = write(fd, text + done, n - done);
        if (put <= 0) break;
        done += (size_t)put;
    }
    return fd >= 0 && !close(fd) && done == n;
}

bool cache_get(Arena *a, const CacheKey *k, const char *path) {
    const char *in = folder(a), *from = in ? object_path(a, in, k) : NULL;
    size_t n;
    char *text = from ? slurp(a, from, &n) : NULL;
    if (!text || n <= sizeof(CacheKey)) return false;
    CacheKey sum = cache_key_new();
    n -= sizeof sum;
    cache_key_add(&sum, text, n);
    if (memcmp(&sum, text + n, sizeof sum)) {
        unlink(from);
        return false;
    }
    utimensat(AT_FDCWD, from, NULL, 0);                /* it was of use: the last to go */
    return spill(path, text, n, O_TRUNC);
}

typedef struct Kept { char name[64]; int64_t size; struct timespec used; } Kept;
typedef VEC(Kept) KeptFiles;

static int by_use(const void *x, const void *y) {
    const Kept *p = x, *q = y;
    if (p->used.tv_sec != q->used.tv_sec) return p->used.tv_sec < q->used.tv_sec ? -1 : 1;
    return (p->used.tv_nsec > q->used.tv_nsec) - (p->used.tv_nsec < q->used.tv_nsec);
}

/* Removes the least recently used files until three quarters of the limits are kept. */
static void trim(Arena *a, const char *in) {
    DIR *d = opendir(in);
    KeptFiles files = {0};
    int64_t total = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        struct stat s;
        Kept k;
        if (e->d_name[0] == '.' || strlen(e->d_name) >= sizeof k.name || fstatat(dirfd(d), e->d_name, &s, AT_SYMLINK_NOFOLLOW)) continue;
        if (!S_ISREG(s.st_mode)) continue;
        strcpy(k.name, e->d_name);
        k.size = s.st_size;
        k.used = s.st_mtim;
        total += k.size;
        vec_push(a, &files, k);
    }
    if (total > TOTAL_MAX || files.n > FILES_MAX) {
        int left = files.n;
        qsort(files.at, (size_t)files.n, sizeof *files.at, by_use);
        for (int i = 0; i < files.n && (total > TOTAL_MAX / 4 * 3 || left > FILES_MAX / 4 * 3); i++, left--) {
            unlinkat(dirfd(d), files.at[i].name, 0);
            total -= files.at[i].size;
        }
    }
    if (d) closedir(d);
}

void cache_put(Arena *a, const CacheKey *k, const char *path) {
    const char *in = folder(a);
    size_t n;
    char *text = in ? slurp(a, path, &n) : NULL;
    if (!text) return;
    CacheKey sum = cache_key_new();
    cache_key_add(&sum, text, n);
    memcpy(text + n, &sum, sizeof sum);
    const char *to = object_path(a, in, k), *part = arena_printf(a, "%s.%ld", to, (long)getpid());
    if (!spill(part, text, n + sizeof sum, O_EXCL) || rename(part, to)) unlink(part);
    trim(a, in);
}
