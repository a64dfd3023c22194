/* The temporary folder and what ends with us. Mutable state of the process stands here and nowhere else, since handlers of signals
 * can reach nothing but globals. */
#include "tool/tool.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char folder[512];
static volatile sig_atomic_t child;
static pid_t owner;

/* Removes a folder, its files, and its folders `depth` levels down. By system calls only: it runs in handlers too, where opendir may not. */
static void remove_folder(int at, const char *name, int depth) {
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0) {
        char buf[4096] __attribute__((aligned(8)));
        for (;;) {
            long n = syscall(SYS_getdents64, fd, buf, sizeof buf);
            if (n <= 0) break;
            for (long i = 0; i < n;) {
                struct dirent64 *d = (struct dirent64 *)(buf + i);
                bool own = strcmp(d->d_name, ".") && strcmp(d->d_name, "..");
                if (own && unlinkat(fd, d->d_name, 0) && depth) remove_folder(fd, d->d_name, depth - 1);
                i += d->d_reclen;
            }
        }
        close(fd);
    }
    unlinkat(at, name, AT_REMOVEDIR);
}

void temp_remove(void) {
    if (!folder[0] || owner != getpid()) return;
    remove_folder(AT_FDCWD, folder, 1);
    folder[0] = '\0';
}

static void on_signal(int sig) {
    if (owner == getpid()) {
        if (child) kill((pid_t)child, SIGKILL);
        temp_remove();
    }
    signal(sig, SIG_DFL);
    raise(sig);
}

void temp_init(void) {
    owner = getpid();
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (int i = 0; i < 3; i++) {
        struct sigaction old, new = {.sa_handler = on_signal};
        sigemptyset(&new.sa_mask);
        if (!sigaction(signals[i], NULL, &old) && old.sa_handler == SIG_IGN) continue;
        sigaction(signals[i], &new, NULL);
    }
    atexit(temp_remove);
}

void temp_child(int pid) { child = pid; }

const char *temp_folder(void) {
    if (folder[0]) return folder;
    const char *base = getenv("TMPDIR");
    char name[sizeof folder];
    int n = snprintf(name, sizeof name, "%s/knyfe-XXXXXX", base && *base ? base : "/tmp");
    if (n >= (int)sizeof name) tool_die(STATUS_ENVIRONMENT, "the path in TMPDIR is too long");
    if (!mkdtemp(name)) tool_die(STATUS_ENVIRONMENT, "can't make a temporary folder %s: %s", name, strerror(errno));
    memcpy(folder, name, (size_t)n + 1);
    return folder;
}
