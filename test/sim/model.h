/* What the simulator's tests know of a machine by themselves: its file's values, read from the text line by line, and expressions
 * over them. It shares no code with sim/, so that a wrong conversion there is seen here.
 *
 * An expression is written with the names of the machine file ("core.issue + 2 * network.hop"). Times are in ticks, 1024 of which
 * are one `cycle`; a time in ns is the nearest tick. A rate is a function: network.link(256) is the time of 256 bytes, rounded up to
 * a tick; of rates by type, se.rate.f16(64). Parts of a list: dpe.block.0. Counts are numbers. Besides: `n`, the argument;
 * max(a, b), min(a, b), ceil(a, b) (a / b rounded up); refresh(t, b): t, or when t falls into a refresh of DRAM bank b, its end
 * (bank b of each channel is refreshed every dram.banks * dram.refresh_every, first at b * dram.refresh_every). */
#pragma once
#include "base/arena.h"
#include <stdint.h>

typedef struct Model Model;
Model *model_read(Arena *a, const char *text);
/* The value of the expression. An expression that can't be read ends the test. */
int64_t model_eval(const Model *m, const char *expression, int64_t n);

/* The text with the numbers behind a key ("sram.latency") multiplied; with the first of them replaced. */
char *model_scale(Arena *a, const char *text, const char *path, double factor);
char *model_set(Arena *a, const char *text, const char *path, const char *value);
