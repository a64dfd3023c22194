/* Engines for tests: those of a machine of test/engines.knf. */
#pragma once
#include "lower/engine.h"

EngineRows test_engines(Arena *a, const char *machine);
