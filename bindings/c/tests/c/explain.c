/* Explanations: text for people, JSON for programs, nothing in either that a terminal obeys. */
#include "test.h"

int main(void)
{
    struct tollgate_gate *gate = test_open(test_file("everything.tgx"));
    struct tollgate_query query = TOLLGATE_QUERY_INIT;
    struct tollgate_stats stats;
    char *text = NULL, *at;

    CHECK_OK(tollgate_explain(gate, NULL, "0037126123499", 13, TOLLGATE_TEXT, &text));
    CHECK(strstr(text, "list blacklist: +3712*") != NULL);
    CHECK(strstr(text, "decides") != NULL && strstr(text, "block list blacklist +37126123499") != NULL);
    tollgate_string_free(text);

    CHECK_OK(tollgate_explain(gate, NULL, "0037126123499", 13, TOLLGATE_JSON, &text));
    CHECK(strstr(text, "{\"input\":\"0037126123499\",\"e164\":\"+37126123499\",\"region\":\"LV\",\"type\":\"mobile\","
                       "\"action\":\"block\",\"reason\":\"list\",\"rule\":\"+3712*\",\"list\":\"blacklist\","
                       "\"matched\":4,\"profile\":\"default\",\"would_block\":false,\"steps\":[") == text);
    CHECK(strchr(text, '\n') == NULL && text[strlen(text) - 1] == '}');
    tollgate_string_free(text);

    /* The rule of a short number, which the verdict does not hold. */
    CHECK_OK(tollgate_explain(gate, NULL, "1181", 4, TOLLGATE_JSON, &text));
    CHECK(strstr(text, "\"rule\":\"1181\"") != NULL);
    tollgate_string_free(text);

    query.profile = "tenant-7";
    CHECK_OK(tollgate_explain(gate, &query, "+4930200123", 11, TOLLGATE_TEXT, &text));
    CHECK(strstr(text, "profile tenant-7") != NULL);
    tollgate_string_free(text);
    query.profile = "nobody";
    text = NULL;
    CHECK_STATUS(TOLLGATE_UNKNOWN_PROFILE, tollgate_explain(gate, &query, "1", 1, TOLLGATE_TEXT, &text));
    CHECK(text == NULL);

    /* What was dialled may be anybody's bytes. */
    CHECK_OK(tollgate_explain(gate, NULL, "1\r\nX: y\033[2J\0\xff\x7f", 14, TOLLGATE_TEXT, &text));
    for (at = text; *at != '\0'; at++)
        CHECK((unsigned char)*at >= 0x20 ? *at != 0x7f : *at == '\n');
    CHECK(strstr(text, "\\r\\nX: y") != NULL);
    tollgate_string_free(text);
    CHECK_OK(tollgate_explain(gate, NULL, "1\r\nX: y\033[2J\0\xff\x7f", 14, TOLLGATE_JSON, &text));
    for (at = text; *at != '\0'; at++)
        CHECK((unsigned char)*at >= 0x20 && *at != 0x7f);
    tollgate_string_free(text);

    /* Explaining is no call. */
    CHECK_OK(tollgate_get_stats(gate, &stats));
    CHECK(stats.allowed_total == 0 && stats.blocked_total == 0);
    tollgate_close(gate);
    return 0;
}
