#include "tool/child.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* One array in shared memory: guard page, room in whole pages, guard page. */
typedef struct Region {
    const char *name;
    bool input;
    char *map, *data;               /* map NULL: the region of another layout serves this one too */
    size_t mapped, room, bytes;
} Region;

typedef enum Layout { AT_END, AT_START, TIMED, N_LAYOUTS } Layout;

typedef struct Control {
    int stage;                      /* 0 loading, 1 and 2 the calls, 3 timing, 4 done */
    int returned;
    int fault_signal, fault_write;  /* fault_write: 1 a write, 0 a read, -1 not known */
    uintptr_t fault_address;
    char load_error[256];
    int n_times;
    double times[CHILD_TIMES_MAX];
    double call_seconds;            /* of the last untimed call */
} Control;

typedef struct Job {
    Tool *t;
    const char *object, *entry;
    Region *regions[N_LAYOUTS];
    int n, n_layouts;
    const int64_t *dims;
    int n_dims;
    ChildCalls calls;
    ChildLimits limits;
    Control *control;
} Job;

enum { CANARY = 0xC7, LARGE = 16 << 20 };

static size_t page(void) { return (size_t)sysconf(_SC_PAGESIZE); }

/* Quiet nans with telling payloads for floats, odd numbers else. */
void child_poison(DType t, int poison, void *at) {
    static const uint64_t f64[] = {0x7ff8dead0000beefu, 0xfff8feed0000f00du};
    static const uint32_t f32[] = {0x7fc0deadu, 0xffc0feedu};
    static const uint16_t f16[] = {0x7e5du, 0xfe7bu}, bf16[] = {0x7fddu, 0xffebu};
    static const unsigned char e4m3[] = {0x7f, 0xff}, e5m2[] = {0x7e, 0xfd}, ints[] = {0xA5, 0x5B};
    switch (t) {
    case DT_F64: memcpy(at, &f64[poison], 8); break;
    case DT_F32: memcpy(at, &f32[poison], 4); break;
    case DT_F16: memcpy(at, &f16[poison], 2); break;
    case DT_BF16: memcpy(at, &bf16[poison], 2); break;
    case DT_F8E4M3: memcpy(at, &e4m3[poison], 1); break;
    case DT_F8E5M2: memcpy(at, &e5m2[poison], 1); break;
    default: memset(at, ints[poison], (size_t)dtype_table[t].bytes);
    }
}

static void fill(Region *r, const Array *x, int poison) {
    if (!r->bytes) return;
    if (r->input) {
        memcpy(r->data, x->data, r->bytes);
        return;
    }
    size_t done = (size_t)dtype_table[x->type].bytes;
    child_poison(x->type, poison, r->data);
    for (size_t n; done < r->bytes; done += n) {
        n = done < r->bytes - done ? done : r->bytes - done;
        if (n > 1 << 16) n = 1 << 16;       /* a source that stays in cache; a whole number of elements */
        memcpy(r->data + done, r->data, n);
    }
}

