/* Following a file: a new one is taken, a broken one is not, and the thread ends when it is told to. */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

static struct tollgate_gate *gate;
static atomic_int swaps, refusals, from_within;

static void pause_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

/* Waits until a counter has reached a number; a minute is more than any machine needs. */
static void wait_for(atomic_int *counter, int number)
{
    int i;

    for (i = 0; i < 6000 && atomic_load(counter) < number; i++)
        pause_ms(10);
    CHECK(atomic_load(counter) >= number);
}

static void swapped(void *user_data, const struct tollgate_swap *swap)
{
    sigset_t mask;

    CHECK(user_data == &swaps && swap->changed == 1);
    /* The program's signals are not for this thread. */
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0);
    CHECK(sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGCHLD) == 1 && sigismember(&mask, SIGSEGV) == 0);
    atomic_fetch_add(&swaps, 1);
}

static void refused(void *user_data, int32_t status, const char *message)
{
    CHECK(user_data == &swaps && status == TOLLGATE_NOT_AN_INDEX && message[0] != '\0');
    if (atomic_load(&from_within)) {
        CHECK_OK(tollgate_unwatch(gate));
        atomic_fetch_add(&refusals, 1);
        pause_ms(200);
        atomic_store(&from_within, 0);
        return;
    }
    atomic_fetch_add(&refusals, 1);
}

int main(void)
{
    struct tollgate_observer observer = TOLLGATE_OBSERVER_INIT;
    struct tollgate_options options = TOLLGATE_OPTIONS_INIT;
    const char *path = test_scratch("watch.tgx");
    sigset_t mask;
    int i;

    observer.user_data = &swaps;
    observer.swapped = swapped;
    observer.refused = refused;
    options.observer = &observer;
    options.max_loss_percent = 100;
    test_copy(test_file("everything.tgx"), path);
    CHECK_OK(tollgate_open(path, &options, &gate));
    memset(&observer, 0, sizeof(observer)); /* the gate has its own */
    CHECK_OK(tollgate_unwatch(gate));
    CHECK_OK(tollgate_watch(gate, 10));
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0 && sigismember(&mask, SIGTERM) == 0);
    test_copy(test_file("smaller.tgx"), path);
    wait_for(&swaps, 1);
    CHECK(test_screen(gate, "+37167000000").action == TOLLGATE_BLOCK);
    test_publish(path, (const unsigned char *)"no index", 8);
    wait_for(&refusals, 1);
    CHECK(test_screen(gate, "+37167000000").action == TOLLGATE_BLOCK);

    /* Another interval: one thread, not two, tells of the next file. */
    CHECK_OK(tollgate_watch(gate, 20));
    test_copy(test_file("everything.tgx"), path);
    wait_for(&swaps, 2);
    CHECK_OK(tollgate_unwatch(gate));
    test_copy(test_file("smaller.tgx"), path);
    pause_ms(100);
    CHECK(atomic_load(&swaps) == 2);

    /* An observer that ends the watch on the watching thread itself. */
    atomic_store(&from_within, 1);
    test_publish(path, (const unsigned char *)"no index", 8);
    CHECK_OK(tollgate_watch(gate, 10));
    wait_for(&refusals, 2);
    /* Who is not that thread waits until it has left the observer. */
    CHECK_OK(tollgate_unwatch(gate));
    CHECK(atomic_load(&from_within) == 0);

    /* On and off, and closed while it is on. */
    for (i = 0; i < 100; i++) {
        CHECK_OK(tollgate_watch(gate, 10));
        if (i % 2)
            CHECK_OK(tollgate_unwatch(gate));
    }
    CHECK_OK(tollgate_watch(gate, UINT32_MAX));
    tollgate_close(gate);
    return 0;
}
