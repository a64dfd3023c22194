/* knyfe machines: what targets there are. */
#include "tool/machine.h"

static int print_one(Tool *t, const char *name) {
    const Source *s = machine_source(t, name);
    if (s) {
        tool_write(t, "-", s->text, s->size);
        return STATUS_GOOD;
    }
    MachineNames names = machine_names(t);
    const char *near = diag_nearest(name, names.at, names.n);
    tool_error("no machine '%s'%s%s%s", name, near ? "; did you mean " : "", near ? near : "", near ? "?" : "; knyfe machines lists them");
    return STATUS_USAGE;
}

int cmd_machines(Tool *t) {
    if (t->options->files.n) return print_one(t, t->options->files.at[0]);
    MachineNames names = machine_names(t);
    if (!names.n) tool_die(STATUS_ENVIRONMENT, "no machine files are found; KNYFE_DATA may name the folder that holds machines/");
    Out o = out_new(t->arena);
    for (int i = 0; i < names.n; i++) out_f(&o, "%s\n", names.at[i]);
    tool_write(t, "-", o.text, o.n);
    return STATUS_GOOD;
}
