/* fault_help.c: what each code of a fault means, with an example and what to do. */
#include "fault_help.h"

// clang-format off
const fault_help fault_helps[] = {
    {100, "a file cannot be read",
     "The file could not be opened or read. The message holds the reason the system gave.",
     "kaon run jest.yaml            # the file is called jets.yaml",
     "Look at the name and the folder you are in (ls), and whether you may read the file."
     " Where a file of a similar name lies in the folder, it is suggested."},
    {101, "this is not YAML",
     "The text is not YAML, so nothing in it could be looked at. The place is where the"
     " reader gave up; the mistake often stands a line earlier.",
     "model:\n"
     "  - network:\n"
     "     layers: [dense: {units: 5}\n"
     "     loss: mse                  # the bracket above is not closed",
     "Close brackets, braces and quotes; indent with blanks, never tabs, and keys of one"
     " map by the same number of them; put texts with : # { [ * & ! into quotes."},
    {102, "a key stands twice in one map",
     "One map has the same key twice. Readers of YAML silently take one of the two; an"
     " experiment must not depend on which.",
     "seed: 1\n"
     "data: {reader: csv, path: a.csv, path: b.csv}",
     "Keep one of them. To give several values write a list: path: [a.csv, b.csv]."},
    {103, "anchors, aliases and tags are not used",
     "YAML has anchors (&), aliases (*) and tags (!); configurations of Kaon do not use"
     " them. A text that begins with such a character is taken for one.",
     "features: *columns",
     "Use vars and ${name} for values that occur several times. Put a text such as \"*\""
     " into quotes."},
    {104, "maps and lists lie too deep in each other",
     "Lists and maps lie more than 64 deep in each other, or items in items. No experiment"
     " needs that; a variable or a default that contains itself does.",
     "[[[[[[[[ ... ]]]]]]]]",
     "Look for a bracket too many, or for an item that names itself as its own part."},
    {105, "the text is too large",
     "The text is larger than 4 MiB, or holds more values than anybody writes by hand.",
     "features: [x0, x1, x2, ...]   # a hundred thousand names",
     "Name columns by patterns, features: [\"x*\"], and keep data in data files."},
    {106, "the text is not UTF-8",
     "The text is not UTF-8, or holds a zero byte. Files of other programs may be Latin-1"
     " or UTF-16.",
     "name: M\\xfcnchen              # a Latin-1 letter",
     "Save the file as UTF-8: iconv -f latin1 -t utf-8 old.yaml > new.yaml."},
    {107, "nothing has a key of this name",
     "The section or item has no key of this name. Unknown keys are never ignored: a"
     " misspelt option would otherwise keep its default without a word.",
     "model:\n"
     "  - network: {layers: [dense: {units: 5}], loss: mse, epocs: 20}",
     "Take the suggested key. Where it belongs to another level, move it there: the"
     " suggestion shows the way in braces. kaon inspect tells all keys of an item with"
     " their defaults."},
    {108, "a key that has no default is missing",
     "An option without a default was not given: nobody can guess it.",
     "model:\n"
     "  - network: {layers: [dense: {units: 5}]}     # which loss?",
     "Add the key. The note says what it may be."},
    {109, "the value is of another type",
     "The value is of another kind than the option: a text where a number is needed, a"
     " list where one value is needed. A number in quotes is a text.",
     "model:\n"
     "  - network: {epochs: \"30\", batch: many, layers: [dense: {units: 5}], loss: mse}",
     "Write what the message allows: numbers without quotes (30, 1e-3), true or false, a"
     " list as [a, b]."},
    {110, "the value is outside its range",
     "The number lies outside what the option allows.",
     "seed: -1",
     "The message gives the range, the note the meaning. kaon inspect shows the ranges of"
     " all options of an item."},
    {111, "the value is none of the choices",
     "The option takes one of a few words, and this is none of them.",
     "float: f16",
     "Take one of the choices listed in the note."},
    {112, "no installed plugin has an item of this name",
     "No installed plugin offers an item of this kind and name, or its plugin cannot be"
     " loaded. Names of items come from plugins: what is installed differs between sites.",
     "model:\n"
     "  - network: {layers: [dens: {units: 5}], loss: mse}",
     "Take the suggested name, or install the plugin. kaon inspect items lists what is"
     " there; kaon plugin list --why and kaon doctor tell why a plugin is not used."},
    {113, "an item is written in another way",
     "An item is written as its name, or as its name with settings below it: {name:"
     " {settings}}. Most often its settings are not indented below the name.",
     "layers:\n"
     "  - dense:\n"
     "    units: 64                   # must be indented below dense",
     "Indent the settings: \"- dense:\", then \"    units: 64\" two blanks further than dense;"
     " or in one line: dense: {units: 64}. The label of a part stands beside it: {dense:"
     " {units: 64}, as: encoder}."},
    {114, "a list has too few or too many entries",
     "The list has fewer or more entries than the option takes.",
     "model: []",
     "The message gives the limits."},
    {115, "an edit (--set) cannot be made",
     "An edit of the command line (--set) names no place of the file, or has no value.",
     "kaon run jets.yaml --set model.netwrok.epochs=5",
     "Write --set PLACE=VALUE. A place is a way of keys with dots between them; an entry"
     " of a list is its number from 0 or the name of the item: model.1.epochs or"
     " model.network.epochs. The value is YAML, so lists need quotes from the shell: --set"
     " 'data.features=[pt, eta]'."},
    {116, "two keys exclude each other or need each other",
     "Two parts exclude each other, or one needs the other: an experiment has data and a"
     " model, or an environment and an agent; a split cannot take rows of a part that has"
     " files of its own.",
     "data: {reader: csv, path: a.csv}\n"
     "agent: qtable                   # which world does it act in?",
     "Take one away or add what is missing, as the hint says."},
    {117, "the data do not have what the configuration names",
     "The data were looked at (their columns and a few rows) and do not have what the"
     " configuration names: a file, a column, a type.",
     "data: {path: jets.csv, target: labl}     # the column is called label",
     "Take the suggested name. kaon data head FILE shows the first rows, kaon data info"
     " FILE all columns with types and ranges."},
    {118, "an included file cannot be taken in",
     "A file named by include is not there, is no map, or includes itself.",
     "include: comon.yaml",
     "Names are relative to the file that includes. Take the suggested name; break the"
     " circle by moving what both need into a third file."},
    {119, "a variable is not defined, or not in this way",
     "${name} stands in the file, and vars has no such name; or the value is a list or map"
     " and stands within a text; or a variable stands for itself.",
     "vars: {units: 64}\n"
     "name: jets_${unit}",
     "Define it, vars: {name: value}, or take the suggested name. Alone, \"${name}\" is the"
     " value as it is (a number, a list); within a text it must be a text or a number. To"
     " write ${ itself: $${."},
    {120, "the parts of the experiment do not fit each other",
     "Parts of the experiment do not fit each other: a loss of numbers and a target of"
     " classes, a last layer with another number of outputs than there are classes, a"
     " layer that needs other axes. Found by building the model for the columns of the"
     " data, before anything is trained.",
     "data: {path: iris.csv, target: species}           # three classes\n"
     "model:\n"
     "  - network: {layers: [dense: {units: 2}], loss: softmax_cross_entropy}",
     "Change one of the two as the message says: the loss, the size of the last layer, or"
     " how the target is read (data: {task: regression})."},
    {121, "a formula cannot be understood",
     "A cut or a derived column is written in a way that means nothing: a bracket is missing,"
     " an operator stands at the end, a function or column is not known, or a value of a whole"
     " event is needed where there is one per particle.",
     "data: {path: jets.root, cut: \"pt > 20 && (abs(eta) < 2.4\"}     # a bracket is not closed",
     "Look at the place under the mark. Formulas are written as in C and Python: + - * / **,"
     " < <= == != >= >, && || !, abs(x), sqrt(x), sum(jet_pt), jet_pt[:10]."},
    {0},
};
// clang-format on
