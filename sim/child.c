/* A run in a child process: its limits, and what its death says. */
#include "sim/run.h"
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

void *sim_share(int64_t bytes) {
    void *p = mmap(NULL, (size_t)(bytes ? bytes : 1), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void sim_unshare(void *p, int64_t bytes) {
    if (p) munmap(p, (size_t)(bytes ? bytes : 1));
}

#if !defined(__SANITIZE_ADDRESS__)
static int64_t mapped_bytes(void) {
    FILE *f = fopen("/proc/self/statm", "r");
    long long pages = 0;
    if (f && fscanf(f, "%lld", &pages) != 1) pages = 0;
    if (f) fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}
#endif

static void child_limits(int seconds, int64_t bytes) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct rlimit core = {0, 0};
    setrlimit(RLIMIT_CORE, &core);
    if (seconds) {
        struct rlimit cpu = {(rlim_t)seconds, (rlim_t)seconds + 1};
        setrlimit(RLIMIT_CPU, &cpu);
    }
#if !defined(__SANITIZE_ADDRESS__)
    if (bytes) {
        struct rlimit as = {(rlim_t)(mapped_bytes() + bytes), RLIM_INFINITY};
        setrlimit(RLIMIT_AS, &as);
    }
#else
    (void)bytes;
#endif
}

/* A child that died without a report of its own. */
static void child_died(SimReport *r, int status, int seconds) {
    SimFault *f = &r->fault;
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    *f = (SimFault){.kind = sig == SIGXCPU || sig == SIGKILL ? SIM_F_ENDLESS : SIM_F_CRASH, .line = r->site, .row = r->site_row, .col = r->site_col, .core = r->site_core};
    if (f->kind == SIM_F_ENDLESS)
        snprintf(f->text, sizeof f->text, "stopped after %d s of processor time, without an end in sight; the line is that of the last call of pe.h", seconds);
    else if (sig)
        snprintf(f->text, sizeof f->text, "the program died of '%s': a pointer or an index of its own; the line is that of the last call of pe.h", strsignal(sig));
    else
        snprintf(f->text, sizeof f->text, "the program's process ended with status %d", WEXITSTATUS(status));
}

void sim_run_child(const SimConfig *c, int seconds, int64_t bytes, SimReport *out) {
    SimReport *shared = sim_share(sizeof *shared);
    memset(out, 0, sizeof *out);
    if (!shared) {
        out->fault = (SimFault){.kind = SIM_F_INTERNAL, .text = "no memory for the report"};
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        child_limits(seconds, bytes);
        static const int signals[] = {SIGXCPU, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
        for (int i = 0; i < 6; i++) signal(signals[i], SIG_DFL);      /* whatever the parent does with them */
        shared->fault.kind = SIM_FAULTS;
        sim_run(c, shared);
        _exit(0);
    }
    int status = 0;
    if (pid < 0) shared->fault = (SimFault){.kind = SIM_F_INTERNAL, .text = "the child process could not be started"};
    else {
        while (waitpid(pid, &status, 0) < 0) continue;
        if (status) child_died(shared, status, seconds);
    }
    *out = *shared;
    sim_unshare(shared, sizeof *shared);
}
