#include "tool/host.h"
#include "emit/host.h"
#include "lower/lower.h"
#include "tool/engines.h"

TileMachine host_tiles(const Machine *m, Arena *a) {
    TileMachine x = {.rows = 1, .cols = 1, .in_place = true};
    x.local = (int64_t)machine_number(m, "memory", "l2", "size");
    x.lanes = (int)machine_number(m, "engine", "vector", "register");
    x.accumulators = (int)machine_number(m, "engine", "vector", "accumulators");
    if (x.lanes == 64) machine_engines(m->machine, false, diags_new(a), a, &x.engines);
    return x;
}

TileProgram *host_lower(Tool *t, const Kernel *k, const Machine *m, const char **why) {
    TileMachine *x = NEW(t->arena, TileMachine);
    *x = host_tiles(m, t->arena);
    return lower(k, x, t->arena, why);
}

void host_emit(Tool *t, const Kernel *k, const Machine *m, const char *command, Out *out) {
    HostOptions options = {.no_check = t->options->no_check, .command = command};
    const char *why = NULL;
    const TileProgram *p = t->options->plain ? NULL : host_lower(t, k, m, &why);
    if (why && strstr(why, "internal error")) tool_note("kernel '%s' is made from its statements' own loops: %s", k->name, why);
    else if (why) tool_die(STATUS_PROGRAM, "kernel '%s' on %s: %s", k->name, m->name, why);
    if (p) emit_host_tiles(p, &options, out);
    else emit_host(k, &options, out);
}
