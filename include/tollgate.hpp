// libtollgate for C++17: the functions of tollgate.h with owners, texts and results.
//
// Nothing here throws but std::bad_alloc, where C++ finds no memory for a text or a vector: a call that can
// fail returns a Result, which is an answer or an Error. What holds for threads,
// lifetimes and forks stands in tollgate.h; a Gate is moved, not copied.
//
//     auto gate = tollgate::Gate::open("policy.tgx");
//     if (!gate) { std::cerr << gate.error().message << '\n'; return 1; }
//     auto verdict = gate->screen("0037126123456");
//     if (verdict && verdict->is_blocked()) ...
//
// Licensed under MIT or Apache-2.0, at your option.
#ifndef TOLLGATE_HPP
#define TOLLGATE_HPP

#include "tollgate.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace tollgate {

/// Why a call failed, and what to do.
struct Error {
    tollgate_status status;
    std::string message;

    /// What the thread's last call said.
    static Error last(tollgate_status status) { return Error{status, ::tollgate_last_error()}; }
};

/// An answer, or why there is none. To take what is not there is undefined: ask first.
///
/// Of a result that is on its way out, `*` and `error()` give the value itself and no reference into it, so that
/// `for (const auto &list : *gate.lists())` goes over a vector that lives.
template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const noexcept { return content_.index() == 0; }
    T &operator*() & noexcept { return *std::get_if<0>(&content_); }
    const T &operator*() const & noexcept { return *std::get_if<0>(&content_); }
    T operator*() && noexcept(std::is_nothrow_move_constructible_v<T>) { return std::move(*std::get_if<0>(&content_)); }
    T *operator->() noexcept { return std::get_if<0>(&content_); }
    const T *operator->() const noexcept { return std::get_if<0>(&content_); }
    const Error &error() const & noexcept { return *std::get_if<1>(&content_); }
    Error error() && { return std::move(*std::get_if<1>(&content_)); }

private:
    std::variant<T, Error> content_;
};

/// Done, or why not.
template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}

    explicit operator bool() const noexcept { return !error_; }
    const Error &error() const & noexcept { return *error_; }
    Error error() && { return *std::move(error_); }

private:
    std::optional<Error> error_;
};

/// A text in a struct, up to its NUL.
template <std::size_t N>
std::string_view text(const char (&array)[N]) noexcept
{
    const void *end = std::memchr(array, 0, N);
    return {array, end ? static_cast<std::size_t>(static_cast<const char *>(end) - array) : N};
}

/// The answer: tollgate_verdict with its texts at hand.
struct Verdict : tollgate_verdict {
    bool is_blocked() const noexcept { return action != TOLLGATE_ALLOW; }
    std::string_view action_text() const noexcept { return ::tollgate_action_text(action); }
    std::string_view reason_text() const noexcept { return ::tollgate_reason_text(reason); }
    std::string_view type_text() const noexcept { return ::tollgate_number_type_text(number_type); }

    /// One line for a log.
    std::string line() const
    {
        char line[256];
        ::tollgate_verdict_text(this, line, sizeof line);
        return line;
    }
};

/// What to ask beside the number.
struct Query {
    std::optional<std::string> profile = std::nullopt;
    std::optional<std::string> home = std::nullopt;
    tollgate_direction direction = TOLLGATE_OUTBOUND;
    /// False: to ask without consequences, as a console does.
    bool counted = true;
};

/// Told of what a gate does: see tollgate_observer for threads and what may be called. It has to live
/// until the gate is closed.
class Observer {
public:
    virtual ~Observer() = default;
    virtual void blocked(std::string_view /*dialled*/, const Verdict &) noexcept {}
    virtual void would_block(std::string_view /*dialled*/, const Verdict &) noexcept {}
    virtual void swapped(const tollgate_swap &) noexcept {}
    virtual void refused(tollgate_status, std::string_view /*message*/) noexcept {}
};

/// How a gate is opened.
struct Options {
    Observer *observer = nullptr;
    std::uint32_t max_loss_percent = 0;
    bool mapped = false;
    /// Profiles without which no index is taken.
    std::vector<std::string> required_profiles = {};
};

