#include "tool/tap.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct Result { const char *suite, *name, *why, *skip; bool ok; double seconds; } Result;
struct Tap {
    Tool *t;
    VEC(Result) results;
    int failed, skipped;
    bool shows, shown;
};

Tap *tap_new(Tool *t) {
    Tap *p = NEW(t->arena, Tap);
    p->t = t;
    p->shows = isatty(2) && !t->options->quiet;
    printf("TAP version 14\n");
    return p;
}

static void clear(Tap *p) {
    if (p->shown) fputs("\r\033[K", stderr);
    p->shown = false;
}

void tap_progress(Tap *p, const char *what) {
    if (!p->shows) return;
    fprintf(stderr, "\r\033[K%d done, %d failed  %.60s", p->results.n, p->failed, what);
    fflush(stderr);
    p->shown = true;
}

/* Characters that TAP gives a meaning to are written with a backslash. */
static void print_name(const char *name) {
    for (const char *c = name; *c; c++) {
        if (*c == '#' || *c == '\\') putchar('\\');
        putchar(*c == '\n' ? ' ' : *c);
    }
}

void tap_result(Tap *p, const char *suite, const char *name, bool ok, const char *skip, const char *why, double seconds) {
    Arena *a = p->t->arena;
    Result r = {suite, arena_printf(a, "%s", name), why ? arena_printf(a, "%s", why) : NULL, skip, ok, seconds};
    vec_push(a, &p->results, r);
    p->failed += !ok;
    p->skipped += skip != NULL;
    clear(p);
    printf("%s %d - %s: ", ok ? "ok" : "not ok", p->results.n, suite);
    print_name(name);
    if (skip) printf(" # SKIP %s", skip);
    putchar('\n');
    for (const char *c = why; c && *c;) {
        size_t n = strcspn(c, "\n");
        printf("# %.*s\n", (int)n, c);
        c += n + (c[n] == '\n');
    }
    if (fflush(stdout)) tool_die(STATUS_ENVIRONMENT, "standard output: %s", strerror(errno));
}

static void xml(Out *o, const char *text) {
    for (const char *c = text; *c; c++) {
        if (*c == '<') out_s(o, "&lt;");
        else if (*c == '>') out_s(o, "&gt;");
        else if (*c == '&') out_s(o, "&amp;");
        else if (*c == '"') out_s(o, "&quot;");
        else if ((unsigned char)*c < 32 && *c != '\n') out_s(o, "?");
        else out_n(o, c, 1);
    }
}

static void junit(Tap *p) {
    Out o = out_new(p->t->arena);
    out_f(&o, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"knyfe\" tests=\"%d\" failures=\"%d\" skipped=\"%d\">\n", p->results.n,
          p->failed, p->skipped);
    for (int i = 0; i < p->results.n; i++) {
        const Result *r = &p->results.at[i];
        out_s(&o, "<testcase classname=\"");
        xml(&o, r->suite);
        out_s(&o, "\" name=\"");
        xml(&o, r->name);
        out_f(&o, "\" time=\"%.3f\">", r->seconds);
        if (r->skip) out_s(&o, "<skipped/>");
        if (!r->ok) {
            out_s(&o, "<failure>");
            xml(&o, r->why ? r->why : "failed");
            out_s(&o, "</failure>");
        }
        out_s(&o, "</testcase>\n");
    }
    out_s(&o, "</testsuite>\n");
    tool_write(p->t, p->t->options->junit, o.text, o.n);
}

int tap_finish(Tap *p) {
    clear(p);
    printf("1..%d\n# %d passed, %d failed, %d skipped\n", p->results.n, p->results.n - p->failed - p->skipped, p->failed, p->skipped);
    if (p->t->options->junit) junit(p);
    return p->failed ? STATUS_RUN : STATUS_GOOD;
}
