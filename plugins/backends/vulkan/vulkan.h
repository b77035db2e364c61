/* vulkan.h: what the parts of the Vulkan backend share.
 *
 * Pointers the kernel of Kaon sees are device addresses (bufferDeviceAddress, core in Vulkan 1.2):
 * views into the middle of a tensor cost nothing and no shader needs a descriptor. Shaders get the
 * addresses of their operands as push constants.
 *
 *     device.c      loader, choice of a device, its features, validation messages
 *     memory.c      device memory in large blocks, copies
 *     stream.c      command buffers, barriers, recordings, timestamps
 *     shader.c      GLSL to SPIR-V to pipelines, both cached on disk
 *     text.c        the text of shaders: types, instructions, operands
 *     expression.c  fused expressions      matmul.c  products      kernels.c  everything else
 *     code.c        kernels that come with an operation
 */
#ifndef VULKAN_BACKEND_H
#define VULKAN_BACKEND_H

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

#include <pthread.h>

#include <kaon/backend.h>

/* --- the loader's calls ----------------------------------------------------------------------- */

// clang-format off
#define VULKAN_INSTANCE_CALLS(X) \
    X(DestroyInstance) X(EnumeratePhysicalDevices) X(GetPhysicalDeviceProperties2) \
    X(GetPhysicalDeviceFeatures2) X(GetPhysicalDeviceQueueFamilyProperties) \
    X(GetPhysicalDeviceMemoryProperties) X(CreateDevice) X(GetDeviceProcAddr) \
    X(CreateDebugUtilsMessengerEXT) X(DestroyDebugUtilsMessengerEXT)
#define VULKAN_DEVICE_CALLS(X) \
    X(DestroyDevice) X(GetDeviceQueue) X(DeviceWaitIdle) \
    X(AllocateMemory) X(FreeMemory) X(MapMemory) X(CreateBuffer) X(DestroyBuffer) \
    X(GetBufferMemoryRequirements) X(BindBufferMemory) X(GetBufferDeviceAddress) \
    X(CreateCommandPool) X(DestroyCommandPool) X(AllocateCommandBuffers) X(FreeCommandBuffers) \
    X(BeginCommandBuffer) X(EndCommandBuffer) X(CreateFence) X(DestroyFence) X(WaitForFences) \
    X(ResetFences) X(QueueSubmit) X(CmdPipelineBarrier) X(CmdCopyBuffer) X(CmdBindPipeline) \
    X(CmdPushConstants) X(CmdDispatch) X(CmdResetQueryPool) X(CmdWriteTimestamp) \
    X(CreateQueryPool) X(DestroyQueryPool) X(GetQueryPoolResults) \
    X(CreateShaderModule) X(DestroyShaderModule) X(CreatePipelineLayout) X(DestroyPipelineLayout) \
    X(CreatePipelineCache) X(DestroyPipelineCache) X(GetPipelineCacheData) \
    X(CreateComputePipelines) X(DestroyPipeline)
// clang-format on

typedef struct {
#define VULKAN_CALL(name) PFN_vk##name name;
    VULKAN_INSTANCE_CALLS(VULKAN_CALL) VULKAN_DEVICE_CALLS(VULKAN_CALL)
#undef VULKAN_CALL
} vulkan_calls;

/* --- the device ------------------------------------------------------------------------------- */

typedef struct {
    int32_t validate;    // any message of the validation layers is a failure
    kaon_texts without;  // types to do without, as a smaller device would
    int64_t memory;      // MiB it may allocate, 0: all there is
    int64_t lose_after;  // launches until the device is lost, for tests; 0: never
    int32_t as_hardware; // kernels of hardware on a processor that plays a device too, for tests
    const char *cache;   // folder of compiled shaders
} vulkan_config;

typedef struct vulkan_block vulkan_block;       // memory.c
typedef struct vulkan_pipeline vulkan_pipeline; // shader.c
typedef struct vulkan_recording vulkan_recording;

enum { VULKAN_ON_DEVICE = 0, VULKAN_ON_HOST = 1 }; // kinds of memory

enum {
    VULKAN_BATCHES = 4,      // command buffers under way
    VULKAN_RANGES = 48,      // of addresses remembered between barriers
    VULKAN_PUSH_BYTES = 128, // what every device has
};

