/* device.c: the loader, the choice of a device, its features, messages of the validation layers.
 *
 * Nothing is linked: a machine without a loader or driver gets one sentence instead of a plugin
 * that does not load. Devices are numbered from the most to the least useful: discrete, integrated,
 * virtual, then those that are only software.
 */
#include "vulkan.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_DEVICES = 16, MOST_FAMILIES = 16, RANK_DISCRETE = 200, RANK_SOFTWARE = 10 };

int32_t vulkan_has_hardware(void)
{
    static const char *const nodes[] = {"/dev/nvidiactl", "/dev/dxg", "/dev/kfd"};
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
        if (access(nodes[i], F_OK) == 0)
            return 1;
    DIR *folder = opendir("/dev/dri");
    int32_t found = 0;
    for (struct dirent *e = NULL; folder && (e = readdir(folder));)
        found |= strncmp(e->d_name, "renderD", 7) == 0;
    if (folder)
        closedir(folder);
    return found;
}

/* --- what went wrong -------------------------------------------------------------------------- */

static const struct {
    VkResult result;
    kaon_status status;
    const char *words;
} results[] = {
    {VK_ERROR_OUT_OF_HOST_MEMORY, KAON_NO_MEMORY, "out of host memory"},
    {VK_ERROR_OUT_OF_DEVICE_MEMORY, KAON_NO_MEMORY, "out of device memory"},
    {VK_ERROR_INITIALIZATION_FAILED, KAON_DEVICE, "the driver could not be initialised"},
    {VK_ERROR_DEVICE_LOST, KAON_DEVICE, "the device was lost: reset, removed or hung"},
    {VK_ERROR_INCOMPATIBLE_DRIVER, KAON_NOT_FOUND, "there is no driver for it"},
    {VK_ERROR_LAYER_NOT_PRESENT, KAON_NOT_FOUND, "the validation layers are not installed"},
    {VK_ERROR_EXTENSION_NOT_PRESENT, KAON_UNSUPPORTED, "an extension is missing"},
    {VK_ERROR_FEATURE_NOT_PRESENT, KAON_UNSUPPORTED, "a feature is missing"},
    {VK_ERROR_TOO_MANY_OBJECTS, KAON_NO_MEMORY, "the driver has no room for more allocations"},
};

kaon_status vulkan_failed(vulkan_device *d, VkResult result, const char *what, kaon_diag *diag)
{
    if (result == VK_ERROR_DEVICE_LOST)
        d->is_lost = 1;
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        if (results[i].result == result)
            return kaon_fail(diag, results[i].status, "%s: %s", what, results[i].words);
    return kaon_fail(diag, KAON_DEVICE, "%s: the driver says %d", what, (int)result);
}

static VkBool32 VKAPI_PTR take_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                       VkDebugUtilsMessageTypeFlagsEXT types,
                                       const VkDebugUtilsMessengerCallbackDataEXT *data,
                                       void *context)
{
    vulkan_device *d = context;
    (void)severity;
    (void)types;
    if (!d->complaint[0])
        snprintf(d->complaint, sizeof d->complaint, "%s", data->pMessage);
    return VK_FALSE;
}

static const VkDebugUtilsMessengerCreateInfoEXT messenger = {
    .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
    .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                       VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
    .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT |
                   VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT,
    .pfnUserCallback = take_message,
};

kaon_status vulkan_complaint(vulkan_device *d, kaon_diag *diag)
{
    if (!d->complaint[0])
        return KAON_OK;
    return kaon_fail(diag, KAON_INTERNAL, "the validation layers complain: %.400s", d->complaint);
}

/* --- the instance ----------------------------------------------------------------------------- */

static kaon_status open_loader(vulkan_device *d, PFN_vkGetInstanceProcAddr *get, kaon_diag *diag)
{
    d->library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!d->library)
        return kaon_fail(diag, KAON_NOT_FOUND,
                         "this machine has no Vulkan loader (libvulkan.so.1, Debian package "
                         "libvulkan1)");
    union {
        void *object;
        PFN_vkGetInstanceProcAddr function;
    } entry = {dlsym(d->library, "vkGetInstanceProcAddr")};
    *get = entry.function;
    return entry.object ? KAON_OK
                        : kaon_fail(diag, KAON_INCOMPATIBLE, "libvulkan.so.1 is no Vulkan loader");
}

