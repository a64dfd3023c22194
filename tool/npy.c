#include "tool/npy.h"
#include "base/out.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The descriptor of each type, and others that are taken for it when read. */
static const struct { const char *write, *also; } descr[DT_COUNT] = {
    [DT_F64] = {"<f8", ""},  [DT_F32] = {"<f4", ""},   [DT_F16] = {"<f2", ""},  [DT_BF16] = {"<u2", ""},
    [DT_F8E4M3] = {"|u1", "<u1"}, [DT_F8E5M2] = {"|u1", "<u1"}, [DT_I64] = {"<i8", ""}, [DT_I32] = {"<i4", ""},
    [DT_I16] = {"<i2", ""},  [DT_I8] = {"|i1", "<i1"}, [DT_U8] = {"|u1", "<u1"}, [DT_BOOL] = {"|b1", "<b1"},
};
enum { HEADER_MAX = 1 << 16 };

typedef struct Header { char descr[16]; bool fortran, has_descr, has_order, has_shape; int rank; int64_t extent[ARRAY_RANK_MAX]; } Header;

static const char *skip(const char *p) {
    while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r') p++;
    return p;
}

/* 'text' or "text" into at[size]; NULL when it is none. */
static const char *quoted(const char *p, char *at, size_t size) {
    char q = *p++;
    if (q != '\'' && q != '"') return NULL;
    const char *end = strchr(p, q);
    if (!end || (size_t)(end - p) >= size) return NULL;
    memcpy(at, p, (size_t)(end - p));
    at[end - p] = '\0';
    return end + 1;
}

/* (1, 2, 3) */
static const char *shape(const char *p, Header *h, const char **why) {
    *why = "its header's shape is no tuple of integers";
    if (*p++ != '(') return NULL;
    for (p = skip(p); *p != ')'; p = skip(p)) {
        char *end;
        errno = 0;
        if (!isdigit((unsigned char)*p)) return NULL;
        long long v = strtoll(p, &end, 10);
        if (errno) return *why = "an extent of its shape is too large", NULL;
        if (h->rank == ARRAY_RANK_MAX) return *why = "it has more than 8 axes", NULL;
        h->extent[h->rank++] = v;
        p = skip(*end == 'L' ? end + 1 : end);
        if (*p == ',') p++;
        else if (*p != ')') return NULL;
    }
    return p + 1;
}

/* {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } in any order. */
static const char *header(const char *p, Header *h) {
    const char *why = "its header is no dictionary of descr, fortran_order and shape";
    p = skip(p);
    if (*p++ != '{') return why;
    for (p = skip(p); *p != '}'; p = skip(p)) {
        char key[16];
        p = quoted(p, key, sizeof key);
        if (!p || *(p = skip(p)) != ':') return why;
        p = skip(p + 1);
        if (!strcmp(key, "descr")) {
            h->has_descr = true;
            if (*p == '[') return "it holds records; arrays of one type are wanted";
            p = quoted(p, h->descr, sizeof h->descr);
        } else if (!strcmp(key, "fortran_order")) {
            h->has_order = true;
            h->fortran = !strncmp(p, "True", 4);
            if (!h->fortran && strncmp(p, "False", 5)) return why;
            p += h->fortran ? 4 : 5;
        } else if (!strcmp(key, "shape")) {
            h->has_shape = true;
            h->rank = 0;
            const char *what;
            p = shape(p, h, &what);
            if (!p) return what;
        } else {
            return why;
        }
        if (!p) return why;
        p = skip(p);
        if (*p == ',') p++;
        else if (*p != '}') return why;
    }
    return h->has_descr && h->has_order && h->has_shape ? NULL : why;
}

static const char *wrong_type(Arena *a, const Header *h, DType type) {
    const char *why = h->descr[0] == '>' ? " (big endian)" : h->descr[0] == '|' && h->descr[1] == 'O' ? " (Python objects)" : "";
    const char *as = type == DT_BF16 ? " (the bits as uint16)" : type == DT_F8E4M3 || type == DT_F8E5M2 ? " (the bits as uint8)" : "";
    return arena_printf(a, "its elements are '%s'%s, but %s wants '%s'%s", h->descr, why, dtype_name(type), descr[type].write, as);
}