typedef struct {
    uint64_t from, to;
    int32_t is_write;
} vulkan_range;

// A command buffer being filled or run.
typedef struct {
    VkCommandBuffer commands;
    VkFence fence;
    int32_t is_open;
    int32_t is_pending;
    int32_t launches;
    int32_t is_timed;
    uint64_t parameters; // address of host memory for them
    uint64_t parameters_used;
} vulkan_batch;

typedef struct {
    const kaon_host *host;
    vulkan_config config;
    void *library;
    vulkan_calls vk;
    VkInstance instance;
    VkDebugUtilsMessengerEXT messenger;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    uint32_t family;
    // What it is.
    char name[128];
    VkPhysicalDeviceMemoryProperties memory_types;
    VkPhysicalDeviceLimits limits;
    uint8_t cache_id[VK_UUID_SIZE];
    uint64_t memory_bytes;
    uint64_t block_limit;
    uint32_t dtypes;          // bits
    int32_t is_software;      // runs on the processor
    int32_t is_unified;       // device memory is host memory
    uint32_t broadcast_lanes; // of subgroups that broadcast; 0: there are none
    int32_t rank;
    uint32_t type_of[2]; // memory types
    // State; `lock` guards all of it: programs of one device may be run by several threads.
    pthread_mutex_t lock;
    int32_t is_lost;
    int64_t launched;
    char complaint[512]; // of the validation layers
    uint64_t allocated;
    vulkan_block *blocks[2];
    uint64_t staging; // address; 0: not yet
    uint64_t staging_used;
    VkCommandPool pool;
    vulkan_batch batches[VULKAN_BATCHES];
    int32_t current;
    vulkan_recording *recording; // being captured
    vulkan_recording *replaying; // the last handed over, NULL: done
    vulkan_range ranges[VULKAN_RANGES];
    int32_t range_count;
    VkQueryPool queries;
    int32_t is_timing;
    VkPipelineLayout layout;
    VkPipelineCache cache;
    uint64_t cache_bytes; // when read
    vulkan_pipeline *pipelines[256];
    char cache_path[512];
} vulkan_device;

/* --- device.c --------------------------------------------------------------------------------- */

kaon_status vulkan_device_open(const kaon_host *host, const void *settings, int32_t index,
                               void **device, kaon_diag *diag);
void vulkan_device_close(void *device);

/* 1 if this machine seems to have a device that is no processor; nothing is opened for it. */
int32_t vulkan_has_hardware(void);

/* The words for a result of Vulkan's. */
kaon_status vulkan_failed(vulkan_device *d, VkResult result, const char *what, kaon_diag *diag);

/* A complaint of the validation layers, if there was one. */
kaon_status vulkan_complaint(vulkan_device *d, kaon_diag *diag);

/* --- memory.c --------------------------------------------------------------------------------- */

kaon_status vulkan_alloc(vulkan_device *d, int32_t kind, uint64_t bytes, uint64_t *address,
                         kaon_diag *diag);
void vulkan_free(vulkan_device *d, uint64_t address); // takes 0

/* Where the host sees an address of host memory; NULL: it does not. */
void *vulkan_mapped(const vulkan_device *d, uint64_t address);

/* The buffer an address lies in. */
VkBuffer vulkan_buffer(const vulkan_device *d, uint64_t address, uint64_t *offset);
void vulkan_memory_close(vulkan_device *d);

kaon_status vulkan_memory_alloc(void *device, uint64_t bytes, void **memory, kaon_diag *diag);
void vulkan_memory_free(void *device, void *memory);
kaon_status vulkan_memory_copy(void *device, int32_t direction, void *to, const void *from,
                               uint64_t bytes, kaon_diag *diag);

/* --- stream.c --------------------------------------------------------------------------------- */

kaon_status vulkan_stream_open(vulkan_device *d, kaon_diag *diag);
void vulkan_stream_close(vulkan_device *d);

/* The command buffer to write one command to, begun, with room for its parameters. */
kaon_status vulkan_commands(vulkan_device *d, VkCommandBuffer *out, kaon_diag *diag);

/* Says which addresses the next command reads and writes; puts a barrier before it where needed. */
void vulkan_touch(vulkan_device *d, VkCommandBuffer commands, const vulkan_range *ranges,
                  int32_t count);

