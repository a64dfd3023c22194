#include "tool/options.h"
#include "base/diag.h"
#include "tool/tool.h"
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/* One row an option: its key (a short option where it is a letter of the command line, else a code of this table only). */
typedef struct OptionRow { int key; const char *name, *arg, *about; bool is_short; } OptionRow;
static const OptionRow option_rows[] = {
    {'k', "kernel", "NAME", "the kernel to take (default: the last of the file)", true},
    {'t', "target", "NAME|FILE", "the machine to emit for, by name or a .knf file with a machine block (default: mtia1)", true},
    {'s', "schedule", "NAME", "the schedule: auto, or on a grid one of the file or another .knf, or random:SEED (default: the last for kernel and machine)", true},
    {'D', "define", "NAME=VALUE", "a compile-time parameter", true},
    {'o', "output", "FILE", "write there instead of standard output; whole or not at all", true},
    {'I', "in", "NAME=FILE.npy", "an input array; others are made from the seed", false},
    {'O', "out", "NAME=FILE.npy", "keep an output array", false},
    {'S', "seed", "N", "seed of the made inputs (default 1)", false},
    {'J', "json", "FILE", "write the report as JSON; - is standard output", false},
    {'d', "dump", "STAGE", "write a stage instead: ast, kernel, schedule or tile (of a grid), or c", false},
    {'F', "from", "STAGE", "the file is a stage's own text, as --dump writes it: kernel, or tile (knyfe FILE only)", false},
    {'n', "no-check", NULL, "leave run-time checks out of the emitted C ('where' facts stay)", false},
    {'p', "plain", NULL, "host C from the statements' own loops, without Tile IR: a second opinion", false},
    {'C', "check", "full|sample", "compare every element, or a sample where the work is large (default: by the work)", false},
    {'T', "time-limit", "SECONDS", "end a run of the kernel after that time (default 60)", false},
    {'M', "memory-limit", "SIZE", "memory that a run may take beside its tensors, as 512M or 8G (default 8G)", false},
    {'E', "emitted", "FILE.c", "run and check this C file, made or edited by hand, in place of the emitted one", false},
    {'U', "junit", "FILE", "write the results as JUnit XML too", false},
    {'H', "shapes", "[DIM=]N,N,...", "sizes to try for dims that a test does not give", false},
    {'B', "batch", "N", "compile N kernels in one call of the C compiler, at -O1", false},
    {'Z', "no-cache", NULL, "compile even what $XDG_CACHE_HOME/knyfe (or ~/.cache/knyfe) holds compiled", false},
    {'i', "in-place", NULL, "write the layout into the files themselves", true},
    {'c', "check", NULL, "write nothing; list the files that are laid out differently, exit status 1 if there are any", false},
    {'q', "quiet", NULL, "no progress", true},
    {'g', "timing", NULL, "leave floating-point results out: the same cycles, sooner", false},
    {'K', "check", "FILE.knf", "compare the outputs with the reference of this kernel", false},
    {'X', "trace", "FILE", "write what each unit did when, for Perfetto", false},
    {'G', "grid", NULL, "show the grid: how busy each PE was", false},
    {'L', "lift", "RESOURCE|all", "run again with one limit away: latency, links, sram, dram, local, issue, dpe, re, se, mlu", false},
    {'w', "watch", "NAME[I,J]", "the history of one element of a tensor: what read and wrote it, and when", false},
    {'W', "home", "NAME=sram|dram", "where a tensor lives (default: inputs and outputs dram, temporaries sram if all fit)", false},
    {'u', "unchecked", NULL, "no search for races and values never written", false},
    {'Q', "cc", "NAME", "the C compiler of a PE program (default: $CC, or the first of cc, gcc, clang)", false},
    {'P', "level", "-O2", "optimisation level of a PE program's compile (default -O1; in knyfe test -O0)", false},
    {'h', "help", NULL, "this text", true},
};
enum { N_ROWS = sizeof option_rows / sizeof *option_rows };

