/* safetensors.h: named tensors and texts in one file that holds nothing else: no code, no paths.
 *
 * The file is a little-endian u64 with the size of the header, a JSON header, the values. Reading
 * checks everything before it believes anything: sizes, types, shapes, that the values lie side by
 * side without holes or overlaps and fill the file. Format: huggingface.co/docs/safetensors.
 */
#ifndef KN_SAFETENSORS_H
#define KN_SAFETENSORS_H

#include <kaon/base.h>

enum { KN_SAFETENSORS_HEADER = 100 << 20 }; // bytes of a header, at most

typedef struct kn_safetensors kn_safetensors;

kn_safetensors *kn_safetensors_new(void);       // NULL: no memory [any]
void kn_safetensors_free(kn_safetensors *file); // takes NULL

/* Reads a file, or bytes in memory, which then belong to the result (kn_free; also on failure).
 * If the texts hold a checksum it is verified. [any] */
kaon_status kn_safetensors_read(const char *path, kn_safetensors **out, kaon_diag *diag);
kaon_status kn_safetensors_parse(void *data, size_t bytes, kn_safetensors **out, kaon_diag *diag);

/* Writes it, sorted and aligned, with a checksum among the texts; in one step. [instance] */
kaon_status kn_safetensors_write(kn_safetensors *file, const char *path, kaon_diag *diag);

/* Copies the values. A name can be put once. [instance] */
kaon_status kn_safetensors_put(kn_safetensors *file, const char *name, const kaon_view *value,
                               kaon_diag *diag);
kaon_status kn_safetensors_put_text(kn_safetensors *file, const char *name, const char *text,
                                    kaon_diag *diag);

/* Borrowed; KAON_NOT_FOUND in words if there is none of that name. [any] */
kaon_status kn_safetensors_get(const kn_safetensors *file, const char *name, kaon_view *out,
                               kaon_diag *diag);

/* NULL: none of that name. [any] */
const char *kn_safetensors_text(const kn_safetensors *file, const char *name);

int32_t kn_safetensors_count(const kn_safetensors *file);
const char *kn_safetensors_name(const kn_safetensors *file, int32_t index); // NULL past the end
int32_t kn_safetensors_text_count(const kn_safetensors *file);
const char *kn_safetensors_text_name(const kn_safetensors *file, int32_t index);

/* Bytes of all values. */
uint64_t kn_safetensors_bytes(const kn_safetensors *file);

#endif
