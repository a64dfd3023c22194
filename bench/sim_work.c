#include "bench/sim_work.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double work_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void die(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

const AMachine *work_machine(Arena *a, const char *name, SimMachine *m) {
    const char *why, *path = arena_printf(a, "%s/machines/%s.knf", SOURCE, name);
    Diags *d = diags_new(a);
    const Source *s = source_read(a, path, &why);
    if (!s) die(path, why);
    AFile *f = grammar_parse(a, names_new(a), d, s, false);
    if (diag_errors(d) || !f->machines.n || !sim_machine_read(m, f->machines.at[0], d, a)) die(path, "is no machine");
    return f->machines.at[0];
}

void work_load(Arena *a, const Work *w, Loaded *l) {
    const char *why = "", *path = arena_printf(a, "%s/examples/handwritten/%s", SOURCE, w->program);
    bool environment;
    *l = (Loaded){0};
    if (!sim_program_load(&l->p, path, (SimCompiler){"cc", "-O2", SOURCE "/include"}, a, &why, &environment)) die(path, why);
    l->c = (SimConfig){.program = l->p.table, .tensor = l->tensor, .n_tensors = l->p.n_tensors, .scalar = {0.01}};
    for (int i = 0; i < l->p.n_dims; i++) l->c.dim[i] = w->dims[i];
    for (int i = 0; i < l->p.n_tensors; i++) l->tensor[i].dram = w->dram && strstr(w->dram, arena_printf(a, "%s ", l->p.table->tensor[i].name));
    if (!sim_program_shapes(&l->p, l->c.dim, l->tensor, a, &why)) die(path, why);
    for (int i = 0; i < l->p.n_tensors; i++) {
        l->tensor[i].data = sim_share(l->tensor[i].bytes);
        if (!l->tensor[i].data) die(path, "no memory for the tensors");
        if (l->tensor[i].role == PE_IN && !sim_program_fill(&l->p, i, &l->tensor[i], l->c.dim, 1, a, &why)) die(path, why);
    }
}

void work_free(Loaded *l) {
    for (int i = 0; i < l->p.n_tensors; i++) sim_unshare(l->tensor[i].data, l->tensor[i].bytes);
    sim_program_close(&l->p);
}

double work_run(Loaded *l, const SimMachine *m, bool timing, bool unchecked, SimReport *r) {
    l->c.machine = m;
    l->c.timing = timing;
    l->c.unchecked = unchecked;
    double t = work_now();
    sim_run(&l->c, r);
    t = work_now() - t;
    if (r->fault.kind) die(l->p.table->name, r->fault.text);
    return t;
}
