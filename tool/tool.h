/* What the parts of the command share: exit status, messages, the temporary folder. */
#pragma once
#include "base/diag.h"
#include "dsl/front.h"
#include "tool/options.h"

/* Exit status, as docs/language.md has it. */
enum { STATUS_GOOD = 0, STATUS_PROGRAM = 1, STATUS_USAGE = 2, STATUS_RUN = 3, STATUS_ENVIRONMENT = 4 };

/* The line of progress: since when there is something to wait for, and what stands there. */
typedef struct Progress { double start, last; const char *what; bool shown; } Progress;

typedef struct Tool {
    Arena *arena;
    Names *names;
    Diags *diags;
    const Options *options;
    Progress *progress;          /* NULL: none is shown */
    const Program *program;      /* that tool_kernel read last */
} Tool;

/* Prints "knyfe: error: ..." on standard error. */
void tool_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void tool_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* tool_error, removes what is temporary, and ends with that status. */
void tool_die(int status, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

/* The private temporary folder (0700), made at the first call; removed with all in it at exit and on SIGINT, SIGTERM, SIGHUP. */
const char *temp_folder(void);
/* Installs the handlers of signals; `child` of temp_child is killed by them as well. */
void temp_init(void);
void temp_child(int pid);      /* 0: none */
void temp_remove(void);

/* Reads, checks and gives the kernel chosen by the options from one file. NULL after diagnostics were printed; *status says why. */
Kernel *tool_kernel(Tool *t, const char *path, int *status);
/* The loaded program only. */
Program *tool_program(Tool *t, const char *path, FrontOptions *front, int *status);
FrontOptions tool_front_options(const Tool *t);
/* Prints the diagnostics gathered so far; gives STATUS_PROGRAM when one is an error, else STATUS_GOOD. */
int tool_print_diags(Tool *t);
/* Writes text to path ("-" or NULL: standard output) whole or not at all; dies with STATUS_ENVIRONMENT when it can't. */
void tool_write(Tool *t, const char *path, const char *text, size_t n);
/* A folder of data files ("machines", "libkernels"): in $KNYFE_DATA, beside the executable, above it, or ../share/knyfe. NULL: none. */
const char *tool_data_folder(Arena *a, const char *name);
/* Standard error is a terminal and NO_COLOR is not set. */
bool tool_colour(void);

int cmd_emit(Tool *t);
int cmd_check(Tool *t);
int cmd_run(Tool *t);
int cmd_explain(Tool *t);
int cmd_test(Tool *t);
int cmd_fmt(Tool *t);
int cmd_machines(Tool *t);
int cmd_sim(Tool *t);
