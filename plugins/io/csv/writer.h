/* writer.h: the csv writer's table. */
#ifndef CSV_WRITER_H
#define CSV_WRITER_H

#include <kaon/io.h>

extern const kaon_writer csv_writer;

#endif
