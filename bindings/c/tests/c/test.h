/* What the C tests share: checks that say where they failed, and the indexes that they open. */
#ifndef TOLLGATE_TEST_H
#define TOLLGATE_TEST_H

#include "tollgate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef TEST_LOADS_THE_LIBRARY
#define test_last_error() "-"
#else
#define test_last_error() tollgate_last_error()
#endif

#define FAIL(...)                                             \
    do {                                                      \
        fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);       \
        fprintf(stderr, __VA_ARGS__);                         \
        fprintf(stderr, "\n  last error: %s\n", test_last_error()); \
        exit(1);                                              \
    } while (0)

#define CHECK(condition)                 \
    do {                                 \
        if (!(condition))                \
            FAIL("not so: %s", #condition); \
    } while (0)

#define CHECK_OK(call)                                                     \
    do {                                                                   \
        tollgate_status status_ = (call);                                  \
        if (status_ != TOLLGATE_OK)                                        \
            FAIL("%s: %s", #call, tollgate_status_text(status_));          \
    } while (0)

#define CHECK_STATUS(expected, call)                                                          \
    do {                                                                                      \
        tollgate_status status_ = (call);                                                     \
        if (status_ != (expected))                                                            \
            FAIL("%s: status %d (%s), not %s", #call, (int)status_, tollgate_status_text(status_), \
                 #expected);                                                                  \
    } while (0)

#define CHECK_TEXT(expected, text)                                             \
    do {                                                                       \
        const char *text_ = (text);                                            \
        if (text_ == NULL || strcmp(text_, (expected)) != 0)                   \
            FAIL("%s is \"%s\", not \"%s\"", #text, text_ ? text_ : "(NULL)", (expected)); \
    } while (0)

/* The folder with everything.tgx and smaller.tgx; the script that runs the tests says where. */
static inline const char *test_file(const char *name)
{
    static char paths[4][1024];
    static int next;
    const char *folder = getenv("TOLLGATE_TEST_INDEXES");
    char *path = paths[next++ % 4];

    if (folder == NULL)
        FAIL("TOLLGATE_TEST_INDEXES is not set: run bindings/c/tests/run");
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

/* A file of the test's own, in a folder that is removed when all is done. */
static inline const char *test_scratch(const char *name)
{
    static char paths[4][1024];
    static int next;
    const char *folder = getenv("TOLLGATE_TEST_SCRATCH");
    char *path = paths[next++ % 4];

    if (folder == NULL)
        FAIL("TOLLGATE_TEST_SCRATCH is not set: run bindings/c/tests/run");
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static inline unsigned char *test_read(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    unsigned char *bytes;
    long size;

    CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
    size = ftell(file);
    CHECK(size >= 0 && fseek(file, 0, SEEK_SET) == 0);
    bytes = (unsigned char *)malloc((size_t)size + 1);
    CHECK(bytes != NULL && fread(bytes, 1, (size_t)size, file) == (size_t)size);
    fclose(file);
    *length = (size_t)size;
    return bytes;
}

/* Puts bytes into the place of a file as `tollgate build` does: aside, then renamed. */
static inline void test_publish(const char *path, const unsigned char *bytes, size_t length)
{
    char aside[1100];
    FILE *file;

    snprintf(aside, sizeof(aside), "%s.aside", path);
    file = fopen(aside, "wb");
    CHECK(file != NULL && fwrite(bytes, 1, length, file) == length && fclose(file) == 0);
    CHECK(rename(aside, path) == 0);
}

static inline void test_copy(const char *from, const char *to)
{
    size_t length;
    unsigned char *bytes = test_read(from, &length);

    test_publish(to, bytes, length);
    free(bytes);
}

#ifndef TEST_LOADS_THE_LIBRARY
static inline struct tollgate_gate *test_open(const char *path)
{
    struct tollgate_gate *gate = NULL;

    CHECK_OK(tollgate_open(path, NULL, &gate));
    CHECK(gate != NULL);
    return gate;
}

static inline struct tollgate_verdict test_screen(const struct tollgate_gate *gate, const char *dialled)
{
    struct tollgate_verdict verdict;

    CHECK_OK(tollgate_screen_text(gate, NULL, dialled, &verdict));
    return verdict;
}

static inline const char *test_line(const struct tollgate_verdict *verdict)
{
    static char line[256];

    CHECK(tollgate_verdict_text(verdict, line, sizeof(line)) < sizeof(line));
    return line;
}

#endif

/* A number of times that a test does something; fewer where every step is slow. */
static inline int test_times(int times)
{
    const char *share = getenv("TOLLGATE_TEST_SHARE");

    return share != NULL && atoi(share) > 1 ? times / atoi(share) : times;
}

#endif
