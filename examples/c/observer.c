/* An observer that hands blocked calls to a queue, from which a thread of its own writes them: the gate
 * calls an observer on the thread of the call, which must not wait for a log.
 *
 *     cc observer.c -o observer $(pkg-config --cflags --libs tollgate) -lpthread
 *     ./observer +37126123456 112
 */
#include <tollgate.h>

#include <pthread.h>
#include <stdio.h>

#define PLACES 256

/* A queue of fixed size: where it is full, the event is dropped and counted. Its lock is held for the
 * copy of one verdict. */
static struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct tollgate_verdict events[PLACES];
    size_t first, count, dropped;
    int closed;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER};

static void judged(void *user_data, const char *dialled, size_t length, const struct tollgate_verdict *verdict)
{
    struct queue *to = user_data;

    (void)dialled; /* not ours after this function, and anybody's bytes: the verdict has the number */
    (void)length;
    pthread_mutex_lock(&to->lock);
    if (to->count < PLACES) {
        to->events[(to->first + to->count) % PLACES] = *verdict;
        to->count++;
        pthread_cond_signal(&to->filled);
    } else {
        to->dropped++;
    }
    pthread_mutex_unlock(&to->lock);
}

static void *write_events(void *user_data)
{
    struct queue *from = user_data;

    pthread_mutex_lock(&from->lock);
    for (;;) {
        struct tollgate_verdict verdict;

        while (from->count == 0 && !from->closed)
            pthread_cond_wait(&from->filled, &from->lock);
        if (from->count == 0)
            break;
        verdict = from->events[from->first];
        from->first = (from->first + 1) % PLACES;
        from->count--;
        pthread_mutex_unlock(&from->lock);
        printf("event=%s number=%s reason=%s rule=%s list=%s profile=%s\n",
               verdict.action == TOLLGATE_BLOCK ? "blocked" : "would_block", verdict.number,
               tollgate_reason_text(verdict.reason), verdict.rule_text,
               verdict.action == TOLLGATE_BLOCK ? verdict.list : verdict.shadow, verdict.profile);
        pthread_mutex_lock(&from->lock);
    }
    pthread_mutex_unlock(&from->lock);
    return NULL;
}

int main(int argc, char **argv)
{
    struct tollgate_observer observer = TOLLGATE_OBSERVER_INIT;
    struct tollgate_options options = TOLLGATE_OPTIONS_INIT;
    struct tollgate_gate *gate = NULL;
    pthread_t writer;
    int i, failed = 0;

    observer.user_data = &queue;
    observer.blocked = judged;
    observer.would_block = judged;
    options.observer = &observer;
    if (tollgate_open(NULL, &options, &gate) != TOLLGATE_OK) {
        fprintf(stderr, "observer: %s\n", tollgate_last_error());
        return 2;
    }
    if (pthread_create(&writer, NULL, write_events, &queue) != 0) {
        fprintf(stderr, "observer: no thread can be started\n");
        tollgate_close(gate);
        return 2;
    }
    for (i = 1; i < argc && !failed; i++) {
        struct tollgate_verdict verdict;

        if (tollgate_screen_text(gate, NULL, argv[i], &verdict) != TOLLGATE_OK) {
            fprintf(stderr, "observer: %s\n", tollgate_last_error());
            failed = 1;
        }
    }
    tollgate_close(gate); /* from here on nobody calls the observer */
    pthread_mutex_lock(&queue.lock);
    queue.closed = 1;
    pthread_cond_signal(&queue.filled);
    pthread_mutex_unlock(&queue.lock);
    pthread_join(writer, NULL);
    if (queue.dropped > 0)
        fprintf(stderr, "observer: %zu events were dropped\n", queue.dropped);
    return failed ? 2 : 0;
}
