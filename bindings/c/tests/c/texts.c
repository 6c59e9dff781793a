/* Names of numbers, the line of a verdict, statuses, versions and the thread's last error. */
#include "test.h"

#include <pthread.h>

static void *other_thread(void *gate)
{
    struct tollgate_verdict verdict;

    CHECK_TEXT("", tollgate_last_error()); /* that of this thread */
    CHECK_STATUS(TOLLGATE_INVALID_ARGUMENT, tollgate_screen(gate, NULL, NULL, 1, &verdict));
    CHECK(strstr(tollgate_last_error(), "NULL") != NULL);
    return NULL;
}

int main(void)
{
    static const int32_t unknown[] = {-1, 99, 255, 256, INT32_MAX, INT32_MIN};
    struct tollgate_gate *gate = test_open(test_file("everything.tgx"));
    struct tollgate_verdict verdict;
    char line[300], before[1024];
    pthread_t thread;
    size_t length, i;
    int32_t status;

    CHECK_TEXT("allow", tollgate_action_text(TOLLGATE_ALLOW));
    CHECK_TEXT("block", tollgate_action_text(TOLLGATE_BLOCK));
    CHECK_TEXT("?", tollgate_action_text(0));
    CHECK_TEXT("emergency", tollgate_reason_text(TOLLGATE_REASON_EMERGENCY));
    CHECK_TEXT("internal", tollgate_reason_text(TOLLGATE_REASON_INTERNAL));
    CHECK_TEXT("prefix", tollgate_rule_text(TOLLGATE_RULE_PREFIX));
    CHECK_TEXT("unknown", tollgate_number_type_text(TOLLGATE_TYPE_UNKNOWN));
    CHECK_TEXT("fixed_line_or_mobile", tollgate_number_type_text(TOLLGATE_TYPE_FIXED_LINE_OR_MOBILE));
    CHECK_TEXT("inbound", tollgate_direction_text(TOLLGATE_INBOUND));
    CHECK_TEXT("log", tollgate_list_action_text(TOLLGATE_LIST_LOG));
    for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        CHECK_TEXT("?", tollgate_action_text(unknown[i]));
        CHECK_TEXT("?", tollgate_reason_text(unknown[i]));
        CHECK_TEXT("?", tollgate_rule_text(unknown[i]));
        CHECK_TEXT("?", tollgate_number_type_text(unknown[i]));
        CHECK_TEXT("?", tollgate_direction_text(unknown[i]));
        CHECK_TEXT("?", tollgate_list_action_text(unknown[i]));
        CHECK(strlen(tollgate_status_text(unknown[i])) > 10);
    }
    for (status = 0; status <= TOLLGATE_NO_DEFAULT_INDEX; status++)
        CHECK(strcmp(tollgate_status_text(status), tollgate_status_text(9999)) != 0);

    /* As snprintf: whole, cut, not at all. */
    verdict = test_screen(gate, "+37126123499");
    length = tollgate_verdict_text(&verdict, line, sizeof(line));
    CHECK_TEXT("block list blacklist +3712* +37126123499", line);
    CHECK(length == strlen(line));
    memset(line, 'x', sizeof(line));
    CHECK(tollgate_verdict_text(&verdict, line, 6) == length);
    CHECK_TEXT("block", line);
    CHECK(line[6] == 'x');
    CHECK(tollgate_verdict_text(&verdict, line, 1) == length && line[0] == '\0');
    CHECK(tollgate_verdict_text(&verdict, NULL, 0) == length);
    CHECK(tollgate_verdict_text(&verdict, NULL, 100) == length);
    line[0] = 'x';
    CHECK(tollgate_verdict_text(&verdict, line, 0) == length && line[0] == 'x');
    CHECK(tollgate_verdict_text(NULL, line, sizeof(line)) == 0 && line[0] == '\0');
    /* A struct that nobody wrote is no text that ends. */
    memset(&verdict, 0xff, sizeof(verdict));
    CHECK(tollgate_verdict_text(&verdict, line, sizeof(line)) > 0);
    CHECK(memchr(line, 0, sizeof(line)) != NULL);

    /* What a name brings with it breaks no line and turns none round: here a control character of two bytes, a
     * line's end of Unicode, and a mark that writes from right to left. */
    {
        struct tollgate_gate *none = NULL;

        CHECK_STATUS(TOLLGATE_IO, tollgate_open(test_scratch("a\xc2\x85" "b\xe2\x80\xa8" "c\xe2\x80\xae" "d"), NULL, &none));
        CHECK(strstr(tollgate_last_error(), "a?b?c?d") != NULL);
    }
    /* The last error is the thread's, stays over calls that succeed, and keeps its address. */
    CHECK_STATUS(TOLLGATE_IO, tollgate_open(test_scratch("new\nline\033[2J"), NULL, &gate));
    CHECK(strchr(tollgate_last_error(), '\n') == NULL && strchr(tollgate_last_error(), '\033') == NULL);
    snprintf(before, sizeof(before), "%s", tollgate_last_error());
    verdict = test_screen(gate, "112");
    CHECK_TEXT(before, tollgate_last_error());
    CHECK(pthread_create(&thread, NULL, other_thread, gate) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_TEXT(before, tollgate_last_error());

    CHECK_TEXT(TOLLGATE_VERSION, tollgate_version());
    CHECK(tollgate_abi_version() == TOLLGATE_ABI_VERSION);
    tollgate_close(gate);
    return 0;
}
