/* What a run says: as text, and as JSON (docs/language.md, section 6). */
#pragma once
#include "tool/costs.h"
#include "tool/grid.h"

enum { REPORT_VERSION = 1 };

typedef struct Report {
    const Kernel *kernel;
    const Machine *machine;
    const int64_t *dims;
    const char *schedule;
    double time, time_low, time_high;    /* seconds: median, tenth and ninetieth percentile; time 0: not measured */
    int n_times;
    double bytes, operations;
    const char *bound;                   /* "dram bandwidth", "vector f32 rate" */
    double fraction;                     /* of the bound that was reached */
    bool ok, refused;
    bool no_test;                        /* nothing that was tried could judge the result */
    bool sampled;                        /* the reference was compared at `compared` elements only */
    int64_t compared;
    double loose;                        /* the share of elements whose bound tells little */
    const char *check;                   /* what the check was, in a word or two */
    double ratio;
    const GridRun *grid;                 /* of a run in the simulator, or NULL */
    const CostReport *estimate;          /* of the cost model, or NULL */
    bool map;                            /* show the grid */
    const char *lifts, *lifts_json;      /* lines and members of --lift, or NULL */
    const char *const *notes;            /* further lines */
    int n_notes;
} Report;

/* Times, bytes and the roofline of a verdict; r->grid is set. */
void report_measure(Arena *a, Report *r, const Verdict *v);
void report_text(const Report *r, Out *o);
/* The part of it that tells of time. */
void report_time(const Report *r, Out *o);
/* Dies when the file can't be written. */
void report_json(Tool *t, const Report *r, const char *path);
