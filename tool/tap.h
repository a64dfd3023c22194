/* Results of tests: TAP version 14 on standard output as they come, and JUnit XML at the end. */
#pragma once
#include "tool/tool.h"

typedef struct Tap Tap;

Tap *tap_new(Tool *t);
/* One result. `why`: lines of diagnostics, or NULL; `skip`: the reason why it was not run, or NULL. */
void tap_result(Tap *p, const char *suite, const char *name, bool ok, const char *skip, const char *why, double seconds);
/* Shows what is being done on standard error, when that is a terminal. */
void tap_progress(Tap *p, const char *what);
/* The plan, the counts and the JUnit file. Gives STATUS_GOOD, or STATUS_RUN when a test failed. */
int tap_finish(Tap *p);
