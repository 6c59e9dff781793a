/* A thread that is cancelled while it is in the library is cancelled behind it. Found in review: it was
 * cancelled where the library reads a file, Rust's frames cannot be unwound so, and the process ended. */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

static struct tollgate_gate *gate;
static const char *path;
static atomic_int told, done;

/* What an observer does may be a place at which threads are cancelled: not this one, not now. */
static void told_of(void)
{
    struct timespec pause = {0, 1000000};

    pthread_testcancel();
    nanosleep(&pause, NULL);
    atomic_fetch_add(&told, 1);
}

static void blocked(void *user_data, const char *dialled, size_t length, const struct tollgate_verdict *verdict)
{
    (void)user_data;
    (void)dialled;
    (void)length;
    (void)verdict;
    told_of();
}

static void swapped(void *user_data, const struct tollgate_swap *swap)
{
    (void)user_data;
    (void)swap;
    told_of();
}

static void *calls(void *unused)
{
    struct tollgate_gate *second = NULL;
    struct tollgate_verdict verdict;
    int state;

    (void)unused;
    /* From here on, the next place at which this thread can be cancelled ends it. */
    CHECK(pthread_cancel(pthread_self()) == 0);
    CHECK_OK(tollgate_screen(gate, NULL, "+420601123456", 13, &verdict));
    CHECK(verdict.action == TOLLGATE_ALLOW);
    CHECK_OK(tollgate_screen(gate, NULL, "0900123456", 10, &verdict));
    CHECK(verdict.action == TOLLGATE_BLOCK && atomic_load(&told) == 1);
    CHECK_OK(tollgate_reload_within(gate, 100, NULL));
    CHECK(atomic_load(&told) == 2);
    CHECK_OK(tollgate_rollback(gate, NULL));
    CHECK(atomic_load(&told) == 3);
    CHECK_OK(tollgate_watch(gate, 10));
    CHECK_OK(tollgate_unwatch(gate));
    CHECK_OK(tollgate_open(path, NULL, &second));
    CHECK_OK(tollgate_watch(second, 10));
    tollgate_close(second);
    CHECK(tollgate_default_index() != NULL);
    /* It is as it was: to be cancelled. */
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state) == 0 && state == PTHREAD_CANCEL_ENABLE);
    atomic_store(&done, 1);
    CHECK(pthread_setcancelstate(state, NULL) == 0);
    pthread_testcancel();
    FAIL("the thread was not cancelled at all");
    return NULL;
}

int main(void)
{
    struct tollgate_observer observer = TOLLGATE_OBSERVER_INIT;
    struct tollgate_options options = TOLLGATE_OPTIONS_INIT;
    char name[1024];
    pthread_t thread;
    void *result = NULL;

    snprintf(name, sizeof(name), "%s", test_scratch("cancel.tgx"));
    path = name;
    observer.blocked = blocked;
    observer.swapped = swapped;
    options.observer = &observer;
    test_copy(test_file("everything.tgx"), path);
    CHECK_OK(tollgate_open(path, &options, &gate));
    test_copy(test_file("smaller.tgx"), path);
    CHECK(pthread_create(&thread, NULL, calls, NULL) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED && atomic_load(&done) == 1);
    /* And the gate goes on. */
    CHECK(test_screen(gate, "+37167000000").action == TOLLGATE_ALLOW);
    tollgate_close(gate);
    return 0;
}