static kaon_status open_instance(vulkan_device *d, PFN_vkGetInstanceProcAddr get, kaon_diag *diag)
{
    static const char *const layers[] = {"VK_LAYER_KHRONOS_validation"};
    static const char *const extensions[] = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME};
    const uint32_t extras = d->config.validate ? 1 : 0;
    VkDebugUtilsMessengerCreateInfoEXT m = messenger;
    m.pUserData = d;
    const VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                           .pApplicationName = "kaon",
                                           .apiVersion = VK_API_VERSION_1_2};
    const VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                       .pNext = extras ? &m : NULL,
                                       .pApplicationInfo = &application,
                                       .enabledLayerCount = extras,
                                       .ppEnabledLayerNames = layers,
                                       .enabledExtensionCount = extras,
                                       .ppEnabledExtensionNames = extensions};
    const PFN_vkCreateInstance create = (PFN_vkCreateInstance)get(NULL, "vkCreateInstance");
    const VkResult result = create ? create(&info, NULL, &d->instance) : VK_ERROR_UNKNOWN;
    if (result)
        return vulkan_failed(d, result, "opening Vulkan", diag);
#define VULKAN_CALL(name) d->vk.name = (PFN_vk##name)get(d->instance, "vk" #name);
    VULKAN_INSTANCE_CALLS(VULKAN_CALL)
#undef VULKAN_CALL
    if (extras && d->vk.CreateDebugUtilsMessengerEXT(d->instance, &m, NULL, &d->messenger))
        return kaon_fail(diag, KAON_DEVICE, "the validation layers have no messenger");
    return KAON_OK;
}

/* --- the physical device ---------------------------------------------------------------------- */

// Discrete first, software last.
static int32_t usefulness(VkPhysicalDeviceType type)
{
    static const int32_t values[] = {[VK_PHYSICAL_DEVICE_TYPE_OTHER] = 1,
                                     [VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU] = 3,
                                     [VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU] = 4,
                                     [VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU] = 2,
                                     [VK_PHYSICAL_DEVICE_TYPE_CPU] = 0};
    return type <= VK_PHYSICAL_DEVICE_TYPE_CPU ? values[type] : 1;
}

static int32_t usefulness_of(const vulkan_device *d, VkPhysicalDevice physical)
{
    VkPhysicalDeviceProperties2 p = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    d->vk.GetPhysicalDeviceProperties2(physical, &p);
    return usefulness(p.properties.deviceType);
}

static kaon_status choose(vulkan_device *d, int32_t index, kaon_diag *diag)
{
    VkPhysicalDevice all[MOST_DEVICES];
    uint32_t count = MOST_DEVICES;
    const VkResult result = d->vk.EnumeratePhysicalDevices(d->instance, &count, all);
    if (result && result != VK_INCOMPLETE)
        return vulkan_failed(d, result, "looking for Vulkan devices", diag);
    for (uint32_t i = 1; i < count; i++) // stable: drivers list the primary device first
        for (uint32_t k = i; k && usefulness_of(d, all[k]) > usefulness_of(d, all[k - 1]); k--) {
            const VkPhysicalDevice swapped = all[k];
            all[k] = all[k - 1];
            all[k - 1] = swapped;
        }
    if (count == 0)
        return kaon_fail(diag, KAON_NOT_FOUND, "no driver on this machine offers a Vulkan device");
    if (index < 0 || (uint32_t)index >= count)
        return kaon_fail(diag, KAON_NOT_FOUND, "there are %u Vulkan devices, numbered from 0",
                         (unsigned)count);
    d->physical = all[index];
    return KAON_OK;
}

typedef struct {
    VkPhysicalDeviceFeatures2 all;
    VkPhysicalDeviceVulkan11Features v11;
    VkPhysicalDeviceVulkan12Features v12;
} features;

static void link_features(features *f)
{
    memset(f, 0, sizeof *f);
    f->all.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
    f->all.pNext = &f->v11;
    f->v11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
    f->v11.pNext = &f->v12;
    f->v12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
}

/* What kernels compute in. Half precision is computed in single and only stored as 16 bits. */
static uint32_t dtypes_of(const features *f)
{
    uint32_t dtypes = 1u << KAON_F32 | 1u << KAON_I32 | 1u << KAON_U32;
    if (f->all.features.shaderFloat64)
        dtypes |= 1u << KAON_F64;
    if (f->all.features.shaderInt64)
        dtypes |= 1u << KAON_I64 | 1u << KAON_U64;
    if (f->v11.storageBuffer16BitAccess)
        dtypes |= 1u << KAON_F16 | 1u << KAON_BF16 | 1u << KAON_I16 | 1u << KAON_U16;
    if (f->v12.storageBuffer8BitAccess)
        dtypes |= 1u << KAON_I8 | 1u << KAON_U8 | 1u << KAON_BOOL;
    return dtypes;
}

static kaon_status do_without(vulkan_device *d, kaon_diag *diag)
{
    for (int64_t i = 0; i < d->config.without.count; i++) {
        int32_t dtype = 0;
        while (dtype < KAON_DTYPE_COUNT &&
               strcmp(d->config.without.at[i], kaon_dtype_text(dtype)) != 0)
            dtype++;
        if (dtype == KAON_DTYPE_COUNT || dtype == KAON_F32)
            return kaon_fail(diag, KAON_INVALID, "'without: %s' is no type one can do without",
                             d->config.without.at[i]);
        d->dtypes &= ~(1u << dtype);
    }
    return KAON_OK;
}

