/* The rows of a machine's engines. */
#pragma once
#include "base/diag.h"
#include "lower/engine.h"

/* Reads the file of a machine's block again, for the meanings in it. pe: rows are calls of pe.h, each says which. False after errors,
 * which are in diags. */
bool machine_engines(const AMachine *block, bool pe, Diags *diags, Arena *a, EngineRows *rows);
