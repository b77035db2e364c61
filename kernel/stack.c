/* stack.c: what can be done at once because it lies together.
 *
 * The totals of a region get one block per dtype, so that the partial ones of all chunks are added
 * up by one launch.
 */
#include "kernel/compile.h"

#include "kernel/memory.h"

static int32_t wants_block(const kn_compile *c, const kn_value *v, int32_t region, int32_t dtype)
{
    return v->is_total && v->place == KN_PLACE_ARENA && v->block < 0 && v->dtype == dtype &&
           v->maker >= 0 && c->steps[v->maker]->region == region && v->last >= 0;
}

static void add_to_block(kn_compile *c, kn_value *v, int32_t block)
{
    kn_block *b = &c->blocks[block];
    v->block = block;
    v->block_at = b->bytes;
    b->bytes += (v->bytes + KN_MEMORY_ALIGN - 1) / KN_MEMORY_ALIGN * KN_MEMORY_ALIGN;
}

static void block_totals(kn_compile *c, int32_t region, int32_t dtype)
{
    int32_t block = -1;
    for (int32_t i = 0; i < c->value_count; i++) {
        if (!wants_block(c, &c->values[i], region, dtype))
            continue;
        if (block < 0) {
            block = c->block_count++;
            c->blocks[block] = (kn_block){.region = region};
        }
        add_to_block(c, &c->values[i], block);
    }
}

kaon_status kn_stack(kn_compile *c)
{
    const size_t room = (size_t)c->region_count * KAON_DTYPE_COUNT;
    c->blocks = kn_compile_take(c, room, sizeof *c->blocks);
    if (!c->blocks)
        return KAON_NO_MEMORY;
    for (int32_t i = 0; i < c->region_count; i++)
        for (int32_t dtype = 0; dtype < KAON_DTYPE_COUNT; dtype++)
            if (c->regions[i].has_totals && c->regions[i].chunks > 1)
                block_totals(c, i, dtype);
    return KAON_OK;
}
