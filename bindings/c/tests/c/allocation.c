/* A call allocates nothing: counted, not believed. The program's own malloc counts for glibc's. */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static atomic_long allocations;

void *malloc(size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_realloc(old, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    *out = __libc_memalign(alignment, size);
    return *out == NULL ? 12 : 0;
}

static void screen_all(struct tollgate_gate *gate)
{
    static const char *calls[] = {"112", "0037126123499", "+37167000001", "+421905323344", "0900 123 456",
                                  "sip:+49-30-123456@example.org;user=phone", "anonymous", "1181", "1005",
                                  "not a number at all", "+8811234567"};
    struct tollgate_query query = TOLLGATE_QUERY_INIT;
    struct tollgate_verdict verdict, verdicts[sizeof(calls) / sizeof(calls[0])];
    struct tollgate_text texts[sizeof(calls) / sizeof(calls[0])];
    char line[256];
    size_t i;
    long before;
    int direction;

    CHECK_OK(tollgate_prepare_thread(gate));
    before = atomic_load(&allocations);
    for (direction = 0; direction < 2; direction++) {
        for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
            CHECK_OK(tollgate_screen_text(gate, NULL, calls[i], &verdict));
            query.direction = direction;
            query.profile = "tenant-7";
            query.home = "DE";
            CHECK_OK(tollgate_screen(gate, &query, calls[i], strlen(calls[i]), &verdict));
            tollgate_verdict_text(&verdict, line, sizeof(line));
        }
    }
    for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        texts[i].bytes = calls[i];
        texts[i].length = strlen(calls[i]);
    }
    CHECK_OK(tollgate_screen_many(gate, &query, texts, i, verdicts));
    query.flags = TOLLGATE_UNCOUNTED;
    CHECK_OK(tollgate_screen_many(gate, &query, texts, i, verdicts));
    /* Nor does a failure that is the caller's. */
    if (tollgate_screen(gate, NULL, NULL, 1, &verdict) != TOLLGATE_INVALID_ARGUMENT)
        FAIL("NULL was taken");
    if (atomic_load(&allocations) != before)
        FAIL("%ld allocations", atomic_load(&allocations) - before);
}

static void *other_thread(void *gate)
{
    screen_all(gate);
    return NULL;
}

int main(void)
{
    struct tollgate_gate *gate = test_open(test_file("everything.tgx"));
    pthread_t thread;

    if (atomic_load(&allocations) == 0)
        FAIL("the count does not count");
    screen_all(gate);
    CHECK(pthread_create(&thread, NULL, other_thread, gate) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    tollgate_close(gate);
    return 0;
}
