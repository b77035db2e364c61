/* services.c: what libkaon offers to plugins. The only place that knows the services of
 * all layers. */
#include "data/table.h"
#include "kernel/files_service.h"
#include "kernel/host.h"
#include "kernel/items.h"
#include "kernel/pool.h"
#include "compiler/program.h"
#include "kernel/tensor.h"

#include <kaon/parallel.h>

// clang-format off
const kn_service kn_services[] = {
    // id                     table
    { KAON_FILES_SERVICE,     &kn_files_api },
    { KAON_ITEMS_SERVICE,     &kn_items_api },
    { KAON_PARALLEL_SERVICE,  &kn_parallel_api },
    { KAON_PROGRAM_SERVICE,   &kn_program_api },
    { KAON_TABLE_SERVICE,     &kn_table_api },
    { KAON_TENSOR_SERVICE,    &kn_tensor_api },
    { NULL, NULL },
};
// clang-format on
