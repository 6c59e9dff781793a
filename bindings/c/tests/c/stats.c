/* Counts, lists, profiles, and what an index was made of. */
#include "test.h"

int main(void)
{
    static const char *calls[] = {"112", "+37126123499", "+37126123457", "0900123456", "+421905323344", "+420601123456"};
    struct tollgate_gate *gate = test_open(test_file("everything.tgx"));
    struct tollgate_stats stats;
    struct tollgate_info info;
    struct tollgate_list lists[8];
    struct tollgate_name names[8];
    size_t count, i;
    uint64_t entries = 0;

    for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        test_screen(gate, calls[i]);
    memset(&stats, 0xaa, sizeof(stats));
    CHECK_OK(tollgate_get_stats(gate, &stats));
    CHECK(stats.allowed_total == 3 && stats.blocked_total == 3 && stats.would_block == 1);
    CHECK(stats.allowed[TOLLGATE_REASON_EMERGENCY] == 1 && stats.allowed[TOLLGATE_REASON_DEFAULT] == 2);
    CHECK(stats.blocked[TOLLGATE_REASON_LIST] == 2 && stats.blocked[TOLLGATE_REASON_TYPE] == 1);
    CHECK(stats.allowed[0] == 0 && stats.blocked[TOLLGATE_REASONS - 1] == 0 && stats.reserved_words[7] == 0);
    CHECK(stats.swaps == 0 && stats.refused == 0 && stats.last_error[0] == '\0');

    CHECK_OK(tollgate_get_lists(gate, NULL, 0, &count));
    CHECK(count == 3);
    memset(lists, 0xaa, sizeof(lists));
    CHECK_OK(tollgate_get_lists(gate, lists, 2, &count));
    CHECK(count == 3 && (unsigned char)lists[2].name[0] == 0xaa);
    CHECK_OK(tollgate_get_lists(gate, lists, 8, &count));
    CHECK_TEXT("partners", lists[0].name);
    CHECK_TEXT("blacklist", lists[1].name);
    CHECK_TEXT("feed", lists[2].name);
    CHECK(lists[0].action == TOLLGATE_LIST_ALLOW && lists[1].action == TOLLGATE_LIST_BLOCK);
    CHECK(lists[2].action == TOLLGATE_LIST_LOG && lists[1].decided == 2 && lists[2].would_block == 1);
    for (i = 0; i < count; i++)
        entries += lists[i].entries;

    CHECK_OK(tollgate_get_profiles(gate, NULL, 0, &count));
    CHECK(count == 2);
    CHECK_OK(tollgate_get_profiles(gate, names, 8, &count));
    CHECK_TEXT("default", names[0].text);
    CHECK_TEXT("tenant-7", names[1].text);

    memset(&info, 0xaa, sizeof(info));
    CHECK_OK(tollgate_get_info(gate, &info));
    CHECK(info.entries == entries && info.lists == 3 && info.profiles == 2 && info.sources > 1);
    CHECK(info.bytes > 100000 && info.format_version == 3 && info.mapped == 0 && info.generation == 0);
    CHECK_TEXT("everything", info.policy);
    CHECK_TEXT("SK", info.home);
    CHECK_TEXT("9", info.outside_line);
    CHECK(strlen(info.checksum) == 32 && strspn(info.checksum, "0123456789abcdef") == 32);
    CHECK(strchr(info.plan_version, '.') != NULL && info.builder[0] != '\0' && info.reserved_words[7] == 0);
    tollgate_close(gate);
    return 0;
}
