/* file_sum.h: a file named by its content. */
#ifndef KN_FILE_SUM_H
#define KN_FILE_SUM_H

#include <kaon/base.h>

enum { KN_FILE_SUM_HEX = 33 }; // with its zero byte

/* XXH3 (128 bit) of all of it, read piece by piece, and its length. [any] */
kaon_status kn_file_sum(const char *path, uint64_t *bytes, char hex[KN_FILE_SUM_HEX],
                        kaon_diag *diag);

#endif
