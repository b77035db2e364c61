/* plan.c: where every value lies.
 *
 * What lives only inside a region lies in each lane's scratch, with the rows of one tile.
 * Everything else that steps make lies in one arena, where values that are not alive at the same
 * time share memory: the largest is placed first, each at the lowest place that is free for its
 * whole life.
 */
#include "compiler/compile.h"

#include "kernel/memory.h"

#include <stdlib.h>
#include <string.h>

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + KN_MEMORY_ALIGN - 1) / KN_MEMORY_ALIGN * KN_MEMORY_ALIGN;
}

/* --- updates ---------------------------------------------------------------------------------- */

// 1 if a step may write the new value of a variable over the old one that it reads itself.
static int32_t reads_in_step(const kn_compile *c, const kn_step *s, int32_t old, int32_t made)
{
    if (s->kind != KN_STEP_FUSED)
        return 0;
    for (int32_t i = 0; i < s->input_count; i++)
        if (s->inputs[i].value == old && (!kn_look_is_whole(&s->inputs[i], &c->values[old]) ||
                                          s->inputs[i].rank != s->fused->rank))
            return 0;
    int32_t stored = 0;
    for (int32_t i = 0; i < s->fused->result_count; i++) {
        const kn_result *r = &s->fused->results[i];
        if (r->value == made)
            stored = r->how == KAON_STORE && !r->total;
        // The old value copied to somewhere else might be copied too late.
        else if (r->from < 0 && s->inputs[~r->from].value == old)
            return 0;
    }
    return stored;
}

static int32_t reads(const kn_step *s, int32_t value)
{
    for (int32_t i = 0; i < s->input_count; i++)
        if (s->inputs[i].value == value)
            return 1;
    return 0;
}

// 1 if the variable's old value is wanted after its new one has been written.
static int32_t clashes(const kn_compile *c, const kn_value *made)
{
    const int32_t old = c->held_values[made->index];
    const kn_step *writer = c->steps[made->maker];
    for (int32_t i = 0; old >= 0 && i < c->order_count; i++) {
        const kn_step *s = c->steps[c->order[i]];
        if (!reads(s, old))
            continue;
        if (s == writer) {
            if (!reads_in_step(c, s, old, made->id))
                return 1;
            continue;
        }
        if (s->order > writer->order || (s->region >= 0 && s->region == writer->region))
            return 1;
    }
    return 0;
}

/* An update that would come too early gets memory of its own and is copied at the end. */
static kaon_status settle_updates(kn_compile *c)
{
    const int32_t count = c->value_count;
    const int32_t step_count = c->step_count;
    int32_t *order = kn_compile_take(c, (size_t)c->order_count + (size_t)count, sizeof *order);
    if (!order)
        return KAON_NO_MEMORY;
    memcpy(order, c->order, (size_t)c->order_count * sizeof *order);
    c->order = order;
    int32_t added = 0;
    for (int32_t i = 0; i < count; i++) {
        if (c->values[i].place != KN_PLACE_VARIABLE || c->values[i].maker < 0 ||
            c->values[i].maker >= step_count || !clashes(c, &c->values[i]))
            continue;
        const kn_look whole = kn_look_whole(&c->values[i]);
        kn_step *copy = kn_step_copy(c, &whole);
        if (!copy)
            return KAON_NO_MEMORY;
        kn_step_value(c, copy, 0)->place = KN_PLACE_VARIABLE;
        kn_step_value(c, copy, 0)->index = c->values[i].index;
        c->values[i].place = KN_PLACE_ARENA;
        c->values[i].readers++;
        copy->order = c->order_count + added;
        c->order[c->order_count + added++] = copy->id;
    }
    c->order_count += added;
    return KAON_OK;
}

/* --- lives ------------------------------------------------------------------------------------ */

static void stretch(kn_value *v, int32_t from, int32_t to)
{
    v->first = from < v->first ? from : v->first;
    v->last = to > v->last ? to : v->last;
}

static void stretch_operands(kn_compile *c, const kn_step *s, int32_t from, int32_t to)
{
    for (int32_t k = 0; k < s->input_count; k++)
        stretch(&c->values[s->inputs[k].value], from, to);
    for (int32_t k = 0; k < s->output_count; k++)
        stretch(&c->values[s->outputs[k]], from, to);
}

// Values a region touches live through all of it: its tiles run through all its steps.
static void find_lives(kn_compile *c)
{
    for (int32_t i = 0; i < c->value_count; i++) {
        c->values[i].first = INT32_MAX;
        c->values[i].last = -1;
    }
    for (int32_t i = 0; i < c->order_count; i++) {
        const kn_step *s = c->steps[c->order[i]];
        const kn_region *r = s->region >= 0 ? &c->regions[s->region] : NULL;
        const int32_t from = r ? r->first : i;
        const int32_t to = r ? r->first + r->count - 1 : i;
        stretch_operands(c, s, from, to);
        for (int32_t m = 0; m < s->stacked_count; m++)
            stretch_operands(c, s->stacked[m], from, to);
    }
}

