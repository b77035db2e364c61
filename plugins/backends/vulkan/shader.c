/* shader.c: from GLSL to SPIR-V to pipelines, and what of that is kept on disk.
 *
 * Both caches are files of their own with a header that holds a checksum: what does not agree is
 * made anew and said in one line. SPIR-V is keyed by the text it comes from; pipelines are the
 * driver's own cache, keyed by the driver.
 */
#include "vulkan.h"

#include <glslang/Include/glslang_c_interface.h>
#include <glslang/Public/resource_limits_c.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kaon/files.h>

enum { MAGIC = 0x31564b4b, FORMAT = 1 }; // FORMAT: of the cache; a change makes all of it anew
#define MOST_BYTES (UINT64_C(256) << 20)

struct vulkan_pipeline {
    vulkan_pipeline *next;
    uint64_t key[2];
    VkPipeline pipeline;
};

/* --- text ------------------------------------------------------------------------------------- */

void vulkan_text_fini(vulkan_text *t)
{
    kaon_free(t->host, t->at);
    t->at = NULL;
    t->length = t->room = 0;
}

void vulkan_add(vulkan_text *t, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int bytes = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    const uint64_t needed = t->length + (uint64_t)(bytes > 0 ? bytes : 0) + 1;
    if (!t->failed && needed > t->room) {
        const uint64_t room = needed > 2 * t->room ? needed + 4096 : 2 * t->room;
        char *larger = t->host->resize(t->host, t->at, room);
        t->failed = larger == NULL;
        t->at = larger ? larger : t->at;
        t->room = larger ? room : t->room;
    }
    if (!t->failed && bytes > 0) {
        vsnprintf(t->at + t->length, (size_t)bytes + 1, format, again);
        t->length += (uint64_t)bytes;
    }
    va_end(again);
}

int32_t vulkan_constant(vulkan_constants *c, uint64_t value)
{
    if (c->count == VULKAN_MOST_CONSTANTS || value > UINT32_MAX) {
        c->failed = 1;
        return 0;
    }
    c->at[c->count] = (uint32_t)value;
    return c->count++;
}

/* --- sums ------------------------------------------------------------------------------------- */

// FNV-1a, twice with different starts: to find things and to notice damage, not to keep secrets.
static uint64_t sum_of(uint64_t start, const void *data, uint64_t bytes)
{
    const unsigned char *at = data;
    uint64_t sum = start ^ UINT64_C(0xcbf29ce484222325);
    for (uint64_t i = 0; i < bytes; i++)
        sum = (sum ^ at[i]) * UINT64_C(0x100000001b3);
    return sum ^ (sum >> 29);
}

static void key_of(const void *data, uint64_t bytes, uint64_t key[2])
{
    key[0] = sum_of(FORMAT, data, bytes);
    key[1] = sum_of(key[0] * 3 + bytes, data, bytes);
}

/* --- files ------------------------------------------------------------------------------------ */

typedef struct {
    uint32_t magic, format;
    uint64_t bytes, sum;
} file_head;

// The bytes of a cached file, NULL where there is none; one that is damaged is named and left out.
static void *read_cached(const vulkan_device *d, const char *path, uint64_t *bytes)
{
    FILE *file = fopen(path, "rb");
    file_head head;
    void *data = NULL;
    if (!file)
        return NULL;
    if (fread(&head, sizeof head, 1, file) == 1 && head.magic == MAGIC && head.format == FORMAT &&
        head.bytes < MOST_BYTES) {
        data = kaon_alloc(d->host, head.bytes);
        if (data && (fread(data, 1, (size_t)head.bytes, file) != head.bytes ||
                     sum_of(0, data, head.bytes) != head.sum)) {
            kaon_free(d->host, data);
            data = NULL;
        }
    }
    fclose(file);
    if (!data)
        kaon_say(d->host, KAON_LOG_WARNING, "'%s' is damaged and made anew", path);
    *bytes = data ? head.bytes : 0;
    return data;
}

