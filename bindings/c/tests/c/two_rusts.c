/* Two static libraries of Rust in one program: nothing of one is taken for the other's. */
#include "test.h"

extern int other_rust_panics(void);

int main(void)
{
    struct tollgate_gate *gate = test_open(test_file("everything.tgx"));

    CHECK(other_rust_panics() == 1);
    CHECK(test_screen(gate, "0037126123499").action == TOLLGATE_BLOCK);
#ifdef TEST_PANIC
    {
        extern tollgate_status tollgate_test_panic(void);

        CHECK_STATUS(TOLLGATE_PANIC, tollgate_test_panic());
        CHECK(other_rust_panics() == 1);
    }
#endif
    tollgate_close(gate);
    return 0;
}
