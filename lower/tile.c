#include "lower/tile.h"
#include "lower/expr.h"

TileBlock tile_block(Arena *a, const TileAxis *axis, TileNode *const *path, int n) {
    for (int i = n; i-- > 0;)
        for (int l = path[i]->levels.n; l-- > 0;)
            if (path[i]->levels.at[l].axis == axis) return (TileBlock){lo_index(a, path[i]->levels.at[l].var), lo_index(a, path[i]->levels.at[l].end)};
    return (TileBlock){axis->lo, axis->hi};
}
