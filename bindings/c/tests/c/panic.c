/* A panic becomes a status, the gate goes on, and nothing is written to the program's standard error. Needs a
 * library with the feature `test-panic`. */
#include "test.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern tollgate_status tollgate_test_panic(void);
extern void tollgate_test_panic_when_told(void);

static atomic_int swaps;

static void swapped(void *user_data, const struct tollgate_swap *swap)
{
    (void)user_data;
    (void)swap;
    atomic_fetch_add(&swaps, 1);
}

static void panic_and_go_on(struct tollgate_gate *gate)
{
    int i;

    for (i = 0; i < 100; i++) {
        CHECK_STATUS(TOLLGATE_PANIC, tollgate_test_panic());
        CHECK(strstr(tollgate_last_error(), "a panic on purpose at ") != NULL);
        CHECK(strstr(tollgate_last_error(), "panic.rs:") != NULL);
        CHECK(test_screen(gate, "0037126123499").action == TOLLGATE_BLOCK);
    }
}

/* On the watching thread nobody is there to be given a status. Found in review: it ended, and the file was
 * followed no longer, without a word. */
static void panic_on_the_watching_thread(void)
{
    struct tollgate_observer observer = TOLLGATE_OBSERVER_INIT;
    struct tollgate_options options = TOLLGATE_OPTIONS_INIT;
    const char *path = test_scratch("panic.tgx");
    struct timespec pause = {0, 10000000};
    struct tollgate_gate *gate;
    struct tollgate_stats stats;
    int i;

    atomic_store(&swaps, 0);
    observer.swapped = swapped;
    options.observer = &observer;
    options.max_loss_percent = 100;
    test_copy(test_file("everything.tgx"), path);
    CHECK_OK(tollgate_open(path, &options, &gate));
    CHECK_OK(tollgate_watch(gate, 10));
    tollgate_test_panic_when_told();
    test_copy(test_file("smaller.tgx"), path);
    for (i = 0; i < 6000; i++) {
        CHECK_OK(tollgate_get_stats(gate, &stats));
        if (stats.last_error[0] != '\0')
            break;
        nanosleep(&pause, NULL);
    }
    CHECK(strstr(stats.last_error, "told on purpose") != NULL);
    CHECK(stats.swaps == 1 && atomic_load(&swaps) == 0);
    test_copy(test_file("everything.tgx"), path);
    for (i = 0; i < 6000 && atomic_load(&swaps) == 0; i++)
        nanosleep(&pause, NULL);
    CHECK(atomic_load(&swaps) == 1);
    tollgate_close(gate);
}

int main(void)
{
    struct tollgate_gate *gate = test_open(test_file("everything.tgx"));
    struct stat status;
    int ends[2], file, before = dup(STDERR_FILENO);

    /* A pipe that nobody reads: who writes to it is ended by SIGPIPE. */
    CHECK(before >= 0 && pipe(ends) == 0 && close(ends[0]) == 0);
    CHECK(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO && close(ends[1]) == 0);
    panic_and_go_on(gate);
    panic_on_the_watching_thread();

    /* Closed, as by a daemon, and so given to the next file that is opened: call records, say. */
    CHECK(close(STDERR_FILENO) == 0);
    file = open(test_scratch("records"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(file == STDERR_FILENO);
    panic_and_go_on(gate);
    panic_on_the_watching_thread();
    CHECK(fstat(file, &status) == 0 && dup2(before, STDERR_FILENO) == STDERR_FILENO);
    CHECK(status.st_size == 0);
    tollgate_close(gate);
    close(before);
    return 0;
}
