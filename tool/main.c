#include "tool/tool.h"
#include <errno.h>
#include <string.h>

static void out_of_memory(void *context, const char *why) {
    (void)context;
    tool_die(STATUS_ENVIRONMENT, "%s", why);
}

int main(int argc, char **argv) {
    temp_init();
    Arena *a = arena_new(0, out_of_memory, NULL);
    Options o;
    int status = options_read(a, argc, argv, &o);
    if (status < 0) {
        Tool t = {.arena = a, .names = names_new(a), .diags = diags_new(a), .options = &o};
        static int (*const run[])(Tool *) = {cmd_emit, cmd_run, cmd_check, cmd_test, cmd_fmt, cmd_machines, cmd_sim, cmd_explain};
        status = run[o.command - options_commands](&t);
    }
    arena_free(a);
    if (fflush(stdout) && status == STATUS_GOOD) tool_die(STATUS_ENVIRONMENT, "standard output: %s", strerror(errno));
    return status;
}
