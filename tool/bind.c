#include "tool/bind.h"
#include "tool/npy.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool bind_scalar(DType type, const char *text, void *at) {
    char *end;
    errno = 0;
    if (type == DT_BOOL) {
        bool yes = !strcmp(text, "true") || !strcmp(text, "1"), no = !strcmp(text, "false") || !strcmp(text, "0");
        dtype_store(type, at, 0, yes);
        return yes || no;
    }
    if (dtype_is_float(type)) {
        double v = strtod(text, &end);
        if (end == text || *end || isspace((unsigned char)*text)) return false;
        dtype_store(type, at, v, 0);
        return isinf(v) || isnan(v) || isfinite(dtype_load_float(type, at));
    }
    long long v = strtoll(text, &end, 0);
    if (errno || end == text || *end || v < dtype_table[type].min || v > dtype_table[type].max) return false;
    dtype_store(type, at, 0, v);
    return true;
}

static const Tensor *param(const Kernel *k, const char *name, int *i) {
    for (*i = 0; *i < k->params.n; ++*i)
        if (!strcmp(k->params.at[*i]->name, name)) return k->params.at[*i];
    return NULL;
}

static Dim *dim(const Kernel *k, const char *name) {
    for (int i = 0; i < k->dims.n; i++)
        if (!strcmp(k->dims.at[i]->name, name)) return k->dims.at[i];
    return NULL;
}

/* Names that stand near a wrong one, for an error. */
static const char *near_names(Tool *t, const Kernel *k, const char *name, bool arrays) {
    VEC(const char *) names = {0};
    for (int i = 0; i < k->params.n; i++)
        if (arrays || k->params.at[i]->rank == 0) vec_push(t->arena, &names, k->params.at[i]->name);
    for (int i = 0; !arrays && i < k->dims.n; i++) vec_push(t->arena, &names, k->dims.at[i]->name);
    const char *near = diag_nearest(name, names.at, names.n);
    if (near) return arena_printf(t->arena, "; did you mean %s?", near);
    Out o = out_new(t->arena);
    for (int i = 0; i < names.n; i++) out_f(&o, "%s%s", i ? ", " : "; there are: ", names.at[i]);
    return o.n ? o.text : "";
}

static int bind_values(Tool *t, const Kernel *k, Binding *b) {
    const NameTexts *v = &t->options->values;
    for (int i = 0; i < v->n; i++) {
        const char *name = v->at[i].name, *text = v->at[i].text;
        int at;
        const Tensor *p = param(k, name, &at);
        Dim *d = dim(k, name);
        if (p && p->rank == 0) {
            Array *x = &b->given[at];
            *x = (Array){.type = p->type, .n = 1, .data = arena_alloc(t->arena, 8)};
            if (bind_scalar(p->type, text, x->data)) continue;
            tool_error("%s=%s: '%s' is a scalar of type %s, and that is no such value", name, text, name, dtype_name(p->type));
            return STATUS_USAGE;
        }
        if (!d) {
            if (p) tool_error("%s=%s: '%s' is an array; give it with --in %s=FILE.npy", name, text, name, name);
            else tool_error("kernel '%s' has no dim or scalar '%s'%s", k->name, name, near_names(t, k, name, false));
            return STATUS_USAGE;
        }
        if (!bind_scalar(DT_I64, text, &b->dims[d->id]) || b->dims[d->id] < 0) {
            tool_error("%s=%s: a dim is an integer of 0 or more, at most 2^48", name, text);
            return STATUS_USAGE;
        }
    }
    return 0;
}

static int read_arrays(Tool *t, const Kernel *k, Binding *b) {
    const NameTexts *in = &t->options->in;
    for (int i = 0; i < in->n; i++) {
        int at;
        const Tensor *p = param(k, in->at[i].name, &at);
        if (!p) {
            tool_error("--in %s: kernel '%s' has no input of that name%s", in->at[i].name, k->name, near_names(t, k, in->at[i].name, true));
            return STATUS_USAGE;
        }
        const char *why = npy_read(t->arena, in->at[i].text, p->type, &b->given[at]);
        if (why) {
            tool_error("--in %s=%s: %s", p->name, in->at[i].text, why);
            return STATUS_ENVIRONMENT;
        }
        if (b->given[at].rank != p->rank) {
            Out shape = out_new(t->arena);
            for (int d = 0; d < p->rank; d++) {
                out_s(&shape, d ? ", " : "");
                expr_print(p->shape[d], &shape);
            }
            tool_error("--in %s=%s: the array has %d ax%ss, but '%s' has %d%s%s%s", p->name, in->at[i].text, b->given[at].rank,
                       b->given[at].rank == 1 ? "i" : "e", p->name, p->rank, p->rank ? ": [" : "", shape.text, p->rank ? "]" : "");
            return STATUS_RUN;
        }
        b->any_array |= p->rank > 0;
    }
    return 0;
}

/* Extents of the given arrays against each other, until no dim more becomes known. */
static int bind_arrays(Tool *t, const Kernel *k, Binding *b) {
    for (int round = 0; round <= k->dims.n; round++)
        for (int i = 0; i < k->params.n; i++) {
            if (!b->given[i].data) continue;
            const char *why = kernel_bind_dims(k, k->params.at[i], b->given[i].extent, b->dims, t->arena);
            if (!why) continue;
            tool_error("the shapes disagree: %s", why);
            return STATUS_RUN;
        }
    return 0;
}

/* What the command had already, for an example of one that works. */
static void repeat_command(const Options *o, Out *to) {
    if (o->kernel) out_f(to, " -k %s", o->kernel);
    if (o->target) out_f(to, " -t %s", o->target);
    for (int i = 0; i < o->defines.n; i++) out_f(to, " -D %s=%s", o->defines.at[i].name, o->defines.at[i].value);
    for (int i = 0; i < o->in.n; i++) out_f(to, " --in %s=%s", o->in.at[i].name, o->in.at[i].text);
    for (int i = 0; i < o->values.n; i++) out_f(to, " %s=%s", o->values.at[i].name, o->values.at[i].text);
}

static int missing(Tool *t, const Kernel *k, const Binding *b) {
    Out list = out_new(t->arena), example = out_new(t->arena);
    int n = 0;
    repeat_command(t->options, &example);
    for (int i = 0; i < k->dims.n; i++)
        if (b->dims[k->dims.at[i]->id] == DIM_UNKNOWN) {
            out_f(&list, "%s%s", n++ ? ", " : "", k->dims.at[i]->name);
            out_f(&example, " %s=%d", k->dims.at[i]->name, 64 - 7 * i > 1 ? 64 - 7 * i : 2);
        }
    if (!n) return 0;
    tool_error("kernel '%s' needs %s: %s\nTry: knyfe run %s%s", k->name, n == 1 ? "the value of a dim" : "values of its dims", list.text, t->options->files.at[0], example.text);
    return STATUS_USAGE;
}

int bind_run(Tool *t, const Kernel *k, Binding *b) {
    *b = (Binding){NEW_ARRAY(t->arena, int64_t, k->dims.n + 1), NEW_ARRAY(t->arena, Array, k->params.n + 1), false};
    for (int i = 0; i < k->dims.n; i++) b->dims[i] = DIM_UNKNOWN;
    int status = read_arrays(t, k, b);
    if (!status) status = bind_values(t, k, b);
    if (!status) status = bind_arrays(t, k, b);
    return status ? status : missing(t, k, b);
}
