/* Opened before fork: children screen, reload, go back and close, and the parent goes on. Also where
 * the parent watches the file, with a thread that no child has. */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 4

static void child(struct tollgate_gate *gate, int n)
{
    struct tollgate_swap swap;

    CHECK(test_screen(gate, "+37167000000").action == TOLLGATE_ALLOW);
    CHECK_OK(tollgate_reload_within(gate, 100, &swap));
    CHECK(swap.changed == 1);
    CHECK(test_screen(gate, "+37167000000").action == TOLLGATE_BLOCK);
    CHECK_OK(tollgate_rollback(gate, NULL));
    CHECK(test_screen(gate, "+37167000000").action == TOLLGATE_ALLOW);
    if (n % 2)
        CHECK_OK(tollgate_watch(gate, 10));
    if (n == 2)
        CHECK_OK(tollgate_unwatch(gate));
    tollgate_close(gate);
    exit(0);
}

static void fork_children(struct tollgate_gate *gate)
{
    pid_t children[CHILDREN];
    int n, status;

    fflush(NULL);
    for (n = 0; n < CHILDREN; n++) {
        children[n] = fork();
        CHECK(children[n] >= 0);
        if (children[n] == 0)
            child(gate, n);
    }
    for (n = 0; n < CHILDREN; n++) {
        CHECK(waitpid(children[n], &status, 0) == children[n]);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

static atomic_int is_enough;

static void *watch_again(void *gate)
{
    while (!atomic_load(&is_enough))
        CHECK_OK(tollgate_watch(gate, 1000));
    return NULL;
}

/* Found in review: a child waited for ever in tollgate_close, for a lock that another thread of the parent, in
 * tollgate_watch at the moment of the fork, had taken with it. */
static void fork_while_another_thread_begins_to_watch(void)
{
    struct tollgate_gate *gate = test_open(test_file("everything.tgx"));
    pthread_t thread;
    int n, status;

    CHECK(pthread_create(&thread, NULL, watch_again, gate) == 0);
    fflush(NULL);
    for (n = 0; n < 100; n++) {
        pid_t child = fork();

        CHECK(child >= 0);
        if (child == 0) {
            alarm(5);
            tollgate_close(gate);
            _exit(0);
        }
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    atomic_store(&is_enough, 1);
    CHECK(pthread_join(thread, NULL) == 0);
    tollgate_close(gate);
}

int main(void)
{
    const char *path = test_scratch("fork.tgx");
    struct tollgate_gate *gate;
    struct tollgate_stats stats;

    test_copy(test_file("everything.tgx"), path);
    gate = test_open(path);
    test_copy(test_file("smaller.tgx"), path);
    fork_children(gate);
    CHECK_OK(tollgate_get_stats(gate, &stats));
    CHECK(stats.swaps == 0); /* what children do is theirs */
    if (getenv("TOLLGATE_TEST_NO_LOST_THREADS") == NULL) {
        /* At the next look there is nothing to do for the watcher until the file changes again: half of
         * the entries are gone, which is refused. */
        CHECK_OK(tollgate_watch(gate, 60000));
        fork_children(gate);
        fork_while_another_thread_begins_to_watch();
    }
    CHECK(test_screen(gate, "+37167000000").action == TOLLGATE_ALLOW);
    tollgate_close(gate);
    return 0;
}
