/* tiles.c: a region of a program: a chain of launches, done tile of rows by tile of rows.
 *
 * Tiles are dealt to chunks of neighbours. A chunk has partial totals of its own and does its tiles
 * in order; the totals are added up in the order of chunks by launches that follow. So the order of
 * every sum is fixed, whoever does which chunk.
 */
#include "kernel/pool.h"
#include "compiler/profile.h"
#include "compiler/program.h"

#include <string.h>

static void set_rows(const kn_tiles *t, kn_lane *lane, int64_t rows)
{
    if (lane->rows == rows)
        return;
    lane->rows = rows;
    for (int32_t i = 0; i < t->launch_count; i++)
        lane->launches[i].call.rows = rows * t->factors[i];
}

static void **operand(const kn_lane *lane, int32_t launch, int32_t index)
{
    return (void **)lane->launches[launch].call.operands + index;
}

static int32_t number_of(const kn_tiles *t, int32_t launch)
{
    return t->booked_in == t->kernel->profile && t->booked_at >= 0 ? t->booked_at + launch : -1;
}

static kaon_status run_tile(const kn_tiles *t, kn_lane *lane, int64_t tile, kaon_diag *diag)
{
    const int64_t first = tile * t->tile_rows;
    const int64_t rest = t->rows - first;
    set_rows(t, lane, rest < t->tile_rows ? rest : t->tile_rows);
    for (int32_t i = 0; i < t->moving_count; i++) {
        const kn_moving *m = &t->moving[i];
        *operand(lane, m->launch, m->operand) = (char *)m->base + first * m->bytes_per_row;
    }
    for (int32_t i = 0; i < t->launch_count; i++) {
        kn_launch *l = &lane->launches[i];
        l->call.first_row = first * t->factors[i];
        const kaon_status status =
            t->kernel->profile
                ? kn_profile_launch(t->kernel->profile, number_of(t, i), t->device, l, diag)
                : l->launch(l->state, &l->call, diag);
        if (status)
            return status;
    }
    return KAON_OK;
}

static kaon_status run_chunk(const kn_tiles *t, int64_t chunk, int32_t lane_index, uint64_t run,
                             kaon_diag *diag)
{
    kn_lane *lane = &t->lanes[lane_index];
    if (t->totals) {
        char *totals = t->totals + (uint64_t)chunk * t->total_bytes;
        memset(totals, 0, (size_t)t->total_bytes);
        for (int32_t i = 0; i < t->summing_count; i++) {
            const kn_summing *s = &t->summing[i];
            *operand(lane, s->launch, s->operand) = totals + s->at;
        }
    }
    for (int32_t i = 0; i < t->launch_count; i++)
        lane->launches[i].call.run = run;
    const int64_t stop = (chunk + 1) * t->tiles / t->chunks;
    for (int64_t tile = chunk * t->tiles / t->chunks; tile < stop; tile++)
        KAON_TRY(run_tile(t, lane, tile, diag));
    return KAON_OK;
}

typedef struct {
    const kn_tiles *tiles;
    uint64_t run;
} job;

static void run_item(void *context, int64_t chunk, int32_t lane_index)
{
    const job *j = context;
    kn_lane *lane = &j->tiles->lanes[lane_index];
    if (lane->failed >= 0)
        return;
    if (run_chunk(j->tiles, chunk, lane_index, j->run, &lane->fault.diag))
        lane->failed = chunk;
}

static kaon_status run_in_parallel(const kn_tiles *t, uint64_t run, kaon_diag *diag)
{
    job j = {t, run};
    for (int32_t i = 0; i < t->lane_count; i++)
        t->lanes[i].failed = -1;
    kn_pool_run(t->kernel->pool, t->chunks, run_item, &j);
    const kn_lane *first = NULL; // the failure of the lowest chunk, as if done in order
    for (int32_t i = 0; i < t->lane_count; i++) {
        const kn_lane *lane = &t->lanes[i];
        if (lane->failed >= 0 && (!first || lane->failed < first->failed))
            first = lane;
    }
    return first ? kn_diag_pass(&first->fault, diag) : KAON_OK;
}

kaon_status kn_run_tiles(const void *state, const kaon_launch *l, kaon_diag *diag)
{
    kn_tiles *t = (kn_tiles *)state;
    if (t->kernel->profile && t->booked_in != t->kernel->profile) {
        t->booked_at = kn_profile_book(t->kernel->profile, t->notes, t->launch_count);
        t->booked_in = t->kernel->profile;
    }
    if (t->in_parallel)
        return run_in_parallel(t, l->run, diag);
    for (int64_t chunk = 0; chunk < t->chunks; chunk++)
        KAON_TRY(run_chunk(t, chunk, 0, l->run, diag));
    return KAON_OK;
}

kaon_status kn_run_clear(const void *state, const kaon_launch *l, kaon_diag *diag)
{
    (void)state;
    (void)diag;
    memset(l->operands[0], 0, (size_t)l->rows);
    return KAON_OK;
}
