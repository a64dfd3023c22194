/* Shared by the reader of Tile IR text (tile_read.c) and of its expressions (tile_expr.c). */
#pragma once
#include "dsl/front.h"
#include "lower/tile_text.h"

/* A named step, and whether a level has it. */
typedef struct TileStep { Index *var; Expr *value; int64_t most; bool used; } TileStep;

/* An expression that is made later: where it stands, where it goes; next gets it plus 1, most its value if it is a literal. serves: it
 * is read `number` of that tile. */
typedef struct TileLater { uint32_t from, end; Expr **to, **next; int64_t *most; TileBuf *serves; int number; } TileLater;

/* A node's line in a source that is read later: its number among them. */
typedef struct TileLine { TileNode *n; int source; int64_t line; uint32_t at; } TileLine;

/* The reader: a cursor over the text, and what the stage being read has so far. */
typedef struct TileReader {
    Arena *a;
    Names *names;
    Diags *diags;
    const Source *source;
    uint32_t at;
    ParseExprFn *parse;
    const TileMachine *m;
    const Kernel *k;
    TileProgram *p;
    TileStage *stage;
    const char *const *index_names;         /* of the Kernel's indices, by id */
    VEC(Index *) variables;                 /* of the stage's loops and steps */
    VEC(TileStep) steps;
    VEC(TileLater) later;
    VEC(TileDot *) dots;
    VEC(const Stmt *) dot_stmts;            /* beside dots */
    VEC(TileLine) lines;
    struct { VEC(const Stmt *) stmt; VEC(TilePart) part; VEC(TileSimd *) plan; } simd;

    VEC(Index *) residue;                   /* indices of reductions that stand inside others */
} TileReader;

/* A variable of the stage, or NULL. */
Index *tile_reader_index(TileReader *r, Name name);
Tensor *tile_reader_tensor(TileReader *r, Name name);
/* The cursor and what stands there (tile_read.c): each is false (or NULL) after an error, which has been reported. */
bool tile_reader_takes(TileReader *r, const char *text);
bool tile_reader_expect(TileReader *r, const char *text);
bool tile_reader_number(TileReader *r, int64_t most, int64_t *v);
bool tile_reader_fail(TileReader *r, const char *expected);
__attribute__((format(printf, 3, 4))) bool tile_reader_fault(TileReader *r, uint32_t from, const char *format, ...);
void tile_reader_skip_lines(TileReader *r);
int tile_reader_one_of(TileReader *r, const char *const *words);
Expr *tile_reader_expr(TileReader *r, DType want);
const Stmt *tile_reader_stmt(TileReader *r);
TileBuf *tile_reader_tile(TileReader *r);
/* engine.row */
const EngineRow *tile_reader_row(TileReader *r);
/* [(2)] : text of a read of the value. */
Expr *tile_reader_read_of(TileReader *r, Expr *value);

/* A line that begins with 'simd' or 'command': tile_simd.c. */
bool tile_reader_simd(TileReader *r);
/* The commands that were read for a part of a statement, or NULL. */
TileSimd *tile_reader_plan(const TileReader *r, const Stmt *s, TilePart part);
bool tile_reader_command(TileReader *r);

/* The typed expression; NULL after an error, which has been reported. want: the type it must have, or DT_NONE. */
Expr *tile_reader_make(TileReader *r, const AExpr *e, DType want);

/* tile_origin.c: what stands behind the stages. */
bool tile_reader_origin(TileReader *r, Kernel *k);