/* Everything launched is done. */
kaon_status vulkan_drain(vulkan_device *d, kaon_diag *diag);

kaon_status vulkan_wait(void *device, kaon_diag *diag);
kaon_status vulkan_capture_begin(void *device, kaon_diag *diag);
kaon_status vulkan_capture_end(void *device, void **recording, kaon_diag *diag);
kaon_status vulkan_replay(void *device, void *recording, uint64_t run, kaon_diag *diag);
void vulkan_recording_free(void *device, void *recording);
kaon_status vulkan_elapsed(void *device, uint64_t *nanoseconds, kaon_diag *diag);

/* Address of host memory that lives as long as what is being written to (see vulkan_commands); a
 * run's number goes to the address of vulkan_run_number, anew at each replay. */
kaon_status vulkan_parameters(vulkan_device *d, const void *data, uint64_t bytes, uint64_t *address,
                              kaon_diag *diag);
kaon_status vulkan_run_number(vulkan_device *d, uint64_t run, uint64_t *address, kaon_diag *diag);

/* --- shader.c --------------------------------------------------------------------------------- */

/* Text that grows; `failed` is set when there was no memory. */
typedef struct {
    const kaon_host *host;
    char *at;
    uint64_t length, room;
    int32_t failed;
} vulkan_text;

__attribute__((format(printf, 2, 3))) void vulkan_add(vulkan_text *t, const char *format, ...);
void vulkan_text_fini(vulkan_text *t);

enum { VULKAN_MOST_CONSTANTS = 256 };

/* Sizes and strides that a shader gets when its pipeline is made: one text serves many shapes. */
typedef struct {
    uint32_t at[VULKAN_MOST_CONSTANTS];
    int32_t count;
    int32_t failed; // too many
} vulkan_constants;

// Number of the constant.
int32_t vulkan_constant(vulkan_constants *c, uint64_t value);

/* A pipeline lives as long as the device. GLSL is compiled unless the same text was seen before. */
kaon_status vulkan_pipeline_of_text(vulkan_device *d, const vulkan_text *text,
                                    const vulkan_constants *constants, VkPipeline *out,
                                    kaon_diag *diag);
kaon_status vulkan_pipeline_of_words(vulkan_device *d, const uint32_t *words, uint64_t bytes,
                                     const vulkan_constants *constants, const char *entry,
                                     VkPipeline *out, kaon_diag *diag);
kaon_status vulkan_shaders_open(vulkan_device *d, kaon_diag *diag);
void vulkan_shaders_close(vulkan_device *d);

/* --- steps ------------------------------------------------------------------------------------ */

enum { VULKAN_MOST_OPERANDS = 128, VULKAN_MOST_SCRATCH = 16 };

// Operands of a pass that are none of the step's.
enum { VULKAN_RUN = -99, VULKAN_GEOMETRY = -100 }; // the latter minus the number of the geometry

// What stands in the push constants or, where there are too many, in parameters they point to.
enum { VULKAN_PUSH_OPERANDS = 14 };

// Bytes before and after the first element that a step touches of an operand.
typedef struct {
    int64_t low, high;
} vulkan_extent;

/* One dispatch. `operands` are numbers of the step's, -1 - i: offset i in scratch. */
typedef struct {
    VkPipeline pipeline;
    uint32_t groups[3];
    int32_t operand_count;
    int32_t first_write; // operands from here on are written
    int16_t operands[VULKAN_MOST_OPERANDS];
    uint32_t tail_count; // numbers that follow the addresses
    uint32_t tail[VULKAN_PUSH_BYTES / 4];
} vulkan_pass;

typedef struct vulkan_task {
    vulkan_device *device;
    int32_t operand_count;
    int32_t pass_count;
    int32_t is_random;       // gets the run's number
    uint64_t geometry;       // address of parameters that never change; 0: none
    uint64_t geometry_bytes; // of each
    uint64_t scratch_bytes;
    uint64_t scratch_at[VULKAN_MOST_SCRATCH];
    uint64_t scratch_size[VULKAN_MOST_SCRATCH];
    int32_t scratch_count;
    vulkan_extent *extents;
    vulkan_pass *passes;
} vulkan_task;