/* The header against the type, and the element count; *bytes is what must follow. */
static const char *accept(Arena *a, const Header *h, DType type, Array *x, size_t *bytes) {
    if (strcmp(h->descr, descr[type].write) && strcmp(h->descr, descr[type].also)) return wrong_type(a, h, type);
    if (h->fortran && h->rank > 1) return "it is in Fortran order; save it with numpy.ascontiguousarray";
    *x = (Array){.type = type, .rank = h->rank, .n = 1};
    bool empty = false;
    for (int i = 0; i < h->rank; i++) {
        x->extent[i] = h->extent[i];
        if (h->extent[i] == 0) empty = true;
        else if (__builtin_mul_overflow(x->n, h->extent[i], &x->n)) return "its shape has more elements than fit in memory";
    }
    if (empty) x->n = 0;
    size_t n;
    if (__builtin_mul_overflow((size_t)x->n, (size_t)dtype_table[type].bytes, &n) || n > SIZE_MAX / 4)
        return "its shape has more elements than fit in memory";
    *bytes = n;
    return NULL;
}

/* All of n bytes, or false. */
static bool read_all(int fd, void *at, size_t n) {
    for (size_t got = 0; got < n;) {
        ssize_t r = read(fd, (char *)at + got, n - got < ((size_t)1 << 30) ? n - got : (size_t)1 << 30);
        if (r < 0 && errno == EINTR) continue;
        if (r <= 0) return false;
        got += (size_t)r;
    }
    return true;
}

static const char *read_open(Arena *a, int fd, DType type, Array *x) {
    unsigned char m[12];
    if (!read_all(fd, m, 8) || memcmp(m, "\x93NUMPY", 6)) return "it is no .npy file";
    if (m[6] < 1 || m[6] > 3) return arena_printf(a, "its format is version %d; 1, 2 and 3 are known", m[6]);
    int width = m[6] == 1 ? 2 : 4;
    if (!read_all(fd, m + 8, (size_t)width)) return "it ends within its header";
    size_t n = m[8] | (size_t)m[9] << 8;
    if (width == 4) n |= (size_t)m[10] << 16 | (size_t)m[11] << 24;
    if (n > HEADER_MAX) return "its header is longer than 65536 bytes";
    char *text = arena_alloc(a, n + 1);
    if (!read_all(fd, text, n)) return "it ends within its header";
    if (memchr(text, 0, n)) return "its header holds a NUL byte";
    Header h = {0};
    const char *why = header(text, &h);
    size_t bytes = 0;
    if (!why) why = accept(a, &h, type, x, &bytes);
    if (why) return why;
    /* The file's own size is asked before memory is: a header may claim anything. */
    struct stat s;
    off_t at = (off_t)(8 + (size_t)width + n);
    if (!fstat(fd, &s) && S_ISREG(s.st_mode) && (s.st_size < at || (size_t)(s.st_size - at) != bytes))
        return arena_printf(a, "its shape wants %zu bytes of data, but %lld follow the header", bytes,
                            (long long)(s.st_size < at ? 0 : s.st_size - at));
    x->data = arena_alloc(a, bytes ? bytes : 1);
    if (!read_all(fd, x->data, bytes)) return arena_printf(a, "it ends before the %zu bytes that its shape wants", bytes);
    for (size_t i = 0; type == DT_BOOL && i < bytes; i++)
        if (((unsigned char *)x->data)[i] > 1) return arena_printf(a, "element %zu is %d, which is no bool", i, ((unsigned char *)x->data)[i]);
    return NULL;
}

const char *npy_read(Arena *a, const char *path, DType type, Array *x) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return arena_printf(a, "%s", strerror(errno));
    const char *why = read_open(a, fd, type, x);
    close(fd);
    return why;
}

const char *npy_write(Arena *a, const char *path, const Array *x) {
    Out h = out_new(a);
    out_f(&h, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr[x->type].write);
    for (int i = 0; i < x->rank; i++) out_f(&h, "%lld%s", (long long)x->extent[i], x->rank == 1 ? "," : i + 1 < x->rank ? ", " : "");
    out_f(&h, "), }");
    size_t total = (10 + h.n + 1 + 63) / 64 * 64, header_n = total - 10, bytes = array_bytes(x);
    char *all = arena_alloc(a, total + bytes);
    memcpy(all, "\x93NUMPY\x01\x00", 8);
    all[8] = (char)(header_n & 255);
    all[9] = (char)(header_n >> 8);
    memset(all + 10, ' ', header_n);
    memcpy(all + 10, h.text, h.n);
    all[total - 1] = '\n';
    if (bytes) memcpy(all + total, x->data, bytes);
    return out_write(path, all, total + bytes, a);
}
