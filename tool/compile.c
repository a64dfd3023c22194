#include "tool/compile.h"
#include "emit/host.h"
#include "tool/cache.h"
#include "tool/host.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

CUnit compile_emit(Tool *t, const Machine *m, const Kernel *k) {
    Out c = out_new(t->arena), call = out_new(t->arena);
    host_emit(t, k, m, NULL, &c);
    emit_host_call(k, &call);
    return (CUnit){c.text, call.text, k->name};
}

static bool executable(const char *path) { return access(path, X_OK) == 0; }

/* Where `word` is on the PATH (or itself, with a slash in it); NULL when nowhere. */
static const char *find_program(Arena *a, const char *word) {
    if (strchr(word, '/')) return executable(word) ? word : NULL;
    const char *path = getenv("PATH");
    for (const char *p = path; p && *p;) {
        size_t n = strcspn(p, ":");
        if (n) {
            const char *full = arena_printf(a, "%.*s/%s", (int)n, p, word);
            if (executable(full)) return full;
        }
        p += n + (p[n] == ':');
    }
    return NULL;
}

typedef VEC(const char *) Words;

static Words words_of(Arena *a, const char *text) {
    Words w = {0};
    for (const char *p = text + strspn(text, " \t"); *p; p += strspn(p, " \t")) {
        size_t n = strcspn(p, " \t");
        const char *word = arena_strndup(a, p, n);
        vec_push(a, &w, word);
        p += n;
    }
    return w;
}

/* The words of compile_command, the first with its folder. */
static Words compiler(Tool *t) {
    Words w = words_of(t->arena, compile_command(t));
    w.at[0] = find_program(t->arena, w.at[0]);
    return w;
}

const char *compile_command(Tool *t) {
    const char *env = getenv("CC");
    if (env && *env) {
        Words w = words_of(t->arena, env);
        if (!w.n || !find_program(t->arena, w.at[0])) tool_die(STATUS_ENVIRONMENT, "no C compiler: CC is '%s', which can't be run", env);
        return env;
    }
    static const char *const names[] = {"cc", "gcc", "clang"};
    for (int i = 0; i < 3; i++)
        if (find_program(t->arena, names[i])) return names[i];
    tool_die(STATUS_ENVIRONMENT, "no C compiler: neither cc, gcc nor clang is on the PATH; install one (Debian: apt install gcc) or set CC");
}

static const char *in_temp(Tool *t, const char *name) { return arena_printf(t->arena, "%s/%s", temp_folder(), name); }

/* Runs the command (ended by NULL) in the temporary folder with its messages in `log`. Gives the wait status, or -1 with errno. */
static int run(const Words *w, const char *log) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, temp_folder());
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t pid;
    int error = posix_spawn(&pid, w->at[0], &actions, NULL, (char *const *)w->at, environ), status;
    posix_spawn_file_actions_destroy(&actions);
    if (error) return errno = error, -1;
    temp_child(pid);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    temp_child(0);
    return status;
}

/* One file for a unit, the kernel and then knyfe_call, so that the compiler starts once. In an object of several units the names that
 * others see are made different by the preprocessor. */
static const char *unit_text(Tool *t, const CUnit *u, int i, int n) {
    if (n == 1) return arena_printf(t->arena, "%s\n%s", u->kernel, u->call);
    return arena_printf(t->arena, "#define %s %s_u%d\n#define %s_facts %s_facts_u%d\n#define knyfe_call knyfe_call_u%d\n#line 1\n%s\n%s",
                        u->name, u->name, i, u->name, u->name, i, i, u->kernel, u->call);
}

const char *compile_entry(Arena *a, int i, int n) { return n == 1 ? "knyfe_call" : arena_printf(a, "knyfe_call_u%d", i); }

static void write_units(Tool *t, const CUnit *units, int n, Words *w) {
    for (int i = 0; i < n; i++) {
        const char *file = arena_printf(t->arena, "kernel%d.c", i), *text = unit_text(t, &units[i], i, n);
        const char *why = out_write(in_temp(t, file), text, strlen(text), t->arena);
        if (why) tool_die(STATUS_ENVIRONMENT, "%s", why);
        vec_push(t->arena, w, file);
    }
}

/* The words of the compiler itself about its version, "" when it says nothing. */
static const char *version(Tool *t, const Words *cc) {
    Words w = {0};
    for (int i = 0; i < cc->n; i++) vec_push(t->arena, &w, cc->at[i]);
    vec_push(t->arena, &w, "--version");
    vec_push(t->arena, &w, (const char *)NULL);
    const char *log = in_temp(t, "version"), *why;
    int status = run(&w, log);
    const Source *s = status == 0 ? source_read(t->arena, log, &why) : NULL;
    return s ? s->text : "";
}

