/* Profiles that a gate has to have: no index without them is opened, and none takes the place of one with
 * them, by whatever way. */
#include "test.h"

#include <stdatomic.h>
#include <time.h>

static atomic_int refusals;

static void refused(void *user_data, int32_t status, const char *message)
{
    CHECK(user_data == &refusals && status == TOLLGATE_MISSING_PROFILE && strstr(message, "tenant-7") != NULL);
    atomic_fetch_add(&refusals, 1);
}

int main(void)
{
    const char *const none[] = {NULL}, *const both[] = {"default", "tenant-7", NULL};
    const char *const other[] = {"tenant-8", NULL}, *const bytes_that_are_no_text[] = {"\xff", NULL};
    const char *changing[2] = {"tenant-7", NULL};
    struct tollgate_observer observer = TOLLGATE_OBSERVER_INIT;
    struct tollgate_options options = TOLLGATE_OPTIONS_INIT;
    struct tollgate_query query = TOLLGATE_QUERY_INIT;
    struct tollgate_gate *gate = NULL;
    struct tollgate_verdict verdict;
    struct tollgate_stats stats;
    const char *path = test_scratch("required.tgx");
    char name[20], longest[100];
    unsigned char *bytes;
    size_t length;
    int i;

    /* At the opening, of a file and from memory. */
    test_copy(test_file("everything.tgx"), path);
    bytes = test_read(test_file("everything.tgx"), &length);
    options.required_profiles = other;
    CHECK_STATUS(TOLLGATE_MISSING_PROFILE, tollgate_open(path, &options, &gate));
    CHECK(strstr(tollgate_last_error(), "tenant-8") != NULL && gate == NULL);
    CHECK_STATUS(TOLLGATE_MISSING_PROFILE, tollgate_open_memory(bytes, length, &options, &gate));
    options.required_profiles = both;
    CHECK_OK(tollgate_open_memory(bytes, length, &options, &gate));
    tollgate_close(gate);
    free(bytes);
    options.required_profiles = none;
    CHECK_OK(tollgate_open(path, &options, &gate));
    tollgate_close(gate);

    /* A name that no index can have is the configuration's mistake. */
    gate = NULL;
    options.required_profiles = bytes_that_are_no_text;
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_open(path, &options, &gate));
    memset(longest, 'x', sizeof(longest));
    longest[48] = '\0';
    changing[0] = longest;
    options.required_profiles = changing;
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_open(path, &options, &gate));
    options.required_profiles = (const char *const *)(const void *)(name + 1);
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_open(path, &options, &gate));
    CHECK(gate == NULL);

    /* A reload that would drop it is refused, whatever may be lost otherwise. The names are copied. */
    snprintf(name, sizeof(name), "tenant-7");
    changing[0] = name;
    options.required_profiles = changing;
    options.max_loss_percent = 100;
    observer.user_data = &refusals;
    observer.refused = refused;
    options.observer = &observer;
    CHECK_OK(tollgate_open(path, &options, &gate));
    memset(name, 0, sizeof(name));
    changing[0] = NULL;
    test_copy(test_file("smaller.tgx"), path);
    CHECK_STATUS(TOLLGATE_MISSING_PROFILE, tollgate_reload(gate, NULL));
    CHECK_STATUS(TOLLGATE_MISSING_PROFILE, tollgate_reload_within(gate, 100, NULL));
    CHECK(atomic_load(&refusals) == 2);
    /* And so it is where nobody asks for it. */
    test_copy(test_file("smaller.tgx"), path);
    CHECK_OK(tollgate_watch(gate, 10));
    for (i = 0; i < 6000 && atomic_load(&refusals) < 3; i++) {
        struct timespec pause = {0, 10000000};

        nanosleep(&pause, NULL);
    }
    CHECK_OK(tollgate_get_stats(gate, &stats));
    CHECK(stats.refused == 3 && stats.swaps == 0 && strstr(stats.last_error, "tenant-7") != NULL);
    query.profile = "tenant-7";
    CHECK_OK(tollgate_screen_text(gate, &query, "+4930200123", &verdict));
    CHECK(verdict.action == TOLLGATE_BLOCK);
    tollgate_close(gate);
    return 0;
}
