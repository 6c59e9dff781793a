/* Loaded by hand and let go a hundred times, as a PBX does with its modules: with threads that screened
 * and end only when the library is gone, with a gate that watches, and without growing. Takes the
 * library's path, or that of a module that has the static library inside. */
#define TEST_LOADS_THE_LIBRARY
#include "test.h"

#include <dlfcn.h>
#include <pthread.h>

#define ROUNDS 100
#define WARM_UP 10

static pthread_barrier_t screened, gone;

struct call {
    __typeof__(&tollgate_screen) screen;
    const struct tollgate_gate *gate;
};

static void *one_thread(void *argument)
{
    struct call *call = argument;
    struct tollgate_verdict verdict;

    if (call->screen(call->gate, NULL, "112", 3, &verdict) != TOLLGATE_OK || verdict.action != TOLLGATE_ALLOW)
        abort();
    pthread_barrier_wait(&screened);
    pthread_barrier_wait(&gone);
    return NULL; /* what the library left for the end of the thread runs now */
}

static long resident(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long size = 0, pages = 0;

    if (file != NULL) {
        if (fscanf(file, "%ld %ld", &size, &pages) != 2)
            pages = 0;
        fclose(file);
    }
    return pages * 4;
}

static void *find(void *library, const char *name)
{
    void *symbol = dlsym(library, name);

    if (symbol == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    return symbol;
}

int main(int argc, char **argv)
{
    long before = 0, after;
    int round;

    (void)argc;
    if (argv[1] == NULL) {
        fprintf(stderr, "usage: load LIBRARY\n");
        return 1;
    }
    for (round = 0; round < ROUNDS; round++) {
        void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        __typeof__(&tollgate_open) open;
        __typeof__(&tollgate_close) close;
        __typeof__(&tollgate_watch) watch;
        __typeof__(&tollgate_last_error) last_error;
        struct tollgate_gate *gate = NULL;
        struct call call;
        pthread_t threads[2];
        int i;

        if (library == NULL) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        *(void **)&open = find(library, "tollgate_open");
        *(void **)&close = find(library, "tollgate_close");
        *(void **)&watch = find(library, "tollgate_watch");
        *(void **)&last_error = find(library, "tollgate_last_error");
        *(void **)&call.screen = find(library, "tollgate_screen");
        if (open(test_file("everything.tgx"), NULL, &gate) != TOLLGATE_OK || watch(gate, 10) != TOLLGATE_OK) {
            fprintf(stderr, "%s\n", last_error());
            return 1;
        }
        call.gate = gate;
        pthread_barrier_init(&screened, NULL, 3);
        pthread_barrier_init(&gone, NULL, 3);
        for (i = 0; i < 2; i++)
            if (pthread_create(&threads[i], NULL, one_thread, &call) != 0)
                return 1;
        pthread_barrier_wait(&screened);
        close(gate);
        if (dlclose(library) != 0)
            return 1;
        pthread_barrier_wait(&gone);
        for (i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        pthread_barrier_destroy(&screened);
        pthread_barrier_destroy(&gone);
        if (round == WARM_UP)
            before = resident();
    }
    after = resident();
    /* A library that stays each time would take a hundred times its size; a gate that is not freed, half
     * of a megabyte a round. */
    if (getenv("TOLLGATE_TEST_NO_MEMORY") == NULL && after > before + 8192) {
        fprintf(stderr, "memory grew from %ld to %ld KiB\n", before, after);
        return 1;
    }
    return 0;
}
