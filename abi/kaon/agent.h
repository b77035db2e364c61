/* agent.h: "kaon.environment/1" and "kaon.agent/1": reinforcement learning.
 *
 * An environment instance is a batch of `count` equal environments, stepped together; arrays have
 * one row per environment. Same seed, same actions: same rows, whatever the batch.
 */
#ifndef KAON_AGENT_H
#define KAON_AGENT_H

#include <kaon/learner.h>
#include <kaon/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KAON_ENVIRONMENT "kaon.environment/1"
#define KAON_AGENT       "kaon.agent/1"

enum {
    KAON_SPACE_DISCRETE = 0, // one of 0 .. n-1, i32
    KAON_SPACE_BOX = 1       // f32 of `shape`, each in [low, high]
};

// Stands inside other structs and therefore never grows.
typedef struct kaon_space {
    uint32_t size;
    int32_t kind;
    int64_t n;
    int32_t rank;
    int32_t reserved;
    int64_t shape[4];
    double low;
    double high;
} kaon_space;

typedef struct kaon_world {
    uint32_t size;
    int32_t players;          // who take turns, 1 or 2
    kaon_space observation;   // a discrete one numbers the states
    kaon_space action;
    int64_t step_limit;       // of an episode, 0: none
} kaon_world;

// How an episode stands after a step.
enum {
    KAON_GOES_ON = 0,
    KAON_TERMINATED = 1, // the world ended it
    KAON_TRUNCATED = 2   // the step limit did
};

// The outcome of a step, arrays of `count` rows owned by the caller.
typedef struct kaon_outcome {
    uint32_t size;
    uint32_t reserved;
    void *observations; // i32 (count) or f32 (count, shape): after the step
    float *rewards;     // of the player who moved
    uint8_t *ends;      // KAON_GOES_ON, ...; an ended environment waits for `reset`
} kaon_outcome;

typedef struct kaon_environment {
    uint32_t size;
    uint32_t settings_size;
    const kaon_option *options;
    const char *help;
    kaon_status (*world)(const void *settings, kaon_world *out, kaon_diag *diag); // [any]
    kaon_status (*create)(const kaon_host *host, const void *settings, int64_t count,
                          uint64_t seed, void **self, kaon_diag *diag); // [any]
    void (*destroy)(void *self); // takes NULL
    // Starts new episodes where mask is not 0 (NULL: everywhere). [instance]
    kaon_status (*reset)(void *self, const uint8_t *mask, void *observations, kaon_diag *diag);
    // `actions`: i32 (count) or f32 (count, shape). Rows that ended are left alone. [instance]
    kaon_status (*step)(void *self, const void *actions, const kaon_outcome *out, kaon_diag *diag);
    // 1 for each action that may be taken (count, n). Absent: all may. [instance]
    kaon_status (*legal)(void *self, uint8_t *legal, kaon_diag *diag);
    // Who moves next (count), 0 or 1. Absent: 0. [instance]
    kaon_status (*player)(void *self, int32_t *players, kaon_diag *diag);
    // Environment `index` as text for people; memory of `resize`, freed by the caller. May be absent.
    kaon_status (*show)(void *self, int64_t index, char **text, kaon_diag *diag); // [instance]
    // Where all environments stand, their random numbers included, for checkpoints of whoever acts
    // in them; `resume` follows `create` with the same settings, count and seed. Names begin with
    // "environment/". Absent: this environment cannot be put aside. [instance]
    kaon_status (*suspend)(void *self, kaon_archive *into, kaon_diag *diag);
    kaon_status (*resume)(void *self, kaon_archive *from, kaon_diag *diag);
} kaon_environment;

typedef struct kaon_train {
    uint32_t size;
    uint32_t reserved;
    const kaon_part *environment; // of KAON_ENVIRONMENT
    uint64_t seed;
    kaon_monitor *monitor;
    kaon_archive *from; // what an earlier training put at a checkpoint: go on there; NULL: begin
} kaon_train;

typedef struct kaon_agent {
    uint32_t size;
    uint32_t settings_size;
    const kaon_option *options;
    const char *help;
    kaon_status (*create)(const kaon_host *host, const void *settings, const kaon_world *world,
                          uint64_t seed, void **self, kaon_diag *diag); // [any]
    void (*destroy)(void *self); // takes NULL
    kaon_status (*train)(void *self, const kaon_train *train, kaon_diag *diag); // [instance]
    // Best actions for `count` observations; `legal` (count, n) or NULL. [instance]
    kaon_status (*act)(void *self, int64_t count, const void *observations, const uint8_t *legal,
                       void *actions, kaon_diag *diag);
    kaon_status (*save)(void *self, kaon_archive *into, kaon_diag *diag); // [instance]
    kaon_status (*load)(void *self, kaon_archive *from, kaon_diag *diag); // [instance]
} kaon_agent;

#ifdef __cplusplus
}
#endif
#endif
