#include "emit/host_help.h"
#include <assert.h>
#include <ctype.h>
#include <string.h>

HostUses host_uses_new(Arena *a) {
    return (HostUses){NEW_ARRAY(a, bool, n_host_helpers), NEW_ARRAY(a, bool, n_host_math)};
}

static const HostHelper *find(const char *name, size_t n, HostUses *u, bool **flag) {
    for (int i = 0; i < n_host_helpers + n_host_math; i++) {
        bool math = i >= n_host_helpers;
        const HostHelper *h = math ? &host_math[i - n_host_helpers] : &host_helpers[i];
        if (strlen(h->name) != n || strncmp(h->name, name, n)) continue;
        if (u) *flag = math ? &u->math[i - n_host_helpers] : &u->helpers[i];
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
    for (int i = 0; h->lines[i]; i++)
        for (const char *s = h->lines[i]; (s = strstr(s, "knf_")); s += n) {
            for (n = 0; isalnum((unsigned char)s[n]) || s[n] == '_'; n++) {}
            use(u, s, n);
        }
}

const char *host_use(HostUses *u, const char *name) {
    use(u, name, strlen(name));
    return name;
}

static void print(CPrint *p, const HostHelper *h) {
    if (h->note) c_comment(p, h->note);
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
    for (int i = 0; i < n_host_helpers; i++)
        if (u->helpers[i]) print(p, &host_helpers[i]);
    for (int i = 0; i < n_host_math; i++)
        if (u->math[i]) print(p, &host_math[i]);
}
