/* plugin_new.c: copies a template folder, with @NAME@ replaced in contents and names of files. */
#include "plugin_new.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LONGEST_PATH = PATH_MAX, LONGEST_NAME = 48, LONGEST_FILE = 1 << 20 };

static const char mark[] = "@NAME@";

// Where reasons go, passed down beside what is copied.
typedef struct {
    const char *name;
    char *message;
    size_t room;
} job;

__attribute__((format(printf, 2, 3))) static int refuse(const job *j, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(j->message, j->room, format, arguments);
    va_end(arguments);
    return -1;
}

// path = folder/name, with the mark in `name` replaced.
static int join(const job *j, char *path, const char *folder, const char *name)
{
    const char *at = strstr(name, mark);
    const int before = at ? (int)(at - name) : (int)strlen(name);
    const int length = snprintf(path, LONGEST_PATH, "%s/%.*s%s%s", folder, before, name,
                                at ? j->name : "", at ? at + strlen(mark) : "");
    if (length < 0 || length >= LONGEST_PATH)
        return refuse(j, "the path '%s/%s' is too long", folder, name);
    return 0;
}

// All of a small file; the caller frees it. NULL: see the message.
static char *read_file(const job *j, const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(LONGEST_FILE);
    if (file && text)
        *size = fread(text, 1, LONGEST_FILE, file);
    const int failed = !file || !text || ferror(file);
    if (failed) {
        refuse(j, "cannot read the template '%s': %s", path, strerror(errno));
        free(text);
        text = NULL;
    }
    if (file)
        fclose(file);
    return text;
}

static void write_replaced(FILE *file, const char *text, size_t size, const char *name)
{
    const size_t length = strlen(mark);
    for (size_t i = 0; i < size;) {
        const int here = size - i >= length && memcmp(text + i, mark, length) == 0;
        if (here)
            fputs(name, file);
        else
            fputc(text[i], file);
        i += here ? length : 1;
    }
}

static int copy_file(const job *j, const char *from, const char *to)
{
    size_t size = 0;
    char *text = read_file(j, from, &size);
    if (!text)
        return -1;

    FILE *file = fopen(to, "wbx");
    if (file)
        write_replaced(file, text, size, j->name);
    free(text);
    int failed = !file || ferror(file);
    if (file && fclose(file))
        failed = 1;
    return failed ? refuse(j, "cannot write '%s': %s", to, strerror(errno)) : 0;
}

static int copy_folder(const job *j, const char *from, const char *to);

static int copy_entry(const job *j, const char *from_folder, const char *to_folder,
                      const char *name)
{
    char from[LONGEST_PATH], to[LONGEST_PATH];
    const int length = snprintf(from, sizeof from, "%s/%s", from_folder, name);
    if (length < 0 || (size_t)length >= sizeof from)
        return refuse(j, "the path '%s/%s' is too long", from_folder, name);
    if (join(j, to, to_folder, name))
        return -1;

    struct stat status;
    if (stat(from, &status))
        return refuse(j, "cannot read the template '%s': %s", from, strerror(errno));
    return S_ISDIR(status.st_mode) ? copy_folder(j, from, to) : copy_file(j, from, to);
}

static int copy_folder(const job *j, const char *from, const char *to)
{
    DIR *folder = opendir(from);
    if (!folder)
        return refuse(j, "cannot read the template '%s': %s", from, strerror(errno));
    int failed = 0;
    if (mkdir(to, 0777))
        failed = refuse(j, "cannot make the folder '%s': %s", to, strerror(errno));
    for (struct dirent *entry; !failed && (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            failed = copy_entry(j, from, to, entry->d_name);
    }
    closedir(folder);
    return failed;
}

static int check_name(const job *j)
{
    const char *name = j->name;
    const size_t length = strlen(name);
    const size_t good = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    if (good == length && length > 0 && length <= LONGEST_NAME &&
        strchr("0123456789_", *name) == NULL)
        return 0;
    return refuse(
        j,
        "a plugin cannot be named '%s': a name begins with a lower case letter and has up "
        "to %d lower case letters, digits and underscores",
        name, LONGEST_NAME);
}

// Checks that `folder` holds a folder `name`; if not, the message lists those there are.
static int check_choice(const job *j, const char *what, const char *folder, const char *name)
{
    char there[1024] = "";
    size_t used = 0;
    DIR *choices = opendir(folder);
    if (!choices)
        return refuse(j, "there are no templates in '%s': %s", folder, strerror(errno));

    int found = 0;
    for (struct dirent *entry; (entry = readdir(choices));) {
        if (entry->d_name[0] == '.')
            continue;
        found |= !strcmp(entry->d_name, name);
        const int more = snprintf(there + used, sizeof there - used, " %s", entry->d_name);
        if (more > 0 && (size_t)more < sizeof there - used)
            used += (size_t)more;
    }
    closedir(choices);
    return found
               ? 0
               : refuse(j, "there is no template for the %s '%s'; there are:%s", what, name, there);
}

int plugin_new_templates(char *path, size_t path_room, char *message, size_t message_room)
{
    const job j = {"", message, message_room};
    char program[LONGEST_PATH];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length < 0)
        return refuse(&j, "cannot find the running program: %s", strerror(errno));
    program[length] = 0;

    // prefix/bin/kaon -> prefix/share/kaon/templates
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(program, '/');
        if (!slash)
            return refuse(&j, "cannot find the templates beside '%s'", program);
        *slash = 0;
    }
    const int used = snprintf(path, path_room, "%s/%s/templates", program, KAON_DATA_DIR);
    if (used < 0 || (size_t)used >= path_room)
        return refuse(&j, "the path '%s' is too long", program);
    return 0;
}

int plugin_new(const plugin_new_request *request, char *message, size_t message_room)
{
    const job j = {request->name, message, message_room};
    char kind[LONGEST_PATH], language[LONGEST_PATH];
    struct stat status;

    if (check_name(&j) || check_choice(&j, "kind", request->templates, request->kind) ||
        join(&j, kind, request->templates, request->kind) ||
        check_choice(&j, "language", kind, request->language) ||
        join(&j, language, kind, request->language))
        return -1;
    if (lstat(request->folder, &status) == 0)
        return refuse(&j, "'%s' exists; a new project needs a new folder", request->folder);
    return copy_folder(&j, language, request->folder);
}
