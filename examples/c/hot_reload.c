/* Screens the same number again and again while the index is replaced under it, as a PBX does.
 *
 *     cc hot_reload.c -o hot_reload $(pkg-config --cflags --libs tollgate) -lpthread
 *     ./hot_reload policy.tgx +37126123456 10
 *
 * Meanwhile, in another terminal:
 *
 *     tollgate build policy.toml -o policy.tgx
 *
 * The third argument says for how many seconds; every change of the answer is printed, and a broken
 * index, which changes nothing.
 */
#include <tollgate.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void swapped(void *user_data, const struct tollgate_swap *swap)
{
    (void)user_data;
    printf("swap %llu: %llu entries, %llu before\n", (unsigned long long)swap->generation,
           (unsigned long long)swap->entries, (unsigned long long)swap->entries_before);
}

static void refused(void *user_data, int32_t status, const char *message)
{
    (void)user_data;
    (void)status;
    printf("refused: %s\n", message);
}

int main(int argc, char **argv)
{
    struct tollgate_observer observer = TOLLGATE_OBSERVER_INIT;
    struct tollgate_options options = TOLLGATE_OPTIONS_INIT;
    struct tollgate_verdict verdict, before;
    struct tollgate_gate *gate = NULL;
    time_t end;

    if (argc != 4) {
        fprintf(stderr, "usage: hot_reload INDEX NUMBER SECONDS\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    observer.swapped = swapped;
    observer.refused = refused;
    options.observer = &observer;
    if (tollgate_open(argv[1], &options, &gate) != TOLLGATE_OK || tollgate_watch(gate, 100) != TOLLGATE_OK) {
        fprintf(stderr, "hot_reload: %s\n", tollgate_last_error());
        tollgate_close(gate);
        return 2;
    }
    memset(&before, 0, sizeof(before));
    end = time(NULL) + atoi(argv[3]);
    while (time(NULL) < end) {
        struct timespec pause = {0, 1000000};
        char line[256];

        if (tollgate_screen_text(gate, NULL, argv[2], &verdict) != TOLLGATE_OK) {
            fprintf(stderr, "hot_reload: %s\n", tollgate_last_error());
            break;
        }
        if (memcmp(&verdict, &before, sizeof(verdict)) != 0) {
            tollgate_verdict_text(&verdict, line, sizeof(line));
            printf("%s: %s\n", argv[2], line);
            before = verdict;
        }
        nanosleep(&pause, NULL);
    }
    tollgate_close(gate);
    return 0;
}