/// The live handle on an index.
class Gate {
public:
    /// Opens an index file; nullptr is the default index.
    static Result<Gate> open(const char *path, const Options &options = {})
    {
        return made([&](const tollgate_options *o, tollgate_gate **gate) { return ::tollgate_open(path, o, gate); },
                    options);
    }
    static Result<Gate> open(const std::string &path, const Options &options = {})
    {
        if (has_nul(path))
            return Error{TOLLGATE_INVALID_ARGUMENT, "the path has a NUL in it: name a file"};
        return open(path.c_str(), options);
    }
    /// Opens an index in memory, which is copied.
    static Result<Gate> open_memory(const void *bytes, std::size_t length, const Options &options = {})
    {
        return made(
            [&](const tollgate_options *o, tollgate_gate **gate) {
                return ::tollgate_open_memory(static_cast<const std::uint8_t *>(bytes), length, o, gate);
            },
            options);
    }

    /// Screens a dialled text with the default profile, outbound.
    Result<Verdict> screen(std::string_view dialled) const { return screened(nullptr, dialled); }
    Result<Verdict> screen(const Query &query, std::string_view dialled) const
    {
        if (auto error = unknown(query))
            return *std::move(error);
        const tollgate_query q = of(query);
        return screened(&q, dialled);
    }
    /// Screens many dialled texts by one index; the verdicts are in their order.
    Result<std::vector<Verdict>> screen_many(const Query &query, const std::vector<std::string_view> &dialled) const
    {
        if (auto error = unknown(query))
            return *std::move(error);
        const tollgate_query q = of(query);
        std::vector<tollgate_text> texts;
        texts.reserve(dialled.size());
        for (const auto text : dialled)
            texts.push_back({text.data(), text.size()});
        std::vector<tollgate_verdict> verdicts(dialled.size());
        const auto status =
            ::tollgate_screen_many(gate_.get(), &q, texts.data(), texts.size(), verdicts.data());
        if (status != TOLLGATE_OK)
            return Error::last(status);
        std::vector<Verdict> result;
        result.reserve(verdicts.size());
        for (const auto &verdict : verdicts)
            result.push_back(Verdict{verdict});
        return result;
    }
    Result<std::string> explain(const Query &query, std::string_view dialled,
                                tollgate_format format = TOLLGATE_TEXT) const
    {
        if (auto error = unknown(query))
            return *std::move(error);
        const tollgate_query q = of(query);
        char *text = nullptr;
        const auto status = ::tollgate_explain(gate_.get(), &q, dialled.data(), dialled.size(), format, &text);
        if (status != TOLLGATE_OK)
            return Error::last(status);
        const std::unique_ptr<char, FreeString> owner(text);
        return std::string(text);
    }
    /// Whether the index knows what a query names.
    Result<void> check(const Query &query) const
    {
        if (auto error = unknown(query))
            return *std::move(error);
        const tollgate_query q = of(query);
        return done(::tollgate_check_query(gate_.get(), &q));
    }

    Result<tollgate_swap> reload() const { return filled<tollgate_swap>(::tollgate_reload); }
    Result<tollgate_swap> reload_within(std::uint32_t max_loss_percent) const
    {
        return filled<tollgate_swap>([=](const tollgate_gate *gate, tollgate_swap *swap) {
            return ::tollgate_reload_within(gate, max_loss_percent, swap);
        });
    }
    Result<tollgate_swap> rollback() const { return filled<tollgate_swap>(::tollgate_rollback); }
    Result<tollgate_stats> stats() const { return filled<tollgate_stats>(::tollgate_get_stats); }
    Result<tollgate_info> info() const { return filled<tollgate_info>(::tollgate_get_info); }
    Result<std::vector<tollgate_list>> lists() const { return all<tollgate_list>(::tollgate_get_lists); }
    Result<std::vector<tollgate_name>> profiles() const { return all<tollgate_name>(::tollgate_get_profiles); }

    Result<void> watch(std::uint32_t interval_ms = 0) const
    {
        return done(::tollgate_watch(gate_.get(), interval_ms));
    }
    Result<void> unwatch() const { return done(::tollgate_unwatch(gate_.get())); }

