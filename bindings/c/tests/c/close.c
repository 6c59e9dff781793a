/* Closed while an observer on the watching thread begins to watch anew. Found in review: the watch that it
 * began was not waited for, and its thread, and the observer itself, went on with a gate that was freed. */
#include "test.h"

#include <stdatomic.h>
#include <time.h>

#define ROUNDS 20

static struct tollgate_gate *gate;
static atomic_int entered, refused, closed;

static void pause_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

static void swapped(void *user_data, const struct tollgate_swap *swap)
{
    struct tollgate_stats stats;
    int i;

    (void)swap;
    CHECK(user_data == &entered && !atomic_load(&closed));
    atomic_fetch_add(&entered, 1);
    /* Again and again, until the program waits in tollgate_close; each time another thread takes over. */
    for (i = 0; i < 60000; i++) {
        tollgate_status status = tollgate_watch(gate, 10);

        if (status == TOLLGATE_INVALID_ARGUMENT)
            break;
        CHECK_OK(status);
        pause_ms(1);
    }
    CHECK(i < 60000);
    CHECK(strstr(tollgate_last_error(), "being closed") != NULL);
    /* The gate is there for as long as this observer runs. */
    CHECK_OK(tollgate_unwatch(gate));
    CHECK_OK(tollgate_get_stats(gate, &stats));
    CHECK(stats.swaps > 0);
    CHECK(test_screen(gate, "112").action == TOLLGATE_ALLOW);
    pause_ms(20);
    CHECK(test_screen(gate, "112").action == TOLLGATE_ALLOW && !atomic_load(&closed));
    atomic_fetch_add(&refused, 1);
}

int main(void)
{
    static const char *files[2] = {"everything.tgx", "smaller.tgx"};
    struct tollgate_observer observer = TOLLGATE_OBSERVER_INIT;
    struct tollgate_options options = TOLLGATE_OPTIONS_INIT;
    const char *path = test_scratch("close.tgx");
    int round, i;

    observer.user_data = &entered;
    observer.swapped = swapped;
    options.observer = &observer;
    options.max_loss_percent = 100;
    for (round = 0; round < ROUNDS; round++) {
        test_copy(test_file(files[0]), path);
        CHECK_OK(tollgate_open(path, &options, &gate));
        CHECK_OK(tollgate_watch(gate, 10));
        test_copy(test_file(files[1]), path);
        for (i = 0; i < 6000 && atomic_load(&entered) == 0; i++)
            pause_ms(10);
        CHECK(atomic_load(&entered) > 0);
        /* The thread that took over is to be told of something, too. */
        test_copy(test_file(files[0]), path);
        if (round % 2)
            pause_ms(30);
        tollgate_close(gate);
        atomic_store(&closed, 1);
        CHECK(atomic_load(&refused) == atomic_load(&entered));
        /* Nobody watches any more, and nobody is told. */
        test_copy(test_file(files[1]), path);
        pause_ms(30);
        CHECK(atomic_load(&refused) == atomic_load(&entered));
        atomic_store(&entered, 0);
        atomic_store(&refused, 0);
        atomic_store(&closed, 0);
    }
    return 0;
}
