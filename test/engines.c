#include "test/engines.h"
#include "grammar/parse.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

EngineRows test_engines(Arena *a, const char *machine) {
    const char *why;
    FrontOptions options = {.parse = grammar_parse};
    Diags *diags = diags_new(a);
    Source *s = source_read(a, SOURCE "/test/engines.knf", &why);
    Program *p = s ? front_load(a, names_new(a), diags, s, &options) : NULL;
    const AFile *f = p ? front_file(p, 0) : NULL;
    EngineRows rows = {0};
    for (int i = 0; f && i < f->machines.n; i++)
        if (!strcmp(f->machines.at[i]->name.text, machine) && engine_read(p, f->machines.at[i], 64, diags, a, &rows)) return rows;
    Out o = out_new(a);
    diag_print(diags, &o, false);
    fprintf(stderr, "%s\n", o.text ? o.text : machine);
    abort();
}
