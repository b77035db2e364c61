/* options.c: options that are wrong in one way each; VARIANT picks one. */
#include "broken.h"

typedef struct {
    int64_t units;
    double scale;
    int32_t choice;
    kaon_part part;
} config;

static const char *const colours[] = {"red", "green", NULL};
static const char *const nothing[] = {NULL};

#define ROWS(name, ...) SPARE static const kaon_option name[] = {__VA_ARGS__, {0}};

ROWS(sound, KAON_INT(config, units, 16, .min = 1, .max = 64, .help = "units"),
     KAON_FLOAT(config, scale, 0.5, .max = 1, .flags = KAON_OPTION_OPEN_MIN, .help = "scale"),
     KAON_CHOICE(config, choice, 1, colours, .help = "colour"),
     KAON_PART(config, part, KAON_LAYER, NULL, .help = "part"))
ROWS(default_outside, KAON_INT(config, units, 65, .min = 1, .max = 64, .help = "units"))
ROWS(default_open,
     KAON_FLOAT(config, scale, 0, .max = 1, .flags = KAON_OPTION_OPEN_MIN, .help = "scale"))
ROWS(default_nan, KAON_FLOAT(config, scale, __builtin_nan(""), .max = 1, .help = "scale"))
ROWS(crossed_limits, KAON_INT(config, units, 2, .min = 4, .max = 1, .help = "units"))
ROWS(offset_outside, {.size = sizeof(kaon_option),
                      .kind = KAON_OPTION_INT,
                      .name = "far",
                      .offset = 4096,
                      .help = "far"})
ROWS(offset_askew, {.size = sizeof(kaon_option),
                    .kind = KAON_OPTION_INT,
                    .name = "askew",
                    .offset = 4,
                    .help = "askew"})
ROWS(declared_twice, KAON_INT(config, units, 1, .help = "units"),
     KAON_INT(config, units, 1, .help = "units"))
ROWS(unknown_kind, {.size = sizeof(kaon_option), .kind = 77, .name = "strange", .help = "strange"})
ROWS(no_choices, KAON_CHOICE(config, choice, 0, nothing, .help = "colour"))
ROWS(choice_outside, KAON_CHOICE(config, choice, 2, colours, .help = "colour"))
ROWS(wrong_row_size, {.size = 12, .kind = KAON_OPTION_INT, .name = "short", .help = "short"})
ROWS(bad_name,
     {.size = sizeof(kaon_option), .kind = KAON_OPTION_INT, .name = "Units\n", .help = "units"})
ROWS(no_option_help, KAON_INT(config, units, 1))
ROWS(part_of_nothing, KAON_PART(config, part, NULL, NULL, .help = "part"))

#define ROW(number)                                                                                \
    {                                                                                              \
        .size = sizeof(kaon_option), .kind = KAON_OPTION_INT, .name = "n" #number,                 \
        .help = "one of many"                                                                      \
    }
#define TEN(n)                                                                                     \
    ROW(n##0), ROW(n##1), ROW(n##2), ROW(n##3), ROW(n##4), ROW(n##5), ROW(n##6), ROW(n##7),        \
        ROW(n##8), ROW(n##9)
#define HUNDRED(n)                                                                                 \
    TEN(n##0), TEN(n##1), TEN(n##2), TEN(n##3), TEN(n##4), TEN(n##5), TEN(n##6), TEN(n##7),        \
        TEN(n##8), TEN(n##9)
ROWS(too_many, HUNDRED(1), HUNDRED(2), HUNDRED(3))

static const kaon_layer layer = {
    .size = sizeof layer,
    .settings_size = sizeof(config),
    .options = VARIANT,
    .help = "hands on what it gets",
    .build = pass,
};

#define ITEMS(item) item(KAON_LAYER, NAME, &layer)
KAON_PLUGIN(NAME, "1.0.0", "MIT", "for tests", ITEMS, NULL)
