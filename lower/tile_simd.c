/* Commands of the elementwise engine as text. */
#include "lower/tile_reader.h"

/* The number of a statement, and which part of it: nothing for all of it. */
static const Stmt *statement_part(TileReader *r, TilePart *part) {
    const Stmt *s = tile_reader_stmt(r);
    int word = s ? tile_reader_one_of(r, tile_words_part) : -1;
    *part = word < 0 ? TILE_WHOLE : (TilePart)word;
    return s;
}

bool tile_reader_simd(TileReader *r) {
    TileSimd *x = NEW(r->a, TileSimd);
    VEC(TileBuf *) temps = {0};
    VEC(bool) columns = {0};
    TilePart part;
    const Stmt *s = statement_part(r, &part);
    if (!s || !tile_reader_expect(r, ":")) return false;
    bool more = tile_reader_takes(r, "%");
    if (more) r->at--;
    for (; more; more = tile_reader_takes(r, ",")) {
        TileBuf *b = tile_reader_tile(r);
        if (!b) return false;
        vec_push(r->a, &temps, b);
        vec_push(r->a, &columns, tile_reader_takes(r, "column"));
    }
    x->temps = temps.n;
    x->temp = NEW_ARRAY(r->a, TileBuf *, temps.n + 1);
    x->temp_column = NEW_ARRAY(r->a, bool, temps.n + 1);
    for (int t = 0; t < temps.n; t++) {
        x->temp[t] = temps.at[t];
        x->temp_column[t] = columns.at[t];
    }
    vec_push(r->a, &r->simd.stmt, s);
    vec_push(r->a, &r->simd.part, part);
    vec_push(r->a, &r->simd.plan, x);
    return true;
}

TileSimd *tile_reader_plan(const TileReader *r, const Stmt *s, TilePart part) {
    for (int i = 0; i < r->simd.stmt.n; i++)
        if (r->simd.stmt.at[i] == s && r->simd.part.at[i] == part) return r->simd.plan.at[i];
    return NULL;
}

static bool arg(TileReader *r, const Stmt *s, const TileSimd *x, TileArg *a) {
    int64_t temp;
    int spread = tile_reader_one_of(r, tile_words_spread);
    *a = (TileArg){.spread = spread < 0 ? TILE_BOX : (TileSpread)spread};
    if (tile_reader_takes(r, "temp")) {
        a->kind = TILE_ARG_TEMP;
        if (!tile_reader_number(r, INT32_MAX, &temp)) return false;
        a->temp = (int)temp;
        return temp < x->temps || tile_reader_fail(r, "a temporary that the statement has");
    }
    if (tile_reader_takes(r, "state")) {
        a->kind = TILE_ARG_STATE;
        return true;
    }
    if (tile_reader_takes(r, "accumulators")) {
        a->kind = TILE_ARG_ACC;
        return true;
    }
    bool own = tile_reader_takes(r, "own");
    if (own || tile_reader_takes(r, "lead")) {
        a->kind = own ? TILE_ARG_STATE : TILE_ARG_LEAD;
        if (!tile_reader_number(r, TILE_FACTOR, &temp)) return false;
        a->temp = (int)temp;
        return true;
    }
    a->kind = tile_reader_takes(r, "target") ? TILE_ARG_TARGET : TILE_ARG_READ;
    if (a->kind == TILE_ARG_TARGET) return true;
    if (!tile_reader_expect(r, "read")) return false;
    return (a->read = tile_reader_read_of(r, s->value)) != NULL;
}

static bool row_of(TileReader *r, EngineClass class, const EngineRow **to) {
    uint32_t from = r->at;
    *to = tile_reader_row(r);
    if (*to && (*to)->class != class) return r->at = from, tile_reader_fail(r, "a row of another kind");
    return *to != NULL;
}

static bool factor(TileReader *r, Expr **e) {
    *e = tile_reader_expr(r, DT_NONE);
    return *e && (dtype_is_float((*e)->type) || tile_reader_fail(r, "a float"));
}

static bool option(TileReader *r, const Stmt *s, const TileSimd *x, TileCommand *c) {
    if (tile_reader_takes(r, "a")) return arg(r, s, x, &c->a);
    if (tile_reader_takes(r, "b")) return arg(r, s, x, &c->b);
    if (tile_reader_takes(r, "op")) return row_of(r, ENGINE_BOX, &c->bin);
    if (tile_reader_takes(r, "affine")) return row_of(r, ENGINE_AFFINE, &c->affine);
    for (int i = 0; c->affine && i < c->affine->as[c->affine->inside]->scalars; i++)
        if (tile_reader_takes(r, engine_scalar(c->affine, i))) return factor(r, &c->scalar[i]);
    if (tile_reader_takes(r, "fn")) return row_of(r, ENGINE_FUNCTION, &c->fn);
    if (tile_reader_takes(r, "one")) return c->one_row = tile_reader_expect(r, "row");
    if (!tile_reader_expect(r, "as") || !(c->whole = tile_reader_row(r))) return false;
    return c->whole->class >= ENGINE_JOIN || tile_reader_fail(r, "a row that joins, gathers, turns or moves");
}

bool tile_reader_command(TileReader *r) {
    TilePart part;
    const Stmt *s = statement_part(r, &part);
    TileSimd *x = s ? tile_reader_plan(r, s, part) : NULL;
    TileCommand c = {0};
    if (!s) return false;
    if (!x) return tile_reader_fail(r, "commands of a statement that a 'simd' line names");
    if (!tile_reader_expect(r, ":") || !tile_reader_expect(r, "to") || !arg(r, s, x, &c.dst)) return false;
    while (tile_reader_takes(r, ";"))
        if (!option(r, s, x, &c)) return false;
    vec_push(r->a, &x->commands, c);
    return true;
}
