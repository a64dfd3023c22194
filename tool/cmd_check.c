/* knyfe check: reads and checks, nothing more. */
#include "tool/tool.h"

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
            status = tool_print_diags(&one);
        }
        if (status > worst) worst = status;
    }
    return worst;
}
