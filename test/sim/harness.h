/* What the simulator's tests share: machines from their files, variants of them, programs that are linked in. */
#pragma once
#include "grammar/parse.h"
#include "sim/program.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static inline void harness_oom(void *context, const char *why) {
    (void)context;
    fprintf(stderr, "%s\n", why);
    abort();
}

/* Reads machine text; returns the number of errors, and the first one's text in *said. */
static inline int harness_machine_text(Arena *a, const char *text, SimMachine *m, const char **said) {
    Diags *d = diags_new(a);
    const Source *s = source_of_text(a, "m.knf", text, strlen(text));
    AFile *f = grammar_parse(a, names_new(a), d, s, false);
    if (f->machines.n) sim_machine_read(m, f->machines.at[0], d, a);
    Out o = out_new(a);
    diag_print(d, &o, false);
    *said = o.text ? o.text : "";
    return diag_errors(d);
}

static inline SimMachine harness_machine(Arena *a, const char *name) {
    const char *why, *said;
    SimMachine m;
    const Source *s = source_read(a, arena_printf(a, "%s/%s.knf", MACHINES, name), &why);
    assert_non_null(s);
    if (harness_machine_text(a, s->text, &m, &said)) fail_msg("%s", said);
    return m;
}

/* Runs a linked-in program on tensors of zeros, or of small integers where `fill`. */
static inline SimReport harness_run(Arena *a, const PeProgram *p, const SimMachine *m, const int64_t *dims, int n_dims, bool dram) {
    const char *why = NULL;
    SimProgram prog;
    SimTensor tensor[PE_TENSORS] = {0};
    static SimReport r;
    assert_true(sim_program_of(&prog, p, a, &why));
    SimConfig c = {.machine = m, .program = p, .tensor = tensor, .n_tensors = prog.n_tensors, .max_cycles = 50000000};
    for (int i = 0; i < n_dims; i++) c.dim[i] = dims[i];
    for (int i = 0; i < prog.n_tensors; i++) tensor[i].dram = dram;
    if (!sim_program_shapes(&prog, c.dim, tensor, a, &why)) fail_msg("%s", why);
    for (int i = 0; i < prog.n_tensors; i++) tensor[i].data = arena_alloc(a, (size_t)tensor[i].bytes + 1);
    sim_run(&c, &r);
    return r;
}
