/* The layout of ABI version 1 on 64-bit machines. It is compiled, not run: a struct that has changed
 * does not compile. A field that is new takes reserved space, of which nothing stands here, or, in a struct
 * that begins with its size, stands behind the others; it gets its line here, and no line is ever changed or
 * removed while the ABI version stays. tests/abi.rs sees to it that no field of the header is missing.
 */
#include "tollgate.h"

_Static_assert(TOLLGATE_ABI_VERSION == 1, "another ABI version has a folder of its own");

#define FIELD(object, field, offset, size)                                                      \
    _Static_assert(offsetof(struct object, field) == (offset) &&                                \
                       sizeof(((struct object *)0)->field) == (size),                           \
                   #object "." #field)

#if UINTPTR_MAX == UINT64_MAX

_Static_assert(sizeof(struct tollgate_verdict) == 288, "tollgate_verdict");
FIELD(tollgate_verdict, action, 0, 1);
FIELD(tollgate_verdict, reason, 1, 1);
FIELD(tollgate_verdict, rule, 2, 1);
FIELD(tollgate_verdict, number_type, 3, 1);
FIELD(tollgate_verdict, would_block, 4, 1);
FIELD(tollgate_verdict, matched, 5, 1);
FIELD(tollgate_verdict, region, 8, 4);
FIELD(tollgate_verdict, number, 12, 44);
FIELD(tollgate_verdict, list, 56, 48);
FIELD(tollgate_verdict, shadow, 104, 48);
FIELD(tollgate_verdict, profile, 152, 48);
FIELD(tollgate_verdict, rule_text, 200, 72);

_Static_assert(sizeof(struct tollgate_text) == 16, "tollgate_text");
FIELD(tollgate_text, bytes, 0, 8);
FIELD(tollgate_text, length, 8, 8);

_Static_assert(sizeof(struct tollgate_swap) == 64, "tollgate_swap");
FIELD(tollgate_swap, generation, 0, 8);
FIELD(tollgate_swap, entries_before, 8, 8);
FIELD(tollgate_swap, entries, 16, 8);
FIELD(tollgate_swap, changed, 24, 4);

_Static_assert(sizeof(struct tollgate_observer) >= 48, "tollgate_observer");
FIELD(tollgate_observer, size, 0, 8);
FIELD(tollgate_observer, user_data, 8, 8);
FIELD(tollgate_observer, blocked, 16, 8);
FIELD(tollgate_observer, would_block, 24, 8);
FIELD(tollgate_observer, swapped, 32, 8);
FIELD(tollgate_observer, refused, 40, 8);

_Static_assert(sizeof(struct tollgate_options) >= 32, "tollgate_options");
FIELD(tollgate_options, size, 0, 8);
FIELD(tollgate_options, observer, 8, 8);
FIELD(tollgate_options, required_profiles, 16, 8);
FIELD(tollgate_options, max_loss_percent, 24, 4);
FIELD(tollgate_options, mapped, 28, 4);

_Static_assert(sizeof(struct tollgate_query) >= 32, "tollgate_query");
FIELD(tollgate_query, size, 0, 8);
FIELD(tollgate_query, profile, 8, 8);
FIELD(tollgate_query, home, 16, 8);
FIELD(tollgate_query, direction, 24, 4);
FIELD(tollgate_query, flags, 28, 4);

_Static_assert(sizeof(struct tollgate_stats) == 1000, "tollgate_stats");
FIELD(tollgate_stats, allowed, 0, 192);
FIELD(tollgate_stats, blocked, 192, 192);
FIELD(tollgate_stats, allowed_total, 384, 8);
FIELD(tollgate_stats, blocked_total, 392, 8);
FIELD(tollgate_stats, would_block, 400, 8);
FIELD(tollgate_stats, swaps, 408, 8);
FIELD(tollgate_stats, refused, 416, 8);
FIELD(tollgate_stats, last_error, 488, 512);

_Static_assert(sizeof(struct tollgate_list) == 112, "tollgate_list");
FIELD(tollgate_list, name, 0, 48);
FIELD(tollgate_list, entries, 48, 8);
FIELD(tollgate_list, decided, 56, 8);
FIELD(tollgate_list, would_block, 64, 8);
FIELD(tollgate_list, action, 72, 4);

_Static_assert(sizeof(struct tollgate_info) == 624, "tollgate_info");
FIELD(tollgate_info, entries, 0, 8);
FIELD(tollgate_info, lists, 8, 8);
FIELD(tollgate_info, profiles, 16, 8);
FIELD(tollgate_info, sources, 24, 8);
FIELD(tollgate_info, bytes, 32, 8);
FIELD(tollgate_info, built, 40, 8);
FIELD(tollgate_info, generation, 48, 8);
FIELD(tollgate_info, format_version, 56, 4);
FIELD(tollgate_info, mapped, 60, 4);
FIELD(tollgate_info, policy, 64, 48);
FIELD(tollgate_info, plan_version, 112, 32);
FIELD(tollgate_info, home, 144, 4);
FIELD(tollgate_info, outside_line, 148, 4);
FIELD(tollgate_info, checksum, 152, 40);
FIELD(tollgate_info, builder, 192, 48);
FIELD(tollgate_info, by, 240, 96);
FIELD(tollgate_info, why, 336, 224);

_Static_assert(sizeof(struct tollgate_name) == 48, "tollgate_name");
FIELD(tollgate_name, text, 0, 48);

#endif

_Static_assert(sizeof(tollgate_status) == 4, "a status is an int32_t");