static void read_properties(vulkan_device *d)
{
    VkPhysicalDeviceVulkan11Properties v11 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES};
    VkPhysicalDeviceProperties2 p = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                     .pNext = &v11};
    d->vk.GetPhysicalDeviceProperties2(d->physical, &p);
    d->vk.GetPhysicalDeviceMemoryProperties(d->physical, &d->memory_types);
    d->limits = p.properties.limits;
    const VkPhysicalDeviceType type = p.properties.deviceType;
    d->is_software = type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    d->is_unified = d->is_software || type == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
    d->broadcast_lanes = (v11.subgroupSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
                                 (v11.subgroupSupportedOperations & VK_SUBGROUP_FEATURE_BALLOT_BIT)
                             ? v11.subgroupSize
                             : 0;
    d->rank = d->is_software ? RANK_SOFTWARE : RANK_DISCRETE - 10 * (4 - usefulness(type));
    d->is_software &= !d->config.as_hardware;
    d->block_limit = v11.maxMemoryAllocationSize;
    memcpy(d->cache_id, p.properties.pipelineCacheUUID, sizeof d->cache_id);
    snprintf(d->name, sizeof d->name, "%.100s, Vulkan %u.%u%s", p.properties.deviceName,
             VK_API_VERSION_MAJOR(p.properties.apiVersion),
             VK_API_VERSION_MINOR(p.properties.apiVersion), d->is_software ? ", software" : "");
}

static kaon_status check_features(vulkan_device *d, features *has, kaon_diag *diag)
{
    VkPhysicalDeviceProperties2 p = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    d->vk.GetPhysicalDeviceProperties2(d->physical, &p);
    if (p.properties.apiVersion < VK_API_VERSION_1_2)
        return kaon_fail(diag, KAON_UNSUPPORTED,
                         "%s has Vulkan %u.%u, 1.2 is needed: a newer driver may have it",
                         p.properties.deviceName, VK_API_VERSION_MAJOR(p.properties.apiVersion),
                         VK_API_VERSION_MINOR(p.properties.apiVersion));
    link_features(has);
    d->vk.GetPhysicalDeviceFeatures2(d->physical, &has->all);
    if (!has->v12.bufferDeviceAddress || !has->v12.scalarBlockLayout)
        return kaon_fail(diag, KAON_UNSUPPORTED, "%s has no addresses of buffers in shaders",
                         p.properties.deviceName);
    return KAON_OK;
}

static void want_features(const vulkan_device *d, const features *has, features *want)
{
    link_features(want);
    want->v12.bufferDeviceAddress = VK_TRUE;
    want->v12.scalarBlockLayout = VK_TRUE;
    want->all.features.shaderFloat64 = has->all.features.shaderFloat64;
    want->all.features.shaderInt64 = has->all.features.shaderInt64;
    want->v11.storageBuffer16BitAccess = has->v11.storageBuffer16BitAccess;
    want->v12.storageBuffer8BitAccess = has->v12.storageBuffer8BitAccess;
    // Third parties' shaders may compute in these.
    want->all.features.shaderInt16 = has->all.features.shaderInt16;
    want->v12.shaderFloat16 = has->v12.shaderFloat16;
    want->v12.shaderInt8 = has->v12.shaderInt8;
    (void)d;
}

static kaon_status choose_family(vulkan_device *d, kaon_diag *diag)
{
    VkQueueFamilyProperties all[MOST_FAMILIES];
    uint32_t count = MOST_FAMILIES, best = UINT32_MAX;
    d->vk.GetPhysicalDeviceQueueFamilyProperties(d->physical, &count, all);
    for (uint32_t i = 0; i < count; i++) {
        if (!(all[i].queueFlags & VK_QUEUE_COMPUTE_BIT))
            continue;
        // One without graphics leaves the screen alone.
        if (best == UINT32_MAX || !(all[i].queueFlags & VK_QUEUE_GRAPHICS_BIT))
            best = i;
    }
    if (best == UINT32_MAX)
        return kaon_fail(diag, KAON_UNSUPPORTED, "%s has no queue that computes", d->name);
    d->family = best;
    return KAON_OK;
}