// Values no step outside their region reads.
static void find_tile_values(kn_compile *c)
{
    for (int32_t i = 0; i < c->order_count; i++) {
        const kn_step *s = c->steps[c->order[i]];
        for (int32_t k = 0; s->region >= 0 && k < s->output_count; k++) {
            kn_value *v = &c->values[s->outputs[k]];
            if (v->place == KN_PLACE_ARENA && !v->is_total)
                v->place = KN_PLACE_TILE;
        }
        for (int32_t k = 0; k < s->input_count; k++) {
            kn_value *v = &c->values[s->inputs[k].value];
            if (v->place == KN_PLACE_TILE && c->steps[v->maker]->region != s->region)
                v->place = KN_PLACE_ARENA;
        }
    }
}

/* --- placing ---------------------------------------------------------------------------------- */

// Something to place: a value, a block of values or a region's partial totals.
typedef struct {
    uint64_t bytes;
    uint64_t at;
    int32_t first, last;
    int32_t value; // -1: not a single one
    int32_t block; // -1: none
    int32_t region;
} piece;

static int by_size(const void *a, const void *b)
{
    const piece *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->value < y->value ? -1 : x->value > y->value;
}

static int by_place(const void *a, const void *b)
{
    const piece *const *x = a, *const *y = b;
    return (*x)->at < (*y)->at ? -1 : (*x)->at > (*y)->at;
}

// The lowest place for `p` among those of the pieces alive with it. `near` is room to sort them.
static uint64_t lowest(const piece *p, piece *placed, int32_t count, piece **near)
{
    int32_t alive = 0;
    for (int32_t i = 0; i < count; i++)
        if (placed[i].first <= p->last && p->first <= placed[i].last)
            near[alive++] = &placed[i];
    qsort(near, (size_t)alive, sizeof *near, by_place);
    uint64_t at = 0;
    for (int32_t i = 0; i < alive; i++) {
        if (near[i]->at >= at + p->bytes)
            break;
        const uint64_t end = near[i]->at + near[i]->bytes;
        at = end > at ? end : at;
    }
    return at;
}

// Places all pieces; returns the bytes they take together.
static uint64_t pack(piece *pieces, int32_t count, piece **near)
{
    uint64_t top = 0;
    qsort(pieces, (size_t)count, sizeof *pieces, by_size);
    for (int32_t i = 0; i < count; i++) {
        pieces[i].at = lowest(&pieces[i], pieces, i, near);
        if (pieces[i].at + pieces[i].bytes > top)
            top = pieces[i].at + pieces[i].bytes;
    }
    return top;
}

typedef struct {
    kn_compile *c;
    piece *pieces;
    piece **near;
} packing;

/* --- tiles ------------------------------------------------------------------------------------ */

static void pack_tiles(packing *p, int32_t region)
{
    kn_compile *c = p->c;
    kn_region *r = &c->regions[region];
    int32_t count = 0;
    for (int32_t i = r->first; i < r->first + r->count; i++) {
        const kn_step *s = c->steps[c->order[i]];
        for (int32_t k = 0; k < s->output_count; k++) {
            kn_value *v = &c->values[s->outputs[k]];
            if (v->place != KN_PLACE_TILE)
                continue;
            v->first = v->last = i; // inside a region steps follow each other
            p->pieces[count++] =
                (piece){.bytes = aligned(v->bytes / (uint64_t)r->rows * (uint64_t)r->tile_rows),
                        .value = v->id};
        }
        for (int32_t k = 0; k < s->input_count; k++)
            if (c->values[s->inputs[k].value].place == KN_PLACE_TILE)
                c->values[s->inputs[k].value].last = i;
    }
    for (int32_t i = 0; i < count; i++) {
        p->pieces[i].first = c->values[p->pieces[i].value].first;
        p->pieces[i].last = c->values[p->pieces[i].value].last;
    }
    r->tile_bytes = pack(p->pieces, count, p->near);
    for (int32_t i = 0; i < count; i++)
        c->values[p->pieces[i].value].at = p->pieces[i].at;
    if (r->tile_bytes > c->lane_bytes)
        c->lane_bytes = r->tile_bytes;
}

/* --- totals ----------------------------------------------------------------------------------- */

