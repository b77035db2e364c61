/* fault_help.h: what each code of a fault means, with an example and what to do. */
#ifndef KAON_CLI_FAULT_HELP_H
#define KAON_CLI_FAULT_HELP_H

typedef struct {
    int code; // 107 for C0107
    const char *title;
    const char *text;    // what it means, and why it is a fault
    const char *example; // lines of a file, or a command, that has it
    const char *remedy;  // what to do
} fault_help;

extern const fault_help fault_helps[]; // ends with {0}

#endif
