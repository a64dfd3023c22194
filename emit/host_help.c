#include "emit/host_help.h"
#include <assert.h>
#include <ctype.h>
#include <string.h>

typedef struct Table { const HostHelper *rows; const int *n; } Table;
static const Table tables[HOST_TABLES] = {
    {host_vector_types, &n_host_vector_types}, {host_helpers, &n_host_helpers}, {host_vector_helpers, &n_host_vector_helpers},
    {host_math, &n_host_math},
};

HostUses host_uses_new(Arena *a) {
    HostUses u;
    for (int t = 0; t < HOST_TABLES; t++) u.used[t] = NEW_ARRAY(a, bool, *tables[t].n);
    return u;
}

static const HostHelper *find(const char *name, size_t n, HostUses *u, bool **flag) {
    for (int t = 0; t < HOST_TABLES; t++)
        for (int i = 0; i < *tables[t].n; i++) {
            const HostHelper *h = &tables[t].rows[i];
            if (strlen(h->name) != n || strncmp(h->name, name, n)) continue;
            if (u) *flag = &u->used[t][i];
            return h;
        }
    return NULL;
}

bool host_helper_exists(const char *name) { return find(name, strlen(name), NULL, NULL); }

static void use(HostUses *u, const char *name, size_t n) {
    bool *flag = NULL;
    const HostHelper *h = find(name, n, u, &flag);
    assert(h && "a helper of that name");
    if (!h || *flag) return;
    *flag = true;
    for (int i = -2; i < 0 || h->lines[i]; i++)
        for (const char *s = i == -2 ? h->result : i == -1 ? h->params : h->lines[i]; s && (s = strstr(s, "knf_")); s += n) {
            for (n = 0; isalnum((unsigned char)s[n]) || s[n] == '_'; n++) {}
            use(u, s, n);
        }
}

const char *host_use(HostUses *u, const char *name) {
    use(u, name, strlen(name));
    return name;
}

bool host_uses_vectors(const HostUses *u) {
    for (int i = 0; i < n_host_vector_types; i++)
        if (u->used[0][i]) return true;
    return false;
}

void host_use_all(HostUses *u) {
    for (int t = 0; t < HOST_TABLES; t++)
        for (int i = 0; i < *tables[t].n; i++) u->used[t][i] = true;
}

static void print(CPrint *p, const HostHelper *h) {
    if (h->note) c_comment(p, h->note);
    if (h->vector) {
        out_f(p->out, "typedef %s %s __attribute__((vector_size(%d), aligned(%d), may_alias));\n", h->result, h->name, h->vector, h->align);
        return;
    }
    if (!h->params) {
        out_f(p->out, "static const %s %s[] = {\n", h->result, h->name);
        p->out->indent++;
        for (int i = 0; h->lines[i]; i++) out_f(p->out, "%s,\n", h->lines[i]);
        p->out->indent--;
        out_s(p->out, "};\n");
    } else {
        c_function(p, arena_printf(p->arena, "static inline %s", h->result), h->name, h->params);
        for (int i = 0; h->lines[i]; i++) out_f(p->out, "%s\n", h->lines[i]);
        c_end(p);
    }
    c_blank(p);
}

void host_helpers_print(CPrint *p, const HostUses *u) {
    if (host_uses_vectors(u)) c_comment(p, "Vectors of neighbours in memory.");
    for (int t = 0; t < HOST_TABLES; t++) {
        for (int i = 0; i < *tables[t].n; i++)
            if (u->used[t][i]) print(p, &tables[t].rows[i]);
        if (t == 0 && host_uses_vectors(u)) c_blank(p);
    }
}