/* Objects of PE programs of one compiler. */
typedef struct Objects {
    SimObjects objects;
    Tool *t;
    Words cc;
    const char *version;
} Objects;

/* All that the object depends on: the compiler and its words, the processor, the texts. */
static CacheKey key(Tool *t, const Words *cc, const Words *command, const CUnit *units, int n) {
    CacheKey k = cache_key_new();
    cache_key_text(&k, KNYFE_VERSION);
    cache_key_text(&k, version(t, cc));
    for (int i = 0; i < command->n; i++)
        if (command->at[i] && !strstr(command->at[i], "kernels")) cache_key_text(&k, command->at[i]);
    cache_key_processor(&k);
    for (int i = 0; i < n; i++) {
        cache_key_text(&k, units[i].kernel);
        cache_key_text(&k, units[i].call);
        cache_key_text(&k, units[i].name);
    }
    return k;
}

static CacheKey program_key(const Objects *o, const char *made_of) {
    CacheKey k = cache_key_new();
    cache_key_text(&k, KNYFE_VERSION);
    cache_key_text(&k, o->version);
    for (int i = 0; i < o->cc.n; i++) cache_key_text(&k, o->cc.at[i]);
    cache_key_processor(&k);
    cache_key_text(&k, made_of);
    return k;
}

static bool program_get(void *context, const char *made_of, const char *path) {
    const Objects *o = context;
    CacheKey k = program_key(o, made_of);
    return cache_get(o->t->arena, &k, path);
}

static void program_put(void *context, const char *made_of, const char *path) {
    const Objects *o = context;
    CacheKey k = program_key(o, made_of);
    cache_put(o->t->arena, &k, path);
}

SimCompiler compile_programs(Tool *t, const char *level) {
    const char *include = tool_data_folder(t->arena, "include"), *cc = t->options->sim.compiler ? t->options->sim.compiler : compile_command(t);
    if (!include) tool_die(STATUS_ENVIRONMENT, "knyfe/pe.h is not found; KNYFE_DATA may name the folder that holds include/");
    SimCompiler c = {cc, t->options->sim.level ? t->options->sim.level : level, include, temp_folder(), NULL};
    Words words = words_of(t->arena, cc);
    const char *program = words.n ? find_program(t->arena, words.at[0]) : NULL;
    if (t->options->no_cache || !program) return c;
    words.at[0] = program;
    Objects *o = NEW(t->arena, Objects);
    *o = (Objects){{o, program_get, program_put}, t, words, version(t, &words)};
    c.objects = &o->objects;
    return c;
}

Compiled compile_units(Tool *t, const CUnit *units, int n, int level) {
    static int serial;
    Words w = compiler(t), cc = {0};
    for (int i = 0; i < w.n; i++) vec_push(t->arena, &cc, w.at[i]);
    const char *object = arena_printf(t->arena, "kernels%d.so", serial++), *log = in_temp(t, "messages");
    static const char *const flags[] = {"-march=native", "-std=gnu11", "-shared", "-fPIC", "-pipe", "-w", "-o"};
    vec_push(t->arena, &w, level == 1 ? "-O1" : "-O3");
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) vec_push(t->arena, &w, flags[i]);
    vec_push(t->arena, &w, object);
    vec_push(t->arena, &w, "-lm");
    bool cached = !t->options->no_cache;
    CacheKey k = cached ? key(t, &cc, &w, units, n) : (CacheKey){0};
    if (cached && cache_get(t->arena, &k, in_temp(t, object))) return (Compiled){.path = in_temp(t, object)};
    w.n--;
    write_units(t, units, n, &w);
    vec_push(t->arena, &w, "-lm");
    vec_push(t->arena, &w, (const char *)NULL);
    struct timespec t0, t1;
    clock_gettime(CLOCK_MONOTONIC, &t0);
    int status = run(&w, log);
    clock_gettime(CLOCK_MONOTONIC, &t1);
    Compiled c = {.path = in_temp(t, object), .seconds = (double)(t1.tv_sec - t0.tv_sec) + 1e-9 * (double)(t1.tv_nsec - t0.tv_nsec)};
    if (status == -1) tool_die(STATUS_ENVIRONMENT, "can't start the C compiler %s: %s", w.at[0], strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && access(c.path, R_OK) == 0) {
        if (cached) cache_put(t->arena, &k, c.path);
        return c;
    }
    const char *why;
    const Source *s = source_read(t->arena, log, &why);
    c.said = s ? s->text : "";
    if (strstr(c.said, "No space left on device")) tool_die(STATUS_ENVIRONMENT, "the C compiler found no space left in %s", temp_folder());
    c.why = WIFSIGNALED(status) ? arena_printf(t->arena, "the C compiler was ended by signal %d", WTERMSIG(status))
                                : arena_printf(t->arena, "the C compiler %s refuses the file", w.at[0]);
    return c;
}
