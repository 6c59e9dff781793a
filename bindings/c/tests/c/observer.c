/* Observers: told of what the gate does, with the caller's text and a verdict, and may ask the gate. */
#include "test.h"

static struct tollgate_gate *gate;
static struct told {
    int blocked, would_block, swapped, refused;
    char dialled[64];
    struct tollgate_verdict verdict;
    struct tollgate_swap swap;
    char message[1024];
} told;

static void keep(struct told *to, const char *dialled, size_t length, const struct tollgate_verdict *verdict)
{
    CHECK(to == &told && length < sizeof(to->dialled));
    memcpy(to->dialled, dialled, length);
    to->dialled[length] = '\0';
    to->verdict = *verdict;
}

static void blocked(void *user_data, const char *dialled, size_t length, const struct tollgate_verdict *verdict)
{
    struct tollgate_stats stats;

    keep(user_data, dialled, length, verdict);
    told.blocked++;
    /* No lock is held. */
    CHECK_OK(tollgate_get_stats(gate, &stats));
    CHECK(stats.blocked_total == (uint64_t)told.blocked);
    CHECK(test_screen(gate, "112").action == TOLLGATE_ALLOW);
}

static void would_block(void *user_data, const char *dialled, size_t length, const struct tollgate_verdict *verdict)
{
    keep(user_data, dialled, length, verdict);
    told.would_block++;
}

static void swapped(void *user_data, const struct tollgate_swap *swap)
{
    CHECK(user_data == &told);
    told.swapped++;
    told.swap = *swap;
    CHECK_OK(tollgate_reload_within(gate, 100, NULL)); /* the same file: not told of */
}

static void refused(void *user_data, int32_t status, const char *message)
{
    CHECK(user_data == &told && status == TOLLGATE_INDEX_SHRUNKEN);
    told.refused++;
    snprintf(told.message, sizeof(told.message), "%s", message);
}

int main(void)
{
    struct tollgate_observer observer = TOLLGATE_OBSERVER_INIT;
    struct tollgate_options options = TOLLGATE_OPTIONS_INIT;
    const char *path = test_scratch("observer.tgx");
    struct tollgate_verdict verdict;

    observer.user_data = &told;
    observer.blocked = blocked;
    observer.would_block = would_block;
    observer.swapped = swapped;
    observer.refused = refused;
    options.observer = &observer;
    test_copy(test_file("everything.tgx"), path);
    CHECK_OK(tollgate_open(path, &options, &gate));

    CHECK_OK(tollgate_screen(gate, NULL, "0037126123499...", 13, &verdict));
    CHECK(told.blocked == 1 && memcmp(&told.verdict, &verdict, sizeof(verdict)) == 0);
    CHECK_TEXT("0037126123499", told.dialled);
    test_screen(gate, "+421905323344");
    CHECK(told.would_block == 1 && told.blocked == 1);
    CHECK_TEXT("feed", told.verdict.shadow);
    test_screen(gate, "+420601123456");
    CHECK(told.would_block == 1 && told.blocked == 1);

    test_copy(test_file("smaller.tgx"), path);
    CHECK_STATUS(TOLLGATE_INDEX_SHRUNKEN, tollgate_reload(gate, NULL));
    CHECK(told.refused == 1 && told.swapped == 0);
    CHECK_TEXT(tollgate_last_error(), told.message);
    CHECK_OK(tollgate_reload_within(gate, 100, NULL));
    CHECK(told.swapped == 1 && told.swap.generation == 1 && told.swap.changed == 1);
    tollgate_close(gate);

    /* An observer that wants nothing. */
    memset(&observer, 0, sizeof(observer));
    observer.size = sizeof(observer);
    CHECK_OK(tollgate_open(path, &options, &gate));
    test_screen(gate, "+37167000000");
    CHECK_OK(tollgate_reload(gate, NULL));
    tollgate_close(gate);
    return 0;
}
