/* Program files: the compiler, what their objects may hold, their table. */
#include "sim/program.h"
#include "sim/text.h"
#include "base/out.h"
#include <ctype.h>
#include <dlfcn.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the table's names ---- */

static int split_names(const char *list, const char **out, int max, Arena *a) {
    int n = 0;
    for (const char *s = list ? list : ""; *s;) {
        while (*s == ' ' || *s == ',') s++;
        const char *e = s;
        while (*e && *e != ',' && *e != ' ') e++;
        if (e == s) break;
        if (n == max) return -1;
        out[n++] = arena_strndup(a, s, (size_t)(e - s));
        s = e;
    }
    return n;
}

bool sim_program_of(SimProgram *out, const PeProgram *table, Arena *a, const char **why) {
    *out = (SimProgram){.table = table};
    if (table->version != PE_VERSION) {
        *why = arena_printf(a, "the program is of pe.h version %d, this simulator of %d", table->version, PE_VERSION);
        return false;
    }
    while (out->n_tensors < PE_TENSORS && table->tensor[out->n_tensors].name) out->n_tensors++;
    out->n_dims = split_names(table->dims, out->dim, SIM_DIMS, a);
    out->n_scalars = split_names(table->scalars, out->scalar, SIM_DIMS, a);
    if (out->n_dims < 0 || out->n_scalars < 0) *why = arena_printf(a, "more than %d dims or scalars", SIM_DIMS);
    if (table->n_stages < 0 || table->n_stages > PE_STAGES) {
        *why = arena_printf(a, "%d stages; there may be %d", table->n_stages, PE_STAGES);
        return false;
    }
    return out->n_dims >= 0 && out->n_scalars >= 0;
}

static int find(const char *const *names, int n, const char *name) {
    for (int i = 0; i < n; i++)
        if (!strcmp(names[i], name)) return i;
    return -1;
}
int sim_program_dim(const SimProgram *p, const char *name) { return find(p->dim, p->n_dims, name); }
int sim_program_scalar(const SimProgram *p, const char *name) { return find(p->scalar, p->n_scalars, name); }
int sim_program_tensor(const SimProgram *p, const char *name) {
    for (int i = 0; i < p->n_tensors; i++)
        if (!strcmp(p->table->tensor[i].name, name)) return i;
    return -1;
}

/* ---- objects ---- */

/* The name of a variable of that section, or of the section itself. */
static const char *object_variable(const unsigned char *o, const Elf64_Shdr *s, int n, int section, const char *otherwise) {
    for (int i = 0; i < n; i++) {
        if (s[i].sh_type != SHT_SYMTAB) continue;
        const Elf64_Sym *sym = (const void *)(o + s[i].sh_offset);
        for (size_t k = 0; k < s[i].sh_size / sizeof *sym; k++)
            if (sym[k].st_shndx == section && (ELF64_ST_TYPE(sym[k].st_info) == STT_OBJECT || ELF64_ST_TYPE(sym[k].st_info) == STT_TLS))
                return (const char *)o + s[s[i].sh_link].sh_offset + sym[k].st_name;
    }
    return otherwise;
}

