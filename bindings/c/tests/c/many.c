/* Many numbers at once: each as tollgate_screen judges it, all or none, and no argument does harm. */
#include "test.h"

#define MANY 100

static int told;

static void judged(void *user_data, const char *dialled, size_t length, const struct tollgate_verdict *verdict)
{
    (void)user_data;
    (void)verdict;
    CHECK(length == 0 || dialled != NULL);
    told++;
}

int main(void)
{
    static const char *calls[] = {"112", "0037126123499", "0900 123 456", "+421905323344", "1005", "not a number",
                                  "", "+37126123456", "00371 6700 0000", "anonymous", "&", "+49301234567",
                                  "sip:+37126123456@example.org"};
    const size_t kinds = sizeof(calls) / sizeof(calls[0]);
    struct tollgate_observer observer = TOLLGATE_OBSERVER_INIT;
    struct tollgate_options options = TOLLGATE_OPTIONS_INIT;
    struct tollgate_query query = TOLLGATE_QUERY_INIT;
    struct tollgate_verdict verdicts[MANY + 1], untouched, one;
    struct tollgate_text texts[MANY];
    struct tollgate_stats stats;
    struct tollgate_gate *gate;
    size_t i, count;
    uint64_t asked = 0;
    int direction, told_one_by_one;

    observer.blocked = judged;
    observer.would_block = judged;
    options.observer = &observer;
    CHECK_OK(tollgate_open(test_file("everything.tgx"), &options, &gate));
    for (i = 0; i < MANY; i++) {
        texts[i].bytes = calls[i * 7 % kinds];
        texts[i].length = strlen(texts[i].bytes);
    }
    texts[3].bytes = NULL;
    texts[3].length = 0;
    memset(&untouched, 0x5a, sizeof(untouched));
    for (direction = 0; direction < 2; direction++) {
        query.direction = direction;
        for (count = 0; count <= MANY; count += count < 18 ? 1 : 41) {
            memset(verdicts, 0x5a, sizeof(verdicts));
            told = 0;
            CHECK_OK(tollgate_screen_many(gate, direction == 0 ? NULL : &query, texts, count, verdicts));
            asked += count;
            told_one_by_one = told;
            told = 0;
            for (i = 0; i < count; i++) {
                CHECK_OK(tollgate_screen(gate, &query, texts[i].bytes, texts[i].length, &one));
                CHECK(memcmp(&one, &verdicts[i], sizeof(one)) == 0);
                asked++;
            }
            CHECK(told == told_one_by_one);
            CHECK(memcmp(&untouched, &verdicts[count], sizeof(untouched)) == 0);
        }
    }
    CHECK_OK(tollgate_get_stats(gate, &stats));
    CHECK(stats.allowed_total + stats.blocked_total == asked);

    query.flags = TOLLGATE_UNCOUNTED;
    memset(verdicts, 0x5a, sizeof(verdicts));
    told = 0;
    CHECK_OK(tollgate_screen_many(gate, &query, texts, MANY, verdicts));
    CHECK(told == 0);
    for (i = 0; i < MANY; i++) {
        CHECK_OK(tollgate_screen(gate, &query, texts[i].bytes, texts[i].length, &one));
        CHECK(memcmp(&one, &verdicts[i], sizeof(one)) == 0);
    }
    CHECK_OK(tollgate_get_stats(gate, &stats));
    CHECK(stats.allowed_total + stats.blocked_total == asked);

    /* None is written where one is wrong. */
    memset(verdicts, 0x5a, sizeof(verdicts));
    texts[MANY - 1].bytes = NULL;
    texts[MANY - 1].length = 1;
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen_many(gate, NULL, texts, MANY, verdicts));
    texts[MANY - 1].bytes = "112";
    texts[MANY - 1].length = (size_t)-1;
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen_many(gate, NULL, texts, MANY, verdicts));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen_many(NULL, NULL, texts, 1, verdicts));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen_many(gate, NULL, NULL, 1, verdicts));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen_many(gate, NULL, texts, 1, NULL));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen_many(gate, NULL, texts, (size_t)-1, verdicts));
    CHECK_OK(tollgate_screen_many(gate, NULL, NULL, 0, NULL));
    for (i = 0; i < 2; i++) {
        query.flags = i == 0 ? 0 : TOLLGATE_UNCOUNTED;
        query.profile = "nobody";
        CHECK_STATUS(TOLLGATE_UNKNOWN_PROFILE, tollgate_screen_many(gate, &query, texts, 20, verdicts));
    }
    for (i = 0; i <= MANY; i++)
        CHECK(memcmp(&untouched, &verdicts[i], sizeof(untouched)) == 0);
    tollgate_close(gate);
    return 0;
}