/* Inputs are private and read-only: a write to them is a fault. Outputs are shared, so that the parent sees them. */
static Region region_new(const char *name, const Array *x, bool input, Layout layout, int index) {
    size_t p = page(), bytes = array_bytes(x), skew = layout == TIMED ? (size_t)(index * 5 % 48 + 1) * 64 : 0;
    Region r = {.name = name, .input = input, .bytes = bytes, .room = (bytes + skew + p - 1) / p * p};
    r.mapped = r.room + 2 * p;
    r.map = mmap(NULL, r.mapped, PROT_READ | PROT_WRITE, (input ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (r.map == MAP_FAILED) tool_die(STATUS_ENVIRONMENT, "no memory for '%s' (%zu bytes): %s", name, bytes, strerror(errno));
    if (input && bytes >= LARGE) madvise(r.map, r.mapped, MADV_HUGEPAGE);
    mprotect(r.map, p, PROT_NONE);
    mprotect(r.map + p + r.room, p, PROT_NONE);
    r.data = layout == AT_END ? r.map + p + r.room - bytes : r.map + p + skew;
    memset(r.map + p, CANARY, (size_t)(r.data - (r.map + p)));
    memset(r.data + bytes, CANARY, (size_t)(r.map + p + r.room - (r.data + bytes)));
    fill(&r, x, layout == AT_START);
    if (input && r.room) mprotect(r.map + p, r.room, PROT_READ);
    return r;
}

/* --- in the child --- */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static Control *child_control;     /* for the handler of signals, in the child process only */

static void on_fault(int sig, siginfo_t *info, void *context) {
    Control *c = child_control;
    c->fault_signal = sig;
    c->fault_address = (uintptr_t)info->si_addr;
    c->fault_write = -1;
#if defined __x86_64__
    if (sig == SIGSEGV) c->fault_write = (((ucontext_t *)context)->uc_mcontext.gregs[REG_ERR] & 2) != 0;
#else
    (void)context;
#endif
    _exit(1);
}

static void child_prepare(const Job *j) {
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    rlim_t cpu = (rlim_t)(j->limits.wall_seconds * 8 + 2);
    setrlimit(RLIMIT_CPU, &(struct rlimit){cpu, cpu});
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, 0});
#if !defined __SANITIZE_ADDRESS__
    setrlimit(RLIMIT_DATA, &(struct rlimit){(rlim_t)j->limits.memory, (rlim_t)j->limits.memory});
#endif
    static char stack[64 << 10];
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    struct sigaction s = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &s, NULL);
}

typedef int CallFn(void *const *tensors, const int64_t *dims);

static int call(CallFn *f, const Job *j, Layout layout) {
    void *tensors[j->n + 1];
    for (int i = 0; i < j->n; i++) tensors[i] = j->regions[layout][i].data;
    tensors[j->n] = NULL;
    double start = now();
    int r = f(tensors, j->dims);
    j->control->call_seconds = now() - start;
    return r;
}

/* Calls of at least about 20 us each: short ones are timed in groups, so that the clock's own cost does not count. Kernels that take
 * long are warm after the calls before, and are timed a few times only. */
static void time_calls(CallFn *f, const Job *j) {
    Control *c = j->control;
    void *tensors[j->n + 1];
    for (int i = 0; i < j->n; i++) tensors[i] = j->regions[TIMED][i].data;
    bool slow = c->call_seconds > 0.3;
    for (int i = 0; i < 3 && !slow; i++) f(tensors, j->dims);
    double t0 = now(), one = c->call_seconds;
    if (!slow) {
        f(tensors, j->dims);
        one = now() - t0;
    }
    int group = one < 2e-5 ? (int)(2e-5 / (one + 1e-9)) + 1 : 1;
    double start = now();
    while (c->n_times < CHILD_TIMES_MAX) {
        t0 = now();
        for (int g = 0; g < group; g++) f(tensors, j->dims);
        double t1 = now();
        c->times[c->n_times++] = (t1 - t0) / group;
        if (t1 - start >= 0.2 && (c->n_times >= 5 || t1 - start > 1)) break;
    }
}

static void child_main(const Job *j) {
    Control *c = child_control = j->control;
    child_prepare(j);
    void *so = dlopen(j->object, RTLD_NOW | RTLD_LOCAL);
    CallFn *f = so ? (CallFn *)(uintptr_t)dlsym(so, j->entry) : NULL;
    if (!f) {
        const char *why = dlerror();
        snprintf(c->load_error, sizeof c->load_error, "%s", why ? why : "no entry");
        _exit(2);
    }
    for (int l = 0; l < (j->calls == CHILD_ONCE ? 1 : 2); l++) {
        c->stage = 1 + l;
        int r = call(f, j, (Layout)l);
        if (l == 0 || r != c->returned) c->returned = r;
        if (r && l == 0) break;
    }
    if (j->calls == CHILD_TIMED && !c->returned) {
        c->stage = 3;
        time_calls(f, j);
    }
    c->stage = 4;
    _exit(0);
}

/* --- in the parent --- */

