/* knyfe check: reads and checks, nothing more. */
#include "sim/machine.h"
#include "tool/engines.h"
#include "tool/machine.h"

/* A grid's figures have to be there; rows of engines make sense wherever they stand. */
static void check_machine(Tool *t, const AMachine *m) {
    Emitter e;
    SimMachine machine;
    EngineRows rows = {0};
    bool pe = machine_emitter(m, &e) && e == EMIT_PE;
    if (!pe || sim_machine_read(&machine, m, t->diags, t->arena)) machine_engines(m, pe, t->diags, t->arena, &rows);
}

int cmd_check(Tool *t) {
    int worst = STATUS_GOOD;
    for (int i = 0; i < t->options->files.n; i++) {
        Tool one = *t;
        one.diags = diags_new(t->arena);
        int status = STATUS_GOOD;
        FrontOptions front;
        Program *p = tool_program(&one, t->options->files.at[i], &front, &status);
        if (p) {
            /* A file of functions, machines or schedules alone has no kernel to choose. */
            bool has_kernel = front_file(p, 0)->kernels.n > 0 || t->options->kernel;
            if (has_kernel) front_kernel(p, &front);
            for (int m = 0; m < front_file(p, 0)->machines.n; m++) check_machine(&one, front_file(p, 0)->machines.at[m]);
            status = tool_print_diags(&one);
        }
        if (status > worst) worst = status;
    }
    return worst;
}
