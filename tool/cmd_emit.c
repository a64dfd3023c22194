/* knyfe FILE: emits C, or a stage on the way to it. */
#include "dsl/ast_print.h"
#include "grammar/parse.h"
#include "lower/verify.h"
#include "lower/lower.h"
#include "tool/grid.h"
#include "tool/host.h"
#include <string.h>

static int dump_ast(Tool *t) {
    int status = STATUS_GOOD;
    FrontOptions front;
    Program *p = tool_program(t, t->options->files.at[0], &front, &status);
    if (!p) return status;
    Out o = out_new(t->arena);
    ast_print(front_file(p, 0), &o);
    tool_write(t, t->options->output, o.text ? o.text : "", o.n);
    return STATUS_GOOD;
}

/* The command as the header of the emitted file shows it: without what is the same for all. */
static const char *command_line(Tool *t) {
    Out o = out_new(t->arena);
    const char *path = t->options->files.at[0], *slash = strrchr(path, '/');
    out_f(&o, "knyfe %s", slash ? slash + 1 : path);
    if (t->options->kernel) out_f(&o, " -k %s", t->options->kernel);
    for (int i = 0; i < t->options->defines.n; i++) out_f(&o, " -D %s=%s", t->options->defines.at[i].name, t->options->defines.at[i].value);
    if (t->options->target) out_f(&o, " -t %s", t->options->target);
    if (t->options->schedule) out_f(&o, " -s %s", t->options->schedule);
    if (t->options->from_tile || t->options->from_kernel) out_f(&o, " --from %s", t->options->from_tile ? "tile" : "kernel");
    if (t->options->no_check) out_s(&o, " --no-check");
    if (t->options->plain) out_s(&o, " --plain");
    for (char *c = o.text; *c; c++)
        if (*c == '\n' || *c == '\r' || (*c == '*' && c[1] == '/') || (*c == '/' && c[1] == '*') || *c == '\\') *c = '?';
    return o.text;
}

/* A stage of a program for a grid. */
static int emit_program(Tool *t, const TileProgram *program, const Machine *m, Out *o) {
    TileProgram *p = NEW(t->arena, TileProgram);
    *p = *program;
    if (!p->made) p->made = command_line(t);
    if (t->options->dump && !strcmp(t->options->dump, "tile")) tile_print(p, o);
    else if (t->options->dump && !strcmp(t->options->dump, "schedule")) schedule_print(p, m->name, t->arena, o);
    else grid_emit(t, p, p->made, o);
    return STATUS_GOOD;
}

static int emit_tiles(Tool *t, const Kernel *k, const Machine *m, Out *o) {
    int status = STATUS_GOOD;
    SimMachine s;
    const char *why = NULL;
    if (!grid_machine(t, m, &s, &status)) return status;
    const TileProgram *p = grid_lower(t, t->program, k, &s, &why);
    if (p) return emit_program(t, p, m, o);
    tool_error("kernel '%s' on %s: %s", k->name, m->name, why);
    return STATUS_PROGRAM;
}

/* --from tile: the file is a program's own text. */
static int emit_from_tile(Tool *t, const Machine *m) {
    const char *why, *path = t->options->files.at[0];
    if (m->emitter != EMIT_PE) {
        tool_error("--from tile: machine '%s' has no grid", m->name);
        return STATUS_USAGE;
    }
    const Source *s = source_read(t->arena, path, &why);
    if (!s) tool_die(STATUS_ENVIRONMENT, "%s: %s", path, why);
    FrontOptions front = tool_front_options(t);
    SimMachine machine;
    int status = STATUS_GOOD;
    if (!grid_machine(t, m, &machine, &status)) return status;
    const TileMachine tiles = grid_tiles(&machine, t->arena);
    TileProgram *p = tile_read(t->arena, t->names, t->diags, s, &tiles, &front, grammar_expr);
    status = tool_print_diags(t);
    if (!p || status) return status ? status : STATUS_PROGRAM;
    if (!p->stages.n) {
        tool_error("%s: error: a text of Tile IR has stages, this has none", path);
        return STATUS_PROGRAM;
    }
    VerifyReport report;
    if (!tile_verify(p, &tiles, &report, t->arena)) {
        tool_error("%s: error: %s", path, report.why);
        return STATUS_PROGRAM;
    }
    p->verified = report.text;
    Out o = out_new(t->arena);
    emit_program(t, p, m, &o);
    tool_write(t, t->options->output, o.text ? o.text : "", o.n);
    return STATUS_GOOD;
}

static int emit_host_c(Tool *t, const Kernel *k, const Machine *m, Out *o) {
    const char *why = NULL;
    if (!t->options->dump || strcmp(t->options->dump, "tile")) {
        host_emit(t, k, m, command_line(t), o);
        return STATUS_GOOD;
    }
    const TileProgram *p = host_lower(t, k, m, &why);
    if (p) return tile_print(p, o), STATUS_GOOD;
    tool_error("kernel '%s' on %s: %s", k->name, m->name, why);
    return STATUS_PROGRAM;
}

int cmd_emit(Tool *t) {
    const char *stage = t->options->dump;
    if (stage && !strcmp(stage, "ast")) return dump_ast(t);
    int status = STATUS_GOOD;
    const Machine *m = machine_find(t, t->options->target, &status);
    if (m && t->options->from_tile) return emit_from_tile(t, m);
    Kernel *k = m ? tool_kernel(t, t->options->files.at[0], &status) : NULL;
    if (!k) return status;
    Out o = out_new(t->arena);
    if (stage && !strcmp(stage, "kernel")) kernel_print(k, &o);
    else if (m->emitter == EMIT_PE) status = emit_tiles(t, k, m, &o);
    else if (stage && !strcmp(stage, "schedule")) {
        tool_error("there is no schedule for machine '%s': it has no grid", m->name);
        return STATUS_USAGE;
    } else status = emit_host_c(t, k, m, &o);
    if (status) return status;
    tool_write(t, t->options->output, o.text ? o.text : "", o.n);
    return STATUS_GOOD;
}
