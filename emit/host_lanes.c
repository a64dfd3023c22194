#include "emit/host_gen.h"
Lanes host_lanes_plan(Gen *g, const Stmt *s) { (void)g; (void)s; return (Lanes){0}; }
void host_lanes_emit(Gen *g, const Stmt *s, Lanes plan) { (void)g; (void)s; (void)plan; }
void host_wide_plan(Gen *g) { (void)g; }
