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
enum { PIECES = NET_PIECES };

/* Port p of P stands at place p * perimeter / P, clockwise from the north-west corner. */
static Gate gate_new(const SimMachine *m, int port) {
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

static inline int64_t link_take(Run *r, Calendar *link, int64_t at, int64_t dur) {
    int64_t start;
    if (!calendar_continue(link, at, dur, &start)) start = calendar_book(link, at, dur, r->now);
    r->out->links.waited += start - at;
    r->out->link_bytes += r->segment;
    return start;
}

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

/* To one PE, straight first. */
static int64_t deliver(Run *r, Gate g, const Pe *p, int64_t at, int64_t dur) {
    int row = g.row, col = g.col;
    if (g.side == NORTH || g.side == SOUTH) {
        at = run_col(r, &row, col, p->row, at, dur);
        return run_row(r, row, &col, p->col, at, dur);
    }
    at = run_row(r, row, &col, p->col, at, dur);
    return run_col(r, &row, col, p->row, at, dur);
}

/* A multicast's line of PEs: the row (column) `line`, n long. */
typedef struct Line { bool row; int line, n; } Line;
static Calendar *line_link(Run *r, Line l, int place, bool back) {
    return l.row ? link_out(r, l.line, place, back ? WEST : EAST) : link_out(r, place, l.line, back ? NORTH : SOUTH);
}

/* Pieces of one tensor on their way: each one's time, length, and where on the line it comes in. */
typedef struct Flow { int n, place[PIECES]; int64_t at[PIECES], dur[PIECES], need[PIECES]; const NetPiece *piece; } Flow;

/* Both ways along the line, link by link: each link takes the pieces in their order. arrive[place][piece]. */
static void spread(Run *r, const Flow *f, Line l, int64_t (*arrive)[PIECES]) {
    int64_t t[PIECES], hop = r->m->network.hop;
    for (int s = 0; s < f->n; s++) arrive[f->place[s]][s] = t[s] = f->at[s];
    for (int c = 0; c + 1 < l.n; c++) {
        Calendar *link = line_link(r, l, c, false);
        for (int s = 0; s < f->n; s++)
            if (r->segment = f->piece[s].bytes, f->place[s] <= c) arrive[c + 1][s] = t[s] = link_take(r, link, t[s], f->dur[s]) + hop;
    }
    memcpy(t, f->at, sizeof *t * (size_t)f->n);
    for (int c = l.n - 1; c > 0; c--) {
        Calendar *link = line_link(r, l, c, true);
        for (int s = 0; s < f->n; s++)
            if (r->segment = f->piece[s].bytes, f->place[s] >= c) arrive[c - 1][s] = t[s] = link_take(r, link, t[s], f->dur[s]) + hop;
    }
}

void net_read(Run *r, int tensor, const NetPiece *piece, int n_pieces, int64_t leave, Pe **to, int n, int64_t *ends) {
    Flow f = {.n = n_pieces, .piece = piece};
    Line l = {n > 1 && to[0]->row == to[1]->row, 0, n};
    int64_t arrive[SIM_GRID_MAX][PIECES], hop = r->m->network.hop;
    l.line = l.row ? to[0]->row : to[0]->col;
    for (int s = 0; s < n_pieces; s++) {
        int port = mem_port(r, tensor, piece[s].off);
        r->segment = piece[s].bytes;
        Gate g = r->gate[port];
        int row = g.row, col = g.col;
        int64_t dur = f.dur[s] = sim_rate_ticks(r->m->network.link, piece[s].bytes);
        f.need[s] = sim_rate_ticks(r->m->local.bandwidth, piece[s].bytes);
        int64_t at = mem_read(r, tensor, piece[s].off, piece[s].bytes, leave + hop * hops(g, to[0]));
        at = link_take(r, link_in(r, port), at, dur) + hop;
        f.place[s] = n == 1 ? 0 : l.row ? col : row;
        f.at[s] = n == 1 ? deliver(r, g, to[0], at, dur) : l.row ? run_col(r, &row, col, l.line, at, dur) : run_row(r, row, &col, l.line, at, dur);
    }
    spread(r, &f, l, arrive);
    for (int c = 0; c < n; c++)
        for (int s = 0; s < n_pieces; s++) {
            int64_t end = buckets_book(to[c]->port, arrive[c][s], arrive[c][s] + f.dur[s], f.need[s]);
            r->out->local.waited += end - arrive[c][s] - f.dur[s];
            if (ends[c] < end) ends[c] = end;
        }
}

int64_t net_write(Run *r, int tensor, int64_t off, int64_t bytes, int64_t leave, Pe *from) {
    r->segment = bytes;
    int port = mem_port(r, tensor, off), row = from->row, col = from->col;
    Gate g = r->gate[port];
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
    return r->m->network.hop * hops(r->gate[mem_port(r, tensor, off)], p);
}

void net_new(Run *r) {
    r->n_links = r->n_pes * 4 + (int)r->m->network.ports;
    r->link = calloc((size_t)r->n_links, sizeof *r->link);
    r->gate = calloc((size_t)r->m->network.ports, sizeof *r->gate);
    if (!r->link || !r->gate) abort();
    for (int i = 0; i < r->m->network.ports; i++) r->gate[i] = gate_new(r->m, i);
}

void net_free(Run *r) {
    for (int i = 0; r->link && i < r->n_links; i++) calendar_free(&r->link[i]);
    free(r->link);
    free(r->gate);
}
