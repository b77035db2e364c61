/* no_entry.c: a note, but no entry. */
#include "broken.h"

BROKEN_NOTE("")