static kaon_status open_logical(vulkan_device *d, kaon_diag *diag)
{
    features has, want;
    KAON_TRY(check_features(d, &has, diag));
    read_properties(d);
    want_features(d, &has, &want);
    d->dtypes = dtypes_of(&has);
    KAON_TRY(do_without(d, diag));
    KAON_TRY(choose_family(d, diag));
    const float priority = 1;
    const VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                           .queueFamilyIndex = d->family,
                                           .queueCount = 1,
                                           .pQueuePriorities = &priority};
    const VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                     .pNext = &want.all,
                                     .queueCreateInfoCount = 1,
                                     .pQueueCreateInfos = &queue};
    const VkResult result = d->vk.CreateDevice(d->physical, &info, NULL, &d->device);
    if (result)
        return vulkan_failed(d, result, d->name, diag);
#define VULKAN_CALL(call) d->vk.call = (PFN_vk##call)d->vk.GetDeviceProcAddr(d->device, "vk" #call);
    VULKAN_DEVICE_CALLS(VULKAN_CALL)
#undef VULKAN_CALL
    d->vk.GetDeviceQueue(d->device, d->family, 0, &d->queue);
    return KAON_OK;
}

// The types of memory for the two kinds, and how much there is.
static kaon_status choose_memory(vulkan_device *d, kaon_diag *diag)
{
    const VkMemoryPropertyFlags local = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    const VkMemoryPropertyFlags seen =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    const VkMemoryPropertyFlags cached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    const VkMemoryPropertyFlags wanted[2][2] = {{local | (d->is_unified ? seen : 0), local},
                                                {seen | cached, seen}};
    for (int32_t kind = 0; kind < 2; kind++) {
        d->type_of[kind] = UINT32_MAX;
        for (int32_t w = 0; w < 2; w++)
            for (uint32_t i = 0; i < d->memory_types.memoryTypeCount; i++)
                if (d->type_of[kind] == UINT32_MAX &&
                    (d->memory_types.memoryTypes[i].propertyFlags & wanted[kind][w]) ==
                        wanted[kind][w])
                    d->type_of[kind] = i;
        if (d->type_of[kind] == UINT32_MAX)
            return kaon_fail(diag, KAON_UNSUPPORTED, "%s has no memory of a kind we need", d->name);
    }
    const VkMemoryType *type = &d->memory_types.memoryTypes[d->type_of[VULKAN_ON_DEVICE]];
    d->is_unified = (type->propertyFlags & seen) == seen && d->is_unified;
    d->memory_bytes = d->memory_types.memoryHeaps[type->heapIndex].size;
    if (d->config.memory && (uint64_t)d->config.memory << 20 < d->memory_bytes)
        d->memory_bytes = (uint64_t)d->config.memory << 20;
    return KAON_OK;
}

/* --- opening and closing ---------------------------------------------------------------------- */

static kaon_status open_all(vulkan_device *d, int32_t index, kaon_diag *diag)
{
    PFN_vkGetInstanceProcAddr get = NULL;
    KAON_TRY(open_loader(d, &get, diag));
    KAON_TRY(open_instance(d, get, diag));
    KAON_TRY(choose(d, index, diag));
    KAON_TRY(open_logical(d, diag));
    KAON_TRY(choose_memory(d, diag));
    KAON_TRY(vulkan_stream_open(d, diag));
    return vulkan_shaders_open(d, diag);
}

kaon_status vulkan_device_open(const kaon_host *host, const void *settings, int32_t index,
                               void **device, kaon_diag *diag)
{
    vulkan_device *d = kaon_alloc(host, sizeof *d);
    if (!d)
        return kaon_fail(diag, KAON_NO_MEMORY, "no memory to open a Vulkan device");
    memset(d, 0, sizeof *d);
    d->host = host;
    if (settings)
        memcpy(&d->config, settings, sizeof d->config);
    if (pthread_mutex_init(&d->lock, NULL)) {
        kaon_free(host, d);
        return kaon_fail(diag, KAON_NO_MEMORY, "no memory to open a Vulkan device");
    }
    kaon_status status = open_all(d, index, diag);
    d->config.without = (kaon_texts){0, NULL}; // borrowed for the call
    d->config.cache = NULL;
    if (!status)
        status = vulkan_complaint(d, diag);
    if (status) {
        vulkan_device_close(d);
        return status;
    }
    *device = d;
    return KAON_OK;
}

void vulkan_device_close(void *device)
{
    vulkan_device *d = device;
    if (!d)
        return;
    if (d->device) {
        d->vk.DeviceWaitIdle(d->device);
        vulkan_shaders_close(d);
        vulkan_stream_close(d);
        vulkan_memory_close(d);
        d->vk.DestroyDevice(d->device, NULL);
    }
    if (d->messenger)
        d->vk.DestroyDebugUtilsMessengerEXT(d->instance, d->messenger, NULL);
    if (d->instance)
        d->vk.DestroyInstance(d->instance, NULL);
    // The loader stays: drivers leave threads and thread-locals behind.
    pthread_mutex_destroy(&d->lock);
    kaon_free(d->host, d);
}
