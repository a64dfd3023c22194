/* The mesh. Each router has a link out in four directions; at the border one of them may end in a port, behind which memories
 * stand; ports have a link inwards. Data that comes in runs straight on first (down its column from the north, along its row from
 * the west), then turns; data that leaves takes the same way back. A multicast to a row of PEs goes to that row first and then
 * along it, to a column likewise: each link carries it once. */
#include "sim/run.h"
#include <stdlib.h>
#include <string.h>

enum { EAST, SOUTH, WEST, NORTH };
static const int step_row[] = {0, 1, 0, -1}, step_col[] = {1, 0, -1, 0};

typedef struct Gate { int row, col, side; } Gate;   /* a port: the border PE beside it, and on which side of it */

/* Port p of P stands at place p * perimeter / P, clockwise from the north-west corner. */
static Gate gate_of(const SimMachine *m, int port) {
    int rows = (int)m->rows, cols = (int)m->cols;
    int s = (int)((int64_t)port * 2 * (rows + cols) / m->network.ports);
    if (s < cols) return (Gate){0, s, NORTH};
    s -= cols;
    if (s < rows) return (Gate){s, cols - 1, EAST};
    s -= rows;
    if (s < cols) return (Gate){rows - 1, cols - 1 - s, SOUTH};
    return (Gate){rows - 1 - (s - cols), 0, WEST};
}

static Calendar *link_out(Run *r, int row, int col, int dir) { return &r->link[(row * (int)r->m->cols + col) * 4 + dir]; }
static Calendar *link_in(Run *r, int port) { return &r->link[r->n_pes * 4 + port]; }

static int64_t link_take(Run *r, Calendar *link, int64_t at, int64_t dur) { return calendar_book(link, at, dur, r->now); }

/* From (row, col) to (to, col) or (row, to); the head leaves at `at`. Returns when it has arrived. */
static int64_t run_row(Run *r, int row, int *col, int to, int64_t at, int64_t dur) {
    int dir = to > *col ? EAST : WEST;
    while (*col != to) {
        at = link_take(r, link_out(r, row, *col, dir), at, dur) + r->m->network.hop;
        *col += step_col[dir];
    }
    return at;
}
static int64_t run_col(Run *r, int *row, int col, int to, int64_t at, int64_t dur) {
    int dir = to > *row ? SOUTH : NORTH;
    while (*row != to) {
        at = link_take(r, link_out(r, *row, col, dir), at, dur) + r->m->network.hop;
        *row += step_row[dir];
    }
    return at;
}

static int hops(Gate g, const Pe *p) { return abs(g.row - p->row) + abs(g.col - p->col) + 1; }

static int64_t local_land(Run *r, Pe *p, int64_t head, int64_t dur, int64_t bytes) {
    return buckets_book(p->port, head, head + dur, sim_rate_ticks(r->m->local.bandwidth, bytes));
}

/* To one PE, straight first. */
static int64_t deliver(Run *r, Gate g, Pe *p, int64_t at, int64_t dur, int64_t bytes) {
    int row = g.row, col = g.col;
    if (g.side == NORTH || g.side == SOUTH) {
        at = run_col(r, &row, col, p->row, at, dur);
        at = run_row(r, row, &col, p->col, at, dur);
    } else {
        at = run_row(r, row, &col, p->col, at, dur);
        at = run_col(r, &row, col, p->row, at, dur);
    }
    return local_land(r, p, at, dur, bytes);
}

/* To all PEs of a row (of a column): there first, then both ways along it. at_local[i] for to[i]. */
static void deliver_row(Run *r, Gate g, Pe **to, int n, int64_t at, int64_t dur, int64_t bytes, int64_t *at_local) {
    int row = g.row, col = g.col;
    at = run_col(r, &row, col, to[0]->row, at, dur);
    for (int way = 0; way < 2; way++) {
        int64_t t = at;
        int c = col;
        for (int goal = way ? col - 1 : col; way ? goal >= 0 : goal < n; goal += way ? -1 : 1) {
            t = run_row(r, row, &c, goal, t, dur);
            at_local[goal] = local_land(r, to[goal], t, dur, bytes);
        }
    }
}
static void deliver_col(Run *r, Gate g, Pe **to, int n, int64_t at, int64_t dur, int64_t bytes, int64_t *at_local) {
    int row = g.row, col = g.col;
    at = run_row(r, row, &col, to[0]->col, at, dur);
    for (int way = 0; way < 2; way++) {
        int64_t t = at;
        int w = row;
        for (int goal = way ? row - 1 : row; way ? goal >= 0 : goal < n; goal += way ? -1 : 1) {
            t = run_col(r, &w, col, goal, t, dur);
            at_local[goal] = local_land(r, to[goal], t, dur, bytes);
        }
    }
}

int64_t net_read(Run *r, int tensor, int64_t off, int64_t bytes, int64_t leave, Pe **to, int n, int64_t *at_local) {
    int port = mem_port(r, tensor, off);
    Gate g = gate_of(r->m, port);
    int64_t hop = r->m->network.hop, dur = sim_rate_ticks(r->m->network.link, bytes);
    int64_t at = mem_read(r, tensor, off, bytes, leave + hop * hops(g, to[0]));
    at = link_take(r, link_in(r, port), at, dur) + hop;
    if (n == 1) at_local[0] = deliver(r, g, to[0], at, dur, bytes);
    else if (to[0]->row == to[1]->row) deliver_row(r, g, to, n, at, dur, bytes, at_local);
    else deliver_col(r, g, to, n, at, dur, bytes, at_local);
    int64_t last = at_local[0];
    for (int i = 1; i < n; i++)
        if (at_local[i] > last) last = at_local[i];
    return last;
}

int64_t net_write(Run *r, int tensor, int64_t off, int64_t bytes, int64_t leave, Pe *from) {
    int port = mem_port(r, tensor, off), row = from->row, col = from->col;
    Gate g = gate_of(r->m, port);
    int64_t hop = r->m->network.hop, dur = sim_rate_ticks(r->m->network.link, bytes);
    int64_t at = buckets_book(from->port, leave, leave + dur, sim_rate_ticks(r->m->local.bandwidth, bytes)) - dur;
    if (g.side == NORTH || g.side == SOUTH) {
        at = run_row(r, row, &col, g.col, at, dur);
        at = run_col(r, &row, col, g.row, at, dur);
    } else {
        at = run_col(r, &row, col, g.row, at, dur);
        at = run_row(r, row, &col, g.col, at, dur);
    }
    at = link_take(r, link_out(r, row, col, g.side), at, dur) + hop + dur;
    return mem_write(r, tensor, off, bytes, at);
}

int64_t net_hops_back(Run *r, int tensor, int64_t off, const Pe *p) {
    return r->m->network.hop * hops(gate_of(r->m, mem_port(r, tensor, off)), p);
}

void net_new(Run *r) {
    r->n_links = r->n_pes * 4 + (int)r->m->network.ports;
    r->link = calloc((size_t)r->n_links, sizeof *r->link);
    if (!r->link) abort();
}

void net_free(Run *r) {
    for (int i = 0; r->link && i < r->n_links; i++) calendar_free(&r->link[i]);
    free(r->link);
}
