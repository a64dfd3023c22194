/* The syntax tree as text, one node a line, children indented. Two texts with the same tree print the same: no spans, no layout. */
#pragma once
#include "base/out.h"
#include "dsl/ast.h"

void ast_print(const AFile *file, Out *out);
