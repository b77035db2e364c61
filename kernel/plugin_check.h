/* plugin_check.h: whether what a plugin hands out is sound, so that no later call has to ask. */
#ifndef KN_PLUGIN_CHECK_H
#define KN_PLUGIN_CHECK_H

#include "kernel/plugin_note.h"

/* Copies the descriptor into `out`, full: fields it is too short for are NULL. Then checks it, all
 * items, their tables and options, and that all agrees with the note. Memory the descriptor points
 * to is read, so a wild pointer crashes: an unknown plugin is checked in a child first. [any] */
kaon_status kn_plugin_check(const kaon_plugin *plugin, const kn_note *note, kaon_plugin *out,
                            kaon_diag *diag);

/* Rows of options against the struct they fill. [any] */
kaon_status kn_options_check(const kaon_option *options, uint32_t settings_size, kaon_diag *diag);

/* Rows shorter than this kernel's become full ones, in memory that stays as plugins do; longer and
 * equal ones stay as they are. For options that passed the check. [any] */
kaon_status kn_options_fill(const kaon_option **options, kaon_diag *diag);

#endif
