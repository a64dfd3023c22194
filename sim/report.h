/* What a run says: in words, as JSON, as a trace for Perfetto, as a map of the grid. */
#pragma once
#include "base/out.h"
#include "sim/sim.h"

enum { SIM_REPORT_VERSION = 1 };

/* One fault as lines: "FILE.c:12: error: race: ... " with PE, core and cycle. */
void sim_report_fault(Out *o, const char *file, const char *knf, const SimFault *f);
/* "refused: fact 2 does not hold: ..." */
void sim_report_refusal(Out *o, const SimConfig *c, const SimReport *r);
/* Where the time went, in a few lines for other reports: stages, units that were busiest, what the busiest units waited for. */
void sim_report_where(Out *o, const SimConfig *c, const SimReport *r);
void sim_report_text(Out *o, const SimConfig *c, const SimReport *r);
/* `extra` is JSON members that follow, each with a leading comma, or NULL. */
void sim_report_json(Out *o, const SimConfig *c, const SimReport *r, const char *extra);
/* Trace events of Perfetto's JSON: a process each PE, a thread each unit; times in us. */
void sim_report_trace(Out *o, const SimConfig *c);
/* Busy share of one unit on each PE, as a heat map in characters; colour for a terminal of 256 colours. */
void sim_report_grid(Out *o, const SimConfig *c, const SimReport *r, int unit, bool colour);
/* Unit that was busiest on average: what the map shows by itself. */
int sim_report_busiest(const SimReport *r);
/* PEs on which the unit is busy for the mean time, give or take that part of it. */
int sim_report_near_mean(const SimConfig *c, const SimReport *r, int unit, double part);

/* Why a run without a limit took longer than with it: the shared resource whose bookings waited more, the unit that stood longer. */
void sim_report_slower(Out *o, const SimReport *with, const SimReport *without);

typedef struct SimShare { const char *name; double busiest, mean; } SimShare;
enum { SIM_SHARES = PE_ENGINES + 2 + 4 };
/* Utilisation of each resource, 0 to 1; the first of the list is the bound: the one that is busiest. */
void sim_report_shares(const SimConfig *c, const SimReport *r, SimShare out[SIM_SHARES]);
