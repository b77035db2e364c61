/* main.c: the `kaon` command: finds the sub-command and hands over. */
#include "command.h"
#include "subcommands.h"

#include <stdio.h>
#include <string.h>

// clang-format off
const command commands[] = {
    {"run", "train what a YAML file describes and judge it",
     "FILE [--out DIR] [--set a.b=c]... [options]",
     "  kaon run jets.yaml                          # into runs/jets-1\n"
     "  kaon run jets.yaml --out runs/first         # into a folder of your choice\n"
     "  kaon run jets.yaml --set model.network.epochs=5 --seed 7\n"
     "  kaon run jets.yaml --check                  # is the file right? trains nothing\n",
     run_main},
    {"check", "look whether a YAML file is right, train nothing",
     "FILE... [--set a.b=c]... [options]",
     "  kaon check jets.yaml                        # all mistakes, with what was meant\n"
     "  kaon check *.yaml --quiet\n",
     check_main},
    {"render", "show a YAML file with all settings and where each came from",
     "FILE [--set a.b=c]... [options]",
     "  kaon render jets.yaml                       # defaults, includes, variables put in\n",
     render_main},
    {"schema", "print the JSON Schema of experiments, for editors",
     "[options]",
     "  kaon schema > kaon.schema.json              # first line of a YAML file, for its server:\n"
     "                                              # yaml-language-server: $schema=kaon.schema.json\n",
     schema_main},
    {"explain", "tell what the code of an error means",
     "[CODE] [options]",
     "  kaon explain C0107                          # what it means, an example, what to do\n"
     "  kaon explain                                # all codes\n",
     explain_main},
    {"resume", "go on with a run that was stopped or killed",
     "RUN [--force] [options]",
     "  kaon resume runs/jets-1                     # the same result as if it had never stopped\n"
     "  kaon resume runs/jets-1 --time-limit 11h    # exit code 75: not finished yet\n"
     "  kaon resume runs/jets-1 --force --set model.network.epochs=60\n",
     resume_main},
    {"tune", "try settings and keep the best",
     "FILE [--out DIR] [--trials N] [options]",
     "  kaon tune examples/jets-tune.yaml           # its section 'tune' says what to vary\n"
     "  kaon tune jets.yaml --parallel 4            # the same command goes on after an interruption\n"
     "  kaon run runs/jets-tune/best.yaml           # the best settings once more\n",
     tune_main},
    {"compare", "set finished runs side by side",
     "RUN... [--part PART] [options]",
     "  kaon compare runs/jets-1 runs/jets-2        # metrics, the best, settings that differ\n"
     "  kaon compare runs/*-tune/trial-*            # all trials of a search\n"
     "  kaon compare runs/a runs/b --json           # with evaluation.bootstrap: how surely better\n",
     compare_main},
    {"predict", "apply a trained model to events",
     "MODEL [DATA...] [--out FILE] [options]",
     "  kaon predict runs/jets-1 new.csv            # shows the first rows\n"
     "  kaon predict runs/jets-1 new.csv --out scores.csv\n"
     "  kaon predict runs/jets-1 --part test --out test.npy\n",
     predict_main},
    {"eval", "compare a model's predictions with the truth",
     "MODEL [DATA...] [options]",
     "  kaon eval runs/jets-1                       # on the test part it was made with\n"
     "  kaon eval runs/jets-1 other.csv --json\n"
     "  kaon eval runs/jets-1 --bootstrap 200       # with uncertainties\n"
     "  kaon eval runs/higgs-1 --metrics 'background_rejection, asimov_significance'\n",
     eval_main},
    {"report", "draw the figures of a run anew",
     "RUN [FIGURE...] [options]",
     "  kaon report runs/jets-1                     # report.html and figures/, as configured\n"
     "  kaon report runs/jets-1 all                 # also what is drawn on request only\n"
     "  kaon report runs/jets-1 roc 'efficiency: {variable: mass}'\n"
     "  kaon inspect figures                        # what there is\n",
     report_main},
    {"inspect", "look into models and at what is installed",
     "MODEL | ITEM | KIND | items [options]",
     "  kaon inspect runs/jets-1                    # learners, parameters, tensors\n"
     "  kaon inspect layer:dense                    # what it does and its options\n"
     "  kaon inspect layers                         # all layers\n"
     "  kaon inspect experiment                     # what may stand in a YAML file\n",
     inspect_main},
    {"data", "look at files and generators",
     "head|info|stats [DATA] [--reader NAME] [options]",
     "  kaon data head jets.csv                     # the first rows\n"
     "  kaon data info jets.csv.gz                  # columns, ranges, what is missing\n"
     "  kaon data stats jets.csv --target label     # distributions, classes, correlations\n"
     "  kaon data stats jets.yaml                   # the same of an experiment's data\n"
     "  kaon data stats jets.csv --plot figures     # histograms and correlations\n"
     "  kaon data head --reader 'toyjets: {jets: 20}'\n",
     data_main},
    {"plugin", "list, pin, check and make plugins",
     "list|lock|check|new ...",
     "  kaon plugin list                            # what is installed\n"
     "  kaon plugin list --why                      # each file, and what became of it\n"
     "  kaon plugin lock > site.lock                # this build of each, for --lock\n"
     "  kaon plugin check ./kaon_mine.so\n"
     "  kaon plugin new layer mine                  # a project that builds and passes its tests\n",
     plugin_main},
    {"doctor", "tell what is installed and why something cannot be used",
     "[options]",
     "  kaon doctor                                 # backends, plugins, machine, folders, tools\n"
     "  kaon doctor --json\n",
     doctor_main},
    {"completion", "print what completes commands in your shell",
     "bash|zsh|fish",
     "  source <(kaon completion bash)              # for this shell; installed ones need nothing\n"
     "  kaon completion fish > ~/.config/fish/completions/kaon.fish\n",
     completion_main},
    {"complete", "", "WORD...", NULL, complete_main},
    {"docs", "", "reference|man DIR", NULL, docs_main},
    {"bench", "measure how fast a model predicts",
     "MODEL [options]",
     "  kaon bench runs/jets-1                      # events per second, and one at a time\n",
     bench_main},
    {0},
};
// clang-format on

static void print_usage(FILE *to)
{
    fprintf(to,
            "Kaon %s: machine learning for physics experiments\n\n"
            "usage: kaon COMMAND ...\n\n",
            kaon_version());
    for (const command *c = commands; c->name; c++)
        if (*c->summary)
            fprintf(to, "  %-10s %s\n", c->name, c->summary);
    fprintf(to, "\n'kaon COMMAND --help' tells more. Begin with: kaon run examples/jets.yaml\n");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
        const command *about = argc > 2 ? find_command(argv[2]) : NULL;
        char *const help[] = {argv[0], "--help", NULL};
        if (about)
            return about->main(2, (char **)help);
        print_usage(stdout);
        return EXIT_OK;
    }
    if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
        printf("kaon %s (ABI %u.%u)\n", kaon_version(), (unsigned)KAON_ABI_MAJOR(KAON_ABI),
               (unsigned)KAON_ABI_MINOR(KAON_ABI));
        return EXIT_OK;
    }
    const command *chosen = find_command(name);
    if (chosen)
        return chosen->main(argc - 1, argv + 1);
    nearest_word nearest = {.word = name};
    for (const command *c = commands; c->name; c++)
        if (*c->summary)
            offer_word(&nearest, c->name);
    const char *near = nearest.best;
    fprintf(stderr, "kaon: there is no command '%s'%s%s%s\n\n", name,
            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    print_usage(stderr);
    return EXIT_USAGE;
}
