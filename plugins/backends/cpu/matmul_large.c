/* matmul_large.c: large products, packed into panels and done in blocks that fit the caches.
 *
 * k is cut into blocks of equal depth, which are added to C one after the other: the depth follows
 * from k alone, so the bits of C do not depend on how C was shared out. B is packed once for all
 * threads where that takes no more than ROOM, else by each thread for its own part of C.
 */
#include "denormals.h"
#include "matmul.h"

#include <string.h>

enum {
    DEPTH = 512,       // of a block: a panel of A fits in a first level cache of 32 KiB
    ROWS = 168,        // of A at a time: with DEPTH they fit in the second level cache
    SHARED_ROWS = 512, // of a task, where B is packed for all
    TASK_ROWS = 1024,  // where a task packs its own part of B
    TASK_COLUMNS = 2048,
    PIECE_COLUMNS = 512,     // of B packed at a time
    ROOM = 16 * 1024 * 1024, // numbers of a B that is packed for all
};

static int64_t share(int64_t n, int64_t parts)
{
    return (n + parts - 1) / parts;
}

static int64_t whole(int64_t n, int64_t of)
{
    return share(n, of) * of;
}

static const cpu_panels *panels_of(const cpu_matmul *x)
{
    return &x->state.device->set->panels[x->dtype == KAON_F64];
}

/* Lines that lie side by side: a step of many panels at a time, for pages come one after the other
 * then. */
static void pack_side_by_side(const cpu_matmul *x, char *to, int64_t width, const char *from,
                              int64_t step, int64_t lines, int64_t depth)
{
    const int64_t piece = width * x->bytes, all = lines * x->bytes, panel = piece * depth;
    for (int64_t k = 0; k < depth; k++, from += step * x->bytes, to += piece) {
        char *place = to;
        int64_t at = 0;
        for (; at + piece <= all; at += piece, place += panel)
            memcpy(place, from + at, (size_t)piece);
        if (at < all) {
            memset(place, 0, (size_t)piece);
            memcpy(place, from + at, (size_t)(all - at));
        }
    }
}

/* `depth` steps of `lines` lines, in panels of `width` lines: all lines of a panel, step by step.
 */
static void pack(const cpu_matmul *x, char *to, int64_t width, const char *from, int64_t line,
                 int64_t step, int64_t lines, int64_t depth)
{
    const int64_t many = line == 1 ? PIECE_COLUMNS / width * width : width;
    for (int64_t i = 0; i < lines; i += many, to += many * depth * x->bytes) {
        const char *first = from + i * line * x->bytes;
        const int64_t n = lines - i < many ? lines - i : many;
        if (line == 1) {
            pack_side_by_side(x, to, width, first, step, n, depth);
            continue;
        }
        if (n < width)
            memset(to, 0, (size_t)(width * depth * x->bytes));
        cpu_pack(x->state.device, to, width, first, step, line, depth, n, x->bytes);
    }
}

// Of B, from column j and step k on.
static void pack_b(const cpu_matmul *x, char *to, const void *b, int64_t column, int64_t columns,
                   int64_t k, int64_t depth)
{
    const char *from = (const char *)b + (k * x->b_row + column * x->b_step) * x->bytes;
    pack(x, to, panels_of(x)->columns, from, x->b_step, x->b_row, columns, depth);
}

static int64_t depth_from(const cpu_matmul *x, int64_t k, int64_t all)
{
    return all - k < x->depth ? all - k : x->depth;
}

// Where the panels of step k on begin in a B packed as a whole.
static int64_t whole_at(const cpu_matmul *x, int64_t k)
{
    return k * whole(x->n, panels_of(x)->columns) * x->bytes;
}

/* A block of k: rows of A a part at a time. */
static void multiply_depth(const cpu_matmul *x, cpu_product *p, const cpu_box *box, const char *a,
                           char *room)
{
    const cpu_panels *panels = panels_of(x);
    const int64_t most = whole(share(box->rows, share(box->rows, ROWS)), panels->rows);
    for (int64_t i = 0; i < box->rows; i += most) {
        cpu_box part = *box;
        part.row += i;
        part.rows = box->rows - i < most ? box->rows - i : most;
        pack(x, room, panels->rows, a + part.row * x->a_row * x->bytes, x->a_row, x->a_step,
             part.rows, p->k);
        p->a = room;
        panels->multiply(p, &part);
    }
}