const Command options_commands[] = {
    {NULL, "knyfe FILE [-o FILE.c]", "Emits C for one kernel of FILE.", "ktsDodFnph",
     "  knyfe softmax.knf > softmax.c\n  knyfe softmax.knf -D T=f16 -t host -o softmax.c\n  knyfe softmax.knf --dump kernel\n", 1, 1, false},
    {"run", "knyfe run FILE [NAME=VALUE ...]",
     "Emits, compiles and runs a kernel, compares the result with the reference, and reports.\n"
     "NAME=VALUE sets a dim or a scalar; dims also come from the arrays given with --in.",
     "ktsDIOSJFnpCTMEZXGLWuPqh",
     "  knyfe run softmax.knf N=1024 D=1024\n  knyfe run softmax.knf N=1024 D=1024 -t host\n  knyfe run softmax.knf --in x=x.npy --out y=y.npy\n"
     "  knyfe run fc.knf -D T=f32 M=64 N=64 K=64 --json report.json\n"
     "  knyfe run fc.knf M=512 N=512 K=512 -t mtia2 --lift all\n", 1, 1, true},
    {"check", "knyfe check FILE ...", "Reads and checks files; says nothing when they are right.", "kDFh",
     "  knyfe check softmax.knf\n  knyfe check *.knf\n", 1, -1, false},
    {"test", "knyfe test FILE|FOLDER ...",
     "Runs the test blocks of the files, and kernels without one on a list of shapes and distributions.\n"
     "TAP on standard output.", "ktsDSUHBTMPnpZqh",
     "  knyfe test softmax.knf\n  knyfe test examples --junit report.xml\n  knyfe test softmax.knf --shapes D=1,1000\n", 1, -1, false},
    {"fmt", "knyfe fmt [-i|--check] FILE ...", "One canonical layout, comments kept; on standard output unless -i is given.", "ich",
     "  knyfe fmt softmax.knf\n  knyfe fmt -i *.knf\n  knyfe fmt --check *.knf\n", 1, -1, false},
    {"machines", "knyfe machines [NAME]", "Lists the machines known, or prints one in full.", "h",
     "  knyfe machines\n  knyfe machines host\n", 0, 1, false},
    {"sim", "knyfe sim FILE.c [NAME=VALUE ...]",
     "Runs a PE program (include/knyfe/pe.h) on a machine, every PE on one clock, and reports cycles and where they went.\n"
     "NAME=VALUE sets a dim or a scalar of the program; dims also come from the arrays given with --in.",
     "tIOSJTMgKXGLwWuQPZkDh",
     "  knyfe sim matmul.c M=2048 N=2048 K=2048 -t mtia2\n  knyfe sim softmax.c N=100 D=100 --check softmax.knf\n"
     "  knyfe sim stream.c N=1000000 --home x=dram --home y=dram --lift all\n", 1, 1, true},
    {"explain", "knyfe explain FILE [NAME=VALUE ...]",
     "Says how a kernel lies on a grid of PEs, where its time goes, what bounds it, and what to try.\n"
     "NAME=VALUE sets a dim or a scalar; dims also come from the arrays given with --in.",
     "ktsDISoTMWqh", "  knyfe explain softmax.knf N=1024 D=1024 -t mtia2\n", 1, 1, true},
};
const int options_n_commands = sizeof options_commands / sizeof *options_commands;

static void help_options(const Command *c, FILE *to) {
    fprintf(to, "\nOptions:\n");
    for (int i = 0; i < N_ROWS; i++) {
        const OptionRow *r = &option_rows[i];
        if (!strchr(c->options, r->key)) continue;
        char left[64];
        snprintf(left, sizeof left, "%s%c%s--%s%s%s", r->is_short ? "-" : " ", r->is_short ? r->key : ' ', r->is_short ? ", " : "  ",
                 r->name, r->arg ? " " : "", r->arg ? r->arg : "");
        fprintf(to, "  %-30s %s\n", left, r->about);
    }
    fprintf(to, "\nExamples:\n%s", c->examples);
}

