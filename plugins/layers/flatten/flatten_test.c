/* flatten_test.c: order is kept, shapes are joined. */
#include <kaon/test.h>

static void keeps(kt_dims shape, int64_t features)
{
    const float in[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    float out[12];
    kt_layer layer = kt_layer_open("flatten", "");
    kt_run_f32(&layer, in, shape, out, 12);
    kt_true(layer.out.rank == 2);
    kt_true(layer.out.at[0] == shape.at[0]);
    kt_true(layer.out.at[1] == features);
    kt_layer_close(&layer);
    for (int i = 0; i < 12; i++)
        kt_near(out[i], in[i], 0);
}

KT_TEST(joins_the_axes_of_an_event)
{
    keeps(kt_shape(2, 3, 2), 6);
    keeps(kt_shape(2, 1, 3, 2), 6);
    keeps(kt_shape(3, 4), 4);
    keeps(kt_shape(12), 1);
}
