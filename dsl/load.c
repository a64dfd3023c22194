/* Reads the main file, the files it uses and the prelude, and gathers their definitions. */
#include "dsl/check.h"
#include <stdlib.h>

static const char prelude_text[] = {
#include "prelude.inc"
    , 0};

Def *program_find(const Program *p, Name name, bool kernel) {
    for (int i = 0; i < p->defs.n; i++)
        if (p->defs.at[i].name == name && (p->defs.at[i].kernel != NULL) == kernel) return &p->defs.at[i];
    return NULL;
}

static const char *def_kind(const Def *d) { return d->kernel ? "kernel" : d->fn ? "function" : "combinator"; }

static bool is_builtin(const char *name) {
    return op_by_name(name) != OP_COUNT || dtype_by_name(name) != DT_NONE;
}

static void add_def(Program *p, Def d, AName name) {
    if (!name.text) return;
    d.name = name.text;
    d.span = name.span;
    Def *old = program_find(p, d.name, d.kernel != NULL);
    if (!d.kernel && is_builtin(d.name)) {
        diag_error(p->diags, d.span, "'%s' is a built-in function and cannot be defined again", d.name);
        return;
    }
    if (old && old->prelude) {
        diag_error(p->diags, d.span, "'%s' is a function of the prelude and cannot be defined again", d.name);
        return;
    }
    if (old) {
        bool main = d.file != old->file && p->files.n && old->file == p->files.at[0];     /* reported there: the other file is right in itself */
        Diag *e = diag_error(p->diags, main ? old->span : d.span, "%s '%s' is defined twice", def_kind(main ? old : &d), d.name);
        diag_note(e, main ? d.span : old->span, "the other definition, a %s", def_kind(main ? &d : old));
        return;
    }
    vec_push(p->arena, &p->defs, d);
}

static void add_defs(Program *p, const AFile *f, bool prelude) {
    for (int i = 0; i < f->fns.n; i++) add_def(p, (Def){.file = f, .fn = f->fns.at[i], .prelude = prelude}, f->fns.at[i]->name);
    for (int i = 0; i < f->combs.n; i++) add_def(p, (Def){.file = f, .comb = f->combs.at[i]}, f->combs.at[i]->name);
    for (int i = 0; i < f->kernels.n; i++) add_def(p, (Def){.file = f, .kernel = f->kernels.at[i]}, f->kernels.at[i]->name);
}

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), m = strlen(end);
    return n >= m && !strcmp(s + n - m, end);
}

static bool leaves_tree(const char *path) {
    if (path[0] == '/') return true;
    for (const char *s = path; s; s = strchr(s, '/')) {
        if (*s == '/') s++;
        if (!strncmp(s, "..", 2) && (s[2] == '/' || !s[2])) return true;
    }
    return false;
}

/* The folder part of a path, with its slash; "" when there is none. */
static const char *folder_of(Arena *a, const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? arena_strndup(a, path, (size_t)(slash - path) + 1) : "";
}

/* Links do not lead out of the tree either: the real path must begin with the real folder. */
static bool real_inside(const char *folder, const char *path) {
    char *root = realpath(*folder ? folder : ".", NULL), *real = realpath(path, NULL);
    bool inside = true;
    if (root && real) {
        size_t n = strlen(root);
        inside = !strncmp(root, real, n) && (root[n - 1] == '/' || real[n] == '/');
    }
    free(root);
    free(real);
    return inside;
}

static bool is_loaded(Program *p, const char *path) {
    char *real = realpath(path, NULL);
    bool found = false;
    for (int i = 0; i < p->files.n && !found; i++) {
        char *other = realpath(p->files.at[i]->source->path, NULL);
        found = real && other ? !strcmp(real, other) : !strcmp(path, p->files.at[i]->source->path);
        free(other);
    }
    free(real);
    return found;
}

static void load_uses(Program *p, const AFile *f, const char *root);

static void load_use(Program *p, const AFile *from, const AUse *use, const char *root) {
    const char *name = use->path.text, *path, *why = NULL;
    bool relative = ends_with(name, ".knf");
    if (!*name || leaves_tree(name)) {
        Diag *e = diag_error(p->diags, use->path.span, "'use' never leaves the folder tree of its file: \"%s\"", name);
        diag_help(e, "name a library kernel (\"nn/softmax\") or a file below this one's folder (\"parts/mine.knf\")");
        return;
    }
    const char *base = relative ? folder_of(p->arena, from->source->path) : p->options->library;
    if (!base) {
        diag_error(p->diags, use->path.span, "no library named \"%s\": a file's name ends in .knf", name);
        return;
    }
    path = relative ? arena_printf(p->arena, "%s%s", base, name) : arena_printf(p->arena, "%s/%s.knf", base, name);
    if (!real_inside(relative ? root : base, path)) {
        diag_error(p->diags, use->path.span, "\"%s\" is a link that leaves the folder tree", name);
        return;
    }
    if (is_loaded(p, path)) return;
    Source *s = source_read(p->arena, path, &why);
    if (!s) {
        if (relative) diag_error(p->diags, use->path.span, "%s %s", path, why);
        else diag_error(p->diags, use->path.span, "there is no library kernel \"%s\"", name);
        return;
    }
    AFile *f = p->options->parse(p->arena, p->names, p->diags, s, false);
    vec_push(p->arena, &p->files, f);
    add_defs(p, f, false);
    load_uses(p, f, relative ? root : base);
}

enum { FILES_MAX = 256 };

static void load_uses(Program *p, const AFile *f, const char *root) {
    for (int i = 0; i < f->uses.n; i++) {
        if (p->files.n >= FILES_MAX) {
            diag_error(p->diags, f->uses.at[i]->span, "more than %d files are used", FILES_MAX);
            return;
        }
        if (f->uses.at[i]->path.text) load_use(p, f, f->uses.at[i], root);
    }
}

Program *front_load(Arena *a, Names *names, Diags *diags, const Source *source, const FrontOptions *options) {
    Program *p = NEW(a, Program);
    *p = (Program){.arena = a, .names = names, .diags = diags, .options = options};
    if (!options->kernel_text) {        /* a Kernel's text holds the functions that it calls */
        const Source *text = source_of_text(a, "<prelude>", prelude_text, sizeof prelude_text - 1);
        add_defs(p, options->parse(a, names, diags, text, false), true);
    }
    AFile *main = options->parse(a, names, diags, source, options->kernel_text);
    vec_push(a, &p->files, main);
    add_defs(p, main, false);
    load_uses(p, main, folder_of(a, source->path));
    return p;
}

const AFile *front_file(const Program *p, int i) { return p->files.at[i]; }
int front_n_files(const Program *p) { return p->files.n; }