/* Where the address lies, in words; NULL when near no array. */
static const char *locate(Arena *a, const Job *j, uintptr_t address, int write) {
    const char *does = write == 1 ? "writes" : write == 0 ? "reads" : "touches";
    for (int l = 0; l < j->n_layouts; l++)
        for (int i = 0; i < j->n; i++) {
            const Region *r = &j->regions[l][i];
            uintptr_t lo = (uintptr_t)r->map, data = (uintptr_t)r->data;
            if (!r->map || address < lo || address >= lo + r->mapped) continue;
            if (address >= data + r->bytes)
                return arena_printf(a, "it %s %zu bytes past the end of '%s'", does, (size_t)(address - data - r->bytes) + 1, r->name);
            if (address < data) return arena_printf(a, "it %s %zu bytes before the start of '%s'", does, (size_t)(data - address), r->name);
            return arena_printf(a, "it %s its input '%s' at byte %zu", does, r->name, (size_t)(address - data));
        }
    return NULL;
}

/* Bytes around the outputs that are not what they were. */
static const char *find_touched(Arena *a, const Job *j) {
    size_t p = page();
    for (int l = 0; l < j->n_layouts && l < 2; l++)
        for (int i = 0; i < j->n; i++) {
            const Region *r = &j->regions[l][i];
            if (r->input) continue;
            for (const char *c = r->map + p; c < r->data; c++)
                if ((unsigned char)*c != CANARY)
                    return arena_printf(a, "it wrote %zu bytes before the start of '%s'", (size_t)(r->data - c), r->name);
            for (const char *c = r->data + r->bytes; c < r->map + p + r->room; c++)
                if ((unsigned char)*c != CANARY)
                    return arena_printf(a, "it wrote %zu bytes past the end of '%s'", (size_t)(c - r->data - r->bytes) + 1, r->name);
        }
    return NULL;
}

/* Waits for the end of the child, at most the wall limit. False: it was killed for its time. */
static bool await(pid_t pid, int fd, double seconds, int *status) {
    double end = now() + seconds;
    bool in_time = true;
    for (;;) {
        double left = end - now();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int n = left > 0 ? poll(&p, 1, left > 1e6 ? 1000000000 : (int)(left * 1000) + 1) : 0;
        if (n < 0 && errno == EINTR) continue;
        if (n == 0 && left > 0) continue;
        in_time = n > 0;
        break;
    }
    if (!in_time) kill(pid, SIGKILL);
    while (waitpid(pid, status, 0) < 0 && errno == EINTR) {}
    return in_time;
}

static const char *signal_words(Arena *a, int sig) {
    static const struct { int sig; const char *words; } table[] = {
        {SIGSEGV, "a bad memory access (SIGSEGV)"}, {SIGBUS, "a bad memory access (SIGBUS)"}, {SIGFPE, "an integer division by zero or overflow (SIGFPE)"},
        {SIGILL, "an illegal instruction (SIGILL)"}, {SIGABRT, "abort (SIGABRT)"}, {SIGKILL, "a kill (SIGKILL; was memory short?)"},
        {SIGXCPU, "the limit of processor time"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].sig == sig) return table[i].words;
    return arena_printf(a, "signal %d", sig);
}

/* What the end of the child means. */
static void judge(const Job *j, bool in_time, int status, ChildResult *r) {
    Arena *a = j->t->arena;
    const Control *c = j->control;
    const char *when = c->stage == 3 ? " while it was timed" : c->stage == 2 ? " in the second call" : "";
    if (c->stage == 4 && WIFEXITED(status)) return;
    if (!in_time) {
        r->end = CHILD_TIMEOUT;
        r->why = arena_printf(a, "the kernel did not return within %g seconds%s (--time-limit changes that)", j->limits.wall_seconds, when);
    } else if (c->load_error[0]) {
        r->end = CHILD_BAD_OBJECT;
        r->why = arena_printf(a, "the compiled kernel can't be loaded: %s", c->load_error);
    } else {
        int sig = c->fault_signal ? c->fault_signal : WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        const char *where = c->fault_signal == SIGSEGV || c->fault_signal == SIGBUS ? locate(a, j, c->fault_address, c->fault_write) : NULL;
        r->end = CHILD_FAULT;
        r->why = sig ? arena_printf(a, "the kernel was ended by %s%s%s%s", signal_words(a, sig), when, where ? ": " : "", where ? where : "")
                     : arena_printf(a, "the kernel ended the process itself%s", when);
    }
}

