/* Screening: spellings, profiles, directions, regions, and what a verdict has in it. */
#include "test.h"

int main(void)
{
    static const struct {
        const char *dialled, *line;
    } calls[] = {
        {"112", "allow emergency"},
        {"9112", "allow emergency"},
        {"+37126123499", "block list blacklist +3712* +37126123499"},
        {"0037126123499", "block list blacklist +3712* +37126123499"},
        {"9 00 371 2612-3499", "block list blacklist +3712* +37126123499"},
        {"tel:+371-2612-3499", "block list blacklist +3712* +37126123499"},
        {"sip:+37126123499@example.org;user=phone", "block list blacklist +3712* +37126123499"},
        {"+37167000000", "allow list partners +37167000000 +37167000000"},
        {"0900 123 456", "block type premium_rate +421900123456"},
        {"+5352345678", "block country CU +5352345678"},
        {"+421905123456", "block list blacklist +421905123456 +421905123456"},
        {"+421905323344", "allow default +421905323344 (list feed would block)"},
        {"+420601123456", "allow default +420601123456"},
        {"1005", "block list blacklist raw:100"},
        {"1181", "block list blacklist"},
        {"1234", "allow internal"},
        {"not a number", "block invalid"},
        {"0905 1x2", "block invalid"},
        {"+8811234567", NULL},
    };
    struct tollgate_query query = TOLLGATE_QUERY_INIT;
    struct tollgate_verdict verdict, again;
    struct tollgate_gate *gate = test_open(test_file("everything.tgx"));
    char longest[4097];
    size_t i;

    for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        size_t length = strlen(calls[i].dialled);

        memset(&verdict, 0xaa, sizeof(verdict));
        memset(&again, 0x55, sizeof(again));
        CHECK_OK(tollgate_screen(gate, NULL, calls[i].dialled, length, &verdict));
        CHECK_OK(tollgate_screen_text(gate, &query, calls[i].dialled, &again));
        /* Every byte is written, whatever was there before. */
        CHECK(memcmp(&verdict, &again, sizeof(verdict)) == 0);
        if (calls[i].line != NULL)
            CHECK_TEXT(calls[i].line, test_line(&verdict));
        CHECK_TEXT("default", verdict.profile);
    }

    verdict = test_screen(gate, "0037126123499");
    CHECK(verdict.action == TOLLGATE_BLOCK && verdict.reason == TOLLGATE_REASON_LIST);
    CHECK(verdict.rule == TOLLGATE_RULE_PREFIX && verdict.number_type == TOLLGATE_TYPE_MOBILE);
    CHECK(verdict.matched == 4 && verdict.would_block == 0);
    CHECK_TEXT("LV", verdict.region);
    CHECK_TEXT("+37126123499", verdict.number);
    CHECK_TEXT("blacklist", verdict.list);
    CHECK_TEXT("", verdict.shadow);
    CHECK_TEXT("+3712*", verdict.rule_text);
    verdict = test_screen(gate, "+421905323344");
    CHECK(verdict.would_block == 1 && verdict.action == TOLLGATE_ALLOW);
    CHECK_TEXT("feed", verdict.shadow);
    CHECK_TEXT("", verdict.list);
    verdict = test_screen(gate, "+883510001234567");
    CHECK_TEXT("001", verdict.region);
    verdict = test_screen(gate, "112");
    CHECK_TEXT("", verdict.number);
    verdict = test_screen(gate, "");
    CHECK(verdict.reason == TOLLGATE_REASON_ANONYMOUS);

    /* The length counts, not a NUL. */
    CHECK_OK(tollgate_screen(gate, NULL, "0900123456xxxx", 10, &verdict));
    CHECK_TEXT("+421900123456", verdict.number);
    CHECK_OK(tollgate_screen(gate, NULL, "0900123456\0001", 12, &verdict));
    CHECK(verdict.reason == TOLLGATE_REASON_INVALID);
    CHECK_OK(tollgate_screen(gate, NULL, NULL, 0, &verdict));
    CHECK(verdict.reason == TOLLGATE_REASON_ANONYMOUS);

    /* Other profiles, directions and regions. */
    query.profile = "tenant-7";
    CHECK_OK(tollgate_screen_text(gate, &query, "+4930200123", &verdict));
    CHECK_TEXT("block country DE +4930200123", test_line(&verdict));
    CHECK_TEXT("tenant-7", verdict.profile);
    CHECK_OK(tollgate_check_query(gate, &query));
    query.profile = NULL;
    query.direction = TOLLGATE_INBOUND;
    CHECK_OK(tollgate_screen_text(gate, &query, "anonymous", &verdict));
    CHECK_TEXT("block anonymous", test_line(&verdict));
    CHECK_OK(tollgate_screen_text(gate, &query, "+5352345678", &verdict));
    CHECK(verdict.action == TOLLGATE_ALLOW);
    query.direction = TOLLGATE_OUTBOUND;
    query.home = "us";
    CHECK_OK(tollgate_screen_text(gate, &query, "911", &verdict));
    CHECK(verdict.reason == TOLLGATE_REASON_EMERGENCY);
    CHECK_OK(tollgate_screen_text(gate, &query, "011 44 20 7946 0018", &verdict));
    CHECK_TEXT("+442079460018", verdict.number);

    /* What the index does not have leaves the verdict as it was. */
    query.home = NULL;
    query.profile = "tenant-8";
    memset(&verdict, 0x5a, sizeof(verdict));
    again = verdict;
    CHECK_STATUS(TOLLGATE_UNKNOWN_PROFILE, tollgate_screen_text(gate, &query, "112", &verdict));
    CHECK(strstr(tollgate_last_error(), "tenant-8") != NULL);
    CHECK_STATUS(TOLLGATE_UNKNOWN_PROFILE, tollgate_check_query(gate, &query));
    query.profile = NULL;
    query.home = "XQ";
    CHECK_STATUS(TOLLGATE_UNKNOWN_REGION, tollgate_screen_text(gate, &query, "112", &verdict));
    CHECK(memcmp(&verdict, &again, sizeof(verdict)) == 0);

    /* Long texts: never a number, never a wait. */
    memset(longest, '1', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    verdict = test_screen(gate, longest);
    CHECK(verdict.action == TOLLGATE_BLOCK);
    tollgate_close(gate);
    return 0;
}
