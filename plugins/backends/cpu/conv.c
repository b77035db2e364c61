/* conv.c: "conv" and its gradients, 1 to 3 spatial axes, as matrix products.
 *
 * For one image and one group of channels, `columns` is the matrix (k, positions) of what each of
 * the k = in / groups * window weights sees at each output position. It is made for some positions
 * at a time, so that it stays in the second level cache: y (out, positions) = w (out, k) columns da
 * = w^T (k, out) dy (out, positions), each column added back to the image dw (out, k)       += dy
 * (out, positions) columns^T dw is summed image after image; outside tiles the images are dealt to
 * a fixed number of parts whose sums are joined in order.
 */
#include "cpu.h"

#include <string.h>

enum { AXES = 3, MOST_PARTS = 16, COLUMN_BYTES = 256 * 1024 };

typedef struct conv_state conv_state;
typedef void conv_fn(const conv_state *s, const void *first, const void *second, void *out,
                     char *scratch);

struct conv_state {
    cpu_work work;
    conv_fn *function;
    int64_t in[AXES], out[AXES], window[AXES], stride[AXES], low[AXES], dilation[AXES];
    int64_t images, groups;
    int64_t out_channels;                  // of one group
    int64_t k;                             // weights of one output channel
    int64_t positions;                     // of the output
    int64_t chunk;                         // positions whose columns are made at once
    int64_t image_bytes, y_bytes, w_bytes; // of one group
    int64_t parts;                         // of the images, for dw without tiles
    char *partial;                         // parts x dw
    int32_t dtype, bytes;
};

/* --- columns ---------------------------------------------------------------------------------- */

// Weight k of a group: its channel and its place in the window, from the window's first number.
typedef struct tap {
    int64_t channel;
    int64_t shift[AXES];
} tap;

static tap find_tap(const conv_state *s, int64_t k)
{
    tap t;
    for (int32_t i = AXES - 1; i >= 0; i--) {
        t.shift[i] = k % s->window[i] * s->dilation[i] - s->low[i];
        k /= s->window[i];
    }
    t.channel = k;
    return t;
}

/* Positions side by side along the last axis: `count` of them, of which from .. end - 1 see the
 * image, the first at number `image` + from * stride of it; the others see padding. */
typedef struct stretch {
    int64_t count, from, end, image;
} stretch;

// First position from which on x * stride + shift >= least.
static int64_t reaches(int64_t least, int64_t shift, int64_t stride)
{
    return least > shift ? (least - shift + stride - 1) / stride : 0;
}

