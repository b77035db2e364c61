/* run.h: what `kaon run` and `kaon resume` share. */
#ifndef KAON_CLI_RUN_H
#define KAON_CLI_RUN_H

#include "command.h"

#define TIME_LIMIT_WRONG "--time-limit takes a time such as 2h, 90min, 1h30m or 1:30:00, not '%s'"

/* Runs it with progress and signals, prints the result; the exit code. */
int run_request(session *s, const common_options *common, kaon_run_request *request);

/* Seconds of "2h", "90 min", "1h30m", "1:30:00", "2-12:00:00"; -1: it is no time. */
double read_duration(const char *text);

#endif
