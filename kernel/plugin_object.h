/* plugin_object.h: shared objects through libltdl, with Kaon's own way of opening them.
 *
 * libltdl's own loader binds lazily, so that a plugin with an undefined function seems fine until
 * it is called, and answers "file not found" to whatever went wrong. This one binds everything at
 * once, keeps symbols local, and keeps the system's words. Objects are never closed: nothing can be
 * said about the threads, thread-locals and exit handlers they leave behind.
 */
#ifndef KN_PLUGIN_OBJECT_H
#define KN_PLUGIN_OBJECT_H

#include <kaon/base.h>

typedef void *kn_object;

/* The one lock of loading: libltdl keeps process-wide lists without any. It may be taken again by
 * the thread that has it, because constructors and inits load things too. */
void kn_loader_lock(void);
void kn_loader_unlock(void);

/* Opens the file at an absolute path; under the lock. */
kaon_status kn_object_open(const char *path, kn_object *out, kaon_diag *diag);

/* The address of a symbol, NULL if it has none; under the lock. */
void *kn_object_symbol(kn_object object, const char *name);

#endif
