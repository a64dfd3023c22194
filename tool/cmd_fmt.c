/* knyfe fmt: one canonical layout. */
#include "dsl/ast_print.h"
#include "grammar/parse.h"
#include "tool/format.h"
#include "tool/tool.h"
#include <string.h>

static const char *tree(Tool *t, const AFile *f) {
    Out o = out_new(t->arena);
    ast_print(f, &o);
    return o.text ? o.text : "";
}

/* The text laid out; NULL after diagnostics were printed. Text that would mean something else is never given. */
static const Out *formatted(Tool *t, const Source *s, int *status) {
    Tool one = *t;
    one.diags = diags_new(t->arena);
    AFile *before = grammar_parse(t->arena, t->names, one.diags, s, false);
    if (diag_errors(one.diags)) {
        *status = tool_print_diags(&one);
        return NULL;
    }
    Out *o = NEW(t->arena, Out);
    *o = out_new(t->arena);
    format_source(s, o);
    const Source *again = source_of_text(t->arena, s->path, o->text ? o->text : "", o->n);
    Diags *quiet = diags_new(t->arena);
    AFile *after = grammar_parse(t->arena, t->names, quiet, again, false);
    if (!diag_errors(quiet) && !strcmp(tree(t, before), tree(t, after))) return o;
    tool_error("%s: the layout would change what the file says; it is left as it is (a fault of knyfe)", s->path);
    *status = STATUS_RUN;
    return NULL;
}

static int one_file(Tool *t, const char *path) {
    const char *why;
    const Source *s = source_read(t->arena, path, &why);
    if (!s) {
        tool_error("%s: %s", path, why);
        return STATUS_ENVIRONMENT;
    }
    int status = STATUS_GOOD;
    const Out *o = formatted(t, s, &status);
    if (!o) return status;
    bool same = o->n == s->size && (!o->n || !memcmp(o->text, s->text, o->n));
    if (t->options->only_check) {
        if (!same) printf("%s\n", path);
        return same ? STATUS_GOOD : STATUS_PROGRAM;
    }
    if (!t->options->in_place) tool_write(t, "-", o->text ? o->text : "", o->n);
    else if (!same) tool_write(t, path, o->text ? o->text : "", o->n);
    return STATUS_GOOD;
}

int cmd_fmt(Tool *t) {
    int worst = STATUS_GOOD;
    for (int i = 0; i < t->options->files.n; i++) {
        int status = one_file(t, t->options->files.at[i]);
        if (status > worst) worst = status;
    }
    return worst;
}
