/* code.c: kernels that come with an operation: SPIR-V as data, with its parameters and launch rule
 * as rows (kaon_code in backend.h).
 */
#include "vulkan.h"

#include <string.h>

enum { MOST_OPERANDS = 14 };

static int32_t is_dense(const kaon_operand *o)
{
    int64_t stride = 1;
    for (int32_t i = o->rank - 1; i >= 0; stride *= o->shape[i--])
        if (o->shape[i] != 1 && o->strides[i] != stride)
            return 0;
    return 1;
}

static int32_t is_for(const kaon_code *code, const kaon_step *step)
{
    const int32_t count = step->input_count + step->output_count;
    const uint64_t bytes = 8 * (uint64_t)count + 4 * (uint64_t)code->give_count;
    if (count > MOST_OPERANDS || bytes > VULKAN_PUSH_BYTES || code->group == 0 || !code->entry)
        return 0;
    for (int32_t i = 0; i < count; i++)
        if (!(code->dtypes & 1u << vulkan_operand(step, i)->dtype) ||
            !is_dense(vulkan_operand(step, i)))
            return 0;
    return !code->supports || code->supports(step);
}

const kaon_code *vulkan_find_code(const kaon_step *step)
{
    for (uint32_t i = 0; i < step->code_count && !(step->flags & KAON_STEP_ROWS); i++) {
        const char *at = (const char *)step->codes + (uint64_t)i * step->code_stride;
        const kaon_code *code = (const kaon_code *)(const void *)at;
        if (code->format == KAON_CODE_SPIRV && code->size >= sizeof *code && is_for(code, step))
            return code;
    }
    return NULL;
}

static uint32_t threads_of(const kaon_code *code, const kaon_step *step)
{
    const kaon_operand *out = vulkan_operand(step, step->input_count);
    int64_t count = vulkan_count(out);
    if (code->threads == KAON_THREADS_PER_ROW && out->rank && out->shape[out->rank - 1])
        count /= out->shape[out->rank - 1];
    return (uint32_t)count;
}

static kaon_status give(const kaon_code *code, const kaon_step *step, uint32_t index, uint32_t *to,
                        kaon_diag *diag)
{
    const char *at = (const char *)code->gives + (uint64_t)index * code->give_stride;
    const kaon_give *g = (const kaon_give *)(const void *)at;
    const kaon_attr *attr = g->attr ? vulkan_attr(step, g->attr) : NULL;
    const int32_t operands = step->input_count + step->output_count;
    *to = 0;
    if (g->kind == KAON_GIVE_THREADS) {
        *to = threads_of(code, step);
        return KAON_OK;
    }
    if (g->kind == KAON_GIVE_DIM && g->operand >= 0 && g->operand < operands) {
        const kaon_operand *o = vulkan_operand(step, g->operand);
        const int32_t axis = g->axis < 0 ? g->axis + o->rank : g->axis;
        if (axis >= 0 && axis < o->rank) {
            *to = (uint32_t)o->shape[axis];
            return KAON_OK;
        }
    }
    if (g->kind == KAON_GIVE_INT && attr) {
        *to = (uint32_t)(int32_t)attr->integer;
        return KAON_OK;
    }
    if (g->kind == KAON_GIVE_FLOAT && attr) {
        const float number = (float)attr->number;
        memcpy(to, &number, sizeof *to);
        return KAON_OK;
    }
    return kaon_fail(diag, KAON_INVALID, "parameter %u of the kernel of '%s' is nothing it has",
                     (unsigned)index, step->op);
}

kaon_status vulkan_prepare_code(vulkan_device *d, const kaon_step *step, vulkan_task **out,
                                kaon_diag *diag)
{
    const kaon_code *code = vulkan_find_code(step);
    const uint64_t threads = threads_of(code, step);
    VkPipeline pipeline;
    KAON_TRY(vulkan_task_new(d, step, 1, out, diag));
    if (threads == 0)
        return KAON_OK;
    if ((threads + code->group - 1) / code->group > 65535)
        return kaon_fail(diag, KAON_UNSUPPORTED, "'%s' has more threads than one launch can have",
                         step->op);
    KAON_TRY(vulkan_pipeline_of_words(d, code->data, code->data_bytes, NULL, code->entry, &pipeline,
                                      diag));
    const uint32_t groups = (uint32_t)((threads + code->group - 1) / code->group);
    vulkan_pass *p = vulkan_pass_add(*out, pipeline, groups, 1, 1);
    p->operand_count = step->input_count + step->output_count;
    p->first_write = step->input_count;
    for (int32_t i = 0; i < p->operand_count; i++)
        p->operands[i] = (int16_t)i;
    for (uint32_t i = 0; i < code->give_count; i++)
        KAON_TRY(give(code, step, i, &p->tail[i], diag));
    p->tail_count = code->give_count;
    return KAON_OK;
}
