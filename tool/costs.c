/* The machine's values as the cost model wants them, and estimates of programs. */
#include "tool/costs.h"
#include "tool/grid.h"
#include <string.h>

static double cycles(int64_t ticks) { return (double)ticks / SIM_TICK; }
static double rate(SimRate r) { return r.den ? (double)r.num / (double)r.den / SIM_TICK : 0; }

/* The busiest link's share of bytes that go evenly from all ports to all PEs, and so the least cycles a byte for all of them. Half come
 * in from east or west and run along their row; the others come down their column, then turn into a row. */
static double links(const SimMachine *m) {
    double cols = (double)m->cols, rows = (double)m->rows, ports = (double)m->network.ports, on = (cols - 1) / cols;
    double busiest = on / ports + on / (2 * rows * cols);
    return rate(m->network.link) * (busiest > 1 / ports ? busiest : 1 / ports);
}

static void memories(const SimMachine *m, CostMachine *c) {
    double net = links(m), sram = rate(m->sram.bandwidth), dram = rate(m->dram.bandwidth);
    double unit = (double)(m->sram.interleave < m->network.segment ? m->sram.interleave : m->network.segment);
    c->memory[COST_SRAM] = (CostMemory){.byte = sram > net ? sram : net, .latency = cycles(m->sram.latency), .unit = unit, .access = (double)m->sram.access, .parts = (double)m->sram.banks};
    double refreshes = m->dram.refresh_every ? (double)m->dram.refresh / (double)(m->dram.refresh_every * m->dram.banks) : 0;
    c->memory[COST_DRAM] = (CostMemory){
        .byte = (dram > net ? dram : net) * (1 + refreshes), .latency = cycles(m->dram.latency), .unit = (double)m->dram.interleave, .access = (double)m->dram.access,
        .parts = (double)m->dram.channels, .miss = cycles(m->dram.row_miss),
        .busy_rows = (double)m->dram.banks / 4,       /* requests wait in order: of random banks so many are at work */
        .written = cycles(m->dram.turnaround) / (double)(m->dram.write_queue * m->dram.channels)};
}

const CostMachine *grid_costs(const SimMachine *m, Arena *a) {
    CostMachine *c = NEW(a, CostMachine);
    *c = (CostMachine){
        .issue = cycles(m->core.issue), .scalar = cycles(m->core.scalar), .turn = cycles(m->core.turn), .op = cycles(m->core.op), .imul = cycles(m->core.imul),
        .div = cycles(m->core.div), .idiv = cycles(m->core.idiv), .function = cycles(m->core.function), .gather = cycles(m->core.gather), .vector = (double)m->core.vector,
        .loads = (double)m->core.loads, .stores = (double)m->core.stores, .depth = (double)m->queue.depth, .start = cycles(m->queue.start), .setup = cycles(m->dma.setup),
        .largest = (double)m->dma.largest, .row = cycles(m->dma.row), .gather_row = cycles(m->dma.gather_row), .outstanding = (double)m->dma.outstanding,
        .block_m = (double)m->dpe.block_m, .block_n = (double)m->dpe.block_n, .block_bytes = (double)m->dpe.block_bytes, .drain = cycles(m->re.drain),
        .basic = (double)m->se.basic, .table = (double)m->se.table, .recip = (double)m->se.recip, .divide = (double)m->se.divide, .mlu = rate(m->mlu.rate),
        .local = rate(m->local.bandwidth), .link = rate(m->network.link), .hop = cycles(m->network.hop), .sram_size = (double)m->sram.size};
    for (int i = 0; i < PE_TYPE_COUNT; i++) {
        DType t = grid_dtype((PeType)i);
        if (t == DT_NONE) continue;
        double products = (double)(m->dpe.block_m * m->dpe.block_n * m->dpe.block_bytes) / dtype_table[t].bytes;
        c->lanes[t] = (double)m->core.lanes[i];
        c->dot[t] = rate(m->dpe.rate[i]) * products;
        c->se[t] = rate(m->se.rate[i]);
    }
    memories(m, c);
    return c;
}

bool grid_estimate(Tool *t, const TileProgram *p, const GridRun *g, const int64_t *dims, CostReport *out) {
    const Kernel *k = p->kernel;
    TileMachine m = grid_tiles(&g->code->machine, t->arena);
    CostHome *home = NEW_ARRAY(t->arena, CostHome, k->tensors.n + 1);
    for (int i = 0; i < k->tensors.n; i++) {
        int at = sim_program_tensor(&g->code->program, k->tensors.at[i]->name);
        home[i] = at >= 0 && g->config.tensor[at].dram ? COST_DRAM : COST_SRAM;
    }
    return cost_program(p, &m, &(CostQuery){dims, home}, out, t->arena);
}
