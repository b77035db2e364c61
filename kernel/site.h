/* site.h: what the site's administrator sets for everybody: /etc/kaon/site.yaml, or $KAON_SITE.
 *
 *     plugin_path: [/opt/kaon/plugins]
 *     backend: name                      # preferred where the user says nothing
 *     lock_file: /opt/kaon/plugins.lock  # pins, see plugin_pins.h
 */
#ifndef KN_SITE_H
#define KN_SITE_H

#include <kaon/base.h>

typedef struct kn_site {
    char **folders; // absolute or not, as written
    int64_t folder_count;
    char *backend;   // NULL: no preference
    char *lock_file; // NULL: none
} kn_site;

/* Empty if there is no such file; a file that is there and wrong is a failure. [any] */
kaon_status kn_site_read(kn_site *out, kaon_diag *diag);
void kn_site_fini(kn_site *site);

#endif