void cpu_matmul_box(const cpu_matmul *x, const cpu_product *p, const cpu_box *box, char *scratch)
{
    char *b_room = scratch + x->a_room;
    const unsigned mode = cpu_flush_begin();
    for (int64_t k = 0; k < p->k; k += x->depth) {
        cpu_product part = *p;
        part.b = b_room;
        part.k = depth_from(x, k, p->k);
        if (k > 0) { // the bias comes first, the rest of the epilogue last
            part.bias = NULL;
            part.add = 1;
        }
        if (k + part.k < p->k) {
            part.above = part.open = part.positive = NULL;
            part.relu = 0;
        }
        if (x->panels_b)
            part.b = x->panels_b + whole_at(x, k) + box->column * part.k * x->bytes;
        else
            pack_b(x, b_room, p->b, box->column, box->columns, k, part.k);
        multiply_depth(x, &part, box, (const char *)p->a + k * x->a_step * x->bytes, scratch);
    }
    cpu_flush_end(mode);
}

/* --- many threads ----------------------------------------------------------------------------- */

typedef struct large_run {
    const cpu_matmul *x;
    const cpu_product *p;
} large_run;

static int64_t pieces_across(const cpu_matmul *x)
{
    return share(x->n, PIECE_COLUMNS);
}

static void pack_piece(void *context, int64_t index, int32_t lane)
{
    (void)lane;
    const large_run *r = context;
    const cpu_matmul *x = r->x;
    const int64_t k = index / pieces_across(x) * x->depth;
    const int64_t column = index % pieces_across(x) * PIECE_COLUMNS;
    const int64_t depth = depth_from(x, k, x->k), left = x->n - column;
    char *to = x->panels_b + whole_at(x, k) + column * depth * x->bytes;
    pack_b(x, to, r->p->b, column, left < PIECE_COLUMNS ? left : PIECE_COLUMNS, k, depth);
}

void cpu_matmul_pack_whole(const cpu_matmul *x, const void *b, int32_t lane)
{
    const cpu_product p = {.b = b};
    large_run r = {x, &p};
    const int64_t blocks = share(x->k, x->depth);
    cpu_for(x->state.device, lane, blocks * pieces_across(x), pack_piece, &r);
}

static void run_task(void *context, int64_t index, int32_t lane)
{
    const large_run *r = context;
    const cpu_matmul *x = r->x;
    const int64_t across = share(x->n, x->task_columns);
    cpu_box box = {.row = index / across * x->task_rows,
                   .column = index % across * x->task_columns};
    box.rows = x->m - box.row < x->task_rows ? x->m - box.row : x->task_rows;
    box.columns = x->n - box.column < x->task_columns ? x->n - box.column : x->task_columns;
    cpu_matmul_box(x, r->p, &box, x->lane_scratch + (uint64_t)lane * x->scratch_bytes);
}

void cpu_matmul_share(const cpu_matmul *x, const cpu_product *p, int32_t lane)
{
    large_run r = {x, p};
    const int64_t down = share(x->m, x->task_rows);
    const int64_t across = share(x->n, x->task_columns);
    cpu_for(x->state.device, lane, down * across, run_task, &r);
}

/* --- the plan --------------------------------------------------------------------------------- */

/* Parts of C for the threads: rows, and columns only where there are too few of these. */
static void choose_tasks(cpu_matmul *x, int64_t lanes)
{
    const cpu_panels *panels = panels_of(x);
    x->task_rows = TASK_ROWS;
    x->task_columns = TASK_COLUMNS;
    if (!x->whole_b)
        return;
    const int64_t rounds = share(x->m, lanes * SHARED_ROWS), least = 4 * panels->rows;
    const int64_t rows = whole(share(x->m, lanes * rounds), panels->rows);
    x->task_rows = rows < least ? least : rows;
    const int64_t down = share(x->m, x->task_rows);
    x->task_columns = whole(share(x->n, share(lanes, down)), panels->columns);
}

kaon_status cpu_matmul_plan_large(const cpu_device *d, cpu_matmul *x, const void *constant_b)
{
    const int64_t columns = whole(x->n, panels_of(x)->columns);
    const int32_t shared = !x->lead_rank && !x->total && (constant_b || !x->tiled);
    x->depth = share(x->k, share(x->k, DEPTH));
    x->whole_b = shared && x->k * columns <= ROOM;
    choose_tasks(x, d->lanes);
    const int64_t alone = x->tasks && columns > TASK_COLUMNS ? TASK_COLUMNS : columns;
    x->a_room = (uint64_t)(whole(ROWS + panels_of(x)->rows, 64) * x->depth * x->bytes);
    x->panels_bytes = x->a_room + (x->whole_b ? 0 : (uint64_t)(alone * x->depth * x->bytes));
    if (!x->whole_b)
        return KAON_OK;
    x->panels_b = kaon_alloc(d->host, (uint64_t)(x->k * columns * x->bytes));
    if (!x->panels_b)
        return KAON_NO_MEMORY;
    x->constant_b = constant_b != NULL;
    if (constant_b)
        cpu_matmul_pack_whole(x, constant_b, 0);
    return KAON_OK;
}
