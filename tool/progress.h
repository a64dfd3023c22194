/* What goes on, on a terminal: one line that is written over. */
#pragma once
#include "tool/tool.h"

/* Shows `what`, with a percentage unless fraction is below 0, when standard error is a terminal, -q is not given and the run has
 * taken a while; at most ten times a second. */
void progress_show(Tool *t, const char *what, double fraction);
/* Takes the line away, before anything else is written. */
void progress_clear(Tool *t);
