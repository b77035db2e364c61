/* explain.c: a program as text: its launches, what was fused, bytes and operations.
 *
 *     region: 256 rows in 4 tiles of 64, 4 chunks, 44 KiB of scratch
 *       matmul + add max   f32 (64, 16)~ f32 (16, 64) f32 (64, 64)  ->  f32 (64, 64)~
 *
 * A tilde marks what has a row per event of the batch, a plus what is summed over them.
 */
#include "compiler/explain.h"

#include "kernel/memory.h"
#include "kernel/text.h"

#include <string.h>

const char *kn_elementwise_text(int32_t op)
{
    switch (op) {
#define ROW(NAME, value, text, inputs, result)                                                     \
    case value:                                                                                    \
        return #text;
        KAON_ELEMENTWISE(ROW)
#undef ROW
    case KAON_X_CONST:
        return "const";
    case KAON_X_CAST:
        return "cast";
    case KAON_X_IOTA:
        return "iota";
    default:
        return "?";
    }
}

static void write_shape(kn_text *out, int32_t dtype, int32_t rank, const int64_t *shape)
{
    kn_text_format(out, " %s (", kaon_dtype_text(dtype));
    for (int32_t i = 0; i < rank; i++)
        kn_text_format(out, "%s%lld", i ? ", " : "", (long long)shape[i]);
    kn_text_add(out, ")");
}

static void write_bytes(kn_text *out, double bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB"};
    int unit = 0;
    while (bytes >= 1024 && unit < 3) {
        bytes /= 1024;
        unit++;
    }
    kn_text_format(out, bytes < 10 && unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

static const char *mark(const kn_step *s, int32_t k)
{
    static const char *const marks[] = {"", "~", "+"};
    return s->region >= 0 || s->has_total ? marks[s->kinds[k]] : "";
}

static void write_code(kn_text *out, const kn_fused *f)
{
    static const char *const reductions[] = {"", "sum", "max", "min", "prod"};
    for (int32_t i = 0; i < f->code_count; i++)
        if (f->code[i].op != KAON_X_CONST)
            kn_text_format(out, " %s", kn_elementwise_text(f->code[i].op));
    if (f->code_count == 0)
        kn_text_add(out, f->results[0].how == KAON_STORE && !f->results[0].total ? " copy" : "");
    for (int32_t i = 0; i < f->result_count; i++) {
        if (f->results[i].how != KAON_STORE)
            kn_text_format(out, " %s", reductions[f->results[i].how]);
        if (f->results[i].total)
            kn_text_add(out, " total");
    }
}

static const char *name_of(const kn_step *s)
{
    return s->kind == KN_STEP_FUSED ? "fused" : s->use->name;
}

void kn_step_text(const kn_compile *c, const kn_step *s, kn_text *out)
{
    kn_text_add(out, name_of(s));
    if (s->fused) {
        kn_text_add(out, s->kind == KN_STEP_FUSED ? ":" : " +");
        write_code(out, s->fused);
    }
    kn_text_add(out, "  ");
    for (int32_t i = 0; i < s->input_count; i++) {
        const kn_look *look = &s->inputs[i];
        write_shape(out, c->values[look->value].dtype, look->rank, look->shape);
        kn_text_add(out, mark(s, i));
    }
    kn_text_add(out, "  ->");
    for (int32_t i = 0; i < s->output_count; i++) {
        const kn_value *v = &c->values[s->outputs[i]];
        write_shape(out, v->dtype, v->rank, v->shape);
        kn_text_add(out, mark(s, s->input_count + i));
    }
}

static void write_region(const kn_region *r, kn_text *out)
{
    kn_text_format(out, "region: %lld rows in %lld %s of %lld, %lld %s, ", (long long)r->rows,
                   (long long)r->tiles, r->tiles == 1 ? "tile" : "tiles", (long long)r->tile_rows,
                   (long long)r->chunks, r->chunks == 1 ? "chunk" : "chunks");
    write_bytes(out, (double)r->tile_bytes);
    kn_text_add(out, " of scratch\n");
}

static void write_steps(const kn_compile *c, const kaon_program *p, kn_text *out)
{
    int32_t body = 0;
    for (int32_t i = 0; i < c->order_count; i++) {
        const kn_step *s = c->steps[c->order[i]];
        if (s->region >= 0 && c->regions[s->region].first == i)
            write_region(&c->regions[s->region], out);
        kn_text_add(out, s->region >= 0 ? "  " : "");
        kn_step_text(c, s, out);
        kn_text_add(out, "\n");
        const int32_t bodies = s->kind == KN_STEP_SCAN ? 1 : s->kind == KN_STEP_COND ? 2 : 0;
        for (int32_t b = 0; b < bodies; b++)
            kn_text_format(out, "{\n%s}\n", p->bodies[body++]->facts.text);
    }
}

static void count(const kn_compile *c, kaon_program *p)
{
    kaon_program_facts *f = &p->facts;
    int64_t largest = 0;
    f->size = sizeof *f;
    f->launches = p->launch_count;
    f->regions = c->region_count;
    f->arena_bytes = c->arena_bytes;
    for (int32_t i = 0; i < c->order_count; i++) {
        const kn_step *s = c->steps[c->order[i]];
        f->fused += s->fused != NULL;
        f->flops += kn_step_flops(c, s);
        f->bytes += kn_step_bytes(c, s);
    }
    for (int32_t i = 0; i < c->region_count; i++) {
        f->launches += c->regions[i].count;
        if (c->regions[i].rows > largest) {
            largest = c->regions[i].rows;
            f->tile_rows = c->regions[i].tile_rows;
        }
    }
}

static void write_head(const kn_compile *c, const kaon_program_facts *f, kn_text *out)
{
    kn_text_format(out, "%d launches, %d fused, %d regions, %.3g Mflop, ", (int)f->launches,
                   (int)f->fused, (int)f->regions, f->flops * 1e-6);
    write_bytes(out, f->bytes);
    kn_text_add(out, " moved, ");
    write_bytes(out, (double)f->arena_bytes);
    kn_text_format(out, " of arena, on %s\n",
                   c->device->facts.name[0] ? c->device->facts.name : c->device->name);
}

kaon_status kn_explain(kn_compile *c, kaon_program *p)
{
    kn_text out = {0};
    count(c, p);
    if (!c->is_body)
        write_head(c, &p->facts, &out);
    write_steps(c, p, &out);
    char *text = kn_text_take(&out);
    if (text)
        p->facts.text = kn_arena_text(&p->own, text);
    kn_free(text);
    return p->facts.text ? KAON_OK : kn_no_memory(c->diag, "a program's text");
}