const kaon_operand *vulkan_operand(const kaon_step *step, int32_t index);
const kaon_attr *vulkan_attr(const kaon_step *step, const char *name); // NULL: not there
int64_t vulkan_attr_int(const kaon_step *step, const char *name);
int64_t vulkan_count(const kaon_operand *o);

/* A task with extents and room for `passes`; released by vulkan_task_free. */
kaon_status vulkan_task_new(vulkan_device *d, const kaon_step *step, int32_t passes,
                            vulkan_task **out, kaon_diag *diag);
void vulkan_task_free(void *task);

/* Number of a piece of scratch, for operands of passes: -1 - number. */
int32_t vulkan_scratch(vulkan_task *t, uint64_t bytes);
vulkan_pass *vulkan_pass_add(vulkan_task *t, VkPipeline pipeline, uint32_t x, uint32_t y,
                             uint32_t z);

/* Elements before (negative) and behind the first that the strides reach. */
vulkan_extent vulkan_reach(const kaon_operand *o);
kaon_status vulkan_launch(const void *state, const kaon_launch *l, kaon_diag *diag);

/* Groups of `per_group` for `count` threads in a loop that strides over the grid. */
uint32_t vulkan_groups(const vulkan_device *d, uint64_t count, uint32_t per_group);

/* --- text.c ----------------------------------------------------------------------------------- */

typedef struct {
    const char *reference; // buffer type in GLSL
    const char *number;    // type of a register
    const char *stored;    // type in memory
    const char *load;      // prefix of an expression that makes a register of what is stored
    const char *store;     // the other way
    const char *class;     // suffix of functions: f32, f64, i32, u32, i64, u64, bool
    int32_t bits;          // 8, 16: integers that wrap; 0: do not
} vulkan_type;

extern const vulkan_type vulkan_types[KAON_DTYPE_COUNT];

/* Version, extensions, the references of all types in `dtypes`, and what instructions need. */
void vulkan_text_begin(vulkan_text *t, const vulkan_device *d, uint32_t dtypes);

/* Push constants: `count` references of the operands' dtypes, named p0, p1, .. */
void vulkan_text_operands(vulkan_text *t, const int32_t *dtypes, int32_t count);
void vulkan_text_constants(vulkan_text *t, const vulkan_constants *c);

/* The instructions of an expression; registers are r0, r1, ..; inputs must be there. `dtypes` are
 * those of the inputs, `axes` names of indices. */
void vulkan_text_code(vulkan_text *t, const kaon_expression *e, const int32_t *dtypes,
                      const char *const *axes);

const kaon_instruction *vulkan_instruction(const kaon_expression *e, int32_t i);
const kaon_result *vulkan_result(const kaon_expression *e, int32_t i);
int32_t vulkan_register_dtype(const kaon_expression *e, const int32_t *inputs, int32_t r);

/* 1 if all instructions can be written. */
int32_t vulkan_has_forms(const kaon_expression *e, const int32_t *inputs);

/* Types of all registers and operands. */
uint32_t vulkan_step_dtypes(const kaon_step *step);

/* --- operations ------------------------------------------------------------------------------- */

// A kernel compiled with the plugin.
typedef struct {
    const char *name;
    int32_t dtype;
    const uint32_t *words;
    uint64_t bytes;
} vulkan_words;

int32_t vulkan_supports_fused(const kaon_step *step);
kaon_status vulkan_prepare_fused(vulkan_device *d, const kaon_step *step, vulkan_task **out,
                                 kaon_diag *diag);
int32_t vulkan_supports_matmul(const kaon_step *step);
kaon_status vulkan_prepare_matmul(vulkan_device *d, const kaon_step *step, vulkan_task **out,
                                  kaon_diag *diag);
kaon_status vulkan_prepare_kernel(vulkan_device *d, const kaon_step *step, vulkan_task **out,
                                  kaon_diag *diag);
/* SPIR-V that came with the operation and fits; NULL: none. */
const kaon_code *vulkan_find_code(const kaon_step *step);
kaon_status vulkan_prepare_code(vulkan_device *d, const kaon_step *step, vulkan_task **out,
                                kaon_diag *diag);
int32_t vulkan_has_kernel(const vulkan_device *d, const kaon_step *step);

#endif
