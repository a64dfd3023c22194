/* Any bytes through lexer, parser and formatter. For libFuzzer (clang -fsanitize=fuzzer,address,undefined); with -DREPLAY a program that
 * reads the files it is given. The checker's call goes behind grammar_parse in one(). */
#include "dsl/ast_print.h"
#include "grammar/format.h"
#include "grammar/parse.h"
#include <stdlib.h>

static void oom(void *context, const char *why) {
    (void)context;
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static void one(const char *text, size_t n) {
    Arena *a = arena_new((size_t)1 << 30, oom, NULL);
    Names *names = names_new(a);
    Diags *diags = diags_new(a);
    Source *s = source_of_text(a, "f.knf", text, n);
    Out out = out_new(a), messages = out_new(a);
    ast_print(grammar_parse(a, names, diags, s, n & 1), &out);
    diag_print(diags, &messages, true);
    grammar_format(a, names, diags_new(a), s, &out);
    arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    one((const char *)data, n);
    return 0;
}

#ifdef REPLAY
int main(int argc, char **argv) {
    Arena *a = arena_new(0, oom, NULL);
    for (int i = 1; i < argc; i++) {
        const char *why = "";
        Source *s = source_read(a, argv[i], &why);
        if (s) one(s->text, s->size);
        printf("%sok %d - %s\n", s ? "" : "not ", i, argv[i]);
    }
    printf("1..%d\n", argc - 1);
    arena_free(a);
}
#endif