// A cache that cannot be written costs time, nothing else.
static void write_cached(const vulkan_device *d, const char *path, const void *data, uint64_t bytes)
{
    const kaon_files_api *files = d->host->service(d->host, KAON_FILES_SERVICE);
    const file_head head = {MAGIC, FORMAT, bytes, sum_of(0, data, bytes)};
    kaon_file *file = NULL;
    if (!files || !d->cache_path[0] || files->create(d->host, path, &file, NULL))
        return;
    if (!files->add(file, &head, sizeof head, NULL) && !files->add(file, data, bytes, NULL))
        files->commit(file, NULL);
    files->close(file);
}

// Makes a folder and those above it.
static int32_t make_folders(char *path)
{
    for (char *at = path + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        const int failed = mkdir(path, 0755) && errno != EEXIST;
        *at = '/';
        if (failed)
            return 0;
    }
    return !mkdir(path, 0755) || errno == EEXIST;
}

static void find_cache(vulkan_device *d)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *to = d->cache_path;
    const size_t room = sizeof d->cache_path;
    int length = -1;
    if (d->config.cache && *d->config.cache)
        length = snprintf(to, room, "%s", d->config.cache);
    else if (cache && *cache == '/')
        length = snprintf(to, room, "%s/kaon/vulkan", cache);
    else if (home && *home == '/')
        length = snprintf(to, room, "%s/.cache/kaon/vulkan", home);
    if (length < 0 || (size_t)length + 64 > room || !make_folders(to))
        to[0] = '\0';
}

/* --- GLSL ------------------------------------------------------------------------------------- */

static glslang_input_t input_of(const char *code)
{
    return (glslang_input_t){.language = GLSLANG_SOURCE_GLSL,
                             .stage = GLSLANG_STAGE_COMPUTE,
                             .client = GLSLANG_CLIENT_VULKAN,
                             .client_version = GLSLANG_TARGET_VULKAN_1_2,
                             .target_language = GLSLANG_TARGET_SPV,
                             .target_language_version = GLSLANG_TARGET_SPV_1_5,
                             .code = code,
                             .default_version = 460,
                             .default_profile = GLSLANG_NO_PROFILE,
                             .messages = GLSLANG_MSG_SPV_RULES_BIT | GLSLANG_MSG_VULKAN_RULES_BIT,
                             .resource = glslang_default_resource()};
}

// The first line of a log, which names the fault.
static kaon_status refuse_text(const char *log, const char *code, kaon_diag *diag)
{
    (void)code;
    return kaon_fail(diag, KAON_INTERNAL, "a shader does not compile: %.300s", log ? log : "?");
}

static kaon_status words_of_shader(const vulkan_device *d, glslang_shader_t *shader,
                                   const char *code, uint32_t **words, uint64_t *bytes,
                                   kaon_diag *diag)
{
    const glslang_input_t input = input_of(code);
    if (!glslang_shader_preprocess(shader, &input) || !glslang_shader_parse(shader, &input))
        return refuse_text(glslang_shader_get_info_log(shader), code, diag);
    glslang_program_t *program = glslang_program_create();
    if (!program)
        return kaon_fail(diag, KAON_NO_MEMORY, "no memory for a shader");
    glslang_program_add_shader(program, shader);
    kaon_status status = KAON_OK;
    if (!glslang_program_link(program, (int)input.messages)) {
        status = refuse_text(glslang_program_get_info_log(program), code, diag);
    } else {
        glslang_spv_options_t options = {.disable_optimizer = true};
        glslang_program_SPIRV_generate_with_options(program, input.stage, &options);
        *bytes = glslang_program_SPIRV_get_size(program) * sizeof(uint32_t);
        *words = kaon_alloc(d->host, *bytes);
        if (*words)
            memcpy(*words, glslang_program_SPIRV_get_ptr(program), (size_t)*bytes);
        else
            status = kaon_fail(diag, KAON_NO_MEMORY, "no memory for a shader");
    }
    glslang_program_delete(program);
    return status;
}

static kaon_status compile(const vulkan_device *d, const char *code, uint32_t **words,
                           uint64_t *bytes, kaon_diag *diag)
{
    const glslang_input_t input = input_of(code);
    glslang_shader_t *shader = glslang_shader_create(&input);
    if (!shader)
        return kaon_fail(diag, KAON_NO_MEMORY, "no memory for a shader");
    const kaon_status status = words_of_shader(d, shader, code, words, bytes, diag);
    glslang_shader_delete(shader);
    return status;
}

