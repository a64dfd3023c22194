#include "base/out.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Out out_new(Arena *a) { return (Out){.arena = a, .text = arena_alloc(a, 1), .cap = 1, .fresh = true}; }

/* Room for n more bytes and the NUL. */
static void reserve(Out *o, size_t n) {
    if (o->cap - o->n > n) return;
    size_t cap = (o->n + n + 1) * 2;
    char *text = arena_alloc(o->arena, cap);
    memcpy(text, o->text, o->n);
    o->text = text;
    o->cap = cap;
}

static void append(Out *o, const char *text, size_t n) {
    reserve(o, n);
    memcpy(o->text + o->n, text, n);
    o->n += n;
    o->text[o->n] = 0;
}

/* A piece of one line: no newline in it. */
static void append_piece(Out *o, const char *text, size_t n) {
    if (!n) return;
    if (o->fresh)
        for (int i = 0; i < o->indent; i++) append(o, "    ", 4);
    o->fresh = false;
    append(o, text, n);
}

void out_n(Out *o, const char *text, size_t n) {
    while (n) {
        const char *end = memchr(text, '\n', n);
        size_t piece = end ? (size_t)(end - text) : n;
        append_piece(o, text, piece);
        if (!end) return;
        append(o, "\n", 1);
        o->fresh = true;
        text += piece + 1;
        n -= piece + 1;
    }
}

void out_s(Out *o, const char *text) { out_n(o, text, strlen(text)); }

void out_f(Out *o, const char *format, ...) {
    char small[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (n < (int)sizeof small) {
        out_n(o, small, (size_t)n);
        return;
    }
    va_start(args, format);
    out_n(o, arena_vprintf(o->arena, format, args), (size_t)n);
    va_end(args);
}

void out_double(Out *o, double value) {
    char text[40];
    if (value != value) out_s(o, "nan");
    else if (value - value != 0) out_s(o, value > 0 ? "inf" : "-inf");
    else {
        int digits = 0;
        do snprintf(text, sizeof text, "%.*g", ++digits, value);
        while (digits < 17 && strtod(text, NULL) != value);
        out_s(o, text);
        if (!strpbrk(text, ".e")) out_s(o, ".0");
    }
}

/* Writes all n bytes to a descriptor; false with errno set when that fails. */
static bool write_all(int fd, const char *text, size_t n) {
    while (n) {
        ssize_t k = write(fd, text, n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return false;
        text += k;
        n -= (size_t)k;
    }
    return true;
}

static const char *write_stdout(const char *text, size_t n, Arena *a) {
    bool good = fwrite(text, 1, n, stdout) == n;
    good = fflush(stdout) == 0 && good && !ferror(stdout);
    return good ? NULL : arena_printf(a, "standard output cannot be written: %s", strerror(errno));
}

/* Pipes, terminals and devices are written in place: a rename would replace them by a plain file. */
static bool is_special(const char *path) {
    struct stat st;
    return !stat(path, &st) && !S_ISREG(st.st_mode);
}

static const char *write_in_place(const char *path, const char *text, size_t n, Arena *a) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write_all(fd, text, n);
    int why = errno;
    if (fd >= 0 && close(fd) && good) good = false, why = errno;
    return good ? NULL : arena_printf(a, "%s cannot be written: %s", path, strerror(why));
}

/* The mode that a plain open would give: that of the file replaced, or what the umask leaves of rw-rw-rw-. */
static mode_t mode_for(const char *path) {
    struct stat st;
    if (!stat(path, &st)) return st.st_mode & 0777;
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

const char *out_write(const char *path, const char *text, size_t n, Arena *a) {
    if (!strcmp(path, "-")) return write_stdout(text, n, a);
    if (is_special(path)) return write_in_place(path, text, n, a);
    char *real = realpath(path, NULL);      /* a link stays a link: its file is replaced */
    const char *target = real ? arena_strndup(a, real, strlen(real)) : path;
    free(real);
    char *temporary = arena_printf(a, "%s.XXXXXX", target);
    int fd = mkstemp(temporary);
    if (fd < 0) return arena_printf(a, "%s cannot be written: %s", path, strerror(errno));
    bool good = write_all(fd, text, n) && !fchmod(fd, mode_for(target)) && !fsync(fd);
    int why = errno;
    if (close(fd) && good) good = false, why = errno;
    if (good && rename(temporary, target)) good = false, why = errno;
    if (good) return NULL;
    unlink(temporary);
    return arena_printf(a, "%s cannot be written: %s", path, strerror(why));
}
