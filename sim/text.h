/* The text of a PE program: what it may not say. */
#pragma once
#include "base/arena.h"
#include <stdbool.h>

/* Judges the preprocessed text of a program, with its line markers; `include` is the folder that holds knyfe/pe.h, whose own text is not
 * judged. Returns NULL, or "FILE:LINE: error: what"; refused are pointers that lose their type (void *, casts to
 * pointers), unions, copies of memory, the compiler's own functions and inline assembler, headers of the system, and the names that
 * pe.h keeps for the simulator: whatever gives the bytes of a vector or of a PE to plain C. */
const char *text_fault(const char *text, const char *include, Arena *a);
