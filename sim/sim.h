/* The simulator: a PE program on a machine, all PEs on one clock.
 *
 * Deterministic: the same program, machine and tensors give the same cycles. The run happens in the calling process (sim_run) or in
 * a child with limits on processor time and memory (sim_run_child), where wild pointers and endless loops end as faults. */
#pragma once
#include "sim/machine.h"

/* SIM_RANK: of temporaries; arrays that are given to a run and taken from it have a rank of SIM_RANK_GIVEN at most. */
enum { SIM_RANK = 16, SIM_RANK_GIVEN = 8, SIM_DIMS = 256, SIM_TEXT = 2048, SIM_PES_MAX = SIM_GRID_MAX * SIM_GRID_MAX };

typedef struct SimTensor {
    const char *name;
    PeType type;
    PeRole role;
    int rank;
    int64_t shape[SIM_RANK], count, bytes;
    void *data;            /* count elements, row-major; for sim_run_child shared with the child (sim_tensor_alloc) */
    unsigned char *written;   /* NULL, or `bytes` bytes, 0; where a PE stores its sim_writer_mark. Shared as data is */
    bool dram;             /* lives in DRAM, else in SRAM */
} SimTensor;

typedef enum SimFaultKind {
    SIM_OK, SIM_F_UNREADY, SIM_F_IN_FLIGHT, SIM_F_RACE, SIM_F_BOX, SIM_F_LOCAL, SIM_F_UNINIT, SIM_F_SHAPE, SIM_F_TYPE, SIM_F_RING, SIM_F_DEADLOCK,
    SIM_F_LEFTOVER, SIM_F_PROGRAM, SIM_F_ENDLESS, SIM_F_CRASH, SIM_F_MACHINE, SIM_F_INTERNAL, SIM_FAULTS
} SimFaultKind;
extern const char *const sim_fault_names[SIM_FAULTS];   /* "unready", "race" ... */

typedef struct SimFault {
    SimFaultKind kind;
    int line, knf, row, col, core;   /* C line (0: none), .knf line (0: none) */
    int64_t cycle;
    char text[SIM_TEXT];
} SimFault;

/* Where the time of a core or an engine went; the causes sum to the run's length. */
typedef enum SimCause {
    SIM_BUSY, SIM_DATA, SIM_ROOM, SIM_QUEUE, SIM_ACC, SIM_GROUP, SIM_CHAIN, SIM_FENCE, SIM_BARRIER, SIM_IDLE, SIM_CAUSES
} SimCause;
extern const char *const sim_cause_names[SIM_CAUSES];

enum { SIM_CORE0 = PE_ENGINES, SIM_CORE1, SIM_UNITS };     /* units of a PE: the engines, then the cores */
extern const char *const sim_unit_names[SIM_UNITS];

/* Shared resources: ticks of occupation, of the busiest one and over all; ticks that bookings waited for others. */
typedef struct SimUse { int64_t busiest, total, count, waited; } SimUse;

typedef struct SimReport {
    SimFault fault;
    int64_t ticks;                                  /* from launch to the last effect */
    int64_t time[SIM_UNITS][SIM_CAUSES];            /* ticks over all PEs */
    int64_t unit_busiest[SIM_UNITS];                /* ticks, of the busiest PE */
    int64_t commands[PE_ENGINES];
    int64_t pe_busy[SIM_PES_MAX][SIM_UNITS];        /* ticks, for the heat map */
    SimUse local, links, sram, dram;
    int64_t bytes_in, bytes_out, sram_bytes, dram_bytes, link_bytes;
    int64_t macs, row_hits, row_misses;
    int64_t local_used;                             /* bytes handed out, most of any PE */
    int64_t local_held;                             /* of them with something in, at once: scratch buffers, and rings from push to pop */
    int64_t events;
    int refused;                                    /* number of a fact that does not hold, 0: none; no output was written then */
    int n_stages;                                   /* that were reached; 0: the program has none */
    bool stage_ran[PE_STAGES];                      /* else it was left out */
    int64_t stage_ticks[PE_STAGES];                 /* of each, what it waited at its begin included; they sum to `ticks` less the launch */
    int site, site_row, site_col, site_core;        /* where the program was, for a child that died */
} SimReport;

/* unit SIM_UNITS: from start on, `line` bytes of the PE's local memory are held. */
typedef struct SimSpan { int64_t start, end; int16_t pe, unit; int32_t line; int8_t cause; } SimSpan;
/* Records what each unit did; filled up to `max`. */
typedef struct SimTrace { int64_t n, max; SimSpan span[]; } SimTrace;

/* What happened to one element of a tensor: a command that read or wrote it, when it landed, the element's bytes then. */
typedef struct SimTouch { int64_t ticks; int32_t line, knf; int16_t row, col, core; bool write; unsigned char value[8]; } SimTouch;
/* Records the touches of the element at flat position `at` of a tensor; filled up to `max`. */
typedef struct SimWatch { int tensor; int64_t at, n, max; SimTouch touch[]; } SimWatch;

typedef struct SimConfig {
    const SimMachine *machine;
    const PeProgram *program;
    int64_t dim[SIM_DIMS];
    double scalar[SIM_DIMS];
    int64_t scalar_i64[SIM_DIMS];  /* of scalars of integer types as well */
    SimTensor *tensor;             /* in the order of the program's table */
    int n_tensors;
    bool timing;                   /* leave floating-point results out; same cycles */
    bool unchecked;                /* no checks of values not yet written, no race checks */
    int64_t max_cycles;            /* 0: 2^40 */
    SimTrace *trace;               /* or NULL */
    SimWatch *watch;               /* or NULL */
} SimConfig;

/* Runs in this process. The report says how it went. */
void sim_run(const SimConfig *c, SimReport *out);
/* Runs in a child: at most `seconds` of processor time and `bytes` of memory beyond what is mapped (0: no limit). */
void sim_run_child(const SimConfig *c, int seconds, int64_t bytes, SimReport *out);

/* Memory that a child shares with its parent, zeroed; NULL when there is none left. */
void *sim_share(int64_t bytes);
void sim_unshare(void *p, int64_t bytes);

/* From 1 on by the PE's number; one mark for all beyond the 254th. */
static inline unsigned char sim_writer_mark(int pe) { return (unsigned char)(pe < 254 ? pe + 1 : 255); }
static inline int64_t sim_cycles(int64_t ticks) { return (ticks + SIM_TICK - 1) / SIM_TICK; }
int sim_type_bytes(PeType t);
const char *sim_type_name(PeType t);
