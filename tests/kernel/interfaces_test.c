/* interfaces_test.c: a plugin's table becomes a full one, or is refused in words. */
#include "kernel/diag.h"
#include "kernel/interfaces.h"

#include <kaon/agent.h>
#include <kaon/io.h>
#include <kaon/layer.h>
#include <kaon/learner.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static kaon_node *pass(kaon_graph *g, const void *settings, kaon_node *in)
{
    (void)g;
    (void)settings;
    return in;
}

static kaon_node *two(kaon_graph *g, const void *settings, kaon_node *output, kaon_node *target)
{
    (void)g;
    (void)settings;
    (void)target;
    return output;
}

static const kn_interface *find(const char *id)
{
    const kn_interface *found = kn_interface_find(id);
    assert_non_null(found);
    return found;
}

static void fills_what_is_absent(void **state)
{
    (void)state;
    const kaon_loss table = {.size = sizeof table, .help = "x", .target = 1, .build = two};
    kaon_loss full;
    assert_int_equal(kn_interface_fill(find(KAON_LOSS), &table, &full, NULL), KAON_OK);
    assert_true(full.build == two);
    assert_int_equal(full.target, 1);
    int node; // an absent `predict` hands on the output
    assert_ptr_equal(full.predict(NULL, NULL, (kaon_node *)&node), &node);
}

static void takes_shorter_tables(void **state)
{
    (void)state;
    // As one built when `predict` did not exist yet: what lies behind its end is not looked at.
    const kaon_loss table = {
        .size = offsetof(kaon_loss, predict), .help = "x", .build = two, .predict = pass};
    kaon_loss full;
    assert_int_equal(kn_interface_fill(find(KAON_LOSS), &table, &full, NULL), KAON_OK);
    assert_int_equal(full.size, sizeof full);
    assert_true(full.predict != NULL && full.predict != pass);
}

static void keeps_absences_that_mean_something(void **state)
{
    (void)state;
    kaon_learner table = {.size = sizeof table, .help = "x"}, full;
    kn_diag fault;
    kn_diag_init(&fault);
    const kn_interface *learner = find(KAON_LEARNER);
    assert_int_equal(kn_interface_fill(learner, &table, &full, &fault.diag), KAON_INCOMPATIBLE);
    assert_string_equal(fault.text, "its table lacks 'create', which every learner needs");

    // Any function will do for the slots that must be there.
    for (const kn_slot *slot = learner->slots; slot->name; slot++) {
        kn_call *some = (kn_call *)pass;
        if (slot->need == KN_MUST)
            memcpy((char *)&table + slot->offset, &some, sizeof some);
    }
    assert_int_equal(kn_interface_fill(learner, &table, &full, &fault.diag), KAON_OK);
    assert_null(full.build);
    full.destroy(NULL);
    kaon_task_facts facts;
    assert_int_equal(full.facts(NULL, &facts, &fault.diag), KAON_OK);
    char *text = (char *)"x";
    assert_int_equal(full.describe(NULL, &text, &fault.diag), KAON_UNSUPPORTED);
    assert_null(text);
    assert_int_equal(full.save(NULL, NULL, &fault.diag), KAON_UNSUPPORTED);
    assert_string_equal(fault.text, "its plugin offers no way to save it");
}

// Every slot lies in its table, behind the head, where a pointer may stand, and is named once.
static void rows_fit_their_tables(void **state)
{
    (void)state;
    for (const kn_interface *i = kn_interfaces; i->id; i++) {
        assert_true(i->size % sizeof(void *) == 0);
        assert_ptr_equal(kn_interface_find(i->id), i);
        for (const kn_slot *slot = i->slots; slot->name; slot++) {
            assert_true(slot->offset >= sizeof(kaon_head));
            assert_true(slot->offset + sizeof(void *) <= i->size);
            assert_int_equal(slot->offset % sizeof(void *), 0);
            assert_int_equal(slot->need == KN_STUB, slot->stub != NULL);
            for (const kn_slot *other = i->slots; other != slot; other++)
                assert_int_not_equal(other->offset, slot->offset);
        }
    }
}

static void names_kinds(void **state)
{
    (void)state;
    char word[32];
    assert_string_equal(kn_interface_word(KAON_LAYER, word, sizeof word), "layer");
    assert_string_equal(kn_interface_word("kaon.strange/7", word, sizeof word), "strange");
    assert_string_equal(kn_interface_word("org.exp.calo/2", word, sizeof word), "org.exp.calo");
    assert_null(kn_interface_find("kaon.layer/2"));
    assert_null(kn_interface_find(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_what_is_absent),
        cmocka_unit_test(takes_shorter_tables),
        cmocka_unit_test(keeps_absences_that_mean_something),
        cmocka_unit_test(rows_fit_their_tables),
        cmocka_unit_test(names_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