/* Names the first thing in the object that a PE has not: writable data, or a function from outside. NULL: nothing. */
static const char *object_fault(const unsigned char *o, size_t size, Arena *a) {
    const Elf64_Ehdr *h = (const void *)o;
    if (size < sizeof *h || memcmp(h->e_ident, ELFMAG, SELFMAG) || h->e_shoff > size || h->e_shoff + (size_t)h->e_shnum * sizeof(Elf64_Shdr) > size) return "the compiler made no ELF object";
    const Elf64_Shdr *s = (const void *)(o + h->e_shoff);
    const char *names = (const char *)o + s[h->e_shstrndx].sh_offset;
    for (int i = 0; i < h->e_shnum; i++) {
        const char *n = names + s[i].sh_name;
        bool constant = !strncmp(n, ".data.rel.ro", 12), writable = (s[i].sh_flags & SHF_WRITE) && (s[i].sh_flags & SHF_ALLOC);
        if (writable && !constant && s[i].sh_size) {
            const char *variable = object_variable(o, s, h->e_shnum, i, n);
            return arena_printf(a, "the program has a global variable '%s' (section %s, %llu bytes): a PE has no memory but its local one", variable, n, (unsigned long long)s[i].sh_size);
        }
    }
    static const char *const allowed[] = {"", "memcpy", "memset", "memmove", "memcmp", "_GLOBAL_OFFSET_TABLE_"};
    for (int i = 0; i < h->e_shnum; i++) {
        if (s[i].sh_type != SHT_SYMTAB) continue;
        const Elf64_Sym *sym = (const void *)(o + s[i].sh_offset);
        const char *text = (const char *)o + s[s[i].sh_link].sh_offset;
        for (size_t k = 0; k < s[i].sh_size / sizeof *sym; k++) {
            if (sym[k].st_shndx == SHN_COMMON) return arena_printf(a, "the program has a global variable '%s': a PE has no memory but its local one", text + sym[k].st_name);
            if (sym[k].st_shndx == SHN_UNDEF && find(allowed, 6, text + sym[k].st_name) < 0) return arena_printf(a, "the program calls '%s', which no PE has", text + sym[k].st_name);
        }
    }
    return NULL;
}

static char *read_all(const char *path, size_t *size, Arena *a) {
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    size_t cap = 1 << 16, n = 0, got;
    char *text = arena_alloc(a, cap);
    while ((got = fread(text + n, 1, cap - n, f)) > 0)
        if ((n += got) == cap) {
            char *more = arena_alloc(a, cap * 2);
            memcpy(more, text, n);
            text = more;
            cap *= 2;
        }
    fclose(f);
    *size = n;
    text[n < cap ? n : n - 1] = 0;
    return text;
}

/* Runs a command with its output in `log`; returns its exit status, or -1. */
static int command_run(char *const *argv, const char *log) {
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen(log, "w", stderr) || dup2(fileno(stderr), 1) < 0) _exit(127);
        execvp(argv[0], argv);
        _exit(127);
    }
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) < 0) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* command_run of the words of `cc` with these arguments behind them. */
static int compiler_run(const char *cc, char *const *arguments, const char *log, Arena *a) {
    VEC(char *) words = {0};
    for (const char *s = cc + strspn(cc, " \t"); *s; s += strspn(s, " \t")) {
        size_t n = strcspn(s, " \t");
        vec_push(a, &words, (char *)arena_strndup(a, s, n));
        s += n;
    }
    if (!words.n) return -1;
    while (*arguments) vec_push(a, &words, *arguments++);
    vec_push(a, &words, (char *)NULL);
    return command_run(words.at, log);
}

/* What an object is made from: the compiler's words, and the text without the marks of where its lines come from. */
static const char *made_of(Arena *a, char *const *words, const char *text) {
    Out o = out_new(a);
    for (int i = 0; words[i]; i++) out_f(&o, "%s ", words[i]);
    for (const char *s = text; *s;) {
        size_t n = strcspn(s, "\n");
        if (s[0] != '#' || s[1] != ' ') out_f(&o, "\n%.*s", (int)n, s);
        s += n + (s[n] == '\n');
    }
    return o.text;
}

typedef struct Compile {
    const char *path;          /* the program */
    SimCompiler cc;
    char *text, *obj, *so, *log;    /* files: after the preprocessor; the objects; what the compiler says */
    Arena *a;
    const char **why;
    bool *environment;
} Compile;

/* False, with what happened and what the compiler says about it. */
static bool fails(const Compile *k, const char *what) {
    size_t n = 0;
    const char *said = read_all(k->log, &n, k->a);
    *k->why = arena_printf(k->a, "%s:\n%s", what, said ? said : "");
    return false;
}

/* The words of a compilation of `file`, ended by NULL. */
static char **make_words(const Compile *k, const char *file) {
    static const char *const flags[] = {"-std=gnu11", "-march=native", "-ffp-contract=off", "-fno-math-errno", "-fPIC", "-Wall", "-Wno-psabi", "-Werror=incompatible-pointer-types", "-Werror=strict-prototypes",
                                        "-Werror=old-style-definition", "-Werror=implicit-function-declaration", "-Werror=int-conversion"};
    enum { N = sizeof flags / sizeof *flags };
    char **w = NEW_ARRAY(k->a, char *, N + 7);
    int n = 0;
    w[n++] = (char *)k->cc.level;
    for (int i = 0; i < N; i++) w[n++] = (char *)flags[i];
    if (!file) return w;
    w[n++] = arena_printf(k->a, "-I%s", k->cc.include);
    w[n++] = "-c";
    w[n++] = (char *)file;
    w[n++] = "-o";
    w[n++] = k->obj;
    return w;
}