void options_help(const Command *c, FILE *to) {
    if (c) {
        fprintf(to, "Usage: %s\n\n%s\n", c->synopsis, c->about);
        help_options(c, to);
        return;
    }
    fprintf(to, "knyfe compiles operators written as index-notation mathematics (.knf) to C, runs and checks them.\n\nUsage:\n");
    for (int i = 0; i < options_n_commands; i++)
        fprintf(to, "  %-34s %.*s\n", options_commands[i].synopsis, (int)strcspn(options_commands[i].about, "\n"), options_commands[i].about);
    fprintf(to, "\nknyfe COMMAND --help says more about one; knyfe --version prints the version.\n");
    help_options(&options_commands[0], to);
    fprintf(to, "\nExit status: 0 good; 1 the .knf is at fault; 2 usage; 3 the run failed, a check refused its input, the result\n"
                "differs from the reference, or nothing could judge it; 4 the environment (no compiler, no file).\n");
}

static bool usage(const Command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool usage(const Command *c, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    tool_error("%s", text);
    fprintf(stderr, "Try: knyfe%s%s --help\n", c && c->name ? " " : "", c && c->name ? c->name : "");
    return false;
}

/* Splits NAME=TEXT where NAME is an identifier. False when it is not of that form. */
static bool split(Arena *a, const char *text, NameText *r) {
    const char *p = text;
    if (!isalpha((unsigned char)*p) && *p != '_') return false;
    while (isalnum((unsigned char)*p) || *p == '_') p++;
    if (*p != '=') return false;
    *r = (NameText){arena_strndup(a, text, (size_t)(p - text)), p + 1};
    return true;
}

/* `option`: NULL for the arguments themselves; `form` as in the table of options. */
static bool push_pair(Arena *a, const Command *c, const char *option, const char *form, const char *arg, NameTexts *to) {
    NameText r;
    if (!split(a, arg, &r) || !*r.text)
        return option ? usage(c, "%s wants %s, not '%s'", option, form, arg) : usage(c, "%s is wanted, not '%s'", form, arg);
    for (int i = 0; i < to->n; i++)
        if (!strcmp(to->at[i].name, r.name)) return usage(c, "%s%s is given twice", option ? arena_printf(a, "%s ", option) : "", r.name);
    vec_push(a, to, r);
    return true;
}

static bool number(const Command *c, const char *option, const char *arg, int64_t least, int64_t *value) {
    char *end;
    errno = 0;
    long long v = strtoll(arg, &end, 0);
    if (errno || end == arg || *end || v < least)
        return usage(c, "%s wants an integer of at least %lld, not '%s'", option, (long long)least, arg);
    *value = v;
    return true;
}

/* A size in bytes: 4096, 512M, 8GiB. */
static bool size(const Command *c, const char *arg, int64_t *value) {
    char *end;
    errno = 0;
    double v = strtod(arg, &end);
    static const char units[] = "KMGT";
    const char *u = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    if (u) {
        for (long i = 0; i <= u - units; i++) v *= 1024;
        end++;
        if (!strcmp(end, "B") || !strcmp(end, "iB")) end += strlen(end);
    }
    if (errno || end == arg || *end || !(v >= 1) || v > 0x1p50) return usage(c, "--memory-limit wants a size as 512M or 8G, not '%s'", arg);
    *value = (int64_t)v;
    return true;
}

static bool choice(const Command *c, const char *option, const char *arg, const char *const *words, int n, const char **to) {
    for (int i = 0; i < n; i++)
        if (!strcmp(arg, words[i])) {
            *to = words[i];
            return true;
        }
    char list[256] = "";
    for (int i = 0; i < n; i++) {
        strncat(list, i ? ", " : "", sizeof list - strlen(list) - 1);
        strncat(list, words[i], sizeof list - strlen(list) - 1);
    }
    return usage(c, "%s takes %s, not '%s'", option, list, arg);
}

static bool set_check(const Command *c, const char *arg, Options *o) {
    static const char *const words[] = {"full", "sample"};
    const char *w;
    if (!choice(c, "--check", arg, words, 2, &w)) return false;
    o->full_check = w == words[0];
    o->operations_limit = w == words[0] ? INT64_MAX : 0;
    return true;
}

/* Options that count or size something. */
static bool set_number(const Command *c, int key, const char *arg, Options *o) {
    int64_t n;
    switch (key) {
    case 'S':
        if (!number(c, "--seed", arg, 0, &n)) return false;
        o->seed = (uint64_t)n;
        return true;
    case 'T': return number(c, "--time-limit", arg, 1, &o->time_limit);
    case 'M': return size(c, arg, &o->memory_limit);
    case 'B':
        if (!number(c, "--batch", arg, 1, &n)) return false;
        o->batch = n > 1000 ? 1000 : (int)n;
        return true;
    }
    return false;
}

static bool set_words(Arena *a, const Command *c, int key, const char *arg, Options *o) {
    static const char *const stages[] = {"ast", "kernel", "schedule", "tile", "c"}, *const from[] = {"kernel", "tile"};
    const char *w;
    NameTexts one = {0};
    switch (key) {
    case 's': o->schedule = arg; return true;
    case 'd': return choice(c, "--dump", arg, stages, 5, &o->dump);
    case 'F':
        if (!choice(c, "--from", arg, from, c->name ? 1 : 2, &w)) return false;
        o->from_kernel = w == from[0];
        o->from_tile = w == from[1];
        return true;
    case 'D':
        if (!push_pair(a, c, "-D", "NAME=VALUE", arg, &one)) return false;
        vec_push(a, &o->defines, ((FrontArg){one.at[0].name, one.at[0].text}));
        return true;
    case 'I': return push_pair(a, c, "--in", "NAME=FILE.npy", arg, &o->in);
    case 'O': return push_pair(a, c, "--out", "NAME=FILE.npy", arg, &o->out);
    case 'W': return push_pair(a, c, "--home", "NAME=sram|dram", arg, &o->sim.home);
    case 'H': {
        NameText r;
        if (!split(a, arg, &r)) r = (NameText){NULL, arg};
        vec_push(a, &o->shapes, r);
        return true;
    }
    }
    return set_number(c, key, arg, o);
}

static bool set(Arena *a, const Command *c, int key, const char *arg, Options *o) {
    switch (key) {
    case 'k': o->kernel = arg; return true;
    case 't': o->target = arg; return true;
    case 'o': o->output = arg; return true;
    case 'J': o->json = arg; return true;
    case 'U': o->junit = arg; return true;
    case 'E': o->emitted = arg; return true;
    case 'n': o->no_check = true; return true;
    case 'p': o->plain = true; return true;
    case 'i': o->in_place = true; return true;
    case 'c': o->only_check = true; return true;
    case 'Z': o->no_cache = true; return true;
    case 'q': o->quiet = true; return true;
    case 'h': o->help = true; return true;
    case 'C': return set_check(c, arg, o);
    case 'g': o->sim.timing = true; return true;
    case 'G': o->sim.grid = true; return true;
    case 'u': o->sim.unchecked = true; return true;
    case 'K': o->sim.check = arg; return true;
    case 'X': o->sim.trace = arg; return true;
    case 'L': o->sim.lift = arg; return true;
    case 'w': o->sim.watch = arg; return true;
    case 'Q': o->sim.compiler = arg; return true;
    case 'P': o->sim.level = arg; return true;
    default: return set_words(a, c, key, arg, o);
    }
}

/* The rows that c takes as getopt wants them. */
static void getopt_tables(const Command *c, char *shorts, struct option *longs) {
    int n = 0, s = 0;
    shorts[s++] = ':';           /* a missing argument is told from an unknown option */
    for (int i = 0; i < N_ROWS; i++) {
        const OptionRow *r = &option_rows[i];
        if (!strchr(c->options, r->key)) continue;
        longs[n++] = (struct option){r->name, r->arg ? required_argument : no_argument, NULL, r->key};
        if (!r->is_short) continue;
        shorts[s++] = (char)r->key;
        if (r->arg) shorts[s++] = ':';
    }
    shorts[s] = '\0';
    longs[n] = (struct option){0};
}

/* The row of a key that getopt gave, among those of c; NULL: none. */
static const OptionRow *find_row(const Command *c, int key) {
    for (int i = 0; i < N_ROWS; i++)
        if (option_rows[i].key == key && strchr(c->options, key)) return &option_rows[i];
    return NULL;
}

/* What is wrong with an option that getopt did not take: `missing` its argument, or it has one too many, or is not there. */
static bool bad_option(const Command *c, const char *word, int key, bool missing) {
    const OptionRow *r = key ? find_row(c, key) : NULL;
    if (missing && r) return usage(c, "%s%s wants %s", word[1] == '-' ? "--" : "-", word[1] == '-' ? r->name : (char[]){(char)key, 0}, r->arg);
    if (r) return usage(c, "option '--%s' takes no argument", r->name);
    if (word[1] != '-') return usage(c, "option '-%c' is unknown here", key ? key : word[1]);
    const char *names[N_ROWS];
    int n = 0;
    for (int i = 0; i < N_ROWS; i++)
        if (strchr(c->options, option_rows[i].key)) names[n++] = option_rows[i].name;
    char bare[64];
    snprintf(bare, sizeof bare, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    int begin = 0;
    for (int i = 0; i < n; i++) begin += !strncmp(names[i], bare, strlen(bare));
    if (begin > 1) return usage(c, "option '--%s' is the begin of several; write it out", bare);
    const char *near = diag_nearest(bare, names, n);
    return usage(c, "option '--%s' is unknown here%s%s%s", bare, near ? "; did you mean --" : "", near ? near : "", near ? "?" : "");
}

static bool positional(Arena *a, const Command *c, const char *arg, Options *o) {
    NameText r;
    if (c->takes_values && split(a, arg, &r)) return push_pair(a, c, NULL, "NAME=VALUE", arg, &o->values);
    vec_push(a, &o->files, arg);
    return true;
}

static bool count_files(const Command *c, const Options *o) {
    if (o->files.n < c->min_files) return usage(c, "a file is wanted: %s", c->synopsis);
    if (c->max_files >= 0 && o->files.n > c->max_files) {
        const char *extra = o->files.at[c->max_files];
        if (!c->name && o->files.n == 2) {
            const char *names[16];
            int n = 0;
            for (int i = 1; i < options_n_commands; i++) names[n++] = options_commands[i].name;
            const char *near = diag_nearest(o->files.at[0], names, n);
            if (near) return usage(c, "'%s' is no command; did you mean %s?", o->files.at[0], near);
        }
        return usage(c, "'%s' is one file too many%s", extra, strchr(extra, '=') && !c->takes_values ? " (NAME=VALUE belongs to knyfe run)" : "");
    }
    return true;
}

int options_read(Arena *a, int argc, char **argv, Options *o) {
    *o = (Options){.seed = 1, .time_limit = 60, .memory_limit = (int64_t)8 << 30, .operations_limit = 1000000000};
    if (argc > 1 && !strcmp(argv[1], "--version")) {
        printf("knyfe %s\n", KNYFE_VERSION);
        return STATUS_GOOD;
    }
    const Command *c = &options_commands[0];
    for (int i = 1; argc > 1 && i < options_n_commands; i++)
        if (!strcmp(argv[1], options_commands[i].name)) c = &options_commands[i];
    if (c->name) argc--, argv++;
    o->command = c;
    char shorts[2 * N_ROWS + 3] = "";
    struct option longs[N_ROWS + 1];
    getopt_tables(c, shorts, longs);
    opterr = 0;
    optind = 0;
    for (;;) {
        int key = getopt_long(argc, argv, shorts, longs, NULL);
        if (key == -1) break;
        if (key == '?' || key == ':') return bad_option(c, argv[optind - 1], optopt, key == ':'), STATUS_USAGE;
        if (!set(a, c, key, optarg, o)) return STATUS_USAGE;
    }
    if (o->help) {
        options_help(c->name ? c : NULL, stdout);
        return STATUS_GOOD;
    }
    for (int i = optind; i < argc; i++)
        if (!positional(a, c, argv[i], o)) return STATUS_USAGE;
    if (argc <= 1 && !c->name) {
        options_help(NULL, stderr);
        return STATUS_USAGE;
    }
    return count_files(c, o) ? -1 : STATUS_USAGE;
}
