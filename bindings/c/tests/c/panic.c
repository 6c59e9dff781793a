/* A panic becomes a status, and the gate goes on. Needs a library with the feature `test-panic`. */
#include "test.h"

extern tollgate_status tollgate_test_panic(void);

int main(void)
{
    struct tollgate_gate *gate = test_open(test_file("everything.tgx"));
    int i;

    for (i = 0; i < 100; i++) {
        CHECK_STATUS(TOLLGATE_PANIC, tollgate_test_panic());
        CHECK(strstr(tollgate_last_error(), "a panic on purpose") != NULL);
        CHECK(test_screen(gate, "0037126123499").action == TOLLGATE_BLOCK);
    }
    tollgate_close(gate);
    return 0;
}
