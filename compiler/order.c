/* order.c: steps in topological order, and who reads what they make. */
#include "compiler/compile.h"

#include <string.h>

typedef struct {
    kn_compile *c;
    kn_step **sorted;
    int32_t count;
    uint8_t *state; // by step: 0 not seen, 1 waiting for its makers, 2 placed
    int32_t *stack;
    int32_t *next; // by step: the input to look at next
} sorting;

static void place(sorting *s, int32_t step)
{
    s->state[step] = 2;
    s->sorted[s->count++] = s->c->steps[step];
}

// Depth first, with a stack of its own: graphs may be deeper than the machine's.
static void visit(sorting *s, int32_t root)
{
    int32_t depth = 0;
    s->stack[depth++] = root;
    s->state[root] = 1;
    while (depth) {
        const int32_t at = s->stack[depth - 1];
        const kn_step *step = s->c->steps[at];
        if (s->next[at] == step->input_count) {
            place(s, at);
            depth--;
            continue;
        }
        const int32_t maker = s->c->values[step->inputs[s->next[at]++].value].maker;
        if (maker < 0 || s->state[maker])
            continue;
        s->state[maker] = 1;
        s->stack[depth++] = maker;
    }
}

kaon_status kn_sort_steps(kn_compile *c)
{
    const size_t count = (size_t)c->step_count;
    sorting s = {.c = c};
    s.sorted = kn_compile_take(c, count, sizeof *s.sorted);
    s.state = kn_compile_take(c, count, 1);
    s.stack = kn_compile_take(c, count, sizeof *s.stack);
    s.next = kn_compile_take(c, count, sizeof *s.next);
    if (!s.sorted || !s.state || !s.stack || !s.next)
        return KAON_NO_MEMORY;
    for (int32_t i = 0; i < c->step_count; i++)
        if (!c->steps[i]->dead && !s.state[i])
            visit(&s, i);
    c->steps = s.sorted;
    c->step_count = s.count;
    c->step_room = (int32_t)count;
    for (int32_t i = 0; i < s.count; i++) {
        c->steps[i]->id = i;
        for (int32_t k = 0; k < c->steps[i]->output_count; k++)
            c->values[c->steps[i]->outputs[k]].maker = i;
    }
    return KAON_OK;
}

/* --- who reads what --------------------------------------------------------------------------- */

static int32_t is_needed(const kn_compile *c, const kn_step *s)
{
    for (int32_t i = 0; i < s->output_count; i++) {
        const kn_value *v = &c->values[s->outputs[i]];
        if (v->readers || v->place == KN_PLACE_OUTPUT || v->place == KN_PLACE_VARIABLE)
            return 1;
    }
    return 0;
}

void kn_count_readers(kn_compile *c)
{
    for (int32_t i = 0; i < c->value_count; i++)
        c->values[i].readers = 0;
    for (int32_t i = 0; i < c->step_count; i++)
        for (int32_t k = 0; !c->steps[i]->dead && k < c->steps[i]->input_count; k++)
            c->values[c->steps[i]->inputs[k].value].readers++;
    int32_t changed = 1;
    while (changed) {
        changed = 0;
        for (int32_t i = c->step_count - 1; i >= 0; i--) {
            kn_step *s = c->steps[i];
            if (s->dead || is_needed(c, s))
                continue;
            s->dead = changed = 1;
            for (int32_t k = 0; k < s->input_count; k++)
                c->values[s->inputs[k].value].readers--;
        }
    }
}