/* Compiles the file itself: of a program with faults the compiler then shows what its macros stand for. */
static bool make_whole(const Compile *k) {
    int status = compiler_run(k->cc.cc, make_words(k, k->path), k->log, k->a);
    *k->environment = status == 127 || status < 0;
    if (*k->environment) *k->why = arena_printf(k->a, "the compiler '%s' can't be run", k->cc.cc);
    return !status || (!*k->environment && fails(k, "the compiler refuses it"));
}

static bool link_object(const Compile *k) {
    char *const link[] = {"-shared", "-nostartfiles", k->obj, "-o", k->so, NULL};
    size_t n = 0;
    const char *object = read_all(k->obj, &n, k->a), *fault = object ? object_fault((const unsigned char *)object, n, k->a) : "the compiler left no object";
    if (fault) *k->why = fault;
    return !fault && (!compiler_run(k->cc.cc, link, k->log, k->a) || fails(k, "it does not link"));
}

static bool compile(const Compile *k) {
    char *const expand[] = {"-std=gnu11", "-march=native", "-fPIC", arena_printf(k->a, "-I%s", k->cc.include), "-E", (char *)k->path, "-o", k->text, NULL};
    const SimObjects *kept = k->cc.objects;
    size_t n = 0;
    *k->environment = false;
    if (compiler_run(k->cc.cc, expand, k->log, k->a)) {
        if (make_whole(k)) *k->why = "the preprocessor fails";
        return false;
    }
    const char *text = read_all(k->text, &n, k->a), *fault = text ? text_fault(text, k->cc.include, k->a) : "the preprocessor left no text";
    if (fault) return *k->why = fault, false;
    const char *of = kept ? made_of(k->a, make_words(k, NULL), text) : NULL;
    if (kept && kept->get(kept->context, of, k->so)) return true;
    if (compiler_run(k->cc.cc, make_words(k, k->text), k->log, k->a) && !make_whole(k)) return false;
    if (!link_object(k)) return false;
    if (kept) kept->put(kept->context, of, k->so);
    return true;
}

static void remove_folder(const char *dir, Arena *a) {
    static const char *const files[] = {"p.o", "p.so", "p.i", "log"};
    for (int i = 0; i < 4; i++) unlink(arena_printf(a, "%s/%s", dir, files[i]));
    rmdir(dir);
}

bool sim_program_load(SimProgram *out, const char *path, SimCompiler cc, Arena *a, const char **why, bool *environment) {
    const char *tmp = cc.folder ? cc.folder : getenv("TMPDIR");
    char *dir = arena_printf(a, "%s/knyfe-sim-XXXXXX", tmp ? tmp : "/tmp");
    *out = (SimProgram){0};
    *environment = true;
    if (!mkdtemp(dir)) {
        *why = "no folder for temporary files can be made";
        return false;
    }
    void *handle = NULL;
    Compile k = {path, cc, arena_printf(a, "%s/p.i", dir), arena_printf(a, "%s/p.o", dir), arena_printf(a, "%s/p.so", dir), arena_printf(a, "%s/log", dir), a, why, environment};
    if (compile(&k)) {
        handle = dlopen(k.so, RTLD_NOW | RTLD_LOCAL);
        if (!handle) *why = arena_strndup(a, dlerror(), 500);
    }
    remove_folder(dir, a);
    if (!handle) return false;
    *environment = false;
    const PeProgram *table = dlsym(handle, "pe_program");
    if (!table) *why = "it has no table: const PeProgram pe_program = {...}";
    if (!table || !sim_program_of(out, table, a, why)) {
        dlclose(handle);
        return false;
    }
    out->handle = handle;
    return true;
}

void sim_program_close(SimProgram *p) {
    if (p->handle) dlclose(p->handle);
    p->handle = NULL;
}
