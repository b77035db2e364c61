/* notes.h: what is odd about the data and worth a line before a training: features that are
 * constant, twice there or full of gaps, classes that are rare.
 */
#ifndef KN_NOTES_H
#define KN_NOTES_H

#include <kaon/table.h>

/* One line: "feature 'a' is constant ...". */
typedef void kn_note(void *context, const char *text);

/* Looks at all features and the target. Nothing to say, no call; without memory none either. [any]
 */
void kn_data_notes(const kaon_table *table, kn_note *note, void *context);

#endif