    /// For functions of tollgate.h.
    const tollgate_gate *get() const noexcept { return gate_.get(); }

private:
    struct Close {
        void operator()(tollgate_gate *gate) const noexcept { ::tollgate_close(gate); }
    };
    struct FreeString {
        void operator()(char *text) const noexcept { ::tollgate_string_free(text); }
    };

    explicit Gate(tollgate_gate *gate) noexcept : gate_(gate) {}

    template <class Open>
    static Result<Gate> made(Open open, const Options &options)
    {
        tollgate_observer observer = TOLLGATE_OBSERVER_INIT;
        tollgate_options o = TOLLGATE_OPTIONS_INIT;
        if (options.observer) {
            observer.user_data = options.observer;
            observer.blocked = [](void *user, const char *dialled, std::size_t length, const tollgate_verdict *v) {
                static_cast<Observer *>(user)->blocked({dialled, length}, Verdict{*v});
            };
            observer.would_block = [](void *user, const char *dialled, std::size_t length,
                                      const tollgate_verdict *v) {
                static_cast<Observer *>(user)->would_block({dialled, length}, Verdict{*v});
            };
            observer.swapped = [](void *user, const tollgate_swap *swap) {
                static_cast<Observer *>(user)->swapped(*swap);
            };
            observer.refused = [](void *user, std::int32_t status, const char *message) {
                static_cast<Observer *>(user)->refused(static_cast<tollgate_status>(status), message);
            };
            o.observer = &observer;
        }
        std::vector<const char *> required;
        for (const std::string &name : options.required_profiles) {
            if (has_nul(name))
                return Error{TOLLGATE_INVALID_ARGUMENT, "a required profile has a NUL in it, which no name has"};
            required.push_back(name.c_str());
        }
        required.push_back(nullptr);
        o.required_profiles = required.data();
        o.max_loss_percent = options.max_loss_percent;
        o.mapped = options.mapped ? 1 : 0;
        tollgate_gate *gate = nullptr;
        const auto status = open(&o, &gate);
        if (status != TOLLGATE_OK)
            return Error::last(status);
        return Gate(gate);
    }

    static tollgate_query of(const Query &query) noexcept
    {
        tollgate_query q = TOLLGATE_QUERY_INIT;
        q.profile = query.profile ? query.profile->c_str() : nullptr;
        q.home = query.home ? query.home->c_str() : nullptr;
        q.direction = query.direction;
        q.flags = query.counted ? 0 : TOLLGATE_UNCOUNTED;
        return q;
    }

    static bool has_nul(const std::string &text) noexcept { return text.find('\0') != std::string::npos; }

    /// A name with a NUL in it is no name of the index's; C would read it up to there, and another tenant's rules
    /// would hold.
    static std::optional<Error> unknown(const Query &query)
    {
        if (query.profile && has_nul(*query.profile))
            return Error{TOLLGATE_UNKNOWN_PROFILE, "the profile has a NUL in it, which no name has"};
        if (query.home && has_nul(*query.home))
            return Error{TOLLGATE_UNKNOWN_REGION, "the region has a NUL in it, which no name has"};
        return std::nullopt;
    }

    Result<Verdict> screened(const tollgate_query *query, std::string_view dialled) const
    {
        Verdict verdict;
        const auto status = ::tollgate_screen(gate_.get(), query, dialled.data(), dialled.size(), &verdict);
        if (status != TOLLGATE_OK)
            return Error::last(status);
        return verdict;
    }

    static Result<void> done(tollgate_status status)
    {
        if (status == TOLLGATE_OK)
            return {};
        return Error::last(status);
    }

    template <class T, class Function>
    Result<T> filled(Function function) const
    {
        T value;
        const auto status = function(gate_.get(), &value);
        if (status != TOLLGATE_OK)
            return Error::last(status);
        return value;
    }

    template <class T, class Function>
    Result<std::vector<T>> all(Function function) const
    {
        std::vector<T> values;
        std::size_t count = 0;
        do { // an index that is swapped meanwhile may have more
            values.resize(count);
            const auto status = function(gate_.get(), values.data(), values.size(), &count);
            if (status != TOLLGATE_OK)
                return Error::last(status);
        } while (count > values.size());
        values.resize(count);
        return values;
    }

    std::unique_ptr<tollgate_gate, Close> gate_;
};

} // namespace tollgate

#endif
