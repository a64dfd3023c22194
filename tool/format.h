/* One canonical layout of .knf text. */
#pragma once
#include "base/out.h"
#include "base/source.h"

/* The text of a file without syntax errors, laid out: lines stay lines; indentation by braces, continued lines under their bracket,
 * one space between tokens where there is one, `=`, comments and strings of neighbouring lines in one column, comments kept. */
void format_source(const Source *s, Out *out);
