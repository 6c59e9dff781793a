/* Prints an explanation as JSON: tests/install compares it with the command's. */
#include <stdio.h>
#include <string.h>
#include <tollgate.h>

int main(int argc, char **argv)
{
    struct tollgate_gate *gate = NULL;
    char *text = NULL;

    if (argc != 3 || tollgate_open(argv[1], NULL, &gate) != TOLLGATE_OK ||
        tollgate_explain(gate, NULL, argv[2], strlen(argv[2]), TOLLGATE_JSON, &text) != TOLLGATE_OK) {
        fprintf(stderr, "%s\n", tollgate_last_error());
        return 2;
    }
    puts(text);
    tollgate_string_free(text);
    tollgate_close(gate);
    return 0;
}
