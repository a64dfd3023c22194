#include "tool/machine.h"
#include "grammar/parse.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

/* A machine says in its property `emit` which emitter serves it; these are the ones there are. */
static const char *const emitters[] = {[EMIT_HOST] = "host", [EMIT_PE] = "pe"};
/* What is taken without -t: the first of these that has an emitter. */
static const char *const defaults[] = {"mtia1", "host"};

static int by_text(const void *x, const void *y) { return strcmp(*(const char *const *)x, *(const char *const *)y); }

MachineNames machine_names(Tool *t) {
    MachineNames names = {0};
    const char *folder = tool_data_folder(t->arena, "machines");
    DIR *d = folder ? opendir(folder) : NULL;
    if (!d) return names;
    for (struct dirent *e; (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        if (n < 5 || strcmp(e->d_name + n - 4, ".knf")) continue;
        const char *name = arena_strndup(t->arena, e->d_name, n - 4);
        vec_push(t->arena, &names, name);
    }
    closedir(d);
    if (names.n) qsort(names.at, (size_t)names.n, sizeof *names.at, by_text);
    return names;
}

const Source *machine_source(Tool *t, const char *name) {
    MachineNames names = machine_names(t);
    for (int i = 0; i < names.n; i++)
        if (!strcmp(names.at[i], name)) {
            const char *why, *path = arena_printf(t->arena, "%s/%s.knf", tool_data_folder(t->arena, "machines"), name);
            return source_read(t->arena, path, &why);
        }
    return NULL;
}

static const AEntry *find_entry(const AEntry *const *at, int n, const char *key, const char *label, bool group) {
    for (int i = 0; i < n; i++)
        if (at[i]->is_group == group && at[i]->key.text && !strcmp(at[i]->key.text, key)
            && (!label || (at[i]->label.text && !strcmp(at[i]->label.text, label))))
            return at[i];
    return NULL;
}

static double unit_scale(const char *u, size_t n) {
    static const struct { const char *name; double scale; } units[] = {
        {"KiB", 1024}, {"MiB", 1024.0 * 1024}, {"GiB", 1024.0 * 1024 * 1024}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
        {"GHz", 1e9}, {"MHz", 1e6}, {"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"G", 1e9}, {"T", 1e12}, {"Gop", 1e9}, {"Top", 1e12}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strlen(units[i].name) == n && !memcmp(units[i].name, u, n)) return units[i].scale;
    return 1;
}

double machine_number(const Machine *m, const char *group, const char *label, const char *key) {
    if (!m || !m->machine) return 0;
    const AEntry *const *at = (const AEntry *const *)m->machine->entries.at;
    int n = m->machine->entries.n;
    if (group) {
        const AEntry *g = find_entry(at, n, group, label, true);
        if (!g) return 0;
        at = (const AEntry *const *)g->entries.at;
        n = g->entries.n;
    }
    const AEntry *e = find_entry(at, n, key, NULL, false);
    if (!e || !e->values.n) return 0;
    const AValue *v = &e->values.at[e->values.n - 1];
    double x = v->is_int ? (double)v->i : v->f;
    if (v->unit.text) x *= unit_scale(v->unit.text, strlen(v->unit.text));
    if (v->per.text && !strcmp(v->per.text, "cycle")) x *= machine_number(m, NULL, NULL, "clock");
    return x;
}

bool machine_emitter(const AMachine *m, Emitter *to) {
    const AEntry *e = find_entry((const AEntry *const *)m->entries.at, m->entries.n, "emit", NULL, false);
    for (size_t i = 0; e && e->values.n && i < sizeof emitters / sizeof *emitters; i++)
        if (e->values.at[0].is_name && !strcmp(e->values.at[0].name.text, emitters[i])) return *to = (Emitter)i, true;
    return false;
}

static Machine *read_machine(Tool *t, const Source *s, int *status) {
    AFile *f = grammar_parse(t->arena, t->names, t->diags, s, false);
    if (diag_errors(t->diags)) {
        *status = tool_print_diags(t);
        return NULL;
    }
    if (!f->machines.n) {
        tool_error("%s holds no machine block", s->path);
        *status = STATUS_PROGRAM;
        return NULL;
    }
    Machine *m = NEW(t->arena, Machine);
    *m = (Machine){.name = f->machines.at[f->machines.n - 1]->name.text, .machine = f->machines.at[f->machines.n - 1], .source = s};
    m->has_emitter = machine_emitter(m->machine, &m->emitter);
    return m;
}

/* Names of the machines that can be emitted for, as a list in words. */
static const char *list(Tool *t, const MachineNames *names) {
    Out o = out_new(t->arena);
    for (int i = 0; i < names->n; i++) {
        int status;
        const Source *s = machine_source(t, names->at[i]);
        const Machine *m = s ? read_machine(t, s, &status) : NULL;
        if (m && m->has_emitter) out_f(&o, "%s%s", o.n ? ", " : "", names->at[i]);
    }
    return o.n ? o.text : "none";
}

static const Machine *unknown(Tool *t, const char *name, int *status) {
    MachineNames names = machine_names(t);
    MachineNames targets = {0};
    for (int i = 0; i < names.n; i++) {
        const Source *s = machine_source(t, names.at[i]);
        const Machine *m = s ? read_machine(t, s, status) : NULL;
        if (m && m->has_emitter) vec_push(t->arena, &targets, names.at[i]);
    }
    const char *near = diag_nearest(name, targets.at, targets.n);
    tool_error("no machine '%s'%s%s%s; targets: %s", name, near ? "; did you mean " : "", near ? near : "", near ? "?" : "", list(t, &names));
    *status = STATUS_USAGE;
    return NULL;
}

static const Machine *find_default(Tool *t, int *status) {
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
        const Source *s = machine_source(t, defaults[i]);
        const Machine *m = s ? read_machine(t, s, status) : NULL;
        if (m && m->has_emitter) return m;
        if (s && !m) return NULL;
    }
    tool_error("no machine files are found; KNYFE_DATA may name the folder that holds machines/");
    *status = STATUS_ENVIRONMENT;
    return NULL;
}

static const Machine *find(Tool *t, const char *name, int *status) {
    if (!name) return find_default(t, status);
    const Source *s = machine_source(t, name);
    size_t n = strlen(name);
    if (!s && (strchr(name, '/') || (n > 4 && !strcmp(name + n - 4, ".knf")))) {
        const char *why;
        s = source_read(t->arena, name, &why);
        if (!s) {
            tool_error("-t %s: %s", name, why);
            *status = STATUS_ENVIRONMENT;
            return NULL;
        }
    }
    if (!s) return unknown(t, name, status);
    const Machine *m = read_machine(t, s, status);
    if (m && !m->has_emitter) {
        MachineNames names = machine_names(t);
        tool_error("no C can be emitted for machine '%s'; targets: %s", m->name, list(t, &names));
        *status = STATUS_USAGE;
        return NULL;
    }
    return m;
}

const Machine *machine_find(Tool *t, const char *name, int *status) {
    const Machine *m = find(t, name, status);
    const char *schedule = t->options->schedule;
    if (!m || m->emitter != EMIT_HOST || !schedule || !strcmp(schedule, "auto")) return m;
    tool_error("-s takes auto on machine '%s', not '%s'", m->name, schedule);
    *status = STATUS_USAGE;
    return NULL;
}
