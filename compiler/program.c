/* program.c: running a compiled graph, and its end. */
#include "compiler/program.h"

#include "kernel/float_mode.h"
#include "kernel/memory.h"
#include "compiler/profile.h"

#include <string.h>

static kaon_status run_profiled(kaon_program *p, uint64_t run, kaon_diag *diag);

static kaon_status run_launches(kaon_program *p, uint64_t run, kaon_diag *diag)
{
    if (p->kernel->profile)
        return run_profiled(p, run, diag);
    kn_launch *end = p->launches + p->launch_count;
    for (kn_launch *l = p->launches; l < end; l++) {
        l->call.run = run;
        const kaon_status status = l->launch(l->state, &l->call, diag);
        if (status)
            return status;
    }
    return KAON_OK;
}

// The same with each launch timed.
static kaon_status run_profiled(kaon_program *p, uint64_t run, kaon_diag *diag)
{
    kn_profile *profile = p->kernel->profile;
    if (p->booked_in != profile) {
        p->booked_at = kn_profile_book(profile, p->notes, p->launch_count);
        p->booked_in = profile;
    }
    for (int32_t i = 0; i < p->launch_count; i++) {
        kn_launch *l = &p->launches[i];
        l->call.run = run;
        KAON_TRY(l->launch == kn_run_tiles || p->booked_at < 0
                     ? l->launch(l->state, &l->call, diag)
                     : kn_profile_launch(profile, p->booked_at + i, p->device, l, diag));
    }
    return KAON_OK;
}

// The addresses of a staged program never change, so that its launches can be written down once.
static kaon_status record(kaon_program *p, kaon_diag *diag)
{
    const kaon_backend *b = p->device->backend;
    kn_diag fault;
    kn_diag_init(&fault);
    p->is_unrecordable = 1;
    if (b->capture_begin(p->device->handle, &fault.diag))
        return KAON_OK;
    kaon_status status = run_launches(p, 0, &fault.diag);
    void *recording = NULL;
    const kaon_status end = b->capture_end(p->device->handle, &recording, NULL);
    if (!status && !end) {
        p->recording = recording;
        p->is_unrecordable = 0;
        return KAON_OK;
    }
    b->recording_free(p->device->handle, recording);
    return !status || status == KAON_UNSUPPORTED ? KAON_OK : kn_diag_pass(&fault, diag);
}

// What runs a second time is recorded.
static kaon_status run_on_device(kaon_program *p, uint64_t run, kaon_diag *diag)
{
    if (p->kernel->profile)
        return run_launches(p, run, diag);
    if (!p->recording && !p->is_unrecordable && p->has_run)
        KAON_TRY(record(p, diag));
    p->has_run = 1;
    if (p->recording)
        return p->device->backend->replay(p->device->handle, p->recording, run, diag);
    return run_launches(p, run, diag);
}

// Bodies get addresses on the device from the program around them.
static kaon_status run_staged(kaon_program *p, const void *const *inputs, void *const *outputs,
                              uint64_t run, kaon_diag *diag)
{
    const kaon_backend *b = p->device->backend;
    void *handle = p->device->handle;
    KAON_TRY(kn_variables_to_device(p->variables, diag));
    for (int32_t i = 0; i < p->input_count; i++)
        KAON_TRY(b->copy(handle, KAON_TO_DEVICE, p->staged_inputs[i], inputs[i], p->input_bytes[i],
                         diag));
    KAON_TRY(run_on_device(p, run, diag));
    for (int32_t i = 0; i < p->output_count; i++)
        KAON_TRY(b->copy(handle, KAON_TO_HOST, outputs[i], p->staged_outputs[i], p->output_bytes[i],
                         diag));
    for (int32_t i = 0; i < p->written_count; i++)
        p->written[i]->device_newer = 1;
    return p->output_count ? KAON_OK : b->wait(handle, diag);
}

kaon_status kn_program_run_inside(kaon_program *p, const void *const *inputs, void *const *outputs,
                                  uint64_t run, kaon_diag *diag)
{
    if (p->staged_inputs)
        return run_staged(p, inputs, outputs, run, diag);
    for (int32_t i = 0; i < p->patch_count; i++) {
        const kn_patch *patch = &p->patches[i];
        const char *given = patch->is_output ? outputs[patch->index] : inputs[patch->index];
        *patch->slot = (void *)(given + patch->offset);
    }
    return run_launches(p, run, diag);
}

kaon_status kn_program_run(kaon_program *p, const void *const *inputs, void *const *outputs,
                           uint64_t run, kaon_diag *diag)
{
    const uint32_t mode = kn_flush_begin();
    const kaon_status status = kn_program_run_inside(p, inputs, outputs, run, diag);
    kn_flush_end(mode);
    return status;
}

void kn_program_free(kaon_program *p)
{
    if (!p)
        return;
    if (p->recording)
        p->device->backend->recording_free(p->device->handle, p->recording);
    for (int32_t i = 0; i < p->kernel_count; i++)
        if (p->kernels[i].release)
            p->kernels[i].release(p->kernels[i].state);
    for (int32_t i = 0; i < p->body_count; i++)
        kn_program_free(p->bodies[i]);
    for (size_t i = 0; i < sizeof p->memory / sizeof *p->memory; i++)
        kn_device_free(p->device, p->memory[i]);
    for (int32_t i = 0; p->staged_inputs && i < p->input_count; i++)
        kn_device_free(p->device, p->staged_inputs[i]);
    for (int32_t i = 0; p->staged_inputs && i < p->output_count; i++)
        kn_device_free(p->device, p->staged_outputs[i]);
    kn_variables_release(p->variables);
    kn_arena arena = p->own;
    kn_arena_free(&arena);
}
