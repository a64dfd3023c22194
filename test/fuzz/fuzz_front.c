/* Any bytes through lexer, parser, formatter and checker, and what comes out of them through the printers. A Kernel's text reads back
 * to the same text. A text that begins "# knyfe kernel" is read as --from kernel does; a first line "#D NAME=VALUE" is -D.
 *
 * For libFuzzer (clang -fsanitize=fuzzer,address,undefined); with -DREPLAY a program that reads the files and folders that
 * it is given, as a test. */
#include "dsl/ast_print.h"
#include "dsl/front.h"
#include "grammar/format.h"
#include "grammar/parse.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void oom(void *context, const char *why) {
    (void)context;
    fprintf(stderr, "%s\n", why);
    abort();
}

static Arena *new_arena(void) { return arena_new((size_t)1 << 30, oom, NULL); }

/* The argument of a first line "#D NAME=VALUE". */
static bool argument_of(Arena *a, const char *text, size_t n, FrontArg *arg) {
    const char *end = memchr(text, '\n', n), *assign = end ? memchr(text, '=', (size_t)(end - text)) : NULL;
    if (!assign || n < 4 || memcmp(text, "#D ", 3) || assign < text + 3) return false;
    *arg = (FrontArg){arena_strndup(a, text + 3, (size_t)(assign - text) - 3), arena_strndup(a, assign + 1, (size_t)(end - assign) - 1)};
    return true;
}

/* What front_kernel makes of the text, printed; NULL when it is refused. */
static const char *kernel_text(Arena *a, const Source *s, bool from_kernel, const char **messages, const char *library) {
    Names *names = names_new(a);
    Diags *diags = diags_new(a);
    FrontArg arg;
    FrontOptions options = {.parse = grammar_parse, .kernel_text = from_kernel, .library = library};
    if (argument_of(a, s->text, s->size, &arg)) options.args = &arg, options.n_args = 1;
    Program *p = front_load(a, names, diags, s, &options);
    Kernel *k = p ? front_kernel(p, &options) : NULL;
    Out out = out_new(a), said = out_new(a);
    if (p) ast_print(front_file(p, 0), &out);
    diag_print(diags, &said, true);
    *messages = said.text;
    if (!k) return NULL;
    out = out_new(a);
    kernel_print(k, &out);
    return out.text;
}

static void format(Arena *a, const Source *s) {
    Out out = out_new(a);
    grammar_format(a, names_new(a), diags_new(a), s, &out);
}

/* A Kernel's text is read back, and is the same then. */
static void read_back(Arena *a, const char *text) {
    const char *messages;
    const char *again = kernel_text(a, source_of_text(a, "k.knf", text, strlen(text)), true, &messages, NULL);
    if (again && !strcmp(again, text)) return;
    fprintf(stderr, "a Kernel's text reads back as another one:\n%s\n---\n%s\n%s\n", text, again ? again : "refused", messages);
    abort();
}

static void one(const char *path, const char *text, size_t n, const char *library) {
    Arena *a = new_arena();
    Source *s = source_of_text(a, path, text, n);
    bool from_kernel = n >= 14 && !memcmp(text, "# knyfe kernel", 14);
    const char *messages, *printed = kernel_text(a, s, from_kernel, &messages, library);
    if (printed) read_back(a, printed);
    if (!from_kernel) format(a, s);
    arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    one("f.knf", (const char *)data, n, NULL);
    return 0;
}

#ifndef REPLAY
/* ---- mutations: half of them of whole words, so that programs stay near to sound ones ---- */

size_t LLVMFuzzerMutate(uint8_t *data, size_t n, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed);

enum { WORDS_MAX = 2000 };

static bool is_wordy(uint8_t c) { return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z'); }

/* Where words begin; returns how many there are. begin[that many] is the end. */
static int words_of(const uint8_t *data, size_t n, size_t *begin) {
    int k = 0;
    for (size_t i = 0; i < n && k < WORDS_MAX; i++)
        if (!i || !is_wordy(data[i]) || !is_wordy(data[i - 1])) begin[k++] = i;
    begin[k] = n;
    return k;
}

/* Puts data[lo, hi) in the place of data[at, to). */
static size_t replace(uint8_t *data, size_t n, size_t max, size_t at, size_t to, size_t lo, size_t hi) {
    size_t piece = hi - lo, size = n - (to - at) + piece;
    if (size > max) return n;
    uint8_t *copy = malloc(piece + 1);
    memcpy(copy, data + lo, piece);
    memmove(data + at + piece, data + to, n - to);
    memcpy(data + at, copy, piece);
    free(copy);
    return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed) {
    size_t begin[WORDS_MAX + 1];
    int words = words_of(data, n, begin);
    if (words < 3 || seed & 1) return LLVMFuzzerMutate(data, n, max);
    seed = seed >> 1 ^ seed * 2654435761u;
    int a = (int)(seed % (unsigned)words), b = (int)(seed / 7 % (unsigned)words), length = 1 + (int)(seed >> 20) % (seed >> 17 & 1 ? 3 : 40);
    int end = b + length < words ? b + length : words;
    bool insert = seed >> 13 & 1, drop = (seed >> 14 & 3) == 0;
    int last = insert ? a : a + (drop ? length : 1);
    return replace(data, n, max, begin[a], begin[last < words ? last : words], begin[b], drop ? begin[b] : begin[end]);
}
#else
static int n_tests, n_failed;

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void replay_file(const char *path) {
    Arena *a = new_arena();
    const char *why = "";
    Source *s = source_read(a, path, &why);
    double from = seconds();
    if (s) one(path, s->text, s->size, "libkernels");
    double time = seconds() - from;
    bool good = s && time < 5;      /* a hang; the sanitizers and a loaded machine have their share */
    printf("%sok %d - %s\n", good ? "" : "not ", ++n_tests, path);
    if (!s) printf("# %s\n", why);
    else if (!good) printf("# %.1f s\n", time);
    fflush(stdout);
    n_failed += !good;
    arena_free(a);
}

static void replay(const char *path);

static void replay_folder(const char *path) {
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char child[4096];
        snprintf(child, sizeof child, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') replay(child);
        free(entries[i]);
    }
    if (n >= 0) free(entries);
}

/* A folder's files of any name below "corpus", else those that end in .knf. */
static void replay(const char *path) {
    DIR *folder = opendir(path);
    size_t n = strlen(path);
    if (folder) {
        closedir(folder);
        replay_folder(path);
    } else if (strstr(path, "/corpus/") || (n > 4 && !strcmp(path + n - 4, ".knf"))) replay_file(path);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) replay(argv[i]);
    printf("1..%d\n", n_tests);
    return n_failed > 0;
}
#endif
