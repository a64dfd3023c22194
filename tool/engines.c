#include "tool/engines.h"
#include "grammar/parse.h"
#define PE_INSIDE
#include "knyfe/pe.h"
#include <string.h>

static const AMachine *again(const AFile *f, const AMachine *block) {
    for (int i = 0; i < f->machines.n; i++)
        if (f->machines.at[i]->span.lo == block->span.lo) return f->machines.at[i];
    return NULL;
}

bool machine_engines(const AMachine *block, bool pe, Diags *diags, Arena *a, EngineRows *rows) {
    FrontOptions front = {.parse = grammar_parse};
    Program *p = front_load(a, names_new(a), diags, block->span.src, &front);
    const AMachine *m = p && !diag_errors(diags) ? again(front_file(p, 0), block) : NULL;
    if (!m || !engine_read(p, m, pe ? PE_PANEL : 0, diags, a, rows)) return false;
    for (int i = 0; i < rows->n && pe; i++)
        if (!rows->at[i]->call) diag_help(diag_error(diags, rows->at[i]->span, "row '%s' of engine '%s' has no call", rows->at[i]->name, rows->at[i]->engine), "write the function of pe.h that it is: call pe_dot");
    return !diag_errors(diags);
}
