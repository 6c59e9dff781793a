/* Screens numbers with an index file, or with the default index that `make install` puts into place.
 *
 *     cc screen.c -o screen $(pkg-config --cflags --libs tollgate)
 *     ./screen +37126123456 112
 *     ./screen --index policy.tgx --profile tenant-7 0037126123456
 *
 * Ends with 0 where all are allowed, 1 where one is blocked, 2 on an error.
 */
#include <tollgate.h>

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    struct tollgate_query query = TOLLGATE_QUERY_INIT;
    struct tollgate_gate *gate = NULL;
    const char *index = NULL; /* the default index */
    int i = 1, blocked = 0;

    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--index") == 0)
            index = argv[i + 1];
        else if (strcmp(argv[i], "--profile") == 0)
            query.profile = argv[i + 1];
        else
            break;
    }
    if (tollgate_open(index, NULL, &gate) != TOLLGATE_OK) {
        fprintf(stderr, "screen: %s\n", tollgate_last_error());
        return 2;
    }
    for (; i < argc; i++) {
        struct tollgate_verdict verdict;
        char line[256];

        if (tollgate_screen_text(gate, &query, argv[i], &verdict) != TOLLGATE_OK) {
            fprintf(stderr, "screen: %s\n", tollgate_last_error());
            tollgate_close(gate);
            return 2;
        }
        tollgate_verdict_text(&verdict, line, sizeof(line));
        printf("%s: %s\n", argv[i], line);
        if (verdict.action != TOLLGATE_ALLOW)
            blocked = 1;
    }
    tollgate_close(gate);
    return blocked;
}
