/* Four threads screen while another reloads a thousand times: every verdict is wholly one index's. */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define THREADS 4
#define RELOADS 1000

static const char *calls[] = {"112", "+37167000000", "0037126123499", "0900 123 456", "+420601123456", "not a number"};
#define CALLS (sizeof(calls) / sizeof(calls[0]))

static struct tollgate_gate *gate;
static struct tollgate_verdict expected[2][CALLS];
static atomic_int stop;
static atomic_long seen[2];

static void *screen(void *unused)
{
    /* Where one thread runs at a time, as under Valgrind, the one that reloads must get its turns. */
    const int pauses = getenv("TOLLGATE_TEST_SHARE") != NULL;

    (void)unused;
    CHECK_OK(tollgate_prepare_thread(gate));
    while (!atomic_load(&stop)) {
        struct timespec pause = {0, 1000000};
        size_t i;

        if (pauses)
            nanosleep(&pause, NULL);
        for (i = 0; i < CALLS; i++) {
            struct tollgate_verdict verdict = test_screen(gate, calls[i]);
            int is_first = memcmp(&verdict, &expected[0][i], sizeof(verdict)) == 0;
            int is_second = memcmp(&verdict, &expected[1][i], sizeof(verdict)) == 0;

            CHECK(is_first || is_second);
            if (is_first != is_second)
                atomic_fetch_add(&seen[is_second], 1);
        }
    }
    return NULL;
}

int main(void)
{
    static const char *files[2] = {"everything.tgx", "smaller.tgx"};
    struct tollgate_options options = TOLLGATE_OPTIONS_INIT;
    const char *path = test_scratch("threads.tgx");
    struct tollgate_stats stats;
    pthread_t threads[THREADS];
    unsigned char *bytes[2];
    size_t lengths[2], i;
    int n;

    for (n = 0; n < 2; n++) {
        gate = test_open(test_file(files[n]));
        for (i = 0; i < CALLS; i++)
            expected[n][i] = test_screen(gate, calls[i]);
        tollgate_close(gate);
        bytes[n] = test_read(test_file(files[n]), &lengths[n]);
    }
    options.max_loss_percent = 100;
    test_publish(path, bytes[0], lengths[0]);
    CHECK_OK(tollgate_open(path, &options, &gate));
    for (n = 0; n < THREADS; n++)
        CHECK(pthread_create(&threads[n], NULL, screen, NULL) == 0);
    for (n = 1; n <= RELOADS; n++) {
        test_publish(path, bytes[n % 2], lengths[n % 2]);
        CHECK_OK(tollgate_reload(gate, NULL));
        if (n % 100 == 0)
            CHECK_OK(tollgate_rollback(gate, NULL));
    }
    /* Each index was asked; where the machine is busy that takes more than the reloads. */
    for (n = 0; n < 2000 && (atomic_load(&seen[0]) == 0 || atomic_load(&seen[1]) == 0); n++) {
        test_publish(path, bytes[n % 2], lengths[n % 2]);
        CHECK_OK(tollgate_reload(gate, NULL));
    }
    atomic_store(&stop, 1);
    for (n = 0; n < THREADS; n++)
        CHECK(pthread_join(threads[n], NULL) == 0);
    CHECK(atomic_load(&seen[0]) > 0 && atomic_load(&seen[1]) > 0);
    CHECK_OK(tollgate_get_stats(gate, &stats));
    CHECK(stats.swaps >= RELOADS && stats.refused == 0);
    tollgate_close(gate);
    for (n = 0; n < 2; n++)
        free(bytes[n]);
    return 0;
}
