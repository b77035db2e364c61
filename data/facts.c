/* facts.c: what learners are told of a table. */
#include "data/facts.h"

#include <jansson.h>
#include <string.h>

#include "data/table.h"

static void empty(kn_facts *out)
{
    *out = (kn_facts){.facts = {.size = sizeof out->facts, .target_dtype = -1}};
    out->facts.feature_shape = out->shape;
}

void kn_facts_copy(const kn_facts *from, kn_facts *to)
{
    *to = *from;
    to->facts.feature_shape = to->shape;
}

int64_t kn_facts_width(const kn_facts *facts)
{
    int64_t width = 1;
    for (int32_t i = 0; i < facts->facts.feature_rank; i++)
        width *= facts->shape[i];
    return width;
}

kaon_status kn_facts_of(const kaon_table *table, uint64_t seed, int32_t float_type, kn_facts *out,
                        kaon_diag *diag)
{
    kaon_column features = {.size = sizeof features}, target = {.size = sizeof target};
    empty(out);
    out->facts.seed = seed;
    out->facts.float_type = float_type;
    if (kn_table_column_of(table, KAON_ROLE_FEATURES, &features))
        return kaon_fail(diag, KAON_INVALID, "the table has no features");
    out->facts.feature_rank = features.view.rank - 1;
    for (int32_t i = 1; i < features.view.rank; i++)
        out->shape[i - 1] = features.view.shape[i];
    if (kn_table_column_of(table, KAON_ROLE_TARGET, &target))
        return KAON_OK;
    out->facts.target_dtype = target.view.dtype;
    out->facts.target_width = 1;
    for (int32_t i = 1; i < target.view.rank; i++)
        out->facts.target_width *= target.view.shape[i];
    if (!kaon_dtype_is_float(target.view.dtype))
        out->facts.classes = (int32_t)target.label_count;
    return KAON_OK;
}

kaon_status kn_facts_settle(kn_facts *facts, kaon_diag *diag)
{
    const kaon_task_facts *f = &facts->facts;
    if (f->feature_rank < 0 || f->feature_rank >= KAON_MAX_RANK ||
        (f->feature_rank && !f->feature_shape))
        return kaon_fail(diag, KAON_INTERNAL, "features of rank %d are stated", f->feature_rank);
    if (f->feature_shape != facts->shape)
        memmove(facts->shape, f->feature_shape, (size_t)f->feature_rank * sizeof(int64_t));
    facts->facts.feature_shape = facts->shape;
    return KAON_OK;
}

/* --- as text ---------------------------------------------------------------------------------- */

void kn_facts_write(const kn_facts *facts, kn_text *out)
{
    const kaon_task_facts *f = &facts->facts;
    kn_text_add(out, "{\"feature_shape\": [");
    for (int32_t i = 0; i < f->feature_rank; i++)
        kn_text_format(out, "%s%lld", i ? ", " : "", (long long)facts->shape[i]);
    kn_text_format(out,
                   "], \"target_dtype\": %d, \"target_width\": %lld, \"classes\": %d, "
                   "\"seed\": \"%llu\", \"float_type\": \"%s\"}",
                   (int)f->target_dtype, (long long)f->target_width, (int)f->classes,
                   (unsigned long long)f->seed, kaon_dtype_text(f->float_type));
}

// A whole number between two limits; 0 and `*bad` set if it is none.
static int64_t whole(const json_t *root, const char *key, int64_t least, int64_t most, int *bad)
{
    const json_t *value = json_object_get(root, key);
    const json_int_t n = json_integer_value(value);
    if (json_is_integer(value) && n >= least && n <= most)
        return n;
    *bad = 1;
    return 0;
}

// Decimal digits only; strtoull would also take blanks and signs.
static uint64_t seed_of(const char *text, int *bad)
{
    uint64_t seed = 0;
    *bad |= !text || !*text || strlen(text) > 20 || strspn(text, "0123456789") != strlen(text);
    for (; !*bad && *text; text++)
        seed = seed * 10 + (uint64_t)(*text - '0');
    return seed;
}

static int read_json(const json_t *root, kn_facts *out)
{
    enum { MOST = 1 << 30 };
    int bad = 0;
    const json_t *shape = json_object_get(root, "feature_shape");
    const char *type = json_string_value(json_object_get(root, "float_type"));
    const size_t rank = json_array_size(shape);
    int64_t width = 1;
    if (!json_is_array(shape) || rank >= KAON_MAX_RANK || !type)
        return 1;
    for (size_t i = 0; i < rank; i++) {
        const json_int_t n = json_integer_value(json_array_get(shape, i));
        if (n < 0 || n > MOST || (n && width > MOST / n))
            return 1;
        width *= n;
        out->shape[i] = n;
    }
    out->facts.feature_rank = (int32_t)rank;
    out->facts.target_dtype = (int32_t)whole(root, "target_dtype", -1, KAON_DTYPE_COUNT - 1, &bad);
    out->facts.target_width = whole(root, "target_width", 0, MOST, &bad);
    out->facts.classes = (int32_t)whole(root, "classes", 0, MOST, &bad);
    out->facts.seed = seed_of(json_string_value(json_object_get(root, "seed")), &bad);
    out->facts.float_type = strcmp(type, "f64") ? KAON_F32 : KAON_F64;
    return bad;
}

kaon_status kn_facts_read(const char *text, kn_facts *out, kaon_diag *diag)
{
    json_t *root = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    empty(out);
    const int bad = !root || read_json(root, out);
    json_decref(root);
    return bad ? kaon_fail(diag, KAON_CORRUPT, "the facts about its data are damaged") : KAON_OK;
}
