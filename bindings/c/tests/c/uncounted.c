/* Asked without consequences, as the console of a PBX asks: the same verdict, and nothing is counted. */
#include "test.h"

static int told;

static void judged(void *user_data, const char *dialled, size_t length, const struct tollgate_verdict *verdict)
{
    (void)user_data;
    (void)dialled;
    (void)length;
    (void)verdict;
    told++;
}

int main(void)
{
    static const char *calls[] = {"112", "0037126123499", "0900 123 456", "+421905323344", "1005", "not a number"};
    struct tollgate_observer observer = TOLLGATE_OBSERVER_INIT;
    struct tollgate_options options = TOLLGATE_OPTIONS_INIT;
    struct tollgate_query query = TOLLGATE_QUERY_INIT;
    struct tollgate_verdict counted, verdict;
    struct tollgate_stats before, after;
    struct tollgate_list lists[2][8];
    struct tollgate_gate *gate;
    size_t i, count;

    observer.blocked = judged;
    observer.would_block = judged;
    options.observer = &observer;
    CHECK_OK(tollgate_open(test_file("everything.tgx"), &options, &gate));
    for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        query.flags = 0;
        CHECK_OK(tollgate_screen_text(gate, &query, calls[i], &counted));
        CHECK_OK(tollgate_get_stats(gate, &before));
        CHECK_OK(tollgate_get_lists(gate, lists[0], 8, &count));
        told = 0;
        query.flags = TOLLGATE_UNCOUNTED;
        CHECK_OK(tollgate_screen_text(gate, &query, calls[i], &verdict));
        CHECK(memcmp(&verdict, &counted, sizeof(verdict)) == 0);
        CHECK_OK(tollgate_screen(gate, &query, calls[i], strlen(calls[i]), &verdict));
        CHECK(memcmp(&verdict, &counted, sizeof(verdict)) == 0);
        CHECK_OK(tollgate_get_stats(gate, &after));
        CHECK(told == 0 && memcmp(&before, &after, sizeof(before)) == 0);
        CHECK_OK(tollgate_get_lists(gate, lists[1], 8, &count));
        CHECK(count == 3 && memcmp(lists[0], lists[1], count * sizeof(lists[0][0])) == 0);
    }
    CHECK(before.allowed_total + before.blocked_total == sizeof(calls) / sizeof(calls[0]));
    /* What the index does not have is a failure as ever. */
    query.profile = "nobody";
    CHECK_STATUS(TOLLGATE_UNKNOWN_PROFILE, tollgate_screen_text(gate, &query, "112", &verdict));
    tollgate_close(gate);
    return 0;
}