static int64_t within(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

static stretch find_stretch(const conv_state *s, const tap *t, int64_t position, int64_t most)
{
    const int64_t x = position % s->out[2], line = position / s->out[2];
    const int64_t y = line % s->out[1] * s->stride[1] + t->shift[1];
    const int64_t z = line / s->out[1] * s->stride[0] + t->shift[0];
    stretch r = {.count = most < s->out[2] - x ? most : s->out[2] - x};
    if (z < 0 || z >= s->in[0] || y < 0 || y >= s->in[1])
        return r;
    const int64_t stride = s->stride[2], shift = t->shift[2];
    r.from = within(reaches(0, shift, stride) - x, 0, r.count);
    r.end = within(reaches(s->in[2], shift, stride) - x, r.from, r.count);
    r.image = ((t->channel * s->in[0] + z) * s->in[1] + y) * s->in[2] + x * stride + shift;
    return r;
}

#define REAL     float
#define FN(name) name##_f32
#define GEMM     f32
#include "conv_body.h"
#undef REAL
#undef FN
#undef GEMM

#define REAL     double
#define FN(name) name##_f64
#define GEMM     f64
#include "conv_body.h"

/* --- launches --------------------------------------------------------------------------------- */

// conv and conv_grad_input: an item is one group of one image.
static void run_forward(const cpu_work *w, const kaon_launch *l, int64_t first, int64_t end,
                        char *scratch)
{
    const conv_state *s = (const conv_state *)w;
    for (int64_t i = first; i < end; i++)
        s->function(s, (const char *)l->operands[0] + i * s->image_bytes,
                    (const char *)l->operands[1] + i % s->groups * s->w_bytes,
                    (char *)l->operands[2] + i * s->y_bytes, scratch);
}

static void run_backward(const cpu_work *w, const kaon_launch *l, int64_t first, int64_t end,
                         char *scratch)
{
    const conv_state *s = (const conv_state *)w;
    for (int64_t i = first; i < end; i++)
        s->function(s, (const char *)l->operands[0] + i * s->y_bytes,
                    (const char *)l->operands[1] + i % s->groups * s->w_bytes,
                    (char *)l->operands[2] + i * s->image_bytes, scratch);
}

static void add_images(const conv_state *s, const kaon_launch *l, int64_t first, int64_t end,
                       char *dw, char *scratch)
{
    for (int64_t i = first; i < end; i++)
        for (int64_t g = 0; g < s->groups; g++) {
            const int64_t at = i * s->groups + g;
            s->function(s, (const char *)l->operands[0] + at * s->image_bytes,
                        (const char *)l->operands[1] + at * s->y_bytes, dw + g * s->w_bytes,
                        scratch);
        }
}

static kaon_status launch_weights_tile(const void *state, const kaon_launch *l, kaon_diag *diag)
{
    (void)diag;
    add_images(state, l, 0, l->rows, l->operands[2], l->scratch);
    return KAON_OK;
}

// An item is one part of the images.
static void run_weights(const cpu_work *w, const kaon_launch *l, int64_t first, int64_t end,
                        char *scratch)
{
    const conv_state *s = (const conv_state *)w;
    for (int64_t part = first; part < end; part++) {
        char *dw = s->partial + part * s->groups * s->w_bytes;
        memset(dw, 0, (size_t)(s->groups * s->w_bytes));
        add_images(s, l, part * s->images / s->parts, (part + 1) * s->images / s->parts, dw,
                   scratch);
    }
}

typedef struct weights_run {
    const conv_state *state;
    const kaon_launch *launch;
} weights_run;

static void run_part(void *context, int64_t part, int32_t lane)
{
    const weights_run *r = context;
    const cpu_work *w = &r->state->work;
    run_weights(w, r->launch, part, part + 1, w->lane_scratch + (uint64_t)lane * w->scratch_bytes);
}

static kaon_status launch_weights(const void *state, const kaon_launch *l, kaon_diag *diag)
{
    (void)diag;
    const conv_state *s = state;
    const int64_t bytes = s->groups * s->w_bytes;
    weights_run r = {s, l};
    cpu_for(s->work.state.device, l->lane, s->parts, run_part, &r);
    memset(l->operands[2], 0, (size_t)bytes);
    cpu_columns_fn *add = s->work.state.device->set->columns[s->dtype];
    for (int64_t part = 0; part < s->parts; part++)
        add(l->operands[2], s->partial + part * bytes, 1, 0, bytes / s->bytes);
    return KAON_OK;
}

/* --- the steps -------------------------------------------------------------------------------- */

enum { FORWARD = 0, BACKWARD = 1, WEIGHTS = 2 };

static const struct {
    const char *name;
    conv_fn *f32, *f64;
    cpu_range *run;
    int32_t a, w, y; // operands
} kinds[] = {
    [FORWARD] = {"conv", forward_f32, forward_f64, run_forward, 0, 1, 2},
    [BACKWARD] = {"conv_grad_input", backward_f32, backward_f64, run_backward, 2, 1, 0},
    [WEIGHTS] = {"conv_grad_weight", weights_f32, weights_f64, run_weights, 0, 2, 1},
};

static int64_t listed(const kaon_step *step, const char *name, int32_t axes, int32_t i,
                      int64_t fallback)
{
    int64_t count;
    const int64_t *list = cpu_attr_ints(step, name, &count);
    const int32_t at = i - (AXES - axes); // axes that are not there come first
    return at >= 0 && at < count ? list[at] : fallback;
}

static void read_shapes(conv_state *s, const kaon_step *step, int32_t kind)
{
    const kaon_operand *a = cpu_operand(step, kinds[kind].a), *w = cpu_operand(step, kinds[kind].w);
    const kaon_operand *y = cpu_operand(step, kinds[kind].y);
    const int32_t axes = a->rank - 2;
    s->images = a->shape[0];
    s->groups = cpu_attr_int(step, "groups", 1);
    s->out_channels = w->shape[0] / s->groups;
    s->k = w->shape[1];
    s->positions = 1;
    int64_t image = w->shape[1];
    for (int32_t i = 0; i < AXES; i++) {
        const int32_t axis = i - (AXES - axes) + 2, there = axis >= 2;
        s->in[i] = there ? a->shape[axis] : 1;
        s->out[i] = there ? y->shape[axis] : 1;
        s->window[i] = there ? w->shape[axis] : 1;
        s->stride[i] = listed(step, "stride", axes, i, 1);
        s->low[i] = listed(step, "low", axes, i, 0);
        s->dilation[i] = listed(step, "dilation", axes, i, 1);
        s->k *= s->window[i];
        s->positions *= s->out[i];
        image *= s->in[i];
    }
    s->dtype = a->dtype;
    s->bytes = (int32_t)kaon_dtype_bytes(a->dtype);
    s->image_bytes = image * s->bytes;
    s->y_bytes = s->out_channels * s->positions * s->bytes;
    s->w_bytes = s->out_channels * s->k * s->bytes;
}

static void choose_chunk(conv_state *s)
{
    const int64_t position_bytes = s->k * s->bytes;
    s->chunk = position_bytes ? COLUMN_BYTES / position_bytes & ~(int64_t)63 : s->positions;
    s->chunk = within(s->chunk, 64, s->positions > 64 ? s->positions : 64);
    s->work.scratch_bytes = (uint64_t)((s->chunk * position_bytes + 63) & ~(int64_t)63);
}

static void release(void *state)
{
    conv_state *s = state;
    if (!s)
        return;
    const kaon_host *host = s->work.state.device->host;
    kaon_free(host, s->partial);
    kaon_free(host, s->work.lane_scratch);
    cpu_state_free(s);
}

static kaon_status prepare(const cpu_device *d, const kaon_step *step, kaon_kernel *out,
                           kaon_diag *diag)
{
    int32_t kind = FORWARD;
    while (strcmp(kinds[kind].name, step->op))
        kind++;
    conv_state *s = cpu_state_new(d, sizeof *s);
    if (!s)
        return cpu_no_memory(diag, step->op);
    read_shapes(s, step, kind);
    choose_chunk(s);
    s->function = s->dtype == KAON_F32 ? kinds[kind].f32 : kinds[kind].f64;
    s->work.run = kinds[kind].run;
    s->work.items = s->images * s->groups;
    const int32_t tiled = (step->flags & KAON_STEP_ROWS) != 0;
    if (kind == WEIGHTS && !tiled) {
        s->parts = within(s->images, 1, MOST_PARTS);
        s->partial = kaon_alloc(d->host, (uint64_t)(s->parts * s->groups * s->w_bytes));
        if (!s->partial) {
            release(s);
            return cpu_no_memory(diag, step->op);
        }
    }
    char *partial = s->partial; // not known to what frees the state on failure
    const int64_t numbers = s->out_channels * s->k * s->positions;
    const kaon_status status = cpu_work_ready(d, step, &s->work, numbers, out, diag);
    if (status) {
        kaon_free(d->host, partial);
        return status;
    }
    out->release = release;
    if (kind == WEIGHTS)
        out->launch = tiled ? launch_weights_tile : launch_weights;
    else if (tiled)
        s->work.items_per_row = s->groups;
    return KAON_OK;
}

static int32_t supports(const cpu_device *d, const kaon_step *step)
{
    (void)d;
    const kaon_operand *o = cpu_output(step, 0);
    return (o->dtype == KAON_F32 || o->dtype == KAON_F64) && o->rank >= 3 && o->rank <= 2 + AXES &&
           cpu_all_contiguous(step);
}

const cpu_op cpu_conv_ops[] = {
    {"conv", supports, prepare},
    {"conv_grad_input", supports, prepare},
    {"conv_grad_weight", supports, prepare},
    {0},
};
