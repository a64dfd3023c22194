/* knyfe fmt: one canonical layout. */
#pragma once
#include "base/diag.h"
#include "base/name.h"

/* Writes the source in the canonical layout: line breaks between statements and inside long ones stay, at most one blank line in a
 * row; spaces and indentation follow from the tokens; '=' of neighbouring definitions, sources of neighbouring machine entries and
 * neighbouring comments stand below each other. Every comment stays. The tree is the same, and formatting twice changes nothing.
 * Returns false, and writes nothing, when the text has errors: they are in diags. */
bool grammar_format(Arena *a, Names *names, Diags *diags, const Source *source, Out *out);
