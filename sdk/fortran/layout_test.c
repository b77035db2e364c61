/* layout_test.c: the types and constants of kaon.f90 are those of the C headers. */
#include <kaon/graph.h>

#include <stdio.h>

void layout_of_types(int64_t *offsets);
void layout_of_constants(int64_t *values);

typedef struct {
    const char *name;
    int64_t value;
} row;

#define SIZE(type)                                                                                 \
    {                                                                                              \
        "sizeof " #type, sizeof(type)                                                              \
    }
#define FIELD(type, field)                                                                         \
    {                                                                                              \
#        type "." #        field, offsetof(type, field)                                            \
    }
#define CONSTANT(name)                                                                             \
    {                                                                                              \
#        name, name                                                                                \
    }

// clang-format off
// ORDER layout: layout_of_types
static const row types[] = {
    SIZE(kaon_attr), SIZE(kaon_variable), SIZE(kaon_view), SIZE(kaon_graph_api),
    FIELD(kaon_attr, kind), FIELD(kaon_attr, name), FIELD(kaon_attr, integer),
    FIELD(kaon_attr, number), FIELD(kaon_attr, count), FIELD(kaon_attr, at), FIELD(kaon_attr, text),
    FIELD(kaon_variable, dtype), FIELD(kaon_variable, name), FIELD(kaon_variable, rank),
    FIELD(kaon_variable, init), FIELD(kaon_variable, shape), FIELD(kaon_variable, scale),
    FIELD(kaon_variable, flags), FIELD(kaon_variable, fan_axis),
    FIELD(kaon_view, dtype), FIELD(kaon_view, device_type), FIELD(kaon_view, device_id),
    FIELD(kaon_view, rank), FIELD(kaon_view, flags), FIELD(kaon_view, data),
    FIELD(kaon_view, shape), FIELD(kaon_view, strides),
    FIELD(kaon_graph_api, apply), FIELD(kaon_graph_api, output), FIELD(kaon_graph_api, constant),
    FIELD(kaon_graph_api, variable), FIELD(kaon_graph_api, rank), FIELD(kaon_graph_api, dim),
    FIELD(kaon_graph_api, dtype), FIELD(kaon_graph_api, shape_text),
    FIELD(kaon_graph_api, float_type), FIELD(kaon_graph_api, training),
    FIELD(kaon_graph_api, refuse),
};

// ORDER constants: layout_of_constants
static const row constants[] = {
    CONSTANT(KAON_OK), CONSTANT(KAON_INVALID), CONSTANT(KAON_NOT_FOUND), CONSTANT(KAON_UNSUPPORTED),
    CONSTANT(KAON_NO_MEMORY), CONSTANT(KAON_IO), CONSTANT(KAON_CORRUPT),
    CONSTANT(KAON_F32), CONSTANT(KAON_F64), CONSTANT(KAON_F16), CONSTANT(KAON_BF16),
    CONSTANT(KAON_I32), CONSTANT(KAON_I64), CONSTANT(KAON_BOOL),
    CONSTANT(KAON_INIT_ZERO), CONSTANT(KAON_INIT_ONE), CONSTANT(KAON_INIT_NORMAL),
    CONSTANT(KAON_INIT_UNIFORM), CONSTANT(KAON_INIT_GLOROT), CONSTANT(KAON_INIT_HE),
};

// clang-format on

static int compare(const row *rows, size_t count, const int64_t *fortran)
{
    int bad = 0;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].value == fortran[i])
            continue;
        printf("%s is %lld in C and %lld in Fortran\n", rows[i].name, (long long)rows[i].value,
               (long long)fortran[i]);
        bad = 1;
    }
    return bad;
}

int main(void)
{
    int64_t values[sizeof types / sizeof *types];
    layout_of_types(values);
    int bad = compare(types, sizeof types / sizeof *types, values);
    layout_of_constants(values);
    bad |= compare(constants, sizeof constants / sizeof *constants, values);
    return bad;
}
