#include "emit/host_gen.h"
#include "emit/host_names.h"
#include <ctype.h>
#include <string.h>

static const char *const prefixes[] = {"knf_", "M_", "INT", "UINT", "PTRDIFF_", "SIZE_", "WCHAR_", "WINT_", "SIG_ATOMIC_", "FLT_", "DBL_",
                                       "FP_", "BYTE_ORDER", "LITTLE_ENDIAN", "BIG_ENDIAN", "PDP_ENDIAN", "FD_", "NFDBITS", "htobe", "htole",
                                       "be16toh", "be32toh", "be64toh", "le16toh", "le32toh", "le64toh"};

static bool has_prefix(const char *s) {
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (!strncmp(s, prefixes[i], strlen(prefixes[i]))) return true;
    return s[0] == '_';
}

/* The first n characters of s are a word of the table. */
static bool is_word(const char *s, size_t n) {
    int lo = 0, hi = n_host_reserved;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2, order = strncmp(host_reserved[mid], s, n);
        if (!order) order = host_reserved[mid][n] != '\0';
        if (!order) return true;
        if (order < 0) lo = mid + 1;
        else hi = mid;
    }
    return false;
}

bool host_is_reserved(const char *s) {
    size_t n = strlen(s);
    if (has_prefix(s) || is_word(s, n)) return true;
    if (n > 1 && (s[n - 1] == 'f' || s[n - 1] == 'l') && is_word(s, n - 1)) return true;
    if (n > 2 && !strcmp(s + n - 2, "_r") && is_word(s, n - 2)) return true;
    for (size_t i = 1; i + 1 < n; i++)
        if (s[i] == 'f' && isdigit((unsigned char)s[i + 1]) && is_word(s, i)) return true;
    return false;
}

static bool is_taken(const Gen *g, const char *s) {
    for (int i = 0; i < g->scope.taken.n; i++)
        if (!strcmp(g->scope.taken.at[i], s)) return true;
    return false;
}

static const char *unique(Gen *g, const char *base) {
    const char *s = base;
    for (int i = 2; is_taken(g, s) || host_is_reserved(s); i++) s = arena_printf(g->a, "%s_%d", base, i);
    vec_push(g->a, &g->scope.taken, s);
    return s;
}

const char *host_name(Gen *g, const char *name) {
    char *s = arena_printf(g->a, "%s%s", has_prefix(name) || isdigit((unsigned char)name[0]) ? "u_" : "", name);
    for (char *c = s; *c; c++)
        if (*c == '.') *c = '_';
    return unique(g, host_is_reserved(s) ? arena_printf(g->a, "%s_", s) : s);
}

const char *host_kernel_name(Gen *g, const char *name) {
    bool bad = name[0] == '_' ? name[1] == '_' || isupper((unsigned char)name[1]) : host_is_reserved(name) && strncmp(name, "knf_", 4);
    const char *s = bad ? arena_printf(g->a, "%s_", name) : name;
    vec_push(g->a, &g->scope.taken, s);
    return s;
}