// From the cache, else compiled and put there.
static kaon_status words_of_text(const vulkan_device *d, const vulkan_text *text,
                                 const uint64_t key[2], uint32_t **words, uint64_t *bytes,
                                 kaon_diag *diag)
{
    char path[sizeof d->cache_path + 64];
    snprintf(path, sizeof path, "%s/%016llx%016llx.spv", d->cache_path, (unsigned long long)key[0],
             (unsigned long long)key[1]);
    *words = d->cache_path[0] ? read_cached(d, path, bytes) : NULL;
    if (*words)
        return KAON_OK;
    KAON_TRY(compile(d, text->at, words, bytes, diag));
    write_cached(d, path, *words, *bytes);
    return KAON_OK;
}

/* --- pipelines -------------------------------------------------------------------------------- */

static VkResult make_pipeline(vulkan_device *d, const uint32_t *words, uint64_t bytes,
                              const vulkan_constants *c, const char *entry, VkPipeline *out)
{
    VkSpecializationMapEntry entries[VULKAN_MOST_CONSTANTS];
    const int32_t count = c ? c->count : 0;
    for (int32_t i = 0; i < count; i++)
        entries[i] = (VkSpecializationMapEntry){
            .constantID = (uint32_t)i, .offset = 4 * (uint32_t)i, .size = sizeof(uint32_t)};
    const VkSpecializationInfo values = {.mapEntryCount = (uint32_t)count,
                                         .pMapEntries = entries,
                                         .dataSize = 4 * (size_t)count,
                                         .pData = c ? c->at : NULL};
    const VkShaderModuleCreateInfo module = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                             .codeSize = (size_t)bytes,
                                             .pCode = words};
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .pName = entry,
                  .pSpecializationInfo = count ? &values : NULL},
        .layout = d->layout};
    VkResult result = d->vk.CreateShaderModule(d->device, &module, NULL, &info.stage.module);
    if (result)
        return result;
    result = d->vk.CreateComputePipelines(d->device, d->cache, 1, &info, NULL, out);
    d->vk.DestroyShaderModule(d->device, info.stage.module, NULL);
    return result;
}

static vulkan_pipeline **place_of(vulkan_device *d, const uint64_t key[2])
{
    const size_t rows = sizeof d->pipelines / sizeof *d->pipelines;
    vulkan_pipeline **at = &d->pipelines[key[0] % rows];
    while (*at && ((*at)->key[0] != key[0] || (*at)->key[1] != key[1]))
        at = &(*at)->next;
    return at;
}

// The key of a pipeline: that of its code, with the constants.
static void add_constants(const vulkan_constants *c, uint64_t key[2])
{
    for (int32_t i = 0; c && i < 2; i++)
        key[i] = sum_of(key[i] + (uint64_t)c->count, c->at, 4 * (uint64_t)c->count);
}

static kaon_status keep(vulkan_device *d, vulkan_pipeline **place, const uint64_t key[2],
                        VkPipeline pipeline, kaon_diag *diag)
{
    vulkan_pipeline *p = kaon_alloc(d->host, sizeof *p);
    if (!p) {
        d->vk.DestroyPipeline(d->device, pipeline, NULL);
        return kaon_fail(diag, KAON_NO_MEMORY, "no memory for a pipeline");
    }
    *p = (vulkan_pipeline){.key = {key[0], key[1]}, .pipeline = pipeline};
    *place = p;
    return KAON_OK;
}

static kaon_status pipeline_of(vulkan_device *d, const vulkan_text *text, const uint32_t *words,
                               uint64_t bytes, const vulkan_constants *c, const char *entry,
                               VkPipeline *out, kaon_diag *diag)
{
    uint64_t code[2], key[2];
    key_of(text ? (const void *)text->at : words, text ? text->length : bytes, code);
    memcpy(key, code, sizeof key);
    add_constants(c, key);
    vulkan_pipeline **place = place_of(d, key);
    if (*place) {
        *out = (*place)->pipeline;
        return KAON_OK;
    }
    uint32_t *made = NULL;
    if (text)
        KAON_TRY(words_of_text(d, text, code, &made, &bytes, diag));
    const VkResult result = make_pipeline(d, made ? made : words, bytes, c, entry, out);
    kaon_free(d->host, made);
    if (result)
        return vulkan_failed(d, result, "making a pipeline", diag);
    return keep(d, place, key, *out, diag);
}

