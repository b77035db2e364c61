/* files_service.h: the writers of files.h for plugins. */
#ifndef KN_FILES_SERVICE_H
#define KN_FILES_SERVICE_H

#include <kaon/files.h>

// Service "kaon.files/1".
extern const kaon_files_api kn_files_api;

#endif
