/* subcommands.h: one main per sub-command; argv[0] is its name. */
#ifndef KAON_CLI_SUBCOMMANDS_H
#define KAON_CLI_SUBCOMMANDS_H

int run_main(int argc, char **argv);
int resume_main(int argc, char **argv);
int check_main(int argc, char **argv);
int render_main(int argc, char **argv);
int schema_main(int argc, char **argv);
int explain_main(int argc, char **argv);
int compare_main(int argc, char **argv);
int tune_main(int argc, char **argv);
int predict_main(int argc, char **argv);
int eval_main(int argc, char **argv);
int report_main(int argc, char **argv);
int inspect_main(int argc, char **argv);
int data_main(int argc, char **argv);
int plugin_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int completion_main(int argc, char **argv);
int complete_main(int argc, char **argv);
int docs_main(int argc, char **argv);
int bench_main(int argc, char **argv);

#endif
