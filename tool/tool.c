#include "tool/tool.h"
#include "grammar/parse.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void say(const char *kind, const char *format, va_list args) {
    fprintf(stderr, "knyfe: %s: ", kind);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void tool_error(const char *format, ...) {
    va_list args;
    va_start(args, format);
    say("error", format, args);
    va_end(args);
}

void tool_note(const char *format, ...) {
    va_list args;
    va_start(args, format);
    say("note", format, args);
    va_end(args);
}

void tool_die(int status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say("error", format, args);
    va_end(args);
    exit(status);
}

bool tool_colour(void) {
    const char *no = getenv("NO_COLOR");
    return isatty(2) && !(no && *no);
}

void tool_write(Tool *t, const char *path, const char *text, size_t n) {
    const char *why = out_write(path ? path : "-", text, n, t->arena);
    if (why) tool_die(STATUS_ENVIRONMENT, "%s", why);
}

int tool_print_diags(Tool *t) {
    Out o = out_new(t->arena);
    diag_print(t->diags, &o, tool_colour());
    if (o.n) fwrite(o.text, 1, o.n, stderr);
    return diag_errors(t->diags) ? STATUS_PROGRAM : STATUS_GOOD;
}

static bool is_folder(const char *path) {
    struct stat s;
    return !stat(path, &s) && S_ISDIR(s.st_mode);
}

const char *tool_data_folder(Arena *a, const char *name) {
    const char *env = getenv("KNYFE_DATA");
    if (env && *env) {
        const char *p = arena_printf(a, "%s/%s", env, name);
        if (is_folder(p)) return p;
    }
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n <= 0) return NULL;
    exe[n] = '\0';
    char *slash = strrchr(exe, '/');
    if (!slash) return NULL;
    *slash = '\0';
    for (int i = 0; i < 3; i++) {
        const char *p = arena_printf(a, i == 0 ? "%s/%s" : i == 1 ? "%s/../share/knyfe/%s" : "%s/../%s", exe, name);
        if (is_folder(p) && (strcmp(name, "machines") || access(arena_printf(a, "%s/host.knf", p), R_OK) == 0)) return p;
    }
    return NULL;
}

FrontOptions tool_front_options(const Tool *t) {
    const Options *o = t->options;
    return (FrontOptions){.parse = grammar_parse, .kernel = o->kernel, .args = o->defines.at, .n_args = o->defines.n,
                          .kernel_text = o->from_kernel, .library = tool_data_folder(t->arena, "libkernels")};
}

Program *tool_program(Tool *t, const char *path, FrontOptions *front, int *status) {
    const char *why;
    const Source *s = source_read(t->arena, path, &why);
    if (!s) {
        tool_error("%s: %s", path, why);
        *status = STATUS_ENVIRONMENT;
        return NULL;
    }
    *front = tool_front_options(t);
    Program *p = front_load(t->arena, t->names, t->diags, s, front);
    if (!p) *status = tool_print_diags(t);
    if (!p && *status == STATUS_GOOD) *status = STATUS_PROGRAM;
    return p;
}

Kernel *tool_kernel(Tool *t, const char *path, int *status) {
    FrontOptions front;
    Program *p = tool_program(t, path, &front, status);
    if (!p) return NULL;
    t->program = p;
    Kernel *k = front_kernel(p, &front);
    *status = tool_print_diags(t);
    if (!k && *status == STATUS_GOOD) *status = STATUS_PROGRAM;
    return *status == STATUS_GOOD ? k : NULL;
}
