#include "tool/progress.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_show(Tool *t, const char *what, double fraction) {
    Progress *p = t->progress;
    if (!p || t->options->quiet || !isatty(2)) return;
    double at = now();
    if (p->start == 0) p->start = at;
    bool same = p->what && !strcmp(p->what, what);
    if (at - p->start < 0.3 || (same && at - p->last < 0.1)) return;
    p->what = what;
    p->last = at;
    fprintf(stderr, "\r\033[K%s", what);
    if (fraction >= 0) fprintf(stderr, " %.0f %%", 100 * fraction);
    fflush(stderr);
    p->shown = true;
}

void progress_clear(Tool *t) {
    Progress *p = t->progress;
    if (p && p->shown) fputs("\r\033[K", stderr);
    if (p) p->shown = false;
}
