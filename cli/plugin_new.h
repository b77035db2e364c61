/* plugin_new.h: a new plugin project from a template. */
#ifndef KAON_CLI_PLUGIN_NEW_H
#define KAON_CLI_PLUGIN_NEW_H

#include <stddef.h>

typedef struct {
    const char *templates; // folder of templates: <templates>/<kind>/<language>/
    const char *kind;      // "layer"
    const char *language;  // "c"
    const char *name;      // of the plugin: lower case letters, digits, underscores
    const char *folder;    // to make; must not exist
} plugin_new_request;

/* Finds the folder of templates beside the running program, in an installed tree as in a build
 * tree. Returns 0, or -1 with the reason in `message`. */
int plugin_new_templates(char *path, size_t path_room, char *message, size_t message_room);

/* Writes the project. Returns 0, or -1 with the reason in `message`: the thing, what was found,
 * what is allowed. Where the request itself is refused nothing is written. */
int plugin_new(const plugin_new_request *request, char *message, size_t message_room);

#endif