// Partial totals of a region: values of one dtype behind each other, in the order of their blocks.
static void place_totals(kn_compile *c, kn_region *r)
{
    uint64_t at = 0;
    for (int32_t dtype = 0; dtype < KAON_DTYPE_COUNT; dtype++) {
        for (int32_t i = r->first; i < r->first + r->count; i++) {
            const kn_step *s = c->steps[c->order[i]];
            for (int32_t k = 0; k < s->output_count; k++) {
                kn_value *v = &c->values[s->outputs[k]];
                if (!v->is_total || v->dtype != dtype || v->block >= 0)
                    continue;
                v->partial_at = at;
                at += aligned(v->bytes);
            }
        }
    }
    for (int32_t b = 0; b < c->block_count; b++) {
        if (c->blocks[b].region != (int32_t)(r - c->regions))
            continue;
        c->blocks[b].partial_at = at;
        at += c->blocks[b].bytes;
    }
    r->total_bytes = at;
}

/* --- the arena -------------------------------------------------------------------------------- */

static int32_t add_values(packing *p)
{
    kn_compile *c = p->c;
    int32_t count = 0;
    for (int32_t i = 0; i < c->order_count; i++) {
        const kn_step *s = c->steps[c->order[i]];
        for (int32_t k = 0; k < s->output_count; k++) {
            const kn_value *v = &c->values[s->outputs[k]];
            if (v->place == KN_PLACE_ARENA && v->block < 0)
                p->pieces[count++] = (piece){.bytes = aligned(v->bytes),
                                             .first = v->first,
                                             .last = v->last,
                                             .value = v->id,
                                             .block = -1,
                                             .region = -1};
        }
    }
    return count;
}

static int32_t add_blocks(packing *p, int32_t count)
{
    kn_compile *c = p->c;
    for (int32_t b = 0; b < c->block_count; b++) {
        piece made = {.bytes = c->blocks[b].bytes,
                      .first = INT32_MAX,
                      .last = -1,
                      .value = -1,
                      .block = b,
                      .region = -1};
        for (int32_t i = 0; i < c->value_count; i++) {
            const kn_value *v = &c->values[i];
            if (v->block != b)
                continue;
            made.first = v->first < made.first ? v->first : made.first;
            made.last = v->last > made.last ? v->last : made.last;
        }
        p->pieces[count++] = made;
    }
    return count;
}

static int32_t add_partials(packing *p, int32_t count)
{
    kn_compile *c = p->c;
    for (int32_t i = 0; i < c->region_count; i++) {
        const kn_region *r = &c->regions[i];
        if (r->has_totals && r->chunks > 1)
            p->pieces[count++] = (piece){.bytes = r->total_bytes * (uint64_t)r->chunks,
                                         .first = r->first,
                                         .last = r->first + r->count - 1,
                                         .value = -1,
                                         .block = -1,
                                         .region = i};
    }
    return count;
}

static void pack_arena(packing *p)
{
    kn_compile *c = p->c;
    int32_t count = add_values(p);
    count = add_blocks(p, count);
    count = add_partials(p, count);
    c->arena_bytes = pack(p->pieces, count, p->near);
    for (int32_t i = 0; i < count; i++) {
        const piece *a = &p->pieces[i];
        if (a->value >= 0)
            c->values[a->value].at = a->at;
        else if (a->block >= 0)
            c->blocks[a->block].at = a->at;
        else
            c->regions[a->region].total_at = a->at;
    }
    for (int32_t i = 0; i < c->value_count; i++) {
        kn_value *v = &c->values[i];
        if (v->block >= 0) {
            v->at = c->blocks[v->block].at + v->block_at;
            v->partial_at = c->blocks[v->block].partial_at + v->block_at;
        }
    }
}

static void place_constants(kn_compile *c)
{
    c->const_bytes = 0;
    for (int32_t i = 0; i < c->value_count; i++) {
        kn_value *v = &c->values[i];
        if (v->place != KN_PLACE_CONST || v->last < 0)
            continue;
        v->at = c->const_bytes;
        c->const_bytes += aligned(v->bytes);
    }
}

/* Gives every value its place. */
kaon_status kn_plan(kn_compile *c)
{
    KAON_TRY(settle_updates(c));
    KAON_TRY(kn_stack(c));
    find_lives(c);
    find_tile_values(c);
    const size_t room = (size_t)c->value_count + (size_t)c->block_count + (size_t)c->region_count;
    packing p = {.c = c};
    p.pieces = kn_compile_take(c, room, sizeof *p.pieces);
    p.near = kn_compile_take(c, room, sizeof *p.near);
    if (!p.pieces || !p.near)
        return KAON_NO_MEMORY;
    for (int32_t i = 0; i < c->region_count; i++) {
        pack_tiles(&p, i);
        place_totals(c, &c->regions[i]);
    }
    pack_arena(&p);
    place_constants(c);
    return KAON_OK;
}
