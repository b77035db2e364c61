/* fault_show.h: faults of a configuration, shown the way compilers do. */
#ifndef KN_FAULT_SHOW_H
#define KN_FAULT_SHOW_H

#include "kernel/faults.h"

/* All of them in the order of the file, as text for people (with the lines of the source) or as a
 * JSON array. [any] */
void kn_faults_write(const kn_faults *faults, kn_text *out);
void kn_faults_write_json(const kn_faults *faults, kn_text *out);

#endif
