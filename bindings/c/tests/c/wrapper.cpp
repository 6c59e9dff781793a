// The C++ wrapper: owners, results, observers.
#include "tollgate.hpp"

#include "test.h"

#include <type_traits>

static_assert(!std::is_copy_constructible_v<tollgate::Gate>);
static_assert(std::is_nothrow_move_constructible_v<tollgate::Gate>);
static_assert(std::is_trivially_copyable_v<tollgate::Verdict>);
static_assert(sizeof(tollgate::Verdict) == sizeof(tollgate_verdict));

struct Log : tollgate::Observer {
    int calls = 0, swaps = 0, refusals = 0;
    std::string last;

    void blocked(std::string_view dialled, const tollgate::Verdict &verdict) noexcept override
    {
        calls++;
        last = std::string(dialled) + " " + verdict.line();
    }
    void would_block(std::string_view, const tollgate::Verdict &verdict) noexcept override
    {
        last = tollgate::text(verdict.shadow);
    }
    void swapped(const tollgate_swap &) noexcept override { swaps++; }
    void refused(tollgate_status status, std::string_view message) noexcept override
    {
        CHECK(status == TOLLGATE_INDEX_SHRUNKEN && !message.empty());
        refusals++;
    }
};

int main()
{
    Log log;
    tollgate::Options options;
    options.observer = &log;
    const char *path = test_scratch("wrapper.tgx");
    test_copy(test_file("everything.tgx"), path);

    auto none = tollgate::Gate::open(std::string(test_scratch("nowhere.tgx")));
    CHECK(!none && none.error().status == TOLLGATE_IO && none.error().message.find("nowhere") != std::string::npos);

    auto opened = tollgate::Gate::open(path, options);
    CHECK(opened);
    tollgate::Gate gate = *std::move(opened); // and the gate moves with it
    auto verdict = gate.screen("0037126123499");
    CHECK(verdict && verdict->is_blocked() && tollgate::text(verdict->number) == "+37126123499");
    CHECK(verdict->reason_text() == "list" && verdict->type_text() == "mobile" && verdict->action_text() == "block");
    CHECK(log.calls == 1 && log.last == "0037126123499 block list blacklist +3712* +37126123499");
    verdict = gate.screen("+421905323344");
    CHECK(verdict && !verdict->is_blocked() && log.last == "feed");
    CHECK(gate.screen(std::string_view("112\0", 3))->reason == TOLLGATE_REASON_EMERGENCY);

    tollgate::Query query;
    query.profile = "tenant-7";
    verdict = gate.screen(query, "+4930200123");
    CHECK(verdict && tollgate::text(verdict->rule_text) == "DE" && gate.check(query));
    query.profile = "nobody";
    verdict = gate.screen(query, "112");
    CHECK(!verdict && verdict.error().status == TOLLGATE_UNKNOWN_PROFILE && !gate.check(query));
    CHECK(gate.check(query).error().status == TOLLGATE_UNKNOWN_PROFILE);

    // Found in review: a name with a NUL in it was read up to there, and "tenant-7" judged.
    const std::string cut("tenant-7\0x", 10);
    query.profile = cut;
    verdict = gate.screen(query, "112");
    CHECK(!verdict && verdict.error().status == TOLLGATE_UNKNOWN_PROFILE && !gate.check(query));
    CHECK(gate.explain(query, "112").error().status == TOLLGATE_UNKNOWN_PROFILE);
    query = {};
    query.home = std::string("SK\0x", 4);
    CHECK(gate.screen(query, "112").error().status == TOLLGATE_UNKNOWN_REGION);
    CHECK(tollgate::Gate::open(std::string(path) + '\0').error().status == TOLLGATE_INVALID_ARGUMENT);
    query = {};
    query.direction = TOLLGATE_INBOUND;
    CHECK(gate.screen(query, "anonymous")->is_blocked());
    auto why = gate.explain(query, "anonymous");
    CHECK(why && why->find("block anonymous") != std::string::npos);
    CHECK(gate.explain({}, "112", TOLLGATE_JSON)->front() == '{');

    auto lists = gate.lists();
    CHECK(lists && lists->size() == 3 && tollgate::text(lists->at(1).name) == "blacklist");
    auto profiles = gate.profiles();
    CHECK(profiles && profiles->size() == 2);
    // Found in review: this went over a vector that was gone.
    std::string names;
    for (const auto &list : *gate.lists())
        names += std::string(tollgate::text(list.name)) + ' ';
    for (const auto &profile : *gate.profiles())
        names += std::string(tollgate::text(profile.text)) + ' ';
    CHECK(names == "partners blacklist feed default tenant-7 ");

    // Asked without consequences.
    query = {};
    query.counted = false;
    CHECK(gate.screen(query, "0037126123499")->is_blocked() && log.calls == 3);
    const auto many = gate.screen_many(query, {"112", "0037126123499", {}, "+421905323344"});
    CHECK(many && many->size() == 4 && !many->at(0).is_blocked() && many->at(1).is_blocked());
    CHECK(many->at(3).would_block() && gate.screen_many(query, {})->empty());
    CHECK(gate.stats()->blocked_total == 3 && tollgate::text(gate.info()->policy) == "everything");

    test_copy(test_file("smaller.tgx"), path);
    auto swap = gate.reload();
    CHECK(!swap && swap.error().status == TOLLGATE_INDEX_SHRUNKEN && log.refusals == 1);
    swap = gate.reload_within(100);
    CHECK(swap && swap->changed && log.swaps == 1);
    CHECK(gate.rollback());
    CHECK(gate.watch() && gate.unwatch());

    size_t length;
    unsigned char *bytes = test_read(path, &length);
    auto memory = tollgate::Gate::open_memory(bytes, length);
    CHECK(memory && memory->watch().error().status == TOLLGATE_NO_FILE);
    tollgate::Options demanding;
    demanding.required_profiles = {"default", "tenant-8"};
    CHECK(tollgate::Gate::open_memory(bytes, length, demanding).error().status == TOLLGATE_MISSING_PROFILE);
    demanding.required_profiles = {cut};
    CHECK(tollgate::Gate::open_memory(bytes, length, demanding).error().status == TOLLGATE_INVALID_ARGUMENT);
    free(bytes);
    return 0;
}
