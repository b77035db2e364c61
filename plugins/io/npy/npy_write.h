/* npy_write.h: the writer of this plugin, as the calls of kaon_writer. */
#ifndef NPY_WRITE_H
#define NPY_WRITE_H

#include <kaon/io.h>

kaon_status npy_write_open(const kaon_host *host, const void *settings, const char *path,
                           const struct ArrowSchema *schema, void **self, kaon_diag *diag);
kaon_status npy_write_batch(void *self, const struct ArrowArray *batch, kaon_diag *diag);
kaon_status npy_write_finish(void *self, kaon_diag *diag);
void npy_write_close(void *self);

#endif