static void run_job(Job *j, ChildResult *r) {
    int fds[2], status = 0;
    if (pipe2(fds, O_CLOEXEC)) tool_die(STATUS_ENVIRONMENT, "can't make a pipe: %s", strerror(errno));
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) tool_die(STATUS_ENVIRONMENT, "can't start a child process: %s", strerror(errno));
    if (pid == 0) {
        close(fds[0]);
        child_main(j);
    }
    close(fds[1]);
    temp_child(pid);
    bool in_time = await(pid, fds[0], j->limits.wall_seconds, &status);
    temp_child(0);
    close(fds[0]);
    r->returned = j->control->returned;
    judge(j, in_time, status, r);
}

/* The outputs of one layout, as they lie in shared memory. */
static Array *view_outputs(const Job *j, int layout, const Array *out, int n_in, int n_out) {
    Array *views = NEW_ARRAY(j->t->arena, Array, n_out + 1);
    for (int i = 0; i < n_out; i++) {
        views[i] = out[i];
        views[i].data = j->regions[layout][n_in + i].data;
    }
    return views;
}

/* The arrays of each layout. What is large is not made a third time for the timed calls. */
static void make_regions(Job *j, const Array *in, const char *const *in_names, int n_in, const Array *out, const char *const *out_names) {
    for (int l = 0; l < j->n_layouts; l++) {
        j->regions[l] = NEW_ARRAY(j->t->arena, Region, j->n + 1);
        for (int i = 0; i < j->n; i++) {
            bool input = i < n_in;
            const Array *x = input ? &in[i] : &out[i - n_in];
            if (l == TIMED && array_bytes(x) >= LARGE) {
                j->regions[l][i] = j->regions[AT_START][i];
                j->regions[l][i].map = NULL;
            } else {
                j->regions[l][i] = region_new(input ? in_names[i] : out_names[i - n_in], x, input, (Layout)l, i);
            }
        }
    }
}

static void free_job(void *memory) {
    const Job *j = memory;
    for (int l = 0; l < j->n_layouts; l++)
        for (int i = 0; i < j->n; i++)
            if (j->regions[l][i].map) munmap(j->regions[l][i].map, j->regions[l][i].mapped);
}

void child_release(ChildResult *r) {
    if (r->memory) r->free_memory(r->memory);
    r->memory = NULL;
    r->outputs[0] = r->outputs[1] = NULL;
}

/* Inputs, and the arrays that only timed calls write, are of no use to the parent. */
static void drop_inputs(Job *j) {
    for (int l = 0; l < j->n_layouts; l++)
        for (int i = 0; i < j->n; i++) {
            Region *r = &j->regions[l][i];
            if (!r->map || !(r->input || l == TIMED)) continue;
            munmap(r->map, r->mapped);
            r->map = NULL;
        }
}

ChildResult child_run(Tool *t, const char *object, const char *entry, const Array *in, const char *const *in_names, int n_in,
                      const Array *out, const char *const *out_names, int n_out, const int64_t *dims, ChildCalls calls, ChildLimits limits) {
    Job *j = NEW(t->arena, Job);
    ChildResult r = {.end = CHILD_RETURNED, .memory = j, .free_memory = free_job};
    *j = (Job){.t = t, .object = object, .entry = entry, .n = n_in + n_out, .dims = dims, .calls = calls, .limits = limits,
               .n_layouts = calls == CHILD_ONCE ? 1 : calls == CHILD_TWICE ? 2 : 3};
    make_regions(j, in, in_names, n_in, out, out_names);
    j->control = mmap(NULL, sizeof *j->control, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (j->control == MAP_FAILED) tool_die(STATUS_ENVIRONMENT, "no memory for a child process: %s", strerror(errno));
    run_job(j, &r);
    if (r.end == CHILD_RETURNED) {
        r.touched = find_touched(t->arena, j);
        for (int l = 0; l < 2 && l < j->n_layouts; l++) r.outputs[l] = l && r.returned ? NULL : view_outputs(j, l, out, n_in, n_out);
        r.n_times = j->control->n_times;
        r.times = NEW_ARRAY(t->arena, double, r.n_times + 1);
        memcpy(r.times, j->control->times, sizeof(double) * (size_t)r.n_times);
    }
    drop_inputs(j);
    munmap(j->control, sizeof *j->control);
    if (r.end != CHILD_RETURNED) child_release(&r);
    return r;
}