kaon_status vulkan_pipeline_of_text(vulkan_device *d, const vulkan_text *text,
                                    const vulkan_constants *constants, VkPipeline *out,
                                    kaon_diag *diag)
{
    if (text->failed || (constants && constants->failed))
        return kaon_fail(diag, KAON_NO_MEMORY, "no memory for the text of a shader");
    pthread_mutex_lock(&d->lock);
    const kaon_status status = pipeline_of(d, text, NULL, 0, constants, "main", out, diag);
    pthread_mutex_unlock(&d->lock);
    return status;
}

kaon_status vulkan_pipeline_of_words(vulkan_device *d, const uint32_t *words, uint64_t bytes,
                                     const vulkan_constants *constants, const char *entry,
                                     VkPipeline *out, kaon_diag *diag)
{
    pthread_mutex_lock(&d->lock);
    const kaon_status status = pipeline_of(d, NULL, words, bytes, constants, entry, out, diag);
    pthread_mutex_unlock(&d->lock);
    return status;
}

/* --- the driver's cache ----------------------------------------------------------------------- */

static void pipelines_path(const vulkan_device *d, char *out, size_t room)
{
    int at = snprintf(out, room, "%s/pipelines-", d->cache_path);
    for (size_t i = 0; i < sizeof d->cache_id && at > 0 && (size_t)at < room; i++)
        at += snprintf(out + at, room - (size_t)at, "%02x", d->cache_id[i]);
}

static void save_pipelines(vulkan_device *d)
{
    char path[sizeof d->cache_path + 64];
    size_t bytes = 0;
    pipelines_path(d, path, sizeof path);
    if (!d->cache_path[0] || d->vk.GetPipelineCacheData(d->device, d->cache, &bytes, NULL) ||
        bytes <= d->cache_bytes)
        return;
    void *data = kaon_alloc(d->host, bytes);
    if (data && !d->vk.GetPipelineCacheData(d->device, d->cache, &bytes, data))
        write_cached(d, path, data, bytes);
    kaon_free(d->host, data);
}

kaon_status vulkan_shaders_open(vulkan_device *d, kaon_diag *diag)
{
    char path[sizeof d->cache_path + 64];
    find_cache(d);
    pipelines_path(d, path, sizeof path);
    if (!glslang_initialize_process())
        return kaon_fail(diag, KAON_INTERNAL, "the shader compiler does not start");
    void *data = d->cache_path[0] ? read_cached(d, path, &d->cache_bytes) : NULL;
    const VkPipelineCacheCreateInfo cache = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
                                             .initialDataSize = (size_t)d->cache_bytes,
                                             .pInitialData = data};
    VkResult result = d->vk.CreatePipelineCache(d->device, &cache, NULL, &d->cache);
    kaon_free(d->host, data);
    const VkPushConstantRange push = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
                                      .size = VULKAN_PUSH_BYTES};
    const VkPipelineLayoutCreateInfo layout = {.sType =
                                                   VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                               .pushConstantRangeCount = 1,
                                               .pPushConstantRanges = &push};
    if (!result)
        result = d->vk.CreatePipelineLayout(d->device, &layout, NULL, &d->layout);
    return result ? vulkan_failed(d, result, "opening the shaders", diag) : KAON_OK;
}

void vulkan_shaders_close(vulkan_device *d)
{
    if (d->cache && !d->is_lost)
        save_pipelines(d);
    for (size_t i = 0; i < sizeof d->pipelines / sizeof *d->pipelines; i++)
        while (d->pipelines[i]) {
            vulkan_pipeline *next = d->pipelines[i]->next;
            d->vk.DestroyPipeline(d->device, d->pipelines[i]->pipeline, NULL);
            kaon_free(d->host, d->pipelines[i]);
            d->pipelines[i] = next;
        }
    if (d->cache)
        d->vk.DestroyPipelineCache(d->device, d->cache, NULL);
    if (d->layout)
        d->vk.DestroyPipelineLayout(d->device, d->layout, NULL);
}
