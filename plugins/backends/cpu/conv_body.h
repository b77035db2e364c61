/* conv_body.h: the body of conv.c, included once per element type. No include guard.
 *
 * REAL is the type, FN(name) a name of its own, GEMM the small product of that type.
 */

/* One row of the columns, for n positions from `first` on: what weight k sees, `step` apart. */
static void FN(gather)(const conv_state *s, const REAL *image, int64_t k, int64_t first, int64_t n,
                       REAL *to, int64_t step)
{
    const tap t = find_tap(s, k);
    const int64_t stride = s->stride[2];
    stretch r = {.count = 0};
    for (int64_t done = 0; done < n; done += r.count) {
        r = find_stretch(s, &t, first + done, n - done);
        REAL *out = to + done * step;
        const REAL *from = image + r.image;
        for (int64_t i = 0; i < r.from; i++)
            out[i * step] = 0;
        if (step == 1 && stride == 1 && r.end > r.from)
            memcpy(out + r.from, from + r.from, (size_t)(r.end - r.from) * sizeof(REAL));
        else
            for (int64_t i = r.from; i < r.end; i++)
                out[i * step] = from[i * stride];
        for (int64_t i = r.end; i < r.count; i++)
            out[i * step] = 0;
    }
}

/* The way back: adds a row of columns to the image. */
static void FN(scatter)(const conv_state *s, REAL *image, int64_t k, int64_t first, int64_t n,
                        const REAL *in)
{
    const tap t = find_tap(s, k);
    stretch r = {.count = 0};
    for (int64_t done = 0; done < n; done += r.count) {
        r = find_stretch(s, &t, first + done, n - done);
        for (int64_t i = r.from; i < r.end; i++)
            image[r.image + i * s->stride[2]] += in[done + i];
    }
}

static void FN(forward)(const conv_state *s, const void *image, const void *w, void *y,
                        char *scratch)
{
    REAL *columns = (REAL *)(void *)scratch;
    for (int64_t first = 0; first < s->positions; first += s->chunk) {
        const int64_t left = s->positions - first, n = left < s->chunk ? left : s->chunk;
        for (int64_t k = 0; k < s->k; k++)
            FN(gather)(s, image, k, first, n, columns + k * n, 1);
        const cpu_product p = {.m = s->out_channels,
                               .n = n,
                               .k = s->k,
                               .a = w,
                               .a_row = s->k,
                               .a_step = 1,
                               .b = columns,
                               .b_row = n,
                               .c = (REAL *)y + first,
                               .c_row = s->positions};
        s->work.state.device->set->gemm->GEMM(&p);
    }
}

static void FN(backward)(const conv_state *s, const void *dy, const void *w, void *image,
                         char *scratch)
{
    REAL *columns = (REAL *)(void *)scratch;
    memset(image, 0, (size_t)s->image_bytes);
    for (int64_t first = 0; first < s->positions; first += s->chunk) {
        const int64_t left = s->positions - first, n = left < s->chunk ? left : s->chunk;
        const cpu_product p = {.m = s->k,
                               .n = n,
                               .k = s->out_channels,
                               .a = w,
                               .a_row = 1,
                               .a_step = s->k,
                               .b = (const REAL *)dy + first,
                               .b_row = s->positions,
                               .c = columns,
                               .c_row = n};
        s->work.state.device->set->gemm->GEMM(&p);
        for (int64_t k = 0; k < s->k; k++)
            FN(scatter)(s, image, k, first, n, columns + k * n);
    }
}

static void FN(weights)(const conv_state *s, const void *image, const void *dy, void *dw,
                        char *scratch)
{
    REAL *columns = (REAL *)(void *)scratch;
    for (int64_t first = 0; first < s->positions; first += s->chunk) {
        const int64_t left = s->positions - first, n = left < s->chunk ? left : s->chunk;
        for (int64_t k = 0; k < s->k; k++)
            FN(gather)(s, image, k, first, n, columns + k, s->k);
        const cpu_product p = {.m = s->out_channels,
                               .n = s->k,
                               .k = n,
                               .a = (const REAL *)dy + first,
                               .a_row = s->positions,
                               .a_step = 1,
                               .b = columns,
                               .b_row = s->k,
                               .c = dw,
                               .c_row = s->k,
                               .add = 1};
        s->work.state.device->set->gemm->GEMM(&p);
    }
}
