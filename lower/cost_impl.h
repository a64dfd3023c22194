/* What the parts of the cost model share: the state of one abstract execution. */
#pragma once
#include "lower/cost.h"

enum { COST_SLOTS = 32, COST_QUEUE = 8, COST_FLIGHT = 32 };
enum { COST_ENGINES = 6 };      /* COST_LOAD .. COST_MLU, counted from 0 */
typedef enum CostLink { COST_ROW_LINK, COST_COL_LINK, COST_OWN_LINK, COST_LINK_COUNT } CostLink;

/* Shared memories serve one PE after another, so PEs that do the same drift apart: two of them are followed, the one that is served first
 * and the one that is served last. What the first asks for keeps a memory busy while the last still waits. */
typedef enum CostWho { COST_FIRST, COST_LAST, COST_WHOS } CostWho;

/* Times of a tile: when the newest block is there, until when it is used, when its slots become free. */
typedef struct CostRing { double ready, used, free[COST_SLOTS]; } CostRing;

/* All times that go on; nothing but doubles, so that a jump adds the same to each. */
typedef struct CostTimes {
    double core[2];
    double engine[COST_ENGINES], queue[COST_ENGINES][COST_QUEUE];   /* when the last command ends; when the last of those waiting do */
    double link[COST_LINK_COUNT], flight[COST_FLIGHT];
    double latest;
} CostTimes;

/* A node of the stage with what its execution needs to know again and again. */
typedef struct CostNode CostNode;
struct CostNode {
    const TileNode *node;
    CostNode *body;
    int n;
    bool loads, works;          /* a loop: whether core 0, core 1 goes round it */
    VEC(int) reads, writes;     /* tiles */
    VEC(int) axes;              /* a copy: its box hangs on the blocks of these */
    bool anywhere;              /* and on what is read from tensors */
    /* a loop: what a round took when rounds were alike, for extents of that key */
    uint64_t key;
    double round, busy[COST_UNITS];
    /* a computation of the vector core: its cycles for extents of that key */
    double work;
};

typedef struct CostRun {
    const TileProgram *p;
    const TileMachine *tiles;
    const CostMachine *m;
    const int64_t *dims;
    CostHome *home;             /* by Tensor.id */
    Arena *a;
    const TileStage *stage;
    double *env;                /* by Index.id: variables of loops */
    double *lo, *hi;            /* by TileAxis.id: the current block */
    bool *pinned;               /* by TileAxis.id: its blocks are one value wide */
    double rows, cols;          /* of the grid, that have work in the open loops */
    bool *ragged;               /* by TileAxis.id: its range hangs on what tensors hold: COST_RAGGED times the mean on the PE with most */
    double *dealt;              /* by TileAxis.id: its blocks that PEs work on at the same time */
    double fill;                /* what blocks dealt there hold on average, as a part of a full one */
    double pes;
    CostTimes t[COST_WHOS];
    CostRing *ring[COST_WHOS];  /* by TileBuf.id */
    CostWho who;                /* whose times go on now */
    double memory[COST_HOMES];  /* until when what all PEs have asked for keeps its busiest part busy */
    double *crowd;              /* by TileBuf.id: how much more than others the parts have worked that hold a box which many PEs read */
    double crowded[COST_HOMES]; /* the most of them: boxes of several tensors are taken to lie in different parts */
    int *filled[COST_WHOS];     /* beside ring: slots filled so far */
    int issued[COST_WHOS][COST_ENGINES], sent[COST_WHOS];
    double busy[COST_UNITS];
    bool fails;
} CostRun;

static inline CostTimes *cost_times(CostRun *r) { return &r->t[r->who]; }
static inline CostRing *cost_ring(const CostRun *r, const TileBuf *b) { return &r->ring[r->who][b->id]; }
enum { COST_RAGGED = 2 };

static inline double cost_max(double x, double y) { return x > y ? x : y; }
static inline double cost_min(double x, double y) { return x < y ? x : y; }

/* --- cost_value.c: numbers ------------------------------------------------------------------------------------------------ */

/* An integer (or bool) expression at the current blocks' beginnings. */
double cost_value(CostRun *r, const Expr *e);
/* Values that an index takes in the current block. */
double cost_extent(CostRun *r, const Index *i);
/* A hash of the current blocks' sizes and the grid's share. */
uint64_t cost_key(const CostRun *r);

/* --- cost_node.c: what single nodes take ------------------------------------------------------------------------------------ */

void cost_load(CostRun *r, const CostNode *n);
void cost_store(CostRun *r, const CostNode *n);
void cost_compute(CostRun *r, CostNode *n);
/* The tiles that a computation reads and writes. */
void cost_uses(CostRun *r, CostNode *n);

/* --- cost_vector.c ----------------------------------------------------------------------------------------------------------- */

/* Cycles of a computation by the vector core on the current block. */
double cost_vector(CostRun *r, const TileNode *n);
/* The tile that serves a read of core 1, or NULL. */
const TileBuf *cost_tile_of(const CostRun *r, const Expr *read);
