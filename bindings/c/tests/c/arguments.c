/* Hostile arguments: NULL everywhere, lengths that no memory has, sizes and numbers that are none,
 * structs of older and newer headers, and a hundred thousand texts of any bytes. */
#include "test.h"

static uint64_t seed = 20260801;

static uint32_t random_number(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33);
}

int main(void)
{
    static const size_t impossible[] = {SIZE_MAX, SIZE_MAX - 1, (size_t)PTRDIFF_MAX + 1};
    struct tollgate_options options = TOLLGATE_OPTIONS_INIT;
    struct tollgate_observer observer = TOLLGATE_OBSERVER_INIT;
    struct tollgate_query query = TOLLGATE_QUERY_INIT;
    struct tollgate_gate *gate, *none = NULL;
    struct tollgate_verdict verdict;
    struct tollgate_stats stats;
    struct tollgate_info info;
    struct tollgate_list lists[2];
    struct tollgate_name names[2];
    union {
        uint64_t words[1024];
        struct tollgate_query query;
        struct tollgate_options options;
    } big;
    unsigned char room[2 * sizeof(struct tollgate_verdict)];
    char *text = NULL, *longest;
    size_t count, i;

    /* NULL for each pointer of each function. */
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_open("x", NULL, NULL));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_open(NULL, NULL, NULL));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_open_memory(NULL, 1, NULL, &none));
    CHECK_STATUS(TOLLGATE_NOT_AN_INDEX, tollgate_open_memory(NULL, 0, NULL, &none));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_open_memory((const uint8_t *)"x", 1, NULL, NULL));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen(NULL, NULL, "1", 1, &verdict));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen_text(NULL, NULL, "1", &verdict));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_explain(NULL, NULL, "1", 1, TOLLGATE_TEXT, &text));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_reload(NULL, NULL));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_reload_within(NULL, 0, NULL));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_rollback(NULL, NULL));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_watch(NULL, 0));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_unwatch(NULL));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_prepare_thread(NULL));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_check_query(NULL, NULL));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_get_stats(NULL, &stats));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_get_info(NULL, &info));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_get_lists(NULL, NULL, 0, &count));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_get_profiles(NULL, NULL, 0, &count));
    CHECK(tollgate_path(NULL) == NULL);
    tollgate_close(NULL);
    tollgate_string_free(NULL);

    gate = test_open(test_file("everything.tgx"));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen(gate, NULL, NULL, 1, &verdict));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen(gate, NULL, "1", 1, NULL));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen_text(gate, NULL, NULL, &verdict));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen_text(gate, NULL, "1", NULL));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_explain(gate, NULL, "1", 1, TOLLGATE_TEXT, NULL));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_explain(gate, NULL, NULL, 1, TOLLGATE_TEXT, &text));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_explain(gate, NULL, "1", 1, 2, &text));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_explain(gate, NULL, "1", 1, -1, &text));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_get_stats(gate, NULL));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_get_info(gate, NULL));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_get_lists(gate, lists, 2, NULL));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_get_lists(gate, NULL, 2, &count));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_get_profiles(gate, names, 2, NULL));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_get_profiles(gate, NULL, 2, &count));
    CHECK(text == NULL);

    /* Misaligned. */
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT,
                 tollgate_screen(gate, NULL, "1", 1, (struct tollgate_verdict *)(void *)(room + 1)));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT,
                 tollgate_screen(gate, (struct tollgate_query *)(void *)(room + 1), "1", 1, &verdict));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT,
                 tollgate_screen((struct tollgate_gate *)(void *)(room + 1), NULL, "1", 1, &verdict));

    /* Lengths and capacities that no memory has. */
    for (i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
        CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen(gate, NULL, "1", impossible[i], &verdict));
        CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT,
                     tollgate_explain(gate, NULL, "1", impossible[i], TOLLGATE_TEXT, &text));
        CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT,
                     tollgate_open_memory((const uint8_t *)"1", impossible[i], NULL, &none));
        CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_get_lists(gate, lists, impossible[i], &count));
        CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_get_profiles(gate, names, impossible[i], &count));
    }

    /* A struct without its size, of an older header, of a newer one, of one that asks for more. */
    memset(&big, 0, sizeof(big));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen(gate, &big.query, "1", 1, &verdict));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_open(test_file("smaller.tgx"), &big.options, &none));
    for (i = 1; i < sizeof(query); i++) {
        query.size = i;
        CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen(gate, &query, "1", 1, &verdict));
    }
    query.size = SIZE_MAX;
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen(gate, &query, "1", 1, &verdict));
    big.query.size = 4096;
    CHECK_OK(tollgate_screen(gate, &big.query, "112", 3, &verdict));
    big.words[511] = 1;
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen(gate, &big.query, "112", 3, &verdict));
    big.words[511] = 0;
    big.query.size = 4104;
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen(gate, &big.query, "112", 3, &verdict));
    options.size = sizeof(options) - 1;
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_open(test_file("smaller.tgx"), &options, &none));
    options.size = sizeof(options);
    observer.size = 0;
    options.observer = &observer;
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_open(test_file("smaller.tgx"), &options, &none));
    options.observer = NULL;

    /* Numbers that are none. */
    query = (struct tollgate_query)TOLLGATE_QUERY_INIT;
    for (i = 2; i < 40; i++) {
        query.direction = i < 32 ? (int32_t)(1u << i) : -(int32_t)i;
        CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen(gate, &query, "1", 1, &verdict));
    }
    query.direction = 0;
    for (i = 1; i < 32; i++) {
        query.flags = (uint32_t)1 << i;
        CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen(gate, &query, "1", 1, &verdict));
        query.flags |= TOLLGATE_UNCOUNTED;
        CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen(gate, &query, "1", 1, &verdict));
    }
    query.flags = 0;
    options.mapped = 2;
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_open(test_file("smaller.tgx"), &options, &none));
    options.mapped = 0;
    options.max_loss_percent = 101;
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_open(test_file("smaller.tgx"), &options, &none));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_reload_within(gate, 101, NULL));
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_reload_within(gate, UINT32_MAX - 1, NULL));
    CHECK(none == NULL);

    /* Names that are none: long, not UTF-8, empty. */
    longest = malloc(10000001);
    CHECK(longest != NULL);
    memset(longest, 'x', 10000000);
    longest[10000000] = '\0';
    query.profile = longest;
    CHECK_STATUS(TOLLGATE_UNKNOWN_PROFILE, tollgate_screen(gate, &query, "1", 1, &verdict));
    query.profile = "\xff\xfe";
    CHECK_STATUS(TOLLGATE_UNKNOWN_PROFILE, tollgate_screen(gate, &query, "1", 1, &verdict));
    query.profile = "";
    CHECK_STATUS(TOLLGATE_UNKNOWN_PROFILE, tollgate_screen(gate, &query, "1", 1, &verdict));
    query.profile = NULL;
    query.home = longest;
    CHECK_STATUS(TOLLGATE_UNKNOWN_REGION, tollgate_screen(gate, &query, "1", 1, &verdict));
    query.home = "\xff";
    CHECK_STATUS(TOLLGATE_UNKNOWN_REGION, tollgate_screen(gate, &query, "1", 1, &verdict));
    query.home = NULL;
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_open(longest, NULL, &none));
    longest[60000] = '\0';
    CHECK_STATUS(TOLLGATE_IO, tollgate_open(longest, NULL, &none));
    longest[60000] = 'x';
    CHECK(strlen(tollgate_last_error()) == 1023);

    /* Texts of any length and any bytes. */
    CHECK_OK(tollgate_screen(gate, NULL, longest, 10000000, &verdict));
    CHECK(verdict.reason == TOLLGATE_REASON_INVALID);
    CHECK_OK(tollgate_explain(gate, NULL, longest, 10000000, TOLLGATE_JSON, &text));
    tollgate_string_free(text);
    memset(longest, '7', 10000000);
    CHECK_OK(tollgate_screen_text(gate, NULL, longest, &verdict));
    free(longest);
    for (i = 0; i < (size_t)test_times(100000); i++) {
        static const char likely[] = "0123456789+*#-. ()sip:tel@;=&%x\0\xff\xc3\xa9";
        char dialled[64];
        size_t length = random_number() % sizeof(dialled), at;

        for (at = 0; at < length; at++) {
            uint32_t r = random_number();
            dialled[at] = r % 8 == 0 ? (char)(r >> 8) : likely[(r >> 8) % (sizeof(likely) - 1)];
        }
        CHECK_OK(tollgate_screen(gate, NULL, dialled, length, &verdict));
        CHECK(verdict.action == TOLLGATE_ALLOW || verdict.action == TOLLGATE_BLOCK);
        CHECK(memchr(verdict.number, 0, sizeof(verdict.number)) != NULL);
        CHECK(memchr(verdict.rule_text, 0, sizeof(verdict.rule_text)) != NULL);
        if (i % 64 == 0) {
            CHECK_OK(tollgate_explain(gate, NULL, dialled, length, (int32_t)(i / 64 % 2), &text));
            tollgate_string_free(text);
        }
    }
    tollgate_close(gate);
    return 0;
}
