/* dataset_plan.h: the `data` section as checked settings. */
#ifndef KN_DATASET_PLAN_H
#define KN_DATASET_PLAN_H

#include "data/arrow_table.h"
#include "data/dataset.h"
#include "data/formulas.h"
#include "data/split_plan.h"

typedef struct kn_data_settings {
    const kn_config *reader;
    kaon_texts path;
    kaon_texts validation_path;
    kaon_texts test_path;
    const kn_config *files;
    const kn_config *define;
    const char *cut;
    kaon_texts features;
    const char *target;
    const char *weight;
    kaon_texts keep;
    int32_t task; // KN_TASK_*
    kaon_texts classes;
    int32_t missing; // KN_MISSING_*
    kaon_floats missing_values;
    int64_t pad;
    double pad_value;
    int64_t rows;
    const char *memory;
    const char *cache;
    const kn_config *split;
} kn_data_settings;

struct kn_dataset_plan {
    kn_settings *s;
    const kn_data_settings *settings;
    const kaon_part *reader; // NULL: by extension
    kn_split_plan split;
    kn_formulas formulas;
    uint64_t memory; // bytes of columns; 0: no limit
    uint64_t digest; // of what decides what is read: conversion.h
    kn_config *resolved;
};

#endif
