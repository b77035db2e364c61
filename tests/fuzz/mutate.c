/* mutate.c: feeds a fuzz target its seeds, whole, truncated and with bits flipped.
 *
 * usage: fuzz_NAME RUNS FOLDER
 *
 * Stands in for libFuzzer where there is none. Each seed is tried whole, then cut at RUNS places,
 * then RUNS times with one to eight bits flipped. The choice is a fixed sequence, so a failure
 * repeats; the input under trial lies in ./last_input if the target brings the process down.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LONGEST_SEED = 1 << 20, LONGEST_PATH = 4096 };

// SplitMix64: any well-mixed sequence does.
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

// The target gets a block of exactly `size` bytes, so that a sanitizer sees a read past its end.
static int try_input(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return 1;
    memcpy(copy, data, size);

    // Kept open and never emptied: a file system may wait for the disk where a file is replaced.
    static int file = -2;
    if (file == -2)
        file = open("last_input", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file >= 0 && (pwrite(file, data, size, 0) != (ssize_t)size || ftruncate(file, (off_t)size)))
        fprintf(stderr, "last_input cannot be written\n");
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    return 0;
}

static int try_truncated(const uint8_t *seed, size_t size, size_t runs)
{
    const size_t step = size > runs ? size / runs : 1;
    for (size_t cut = 0; cut < size; cut += step)
        if (try_input(seed, cut))
            return 1;
    return 0;
}

static int try_flipped(uint8_t *seed, size_t size, size_t runs, uint64_t *random)
{
    if (size == 0)
        return 0;
    for (size_t run = 0; run < runs; run++) {
        uint64_t places[8];
        const size_t flips = 1 + next(random) % 8;
        for (size_t i = 0; i < flips; i++) {
            places[i] = next(random) % (8 * size);
            seed[places[i] / 8] ^= (uint8_t)(1u << places[i] % 8);
        }
        const int failed = try_input(seed, size);
        for (size_t i = 0; i < flips; i++)
            seed[places[i] / 8] ^= (uint8_t)(1u << places[i] % 8);
        if (failed)
            return 1;
    }
    return 0;
}

static int try_seed(const char *path, size_t runs, uint64_t *random)
{
    FILE *file = fopen(path, "rb");
    uint8_t *seed = malloc(LONGEST_SEED);
    int failed = !file || !seed;
    if (!failed) {
        const size_t size = fread(seed, 1, LONGEST_SEED, file);
        failed = try_input(seed, size) || try_truncated(seed, size, runs) ||
                 try_flipped(seed, size, runs, random);
    }
    if (failed)
        fprintf(stderr, "cannot try seed '%s'\n", path);
    free(seed);
    if (file)
        fclose(file);
    return failed;
}

int main(int count, char **words)
{
    if (count != 3) {
        fprintf(stderr, "usage: %s RUNS FOLDER\n", words[0]);
        return 2;
    }
    const size_t runs = strtoul(words[1], NULL, 10);
    DIR *folder = opendir(words[2]);
    if (!folder) {
        fprintf(stderr, "there is no folder '%s' with seeds\n", words[2]);
        return 1;
    }

    uint64_t random = 1;
    int seeds = 0, failed = 0;
    for (struct dirent *entry; !failed && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        char path[LONGEST_PATH];
        snprintf(path, sizeof path, "%s/%s", words[2], entry->d_name);
        failed = try_seed(path, runs, &random);
        seeds++;
    }
    closedir(folder);
    printf("%d seeds\n", seeds);
    return failed || seeds == 0;
}
